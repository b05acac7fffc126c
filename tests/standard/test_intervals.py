"""Intervals of the site's wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.standard.intervals import Step, TooManyIntervals, cut
from tests.support.days import SHANGHAI, o_clock

BERLIN, HAVANA, APIA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Havana"), ZoneInfo("Pacific/Apia")
LORD_HOWE, KATHMANDU = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")
ZONES = (SHANGHAI, BERLIN, HAVANA, APIA, LORD_HOWE, KATHMANDU, ZoneInfo("UTC"))
MANY = 10_000


def hours(zone: ZoneInfo, first: str, last: str, step: Step) -> list[float]:
    """The lengths in hours of the intervals between two local midnights."""
    found = cut(o_clock("00:00", zone, first), o_clock("00:00", zone, last), step, zone, MANY)
    return [(end - begin) / timedelta(hours=1) for begin, end in pairwise(found.bounds)]


def test_a_day_of_the_site_begins_at_its_midnight() -> None:
    found = cut(o_clock("00:00"), o_clock("00:00", day="2026-03-05"), Step.DAY, SHANGHAI, MANY)
    assert [f"{bound:%d %H:%M}" for bound in found.bounds] == ["01 16:00", "02 16:00", "03 16:00", "04 16:00"]


@pytest.mark.parametrize(
    ("day", "after", "length"), [("2026-03-29", "2026-03-30", 23), ("2026-10-25", "2026-10-26", 25)]
)
def test_where_clocks_change_a_day_has_23_or_25_hours(day: str, after: str, length: int) -> None:
    assert hours(BERLIN, day, after, Step.DAY) == [length]
    assert hours(BERLIN, day, after, Step.HOUR) == [1] * length
    assert hours(BERLIN, day, after, Step.QUARTER) == [0.25] * 4 * length


def test_months_are_those_of_the_calendar() -> None:
    days = [length / 24 for length in hours(SHANGHAI, "2027-11-01", "2028-04-01", Step.MONTH)]
    assert days == [30, 31, 31, 29, 31]


def test_the_first_and_the_last_are_as_short_as_is_left() -> None:
    found = cut(o_clock("09:07:30"), o_clock("11:20"), Step.HOUR, SHANGHAI, MANY)
    minutes = [(end - begin) / timedelta(minutes=1) for begin, end in pairwise(found.bounds)]
    assert minutes == [52.5, 60, 20]


def test_without_a_step_it_is_one_interval() -> None:
    found = cut(o_clock("09:07"), o_clock("11:20", day="2027-01-01"), None, SHANGHAI, 1)
    assert (len(found), found.since, found.until) == (1, o_clock("09:07"), o_clock("11:20", day="2027-01-01"))


def test_an_interval_has_its_beginning_and_not_its_end() -> None:
    found = cut(o_clock("09:00"), o_clock("11:00"), Step.HOUR, SHANGHAI, MANY)
    tick = timedelta(microseconds=1)
    asked = ["09:00", "10:00", "11:00"]
    assert [found.of(o_clock(text)) for text in asked] == [0, 1, None]
    assert [found.of(o_clock(text) - tick) for text in asked] == [None, 0, 1]


def test_more_than_may_be_had_are_refused_before_they_are_made() -> None:
    assert len(cut(o_clock("00:00"), o_clock("10:00"), Step.HOUR, SHANGHAI, 10)) == 10
    with pytest.raises(TooManyIntervals, match="is more than 10 intervals of hour"):
        cut(o_clock("00:00"), o_clock("10:00:01"), Step.HOUR, SHANGHAI, 10)


@pytest.mark.parametrize(
    ("since", "until"),
    [("2026-01-02T00:00", "2026-01-02T00:00"), ("2026-01-02T00:00", "2026-01-01T00:00"),
     ("1999-12-31T23:59", "2026-01-01T00:00"), ("2026-01-01T00:00", "9999-01-01T00:00")],
)  # fmt: skip
def test_what_is_no_stretch_of_time_is_refused(since: str, until: str) -> None:
    with pytest.raises(ValueError, match=r"ends before|should lie"):
        cut(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (since, until)), Step.DAY, SHANGHAI, MANY)


def test_a_day_without_midnight_begins_when_the_clock_is_put_forward() -> None:
    assert hours(HAVANA, "2026-03-07", "2026-03-10", Step.DAY) == [24, 23, 24]


def test_a_midnight_that_comes_twice_is_the_first_one() -> None:
    assert hours(HAVANA, "2026-10-31", "2026-11-03", Step.DAY) == [24, 25, 24]


def test_a_clock_that_is_put_back_over_midnight_begins_no_day_twice() -> None:
    zone = ZoneInfo("America/St_Johns")  # at 00:01 it was 23:01 again
    again = datetime(2010, 11, 6, 23, 30, tzinfo=zone, fold=1)
    found = cut(again, o_clock("00:00", zone, "2010-11-09"), Step.DAY, zone, MANY)
    assert [f"{bound.astimezone(zone):%d %H:%M}" for bound in found.bounds] == ["06 23:30", "08 00:00", "09 00:00"]
    whole = cut(o_clock("00:00", zone, "2010-11-06"), again, Step.DAY, zone, MANY)
    assert len(whole) == 2


def test_a_day_that_the_site_skipped_is_no_interval() -> None:
    assert hours(APIA, "2011-12-29", "2012-01-01", Step.DAY) == [24, 24]


def test_half_an_hour_that_is_skipped_or_comes_twice_is_no_interval_too_many() -> None:
    assert sum(hours(LORD_HOWE, "2026-10-04", "2026-10-05", Step.HOUR)) == 23.5
    assert sum(hours(LORD_HOWE, "2026-04-05", "2026-04-06", Step.HOUR)) == 24.5


def test_hours_are_those_of_the_wall_clock_however_far_it_is_from_utc() -> None:
    found = cut(o_clock("09:10", KATHMANDU), o_clock("11:00", KATHMANDU), Step.HOUR, KATHMANDU, MANY)
    assert [f"{bound.astimezone(KATHMANDU):%H:%M}" for bound in found.bounds] == ["09:10", "10:00", "11:00"]


@given(
    zone=st.sampled_from(ZONES),
    step=st.sampled_from(Step),
    since=st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=40)),
)
def test_intervals_lie_end_to_end_and_every_instant_is_in_one(
    zone: ZoneInfo, step: Step, since: datetime, length: timedelta
) -> None:
    found = cut(since, since + length, step, zone, MANY)
    assert (found.since, found.until) == (since, since + length)
    assert all(begin < end for begin, end in pairwise(found.bounds))
    assert all(found.of(begin) == number for number, begin in enumerate(found.bounds[:-1]))
    for bound in found.bounds[1:-1]:
        local = bound.astimezone(zone)
        if step is Step.MONTH:
            assert local.day == 1
        if step is Step.DAY:
            before = (bound - timedelta(microseconds=1)).astimezone(zone)
            assert local.date() > before.date()
