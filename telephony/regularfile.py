"""Reads files that a person named: regular ones up to a size, so that no FIFO or device is waited for."""

import errno
import os
import stat
from pathlib import Path

TEXT_BYTES = 16_000_000
"""Limit of a configuration file or a script."""


def check(path: Path, limit: int) -> None:
    """Whether `read` would give it, so far as can be seen without reading.

    Raises:
        OSError: as `read`.
    """
    os.close(_opened(path, limit))


def read(path: Path, limit: int) -> bytes:
    """All of a regular file; symbolic links to one will do.

    Args:
        path: where.
        limit: bytes.

    Raises:
        OSError: it is not there, not readable, no regular file or larger; `strerror` says what, for people.
    """
    with os.fdopen(_opened(path, limit), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:  # it grew, or is of those that tell no size
        raise _too_large(limit)
    return data


def _opened(path: Path, limit: int) -> int:
    try:
        _judge(path.stat(), limit)  # before opening: to open a device may do something
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:
        raise OSError(errno.EINVAL, "is no name of a file") from None
    try:
        _judge(os.fstat(handle), limit)  # it may have become another one meanwhile
    except OSError:
        os.close(handle)
        raise
    return handle


def _judge(status: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "is no regular file")
    if status.st_size > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> OSError:
    return OSError(errno.EFBIG, f"is larger than {limit // 1_000_000} MB")
