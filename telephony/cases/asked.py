"""What a call says of who was asked first, and of who has to be called back (STD-FIRST-ASKED). Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from telephony.calls.record import CallRecord, Direction, Kind, OfferResult, Outcome, VisitRecord
from telephony.cases.callback import Lost
from telephony.standard.calendar import Calendar
from telephony.standard.deadlines import NeverOpen, call_back_by
from telephony.standard.hours import DAYS, parse_period

_NUMBER = re.compile(r"\+?\(?[0-9](?:[ ().-]{0,2}[0-9]){2,31}")
WITHIN = timedelta(minutes=60)


def always(zone: ZoneInfo) -> Calendar:
    """Open day and night: of a branch of which nobody says when it is."""
    return Calendar(zone, (parse_period(f"{DAYS[0]}-{DAYS[-1]} 00:00-24:00"),))


def as_dialled(caller: str) -> str:
    """The number as it is called back, where nobody knows better: its digits; empty for what is no number."""
    if not _NUMBER.fullmatch(caller):
        return ""
    return ("+" if caller.startswith("+") else "") + "".join(filter(str.isdigit, caller))


@dataclass(frozen=True, slots=True)
class House:
    """What is known of the places that callers seek.

    Attributes:
        zone: of the site.
        branches: by kind and name of a queue or line.
        calendars: the same; what is missing is always open.
        dialled: the queue behind a dialled number, for callers who never came to one.
        within: so much working time after he gave up, somebody calls back.
        normalised: a caller's number as it is called back; empty: he cannot be.
    """

    zone: ZoneInfo
    branches: Mapping[tuple[Kind, str], str] = field(default_factory=dict)
    calendars: Mapping[tuple[Kind, str], Calendar] = field(default_factory=dict)
    dialled: Mapping[str, str] = field(default_factory=dict)
    within: timedelta = WITHIN
    normalised: Callable[[str], str] = as_dialled

    def calendar_of(self, place: tuple[Kind, str] | None) -> Calendar:
        """When somebody should be there."""
        found = self.calendars.get(place) if place is not None else None
        return always(self.zone) if found is None else found


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody answered.

    Attributes:
        agent: who did first; empty: nobody knows. interface: his phone; empty: the same.
        branches: through which the caller got through.
    """

    at: datetime
    pbx: str
    agent: str
    branch: str
    branches: frozenset[str]
    interface: str = ""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody did, and nobody will. `number`: to call back; empty: he hides it."""

    at: datetime
    number: str
    branch: str
    reason: Lost
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """It goes on, or is none that anybody would have answered. `branch`: where he is."""

    branch: str


Said = Answered | Unanswered | Pending


def asked(call: CallRecord, house: House) -> Said:
    """What this state of a call says; a later one may say something else."""
    place = _place(call, house)
    branch = "" if place is None else house.branches.get(place, "")
    answers = [
        (visit.answered_at, visit.ordinal, visit)
        for visit in call.visits
        if visit.outcome is Outcome.ANSWERED and visit.answered_at is not None
    ]
    if answers:
        at, _, visit = min(answers)
        own = house.branches.get((visit.kind, visit.queue), "")
        return Answered(at, call.pbx, visit.agent or "", branch, frozenset({branch, own}), _phone(visit))
    if call.direction is not Direction.INBOUND or call.ended_at is None:
        return Pending(branch)
    if any(visit.outcome is None for visit in call.visits):
        return Pending(branch)
    calendar = house.calendar_of(place)
    closed = not calendar.is_open(call.arrived_at)
    if place is None or not (call.visits or closed):
        return Pending(branch)
    reason = Lost.AFTER_HOURS if closed else _reason(call.visits[-1])
    # Who rang when it was closed is called back by when it opened after that, however long he listened.
    since = call.arrived_at if closed else call.ended_at
    due = _due(calendar, since, house.within)
    return Unanswered(call.ended_at, house.normalised(call.caller), branch, reason, due)


def agreed_by(house: House, place: tuple[Kind, str], at: datetime) -> datetime:
    """By when somebody is called back to whom it is promised now."""
    return _due(house.calendar_of(place), at, house.within)


def _phone(visit: VisitRecord) -> str:
    """Of who answered first: with a hand-over, others answered later."""
    found = [
        (offer.answered_at or offer.called_at, offer.interface)
        for offer in visit.offers
        if offer.result is OfferResult.ANSWERED and offer.agent == visit.agent
    ]
    return min(found)[1] if found else ""


def _place(call: CallRecord, house: House) -> tuple[Kind, str] | None:
    if call.visits:
        return call.visits[0].kind, call.visits[0].queue
    queue = house.dialled.get(call.dialled)
    return None if queue is None else (Kind.QUEUE, queue)


def _reason(last: VisitRecord) -> Lost:
    if last.outcome is Outcome.ABANDONED:
        return Lost.ABANDONED
    return Lost.UNKNOWN if last.outcome is Outcome.LOST else Lost.UNANSWERED


def _due(calendar: Calendar, since: datetime, within: timedelta) -> datetime:
    try:
        return call_back_by(calendar, since, within)
    except NeverOpen:
        return since + within
