"""What a sender reads of the file, parcel by parcel. Blocks: for a thread of its own."""

from typing import Protocol

from telephony.queuelog.place import Piece, Place
from telephony.queuelog.shipping.parcel import MOST_BYTES, MOST_LINES, Parcel


class Reads(Protocol):
    """The file: `telephony.queuelog.reader.Reader`."""

    gaps: int
    lost_bytes: int

    def read(self) -> Piece | None:
        """What came since; None at the end."""
        ...

    def close(self) -> None:
        """Let the file go."""
        ...


class Gathering:
    """The file from a place on.

    Args:
        reader: reads it from there, by chunks of `CHUNK`.
        mark: the receiver's; None: it has none.
    """

    def __init__(self, reader: Reads, mark: Place | None) -> None:
        self.mark = mark
        self._reader = reader
        self._told = (0, 0)

    def next(self) -> Parcel | None:
        """What came since, as much as one parcel may hold; None: nothing.

        Raises:
            OSError: the file cannot be read, and nothing was. It may be asked again.
        """
        lines: list[bytes] = []
        after, size = self.mark, 0
        try:
            while size < MOST_BYTES and len(lines) < MOST_LINES and (piece := self._reader.read()) is not None:
                lines += piece.lines
                size += sum(map(len, piece.lines))
                after = piece.after
        except OSError:
            if not lines:
                raise
        if after is None or (not lines and after == self.mark):
            return None
        gaps, lost_bytes = self._reader.gaps, self._reader.lost_bytes
        parcel = Parcel(self.mark, Piece(after, tuple(lines)), gaps - self._told[0], lost_bytes - self._told[1])
        self._told, self.mark = (gaps, lost_bytes), after
        return parcel

    def close(self) -> None:
        """Let the file go."""
        self._reader.close()
