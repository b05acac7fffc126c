"""The audit port: what somebody saw or changed is written down.

Two ways. `record` waits until it is written, and raises when it cannot be: for a page that shows nothing of a customer
unless that is known of. `note` returns at once and is written soon, in order, for as long as it takes: for what a
ringing telephone brings to a screen, which must not wait. What changes a table is written by whoever changes it, in the
same transaction (`telephony.cases.accounts`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from random import SystemRandom
from typing import Protocol

import structlog

from handlers.database import AWAY, trouble
from telephony.backoff import Backoff
from telephony.logs import Seldom
from telephony.people.audit import Entry, Kind, Verb

MOST = 50_000
"""So many wait at most; of more, the oldest are given up, counted and told in the log."""
AT_ONCE = 500
TOLD_EVERY = 60.0


class Writes(Protocol):
    """Who keeps it: `telephony.cases.trail.TrailStore`."""

    async def write(self, entries: Sequence[Entry], /) -> None:
        """All of them, or none."""
        ...


class Trail:
    """What is written down.

    Args:
        writes: the table.
        now: the wall clock.
        clock: monotonic seconds.
        most: see `MOST`.

    Attributes:
        lost: so many were given up.
    """

    def __init__(
        self, writes: Writes, now: Callable[[], datetime], clock: Callable[[], float], most: int = MOST
    ) -> None:
        self.lost = 0
        self._writes, self._now = writes, now
        self._waiting: deque[Entry] = deque()
        self._most = most
        self._wake = asyncio.Event()
        self._seldom = Seldom(TOLD_EVERY, clock)
        self._log = structlog.get_logger(__name__)

    def entry(  # noqa: PLR0913 - what an entry is
        self,
        who: str,
        verb: Verb,
        kind: Kind = Kind.NONE,
        whom: str = "",
        *,
        branch: str = "",
        remote: str | None = "",
        detail: str = "",
    ) -> Entry:
        """An entry as of now."""
        return Entry(self._now(), who, verb, kind, whom, branch, remote or "", detail)

    async def record(self, entry: Entry) -> None:
        """Written when it returns.

        Raises:
            DatabaseUrlError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: it is not.
        """
        await self._writes.write([entry])

    def note(self, entry: Entry) -> None:
        """Will be written."""
        if len(self._waiting) >= self._most:
            self._waiting.popleft()
            self.lost += 1
            if (untold := self._seldom.may("lost")) is not None:
                remedy = "the database has been away for too long; what was seen meanwhile is not all in the trail"
                self._log.error("audit_entries_lost", lost=self.lost, untold=untold, remedy=remedy)
        self._waiting.append(entry)
        self._wake.set()

    async def run(self) -> None:
        """Write what is noted, until cancelled."""
        backoff = Backoff(0.5, 10.0, SystemRandom())
        while True:
            await self._wake.wait()
            if await self.flush():
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next())

    async def flush(self) -> bool:
        """Write all that waits; whether that is done."""
        while self._waiting:
            some = [self._waiting[at] for at in range(min(AT_ONCE, len(self._waiting)))]
            try:
                await self._writes.write(some)
            except AWAY as error:
                self._failed(trouble(error))
                return False
            except Exception:  # noqa: BLE001 - whatever it is, calls go on
                self._log.exception("audit_not_written")
                return False
            for one in some:
                if self._waiting and self._waiting[0] is one:  # else it was given up meanwhile
                    self._waiting.popleft()
        self._wake.clear()
        return True

    def give_up(self) -> None:
        """We end; what is still to be written never will be."""
        if self._waiting:
            self.lost += len(self._waiting)
            self._log.error("audit_entries_lost", lost=self.lost, remedy="none: the database was away until the end")

    def _failed(self, error: str) -> None:
        if (untold := self._seldom.may("away")) is not None:
            self._log.warning("audit_waits", waiting=len(self._waiting), error=error, untold=untold)
