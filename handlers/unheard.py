"""When a PBX was not heard, by its own clock: what queue_log alone tells of such a time is no wonder."""

from collections import deque
from datetime import UTC, datetime, timedelta

ALWAYS = datetime.min.replace(tzinfo=UTC)
REMEMBERED = 1_000
MARGIN = timedelta(seconds=3)
"""Of whole seconds on one side, and of bytes that were under way on the other."""


class Unheard:
    """Stretches of time, the newest `REMEMBERED`. Before anything was heard, nothing was."""

    def __init__(self) -> None:
        self._over: deque[tuple[datetime, datetime]] = deque(maxlen=REMEMBERED)
        self._since: datetime | None = ALWAYS

    def lost(self, at: datetime) -> None:
        """From then on nothing is heard, if anything was."""
        if self._since is None:
            self._since = at

    def found(self, at: datetime) -> None:
        """From then on everything is."""
        if self._since is not None:
            self._over.append((self._since, at))
            self._since = None

    def any(self, since: datetime, until: datetime) -> bool:
        """Whether some of this stretch was not heard."""
        if self._since is not None and until + MARGIN >= self._since:
            return True
        return any(lost <= until + MARGIN and since <= found + MARGIN for lost, found in self._over)
