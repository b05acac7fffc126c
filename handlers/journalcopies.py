"""The journals into a backup, and back. Each file as SQLite copies it; only the marks are not those of its end.

A mark says what was in the database when it was written. So a copy has the marks that were there *before* the database
was saved: what ended in between is in the copy's records, and a restart reads them. Marks that are too old cost time
and nothing else, see docs/decisions/restart.md.
"""

import errno
import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import structlog

from handlers.holding import TAKEN, TERM, is_overtaken
from handlers.manifest import DUMP, JOURNAL, Manifest, new, to_disk
from telephony.cases.lease import Take
from telephony.journal import sheet
from telephony.journal.files import JournalFile, listing
from telephony.journal.reader import extent

LIFE = "life"
"""Beside a journal's files: what tells it from another journal."""
PIECE = 1_048_576
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Marked:
    """What one journal has marked at some instant.

    Attributes:
        marks: by their names.
        since: the file that was written then; None: there was none.
    """

    marks: Mapping[str, bytes]
    since: JournalFile | None


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied.

    Attributes:
        positions: the first and the last position in the journal of each PBX.
        left_out: files that are not in the copy, and why.
    """

    positions: dict[str, tuple[int, int]]
    left_out: list[str]


def folders(journals: Path) -> list[Path]:
    """Of each PBX."""
    return sorted(path for path in journals.iterdir() if path.is_dir()) if journals.is_dir() else []


def marked(journals: Path) -> dict[str, Marked]:
    """What the journal of each PBX has marked now; for `save`, before the database is saved.

    Raises:
        OSError: a folder cannot be read.
    """
    return {folder.name: marked_in(folder) for folder in folders(journals)}


def marked_in(folder: Path) -> Marked:
    """What one journal has marked, as a start would find it now: by its newest file that can be read.

    Raises:
        OSError: the folder cannot be read.
    """
    for file in reversed(listing(folder)):
        if file.damaged:
            continue
        try:
            with closing(sheet.connect_to_read(file.path)) as connection:
                return Marked(sheet.marks_of(connection), file)
        except sqlite3.Error:
            continue  # told when it is to be copied
    return Marked({}, None)


def save(journals: Path, into: Path, before: Mapping[str, Marked], takes: Mapping[str, Take]) -> Copied:
    """Copy all journals, whoever writes them.

    Args:
        journals: the folder of all.
        into: is made, if there is one.
        before: `marked`, before the database was saved.
        takes: who had the lease of each PBX, as it was when the database had been saved.

    Raises:
        OSError: a file cannot be written, or the disk is full.
    """
    positions, left_out = {}, []
    for source in folders(journals):
        target = into / source.name
        into.mkdir(mode=0o700, exist_ok=True)
        target.mkdir(mode=0o700)
        told = before.get(source.name, Marked({}, None))
        marks, is_ours = to_go_on_from(told.marks, takes.get(unquote(source.name)))
        if not is_ours:
            log.warning("journal_will_not_be_resumed", pbx=unquote(source.name), reason="another instance has followed")
        left_out += _save_files(source, target, Marked(marks, told.since))
        if (source / LIFE).exists():
            with os.fdopen(new(target / LIFE), "wb") as out:
                out.write((source / LIFE).read_bytes())  # last: it tells how far positions may have been given out
        found = extent(target)
        positions[source.name] = (found.first, found.last)
    return Copied(positions, left_out)


def to_go_on_from(marks: Mapping[str, bytes], take: Take | None) -> tuple[dict[str, bytes], bool]:
    """The marks of a journal as they are to be in a copy; and whether a restart may rest on them.

    In a restored database nobody has had a lease yet, so that nothing in a copy tells whether its journal is the newest
    that is known of its PBX: that is decided now.

    Args:
        marks: of the journal.
        take: who has the lease, or had it last; None: nobody.
    """
    if take is not None and is_overtaken(marks, take):
        return {}, False
    return {name: value for name, value in marks.items() if name not in {TAKEN, TERM}}, True


def _save_files(source: Path, target: Path, told: Marked) -> list[str]:
    """Copy the files of one journal; those that could not be, and why."""
    left_out = []
    for file in listing(source):
        name = f"{source.name}/{file.path.name}"
        if file.damaged:
            left_out.append(f"{JOURNAL}/{name}: it was set aside as damaged; copy it by hand")
            log.warning("journal_file_not_saved", file=name, error="set aside as damaged")
            continue
        is_later = told.since is None or (file.hour, file.number) >= (told.since.hour, told.since.number)
        try:
            _save_file(file.path, target / file.path.name, told.marks if is_later else None)
        except sqlite3.Error as error:
            (target / file.path.name).unlink(missing_ok=True)
            if sheet.is_full(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
            if file.path.exists():  # else its time was over
                left_out.append(f"{JOURNAL}/{name}: {error}")
                log.warning("journal_file_not_saved", file=name, error=str(error))
    return left_out


def _save_file(source: Path, target: Path, marks: Mapping[str, bytes] | None) -> None:
    """As SQLite's own backup does: a picture of one instant, in the way of no writer; with these marks, if any."""
    os.close(new(target))
    address = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as old, closing(sqlite3.connect(target)) as copy:
        old.backup(copy)
        if marks is not None:
            copy.execute("DELETE FROM marks")
            copy.executemany("INSERT INTO marks VALUES (?, ?)", marks.items())
            copy.commit()
        copy.execute("PRAGMA journal_mode = DELETE")  # to read it leaves nothing beside it


def bring_back(manifest: Manifest, folder: Path, into: Path) -> None:
    """The journals of a backup, into a folder that is made anew, and on disk when this returns.

    Raises:
        OSError: it cannot be written, or the backup not be read.
    """
    shutil.rmtree(into, ignore_errors=True)  # of a restore that was broken off
    into.mkdir(mode=0o700)
    for each in manifest.files:
        if each.path == DUMP:
            continue
        target = into / Path(each.path).relative_to(JOURNAL)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with (folder / each.path).open("rb") as source, os.fdopen(new(target), "wb") as out:
            shutil.copyfileobj(source, out, PIECE)
        to_disk(target)
        to_disk(target.parent)
    to_disk(into)
