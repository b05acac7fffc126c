"""What was read from one PBX, in its order, made into facts for the tracker: the same live and out of the journal.

`Reading` does nothing but that. It asks for nothing, reads no clock and waits for nobody: whoever feeds it
(`handlers.follow` live, `handlers.recovery` at the start, `threerings replay`) gives it every entry together with its
position in the journal, and gets the effects performed. Two readings fed the same entries are in the same state.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol, assert_never

import structlog

from handlers.unheard import Unheard
from telephony.ami.clock import PbxClock
from telephony.ami.codec import Kind as MessageKind
from telephony.ami.codec import Message, Quarantined
from telephony.ami.feed import Batch, LinkDown, LinkUp, RequestExpired
from telephony.ami.feed import Entry as LineEntry
from telephony.ami.snapshot import Listing
from telephony.ami.translate import EPOCH, translate
from telephony.calls.effects import Effect, Irregular
from telephony.calls.facts import Fact, LinkLost, LinkRestored, Moment, TimePassed
from telephony.calls.record import CallRecord
from telephony.calls.tracker import Tracker
from telephony.cel.reading import Read as ChannelsRead
from telephony.cel.reading import read as read_channels
from telephony.queuelog.reading import Read, read

REFUSED_IN_A_ROW = 5
"""So many events quarantined with none accepted in between: the PBX speaks otherwise than configured."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A listing was asked for, under these ActionIDs; `channels_id` None: of the waiting callers only.

    `phones_id` None: and not of the devices.
    """

    mono: timedelta
    offset: timedelta
    queues_id: str
    channels_id: str | None
    phones_id: str | None = None


@dataclass(frozen=True, slots=True)
class ListingGivenUp:
    """The PBX gives no listing: what is heard is acted upon without one."""

    mono: timedelta
    offset: timedelta


@dataclass(frozen=True, slots=True)
class Logged:
    """Whole lines of queue_log, and how far its file has been read with them: a `Place`, dumped; empty: unknown."""

    mono: timedelta
    offset: timedelta
    lines: tuple[bytes, ...]
    place: bytes = b""


@dataclass(frozen=True, slots=True)
class ChannelsLogged:
    """Whole lines of channel events (CEL), and how far their file has been read with them, as in `Logged`."""

    mono: timedelta
    offset: timedelta
    lines: tuple[bytes, ...]
    place: bytes = b""


@dataclass(frozen=True, slots=True)
class Passed:
    """Nothing was read, and something fell due."""

    mono: timedelta
    offset: timedelta


@dataclass(frozen=True, slots=True)
class Claimed:
    """A PBX asked by FastAGI which case a channel is, and was told. `case` empty: none."""

    mono: timedelta
    offset: timedelta
    uniqueid: str
    case: str


@dataclass(frozen=True, slots=True)
class Began:
    """A process of ours began to read: what the one before it still heard was its last. `told`: which process."""

    mono: timedelta
    offset: timedelta
    told: str


class Beginning(NamedTuple):
    """Where reading may begin and still make of all that follows what it was.

    Attributes:
        start: the position to begin at.
        known: what is told from behind this position on is understood; up to it, a listing was being gathered. The same
            as `start` where nothing had been read before.
        booted_at: when the PBX had started, as it said last before that.
    """

    start: int
    known: int
    booted_at: datetime | None


Entry = LineEntry | Asked | ListingGivenUp | Logged | ChannelsLogged | Passed | Claimed | Began


def moment_of(entry: Entry) -> Moment:
    """When it was read."""
    return Moment(EPOCH + entry.offset + entry.mono, entry.mono, stamped=False)


def offset_of(now: Moment) -> timedelta:
    """What to add to our monotonic clock for the PBX's time since 1970."""
    return now.wall - EPOCH - now.mono


class Performs(Protocol):
    """Who performs effects: `handlers.effects.Performer`."""

    def perform(self, effects: Iterable[Effect], at: Moment, /) -> None:
        """Perform these, at once; `at` is the moment of what they are about."""
        ...


class Hears(Protocol):
    """Who hears, beside the tracker, what was read; live as at the start."""

    def quarantined(self, item: Quarantined, mono: timedelta, /) -> None:
        """A message of AMI that is not acted upon."""
        ...

    def log_read(self, what: Read, at: Moment, /) -> None:
        """Lines of queue_log."""
        ...

    def channels_read(self, what: ChannelsRead, at: Moment, /) -> None:
        """Lines of channel events."""
        ...

    def happened(self, fact: Fact, /) -> None:
        """A fact, after the tracker; all of them, also those about calls that it skips."""
        ...


class Nobody:
    """Hears nothing."""

    def quarantined(self, item: Quarantined, mono: timedelta, /) -> None:
        """Nothing."""

    def log_read(self, what: Read, at: Moment, /) -> None:
        """Nothing."""

    def channels_read(self, what: ChannelsRead, at: Moment, /) -> None:
        """Nothing."""

    def happened(self, fact: Fact, /) -> None:
        """Nothing."""


