"""Ledger against queue_log while a PBX is followed: what is healed, what is only told, and nothing twice."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog

from handlers.effects import Performer
from handlers.reading import Logged, Reading
from handlers.reconcile import MARK, Reconciler
from handlers.reconciling.due import AFTER_A_GAP, EVERY
from handlers.reconciling.held import EDGE
from handlers.reconciling.logbook import BEFORE_READING
from handlers.reconciling.neighbours import Reconciled
from handlers.unheard import Unheard
from telephony.calls.book import Rules
from telephony.calls.effects import SaveCall
from telephony.calls.facts import Interface, Moment, QueueResult
from telephony.calls.record import CallRecord, Direction, Outcome, Quality, VisitRecord, call_id
from telephony.metrics import Labels, Measures
from telephony.queuelog.doubtful import DAMAGED, OUT_OF_ORDER
from telephony.queuelog.grammar import Entry
from telephony.queuelog.reading import Read, read
from tests.support.calls import call, visit
from tests.support.ledger import MemoryLedger
from tests.support.story import MONO, START, TRUNK, Story, moment, seconds

SECOND = START.replace(microsecond=0)
EPOCH = int(SECOND.timestamp())
UNHEARD = [["2026-03-02T09:00:00+00:00", "9999-12-31T23:59:59+00:00"]]
GAP = (100.0, 200.0)
"""Seconds in which the PBX was not heard."""


class Stage:
    """A PBX that is followed, its queue_log, its ledger."""

    def __init__(self) -> None:
        self.story = Story(Rules(pbx="pbx1", trunks=frozenset({Interface(TRUNK)}), queue_log=True))
        self.ledger = MemoryLedger()
        self.measures = Measures(Labels(("pbx1",)))
        performer = Performer("pbx1", self.ledger, self.measures)
        self.reading = Reading("pbx1", self.story.tracker, performer)
        self.reading.unheard.found(START - seconds(1000))
        self.reading.unheard.lost(START + seconds(GAP[0]))
        self.reading.unheard.found(START + seconds(GAP[1]))
        self.synchronised = self.settled = True
        self.recovering = False
        self.holes = 0
        self.now = moment(0)
        self.reconciler = Reconciler(
            "pbx1", self, performer, self.ledger, self.measures, lambda: self.now, holes=lambda: self.holes
        )

    def at(self, value: float) -> Moment:
        self.now = moment(value)
        return self.now

    def logs(self, *told: str, at: float, position: int = 0) -> None:
        """Lines, without their beginning `epoch|`, but seconds; read at that moment."""
        raw = [line.encode() for line in lines(*told)]
        self.story.tracker.book.position = position
        self.reconciler.heard(read(raw, MONO + seconds(at)), moment(at))

    def saves(self) -> None:
        """What the tracker has decided is in the database."""
        for effect in self.story.told(SaveCall):
            self.ledger.put(effect.call)

    async def round(self, at: float) -> Reconciled:
        await self.reconciler.round(self.at(at))
        assert self.reconciler.last is not None
        return self.reconciler.last

    def counted(self, name: str, **labels: str) -> float:
        self.measures.refresh()
        found = self.measures.registry.get_sample_value(f"telephony_{name}", {"pbx": "pbx1", **labels})
        assert found is not None
        return found

    def entered(self, queue: str = "other") -> float:
        return self.counted("visits_entered_total", queue=queue, kind="queue")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def lines(*told: str) -> list[str]:
    """With the PBX's seconds."""
    return [f"{EPOCH + int(line.partition('|')[0])}|{line.partition('|')[2]}" for line in told]


def stay(who: str = "C", joined: int = 120, end: str = "ABANDON", wait: int = 5) -> list[str]:
    return [
        f"{joined}|{who}|support|NONE|ENTERQUEUE||02112345678|1",
        f"{joined + wait}|{who}|support|NONE|{end}|1|1|{wait}",
    ]


