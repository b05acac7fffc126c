"""What a wall shows: its shape for makers of screens, and that nothing doubtful stands there as certain."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from telephony.calls.facts import MemberState
from telephony.calls.record import Kind
from telephony.standard.day import Lines
from telephony.standard.evidence import Evidence
from telephony.standard.figures import Figures
from telephony.standard.wall import Row, Scene, Silence, day_lines, limits_told, picture
from tests.support.days import LIMITS, answered, day, o_clock, unanswered

NOON = o_clock("12:00")
CALM = Figures(
    sought=50, answered=49, gave_up=1, unanswered=1, alerted=50, within_rings=49, waits=50, waited=500_000_000
)
SUPPORT = Row(
    Kind.QUEUE, "support", "客户咨询", 2, timedelta(seconds=12.34), {MemberState.READY: 1, MemberState.TALKING: 3},
    CALM, CALM,
)  # fmt: skip
DESK = Row(Kind.DIRECT, "front-desk", "前台", 0, None, None, Figures(), Figures())
SCENE = Scene(
    NOON, o_clock("00:00"), complete=True, day=CALM._replace(lost=2), lately=CALM, evidence=Evidence(48, 1, 1, 0),
    rows=(SUPPORT, DESK),
)  # fmt: skip


def shown(scene: Scene = SCENE) -> dict[str, Any]:
    """As it comes out of the wire."""
    found: dict[str, Any] = json.loads(json.dumps(picture(scene, LIMITS), allow_nan=False))
    return found


def test_the_schema_of_a_picture() -> None:
    whole = shown()
    good = {"value": 0.02, "lately": 0.02, "part": 1, "whole": 50, "outlook": "kept", "why": None}
    measures = {
        "abandonment": good,
        "unanswered": good,
        "mean_wait": {"value": 10.0, "lately": 10.0, "part": None, "whole": 50, "outlook": "kept", "why": None},
        "within_rings": {"value": 0.98, "lately": 0.98, "part": 49, "whole": 50, "outlook": "kept", "why": None},
    }
    none = {"value": None, "lately": None, "part": None, "whole": 0, "outlook": "no_calls", "why": None}
    assert whole.pop("rows") == [
        {
            "id": "queue:support",
            "kind": "queue",
            "title": "客户咨询",
            "outlook": "kept",
            "certain": True,
            "waiting": 2,
            "oldest_seconds": 12.3,
            "late": False,
            "agents": {"ready": 1, "ringing": 0, "talking": 3, "paused": 0, "wrap_up": 0, "unavailable": 0},
            "calls": 50,
            "measures": measures,
        },
        {
            "id": "direct:front-desk",
            "kind": "direct",
            "title": "前台",
            "outlook": "no_calls",
            "certain": True,
            "waiting": 0,
            "oldest_seconds": None,
            "late": False,
            "agents": None,
            "calls": 0,
            "measures": dict.fromkeys(measures, none),
        },
    ]
    assert whole == {
        "at": "2026-03-02T04:00:00.000Z",
        "outlook": "kept",
        "certain": True,
        "measures": measures,
        "calls": 50,
        "waiting": 2,
        "oldest_seconds": 12.3,
        "more": 0,
        "first": 0,
        "page": 0,
        "pages": 1,
        "elsewhere": {"late": 0, "titles": []},
        "complete": True,
        "since": "2026-03-01T16:00:00.000Z",
        "silent": [],
        "evidence": {
            "live": 48, "partial": 1, "reconstructed": 1, "approximate": 0,
            "lost": 2, "wait_unknown": 0, "rings_unknown": 0,
        },
    }  # fmt: skip


def test_of_a_doubtful_queue_neither_who_waits_nor_who_is_there_is_told_and_of_the_whole_neither() -> None:
    silent = Silence("pbx1", o_clock("11:59"))
    told = shown(replace(SCENE, rows=(replace(SUPPORT, doubtful=True), DESK), silent=(silent,), doubtful=True))
    row, other = told["rows"]
    assert (row["certain"], row["waiting"], row["oldest_seconds"], row["agents"]) == (False, None, None, None)
    assert (other["certain"], other["waiting"]) == (True, 0)
    assert (told["certain"], told["waiting"], told["oldest_seconds"]) == (False, None, None)
    assert told["silent"] == [{"pbx": "pbx1", "since": "2026-03-02T03:59:00.000Z"}]


def test_what_is_not_known_is_no_zero_in_the_sum_either() -> None:
    unknown = replace(DESK, waiting=None)
    assert shown(replace(SCENE, rows=(SUPPORT, unknown)))["waiting"] == 2
    assert shown(replace(SCENE, rows=(unknown,)))["oldest_seconds"] is None


def test_somebody_who_waits_as_long_as_callers_may_on_average_is_late() -> None:
    for seconds, late in ((29.9, False), (30, True)):
        row = replace(SUPPORT, oldest=timedelta(seconds=seconds))
        assert shown(replace(SCENE, rows=(row,)))["rows"][0]["late"] is late
    assert not shown(replace(SCENE, rows=(replace(row, doubtful=True),)))["rows"][0]["late"]


def test_the_lines_are_values_over_seconds_of_the_day_with_gaps_where_there_were_no_calls() -> None:
    today = day()
    today.add(unanswered(1, NOON), live=True)
    today.add(answered(2, NOON + timedelta(minutes=90)), live=True)
    now = NOON + timedelta(minutes=100)
    told = day_lines(today.start, today.lines(now), [(Kind.QUEUE, "support", today.lines_at(now, today.places()[0]))])
    whole: Any = json.loads(json.dumps(told))
    assert whole["day"] == "2026-03-01T16:00:00.000Z"
    assert set(whole["whole"]) == {"at", "abandonment", "unanswered", "mean_wait", "within_rings"}
    assert len({len(values) for values in whole["whole"].values()}) == 1
    row = whole["rows"]["queue:support"]
    assert row["at"] == [43_200 + 60 * minute for minute in (15, 30, 45, 60, 75, 90, 100)]
    assert row["unanswered"] == [1.0, 1.0, 1.0, 1.0, None, None, 0.0]


def test_before_the_first_call_there_is_no_line() -> None:
    assert day_lines(NOON, Lines((), ()), [])["whole"] == {
        "at": [], "abandonment": [], "unanswered": [], "mean_wait": [], "within_rings": [],
    }  # fmt: skip


def test_limits_are_told_with_how_often_something_is_heard() -> None:
    assert limits_told(LIMITS, timedelta(seconds=5)) == {
        "abandonment": 0.1, "unanswered": 0.1, "mean_wait": 30.0, "within_rings": 0.9,
        "rings": 3, "ring_seconds": 5.0, "beat_seconds": 2.0,
    }  # fmt: skip
