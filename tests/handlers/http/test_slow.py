"""Connections that ask nothing, against a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from handlers.http.slow import Slow

LIMIT = 30
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"


@asynccontextmanager
async def serving(slow: Slow) -> AsyncIterator[int]:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.add_routes([web.get("/", hello)])
    slow.watch(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    assert runner.server is not None
    slow.begin(runner.server)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with asyncio.timeout(LIMIT):
            yield runner.addresses[0][1]
    finally:
        slow.end()
        await runner.cleanup()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until it was closed: who still writes then may be told so by a reset, before he has read the end."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_who_never_ends_his_question_is_not_waited_for() -> None:
    slow = Slow(seconds=0.2)
    async with serving(slow) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)
        closed = asyncio.get_running_loop().create_task(ended(reader))
        while not closed.done():
            writer.write(b"X")  # it grows, and never ends
            await asyncio.sleep(0.01)
        assert (closed.result(), slow.closed) == (b"", 1)
        writer.close()


async def test_who_has_asked_once_may_ask_again_later() -> None:
    slow = Slow(seconds=0.2)
    async with serving(slow) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        _, silent = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(HEAD + b"\r\n")
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
            while not slow.closed:  # the other one's time is over, and so would his be
                await asyncio.sleep(0.01)
        assert slow.closed == 1
        for one in (writer, silent):
            one.close()


async def test_of_very_many_silent_ones_the_oldest_go() -> None:
    slow = Slow(seconds=1, most=2)  # looks four times a second
    async with serving(slow) as port:
        first, *rest = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert await first[0].read() == b""
        assert not any(reader.at_eof() for reader, _ in rest)
        for _, writer in (first, *rest):
            writer.close()
