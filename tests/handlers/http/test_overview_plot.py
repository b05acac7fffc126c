"""From values to a picture: where the line changes, where it breaks, and that nothing leaves the frame."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.http.pages.overview_plot import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Limit,
    Plot,
    Side,
    Value,
    chunks,
    places,
    plot,
    runs,
    scale_for,
)
from tests.support.calls import at

TENTH = Limit(0.10)
NINE_TENTHS = Limit(0.90, Side.BELOW)
HALF_A_MINUTE = Limit(30.0, kept_at=False, most=None)


def times(count: int) -> list[datetime]:
    return [at(60 * n) for n in range(count)]


def drawn(*values: Value, limit: Limit = TENTH) -> Plot:
    return plot(times(len(values)), values, limit)


def test_the_line_is_cut_exactly_where_it_crosses_its_limit() -> None:
    below, above = runs([(0.0, 0.0), (10.0, 0.2)], TENTH)
    assert below == ([(0.0, 0.0), (5.0, 0.10)], False)
    assert above == ([(5.0, 0.10), (10.0, 0.2)], True)


def test_each_piece_beyond_has_the_area_to_the_limit_and_the_others_none() -> None:
    picture = drawn(0.05, 0.15, 0.05)
    assert [stroke.beyond for stroke in picture.strokes] == [False, True, False]
    assert [bool(stroke.area) for stroke in picture.strokes] == [False, True, False]
    y = f"{picture.limit:.1f}"
    assert re.fullmatch(rf"M[\d.]+ {y}L[\d.]+ {y}L198\.0 [\d.]+L[\d.]+ {y}L[\d.]+ {y}Z", picture.strokes[1].area)


def test_where_there_is_no_value_there_is_no_line_and_a_value_alone_is_a_dot() -> None:
    picture = drawn(0.02, 0.03, None, 0.04, None)
    first, alone = picture.strokes
    assert first.path.count("L") == 1
    assert re.fullmatch(r"M([\d.]+ [\d.]+)L\1", alone.path)
    assert (picture.last, picture.dot, picture.beyond) == (None, None, False)


def test_a_dot_beyond_the_limit_has_no_area() -> None:
    [stroke] = drawn(0.5).strokes
    assert (stroke.beyond, stroke.area) == (True, "")


def test_the_limit_itself_keeps_the_standard_where_at_most_is_asked_and_not_where_less_is() -> None:
    assert not TENTH.beyond(0.10)
    assert not NINE_TENTHS.beyond(0.90)
    assert HALF_A_MINUTE.beyond(30.0)
    assert (drawn(0.10, 0.11).strokes[0].beyond, drawn(30.0, limit=HALF_A_MINUTE).beyond) == (False, True)


def test_of_a_share_that_should_be_high_the_zone_lies_below() -> None:
    picture = drawn(0.95, 0.70, limit=NINE_TENTHS)
    assert [stroke.beyond for stroke in picture.strokes] == [False, True]
    assert picture.zone_top == picture.limit
    assert picture.zone_height == pytest.approx(BOTTOM - picture.limit)
    assert picture.worst is not None
    assert (picture.worst.value, picture.worst.at) == (0.70, at(60))


def test_of_one_that_should_be_low_it_lies_above() -> None:
    picture = drawn(0.05, 0.30)
    assert picture.zone_top == TOP
    assert picture.zone_height == pytest.approx(picture.limit - TOP)
    assert picture.worst is not None
    assert picture.worst.value == 0.30


@pytest.mark.parametrize(
    ("known", "limit", "ends"),
    [
        ([], TENTH, (0, 0.2)),
        ([0.33], TENTH, (0, 0.4)),
        ([0.97], TENTH, (0, 1)),
        ([], Limit(0.0), (0, 1)),
        ([0.004], Limit(0.001), (0, 0.004)),
        ([], Limit(5e-324), (0, 1e-6)),
        ([], HALF_A_MINUTE, (0, 60)),
        ([61.0], HALF_A_MINUTE, (0, 80)),
        ([4000.0], HALF_A_MINUTE, (0, 4000)),
        ([], NINE_TENTHS, (0.75, 1)),
        ([0.5], NINE_TENTHS, (0.5, 1)),
        ([0.0], NINE_TENTHS, (0, 1)),
        ([], Limit(1.0, Side.BELOW), (0, 1)),
        ([], Limit(0.9, Side.BELOW, most=None), (0.75, 1)),
    ],
)
def test_an_axis_ends_at_a_number_that_is_read_at_a_glance_and_holds_every_value(
    known: list[float], limit: Limit, ends: tuple[float, float]
) -> None:
    scale = scale_for(known, limit)
    assert scale.bottom == pytest.approx(ends[0])
    assert scale.top == pytest.approx(ends[1])


def test_times_stand_in_proportion_and_a_single_one_at_the_right() -> None:
    assert places([]) == []
    assert places([at(0)]) == [RIGHT]
    assert places([at(0), at(25), at(100)]) == [LEFT, pytest.approx(LEFT + (RIGHT - LEFT) / 4), RIGHT]


def test_the_axis_tells_the_ends_of_the_day_and_seconds_where_minutes_do_not_differ() -> None:
    assert [tick.at for tick in drawn(0.0, 0.0, 0.0).ticks] == [at(0), at(60), at(120)]
    assert drawn(0.0, 0.0).seconds
    assert not drawn(*[0.0] * 10).seconds
    assert [tick.anchor for tick in drawn(0.0).ticks] == ["end"]


def test_without_values_there_is_the_limit_and_nothing_else() -> None:
    picture = plot([], [], TENTH)
    assert (picture.strokes, picture.ticks, picture.worst, picture.seconds) == ((), (), None, False)
    assert TOP < picture.limit < BOTTOM


@given(
    values=st.lists(st.none() | st.floats(0, 1), max_size=40),
    limit=st.builds(Limit, st.floats(0, 1), st.sampled_from(Side), st.booleans(), st.just(1.0)),
)
def test_whatever_the_values_the_line_stays_in_the_frame_and_every_piece_on_its_side(
    values: list[Value], limit: Limit
) -> None:
    picture = plot(times(len(values)), values, limit)
    for stroke in picture.strokes:
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", stroke.path + stroke.area)]
        assert all(LEFT <= x <= RIGHT for x in numbers[::2])
        assert all(TOP <= y <= BOTTOM for y in numbers[1::2])
    for chunk in chunks(places(times(len(values))), values):
        pieces = list(runs(chunk, limit))
        inner = [(value, beyond) for run, beyond in pieces for _, value in run if value != limit.value]
        assert all(limit.beyond(value) is beyond for value, beyond in inner)
        assert [beyond for _, beyond in pieces] == [pieces[0][1] ^ bool(n % 2) for n in range(len(pieces))]
