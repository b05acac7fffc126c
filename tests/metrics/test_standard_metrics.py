"""How the standard is kept, as Prometheus is told: by queue, line and branch, and nothing where there is no data."""

from __future__ import annotations

import pytest

from telephony.calls.measures import Targets
from telephony.calls.record import Kind, Outcome
from telephony.metrics import Labels, LineState, Measures
from telephony.metrics.measures import MAX_SERIES
from telephony.standard.figures import Figures, figures_of
from telephony.standard.windows import Key, Window
from tests.support.calls import call, seconds, visit
from tests.support.days import LIMITS
from tests.support.standing import Sums

LABELS = Labels(
    pbxs=("pbx1", "pbx2"),
    lines=("front-desk",),
    queue_branch={"support": "changzhi", "sales": "jincheng"},
    line_branch={"front-desk": "changzhi"},
)
ANSWERED = figures_of(call(visit(wait=seconds(20))), Targets())[1]
GAVE_UP = figures_of(call(visit(Outcome.ABANDONED, wait=seconds(50))), Targets())[1]


def add(*every: Figures) -> Figures:
    return Figures._make(map(sum, zip(*every, strict=True)))


def measures_of(sums: dict[Key, Figures], *windows: Window) -> Measures:
    measures = Measures(LABELS)
    for pbx in ("pbx1", "pbx2"):
        measures.queues_known(pbx, ["support", "sales"])
    measures.observe_standard(Sums(dict.fromkeys(windows or Window, sums)), LIMITS)
    measures.refresh()
    return measures


def measures_before_any_pbx(max_series: int = MAX_SERIES) -> Measures:
    measures = Measures(LABELS, max_series=max_series)
    sums: dict[Key, Figures] = {(Kind.QUEUE, "support"): ANSWERED}
    measures.observe_standard(Sums(dict.fromkeys(Window, sums)), LIMITS)
    measures.refresh()
    return measures


def value(
    measures: Measures, name: str, measure: str, branch: str = "", queue: str = "", *, window: str = "15m"
) -> object:
    labels = {"measure": measure, "branch": branch, "queue": queue, "window": window}
    return measures.registry.get_sample_value(f"telephony_standard_{name}", labels)


def test_a_queue_its_branch_and_everything_each_have_their_value_and_verdict() -> None:
    measures = measures_of(
        {
            (Kind.QUEUE, "support"): ANSWERED,
            (Kind.DIRECT, "front-desk"): GAVE_UP,
            (Kind.QUEUE, "sales"): add(ANSWERED, ANSWERED),
        }
    )
    shown = [("changzhi", "support"), ("changzhi", "front-desk"), ("changzhi", ""), ("jincheng", ""), ("", "")]
    assert [value(measures, "value", "abandonment", *one) for one in shown] == [0, 1, 0.5, 0, 0.25]
    assert [value(measures, "met", "abandonment", *one) for one in shown] == [1, 0, 0, 1, 0]
    assert [value(measures, "value", "mean_wait", *one) for one in shown] == [20, 50, 35, 20, 27.5]
    assert [value(measures, "met", "mean_wait", *one) for one in shown] == [1, 0, 0, 1, 1]
    assert [value(measures, "calls", "abandonment", *one) for one in shown] == [1, 1, 2, 2, 4]
    assert value(measures, "value", "within_three_rings", "changzhi", "support") == 1
    assert value(measures, "value", "unanswered", "changzhi", "front-desk") == 1


def test_without_calls_there_is_a_target_and_neither_value_nor_verdict() -> None:
    measures = measures_of({})
    for branch, queue in (("", ""), ("changzhi", ""), ("changzhi", "front-desk"), ("jincheng", "sales"), ("none", "")):
        assert value(measures, "target", "mean_wait", branch, queue, window="month") == 30
        assert value(measures, "target", "within_three_rings", branch, queue, window="today") == 0.9
        assert value(measures, "value", "mean_wait", branch, queue) is None
        assert value(measures, "met", "mean_wait", branch, queue) is None


