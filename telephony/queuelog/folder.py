"""The file that Asterisk writes and those rotated away from it: which there are, and where in them to go on."""

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from telephony.queuelog.files import Identity, OpenLog
from telephony.queuelog.place import MARKED, Place, first_line, mark_of, start_of

MAX_FILES = 1_000
"""So many rotated files are looked at, the youngest ones."""
COMPARED = 65_536
"""So many bytes of two files that begin with the same line are compared."""
MAX_LINKS = 8
"""In so many folders, where some of them are links."""
BACK = 5
"""Seconds; lines of several threads may be out of order by less, across a rotation, too."""
ASKED = 100
"""So often the same answer is given, as long as no file changes: a packed one is unpacked for it up to the place."""
SOUGHT = 1 << 20
"""Bytes read at once when a file is searched."""
_ROTATED = re.compile(r"[.-][0-9][0-9._:T-]*(?:\.(?:gz|bz2|xz|zst|lz4|Z))?")
"""What is behind the name of a file that was rotated: a number, or a date. Others are excerpts, or another PBX's."""
_LINE = re.compile(rb"\n([0-9]{10})[|.]")
_LINE_BEGINS = 12


@dataclass(frozen=True, slots=True)
class State:
    """One file of the folder, as it stood there.

    Attributes:
        path: its name.
        identity: device and inode.
        size: bytes on disk.
        modified: when it was last written to, in nanoseconds.
        live: it has the name that Asterisk writes to.
    """

    path: Path
    identity: Identity
    size: int
    modified: int
    live: bool


@dataclass(frozen=True, slots=True)
class LogFile:
    """What is known of one file.

    Attributes:
        state: as it stood there.
        start: its beginning; None as long as it has no line, and for what is none of ours.
        first: its first line with LF.
        packed: by gzip.
        unread: why it could not be read; empty when it could.
    """

    state: State
    start: Place | None = None
    first: bytes = b""
    packed: bool = False
    unread: str = ""

    def is_of(self, place: Place) -> bool:
        """The place is in this file, or in a copy of it."""
        return self.start is not None and self.start.generation == place.generation

    def holds(self, place: Place) -> bool:
        """It has the bytes before the place. False also when it cannot be read so far."""
        if not self.is_of(place):
            return False
        size = min(MARKED, place.offset)
        before = self.read(place.offset - size, size)
        behind_a_line = len(before) == size and (not size or before.endswith(b"\n"))
        return behind_a_line and place.mark in {"", mark_of(before)}

    def behind(self, last: int, sought: int = SOUGHT) -> Place | None:
        """The place behind the last line that is not younger than so many seconds; its beginning when there is none.

        Args:
            last: seconds since 1970; 0: unknown.
            sought: bytes read at once.

        Raises:
            OSError: it cannot be read.
        """
        if self.start is None or not last:
            return self.start
        line, at = (0 if 0 < self.start.began <= last else -1), 0
        with closing(OpenLog(self.state.path)) as file:
            while len(data := file.read_whole(at, sought)) >= _LINE_BEGINS:
                line = max([line, *(at + one.start() + 1 for one in _LINE.finditer(data) if int(one[1]) <= last)])
                at += len(data) - _LINE_BEGINS + 1
            end = max(line, 0)
            while line >= 0 and (data := file.read_whole(end, sought)):
                end += data.find(b"\n") + 1 or len(data)
                if data.find(b"\n") >= 0:
                    break
            before = file.read_whole(max(0, end - MARKED), min(end, MARKED))
        return replace(self.start, offset=end, mark=mark_of(before) if end else "", last=last)

    def has(self, size: int) -> bool:
        """It has so many bytes."""
        return not size or len(self.read(size - 1, 1)) == 1

    def is_like(self, other: "LogFile", at: int) -> bool:
        """What both have from there on is the same, as far as is looked."""
        ours, theirs = self.read(at, COMPARED), other.read(at, COMPARED)
        common = min(len(ours), len(theirs))
        return ours[:common] == theirs[:common]

    def read(self, at: int, size: int) -> bytes:
        """So many bytes; fewer at the end; none when it cannot be read."""
        try:
            with closing(OpenLog(self.state.path)) as file:
                return file.read_whole(at, size)
        except OSError:
            return b""


@dataclass(frozen=True, slots=True)
class Found:
    """Where to go on.

    Attributes:
        file: in this one.
        place: there.
        same: it is the file sought.
        known: it is, or the file sought was there, and had no more.
        passed: files that may have come between, and could not be read.
        skipped: what the file has before the place is as old as what was read; it may be that, or something else.
    """

    file: LogFile
    place: Place
    same: bool = False
    known: bool = True
    passed: Sequence[LogFile] = field(default=())
    skipped: bool = False


