"""A clock that stands until it is told, and journals with short words."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from telephony.journal.disk import OLD_FOR, Disk, Limits
from telephony.journal.folder import Held
from telephony.journal.reader import records
from telephony.journal.record import Record, head
from telephony.journal.sheet import Group
from telephony.journal.writer import Journal

START = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
DAYS = timedelta(days=20_000)
Opens = Callable[..., Journal]


class Wall:
    """The time of day; shows what it is set to. `mono`: the monotonic clock, in seconds, which is set by itself."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at
        self.mono = 0.0

    def __call__(self) -> datetime:
        return self.at


def put(journal: Journal, *said: bytes, source: int = 1) -> int:
    """Append these; the last one's position."""
    position = journal.position
    for data in said:
        position = journal.append(source, timedelta(seconds=1), DAYS, data)
    return position


def told(folder: Path, since: int = 1) -> list[tuple[int, bytes]]:
    """What a reader gets."""
    return [(record.position, record.data) for record in records(folder, since)]


def positions(folder: Path, since: int = 1) -> list[int]:
    """Theirs only."""
    return [record.position for record in records(folder, since)]


def group(first: int, *said: bytes) -> Group:
    """A row of a file."""
    packed = b"".join(head(at, 1, timedelta(), timedelta(), data) + data for at, data in enumerate(said, first))
    return first, first + len(said) - 1, packed


def disk(held: Held, wall: Wall, keep: timedelta = timedelta(days=7), max_bytes: int = 2**30) -> Disk:
    """The thread's side, used from here."""
    limits = Limits(keep, max_bytes)
    return Disk(held, "boot-a", limits, wall, {}, look_every=timedelta(0), clock=lambda: wall.mono)


def keep_house(disk: Disk, wall: Wall, looks: int = 10) -> None:
    """Look, and again when the clock has said the same for long enough."""
    disk.keep_house()
    wall.mono += OLD_FOR
    for _ in range(looks):
        disk.keep_house()


def names(folder: Path) -> list[str]:
    """What lies in the folder, but for its lock and its life."""
    return sorted(path.name for path in folder.iterdir() if path.name not in {"lock", "life"})


def the_file(folder: Path) -> Path:
    """The only one."""
    (path,) = folder.glob("*Z*.sqlite3")
    return path


def record(position: int, data: bytes) -> Record:
    """As `put` writes it."""
    return Record(position, 1, timedelta(seconds=1), DAYS, data, "boot-a")
