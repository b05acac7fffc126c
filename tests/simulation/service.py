"""Our process, as far as it is pure: bytes in, effects out, and what of it is durable. The one place that knows how to
drive the product; nothing else here imports it but the judge, which reads its records."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from handlers.follow import Follower
from handlers.journaling import Loader
from handlers.recovery import Recovery, SameClock
from handlers.resume import MARK, Resume
from telephony.ami.client import NotConnected
from telephony.ami.codec import Banner, Codec
from telephony.ami.feed import Batch, Entry, LinkDown, LinkUp
from telephony.ami.snapshot import LISTED
from telephony.ami.translate import ACTED_UPON, EPOCH, UNSTAMPED
from telephony.calls.book import Rules
from telephony.calls.effects import (
    CallEnded,
    CaseOpened,
    Effect,
    Irregular,
    SaveCall,
    VisitCorrected,
    VisitEnded,
    VisitEntered,
)
from telephony.calls.facts import Interface, Moment
from telephony.calls.record import CallRecord
from telephony.calls.tracker import Tracker
from telephony.queuelog.place import Piece, Place
from tests.simulation.disk import BOOT, Disk
from tests.simulation.reconciling import Reconciliation
from tests.simulation.story import OFFICES

SYSTEM = "pbx1"
UNKNOWN_BOOT_OFFSET = 1_700_000_000
"""Our monotonic clock began then, by the PBX's."""


def micros(value: int) -> timedelta:
    """As the product counts."""
    return timedelta(microseconds=value)


OFFSET = timedelta(seconds=UNKNOWN_BOOT_OFFSET)


def mono(stamp: int) -> timedelta:
    """Our monotonic clock at that stamp of the PBX."""
    return micros(stamp) - OFFSET


class Line:
    """The AMI line without a network; `asked` are requests not yet answered."""

    def __init__(self) -> None:
        self.stall = timedelta()
        self.connected = False
        self.seen: dict[str, int] = {}
        self.quarantined = 0
        self.heard_at: timedelta | None = None
        self.at = 0
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.requests = 0

    def now(self) -> Moment:
        return Moment(EPOCH + micros(self.at), mono(self.at), stamped=False)

    async def take(self) -> list[Entry]:
        raise NotImplementedError

    def request(self, action: str, /, **headers: str) -> str:
        if not self.connected:
            raise NotConnected
        self.requests += 1
        self.asked.append((f"r{self.requests}", action, headers))
        return f"r{self.requests}"


