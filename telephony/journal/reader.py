"""Reading a journal, also while it is written. Blocks; never changes anything."""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path

from telephony.journal import sheet
from telephony.journal.files import JournalFile, listing
from telephony.journal.record import Extent, Record, unpack

ROWS = 256
"""Groups that are fetched at once."""
FETCH_BYTES = 4_194_304
"""So much is fetched at once, or one group."""
_GROUP_SPAN = 1_000_000


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
        OSError: the folder cannot be read.
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
        OSError: the folder cannot be read.
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
    )


def salvaged(connection: sqlite3.Connection, since: int) -> Iterator[Record]:
    """The records of one file, stepping over what cannot be read.

    Raises:
        sheet.Damaged: it has no header of ours.
    """
    header = sheet.header_of(connection)
    last = since - 1
    step = 1
    while step <= _GROUP_SPAN:
        try:
            for group in _groups(connection, last + step):
                step = 1
                for record in unpack(group, header.boot):
                    if record.position > last:
                        last = record.position
                        yield record
        except sqlite3.Error as error:
            if not sheet.is_damage(error):
                return
            step *= 2
        else:
            return


def _groups(connection: sqlite3.Connection, since: int) -> Iterator[bytes]:
    """From the one in which `since` would be, each fetch a transaction of its own."""
    (start,) = connection.execute("SELECT max(first) FROM groups WHERE first <= ?", (since,)).fetchone()
    first = since if start is None else start
    while True:
        sizes = connection.execute(
            "SELECT first, length(data) FROM groups WHERE first >= ? ORDER BY first LIMIT ?", (first, ROWS)
        ).fetchall()
        if not sizes:
            return
        until, total = sizes[0]
        for position, size in sizes[1:]:
            total += size
            if total > FETCH_BYTES:
                break
            until = position
        rows = connection.execute(
            "SELECT data FROM groups WHERE first BETWEEN ? AND ? ORDER BY first", (first, until)
        ).fetchall()
        for (data,) in rows:
            if isinstance(data, bytes):
                yield data
        first = until + 1


def _of_file(file: JournalFile, since: int) -> Iterator[Record]:
    with suppress(sqlite3.Error, sheet.Damaged), closing(sheet.connect_to_read(file.path)) as connection:
        yield from salvaged(connection, since)


def _last(file: JournalFile) -> Record | None:
    found = None
    with suppress(sqlite3.Error, sheet.Damaged), closing(sheet.connect_to_read(file.path)) as connection:
        for record in salvaged(connection, max(1, sheet.last_of(connection))):
            found = record
    return found


def _beginning(folder: Path, since: int) -> JournalFile | None:
    """The file in which `since` is, or the first behind it."""
    files = listing(folder)
    for file in reversed(files):
        with suppress(sqlite3.Error, sheet.Damaged), closing(sheet.connect_to_read(file.path)) as connection:
            if sheet.header_of(connection).first <= since:
                return file
    return files[0] if files else None


def _next(folder: Path, file: JournalFile) -> JournalFile | None:
    return next((other for other in listing(folder) if (other.hour, other.number) > (file.hour, file.number)), None)
