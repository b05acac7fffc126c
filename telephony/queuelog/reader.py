"""The lines of queue_log from a place on, through whatever happens to the file. Reads only; no waiting, no thread."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import structlog

from telephony.queuelog.files import DamagedError, OpenLog
from telephony.queuelog.folder import Folder, Found
from telephony.queuelog.place import MARKED, Lines, Piece, Place, first_line, mark_of, seconds_of, start_of

CHUNK = 65_536
"""Bytes read at once: some thousand lines, so that whoever takes them is not held for long."""


class Reader:
    """The file, and its rotated ones as far as they hold what was not read yet.

    Without a place to start from, the first file is read from its end on, unless it was not there at first. A file is
    left when another one has its name and holds a line (until then Asterisk may still write into the old one), and when
    it was cut: then what remains is in a copy, if there is one.

    Args:
        path: the name that Asterisk writes to.
        start: where to go on.
        chunk: bytes read at once.

    Attributes:
        place: up to where all is told; None as long as there was no line.
        rotations: how often the next file was begun.
        gaps: how often something is surely, or may be, missing.
        lost_bytes: what is surely missing, at least.
    """

    def __init__(self, path: Path, start: Place | None = None, chunk: int = CHUNK) -> None:
        self.place = self._told = start
        self.rotations = self.gaps = self.lost_bytes = 0
        self._path, self._chunk, self._folder = path, chunk, Folder(path)
        self._file: OpenLog | None = None
        self._first = self._before = self._tail = b""
        self._lines = Lines()
        self._seen = 0
        self._damaged = False
        self._from_end = start is None
        self._left: list[bytes] = []
        self._log = structlog.get_logger().bind(path=str(path))

    def begin_at(self, place: Place) -> None:
        """Go on there, as if it had been told so at first; before anything is read."""
        self.place = self._told = place
        self._from_end = False

    def read(self) -> Piece | None:
        """What came since, about `chunk` bytes at most. None only at the end.

        Raises:
            OSError: the file cannot be opened or read. It may be asked again.
        """
        try:
            while file := self._file or self._open():
                lines = self._take(file)
                if lines is None or (not lines and self._is_left(file)):
                    continue
                return self._piece(lines)
        except OSError:
            self.close()
            raise
        return self._piece([])

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _piece(self, lines: list[bytes]) -> Piece | None:
        lines = self._left + lines
        if self.place is None or (not lines and self.place == self._told):
            return None
        self._left = []
        self._told = self.place
        return Piece(self.place, tuple(lines))

    # --- beginning ---

    def _open(self) -> OpenLog | None:
        """The file that goes on from our place; None: there is none yet.

        Raises:
            OSError: there is no live file, or it cannot be read.
        """
        if self.place is not None:
            found = self._folder.go_on(self.place, self._reached)
            if found is None:
                self._path.stat()
            return self._file if found is not None and self._begin(found) else None
        try:
            self._file = OpenLog(self._path)
        except FileNotFoundError:
            self._from_end = False
            raise
        self._first, self._before, self._tail, self._lines = b"", b"", b"", Lines()
        if self._from_end:
            self._skip(self._file)
        self._from_end = False
        return self._file

    def _skip(self, file: OpenLog) -> None:
        """Behind the last line that is there; one half written is told when its end comes."""
        first = first_line(file.beginning())
        if first is None:
            return
        self._first, start, end = first, start_of(first), file.size()
        while end > 0:
            at = max(0, end - CHUNK)
            behind = file.read(at, end - at).rfind(b"\n") + 1
            end = at + behind
            if behind:
                break
        self._before = self._tail = file.read_whole(max(0, end - MARKED), min(end, MARKED))
        last = _last(self._before, file)
        self.place = replace(start, offset=end, mark=mark_of(self._before), last=last)

    def _begin(self, found: Found) -> bool:
        """Go on in this file; whether it still has its name."""
        with ExitStack() as unless_taken:
            file = OpenLog(found.file.state.path)
            unless_taken.callback(file.close)
            if not file.beginning().startswith(found.file.first):
                return False
            size = min(MARKED, found.place.offset)
            before = file.read_whole(found.place.offset - size, size)
            unless_taken.pop_all()
        if not found.same:
            self._count(found)
            self._left += [self._lines.rest] if self._lines.behind else []
            self.rotations += 1
        self.close()
        last = found.place.last or (0 if self.place is None else self.place.last)
        self._file, self._first, self.place = file, found.file.first, replace(found.place, last=last)
        self._before = self._tail = before
        self._lines, self._seen, self._damaged = Lines(), 0, False
        return True

    def _count(self, found: Found) -> None:
        """Tell what may be missing between our file and the next one."""
        for passed in found.passed:
            self.gaps += 1
            self._log.error("queue_log_file_passed_over", file=str(passed.state.path), reason=passed.unread)
        if found.skipped:
            self.gaps += 1
            file, remedy = str(found.file.state.path), "threerings reconcile tells what is missing"
            self._log.error("queue_log_written_anew", file=file, goes_on_at=found.place.offset, remedy=remedy)
            return
        if found.known or self._file is not None:
            return
        self.gaps += 1
        lost = max(0, self._seen - self._reached)
        self.lost_bytes += lost
        remedy = "keep rotated files beside queue_log, for longer than this service is ever away"
        self._log.error("queue_log_gap", bytes_at_least=lost, goes_on_in=str(found.file.state.path), remedy=remedy)

    # --- going on ---

    def _take(self, file: OpenLog) -> list[bytes] | None:
        """The lines of the next chunk that holds any; none at the end. None: the file was cut, and is closed."""
        if self.place is None:
            first = first_line(file.beginning())
            if first is None:
                return []
            self._first, self.place = first, start_of(first)
        lines: list[bytes] = []
        while not lines:
            reached = self._reached
            data = self._data(file, reached)
            # Asked behind the reading: what was read of a file that was cut before is another file's.
            if self._is_cut(file, reached):
                self.close()
                return None
            if not data:
                break
            lines = self._lines.feed(data)
            self._advance(self.place, reached, data, file)
        self._seen = file.size()
        return lines

    def _advance(self, place: Place, reached: int, data: bytes, file: OpenLog) -> None:
        """Move the place behind the last line, if there was one in what was read from here on."""
        behind = self._lines.behind
        if behind < len(data):
            self._before = (self._tail + data[: len(data) - behind])[-MARKED:]
            mark = mark_of(self._before)
            last = _last(self._before, file) or place.last
            self.place = replace(place, offset=reached + len(data) - behind, mark=mark, last=last)
        self._tail = (self._tail + data)[-MARKED:]

    def _data(self, file: OpenLog, at: int) -> bytes:
        try:
            return b"" if self._damaged else file.read(at, self._chunk)
        except DamagedError as error:
            self._damaged = True
            self.gaps += 1
            self._log.error("queue_log_damaged", file=str(file.path), reason=error.strerror)
            return b""

    def _is_cut(self, file: OpenLog, up_to: int) -> bool:
        if file.packed or self.place is None:
            return False
        before = file.read(self.place.offset - len(self._before), len(self._before))
        return file.size() < up_to or before != self._before or file.read(0, len(self._first)) != self._first

    def _is_left(self, file: OpenLog) -> bool:
        """At the end of our file: go on in the next one, once Asterisk writes there; whether there is more to read."""
        try:
            live = self._path.stat()
        except FileNotFoundError:
            live = None  # moved away, and Asterisk has not opened the next one yet
        if live is not None and (live.st_dev, live.st_ino) == file.identity:
            return False
        if self.place is None:
            return live is not None and live.st_size > 0 and self._leave_without_a_line(file)
        found = self._folder.go_on(self.place, self._reached)
        # Into ours Asterisk may have written until the next one had a line, so it is read once more.
        return found is not None and ((not file.packed and file.size() > self._reached) or self._begin(found))

    def _leave_without_a_line(self, file: OpenLog) -> bool:
        half = file.beginning()
        self._left += [half] if half else []
        self.rotations += 1
        self.close()
        return True

    @property
    def _reached(self) -> int:
        """Bytes read of our file, half a line behind the place included."""
        return self._lines.behind + (0 if self.place is None else self.place.offset)


def _last(before: bytes, file: OpenLog) -> int:
    """Seconds of the last line in what ends with one, but no more than its file has; 0: it does not tell them."""
    return min(seconds_of(before[:-1].rpartition(b"\n")[2]), file.modified())
