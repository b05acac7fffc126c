"""The checker judges by what the witnesses saw, also where an answer and a giving-up met on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from . import attendance
from .checker import compare
from .queue_log import parse
from .story import Witnessed
from .trace import Leg

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EPOCH = int(T0.timestamp())
CALLER, PHONE = "02160000001", "1001"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def witnessed(answered_at: float | None, ended_at: float, log: str) -> Witnessed:
    """One caller whose phone 1001 rings at 0.1; everybody else is queue_log."""
    ring = Leg(PHONE, "x", CALLER, PHONE, at(0), at(0.1), None if answered_at is None else at(answered_at))
    ring.ended_at, ring.ended_by, ring.how = at(ended_at), "other", "BYE"
    caller = Leg(CALLER, "y", CALLER, "4001", at(0), answered_at=at(0), ended_at=at(6), ended_by="self")
    lines = "".join(f"{EPOCH + int(line.split('|')[0])}|1.1|q|{line.split('|', 1)[1]}\n" for line in log.split())
    return Witnessed([caller], [ring], parse(lines))


def exported(outcome: str, result: str, *, agent: str | None = None) -> list[dict[str, Any]]:
    offer = {"agent": "A1001", "interface": "PJSIP/1001", "result": result, "alerting_seconds": 2.9}
    visit = {"kind": "queue", "queue": "q", "outcome": outcome, "agent": agent, "wait_seconds": 6.0, "offers": [offer]}
    return [{"uniqueid": "1.1", "caller": CALLER, "visits": [visit]}]


GIVEN_UP = f"0|NONE|ENTERQUEUE||{CALLER}|1 3|A1001|RINGNOANSWER|3000 6|NONE|ABANDON|1|1|6"


def test_an_answer_that_met_the_giving_up_is_what_queue_log_says() -> None:
    seen = witnessed(3.0, 3.02, GIVEN_UP)

    assert compare(exported("abandoned", "no_answer"), seen).differences == []
    assert compare(exported("abandoned", "answered"), seen).differences == [
        f"{CALLER} to {PHONE}: exported answered, the phone did not answer"
    ]


def test_a_phone_that_talked_has_answered_whatever_queue_log_says() -> None:
    seen = witnessed(3.0, 5.0, GIVEN_UP)

    assert compare(exported("abandoned", "no_answer"), seen).differences == [
        f"{CALLER} to {PHONE}: exported no_answer, the phone did answer"
    ]


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(f"0|NONE|ENTERQUEUE||{CALLER}|1 6|NONE|ABANDON|1|1|6", id="no giving up told"),
        pytest.param(f"0|NONE|ENTERQUEUE||{CALLER}|1 0|A1001|RINGNOANSWER|9 6|NONE|ABANDON|1|1|6", id="an earlier one"),
    ],
)
def test_without_a_giving_up_at_that_moment_the_phone_did_answer(log: str) -> None:
    seen = witnessed(3.0, 3.02, log)

    assert compare(exported("abandoned", "no_answer"), seen).differences == [
        f"{CALLER} to {PHONE}: exported no_answer, the phone did answer"
    ]


def test_a_colleague_who_was_connected_at_that_moment_was_faster() -> None:
    seen = witnessed(3.0, 3.02, f"0|NONE|ENTERQUEUE||{CALLER}|1 3|A1002|CONNECT|3|2.1|3")
    calls = exported("answered", "cancelled_elsewhere", agent="A1002")
    calls[0]["visits"][0]["wait_seconds"] = 3.0

    assert compare(calls, seen).differences == []
    calls[0]["visits"][0]["offers"][0]["result"] = "answered"
    assert compare(calls, seen).differences == [f"{CALLER} to {PHONE}: exported answered, the phone did not answer"]


ATTENDED = """100|MANAGER|support|PJSIP/1001|ADDMEMBER|
103|c1|support|Agent 1001|CONNECT|2|l1|2
107|c1|support|Agent 1001|COMPLETECALLER|2|4|1
115|NONE|support|Agent 1001|PAUSE|lunch
120|NONE|support|Agent 1001|UNPAUSE|
121|MANAGER|support|PJSIP/1001|REMOVEMEMBER|
"""
DID = ["free 100.000-103.000", "talking 103.000-107.000", "wrap_up 107.000-112.000", "free 112.000-115.000",
       "paused lunch 115.000-120.000", "free 120.000-121.000"]  # fmt: skip


def test_what_agents_did_is_read_off_queue_log() -> None:
    [told] = attendance.reckon(parse(ATTENDED), {"PJSIP/1001": "Agent 1001"}, {"support": 5}).values()
    assert [str(one) for one in told] == DID


@pytest.mark.parametrize(("shift", "alike"), [(-0.3, False), (-0.2, True), (0.9, True), (1.2, True), (1.3, False)])
def test_another_second_is_told(shift: float, alike: bool) -> None:
    [truth] = attendance.reckon(parse(ATTENDED), {"PJSIP/1001": "Agent 1001"}, {"support": 5}).values()
    shifted = [replace(one, begins=one.begins + shift) for one in truth]
    assert (attendance.differences(truth, shifted, 0.25) == []) == alike
    assert len(attendance.differences(truth, shifted[1:], 0.25)) == 1
