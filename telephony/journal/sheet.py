"""One file of the journal as SQLite sees it: tables, making, checking, appending, closing.

A row of `groups` holds what was committed at once, see `record`: to write is then one statement, and each statement
gives the GIL away and has to win it back from a busy event loop (docs/decisions/journal.md).

Never open such a file beside SQLite: to close it would take away the locks that SQLite holds on it (POSIX).
"""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from telephony.journal.files import FRESH, SIDES

FORMAT = 1
_TABLES = (
    "CREATE TABLE header (format INTEGER NOT NULL, life INTEGER NOT NULL, boot TEXT NOT NULL, first INTEGER NOT NULL)",
    "CREATE TABLE groups (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, data BLOB NOT NULL)",
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
)
_INSERT = "INSERT INTO groups VALUES (?, ?, ?) ON CONFLICT (first) DO NOTHING"
_BUSY = 2.0
"""Seconds to wait for a reader that recovers a file, or a writer that closes it."""
_CHECKPOINT_PAGES = 2_000
_WAL_BYTES = 16_777_216
PRIVATE = 0o600

Group = tuple[int, int, bytes]
"""First position, last position, records."""


class Damaged(Exception):  # noqa: N818 - what it is
    """A file that must be set aside; the message says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself.

    Attributes:
        life: of the journal.
        boot: of the machine while it was written.
        first: no position in it is lower.
    """

    life: int
    boot: str
    first: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What is to be known of a file in order to go on with it. `last` 0: it has no records."""

    header: Header
    last: int
    marks: dict[str, bytes]


def make(path: Path, header: Header, marks: Mapping[str, bytes]) -> None:
    """A new file with its header, whole or not at all, on disk when this returns.

    Raises:
        sqlite3.Error: it cannot be written.
        OSError: the same.
    """
    fresh = path.with_name(path.name + FRESH)
    for side in SIDES:
        fresh.with_name(fresh.name + side).unlink(missing_ok=True)
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE)
    os.fchmod(handle, PRIVATE)
    os.close(handle)
    with closing(connect(fresh)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # one fsync for all, below
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN")
        for table in _TABLES:
            connection.execute(table)
        connection.execute("INSERT INTO header VALUES (?, ?, ?, ?)", (FORMAT, header.life, header.boot, header.first))
        connection.executemany("INSERT INTO marks VALUES (?, ?)", marks.items())
        connection.execute("COMMIT")
    to_disk(fresh)
    fresh.rename(path)
    to_disk(path.parent)


def to_disk(path: Path) -> None:
    """Wait until a file that nobody has open, or a folder, is on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def connect(path: Path) -> sqlite3.Connection:
    """For reading and writing; the file must be there."""
    return _connect(f"{path.absolute().as_uri()}?mode=rw")


