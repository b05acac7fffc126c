"""Who uses our own PostgreSQL now, of all processes of ours, so that the last one to leave is the one who stops it.

By locks of the system, which end with a process however it ends.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

POLL_SECONDS = 0.05
TURN_SECONDS = 90.0
"""So long somebody else may take to start or stop it."""
_PID_BYTES = 20


class Shared:
    """The users of one server, as one of them sees them.

    Args:
        folder: of the server's data; the locks are files beside it, for `initdb` wants it empty.
    """

    def __init__(self, folder: Path) -> None:
        self._users_file = folder.with_name(f"{folder.name}.users")
        self._turn_file = folder.with_name(f"{folder.name}.turn")
        self._users: int | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Nobody else starts or stops it, joins or leaves, as long as the block runs.

        Raises:
            TimeoutError: somebody does, without end.
            OSError: the file cannot be written.
        """
        handle = _opened(self._turn_file)
        try:
            async with asyncio.timeout(TURN_SECONDS):
                while not _locked(handle, fcntl.LOCK_EX):  # noqa: ASYNC110 - another process's
                    await asyncio.sleep(POLL_SECONDS)
            yield
        finally:
            os.close(handle)

    def join(self) -> None:
        """We use it, until `leave`. In our turn; may be said again.

        Raises:
            OSError: the file cannot be written.
        """
        if self._users is None:
            self._users = _opened(self._users_file)
            _locked(self._users, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """We use it no more. In our turn; may be said again.

        Returns:
            Whether we were the last.
        """
        handle, self._users = self._users, None
        if handle is None:
            return False
        try:
            return _locked(handle, fcntl.LOCK_EX)
        finally:
            os.close(handle)

    @property
    def started(self) -> int:
        """The process that one of us started as the server; 0: none that is known."""
        with suppress(OSError, ValueError):
            return int(self._users_file.read_bytes()[:_PID_BYTES])
        return 0

    @started.setter
    def started(self, pid: int) -> None:
        if self._users is not None:
            os.pwrite(self._users, str(pid).encode().ljust(_PID_BYTES - 1) + b"\n", 0)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
