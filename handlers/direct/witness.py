"""Direct calls of one PBX held against channel events (CEL): what nobody heard of them comes into the ledger.

Unlike queue_log (`handlers.reconcile`) only gaps are looked at: what was heard is the tracker's alone, and is not
compared. What of a call is still in the tracker is the tracker's, too. docs/direct-calls.md says what is believed.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from handlers.database import AWAY, trouble
from handlers.direct.healing import heal
from handlers.reading import Performs
from handlers.reconciling.held import newest
from handlers.reconciling.neighbours import Counts, Followed, Marks, Source
from telephony.calls.facts import Channel, Interface, Moment, Uniqueid
from telephony.calls.record import CallRecord, Direction, Outcome, call_id
from telephony.cel.reading import Read
from telephony.cel.stays import Stay, Stays

TICK = 0.5
EVERY = timedelta(seconds=5)
GRACE = timedelta(seconds=10)
"""So long after its line was read, the end of a call's other channels may follow."""
DEATH_NOTICED_WITHIN = timedelta(seconds=30)
"""A line that is dead is found to be so only seconds later, and then nothing was heard of what was before."""
MARK_EVERY = timedelta(seconds=1)
WORTH_READING_AGAIN = timedelta(hours=1)
"""Who has been on the line for longer is no reason for a restart to read all of that again."""
GIVEN_UP_AFTER = timedelta(days=1)
"""So much earlier a call came that neither ends nor goes on."""
LIMIT = 50_000
AT_ONCE = 500
SECOND = timedelta(seconds=1)
MARK = "cel_compared"
"""Of the journal: the position before which all is in the ledger that channel events told."""

