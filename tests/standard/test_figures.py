"""What one call adds to the sums, and the ratios that come from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from telephony.calls.record import CallRecord, Outcome, Quality
from telephony.standard.figures import Figures, figures_of
from tests.support.calls import call, seconds, visit
from tests.support.days import TARGETS, answered, o_clock, unanswered

NOON = o_clock("12:00")


def sums(*calls: CallRecord) -> Figures:
    each = [figures_of(one, TARGETS)[1] for one in calls]
    return Figures._make(map(sum, zip(*each, strict=True)))


def test_without_calls_there_is_no_figure_and_it_is_not_zero() -> None:
    nothing = Figures()
    assert (nothing.abandonment, nothing.unanswered_share, nothing.mean_wait, nothing.within_share) == (None,) * 4


def test_abandonment_is_who_gave_up_and_unanswered_is_everybody_whom_nobody_answered() -> None:
    found = sums(
        answered(1, NOON), answered(2, NOON), unanswered(3, NOON), unanswered(4, NOON, outcome=Outcome.TIMEOUT)
    )
    assert (found.sought, found.abandonment, found.unanswered_share) == (4, 0.25, 0.5)


def test_shorts_are_out_of_both_sides() -> None:
    found = sums(answered(1, NOON, queue="vip"), unanswered(2, NOON, wait=4, queue="vip"), unanswered(3, NOON))
    assert (found.short, found.judged, found.abandonment, found.unanswered_share) == (1, 2, 0.5, 0.5)


def test_the_mean_wait_is_of_those_answered_and_those_who_gave_up_and_exact() -> None:
    found = sums(
        answered(1, NOON, wait=10.000001),
        unanswered(2, NOON, wait=20),
        unanswered(3, NOON, outcome=Outcome.TIMEOUT, wait=300),
    )
    assert (found.waits, found.waited, found.mean_wait) == (2, 30_000_001, timedelta(microseconds=15_000_000))


def test_within_three_rings_is_a_share_of_the_calls_for_which_a_phone_rang() -> None:
    found = sums(
        answered(1, NOON, rings=3),
        answered(2, NOON, rings=4),
        unanswered(3, NOON, wait=12),
        unanswered(4, NOON, wait=60),
        unanswered(5, NOON, outcome=Outcome.REFUSED_FULL),
    )
    assert (found.alerted, found.within_rings, found.within_share) == (4, 1, 0.25)


def test_what_is_left_out_is_counted_by_its_reason() -> None:
    lost = call(visit(Outcome.LOST, wait=None))
    no_wait = answered(2, NOON)
    no_wait = replace(no_wait, visits=(replace(no_wait.visits[0], wait=None),))
    no_rings = answered(3, NOON)
    partial = replace(no_rings.visits[0], caller_rings=None, quality=Quality.PARTIAL)
    no_rings = replace(no_rings, visits=(partial,))
    never_rang = call(visit(Outcome.EMPTY))
    rang_for_nobody_knows_how_long = call(visit(Outcome.TIMEOUT, quality=Quality.PARTIAL, alerted_at=NOON))
    found = sums(lost, no_wait, no_rings, never_rang, rang_for_nobody_knows_how_long)
    assert (found.lost, found.wait_unknown, found.rings_unknown) == (1, 1, 2)
    assert (found.sought, found.mean_wait, found.alerted) == (4, seconds(10), 1)