class Reading:
    """One PBX, as far as it has been read.

    Args:
        pbx: its name.
        tracker: its calls.
        performer: who performs what the tracker decides; may be replaced.
        hears: who else hears what was read.

    Attributes:
        up: the line was up with the last entry.
        booted: and the PBX had said FullyBooted.
        synchronised: and all of it had been listed since.
        settled: and of no call that was known before it is doubtful any more whether it goes on.
        listing: the one being gathered.
        wants: a listing of everything should be asked for: at once (`timedelta()`), or when our clock passes it.
        gap: for how long the PBX was not heard, in all. lost_at: since when it is not.
        unheard: when that was, by the clock of the PBX.
        log_place: how far queue_log was read, as `Logged` said last. cel_place: channel events, as `ChannelsLogged`.
        refused: why the last events were refused, when none was accepted since; at most `REFUSED_IN_A_ROW`.
        beginnings: where reading may begin, the newest last: the first words of the PBX, then listings of everything.
        from_rows: channels of calls that were taken up from their rows, and so are no calls of the journal; and the
            position at which they were known last.
        skips: gives what is to be applied of a fact, or None; None: all of it.
    """

    def __init__(self, pbx: str, tracker: Tracker, performer: Performs, hears: Hears | None = None) -> None:
        self.pbx, self.tracker, self.performer = pbx, tracker, performer
        self.hears: Hears = hears or Nobody()
        self.up = self.booted = self.synchronised = self.settled = False
        self.listing: Listing | None = None
        self.wants: timedelta | None = None
        self.gap = timedelta()
        self.lost_at: timedelta | None = None
        self.unheard = Unheard()
        self.log_place = self.cel_place = b""
        self.refused: list[str] = []
        self.beginnings: list[Beginning] = []
        self.from_rows: dict[str, int] = {}
        self.skips: Callable[[Fact], Fact | None] | None = None
        self._asked_position = 0
        self._clock = PbxClock()
        self._last: Moment | None = None
        self._heard: Moment | None = None
        self._stamped: Moment | None = None
        self.left_open: Sequence[CallRecord] = ()
        self._log = structlog.get_logger(__name__).bind(pbx=pbx)

    @property
    def position(self) -> int:
        """In the journal: of the last entry."""
        return self.tracker.book.position

    def begin_at_listing(self) -> None:
        """Begin in mid-stream, with the entry that asked for a listing: nothing is known before it is complete."""
        self.up = self.booted = True
        self.tracker.hold()

    def resume(self, calls: Sequence[CallRecord]) -> None:
        """Take up calls that an earlier process left open; done when the PBX has told its clock."""
        self.left_open = calls

    def take(self, entry: Entry, position: int = 0) -> None:  # noqa: C901, PLR0912 - a table
        """One entry of what was read. `position`: where it stands in the journal; 0: nowhere."""
        self.tracker.book.position = max(position, self.tracker.book.position)
        match entry:
            case Batch():
                for item in entry.items:
                    self._take_item(item, entry)
                self._heard = moment_of(entry)
            case LinkUp():
                self.up, self._clock = True, PbxClock()
                if position and not self.beginnings:
                    self._may_begin_at(position)
            case LinkDown():
                self._down(entry.mono, moment_of(entry), entry.reason)
            case RequestExpired():
                self._unanswered(entry.action_id, moment_of(entry), "no answer in time")
            case Asked():
                ids = entry.queues_id, entry.channels_id, entry.phones_id
                self.listing, self._asked_position = Listing(moment_of(entry), *ids), position
                self.wants = None if entry.channels_id is not None else self.wants
            case ListingGivenUp():
                self._do_without(moment_of(entry), "no complete answer")
            case Logged():
                self._logged(entry)
            case ChannelsLogged():
                self.cel_place = entry.place or self.cel_place
                self.hears.channels_read(read_channels(entry.lines), moment_of(entry))
            case Passed():
                self._apply(TimePassed(moment_of(entry)))
            case Claimed():
                pass  # what AGI told counts once AMI has seen the channel
            case Began():
                self._began()
            case _:
                assert_never(entry)
        self._last = moment_of(entry)

    def _take_item(self, item: Message | Quarantined, batch: Batch) -> None:
        if isinstance(item, Quarantined):
            if len(self.refused) < REFUSED_IN_A_ROW:
                self.refused.append(item.reason)
            self.hears.quarantined(item, batch.mono)
        elif item.kind is MessageKind.EVENT:
            self.refused.clear()
            fact = translate(item.event, item.headers, self._clock.moment(item.headers, batch.mono, batch.offset))
            if fact is not None:
                self._stamped = fact.at if fact.at.stamped else self._stamped
                self._take_up(fact.at)
                self._apply(fact)
                if isinstance(fact, LinkRestored):
                    self._restored(fact)
        elif item.kind is MessageKind.LISTED:
            self._list(item, moment_of(batch))
        elif not item.succeeded:
            self._unanswered(item.action_id, moment_of(batch), item.headers.get("Message", "refused"))

    def _take_up(self, now: Moment) -> None:
        """What an earlier process left open, by the clock of the PBX."""
        if self.left_open:
            calls, self.left_open = self.left_open, ()
            self._log.info("calls_resumed", calls=len(calls))
            self._perform("resume", lambda: self.tracker.resume(calls, now), now)

    def _restored(self, fact: LinkRestored) -> None:
        self.booted, self.synchronised, self.settled, self.listing = True, False, False, None
        self.wants = timedelta()
        if fact.booted_at is None:
            self._log.warning("boot_time_unknown", remedy="a restart of this PBX cannot be told from a short gap")

    def _began(self) -> None:
        """Another process reads: what happened since the last entry nobody heard."""
        if self.up and self._last is not None:
            reason = "the service stopped"
            # It was heard until then, by the clock that goes on: the line was up, and silence is no gap.
            self._down(self._last.mono, self._last, reason)

    def missed(self) -> None:
        """Something that was read is not in the journal: what it said is unknown."""
        if self._last is not None:
            self._lose(self._last)
            self._apply(LinkLost(self._last, "the journal has a hole"))

    def _down(self, mono: timedelta, at: Moment, reason: str) -> None:
        self.up = self.booted = self.synchronised = self.settled = False
        self.listing, self.wants = None, None
        if self.lost_at is None:
            self.lost_at = mono
        self._lose(at)
        self._apply(LinkLost(at, reason))

    def _lose(self, at: Moment) -> None:
        """Nothing has been heard since the last bytes."""
        self.unheard.lost(self.pbx_time(self._heard or at))

    def pbx_time(self, at: Moment) -> datetime:
        """That moment of ours, by the clock of the PBX as far as it has told it."""
        stamped = self._stamped
        return at.wall if stamped is None else stamped.wall + (at.mono - stamped.mono)

    def _unanswered(self, action_id: str, at: Moment, reason: str) -> None:
        """A listing was refused, or is late. That of the devices may be lacking."""
        listing = self.listing
        if listing is None or action_id not in listing.open:
            return
        if not listing.dispensable(action_id):
            self._do_without(at, reason)
        elif listing.completed(action_id):
            self._completed(listing, at)

    def _do_without(self, at: Moment, reason: str) -> None:
        """The PBX gives no listing: go on with what is heard, and ask again later."""
        remedy = "write = reporting for this account in manager.conf"
        self._log.error("listing_failed", reason=reason, remedy=remedy)
        self.listing = None
        self.wants = at.mono + LISTING_LIMIT
        self._perform("release", self.tracker.release, at)

    def _list(self, item: Message, at: Moment) -> None:
        listing = self.listing
        if listing is None or item.action_id not in listing.open:
            return
        listing.add(item.event, item.headers)
        if item.ends_list and listing.completed(item.action_id):
            self._completed(listing, at)

    def _completed(self, listing: Listing, at: Moment) -> None:
        self.listing = None
        if not self.synchronised and self.lost_at is not None:
            self.gap += at.mono - self.lost_at
            self.lost_at = None
        # Of what went on before the line came up, only a second full listing shows what is over.
        self.settled |= listing.full if self.synchronised else not self._any_call()
        if not self.synchronised:
            self.wants = at.mono + LIST_AGAIN_AFTER
        self.synchronised = True
        self.unheard.found(self.pbx_time(at))
        self._apply(listing.taken(at))
        if listing.full and self._asked_position:
            self._may_begin_at(self._asked_position)

    def _may_begin_at(self, start: int) -> None:
        self.beginnings.append(Beginning(start, self.position, self.tracker.book.booted_at))

    def _any_call(self) -> bool:
        return any(not call.finished for call in self.tracker.book.calls.values())

    def _logged(self, entry: Logged) -> None:
        self.log_place = entry.place or self.log_place
        told = read(entry.lines, entry.mono)
        for fact in told.facts:
            self._apply(fact)
        self.hears.log_read(told, moment_of(entry))

    # --- facts ---

    def _apply(self, told: Fact) -> None:
        fact = told if self.skips is None else self.skips(told)
        if fact is not None:
            self._perform(type(fact).__name__, partial(self.tracker.apply, fact), fact.at)
        self.hears.happened(told)

    def _perform(self, what: str, decide: Callable[[], list[Effect]], at: Moment) -> None:
        """Perform what the tracker decides about a fact, or about what an earlier process left open."""
        try:
            effects = decide()
        except Exception:  # noqa: BLE001 - whatever it is
            # An error of ours about one fact must not end the measuring of all calls; it is told, and counted.
            self._log.exception("fact_failed", fact=what)
            effects = [Irregular("fact_failed", what)]
        self.performer.perform(effects, at)


LISTING_LIMIT = timedelta(seconds=30)
"""A listing that is not complete by then was lost, and is asked for again; a refused one, too, after this time."""
LIST_AGAIN_AFTER = timedelta(seconds=5.5)
"""After a (re)connect: what two full listings, a grace apart, do not show is over."""

__all__ = [
    "Asked",
    "Began",
    "Beginning",
    "ChannelsLogged",
    "Claimed",
    "Entry",
    "Hears",
    "ListingGivenUp",
    "Logged",
    "Passed",
    "Performs",
    "Reading",
    "moment_of",
    "offset_of",
]