Begin = Callable[[int], Iterator[tuple[int, Read, Moment]]]
"""Reads what channel events told from a position of the journal on; blocking."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines that were read at once: where the journal has them, when that was, and the time of the last one."""

    position: int
    read_at: timedelta
    last: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stay that is to be looked at, since then."""

    stay: Stay
    since: timedelta


class DirectWitness:
    """One PBX's.

    Args:
        pbx: its name.
        followed: who follows it.
        performer: performs what puts a call right.
        source: the database, and what waits to be written to it.
        counts: what is counted.
        now: this moment.
        turn: taken while calls are put right: `handlers.reconcile` does the same to the same calls.
        marks: the journal; None: there is none.
        limit: of stays that wait to be compared; beyond it the oldest is given up.

    Attributes:
        waiting: stays that may not have been heard, and are still to be compared.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its neighbours
        self,
        pbx: str,
        followed: Followed,
        performer: Performs,
        source: Source,
        counts: Counts,
        now: Callable[[], Moment],
        turn: asyncio.Lock,
        marks: Marks | None = None,
        limit: int = LIMIT,
    ) -> None:
        self.waiting: deque[Waiting] = deque()
        self._pbx, self._followed, self._performer = pbx, followed, performer
        self._source, self._counts, self._now, self._turn = source, counts, now, turn
        self._marks, self._marked_at, self._due = marks, timedelta(), timedelta()
        self._rules = followed.reading.tracker.book.rules
        self._stays = Stays(self._rules.trunks)
        self._pieces: deque[Piece] = deque(maxlen=LIMIT)
        self._given_up = self._told_given_up = 0
        self._limit = limit
        self._unsure: set[UUID] = set()
        self._away = False
        self._log = structlog.get_logger(__name__).bind(pbx=pbx)

    # --- what is read ---

    def heard(self, read: Read, at: Moment, position: int | None = None) -> None:
        """Lines, live or out of the journal."""
        for entry in read.entries:
            self._stays.feed(entry)
        if read.entries:
            position = self._followed.reading.position if position is None else position
            self._pieces.append(Piece(position, at.mono, max(entry.at for entry in read.entries)))

    async def hear_again(self, begin: Begin, marks: Mapping[str, bytes]) -> None:
        """What an earlier process read and had not compared, up to where the reading begins; before that.

        Raises:
            OSError, sqlite3.Error: the journal cannot be read.
        """
        since = marks.get(MARK, b"")
        if not since.isdigit():
            return
        loop = asyncio.get_running_loop()
        for position, read, at in await loop.run_in_executor(None, lambda: list(begin(int(since)))):
            self.heard(read, at, position)
            await asyncio.sleep(0)

    def mark(self) -> None:
        """Tell the journal from where on a restart must read again what is not compared yet."""
        now = self._now()
        if self._marks is None or self._followed.recovering or now.mono - self._marked_at < MARK_EVERY:
            return
        self._marked_at = now.mono
        self._forget_pieces(now.mono)
        position = self._pieces[0].position if self._pieces else self._followed.reading.position + 1
        self._marks.mark(MARK, str(position).encode())

    def _forget_pieces(self, now: timedelta) -> None:
        newest_line = self._pieces[-1].last if self._pieces else None
        begun = [one.stay.arrived_at for one in self.waiting]
        open_since = self._stays.open_since
        if open_since is not None and newest_line is not None and open_since > newest_line - WORTH_READING_AGAIN:
            begun.append(open_since)
        first = min(begun, default=None)
        while self._pieces and now - self._pieces[0].read_at > GRACE:
            if first is not None and self._pieces[0].last >= first - SECOND:
                return
            self._pieces.popleft()

    # --- rounds ---

    async def run(self) -> None:
        """A round every few seconds while the PBX is heard, until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            self.mark()
            now = self._now()
            if self._followed.synchronised and now.mono >= self._due:
                self._due = now.mono + EVERY
                await self.attempt(now)

    async def attempt(self, now: Moment) -> None:
        """A round; should it fail, its stays wait for the next."""
        try:
            async with self._turn:
                await self.round(now)
            self._away = False
        except AWAY as error:
            if not self._away:
                self._log.warning("reconciliation_waits", error=trouble(error))
            self._away = True
        except Exception:  # noqa: BLE001 - whatever it is, the measuring goes on
            self._log.exception("reconciliation_failed")

    async def round(self, now: Moment) -> None:
        """Look at the calls that are over.

        Raises:
            handlers.database.AWAY: nothing was changed.
        """
        self._take_ended(now.mono)
        self._tell_given_up()
        unheard = [one for one in self.waiting if self._was_unheard(one.stay)][:AT_ONCE]
        calls = await self._known(unheard)
        by_call: dict[UUID, list[Stay]] = {}
        for one in unheard:
            by_call.setdefault(call_id(self._pbx, one.stay.uniqueid), []).append(one.stay)
        done = {id(stay) for id_, stays in by_call.items() for stay in self._close(id_, stays, calls.get(id_), now)}
        for one in self.waiting:
            late = now.mono - one.since > DEATH_NOTICED_WITHIN - GRACE
            if late and not self._was_unheard(one.stay):
                done.add(id(one.stay))
        self.waiting = deque(one for one in self.waiting if id(one.stay) not in done)

    def _take_ended(self, now: timedelta) -> None:
        read = [piece.last for piece in self._pieces if now - piece.read_at >= GRACE]
        for stay in self._stays.ended(max(read) + timedelta.resolution) if read else ():
            self.waiting.append(Waiting(stay, now))
        while len(self.waiting) > self._limit:
            self.waiting.popleft()
            self._given_up += 1

    def _was_unheard(self, stay: Stay) -> bool:
        until = stay.left_at if stay.talk is None else stay.left_at + stay.talk
        return self._followed.reading.unheard.any(stay.began_at, until)

    async def _known(self, waiting: Sequence[Waiting]) -> dict[UUID, CallRecord]:
        """What the ledger has about them, the newest state of each."""
        if not waiting:
            return {}
        ids = {call_id(self._pbx, one.stay.uniqueid) for one in waiting}
        pending = self._source.pending()  # first: what is written meanwhile is in either
        found = {call.id: call for call in pending if call.id in ids}
        self._unsure &= {call.id for call in pending}
        newest(found, await self._source.named(ids, []))
        over = [call for call in found.values() if call.ended_at is not None]
        if over:
            await self._source.adopt(over)
        newest(found, [call for call in self._source.pending() if call.id in ids])
        return found

    def _close(self, id_: UUID, stays: list[Stay], call: CallRecord | None, now: Moment) -> Iterable[Stay]:
        """Put one call right; the stays with which that is done."""
        if self._goes_on(stays[0], call) or id_ in self._unsure:
            return ()  # of what was put right, a restart must see the lines again until it is in the database
        if call is None and not self._is_customer(stays[0]):
            return stays
        if call is not None and (call.direction is not Direction.INBOUND or call.ended_at is None):
            return stays
        if call is not None and abs(call.arrived_at - stays[0].arrived_at) > GIVEN_UP_AFTER:
            return stays  # another boot had used the name
        told = [self._doubted(stay) for stay in stays]
        found = heal(call, self._pbx, told, self._name, self._followed.reading.position)
        if found is None:
            return stays
        self._performer.perform(found.healed.effects, now)
        self._unsure.add(id_)
        for kind in found.kinds:
            self._counts.mismatch(self._pbx, kind, healed=True)
        self._log.warning("direct_visits_healed", call=str(id_), kinds=[str(kind) for kind in found.kinds])
        return ()

    def _goes_on(self, stay: Stay, call: CallRecord | None) -> bool:
        """The tracker has it, or will; or it is not known whether it is over."""
        book = self._followed.reading.tracker.book
        leg = book.legs.get(Uniqueid(stay.uniqueid))
        if stay.uniqueid in book.calls or (leg is not None and leg.call is not None):
            return True
        if call is None or call.ended_at is not None:
            return False
        return call.arrived_at > self._followed.reading.pbx_time(self._now()) - GIVEN_UP_AFTER

    def _is_customer(self, stay: Stay) -> bool:
        """As the tracker would have seen the channel come in."""
        uniqueid = Uniqueid(stay.uniqueid)
        channel = Channel(uniqueid, uniqueid, Interface(stay.interface), context=stay.context)
        return self._followed.reading.tracker.book.direction(channel, incoming=True) is Direction.INBOUND

    def _doubted(self, stay: Stay) -> Stay:
        """An orderly shutdown hangs everybody up like AMI's Hangup: when the PBX began anew since, nobody knows."""
        booted_at = self._followed.reading.tracker.book.booted_at
        if stay.outcome is Outcome.ENDED_BY_PBX and booted_at is not None and booted_at > stay.left_at:
            return replace(stay, outcome=Outcome.LOST, reason="CEL: the PBX hung up, and has begun anew since")
        return stay

    def _name(self, interface: str) -> str:
        return self._rules.lines.get(Interface(interface), interface)

    def _tell_given_up(self) -> None:
        given_up = self._given_up + self._stays.dropped
        if given_up > self._told_given_up:
            self._counts.uncompared(self._pbx, given_up - self._told_given_up)
            self._log.error("direct_stays_not_compared", stays=given_up - self._told_given_up)
            self._told_given_up = given_up
