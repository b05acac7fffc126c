"""`/ws/wall`: who may see what hangs on the walls, and his connection. What goes over it: docs/wall.md.

People are known by their cookie, a wall by its token; neither is ever in an address. As with the desks, a page of
another site opens nothing, and what is no browser shows its token in the handshake.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import structlog
from aiohttp import web

from handlers.admission import FAILURES_WITHIN, CrowdedError, Doorway, Failures, Tokens, bearer, ours
from handlers.connection import Connection, bad, connected, show
from handlers.http.gate import needs
from handlers.walls.screens import FullError, Walls
from handlers.websocket import BAD_TOKEN, BUSY, HELLO_LATE, HELLO_SECONDS, LOCKED_OUT, SEND_SECONDS, unknown
from telephony.logs import Seldom
from telephony.people.roles import Permission, Person, bounds, holds
from telephony.screenpop.messages import BadMessage, Do, Hello, Seen, Turn
from telephony.screenpop.screen import RESTART, Bye

NOT_YOURS = Bye("not_yours", 4403)
NO_BRANCH = Bye("no_branch", 4404)
Who = Callable[[web.Request], Person | None]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may look. `person`: None for a wall; `branches`: those that he may see; None: any, and all."""

    person: Person | None = None
    branches: frozenset[str] | None = None

    def choose(self, asked: str | None, titles: Collection[str]) -> tuple[str | None, Collection[str]] | Bye:
        """The branch that he is shown (None: all), and those among which he may choose; else why he is shown none."""
        his = [name for name in titles if self.branches is None or name in self.branches]
        if asked is not None and asked not in his:
            return NO_BRANCH if asked not in titles and self.branches is None else NOT_YOURS
        if self.branches is not None and not his:
            return NOT_YOURS
        branch = his[0] if asked is None and self.branches is not None else asked
        return branch, his if len(his) > 1 else ()


class WallSockets:
    """All connections of walls.

    Args:
        walls: what is shown.
        tokens: token by name of the wall. bound: the only branch of a wall that has one.
        who: whoever asks, as far as is known at once; None: somebody unknown.
        origins: more origins whose pages may connect, `https://calls.example.com`; that of the host asked always may.
        clock: monotonic seconds.
        hello_seconds: limit for saying who one is. send_seconds: a connection that takes nothing for so long is closed.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the last two for tests
        self,
        walls: Walls,
        tokens: Mapping[str, str],
        bound: Mapping[str, str],
        who: Who,
        origins: Iterable[str],
        clock: Callable[[], float],
        *,
        hello_seconds: float = HELLO_SECONDS,
        send_seconds: float = SEND_SECONDS,
    ) -> None:
        self.walls, self._bound, self._who, self._clock = walls, bound, who, clock
        self._tokens, self._failures = Tokens(tokens), Failures(clock)
        self._origins = frozenset(origin.lower() for origin in origins)
        self._doorway, self._send_seconds = Doorway(hello_seconds), send_seconds
        self._stopping = False
        self._seldom = Seldom(FAILURES_WITHIN, clock)
        self._log = structlog.get_logger(__name__)

    def route(self, path: str = "/ws/wall") -> web.RouteDef:
        """To be added to the application."""
        return web.get(path, self.handle)

    def stop(self) -> None:
        """Say goodbye to everybody, and let nobody in. Before the application is cleaned up."""
        self._stopping = True
        self.walls.stop()
        self._doorway.close()

    @needs(Permission.WALL, stranger=True)
    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from handshake to end."""
        viewer = self._admit(request)
        return await connected(request, self._clock, lambda line: self._converse(line, request, viewer))

    def _admit(self, request: web.Request) -> Viewer | None:
        """Whoever shows his token in the handshake; None for a browser, whose hello will follow."""
        if self._stopping:
            raise web.HTTPServiceUnavailable(reason="Restarting")
        if "Origin" in request.headers:
            if ours(request, self._origins):
                return None
            self._tell("origin_refused", request.remote)
            raise web.HTTPForbidden(reason="This origin may not connect")
        token = bearer(request)
        if token is None:
            raise web.HTTPForbidden(reason="Without an origin a bearer token is needed")
        found = self._wall(token) or self._known(request)
        if found is not None:
            return found
        if self._refused(request.remote) is LOCKED_OUT:
            raise web.HTTPTooManyRequests(reason="Too many wrong tokens", headers={"Retry-After": "60"})
        raise web.HTTPUnauthorized(reason="Wrong token", headers={"WWW-Authenticate": "Bearer"})

    async def _converse(self, line: Connection, request: web.Request, viewer: Viewer | None) -> Bye | None:
        """Find out who looks, and show; what is to be said at the end, None when nobody is there to hear it."""
        found = viewer or await self._hello(line, request)
        if not isinstance(found, Viewer):
            return found
        chosen = found.choose(request.query.get("branch"), self.walls.painter.branches)
        if isinstance(chosen, Bye):
            return chosen

        def allowed() -> bool:
            return found.person is None or self._known(request) == found

        try:
            screen = self.walls.open(*chosen, found.person.called if found.person else "", allowed)
        except FullError:
            return BUSY
        slow = False
        try:
            slow = await show(line, screen, self._send_seconds)
        finally:
            self.walls.close(screen, "slow" if slow else "closed")
        return screen.bye

    async def _hello(self, line: Connection, request: web.Request) -> Viewer | Bye | None:
        """Who says hello in time: his cookie counts, else his token."""
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
                found = self._known(request) or self._wall(token)
                return found or (self._refused(request.remote) if token else unknown(request))
            case Seen() | Turn() | Do():
                return bad(BadMessage("bad_message"))
            case None:
                return None

    def _known(self, request: web.Request) -> Viewer | None:
        person = self._who(request)
        if person is None or not holds(person, Permission.WALL):
            return None
        return Viewer(person, bounds(person, Permission.WALL))

    def _wall(self, token: str) -> Viewer | None:
        name = self._tokens.agent(token)
        if name is None:
            return None
        return Viewer(None, frozenset({self._bound[name]}) if name in self._bound else None)

    def _refused(self, remote: str | None) -> Bye:
        """A wrong token: counted, unless so many were already that it is not even said that it is wrong."""
        if self._failures.too_many(remote):
            return LOCKED_OUT
        self._failures.add(remote)
        self._tell("token_refused", remote)
        return BAD_TOKEN

    def _tell(self, what: str, remote: str | None) -> None:
        if (untold := self._seldom.may(what)) is not None:
            self._log.warning(what, remote=remote, untold=untold)
