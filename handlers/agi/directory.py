"""What is known of a published number without asking anybody: it comes from the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from telephony.config import Config
from telephony.standard.hours import OpeningHours


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a caller goes.

    Attributes:
        queue: a queue's name; empty: nobody said.
        priority: 0 and up; callers with a higher one are served first.
        open: somebody should be there now.
    """

    queue: str
    priority: int = 0
    open: bool = True


@dataclass(frozen=True, slots=True)
class Published:
    """One `[[number]]`."""

    queue: str | None
    priority: int
    hours: OpeningHours | None


@dataclass(frozen=True, slots=True)
class Directory:
    """Published numbers by what is dialled."""

    numbers: Mapping[str, Published] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> Self:
        """What the configuration says."""
        hours = config.opening_hours()
        return cls(
            {
                number.dialled: Published(number.queue, number.priority, hours[number.hours] if number.hours else None)
                for number in config.number
            }
        )

    def look_up(self, dialled: str, default_queue: str, now: datetime) -> Routing:
        """Where a caller of this number goes now; one that is not published goes where the dialplan says, any time."""
        number = self.numbers.get(dialled)
        if number is None:
            return Routing(default_queue)
        is_open = number.hours is None or number.hours.is_open(now)
        return Routing(number.queue or default_queue, number.priority, is_open)
