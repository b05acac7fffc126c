"""What can be done with a case, and where it stands afterwards: the whole table. Pure.

`STEPS` says which move is legal in which state and what state follows; what else a move asks for (a plan, an owner, a
filled-in form) is in `telephony.cases.rules`. What is not in the table is illegal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from telephony.cases.forms import Contact, Form
from telephony.cases.kinds import ACTIVE, DONE, UNRESOLVED, CaseKind, Channel, State, VisitOutcome
from telephony.cases.person import Person


class Move(StrEnum):
    """What happens to a case; the word stands in its history."""

    OPENED = "opened"
    FIRST_ANSWERED = "first_answered"
    RECORDED = "recorded"
    ASKED_CALLER = "asked_caller"
    ASKED_DEPARTMENT = "asked_department"
    RESUMED = "resumed"
    PLANNED = "planned"
    ANSWERED = "answered"
    VISIT_TRIED = "visit_tried"
    VISIT_MADE = "visit_made"
    PROBLEM_FOUND = "problem_found"
    CLOSED = "closed"
    ARCHIVED = "archived"
    REOPENED = "reopened"
    TAKEN = "taken"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    UNMERGED = "unmerged"
    ABSORBED = "absorbed"
    """Another case became a part of this one."""
    RELEASED = "released"
    """It is a part of it no more."""
    CALL_JOINED = "call_joined"
    CALL_PARTED = "call_parted"


@dataclass(frozen=True, slots=True)
class Opened:
    """A person opens a case: another matter of a call, or one without a call."""

    move = Move.OPENED


@dataclass(frozen=True, slots=True)
class FirstAnswered:
    """The machine saw who answered first; None: nobody did, as it proved.

    Attributes:
        person: whose the case is. branch: of the queue or line.
        agent: who answered, whatever account he had then; empty: nobody, or it was no call that said so.
    """

    person: Person | None
    branch: str
    agent: str = ""
    move = Move.FIRST_ANSWERED


@dataclass(frozen=True, slots=True)
class Record:
    """The form is filled in, or put right."""

    kind: CaseKind
    form: Form
    advice: bool = False
    move = Move.RECORDED


@dataclass(frozen=True, slots=True)
class AskCaller:
    """Nothing can be done until the caller tells more."""

    move = Move.ASKED_CALLER


@dataclass(frozen=True, slots=True)
class AskDepartment:
    """Another department has to do something; with a complaint, when and with whom was spoken is written down."""

    contact: Contact | None = None
    move = Move.ASKED_DEPARTMENT


@dataclass(frozen=True, slots=True)
class Resume:
    """What was waited for has come."""

    move = Move.RESUMED


@dataclass(frozen=True, slots=True)
class Plan:
    """How a complaint will be handled. `due`: earlier than the set period ends; None: when it ends."""

    text: str
    due: datetime | None = None
    move = Move.PLANNED


@dataclass(frozen=True, slots=True)
class Answer:
    """The caller was told what became of it."""

    text: str
    move = Move.ANSWERED


@dataclass(frozen=True, slots=True)
class ReturnVisit:
    """He was called back, or sent a text message, to hear whether all is well."""

    channel: Channel
    outcome: VisitOutcome
    note: str = ""

    @property
    def move(self) -> Move:
        """By its outcome."""
        if self.outcome is VisitOutcome.PROBLEM:
            return Move.PROBLEM_FOUND
        return Move.VISIT_MADE if self.outcome in DONE else Move.VISIT_TRIED


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing is left to do."""

    move = Move.CLOSED


@dataclass(frozen=True, slots=True)
class Archive:
    """It is put away for good."""

    move = Move.ARCHIVED


@dataclass(frozen=True, slots=True)
class Reopen:
    """It is not over after all."""

    reason: str
    move = Move.REOPENED


@dataclass(frozen=True, slots=True)
class Take:
    """Somebody takes what nobody owns, or as its supervisor what somebody does."""

    move = Move.TAKEN


@dataclass(frozen=True, slots=True)
class Offer:
    """It is offered to somebody else."""

    to: Person
    move = Move.OFFERED