class Service:
    """One life of our process.

    Attributes:
        ledger: by queue and kind: entered less ended, as the counters say.
        cases, visits: how often each case was opened, and each visit entered, in this life.
        irregular: what no rule allowed.
    """

    def __init__(self, disk: Disk, *, log: bool) -> None:
        self.disk, self.line = disk, Line()
        self.resumed = Resume.load(disk.journal.marks().get(MARK))
        self.lines_read = 0
        lines = {Interface(interface): name for interface, name in OFFICES.items()}
        trunks = frozenset({Interface("PJSIP/callers")})
        self.tracker = Tracker(Rules(pbx=SYSTEM, trunks=trunks, lines=lines, queue_log=log))
        self.follower = Follower(
            SYSTEM, self.line, self.tracker, self, journal=disk.journal, unsaved=disk.database.unsaved
        )
        self.codec = self.new_codec()
        self.reconciliation = Reconciliation(self.follower, self, disk.database, disk.journal) if log else None
        self.reconciles = False
        self.ledger: Counter[tuple[str, str]] = Counter()
        self.cases: Counter[UUID] = Counter()
        self.ended: Counter[UUID] = Counter()
        self.irregular: list[Irregular] = []
        self.corrected: list[VisitCorrected] = []
        self.wrong: list[str] = []

    @staticmethod
    def new_codec() -> Codec:
        """As for every connection."""
        return Codec(
            ACTED_UPON, systemname=SYSTEM, user_events=["QueueResult"], listed=LISTED, unstamped=UNSTAMPED, banner=False
        )

    # --- what comes in ---

    def resume(self) -> None:
        """Rebuild from the journal what lives; take up the rest from the database: as handlers.service does it."""
        follower, journal, known = self.follower, self.disk.journal, set[UUID]()
        if self.resumed is not None:
            follower.recovering = True
            clock = SameClock(BOOT, OFFSET)
            loader = Loader(self.new_codec)
            recovery = Recovery(follower.reading, self.resumed, loader, clock)
            if self.reconciliation is not None:
                self.reconciliation.hear_again(self.resumed.start - 1, loader)
            recovery.read(journal.since(self.resumed.start))
            found = recovery.end()
            follower.recovering = False
            place = follower.reading.log_place or self.resumed.log_place
            known_place = Place.load(place)
            self.lines_read = 0 if known_place is None else known_place.offset
            follower.took_up(found.calls, log_place=place)
            known = found.known
        follower.began("again")
        follower.resume(self.disk.database.open_calls(known))
        self.check()

    def connect(self, at: int) -> None:
        """Logged in."""
        self.line.at, self.line.connected = at, True
        self.line.asked.clear()
        self.codec = self.new_codec()
        self.follower.take(LinkUp(mono(at), OFFSET, "11.0.0"))

    def disconnect(self, at: int) -> None:
        """The line is noticed to be broken."""
        self.line.at, self.line.connected = at, False
        self.follower.take(LinkDown(mono(at), OFFSET, "connection lost"))
        self.check()

    def read(self, at: int, data: bytes) -> None:
        """So many bytes at once."""
        self.line.at = at
        items = [item for item in self.codec.feed(data) if not isinstance(item, Banner)]
        if items:
            self.line.heard_at = mono(at)
            self.follower.take(Batch(mono(at), OFFSET, items))
            self.check()

    def tail(self, at: int, lines: list[bytes]) -> None:
        """Lines of queue_log. A line counts as one byte: nobody looks into the file but us."""
        self.line.at = at
        self.lines_read += len(lines)
        self.follower.logged(Piece(Place("0" * 32, self.lines_read), tuple(lines)))
        self.check()

    def tick(self, at: int) -> None:
        """Time passes."""
        self.line.at = at
        self.follower.tick(self.line.now())
        if self.reconciliation is not None:
            self.reconciles = True
            self.reconciliation.turn(self.line.now())
            self.reconciles = False
        self.check()

    # --- what comes out ---

    def perform(self, effects: Iterable[Effect], _at: Moment, /) -> None:
        """As handlers.effects does it."""
        for effect in effects:
            match effect:
                case SaveCall(call):
                    self.saves(call)
                case VisitEntered(visit):
                    self.ledger[visit.queue, visit.kind.value] += 1
                case VisitEnded(_, visit):
                    self.ledger[visit.queue, visit.kind.value] -= 1
                case CaseOpened(call):
                    self.cases[call.id] += 1
                case CallEnded(call) if not self.reconciles:  # there it means: its measures are counted now
                    self.ended[call.id] += 1
                case VisitCorrected():
                    self.corrected.append(effect)
                case Irregular():
                    self.irregular.append(effect)
                case _:
                    pass

    def saves(self, call: CallRecord) -> None:
        """A newer state of a call."""
        database = self.disk.database
        waiting = database.waiting.get(call.id)
        before = waiting[0] if waiting else database.kept.get(call.id)
        if before is not None and before.ended_at is not None and call.ended_at is None:
            self.wrong.append(f"{call.uniqueid} was revived")
        if before is not None and before.revision > call.revision:
            self.wrong.append(f"{call.uniqueid} went back from revision {before.revision} to {call.revision}")
        database.put(call)

    def check(self) -> None:
        """The invariant, at this instant: entered = ended + waiting + settling."""
        now: Counter[tuple[str, str]] = Counter()
        for visit in self.tracker.book.open:
            now[str(visit.queue), visit.kind.value] += 1
        if now != +self.ledger and not self.wrong:
            self.wrong.append(f"entered - ended is {dict(+self.ledger)}, waiting and settling are {dict(now)}")
        if any(count < 0 for count in self.ledger.values()) and not self.wrong:
            self.wrong.append(f"more ended than entered: {dict(self.ledger)}")

    def close(self) -> None:
        """This life is over."""
        if self.reconciliation is not None:
            self.reconciliation.close()

    @property
    def residual(self) -> dict[str, int]:
        """Callers whom only one side has."""
        return {queue: count for queue, count in self.tracker.residual().items() if count}
