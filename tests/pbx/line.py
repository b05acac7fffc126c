"""An AMI line that can be cut: the product talks to it, it talks to the PBX."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from .asterisk import Pbx
from .product import Product


class Line:
    """`async with Line(pbx) as line`, `line.carry(product)` before it starts; then `await line.cut_for(seconds)`."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self._ends: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()

    def carry(self, product: Product) -> Product:
        """Let the product reach its PBX by this line."""
        direct = f'host = "{self._pbx.host}"\nport = {self._pbx.ami_port}'
        text = product.config.read_text()
        assert direct in text
        product.config.write_text(text.replace(direct, f'host = "127.0.0.1"\nport = {self._port}'))
        return product

    async def cut_for(self, seconds: float) -> None:
        """Nothing goes through, and nobody gets through, for so long."""
        await self.cut()
        await asyncio.sleep(seconds)
        await self.mend()

    async def cut(self) -> None:
        """End the line and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in list(self._ends):
            end.transport.abort()
        while self._ends:
            await asyncio.sleep(0)

    async def mend(self) -> None:
        """Let bytes flow again."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._pbx.host, self._pbx.ami_port)
        ends = {writer, far_writer}
        self._ends |= ends
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, far_writer, ends))
                group.create_task(self._pass(far_reader, writer, ends))
        finally:
            self._ends -= ends

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: set[asyncio.StreamWriter]
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        for end in ends:
            end.transport.abort()
