"""Follows one PBX: the sole owner of its tracker. Stream in, facts, effects out, at once.

What the AMI line says (`telephony.ami.feed`) is translated and applied in its order; queue_log's lines come in between.
Every few seconds the waiting callers are listed for comparison, every minute everything.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol, assert_never

import structlog

from handlers.sightings import Sightings
from telephony.ami.client import NotConnected
from telephony.ami.clock import PbxClock
from telephony.ami.codec import Kind as MessageKind
from telephony.ami.codec import Message, Quarantined
from telephony.ami.feed import Batch, Entry, LinkDown, LinkUp, RequestExpired
from telephony.ami.snapshot import NOBODY, Listing
from telephony.ami.translate import EPOCH, translate
from telephony.calls.effects import Effect, Irregular
from telephony.calls.facts import Fact, LinkLost, LinkRestored, MemberState, Moment, TimePassed, Uniqueid
from telephony.calls.record import CallRecord, Kind, Standing
from telephony.calls.tracker import Tracker
from telephony.metrics.gauges import LinkGauge, QueueGauge, QueueLogGauge

TICK = 0.1
"""Seconds between looks at what falls due; outcomes that rest on patience are at most this late."""
COMPARE_EVERY = timedelta(seconds=5)
LIST_ALL_EVERY = timedelta(seconds=60)
LIST_AGAIN_AFTER = timedelta(seconds=5.5)
"""After a (re)connect: what two full listings, a grace apart, do not show is over."""
LISTING_LIMIT = timedelta(seconds=30)
"""A listing that is not complete by then was lost, and is asked for again; a refused one, too, after this time."""
REFUSED_IN_A_ROW = 5
"""So many events quarantined with none accepted in between: the PBX speaks otherwise than configured."""
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

    async def take(self) -> list[Entry]:
        """The next entries of the stream."""
        ...

    def request(self, action: str, /, **headers: str) -> str:
        """Send an action, give its ActionID."""
        ...


class Log(Protocol):
    """The queue_log, as far as its figures go: `telephony.queuelog.tail.QueueLogTail`."""

    lines: int
    quarantined: int


class Performs(Protocol):
    """Who performs effects: `handlers.effects.Performer`."""

    def perform(self, effects: Iterable[Effect], at: Moment, /) -> None:
        """Perform these, at once; `at` is the moment of what they are about."""
        ...


class Follower:
    """One PBX, followed.

    Args:
        pbx: its name.
        line: its AMI line.
        tracker: its calls; nobody else touches it.
        performer: who performs what the tracker decides.
        log: its queue_log, for the figures; its facts come through `hear`.
    """

    def __init__(self, pbx: str, line: Line, tracker: Tracker, performer: Performs, log: Log | None = None) -> None:
        self.tracker = tracker
        self._line, self._performer, self._queue_log = line, performer, log
        self._clock = PbxClock()
        self._listing: Listing | None = None
        self._booted = False
        self._synchronised = self._settled = False
        self._lost_at: timedelta | None = None
        self._gap = timedelta()
        self._left_open: Sequence[CallRecord] = ()
        self._compared_at = self._list_all_at = timedelta()
        self._refused: list[str] = []
        self._quarantine_told: timedelta | None = None
        self._sightings = Sightings(tracker.standing)
        self._log = structlog.get_logger(__name__).bind(pbx=pbx)

    # --- life ---

    def resume(self, calls: Sequence[CallRecord]) -> None:
        """Take up calls that an earlier process left open. Before `run`; done when the PBX has told its clock."""
        self._left_open = calls

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
        self._apply(TimePassed(now))
        if not self._booted:
            return
        if self._listing is not None:
            if now.mono - self._listing.asked_at.mono > LISTING_LIMIT:
                self._do_without("no complete answer")
            return
        if now.mono >= self._list_all_at:
            self._ask(now, full=True)
        elif now.mono - self._compared_at >= COMPARE_EVERY:
            self._ask(now, full=False)

    def _do_without(self, reason: str) -> None:
        """The PBX gives no listing: go on with what is heard, and ask again later."""
        remedy = "write = reporting for this account in manager.conf"
        self._log.error("listing_failed", reason=reason, remedy=remedy)
        self._listing = None
        now = self._line.now()
        self._list_all_at = now.mono + LISTING_LIMIT
        self._performer.perform(self.tracker.release(), now)

    def hear(self, told: Sequence[Fact]) -> None:
        """Facts of the second witness."""
        for fact in told:
            self._apply(fact)

    # --- the stream ---

    def take(self, entry: Entry) -> None:
        """One entry of the stream."""
        match entry:
            case Batch():
                for item in entry.items:
                    self._take_item(item, entry)
            case LinkUp():
                self._clock = PbxClock()
                self._log.info("pbx_connected", ami=entry.version)
            case LinkDown():
                self._down(entry)
            case RequestExpired():
                if self._listing is not None and entry.action_id in self._listing.open:
                    self._do_without("no answer in time")
            case _:
                assert_never(entry)

    def _take_item(self, item: Message | Quarantined, batch: Batch) -> None:
        if isinstance(item, Quarantined):
            self._tell_quarantined(item, batch.mono)
        elif item.kind is MessageKind.EVENT:
            self._refused.clear()
            fact = translate(item.event, item.headers, self._clock.moment(item.headers, batch.mono, batch.offset))
            if fact is not None:
                self._take_up(fact.at)
                self._apply(fact)
                if isinstance(fact, LinkRestored):
                    self._up(fact)
        elif item.kind is MessageKind.LISTED:
            self._list(item, Moment(EPOCH + batch.offset + batch.mono, batch.mono, stamped=False))
        elif self._listing is not None and item.action_id in self._listing.open and not item.succeeded:
            self._do_without(item.headers.get("Message", "refused"))

    def _take_up(self, now: Moment) -> None:
        """What an earlier process left open, by the clock of the PBX."""
        if self._left_open:
            calls, self._left_open = self._left_open, ()
            self._log.info("calls_resumed", calls=len(calls))
            self._perform("resume", lambda: self.tracker.resume(calls, now), now)

    def _up(self, fact: LinkRestored) -> None:
        self._booted, self._synchronised, self._listing = True, False, None
        self._settled = False
        self._ask(self._line.now(), full=True)
        if fact.booted_at is None:
            self._log.warning("boot_time_unknown", remedy="a restart of this PBX cannot be told from a short gap")

    def _down(self, entry: LinkDown) -> None:
        self._booted = self._synchronised = self._settled = False
        self._listing = None
        if self._lost_at is None:
            self._lost_at = entry.mono
        self._apply(LinkLost(Moment(EPOCH + entry.offset + entry.mono, entry.mono, stamped=False), entry.reason))

    def _ask(self, now: Moment, *, full: bool) -> None:
        """Ask for a listing; a line that has just broken will say so in the stream."""
        self._compared_at = now.mono
        try:
            if full:
                self._list_all_at = now.mono + LIST_ALL_EVERY
                channels = self._line.request("CoreShowChannels")
                self._listing = Listing(now, self._line.request("QueueStatus"), channels)
            else:
                self._listing = Listing(now, self._line.request("QueueStatus", Member=NOBODY), None)
        except NotConnected:
            self._listing, self._list_all_at = None, now.mono

    def _list(self, item: Message, at: Moment) -> None:
        listing = self._listing
        if listing is None or item.action_id not in listing.open:
            return
        listing.add(item.event, item.headers)
        if item.ends_list and listing.completed(item.action_id):
            self._listing = None
            if not self._synchronised and self._lost_at is not None:
                self._gap += at.mono - self._lost_at
                self._lost_at = None
            # Of what went on before the line came up, only a second full listing shows what is over.
            self._settled |= listing.full if self._synchronised else not self._any_call()
            if not self._synchronised:
                self._list_all_at = at.mono + LIST_AGAIN_AFTER
            self._synchronised = True
            self._apply(listing.taken(at))

    def _any_call(self) -> bool:
        return any(not call.finished for call in self.tracker.book.calls.values())

    def _apply(self, fact: Fact) -> None:
        self._perform(type(fact).__name__, lambda: self.tracker.apply(fact), fact.at)

    def _perform(self, what: str, decide: Callable[[], list[Effect]], at: Moment) -> None:
        """Perform what the tracker decides about a fact, or about what an earlier process left open."""
        try:
            effects = decide()
        except Exception:  # noqa: BLE001 - whatever it is
            # An error of ours about one fact must not end the measuring of all calls; it is told, and counted.
            self._log.exception("fact_failed", fact=what)
            effects = [Irregular("fact_failed", what)]
        self._performer.perform(effects, at)

    def _tell_quarantined(self, item: Quarantined, mono: timedelta) -> None:
        """In the log, but not once a message: callers decide how many there are."""
        if len(self._refused) < REFUSED_IN_A_ROW:
            self._refused.append(item.reason)
        if self._quarantine_told is not None and mono - self._quarantine_told < QUARANTINE_TOLD_EVERY:
            return
        self._quarantine_told = mono
        raw = item.raw[:SHOWN].decode("utf-8", "backslashreplace")
        self._log.warning("ami_message_quarantined", reason=item.reason, raw=raw, so_far=self._line.quarantined)

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
        return self._settled and self.synchronised

    @property
    def trouble(self) -> str:
        """Why what happens on the PBX is not, or not fully, known; empty when it is."""
        if not self._line.connected:
            return "no line to the PBX"
        if len(self._refused) >= REFUSED_IN_A_ROW:
            remedy = "compare name with systemname in asterisk.conf, and see timestampevents in manager.conf"
            return f"its events are refused: {self._refused[-1]}; {remedy}"
        if not self._booted:
            return "it has not said FullyBooted: it still starts, or the account lacks read = system"
        return "" if self._synchronised else "not yet listed; the account needs write = reporting"

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

    def link(self) -> LinkGauge:
        """The AMI line; the stall is the longest since it was last asked."""
        line, now = self._line, self._line.now().mono
        stall, line.stall = line.stall, timedelta()
        return LinkGauge(
            connected=line.connected,
            last_event_age=None if line.heard_at is None else now - line.heard_at,
            gap=self._gap + (now - self._lost_at if self._lost_at is not None else timedelta()),
            events=sum(line.seen.values()),
            quarantined=line.quarantined,
            read_stall=stall,
        )

    def queue_log(self) -> QueueLogGauge | None:
        """The queue_log; None where none is followed."""
        log = self._queue_log
        return None if log is None else QueueLogGauge(lines=log.lines, quarantined=log.quarantined)
