"""When a branch is open: weekly periods in its own time zone, less the days on which it is closed."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PERIOD = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? +(\d\d):(\d\d)-(\d\d):(\d\d)")
_EXAMPLE = 'should be days and times like "mon-fri 08:30-17:30"'
_MIDNIGHT = 24 * 60


@dataclass(frozen=True, slots=True)
class Period:
    """Open on some weekdays between two times of day.

    Attributes:
        days: 0 is Monday; the day on which it opens.
        opens, closes: minutes since that day's midnight; `closes` may lie on the next day (up to 48 h).
    """

    days: frozenset[int]
    opens: int
    closes: int


def parse_period(text: str) -> Period:
    """`mon-fri 08:30-17:30`, `sat 09:00-12:00`, `fri-sun 22:00-06:00` (until the next morning), `mon-sun 00:00-24:00`.

    Raises:
        ValueError: it is nothing of the kind; the message says how it should look.
    """
    found = _PERIOD.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(_EXAMPLE)
    first, last = found[1], found[2] or found[1]
    if first not in DAYS or last not in DAYS:
        raise ValueError(f"{_EXAMPLE}; the days are {', '.join(DAYS)}")
    opens, closes = _minutes(found[3], found[4]), _minutes(found[5], found[6])
    if opens == _MIDNIGHT:
        raise ValueError(f"{_EXAMPLE}; nothing opens at 24:00, write 00:00 of the next day")
    if opens == closes:
        raise ValueError(f"{_EXAMPLE}; it closes as it opens, the whole day is 00:00-24:00")
    begin, length = DAYS.index(first), (DAYS.index(last) - DAYS.index(first)) % 7
    days = frozenset((begin + n) % 7 for n in range(length + 1))
    return Period(days, opens, closes if closes > opens else closes + _MIDNIGHT)


def _minutes(hours: str, minutes: str) -> int:
    total = int(hours) * 60 + int(minutes)
    if int(minutes) >= 60 or total > _MIDNIGHT:  # noqa: PLR2004 - an hour has sixty minutes
        raise ValueError(f"{_EXAMPLE}; times go from 00:00 to 24:00")
    return total


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """The week of one office.

    Attributes:
        zone: its wall clock.
        periods: open in any of them.
        closed: days (of that clock) on which nothing opens; what opened the evening before still closes as it should.
    """

    zone: ZoneInfo
    periods: tuple[Period, ...]
    closed: frozenset[date] = frozenset()

    def is_open(self, instant: datetime) -> bool:
        """Whether it is open at an instant (with a zone)."""
        local = instant.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today, yesterday = local.date(), local.date() - timedelta(days=1)
        for period in self.periods:
            if today not in self.closed and local.weekday() in period.days and period.opens <= minute < period.closes:
                return True
            late = minute + _MIDNIGHT
            if yesterday not in self.closed and yesterday.weekday() in period.days and late < period.closes:
                return True
        return False
