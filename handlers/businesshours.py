"""When somebody should be at each published queue and line, and until when that is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version

import structlog

from telephony.config import Config
from telephony.metrics import NO_BRANCH, HoursGauges
from telephony.standard.calendar import Calendar

TOLD_BEFORE = timedelta(days=45)
"""So long before unknown holidays begin they are told of: the State Council says in November what next year will be."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Hours that follow public holidays which nobody knows yet. `since`: the first such day."""

    hours: tuple[str, ...]
    since: date

    @property
    def what(self) -> str:
        """Without a full stop."""
        days = "which days are off, and which weekends are worked for them"
        return f"hours {', '.join(map(repr, self.hours))}: {days}, is not known from {self.since} on"

    @property
    def remedy(self) -> str:
        """What to do."""
        newer = f"a newer version of the Python package holidays than {version('holidays')}"
        return (
            f"install {newer}; until there is one, write the days that the State Council names into closed and opened"
        )


def unknown(calendars: Mapping[str, Calendar], today: date) -> list[Unknown]:
    """The hours whose holidays are unknown, now or soon, by the first such day. `today`: of their clock."""
    found: dict[date, list[str]] = {}
    for name, calendar in calendars.items():
        since = calendar.unknown_from(today)
        if since is not None and since - today <= TOLD_BEFORE:
            found.setdefault(since, []).append(name)
    return [Unknown(tuple(names), since) for since, names in found.items()]


class BusinessHours:
    """What Prometheus is told of opening hours.

    Args:
        config: checked.
        now: the wall clock.
    """

    def __init__(self, config: Config, now: Callable[[], datetime]) -> None:
        self._now = now
        self.take(config)

    def take(self, config: Config) -> None:
        """From now on, these; holidays that are not known are told, once."""
        self._zone = config.zone
        self._calendars = config.calendars()
        self._published = {
            (branch or NO_BRANCH, name, kind.value): hours for (kind, name, branch), hours in config.hours_of().items()
        }
        today = self._now().astimezone(self._zone).date()
        for one in unknown(self._calendars, today):  # a date would be masked in the log, as it looks like a number
            days = (one.since - today).days
            log.warning("holidays_not_known", hours=one.hours, year=one.since.year, in_days=days, remedy=one.remedy)

    def gauges(self) -> HoursGauges:
        """Now."""
        now = self._now()
        today = now.astimezone(self._zone).date()
        is_open = {name: self._calendars[name].is_open(now) for name in set(self._published.values())}
        known = {name: calendar.unknown_from(today) for name, calendar in self._calendars.items()}
        return HoursGauges(
            open={labels: is_open[hours] for labels, hours in self._published.items()},
            known_days={name: (since - today).days for name, since in known.items() if since is not None},
        )
