"""queue_log, line for line, flushed at each, as Asterisk writes it."""

from pathlib import Path
from typing import Self


class QueueLogFile:
    """Appends.

    Args:
        file: made when it is not there.
    """

    def __init__(self, file: Path) -> None:
        self._file = file.open("ab", buffering=0)

    def write(self, line: str) -> None:
        """One line, given without its end."""
        self._file.write(line.encode("utf-8", "surrogateescape") + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
