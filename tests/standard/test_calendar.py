"""Weeks, holidays and the weekends worked for them; what opens next; clocks that change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.standard.calendar import LOOK_AHEAD, Calendar, PublicHolidays, Why, public_holidays
from telephony.standard.hours import MIDNIGHT, parse_period

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
OCT_1, OCT_9, OCT_10 = date(2026, 10, 1), date(2026, 10, 9), date(2026, 10, 10)
HOLIDAYS = public_holidays(
    {date(2026, 10, n): "国庆节" for n in (1, 2, 5, 6, 7)},  # the 3rd and 4th are a weekend
    frozenset({date(2026, 9, 20), OCT_10}),
    frozenset({2026}),
)


def week(*periods: str, zone: ZoneInfo = SHANGHAI) -> Calendar:
    return Calendar(zone, tuple(map(parse_period, periods)))


def observing(*periods: str, make_up: int | None = 0, closed: frozenset[date] = frozenset()) -> Calendar:
    return Calendar(SHANGHAI, tuple(map(parse_period, periods)), closed, {}, HOLIDAYS, make_up)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def shown(instant: datetime | None, zone: ZoneInfo = SHANGHAI) -> str:
    assert instant is not None
    assert instant.tzinfo is UTC
    return instant.astimezone(zone).strftime("%a %Y-%m-%d %H:%M")


def test_nothing_opens_on_a_public_holiday_nor_on_the_weekend_within_it() -> None:
    every_day = observing("mon-sun 09:00-18:00")
    assert [every_day.day(date(2026, 10, n)).why for n in range(1, 9)] == [Why.HOLIDAY] * 7 + [Why.WEEK]
    assert not every_day.is_open(at("2026-10-03T12:00"))
    assert every_day.day(date(2026, 10, 4)).name == "国庆节"
    assert every_day.is_open(at("2026-10-08T12:00"))


def test_without_holidays_they_are_days_like_any_other() -> None:
    assert week("mon-fri 09:00-18:00").is_open(at("2026-10-01T12:00"))


def test_a_weekend_that_is_made_up_is_worked_like_a_monday_or_the_day_that_is_named() -> None:
    periods = ("mon-thu 08:30-17:30", "fri 08:30-12:00", "sat 10:00-11:00")
    assert observing(*periods).day(OCT_10)[1:3] == (Why.MADE_UP, ((510, 1050),))
    assert observing(*periods, make_up=4).day(OCT_10)[1:3] == (Why.MADE_UP, ((510, 720),))
    assert observing(*periods).is_open(at("2026-09-20T17:29"))  # a Sunday


def test_who_makes_up_nothing_has_a_weekend_like_any_other() -> None:
    saturday = observing("mon-fri 08:30-17:30", "sat 10:00-11:00", make_up=None).day(OCT_10)
    assert (saturday.why, saturday.times) == (Why.WEEK, ((600, 660),))


def test_what_the_configuration_says_of_a_day_is_stronger_than_any_holiday() -> None:
    calendar = Calendar(
        SHANGHAI,
        (parse_period("mon-fri 08:30-17:30"),),
        frozenset({OCT_9, OCT_10}),
        {OCT_1: ((540, 600),)},
        HOLIDAYS,
    )
    assert calendar.day(OCT_1)[1:3] == (Why.OPENED, ((540, 600),))
    assert calendar.is_open(at("2026-10-01T09:59"))
    assert not calendar.is_open(at("2026-10-01T10:00"))
    assert [calendar.day(day).why for day in (OCT_9, OCT_10)] == [Why.CLOSED, Why.CLOSED]
    assert not calendar.is_open(at("2026-10-10T12:00"))


def test_what_opened_on_the_eve_of_a_holiday_closes_as_it_should() -> None:
    night = observing("mon-sun 22:00-06:00")
    assert night.is_open(at("2026-10-01T05:59"))  # opened on the 30th
    assert not night.is_open(at("2026-10-01T06:00"))
    assert not night.is_open(at("2026-10-01T22:00"))
    assert not night.is_open(at("2026-10-08T05:59"))  # nothing opened on the 7th
    assert night.is_open(at("2026-10-08T22:00"))


# --- holidays ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("off", "made_up", "whole"),
    [
        ((date(2026, 6, 19),), (), (19, 20, 21)),  # Friday: with the weekend after it
        ((date(2026, 6, 22),), (), (20, 21, 22)),  # Monday: with the one before
        ((date(2026, 6, 20),), (), (20, 21)),  # Saturday
        ((date(2026, 6, 21),), (), (20, 21)),  # Sunday
        ((date(2026, 6, 17),), (), (17,)),  # Wednesday
        ((date(2026, 6, 19),), (date(2026, 6, 21),), (19, 20)),  # the Sunday is worked
        ((date(2026, 6, 19),), (date(2026, 6, 20),), (19,)),  # the Saturday is worked: the Sunday touches nothing
        ((date(2026, 6, 22),), (date(2026, 6, 20),), (21, 22)),
    ],
)
def test_a_holiday_takes_in_the_weekend_that_it_touches_but_no_day_that_is_made_up(
    off: tuple[date, ...], made_up: tuple[date, ...], whole: tuple[int, ...]
) -> None:
    known = public_holidays(dict.fromkeys(off, "端午节"), frozenset(made_up), frozenset())
    assert known.off == {date(2026, 6, day): "端午节" for day in whole}


def test_from_the_first_day_of_a_year_that_nobody_has_told_of_holidays_are_unknown() -> None:
    calendar = observing("mon-fri 08:30-17:30")
    assert calendar.unknown_from(date(2026, 11, 22)) == date(2027, 1, 1)
    assert calendar.unknown_from(date(2027, 3, 1)) == date(2027, 3, 1)
    assert calendar.unknown_from(date(2025, 3, 1)) == date(2025, 3, 1)
    assert week("mon-fri 08:30-17:30").unknown_from(date(2027, 3, 1)) is None


# --- what opens next --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("2026-11-20T12:00", "Fri 2026-11-20 12:00"),  # now
        ("2026-11-20T08:29", "Fri 2026-11-20 08:30"),  # the same morning
        ("2026-11-20T17:30", "Mon 2026-11-23 08:30"),  # over the weekend
        ("2026-09-30T17:30", "Thu 2026-10-08 08:30"),  # over a long holiday
        ("2026-10-09T17:30", "Sat 2026-10-10 08:30"),  # a weekend that is worked
        ("2026-10-10T17:30", "Mon 2026-10-12 08:30"),
    ],
)
def test_who_rang_when_nobody_was_there_is_called_back_when_it_opens_next(asked: str, answer: str) -> None:
    """STD-FIRST-ASKED."""
    assert shown(observing("mon-fri 08:30-17:30").next_working_time(at(asked))) == answer


def test_in_the_small_hours_the_night_before_is_still_open() -> None:
    night = week("fri 22:00-06:00", "sat 05:00-07:00")
    assert shown(night.next_working_time(at("2026-11-21T03:00"))) == "Sat 2026-11-21 03:00"
    assert shown(night.next_working_time(at("2026-11-20T07:00"))) == "Fri 2026-11-20 22:00"


def test_of_several_periods_the_first_to_come_counts() -> None:
    assert shown(week("mon 13:00-17:00", "mon 09:00-12:00").next_working_time(at("2026-11-23T08:00"))) == (
        "Mon 2026-11-23 09:00"
    )
    assert shown(week("mon 13:00-17:00", "mon 09:00-12:00").next_working_time(at("2026-11-23T12:00"))) == (
        "Mon 2026-11-23 13:00"
    )


def test_what_never_opens_again_gives_no_time() -> None:
    start = date(2026, 11, 22)
    closed = frozenset(start + timedelta(days=n) for n in range(LOOK_AHEAD + 1))
    assert observing("mon-sun 09:00-18:00", closed=closed).next_working_time(at("2026-11-22T12:00")) is None


# --- clocks that change -----------------------------------------------------------------------------------------------
# New York: 02:00 EST is 03:00 EDT on 8 March 2026; 02:00 EDT is 01:00 EST on 1 November 2026.


def test_an_office_opens_by_the_clock_on_its_wall_before_and_after_the_clocks_change() -> None:
    office = week("mon-fri 09:00-17:00", zone=NEW_YORK)
    for day, hour in ((6, 14), (9, 13)):  # UTC
        assert office.is_open(datetime(2026, 3, day, hour, tzinfo=UTC))
        assert not office.is_open(datetime(2026, 3, day, hour, tzinfo=UTC) - timedelta(microseconds=1))
    assert shown(office.next_working_time(at("2026-03-06T17:00", NEW_YORK)), NEW_YORK) == "Mon 2026-03-09 09:00"


def test_a_night_in_which_the_clocks_change_ends_by_the_clock_and_is_an_hour_shorter_or_longer() -> None:
    night = week("sat 22:00-06:00", zone=NEW_YORK)
    for eve, length in (("2026-03-07T22:00", 7), ("2026-10-31T22:00", 9)):
        opens = at(eve, NEW_YORK)
        minutes = [opens + timedelta(minutes=n) for n in range(-60, 11 * 60)]
        assert [one for one in minutes if night.is_open(one)] == [
            opens + timedelta(minutes=n) for n in range(length * 60)
        ]


def test_what_opens_at_a_time_that_the_clocks_skip_opens_as_if_they_had_not() -> None:
    early = week("sun 02:30-05:00", zone=NEW_YORK)
    opens = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)  # 02:30 EST, which is 03:30 EDT
    assert early.next_working_time(datetime(2026, 3, 8, tzinfo=UTC)) == opens
    assert not early.is_open(opens - timedelta(minutes=1))


def test_what_opens_at_a_time_that_comes_twice_opens_at_the_first() -> None:
    early = week("sun 01:30-05:00", zone=NEW_YORK)
    opens = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 01:30 EDT; 01:30 EST is an hour later
    assert early.next_working_time(datetime(2026, 11, 1, tzinfo=UTC)) == opens
    assert early.is_open(opens + timedelta(minutes=59))
    assert early.is_open(opens + timedelta(hours=1))


# --- properties -------------------------------------------------------------------------------------------------------

DATES = st.dates(date(2026, 9, 1), date(2026, 11, 30))
TIMES = st.tuples(st.integers(0, MIDNIGHT - 1), st.integers(1, MIDNIGHT)).map(lambda one: (one[0], one[0] + one[1]))
PERIODS = st.sampled_from(["mon-fri 08:30-17:30", "sat 09:00-12:00", "fri-sun 22:00-06:00", "sun 01:30-02:30"])
CALENDARS = st.builds(
    Calendar,
    st.sampled_from([SHANGHAI, NEW_YORK]),
    st.lists(PERIODS.map(parse_period), min_size=1, max_size=3).map(tuple),
    st.frozensets(DATES, max_size=5),
    st.dictionaries(DATES, st.lists(TIMES, min_size=1, max_size=2).map(tuple), max_size=3),
    st.sampled_from([None, HOLIDAYS, PublicHolidays({}, frozenset(), frozenset())]),
    st.sampled_from([None, 0, 4]),
)
INSTANTS = st.datetimes(datetime(2026, 9, 1), datetime(2026, 11, 30), timezones=st.just(UTC))  # noqa: DTZ001


@given(CALENDARS, INSTANTS)
def test_it_is_open_at_the_next_working_time_and_at_no_time_before(calendar: Calendar, instant: datetime) -> None:
    following = calendar.next_working_time(instant)
    assert following is not None
    assert calendar.is_open(following)
    assert (following == instant) == calendar.is_open(instant)
    step = (following - instant) / 50
    assert not any(calendar.is_open(instant + step * n) for n in range(50)) or following == instant
    if following > instant:
        assert not calendar.is_open(following - timedelta(microseconds=1))
