"""One connection of a screen, whatever it shows: what is read from it, what it is told, and how it ends.

Whatever a client does, it does to its own connection only: it can say little, and not often, and what it does not take
does not wait in our memory.
"""

import asyncio
import contextlib
import socket as sockets
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import ClientError, WSMsgType, web

from telephony.screenpop import messages
from telephony.screenpop.messages import MAX_MESSAGE, BadMessage, Do, Hello, Seen, Turn
from telephony.screenpop.screen import Bye

CLOSE_SECONDS = 0.4
"""How long a close waits for the client's own."""
HEARTBEAT = 15.0
MESSAGES_A_SECOND = 20
ACKNOWLEDGED_LATE = 1_000
"""A page that slept may acknowledge so many messages at once."""
WRITE_BUFFER = 16 * 1024
SEND_BUFFER = 32 * 1024
"""Bytes that wait for one client in our memory, and in the kernel, before the next message has to wait."""

GONE = (ConnectionError, ClientError)
"""What the connection raises once the client is gone."""


class Shows(Protocol):
    """What a connection is told: `telephony.screenpop.screen.Screen`, or a wall."""

    @property
    def bye(self) -> Bye | None:
        """Why it is to be closed; None while it is not."""
        ...

    @property
    def left(self) -> asyncio.Event:
        """Set once there is a reason."""
        ...

    async def take(self) -> str | Bye:
        """The next message; waits until there is one."""
        ...

    def seen(self, seq: int, /) -> None:
        """The client has painted this message."""
        ...

    def turn(self, page: int, /) -> None:
        """The client wants to see this page.

        Raises:
            BadMessage: there are none here.
        """
        ...

    def do(self, wish: Do, /) -> None:
        """The client wants something done.

        Raises:
            BadMessage: nothing can be asked for here.
        """
        ...

    def leave(self, bye: Bye, /) -> None:
        """The connection is to be closed."""
        ...


async def connected(
    request: web.Request, clock: Callable[[], float], converse: Callable[["Connection"], Awaitable[Bye | None]]
) -> web.StreamResponse:
    """Take a connection, let somebody converse over it, and close it: why, is what that gives; None: it is gone."""
    socket = web.WebSocketResponse(
        timeout=CLOSE_SECONDS,
        heartbeat=HEARTBEAT,
        autoping=False,  # so that pings count as messages, too
        compress=False,
        max_msg_size=MAX_MESSAGE,
        writer_limit=0,  # ask after each message whether the client reads
    )
    await socket.prepare(request)
    transport = request.transport
    if transport is None:
        return socket
    _keep_little(transport)
    try:
        bye = await converse(Connection(socket, clock))
        if bye is not None:
            await _leave(socket, bye)
    except GONE:
        pass  # it went away while we spoke
    finally:
        if transport.get_write_buffer_size():
            transport.abort()  # what it never read must not stay in memory
    return socket


async def show(line: "Connection", screen: Shows, send_seconds: float) -> bool:
    """Send and read until one of both, or the screen, has an end; whether the client did not take what was sent."""
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(line.listen(screen), name="screen reads")
        sending = tasks.create_task(line.send_all(screen, send_seconds), name="screen is told")
        leaving = tasks.create_task(screen.left.wait(), name="screen leaves")
        await asyncio.wait({reading, sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        slow = sending.done() and sending.result()
        for task in (reading, sending, leaving):
            task.cancel()
    return slow


class Connection:
    """What is read from, and written to, one connection."""

    def __init__(self, socket: web.WebSocketResponse, clock: Callable[[], float]) -> None:
        self._socket, self._clock = socket, clock
        self._second, self._frames = clock(), 0
        self._owed = 0

    async def read(self) -> Hello | Seen | Turn | Do | None:
        """What the client says next; None when it is gone.

        Raises:
            BadMessage: it may not say that, or not so often.
        """
        while True:
            frame = await self._socket.receive()
            if frame.type is not WSMsgType.TEXT:
                self._count()
            match frame.type:
                case WSMsgType.TEXT:
                    return self._said(frame.data)
                case WSMsgType.PING:
                    await self._socket.pong(frame.data)
                case WSMsgType.PONG:
                    pass
                case WSMsgType.BINARY:
                    raise BadMessage("bad_message")
                case _:
                    return None

    async def listen(self, screen: Shows) -> None:
        """Read until the client goes, or says what it may not."""
        try:
            while (said := await self.read()) is not None:
                match said:
                    case Seen(seq):
                        screen.seen(seq)
                    case Turn(page):
                        screen.turn(page)
                    case Do():
                        screen.do(said)
                    case Hello():
                        screen.leave(bad(BadMessage("bad_message")))  # it is known already who he is
                        return
        except BadMessage as error:
            screen.leave(bad(error))
        except GONE:
            pass

    async def send_all(self, screen: Shows, limit: float) -> bool:
        """Send what there is to tell until the screen leaves, or its connection is gone; True when it took nothing."""
        try:
            while isinstance(text := await screen.take(), str):
                self._owed = min(self._owed + 1, ACKNOWLEDGED_LATE)
                async with asyncio.timeout(limit):
                    await self._socket.send_str(text)
        except TimeoutError:
            return True
        except GONE:
            pass
        return False

    def _said(self, text: str) -> Hello | Seen | Turn | Do:
        """One for each message that we sent does not count: we decide how many acknowledgements come at once."""
        if self._owed:
            self._owed -= 1
        else:
            self._count()
        return messages.read(text)

    def _count(self) -> None:
        if self._clock() - self._second >= 1:
            self._second, self._frames = self._clock(), 0
        self._frames += 1
        if self._frames > MESSAGES_A_SECOND:
            raise BadMessage("flood")


async def _leave(socket: web.WebSocketResponse, bye: Bye) -> None:
    """Say why, and close; whoever does not listen is not waited for."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2 * CLOSE_SECONDS):
            await socket.send_str(messages.bye(bye.reason))
            await socket.close(code=bye.code, message=bye.reason.encode())


def _keep_little(transport: asyncio.Transport) -> None:
    """Let little wait for a client that reads slowly, here and in the kernel: it gets newer messages later instead."""
    transport.set_write_buffer_limits(high=WRITE_BUFFER)
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER)


def bad(error: BadMessage) -> Bye:
    """What ends the connection of a client that said what it may not."""
    return Bye(str(error), 4400)
