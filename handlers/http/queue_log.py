"""`/api/v1/pbx/NAME/queue_log`: takes the queue_log of a PBX from its host. What goes over it: docs/queue-log.md.

An answer that names a mark says: all up to there is in our journal. Whoever sends may forget nothing before.
"""

import asyncio
import hmac
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Protocol

import structlog
from aiohttp import web

from handlers.admission import FAILURES_WITHIN, Failures, bearer
from handlers.http.gate import open_to_all
from handlers.http.problems import problem
from telephony.logs import Seldom
from telephony.queuelog.grammar import Quarantined
from telephony.queuelog.place import Place
from telephony.queuelog.reading import read
from telephony.queuelog.shipping.parcel import MAX_BYTES, PATH, Parcel, ParcelError
from telephony.queuelog.shipping.sender import SENDER, UNREADABLE
from telephony.queuelog.shipping.shipped import SenderName, Shipped

BODY_SECONDS = 10.0
BODIES = 2
"""So many bodies of one PBX are read at once: one, and that of a connection of which its sender has given up."""
SHOWN = 200


class Kept(Protocol):
    """The journal: `telephony.journal.writer.Journal`."""

    @property
    def position(self) -> int:
        """Of the last record."""
        ...

    @property
    def durable(self) -> int:
        """All up to here is on disk."""
        ...

    @property
    def failing(self) -> str:
        """Why nothing can be kept; empty while it can."""
        ...

    async def synced(self, position: int) -> None:
        """Wait until it is on disk, or the disk does not answer."""
        ...


class Follows(Protocol):
    """Who follows the PBX: `handlers.follow.Follower`."""

    @property
    def log_place(self) -> bytes:
        """How far its queue_log was read."""
        ...


@dataclass(slots=True)
class ShippedLog:
    """The queue_log of one PBX, and whom it concerns. `journal` None: nothing outlives this process."""

    token: str = field(repr=False)
    shipped: Shipped
    follower: Follows
    journal: Kept | None
    bodies: int = 0

    @property
    def mark(self) -> Place | None:
        """All up to here was taken."""
        return Place.load(self.follower.log_place)


class ShippedLogs:
    """The pages for those who send.

    Args:
        logs: by PBX; those that are sent to us.
        clock: monotonic seconds.
        body_seconds: limit for a body.
    """

    def __init__(
        self, logs: Mapping[str, ShippedLog], clock: Callable[[], float], body_seconds: float = BODY_SECONDS
    ) -> None:
        self._logs, self._body_seconds = logs, body_seconds
        self._failures = Failures(clock)
        self._seldom = Seldom(FAILURES_WITHIN, clock)
        self._log = structlog.get_logger(__name__)

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        path = PATH.format("{name:.+}")
        return [web.get(path, self.told, allow_head=False), web.post(path, self.taken)]

    @open_to_all()
    async def told(self, request: web.Request) -> web.Response:
        """The mark; from a sender it is a sign of life."""
        log = self._admit(request)
        refusal = _not_taking(log)
        if refusal is None and SENDER in request.headers:
            refusal = _hear(log, request)
        return await _mark(log) if refusal is None else refusal

    @open_to_all()
    async def taken(self, request: web.Request) -> web.Response:
        """One parcel into the journal."""
        log = self._admit(request)
        for refuses in (_not_taking, partial(_hear, request=request)):
            if (refusal := refuses(log)) is not None:
                return refusal
        if log.bodies >= BODIES:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "others are still being read")
        log.bodies += 1
        try:
            packed = await _body(request, self._body_seconds)
            work = partial(_understood, packed)
            parcel, refused = await asyncio.get_running_loop().run_in_executor(None, work)
        except ParcelError as error:
            self._tell("queue_log_parcel_refused", request, reason=str(error))
            return problem(HTTPStatus.BAD_REQUEST, f"the parcel {error}")
        finally:
            log.bodies -= 1
        return await _take(log, parcel, refused)

    # --- who it is ---

    def _admit(self, request: web.Request) -> ShippedLog:
        """Whose log it is.

        Raises:
            HTTPError: it is none that this one may send.
        """
        if not is_private(request):
            self._tell("queue_log_in_the_clear", request, remedy="a proxy that speaks TLS; and a new token")
            raise web.HTTPForbidden(reason="Over HTTPS only; its proxy must set X-Forwarded-Proto")
        log = self._logs.get(request.match_info["name"])
        if log is None:
            raise web.HTTPNotFound(reason="No PBX of that name is shipped here")
        given = (bearer(request) or "").encode("utf-8", "replace")
        # A right token is let in whatever came from its address: behind a proxy we all share one with who guesses.
        if hmac.compare_digest(given, log.token.encode()):
            return log
        if self._failures.too_many(request.remote):
            raise web.HTTPTooManyRequests(reason="Too many wrong tokens", headers={"Retry-After": "60"})
        self._failures.add(request.remote)
        self._tell("queue_log_token_refused", request)
        raise web.HTTPUnauthorized(reason="The token of this PBX is needed", headers={"WWW-Authenticate": "Bearer"})

    def _tell(self, event: str, request: web.Request, **more: str) -> None:
        """In the log, but not once a request."""
        untold = self._seldom.may(event)
        if untold is not None:
            self._log.warning(event, remote=request.remote, untold_before=untold, **more)


