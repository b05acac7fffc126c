"""One file of queue_log, open for reading: the one that Asterisk writes, or one rotated away, packed or not."""

import errno
import gzip
import os
import stat
import zlib
from pathlib import Path
from typing import TypeAlias

from telephony.queuelog.place import MAX_LINE

_GZIP = b"\x1f\x8b"
_OTHERWISE_PACKED = (b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")

Identity: TypeAlias = tuple[int, int]
"""Device and inode: which file, as long as it is open."""


class OpenLog:
    """One file, open for reading; what gzip packed is unpacked.

    Args:
        path: of a regular file, or of a symbolic link to one. A FIFO or a device is not waited for.

    Attributes:
        path: as given.
        status: when it was opened.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self.status = os.fstat(handle)
            packed = _is_packed(handle, self.status)
        except OSError:
            os.close(handle)
            raise
        self._raw = os.fdopen(handle, "rb", buffering=0)
        self._unpacked = gzip.GzipFile(fileobj=self._raw) if packed else None

    @property
    def packed(self) -> bool:
        """By gzip."""
        return self._unpacked is not None

    @property
    def identity(self) -> Identity:
        """Which file."""
        return self.status.st_dev, self.status.st_ino

    def size(self) -> int:
        """Bytes on disk, now."""
        return os.fstat(self._raw.fileno()).st_size

    def modified(self) -> int:
        """Seconds since 1970 when it was last written to, by the clock of its disk."""
        return int(os.fstat(self._raw.fileno()).st_mtime)

    def read(self, at: int, size: int) -> bytes:
        """At most so many bytes; none only at the end.

        Raises:
            OSError: of the disk, or the packed file is damaged from here on.
        """
        if self._unpacked is None:
            return os.pread(self._raw.fileno(), size, at)
        try:
            self._unpacked.seek(at)
            return self._unpacked.read1(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DamagedError(errno.EIO, "is damaged, or not yet packed to its end") from error

    def read_whole(self, at: int, size: int) -> bytes:
        """So many bytes, fewer only at the end or before damage.

        Raises:
            OSError: of the disk, or not even a line is there before the damage.
        """
        data = b""
        try:
            while len(data) < size and (more := self.read(at + len(data), size - len(data))):
                data += more
        except DamagedError:
            if b"\n" not in data:
                raise
        return data

    def beginning(self) -> bytes:
        """Its first `MAX_LINE` bytes, or all when there are fewer."""
        return self.read_whole(0, MAX_LINE)

    def close(self) -> None:
        """Let it go. May be repeated."""
        if self._unpacked is not None:
            self._unpacked.close()
        self._raw.close()


class DamagedError(OSError):
    """A packed file cannot be unpacked any further."""


def _is_packed(handle: int, status: os.stat_result) -> bool:
    """By gzip.

    Raises:
        OSError: it is nothing that can be read.
    """
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "is no regular file")
    beginning = os.pread(handle, 8, 0)
    if beginning.startswith(_OTHERWISE_PACKED):
        raise OSError(errno.EINVAL, "is packed, and not by gzip")
    return beginning.startswith(_GZIP)
