"""The two ends of a queue_log that is sent: one process of ours after the other, and a line between that breaks."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from aiohttp import web
from yarl import URL

from handlers.build import Feed, build
from handlers.http.health import problems
from handlers.http.queue_log import Kept, ShippedLog, ShippedLogs
from handlers.journaling import Source
from handlers.journals import journal_folder, kept
from handlers.rebuilding import rebuild
from telephony.config import Config
from telephony.journal.reader import records
from telephony.journal.writer import Journal
from telephony.queuelog.shipping.sender import Receiver, Sender
from telephony.queuelog.shipping.shipped import SenderName, Shipped

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
PBX, TOKEN = "pbx 1/北", "0123456789abcdef"
PATH = "/api/v1/pbx/pbx%201%2F%E5%8C%97/queue_log"


def config_of(folder: Path) -> Config:
    """One PBX whose queue_log is sent."""
    pbx = {"name": PBX, "username": "three", "secret": "rings", "queue_log_token": TOKEN}
    return Config.model_validate({"data_dir": folder, "pbx": [pbx]})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(true: Callable[[], object], limit: float = 20) -> None:
    """Look often."""
    async with asyncio.timeout(limit):
        while not true():
            await asyncio.sleep(0.002)


class Receiving:
    """`async with`: one process of the service, as far as a queue_log from elsewhere goes. Again: the next one.

    Args:
        folder: data_dir.
        tls: serve https.
        journal: what stands before the journal; None: nothing, and it is the service's whole web side.
        body_seconds: limit of a body.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tls: ssl.SSLContext | None = None,
        journal: Callable[[Journal], Kept] | None = None,
        body_seconds: float = 10,
    ) -> None:
        self.config = config_of(folder)
        self.port = free_port()
        self.journal = journal
        self.feed: Feed
        self._tls, self._body_seconds = tls, body_seconds
        self._stack = contextlib.AsyncExitStack()

    @property
    def url(self) -> URL:
        scheme = "http" if self._tls is None else "https"
        return URL(f"{scheme}://127.0.0.1:{self.port}{PATH}", encoded=True)

    @property
    def shipped(self) -> Shipped:
        assert isinstance(self.feed.tail, Shipped)
        return self.feed.tail

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            journals = await stack.enter_async_context(kept(self.config))
            service = build(self.config, NOWHERE, journals=journals)
            [self.feed] = service.feeds
            await rebuild(service, NOWHERE)
            stack.push_async_callback(self.stops_following)
            self._running = asyncio.get_running_loop().create_task(self.shipped.run(self.feed.follower.logged))
            await until(lambda: self.shipped.taking)
            app = service.web.app
            if self.journal is not None:
                assert self.feed.journal is not None
                log = ShippedLog(TOKEN, self.shipped, self.feed.follower, self.journal(self.feed.journal))
                app = web.Application(middlewares=[problems])
                app.add_routes(ShippedLogs({PBX: log}, lambda: 0.0, self._body_seconds).routes())
            runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.01)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=self._tls).start()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def stops_following(self) -> None:
        """Lines are taken no more."""
        self._running.cancel()
        await asyncio.wait([self._running])

    def journaled(self) -> list[bytes]:
        """All lines that are in the journal, in its order."""
        folder = journal_folder(self.config, PBX)
        found = records(folder, sources={int(Source.QUEUE_LOG)})
        return [line for record in found for line in record.data.split(b"\n")[1:]]


class Line:
    """Passes bytes to a port, and breaks after so many.

    Args:
        port: where to.
        breaks: after how many bytes each connection breaks, in turn; then none does.
    """

    def __init__(self, port: int, breaks: Sequence[int] = ()) -> None:
        self.port = free_port()
        self.broken = 0
        self._far, self._breaks = port, list(breaks)

    @contextlib.asynccontextmanager
    async def passing(self) -> AsyncIterator[Self]:
        """As long as the block runs."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self._breaks.pop(0) if self._breaks else 1 << 60
        far_writer: asyncio.StreamWriter | None = None

        async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            nonlocal left
            while left > 0 and (data := await source.read(4096)):
                target.write(data[:left])
                left -= len(data)
                await target.drain()
            if left <= 0:
                self.broken += 1
            raise ConnectionResetError

        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._far)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(carry(reader, far_writer))
                tasks.create_task(carry(far_reader, writer))
        except (OSError, ExceptionGroup):
            pass
        finally:
            for one in (writer, far_writer):
                if one is not None:
                    one.transport.abort()


class Writing:
    """Asterisk, as far as its queue_log goes: `logger rotate` renames the file and begins another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[bytes] = []
        self.rotated = self._second = 0
        self.begin()

    def begin(self) -> None:
        """A new file."""
        self._second += 1
        self._write(b"%d|NONE|NONE|NONE|CONFIGRELOAD|" % (1_795_000_000 + self._second))

    def calls(self, count: int, rng: Random | None = None) -> None:
        """So many callers give up; with a `rng`, the last line is begun only by and by."""
        for _ in range(count):
            self._second += 1
            at = 1_795_000_000 + self._second
            self._write(b"%d|%d.1|support|NONE|ABANDON|1|1|5" % (at, at), rng)

    def rotate(self) -> Path:
        """The file has another name, and the next one begins."""
        name = self.path.with_name(f"queue_log.{self.rotated}")
        self.rotated += 1
        self.path.rename(name)
        self.begin()
        return name

    def _write(self, line: bytes, rng: Random | None = None) -> None:
        self.lines.append(line)
        cut = 0 if rng is None else rng.randrange(len(line))
        for part in (line[:cut], line[cut:] + b"\n"):
            with self.path.open("ab", buffering=0) as file:
                file.write(part)


def sender_of(path: Path, url: URL, *, began: int = 1, token: str = TOKEN, where: str = "pbx:/log") -> Sender:
    """One that does not wait for long."""
    return Sender(path, Receiver(url, token), SenderName(began, where), Random(1), poll=0.003, hello=0.1)


@contextlib.asynccontextmanager
async def sending(sender: Sender) -> AsyncIterator[Sender]:
    """As long as the block runs."""
    running = asyncio.get_running_loop().create_task(sender.run())
    try:
        yield sender
    finally:
        running.cancel()
        await asyncio.wait([running])
        if not running.cancelled():
            running.result()
