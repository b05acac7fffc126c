"""What is known of a published number without asking anybody: it comes from the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from telephony.calls.record import Kind
from telephony.config import Config, Number
from telephony.standard.calendar import Calendar


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
    hours: Calendar | None


@dataclass(frozen=True, slots=True)
class Directory:
    """Published numbers by what is dialled."""

    numbers: Mapping[str, Published] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> Self:
        """What the configuration says."""
        calendars = config.calendars()
        of_queues = {name: hours for (kind, name, _), hours in config.hours_of().items() if kind is Kind.QUEUE}

        def published(number: Number) -> Published:
            hours = number.hours or of_queues.get(number.queue or "")
            return Published(number.queue, number.priority, calendars[hours] if hours else None)

        return cls({number.dialled: published(number) for number in config.number})

    def look_up(self, dialled: str, default_queue: str, now: datetime) -> Routing:
        """Where a caller of this number goes now; one that is not published goes where the dialplan says, any time."""
        number = self.numbers.get(dialled)
        if number is None:
            return Routing(default_queue)
        is_open = number.hours is None or number.hours.is_open(now)
        return Routing(number.queue or default_queue, number.priority, is_open)
