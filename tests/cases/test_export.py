"""The shapes of a call for the outside."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from telephony.calls.measures import Targets
from telephony.calls.record import Direction, Outcome, call_id, case_id
from telephony.cases.export import CSV_COLUMNS, FORMULA_STARTS, as_document, as_row, guarded, instant
from telephony.cases.rows import StoredCall
from tests.support.calls import call, offer, visit


def test_a_call_in_the_shape_of_the_interface() -> None:
    id_ = call_id("pbx1", "1700000000.1")
    document = json.loads(json.dumps(as_document(StoredCall(call(visit()), "000001"))))
    [seen] = document.pop("visits")
    [offer] = seen.pop("offers")
    assert document == {
        "id": str(id_), "pbx": "pbx1", "uniqueid": "1700000000.1", "linkedid": "1700000000.1", "direction": "inbound",
        "caller": "+8613800138000", "caller_name": "Li Lei", "dialled": "4001",
        "arrived_at": "2026-03-02T09:00:01.123456Z", "ended_at": "2026-03-02T09:01:41.123456Z", "hung_up_by": "caller",
        "case": {"id": str(case_id(id_)), "number": "000001"},
    }  # fmt: skip
    assert seen == {
        "ordinal": 1, "uniqueid": "1700000000.1", "kind": "queue", "queue": "support",
        "joined_at": "2026-03-02T09:00:00.123456Z", "left_at": "2026-03-02T09:00:10.123456Z", "outcome": "answered",
        "settling": False, "reason": "", "wait_seconds": 10.0, "alerted_at": "2026-03-02T09:00:04.123456Z",
        "caller_rings": 2, "caller_rings_heard": 2, "agent": "Agent 1001", "answered_at": "2026-03-02T09:00:10.123456Z",
        "talk_seconds": 60.0, "hold_seconds": 0.0, "hung_up_by": "caller", "quality": "live",
    }  # fmt: skip
    assert offer == {
        "agent": "Agent 1001", "interface": "PJSIP/1001", "uniqueid": "1700000000.2",
        "called_at": "2026-03-02T09:00:03.123456Z", "rang_at": "2026-03-02T09:00:04.123456Z",
        "answered_at": "2026-03-02T09:00:10.123456Z", "ended_at": "2026-03-02T09:00:10.123456Z", "result": "answered",
        "setup_seconds": 1.0, "alerting_seconds": 6.0, "rings": 2,
    }  # fmt: skip


def test_a_refused_visit_never_joined_and_an_outbound_call_has_no_case() -> None:
    refused = as_document(StoredCall(call(visit(Outcome.REFUSED_FULL)), "1"))
    assert json.loads(json.dumps(refused))["visits"][0]["joined_at"] is None
    assert as_document(StoredCall(call(direction=Direction.OUTBOUND), None))["case"] is None


def test_how_a_phone_ended_that_nobody_heard_is_no_word_of_ours() -> None:
    rang = replace(offer(), answered_at=None, ended_at=None, result=None, alerting=None, rings=None)
    (told,) = as_document(StoredCall(call(visit(Outcome.LOST, offers=(rang,))), "1"))["visits"][0]["offers"]
    assert [told[key] for key in ("ended_at", "result", "alerting_seconds", "rings")] == [None] * 4


def test_times_are_utc_with_microseconds() -> None:
    assert instant(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8)))) == "2025-12-31T16:00:00.000000Z"


def test_one_row_a_call() -> None:
    row = as_row(StoredCall(call(visit(Outcome.TIMEOUT, queue="a"), visit(), visit(None)), "000001"), Targets())
    assert tuple(sorted(row)) == tuple(sorted(CSV_COLUMNS))
    assert (row["visits"], row["queues"], row["outcomes"]) == (
        3,
        "a > support > support",
        "timeout > answered > waiting",
    )
    assert (row["sought"], row["answered"], row["wait_seconds"], row["talk_seconds"]) == (1, 1, 20.0, 60.0)
    bare = as_row(StoredCall(call(direction=Direction.INTERNAL, hung_up_by=None), None), Targets())
    assert (bare["case_id"], bare["talk_seconds"], bare["hung_up_by"]) == (None, None, None)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "＝"])
def test_no_text_of_a_caller_can_act_as_a_formula(start: str) -> None:
    text = start + "cmd|' /C calc'!A0"
    assert as_row(StoredCall(call(caller_name=text), None), Targets())["caller_name"] == "'" + text
    assert guarded("plain =1") == "plain =1"


@pytest.mark.parametrize("end", "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
def test_a_row_is_a_line_whatever_a_caller_calls_himself(end: str) -> None:
    row = as_row(StoredCall(call(caller_name=f"a{end}b"), None), Targets())
    assert row["caller_name"] == "a⏎b"
    assert guarded(end + "=1+1") == "'⏎=1+1" or end not in FORMULA_STARTS
