"""Reconciliation of one PBX while it is followed: every minute, and soon after every gap, ledger against queue_log.

What of a call is still in the tracker is the tracker's; the rest is compared as the database has it. Where queue_log is
the better witness, the call is put right (`telephony.calls.healing`) through the same `Performer` as everything else.
docs/reconcile.md says what is believed when, and why.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from uuid import UUID

import structlog

from handlers.database import AWAY, trouble
from handlers.reading import Performs
from handlers.reconciling.doubted import Doubted
from handlers.reconciling.due import Due
from handlers.reconciling.held import EDGE, alone, aside, differences, goes_on, must_be_logged, newest, read_up_to
from handlers.reconciling.judging import Case, Judged, judge
from handlers.reconciling.logbook import COMPARED_KEPT, WORTH_READING_AGAIN, Logbook
from handlers.reconciling.neighbours import KEPT, Counts, Followed, Marks, Reconciled, Source
from handlers.reconciling.rereading import Begin, reread
from handlers.resume import channels_of
from telephony.calls.book import LiveCall
from telephony.calls.facts import Moment
from telephony.calls.healing import heal
from telephony.calls.record import CallRecord, call_id
from telephony.queuelog.reading import Read
from telephony.queuelog.reconcile import Difference
from telephony.queuelog.stays import Stay

TICK = 0.5
AT_ONCE = 2_000
"""Stays compared in one round; the next round follows at once when there are more."""
FEWER = 8
"""After a round that failed, so many times fewer stays; and more again after one that did not."""
SHOWN = 500
AT_A_STRETCH = 20
"""Calls put right before others have their turn."""
MARK_EVERY = timedelta(seconds=1)
A_DAY = timedelta(days=1)
MAX_LATER = 50_000
MARK = "compared"
"""Of the journal: the position before which all is compared that queue_log told, when the PBX was not heard, up to when
the lines before that position came in order, and before when nothing is believed."""


class Reconciler:
    """One PBX's.

    Args:
        pbx: its name.
        followed: who follows it.
        performer: performs what puts a call right.
        source: the database, and what waits to be written to it.
        counts: what is counted.
        now: this moment.
        marks: the journal; None: there is none.
        holes: how often lines of queue_log were lost so far.

    Attributes:
        last: the newest round. last_differences: the newest that found any.
        turn: taken during a round, in which the calls of this PBX are put right: others who do that take it, too.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its neighbours
        self,
        pbx: str,
        followed: Followed,
        performer: Performs,
        source: Source,
        counts: Counts,
        now: Callable[[], Moment],
        marks: Marks | None = None,
        holes: Callable[[], int] = lambda: 0,
    ) -> None:
        self.log = Logbook()
        self.turn = asyncio.Lock()
        self.last: Reconciled | None = None
        self.last_differences: Reconciled | None = None
        self._pbx, self._followed, self._performer = pbx, followed, performer
        self._source, self._counts, self._now, self._holes = source, counts, now, holes
        self._marks, self._marked_at = marks, timedelta()
        self._holes_seen = holes()
        self._given_up = 0
        self._due = Due(followed)
        self._began: Moment | None = now()
        self._joined_to: datetime | None = None
        self._since: datetime | None = None
        self._later: list[UUID] = []
        self._extra: dict[tuple[UUID, int], None] = {}
        self._found: list[Judged] = []
        self._unsure: set[UUID] = set()
        self._doubted = Doubted()
        self._away = False
        self._at_once = AT_ONCE
        self._failed: int | None = None
        self._log = structlog.get_logger(__name__).bind(pbx=pbx)

    def heard(self, read: Read, at: Moment) -> None:
        """Lines of queue_log, live or out of the journal."""
        if self._holes() != self._holes_seen:
            self._holes_seen = self._holes()
            self.log.hole()
        self.log.feed(read, at, self._followed.reading.position)

    def mark(self) -> None:
        """Tell the journal from where on a restart must read queue_log again for what is not compared yet."""
        now = self._now()
        if self._marks is None or self._followed.recovering or now.mono - self._marked_at < MARK_EVERY:
            return
        self._marked_at = now.mono
        reading = self._followed.reading
        heard = reading.pbx_time(now)
        unheard = reading.unheard.kept(heard - COMPARED_KEPT - WORTH_READING_AGAIN, heard)
        self._bound()
        order = [at and at.isoformat() for at in (self.log.in_order_to, self.log.begins)]
        self._marks.mark(MARK, json.dumps([self.log.needed_from or reading.position + 1, unheard, *order]).encode())

    async def hear_again(self, begin: Begin, marks: Mapping[str, bytes]) -> None:
        """What an earlier process heard and had not compared, up to where the reading begins; before that.

        Args:
            begin: reads it.
            marks: of the journal.

        Raises:
            OSError, sqlite3.Error: the journal cannot be read.
        """
        try:
            since, unheard, *more = json.loads(marks.get(MARK, b"null"))
            order, begins = (datetime.fromisoformat(at) if at else None for at in (*more, None, None)[:2])
            self.log.go_on_from(order)
            self.log.begins = begins
            self._followed.reading.unheard.restore(unheard)
        except (TypeError, ValueError):  # there is none, or it is not ours: all before the first listing was unheard
            return
        self._began = None
        await reread(self.log, begin, int(since))

    async def run(self) -> None:
        """A round whenever one is due, until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            self.mark()
            now = self._now()
            if self.is_due(now.mono):
                await self.attempt(now)

    def is_due(self, now: timedelta) -> bool:
        """Whether a round is due."""
        return self._due.is_due(now)

    async def attempt(self, now: Moment) -> None:
        """A round; should it fail, its stays wait for the next."""
        self._due.begins(now.mono)
        try:
            async with self.turn:
                more = await self.round(now)
            if more:
                self._due.more(now.mono)
            self._away, self._at_once, self._failed = False, min(AT_ONCE, self._at_once * FEWER), None
        except AWAY as error:
            if not self._away:
                self._log.warning("reconciliation_waits", error=trouble(error))
            self._away = True
            self._due.fails(now.mono)
        except Exception:  # noqa: BLE001 - whatever it is, the measuring goes on
            self._log.exception("reconciliation_failed", stays=min(self._at_once, len(self.log.waiting)))
            self._single_out(now.mono)

    def _single_out(self, now: timedelta) -> None:
        """One stay that cannot be compared is not to keep the others from it: fewer at once, until it is found."""
        first = next(iter(self.log.waiting), None)
        if self._at_once > 1 and len(self.log.waiting) > 1:
            self._at_once = max(1, min(self._at_once, len(self.log.waiting)) // FEWER)
            self._due.fails(now)
        elif first is not None and first != self._failed:
            self._failed = first  # it may be the round, and not the stay: once more
        elif first is not None:
            self._log.error("stay_not_compared", stay=repr(self.log.give_up(first))[:SHOWN])
            self._failed = None

    async def round(self, now: Moment) -> bool:
        """Compare what has ended; whether there is more.

        Raises:
            handlers.database.AWAY: nothing was changed.
        """
        log = self.log
        log.take_ended(now.mono)
        self._bound()
        self._tell_given_up()
        more = len(log.waiting) > self._at_once
        stays = dict(islice(log.waiting.items(), self._at_once))
        # Where more waits than is looked at, nobody can say what queue_log lacks.
        until = None if more else read_up_to(log.newest, self._followed.reading.pbx_time(now))
        calls, alive = await self._known(list(stays.values()), until)
        compared = list(stays.values()), log.known, self._since, tuple(log.boots.ends)
        found = await aside(partial(differences, calls, *compared))
        over = {call.id for call in calls} - alive
        kept = self._not_durable(calls, stays.values())
        told = self._told(found, stays, over, until)
        unheard = self._followed.reading.unheard
        kept |= (doubted := self._doubted.put_off(told, stays, log.waiting, unheard, now.mono))
        kept |= await self._close([one for one in told if id(one.stay) not in doubted], calls, alive, now)
        log.done([number for number, stay in stays.items() if id(stay) not in kept])
        log.later([number for number, stay in stays.items() if id(stay) in kept])
        self._joined_to = until or self._joined_to
        self._keep(now, len(stays) - len(kept))
        return more and len(kept) < len(stays)

    def _bound(self) -> None:
        """Whoever reads for the first time need not know what was before: a line that tells of it is old, or forged."""
        if self._began is not None:
            self.log.begins = self._followed.reading.pbx_time(self._began) - EDGE

    # --- what is known ---

    async def _known(self, stays: Sequence[Stay], until: datetime | None) -> tuple[list[CallRecord], set[UUID]]:
        """What the ledger has about these stays, and of who joined since the last round; and which of it goes on."""
        log, source = self.log, self._source
        live = self._live()
        named = {name for stay in stays for name in (stay.uniqueid, stay.left_as) if name}
        going_on = {call.id: call for name in named if (call := live.get(name)) is not None}
        found = {call.id: call for call in source.pending()}  # first: what is written meanwhile is in either
        since = max(filter(None, (self._joined_to or log.covers, until and until - COMPARED_KEPT)), default=None)
        self._since = since or until
        if since is not None and until is not None and since < until:
            newest(found, await source.joined(since, until))
        ids = {call_id(self._pbx, name) for name in named} | set(self._later)
        newest(found, await source.named(ids - set(found), []))
        book = self._followed.reading.tracker.book
        newest(found, [book.record(call) for call in going_on.values()])
        known = list(found.values())
        if near := await aside(lambda: alone(known, stays)):
            newest(found, await source.named([], near))
        on = goes_on(self._live())
        alive = {id_ for id_, call in found.items() if call.uniqueid in on or self._may_go_on(call)}
        ends = ((call.id, visit.left_at) for call in known for visit in call.visits)
        late = {id_ for id_, left_at in ends if until is not None and left_at is not None and left_at > until}
        self._later = list(alive | late)[:MAX_LATER]
        return list(found.values()), alive

    def _may_go_on(self, call: CallRecord) -> bool:
        """A row without an end, which nobody may ever close: for a day it may be somebody's."""
        newest = self.log.newest
        return call.ended_at is None and newest is not None and call.arrived_at > newest - A_DAY

    def _live(self) -> dict[str, LiveCall]:
        """All channels of calls that the tracker still has."""
        book = self._followed.reading.tracker.book
        live = {channel: call for call in book.calls.values() for channel in (call.root, *channels_of(call))}
        live |= {visit.waited_as: call for call in book.calls.values() for visit in call.visits if visit.waited_as}
        return live | {name: leg.call for name, leg in book.legs.items() if leg.call is not None}

    def _not_durable(self, calls: Sequence[CallRecord], stays: Iterable[Stay]) -> set[int]:
        """The stays of calls that were put right and may not be in the database yet: a restart must see them again."""
        self._unsure &= {call.id for call in self._source.pending()}
        names = {visit.uniqueid for call in calls if call.id in self._unsure for visit in call.visits}
        return {id(stay) for stay in stays if names and {stay.uniqueid, stay.left_as} & names}

    # --- what differs ---

    def _told(
        self, found: Sequence[Difference], stays: Mapping[int, Stay], over: set[UUID], until: datetime | None
    ) -> list[Difference]:
        """Without what was told before, and what queue_log need not have yet."""
        now = {id(stay) for stay in stays.values()}
        told = [one for one in found if one.stay is not None and id(one.stay) in now]
        extra = [(one, one.visit) for one in found if one.stay is None and one.visit is not None]
        for one, visit in extra:
            key = visit.call, visit.ordinal
            if visit.call in over and key not in self._extra and must_be_logged(visit, self.log.covers, until):
                self._extra[key] = None
                told.append(one)
        while len(self._extra) > MAX_LATER:
            del self._extra[next(iter(self._extra))]
        return told

    async def _close(
        self, differences: Sequence[Difference], calls: Sequence[CallRecord], alive: set[UUID], now: Moment
    ) -> set[int]:
        """Put right what queue_log knows better, and count what differed.

        Returns:
            The stays (by `id`) of calls that go on, or were put right: they are looked at again.
        """
        cases = judge(self._pbx, calls, differences, self.log, self._followed.reading.unheard)
        adopted = [case.call for case in cases if case.heals and case.call is not None and case.call.id not in alive]
        if adopted:
            await self._source.adopt(adopted)
        kept: set[int] = set()
        self._found = []
        for some in range(0, len(cases), AT_A_STRETCH):
            live = goes_on(self._live())  # nobody else's turn from here on: what the tracker has now it keeps
            for case in cases[some : some + AT_A_STRETCH]:
                if (case.call is not None and case.call.id in alive) or not case.channels.isdisjoint(live):
                    kept |= {id(stay) for stay in case.stays}
                else:
                    self._close_one(case, now)
                    kept |= {id(stay) for stay in case.stays if case.findings}  # until that is in the database
            await asyncio.sleep(0)
        return kept

    def _close_one(self, case: Case, now: Moment) -> None:
        if case.heals:
            reading = self._followed.reading
            healed = heal(case.call, self._pbx, case.findings, reading.position, case.twice)
            for call in [one for one in reading.tracker.book.calls.values() if one.id == healed.call.id]:
                reading.tracker.book.drop(call)  # it was over, and knows less
            self._performer.perform(healed.effects, now)
            self._unsure.add(healed.call.id)
        for difference in case.differences:
            self._counts.mismatch(self._pbx, difference.of.kind, healed=difference.healed)
        self._found += case.differences

    def _tell_given_up(self) -> None:
        given_up, self._given_up = self.log.given_up - self._given_up, self.log.given_up
        if given_up:
            self._counts.uncompared(self._pbx, given_up)
            self._log.error("stays_not_compared", stays=given_up, remedy="threerings reconcile --since …")

    def _keep(self, now: Moment, compared: int) -> None:
        told = self._found
        healed = sum(one.healed for one in told)
        self.last = Reconciled(now.wall, compared, tuple(told[:KEPT]), healed, len(self.log.waiting))
        if told:
            self.last_differences = self.last
            by_kind = {kind: sum(one.of.kind == kind for one in told) for kind in {one.of.kind for one in told}}
            self._log.warning("ledger_differs", compared=compared, healed=healed, **by_kind)


__all__ = ["Followed", "Reconciled", "Reconciler", "Source"]
