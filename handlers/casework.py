"""The machine's part of casework: looks at the calls that were saved, for as long as the service runs.

It reads the database alone, so that nothing of it is lost when a process ends, and whatever is in trouble here waits:
nobody who follows or saves calls ever does for this.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from random import SystemRandom
from typing import Protocol

import structlog

from handlers.database import AWAY, trouble
from telephony.backoff import Backoff
from telephony.calls.record import Kind
from telephony.cases.asked import House, agreed_by, always, as_dialled
from telephony.cases.callback import Manners
from telephony.cases.callbacks import CallBacks
from telephony.cases.casebook import Casebook, Doing
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.counts import Counted, Counts
from telephony.cases.firstasked import FirstAsked, Looked
from telephony.cases.listing import Lists
from telephony.cases.model import Terms
from telephony.cases.person import Person
from telephony.cases.seats import Seat, Seats
from telephony.cases.timeline import Timeline
from telephony.cases.turns import Turns
from telephony.config import Config
from telephony.customers.numbers import Numbering
from telephony.metrics import CaseGauges
from telephony.standard.deadlines import Patience

EVERY = 1.0
"""Seconds between two looks when there is nothing to do."""
BREATH = 0.05
"""Seconds between two batches when there is much: whoever saves has the database in between."""
COUNT_EVERY = timedelta(seconds=15)
TRIM_EVERY = timedelta(hours=1)
RETRY_FIRST, RETRY_CAP = 0.5, 30.0
log = structlog.get_logger(__name__)


class Looks(Protocol):
    """`telephony.cases.firstasked.FirstAsked`."""

    async def look(self, at: datetime, /) -> Looked:
        """Look at some calls; none are left when it looked at none."""
        ...


class CountsCases(Protocol):
    """`telephony.cases.counts.Counts`."""

    async def counted(self, now: datetime, /) -> Counted:
        """How much there is to do."""
        ...

    async def forget_told(self, now: datetime, /) -> None:
        """Forget what was told for long enough."""
        ...


def house_of(config: Config) -> House:
    """What the configuration says of the places that callers seek. Reads holidays: not for the loop."""
    calendars, zone = config.calendars(), config.zone
    hours = config.hours_of()
    branches = {(Kind.QUEUE, queue): branch.name for branch in config.branch for queue in branch.queues}
    branches |= {(Kind.DIRECT, line): branch.name for branch in config.branch for line in branch.lines}
    return House(
        zone,
        branches,
        {(kind, name): calendars[named] for (kind, name, _), named in hours.items()},
        {number.dialled: number.queue for number in config.number if number.queue is not None},
        timedelta(minutes=config.cases.callback_minutes),
        normalised=partial(called_back, config.customers.numbering),
    )


def called_back(numbering: Numbering, caller: str) -> str:
    """A caller's number as it is called back: the same however trunks write it; empty: he cannot be."""
    number = numbering.read(caller).e164
    return as_dialled(caller) if number is None else numbering.dialled(number)


def terms_of(config: Config) -> Callable[[str], Terms]:
    """The set periods of each branch. Reads holidays: not for the loop."""
    calendars, asked = config.calendars(), config.cases
    days = {
        "complaint_days": asked.complaint_days,
        "suggestion_days": asked.suggestion_days,
        "visit_days": asked.visit_days,
        "problem_days": asked.problem_days,
    }
    terms = {branch.name: Terms(calendars[branch.hours], **days) for branch in config.branch if branch.hours}
    other = Terms(always(config.zone), **days)
    return lambda branch: terms.get(branch, other)


def seats_of(config: Config) -> Seats:
    """Every `[[agent]]`."""
    return Seats(
        [Seat(one.name, one.title or "", frozenset(one.interfaces), one.pbx) for one in config.agent],
        [pbx.name for pbx in config.pbx],
    )


def patience_of(config: Config) -> Patience:
    """When whom is told of what is due."""
    return Patience(timedelta(minutes=config.cases.remind_minutes), timedelta(minutes=config.cases.escalate_minutes))


