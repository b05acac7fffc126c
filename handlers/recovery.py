"""At the start: what the process before us had read is read again out of the journal, and nothing is done twice.

The entries go through the same `Reading` as they did live, in the same order, so the calls are what they were; only
what was decided is not counted again. What is not in the database yet is saved, whose rows are newer is left alone by
the revision, which holds the journal's position (and whose row rests on what is nowhere in it: `handlers.outlived`).
"""

import asyncio
import dataclasses
import time
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from operator import attrgetter
from typing import get_args
from uuid import UUID

import structlog

from handlers.journaling import Loader
from handlers.reading import Entry, Performs, Reading
from handlers.resume import Resume
from telephony.calls.effects import Effect, SaveCall
from telephony.calls.facts import Channel, Fact, Moment, SnapshotTaken
from telephony.calls.record import CallRecord, position_of
from telephony.journal.record import Record

AT_ONCE = 2_000
"""Records fetched at a time."""
SLICE = 0.01
"""Seconds of reading at a stretch: others, who answer PBXs, take their turn in between."""
TOLD_EVERY = 5.0
MAX_TOLD = 10
"""Records on which reading failed that are told of one by one."""
MAX_HOLES = 1_000
"""Holes of a journal that are told apart; what lies between later ones counts as not read."""
log = structlog.get_logger(__name__)


class Unread:
    """The positions of a journal that were not read.

    Args:
        start: where reading begins; what was before is over and saved, or was read at its time.
    """

    def __init__(self, start: int) -> None:
        self._next = start
        self._from: list[int] = []
        self._to: list[int] = []

    def read(self, position: int) -> None:
        """This one was, after all lower ones."""
        if position > self._next:
            if len(self._from) < MAX_HOLES:
                self._from.append(self._next)
                self._to.append(position)
            else:
                self._to[-1] = position
        self._next = position + 1

    def __contains__(self, position: int) -> bool:
        """Whether nothing of it is known."""
        hole = bisect_right(self._from, position) - 1
        return position >= self._next or (hole >= 0 and position < self._to[hole])


@dataclass(slots=True)
class Recovered:
    """What came out of the journal.

    Attributes:
        records: how many were read.
        calls: the newest state of each call that may not be in the database yet, or goes on.
        states: the newest of all calls that were rebuilt, by id.
        ends: the positions of all states in which a call was over, by its id.
        unread: what the journal does not say.
        failed: records on which reading failed.
    """

    records: int = 0
    calls: list[CallRecord] = field(default_factory=list)
    states: dict[UUID, CallRecord] = field(default_factory=dict)
    ends: dict[UUID, set[int]] = field(default_factory=dict)
    unread: Unread = field(default_factory=lambda: Unread(1))
    failed: int = 0

    @property
    def known(self) -> set[UUID]:
        """Ids of all calls that were rebuilt: rows of theirs are nothing that was left open."""
        return set(self.states)


class Remembers:
    """Performs nothing; remembers the newest state of each call, and at which positions it was over."""

    def __init__(self) -> None:
        self.calls: dict[UUID, CallRecord] = {}
        self.ends: dict[UUID, set[int]] = {}

    def perform(self, effects: Iterable[Effect], _at: Moment, /) -> None:
        """Remember."""
        for effect in effects:
            if isinstance(effect, SaveCall):
                call = self.calls[effect.call.id] = effect.call
                if call.ended_at is not None and all(visit.outcome is not None for visit in call.visits):
                    self.ends.setdefault(call.id, set()).add(position_of(call.revision))


class SameClock:
    """Our monotonic clock of another boot of this machine, told on that of this one.

    Args:
        boot: of this machine.
        offset: what to add to the monotonic clock for the time since 1970.
    """

    def __init__(self, boot: str, offset: timedelta) -> None:
        self._boot, self._offset = boot, offset
        self._shift: dict[str, timedelta] = {boot: timedelta()}

    def told(self, record: Record) -> Record:
        """The same record, by the clock of now."""
        shift = self._shift.get(record.boot)
        if shift is None:
            shift = self._shift[record.boot] = record.offset - self._offset
        if not shift:
            return record
        return replace(record, mono=record.mono + shift, offset=record.offset - shift)


_VALUES: Mapping[type, Callable[[Fact], tuple[object, ...]]] = {
    kind: attrgetter("at", *(one.name for one in dataclasses.fields(kind))) for kind in get_args(Fact)
}
"""What a fact says, by its kind. With one name alone it would be no tuple, so one is told twice."""


