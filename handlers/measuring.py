"""Measures over an interval: the calls out of the database, summed by the pure core, and how far they are all there.

Only the database is asked. What this process knows and has not saved yet is waited for: the saver needs a twentieth of
a second. The calls in its memory could be merged in, but then a figure would depend on which process is asked, and
differ from what `export`, reports and dashboards read at the same moment.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from telephony.calls.record import CallRecord
from telephony.calls.spells import Spell
from telephony.standard.intervals import Intervals
from telephony.standard.measures_numbers import MOST, Numbers
from telephony.standard.measures_table import Complaint, Grouping, Selection, Table, Terms

SECONDS = 60.0
"""So long one question may take, its turn included."""
WAITING = 8
"""So many questions wait for their turn; one is answered at a time, so that calls always have the other half."""
SAVED_WITHIN = 2.0
"""Seconds for which the saver is waited for."""
LOOK = 0.02
NUMBERS_AT_ONCE = 500
RECENT = timedelta(hours=24)
"""What ended longer ago is not changed any more by a PBX that is not heard now."""


class Busy(Exception):  # noqa: N818 - what we are
    """As many questions wait as may."""


class Calls(Protocol):
    """The calls as of one instant: `telephony.cases.measured.Snapshot`."""

    def calls(
        self, since: datetime, until: datetime, pbxs: Collection[str], /
    ) -> AsyncGenerator[Sequence[CallRecord], None]:
        """Those that went on at any time of these, whole, in pieces."""
        ...

    def reached(
        self, callers: Collection[str], since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[tuple[str, datetime]], None]:
        """When one of these was answered or called."""
        ...

    def spells(
        self, since: datetime, until: datetime, pbxs: Collection[str], /
    ) -> AsyncGenerator[Sequence[Spell], None]:
        """What agents did at any time of these, in pieces; what goes on ends where it is not known any further."""
        ...

    async def heard(self) -> Mapping[str, datetime]:
        """Up to when it is known what the agents of each PBX did."""
        ...

    def complaints(
        self, since: datetime, until: datetime, pbxs: Collection[str], /
    ) -> AsyncGenerator[Sequence[Complaint], None]:
        """Those about the telephone service that were opened then."""
        ...


class Saves(Protocol):
    """How far calls are saved: `handlers.saver.SaverState`."""

    @property
    def backlog(self) -> int:
        """Calls with a state that is not durable."""
        ...

    @property
    def oldest_unsaved(self) -> timedelta | None:
        """Age of the oldest such state."""
        ...

    @property
    def dropped(self) -> int:
        """States given up."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        intervals: across. grouping: down. selection: what counts.
        known: groups that are there though nothing happened in them.
        numbers: who gave up and was never reached is asked for, too; it takes longer.
        agents: what agents did is asked for, too.
    """

    intervals: Intervals
    grouping: Grouping = Grouping.ALL
    selection: Selection = field(default_factory=Selection)
    known: tuple[str, ...] = ()
    numbers: bool = True
    agents: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known.

    Attributes:
        table: the sums.
        asked_at: by our clock.
        saved_until: all that was heard up to then is in it.
        known_from: what ended before may have been forgotten; None: nothing is.
        known_until: what ended by then is whole, as far as it was measured at all.
        reasons: why some of it may not be, in words.
        agents_until: what agents did is known up to then; None: nothing of it is told.
    """

    table: Table
    asked_at: datetime
    saved_until: datetime
    known_from: datetime | None
    known_until: datetime
    reasons: tuple[str, ...]
    agents_until: datetime | None = None

    @property
    def complete(self) -> bool:
        """Nothing will change any more but by a correction."""
        return not self.reasons

    def whole(self, number: int) -> bool:
        """Whether the interval of this number is over and known."""
        begins, ends = self.table.intervals.bounds[number : number + 2]
        until = self.known_until if self.agents_until is None else min(self.known_until, self.agents_until)
        return ends <= until and (self.known_from is None or begins >= self.known_from)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Whom it asks.

    Attributes:
        snapshot: opens the database.
        saver: how far calls are saved.
        troubles: why a PBX is not, or not fully, known, by its name; empty for those that are.
        now: the wall clock. monotonic: seconds.
        keep: calls are forgotten so long after they came; None: never.
        pbxs: that are followed: of others, what agents did is not waited for.
        pause: waits so many seconds; handed in so that tests need no time.
    """

    snapshot: Callable[[], AbstractAsyncContextManager[Calls]]
    saver: Callable[[], Saves]
    troubles: Callable[[], Mapping[str, str]]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    keep: timedelta | None = None
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    pbxs: tuple[str, ...] = ()


class Measuring:
    """Answers questions, one at a time.

    Args:
        around: whom it asks.
        terms: how is measured.
        seconds: limit for a question. waiting: so many wait for their turn.
        most_numbers: so many callers who gave up are remembered.
    """

    def __init__(
        self,
        around: Surroundings,
        terms: Terms,
        seconds: float = SECONDS,
        waiting: int = WAITING,
        *,
        most_numbers: int = MOST,
    ) -> None:
        self._around, self._terms, self._seconds, self._most = around, terms, seconds, waiting
        self._most_numbers = most_numbers
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def measure(self, question: Question) -> Answer:
        """The sums of what is asked.

        Raises:
            Busy: too many wait.
            TooManyGroups: it would be more rows than may be had.
            TimeoutError: it takes too long. Also of a database that does not answer.
            DatabaseUrlError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away.
        """
        if self._waiting >= self._most:
            raise Busy
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds), self._turn:
                return await self._measured(question)
        finally:
            self._waiting -= 1

    async def _measured(self, question: Question) -> Answer:
        asked_at = self._around.now().astimezone(UTC)
        saved_until = await self._saved(asked_at)
        numbers = Numbers(self._terms.reached_within, self._most_numbers) if question.numbers else None
        selection, intervals = question.selection, question.intervals
        table = Table(intervals, question.grouping, selection, self._terms, question.known, numbers)
        async with self._around.snapshot() as snapshot:
            pieces = snapshot.calls(intervals.since, intervals.until, selection.pbxs)
            async with aclosing(pieces):
                async for piece in pieces:
                    for call in piece:
                        table.add(call)
                    await self._around.pause(0)  # whoever reads the line of a PBX has his turn
            await self._complaints(snapshot, table, selection.pbxs)
            await self._reach(snapshot, table)
            agents_until = await self._attend(snapshot, table, selection.pbxs) if question.agents else None
        for counted, _ in enumerate(table.settle_numbers(saved_until), 1):
            if counted % NUMBERS_AT_ONCE == 0:
                await self._around.pause(0)
        return self._answer(table, asked_at, saved_until, agents_until)

    async def _attend(self, snapshot: Calls, table: Table, pbxs: Collection[str]) -> datetime | None:
        """What agents did; up to when that is known of all PBXs of which anything ever was."""
        pieces = snapshot.spells(table.intervals.since, table.intervals.until, pbxs)
        async with aclosing(pieces):
            async for piece in pieces:
                for spell in piece:
                    table.add_spell(spell)
                await self._around.pause(0)
        heard = await snapshot.heard()
        asked = [pbx for pbx in self._around.pbxs if not pbxs or pbx in pbxs]
        return min((heard[pbx] for pbx in asked if pbx in heard), default=None)

    async def _complaints(self, snapshot: Calls, table: Table, pbxs: Collection[str]) -> None:
        told = snapshot.complaints(table.intervals.since, table.intervals.until, pbxs)
        async with aclosing(told):
            async for some in told:
                for complaint in some:
                    table.complained(complaint)
                await self._around.pause(0)

    async def _reach(self, snapshot: Calls, table: Table) -> None:
        """Who of those who gave up was reached."""
        numbers = table.numbers
        if numbers is None or not numbers.callers:
            return
        until = table.intervals.until + numbers.within + timedelta(microseconds=1)
        told = snapshot.reached(tuple(numbers.callers), table.intervals.since, until)
        async with aclosing(told):
            async for some in told:
                for caller, at in some:
                    numbers.reached(caller, at)
                await self._around.pause(0)

    async def _saved(self, asked_at: datetime) -> datetime:
        """Wait until all that was known when it was asked is in the database, but not for long; up to when it is."""
        around = self._around
        began = around.monotonic()
        while (oldest := around.saver().oldest_unsaved) is not None:
            passed = around.monotonic() - began
            if oldest < timedelta(seconds=passed):
                break
            if passed >= SAVED_WITHIN:
                return asked_at + timedelta(seconds=passed) - oldest
            await around.pause(LOOK)
        return asked_at

    def _answer(self, table: Table, asked_at: datetime, saved_until: datetime, agents_until: datetime | None) -> Answer:
        since, until = table.intervals.since, table.intervals.until
        keep, dropped = self._around.keep, self._around.saver().dropped
        known_from = None if keep is None else asked_at - keep
        known_until, reasons = saved_until, list[str]()
        if until > asked_at:
            reasons.append("the time asked for is not over")
        if saved_until < min(asked_at, until):
            reasons.append("what was heard last is not in the database yet")
        if agents_until is not None and agents_until < min(asked_at, until):
            reasons.append(f"what agents did is known until {agents_until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
        if until > asked_at - RECENT and (troubles := self._around.troubles()):
            known_until = min(known_until, asked_at - RECENT)
            reasons += [f"{pbx}: {trouble}" for pbx, trouble in sorted(troubles.items())]
        if known_from is not None and since < known_from:
            reasons.append("calls of its beginning have been forgotten (database.keep_days)")
        if dropped:
            known_until = min(known_until, asked_at - RECENT)
            reasons.append(f"{dropped:,} states of calls could not be saved until the service is started again")
        if table.undecided:
            reasons.append("of some calls that have ended it is not decided yet how")
        if table.numbers is not None and table.numbers.overflowed:
            reasons.append("final_lost: more numbers gave up than are remembered")
        return Answer(table, asked_at, saved_until, known_from, known_until, tuple(reasons), agents_until)
