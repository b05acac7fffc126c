"""Following queue_log, or a log like it, while it is written. Reads only, in a thread: a disk may hang, we may not."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import structlog

from telephony.logs import Seldom
from telephony.queuelog.aside import Aside
from telephony.queuelog.place import Piece, Place
from telephony.queuelog.reader import Reader
from telephony.queuelog.reading import read

HANGS_AFTER = 10.0
"""Seconds; a look that takes longer is told."""
TOLD_EVERY = 10.0
"""Seconds between two lines about quarantined ones: whoever can write a member's name decides how many there are."""

Sink = Callable[[Piece], None]


class Refused(Protocol):
    """A line that does not fit: `telephony.queuelog.grammar.Quarantined`, or that of another grammar."""

    @property
    def raw(self) -> bytes:
        """The line, without its end."""
        ...

    @property
    def reason(self) -> str:
        """Why."""
        ...


Refuses = Callable[[Sequence[bytes]], Sequence[Refused]]
"""Those of some lines that do not fit."""


def refused_of_queue_log(lines: Sequence[bytes]) -> Sequence[Refused]:
    """The lines that are none of queue_log."""
    return read(lines, timedelta()).quarantined


class QueueLogTail:
    """The file of one PBX.

    Args:
        path: usually `/var/log/asterisk/queue_log`.
        now: our monotonic clock; stamps what is read.
        poll: how often to look.
        start: where to go on; None: at the end of what is there.
        hangs_after: seconds.
        refuses: which lines do not fit; they are counted and told, and handed on like the others.
        name: of what it is, for the log.

    Attributes:
        lines: read so far, quarantined ones included.
        quarantined: lines that did not fit, cut ones included.
        readable: whether the file could be read when last looked.
        read_at: when the last line was read, on the monotonic clock; None before the first.
    """

    def __init__(  # noqa: PLR0913 - each has a default
        self,
        path: Path,
        now: Callable[[], timedelta],
        poll: timedelta = timedelta(milliseconds=100),
        start: Place | None = None,
        hangs_after: float = HANGS_AFTER,
        *,
        refuses: Refuses = refused_of_queue_log,
        name: str = "queue_log",
    ) -> None:
        self.lines = 0
        self.quarantined = 0
        self.readable = True
        self.read_at: timedelta | None = None
        self._now, self._poll, self._hangs_after = now, poll, hangs_after
        self._refuses, self._name = refuses, name
        self.path = path
        self._reader = Reader(path, start)
        self._seldom = Seldom(TOLD_EVERY, time.monotonic)
        self._log = structlog.get_logger().bind(path=str(path))

    @property
    def rotations(self) -> int:
        """How often the next file was begun: the old one was renamed, or cut."""
        return self._reader.rotations

    @property
    def gaps(self) -> int:
        """How often lines are missing, or may be: what followed a place was not found, or not readable."""
        return self._reader.gaps

    @property
    def lost_bytes(self) -> int:
        """Bytes that were there and could not be read any more; what nobody saw is not among them."""
        return self._reader.lost_bytes

    def begin_at(self, place: Place) -> None:
        """Go on there, wherever it was told to start; before `run`."""
        self._reader.begin_at(place)

    async def run(self, sink: Sink) -> None:
        """Follow until cancelled; `sink` gets what was read, in the file's order, and first where reading begins."""
        aside = Aside("queue_log")
        try:
            while True:
                piece, refused = await self._look(aside)
                if piece is not None:
                    self._count(piece, refused)
                    sink(piece)
                if piece is None or not piece.lines:
                    await asyncio.sleep(self._poll.total_seconds())
        finally:
            aside.end(self._reader.close)

    async def _look(self, aside: Aside) -> tuple[Piece | None, Sequence[Refused]]:
        reading = aside.do(self._read)
        try:
            await asyncio.wait([reading], timeout=self._hangs_after)
            if not reading.done():
                self._tell_unreadable("the disk does not answer")
            piece, refused = await reading
        except OSError as error:
            self._tell_unreadable(error.strerror or type(error).__name__)
            return None, ()
        finally:
            reading.cancel()  # where nobody waits for it any more, it has nothing to tell
        if not self.readable:
            self._log.info(f"{self._name}_readable")
        self.readable = True
        return piece, refused

    def _read(self) -> tuple[Piece | None, Sequence[Refused]]:
        """In the thread; parsing there leaves the loop to the PBX's line."""
        piece = self._reader.read()
        return piece, self._refuses(piece.lines if piece is not None else ())

    def _tell_unreadable(self, reason: str) -> None:
        if self.readable:
            self._log.warning(f"{self._name}_unreadable", reason=reason)
        self.readable = False

    def _count(self, piece: Piece, refused: Sequence[Refused]) -> None:
        if piece.lines:
            self.lines += len(piece.lines)
            self.read_at = self._now()
        self.quarantined += len(refused)
        for line in refused:
            untold = self._seldom.may("quarantined")
            if untold is not None:
                shown = repr(line.raw[:200])
                self._log.warning(
                    f"{self._name}_line_quarantined", reason=line.reason, line=shown, untold_before=untold
                )
