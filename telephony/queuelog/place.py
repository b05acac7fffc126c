"""Where in queue_log, or in another log of Asterisk's whose lines begin with seconds, something stands. Pure.

A file of Asterisk's has no number, its name and its inode are another's tomorrow, and its lines have no key. What stays
with it through renaming, copying and compressing is its beginning: the first line names the file, and a byte counts
from there (docs/decisions/queue-log.md).
"""

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

MAX_LINE = 16_384
"""Bytes kept of a line; Asterisk makes none of more than 8,191."""

MARKED = 256
"""So many bytes before a place are its mark."""

_DUMPED = re.compile(rb"([0-9a-f]{32}) ([0-9]{1,18}) ([0-9]{1,10}) ([0-9a-f]{16})?(?: ([0-9]{1,10}))?")
_EPOCH = re.compile(rb"([0-9]{10})[|.]")


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where a file was read.

    Attributes:
        generation: which file, whatever its name: 32 hexadecimal characters of the SHA-256 of its first line, LF
            included; of a first line of more than `MAX_LINE` bytes, of so many.
        offset: bytes of it consumed; the last one is an LF, or there is none.
        began: seconds of its first line, by the PBX's clock; 0 when unknown. Tells, once the file itself is gone,
            which of the others are younger.
        mark: of the last bytes consumed, see `mark_of`; empty when unknown. Files begun within one second by rotation
            have the same first line (seen on Asterisk 22.10); this tells them apart.
        last: seconds of the last line consumed, by the PBX's clock; 0 when unknown. Tells, when the file was written
            anew, what of it was read before.

    Two places are equal when generation and offset are.
    """

    generation: str
    offset: int
    began: int = field(default=0, compare=False)
    mark: str = field(default="", compare=False)
    last: int = field(default=0, compare=False)

    def is_same(self, other: "Place | None") -> bool:
        """Equal, and as far as both marks are known they do not tell two files apart that begin alike."""
        return other is not None and self == other and (not self.mark or other.mark in {"", self.mark})

    def dump(self) -> bytes:
        """For `load`: ASCII, no LF."""
        last = f" {self.last}" if self.last else ""
        return f"{self.generation} {self.offset} {self.began} {self.mark}{last}".encode()

    @classmethod
    def load(cls, dumped: bytes) -> Self | None:
        """What `dump` gave; None for anything else."""
        found = _DUMPED.fullmatch(dumped)
        if found is None:
            return None
        mark, last = (found[4] or b"").decode(), int(found[5] or 0)
        return cls(found[1].decode(), int(found[2]), int(found[3]), mark, last)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one look at the file gave.

    Attributes:
        after: where to go on.
        lines: whole ones without their ends, in the file's order, none longer than `MAX_LINE`. A file that was left
            with half a line gives that as its last. May be empty: the place is new, and nothing was written there yet.
    """

    after: Place
    lines: tuple[bytes, ...]


class Lines:
    """Bytes, as they come, to whole lines.

    Attributes:
        behind: bytes fed since the last LF.
        rest: their beginning, at most `MAX_LINE`.
    """

    def __init__(self) -> None:
        self.behind = 0
        self.rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete. Of a line longer than `MAX_LINE`, its beginning."""
        first, *others = data.split(b"\n")
        first = (self.rest + first)[:MAX_LINE]
        if not others:
            self.rest, self.behind = first, self.behind + len(data)
            return []
        last = others.pop()
        self.rest, self.behind = last[:MAX_LINE], len(last)
        return [first, *(line[:MAX_LINE] for line in others)]


def first_line(beginning: bytes) -> bytes | None:
    """A file's first line with its LF, or what stands for it; None while neither is there.

    Args:
        beginning: the first `MAX_LINE` bytes, or all when there are fewer.
    """
    end = beginning.find(b"\n", 0, MAX_LINE)
    if end >= 0:
        return beginning[: end + 1]
    return beginning[:MAX_LINE] if len(beginning) >= MAX_LINE else None


def start_of(first: bytes) -> Place:
    """The beginning of the file that has this first line."""
    return Place(sha256(first).hexdigest()[:32], 0, seconds_of(first))


def seconds_of(line: bytes) -> int:
    """The time with which a line begins; 0 when it begins with none."""
    found = _EPOCH.match(line)
    return 0 if found is None else int(found[1])


def mark_of(before: bytes) -> str:
    """The mark of a place: 16 hexadecimal characters of the SHA-256 of the last `MARKED` bytes before it."""
    return sha256(before[-MARKED:]).hexdigest()[:16]
