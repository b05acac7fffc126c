"""A call as it is known now: frozen values that effects carry and adapters store, export and show.

Field names follow docs/definitions.md. Times are aware UTC datetimes of the PBX's clock, durations `timedelta`s. `None`
means "no data" (not yet, or not knowable), never zero.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

THREE_RINGS = UUID("9e0d8a4e-6c0e-5b0b-9c57-3a1c6f3a3333")
"""Name space of all ids derived by this product; never to be changed."""


def call_id(pbx: str, root_uniqueid: str, boot: datetime | None = None) -> UUID:
    """The id of a call, the same whoever derives it: AMI, AGI, or a process that started later.

    Args:
        pbx: its name.
        root_uniqueid: of the channel with which the call began.
        boot: when the PBX had started; only where an earlier boot is known to have used the same uniqueid.
    """
    began = "" if boot is None else f"\x1f{boot.isoformat(timespec='seconds')}"
    return uuid5(THREE_RINGS, f"call\x1f{pbx}\x1f{root_uniqueid}{began}")


POSITION_BITS = 12
"""So many bits of a revision number the changes that one journal position brought about."""


def position_of(revision: int) -> int:
    """The journal position that a state reflects: of the last record that it rests on."""
    return revision >> POSITION_BITS


def case_id(call: UUID) -> UUID:
    """The id of the case that a call opens."""
    return uuid5(THREE_RINGS, f"case\x1f{call}")


class Direction(StrEnum):
    """Which way a call went; only inbound calls have visits and, by themselves, cases."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Kind(StrEnum):
    """What the customer waited on: a queue, or phones that the dialplan rang directly."""

    QUEUE = "queue"
    DIRECT = "direct"


class Outcome(StrEnum):
    """How a visit ended: exactly one. The evidence for each is in docs/definitions.md."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    TIMEOUT = "timeout"
    KEY_EXIT = "key_exit"
    EMPTY = "empty"
    WITHDRAWN = "withdrawn"
    REDIRECTED = "redirected"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    INCOMPATIBLE = "incompatible"
    ENDED_BY_PBX = "ended_by_pbx"
    REFUSED_FULL = "refused_full"
    REFUSED_EMPTY = "refused_empty"
    EXITED = "exited"
    LOST = "lost"


REFUSED = frozenset({Outcome.REFUSED_FULL, Outcome.REFUSED_EMPTY})


class OfferResult(StrEnum):
    """How the ringing of one agent's phone for one visit ended."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    CANCELLED_ELSEWHERE = "cancelled_elsewhere"
    CALLER_LEFT = "caller_left"
    UNREACHABLE = "unreachable"


class Quality(StrEnum):
    """How well a visit is known."""

    LIVE = "live"
    PARTIAL = "partial"
    RECONSTRUCTED = "reconstructed"
    APPROXIMATE = "approximate"


class Party(StrEnum):
    """Who hung up."""

    CALLER = "caller"
    AGENT = "agent"
    PBX = "pbx"


@dataclass(frozen=True, slots=True)
class OfferRecord:
    """One agent leg rung for one visit.

    Attributes:
        agent: member name for a queue; the line's name, else the interface, for a direct visit.
        interface: the device, without the per-call suffix.
        leg: uniqueid of the channel that rang.
        called_at: the PBX began to call the phone.
        rang_at: the phone's first ringing; None when it never rang.
        answered_at: the phone answered (it may still not have been bridged).
        ended_at: the first end of the leg's ringing, answer included; None while it rings, or if nobody heard it.
        result: None while it rings or until the visit tells why it was cancelled; of a visit that is over: unknown.
        setup: called_at to rang_at. alerting: rang_at to ended_at; zero when it never rang.
        rings: max(1, ceil(alerting / ring period)); 0 when it never rang; None while ringing.
    """

    agent: str
    interface: str
    leg: str
    called_at: datetime
    rang_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    result: OfferResult | None = None
    setup: timedelta | None = None
    alerting: timedelta | None = None
    rings: int | None = None


@dataclass(frozen=True, slots=True)
class VisitRecord:
    """One stay of a customer waiting for a human.

    Attributes:
        ordinal: 1, 2, … within the call, in the order of entering.
        uniqueid: the customer's channel during this visit.
        queue: the queue's name; for a direct visit the line's name, else the interface first rung.
        joined_at: None for a refused visit, which never waited.
        left_at: end of the wait; None while waiting.
        outcome: None while waiting or settling.
        settling: left, and the reason not yet known.
        wait: answer or end minus joined_at; zero for a refused visit; None while waiting, or lost without a bound.
        alerted_at: first ringing of any phone in this visit.
        caller_rings: rings from alerted_at to the answer; None unless answered live.
        caller_rings_heard: rings from alerted_at to the end of the wait, answered or not; None when no phone rang.
        talk: bridged with an agent, holds included; None unless answered.
        hold: part of talk on hold.
        hung_up_by: who ended the talk; None when there was none or it goes on.
        reason: one short phrase that names the evidence for the outcome.
    """

    ordinal: int
    uniqueid: str
    kind: Kind
    queue: str
    joined_at: datetime | None
    left_at: datetime | None = None
    outcome: Outcome | None = None
    settling: bool = False
    wait: timedelta | None = None
    alerted_at: datetime | None = None
    caller_rings: int | None = None
    caller_rings_heard: int | None = None
    agent: str | None = None
    answered_at: datetime | None = None
    talk: timedelta | None = None
    hold: timedelta | None = None
    hung_up_by: Party | None = None
    quality: Quality = Quality.LIVE
    reason: str = ""
    offers: tuple[OfferRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Which call a channel belongs to. `case` None: the call is not inbound, and has none."""

    call: UUID
    case: UUID | None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One contact, from its root channel to its last hang-up.

    Attributes:
        id: `call_id(pbx, uniqueid)`.
        uniqueid: the root channel's.
        caller, caller_name: as the PBX holds them: hostile text.
        dialled: the extension asked for first.
        ended_at: None while it goes on.
        hung_up_by: who ended the last talk, or else the call; None while it goes on or when unknown.
        case: id of its case; None for outbound and internal calls.
        revision: grows with every change; a store keeps the highest. Holds the journal position (`position_of`).
        since: the journal position at which it began, from where on it can be rebuilt; not stored. 0: it cannot.
    """

    id: UUID
    pbx: str
    uniqueid: str
    linkedid: str
    direction: Direction
    caller: str
    caller_name: str
    dialled: str
    arrived_at: datetime
    ended_at: datetime | None = None
    hung_up_by: Party | None = None
    case: UUID | None = None
    revision: int = 0
    visits: tuple[VisitRecord, ...] = field(default=())
    since: int = field(default=0, compare=False)
