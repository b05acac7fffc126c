"""Queues and lines, each with figures of its own, and no more of them than there may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.calls.record import Kind, Outcome, Quality
from telephony.standard.day import Day
from telephony.standard.evidence import Evidence
from telephony.standard.figures import Figures
from telephony.standard.places import MAX_PLACES, Place, Places
from tests.support.calls import call, visit
from tests.support.days import BRANCHES, TARGETS, answered, day, o_clock, unanswered

NOON, BERLIN = o_clock("12:00"), ZoneInfo("Europe/Berlin")
SUPPORT, SALES, DESK = Place(Kind.QUEUE, "support"), Place(Kind.QUEUE, "sales"), Place(Kind.DIRECT, "front-desk")
PHONES = Place(Kind.DIRECT, None)
ONE = Figures(sought=1)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def test_each_queue_and_line_has_the_figures_of_the_calls_that_sought_it_first() -> None:
    today = day()
    today.add(answered(1, NOON), live=True)
    today.add(unanswered(2, NOON, queue="sales"), live=True)
    today.add(answered(3, NOON, queue="front-desk", kind=Kind.DIRECT), live=True)
    assert set(today.places()) == {SUPPORT, SALES, DESK}
    assert [today.figures_at(place).sought for place in (SUPPORT, SALES, DESK)] == [1, 1, 1]
    assert today.figures_at(SALES).abandonment == 1.0
    assert today.figures_at(Place(Kind.QUEUE, "elsewhere")) == Figures()


def test_a_correction_changes_the_queue_too_and_may_move_the_call_to_another() -> None:
    today = day()
    today.add(unanswered(1, NOON), live=True)
    today.add(replace(answered(1, NOON), revision=2), live=True)
    assert (today.figures_at(SUPPORT).sought, today.figures_at(SUPPORT).gave_up) == (1, 0)
    today.add(replace(answered(1, NOON, queue="sales"), revision=3), live=True)
    assert (today.figures_at(SUPPORT), today.figures_at(SALES).sought) == (Figures(), 1)


def test_phones_that_are_no_line_are_counted_together_whatever_their_name_holds() -> None:
    today = Day(NOON.tzinfo, TARGETS, BRANCHES, NOON, lines={"manager"})  # type: ignore[arg-type]
    for number, name in enumerate(("Local/13800138000@out", "Local/13900139000@out", "manager", "front-desk")):
        today.add(answered(number, NOON, queue=name, kind=Kind.DIRECT), live=True)
    assert set(today.places()) == {PHONES, Place(Kind.DIRECT, "manager"), DESK}
    assert today.figures_at(PHONES).sought == 2


def test_beyond_the_most_queues_are_counted_together_but_those_of_the_configuration_never() -> None:
    places = Places(["support"], ["front-desk"], 96, most=3)
    assert [places.place(Kind.QUEUE, name).name for name in ("a", "b")] == ["a", "b"]
    for name in ("a", "b", "a", "support"):
        place = places.place(Kind.QUEUE, name)
        places.count(place, ONE, 0, 1)
    assert [place.name for place in places] == ["a", None, "support"]
    assert places.place(Kind.QUEUE, "support") == SUPPORT
    assert places.place(None, None) == PHONES
    assert MAX_PLACES == 4_000


def test_a_point_of_a_line_is_the_value_of_the_hour_before_it() -> None:
    today = day()
    today.add(unanswered(1, NOON), live=True)
    today.add(answered(2, NOON + minutes(50)), live=True)
    lines = today.lines_at(NOON + minutes(70), SUPPORT)
    assert lines.at == tuple(NOON + minutes(m) for m in (15, 30, 45, 60, 70))
    assert [one.sought for one in lines.figures] == [1, 1, 1, 2, 1]
    assert [one.abandonment for one in lines.figures] == [1.0, 1.0, 1.0, 0.5, 0.0]


def test_a_queue_without_calls_or_whose_calls_are_of_later_has_no_line() -> None:
    today = day()
    assert today.lines_at(NOON, SUPPORT).at == ()
    today.add(answered(1, NOON + minutes(30)), live=True)
    assert today.lines_at(NOON, SUPPORT).at == ()
    assert today.lines_at(today.start, SUPPORT).figures == ()


@pytest.mark.parametrize("date", ["2026-03-29", "2026-10-25"])
def test_the_last_moment_of_a_day_on_which_clocks_change_has_its_quarter(date: str) -> None:
    today = day(o_clock("00:00", BERLIN, date))
    last = today.end - timedelta(microseconds=1)
    today.add(answered(1, last), live=True)
    assert today.lines_at(last, SUPPORT).at == (last,)


def test_with_the_day_the_figures_of_every_queue_begin_anew() -> None:
    today = day()
    today.add(answered(1, NOON), live=True)
    today.turn(today.end)
    assert (today.places(), today.figures_at(SUPPORT), today.evidence()) == ((), Figures(), Evidence())


def test_how_well_visits_are_known_is_counted_beside_the_sums_and_corrected_with_them() -> None:
    today = day()
    heard, read = answered(1, NOON), visit(Outcome.TIMEOUT, quality=Quality.RECONSTRUCTED)
    vague = visit(quality=Quality.PARTIAL)
    today.add(heard, live=True)
    today.add(call(read, vague, number=2, ended_at=NOON), live=True)
    assert today.evidence() == Evidence(live=1, partial=1, reconstructed=1) == today.evidence("changzhi")
    assert today.evidence("jincheng").visits == 0
    today.add(call(visit(quality=Quality.APPROXIMATE), number=2, ended_at=NOON, revision=9), live=True)
    assert today.evidence() == Evidence(live=1, approximate=1)
    assert today.evidence().visits == 2


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9), st.integers(0, 86_399), st.sampled_from(["support", "sales", "a", "b"]), st.booleans()
        ),
        max_size=40,
    )
)
def test_the_sum_over_all_places_is_the_day_and_their_last_hours_never_hold_more(
    told: list[tuple[int, int, str, bool]],
) -> None:
    today = day()
    end = today.end - timedelta(microseconds=1)
    for revision, (number, second, queue, gone) in enumerate(told):
        ended: datetime = today.start + timedelta(seconds=second)
        one = unanswered(number, ended, queue=queue) if gone else answered(number, ended, queue=queue)
        today.add(replace(one, revision=revision), live=True)
    each = [today.figures_at(place) for place in today.places()]
    assert Figures._make(map(sum, zip(Figures(), *each, strict=True))) == today.figures()
    for place in today.places():
        lines = today.lines_at(end, place)
        assert all(figures.sought <= today.figures_at(place).sought for figures in lines.figures)
        assert list(lines.at) == sorted(set(lines.at))
