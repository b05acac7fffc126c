"""When a PBX was not heard, by its own clock: what queue_log alone tells of such a time is no wonder."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

ALWAYS = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)
REMEMBERED = 800
"""Together with the rest, a mark of the journal holds so many."""
MARGIN = timedelta(seconds=3)
"""Of whole seconds on one side, and of bytes that were under way on the other."""


class Unheard:
    """Stretches of time, at most `REMEMBERED`: of more, the oldest become one, for what was heard between is forgotten.

    Before anything was heard, nothing was.

    Attributes:
        gaps: how many ended so far.
    """

    def __init__(self) -> None:
        self.gaps = 0
        self._over: deque[tuple[datetime, datetime]] = deque()
        self._since: datetime | None = ALWAYS

    def lost(self, at: datetime) -> None:
        """From then on nothing is heard, if anything was."""
        if self._since is None:
            self._since = at

    def found(self, at: datetime) -> None:
        """From then on everything is."""
        if self._since is not None:
            self.gaps += 1
            self._remember(self._since, at)
            self._since = None

    def kept(self, since: datetime, heard: datetime) -> list[tuple[str, str]]:
        """What of this reaches behind an instant, for `restore`: of a process that dies, what is later is not heard.

        Args:
            since: earlier is forgotten.
            heard: the PBX was heard up to now, if it is heard.
        """
        spans = [*self._over, (self._since or heard, FOREVER)]
        return [(lost.isoformat(), found.isoformat()) for lost, found in spans if found >= since]

    def restore(self, kept: Sequence[Sequence[str]]) -> None:
        """Begin with what an earlier process knew, and not heard since.

        Raises:
            ValueError: this was never kept.
        """
        spans = [(datetime.fromisoformat(lost), datetime.fromisoformat(found)) for lost, found in kept]
        if not spans or any(moment.tzinfo is None for span in spans for moment in span):
            raise ValueError(kept)
        for lost, found in spans[:-1]:
            self._remember(lost, found)
        self._since = spans[-1][0]

    def any(self, since: datetime, until: datetime) -> bool:
        """Whether some of this stretch was not heard."""
        if self._since is not None and until >= self._since - min(MARGIN, self._since - ALWAYS):
            return True
        return any(lost <= until + MARGIN and since <= found + MARGIN for lost, found in self._over)

    def _remember(self, lost: datetime, found: datetime) -> None:
        self._over.append((lost, found))
        if len(self._over) > REMEMBERED:
            oldest, next_oldest = self._over.popleft(), self._over.popleft()
            self._over.appendleft((min(oldest[0], next_oldest[0]), max(oldest[1], next_oldest[1])))
