"""Durations and rings, to the microsecond."""

from datetime import timedelta

import pytest

from telephony.calls.clocks import Span, rings, span, wall_after
from telephony.calls.facts import Moment
from tests.support.story import START, moment, seconds

PERIOD = timedelta(seconds=5)
TINY = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("alerting", "count"),
    [
        (timedelta(), 1),
        (TINY, 1),
        (seconds(5) - TINY, 1),
        (seconds(5), 1),
        (seconds(5) + TINY, 2),
        (seconds(10), 2),
        (seconds(10) + TINY, 3),
        (seconds(15), 3),
        (seconds(15) + TINY, 4),
        (seconds(3600), 720),
    ],
)
def test_a_ring_begins_with_the_first_instant_and_lasts_one_period(alerting: timedelta, count: int) -> None:
    assert rings(alerting, PERIOD) == count


def test_the_period_is_the_operators() -> None:
    assert rings(seconds(5), seconds(6)) == 1
    assert rings(seconds(12) + TINY, seconds(4)) == 4


def test_a_duration_is_the_difference_of_the_pbxs_stamps() -> None:
    end = Moment(START + seconds(3.000001), moment(0).mono + seconds(4.9))
    assert span(moment(0), end) == Span(seconds(3.000001), exact=True)


def test_up_to_two_seconds_of_disagreement_the_pbx_is_believed() -> None:
    late = Moment(START + seconds(3), moment(0).mono + seconds(5))
    assert span(moment(0), late) == Span(seconds(3), exact=True)
    later = Moment(START + seconds(3), moment(0).mono + seconds(5) + TINY)
    assert span(moment(0), later) == Span(seconds(5) + TINY, exact=False)


@pytest.mark.parametrize("stamped", [(True, False), (False, True), (False, False)])
def test_without_both_stamps_our_clock_tells_and_it_is_approximate(stamped: tuple[bool, bool]) -> None:
    begin, end = moment(0, stamped=stamped[0]), moment(4, stamped=stamped[1])
    assert span(begin, end) == Span(seconds(4), exact=False)


def test_a_duration_is_never_negative() -> None:
    assert span(moment(1), moment(0.999)) == Span(timedelta(), exact=True)
    assert span(moment(1, stamped=False), moment(0)) == Span(timedelta(), exact=False)


def test_when_the_clock_was_set_times_of_one_story_stay_in_order() -> None:
    end = Moment(START - seconds(3600), moment(5).mono)
    assert wall_after(moment(0), end) == START + seconds(5)
