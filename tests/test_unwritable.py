"""Why something cannot be written."""

import errno
import os

import pytest

from telephony.unwritable import is_passing, reason

NAME = "name a folder we may write"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device; make room"),
        (errno.EDQUOT, "Disk quota exceeded; make room, or raise the quota"),
        (errno.EROFS, "Read-only file system; mount it for writing, or name another folder"),
        (errno.EIO, "Input/output error; see the kernel's log"),
    ],
)
def test_of_a_disk_that_takes_nothing_the_disk_is_to_be_mended(number: int, words: str) -> None:
    error = OSError(number, os.strerror(number))
    assert reason(error, NAME).startswith(words)
    assert NAME not in reason(error, NAME)
    assert is_passing(error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError(errno.ENOTDIR, ""), "Not a directory"),
        (OSError("something else"), "something else"),
        (OSError(), "OSError"),
    ],
)
def test_of_a_folder_that_is_not_ours_another_is_to_be_named(error: OSError, words: str) -> None:
    assert reason(error, NAME) == f"{words}; {NAME}"
    assert not is_passing(error)