class Casework:
    """Cases and call backs, as the configuration has them.

    Args:
        config: checked.
        database: its address.
    """

    def __init__(self, config: Config, database: str) -> None:
        self.take(config)
        self.seats = seats_of(config)
        turns = Turns(database)
        machine = Turns(database, "casework machine", connections=1, seconds=30)
        self.manners = Manners(timedelta(minutes=config.cases.claim_minutes), config.cases.attempts)
        self.book = Casebook(turns, self.periods)
        self.callbacks = CallBacks(turns, self.manners, self.periods)
        self.lists = Lists(turns)
        self.timeline = Timeline(turns)
        self.machine = FirstAsked(machine, lambda: self._house, self.periods, self.seats)
        self.counts = Counts(machine)
        self._turns = (turns, machine)

    def take(self, config: Config) -> None:
        """From now on, these hours and periods."""
        self._house, self._terms, self.patience = house_of(config), terms_of(config), patience_of(config)

    async def agreed(self, caller: str, place: tuple[Kind, str], by: Person, at: datetime) -> datetime | None:
        """Who talks now is promised a call back; by when. None: his number cannot be called.

        Raises:
            As `CallBacks`.
        """
        house = self._house
        number = house.normalised(caller)
        if not number:
            return None
        branch = house.branches.get(place, "")
        work = await self.callbacks.agree(number, branch, agreed_by(house, place, at), Doing(by, at))
        return work.due_at

    def periods(self, branch: str) -> Terms:
        """The set periods of a branch, as they are now."""
        return self._terms(branch)

    async def close(self) -> None:
        """Let the connections go."""
        for turns in self._turns:
            await turns.close()


class CaseWatch:
    """Looks, and counts.

    Args:
        machine: looks at calls. counts: counts cases.
        now: the wall clock.
        pause: waits so many seconds; handed in so that tests need no time.
    """

    def __init__(
        self,
        machine: Looks,
        counts: CountsCases,
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._machine, self._counts, self._now, self._pause = machine, counts, now, pause
        self._counted: Counted | None = None
        self._count_at = self._trim_at = now()
        self._refused = 0
        self._told = False

    def gauges(self) -> CaseGauges | None:
        """As counted last; None while it is not known."""
        counted = self._counted
        if counted is None:
            return None
        return CaseGauges(
            {kind.value: count for kind, count in counted.open.items()},
            {kind.value: count for kind, count in counted.overdue.items()},
            counted.callbacks,
            counted.callbacks_overdue,
            counted.waiting,
            self._refused,
        )

    async def run(self) -> None:
        """Look at what is saved, until cancelled.

        Raises:
            DatabaseUrlError: nothing ever will be.
        """
        backoff = Backoff(RETRY_FIRST, RETRY_CAP, SystemRandom())
        while True:
            try:
                looked = await self._once()
            except DatabaseUrlError:
                raise
            except AWAY as error:
                self._tell_once(trouble(error))
                await self._pause(backoff.next())
            except Exception:  # whatever it is, calls are followed and saved
                log.exception("casework_failed", remedy="none: tried again")
                await self._pause(RETRY_CAP)
            else:
                self._told = False
                backoff = Backoff(RETRY_FIRST, RETRY_CAP, SystemRandom())
                await self._pause(BREATH if looked else EVERY)

    async def _once(self) -> int:
        now = self._now()
        looked = await self._machine.look(now)
        self._refused += looked.refused
        if self._counted is None or not timedelta() <= now - self._count_at < COUNT_EVERY:
            self._counted, self._count_at = await self._counts.counted(now), now
        if not timedelta() <= now - self._trim_at < TRIM_EVERY:
            self._trim_at = now
            await self._counts.forget_told(now)
        return looked.calls

    def _tell_once(self, why: str) -> None:
        self._counted = None
        if not self._told:
            log.warning("casework_waits", error=why, remedy="none: it goes on when the database answers")
        self._told = True
