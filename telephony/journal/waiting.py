"""What was appended and is not on disk yet: bounded, in pieces that are dropped as a whole."""

import struct
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

from telephony.journal.record import HEAD_BYTES, head
from telephony.journal.sheet import Group

PIECE_BYTES = 1_048_576
"""A piece that has so much takes no more records."""
BATCH_BYTES = 16_777_216
"""So much goes into one transaction, or one piece more."""
RECORD_BYTES = 64
"""What Python needs for a record beside its bytes, roughly."""
MAX_MARKS = 64
MAX_MARK_BYTES = 65_536


@dataclass(slots=True)
class Piece:
    """Records that are written as one row.

    Attributes:
        first: position of the first.
        since: when that one was appended, on the monotonic clock in seconds.
        last: position of the last.
        count: how many they are.
        size: bytes that they take in memory.
    """

    first: int
    since: float
    last: int = 0
    count: int = 0
    size: int = 0
    parts: list[bytes] = field(default_factory=list)

    def group(self) -> Group:
        """For the disk."""
        return self.first, self.last, b"".join(self.parts)


@dataclass(slots=True)
class Batch:
    """What goes into one transaction."""

    pieces: list[Piece]
    marks: Mapping[str, bytes]
    size: int


class Waiting:
    """Between whoever appends and the thread that writes; any thread may call anything here.

    Args:
        position: of the last record before.
        max_bytes: what may wait, that which is being written included.
        clock: monotonic, in seconds.

    Attributes:
        position: of the last record appended.
        dropped: records that will never be written.
        size: bytes that wait or are being written.
    """

    def __init__(self, position: int, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.position = position
        self.dropped = 0
        self.size = 0
        self._max = max_bytes
        self._piece_bytes = min(PIECE_BYTES, max_bytes // 16)
        self._clock = clock
        self._pieces: deque[Piece] = deque()
        self._marks: dict[str, tuple[int, bytes]] = {}
        self._writing: Batch | None = None
        self._is_over = False
        self._lock = Lock()

    def put(self, source: int, mono: timedelta, offset: timedelta, data: bytes) -> int:
        """One record; its position. Without room, the oldest piece that is not being written goes, or this one."""
        with self._lock:
            if self._is_over:
                self.dropped += 1
                return self.position  # the next one belongs to the next process
            self.position = position = self.position + 1
            try:
                parts = (head(position, source, mono, offset, data), data)
            except (struct.error, TypeError):  # nothing that a caller could cause; nor may it stop the others
                self.dropped += 1
                return position
            size = len(data) + HEAD_BYTES + RECORD_BYTES
            while self.size + size > self._max and self._pieces:
                oldest = self._pieces.popleft()
                self.size -= oldest.size
                self.dropped += oldest.count
            if self.size + size > self._max:
                self.dropped += 1
                return position
            piece = self._pieces[-1] if self._pieces else None
            if piece is None or piece.size >= self._piece_bytes:
                piece = Piece(position, self._clock())
                self._pieces.append(piece)
            piece.parts.extend(parts)
            piece.last = position
            piece.count += 1
            piece.size += size
            self.size += size
            return position

    def skip_to(self, position: int) -> None:
        """See `Journal.skip_to`."""
        with self._lock:
            if not self._is_over:
                self.position = max(position, self.position)

    def mark(self, name: str, value: bytes) -> None:
        """See `Journal.mark`."""
        with self._lock:
            if len(value) > MAX_MARK_BYTES:
                raise ValueError(f"mark {name!r:.80} has {len(value):,} bytes; {MAX_MARK_BYTES:,} are allowed")
            if len(self._marks) >= MAX_MARKS and name not in self._marks:
                raise ValueError(f"mark {name!r:.80} would be one too many; {MAX_MARKS} are allowed")
            self._marks[name] = self.position, value

    def take(self) -> Batch | None:
        """What to write next, oldest first; to be followed by `settle`."""
        with self._lock:
            pieces: list[Piece] = []
            size = 0
            while self._pieces and size < BATCH_BYTES:
                pieces.append(self._pieces.popleft())
                size += pieces[-1].size
            before = self._pieces[0].first if self._pieces else self.position + 1
            marks = {name: value for name, (after, value) in self._marks.items() if after < before}
            for name in marks:
                del self._marks[name]
            if not pieces and not marks:
                return None
            self._writing = Batch(pieces, marks, size)
            return self._writing

    def settle(self, *, written: bool) -> None:
        """What was taken is on disk, or given up."""
        with self._lock:
            if self._writing is not None:
                self.size -= self._writing.size
                if not written:
                    self.dropped += sum(piece.count for piece in self._writing.pieces)
                self._writing = None

    def end(self) -> None:
        """Nothing is written any more: what waits is dropped, and whatever comes."""
        with self._lock:
            self._is_over = True
            for piece in self._pieces:
                self.size -= piece.size
                self.dropped += piece.count
            self._pieces.clear()

    @property
    def durable(self) -> int:
        """No record up to here waits."""
        with self._lock:
            oldest = self._oldest()
            return self.position if oldest is None else oldest.first - 1

    @property
    def age(self) -> float | None:
        """Seconds since the oldest record that waits was appended; None when none does."""
        with self._lock:
            oldest = self._oldest()
            return None if oldest is None else self._clock() - oldest.since

    @property
    def is_large(self) -> bool:
        """Whether so much waits that a transaction is worth it."""
        return self.size >= PIECE_BYTES

    def _oldest(self) -> Piece | None:
        if self._writing is not None and self._writing.pieces:
            return self._writing.pieces[0]
        return self._pieces[0] if self._pieces else None
