"""What an earlier process left: where to go on, with which marks. Damage is set aside, no reason not to start."""

import sqlite3
from contextlib import suppress

import structlog

from telephony.journal import sheet
from telephony.journal.disk import RESERVE, Disk
from telephony.journal.files import listing, unfinished
from telephony.journal.folder import End, Held
from telephony.journal.reader import records
from telephony.journal.sheet import Summary

SKIP = 1_000_000
"""Left out when in doubt, beyond all that is known to have been given out."""
UNKNOWN_SKIP = 1_000_000_000
"""Left out when nothing is known but what the files show: more than a file can hold."""


def find(held: Held, disk: Disk, boot: str) -> int:
    """The position to go on behind; `disk` and `held` learn what they need.

    Args:
        held: the folder.
        disk: learns the marks, and whether the newest file is written further.
        boot: of the machine.

    Raises:
        OSError: the folder cannot be read.
    """
    for rest in unfinished(held.folder):
        with suppress(OSError):
            rest.unlink()
    had_files = bool(listing(held.folder))
    if not had_files and not held.life:
        return 0
    is_certain, summary = _look(held, disk)
    highest = 0
    if summary is not None:
        highest = max(summary.last, summary.header.first - 1)
        held.life = held.life or summary.header.life
        disk.marks = summary.marks
    if held.end is End.SHUT:
        return max(highest, held.reserved)
    # A machine that died may have lost what its disk said to have; and somebody may have taken files away.
    is_same = summary is not None and summary.header.boot == boot and highest >= held.reserved - RESERVE
    if is_certain and is_same and held.end is End.OPEN:
        return highest
    if held.reserved:
        return max(highest, held.reserved) + SKIP
    return max([highest, *(record.position for record in records(held.folder, highest + 1))]) + UNKNOWN_SKIP


def _look(held: Held, disk: Disk) -> tuple[bool, Summary | None]:
    """Whether the newest file is sound, and the newest sound one."""
    log = structlog.get_logger().bind(folder=str(held.folder))
    files = listing(held.folder)
    for file in reversed(files):
        if file.damaged:
            continue
        try:
            summary = sheet.checked(file.path)
        except sheet.Damaged as damage:
            disk.set_aside(file, str(damage))
        except sqlite3.Error as error:
            log.warning("journal_file_left", file=file.path.name, reason=str(error)[:200])
        else:
            held.life = held.life or summary.header.life
            if file == files[-1]:
                disk.go_on_with(file, summary.header)
            return file == files[-1], summary
    return False, None
