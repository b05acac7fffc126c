"""Who connects and asks nothing: aiohttp waits for the head of a first request without end, and each costs a file."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

HEAD_SECONDS = 20.0
"""For the first request's head. Later ones on the same connection have `IDLE_SECONDS` from the answer before."""
IDLE_SECONDS = 75.0
LOOK_SECONDS = 1.0
MOST = 500
"""Connections that have asked nothing yet; of more, the oldest are closed."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Slow:
    """Closes connections that ask nothing.

    Args:
        seconds: for the head of the first request.
        most: see `MOST`.

    Attributes:
        closed: so many were.
    """

    def __init__(self, seconds: float = HEAD_SECONDS, most: int = MOST) -> None:
        self.closed = 0
        self._seconds = seconds
        self._most = most
        self._asked: set[web.RequestHandler] = set()
        self._since: dict[web.RequestHandler, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, app: web.Application) -> None:
        """Before it runs: notice who asks."""

        @web.middleware
        async def noticed(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._asked.add(request.protocol)
            return await handler(request)

        app.middlewares.insert(0, noticed)

    def begin(self, server: web.Server) -> None:
        """Look at its connections from now on, until `end`."""
        loop = asyncio.get_running_loop()
        self._look(server, loop.time())
        self._timer = loop.call_later(min(LOOK_SECONDS, self._seconds / 4), self.begin, server)

    def end(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, server: web.Server, now: float) -> None:
        self._asked.intersection_update(server.connections)
        silent = [one for one in server.connections if one not in self._asked]
        self._since = {one: self._since.get(one, now) for one in silent}
        over = max(0, len(silent) - self._most)
        oldest = sorted(silent, key=self._since.__getitem__)
        slow = [one for at, one in enumerate(oldest) if at < over or now - self._since[one] >= self._seconds]
        for one in slow:
            one.force_close()
            del self._since[one]
        if slow:
            self.closed += len(slow)
            structlog.get_logger(__name__).info("silent_connections_closed", connections=len(slow))
