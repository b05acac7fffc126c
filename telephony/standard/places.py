"""The sums of the day of every queue and line: whole, and by the quarter of an hour.

Coarser than a branch's, because there may be thousands. What makes up names cannot fill the memory: beyond `MAX_PLACES`
names, and for phones that are no `[[line]]` (an interface may hold a number that somebody dialled), calls are counted
together, so that the sum over all places is the sum of the day.
"""

from array import array
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from itertools import accumulate
from typing import NamedTuple

from telephony.calls.record import Kind
from telephony.standard.figures import Figures

QUARTER = timedelta(minutes=15)
HOUR = 4
"""Quarters: a point of a place's line is the value over the calls that ended in so many before it."""
MAX_PLACES = 4_000
"""Queues and lines with figures of their own: 200 queues at each of 20 PBXs. Each takes some 10 kB."""
NOTHING = Figures()


class Place(NamedTuple):
    """A queue or a line; `name` None: all that have no figures of their own."""

    kind: Kind
    name: str | None


class Quarters:
    """The sums of one place, whole and by quarters of an hour since midnight.

    Args:
        quarters: of the day.
        first: the first in which a call is counted.
    """

    def __init__(self, quarters: int, first: int) -> None:
        self.total = [0] * len(Figures._fields)
        self.first = first
        self._sums = tuple(array("q", bytes(8 * quarters)) for _ in Figures._fields)

    def count(self, figures: Figures, quarter: int, sign: int) -> None:
        """Put a call in (sign 1), or take it out (-1)."""
        self.first = min(self.first, quarter)
        for index, number in enumerate(figures):
            if number:
                self.total[index] += sign * number
                self._sums[index][quarter] += sign * number

    def hours(self, until: int) -> list[Figures]:
        """The sums over the last hour at the end of each quarter, from the first to before `until`; none before."""
        columns = []
        for sums in self._sums:
            so_far = list(accumulate(sums[self.first : until], initial=0))
            columns.append([so_far[n] - so_far[max(0, n - HOUR)] for n in range(1, len(so_far))])
        return list(map(Figures._make, zip(*columns, strict=True)))


class Places:
    """Every queue and line in which calls ended today.

    Args:
        queues, lines: names that have figures of their own in any case; no other lines do.
        quarters: of the day.
        most: so many places at most.
    """

    def __init__(self, queues: Collection[str], lines: Collection[str], quarters: int, most: int = MAX_PLACES) -> None:
        self._lines, self._quarters, self._most = frozenset(lines), quarters, most
        own = [Place(Kind.QUEUE, name) for name in queues] + [Place(Kind.DIRECT, name) for name in self._lines]
        self._own = frozenset(own)
        self._of: dict[Place, Quarters] = {}
        self._learnt = 0

    def place(self, kind: Kind | None, name: str | None) -> Place:
        """Where a call that sought this first is counted."""
        wanted = Place(kind or Kind.DIRECT, name)
        if wanted in self._of or wanted in self._own:
            return wanted
        if wanted.kind is Kind.DIRECT or name is None or self._learnt + len(self._own) >= self._most:
            return Place(wanted.kind, None)
        return wanted

    def count(self, place: Place, figures: Figures, quarter: int, sign: int) -> None:
        """Put a call in (sign 1), or take it out (-1)."""
        known = self._of.get(place)
        if known is None:
            self._learnt += place not in self._own and place.name is not None
            known = self._of[place] = Quarters(self._quarters, quarter)
        known.count(figures, quarter, sign)

    def __iter__(self) -> Iterator[Place]:
        """Those in which a call was counted."""
        return iter(self._of)

    def figures(self, place: Place) -> Figures:
        """The sums of the day; of a place without calls, zeros."""
        known = self._of.get(place)
        return NOTHING if known is None else Figures._make(known.total)

    def hours(self, place: Place, until: int) -> Mapping[int, Figures]:
        """The sums over the last hour, by the quarter at whose end, before `until`."""
        known = self._of.get(place)
        return {} if known is None else dict(enumerate(known.hours(until), known.first))
