"""What falls due when: a clock that only moves when it is told to, and the threads that wait for it. Pure.

Times are whole microseconds since 1970, as Asterisk stamps them.
"""

import heapq
from collections.abc import Callable, Generator
from itertools import count
from typing import TypeAlias, TypeVar

SECOND = 1_000_000
"""In the units of a timeline."""

T = TypeVar("T")
Running: TypeAlias = Generator[int | None, bool | None, T]
"""The body of a thread. It yields until when it waits (None: until it is woken) and gets whether it was woken."""


class Due:
    """Something that will happen, unless it is called off."""

    __slots__ = ("_action", "when")

    def __init__(self, when: int, action: Callable[[], None]) -> None:
        self.when = when
        self._action: Callable[[], None] | None = action

    @property
    def off(self) -> bool:
        """It was called off, or has happened."""
        return self._action is None

    def call_off(self) -> None:
        """It will not happen."""
        self._action = None

    def happen(self) -> None:
        """It happens now, once."""
        action, self._action = self._action, None
        if action is not None:
            action()


class Timeline:
    """Everything that will happen, in order; what is due at the same instant, in the order in which it was asked for.

    Attributes:
        now: the present instant.
    """

    def __init__(self, start: int) -> None:
        self.now = start
        self._dues: list[tuple[int, int, Due]] = []
        self._count = count()

    @property
    def next(self) -> int | None:
        """When the next thing falls due; None: nothing will ever happen."""
        while self._dues and self._dues[0][2].off:
            heapq.heappop(self._dues)
        return self._dues[0][0] if self._dues else None

    def at(self, when: int, action: Callable[[], None]) -> Due:
        """Let something happen then; what lies in the past happens next."""
        due = Due(max(when, self.now), action)
        heapq.heappush(self._dues, (due.when, next(self._count), due))
        return due

    def after(self, seconds: float, action: Callable[[], None]) -> Due:
        """Let something happen so many seconds from now."""
        return self.at(self.now + round(seconds * SECOND), action)

    def advance(self, until: int) -> None:
        """Let everything happen that falls due up to this instant, and what follows from it."""
        while (when := self.next) is not None and when <= until:
            self.now = max(self.now, when)
            heapq.heappop(self._dues)[2].happen()
        self.now = max(self.now, until)


class Thread:
    """A body that waits, is woken, and goes on; begins at once.

    Nobody is told what he was woken for: he looks around. So it does no harm to be woken twice.
    """

    def __init__(self, timeline: Timeline, body: Running[None]) -> None:
        self._timeline, self._body = timeline, body
        self._begun = self._woken = self.over = False
        self._due: Due | None = timeline.at(timeline.now, self._resume)

    def wake(self) -> None:
        """Let it look around now."""
        if self.over or self._woken:
            return
        self._woken = True
        if self._due is not None:
            self._due.call_off()
        self._due = self._timeline.at(self._timeline.now, self._resume)

    def _resume(self) -> None:
        woken, self._woken = self._woken, False
        try:
            until = self._body.send(woken if self._begun else None)
        except StopIteration:
            self.over = True
            return
        self._begun = True
        if not self._woken:  # else it woke itself, and is in the timeline already
            self._due = None if until is None else self._timeline.at(until, self._resume)
