"""A disk of four megabytes, to be filled."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

BYTES = 4_000_000


@contextmanager
def small_disk(where: Path) -> Iterator[Path]:
    """It, mounted there; without the right to do so, the test is skipped."""
    where.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs"]
    try:
        mounted = subprocess.run(["mount", *options, where], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("needs the right to mount a small disk; the test with a limit on files does without")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=True)


def fill(disk: Path) -> Path:
    """Leave no room; what to unlink to have some again."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4_096):
            pass
    assert os.statvfs(disk).f_bavail == 0
    return filler