ANSWERED = [
    "130|D|support|NONE|ENTERQUEUE||02112345678|1",
    "137|D|support|Agent 1001|CONNECT|7|D2|3",
    "160|D|support|Agent 1001|COMPLETECALLER|7|23|1",
]


def only(stage: Stage) -> tuple[CallRecord, VisitRecord]:
    (one,) = stage.ledger.kept.values()
    (only,) = one.visits
    return one, only


def known(outcome: Outcome, who: str = "C", joined: float = 120, wait: float = 5, **more: Any) -> CallRecord:
    """A call of one visit, as the database has it."""
    begin = SECOND + seconds(joined)
    one = visit(outcome, uniqueid=who, joined_at=begin, left_at=begin + seconds(wait), wait=seconds(wait), **more)
    arrived, ended = begin - seconds(1), begin + seconds(wait + 1)
    return call(one, uniqueid=who, linkedid=who, id=call_id("pbx1", who), arrived_at=arrived, ended_at=ended)


async def test_whom_nobody_heard_is_in_the_ledger_after_the_round_once(stage: Stage) -> None:
    stage.logs(*stay(), *ANSWERED, at=201, position=7)
    found = await stage.round(212)
    assert (found.compared, found.healed, found.waiting) == (0, 2, 2)
    by_channel = {one.uniqueid: one for one in stage.ledger.kept.values()}
    assert {who: one.visits[0].outcome for who, one in by_channel.items()} == {
        "C": Outcome.ABANDONED, "D": Outcome.ANSWERED
    }  # fmt: skip
    assert by_channel["D"].visits[0].talk == seconds(23)
    assert by_channel["D"].revision == 7 << 12
    assert stage.entered() == 2
    assert stage.counted("ledger_mismatch_total", kind="missing") == 2
    assert stage.counted("ledger_healed_total", kind="missing") == 2

    written = len(stage.ledger.written)
    assert (await stage.round(300)).compared == 2
    assert (await stage.round(360)).compared == 0
    stage.logs(*stay(), *ANSWERED, at=361)  # a restart reads them again
    assert not (await stage.round(380)).differences
    assert len(stage.ledger.written) == written
    assert stage.counted("ledger_mismatch_total", kind="missing") == 2


async def test_the_last_lines_have_ten_seconds_to_be_followed_by_others(stage: Stage) -> None:
    stage.logs(*ANSWERED[:2], at=201)
    assert (await stage.round(210.9)).healed == 0
    assert (await stage.round(211)).healed == 1


async def test_what_the_log_alone_tells_of_a_time_that_was_heard_is_told_and_not_believed(stage: Stage) -> None:
    stage.logs(*stay(joined=20), at=30)
    assert not (await stage.round(50)).differences  # the line may be dead, and nobody has noticed it yet
    assert not (await stage.round(79)).differences
    found = await stage.round(80)
    assert [one.of.better for one in found.differences] == ["nobody"]
    assert "heard all that time" in found.differences[0].of.why
    assert not stage.ledger.kept
    assert stage.counted("ledger_mismatch_total", kind="missing") == 1
    assert stage.counted("ledger_healed_total", kind="missing") == 0


async def test_what_the_log_alone_tells_is_believed_when_the_line_is_found_to_have_been_dead(stage: Stage) -> None:
    stage.logs(*stay(joined=20), at=30)
    assert not (await stage.round(41)).differences
    stage.reading.unheard.lost(START + seconds(18))  # the last bytes
    stage.reading.unheard.found(START + seconds(45))
    found = await stage.round(47)
    assert [(one.of.kind, one.healed) for one in found.differences] == [("missing", True)]
    assert only(stage)[1].outcome is Outcome.ABANDONED
    assert stage.counted("ledger_mismatch_total", kind="missing") == 1


