"""The files of one journal as its thread writes them: which is written, when the next begins, which must go."""

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import structlog

from telephony.journal import sheet
from telephony.journal.files import JournalFile, following, hour_of, listing, unfinished
from telephony.journal.folder import End, Held
from telephony.journal.sheet import Group, Header

NEEDED = "needed_from"
"""The mark that names the first position which a restart will read, in ASCII digits."""
FILE_BYTES = 268_435_456
"""A file that has so much is followed by another one, so that the check at the next start takes a moment only."""
_ROW_BYTES = 4_096
"""Beside its data, roughly, in the file and what lies beside it."""
OLD_FOR = 3_600.0
"""Seconds, by the monotonic clock, for which the time of day must say that a file is too old: it may be wrong."""
AT_ONCE = 3
"""Files that go for their age at one look."""
RESERVE = 2_000_000
"""Positions that are reserved at once; more are when half of them are used."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept: nothing older than `keep`, nothing beyond `max_bytes`."""

    keep: timedelta
    max_bytes: int


class Disk:
    """Used by one thread at a time, but for `keep_house`, which another one may call meanwhile.

    Args:
        held: the folder.
        boot: of the machine.
        limits: see there.
        wall: the time of day, with a zone.
        marks: what was marked before.
        look_every: how often to look whether the file is still there.
        clock: monotonic seconds.

    Attributes:
        bytes: on disk, as last looked.
        damaged: files that were set aside.
        marks: as last written.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        held: Held,
        boot: str,
        limits: Limits,
        wall: Callable[[], datetime],
        marks: Mapping[str, bytes],
        *,
        look_every: timedelta = timedelta(seconds=1),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bytes = 0
        self.damaged = 0
        self.marks = dict(marks)
        self._held, self._boot, self._limits, self._wall = held, boot, limits, wall
        self._folder = held.folder
        self._file: JournalFile | None = None
        self._inode = self._size = 0
        self._look_every, self._looked = look_every.total_seconds(), 0.0
        self._connection: sqlite3.Connection | None = None
        self._next: JournalFile | None = None
        self._left: deque[sqlite3.Connection] = deque()
        self._is_used = False
        self._clock = clock
        self._old: dict[str, float] = {}
        self._log = structlog.get_logger().bind(folder=str(held.folder))

    def go_on_with(self, file: JournalFile, header: Header) -> None:
        """This one was checked; it is written further if it may be."""
        if header.boot == self._boot and header.life == self._held.life:
            self._next = file

    def write(self, groups: list[Group], marks: Mapping[str, bytes], position: int) -> None:
        """One transaction, on disk when this returns.

        Args:
            groups: ascending.
            marks: these change.
            position: the highest that was given out.

        Raises:
            sqlite3.Error: nothing was written; try again.
            OSError: the same.
        """
        self.reserve(position)
        connection = self._ready(groups[0][0] if groups else position + 1)
        try:
            sheet.append(connection, groups, marks)
        except sqlite3.Error as error:
            self._let_go(error)
            raise
        self._is_used = True
        self._size += sum(len(data) + _ROW_BYTES for _, _, data in groups)
        self.marks.update(marks)

    def reserve(self, position: int, end: End = End.OPEN) -> None:
        """See to it that a next process gives out none of these again, whatever the files show.

        Raises:
            OSError: it could not be kept.
        """
        if self._held.end is End.LOST:
            end = End.LOST  # what was lost once stays so for the life of the process
        if self._held.reserved - position < RESERVE // 2 or end != self._held.end:
            self._held.write(position + RESERVE, end)

    def keep_house(self) -> None:
        """Unlink what is too old or too much, and let closed files stand alone.

        Of the newest file, which is being written if any is, nothing is touched. A clock that runs ahead for a while
        takes nothing away: for its age a file goes once it has been too old at every look for `OLD_FOR`.

        Raises:
            OSError: the folder cannot be read.
        """
        self._settle_left()
        files = listing(self._folder)
        sizes = {file: file.size() for file in files}
        total = sum(sizes.values())
        old = self._too_old(files[:-1])
        for file in files[:-1]:  # the newest one knows how far the positions are
            over = total > self._limits.max_bytes
            if not (over or file in old):
                continue
            if total <= 2 * self._limits.max_bytes and self._is_needed(file):
                continue
            try:
                file.unlink()
            except OSError as error:
                self._log.warning("journal_file_not_unlinked", file=file.path.name, reason=error.strerror)
                continue
            total -= sizes[file]
            self._log.info("journal_file_unlinked", file=file.path.name, reason="size" if over else "age")
        self.bytes = total
        for file in files[:-1]:
            if not file.damaged and file.sides()[1].exists():
                self._settle(file)

    def _too_old(self, files: Sequence[JournalFile]) -> list[JournalFile]:
        """Those that have been so for long enough, a few of them."""
        now, since = self._wall(), self._clock()
        old = [file for file in files if file.ended + self._limits.keep < now]
        self._old = {file.path.name: self._old.get(file.path.name, since) for file in old}
        surely = (file for file in old if since - self._old[file.path.name] >= OLD_FOR)
        return list(islice((file for file in surely if not self._is_needed(file)), AT_ONCE))

    def close(self) -> None:
        """Let all files stand alone."""
        self._leave()
        self._settle_left()

    def _leave(self) -> None:
        """Done with the file; whoever keeps house next closes it, for that takes longer than a commit may."""
        connection, self._connection, self._file = self._connection, None, None
        if connection is not None:
            self._left.append(connection)

    def _settle_left(self) -> None:
        with suppress(IndexError):
            while True:
                with closing(self._left.popleft()) as connection, suppress(sqlite3.Error):
                    sheet.settle(connection)

    def _ready(self, first: int) -> sqlite3.Connection:
        if self._connection is not None and self._file is not None:
            if self._may_go_on(self._file) and self._is_there(self._file):
                return self._connection
            self._leave()
        file, self._next = self._next, None
        self._size = 0 if file is None else file.size()
        if file is not None and file.path.exists() and self._may_go_on(file):
            try:
                self._is_used = True
                return self._open(file)
            except sqlite3.Error as error:
                self._log.warning("journal_file_left", file=file.path.name, reason=str(error)[:200])
        file = self._made(first)
        try:
            return self._open(file)
        except (OSError, sqlite3.Error):
            file.unlink()  # or each try would leave another one
            raise

    def _made(self, first: int) -> JournalFile:
        if not self._folder.exists():  # a person took it away
            self._folder.mkdir(mode=0o700, parents=True)
        files = listing(self._folder)
        file = following(self._folder, files[-1] if files else None, self._wall())
        try:
            sheet.make(file.path, Header(self._held.life, self._boot, first), self.marks)
        except (OSError, sqlite3.Error):
            for rest in unfinished(self._folder):
                with suppress(OSError):
                    rest.unlink()
            raise
        self._is_used = False
        return file

    def _may_go_on(self, file: JournalFile) -> bool:
        return hour_of(self._wall()) <= file.hour and self._size < min(FILE_BYTES, self._limits.max_bytes // 8)

    def _is_there(self, file: JournalFile) -> bool:
        """Should a person take it away, SQLite would write on into nothing.

        Not at each commit: whoever asks the kernel gives the GIL away, and a busy event loop keeps it for 5 ms.
        """
        now = time.monotonic()
        if now - self._looked < self._look_every:
            return True
        self._looked = now
        try:
            return file.path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def _open(self, file: JournalFile) -> sqlite3.Connection:
        self._connection = sheet.connect_to_write(file.path)
        self._file, self._inode, self._size = file, file.path.stat().st_ino, file.size()
        self._looked = time.monotonic()
        return self._connection

    def _let_go(self, error: sqlite3.Error) -> None:
        """After a failure, nothing that SQLite remembers of the file is relied on; after some, nor is the file."""
        file, connection = self._file, self._connection
        self._file = self._connection = None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
        if file is None:
            return
        if sheet.is_passing(error):
            self._next = file
        elif not self._is_used:
            with suppress(OSError):
                file.unlink()  # or each try would leave another one
        elif sheet.is_damage(error):
            self.set_aside(file, str(error)[:200])

    def set_aside(self, file: JournalFile, reason: str) -> JournalFile | None:
        """Keep a damaged file for reading, and write it no more; None when it cannot be renamed."""
        self.damaged += 1
        aside = None
        with suppress(OSError):
            aside = file.set_aside()
        self._log.error(
            "journal_file_damaged", file=(aside or file).path.name, reason=reason, remedy="its rest is still read"
        )
        return aside

    def _is_needed(self, file: JournalFile) -> bool:
        needed = self.marks.get(NEEDED, b"")
        if not needed.isdigit():
            return False
        try:
            with closing(sheet.connect_to_read(file.path)) as connection:
                return sheet.last_of(connection) >= int(needed)
        except sqlite3.Error as error:
            # Too many open files, a lock: what cannot be looked at now may well be needed.
            return not sheet.is_damage(error)

    def _settle(self, file: JournalFile) -> None:
        try:
            with closing(sheet.connect(file.path)) as connection:
                sheet.settle(connection)
        except sqlite3.Error as error:
            if sheet.is_damage(error):
                self.set_aside(file, str(error)[:200])
