"""Calls of today: counted once, corrected, on their own day, and the lines they draw."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.calls.record import CallRecord, Kind, Outcome
from telephony.standard.day import BUCKET, MAX_EARLY, MAX_POINTS, STEPS, WINDOW, Branches, Day
from telephony.standard.figures import Figures
from tests.support.calls import call, visit
from tests.support.days import TARGETS, answered, day, o_clock, unanswered

NOON = o_clock("12:00")


def after(when: datetime, **units: float) -> datetime:
    return when + timedelta(**units)


# --- once, and corrected --------------------------------------------------------------------------------------------


def test_a_call_counts_once_however_often_it_is_told() -> None:
    today = day()
    one = answered(1, NOON)
    assert [today.add(one, live=True), today.add(one, live=True)] == [True, False]
    assert today.figures().sought == 1


def test_a_newer_state_replaces_the_older_in_sums_and_lines_and_an_older_one_changes_nothing() -> None:
    today = day()
    exited = unanswered(1, NOON, outcome=Outcome.EXITED, wait=40)
    abandoned = replace(unanswered(1, NOON, outcome=Outcome.ABANDONED, wait=39), revision=2)
    today.add(exited, live=True)
    assert today.figures().gave_up == 0
    assert today.add(abandoned, live=True)
    assert not today.add(exited, live=True)
    assert today.figures() == today.lines(NOON).figures[-1]
    assert (today.figures().sought, today.figures().gave_up, today.figures().mean_wait) == (1, 1, timedelta(seconds=39))


def test_what_was_followed_wins_over_what_was_read_whatever_their_revisions() -> None:
    today = day()
    read, live = replace(answered(1, NOON, wait=5), revision=90), answered(1, NOON, wait=7)
    assert [today.add(read, live=False), today.add(live, live=True), today.add(read, live=False)] == [True, True, False]
    assert today.figures().mean_wait == timedelta(seconds=7)


def test_reading_the_same_twice_changes_nothing() -> None:
    today = day()
    calls = [answered(number, NOON) for number in range(5)]
    for one in [*calls, *calls]:
        today.add(one, live=False)
    assert today.figures().sought == 5


@pytest.mark.parametrize(
    "unfinished",
    [
        replace(answered(1, NOON), ended_at=None),
        call(ended_at=NOON),
        call(visit(Outcome.TIMEOUT), visit(None, settling=True), ended_at=NOON),
    ],
    ids=["goes on", "no visit", "not yet decided"],
)
def test_what_goes_on_seeks_nobody_or_is_not_decided_counts_nowhere(unfinished: CallRecord) -> None:
    today = day()
    assert not today.add(unfinished, live=True)
    assert today.figures() == Figures()


# --- branches -------------------------------------------------------------------------------------------------------


def test_each_branch_has_its_own_figures_and_all_have_theirs_together() -> None:
    today = day()
    today.add(answered(1, NOON), live=True)
    today.add(unanswered(2, NOON, queue="sales"), live=True)
    today.add(answered(3, NOON, queue="front-desk", kind=Kind.DIRECT), live=True)
    today.add(answered(4, NOON, queue="of nobody"), live=True)
    today.add(answered(5, NOON, queue="front-desk"), live=True)  # a queue of that name is no line
    assert [today.figures(branch).sought for branch in (None, "changzhi", "jincheng")] == [5, 1, 2]
    assert today.figures("jincheng").abandonment == 0.5
    with pytest.raises(KeyError):
        today.figures("elsewhere")


def test_a_queue_or_line_without_a_name_is_in_no_branch() -> None:
    assert Branches({"support": "changzhi"}).of(None, None) is None


# --- the day --------------------------------------------------------------------------------------------------------


def test_a_call_belongs_to_the_day_on_which_it_ended() -> None:
    today = day()
    yesterday, tomorrow = after(today.start, microseconds=-1), today.end
    assert [today.add(answered(n, when), live=True) for n, when in enumerate((yesterday, today.start, tomorrow))] == [
        False,
        True,
        False,
    ]
    assert today.figures().sought == 1


def test_at_midnight_a_new_day_begins_and_who_ended_in_it_by_the_clock_of_the_pbx_is_there() -> None:
    today = day()
    today.add(answered(1, NOON), live=True)
    today.add(answered(2, today.end), live=True)
    today.add(replace(answered(2, today.end, wait=3), revision=2), live=True)
    assert not today.turn(after(today.end, microseconds=-1))
    assert today.turn(today.end)
    assert (today.figures().sought, today.figures().mean_wait) == (1, timedelta(seconds=3))
    assert not today.add(replace(answered(1, NOON), revision=2), live=True)
    assert today.figures().sought == 1


def test_a_correction_may_move_a_call_out_of_the_day() -> None:
    today = day()
    for number, moved_to in ((1, after(today.start, seconds=-1)), (2, today.end)):
        today.add(answered(number, NOON), live=True)
        assert not today.add(replace(answered(number, moved_to), revision=2), live=True)
    assert today.figures() == Figures()
    assert today.turn(today.end)
    assert today.figures().sought == 1


def test_a_pbx_that_is_a_day_ahead_fills_no_memory() -> None:
    today = day()
    for number in range(MAX_EARLY + 5):
        today.add(answered(number, today.end), live=True)
    assert today.dropped == 5


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_on_which_clocks_change_has_as_many_hours_as_it_has(date: str, hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    today = day(o_clock("00:00", berlin, date))
    last = after(today.end, microseconds=-1)
    assert today.end - today.start == timedelta(hours=hours)
    assert today.add(answered(1, today.start), live=True)
    assert today.add(answered(2, last), live=True)
    assert today.lines(last).at[-1] == last
    assert len(today.lines(last).at) == hours * 4


# --- bounded memory -------------------------------------------------------------------------------------------------


def test_of_too_many_calls_the_earliest_stay_in_the_sums_but_are_corrected_no_more() -> None:
    today = day(remembered=10)
    for number in range(11):
        today.add(answered(number, after(NOON, minutes=number)), live=True)
    correction = replace(unanswered(0, NOON), revision=2)
    assert not today.add(correction, live=True)
    assert (today.figures().sought, today.figures().gave_up, today.dropped) == (11, 0, 1)
    assert today.add(replace(unanswered(5, after(NOON, minutes=5)), revision=2), live=True)
    assert (today.figures().sought, today.figures().gave_up) == (11, 1)


def test_the_earliest_tenth_is_forgotten_at_once() -> None:
    today = day(remembered=30)
    for number in range(31):
        today.add(answered(number, after(NOON, minutes=number)), live=True)
    dropped = [number for number in range(31) if not today.add(replace(answered(number, after(NOON, minutes=number)),
               revision=2), live=True)]  # fmt: skip
    assert dropped == [0, 1, 2]


# --- lines ----------------------------------------------------------------------------------------------------------


def test_before_the_first_call_there_is_no_line() -> None:
    today = day()
    assert (today.first(), today.lines(NOON).at, today.lines(NOON).figures) == (None, (), ())


def test_a_young_day_shows_the_value_since_the_first_call() -> None:
    today = day()
    for number in range(20):
        ended = after(NOON, seconds=number * 30)
        today.add(answered(number, ended) if number % 2 else unanswered(number, ended), live=True)
    now = after(NOON, seconds=20 * 30)
    lines = today.lines(now)
    assert today.first() == NOON
    assert lines.at[-1] == now
    assert lines.figures[-1] == today.figures()
    assert lines.figures[0].abandonment == 1.0


def test_later_a_point_is_the_value_of_the_last_quarter_of_an_hour() -> None:
    today = day()
    today.add(unanswered(1, NOON), live=True)
    today.add(answered(2, after(NOON, minutes=20)), live=True)
    lines = today.lines(after(NOON, minutes=30))
    values = dict(zip(lines.at, (figures.abandonment for figures in lines.figures), strict=True))
    assert values[after(NOON, minutes=15)] == 1.0
    assert values[after(NOON, minutes=16)] is None
    assert values[after(NOON, minutes=21)] == 0.0
    assert lines.figures[-1].sought == 1


@pytest.mark.parametrize("now", ["09:00:01", "14:50:10", "20:45:05", "21:01:00", "23:59:59"])
def test_the_last_point_is_the_value_of_a_whole_quarter_of_an_hour_however_coarse_the_line(now: str) -> None:
    moment = o_clock(now)
    today = day(moment)
    ended = [o_clock("08:05"), *(after(moment, seconds=-10 * n) for n in range(100))]
    for number, when in enumerate(ended):
        today.add(answered(number, when), live=True)
    assert today.lines(moment).figures[-1].sought == WINDOW / timedelta(seconds=10)


def test_a_call_whose_time_has_not_come_yet_is_in_the_sums_and_not_in_the_line() -> None:
    today = day()
    today.add(answered(1, NOON), live=True)
    today.add(answered(2, after(NOON, hours=3)), live=True)
    assert today.figures().sought == 2
    assert today.lines(after(NOON, minutes=1)).figures[-1].sought == 1
    ahead = day()
    ahead.add(answered(1, NOON), live=True)
    assert ahead.lines(o_clock("09:00")).at == (NOON,)


@given(first=st.integers(0, 86_399), span=st.integers(0, 86_399))
def test_a_line_has_enough_points_and_not_too_many(first: int, span: int) -> None:
    today = day()
    begun = after(today.start, seconds=first)
    now = min(after(begun, seconds=span), after(today.end, microseconds=-1))
    today.add(answered(1, begun), live=True)
    lines = today.lines(now)
    assert list(lines.at) == sorted(set(lines.at))
    assert lines.at[-1] == max(now, today.start + (begun - today.start) // BUCKET * BUCKET)
    assert len(lines.at) <= MAX_POINTS + 2
    if now - begun > timedelta(seconds=200):
        assert len(lines.at) >= 40


def test_steps_are_whole_buckets_and_divide_the_window() -> None:
    assert all(step % BUCKET == timedelta() and WINDOW % step == timedelta() for step in STEPS)


@given(
    told=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 86_399), st.booleans(), st.integers(1, 3)), max_size=30)
)
def test_the_sums_are_those_of_the_states_that_count_however_they_came(
    told: list[tuple[int, int, bool, int]],
) -> None:
    today, newest = day(), dict[int, tuple[bool, int, CallRecord]]()
    for number, second, live, revision in told:
        one = replace(answered(number, after(today.start, seconds=second), wait=second % 60), revision=revision)
        accepted = today.add(one, live=live)
        known = newest.get(number)
        assert accepted == (known is None or (live, revision) > known[:2])
        if accepted:
            newest[number] = (live, revision, one)
    counted = [one for _, _, one in newest.values()]
    assert today.figures().sought == len(counted)
    waits = [one.visits[0].wait or timedelta() for one in counted]
    assert today.figures().waited == sum(waits, timedelta()) // timedelta(microseconds=1)


def test_a_line_over_a_hundred_thousand_calls_is_cheap() -> None:
    """Meant to be 5 ms; the limit here is wide, so that a busy machine does not fail it."""
    today = Day(ZoneInfo("Asia/Shanghai"), TARGETS, Branches(), NOON)
    one = answered(1, NOON)
    for number in range(1000):
        ended = after(today.start, seconds=number * 86)
        today.add(replace(one, id=call(number=number).id, ended_at=ended), live=True)
    begun = time.perf_counter()
    today.lines(after(today.end, microseconds=-1))
    assert time.perf_counter() - begun < 0.1
