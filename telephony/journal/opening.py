"""What an earlier process left: where to go on, with which marks. Damage is set aside, no reason not to start."""

import sqlite3
from contextlib import closing, suppress

import structlog

from telephony.journal import sheet
from telephony.journal.disk import Disk
from telephony.journal.files import FRESH, JournalFile, listing
from telephony.journal.folder import Held
from telephony.journal.reader import salvaged

SKIP = 1_000_000
"""Left out after damage, beyond all that is known to have been given out."""
UNKNOWN_SKIP = 1_000_000_000
"""Left out when nothing is known: more than a file can hold."""
_log = structlog.get_logger()


def find(held: Held, disk: Disk) -> int:
    """The position to go on behind; `disk` and `held` learn what they need.

    Raises:
        OSError: the folder cannot be read.
    """
    for fresh in held.folder.glob(f"*{FRESH}*"):
        with suppress(OSError):
            fresh.unlink()
    files = listing(held.folder)
    new = not files and not held.life
    doubtful = held.doubtful and not new
    highest = life = 0
    for file in reversed(files):
        if file.damaged:
            highest, doubtful = max(highest, _highest_of(file)), doubtful or file is files[-1]
            continue
        try:
            summary = sheet.checked(file.path)
        except sheet.Damaged as damage:
            doubtful = True
            aside = disk.set_aside(file, str(damage)) or file
            highest = max(highest, _highest_of(aside))
            continue
        except sqlite3.Error as error:
            doubtful = True
            _log.warning("journal_file_left", file=file.path.name, reason=str(error)[:200])
            continue
        life = summary.header.life
        highest = max(highest, summary.last, summary.header.first - 1)
        disk.marks = summary.marks
        held.life = held.life or life
        if file == files[-1]:
            disk.go_on_with(file, summary.header)
        break
    if not doubtful:
        return highest
    return max(highest + (SKIP if held.reserved else UNKNOWN_SKIP), held.reserved + SKIP)


def _highest_of(file: JournalFile) -> int:
    highest = 0
    with suppress(sqlite3.Error, sheet.Damaged), closing(sheet.connect_to_read(file.path)) as connection:
        for record in salvaged(connection, 1):
            highest = max(highest, record.position)
    return highest
