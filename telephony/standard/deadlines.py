"""By when something is due, in working time and working days, and what is to be done about it by now. Pure.

A working day is a day on which the calendar opens at all; the day on which something happens is not counted
(三个工作日: the three working days after it), and the last one counts until it closes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from telephony.standard.calendar import LOOK_AHEAD, ONE_DAY, Calendar

Subject = TypeVar("Subject")


class NeverOpen(ValueError):  # noqa: N818 - what it is
    """The calendar does not open often enough for anything to be due by it."""


def end_of_working_day(calendar: Calendar, instant: datetime, days: int) -> datetime:
    """When the so manyth working day after that of the instant closes (UTC); with 0 days, the first from it on.

    Args:
        calendar: of the branch.
        instant: aware.
        days: working days, the present one not among them.

    Raises:
        NeverOpen: there are not so many within `LOOK_AHEAD` days.
    """
    left = days
    for day in _days_from(calendar, instant, 1 if days else 0):
        closes = [end for _, end in calendar.openings(day)]
        if not closes or max(closes) <= instant:
            continue
        left -= 1
        if left <= 0:
            return max(closes)
    raise NeverOpen(f"the calendar opens on less than {max(days, 1)} of the next {LOOK_AHEAD} days")


def after_working_time(calendar: Calendar, instant: datetime, time: timedelta) -> datetime:
    """The instant (UTC) until which it has been open for so long since then; what is closed between does not count.

    Raises:
        NeverOpen: it does not open for so long within `LOOK_AHEAD` days.
    """
    left = time
    for day in _days_from(calendar, instant, -1):
        for opens, closes in calendar.openings(day):
            begins = max(opens, instant)
            if closes <= begins:
                continue
            if closes - begins >= left:
                return begins + left
            left -= closes - begins
    raise NeverOpen(f"the calendar opens for less than {time} in the next {LOOK_AHEAD} days")


def call_back_by(calendar: Calendar, instant: datetime, within: timedelta) -> datetime:
    """By when somebody is called back who rang at the instant, and whom nobody answered (STD-FIRST-ASKED).

    While it is open: within so much working time. When it is closed: on the next working day, until it closes.

    Raises:
        NeverOpen: nothing opens again.
    """
    if calendar.is_open(instant):
        return after_working_time(calendar, instant, within)
    opens = calendar.next_working_time(instant)
    if opens is None:
        raise NeverOpen(f"the calendar does not open in the next {LOOK_AHEAD} days")
    return end_of_working_day(calendar, opens, 0)


def _days_from(calendar: Calendar, instant: datetime, first: int) -> Iterator[date]:
    today = instant.astimezone(calendar.zone).date()
    return (today + ONE_DAY * ahead for ahead in range(first, LOOK_AHEAD))


class Urgency(StrEnum):
    """How a deadline stands, the most urgent last."""

    AHEAD = "ahead"
    SOON = "soon"
    """Who owns it is reminded."""
    OVERDUE = "overdue"
    """It is on the list of those overdue."""
    ESCALATED = "escalated"
    """The supervisor of the branch is told."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When whom is told.

    Attributes:
        remind: so long before it is due, its owner.
        escalate: so long after it was due, the supervisor.
    """

    remind: timedelta = timedelta(hours=1)
    escalate: timedelta = timedelta(hours=2)


def urgency(due: datetime, now: datetime, patience: Patience) -> Urgency:
    """How a deadline stands now. The moment itself is still in time."""
    if now > due + patience.escalate:
        return Urgency.ESCALATED
    if now > due:
        return Urgency.OVERDUE
    return Urgency.SOON if now >= due - patience.remind else Urgency.AHEAD


@dataclass(frozen=True, slots=True)
class Duty(Generic[Subject]):
    """Something that is due.

    Attributes:
        subject: what. branch: whose supervisor hears of it.
        owner: the id of who is to do it; None: nobody has it, so that its supervisor is told as soon as it is overdue.
        due: by when.
    """

    subject: Subject
    branch: str
    owner: str | None
    due: datetime


@dataclass(frozen=True, slots=True)
class Reminder(Generic[Subject]):
    """Whom to tell of what. `to_owner` None: nobody has it; `to_supervisor`: that of the duty's branch, too."""

    duty: Duty[Subject]
    urgency: Urgency
    to_owner: str | None
    to_supervisor: bool


def reminders(duties: Iterable[Duty[Subject]], now: datetime, patience: Patience) -> list[Reminder[Subject]]:
    """Whom to tell of what now, the most overdue first; what is not due soon is told to nobody."""
    found: list[Reminder[Subject]] = []
    for duty in sorted(duties, key=lambda duty: duty.due):
        how = urgency(duty.due, now, patience)
        if how is Urgency.AHEAD:
            continue
        orphan = duty.owner is None and how is Urgency.OVERDUE
        found.append(Reminder(duty, how, duty.owner, orphan or how is Urgency.ESCALATED))
    return found