async def test_where_lines_do_not_fit_the_log_is_not_believed(stage: Stage) -> None:
    stage.logs(*stay(), "121|C|sup|port|NONE|ABANDON|1|1|5", at=201)
    assert [one.of.better for one in (await stage.round(212)).differences] == ["nobody"]
    assert not stage.ledger.kept


async def test_a_line_that_does_not_fit_is_doubted_with_its_neighbours_alone(stage: Stage) -> None:
    broken = "101|junk|support|NONE|ENTERQUEUE||8|x|1"
    stage.logs(*stay("A", 90, wait=10), broken, *stay("B", 103), *ANSWERED, *stay("C", 165), at=201)
    found = await stage.round(230)
    of = {one.of.stay.uniqueid: one for one in found.differences if one.of.stay is not None}
    assert {who: one.healed for who, one in of.items()} == {"A": False, "B": False, "C": True, "D": True}
    assert of["B"].of.why.endswith(DAMAGED)


async def test_whoever_begins_to_read_believes_nothing_of_what_was_before(stage: Stage) -> None:
    """The PBX was never heard then, so anything could have been."""
    for year in (-200_000_000, -86_400, -20):
        stage.logs(*stay(f"old{year}", year), at=2)
    stage.reading.unheard = Unheard()
    stage.logs(*stay("C", 3), at=9)
    stage.reading.unheard.found(START + seconds(10))
    found = await stage.round(20)
    assert {one.of.stay.uniqueid for one in found.differences if one.healed and one.of.stay} == {"C"}
    assert {one.of.why.rpartition("; ")[2] for one in found.differences if not one.healed} == {BEFORE_READING}


async def test_a_line_dated_into_a_gap_that_is_over_is_not_believed(stage: Stage) -> None:
    """The caller's number was `8|1`, LF and the others."""
    stage.logs("4999|C|support|NONE|ENTERQUEUE||8|1", *stay("x", 150), at=5000)
    (told,) = (await stage.round(5020)).differences
    assert (told.of.kind, told.healed, told.of.better) == ("missing", False, "nobody")
    assert told.of.why.endswith(OUT_OF_ORDER)


async def test_nor_is_it_believed_after_a_restart(stage: Stage) -> None:
    marks = Marked()
    stage.reconciler._marks = marks
    await stage.round(300)
    assert stage.reconciler.log.in_order_to == START - EDGE
    stage.logs("300|A|support|NONE|DID|5", at=300)
    for at in (320, 340, 360):
        await stage.round(at)
    stage.at(370)
    stage.reconciler.mark()
    after = Stage()
    await after.reconciler.hear_again(lambda _: iter(()), marks)
    after.logs(*stay("x", 150), at=380)
    (told,) = (await after.round(400)).differences
    assert (told.healed, told.of.why.rpartition("; ")[2]) == (False, OUT_OF_ORDER)


async def test_nor_after_a_restart_though_the_pbx_was_never_heard(stage: Stage) -> None:
    marks = Marked()
    stage.reconciler._marks = marks
    stage.reading.unheard = Unheard()
    stage.at(30)
    stage.reconciler.mark()
    after = Stage()
    after.reading.unheard = Unheard()
    await after.reconciler.hear_again(lambda _: iter(()), marks)
    after.logs(*(line for n in range(20) for line in stay(f"old{n}", n - 86_400)), *stay("C", 20), at=40)
    after.reading.unheard.found(START + seconds(45))
    found = await after.round(60)
    assert {one.of.stay.uniqueid for one in found.differences if one.healed and one.of.stay} == {"C"}
    assert len(found.differences) == 21


