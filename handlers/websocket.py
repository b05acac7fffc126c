"""`/ws`: who may open a screen, and its connection. What goes over it: docs/screenpop.md.

Who the agent is comes from his token and from nothing else. A page of another site cannot open a screen: browsers tell
in `Origin` whose page asks, and no page can change that. A client that is no browser sends none, and shows its token in
the handshake. Whatever a client does, it does to its own connection only.
"""

import asyncio
import contextlib
import socket as sockets
from collections.abc import Callable, Iterable, Mapping

import structlog
from aiohttp import ClientError, WSMsgType, web

from handlers.admission import FAILURES_WITHIN, Failures, Tokens, bearer, network, same_host
from handlers.screens import Screens
from telephony.logs import Seldom
from telephony.screenpop import messages
from telephony.screenpop.hub import Full
from telephony.screenpop.messages import MAX_MESSAGE, BadMessage, Hello, Seen
from telephony.screenpop.screen import BEHIND, RESTART, Bye, Screen

HELLO_SECONDS = 5.0
SEND_SECONDS = 5.0
CLOSE_SECONDS = 0.4
"""How long a close waits for the client's own."""
HEARTBEAT = 15.0
SIGNING_IN, SIGNING_IN_EACH = 200, 20
"""Connections that have not said who they are: in all, and of one address."""
MESSAGES_A_SECOND = 20
ACKNOWLEDGED_LATE = 1_000
"""A page that slept may acknowledge so many messages at once."""
WRITE_BUFFER = 16 * 1024
SEND_BUFFER = 32 * 1024
"""Bytes that wait for one client in our memory, and in the kernel, before the next message has to wait."""

BAD_TOKEN = Bye("bad_token", 4401)
HELLO_LATE = Bye("hello_late", 4408)
BUSY = Bye("busy", 1013)
LOCKED_OUT = Bye("locked_out", 1013)

GONE = (ConnectionError, ClientError)
"""What the connection raises once the client is gone."""


