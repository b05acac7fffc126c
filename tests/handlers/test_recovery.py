"""Read again at any moment, the journal gives every call as it was: the same state, nothing done a second time."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import cycle
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from handlers.journaling import Loader
from handlers.outlived import drop, in_question, outlived
from handlers.reading import Entry, Reading
from handlers.recovery import MAX_TOLD, Recovery, SameClock, Skipping
from handlers.resume import LONGEST
from telephony.calls.book import Rules
from telephony.calls.effects import CallEnded, CaseOpened, VisitEnded
from telephony.calls.facts import BridgeEntered, BridgeId, Channel, ChannelAppeared, ChannelEnded, Interface, Uniqueid
from telephony.calls.record import CallRecord, Quality
from telephony.calls.tracker import Tracker
from telephony.journal.record import Record
from tests.bench.streams import APART, Conversation, busy
from tests.support.journal import (
    BOOT,
    LIFE,
    OFFSET,
    PBX,
    RULES,
    Done,
    Life,
    Line,
    MemoryJournal,
    Rows,
    codec,
    is_open,
    live,
    recall,
    recovered_by,
)
from tests.support.replay import RECORDINGS
from tests.support.shadow import END, Shadow, stamp_of

NAMES = sorted(
    file.parent.name
    for file in RECORDINGS.glob("*/ami*.bin")
    if all(header in file.read_bytes() for header in (b"\r\nSystemName: pbx1\r\n", b"\r\nTimestamp: "))
)
SECOND = timedelta(seconds=1)


@dataclass
class Kept:
    """How things stood when the journal had so many records."""

    live: dict[UUID, CallRecord]
    rows: Rows


def prelude_of(name: str) -> bytes:
    raw = next((RECORDINGS / name).glob("ami*.bin")).read_bytes()
    return raw[: raw.index(END, raw.index(b"Event: CoreShowChannelsComplete")) + len(END)]


def messages_of(name: str) -> list[bytes]:
    """The events after the listings."""
    raw = next((RECORDINGS / name).glob("ami*.bin")).read_bytes()
    return [one + END for one in raw[len(prelude_of(name)) :].split(END) if one]


@dataclass
class Stage:
    """A PBX, whatever process follows it, and what was known at each position of the journal."""

    seed: int
    saves: Callable[[random.Random], bool]
    messages: list[bytes]
    prelude: bytes
    rules: Rules = RULES
    logged: list[tuple[timedelta, bytes]] = field(default_factory=list)
    longest: int = LONGEST

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.shadow = Shadow(self.prelude)
        self.journal, self.rows = MemoryJournal(), Rows()
        first = next(stamp for raw in self.messages if (stamp := stamp_of(raw)))
        self.booted = first - 7 * SECOND
        self.clock = first - OFFSET - SECOND
        self.kept: dict[int, Kept] = {}
        self.silent = False
        self.lives: list[Life] = []

    @property
    def life(self) -> Life:
        return self.lives[-1]

    def starts(self) -> None:
        self.lives.append(Life(self.journal, self.rows, self.rules))
        self.life.follower.longest = self.longest
        self.life.begin(self.clock)
        self.note()

    def connects(self) -> None:
        self.life.connects(self.clock, self.clock + OFFSET - self.booted)
        self.note()

    def breaks(self) -> None:
        self.life.disconnects(self.clock)
        self.note()

    def note(self) -> None:
        if self.saves(self.rng):
            self.rows.save(lambda _: self.rng.random() < 0.8 or self.saves(self.rng))
        self.kept[self.journal.position] = Kept(self.life.live(), self.rows.copy())

    def answers(self) -> None:
        """What was asked is listed."""
        if self.silent:
            return
        asked, self.life.line.asked = self.life.line.asked, []
        ids = {action: number for number, action in asked}
        if "QueueStatus" in ids:
            told = self.shadow.listing(ids["QueueStatus"], ids.get("CoreShowChannels"))
            for raw in told.split(END)[:-1]:
                self.life.says(self.clock, raw + END)
                self.note()

    def tells(self, *said: bytes) -> None:
        """The PBX says something, after whatever time; all of it is read at once."""
        stamps = [stamp for raw in said if (stamp := stamp_of(raw))]
        if stamps:
            self.waits(max(timedelta(), max(stamps) - OFFSET - self.clock))
        for raw in said:
            self.shadow.hears(raw)
        if self.life.line.connected:
            self.life.says(self.clock, b"".join(said))
            self.note()
            if self.rng.random() < 0.3:
                self.answers()

    def waits(self, time: timedelta) -> None:
        until = self.clock + time
        while self.clock + SECOND / 10 < until:
            self.clock += SECOND / 10
            self.passes()
        self.clock = until
        self.passes()

    def passes(self) -> None:
        self.life.passes(self.clock)
        while self.logged and self.logged[0][0] <= self.clock:
            self.life.logs(self.clock, self.logged.pop(0)[1])
        self.note()
        if self.rng.random() < 0.5:
            self.answers()

    def tells_all(self, at_once: int = 1) -> None:
        """Everything, up to so many messages in one read."""
        rest = list(self.messages)
        while rest:
            count = self.rng.randint(1, at_once)
            self.tells(*rest[:count])
            del rest[:count]

    def comes_to_an_end(self) -> None:
        for _ in range(150):
            self.answers()
            self.waits(SECOND)

    def reboots(self) -> None:
        """The PBX starts anew: nothing goes on."""
        self.booted = self.clock + OFFSET - SECOND
        self.shadow.channels.clear()
        self.shadow.waiting.clear()

    def dies(self, back: int = 0) -> None:
        """Our process does, and another one begins."""
        self.waits(self.rng.random() * SECOND)
        self.journal.forget_marks(back)
        self.starts()

    # --- what a restart makes of it ---

    def cuts(self, most: int) -> list[int]:
        known = sorted(self.kept)
        return known if len(known) <= most else sorted(self.rng.sample(known, most))

    def judge(self, position: int, back: int = 0) -> None:
        """A machine that died there: what comes out of its journal."""
        left = self.journal.upto(position)
        resume = left.resume(back)
        if resume is None:
            return
        known = self.kept[position]
        recalled = recall(resume, left.since(resume.start), self.rules)
        rows = known.rows.asked(in_question(recalled.reading, recalled.found))
        drop(recalled.reading, recalled.found, outlived(rows, LIFE, recalled.found))
        assert not recalled.done, "nothing is done a second time"
        again = {
            call.id: recalled.tracker.book.record(call)
            for call in recalled.tracker.book.calls.values()
            if not call.finished
        }
        from_rows = {call.id for call in known.rows.open_calls(recalled.found.known)}
        for id_, call in known.live.items():
            if id_ in from_rows:
                # A talk that a gap made doubtful is saved when it is over; who takes up a row doubts it anyway.
                assert known.rows.newest()[id_].revision == call.revision, "its row is the newest state"
                assert id_ not in again
            else:
                assert again.get(id_) == call
        # By an older mark a call may be rebuilt that this process was about to take up from its row.
        left_open = {call.id for call in known.rows.kept.values() if is_open(call)}
        assert not set(again) - set(known.live) - left_open, "nothing that ended is revived"
        newest, found = known.rows.newest(), {call.id: call for call in recalled.found.calls}
        for id_ in known.rows.waiting:
            assert newest[id_] in {found.get(id_), known.rows.kept.get(id_)}
        for id_, call in found.items():
            assert call == newest.get(id_), "what is put again is no news"

    def judge_the_end(self) -> None:
        """Over all processes: everything once, and nothing left open."""
        for kind in (CaseOpened, CallEnded, VisitEnded):
            told = sum((life.count(kind) for life in self.lives), Counter[tuple[UUID, int]]())
            assert not [once for once, count in told.items() if count > 1], kind.__name__
        newest = self.rows.newest()
        assert not [call for call in newest.values() if is_open(call)]
        assert not self.life.live()
        ended = sum((life.count(VisitEnded) for life in self.lives), Counter[tuple[UUID, int]]())
        visits = {(call.id, visit.ordinal) for call in newest.values() for visit in call.visits if visit.joined_at}
        assert set(ended) == visits
        cases = sum((life.count(CaseOpened) for life in self.lives), Counter[tuple[UUID, int]]())
        assert {id_ for id_, _ in cases} == {call.id for call in newest.values() if call.case}

    def judge_all(self, most: int = 40) -> None:
        for position in self.cuts(most):
            self.judge(position)
            self.judge(position, back=self.rng.randrange(3))


SAVES: dict[str, Callable[[random.Random], bool]] = {
    "nothing saved": lambda _: False,
    "all saved": lambda _: True,
    "some saved": lambda rng: rng.random() < 0.15,
}


HANDED_ON = ("transfer", "blind_", "blonde_", "refer_", "attended_queue")
"""In the names of recordings in which somebody is handed from one call to another."""


def alone(name: str, saves: str, seed: int = 1) -> Stage:
    log = [
        (timedelta(seconds=int(line.split(b"|")[0]) + 1.2) - OFFSET, line)
        for line in (RECORDINGS / name / "queue_log").read_bytes().split(b"\n")
        if line[:10].isdigit()
    ]
    rules = replace(RULES, queue_log=True)
    return Stage(seed, SAVES[saves], messages_of(name), prelude_of(name), rules, log)


def crowd(saves: str, seed: int, count: int = 12, per_second: float = 1.5, without: tuple[str, ...] = ()) -> Stage:
    rng = random.Random(seed)
    names = [name for name in NAMES if name not in APART and not any(one in name for one in without)]
    told = [Conversation(name) for name in rng.sample(names, min(count, len(names)))]
    messages = [one.raw for one in busy(told, count, per_second)]
    prelude = b"".join(prelude_of(name) for name in NAMES)
    return Stage(seed, SAVES[saves], messages, prelude)


@pytest.mark.parametrize(("name", "saves"), list(zip(NAMES, cycle(SAVES), strict=False)))
def test_a_recorded_call_is_rebuilt_at_every_moment(name: str, saves: str) -> None:
    stage = alone(name, saves)
    stage.starts()
    stage.connects()
    stage.tells_all()
    stage.comes_to_an_end()
    stage.judge_all(20)


@pytest.mark.parametrize("saves", SAVES)
@pytest.mark.parametrize("seed", range(1))
def test_calls_among_each_other_are_rebuilt_at_every_moment(saves: str, seed: int) -> None:
    stage = crowd(saves, seed)
    stage.starts()
    stage.connects()
    stage.tells_all()
    stage.comes_to_an_end()
    stage.judge_all()


@pytest.mark.parametrize("saves", SAVES)
@pytest.mark.parametrize("seed", range(1))
def test_also_with_a_line_that_breaks(saves: str, seed: int) -> None:
    stage = crowd(saves, seed)
    stage.starts()
    stage.connects()
    for raw in stage.messages:
        stage.tells(raw)
        if stage.rng.random() < 0.03:
            (stage.breaks if stage.life.line.connected else stage.connects)()
    if not stage.life.line.connected:
        stage.connects()
    stage.comes_to_an_end()
    stage.judge_all()


NONSENSE = b"Nonsense: of a caller\r\n\r\n"


@pytest.mark.parametrize("saves", SAVES)
@pytest.mark.parametrize("seed", range(1))
def test_also_with_messages_refused_among_those_that_are_read_at_once(saves: str, seed: int) -> None:
    stage = crowd(saves, seed)
    stage.starts()
    stage.connects()
    stage.messages = [NONSENSE + raw if stage.rng.random() < 0.3 else raw for raw in stage.messages]
    stage.tells_all(at_once=6)
    stage.comes_to_an_end()
    stage.judge_all()


@pytest.mark.parametrize("saves", SAVES)
@pytest.mark.parametrize("seed", range(1))
def test_also_with_a_pbx_that_starts_anew_among_them(saves: str, seed: int) -> None:
    stage = crowd(saves, seed)
    stage.starts()
    stage.connects()
    half = len(stage.messages) // 2
    for raw in stage.messages[:half]:
        stage.tells(raw)
    stage.breaks()
    stage.waits(4 * SECOND)
    stage.reboots()
    stage.connects()
    gone = {told.split(b"\r\n")[0] for raw in stage.messages[:half] for told in raw.split(b"nkedid: ")[1:]}
    for raw in stage.messages[half:]:
        if not any(linkedid in raw for linkedid in gone):
            stage.tells(raw)
    stage.comes_to_an_end()
    stage.judge_all()


@pytest.mark.parametrize("saves", SAVES)
@pytest.mark.parametrize("seed", range(1))
def test_also_with_a_line_that_breaks_before_anything_was_listed(saves: str, seed: int) -> None:
    stage = crowd(saves, seed)
    stage.silent = True
    stage.starts()
    stage.connects()
    part = len(stage.messages) // 3
    for raw in stage.messages[:part]:
        stage.tells(raw)
    stage.breaks()
    stage.waits(SECOND)
    stage.connects()
    for raw in stage.messages[part : 2 * part]:
        stage.tells(raw)
    stage.silent = False
    for raw in stage.messages[2 * part :]:
        stage.tells(raw)
    stage.comes_to_an_end()
    stage.judge_all()


@pytest.mark.parametrize("saves", SAVES)
@pytest.mark.parametrize("seed", [0, 11])  # 11: an old call hands one on, who ended otherwise when it was read again
def test_one_process_after_the_other_makes_one_ledger(saves: str, seed: int) -> None:
    stage = crowd(saves, seed)
    stage.starts()
    stage.connects()
    for raw in stage.messages:
        stage.tells(raw)
        if stage.rng.random() < 0.02:
            stage.dies(back=stage.rng.randrange(2))
            stage.connects()
    stage.comes_to_an_end()
    stage.judge_all()
    stage.judge_the_end()


@pytest.mark.parametrize("seed", range(4))
def test_calls_of_an_age_come_from_their_rows_and_are_no_others(seed: int) -> None:
    # Who is handed on between such a call and another, which is not over, is found by the next listings.
    stage = crowd("all saved", seed, without=HANDED_ON)
    stage.longest = 40
    stage.starts()
    stage.connects()
    for raw in stage.messages:
        stage.tells(raw)
        if stage.rng.random() < 0.02:
            stage.dies()
            stage.connects()
    stage.comes_to_an_end()
    stage.judge_all(60)
    stage.judge_the_end()


def test_who_ended_is_not_revived_for_being_handed_to_a_call_of_an_age() -> None:
    stage = crowd("all saved", 3)
    stage.longest = 40
    stage.starts()
    stage.connects()
    for raw in stage.messages:
        stage.tells(raw)
        if stage.rng.random() < 0.02:
            stage.dies()
            stage.connects()
    around = [position for position in stage.kept if 705 <= position <= 740]  # of that one's end
    assert len(around) > 20
    for position in around:
        stage.judge(position)
        stage.judge(position, back=2)


def spoken_of(uniqueid: str, *linked: str) -> list[ChannelAppeared | BridgeEntered | ChannelEnded]:
    """A channel comes, is bridged, perhaps as one of another call by then, and goes."""
    at = Line().now()
    first, last = (
        Channel(Uniqueid(uniqueid), Uniqueid(one), Interface("PJSIP/1002")) for one in (linked[0], linked[-1])
    )
    bridged = BridgeEntered(at, BridgeId("b1"), last, None)
    return [ChannelAppeared(at, first, incoming=True), bridged, ChannelEnded(at, Uniqueid(uniqueid), 16)]


def test_who_retrieves_a_caller_of_a_row_has_a_call_of_his_own_whose_end_is_heard() -> None:
    skips = Skipping({"1.1"}, listed=False)
    told = spoken_of("2.1", "2.1", "1.1")
    assert [skips(fact) for fact in told] == told


def test_who_was_called_for_a_caller_of_a_row_is_skipped_to_his_end() -> None:
    skips = Skipping({"1.1"}, listed=False)
    assert [skips(fact) for fact in spoken_of("1.2", "1.1")] == [None, None, None]


def halfway(saves: str = "nothing saved", seed: int = 3) -> Stage:
    """A process that died in the middle of it all."""
    stage = crowd(saves, seed)
    stage.starts()
    stage.connects()
    for raw in stage.messages[: len(stage.messages) // 2]:
        stage.tells(raw)
    assert stage.life.live()
    return stage


def test_another_boot_of_our_machine_has_another_clock_and_the_same_calls() -> None:
    stage = halfway()
    resume = stage.journal.resume()
    assert resume is not None
    recalled = recall(resume, stage.journal.since(resume.start), boot="boot-b")
    assert live(recalled.tracker) == stage.life.live()


def test_a_hole_makes_what_went_on_doubtful_and_loses_nobody() -> None:
    stage = halfway()
    resume = stage.journal.resume()
    assert resume is not None
    records = [one for one in stage.journal.since(resume.start) if one.position != stage.journal.position - 20]
    again, before = live(recall(resume, records).tracker), stage.life.live()
    assert set(before) <= set(again)
    waiting = [visit for call in again.values() for visit in call.visits if visit.outcome is None]
    assert waiting
    assert all(visit.quality is not Quality.LIVE for visit in waiting if visit.joined_at and not visit.left_at)


def test_without_a_mark_or_with_one_of_somebody_else_nothing_is_made_of_the_journal() -> None:
    stage = halfway("all saved")
    stage.journal.marked = [(stage.journal.position, "resume", b"of somebody else")]
    stage.starts()
    assert not stage.life.tracker.book.calls
    stage.connects()
    stage.answers()
    left = {call.id for call in stage.rows.kept.values() if is_open(call)}
    assert left <= {call.id for call in stage.life.live().values()}, "but taken up from their rows"


# --- the disk takes nothing more, the database does ---


@pytest.mark.parametrize("name", NAMES[::4])
def test_what_was_saved_while_the_disk_was_full_stays_as_it_is(name: str) -> None:
    stage = alone(name, "all saved")
    stage.starts()
    stage.connects()
    stage.tells_all()
    stage.comes_to_an_end()
    journal, kept = stage.journal, dict(stage.rows.kept)
    for full in stage.cuts(3):
        stage.journal, stage.rows = journal.upto(full), Rows(dict(kept))
        for _ in range(2):  # and once more, for the second journal has what the third process reads
            stage.starts()
            stage.connects()
            stage.waits(20 * SECOND)
            stage.answers()
            assert {id_: stage.rows.newest()[id_] for id_ in kept} == kept
            assert not stage.life.count(VisitEnded)


@pytest.mark.parametrize("saves", ["all saved", "some saved"])
@pytest.mark.parametrize("part", [0.2, 0.7, 0.97])
def test_who_dies_while_the_disk_is_full_leaves_nobody_open_and_no_row_worse(part: float, saves: str) -> None:
    stage = halfway(saves, seed=4)
    stage.journal = stage.journal.upto(int(stage.journal.position * part))
    stage.rows.waiting.clear()
    before = {id_: call for id_, call in stage.rows.kept.items() if not is_open(call)}
    left_open = set(stage.rows.kept) - set(before)
    assert before
    assert left_open
    stage.starts()
    assert stage.journal.position >= stage.rows.position
    stage.connects()
    for raw in stage.messages[len(stage.messages) // 2 :]:
        stage.tells(raw)
        if stage.rng.random() < 0.01:
            stage.dies()
            stage.connects()
    stage.comes_to_an_end()
    stage.rows.save()
    for id_, call in before.items():
        assert stage.rows.kept[id_].ended_at == call.ended_at
        outcomes = [(visit.ordinal, visit.outcome, visit.quality, visit.talk) for visit in call.visits]
        again = stage.rows.kept[id_].visits
        assert [(visit.ordinal, visit.outcome, visit.quality, visit.talk) for visit in again] == outcomes
    assert not [call for call in stage.rows.kept.values() if is_open(call)]


class Faulty(Loader):
    """A fault of ours about some records."""

    def __init__(self, faulty: set[int]) -> None:
        super().__init__(codec)
        self._faulty = faulty

    def load(self, record: Record) -> Entry | None:
        if record.position in self._faulty:
            raise ZeroDivisionError
        return super().load(record)


def test_a_record_on_which_we_fail_costs_itself_and_no_start() -> None:
    stage = halfway()
    resume = stage.journal.resume()
    assert resume is not None
    last = stage.journal.position
    reading = Reading(PBX, Tracker(RULES), Done())
    recovery = Recovery(reading, resume, Faulty(set(range(last - 40, last - 20))), SameClock(BOOT, OFFSET))
    with capture_logs() as logs:
        recovery.read(stage.journal.since(resume.start))
    found = recovery.end()
    assert found.failed == 20
    assert [entry["event"] for entry in logs if "record" in entry["event"]] == ["journal_record_failed"] * MAX_TOLD
    assert reading.position == last
    assert set(stage.life.live()) & found.known, "the others are read on"


def test_what_was_read_of_a_journal_that_ends_in_trouble_gives_way_to_rows_that_know_more() -> None:
    stage = alone("answered", "all saved")
    stage.starts()
    stage.connects()
    stage.tells_all()
    stage.comes_to_an_end()
    [call] = stage.rows.kept.values()
    span = [position for position, kept in stage.kept.items() if call.id in kept.live]
    middle = (min(span) + max(span)) // 2
    resume = stage.journal.upto(middle).resume()
    assert resume is not None
    reading = Reading(PBX, Tracker(RULES), Done())
    found = recovered_by(reading, resume, [one for one in stage.journal.since(resume.start) if one.position <= middle])
    assert found.known == {call.id}
    drop(reading, found, outlived(stage.rows.asked(in_question(reading, found)), LIFE, found))
    assert not found.known
    assert not found.calls
    assert not reading.tracker.book.calls
