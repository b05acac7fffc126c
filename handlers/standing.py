"""How the standard is kept now, for those who watch: what is followed, and, from the database, what ended before.

The database is read day by day from today backwards, so that what is asked for most is known first and a month of calls
is never read in one piece; what was read stays when it goes away in between.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from random import SystemRandom
from time import monotonic
from uuid import UUID

import structlog

from handlers.database import AWAY, trouble
from telephony.backoff import Backoff
from telephony.calls.record import CallRecord, Kind
from telephony.cases.connecting import DatabaseUrlError
from telephony.config import Config
from telephony.logs import Seldom
from telephony.standard.figures import Figures
from telephony.standard.windows import Key, Window, Windows

RETRY_FIRST, RETRY_CAP = 0.5, 30.0
"""Seconds between attempts to read while the database is away."""
TOLD_EVERY = 60.0
MARGIN = timedelta(minutes=1)
"""What ended so long after we began is read, too: the PBX's clock may be ahead, and it was perhaps not followed yet."""
AT_A_STRETCH, BREATH = 50, 0.002
"""So many calls are counted, then others have their turn for so many seconds: a month may have a million."""
INSTANT = timedelta(microseconds=1)

Read = Callable[[datetime, datetime], AsyncGenerator[CallRecord, None]]
"""The calls that ended since one moment and before another: `telephony.cases.ended.ended_since`."""


def names_of(config: Config) -> list[Key]:
    """The queues and lines that the configuration names."""
    queues = {queue.name for queue in config.queue} | {queue for branch in config.branch for queue in branch.queues}
    return [*((Kind.QUEUE, queue) for queue in queues), *((Kind.DIRECT, line.name) for line in config.line)]


class StandardWatch:
    """The calls of this month, wherever they are learned from.

    Args:
        windows: of this moment; nobody else touches them.
        read: what earlier processes saved.
        now: the wall clock.
        pause: waits so many seconds; handed in so that tests need no time.
    """

    def __init__(
        self,
        windows: Windows,
        read: Read,
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._windows, self._read, self._now, self._pause = windows, read, now, pause
        self._seldom = Seldom(TOLD_EVERY, monotonic)
        self._log = structlog.get_logger(__name__)
        self._unknown = asyncio.Event()
        self._begin()

    def _begin(self) -> None:
        """Only what is followed from now on is known."""
        self._known_since = self._now()
        self._unread = self._known_since + MARGIN
        self._seen: set[UUID] = set()
        self._unknown.set()

    # --- what comes ---

    def follow(self, call: CallRecord, _heard: object = None) -> None:
        """A new state of a call that this process follows. At once; never fails."""
        if call.ended_at is None:
            return
        try:
            self._turn()
            self._windows.add(call, live=True)
        except Exception:  # noqa: BLE001 - an error of ours here must not end the measuring elsewhere
            if self._seldom.may("follow") is not None:
                self._log.exception("standing_failed", call=str(call.id))

    async def run(self) -> None:
        """Read what earlier processes saved, once, and again should the clock be set back; until cancelled.

        Start it when what other lives left open has been taken over or closed, so that nothing of it is missed.

        Raises:
            DatabaseUrlError: it never will be.
        """
        while True:
            await self._unknown.wait()
            self._unknown.clear()
            await self._read_back()

    async def _read_back(self) -> None:
        backoff, told = Backoff(RETRY_FIRST, RETRY_CAP, SystemRandom()), False
        while not self._complete(min(self._begins().values())):
            try:
                await self._read_day()
            except DatabaseUrlError:
                raise
            except AWAY as error:
                if not told:
                    self._log.warning("month_not_read", error=trouble(error))
            except Exception:  # noqa: BLE001 - whatever it is, what is followed counts
                if not told:
                    self._log.exception("month_not_read")
            else:
                backoff, told = Backoff(RETRY_FIRST, RETRY_CAP, SystemRandom()), False
                continue
            told = True
            await self._pause(backoff.next())
        self._log.info("month_read", since=self._known_since.isoformat())

    async def _read_day(self) -> None:
        """Of the last day not yet read, what is asked for."""
        until = self._unread
        since = max(self._windows.midnight(until - INSTANT), min(self._begins().values()))
        read = 0
        async with aclosing(self._read(since, until)) as calls:
            async for call in calls:
                if until != self._unread:
                    return  # the clock was set back meanwhile
                if call.id not in self._seen:
                    self._seen.add(call.id)
                    self._windows.add(call, live=False)
                read += 1
                if read % AT_A_STRETCH == 0:
                    await self._pause(BREATH)
        self._unread, self._known_since = since, min(since, self._known_since)
        self._seen.clear()

    def _turn(self) -> None:
        if self._windows.turn(self._now()):
            self._log.warning("clock_set_back", remedy="none: what was counted is read again from the database")
            self._begin()

    # --- what is ---

    def _begins(self) -> dict[Window, datetime]:
        self._turn()
        return self._windows.begins()

    def _complete(self, since: datetime) -> bool:
        return self._known_since <= since

    @property
    def dropped(self) -> int:
        """Calls that no window could count, for they came too late, or were of tomorrow and too many."""
        return self._windows.dropped

    def sums(self) -> dict[Window, dict[Key, Figures]]:
        """By window and by what calls sought first; windows of which not all is known yet are not there."""
        begins = self._begins()
        return {window: self._windows.sums(window) for window in Window if self._complete(begins[window])}
