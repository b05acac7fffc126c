"""Somebody has to be called back: one piece of work for each number and branch, done by one agent at a time. Pure.

Opened by the machine for whoever was not answered (STD-FIRST-ASKED), and closed by it when he gets through himself.
An agent claims it before he rings, so that nobody is rung by two; a claim that is not used ends by itself.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from telephony.cases.person import Person
from telephony.cases.rows import storable
from telephony.cases.rules import LONGEST, NotAllowed, Why


class Lost(StrEnum):
    """Why somebody is to be called back, the strongest reason first."""

    AGREED = "agreed"
    """He was answered, and somebody has said that he will be called back: no later call undoes that promise."""
    AFTER_HOURS = "after_hours"
    ABANDONED = "abandoned"
    UNANSWERED = "unanswered"
    UNKNOWN = "unknown"
    """How his call ended is not known; nobody answered it as far as it is."""


class Result(StrEnum):
    """How the work ended."""

    REACHED = "reached"
    GOT_THROUGH = "got_through"
    """He called again and was answered."""
    CORRECTED = "corrected"
    """His call proved to have been answered after all."""
    NOT_REACHED = "not_reached"
    """Given up after enough attempts."""


class Tried(StrEnum):
    """What came of ringing him once."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REFUSED = "refused"
    """He answered, and wants nothing any more."""
    WRONG_NUMBER = "wrong_number"


SPOKE = frozenset({Tried.REACHED, Tried.REFUSED})
"""Somebody was there: no further attempt is asked for."""


class Action(StrEnum):
    """What happens to the work; the word stands in its history."""

    OPENED = "opened"
    AGREED = "agreed"
    CALLER_LOST = "caller_lost"
    """He was lost once more."""
    CALLER_CORRECTED = "caller_corrected"
    """One of his calls was answered after all."""
    CLAIMED = "claimed"
    RELEASED = "released"
    TRIED = "tried"
    GIVEN_UP = "given_up"
    GOT_THROUGH = "got_through"
    REOPENED = "reopened"
    """What had closed it proved not to be so."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who rings him now, and until when nobody else does."""

    by: Person
    until: datetime


@dataclass(frozen=True, slots=True)
class CallBack:
    """The work.

    Attributes:
        number: to ring, normalised. branch: for which; empty: none.
        reason: of the last call that was lost. due_at: the earliest of its calls.
        lost_at: when he was lost last. calls: how often.
        attempts: so many were made. claim: who is at it.
        result, closed_at, closed_by: how it ended; `closed_by` a call of his, when that did.
    """

    id: UUID
    number: str
    branch: str
    reason: Lost
    opened_at: datetime
    lost_at: datetime
    due_at: datetime
    version: int = 0
    calls: int = 1
    attempts: int = 0
    claim: Claim | None = None
    result: Result | None = None
    closed_at: datetime | None = None
    closed_by: UUID | None = None

    @property
    def is_open(self) -> bool:
        """Somebody has to do it yet."""
        return self.result is None


@dataclass(frozen=True, slots=True)
class Manners:
    """How callers are called back.

    Attributes:
        lease: so long a claim lasts. least: so many attempts before he may be given up.
    """

    lease: timedelta = timedelta(minutes=10)
    least: int = 3


def claimed(work: CallBack, by: Person, now: datetime, manners: Manners) -> CallBack:
    """Claimed, or claimed for longer.

    Raises:
        NotAllowed: somebody else is at it, or it is done.
    """
    _require_open(work)
    if (claim := work.claim) is not None and claim.by.id != by.id and claim.until > now:
        raise NotAllowed(Why.OWNER, f"{claim.by.name} is calling this number back, until {claim.until.isoformat()}")
    return replace(work, version=work.version + 1, claim=Claim(by, now + manners.lease))


def released(work: CallBack, by: Person) -> CallBack:
    """Given back without an attempt; raises like `claimed`."""
    _require_claim(work, by)
    return replace(work, version=work.version + 1, claim=None)


def tried(work: CallBack, by: Person, now: datetime, result: Tried, note: str = "") -> CallBack:
    """After an attempt: done when somebody was there, else anybody's again; raises like `claimed`."""
    _require_claim(work, by)
    if len(note) > LONGEST:
        raise NotAllowed(Why.TEXT, f"write at most {LONGEST:,} characters")
    after = replace(work, version=work.version + 1, attempts=work.attempts + 1, claim=None)
    if result in SPOKE:
        return replace(after, result=Result.REACHED, closed_at=now)
    return after


def given_up(work: CallBack, by: Person, now: datetime, manners: Manners) -> CallBack:
    """He cannot be reached; raises like `claimed`, and for too few attempts. A supervisor may at any time."""
    _require_open(work)
    if not by.leads and work.attempts < manners.least:
        raise NotAllowed(Why.LACKING, f"{work.attempts} of at least {manners.least} attempts were made")
    if not by.leads and work.claim is not None and work.claim.by.id != by.id and work.claim.until > now:
        raise NotAllowed(Why.OWNER, f"{work.claim.by.name} is calling this number back")
    return replace(work, version=work.version + 1, claim=None, result=Result.NOT_REACHED, closed_at=now)


def clean(note: str) -> str:
    """As it can be stored."""
    return storable(note.strip())


def _require_open(work: CallBack) -> None:
    if work.result is not None:
        raise NotAllowed(Why.STATE, f"the call back is done: {work.result}")


def _require_claim(work: CallBack, by: Person) -> None:
    _require_open(work)
    if work.claim is None or work.claim.by.id != by.id:
        who = "nobody" if work.claim is None else work.claim.by.name
        raise NotAllowed(Why.OWNER, f"claim it first: {who} is calling this number back")
