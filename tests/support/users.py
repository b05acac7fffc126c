"""Files that are closed to whoever looks, also where the tests run as root."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_somebody() -> Iterator[None]:
    """As a user who is not root, to whom what is closed is closed."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """A folder to which that user can get, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)