async def test_one_stay_that_cannot_be_compared_is_given_up_and_keeps_no_other_from_it(stage: Stage) -> None:
    """None is known that the grammar lets pass; so this one is made by hand."""
    at = SECOND + seconds(130)
    bad = Entry(at, "\udcff.1", "support", "NONE", "ABANDON", ("1", "1", "5"))
    stage.logs(*stay("A", 120), at=201)
    stage.reconciler.heard(Read((), (bad,), (), (bad,)), moment(201))
    for n in range(40):
        stage.logs(*stay(f"B{n}", 140), at=201)
    when = 212.0
    with structlog.testing.capture_logs() as logged:
        while (last := stage.reconciler.last) is None or last.waiting or len(stage.ledger.kept) < 41:
            await stage.reconciler.attempt(stage.at(when))
            when += 5
            assert when < 500, [line["event"] for line in logged]
    told = [line["event"] for line in logged]
    assert told.count("stay_not_compared") == 1
    assert stage.counted("ledger_uncompared_total") == 1
    assert stage.counted("ledger_healed_total", kind="missing") == 41
    assert len((await stage.round(when)).differences) == 0


async def test_a_call_that_goes_on_is_the_tracker_s_and_is_looked_at_when_it_is_over(stage: Stage) -> None:
    story = stage.story.at(0).arrives("C")
    stage.logs(*stay(end="EXITWITHTIMEOUT"), at=201)
    assert (await stage.round(212)).waiting == 1
    assert not stage.ledger.kept
    story.at(240).hangs_up().gone()
    story.passes(250)
    stage.saves()
    found = await stage.round(260)
    assert (found.healed, found.waiting) == (1, 1)
    assert (await stage.round(320)).waiting == 0
    one, healed = only(stage)
    assert (healed.outcome, healed.ordinal, one.caller) == (Outcome.TIMEOUT, 1, "02112345678")
    assert one.revision > 1


async def test_a_call_that_is_over_need_not_wait_for_a_line_that_may_never_come(stage: Stage) -> None:
    story = stage.story.line_restored().listing().at(180).arrives("C").joins("support").at(190).line_lost()
    story.at(GAP[1]).line_restored().listing(channels="").at(GAP[1] + 6).listing(channels="").passes(GAP[1] + 12)
    stage.saves()
    assert [call.finished for call in stage.reading.tracker.book.calls.values()] == [True]  # a minute longer
    stage.logs("180|C|support|NONE|ENTERQUEUE||02112345678|1", *stay("C", 192), at=201)
    await stage.round(215)
    one = stage.ledger.kept[call_id("pbx1", "C")]
    assert [(each.outcome, each.quality) for each in one.visits] == [
        ("lost", "partial"),
        ("abandoned", "reconstructed"),
    ]
    assert not stage.reading.tracker.book.calls
    stage.story.passes(300)
    assert stage.ledger.kept[call_id("pbx1", "C")] == one


async def test_the_end_of_a_talk_that_was_written_later_is_known_when_its_call_is_put_right(stage: Stage) -> None:
    story = stage.story.at(0).arrives("D")
    stage.logs(*ANSWERED[:2], at=201)
    assert (await stage.round(212)).waiting == 1
    stage.logs("230|D|support|Agent 1001|COMPLETEAGENT|7|93|1", at=230)
    story.at(230).gone().passes(240)
    stage.saves()
    await stage.round(250)
    _, healed = only(stage)
    assert (healed.talk, healed.hung_up_by) == (seconds(93), "agent")


async def test_what_both_tell_alike_is_done_with_even_while_the_call_goes_on(stage: Stage) -> None:
    story = stage.story.at(120.2).arrives("C").joins("support").at(125.3).given_up()
    story.logs(QueueResult.TIMEOUT).passes(127)
    stage.logs(*stay(end="EXITWITHTIMEOUT"), at=201)
    found = await stage.round(212)
    assert (found.compared, found.differences, found.waiting) == (1, (), 0)


