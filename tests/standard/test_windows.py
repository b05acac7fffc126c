"""The windows that end now: each call once, out again when its time is over, corrected, and summed into branches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.calls.record import CallRecord, Kind, Outcome
from telephony.standard.figures import Figures
from telephony.standard.windows import BEYOND, BUCKET, MAX_EARLY, WHOLE, Group, Window, Windows, grouped
from tests.support.calls import call, visit
from tests.support.days import SHANGHAI, TARGETS, answered, o_clock, unanswered

NOON = o_clock("12:00")
SUPPORT = (Kind.QUEUE, "support")
ALL = tuple(Window)


def after(when: datetime, **units: float) -> datetime:
    return when + timedelta(**units)


def windows(now: datetime = NOON, **changes: Any) -> Windows:
    return Windows(SHANGHAI, TARGETS, now, [SUPPORT], **changes)


def sought(at: Windows, queue: str = "support", kind: Kind = Kind.QUEUE) -> tuple[int, ...]:
    """Calls in the last quarter of an hour, the last hour, today and this month."""
    return tuple(at.sums(window).get((kind, queue), Figures()).sought for window in ALL)


# --- in, and out again ----------------------------------------------------------------------------------------------


def test_a_call_leaves_each_window_when_its_time_is_over_and_what_has_no_calls_is_not_there() -> None:
    at = windows()
    at.add(answered(1, NOON), live=True)
    seen = []
    for minutes in (0, 14.9, 15.1, 59.9, 60.1, 11.9 * 60, 12.1 * 60):
        at.turn(after(NOON, minutes=minutes))
        seen.append(sought(at))
    assert seen == [
        (1, 1, 1, 1), (1, 1, 1, 1), (0, 1, 1, 1), (0, 1, 1, 1), (0, 0, 1, 1), (0, 0, 1, 1), (0, 0, 0, 1),
    ]  # fmt: skip
    assert [SUPPORT in at.sums(window) for window in ALL] == [False, False, False, True]


def test_a_month_ends_at_the_midnight_of_the_site_and_what_slides_goes_on() -> None:
    last = o_clock("23:55", day="2026-02-28")
    at = windows(last)
    at.add(answered(1, last), live=True)
    at.turn(after(last, minutes=4.9))
    assert sought(at) == (1, 1, 1, 1)
    at.turn(after(last, minutes=5))
    assert sought(at) == (1, 1, 0, 0)
    assert at.add(answered(2, after(last, minutes=4)), live=True)
    assert sought(at) == (2, 2, 0, 0)


def test_what_ended_longer_ago_than_a_window_counts_in_the_others_only() -> None:
    at = windows()
    for number, ended in enumerate((after(NOON, minutes=-30), o_clock("08:00"), o_clock("12:00", day="2026-03-01"))):
        assert at.add(answered(number, ended), live=True)
    assert not at.add(answered(9, o_clock("12:00", day="2026-02-28")), live=True)
    assert sought(at) == (0, 1, 2, 3)


def test_after_a_pause_longer_than_every_window_nothing_of_before_is_left() -> None:
    at = windows()
    at.add(answered(1, NOON), live=True)
    at.turn(after(NOON, days=40))
    assert [at.sums(window) for window in ALL] == [{}, {}, {}, {}]


def test_the_hour_that_clocks_repeat_makes_a_day_of_25() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    evening = datetime(2026, 10, 25, 23, 30, tzinfo=berlin)
    at = Windows(berlin, TARGETS, evening)
    begins = at.begins()
    assert after(evening, minutes=30).astimezone(UTC) - begins[Window.TODAY] == timedelta(hours=25)
    assert begins[Window.MONTH] == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert begins[Window.QUARTER] == after(evening, minutes=-15)
    assert at.midnight(evening) == begins[Window.TODAY]


# --- once, and corrected --------------------------------------------------------------------------------------------


def test_a_correction_replaces_what_the_call_counted_in_every_window() -> None:
    at = windows()
    at.add(unanswered(1, NOON, outcome=Outcome.EXITED), live=True)
    at.turn(after(NOON, minutes=20))
    assert at.add(replace(unanswered(1, NOON, wait=39), revision=2), live=True)
    assert not at.add(unanswered(1, NOON, outcome=Outcome.EXITED), live=True)
    found = [at.sums(window).get(SUPPORT, Figures()) for window in ALL]
    assert [figures.gave_up for figures in found] == [0, 1, 1, 1]
    assert [figures.sought for figures in found] == [0, 1, 1, 1]
    assert found[-1].mean_wait == timedelta(seconds=39)


def test_a_correction_may_move_a_call_to_another_queue_or_out_of_everything() -> None:
    at = windows()
    at.add(answered(1, NOON), live=True)
    at.add(replace(answered(1, NOON, queue="sales"), revision=2), live=True)
    assert (sought(at), sought(at, "sales")) == ((0, 0, 0, 0), (1, 1, 1, 1))
    assert not at.add(replace(answered(1, o_clock("12:00", day="2026-01-01")), revision=3), live=True)
    assert [at.sums(window) for window in ALL] == [{}, {}, {}, {}]


def test_what_was_followed_wins_over_what_was_read_whatever_their_revisions() -> None:
    at = windows()
    read, live = replace(answered(1, NOON, wait=5), revision=90), answered(1, NOON, wait=7)
    assert [at.add(read, live=False), at.add(live, live=True), at.add(read, live=False)] == [True, True, False]
    assert at.sums(Window.TODAY)[SUPPORT].mean_wait == timedelta(seconds=7)


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
    at = windows()
    assert not at.add(unfinished, live=True)
    assert sought(at) == (0, 0, 0, 0)


def test_of_more_calls_than_are_remembered_the_first_stay_in_the_sums_and_are_corrected_no_more() -> None:
    at = windows(remembered=20)
    ends = [after(NOON, minutes=number - 30) for number in range(21)]
    for number, ended in enumerate(ends):
        at.add(answered(number, ended), live=True)
    changed = [at.add(replace(unanswered(n, ended), revision=2), live=True) for n, ended in enumerate(ends)]
    assert changed == [False, False] + [True] * 19
    assert (at.dropped, at.sums(Window.TODAY)[SUPPORT].answered, at.sums(Window.TODAY)[SUPPORT].sought) == (2, 2, 21)


def test_what_is_read_of_the_days_before_counts_though_there_is_no_room_to_remember_it() -> None:
    at = windows(remembered=20)
    for number in range(21):
        at.add(answered(number, after(NOON, minutes=number - 30)), live=True)
    assert at.add(answered(99, o_clock("09:00", day="2026-03-01")), live=False)
    assert not at.add(replace(answered(99, o_clock("09:00", day="2026-03-01")), revision=2), live=True)
    assert sought(at) == (5, 21, 21, 22)


# --- clocks ---------------------------------------------------------------------------------------------------------


def test_a_pbx_whose_clock_is_ahead_counts_now_and_leaves_in_time() -> None:
    at = windows()
    at.add(answered(1, after(NOON, hours=3)), live=True)
    assert sought(at) == (1, 1, 1, 1)
    at.turn(after(NOON, minutes=16))
    assert sought(at) == (0, 1, 1, 1)


def test_who_ended_tomorrow_counts_tomorrow() -> None:
    late = o_clock("23:59:58")
    at = windows(late)
    assert not at.add(answered(1, after(late, seconds=3)), live=True)
    assert not at.add(replace(answered(1, after(late, seconds=3), wait=3), revision=2), live=True)
    assert sought(at) == (0, 0, 0, 0)
    at.turn(after(late, seconds=2))
    assert sought(at) == (1, 1, 1, 1)
    assert at.sums(Window.TODAY)[SUPPORT].mean_wait == timedelta(seconds=3)


def test_a_pbx_whose_clock_is_days_ahead_fills_no_memory() -> None:
    at = windows()
    for number in range(MAX_EARLY + 3):
        at.add(answered(number, after(NOON, days=3)), live=True)
    assert at.dropped == 3


def test_a_clock_that_is_set_back_begins_everything_anew_and_one_that_is_slewed_does_not() -> None:
    at = windows()
    at.add(answered(1, NOON), live=True)
    assert not at.turn(after(NOON, seconds=-30))
    assert sought(at) == (1, 1, 1, 1)
    assert at.turn(after(NOON, hours=-8))
    assert sought(at) == (0, 0, 0, 0)
    at.add(answered(2, after(NOON, hours=-8)), live=True)
    assert sought(at) == (1, 1, 1, 1)


# --- names and groups -----------------------------------------------------------------------------------------------


def test_names_that_callers_make_up_fill_no_memory_and_take_no_configured_name_away() -> None:
    at = windows(others=3)
    for number in range(6):
        at.add(answered(number, NOON, queue=f"1380013800{number}"), live=True)
    at.add(answered(7, NOON), live=True)
    assert [sought(at, f"1380013800{number}")[0] for number in range(4)] == [1, 1, 1, 0]
    assert (sought(at, BEYOND)[0], sought(at)[0]) == (3, 1)
    at.turn(o_clock("12:00", day="2026-04-01"))
    at.add(answered(8, o_clock("12:00", day="2026-04-01"), queue="new"), live=True)
    assert sought(at, "new")[0] == 1


def test_ratios_of_a_branch_come_from_the_sums_of_its_queues_and_lines() -> None:
    at = windows()
    at.add(unanswered(1, NOON, queue="sales"), live=True)
    for number in range(2, 5):
        at.add(answered(number, NOON, queue="front-desk", kind=Kind.DIRECT), live=True)
    at.add(answered(9, NOON, queue="of nobody"), live=True)
    branches = {"sales": "jincheng", "front-desk": "jincheng"}

    def group(_: Kind, name: str) -> Group:
        return (branches[name], name) if name in branches else ("none", "other")

    found = grouped(at.sums(Window.TODAY), group)
    assert {one: figures.sought for one, figures in found.items()} == {
        ("jincheng", "sales"): 1, ("jincheng", "front-desk"): 3, ("jincheng", WHOLE): 4,
        ("none", "other"): 1, ("none", WHOLE): 1, (WHOLE, WHOLE): 5,
    }  # fmt: skip
    assert found["jincheng", WHOLE].abandonment == 0.25
    assert grouped({}, group) == {}


# --- whatever comes -------------------------------------------------------------------------------------------------

STEP = st.one_of(
    st.tuples(st.just("call"), st.integers(0, 5), st.integers(-100_000, 60), st.booleans(), st.integers(1, 3)),
    st.tuples(st.just("time"), st.integers(0, 50_000)),
)


@given(steps=st.lists(STEP, max_size=30))
def test_the_sums_are_those_of_the_states_that_count_however_they_came(steps: list[tuple[Any, ...]]) -> None:
    now, newest = o_clock("20:00"), dict[int, tuple[bool, int, datetime]]()
    at = windows(now)
    for step in steps:
        if step[0] == "time":
            now = after(now, seconds=step[1])
            at.turn(now)
            continue
        _, number, second, live, revision = step
        ended = min(after(now, seconds=second), after(at.midnight(now), days=1, seconds=-1))
        one = replace(answered(number, ended), revision=revision)
        if number not in newest or (live, revision) > newest[number][:2]:
            newest[number] = (live, revision, min(ended, now))
        at.add(one, live=live)
    begins = at.begins()
    for window in (Window.TODAY, Window.MONTH):
        expected = sum(ended >= begins[window] for _, _, ended in newest.values())
        assert at.sums(window).get(SUPPORT, Figures()).sought == expected
    for window in (Window.QUARTER, Window.HOUR):  # they slide in steps
        ends = [ended - begins[window] for _, _, ended in newest.values()]
        least = sum(since >= BUCKET for since in ends)
        most = sum(since >= -BUCKET for since in ends)
        assert least <= at.sums(window).get(SUPPORT, Figures()).sought <= most