def connect_to_write(path: Path) -> sqlite3.Connection:
    """What is committed is on disk; readers are not in the way, nor we in theirs."""
    connection = connect(path)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise sqlite3.OperationalError(f"journal_mode is {mode}")  # noqa: TRY301 - closed below like all else
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Changes nothing but what a killed writer left half done; works beside a living one, and on a read-only disk.

    Raises:
        sqlite3.Error: it is not there, or is no such file.
    """
    try:
        return _connect_to_read(path, "mode=ro")
    except sqlite3.OperationalError as error:
        if not is_read_only(error) or not path.exists():
            raise
    # A writer was killed while a file began or ended; who only reads may not put that right, and nobody else will.
    with suppress(sqlite3.Error), closing(connect(path)) as connection:
        connection.execute("PRAGMA schema_version").fetchone()
    try:
        return _connect_to_read(path, "mode=ro")
    except sqlite3.OperationalError as error:
        # Where nothing can be written beside it, SQLite reads a file in WAL mode only when told that it never changes.
        if not is_read_only(error) or path.with_name(path.name + "-wal").exists():
            raise
    return _connect_to_read(path, "mode=ro&immutable=1")


def _connect_to_read(path: Path, how: str) -> sqlite3.Connection:
    connection = _connect(f"{path.absolute().as_uri()}?{how}")
    try:
        connection.execute("PRAGMA writable_schema = ON")  # so that one which was cut off is read as far as it goes
        connection.execute("PRAGMA schema_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(uri: str) -> sqlite3.Connection:
    # One thread after the other may use it: SQLite is serialized, and so are we.
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")  # damaged text is no error of its own
    return connection


def checked(path: Path) -> Summary:
    """Look through all of it. What a killed process left beside it is taken in.

    Raises:
        Damaged: its structure is broken, or its format is not ours.
        sqlite3.Error: it cannot be read just now.
    """
    try:
        with closing(connect(path)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise Damaged(str(verdict)[:200])
            header = header_of(connection)
            return Summary(header, last_of(connection), marks_of(connection))
    except sqlite3.Error as error:
        if is_damage(error):
            raise Damaged(str(error)[:200]) from error
        raise


def header_of(connection: sqlite3.Connection) -> Header:
    """Its header.

    Raises:
        Damaged: there is none of a format that we know.
        sqlite3.Error: it cannot be read.
    """
    row = connection.execute("SELECT format, life, boot, first FROM header").fetchone()
    if row is None:
        raise Damaged("no header")
    if row[0] != FORMAT:
        raise Damaged(f"its format is {row[0]!r:.20}; this version of Three Rings knows {FORMAT}")
    _, life, boot, first = row
    if not (isinstance(life, int) and isinstance(boot, str) and isinstance(first, int)):
        raise Damaged("no header")
    return Header(life, boot, first)


def last_of(connection: sqlite3.Connection) -> int:
    """The highest position in it, 0 if it has no records."""
    row = connection.execute("SELECT last FROM groups ORDER BY first DESC LIMIT 1").fetchone()
    return row[0] if row is not None and isinstance(row[0], int) else 0


def marks_of(connection: sqlite3.Connection) -> dict[str, bytes]:
    """All marks in it."""
    rows = connection.execute("SELECT name, value FROM marks").fetchall()
    return {name: value for name, value in rows if isinstance(name, str) and isinstance(value, bytes)}


def append(connection: sqlite3.Connection, groups: Sequence[Group], marks: Mapping[str, bytes]) -> None:
    """All or nothing; on disk when this returns. May be said again: what is there already stays as it is.

    Raises:
        sqlite3.Error: nothing was written.
    """
    if len(groups) == 1 and not marks:
        connection.execute(_INSERT, groups[0])  # a transaction of its own
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for group in groups:
            connection.execute(_INSERT, group)
        for mark in marks.items():
            connection.execute(
                "INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", mark
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def settle(connection: sqlite3.Connection) -> None:
    """Take in what lies beside the file, so that it stands alone. Waits for no reader.

    Raises:
        sqlite3.Error: it could not be done now; nothing is lost.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.execute("PRAGMA journal_mode = DELETE").fetchone()


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is at fault, and not the disk or the moment."""
    if _primary(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA}:
        return True
    # "no such table" is SQLITE_ERROR: the statement is right, so the file is not.
    return _primary(error) == sqlite3.SQLITE_ERROR and str(error).startswith("no such")


def is_full(error: Exception) -> bool:
    """Whether there is no room."""
    return isinstance(error, sqlite3.Error) and _primary(error) == sqlite3.SQLITE_FULL


def is_read_only(error: Exception) -> bool:
    """Whether it may not be written."""
    codes = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
    return isinstance(error, sqlite3.Error) and _primary(error) in codes


def is_passing(error: sqlite3.Error) -> bool:
    """Whether the file itself is as it was, so that it can be written further once there is room, say.

    After a failed fsync it is not: the kernel may give from memory what the disk never got.
    """
    codes = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
    return _primary(error) in codes or is_read_only(error)


def is_unreadable_here(error: sqlite3.Error) -> bool:
    """Whether this part of the file cannot be read, but others perhaps can."""
    return is_damage(error) or _primary(error) == sqlite3.SQLITE_IOERR


def is_gone(error: sqlite3.Error, path: Path) -> bool:
    """Whether it could not be read because it was unlinked meanwhile."""
    return _primary(error) == sqlite3.SQLITE_CANTOPEN and not path.exists()


def _primary(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
