"""Reading a journal, also while it is written. Blocks; never changes anything."""

import errno
import sqlite3
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from telephony.journal import sheet
from telephony.journal.files import JournalFile, listing
from telephony.journal.record import Extent, Record, unpack

ROWS = 256
"""Groups that are fetched at once."""
FETCH_BYTES = 4_194_304
"""So much is fetched at once, or one group."""
_MAX_POSITION = 2**62


def records(
    folder: Path, since: int = 1, until: int | None = None, sources: Collection[int] | None = None
) -> Iterator[Record]:
    """Ascending by position, over all files, up to what is on disk when the end is reached.

    Holds a few megabytes whatever the journal has, and no lock between two records: a writer is not kept waiting.
    Of damaged files, what can be read. Where a file goes while it is read, its records end.

    Args:
        folder: of the journal; one that is not there has no records.
        since: the first position wanted.
        until: the last one; None for all.
        sources: those wanted; None for all.

    Raises:
        OSError: the folder or a file cannot be read just now, or by us.
    """
    last = since - 1
    file = _beginning(folder, since)
    while file is not None and (until is None or last < until):
        newer = _next(folder, file)
        for record in _of_file(file, last + 1):
            if until is not None and record.position > until:
                return
            last = record.position
            if sources is None or record.source in sources:
                yield record
        if newer is None:
            # The writer may have gone on in this file, and only then begun the next one.
            newer = _next(folder, file)
            if newer is not None:
                continue
        file = newer


def extent(folder: Path) -> Extent:
    """What there is. Reads the first and the last group only.

    Raises:
        OSError: the folder or a file cannot be read just now, or by us.
    """
    files = listing(folder)
    first = next((record for file in files for record in _of_file(file, 1)), None)
    last = next((record for file in reversed(files) if (record := _last(file)) is not None), None)
    return Extent(
        first.position if first else 0,
        last.position if last else 0,
        first.at if first else None,
        last.at if last else None,
        sum(file.size() for file in files),
        len(files),
        sum(file.damaged for file in files),
        next((life for file in reversed(files) if (life := _life(file))), 0),
    )


def _of_file(file: JournalFile, since: int) -> Iterator[Record]:
    last = since - 1
    with _reading(file) as connection:
        if connection is None:
            return
        boot = _boot(connection)
        for group in _groups(connection, since):
            for record in unpack(group, boot):
                if record.position > last:
                    last = record.position
                    yield record


def _boot(connection: sqlite3.Connection) -> str:
    try:
        return sheet.header_of(connection).boot
    except sqlite3.Error as error:
        if not sheet.is_unreadable_here(error):
            raise
        return ""  # each record proves itself


def _last(file: JournalFile) -> Record | None:
    last = 0
    with _reading(file) as connection, suppress(sqlite3.Error):
        last = sheet.last_of(connection) if connection is not None else 0
    records_there = deque(_of_file(file, max(1, last)), maxlen=1)
    return records_there[0] if records_there else None


@contextmanager
def _reading(file: JournalFile) -> Iterator[sqlite3.Connection | None]:
    """A connection, or None when the file is gone or no file of ours; what goes wrong inside for such a reason ends it.

    Raises:
        OSError: it cannot be read just now, or by us.
    """
    try:
        connection = sheet.connect_to_read(file.path)
    except sqlite3.Error as error:
        _judge(error, file)
        yield None
        return
    with closing(connection):
        try:
            yield connection
        except sheet.Damaged:
            return
        except sqlite3.Error as error:
            _judge(error, file)


def _judge(error: sqlite3.Error, file: JournalFile) -> None:
    if not sheet.is_unreadable_here(error) and not sheet.is_gone(error, file.path):
        raise OSError(errno.EIO, str(error), str(file.path)) from error


def _groups(connection: sqlite3.Connection, since: int) -> Iterator[bytes]:
    """From the one in which `since` would be, each fetch a transaction of its own; around what cannot be read."""
    first = since
    try:
        (start,) = connection.execute("SELECT max(first) FROM groups WHERE first <= ?", (since,)).fetchone()
        first = since if start is None else start
        while rows := _fetched(connection, first):
            for first, data in rows:  # noqa: B007 - where to go on, should the next one not be readable
                if isinstance(data, bytes):
                    yield data
            first += 1
    except sqlite3.Error as error:
        if not sheet.is_unreadable_here(error):
            raise
        yield from _groups_around(connection, 0 if first == since else first)


def _fetched(connection: sqlite3.Connection, first: int) -> list[tuple[int, bytes]]:
    """Some groups from this position on."""
    sizes = connection.execute(
        "SELECT first, length(data) FROM groups WHERE first >= ? ORDER BY first LIMIT ?", (first, ROWS)
    ).fetchall()
    if not sizes:
        return []
    until, total = sizes[0]
    for position, size in sizes[1:]:
        total += size
        if total > FETCH_BYTES:
            break
        until = position
    return connection.execute(
        "SELECT first, data FROM groups WHERE first BETWEEN ? AND ? ORDER BY first", (first, until)
    ).fetchall()


def _groups_around(connection: sqlite3.Connection, first: int) -> Iterator[bytes]:
    """One by one, from this position on; where one cannot be read, from the next that can."""
    while first <= _MAX_POSITION:
        found = _one(connection, first)
        if found is not None:
            position, data = found
            if data is None:
                return
            yield data
            first = position + 1
            continue
        step = 1
        while _one(connection, first + step) is None and first + step <= _MAX_POSITION:
            step *= 2
        low, first = first + step // 2, first + step
        while low < first:
            middle = (low + first) // 2
            if _one(connection, middle) is None:
                low = middle + 1
            else:
                first = middle


def _one(connection: sqlite3.Connection, first: int) -> tuple[int, bytes | None] | None:
    """The next group; one without data at the end; None for one that cannot be read."""
    try:
        row = connection.execute(
            "SELECT first, data FROM groups WHERE first >= ? ORDER BY first LIMIT 1", (first,)
        ).fetchone()
    except sqlite3.Error as error:
        if not sheet.is_unreadable_here(error):
            raise
        return None
    if row is None:
        return 0, None
    return (row[0], row[1]) if isinstance(row[1], bytes) and row[0] >= first else None


def _beginning(folder: Path, since: int) -> JournalFile | None:
    """The file in which `since` is, or the first behind it."""
    files = listing(folder)
    for file in reversed(files):
        with _reading(file) as connection:
            if connection is not None and sheet.header_of(connection).first <= since:
                return file
    return files[0] if files else None


def _life(file: JournalFile) -> int:
    with _reading(file) as connection:
        if connection is not None:
            return sheet.header_of(connection).life
    return 0


def _next(folder: Path, file: JournalFile) -> JournalFile | None:
    return next((other for other in listing(folder) if (other.hour, other.number) > (file.hour, file.number)), None)