class Folder:
    """Looks at the files whenever asked; their first lines are remembered.

    Args:
        path: the name that Asterisk writes to. Those of rotated files begin like it and go on with a dot or a dash, and
            a number or a date. Where it is a symbolic link, they may stand beside the link or beside the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[State, LogFile] = {}
        self._asked: object = None
        self._asks = 0
        self._found: Found | None = None

    def files(self) -> list[LogFile] | None:
        """All, in the order in which they were begun, the live one last. None: some are just being renamed.

        Raises:
            OSError: the folder or the live file cannot be read. A missing live file is no error.
        """
        before = self._states()
        files = {}
        for state in before:
            file = self._known.get(state) or _look(state)
            if file is None:
                return None
            files[state] = file
        # While names change, a file may bear one not yet read, and then one read before: it would not be seen at all.
        if {(one.path, one.identity) for one in self._states()} != {(one.path, one.identity) for one in before}:
            return None
        self._known = {state: file for state, file in files.items() if not file.unread}
        return sorted(files.values(), key=lambda file: (file.state.live, _began(file), file.state.modified))

    def go_on(self, place: Place, read: int) -> Found | None:
        """Where what follows a place stands; None: nowhere yet.

        Args:
            place: up to where all is told.
            read: bytes read of that file, half a line behind the place included.

        Raises:
            OSError: as `files`.
        """
        files = self.files()
        if files is None:
            return None
        asked = (place.dump(), read, tuple((file.state, file.unread) for file in files))
        if asked != self._asked or not self._asks:
            self._found, self._asked, self._asks = self._sought(files, place, read), asked, ASKED
        self._asks -= 1
        return self._found

    def _sought(self, files: Sequence[LogFile], place: Place, read: int) -> Found | None:
        holders = [file for file in files if file.holds(place)]
        longer = [file for file in holders if file.has(read if file.state.live else read + 1)]
        if longer:
            others = [file for file in longer[:-1] if not file.is_like(longer[-1], place.offset)]
            return Found(others[0] if others else max(longer, key=_worth), place, same=True)
        live = files[-1] if files and files[-1].state.live else None
        if live is not None and live.start is not None and live.is_of(place) and not holders:
            return _begun(live, place, known=False)
        return _next(files, place, holders)

    def _states(self) -> list[State]:
        """Each regular file once."""
        found: dict[Identity, State] = {}
        with suppress(FileNotFoundError):
            status = self._path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "is no regular file")
            _add(found, self._path, status, live=True)
        for path in self._rotated():
            with suppress(OSError):  # gone meanwhile, or a link to nowhere
                _add(found, path, path.stat(), live=False)
        youngest = sorted(found.values(), key=lambda state: (state.live, state.modified), reverse=True)
        return youngest[: MAX_FILES + 1]

    def _rotated(self) -> Iterator[Path]:
        names = [self._path, self._path.resolve()]
        for name in names:
            for entry in sorted(os.listdir(name.parent)):  # noqa: PTH208 - names are enough
                if entry.startswith(name.name) and _ROTATED.fullmatch(entry, len(name.name)):
                    path = name.parent / entry
                    yield path
                    if len(names) < MAX_LINKS and path.is_symlink() and (target := path.resolve()) not in names:
                        names.append(target)  # Asterisk renames the link, and others what it leads to


def _add(found: dict[Identity, State], path: Path, status: os.stat_result, *, live: bool) -> None:
    if stat.S_ISREG(status.st_mode):
        identity = status.st_dev, status.st_ino
        found.setdefault(identity, State(path, identity, status.st_size, status.st_mtime_ns, live))


def _look(state: State) -> LogFile | None:
    """What is in it; None: the name is meanwhile another file's.

    Raises:
        OSError: the live file cannot be read.
    """
    try:
        with closing(OpenLog(state.path)) as file:
            if file.identity != state.identity:
                return None
            first = first_line(file.beginning())
            packed = file.packed
    except FileNotFoundError:
        return None
    except OSError as error:
        if state.live:
            raise
        return LogFile(state, unread=error.strerror or type(error).__name__)
    return LogFile(state) if first is None else LogFile(state, start_of(first), first, packed)


def _began(file: LogFile) -> int:
    """Seconds. A file that does not tell stands where it was last written to."""
    told = 0 if file.start is None else file.start.began
    return told or file.state.modified // 1_000_000_000


def _worth(copy: LogFile) -> tuple[bool, bool, int]:
    """Of copies of one file, which to read."""
    return copy.state.live, not copy.packed, copy.state.size


def _next(files: Sequence[LogFile], place: Place, holders: Sequence[LogFile]) -> Found | None:
    """The file that was begun after the one of a place.

    Of the same first line, but without the place, are shorter copies of it, and (where its file is there to compare)
    others that were begun in the same second.
    """
    at = max((number for number, file in enumerate(files) if file in holders), default=None)
    known = at is not None or any(file.is_of(place) for file in files)
    if at is None:
        at = max((number for number, file in enumerate(files) if file.is_of(place)), default=-1)
    after = [
        file
        for file in files[at + 1 :]
        if (known or file.state.live or 0 < place.began < _began(file))
        and not (file.is_of(place) and file.is_like(holders[-1], 0))
    ]
    passed = []
    for file in after:
        if file.unread:
            passed.append(file)
        elif file.start is None:
            pass  # nothing is in it
        elif not file.start.began and not file.state.live:
            passed.append(replace(file, unread="begins with no time"))
        else:
            return _begun(file, place, known=known, passed=passed)
    return None


def _begun(file: LogFile, place: Place, *, known: bool, passed: Sequence[LogFile] = ()) -> Found | None:
    """Another file than that of the place: from its beginning, but without what is as old as what was read.

    A file that goes on where ours ended begins no earlier than ours ended. Ours itself, written anew by an editor, or
    an excerpt of it, does; and what is written after the clock was set back: that is skipped, and told as missing.

    Raises:
        OSError: it cannot be read.
    """
    start = file.start
    if start is not None and 0 < start.began < place.last - BACK:
        start = file.behind(place.last)
    if start is None:
        return None
    return Found(file, start, known=known, passed=tuple(passed), skipped=start.offset > 0)
