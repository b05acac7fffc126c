"""The line to the PBX does what it is told: a fault that is none would prove nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.pbx.line import HELD, Line


@dataclass
class Far:
    """Somebody who says what he is told to say, and remembers what he heard."""

    host: str = "127.0.0.1"
    ami_port: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    heard: asyncio.StreamReader = field(default_factory=asyncio.StreamReader)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    talking: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.talking += 1
        try:
            while data := await reader.read(1000):
                self.heard.feed_data(data)
        except OSError:
            pass
        finally:
            writer.transport.abort()
            self.talking -= 1
            self.ended.set()


Ends = tuple[Far, Line, asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def ends() -> AsyncIterator[Ends]:
    """The far end, the line, and the near end of one connection through it, which has been used."""
    far = Far()
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0)
    far.ami_port = server.sockets[0].getsockname()[1]
    async with server, Line(far) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write(b"hello")
        assert await far.heard.readexactly(5) == b"hello"
        try:
            yield far, line, reader, writer
        finally:
            writer.transport.abort()
    while far.talking:
        await asyncio.sleep(0)


@pytest.mark.parametrize("slices", [None, "some", "every"])
async def test_what_is_sliced_arrives_whole_and_in_its_order(slices: str | None) -> None:
    said = b"".join(b"Event: %d\r\n\r\n" % n for n in range(2000))
    async with ends() as (far, line, reader, _):
        line.slices = slices
        far.writers[0].write(said)
        assert await reader.readexactly(len(said)) == said


async def test_what_is_frozen_comes_late_and_is_not_lost() -> None:
    async with ends() as (far, line, reader, writer):
        line.freeze()
        far.writers[0].write(b"first")
        writer.write(b"to the far end")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        line.thaw()
        assert await reader.readexactly(5) == b"first"
        assert await far.heard.readexactly(14) == b"to the far end"


async def test_who_gives_up_a_frozen_line_is_noticed_and_the_far_end_let_go() -> None:
    async with ends() as (far, line, _, writer):
        line.freeze()
        assert await line.given_up(0.05) is None
        writer.close()
        assert await line.given_up(5) is not None
        await asyncio.wait_for(far.ended.wait(), 5)


async def test_who_gives_up_a_frozen_line_is_noticed_also_when_the_far_end_has_said_much() -> None:
    async with ends() as (far, line, _, near):
        line.freeze()
        far.writers[0].write(b"x" * 3 * HELD)
        async with asyncio.timeout(5):
            while not line.held(HELD):
                await asyncio.sleep(0)
        near.transport.abort()
        assert await line.given_up(5.0) is not None
        line.thaw()


async def test_a_half_open_line_passes_nothing_and_a_new_one_everything() -> None:
    async with ends() as (far, line, reader, writer):
        line.swallow()
        far.writers[0].write(b"nobody hears this")
        writer.write(b"nor this")
        new_reader, new_writer = await asyncio.open_connection("127.0.0.1", line.port)
        new_writer.write(b"heard")
        assert await far.heard.readexactly(5) == b"heard"
        far.writers[1].write(b"too")
        assert await new_reader.readexactly(3) == b"too"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        new_writer.transport.abort()


async def test_a_cut_line_ends_and_nobody_gets_through_until_it_is_mended() -> None:
    async with ends() as (far, line, reader, _):
        await line.cut()
        assert await reader.read(1) == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", line.port)
        await line.mend()
        _, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write(b"again")
        assert await far.heard.readexactly(5) == b"again"
        writer.transport.abort()
