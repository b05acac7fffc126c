"""Why something cannot be written to a disk, and what helps, in words for people. Pure."""

import errno
import os

_REMEDIES = {
    errno.ENOSPC: "make room (see df, and df -i)",
    errno.EDQUOT: "make room, or raise the quota",
    errno.EROFS: "mount it for writing, or name another folder; after errors it was the kernel: see its log",
    errno.EIO: "see the kernel's log",
}


def is_passing(error: OSError) -> bool:
    """Whether the disk must be mended, and nothing that was configured or asked for: to try again makes sense."""
    return error.errno in _REMEDIES


def reason(error: OSError, otherwise: str) -> str:
    """What the error means, and the remedy.

    Args:
        error: of the system.
        otherwise: the remedy where it is not the disk, as where a folder is not ours.
    """
    what = error.strerror or (os.strerror(error.errno) if error.errno else str(error)) or type(error).__name__
    return f"{what}; {_REMEDIES.get(error.errno or 0, otherwise)}"