def test_a_measure_of_which_nothing_is_known_is_absent_though_another_has_a_value() -> None:
    measures = measures_of({(Kind.QUEUE, "support"): Figures(sought=2, answered=2)})
    assert value(measures, "value", "abandonment", "changzhi", "support") == 0
    assert value(measures, "value", "mean_wait", "changzhi", "support") is None
    assert value(measures, "value", "within_three_rings", "changzhi", "support") is None
    assert value(measures, "calls", "abandonment", "changzhi", "support") == 2
    assert value(measures, "calls", "within_three_rings", "changzhi", "support") is None


def test_a_window_that_is_not_wholly_known_is_absent() -> None:
    measures = measures_of({(Kind.QUEUE, "support"): ANSWERED}, Window.QUARTER, Window.HOUR)
    found = {window: value(measures, "value", "mean_wait", window=window.value) for window in Window}
    assert found == {Window.QUARTER: 20, Window.HOUR: 20, Window.TODAY: None, Window.MONTH: None}


def test_names_that_nobody_knows_are_one_and_never_shown() -> None:
    measures = measures_of({(Kind.QUEUE, "13800138000"): ANSWERED, (Kind.DIRECT, "PJSIP/9"): GAVE_UP})
    assert value(measures, "value", "abandonment", "none", "other") == 0.5
    assert b"13800138000" not in measures.render()


def test_the_calls_of_a_branch_are_its_own_though_no_pbx_has_told_of_its_queues_yet() -> None:
    measures = measures_before_any_pbx()
    assert value(measures, "value", "mean_wait", "changzhi") == 20
    assert value(measures, "value", "mean_wait", "changzhi", "support") == 20
    assert value(measures, "value", "mean_wait", "none", "other") is None


def test_the_calls_of_a_branch_are_its_own_though_its_queue_has_no_series() -> None:
    measures = measures_before_any_pbx(max_series=0)
    assert value(measures, "value", "mean_wait", "changzhi") == 20
    assert value(measures, "value", "mean_wait", "changzhi", "support") is None


def test_a_line_that_has_the_name_of_a_queue_makes_no_series_twice() -> None:
    measures = Measures(Labels(pbxs=("pbx1",), lines=("support",)))
    measures.queues_known("pbx1", ["support"])
    sums = {(Kind.QUEUE, "support"): ANSWERED, (Kind.DIRECT, "support"): GAVE_UP}
    measures.observe_standard(Sums(dict.fromkeys(Window, sums)), LIMITS)
    measures.refresh()
    lines = [line.rpartition(" ")[0] for line in measures.render().decode().splitlines()]
    assert len({line for line in lines if "standard" in line}) == len([line for line in lines if "standard" in line])
    assert value(measures, "value", "abandonment", "none", "support") == 0.5


def test_without_a_source_nothing_is_told_of_the_standard() -> None:
    measures = Measures(LABELS)
    measures.refresh()
    assert b"telephony_standard_target{" not in measures.render()


def test_what_is_rendered_is_what_was_taken_at_one_instant() -> None:
    sums: dict[Key, Figures] = {(Kind.QUEUE, "support"): ANSWERED}
    measures = Measures(LABELS)
    source = Sums(dict.fromkeys(Window, sums))
    measures.observe_standard(source, LIMITS)
    measures.refresh()
    source.shown, source.dropped = {}, 3
    assert value(measures, "value", "mean_wait") == 20
    measures.refresh()
    assert value(measures, "value", "mean_wait") is None
    assert measures.registry.get_sample_value("telephony_standard_dropped_total") == 3


@pytest.mark.parametrize("state", list(LineState))
def test_a_line_is_in_one_state(state: LineState) -> None:
    measures = Measures(LABELS)
    measures.observe_lines("pbx1", lambda: {"front-desk": state})
    measures.refresh()
    found = {
        one: measures.registry.get_sample_value(
            "telephony_lines", {"pbx": "pbx1", "line": "front-desk", "state": one.value}
        )
        for one in LineState
    }
    assert found == {one: one is state for one in LineState}
