"""`/ws`: who may open a screen, and its connection. What goes over it: docs/screenpop.md.

Who the agent is comes from his token, or from the session or token of an account that is bound to his desk. A page of
another site cannot open a screen: browsers tell in `Origin` whose page asks, and no page can change that. A client that
is no browser sends none, and shows its token in the handshake.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog
from aiohttp import web

from handlers.admission import (
    FAILURES_WITHIN,
    SIGNING_IN,
    CrowdedError,
    Doorway,
    Failures,
    Tokens,
    bearer,
    ours,
)
from handlers.connection import Connection, bad, connected, show
from handlers.http.gate import NOT_KNOWN, needs
from handlers.screens import Screens
from telephony.logs import Seldom
from telephony.people.roles import Permission, Person, holds
from telephony.screenpop.hub import Full
from telephony.screenpop.messages import BadMessage, Do, Hello, Seen, Turn
from telephony.screenpop.screen import BEHIND, RESTART, Bye, Screen

HELLO_SECONDS = 5.0
SEND_SECONDS = 5.0
LOOKED_AT_ONCE = 50

BAD_TOKEN = Bye("bad_token", 4401)
HELLO_LATE = Bye("hello_late", 4408)
BUSY = Bye("busy", 1013)
LOCKED_OUT = Bye("locked_out", 1013)
SIGN_IN, SIGNED_OUT = Bye("sign_in", 4401), Bye("signed_out", 4401)
NO_DESK = Bye("no_desk", 4403)
Who = Callable[[web.Request], Person | None]


@dataclass(frozen=True, slots=True)
class Seated:
    """Whose desk it is. `person`: who looks at it by an account; None: whoever has the token of the desk."""

    agent: str
    person: Person | None = None

    @property
    def told(self) -> str:
        """Who he is, for the trail."""
        return self.person.name if self.person else f"agent {self.agent}"


class Sockets:
    """All connections of screens.

    Args:
        screens: what is shown.
        tokens: token by agent; each of `screens.desks`.
        origins: more origins whose pages may connect, `https://calls.example.com`; that of the host asked always may.
        clock: monotonic seconds.
        hello_seconds: limit for saying who one is. send_seconds: a connection that takes nothing for so long is closed.
        signing_in: so many connections may be open that have not said who they are.
        who: whoever asks by an account, as far as is known at once; None: somebody unknown.
        seated: is told who opened a screen, and from where.
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
        who: Who = lambda _: None,
        seated: Callable[[Screen, Seated, str], None] = lambda _screen, _seated, _remote: None,
    ) -> None:
        self._take_seat = seated
        self._screens, self._clock, self._who = screens, clock, who
        self._allowed: dict[Screen, Callable[[], bool]] = {}
        self._send_seconds, self._doorway = send_seconds, Doorway(hello_seconds, signing_in)
        self._tokens = Tokens(tokens)
        self._origins = frozenset(origin.lower() for origin in origins)
        self._failures = Failures(clock)
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
        self._doorway.close()

    async def look(self) -> None:
        """Close the screens of accounts that are signed out, or may see this desk no more. Every so often.

        Some at a time: whoever reads the line of a PBX must not be held by two thousand desks.
        """
        for number, (screen, allowed) in enumerate(list(self._allowed.items()), 1):
            if not allowed():
                screen.leave(SIGNED_OUT)
            if number % LOOKED_AT_ONCE == 0:
                await asyncio.sleep(0)

    @needs(Permission.DESK, stranger=True)
    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from handshake to end."""
        seated = self._admit(request)
        return await connected(request, self._clock, lambda line: self._converse(line, seated, request))

    async def _converse(self, line: "Connection", seated: Seated | None, request: web.Request) -> Bye | None:
        """Sign in and show; what is to be said at the end, None when nobody is there to hear it."""
        found = seated or await self._hello(line, request)
        if not isinstance(found, Seated):
            return found
        try:
            screen = self._screens.open(found.agent, found.told, request.remote or "")
        except Full:
            return BUSY
        if found.person is not None:
            self._allowed[screen] = lambda: self._seat(request) == found
        self._take_seat(screen, found, request.remote or "")
        slow = False
        try:
            slow = await show(line, screen, self._send_seconds)
        finally:
            self._allowed.pop(screen, None)
            self._screens.close(screen, "slow" if slow or screen.bye is BEHIND else "closed")
        return screen.bye

    # --- who it is ---

    def _admit(self, request: web.Request) -> Seated | None:
        """The agent whose token stands in the handshake; None when there is none and a browser's hello will follow."""
        if self._stopping:
            raise web.HTTPServiceUnavailable(reason="Restarting")
        browser, token = "Origin" in request.headers, bearer(request)
        if browser and not ours(request, self._origins):
            self._tell("origin_refused", request.remote)
            raise web.HTTPForbidden(reason="This origin may not connect")
        if not browser and token is None:
            raise web.HTTPForbidden(reason="Without an origin a bearer token is needed")
        if token is None:
            return None
        found = self._seat(request) or self._identify(token, request.remote)
        if found is LOCKED_OUT:
            raise web.HTTPTooManyRequests(reason="Too many wrong tokens", headers={"Retry-After": "60"})
        if found is NO_DESK:
            raise web.HTTPForbidden(reason="The owner of this token has no desk")
        if not isinstance(found, Seated):
            raise web.HTTPUnauthorized(reason="Wrong token", headers={"WWW-Authenticate": "Bearer"})
        return found

    def _seat(self, request: web.Request) -> Seated | Bye | None:
        """The desk of who asks by an account; None: he does not, or may not have one."""
        person = self._who(request)
        if person is None or not holds(person, Permission.DESK) or not person.account:
            return None
        return Seated(person.desk, person) if person.desk in self._screens.desks and person.desk else NO_DESK

    def _identify(self, token: str, remote: str | None) -> Seated | Bye:
        """The agent, be his address locked out or not: others behind the same proxy may have shown the wrong tokens."""
        agent = self._tokens.agent(token)
        if agent is not None:
            return Seated(agent)
        if self._failures.too_many(remote):
            return LOCKED_OUT
        self._failures.add(remote)
        self._tell("token_refused", remote)
        return BAD_TOKEN

    def _tell(self, what: str, remote: str | None) -> None:
        if (untold := self._seldom.may(what)) is not None:
            self._log.warning(what, remote=remote, untold=untold)

    async def _hello(self, line: "Connection", request: web.Request) -> Seated | Bye | None:
        """The agent who says hello in time; else why the connection is to be closed, None when it is.

        Without a token his cookie counts; with one the token, so that one browser may have several desks.
        """
        try:
            async with self._doorway.entered(request.remote):
                said = await line.read()
        except CrowdedError:
            return BUSY
        except TimeoutError:
            return RESTART if self._stopping else HELLO_LATE
        except BadMessage as error:
            return bad(error)
        match said:
            case Hello(token):
                return self._identify(token, request.remote) if token else self._seat(request) or unknown(request)
            case Seen() | Turn() | Do():
                return bad(BadMessage("bad_message"))
            case None:
                return None


def unknown(request: web.Request) -> Bye:
    """Nobody is signed in; while that cannot be told, he may come back and need not sign in anew."""
    return BUSY if request.get(NOT_KNOWN) else SIGN_IN
