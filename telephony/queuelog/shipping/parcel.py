"""What is sent of queue_log at once: all that stands between two places. Pure. The format: docs/queue-log.md.

    threerings queue_log 1
    before GENERATION OFFSET BEGAN MARK [LAST]
    after GENERATION OFFSET BEGAN MARK [LAST]
    missing GAPS BYTES
    lines COUNT

Then the lines, an LF behind each; the whole packed by gzip. `before -`: the receiver has no mark.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Self

from telephony.queuelog.place import MAX_LINE, Piece, Place

MAX_BYTES = 2**20
"""Of a parcel, packed as well as unpacked."""
MAX_LINES = 5_000
MOST_BYTES, MOST_LINES, CHUNK = 16_384, 1_000, 2_048
"""A sender gathers until it has so much, by chunks of so many bytes: whoever takes it is held for some 10 ms, and even
chunks of nothing but LFs stay below the limits."""
PATH = "/api/v1/pbx/{}/queue_log"

_HEAD = b"threerings queue_log 1"
_MISSING = re.compile(rb"missing ([0-9]{1,9}) ([0-9]{1,18})")
_COUNT = re.compile(rb"lines ([0-9]{1,6})")
_GZIP = 16 + zlib.MAX_WBITS


class ParcelError(ValueError):
    """It is none, or is damaged; says why in a line."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Some lines, and between which places they stand.

    Attributes:
        before: where they begin; None: the receiver has no mark yet.
        piece: the lines and where they end.
        gaps: how often, between the places, something is missing or may be.
        lost_bytes: what is surely missing, at least.
    """

    before: Place | None
    piece: Piece
    gaps: int = 0
    lost_bytes: int = 0

    def pack(self) -> bytes:
        """As it is sent."""
        head = (
            _HEAD,
            b"before " + (b"-" if self.before is None else self.before.dump()),
            b"after " + self.piece.after.dump(),
            b"missing %d %d" % (self.gaps, self.lost_bytes),
            b"lines %d" % len(self.piece.lines),
        )
        packer = zlib.compressobj(1, wbits=_GZIP)
        return packer.compress(b"\n".join((*head, *self.piece.lines, b""))) + packer.flush()

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """What `pack` gave.

        Raises:
            ParcelError: it did not give that, or it is too large.
        """
        head, before, after, missing, count, *lines = _split(_unzip(packed))
        if head != _HEAD:
            raise ParcelError("is of a version that this one does not know")
        start, end = _place(before, b"before "), _place(after, b"after ")
        told, counted = _MISSING.fullmatch(missing), _COUNT.fullmatch(count)
        if end is None or told is None or counted is None or (start is None and before != b"before -"):
            raise ParcelError("has a damaged head")
        if int(counted[1]) != len(lines) or lines_too_long(lines):
            raise ParcelError("has not the lines that it names")
        return cls(start, Piece(end, tuple(lines)), int(told[1]), int(told[2]))

    def behind(self, mark: Place) -> Self | None:
        """What of it stands behind a mark within, told from its end, for only there each byte is known.

        None when the mark is not in the same file as both its ends, or not between two lines.
        """
        before, after = self.before, self.piece.after
        if before is None or not before.generation == mark.generation == after.generation:
            return None
        if before.offset > mark.offset:
            return None
        lines, at = self.piece.lines, after.offset
        number = len(lines)
        while number and at > mark.offset and len(lines[number - 1]) < MAX_LINE:
            number -= 1
            at -= len(lines[number]) + 1
        if at != mark.offset:
            return None
        return type(self)(mark, Piece(after, lines[number:]))


def lines_too_long(lines: list[bytes]) -> bool:
    """One of them is longer than any that a file gives."""
    return any(len(line) > MAX_LINE for line in lines)


def _unzip(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        data = unpacker.decompress(packed, MAX_BYTES + 1)
    except zlib.error:
        raise ParcelError("is not packed by gzip, or damaged") from None
    if len(data) > MAX_BYTES:
        raise ParcelError(f"is larger than {MAX_BYTES} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise ParcelError("does not end where it should")
    return data


def _split(data: bytes) -> list[bytes]:
    """Five lines of head at least."""
    lines = data.split(b"\n", MAX_LINES + 6)
    if len(lines) > MAX_LINES + 6:
        raise ParcelError(f"has more than {MAX_LINES} lines")
    if lines.pop() or len(lines) < 5:  # noqa: PLR2004 - see above
        raise ParcelError("has a damaged head, or ends in mid-line")
    return lines


def _place(line: bytes, word: bytes) -> Place | None:
    return Place.load(line.removeprefix(word)) if line.startswith(word) else None
