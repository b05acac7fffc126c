"""Where in a journal a call is, and where reading must begin so that it is understood. Blocks; changes nothing."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from handlers.journaling import Loader, Source
from handlers.reading import Asked
from telephony.calls.record import call_id
from telephony.journal.reader import records
from telephony.journal.record import Extent, Record

BEFORE = timedelta(seconds=30)
"""So long before a call arrived it is looked for: clocks are set, and rows are rounded by nobody."""
LISTED_WITHIN = timedelta(seconds=3)
"""A listing that was asked for so long before is complete."""
LOOK_BACK = (5_000, 20_000, 80_000, 320_000, 1_280_000)
"""Records before the call in which the last listing before it is looked for, one after the other."""
TOLD_EVERY = 20_000
_BORN = re.compile(
    rb"(?:^|\r\n\r\n)Event: Newchannel\r\n(?:[^\r\n]+\r\n)*?Uniqueid: ([^\r\n]*)\r\nLinkedid: ([^\r\n]*)\r\n"
)
_UNIQUEID = re.compile(rb"\r\n(?:Dest)?Uniqueid: ([^\r\n]*)")
REMEMBERED = 100_000
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: a call by its id, or by the name of one of its channels.

    Attributes:
        pbx: where.
        id: of the call; None when only a channel is known.
        uniqueid: of its root channel, or of any channel where the id is not known; empty: to be found.
        arrived_at: when it arrived, where its row tells.
    """

    pbx: str
    id: UUID | None
    uniqueid: str = ""
    arrived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is.

    Attributes:
        position: of the first record that names it.
        root: uniqueid of its root channel.
    """

    position: int
    root: str


class Channels:
    """Names of channels, each told once, or seldom more often."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def new(self, data: bytes) -> list[str]:
        """Those that were not named before."""
        fresh = [name for name in dict.fromkeys(_UNIQUEID.findall(data)) if name not in self._known]
        if len(self._known) > REMEMBERED:
            self._known.clear()
        self._known.update(fresh)
        return [name.decode("utf-8", "surrogateescape") for name in fresh]


def find(folder: Path, extent: Extent, wanted: Wanted, told: Progress) -> Place | None:
    """The first record that names the call; None when there is none.

    Raises:
        OSError: the journal cannot be read.
    """
    since = extent.first
    if wanted.arrived_at is not None:
        since = first_read_after(folder, extent, wanted.arrived_at - BEFORE)
    text, rooted = wanted.uniqueid.encode("utf-8", "surrogateescape"), Channels()
    for count, record in enumerate(records(folder, since, None, {Source.AMI_READ})):
        if count % TOLD_EVERY == 0:
            told(record.position)
        if not text:
            root = next((name for name in rooted.new(record.data) if wanted.id == call_id(wanted.pbx, name)), None)
            if root is not None:
                return Place(record.position, root)
            continue
        if text not in record.data:
            continue
        for found in _BORN.finditer(record.data):
            uniqueid, linkedid = (part.decode("utf-8", "surrogateescape") for part in found.groups())
            if wanted.uniqueid == uniqueid:
                return Place(record.position, uniqueid if wanted.id is not None else linkedid)
        if _names(record.data, text):  # it was there before we listened
            return Place(record.position, wanted.uniqueid)
    return None


def _names(data: bytes, uniqueid: bytes) -> bool:
    return re.search(rb"id: " + re.escape(uniqueid) + rb"(?:\r\n|\Z)", data) is not None


def first_read_after(folder: Path, extent: Extent, at: datetime) -> int:
    """The position from which on things were read then, or later; found by halving, for it grows with time."""
    low, high = extent.first, extent.last
    while low < high:
        middle = (low + high) // 2
        record = next(records(folder, middle), None)
        if record is None or record.at is None or record.at >= at:
            high = middle
        else:
            low = record.position + 1
    return low


def beginning(folder: Path, extent: Extent, position: int, loader: Loader) -> tuple[int, bool]:
    """Where to begin so that what stands at `position` is understood, and whether a listing was asked for there."""
    at = next((record.at for record in records(folder, position)), None)
    for count in LOOK_BACK:
        since = max(extent.first, position - count)
        listings = [
            record.position
            for record in records(folder, since, position, {Source.ASKED})
            if _is_full(record, loader) and record.at is not None and at is not None and record.at <= at - LISTED_WITHIN
        ]
        if listings:
            return listings[-1], True
        if since == extent.first:
            break
    return max(extent.first, position - LOOK_BACK[-1]), False


def _is_full(record: Record, loader: Loader) -> bool:
    entry = loader.load(record)
    return isinstance(entry, Asked) and entry.channels_id is not None