@dataclass(frozen=True, slots=True)
class Accept:
    """He takes it: from now on it is his."""

    move = Move.ACCEPTED


@dataclass(frozen=True, slots=True)
class Refuse:
    """He does not."""

    reason: str
    move = Move.REFUSED


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The offer is taken back."""

    move = Move.WITHDRAWN


@dataclass(frozen=True, slots=True)
class MergeInto:
    """It becomes a part of another case."""

    into: UUID
    move = Move.MERGED


@dataclass(frozen=True, slots=True)
class Unmerge:
    """It is a case of its own again, where it stood before."""

    move = Move.UNMERGED


@dataclass(frozen=True, slots=True)
class Absorb:
    """Another case becomes a part of it."""

    case: UUID
    move = Move.ABSORBED


@dataclass(frozen=True, slots=True)
class Release:
    """And is one no more."""

    case: UUID
    move = Move.RELEASED


@dataclass(frozen=True, slots=True)
class JoinCall:
    """Another call is about it, too."""

    call: UUID
    move = Move.CALL_JOINED


@dataclass(frozen=True, slots=True)
class PartCall:
    """A call is not about it after all, or goes to a case of its own."""

    call: UUID
    move = Move.CALL_PARTED


Step = (
    Opened | FirstAnswered | Record | AskCaller | AskDepartment | Resume | Plan | Answer | ReturnVisit | Close | Archive
    | Reopen | Take | Offer | Accept | Refuse | Withdraw | MergeInto | Unmerge | Absorb | Release | JoinCall | PartCall
)  # fmt: skip

_WAITING = (State.WAITING_CALLER, State.WAITING_DEPARTMENT)
_STAYING = (
    (Move.RECORDED, ACTIVE),
    (Move.PLANNED, UNRESOLVED),
    (Move.VISIT_TRIED, ACTIVE | {State.CLOSED}),
    (Move.VISIT_MADE, {State.ANSWERED, State.CLOSED}),
    (Move.TAKEN, ACTIVE),
    (Move.OFFERED, ACTIVE),
    (Move.ACCEPTED, ACTIVE),
    (Move.REFUSED, ACTIVE),
    (Move.WITHDRAWN, ACTIVE),
    (Move.ABSORBED, ACTIVE),
    (Move.RELEASED, ACTIVE | {State.CLOSED, State.ARCHIVED}),
    (Move.CALL_JOINED, ACTIVE),
    (Move.CALL_PARTED, ACTIVE),
    (Move.FIRST_ANSWERED, set(State)),
)


def _steps() -> Iterator[tuple[tuple[State, Move], State]]:
    for move, states in _STAYING:
        yield from (((state, move), state) for state in states)
    begins = (Move.OPENED, Move.RECORDED, Move.TAKEN, Move.OFFERED, Move.ABSORBED, Move.CALL_JOINED)
    yield from (((State.LOGGED, move), State.OPEN) for move in begins)
    yield from (((state, Move.ASKED_CALLER), State.WAITING_CALLER) for state in UNRESOLVED)
    yield from (((state, Move.ASKED_DEPARTMENT), State.WAITING_DEPARTMENT) for state in UNRESOLVED)
    yield from (((state, Move.RESUMED), State.OPEN) for state in _WAITING)
    yield from (((state, Move.ANSWERED), State.ANSWERED) for state in UNRESOLVED)
    yield from (((state, Move.VISIT_MADE), State.ANSWERED) for state in UNRESOLVED)
    yield from (((state, Move.PROBLEM_FOUND), State.OPEN) for state in ACTIVE | {State.CLOSED})
    yield (State.ANSWERED, Move.CLOSED), State.CLOSED
    yield (State.CLOSED, Move.ARCHIVED), State.ARCHIVED
    yield from (((state, Move.REOPENED), State.OPEN) for state in (State.ANSWERED, State.CLOSED))
    yield from (((state, Move.MERGED), State.MERGED) for state in ACTIVE | {State.LOGGED, State.CLOSED})
    yield (State.MERGED, Move.UNMERGED), State.OPEN  # or where it stood before


STEPS: Mapping[tuple[State, Move], State] = dict(_steps())
"""From where, by which move, to where."""