async def test_a_lost_visit_is_told_as_the_log_says(stage: Stage) -> None:
    stage.ledger.put(known(Outcome.LOST, quality=Quality.PARTIAL, wait=2))
    stage.logs(*stay(), at=201, position=9)
    assert (await stage.round(212)).healed == 1
    one, healed = only(stage)
    assert (healed.outcome, healed.wait, healed.quality) == (Outcome.ABANDONED, seconds(5), Quality.RECONSTRUCTED)
    assert one.revision == 9 << 12
    assert stage.ledger.adopted == [one.id]
    assert stage.counted("visits_corrected_total", before="lost", after="abandoned") == 1
    assert stage.counted("ledger_healed_total", kind="outcome") == 1


async def test_what_was_heard_stays_as_it_was_heard(stage: Stage) -> None:
    heard = known(Outcome.TIMEOUT)
    stage.ledger.put(heard)
    stage.logs(*stay(), at=201)
    (told,) = (await stage.round(212)).differences
    assert (told.of.kind, told.of.better, told.healed) == ("outcome", "ledger", False)
    assert stage.ledger.kept[heard.id] == heard


async def test_a_wait_is_put_right_and_the_end_on_which_both_are_right_stays(stage: Stage) -> None:
    stage.ledger.put(known(Outcome.REDIRECTED, quality=Quality.PARTIAL, wait=15))
    stage.logs(*stay(), at=201)
    assert [one.of.kind for one in (await stage.round(212)).differences] == ["wait"]
    _, healed = only(stage)
    assert (healed.outcome, healed.wait) == (Outcome.REDIRECTED, seconds(5))


async def test_wait_and_agent_of_one_visit_are_put_right_together(stage: Stage) -> None:
    stage.ledger.put(known(Outcome.ANSWERED, "D", 130, 20, agent="", quality=Quality.PARTIAL))
    stage.logs(*ANSWERED, at=201)
    assert sorted(one.of.kind for one in (await stage.round(212)).differences) == ["agent", "wait"]
    one, healed = only(stage)
    assert (healed.agent, healed.wait) == ("Agent 1001", seconds(7))
    assert one.revision == 2


async def test_an_agent_s_own_call_to_a_queue_is_no_visit(stage: Stage) -> None:
    internal = call(direction=Direction.INTERNAL, uniqueid="C", linkedid="C", id=call_id("pbx1", "C"))
    stage.ledger.put(internal)
    stage.logs(*stay(), at=201)
    assert not (await stage.round(212)).differences
    assert stage.ledger.kept == {internal.id: internal}


async def test_two_stays_of_one_call_that_nobody_heard_are_one_call(stage: Stage) -> None:
    stage.logs(*stay(end="EXITWITHTIMEOUT"), *stay(joined=140), at=201)
    await stage.round(212)
    (one,) = stage.ledger.kept.values()
    assert [each.outcome for each in one.visits] == [Outcome.TIMEOUT, Outcome.ABANDONED]
    assert stage.entered() == 2
    assert stage.counted("calls_gave_up_total", branch="none", queue="other") == 1


async def test_a_state_on_its_way_to_the_database_is_newer_than_the_row(stage: Stage) -> None:
    stage.ledger.put(known(Outcome.LOST, quality=Quality.PARTIAL))
    stage.ledger.waiting = [known(Outcome.ABANDONED)]
    stage.ledger.waiting = [replace(one, revision=5) for one in stage.ledger.waiting]
    stage.logs(*stay(), at=201)
    assert not (await stage.round(212)).differences


async def test_a_visit_that_the_log_lacks_is_told_once_and_stays(stage: Stage) -> None:
    stage.logs(*stay("A", 10), at=20)
    stage.ledger.put(known(Outcome.ABANDONED, "A", 10))
    extra = known(Outcome.ABANDONED, "C", 30)
    stage.ledger.put(extra)
    stage.logs(*stay("B", 40), at=50)
    stage.ledger.put(known(Outcome.ABANDONED, "B", 40))
    assert not (await stage.round(62)).differences  # nothing proves yet that the log was written on
    stage.logs(*stay("E", 60), at=70)
    stage.ledger.put(known(Outcome.ABANDONED, "E", 60))
    (told,) = (await stage.round(90)).differences
    assert (told.of.kind, told.of.better, told.healed) == ("extra", "ledger", False)
    stage.logs(*stay("F", 90), at=96)
    stage.ledger.put(known(Outcome.ABANDONED, "F", 90))
    assert not (await stage.round(120)).differences
    assert stage.ledger.kept[extra.id] == extra
    assert stage.counted("ledger_mismatch_total", kind="extra") == 1


