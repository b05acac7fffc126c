"""A TCP line to a Unix socket that can be cut, refused and frozen."""

import asyncio
import contextlib
from pathlib import Path
from types import TracebackType
from typing import Self


class Proxy:
    """Listens on `port` of loopback and passes bytes to the socket and back.

    `cut()` ends every line and refuses new ones, `freeze()` keeps them open and passes nothing, `mend()` ends the
    trouble.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._lines: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()

    async def cut(self) -> None:
        """End every line and refuse new ones."""
        self._flowing.set()
        if self._server is not None:
            self._server.close()
            for _ in range(3):  # who has just been accepted becomes a line
                await asyncio.sleep(0)
            for line in list(self._lines):
                line.transport.abort()
            await self._server.wait_closed()
            self._server = None
        while self._lines:
            await asyncio.sleep(0)

    def freeze(self) -> None:
        """Pass nothing on; new lines are accepted, and get no answer."""
        self._flowing.clear()

    async def mend(self) -> None:
        """Let bytes flow again."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)  # from its first moment: whoever cuts must find it
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        except OSError:  # the server is away, and who called is told so
            writer.transport.abort()
            self._lines.discard(writer)
            return
        lines = {writer, far_writer}
        self._lines |= lines
        if writer.is_closing():
            far_writer.transport.abort()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, far_writer, lines))
                group.create_task(self._pass(far_reader, writer, lines))
        finally:
            self._lines -= lines

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lines: set[asyncio.StreamWriter]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        for line in lines:
            line.transport.abort()
