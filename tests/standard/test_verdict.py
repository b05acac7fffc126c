"""Figures against the limits."""

from __future__ import annotations

import pytest

from telephony.standard.figures import Figures
from telephony.standard.verdict import Verdict, judge
from tests.support.days import LIMITS

KEPT, MISSED, NO_CALLS = Verdict.KEPT, Verdict.MISSED, Verdict.NO_CALLS


def test_without_calls_nothing_is_kept_and_nothing_missed() -> None:
    verdicts = judge(Figures(), LIMITS)
    assert (verdicts.abandonment, verdicts.unanswered, verdicts.mean_wait, verdicts.within_rings) == (NO_CALLS,) * 4
    assert verdicts.whole is NO_CALLS


@pytest.mark.parametrize(("gave_up", "verdict"), [(1, KEPT), (2, MISSED)])
def test_ten_of_a_hundred_may_give_up_and_the_limit_itself_is_kept(gave_up: int, verdict: Verdict) -> None:
    figures = Figures(sought=10, answered=10 - gave_up, gave_up=gave_up, unanswered=gave_up)
    assert judge(figures, LIMITS).abandonment is verdict


def test_who_sends_callers_away_instead_of_letting_them_give_up_gains_nothing() -> None:
    verdicts = judge(Figures(sought=10, answered=5, unanswered=5), LIMITS)
    assert (verdicts.abandonment, verdicts.unanswered, verdicts.whole) == (KEPT, MISSED, MISSED)


@pytest.mark.parametrize(("waited", "verdict"), [(29_999_999, KEPT), (30_000_000, MISSED)])
def test_the_mean_wait_is_below_its_limit_not_at_it(waited: int, verdict: Verdict) -> None:
    assert judge(Figures(sought=1, answered=1, waits=1, waited=waited), LIMITS).mean_wait is verdict


@pytest.mark.parametrize(("within", "verdict"), [(9, KEPT), (8, MISSED)])
def test_nine_of_ten_within_three_rings_are_enough(within: int, verdict: Verdict) -> None:
    assert judge(Figures(alerted=10, within_rings=within), LIMITS).within_rings is verdict


def test_the_whole_is_kept_when_all_that_can_be_judged_is() -> None:
    assert judge(Figures(sought=1, answered=1), LIMITS).whole is KEPT
