"""The folder of one journal: whose it is now, which life it has, and which positions may have been given out."""

import fcntl
import os
import re
from contextlib import suppress
from enum import Enum
from pathlib import Path
from random import SystemRandom

import structlog

from telephony.journal.sheet import PRIVATE, to_disk

LOCK, STATE = "lock", "life"
_FOLDER = 0o700
_STATE = re.compile(rb"threerings journal, life ([0-9]{19}), reserved ([0-9]{19}), (open|shut|lost)\n")
_STATE_BYTES = 512  # what a disk writes at once
_MAX_LIFE = 2**62
_PID_BYTES = 20
_log = structlog.get_logger()


class End(Enum):
    """How a process left the folder. Before its end, as if it were killed just then."""

    OPEN = b"open"
    """What it had committed is all that rests on the journal."""
    SHUT = b"shut"
    """`reserved` is the very last position."""
    LOST = b"lost"
    """It gave out positions that it could not write, or nothing is known."""


class JournalLocked(Exception):  # noqa: N818 - what it is
    """Another process writes this journal; the message says where and which."""


class Held:
    """A folder that is ours until `release`. Made by `hold`.

    Attributes:
        life: drawn when the folder was new; 0 when it cannot be known from the folder, until `begin`.
        reserved: no higher position was given out by an earlier process; 0 when unknown.
        end: how that one ended.
    """

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self.life, self.reserved, self.end = 0, 0, End.LOST
        self._lock: int | None = lock
        self._state: int | None = None

    def read(self) -> None:
        """What an earlier process left. Opens the state for good: it is overwritten in place, even on a full disk."""
        path = self.folder / STATE
        new = False
        try:
            self._state = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            new = True
        except OSError as error:
            _log.warning("journal_state_unwritable", path=str(path), reason=error.strerror)
        with suppress(OSError):
            if new:
                self._state = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
                os.fchmod(self._state, PRIVATE)
                return
            match = _STATE.match(path.read_bytes()[:_STATE_BYTES])
            if match is not None:
                self.life, self.reserved = int(match[1]), int(match[2])
                # What cannot be overwritten was not overwritten by the earlier one either.
                self.end = End.LOST if self._state is None else End(match[3])

    def begin(self, reserved: int) -> None:
        """This process begins to give out positions, up to `reserved` for now."""
        self.life = self.life or SystemRandom().randrange(1, _MAX_LIFE)
        with suppress(OSError):
            self.write(reserved, End.OPEN)
            to_disk(self.folder)

    def write(self, reserved: int, end: End) -> None:
        """Keep this for the next process, on disk when it returns.

        Raises:
            OSError: it could not be.
        """
        text = b"threerings journal, life %019d, reserved %019d, %s\n" % (self.life, reserved, end.value)
        if self._state is not None:
            os.pwrite(self._state, text.ljust(_STATE_BYTES - 1) + b"\n", 0)
            os.fdatasync(self._state)
        self.reserved, self.end = reserved, end

    def release(self) -> None:
        """Another process may have it. May be said again."""
        for handle in (self._state, self._lock):
            if handle is not None:
                os.close(handle)
        self._state = self._lock = None


def hold(folder: Path) -> Held:
    """Make the folder if need be, and take it.

    Raises:
        JournalLocked: somebody has it.
        OSError: it can be neither made nor opened.
    """
    folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    _make_private(folder)
    path = folder / LOCK
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
        os.fchmod(lock, PRIVATE)
    except OSError:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)  # a read-only disk has locks, too
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(lock, _PID_BYTES, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise JournalLocked(
            f"{folder} is written by process {pid or 'unknown'}; stop that one, or give this one another folder"
        ) from None
    except BaseException:
        os.close(lock)
        raise
    with suppress(OSError):
        os.pwrite(lock, str(os.getpid()).encode().ljust(_PID_BYTES - 1) + b"\n", 0)
    held = Held(folder, lock)
    held.read()
    return held


def _make_private(folder: Path) -> None:
    mode = folder.stat().st_mode & 0o777
    if mode == _FOLDER:
        return
    # Somebody may have named a folder with other things in it, such as /tmp: that is not ours to close.
    if (folder / STATE).exists() or not any(folder.iterdir()):
        with suppress(OSError):
            folder.chmod(_FOLDER)
            return
    _log.warning("journal_folder_is_not_private", folder=str(folder), mode=f"{mode:o}", remedy="chmod 700")
