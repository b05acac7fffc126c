"""What all routes of casework do alike: who asks, what he sends, what is written down of it, and why he is refused."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID, uuid5

import structlog
from aiohttp import hdrs, web
from pydantic import TypeAdapter

from handlers.admission import bearer, ours
from handlers.database import AWAY, trouble
from handlers.http.api.cases.bodies import BadBody, body_of
from handlers.http.api.cases.refusals import Problem, not_allowed, refused
from handlers.http.api.cases.told import case_row, work_row
from handlers.http.gate import asker
from handlers.people.trail import Trail
from telephony.calls.record import THREE_RINGS
from telephony.cases.callbacks import NoSuchWork, StaleWork
from telephony.cases.casebook import Doing, NoSuchCase, Stale
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.person import Person
from telephony.cases.rules import NotAllowed
from telephony.people import roles
from telephony.people.audit import Kind, Verb

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
ID, CALL = "{id:[0-9A-Fa-f-]{36}}", "{call:[0-9A-Fa-f-]{36}}"
"""In a path: else `search` were an id."""
KEY = re.compile(r"[!-~]{1,200}")
TAG = re.compile(r'"(\d{1,9})"')
Work = Callable[[], Awaitable[web.Response]]
T = TypeVar("T")


class Worker(Protocol):
    """`telephony.cases.seats.Seats`."""

    def worker(self, asks: roles.Person, /) -> Person:
        """As whom he works on cases."""
        ...


class Refused(Exception):  # noqa: N818 - what it is
    """An answer that ends it."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class Window:
    """Where programs ask.

    Args:
        seats: knows as whom somebody works.
        trail: the audit trail.
        now: the wall clock.
        origins: whose pages, beside our own, may change something for who is signed in by cookie.
    """

    def __init__(self, seats: Worker, trail: Trail, now: Callable[[], datetime], origins: Iterable[str] = ()) -> None:
        self._seats, self._trail, self.now = seats, trail, now
        self._origins = frozenset(one.lower() for one in origins)
        self._log = structlog.get_logger(__name__)

    def worker(self, request: web.Request) -> Person:
        """As whom he who asks works on cases."""
        return self._seats.worker(asker(request))

    async def answered(self, request: web.Request, work: Work) -> web.Response:
        """What the work gives, or why there is nothing."""
        if request.method != hdrs.METH_GET and bearer(request) is None and not ours(request, self._origins):
            return refused(Problem.ORIGIN)
        try:
            return await work()
        except Refused as error:
            return error.answer
        except (DatabaseUrlError, *AWAY) as error:
            self._log.warning("casework_not_answered", error=trouble(error))
            return refused(Problem.AWAY)
        except (BadBody, NoSuchCase, NoSuchWork, Stale, StaleWork, NotAllowed) as error:
            return _refusal(error)

    # --- what is sent ---

    @staticmethod
    async def body(request: web.Request, adapter: TypeAdapter[T]) -> T:
        """The body.

        Raises:
            Refused: it is no JSON. BadBody: it is not understood.
        """
        if request.content_type != "application/json":
            raise Refused(refused(Problem.NO_JSON))
        return body_of(adapter, await request.read())

    @staticmethod
    def id_of(request: web.Request, name: str = "id") -> UUID:
        """The id in the path.

        Raises:
            Refused: nothing has such an id.
        """
        try:
            return UUID(request.match_info[name])
        except ValueError:
            raise Refused(refused(Problem.NOT_FOUND)) from None

    def doing(self, request: web.Request, *, version: bool = False, key: bool = False) -> Doing:
        """Who changes something, of which version, by which attempt.

        Args:
            request: his.
            version: he has to say which he looked at.
            key: he has to name the attempt.

        Raises:
            Refused: he does not, or not as it must be.
        """
        by = self.worker(request)
        given = self._key(request, by)
        if key and given is None:
            raise Refused(refused(Problem.NO_KEY))
        return Doing(by, self.now(), given, self._version(request, needed=version))

    @staticmethod
    def _key(request: web.Request, by: Person) -> str | None:
        """Nobody's attempts are another's, nor an attempt at another thing."""
        told = request.headers.getall("Idempotency-Key", [])
        if not told:
            return None
        if len(told) > 1 or KEY.fullmatch(told[0]) is None:
            fault = {"Idempotency-Key": "should be 1 to 200 printable ASCII characters without blanks"}
            raise Refused(refused(Problem.BAD_REQUEST, faults=fault))
        return str(uuid5(THREE_RINGS, f"api\x1f{by.id}\x1f{request.path}\x1f{told[0]}"))

    @staticmethod
    def _version(request: web.Request, *, needed: bool) -> int | None:
        told = request.headers.getall(hdrs.IF_MATCH, [])
        if not told:
            if needed:
                raise Refused(refused(Problem.NO_VERSION))
            return None
        if told == ["*"]:
            return None
        found = TAG.fullmatch(told[0]) if len(told) == 1 else None
        if found is None:
            fault = {"If-Match": 'should be the ETag that came with it, as "7", or *'}
            raise Refused(refused(Problem.BAD_REQUEST, faults=fault))
        return int(found[1])

    # --- what is told, and written down ---

    async def seen(self, request: web.Request, verb: Verb, kind: Kind, whom: str = "", branch: str = "") -> None:
        """Somebody is about to see something of a customer: written down first, or he does not see it."""
        trail, who = self._trail, name_of(asker(request))
        await trail.record(trail.entry(who, verb, kind, whom, branch=branch, remote=request.remote))

    def done(  # noqa: PLR0913 - what an entry is
        self, request: web.Request, verb: Verb, kind: Kind, whom: str, *, branch: str, detail: str
    ) -> None:
        """He has changed something; its own history says so already, in the same transaction."""
        trail, who = self._trail, name_of(asker(request))
        trail.note(trail.entry(who, verb, kind, whom, branch=branch, remote=request.remote, detail=detail))


def _refusal(error: BadBody | NoSuchCase | NoSuchWork | Stale | StaleWork | NotAllowed) -> web.Response:
    match error:
        case BadBody():
            return refused(Problem.BAD_REQUEST, str(error), error.faults)
        case Stale():
            present = case_row(error.case)
            return _versioned(refused(Problem.STALE, str(error), case=present), error.case.version)
        case StaleWork():
            return _versioned(refused(Problem.STALE, str(error), callback=work_row(error.work)), error.work.version)
        case NotAllowed():
            return not_allowed(error)
        case _:
            return refused(Problem.NOT_FOUND)


def name_of(asks: roles.Person) -> str:
    """As the trail knows him: the name of his account, or what the configuration calls him."""
    return asks.name if asks.account else f"{asks.role.value} {asks.name or 'at this machine'}"


def told(document: Mapping[str, object], version: int | None = None, status: int = 200, **headers: str) -> web.Response:
    """An answer; with a version, its ETag."""
    text = json.dumps(document, ensure_ascii=False)
    answer = web.Response(
        text=text + "\n", status=status, content_type="application/json", headers={**HEADERS, **headers}
    )
    return answer if version is None else _versioned(answer, version)


def _versioned(answer: web.Response, version: int) -> web.Response:
    answer.headers[hdrs.ETAG] = f'"{version}"'
    return answer
