"""The gate: every route says what whoever asks must be allowed, and nobody gets to it who is not.

A route says so at its handler, by `needs` or `open_to_all`; one that says nothing keeps the application from starting.
What is of a branch, the handler looks at itself: `asker` tells who asks.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import hdrs, web

from handlers.admission import Failures, bearer
from handlers.database import AWAY
from handlers.http.problems import problem
from telephony.cases.connecting import DatabaseUrlError
from telephony.people.roles import Permission, Person, holds

WHO: web.RequestKey[Person | None] = web.RequestKey("person")
"""Under which key of a request it stands who asks."""
NOT_KNOWN: web.RequestKey[bool] = web.RequestKey("not_known")
"""Under which it stands that who asks could not be found out: the database is away."""
PASSWORD_PAGE = "/password"  # noqa: S105 - where one is changed
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Who = Callable[[web.Request], Awaitable[Person | None]]
H = TypeVar("H", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route asks.

    Attributes:
        permission: that whoever asks must have; None: nothing.
        stranger: also somebody unknown gets to it, as nobody: it has a door of its own.
        program: it is for programs, and says in their way why it refuses.
        looks: it is found out who asks.
    """

    permission: Permission | None = None
    stranger: bool = False
    program: bool = False
    looks: bool = True


class UndeclaredError(Exception):
    """A route does not say what it asks."""


def needs(permission: Permission, *, stranger: bool = False, program: bool = False) -> Callable[[H], H]:
    """The handler is for who has this permission; of strangers and programs as in `Rule`."""
    return _declares(Rule(permission, stranger, program))


def open_to_all(*, looks: bool = False) -> Callable[[H], H]:
    """The handler is for everybody, or has a key of its own; `looks`: who asks is found out, if he can be."""
    return _declares(Rule(None, stranger=True, looks=looks))


def rule_of(handler: object) -> Rule | None:
    """What a handler declares."""
    found = getattr(handler, "rule", None)
    return found if isinstance(found, Rule) else None


def asker(request: web.Request) -> Person:
    """Who asks, behind the gate.

    Raises:
        HTTPUnauthorized: nobody; the route is open to strangers.
    """
    found = stranger_or(request)
    if found is None:
        raise web.HTTPUnauthorized
    return found


def stranger_or(request: web.Request) -> Person | None:
    """Who asks; None: somebody unknown, or who is not allowed."""
    return request.get(WHO)


def declared(app: web.Application) -> None:
    """Every route says what it asks.

    Raises:
        UndeclaredError: one does not.
    """
    silent = [f"{route.method} {route.resource}" for route in app.router.routes() if rule_of(route.handler) is None]
    if silent:
        raise UndeclaredError(f"routes that do not say who may: {', '.join(silent)}")


class Gate:
    """Stands before all routes of an application.

    Args:
        who: finds out who asks.
        monotonic: seconds; how often an address may show wrong tokens before it is told to wait.
    """

    def __init__(self, who: Who, monotonic: Callable[[], float]) -> None:
        self._who = who
        self._failures = Failures(monotonic)

    def setup(self, app: web.Application) -> None:
        """Behind what tells errors, before everything else."""

        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._passed(request, handler)

        async def check(app: web.Application) -> None:
            declared(app)

        app.middlewares.append(gate)
        app.on_startup.append(check)

    async def _passed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.match_info.http_exception is not None:
            return await handler(request)
        rule = rule_of(request.match_info.handler)
        if rule is None:
            raise web.HTTPForbidden
        person, away = await self._found(request) if rule.looks else (None, False)
        if person is not None and rule.permission is not None and not holds(person, rule.permission):
            if not rule.stranger:
                return _forbidden(person, rule)
            person = None
        if person is None and not rule.stranger:
            return self._unknown(request, rule, away=away)
        request[WHO], request[NOT_KNOWN] = person, away
        return await handler(request)

    async def _found(self, request: web.Request) -> tuple[Person | None, bool]:
        """Who asks, and whether that could not be found out."""
        try:
            return await self._who(request), False
        except (DatabaseUrlError, *AWAY):
            return None, True

    def _unknown(self, request: web.Request, rule: Rule, *, away: bool) -> web.Response:
        """Why he is not let in. A right token is let in whatever came from its address: proxies share one."""
        if away:
            if rule.program:
                return _later(problem(HTTPStatus.SERVICE_UNAVAILABLE, "nobody can be let in: the database is away"))
            raise web.HTTPServiceUnavailable(reason="Nobody can be let in now")
        if not rule.program:
            raise web.HTTPUnauthorized
        locked = self._failures.too_many(request.remote)
        if bearer(request) is not None:
            self._failures.add(request.remote)
        if locked:
            answer = problem(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens came from your address")
            answer.headers[hdrs.RETRY_AFTER] = "60"
            return answer
        answer = problem(HTTPStatus.UNAUTHORIZED, "sign in, or send a token as Authorization: Bearer")
        answer.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
        return answer


def _forbidden(person: Person, rule: Rule) -> web.Response:
    """He is known, and this is not for him."""
    if rule.program:
        return problem(HTTPStatus.FORBIDDEN, "your role, or the scopes of your token, do not allow this")
    if person.must_change:
        raise web.HTTPSeeOther(PASSWORD_PAGE)
    raise web.HTTPForbidden


def _later(answer: web.Response) -> web.Response:
    answer.headers[hdrs.RETRY_AFTER] = "10"
    return answer


def _declares(rule: Rule) -> Callable[[H], H]:
    def declare(handler: H) -> H:
        handler.__dict__["rule"] = rule
        return handler

    return declare
