"""How opening hours are written: weekly periods, and single days that are worked otherwise."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIMES = r"(\d\d):(\d\d)-(\d\d):(\d\d)"
_PERIOD = re.compile(rf"([a-z]{{3}})(?:-([a-z]{{3}}))? +{_TIMES}")
_OPENING = re.compile(rf"(\d{{4}}-\d\d-\d\d) +(?:([a-z]{{3}})|{_TIMES})")
_EXAMPLE = 'should be days and times like "mon-fri 08:30-17:30"'
_OPENING_EXAMPLE = (
    'should be a date, and the weekday it is worked like or its times: "2026-10-10 fri", or "… 09:00-12:00"'
)
MIDNIGHT = 24 * 60

Times = tuple[int, int]
"""From when to when, in minutes since the midnight of the day on which it opens; it may close on the next (to 48 h)."""


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


@dataclass(frozen=True, slots=True)
class Opening:
    """A single day on which it is open otherwise than its weekday says.

    Attributes:
        day: the date.
        how: like which weekday (0 is Monday), or from when to when.
    """

    day: date
    how: int | Times


def parse_period(text: str) -> Period:
    """`mon-fri 08:30-17:30`, `sat 09:00-12:00`, `fri-sun 22:00-06:00` (until the next morning), `mon-sun 00:00-24:00`.

    Raises:
        ValueError: it is nothing of the kind; the message says how it should look.
    """
    found = _PERIOD.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(_EXAMPLE)
    first, last = _weekday(found[1], _EXAMPLE), _weekday(found[2] or found[1], _EXAMPLE)
    days = frozenset((first + n) % 7 for n in range((last - first) % 7 + 1))
    return Period(days, *_times(found.groups()[2:], _EXAMPLE))


def parse_opening(text: str) -> Opening:
    """`2026-10-10 fri` (worked like a Friday), or `2026-10-10 09:00-12:00` (open then and no longer).

    Raises:
        ValueError: it is nothing of the kind; the message says how it should look.
    """
    found = _OPENING.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(_OPENING_EXAMPLE)
    try:
        day = date.fromisoformat(found[1])
    except ValueError:
        raise ValueError(f"{_OPENING_EXAMPLE}; there is no {found[1]}") from None
    if found[2] is not None:
        return Opening(day, _weekday(found[2], _OPENING_EXAMPLE))
    return Opening(day, _times(found.groups()[2:], _OPENING_EXAMPLE))


def week_of(periods: Iterable[Period], weekday: int) -> tuple[Times, ...]:
    """When it is open on a weekday (0 is Monday), as the periods say."""
    return tuple((period.opens, period.closes) for period in periods if weekday in period.days)


def opened_days(openings: Iterable[Opening], periods: Sequence[Period]) -> dict[date, tuple[Times, ...]]:
    """When it is open on each of these days; several entries of one day add up."""
    days: dict[date, tuple[Times, ...]] = {}
    for opening in openings:
        how = opening.how
        times = week_of(periods, how) if isinstance(how, int) else (how,)
        days[opening.day] = (*days.get(opening.day, ()), *times)
    return days


def _weekday(word: str, example: str) -> int:
    if word not in DAYS:
        raise ValueError(f"{example}; the days are {', '.join(DAYS)}")
    return DAYS.index(word)


def _times(found: Sequence[str], example: str) -> Times:
    opens, closes = _minutes(found[0], found[1], example), _minutes(found[2], found[3], example)
    if opens == MIDNIGHT:
        raise ValueError(f"{example}; nothing opens at 24:00, write 00:00 of the next day")
    if opens == closes:
        raise ValueError(f"{example}; it closes as it opens, the whole day is 00:00-24:00")
    return opens, closes if closes > opens else closes + MIDNIGHT


def _minutes(hours: str, minutes: str, example: str) -> int:
    total = int(hours) * 60 + int(minutes)
    if int(minutes) >= 60 or total > MIDNIGHT:  # noqa: PLR2004 - an hour has sixty minutes
        raise ValueError(f"{example}; times go from 00:00 to 24:00")
    return total