class Sockets:
    """All connections of screens.

    Args:
        screens: what is shown.
        tokens: token by agent; each of `screens.desks`.
        origins: more origins whose pages may connect, `https://calls.example.com`; that of the host asked always may.
        clock: monotonic seconds.
        hello_seconds: limit for saying who one is. send_seconds: a connection that takes nothing for so long is closed.
        signing_in: so many connections may be open that have not said who they are, in all; of one address (of IPv6 its
            /64 network) no more than `SIGNING_IN_EACH`, so that nobody can take every place.
    """

    def __init__(  # noqa: PLR0913 - three of them for tests
        self,
        screens: Screens,
        tokens: Mapping[str, str],
        origins: Iterable[str],
        clock: Callable[[], float],
        *,
        hello_seconds: float = HELLO_SECONDS,
        send_seconds: float = SEND_SECONDS,
        signing_in: int = SIGNING_IN,
    ) -> None:
        self._screens, self._clock = screens, clock
        self._hello_seconds, self._send_seconds, self._most_signing_in = hello_seconds, send_seconds, signing_in
        self._tokens = Tokens(tokens)
        self._origins = frozenset(origin.lower() for origin in origins)
        self._failures = Failures(clock)
        self._signing_in: dict[asyncio.Timeout, str] = {}
        self._stopping = False
        self._seldom = Seldom(FAILURES_WITHIN, clock)
        self._log = structlog.get_logger(__name__)

    def route(self, path: str = "/ws") -> web.RouteDef:
        """To be added to the application."""
        return web.get(path, self.handle)

    def stop(self) -> None:
        """Say goodbye to everybody, and let nobody in. Before the application is cleaned up."""
        self._stopping = True
        self._screens.stop()
        for limit in self._signing_in:
            limit.reschedule(asyncio.get_running_loop().time())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from handshake to end."""
        agent = self._admit(request)
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
            bye = await self._converse(_Line(socket, self._clock), agent, request.remote)
            if bye is not None:
                await _leave(socket, bye)
        except GONE:
            pass  # it went away while we spoke
        finally:
            if transport.get_write_buffer_size():
                transport.abort()  # what it never read must not stay in memory
        return socket

    async def _converse(self, line: "_Line", agent: str | None, remote: str | None) -> Bye | None:
        """Sign in and show; what is to be said at the end, None when nobody is there to hear it."""
        found = agent or await self._hello(line, remote)
        if not isinstance(found, str):
            return found
        try:
            screen = self._screens.open(found)
        except Full:
            return BUSY
        slow = False
        try:
            slow = await self._show(line, screen)
        finally:
            self._screens.close(screen, "slow" if slow or screen.bye is BEHIND else "closed")
        return screen.bye

    # --- who it is ---

    def _admit(self, request: web.Request) -> str | None:
        """The agent whose token stands in the handshake; None when there is none and a browser's hello will follow."""
        if self._stopping:
            raise web.HTTPServiceUnavailable(reason="Restarting")
        origins, token = request.headers.getall("Origin", []), bearer(request)
        if origins and not (len(origins) == 1 and self._is_ours(origins[0], request)):
            self._tell("origin_refused", request.remote)
            raise web.HTTPForbidden(reason="This origin may not connect")
        if not origins and token is None:
            raise web.HTTPForbidden(reason="Without an origin a bearer token is needed")
        if token is None:
            return None
        found = self._identify(token, request.remote)
        if found is LOCKED_OUT:
            raise web.HTTPTooManyRequests(reason="Too many wrong tokens", headers={"Retry-After": "60"})
        if not isinstance(found, str):
            raise web.HTTPUnauthorized(reason="Wrong token", headers={"WWW-Authenticate": "Bearer"})
        return found

    def _is_ours(self, origin: str, request: web.Request) -> bool:
        return origin.lower() in self._origins or same_host(origin, request.headers.get("Host", ""))

    def _identify(self, token: str, remote: str | None) -> str | Bye:
        """The agent, be his address locked out or not: others behind the same proxy may have shown the wrong tokens."""
        agent = self._tokens.agent(token)
        if agent is not None:
            return agent
        if self._failures.too_many(remote):
            return LOCKED_OUT
        self._failures.add(remote)
        self._tell("token_refused", remote)
        return BAD_TOKEN

    def _tell(self, what: str, remote: str | None) -> None:
        if (untold := self._seldom.may(what)) is not None:
            self._log.warning(what, remote=remote, untold=untold)

    async def _hello(self, line: "_Line", remote: str | None) -> str | Bye | None:
        """The agent who says hello in time; else why the connection is to be closed, None when it is."""
        address = network(remote)
        of_his = sum(1 for one in self._signing_in.values() if one == address)
        if len(self._signing_in) >= self._most_signing_in or of_his >= SIGNING_IN_EACH:
            return BUSY
        limit = asyncio.timeout(self._hello_seconds)
        try:
            async with limit:
                self._signing_in[limit] = address
                said = await line.read()
        except TimeoutError:
            return RESTART if self._stopping else HELLO_LATE
        except BadMessage as error:
            return _bad(error)
        finally:
            self._signing_in.pop(limit, None)
        match said:
            case Hello(token):
                return self._identify(token, remote)
            case Seen():
                return _bad(BadMessage("bad_message"))
            case None:
                return None

    async def _show(self, line: "_Line", screen: Screen) -> bool:
        """Send and read until one of both, or the screen, has an end; whether the client did not take what was sent."""
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(line.listen(screen), name="screen reads")
            sending = tasks.create_task(line.send_all(screen, self._send_seconds), name="screen is told")
            leaving = tasks.create_task(screen.left.wait(), name="screen leaves")
            await asyncio.wait({reading, sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            slow = sending.done() and sending.result()
            for task in (reading, sending, leaving):
                task.cancel()
        return slow


class _Line:
    """What is read from, and written to, one connection."""

    def __init__(self, socket: web.WebSocketResponse, clock: Callable[[], float]) -> None:
        self._socket, self._clock = socket, clock
        self._second, self._frames = clock(), 0
        self._owed = 0

    async def read(self) -> Hello | Seen | None:
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

    async def listen(self, screen: Screen) -> None:
        """Read until the client goes, or says what it may not."""
        try:
            while isinstance(said := await self.read(), Seen):
                screen.seen(said.seq)
            if isinstance(said, Hello):
                screen.leave(_bad(BadMessage("bad_message")))  # it is known already who he is
        except BadMessage as error:
            screen.leave(_bad(error))
        except GONE:
            pass

    async def send_all(self, screen: Screen, limit: float) -> bool:
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

    def _said(self, text: str) -> Hello | Seen:
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


def _bad(error: BadMessage) -> Bye:
    return Bye(str(error), 4400)
