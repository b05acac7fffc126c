"""Callers who gave up, by their number: who of them was never reached afterwards.

Callers choose their numbers, so there may be any number of them: beyond `MOST` nothing is told at all, for a figure of
a part would pass for one of the whole.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from telephony.standard.measures_sums import NumberSums

WITHIN = timedelta(minutes=60)
"""A number is reached when he gets through, or is called back, so soon after he gave up, unless configured otherwise
(`final_lost_minutes`). Ours: no standard says it."""
MOST = 50_000
Cell = tuple[str | None, int]
"""A group, and the number of an interval."""


class Numbers:
    """Who gave up, and who was reached.

    Args:
        within: how soon he must be reached.
        most: so many numbers, each once in each group and interval, are remembered.
    """

    def __init__(self, within: timedelta = WITHIN, most: int = MOST) -> None:
        self.within = within
        self._most = most
        self._last: dict[str, dict[Cell, datetime]] = defaultdict(dict)
        self._reached: dict[str, list[datetime]] = defaultdict(list)
        self._size = 0
        self.overflowed = False
        """There were too many; nothing is told of any."""

    def gave_up(self, caller: str, at: datetime, cell: Cell) -> None:
        """A caller gave up; of several times in one interval the last counts. Who hides his number is nobody."""
        if not caller or self.overflowed:
            return
        cells = self._last[caller]
        if cell not in cells:
            self._size += 1
        cells[cell] = max(at, cells.get(cell, at))
        if self._size > self._most:
            self.overflowed = True
            self._last.clear()

    @property
    def callers(self) -> Collection[str]:
        """Whose numbers they are."""
        return self._last.keys()

    def reached(self, caller: str, at: datetime) -> None:
        """He got through, or was called back; of whomever it is told."""
        if caller in self._last:
            self._reached[caller].append(at)

    def settle(self, known_until: datetime) -> Iterator[tuple[Cell, NumberSums]]:
        """Each number in its group and interval, if what became of it is known by now.

        Args:
            known_until: everything up to here was told.
        """
        for caller, cells in self._last.items():
            reached = sorted(self._reached.get(caller, ()))
            for cell, at in cells.items():
                if at + self.within > known_until:
                    continue
                next_ = bisect_left(reached, at)
                found = next_ < len(reached) and reached[next_] <= at + self.within
                yield cell, NumberSums(gave_up=1, final_lost=int(not found))
