"""Which takes of a lease were ours, also those that came not far: remembered on disk before each is tried.

A process may be killed between the moment when the lease is its own and the moment when its journal says so. The next
one finds a lease that was taken when no journal remembers; here it finds that this was one of ours, and what that one
had found before it.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

NAME = "takes"
KEPT = 64
"""So many on end may come to nothing, of each PBX, before the oldest is forgotten."""
_MAX_BYTES = 1 << 20


class Attempts:
    """The takes of an instance, by PBX: when each was, and when the one before it had been.

    Args:
        folder: `data_dir`, which is ours alone.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAME
        self._found = self._load()

    def intend(self, pbx: str, at: datetime, before: datetime | None) -> None:
        """Remember a take that is about to be tried; `save` makes it durable."""
        known = self._found.setdefault(pbx, {})
        known[at] = before
        for oldest in sorted(known)[:-KEPT]:
            del known[oldest]

    def save(self) -> None:
        """Make it durable. Blocks for as long as the disk needs.

        Raises:
            OSError: it cannot be written.
        """
        told = {
            pbx: {at.isoformat(): before and before.isoformat() for at, before in known.items()}
            for pbx, known in self._found.items()
        }
        new = self._file.with_suffix(".new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(json.dumps(told).encode())
            out.flush()
            os.fsync(out.fileno())
        new.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def behind(self, pbx: str, at: datetime | None) -> tuple[datetime | None, ...]:
        """What the take of that moment had found, what that one had found, and so on: as far as they were ours."""
        known, found = self._found.get(pbx, {}), list[datetime | None]()
        while at is not None and at in known and len(found) <= KEPT:
            at = known[at]
            found.append(at)
        return tuple(found)

    def _load(self) -> dict[str, dict[datetime, datetime | None]]:
        """What is damaged, or not there, remembers nothing: then whoever was killed at once is taken for another."""
        with suppress(OSError, ValueError, TypeError, AttributeError):
            raw = self._file.read_bytes()[:_MAX_BYTES]
            told: Mapping[str, Mapping[str, str | None]] = json.loads(raw)
            return {
                pbx: {_moment(at): None if before is None else _moment(before) for at, before in known.items()}
                for pbx, known in told.items()
            }
        return {}


def _moment(told: str) -> datetime:
    moment = datetime.fromisoformat(told)
    if moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    return moment