async def test_a_visit_that_is_told_twice_goes_once_it_is_sure(stage: Stage) -> None:
    stage.logs(*stay("A", 10), *stay("C", 30), at=40)
    stage.ledger.put(known(Outcome.ABANDONED, "A", 10))
    twice = known(Outcome.ABANDONED, "C", 30)
    (heard,) = twice.visits
    twin = replace(heard, ordinal=2, joined_at=SECOND + seconds(30.5), quality=Quality.PARTIAL)
    stage.ledger.put(replace(twice, visits=(heard, twin)))
    stage.logs(*stay("B", 60), at=70)
    stage.ledger.put(known(Outcome.ABANDONED, "B", 60))
    found = await stage.round(82)
    assert [(one.of.kind, one.healed) for one in found.differences] == [("extra", True)]
    assert stage.ledger.kept[twice.id].visits == (heard,)
    assert stage.counted("ledger_healed_total", kind="extra") == 1
    assert not (await stage.round(142)).differences


async def test_a_line_that_was_read_but_a_moment_ago_is_there(stage: Stage) -> None:
    stage.logs(*stay("A", 10), at=20)
    stage.ledger.put(known(Outcome.ABANDONED, "A", 10))
    stage.ledger.put(known(Outcome.ABANDONED, "C", 120))
    stage.logs(*stay("C", 120), *stay("E", 180), at=201)  # all at once, after a gap of ours
    assert not (await stage.round(205)).differences


async def test_who_waits_still_in_the_log_is_not_missing_there(stage: Stage) -> None:
    stage.logs(*stay("A", 10), at=20)
    stage.ledger.put(known(Outcome.ABANDONED, "A", 10))
    stage.logs("30|C|support|NONE|ENTERQUEUE||02112345678|1", *stay("B", 60), at=70)
    stage.ledger.put(known(Outcome.ABANDONED, "B", 60))
    stage.ledger.put(known(Outcome.ENDED_BY_PBX, "C", 30))
    assert not (await stage.round(95)).differences


async def test_a_line_of_the_future_does_not_make_the_log_complete(stage: Stage) -> None:
    stage.logs(*stay("A", 10), at=20)
    stage.ledger.put(known(Outcome.ABANDONED, "A", 10))
    stage.ledger.put(known(Outcome.ABANDONED, "C", 60))
    stage.logs("170|forged|support|NONE|RINGNOANSWER|1000", at=62)
    assert not (await stage.round(70)).differences


@pytest.mark.parametrize(
    ("others", "outcome"), [(["119|B|support|NONE|ENTERQUEUE||5551|2"], Outcome.ABANDONED), ([], Outcome.LOST)]
)
async def test_who_gave_up_before_the_pbx_died_gave_up_unless_it_may_have_been_shut_down(
    stage: Stage, others: list[str], outcome: Outcome
) -> None:
    stage.ledger.put(known(Outcome.LOST, joined=120, wait=4, quality=Quality.PARTIAL, reason="the PBX restarted"))
    stage.logs(*others, *stay("C", 120), "150|NONE|NONE|NONE|QUEUESTART|", at=201)
    await stage.round(212)
    assert stage.ledger.kept[call_id("pbx1", "C")].visits[0].outcome is outcome


