"""Stretches of time as the site's clock has them: quarters of an hour, hours, days and months. Reads no clock.

They are cut where the wall clock begins a new one, so a day of a changing clock has 23 or 25 hours, and an hour that
the clock goes through twice is two. The first and the last are as short as what was asked for leaves them.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)
"""Every offset from UTC since `EARLIEST` is a whole number of these."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Step(StrEnum):
    """How long an interval is."""

    QUARTER = "15m"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class TooManyIntervals(ValueError):  # noqa: N818 - what they are
    """More than may be had at once."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals that lie end to end.

    Attributes:
        bounds: the beginning of each and the end of the last, rising, UTC; each begins with its bound and ends before
            the next.
    """

    bounds: tuple[datetime, ...]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def since(self) -> datetime:
        """The beginning of the first."""
        return self.bounds[0]

    @property
    def until(self) -> datetime:
        """The end of the last."""
        return self.bounds[-1]

    def of(self, instant: datetime) -> int | None:
        """The number of the interval in which an instant lies; None outside all."""
        number = bisect_right(self.bounds, instant) - 1
        return number if 0 <= number < len(self) else None

    def during(self, since: datetime, until: datetime) -> range:
        """The numbers of the intervals that have an instant of since <= t < until."""
        first = max(0, bisect_right(self.bounds, since) - 1)
        return range(first, min(len(self), bisect_left(self.bounds, until)))


def cut(since: datetime, until: datetime, step: Step | None, zone: ZoneInfo, most: int) -> Intervals:
    """The intervals from `since` up to `until`.

    Args:
        since: aware; not before `EARLIEST`.
        until: aware; not after `LATEST`.
        step: of the wall clock of `zone`; None: one interval, all of it.
        zone: the site's.
        most: so many may be had.

    Raises:
        TooManyIntervals: they are more.
        ValueError: nothing lies between, or it is out of all bounds; the message says so to who asked.
    """
    if since >= until:
        raise ValueError("ends before it begins, or at once")
    if since < EARLIEST or until > LATEST:
        raise ValueError(f"should lie between the years {EARLIEST.year} and {LATEST.year}")
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    bounds = [since]
    while step is not None and (next_ := after(bounds[-1], step, zone)) < until:
        if len(bounds) >= most:
            raise TooManyIntervals(f"is more than {most:,} intervals of {step}")
        bounds.append(next_)
    return Intervals((*bounds, until))


def after(instant: datetime, step: Step, zone: ZoneInfo) -> datetime:
    """When the next interval begins, UTC; the instant is in UTC."""
    if step is Step.QUARTER:
        return _quarter(instant)
    if step is Step.HOUR:
        hour, next_ = _hour(instant, zone), _quarter(instant)
        while _hour(next_, zone) == hour:
            next_ += QUARTER
        return next_
    day = instant.astimezone(zone).date()
    while (next_ := midnight(day := _following(day, step), zone)) <= instant:
        pass  # it has begun already: the clock was put back behind that midnight
    return next_


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins on the wall clock, UTC; where it has no midnight, when the clock was put forward."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _following(day: date, step: Step) -> date:
    if step is Step.DAY:
        return day + timedelta(days=1)
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _quarter(instant: datetime) -> datetime:
    """The next begin of a quarter of an hour."""
    return instant + QUARTER - (instant - _EPOCH) % QUARTER


def _hour(instant: datetime, zone: ZoneInfo) -> tuple[date, int, timedelta | None]:
    """Which hour of the wall clock it is; one that comes twice is two."""
    local = instant.astimezone(zone)
    return local.date(), local.hour, local.utcoffset()
