"""The route `inbound`: a customer's call came in; which case is it, and where does it go?

Asked by the dialplan before the queue (docker/asterisk/extensions.conf). Nothing here waits for a database. The whole
answer has a deadline, which the server keeps; what is not known by then is the default.
"""

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

import structlog

from handlers.agi.claims import Claims
from handlers.agi.directory import Directory, Routing
from telephony.agi.answering import Step, Steps
from telephony.agi.codec import Environment, Reply, Usage, command
from telephony.agi.errors import AGIDeadChannel, AgiProtocolError
from telephony.calls.facts import Uniqueid
from telephony.calls.record import Standing, call_id, case_id
from telephony.logs import Seldom

NAME = "inbound"
SIGHT_SECONDS = 0.1
"""AMI told of the channel before the dialplan could ask; so long it may take us to read it."""
DONE, DEAD = 200, 511
MAX_QUEUE = 80
"""Characters of a queue's name; Asterisk has room for as many."""
TOLD_EVERY = 10.0
"""Seconds between log lines about the same PBX that nobody configured."""
UNKNOWN = ("", "unknown")
"""What Asterisk sends as `agi_dnid` when nothing was dialled."""
log = structlog.get_logger(__name__)


class Knows(Protocol):
    """What AMI has told of one PBX: `telephony.calls.tracker.Tracker`."""

    def standing(self, uniqueid: Uniqueid, /) -> Standing | None:
        """The call of a channel; None when that is not known, or not yet."""
        ...


class Follows(Protocol):
    """Who follows one PBX: `handlers.follow.Follower`."""

    @property
    def tracker(self) -> Knows:
        """What is known now."""
        ...

    @property
    def synchronised(self) -> bool:
        """What is not known may be told in a moment."""
        ...

    async def sighted(self, uniqueid: Uniqueid, limit: float, /) -> Standing | None:
        """The call of a channel, as soon as it is known and within `limit` seconds."""
        ...

    def claimed(self, uniqueid: Uniqueid, case: UUID | None, /) -> None:
        """The PBX is told that this is the case of the channel."""
        ...


@dataclass(frozen=True, slots=True)
class Asker:
    """One PBX. `host`: as the configuration has it; tells who asks when the channel does not."""

    host: str
    follower: Follows


@dataclass(frozen=True, slots=True)
class Answer:
    """What the dialplan is told. `case` None: there is none, or nobody knows."""

    case: UUID | None
    routing: Routing

    def lines(self) -> list[bytes]:
        """As commands."""
        case = "" if self.case is None else str(self.case)
        return [command("SET VARIABLE", "THREERINGS_CASE", case), *_where(self.routing)]


@lru_cache(maxsize=64)  # there are few places where calls go
def _where(routing: Routing) -> tuple[bytes, ...]:
    values = {
        "THREERINGS_QUEUE": routing.queue,
        "THREERINGS_PRIORITY": str(routing.priority),
        "THREERINGS_HOURS": "open" if routing.open else "closed",
    }
    return tuple(command("SET VARIABLE", name, value) for name, value in values.items())


class Inbound:
    """Answers for all PBXs.

    Args:
        pbxs: by name.
        directory: of published numbers; may be replaced while calls go on.
        claims: is told of every case named.
        now: the wall clock, for opening hours.
    """

    def __init__(
        self,
        pbxs: Mapping[str, Asker],
        directory: Directory,
        claims: Claims,
        now: Callable[[], datetime],
    ) -> None:
        self.directory = directory
        self._pbxs, self._claims = pbxs, claims
        self._now = now
        self._seldom = Seldom(TOLD_EVERY, time.monotonic)

    def default(self, environment: Environment) -> list[bytes]:
        """What is answered when the deadline passes: where the call goes is known without anybody, its case is not."""
        return Answer(None, self._routing(environment)).lines()

    def __call__(self, environment: Environment, peer: str) -> Steps:
        """Answer one request.

        Returns:
            The result, as counted: `ok`, `unknown_pbx`, or `hung_up`.

        Raises:
            AgiProtocolError: the PBX refused what it must not.
            AGIDeadChannel: the caller is gone.
        """
        pbx = yield from self._pbx(environment, peer)
        case = (yield from self._case(environment, pbx)) if pbx is not None else None
        for line in Answer(case, self._routing(environment)).lines():
            reply: Reply | Usage = yield line
            if not isinstance(reply, Reply) or reply.code not in (DONE, DEAD):
                raise AgiProtocolError(f"a variable was refused: {reply.text[:80]!r}")
            if reply.code == DEAD:
                return "hung_up"
        return "ok" if pbx is not None else "unknown_pbx"

    def _routing(self, environment: Environment) -> Routing:
        asked = (environment.query.get("dialled", ""), environment.dnid, environment.extension)
        dialled = next((number for number in asked if number not in UNKNOWN), "")
        queue = environment.query.get("queue", "")
        if len(queue) > MAX_QUEUE:
            raise AgiProtocolError(f"a queue's name of {len(queue)} characters; the limit is {MAX_QUEUE}")
        return self.directory.look_up(dialled, queue, self._now())

    def _pbx(self, environment: Environment, peer: str) -> Generator[Step, Any, str | None]:
        """Who asks: as the dialplan says, as the PBX calls itself, or the only one at that address."""
        named = environment.query.get("pbx") or (yield from _value("SYSTEMNAME"))
        if named in self._pbxs:
            return named
        if not named:
            address = peer.rpartition(":")[0]
            there = [name for name, asker in self._pbxs.items() if asker.host == address] or list(self._pbxs)
            if len(there) == 1:
                return there[0]
        untold = self._seldom.may(f"{peer.rpartition(':')[0]} {named}"[:200])
        if untold is None:
            return None
        remedy = "set systemname in asterisk.conf to the name of a [[pbx]], or add ?pbx=NAME to the agi:// address"
        log.warning("agi_of_unknown_pbx", peer=peer, systemname=named, remedy=remedy, untold=untold)
        return None

    def _case(self, environment: Environment, pbx: str) -> Generator[Step, Any, UUID | None]:
        case = yield from self._known_case(environment, pbx)
        self._pbxs[pbx].follower.claimed(Uniqueid(environment.uniqueid), case)
        return case

    def _known_case(self, environment: Environment, pbx: str) -> Generator[Step, Any, UUID | None]:
        uniqueid, follower = Uniqueid(environment.uniqueid), self._pbxs[pbx].follower
        standing = follower.tracker.standing(uniqueid)
        if standing is None and follower.synchronised:
            standing = yield lambda: follower.sighted(uniqueid, SIGHT_SECONDS)
        if standing is not None:
            if standing.case is not None:
                self._claims.known(pbx)
            return standing.case
        # AMI has not told of it: the oldest channel of the call is the one from which AMI will derive the case.
        root = (yield from _value("CHANNEL(linkedid)")) or environment.uniqueid
        case = case_id(call_id(pbx, Uniqueid(root)))
        self._claims.early(pbx, case)
        return case


def _value(variable: str) -> Generator[Step, Any, str]:
    reply: Reply | Usage = yield command("GET VARIABLE", variable)
    if isinstance(reply, Reply) and reply.code == DEAD:
        raise AGIDeadChannel(DEAD, reply.text)
    return (reply.data or "") if isinstance(reply, Reply) and reply.result == "1" else ""
