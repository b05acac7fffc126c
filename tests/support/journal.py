"""What outlives a process of ours, in memory, and one process after the other that writes and reads it."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from handlers.follow import Follower
from handlers.journaling import Loader
from handlers.outlived import drop, in_question, outlived
from handlers.reading import Reading
from handlers.recovery import Recovered, Recovery, SameClock, Unread
from handlers.resume import MARK, Resume
from telephony.ami.client import NotConnected
from telephony.ami.codec import Banner, Codec
from telephony.ami.feed import Batch, Entry, LinkDown, LinkUp
from telephony.ami.snapshot import LISTED
from telephony.ami.translate import ACTED_UPON, EPOCH, UNSTAMPED
from telephony.calls.book import Rules
from telephony.calls.effects import CallEnded, CaseOpened, Effect, Irregular, SaveCall, VisitEnded, VisitEntered
from telephony.calls.facts import Interface, Moment
from telephony.calls.record import CallRecord, position_of
from telephony.calls.tracker import Tracker
from telephony.cases.resting import Row
from telephony.journal.record import Record
from telephony.journal.waiting import MAX_MARK_BYTES, MAX_MARKS
from telephony.queuelog.place import Piece, Place

PBX = "pbx1"
BOOT = "boot-a"
LIFE = 1
OFFSET = timedelta(seconds=1_795_000_000)
RULES = Rules(pbx=PBX, trunks=frozenset({Interface("PJSIP/callers"), Interface("PJSIP/trunk")}))
UNDECIDED = None


def codec() -> Codec:
    """As for every connection."""
    return Codec(
        ACTED_UPON, systemname=PBX, user_events=["QueueResult"], listed=LISTED, unstamped=UNSTAMPED, banner=False
    )


class MemoryJournal:
    """`telephony.journal.writer.Journal`, as far as following needs it; nothing is ever forgotten."""

    failing, dropped, oldest_waiting = "", 0, None

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.marked: list[tuple[int, str, bytes]] = []
        self.names: set[str] = set()
        self.position = 0
        self.boot = BOOT

    def append(self, source: int, mono: timedelta, offset: timedelta, data: bytes, /) -> int:
        self.position += 1
        self.records.append(Record(self.position, source, mono, offset, data, self.boot))
        return self.position

    def mark(self, name: str, value: bytes, /) -> None:
        assert len(value) <= MAX_MARK_BYTES, "what the journal would refuse"
        self.names.add(name)
        assert len(self.names) <= MAX_MARKS, "one too many"
        self.marked.append((self.position, name, value))

    def skip_to(self, position: int) -> None:
        self.position = max(self.position, position)

    @property
    def bytes(self) -> int:
        return sum(len(record.data) for record in self.records)

    def upto(self, position: int) -> "MemoryJournal":
        """What a disk has whose machine died when so much was written."""
        left = MemoryJournal()
        left.records = [record for record in self.records if record.position <= position]
        left.marked = [mark for mark in self.marked if mark[0] <= position]
        left.position, left.boot = position, self.boot
        return left

    def resume(self, back: int = 0) -> Resume | None:
        """What the newest mark says; `back`: the so much older one, which a crash may leave as the newest."""
        marks = [value for _, name, value in self.marked if name == MARK]
        return Resume.load(marks[max(0, len(marks) - 1 - back)]) if marks else None

    def forget_marks(self, count: int) -> None:
        """The newest marks, of which the disk knew nothing yet."""
        del self.marked[len(self.marked) - 2 * count :]

    def since(self, position: int) -> list[Record]:
        return [record for record in self.records if record.position >= position]


@dataclass
class Rows:
    """The database and who saves: `kept` is durable, `waiting` is not."""

    kept: dict[UUID, CallRecord] = field(default_factory=dict)
    waiting: dict[UUID, tuple[CallRecord, int]] = field(default_factory=dict)

    def put(self, call: CallRecord) -> None:
        known = self.waiting.get(call.id)
        self.waiting[call.id] = call, position_of(call.revision) if known is None else known[1]

    def unsaved(self, _pbx: str) -> tuple[int, int] | None:
        theirs = [(call.since, first) for call, first in self.waiting.values() if call.since]
        return (min(since for since, _ in theirs), min(first for _, first in theirs)) if theirs else None

    def save(self, which: Callable[[CallRecord], bool] = lambda _: True) -> None:
        for call, _ in list(self.waiting.values()):
            if which(call):
                del self.waiting[call.id]
                if call.id not in self.kept or self.kept[call.id].revision < call.revision:
                    self.kept[call.id] = replace(call, since=0)  # which no row holds

    def newest(self) -> dict[UUID, CallRecord]:
        return self.kept | {id_: call for id_, (call, _) in self.waiting.items()}

    def open_calls(self, known: set[UUID]) -> list[CallRecord]:
        return [call for call in self.kept.values() if call.id not in known and is_open(call)]

    def asked(self, calls: set[UUID]) -> list[Row]:
        """As `telephony.cases.resting` gives them."""
        kept = [self.kept[id_] for id_ in sorted(calls) if id_ in self.kept]
        return [Row(call.id, LIFE, call.revision, is_open(call)) for call in kept]

    @property
    def position(self) -> int:
        """The highest on which any of it rests."""
        return max((position_of(call.revision) for call in self.kept.values()), default=0)

    def copy(self) -> "Rows":
        return Rows(dict(self.kept), dict(self.waiting))


def is_open(call: CallRecord) -> bool:
    """As the database asks it."""
    return call.ended_at is None or any(visit.outcome is UNDECIDED for visit in call.visits)


class Line:
    """An AMI line without a network."""

    def __init__(self) -> None:
        self.stall = timedelta()
        self.connected = False
        self.seen: dict[str, int] = {}
        self.quarantined = 0
        self.heard_at: timedelta | None = None
        self.clock = timedelta()
        self.asked: list[tuple[str, str]] = []
        self.requests = 0

    def now(self) -> Moment:
        return Moment(EPOCH + OFFSET + self.clock, self.clock, stamped=False)

    async def take(self) -> list[Entry]:
        raise NotImplementedError

    def request(self, action: str, /, **_headers: str) -> str:
        if not self.connected:
            raise NotConnected
        self.requests += 1
        self.asked.append((f"r{self.requests}", action))
        return f"r{self.requests}"


class Done(list[Effect]):
    """What was performed."""

    def perform(self, effects: Iterable[Effect], _at: Moment, /) -> None:
        self.extend(effects)


class Life:
    """One process of ours, from its start; `done` is all that it performed."""

    def __init__(self, journal: MemoryJournal, rows: Rows, rules: Rules = RULES) -> None:
        self.journal, self.rows, self.line, self.done = journal, rows, Line(), Done()
        self.tracker = Tracker(rules)
        self.follower = Follower(PBX, self.line, self.tracker, self, journal=journal, unsaved=rows.unsaved)
        self.codec = codec()
        self.resume = journal.resume()

    def perform(self, effects: Iterable[Effect], at: Moment, /) -> None:
        told = list(effects)
        self.done.perform(told, at)
        for effect in told:
            if isinstance(effect, SaveCall):
                self.rows.put(effect.call)

    def begin(self, clock: timedelta) -> None:
        """As `handlers.service` does it."""
        self.line.clock = clock
        reading, resume = self.follower.reading, self.resume
        found = Recovered(unread=Unread(self.journal.position + 1))
        if resume is not None:
            self.follower.recovering = True
            found = recovered_by(reading, resume, self.journal.since(resume.start))
            self.follower.recovering = False
        rows = self.rows.asked(in_question(reading, found))
        self.journal.skip_to(self.rows.position)
        drop(reading, found, outlived(rows, LIFE, found))
        if resume is not None:
            self.follower.took_up(found.calls, log_place=resume.log_place)
        self.follower.began("a process")
        self.follower.resume(self.rows.open_calls(found.known))

    def connects(self, clock: timedelta, uptime: timedelta) -> None:
        self.line.clock, self.line.connected, self.codec = clock, True, codec()
        self.line.asked.clear()
        self.follower.take(LinkUp(clock, OFFSET, "11.0.0"))
        booted = f"Uptime: {int(uptime.total_seconds())}\r\nStatus: Fully Booted\r\n\r\n"
        self.says(clock, b"Event: FullyBooted\r\nPrivilege: system,all\r\n" + booted.encode())

    def disconnects(self, clock: timedelta) -> None:
        self.line.clock, self.line.connected = clock, False
        self.line.asked.clear()
        self.follower.take(LinkDown(clock, OFFSET, "the line broke"))

    def says(self, clock: timedelta, data: bytes) -> None:
        self.line.clock = clock
        items = [item for item in self.codec.feed(data) if not isinstance(item, Banner)]
        if items:
            self.follower.take(Batch(clock, OFFSET, items))

    def logs(self, clock: timedelta, *lines: bytes) -> None:
        self.line.clock = clock
        self.follower.logged(Piece(Place("0" * 32, self.journal.position), tuple(lines)))

    def passes(self, clock: timedelta) -> None:
        self.line.clock = clock
        self.follower.tick(self.line.now())

    def live(self) -> dict[UUID, CallRecord]:
        """The calls that are not over."""
        return live(self.tracker)

    def count(self, kind: type[CaseOpened | VisitEnded | VisitEntered | CallEnded]) -> Counter[tuple[UUID, int]]:
        """What was counted, by call and visit."""
        told: Counter[tuple[UUID, int]] = Counter()
        for effect in self.done:
            if isinstance(effect, kind) and not isinstance(effect, VisitEntered):
                told[effect.call.id, effect.visit.ordinal if isinstance(effect, VisitEnded) else 0] += 1
        return told

    @property
    def irregular(self) -> set[str]:
        return {effect.what for effect in self.done if isinstance(effect, Irregular)}


def live(tracker: Tracker) -> dict[UUID, CallRecord]:
    """The calls that are not over."""
    return {call.id: tracker.book.record(call) for call in tracker.book.calls.values() if not call.finished}


def recovered_by(reading: Reading, resume: Resume, records: list[Record], boot: str = BOOT) -> Recovered:
    """What comes of a journal."""
    recovery = Recovery(reading, resume, Loader(codec), SameClock(boot, OFFSET))
    recovery.read(records)
    return recovery.end()


@dataclass
class Recalled:
    """A process that has read the journal, and nothing more."""

    reading: Reading
    found: Recovered
    done: Done

    @property
    def tracker(self) -> Tracker:
        """Its calls."""
        return self.reading.tracker


def recall(resume: Resume, records: list[Record], rules: Rules = RULES, boot: str = BOOT) -> Recalled:
    """Read it again."""
    tracker, done = Tracker(rules), Done()
    reading = Reading(PBX, tracker, done)
    return Recalled(reading, recovered_by(reading, resume, records, boot), done)