async def test_behind_a_hole_in_the_log_it_need_not_have_what_was_before(stage: Stage) -> None:
    stage.logs(*stay("A", 10), at=20)
    stage.ledger.put(known(Outcome.ABANDONED, "A", 10))
    stage.ledger.put(known(Outcome.ABANDONED, "C", 30))
    stage.holes = 1
    stage.logs(*stay("B", 40), at=50)
    stage.ledger.put(known(Outcome.ABANDONED, "B", 40))
    stage.logs(*stay("E", 90), at=96)
    stage.ledger.put(known(Outcome.ABANDONED, "E", 90))
    assert not (await stage.round(120)).differences


async def test_without_the_database_stays_wait_and_that_is_told_once(stage: Stage) -> None:
    stage.logs(*stay(), at=201)
    assert not stage.reconciler.is_due(stage.at(205).mono)
    stage.ledger.away = True
    with structlog.testing.capture_logs() as logged:
        await stage.reconciler.attempt(stage.at(212))
        await stage.reconciler.attempt(stage.at(217))
    assert [line["event"] for line in logged] == ["reconciliation_waits"]
    assert stage.counted("ledger_mismatch_total", kind="missing") == 0
    stage.ledger.away = False
    assert stage.reconciler.is_due(stage.at(222).mono)
    await stage.reconciler.attempt(stage.now)
    assert stage.counted("ledger_healed_total", kind="missing") == 1
    assert len(stage.ledger.kept) == 1


async def test_an_error_of_ours_leaves_the_measuring_alone(stage: Stage) -> None:
    stage.logs(*stay(), at=201)
    stage.ledger.waiting = [None]  # type: ignore[list-item]
    with structlog.testing.capture_logs() as logged:
        await stage.reconciler.attempt(stage.at(212))
    assert [line["event"] for line in logged] == ["reconciliation_failed"]
    assert not stage.reconciler.is_due(stage.at(213).mono)
    assert stage.reconciler.is_due(stage.at(213).mono + EVERY)


def dues(stage: Stage, until: int, step: float = 0.5) -> list[float]:
    found = []
    for n in range(int(until / step)):
        if stage.reconciler.is_due(MONO + seconds(n * step)):
            found.append(n * step)
            stage.reconciler._due.begins(MONO + seconds(n * step))
    return found


def test_rounds_come_soon_after_a_gap_when_all_is_settled_and_every_minute(stage: Stage) -> None:
    after = [each / timedelta(seconds=1) for each in AFTER_A_GAP]
    assert dues(stage, 210) == [*after, after[-1] + 60, after[-1] + 120, after[-1] + 180]


def test_a_gap_that_was_over_before_anybody_looked_is_a_gap(stage: Stage) -> None:
    dues(stage, 30)
    stage.reading.unheard.lost(START + seconds(31))
    stage.reading.unheard.found(START + seconds(31.2))
    assert [at for at in range(32, 62) if stage.reconciler.is_due(MONO + seconds(at))] == [34, 47, 57]


def test_while_the_pbx_is_not_heard_nobody_is_judged(stage: Stage) -> None:
    stage.synchronised = stage.settled = False
    assert dues(stage, 200) == []
    stage.synchronised = True
    assert stage.reconciler.is_due(MONO + seconds(300)) is False
    assert stage.reconciler.is_due(MONO + seconds(302)) is True
    stage.settled = True
    assert stage.reconciler.is_due(MONO + seconds(305)) is False
    assert stage.reconciler.is_due(MONO + seconds(307)) is True


async def test_a_restart_reads_again_what_is_not_compared(stage: Stage) -> None:
    assert stage.reconciler.log.needed_from is None
    stage.logs(*stay("A", 90, wait=1), at=91, position=3)
    stage.ledger.put(known(Outcome.ABANDONED, "A", 90, 1))
    stage.logs("120|C|support|NONE|ENTERQUEUE||02112345678|1", at=120, position=5)
    assert stage.reconciler.log.needed_from == 3
    await stage.round(150)
    assert stage.reconciler.log.needed_from == 3  # what had ended may still have been open when first looked at
    await stage.round(170)
    assert stage.reconciler.log.needed_from == 5  # he waits
    stage.logs("175|C|support|NONE|ABANDON|1|1|55", at=175, position=8)
    await stage.round(180)
    assert stage.reconciler.log.needed_from == 5
    for at in (240, 300, 360):
        await stage.round(at)
    assert stage.reconciler.log.needed_from is None


