"""The files of a journal by their names: one an hour, `20261122T08Z.sqlite3`, in UTC.

A second one of the same hour is `20261122T08Z.1.sqlite3`; one that was set aside ends in `.damaged`. Their order is
the order of their positions. Whatever else lies in the folder is not ours and is left alone.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_ISREG

HOUR = timedelta(hours=1)
DAMAGED = ".damaged"
FRESH = ".fresh"
"""The end of a file that is being made."""
SIDES = ("", "-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, itself included."""
_NAME = re.compile(r"([0-9]{8}T[0-9]{2})Z(?:\.([1-9][0-9]{0,8}))?\.sqlite3(\.damaged)?")
_HOUR = "%Y%m%dT%H"


@dataclass(frozen=True, slots=True, order=True)
class JournalFile:
    """One file.

    Attributes:
        hour: its beginning.
        number: 0 for the first of the hour.
        path: where.
    """

    hour: datetime
    number: int
    path: Path

    @property
    def damaged(self) -> bool:
        """Whether it was set aside."""
        return self.path.name.endswith(DAMAGED)

    @property
    def ended(self) -> datetime:
        """Nothing in it was written later, by our clock."""
        return self.hour + HOUR

    def size(self) -> int:
        """Bytes, with what SQLite keeps beside it."""
        total = 0
        for side in self.sides():
            with suppress(OSError):
                total += side.stat().st_size
        return total

    def sides(self) -> list[Path]:
        """The file itself first."""
        return [self.path.with_name(self.path.name + side) for side in SIDES]

    def unlink(self) -> None:
        """Take it away.

        Raises:
            OSError: it does not go.
        """
        for side in reversed(self.sides()):  # the file last: what lies beside it is found again by its name only
            side.unlink(missing_ok=True)

    def set_aside(self) -> "JournalFile":
        """Rename it, so that it is written no more.

        Raises:
            OSError: it cannot be renamed.
        """
        aside = JournalFile(self.hour, self.number, self.path.with_name(self.path.name + DAMAGED))
        for old, new in zip(reversed(self.sides()), reversed(aside.sides()), strict=True):
            with suppress(FileNotFoundError):
                old.rename(new)
        return aside


def listing(folder: Path) -> list[JournalFile]:
    """All regular files of ours, oldest first; none where there is no folder.

    Raises:
        OSError: the folder cannot be read.
    """
    found = []
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            named = named_so(path)
            with suppress(OSError):
                if named is not None and S_ISREG(path.lstat().st_mode):
                    found.append(named)
    return sorted(found)


def named_so(path: Path) -> JournalFile | None:
    """The file of that name, if it is a name of ours."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    with suppress(ValueError):  # such as month 13
        hour = datetime.strptime(match[1], _HOUR).replace(tzinfo=UTC)
        return JournalFile(hour, int(match[2] or 0), path)
    return None


def unfinished(folder: Path) -> list[Path]:
    """What a process that was killed while it made a file has left of it."""
    found = []
    for path in folder.glob(f"*{FRESH}*"):
        stem, _, side = path.name.partition(FRESH)
        if side in SIDES and named_so(path.with_name(stem)) is not None:
            found.append(path)
    return found


def following(folder: Path, newest: JournalFile | None, at: datetime) -> JournalFile:
    """The file that comes after `newest`, for what is written at `at`; its name is free."""
    hour = hour_of(at)
    number = 0
    if newest is not None and newest.hour >= hour:  # the clock may have stepped back; the order may not
        hour, number = newest.hour, newest.number + 1
    while True:
        stem = f"{hour.strftime(_HOUR)}Z"
        path = folder / (f"{stem}.{number}.sqlite3" if number else f"{stem}.sqlite3")
        if not any(os.path.lexists(taken) for taken in (path, path.with_name(path.name + DAMAGED))):
            return JournalFile(hour, number, path)
        number += 1


def hour_of(at: datetime) -> datetime:
    """The beginning of its hour in UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
