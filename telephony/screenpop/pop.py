"""What one agent is shown of one call: frozen values.

Ages are told without comparing clocks. The record has times of the PBX's clock only; so a pop remembers our monotonic
time of the state that brought it about (`since`) together with what the PBX's clock showed then (`wall`). The age of a
time `x` is then `wall - x + (now - since)`. It is exact when the PBX stamped that moment (`stamped`); when its clock
was estimated it is wrong by what the estimate is, until a stamp comes. A browser gets ages only, at the moment of
sending, and counts on by its own clock.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from telephony.calls.record import Kind, Outcome, Party
from telephony.customers.lookup import Found

ZERO = timedelta()


class Phase(StrEnum):
    """Where the call is, seen from one desk.

    RINGING: a phone of his rings; also from his lifting it until he is bridged with the caller (announcements), which
    belongs to the caller's wait. TALKING: he and the caller are bridged. ENDED: that is over. WITHDRAWN: it rang, and
    he does not talk to the caller.
    """

    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


class Reason(StrEnum):
    """Why a call was withdrawn. OTHER: not known, perhaps not yet; a later state may tell."""

    ELSEWHERE = "elsewhere"
    NO_ANSWER = "no_answer"
    CALLER_LEFT = "caller_left"
    BUSY = "busy"
    OTHER = "other"


class Knowledge(StrEnum):
    """How far the caller's history is known. ANONYMOUS: who calls is not known, so nobody was asked."""

    ASKING = "asking"
    KNOWN = "known"
    UNAVAILABLE = "unavailable"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class EarlierCase:
    """The case of an earlier call. `state`: how it stands. `owner`: who sees to it."""

    id: UUID
    number: str | None
    kind: str | None
    state: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """A call of the same caller before this one.

    Attributes:
        arrived_at: aware UTC, by the PBX's clock.
        queue, outcome, agent: of the visit that was answered, else of the last one; None without visits.
        wait: over all visits up to the first answer; None when unknown or without visits.
        talk: over all visits; None when nobody talked, or for how long is not known.
    """

    id: UUID
    arrived_at: datetime
    queue: str | None
    outcome: Outcome | None
    agent: str | None
    wait: timedelta | None
    talk: timedelta | None
    case: EarlierCase | None


@dataclass(frozen=True, slots=True)
class Who:
    """Whose number it is, as far as that is known; KNOWN and nobody: it is no customer's."""

    knowledge: Knowledge = Knowledge.ASKING
    found: Found = field(default_factory=Found)


@dataclass(frozen=True, slots=True)
class History:
    """What is known of the caller.

    Attributes:
        total: earlier calls; a lower bound when `more`. None unless known.
        calls: the newest few, newest first.
        number: of the present call's own case, once its row is written; no matter who calls.
        who: the customer.
    """

    knowledge: Knowledge = Knowledge.ASKING
    total: int | None = None
    more: bool = False
    calls: tuple[EarlierCall, ...] = ()
    number: str | None = None
    who: Who = field(default_factory=Who)


@dataclass(frozen=True, slots=True)
class Pop:
    """One call as one desk sees it, all but the ages.

    Attributes:
        ordinal: of the visit that is shown, the newest one for which a phone of the desk rang.
        waited_before: the waits of the visits before this one, since the caller last talked with somebody; None when
            one of them has no more than a lower bound.
        joined_at: beginning of this visit's wait; None once its outcome is decided. waited: its length; None until
            then, and when unknown or no more than a lower bound.
        alerted_at: first ringing of any phone in this visit. ringing: from there to the end of the wait; None while it
            rings, or when no phone rang.
        rings_before: rings that the caller heard in the visits of `waited_before`; None when a phone rang for an
            unknown time.
        rings: as the standard counts them, `rings_before` included; None while they go on or when unknown.
        answered_at: None unless he talks or talked. talk: None while it goes on or when unknown.
        hung_up_by: who ended the talk; None unless ENDED, or when unknown.
    """

    call: UUID
    pbx: str
    phase: Phase
    reason: Reason | None
    caller: str
    caller_name: str
    dialled: str
    queue: str
    kind: Kind
    case: UUID | None
    ordinal: int
    waited_before: timedelta | None = ZERO
    joined_at: datetime | None = None
    waited: timedelta | None = None
    alerted_at: datetime | None = None
    ringing: timedelta | None = None
    rings_before: int | None = 0
    rings: int | None = None
    answered_at: datetime | None = None
    talk: timedelta | None = None
    hung_up_by: Party | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A pop on a desk.

    Attributes:
        since: monotonic time of the state that brought it about. wall: the PBX's clock then.
        history: of the caller.
        stamped: `wall` rests on a stamp of the PBX; else it is estimated.
    """

    pop: Pop
    since: timedelta
    wall: datetime
    history: History = field(default_factory=History)
    stamped: bool = True

    def age(self, of: datetime, now: timedelta) -> timedelta:
        """How long ago that was, `now` by our monotonic clock; never negative."""
        return max(self.wall - of + max(now - self.since, ZERO), ZERO)

    def waited(self, now: timedelta) -> timedelta | None:
        """How long the caller waited: counting on while the phone rings, else as it stood when that ended, if known."""
        pop = self.pop
        if pop.waited_before is None:
            return None
        if pop.joined_at is None:
            return None if pop.waited is None else pop.waited_before + pop.waited
        return pop.waited_before + self.age(pop.joined_at, now if pop.phase is Phase.RINGING else self.since)

    def ringing(self, now: timedelta) -> timedelta | None:
        """How long the caller has heard phones ring in this visit; None when none rang."""
        pop = self.pop
        if pop.ringing is not None or pop.alerted_at is None:
            return pop.ringing
        return self.age(pop.alerted_at, now if pop.phase is Phase.RINGING else self.since)

    def talking(self, now: timedelta) -> timedelta | None:
        """How long they talk, or talked; None when they did not, or for how long is not known."""
        pop = self.pop
        if pop.phase is Phase.TALKING and pop.answered_at is not None:
            return self.age(pop.answered_at, now)
        return pop.talk
