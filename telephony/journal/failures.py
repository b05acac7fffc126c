"""Why a journal cannot be written, in words for whoever can help."""

import errno
import sqlite3
from pathlib import Path

from telephony.journal.sheet import is_full, is_read_only

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def told(folder: Path, error: OSError | sqlite3.Error) -> str:
    """What, where and the remedy, in one line."""
    number = error.errno if isinstance(error, OSError) else None
    if is_full(error) or number in _FULL:
        what, remedy = "the disk is full", "make room, or keep less of the journal"
    elif is_read_only(error) or number in _READ_ONLY:
        what, remedy = "it may not be written", "see whose it is, and whether the disk is mounted read-only"
    elif isinstance(error, TimeoutError):
        what, remedy = "the disk does not answer", "see the kernel's log"
    else:
        what, remedy = " ".join(str(error).split())[:200] or type(error).__name__, "see the kernel's log"
    return f"the journal in {folder} cannot be written: {what}; {remedy}"