def is_private(request: web.Request) -> bool:
    """Nobody on the way could read it: it came from this machine, or its proxy says that it came to it by TLS."""
    told = request.headers.getall("X-Forwarded-Proto", [])
    if told:
        return [one.strip().lower() for one in told] == ["https"]
    try:
        address = ipaddress.ip_address(request.remote or "")
    except ValueError:
        return request.secure
    mapped = getattr(address, "ipv4_mapped", None)
    return request.secure or (mapped or address).is_loopback


def _hear(log: ShippedLog, request: web.Request) -> web.Response | None:
    """A sender says something; why he is not to go on."""
    sender = SenderName.load(request.headers.get(SENDER, ""))
    if sender is None:
        return problem(HTTPStatus.BAD_REQUEST, f"the header {SENDER} must say who sends")
    unreadable = request.headers.get(UNREADABLE, "")[:SHOWN]
    other = log.shipped.hear(sender, unreadable)
    return problem(HTTPStatus.LOCKED, f"{other} ships it already") if other else None


async def _body(request: web.Request, seconds: float) -> bytes:
    """Bounded in size and time.

    Raises:
        HTTPError: it is too large, too slow, or packed otherwise.
    """
    if "Content-Encoding" in request.headers or request.content_type != "application/gzip":
        raise web.HTTPUnsupportedMediaType(reason="Only application/gzip is taken, without Content-Encoding")
    too_large = web.HTTPRequestEntityTooLarge(max_size=MAX_BYTES, actual_size=request.content_length or MAX_BYTES + 1)
    if (request.content_length or 0) > MAX_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while more := await request.content.readany():
                body += more
                if len(body) > MAX_BYTES:
                    raise too_large
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="The body came too slowly") from None
    return bytes(body)


def _understood(packed: bytes) -> tuple[Parcel, Sequence[Quarantined]]:
    """In a thread: it may take some milliseconds.

    Raises:
        ParcelError: it is none.
    """
    parcel = Parcel.unpack(packed)
    return parcel, read(parcel.piece.lines, timedelta()).quarantined


async def _take(log: ShippedLog, parcel: Parcel, refused: Sequence[Quarantined]) -> web.Response:
    """Into the journal, if it stands right behind what is there, or goes on over it."""
    if (trouble := _not_taking(log)) is not None:
        return trouble
    mark = log.mark
    if mark is not None and mark.is_same(parcel.piece.after):
        return await _mark(log)  # sent again: the answer was lost
    if mark is not None and not mark.is_same(parcel.before):
        rest = parcel.behind(mark)
        if rest is None:
            return await _mark(log, HTTPStatus.CONFLICT)
        parcel, refused = rest, read(rest.piece.lines, timedelta()).quarantined
    log.shipped.take(parcel, refused)
    return await _mark(log)


async def _mark(log: ShippedLog, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Tell the mark, once it is on disk."""
    if (trouble := _not_taking(log)) is not None:
        return trouble
    mark, journal = log.mark, log.journal
    if journal is not None:
        position = journal.position
        await journal.synced(position)
        if journal.durable < position:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the journal: {journal.failing or 'is being closed'}")
    dumped = None if mark is None else str(mark.dump(), "ascii")
    if status == HTTPStatus.OK:
        return web.json_response({"mark": dumped}, headers={"Cache-Control": "no-store"})
    return problem(status, "it does not begin at the mark", mark=dumped)


def _not_taking(log: ShippedLog) -> web.Response | None:
    if not log.shipped.taking:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the service is just starting, or stopping")
    if log.journal is not None and log.journal.failing:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the journal: {log.journal.failing}")
    return None