async def test_what_was_put_right_is_seen_again_by_a_restart_until_it_is_durable(stage: Stage) -> None:
    stage.logs(*stay(), at=201, position=4)
    await stage.round(212)
    stage.ledger.waiting = list(stage.ledger.kept.values())
    assert (await stage.round(272)).waiting == 1
    assert stage.reconciler.log.needed_from == 4
    stage.ledger.waiting = []
    assert (await stage.round(332)).waiting == 0
    await stage.round(392)
    assert stage.reconciler.log.needed_from is None
    assert stage.counted("ledger_healed_total", kind="missing") == 1


class Marked(dict[str, bytes]):
    """A journal's marks."""

    def mark(self, name: str, value: bytes, /) -> None:
        self[name] = value


async def test_the_journal_knows_from_where_on_nothing_is_compared(stage: Stage) -> None:
    marks = Marked()
    stage.reconciler._marks = marks
    stage.logs(*stay(), at=201, position=4)
    stage.at(210)
    stage.reconciler.mark()
    assert json.loads(marks.pop(MARK))[0] == 4
    stage.reconciler.mark()
    assert not marks  # a second has not passed
    for at in (212, 272, 332):
        await stage.round(at)
    stage.recovering = True
    stage.reconciler.mark()
    assert not marks
    stage.recovering = False
    stage.reconciler.mark()
    assert json.loads(marks.pop(MARK))[0] == 5


async def test_a_line_that_was_not_believed_is_not_believed_after_a_restart_either(stage: Stage) -> None:
    marks, forged = Marked(), stay(joined=250)
    stage.reconciler._marks = marks
    stage.at(260)
    stage.reconciler.mark()
    told = [Logged(MONO + seconds(256), timedelta(), tuple(line.encode() for line in lines(*stay("D", 150), *forged)))]
    after = Stage()
    after.reading.unheard = Unheard()
    await after.reconciler.hear_again(lambda since: enumerate(told, since), marks)
    after.reading.unheard.found(START + seconds(270))
    (one,) = (await after.round(280)).differences
    (other,) = (await after.round(310)).differences
    assert one.of.stay is not None
    assert other.of.stay is not None
    assert [(one.of.stay.uniqueid, one.healed), (other.of.stay.uniqueid, other.healed)] == [("D", True), ("C", False)]


async def test_what_an_earlier_process_heard_is_compared_by_the_next(stage: Stage) -> None:
    told = [Logged(MONO + seconds(201), timedelta(), tuple(line.encode() for line in lines(*stay())))]
    await stage.reconciler.hear_again(lambda since: enumerate(told, since), {})
    assert stage.reconciler.log.needed_from is None
    await stage.reconciler.hear_again(lambda since: enumerate(told, since), {MARK: json.dumps([3, UNHEARD]).encode()})
    assert stage.reconciler.log.needed_from == 3
    assert (await stage.round(212)).healed == 1


async def test_stays_that_cannot_all_be_kept_are_given_up_and_counted(stage: Stage) -> None:
    stage.reconciler.log._limit = 1  # 200,000 otherwise
    stage.ledger.away = True
    stage.logs(*stay(), *ANSWERED, at=201)
    with structlog.testing.capture_logs() as logged:
        await stage.reconciler.attempt(stage.at(212))
    assert [line["event"] for line in logged] == ["stays_not_compared", "reconciliation_waits"]
    assert stage.counted("ledger_uncompared_total") == 1
