"""Follows one PBX: the sole owner of its tracker. Stream in, facts, effects out, at once.

What the AMI line says (`telephony.ami.feed`) goes into the journal and is read (`handlers.reading`) in its order;
queue_log's lines come in between. Every few seconds the waiting callers are listed for comparison, every minute
everything. What a restart would have to read again is marked in the journal once a second.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog

from handlers.journaling import dump, parts
from handlers.reading import (
    LISTING_LIMIT,
    REFUSED_IN_A_ROW,
    Asked,
    Began,
    ChannelsLogged,
    Claimed,
    Entry,
    ListingGivenUp,
    Logged,
    Passed,
    Performs,
    Reading,
    offset_of,
)
from handlers.resume import LONGEST, MARK, NEEDED_FROM, what_to_resume
from handlers.sightings import Sightings
from telephony.ami.client import NotConnected
from telephony.ami.codec import Quarantined
from telephony.ami.feed import Entry as LineEntry
from telephony.ami.feed import LinkUp
from telephony.ami.snapshot import NOBODY
from telephony.calls.effects import QueuesKnown, SaveCall, VisitEntered
from telephony.calls.facts import Fact, Member, MemberState, Moment, Uniqueid
from telephony.calls.record import CallRecord, Kind, Standing
from telephony.calls.tracker import Tracker
from telephony.cel.reading import Read as ChannelsRead
from telephony.metrics.gauges import JournalGauge, LinkGauge, QueueGauge, QueueLogGauge
from telephony.queuelog.place import Piece
from telephony.queuelog.reading import Read
from telephony.queuelog.shipping.shipped import Shipped

TICK = 0.1
"""Seconds between looks at what falls due; outcomes that rest on patience are at most this late."""
COMPARE_EVERY = timedelta(seconds=5)
LIST_ALL_EVERY = timedelta(seconds=60)
MARK_EVERY = timedelta(seconds=1)
CEL_MARK = "cel"
"""How far channel events were read: a `Place`, dumped."""
QUARANTINE_TOLD_EVERY = timedelta(seconds=10)
SHOWN = 300
"""Bytes of a quarantined message that go into the log."""


class Line(Protocol):
    """The AMI line, as far as following needs it: `telephony.ami.client.AmiClient`."""

    stall: timedelta

    @property
    def connected(self) -> bool:
        """Logged in."""
        ...

    @property
    def seen(self) -> Mapping[str, int]:
        """Events by name."""
        ...

    @property
    def quarantined(self) -> int:
        """Messages quarantined."""
        ...

    @property
    def heard_at(self) -> timedelta | None:
        """When the last bytes came, monotonic."""
        ...

    def now(self) -> Moment:
        """This moment."""
        ...

    async def take(self) -> list[LineEntry]:
        """The next entries of the stream."""
        ...

    def request(self, action: str, /, **headers: str) -> str:
        """Send an action, give its ActionID."""
        ...


class Log(Protocol):
    """The queue_log, as far as its figures go: `telephony.queuelog.tail.QueueLogTail`, or what is shipped to us."""

    lines: int
    quarantined: int

    @property
    def gaps(self) -> int:
        """How often lines are missing, or may be."""
        ...


class Journals(Protocol):
    """What was read, on disk: `telephony.journal.writer.Journal`."""

    def append(self, source: int, mono: timedelta, offset: timedelta, data: bytes, /) -> int:
        """Keep a record; its position."""
        ...

    def mark(self, name: str, value: bytes, /) -> None:
        """Keep a small value, not before what was appended before it."""
        ...

    @property
    def failing(self) -> str:
        """Why nothing can be kept; empty while it can."""
        ...

    @property
    def bytes(self) -> int:
        """On disk."""
        ...

    @property
    def dropped(self) -> int:
        """Records that could not be kept."""
        ...

    @property
    def oldest_waiting(self) -> timedelta | None:
        """Age of the oldest record not yet on disk."""
        ...


class Attends(Protocol):
    """Who accounts for the agents: `handlers.attending.Attending`."""

    def heard(self, fact: Fact, /) -> None:
        """Account for it; never fails, never waits."""
        ...

    def needs_from(self) -> int:
        """The position from which on a restart must hear again."""
        ...


Unsaved = Callable[[str], tuple[int, int] | None]
"""Of a PBX's calls with a state that is not in the database: the position at which the oldest of them began, and that
of the oldest such state; None when there is none."""


class Follower:
    """One PBX, followed.

    Args:
        pbx: its name.
        line: its AMI line.
        tracker: its calls; nobody else touches it.
        performer: who performs what the tracker decides.
        log: its queue_log, for the figures; its facts come through `logged`.
        journal: keeps what is read; None: nothing is kept.
        unsaved: what is not in the database yet.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its neighbours
        self,
        pbx: str,
        line: Line,
        tracker: Tracker,
        performer: Performs,
        log: Log | None = None,
        journal: Journals | None = None,
        unsaved: Unsaved = lambda _: None,
    ) -> None:
        self.pbx, self.tracker = pbx, tracker
        self.reading = Reading(pbx, tracker, performer, self)
        self.recovering = False
        self.line_states: Callable[[], Mapping[str, str]] = dict
        """What the phones of direct lines are doing, by the line's name; set by whoever knows."""
        self.longest = LONGEST
        self.log_heard: Callable[[Read, Moment], None] = lambda _read, _at: None
        self.channels_heard: Callable[[ChannelsRead, Moment], None] = lambda _read, _at: None
        self.attending: Attends | None = None
        """Who accounts for the agents; he never fails."""
        self._line, self._queue_log, self._journal, self._unsaved = line, log, journal, unsaved
        self._asked_at = self._asked_all_at = self._marked_at = timedelta()
        self._log_place = self._cel_place = b""
        self._quarantine_told: timedelta | None = None
        self._sightings = Sightings(tracker.standing)
        self._log = structlog.get_logger(__name__).bind(pbx=pbx)

    # --- life ---

    def resume(self, calls: Sequence[CallRecord]) -> None:
        """Take up calls that an earlier process left open. Before `run`; done when the PBX has told its clock."""
        self.reading.resume(calls)
        if self._journal is not None:
            self.mark()  # before anything of them is read that a restart could take for a call of its own

    def took_up(self, calls: Iterable[CallRecord], *, log_place: bytes, cel_place: bytes = b"") -> None:
        """What came out of the journal at the start: the state of the tracker, and these calls, newest state each.

        Nothing of it is counted again, but who waits entered: entered = ended + waiting + settling in each process.
        """
        self._log_place, self._cel_place = log_place, cel_place
        book, now = self.tracker.book, self._line.now()
        performer = self.reading.performer
        if book.queues:
            performer.perform([QueuesKnown(tuple(sorted(book.queues)))], now)
        performer.perform([VisitEntered(book.visit_record(visit)) for visit in book.open], now)
        performer.perform([SaveCall(call) for call in calls], now)

    def began(self, told: str) -> None:
        """This process begins to read; after what came out of the journal, before anything new."""
        now = self._line.now()
        self.take(Began(now.mono, offset_of(now), told))

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(), name="read")
            tasks.create_task(self._tick(), name="tick")

    async def _read(self) -> None:
        while True:
            for entry in await self._line.take():
                self.take(entry)
            self._sightings.look()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.tick(self._line.now())

    def tick(self, now: Moment) -> None:
        """Let fall due what has waited long enough, and ask for the next listing."""
        reading, offset = self.reading, offset_of(now)
        if self.tracker.due(now):
            self.take(Passed(now.mono, offset))
        if now.mono - self._marked_at >= MARK_EVERY:
            self._marked_at = now.mono
            self.mark()
        if not reading.booted:
            return
        if reading.listing is not None:
            if now.mono - reading.listing.asked_at.mono > LISTING_LIMIT:
                self.take(ListingGivenUp(now.mono, offset))
        elif now.mono - self._asked_all_at >= LIST_ALL_EVERY:
            self._ask(now, full=True)
        elif not self._ask_if_wanted(now) and now.mono - self._asked_at >= COMPARE_EVERY:
            self._ask(now, full=False)

    # --- what is read ---

    def take(self, entry: Entry) -> None:
        """One entry: into the journal, then acted upon."""
        journal = self._journal
        if journal is None:
            self.reading.take(entry)
        else:
            for part in parts(entry):  # each at the position at which a restart will read it again
                self.reading.take(part, journal.append(*dump(part)))
        if isinstance(entry, LinkUp):
            self._log.info("pbx_connected", ami=entry.version)
        self._ask_if_wanted(None)

    def logged(self, piece: Piece) -> None:
        """Whole lines of the second witness, and how far its file is read with them."""
        now = self._line.now()
        if not self._log_place:
            self.mark()  # without any mark, a restart would not look for these lines in the journal
        self._log_place = piece.after.dump()
        self.take(Logged(now.mono, offset_of(now), piece.lines, self._log_place))

    def channels_logged(self, piece: Piece) -> None:
        """Whole lines of channel events, the second witness of direct calls; otherwise as `logged`."""
        now = self._line.now()
        if not self._cel_place:
            self.mark()
        self._cel_place = piece.after.dump()
        self.take(ChannelsLogged(now.mono, offset_of(now), piece.lines, self._cel_place))

    def log_read_up_to(self, place: bytes, channels: bytes = b"") -> None:
        """How far queue_log, and channel events, were read by the process before this one. Before anything else."""
        self._log_place, self._cel_place = place, channels

    @property
    def log_place(self) -> bytes:
        """How far queue_log was read: a `Place`, dumped; empty: not yet."""
        return self._log_place

    def claimed(self, uniqueid: Uniqueid, case: UUID | None) -> None:
        """A PBX asked for the case of a channel, and was told."""
        now = self._line.now()
        claimed = Claimed(now.mono, offset_of(now), uniqueid, "" if case is None else str(case))
        if not self.recovering:
            self.take(claimed)
        elif self._journal is not None:  # what is read again has positions of its own
            self._journal.append(*dump(claimed))

    def _ask_if_wanted(self, now: Moment | None) -> bool:
        """Ask for a listing of everything when one is wanted by now."""
        wants = self.reading.wants
        if wants is None or self.reading.listing is not None or not self.reading.booted:
            return False
        now = now or self._line.now()
        if now.mono < wants:
            return False
        self._ask(now, full=True)
        return True

    def _ask(self, now: Moment, *, full: bool) -> None:
        """Ask for a listing; a line that has just broken will say so in the stream."""
        self._asked_at = now.mono
        try:
            if full:
                self._asked_all_at = now.mono
                channels = self._line.request("CoreShowChannels")
                phones = self._line.request("DeviceStateList") if self.tracker.book.rules.lines else None
                asked = Asked(now.mono, offset_of(now), self._line.request("QueueStatus"), channels, phones)
            else:
                asked = Asked(now.mono, offset_of(now), self._line.request("QueueStatus", Member=NOBODY), None)
        except NotConnected:
            self.reading.listing, self.reading.wants = None, now.mono + timedelta(seconds=TICK)
        else:
            self.take(asked)

    def mark(self) -> None:
        """Tell the journal what a restart must read again, should it come now."""
        if self._journal is None or self.recovering:
            return
        agents = None if self.attending is None else self.attending.needs_from()
        unsaved = self._unsaved(self.pbx)
        resume = what_to_resume(self.reading, unsaved, self._log_place, longest=self.longest, agents_from=agents)
        if self._cel_place:  # first: what was read behind it is read again from where the other mark says
            self._journal.mark(CEL_MARK, self._cel_place)
        self._journal.mark(MARK, resume.dump())
        self._journal.mark(NEEDED_FROM, str(resume.start).encode())

    # --- what was read, for others: handlers.reading.Hears ---

    def quarantined(self, item: Quarantined, mono: timedelta) -> None:
        """In the log, but not once a message: callers decide how many there are."""
        if self.recovering or (
            self._quarantine_told is not None and mono - self._quarantine_told < QUARANTINE_TOLD_EVERY
        ):
            return
        self._quarantine_told = mono
        raw = item.raw[:SHOWN].decode("utf-8", "backslashreplace")
        self._log.warning("ami_message_quarantined", reason=item.reason, raw=raw, so_far=self._line.quarantined)

    def log_read(self, what: Read, at: Moment) -> None:
        """Lines of queue_log, for those who reconcile."""
        self.log_heard(what, at)

    def channels_read(self, what: ChannelsRead, at: Moment) -> None:
        """Channel events, for those who reconcile direct calls."""
        self.channels_heard(what, at)

    def happened(self, fact: Fact) -> None:
        """A fact, for whoever accounts for the agents."""
        if self.attending is not None:
            self.attending.heard(fact)

    # --- whose call a channel is, for those whom the PBX asks: handlers.agi ---

    async def sighted(self, uniqueid: Uniqueid, limit: float) -> Standing | None:
        """The call of a channel of which the PBX has told us, or does so within `limit` seconds; else None."""
        return await self._sightings.of(uniqueid, limit if self.synchronised else 0)

    # --- what is now: telephony.metrics.gauges.FeedGauges ---

    @property
    def synchronised(self) -> bool:
        """Connected, and everything on the PBX is known."""
        return not self.trouble

    @property
    def settled(self) -> bool:
        """Synchronised, and of no call that was known before it is doubtful any more whether it goes on."""
        return self.reading.settled and self.synchronised

    @property
    def trouble(self) -> str:
        """Why what happens on the PBX is not, or not fully, known; empty when it is."""
        if self.recovering:
            return "what was read before is being read again"
        if not self._line.connected:
            return "no line to the PBX"
        refused = self.reading.refused
        if len(refused) >= REFUSED_IN_A_ROW:
            remedy = "compare name with systemname in asterisk.conf, and see timestampevents in manager.conf"
            return f"its events are refused: {refused[-1]}; {remedy}"
        if not self.reading.booted:
            return "it has not said FullyBooted: it still starts, or the account lacks read = system"
        return "" if self.reading.synchronised else "not yet listed; the account needs write = reporting"

    def queues(self) -> list[QueueGauge]:
        """Every queue and line in which somebody waits or settles, or that was compared."""
        waiting, settling = self.tracker.waiting(), self.tracker.settling()
        oldest, residual = self.tracker.oldest_wait(self._line.now()), self.tracker.residual()
        keys = {*waiting, *settling, *((queue, Kind.QUEUE) for queue in residual)}
        return [
            QueueGauge(
                queue=queue,
                kind=kind,
                waiting=waiting[queue, kind],
                settling=settling[queue, kind],
                oldest_wait=oldest.get((queue, kind)),
                residual=residual.get(queue) if kind is Kind.QUEUE else None,
            )
            for queue, kind in sorted(keys)
        ]

    def agents(self) -> Mapping[tuple[str, MemberState], int]:
        """How many agents of a queue are in a state."""
        return {(str(queue), state): count for (queue, state), count in self.tracker.agents().items()}

    def phones(self) -> Mapping[str, MemberState]:
        """What each phone that serves a queue is doing; of several queues, what keeps it from being free."""
        return {str(phone): state for phone, state in self.tracker.phones().items()}

    def members(self) -> Mapping[tuple[str, str], MemberState]:
        """What each phone can do in each queue that it serves, by queue and phone."""
        members = self.tracker.book.members.values()
        return {(str(one.queue), str(one.device or one.interface)): one.state for one in members}

    def places(self) -> Iterable[Member]:
        """Every place of an agent in a queue."""
        return self.tracker.book.members.values()

    @property
    def silence(self) -> timedelta | None:
        """Since the PBX said anything; None: it never has."""
        heard = self._line.heard_at
        return None if heard is None else self._line.now().mono - heard

    def link(self) -> LinkGauge:
        """The AMI line; the stall is the longest since it was last asked."""
        line, now, reading = self._line, self._line.now().mono, self.reading
        stall, line.stall = line.stall, timedelta()
        return LinkGauge(
            connected=line.connected,
            last_event_age=None if line.heard_at is None else now - line.heard_at,
            gap=reading.gap + (now - reading.lost_at if reading.lost_at is not None else timedelta()),
            events=sum(line.seen.values()),
            quarantined=line.quarantined,
            read_stall=stall,
        )

    def queue_log(self) -> QueueLogGauge | None:
        """The queue_log; None where none is followed."""
        log = self._queue_log
        if log is None:
            return None
        age = log.age if isinstance(log, Shipped) else None
        return QueueLogGauge(lines=log.lines, quarantined=log.quarantined, gaps=log.gaps, shipped_age=age)

    def journal(self) -> JournalGauge | None:
        """The journal; None where none is kept."""
        kept = self._journal
        if kept is None:
            return None
        return JournalGauge(up=not kept.failing, bytes=kept.bytes, waiting=kept.oldest_waiting, dropped=kept.dropped)
