"""What the journal keeps, and its bytes inside a group. Pure.

A group is what was committed as one row: records one behind the other, each with a checksum of its own, so that a
flipped bit is found where SQLite finds none (it checks its pages' structure and not their content).
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from struct import Struct

_HEAD = Struct("<qBqqI")  # position, source, mono and offset in microseconds, bytes of data
_SUM = Struct("<I")
HEAD_BYTES = _HEAD.size + _SUM.size
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that was read.

    Attributes:
        position: 1, 2, 3 …, ascending within one journal; where some are missing, they could not be written.
        source: 0 to 255; what it means is the writer's matter.
        mono: our monotonic clock when it was read.
        offset: what to add to `mono` for the PBX's time since 1970.
        data: what was read.
        boot: of the machine when it was read; only within one can two `mono` be compared.
    """

    position: int
    source: int
    mono: timedelta
    offset: timedelta
    data: bytes
    boot: str = ""

    @property
    def at(self) -> datetime | None:
        """When it was read, by the PBX's clock; None should that be no date."""
        try:
            return _EPOCH + self.offset + self.mono
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class Extent:
    """What a folder holds.

    Attributes:
        first: the lowest position that is there; 0 when nothing is.
        last: the highest; 0 when nothing is.
        first_at: when the first was read, by the PBX's clock.
        last_at: when the last was read.
        bytes: of all files.
        files: how many, those set aside included.
        damaged: how many of them were set aside.
        life: of the journal, 0 when no file tells.
    """

    first: int = 0
    last: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    bytes: int = 0
    files: int = 0
    damaged: int = 0
    life: int = 0


def head(position: int, source: int, mono: timedelta, offset: timedelta, data: bytes) -> bytes:
    """What stands before `data` in a group.

    Raises:
        struct.error: a number is out of its range.
        TypeError: something is not of its type.
    """
    packed = _HEAD.pack(position, source, mono // _MICROSECOND, offset // _MICROSECOND, len(data))
    return packed + _SUM.pack(zlib.crc32(data, zlib.crc32(packed)))


def unpack(group: bytes, boot: str) -> Iterator[Record]:
    """The records of a group, up to its end or the first damage: behind that, no length can be trusted."""
    at = 0
    while at + HEAD_BYTES <= len(group):
        position, source, mono, offset, length = _HEAD.unpack_from(group, at)
        (checksum,) = _SUM.unpack_from(group, at + _HEAD.size)
        begin = at + HEAD_BYTES
        data = group[begin : begin + length]
        if zlib.crc32(data, zlib.crc32(group[at : at + _HEAD.size])) != checksum:
            return
        yield Record(position, source, mono * _MICROSECOND, offset * _MICROSECOND, data, boot)
        at = begin + length
