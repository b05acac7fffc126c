"""When somebody should be there: the week of an office, less public holidays, with the days made up for them.

Nothing here reads a clock or knows a holiday: days off and days made up are handed in (`telephony.publicholidays` asks
a library for them), and so is the instant that is asked about.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import count, takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from telephony.standard.hours import DAYS, Period, Times, week_of

SATURDAY = DAYS.index("sat")
ONE_DAY = timedelta(days=1)
LOOK_AHEAD = 400
"""Days in which something must open; what opens less than once a year is as good as closed for ever."""


class Why(StrEnum):
    """What decides a day, the strongest first."""

    CLOSED = "closed"
    """The configuration closes it."""
    OPENED = "opened"
    """The configuration opens it."""
    HOLIDAY = "holiday"
    """A public holiday, or the weekend that it makes longer."""
    MADE_UP = "made up"
    """A day of a weekend that is worked for a holiday."""
    WEEK = "week"
    """A day like any other of its name."""


class CalendarDay(NamedTuple):
    """One day as the calendar sees it.

    Attributes:
        day: the date.
        why: what decides it.
        times: when it is open; nothing: closed.
        name: of the holiday, as its country calls it; else empty.
    """

    day: date
    why: Why
    times: tuple[Times, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """The public holidays of a country. See `public_holidays`.

    Attributes:
        off: days off by date, with the name of the holiday; weekends that touch one are among them.
        made_up: Saturdays and Sundays that are worked for it.
        known: years for which the government has said which days these are.
    """

    off: Mapping[date, str]
    made_up: frozenset[date]
    known: frozenset[int]


def public_holidays(off: Mapping[date, str], made_up: frozenset[date], known: frozenset[int]) -> PublicHolidays:
    """Days off with the weekends that they touch.

    A notice of the State Council counts these in (`2月15日至23日`), a list of holidays does not; who works on weekends
    needs to know. A day of a weekend belongs to a holiday when it lies beside a day off, and is not made up for it.
    """
    longer = dict(off)
    for day in off:
        for step in (-ONE_DAY, ONE_DAY):
            beside = takewhile(lambda one: one.weekday() >= SATURDAY, (day + step * n for n in count(1)))
            for one in takewhile(lambda one: one not in made_up, beside):
                longer.setdefault(one, off[day])
    return PublicHolidays(longer, made_up, known)


@dataclass(frozen=True, slots=True)
class Calendar:
    """When one office is open.

    Attributes:
        zone: its wall clock.
        periods: the week.
        closed: days (of that clock) on which nothing opens; what opened the evening before still closes as it should.
        opened: days that are open otherwise than their weekday says, and when; also on public holidays.
        holidays: days on which nothing opens, either, and days that are made up; None: there are none.
        make_up: the weekday (0 is Monday) like which a made-up day is worked; None: it is a weekend like any other.
    """

    zone: ZoneInfo
    periods: tuple[Period, ...]
    closed: frozenset[date] = frozenset()
    opened: Mapping[date, tuple[Times, ...]] = field(default_factory=dict)
    holidays: PublicHolidays | None = None
    make_up: int | None = 0

    def day(self, day: date) -> CalendarDay:
        """What a day is, and when it is open."""
        if day in self.closed:
            return CalendarDay(day, Why.CLOSED, ())
        if day in self.opened:
            return CalendarDay(day, Why.OPENED, self.opened[day])
        if self.holidays is not None:
            if day in self.holidays.off:
                return CalendarDay(day, Why.HOLIDAY, (), self.holidays.off[day])
            if day in self.holidays.made_up and self.make_up is not None:
                return CalendarDay(day, Why.MADE_UP, week_of(self.periods, self.make_up))
        return CalendarDay(day, Why.WEEK, week_of(self.periods, day.weekday()))

    def is_open(self, instant: datetime) -> bool:
        """Whether it is open at an instant (with a zone)."""
        today = instant.astimezone(self.zone).date()
        return any(
            opens <= instant < closes for day in (today - ONE_DAY, today) for opens, closes in self.openings(day)
        )

    def next_working_time(self, instant: datetime) -> datetime | None:
        """The first instant (UTC) from this one on at which it is open: this one, or when it opens next.

        By then somebody can call back who rang when nobody was there (STD-FIRST-ASKED). None when nothing opens within
        `LOOK_AHEAD` days.
        """
        today = instant.astimezone(self.zone).date()
        for ahead in range(-1, LOOK_AHEAD):
            times = self.openings(today + timedelta(days=ahead))
            if starts := [max(opens, instant) for opens, closes in times if closes > instant]:
                return min(starts).astimezone(UTC)
        return None

    def unknown_from(self, day: date) -> date | None:
        """The first day from this one on whose public holidays nobody has told; None: there are none to know.

        On such days the week is followed, but for the days that the library derives from the law.
        """
        if self.holidays is None:
            return None
        year = day.year
        while year in self.holidays.known:
            year += 1
        return max(day, date(year, 1, 1))

    def openings(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """From when to when (UTC) it is open from that day on, in order.

        A time that the clocks skip or show twice is taken as RFC 5545 has it: the clock of before the change counts.
        """
        midnight = datetime.combine(day, time())
        for opens, closes in self.day(day).times:
            yield self._instant(midnight, opens), self._instant(midnight, closes)

    def _instant(self, midnight: datetime, minutes: int) -> datetime:
        return (midnight + timedelta(minutes=minutes)).replace(tzinfo=self.zone).astimezone(UTC)
