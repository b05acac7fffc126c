"""Which stays may be forged, or lack a line: what stands where lines do not fit, and what is out of order. Pure.

Lines are written in the order of time. One that is older than those before it was forged by a caller's number, or was
there before and is read again, or the clock of the PBX was set back. Of the last, many lines in a row are older.
"""

from datetime import datetime, timedelta
from typing import TypeVar

from telephony.queuelog.grammar import Entry, Quarantined, talked
from telephony.queuelog.stays import Stay

NEAR = timedelta(seconds=2)
"""A line that does not fit makes those doubtful that were written so shortly before or after its neighbours."""
BACK = timedelta(seconds=5)
"""Lines of several threads may be out of order by less."""
STEP = 10
"""So many lines in a row that are older, each in order with the one before: the clock was set back. A number and a name
of 79 bytes each make six at most, and the line that they break begins with its own time."""
LIMIT = 200_000
"""Doubts kept of either kind; the oldest are forgotten."""

DAMAGED = "queue_log is damaged there"
OUT_OF_ORDER = "its lines stand in queue_log behind later ones"

T = TypeVar("T")


class Doubtful:
    """Fed with all lines in the order of the file.

    Args:
        newest: of the lines that were read before the first one that is fed; None: nothing is known of them.

    Attributes:
        newest: up to then lines came in order.
    """

    def __init__(self, newest: datetime | None = None) -> None:
        self.newest = newest
        self._last: datetime | None = None
        self._older = 0
        self._broken = False
        self._near: dict[int, None] = {}
        self._names: dict[tuple[str, int], None] = {}

    def feed(self, line: Entry | Quarantined) -> None:
        """The next line."""
        if isinstance(line, Quarantined):
            self._damaged(self._last)
            self._broken, self._older = True, 0
            return
        if self._broken:
            self._damaged(line.at)
            self._broken = False
        if not self._is_in_order(line.at):
            self._forged(line)
        self._last = line.at

    def why(self, stay: Stay, /) -> str:
        """Why a stay is doubtful; empty: it is not."""
        seconds = [second for at in (stay.joined_at, stay.left_at) if at is not None for second in _about(at)]
        if any(second in self._near for second in seconds):
            return DAMAGED
        names = {stay.uniqueid, stay.left_as} - {""}
        return OUT_OF_ORDER if any((name, at) in self._names for name in names for at in seconds) else ""

    def _is_in_order(self, at: datetime) -> bool:
        if self.newest is None or at >= self.newest - BACK:
            self.newest = at if self.newest is None else max(at, self.newest)
            self._older = 0
            return True
        follows = self._older and self._last is not None and at >= self._last - BACK
        self._older = self._older + 1 if follows else 1
        if self._older > STEP:
            self.newest, self._older = at, 0
            return True
        return False

    def _damaged(self, at: datetime | None) -> None:
        if at is not None:
            _keep(self._near, int(at.timestamp()))

    def _forged(self, entry: Entry) -> None:
        """Whatever stay it belongs to: the one that it begins or ends, or whose talk it ends."""
        _keep(self._names, (entry.callid, int(entry.at.timestamp())))
        told = talked(entry)
        if told is not None:
            _keep(self._names, (entry.callid, int((entry.at - told[1]).timestamp())))


def _keep(known: dict[T, None], what: T) -> None:
    known[what] = None
    if len(known) > LIMIT:
        del known[next(iter(known))]


def _about(at: datetime) -> range:
    second, near = int(at.timestamp()), int(NEAR.total_seconds())
    return range(second - near, second + near + 1)
