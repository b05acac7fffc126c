"""Every metric under its promised name, at 0 from the start, moved by effects alone, labelled by nobody's number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from telephony.calls.facts import MemberState
from telephony.calls.measures import Target, Targets
from telephony.calls.record import Kind, Outcome
from telephony.metrics import (
    CATALOGUE,
    CaseGauges,
    JournalGauge,
    Labels,
    LinkGauge,
    Measures,
    QueueGauge,
    QueueLogGauge,
)
from telephony.standard.figures import figures_of
from telephony.standard.windows import Window
from tests.support.calls import call, offer, seconds, visit
from tests.support.days import LIMITS
from tests.support.standing import Sums

LABELS = Labels(
    pbxs=("pbx1",),
    lines=("front-desk",),
    queue_branch={"support": "changzhi"},
    line_branch={"front-desk": "front"},
    targets=Targets(Target(short_abandon=seconds(5))),
)


@dataclass
class Feed:
    """A feed that shows what it is given."""

    shown: list[QueueGauge] = field(default_factory=list)
    log: QueueLogGauge | None = None
    age: timedelta | None = None
    kept: JournalGauge | None = None

    def queues(self) -> Iterable[QueueGauge]:
        return self.shown

    def agents(self) -> Mapping[tuple[str, MemberState], int]:
        return {("support", MemberState.READY): 2, ("13800138000", MemberState.PAUSED): 1}

    def link(self) -> LinkGauge:
        return LinkGauge(
            connected=True, last_event_age=self.age, gap=seconds(2.5), events=7, quarantined=1, read_stall=seconds(0.01)
        )

    def journal(self) -> JournalGauge | None:
        return self.kept

    def queue_log(self) -> QueueLogGauge | None:
        return self.log


@dataclass
class SaverFigures:
    backlog: int = 3
    oldest_unsaved: timedelta | None = None
    database_up: bool | None = None
    dropped: int = 4
    refused: int = 5
    foreign: int = 6


@pytest.fixture
def measures() -> Measures:
    measures = Measures(LABELS)
    measures.queues_known("pbx1", ["support", "sales"])
    return measures


def value(measures: Measures, name: str, **labels: str) -> float | None:
    measures.refresh()
    return measures.registry.get_sample_value(f"telephony_{name}", labels)


SUPPORT = {"pbx": "pbx1", "queue": "support"}
CALL = {**SUPPORT, "branch": "changzhi"}
VISIT = {**SUPPORT, "kind": "queue"}


def test_everything_starts_at_zero_when_a_queue_becomes_known(measures: Measures) -> None:
    for name in ("sought", "answered", "gave_up", "unanswered", "short", "within_three_rings", "alerted"):
        assert value(measures, f"calls_{name}_total", **CALL) == 0
        assert value(measures, f"calls_{name}_total", pbx="pbx1", queue="front-desk", branch="front") == 0
        assert value(measures, f"calls_{name}_total", pbx="pbx1", queue="other", branch="none") == 0
    for outcome in ("answered", "abandoned", "lost", "exited"):
        assert value(measures, "visits_ended_total", **VISIT, outcome=outcome) == 0
    assert value(measures, "visits_refused_total", **SUPPORT, reason="full") == 0
    assert value(measures, "call_wait_seconds_count", **CALL, outcome="gave_up") == 0
    assert value(measures, "cases_opened_total", kind="unknown") == 0
    assert value(measures, "visits_lost_total", pbx="pbx1", kind="direct") == 0
    assert value(measures, "calls_sought_total", pbx="pbx1", queue="unknown", branch="none") is None


def test_an_answered_call_is_counted_everywhere_it_counts(measures: Measures) -> None:
    answered = call(visit())
    measures.case_opened()
    measures.visit_entered("pbx1", answered.visits[0])
    measures.visit_ended("pbx1", answered.visits[0])
    measures.offer_ended("pbx1", "support", Kind.QUEUE, offer())
    measures.offer_ended("pbx1", "support", Kind.QUEUE, offer(rings=0))
    measures.talk_ended("pbx1", answered.visits[0])
    measures.talk_ended("pbx1", visit(talk=None))
    measures.call_ended(answered)
    for name in ("sought", "answered", "within_three_rings", "alerted", "answered_in_target"):
        assert value(measures, f"calls_{name}_total", **CALL) == 1
    for name in ("gave_up", "unanswered", "short"):
        assert value(measures, f"calls_{name}_total", **CALL) == 0
    assert value(measures, "call_wait_seconds_bucket", **CALL, outcome="answered", le="10.0") == 1
    assert value(measures, "visits_entered_total", **VISIT) == 1
    assert value(measures, "visits_ended_total", **VISIT, outcome="answered") == 1
    assert value(measures, "caller_rings_bucket", **VISIT, le="2.0") == 1
    assert value(measures, "agent_rings_count", **VISIT) == 1
    assert value(measures, "talk_seconds_sum", **VISIT) == 60
    assert value(measures, "cases_opened_total", kind="unknown") == 1


def test_who_gave_up_soon_counts_as_given_up_and_as_short(measures: Measures) -> None:
    measures.call_ended(call(visit(Outcome.ABANDONED, wait=seconds(4))))
    for name in ("sought", "gave_up", "unanswered", "short"):
        assert value(measures, f"calls_{name}_total", **CALL) == 1
    assert value(measures, "call_wait_seconds_count", **CALL, outcome="gave_up") == 1


def test_unanswered_otherwise_waits_under_other(measures: Measures) -> None:
    measures.call_ended(call(visit(Outcome.TIMEOUT)))
    assert value(measures, "call_wait_seconds_count", **CALL, outcome="other") == 1


def test_calls_that_did_not_seek_or_were_lost_count_nowhere(measures: Measures) -> None:
    measures.call_ended(call())
    measures.call_ended(call(visit(Outcome.LOST, wait=None)))
    measures.visit_ended("pbx1", visit(Outcome.LOST, wait=None))
    measures.visit_ended("pbx1", visit(None))
    assert value(measures, "calls_sought_total", **CALL) == 0
    assert value(measures, "visits_lost_total", pbx="pbx1", kind="queue") == 2


def test_an_unknown_wait_is_not_observed(measures: Measures) -> None:
    measures.call_ended(call(visit(wait=None)))
    assert value(measures, "calls_answered_total", **CALL) == 1
    assert value(measures, "call_wait_seconds_count", **CALL, outcome="answered") == 0


def test_refusals_and_corrections(measures: Measures) -> None:
    measures.visit_refused("pbx1", visit(Outcome.REFUSED_FULL))
    measures.visit_refused("pbx1", visit(Outcome.REFUSED_EMPTY))
    measures.visit_refused("pbx1", visit(None))
    measures.visit_corrected("pbx1", visit(Outcome.EXITED), visit(Outcome.TIMEOUT))
    measures.visit_corrected("pbx1", visit(None), visit(Outcome.TIMEOUT))
    assert value(measures, "visits_refused_total", **SUPPORT, reason="full") == 1
    assert value(measures, "visits_refused_total", **SUPPORT, reason="empty") == 1
    assert value(measures, "visits_corrected_total", pbx="pbx1", before="exited", after="timeout") == 1


def test_a_name_that_only_a_caller_said_is_other(measures: Measures) -> None:
    measures.visit_entered("pbx1", visit(queue="13800138000"))
    measures.visit_entered("pbx1", visit(queue="PJSIP/9", kind=Kind.DIRECT))
    measures.call_ended(call(visit(queue="13800138000")))
    assert value(measures, "visits_entered_total", pbx="pbx1", queue="other", kind="queue") == 1
    assert value(measures, "visits_entered_total", pbx="pbx1", queue="other", kind="direct") == 1
    assert value(measures, "calls_sought_total", pbx="pbx1", queue="other", branch="none") == 1
    assert b"13800138000" not in measures.render()


def test_a_direct_visit_counts_under_its_line(measures: Measures) -> None:
    measures.call_ended(call(visit(queue="front-desk", kind=Kind.DIRECT)))
    assert value(measures, "calls_sought_total", pbx="pbx1", queue="front-desk", branch="front") == 1


def test_names_that_cannot_be_printed_break_no_scrape(measures: Measures) -> None:
    measures.queues_known("pbx1", ["a\udcff", "b\n", "x" * 500, "other"])
    assert measures.refused_names == 3
    assert measures.render().decode()


def test_series_stay_under_their_cap() -> None:
    measures = Measures(LABELS, max_series=5_000)
    measures.queues_known("pbx1", [f"queue{n}" for n in range(500)])
    measures.observe_feed("pbx1", Feed([], QueueLogGauge(1, 0), seconds(1)))
    measures.observe_saver(SaverFigures)
    calls = {(Kind.QUEUE, f"queue{n}"): figures_of(call(visit()), Targets())[1] for n in range(500)}
    measures.observe_standard(Sums(dict.fromkeys(Window, calls)), LIMITS)
    measures.refresh()
    samples = [line for line in measures.render().decode().splitlines() if not line.startswith("#")]
    assert 4_000 < len(samples) <= 5_000
    assert measures.refused_names > 400
    measures.visit_entered("pbx1", visit(queue="queue499"))
    assert value(measures, "visits_entered_total", pbx="pbx1", queue="other", kind="queue") == 1


def test_words_of_irregular_facts_are_few(measures: Measures) -> None:
    for n in range(100):
        measures.irregular("pbx1", f"word{n}")
    measures.irregular("pbx1", "word1")
    assert value(measures, "irregular_facts_total", pbx="pbx1", what="word1") == 2
    assert value(measures, "irregular_facts_total", pbx="pbx1", what="other") == 36


def test_gauges_are_read_at_each_scrape(measures: Measures) -> None:
    feed = Feed(
        [
            QueueGauge("support", Kind.QUEUE, 2, 1, seconds(30), 0),
            QueueGauge("nobody", Kind.QUEUE, 1, 0, seconds(3), None),
            QueueGauge("nowhere", Kind.QUEUE, 1, 0, seconds(9), None),
        ],
        QueueLogGauge(100, 2),
        seconds(1.5),
    )
    measures.observe_feed("pbx1", feed)
    measures.refresh()
    assert value(measures, "visits_waiting", **VISIT) == 2
    assert value(measures, "visits_settling", **VISIT) == 1
    assert value(measures, "oldest_wait_seconds", **VISIT) == 30
    assert value(measures, "ledger_residual", **VISIT) == 0
    other = {"pbx": "pbx1", "queue": "other", "kind": "queue"}
    assert value(measures, "visits_waiting", **other) == 2
    assert value(measures, "oldest_wait_seconds", **other) == 9
    assert value(measures, "ledger_residual", **other) is None
    assert value(measures, "visits_waiting", pbx="pbx1", queue="sales", kind="queue") == 0
    assert value(measures, "oldest_wait_seconds", pbx="pbx1", queue="sales", kind="queue") is None
    assert value(measures, "agents", **SUPPORT, state="ready") == 2
    assert value(measures, "agents", **SUPPORT, state="paused") == 0
    assert value(measures, "agents", pbx="pbx1", queue="other", state="paused") == 1
    assert value(measures, "ami_connected", pbx="pbx1") == 1
    assert value(measures, "ami_gap_seconds_total", pbx="pbx1") == 2.5
    assert value(measures, "ami_last_event_age_seconds", pbx="pbx1") == 1.5
    assert value(measures, "queuelog_lines_total", pbx="pbx1") == 100
    assert value(measures, "queuelog_gaps_total", pbx="pbx1") == 0
    assert value(measures, "queuelog_shipped_age_seconds", pbx="pbx1") is None
    feed.log = QueueLogGauge(lines=100, quarantined=0, gaps=2, shipped_age=seconds(4))
    measures.refresh()
    assert value(measures, "queuelog_gaps_total", pbx="pbx1") == 2
    assert value(measures, "queuelog_shipped_age_seconds", pbx="pbx1") == 4
    assert value(measures, "journal_bytes", pbx="pbx1") is None
    feed.kept = JournalGauge(up=True, bytes=5_000, waiting=None, dropped=4)
    measures.refresh()
    told = ("journal_up", "journal_bytes", "journal_oldest_unsaved_seconds", "journal_dropped_total")
    assert [value(measures, name, pbx="pbx1") for name in told] == [1, 5_000, 0, 4]
    feed.kept = JournalGauge(up=False, bytes=5_000, waiting=seconds(3), dropped=4)
    measures.refresh()
    assert [value(measures, name, pbx="pbx1") for name in told] == [0, 5_000, 3, 4]


def test_the_savers_gauges(measures: Measures) -> None:
    figures = SaverFigures()
    measures.observe_saver(lambda: figures)
    measures.observe_feed("pbx1", Feed())
    measures.refresh()
    assert (value(measures, "saver_backlog"), value(measures, "saver_lag_seconds")) == (3, 0)
    assert value(measures, "database_up") is None
    assert value(measures, "queuelog_lines_total", pbx="pbx1") is None
    figures.database_up, figures.oldest_unsaved = False, seconds(7)
    measures.refresh()
    assert (value(measures, "database_up"), value(measures, "saver_lag_seconds")) == (0, 7)


@dataclass
class AgiFigures:
    listening: bool = True
    conversations: int = 7
    hosts: Mapping[str, int] = field(default_factory=lambda: {"ready": 2, "draining": 1})
    replaced: Mapping[str, int] = field(default_factory=lambda: {"silent": 3})


def test_requests_are_counted_by_script_and_result_and_nobody_invents_a_script(measures: Measures) -> None:
    measures.scripts_known(["inbound", "pin"])
    assert value(measures, "agi_requests_total", script="pin", result="ok") == 0
    measures.agi_served("pin", "host_lost", 1.5)
    measures.agi_served("13800138000", "unknown", 0.001)
    assert value(measures, "agi_requests_total", script="pin", result="host_lost") == 1
    assert value(measures, "agi_requests_total", script="other", result="unknown") == 1
    assert value(measures, "agi_seconds_sum", script="pin", result="host_lost") == 1.5


def test_claims_start_at_0_and_count_by_when_ami_had_the_channel(measures: Measures) -> None:
    assert value(measures, "agi_claims_total", pbx="pbx1", result="unseen") == 0
    measures.case_claimed("pbx1", "early")
    assert value(measures, "agi_claims_total", pbx="pbx1", result="early") == 1


def test_the_agi_side_is_asked_at_each_scrape(measures: Measures) -> None:
    measures.refresh()
    assert value(measures, "agi_listening") is None
    measures.observe_agi(AgiFigures)
    measures.refresh()
    assert (value(measures, "agi_listening"), value(measures, "agi_conversations")) == (1, 7)
    assert value(measures, "agi_hosts", state="draining") == 1
    assert value(measures, "agi_hosts_replaced_total", reason="silent") == 3


def test_the_page_is_one_that_prometheus_reads_with_every_metric_of_the_catalogue(measures: Measures) -> None:
    measures.observe_feed("pbx1", Feed([QueueGauge("support", Kind.QUEUE, 1, 0, seconds(1), 0)], None, None))
    measures.refresh()
    families = {family.name: family for family in text_string_to_metric_families(measures.render().decode())}
    for metric in CATALOGUE:
        family = families[f"telephony_{metric.name}".removesuffix("_total")]
        assert family.type == metric.type.value
        assert family.documentation == metric.meaning
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
            assert not sample.name.endswith("_created")


def test_screens_are_counted_while_they_are_there_and_pops_by_how_they_ended(measures: Measures) -> None:
    measures.screen_opened()
    measures.screen_opened()
    measures.screen_closed()
    measures.wall_opened()
    measures.wall_opened()
    measures.wall_closed("slow")
    measures.popped(0.03)
    measures.dropped("superseded")
    measures.refresh()
    value = measures.registry.get_sample_value
    assert value("telephony_screens_connected") == 1
    assert value("telephony_walls_connected") == 1
    assert value("telephony_walls_closed_total", {"reason": "slow"}) == 1
    assert value("telephony_walls_closed_total", {"reason": "closed"}) == 0
    assert value("telephony_screenpop_seconds_bucket", {"le": "0.05"}) == 1
    assert value("telephony_screenpop_seconds_bucket", {"le": "0.025"}) == 0
    assert value("telephony_screenpop_dropped_total", {"reason": "superseded"}) == 1


def test_cases_are_told_by_kind_and_while_they_are_not_known_not_at_all(measures: Measures) -> None:
    known = [None, CaseGauges({"complaint": 2, "enquiry": 0}, {"complaint": 1}, 5, 3, 7, 1)]
    measures.observe_cases(lambda: known[0])
    measures.refresh()
    assert value(measures, "cases_open", kind="complaint") is None
    known.pop(0)
    measures.refresh()
    assert value(measures, "cases_open", kind="complaint") == 2
    assert value(measures, "cases_open", kind="enquiry") == 0
    assert value(measures, "cases_overdue", kind="complaint") == 1
    names = ("callbacks_open", "callbacks_overdue", "casework_waiting", "casework_refused_total")
    assert [value(measures, name) for name in names] == [5, 3, 7, 1]
