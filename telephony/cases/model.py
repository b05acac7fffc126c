"""A case as it is known now: frozen values that rules change by making new ones. Pure.

Times are aware UTC datetimes. `None` means that it has not happened.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from telephony.cases.forms import Form
from telephony.cases.kinds import CaseKind, Channel, State, VisitOutcome
from telephony.cases.person import Person
from telephony.standard.calendar import Calendar
from telephony.standard.deadlines import NeverOpen, end_of_working_day


@dataclass(frozen=True, slots=True)
class Note:
    """What was written, and when."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Visit:
    """The return visit that was made last (STD-RETURN-VISIT)."""

    at: datetime
    channel: Channel
    outcome: VisitOutcome
    note: str = ""


@dataclass(frozen=True, slots=True)
class Handover:
    """The case is offered to somebody; until he accepts, its owner is who he was (STD-FIRST-ASKED)."""

    to: Person
    by: Person
    at: datetime


@dataclass(frozen=True, slots=True)
class Merged:
    """It is a part of another case. `state`: where it stood, to which it goes back when it is taken out again."""

    into: UUID
    state: State


@dataclass(frozen=True, slots=True)
class Case:
    """One matter.

    Attributes:
        id: for ever the same. number: as people are told it. opened_at: when.
        call: that opened it; None when a person did.
        version: grows by one with each change.
        branch: to which it belongs; empty: to none.
        owner: who sees to it (STD-FIRST-ASKED); None: nobody has answered yet.
        handover: to whom it is offered.
        advice: investment advice was given: nobody of marketing may own it (STD-SEPARATION).
        worked: a person has done something with it; until then it belongs to the machine, which corrects it.
        form: what is written down of it, by its kind.
        due_at: by when the next thing is due.
        plan, feedback, visit: of a complaint the required steps; `feedback` is the answer of any kind.
    """

    id: UUID
    opened_at: datetime
    number: str = ""
    call: UUID | None = None
    version: int = 0
    state: State = State.LOGGED
    kind: CaseKind = CaseKind.UNKNOWN
    branch: str = ""
    owner: Person | None = None
    handover: Handover | None = None
    advice: bool = False
    worked: bool = False
    form: Form = field(default_factory=Form)
    due_at: datetime | None = None
    plan: Note | None = None
    feedback: Note | None = None
    visit: Visit | None = None
    closed_at: datetime | None = None
    archived_at: datetime | None = None
    merged: Merged | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The set periods, in working days of the branch.

    Attributes:
        calendar: of the branch.
        complaint_days: to report back what was done about a complaint (STD-COMPLAINT). suggestion_days: to answer.
        visit_days: to make the return visit after that. problem_days: to mend what it found (STD-RETURN-VISIT).
    """

    calendar: Calendar
    complaint_days: int = 5
    suggestion_days: int = 10
    visit_days: int = 3
    problem_days: int = 3

    def due(self, at: datetime, days: int) -> datetime:
        """When so many working days are over; days of the week where the calendar never opens so often."""
        try:
            return end_of_working_day(self.calendar, at, days)
        except NeverOpen:
            return at + timedelta(days=days)
