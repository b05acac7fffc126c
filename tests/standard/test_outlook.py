"""Kept, at risk, missed: the day first, then whether it is about to turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from telephony.standard.figures import Figures
from telephony.standard.outlook import ENOUGH, Measure, Outlook, Stand, Why, limit_of, stands, whole
from telephony.standard.verdict import Limits
from tests.support.days import LIMITS

CALM = Figures(sought=100, answered=99, gave_up=1, unanswered=1, alerted=100, within_rings=99, waits=100, waited=10**9)
NOTHING = Figures()


def of(measure: Measure, day: Figures, lately: Figures = NOTHING, limits: Limits = LIMITS) -> Stand:
    return stands(day, lately, limits)[measure]


def gone(calls: int, sought: int) -> Figures:
    return Figures(sought=sought, answered=sought - calls, gave_up=calls, unanswered=calls)


def test_without_calls_nothing_is_said_and_no_value_is_zero() -> None:
    found = stands(NOTHING, NOTHING, LIMITS)
    assert {(stand.value, stand.outlook, stand.why) for stand in found.values()} == {(None, Outlook.NO_CALLS, None)}
    assert whole(found) is Outlook.NO_CALLS


def test_a_calm_day_is_kept_with_its_values_and_of_how_many_calls() -> None:
    found = stands(CALM, CALM, LIMITS)
    assert whole(found) is Outlook.KEPT
    assert [(one.value, one.part, one.whole) for one in found.values()] == [
        (0.01, 1, 100),
        (0.01, 1, 100),
        (10.0, None, 100),
        (0.99, 99, 100),
    ]


def test_what_the_day_has_missed_is_missed_however_calm_it_is_now() -> None:
    stand = of(Measure.ABANDONMENT, gone(11, 100), CALM)
    assert (stand.outlook, stand.why, stand.lately) == (Outlook.MISSED, Why.DAY, 0.01)


@pytest.mark.parametrize(("calls", "outlook"), [(ENOUGH, Outlook.AT_RISK), (ENOUGH - 1, Outlook.KEPT)])
def test_a_bad_while_puts_a_good_day_at_risk_if_its_calls_are_enough_to_say_so(calls: int, outlook: Outlook) -> None:
    stand = of(Measure.UNANSWERED, CALM, gone(calls, calls))
    assert (stand.outlook, stand.why) == (outlook, Why.LATELY if outlook is Outlook.AT_RISK else None)


@pytest.mark.parametrize(
    ("measure", "near", "not_yet"),
    [
        (Measure.ABANDONMENT, gone(95, 1000), gone(85, 1000)),
        (Measure.UNANSWERED, Figures(sought=1000, unanswered=95), Figures(sought=1000, unanswered=85)),
        (Measure.MEAN_WAIT, Figures(waits=10, waited=280_000_000), Figures(waits=10, waited=260_000_000)),
        (Measure.WITHIN_RINGS, Figures(alerted=1000, within_rings=905), Figures(alerted=1000, within_rings=915)),
    ],
    ids=lambda one: one.value if isinstance(one, Measure) else "",
)
def test_nine_tenths_of_what_the_limit_allows_is_near_it(measure: Measure, near: Figures, not_yet: Figures) -> None:
    assert (of(measure, near).outlook, of(measure, near).why) == (Outlook.AT_RISK, Why.NEAR)
    assert of(measure, not_yet).outlook is Outlook.KEPT


def test_the_first_calls_of_a_day_are_not_near_anything_and_a_limit_that_allows_nothing_never_is() -> None:
    assert of(Measure.MEAN_WAIT, Figures(waits=4, waited=116_000_000)).outlook is Outlook.KEPT
    strict = replace(LIMITS, abandonment=0.0, within_share=1.0)
    clean = Figures(sought=9, answered=9, alerted=9, within_rings=9)
    assert of(Measure.ABANDONMENT, clean, limits=strict).outlook is Outlook.KEPT
    assert of(Measure.WITHIN_RINGS, clean, limits=strict).outlook is Outlook.KEPT


def test_of_several_the_worst_is_said() -> None:
    risky = stands(CALM._replace(waits=10, waited=280_000_000), NOTHING, LIMITS)
    assert whole(risky) is Outlook.AT_RISK
    assert whole(stands(gone(50, 100), NOTHING, LIMITS)) is Outlook.MISSED


def test_limits_are_in_the_unit_of_their_measure() -> None:
    limits = Limits(abandonment=0.1, mean_wait=timedelta(seconds=30), within_share=0.9, rings=3)
    assert [limit_of(limits, measure) for measure in Measure] == [0.1, 0.1, 30.0, 0.9]
