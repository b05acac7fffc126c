from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from telephony.standard.calendar import Calendar
from telephony.standard.hours import opened_days, parse_opening, parse_period

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def hours(*periods: str, closed: tuple[date, ...] = ()) -> Calendar:
    return Calendar(SHANGHAI, tuple(parse_period(period) for period in periods), frozenset(closed))


@pytest.mark.parametrize(
    ("when", "open_"),
    [
        ("2026-03-02T08:29:59", False),  # a Monday
        ("2026-03-02T08:30:00", True),
        ("2026-03-02T17:29:59", True),
        ("2026-03-02T17:30:00", False),
        ("2026-03-06T12:00:00", True),  # Friday
        ("2026-03-07T12:00:00", False),  # Saturday
        ("2026-03-07T09:30:00", True),
    ],
)
def test_an_office_is_open_from_the_first_minute_to_the_last_of_its_own_clock(when: str, open_: bool) -> None:
    assert hours("mon-fri 08:30-17:30", "Sat 09:00-12:00").is_open(at(when)) is open_


def test_what_opens_late_closes_the_next_morning() -> None:
    night = hours("fri-sun 22:00-06:00")

    assert night.is_open(at("2026-03-06T23:00:00"))
    assert night.is_open(at("2026-03-09T05:59:00"))  # Monday
    assert not night.is_open(at("2026-03-06T05:59:00"))  # Friday: nothing opened on Thursday
    assert not night.is_open(at("2026-03-07T06:00:00"))


def test_a_week_may_turn_over_sunday() -> None:
    assert hours("sat-mon 00:00-24:00").is_open(at("2026-03-02T23:59:59"))
    assert not hours("sat-mon 00:00-24:00").is_open(at("2026-03-03T00:00:00"))


def test_on_a_closed_day_nothing_opens_but_the_night_before_ends_as_it_should() -> None:
    holiday = hours("mon-sun 22:00-06:00", "mon-sun 09:00-12:00", closed=(date(2026, 10, 1),))

    assert holiday.is_open(at("2026-10-01T05:00:00"))
    assert not holiday.is_open(at("2026-10-01T10:00:00"))
    assert not holiday.is_open(at("2026-10-01T23:00:00"))
    assert not holiday.is_open(at("2026-10-02T05:00:00"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("always", "should be days and times"),
        ("mon-fri 8:30-17:30", "should be days and times"),
        ("mon-xyz 08:30-17:30", "the days are mon"),
        ("xyz 08:30-17:30", "the days are mon"),
        ("mon 08:60-17:30", "times go from"),
        ("mon 08:30-24:01", "times go from"),
        ("mon 24:00-06:00", "nothing opens at 24:00"),
        ("mon 09:00-09:00", "the whole day is 00:00-24:00"),
        ("mon-sun 00:00-00:00", "the whole day is 00:00-24:00"),
    ],
)
def test_what_is_no_period_says_how_it_should_look(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_period(text)


def test_a_single_day_is_worked_like_a_weekday_or_at_times_of_its_own() -> None:
    week = tuple(map(parse_period, ("mon-thu 08:30-17:30", "fri 08:30-12:00", "fri 13:00-16:00")))
    said = ("2026-10-10 fri", "2026-10-11 09:00-10:00", "2026-10-11 22:00-02:00", "2026-10-12 Sun")
    assert opened_days(map(parse_opening, said), week) == {
        date(2026, 10, 10): ((510, 720), (780, 960)),
        date(2026, 10, 11): ((540, 600), (1320, 1560)),
        date(2026, 10, 12): (),
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-10-10", "should be a date, and the weekday"),
        ("10.10.2026 fri", "should be a date, and the weekday"),
        ("2026-02-30 fri", "there is no 2026-02-30"),
        ("2026-10-10 xyz", "the days are mon"),
        ("2026-10-10 09:00-09:00", "the whole day is 00:00-24:00"),
        ("2026-10-10 09:00-25:00", "times go from"),
    ],
)
def test_what_is_no_single_day_says_how_it_should_look(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_opening(text)
