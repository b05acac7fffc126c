"""Following queue_log while Asterisk writes it, through its rotations. Reads only; starts at the end."""

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import IO

import structlog

from telephony.calls.facts import Fact
from telephony.queuelog.grammar import Quarantined, parse, to_fact

MAX_LINE = 16_384
"""Bytes; Asterisk makes none of more than 8,191."""
CHUNK = 1_048_576
"""Bytes read at once."""

Sink = Callable[[list[Fact]], None]


class QueueLogTail:
    """The file of one PBX.

    Args:
        path: usually `/var/log/asterisk/queue_log`.
        now: our monotonic clock; stamps what is read.
        poll: how often to look.

    Attributes:
        lines: read so far, quarantined ones included.
        quarantined: lines that did not fit, cut ones included.
        rotations: how often a new file had taken the place of the old one, or the file was cut to less.
        readable: whether the file could be read when last looked.
        read_at: when the last line was read, on the monotonic clock; None before the first.
    """

    def __init__(self, path: Path, now: Callable[[], timedelta], poll: timedelta = timedelta(milliseconds=100)) -> None:
        self.lines = 0
        self.quarantined = 0
        self.readable = True
        self.read_at: timedelta | None = None
        self._now, self._poll = now, poll
        self._reader = Reader(path)
        self._log = structlog.get_logger().bind(path=str(path))

    @property
    def rotations(self) -> int:
        """See the class."""
        return self._reader.rotations

    async def run(self, sink: Sink) -> None:
        """Follow until cancelled; `sink` gets what was told since the last look, if anything, in the file's order."""
        loop = asyncio.get_running_loop()
        while True:
            # A file may lie on a disk that hangs; the telephone service may not hang with it.
            reading = loop.run_in_executor(None, self._read)
            try:
                read = await asyncio.shield(reading)
                facts = self._facts(read)
                if facts:
                    sink(facts)
                if not read:
                    await asyncio.sleep(self._poll.total_seconds())
            except BaseException:
                # Not before the thread is done with it: its number could by then be another file's.
                reading.add_done_callback(lambda _: self._reader.close())
                raise

    def _read(self) -> list[bytes]:
        try:
            lines = self._reader.read()
        except OSError as error:
            if self.readable:
                self._log.warning("queue_log_unreadable", reason=error.strerror)
            self.readable = False
            return []
        if not self.readable:
            self._log.info("queue_log_readable")
        self.readable = True
        return lines

    def _facts(self, lines: list[bytes]) -> list[Fact]:
        facts: list[Fact] = []
        now = self._now()
        for line in lines:
            self.lines += 1
            self.read_at = now
            entry = parse(line)
            if isinstance(entry, Quarantined):
                self.quarantined += 1
                self._log.warning("queue_log_line_quarantined", reason=entry.reason, line=repr(line[:200]))
                continue
            fact = to_fact(entry, now)
            if fact is not None:
                facts.append(fact)
        return facts


class Reader:
    """The lines of a growing file: no waiting, no thread of its own.

    The first file is read from its end on, unless it was not there at first: then, and after each rotation, from the
    beginning. Rotated means: another file has the name, or the file is shorter than what was read of it. The old one
    is read to its end first.

    Args:
        path: the file's name.
        chunk: bytes read at once.

    Attributes:
        rotations: how often that was.
    """

    def __init__(self, path: Path, chunk: int = CHUNK) -> None:
        self.rotations = 0
        self._path, self._chunk = path, chunk
        self._file: IO[bytes] | None = None
        self._rest = b""
        self._skips = False
        self._from_end = True

    def read(self) -> list[bytes]:
        """The whole lines, without their ends, that came since; at most about `chunk` bytes. None only at the end.

        Raises:
            OSError: the file cannot be opened or read. It may be asked again.
        """
        file = self._file or self._open()
        if os.fstat(file.fileno()).st_size < file.tell():
            file.seek(0)
            self._begin_anew()
        lines: list[bytes] = []
        # A chunk may hold no line end at all.
        while not lines and (data := file.read(self._chunk)):
            lines = self._divide(data)
        if not lines and self._is_replaced(file):
            self.close()
            self._begin_anew()
            return self.read()
        return lines

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> IO[bytes]:
        try:
            file = self._path.open("rb", buffering=0)
        except FileNotFoundError:
            self._from_end = False
            raise
        if self._from_end and file.seek(0, os.SEEK_END):
            # Should a line be half written just now, its other half is none.
            file.seek(-1, os.SEEK_END)
            self._skips = file.read(1) != b"\n"
        self._from_end = False
        self._file = file
        return file

    def _begin_anew(self) -> None:
        self.rotations += 1
        self._rest, self._skips = b"", False

    def _is_replaced(self, file: IO[bytes]) -> bool:
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False  # moved away, and Asterisk has not opened the next one yet: it may still write into this one
        ours = os.fstat(file.fileno())
        return (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino)

    def _divide(self, data: bytes) -> list[bytes]:
        *lines, rest = (self._rest + data).split(b"\n")
        if lines and self._skips:
            del lines[0]
            self._skips = False
        if len(rest) > MAX_LINE:
            # No line of Asterisk's. Its beginning goes into quarantine, its rest nowhere.
            if not self._skips:
                lines.append(rest[:MAX_LINE])
            rest, self._skips = b"", True
        self._rest = rest
        return lines