class Skipping:
    """Facts without those about calls that are taken up from the database.

    Args:
        channels: theirs, as far as they were known.
        listed: a listing comes first.

    Attributes:
        before: names of the channels that were in this first listing: nothing that began later.
    """

    def __init__(self, channels: Iterable[str], *, listed: bool) -> None:
        self.before: set[str] = set()
        self._channels = set(channels)
        self._others: set[str] = set()
        self._listed = listed

    def __call__(self, fact: Fact) -> Fact | None:
        """The fact; None when it is about such a call; a listing without them."""
        if isinstance(fact, SnapshotTaken) and self._listed and fact.channels is not None:
            self._listed = False
            self.before = {name for one in fact.channels for name in (one.channel.uniqueid, one.channel.linkedid)}
        if not self._channels:
            return fact
        if isinstance(fact, SnapshotTaken):
            waiting = tuple(one for one in fact.waiting if not self._is_theirs(one.channel))
            channels = fact.channels
            if channels is not None:
                channels = tuple(one for one in channels if not self._is_theirs(one.channel))
            return replace(fact, waiting=waiting, channels=channels)
        return None if self._is_about(fact) else fact

    def _is_about(self, fact: Fact) -> bool:
        values = _VALUES[type(fact)](fact)
        about = [self._is_theirs(value) for value in values if isinstance(value, Channel)]
        return any(about) or any(isinstance(value, str) and value in self._channels for value in values)

    def _is_theirs(self, channel: Channel) -> bool:
        """Whose a channel is, it is from the first: one that meets them later is told as linked with them from then on.

        It is of a call of its own all the same (`Book.seat`), whose end is to be heard.
        """
        if channel.uniqueid in self._channels:
            return True
        if channel.linkedid not in self._channels or channel.uniqueid in self._others:
            self._others.add(channel.uniqueid)
            return False
        self._channels.add(channel.uniqueid)
        return True


def told_of(facts: Iterable[Fact]) -> set[str]:
    """The channels that these name, and what they are linked with."""
    named: set[str] = set()
    for fact in facts:
        for value in _VALUES[type(fact)](fact):
            if isinstance(value, Channel):
                named |= {value.uniqueid, value.linkedid}
    return named


class Recovery:
    """One PBX's calls, out of its journal.

    Args:
        reading: of this PBX, which nothing was given yet.
        resume: what to read.
        loader: makes entries of records.
        clock: see `SameClock`.
    """

    def __init__(self, reading: Reading, resume: Resume, loader: Loader, clock: SameClock) -> None:
        self._reading, self._resume, self._loader, self._clock = reading, resume, loader, clock
        self._remembers = Remembers()
        self._live: Performs = reading.performer
        self._records = self._last = self._failed = 0
        self._unread = Unread(resume.start)
        reading.performer = self._remembers
        reading.tracker.book.booted_at = resume.booted_at
        self._skipping = reading.skips = Skipping(resume.older, listed=resume.listed)
        if resume.listed:
            reading.begin_at_listing()

    def read(self, records: Sequence[Record]) -> None:
        """Some more records, in their order."""
        for record in records:
            if self._last and record.position > self._last + 1:
                self._reading.missed()
            self._last = record.position
            self._records += 1
            self._unread.read(record.position)
            try:
                entry: Entry | None = self._loader.load(self._clock.told(record))
                if entry is not None:
                    self._reading.take(entry, record.position)
            except Exception:  # it stands there at each start: without this one, the rest can be read
                self._failed += 1
                if self._failed <= MAX_TOLD:
                    log.exception("journal_record_failed", position=record.position, source=record.source)
                self._reading.missed()

    def end(self) -> Recovered:
        """What came out; from now on what is read is acted upon."""
        reading, resume = self._reading, self._resume
        reading.performer, reading.skips = self._live, None
        book = reading.tracker.book
        # What began before is over and saved: what a listing showed of it once more is no news.
        for live in [live for live in book.calls.values() if not self._is_ours(live.root, live.linkedid, live.since)]:
            book.drop(live)
        remembered = self._remembers.calls.values()
        ours = [call for call in remembered if self._is_ours(call.uniqueid, call.linkedid, call.since)]
        going_on = {call.id for call in book.calls.values()}
        calls = [call for call in ours if position_of(call.revision) > resume.saved or call.id in going_on]
        states, ends = {call.id: call for call in ours}, self._remembers.ends
        return Recovered(self._records, calls, states, ends, self._unread, self._failed)

    def _is_ours(self, root: str, linkedid: str, since: int) -> bool:
        """Whether a call began where the oldest one that is to be rebuilt did, or later."""
        return since >= self._resume.calls_from and not {root, linkedid} & self._skipping.before


async def recover(
    recovery: Recovery, records: Callable[[], Iterator[Record]], clock: Callable[[], float] = time.monotonic
) -> Recovered:
    """Read it all, letting others take their turn.

    Args:
        recovery: of one PBX.
        records: begins to read; blocking, called where nobody waits.
        clock: monotonic seconds.

    Raises:
        OSError, sqlite3.Error: the journal cannot be read.
    """
    # SQLite's connections belong to the thread that made them: one for all of it.
    thread = ThreadPoolExecutor(1, "journal")
    try:
        iterator = await asyncio.get_running_loop().run_in_executor(thread, records)
        try:
            await _recover(recovery, iterator, clock, thread)
        finally:
            if isinstance(iterator, Generator):
                thread.submit(iterator.close)
    finally:
        thread.shutdown(wait=False)
    return recovery.end()


async def _recover(
    recovery: Recovery, iterator: Iterator[Record], clock: Callable[[], float], thread: Executor
) -> None:
    loop = asyncio.get_running_loop()
    began = told = clock()
    count = 0
    while some := await loop.run_in_executor(thread, lambda: list(islice(iterator, AT_ONCE))):
        rest: Sequence[Record] = some
        while rest:
            turn_ends = clock() + SLICE
            done = 0
            while done < len(rest) and clock() < turn_ends:
                recovery.read(rest[done : done + 10])
                done += 10
            rest = rest[done:]
            await asyncio.sleep(0)
        count += len(some)
        if clock() - told >= TOLD_EVERY:
            told = clock()
            log.info("journal_being_read", records=count, seconds=round(told - began, 1))
