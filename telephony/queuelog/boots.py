"""How each life of the PBX's process ended, as far as its queue_log shows it. Pure."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from telephony.queuelog.grammar import Entry
from telephony.queuelog.stays import Stays

KEPT = 100
LATELY = timedelta(hours=1)
"""Who joined before that, and was never seen to leave, had left unseen."""
HANGS_UP_WITHIN = timedelta(seconds=3)
"""From the moment when it is told to end, an orderly PBX takes so long at most to hang everybody up."""


@dataclass(frozen=True, slots=True)
class BootEnd:
    """One life's end.

    Attributes:
        last: of its lines.
        next: when the next one began.
        died: somebody waited to the last, and no line tells his end: the PBX did not end in order.
    """

    last: datetime
    next: datetime
    died: bool


class Boots:
    """Fed with all lines in the order of the file, each before `Stays` is."""

    def __init__(self) -> None:
        self.ends: deque[BootEnd] = deque(maxlen=KEPT)
        self._last: datetime | None = None

    def feed(self, entry: Entry, before: Stays) -> None:
        """The next line; and the stays as those before it tell them."""
        if entry.event == "QUEUESTART" and self._last is not None:
            died = any(stay.joined_at >= self._last - LATELY for stay in before.open)
            self.ends.append(BootEnd(self._last, entry.at, died))
        self._last = entry.at


def hung_up_himself(left_at: datetime, ends: Iterable[BootEnd]) -> bool:
    """Whether who gave up then did so, and the PBX had not begun to hang up everybody because it was to end.

    An orderly PBX leaves no stay without an end. Where somebody waited to the last it died, and what it wrote before is
    true. Where nobody did, it may have been shut down in the last seconds; what it wrote earlier is true, too.
    """
    end = next((one for one in ends if one.next >= left_at), None)
    return end is not None and (end.died or left_at < end.last - HANGS_UP_WITHIN)
