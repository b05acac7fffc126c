"""An AMI line that can be cut, frozen, turned into a black hole and sliced: the product talks to it, it to the PBX."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from random import Random
from types import TracebackType
from typing import Protocol, Self

from .product import Product

READ = 65_536
HELD = 262_144  # so much is taken in while frozen; then the PBX finds that nobody reads
FEW = 64  # so many bytes of a chunk go one by one, each in a turn of its own, so that the reader sees each alone


class Reached(Protocol):
    """Whom it leads to: a `Pbx`, as far as the line knows it."""

    ami_port: int

    @property
    def host(self) -> str:
        """Its address."""
        ...


class _Passage:
    """One line to the PBX: both its ends, and what it holds back."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.ends = (near, far)
        self.held = {near: bytearray(), far: bytearray()}
        self.swallows = False
        self.over = asyncio.Event()  # one of both ends has gone

    def hand_on_held(self) -> None:
        for end, held in self.held.items():
            if held:
                end.write(bytes(held))
                held.clear()

    def abort(self) -> None:
        self.over.set()  # what is frozen with much held back ends only when it thaws
        for end in self.ends:
            end.transport.abort()


class Line:
    """`async with Line(pbx) as line`, `line.carry(product)` before it starts; then `await line.cut_for(seconds)`.

    `freeze()` and `thaw()`: what was under way comes late. `swallow()`: the lines of now pass nothing any more, and
    stay open (half-open); new ones work. `slices`: "some" cuts what the PBX says into pieces of any size, "every" hands
    each byte on by itself.
    """

    def __init__(self, pbx: Reached, seed: int = 1) -> None:
        self._pbx = pbx
        self._passages: set[_Passage] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._rng = Random(seed)
        self.slices: str | None = None
        self._serving = 0

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()

    @property
    def port(self) -> int:
        """Where it is reached, on loopback."""
        return self._port

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
        self._flowing.set()
        while self._serving:  # one may be on its way to the PBX just now
            for passage in list(self._passages):
                passage.abort()
            await asyncio.sleep(0)

    async def mend(self) -> None:
        """Let bytes flow again."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def freeze(self) -> None:
        """Pass nothing on, keep everything open; new lines are accepted, and get no answer."""
        self._flowing.clear()

    def held(self, least: int) -> bool:
        """Whether so many bytes are held back in one direction."""
        return any(len(held) >= least for passage in self._passages for held in passage.held.values())

    def thaw(self) -> None:
        """What was held back goes on its way."""
        self._flowing.set()
        for passage in self._passages:
            passage.hand_on_held()

    def swallow(self) -> None:
        """The lines of now are dead, and nobody has told either end."""
        for passage in self._passages:
            passage.swallows = True

    async def given_up(self, limit: float) -> float | None:
        """Seconds until the product has let go of every line of now; None when it has not within `limit`."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(limit):
                for passage in list(self._passages):
                    await passage.over.wait()
        except TimeoutError:
            return None
        return time.monotonic() - began

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving += 1
        try:
            await self._lead(reader, writer)
        finally:
            self._serving -= 1

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._pbx.host, self._pbx.ami_port)
        except OSError:  # the PBX is away, and who called is told so
            writer.transport.abort()
            return
        passage = _Passage(writer, far_writer)
        self._passages.add(passage)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, far_writer, passage))
                group.create_task(self._pass(far_reader, writer, passage, sliced=True))
        finally:
            self._passages.discard(passage)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passage: _Passage, *, sliced: bool = False
    ) -> None:
        held = passage.held[writer]
        with suppress(OSError):
            while data := await reader.read(READ):
                if passage.swallows:
                    continue
                held += data
                if not self._flowing.is_set():
                    if len(held) < HELD:
                        continue  # reading on, an end that gives up is seen
                    await self._flowing.wait()
                data = bytes(held)
                held.clear()
                if sliced and self.slices is not None:
                    await self._hand_on_sliced(data, writer)
                else:
                    writer.write(data)
                await writer.drain()
        passage.abort()

    async def _hand_on_sliced(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        """Each piece is a `send` of its own (asyncio sets TCP_NODELAY); how the kernel packs them is its affair."""
        for n in range(min(FEW, len(data))):
            writer.write(data[n : n + 1])
            await asyncio.sleep(0)
        at = FEW
        while at < len(data):
            size = 1 if self.slices == "every" else self._rng.randint(1, 300)
            writer.write(data[at : at + size])
            at += size
