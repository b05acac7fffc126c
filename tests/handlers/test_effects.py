"""Each effect goes to those whom it concerns."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from handlers.effects import Performer
from telephony.calls.effects import (
    CallEnded,
    CaseOpened,
    Effect,
    Irregular,
    OfferEnded,
    QueuesKnown,
    SaveCall,
    TalkEnded,
    VisitCorrected,
    VisitEnded,
    VisitEntered,
    VisitRefused,
)
from telephony.calls.facts import Moment
from telephony.calls.record import CallRecord, Kind, Outcome
from telephony.metrics import Labels, Measures
from tests.support.calls import call, offer, visit

NOW = Moment(datetime(2026, 3, 2, 9, tzinfo=UTC), timedelta(seconds=7))


class Kept:
    def __init__(self) -> None:
        self.calls: list[CallRecord] = []

    def put(self, call: CallRecord, /) -> None:
        self.calls.append(call)


def performed(effects: Sequence[Effect]) -> tuple[Measures, list[CallRecord]]:
    measures, kept = Measures(Labels(("pbx1",))), Kept()
    Performer("pbx1", kept, measures).perform([QueuesKnown(("support",)), *effects], NOW)
    return measures, kept.calls


def test_every_effect_is_counted_once_or_saved() -> None:
    record, refused, corrected = call(visit()), visit(Outcome.REFUSED_FULL), visit(Outcome.TIMEOUT)
    with capture_logs() as logs:
        measures, saved = performed(
            [
                SaveCall(record),
                CaseOpened(record),
                VisitEntered(record.visits[0]),
                VisitEnded(record, record.visits[0]),
                VisitRefused(record, refused),
                VisitCorrected(record, visit(Outcome.EXITED), corrected),
                TalkEnded(record, record.visits[0]),
                OfferEnded("support", Kind.QUEUE, offer()),
                CallEnded(record),
                Irregular("second_join", "caller 13800138000"),
            ]
        )
    assert saved == [record]
    measures.refresh()
    visited = {"pbx": "pbx1", "queue": "support", "kind": "queue"}
    for name, labels in (
        ("cases_opened_total", {"kind": "unknown"}),
        ("visits_entered_total", visited),
        ("visits_ended_total", visited | {"outcome": "answered"}),
        ("visits_refused_total", {"pbx": "pbx1", "queue": "support", "reason": "full"}),
        ("visits_corrected_total", {"pbx": "pbx1", "before": "exited", "after": "timeout"}),
        ("talk_seconds_count", visited),
        ("agent_rings_count", visited),
        ("calls_sought_total", {"pbx": "pbx1", "queue": "support", "branch": "none"}),
        ("irregular_facts_total", {"pbx": "pbx1", "what": "second_join"}),
    ):
        assert measures.registry.get_sample_value(f"telephony_{name}", labels) == 1, name
    assert [entry["event"] for entry in logs] == ["visit_corrected", "irregular_fact"]


def test_whoever_shows_calls_is_told_of_each_state_and_its_moment() -> None:
    told = list[tuple[CallRecord, Moment]]()
    record = call(visit(None))
    performer = Performer("pbx1", Kept(), Measures(Labels(("pbx1",))), changed=[lambda *what: told.append(what)])
    performer.perform([SaveCall(record), CaseOpened(record)], NOW)
    assert told == [(record, NOW)]
