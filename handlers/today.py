"""Today, for the pages: what ended while this process follows the PBXs, and, from the database, what ended before."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from random import SystemRandom
from time import monotonic

import structlog

from handlers.database import AWAY, trouble
from telephony.backoff import Backoff
from telephony.calls.record import CallRecord
from telephony.cases.connecting import DatabaseUrlError
from telephony.logs import Seldom
from telephony.standard.day import EVERYWHERE, Branches, Day, Lines
from telephony.standard.evidence import Evidence
from telephony.standard.figures import Figures
from telephony.standard.places import Place

SHOWN = 12
"""So many of the last calls are kept, for each branch and for all."""
RETRY_FIRST, RETRY_CAP = 0.5, 10.0
"""Seconds between attempts to read while the database is away."""
TOLD_EVERY = 60.0

Read = Callable[[datetime], AsyncGenerator[CallRecord, None]]
"""The calls that ended since a moment, by their end: `telephony.cases.ended.ended_since`."""


class Today:
    """The calls that ended today, wherever they are learned from.

    Args:
        day: of this moment; nobody else touches it.
        branches: as the day has them.
        read: what earlier processes saved.
        now: the wall clock.
        pause: waits so many seconds; handed in so that tests need no time.
    """

    def __init__(
        self,
        day: Day,
        branches: Branches,
        read: Read,
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._day, self._branches, self._read, self._now, self._pause = day, branches, read, now, pause
        self._recent: dict[str | None, list[CallRecord]] = {}
        self._followed_since = now()
        self._seeded = False
        self._unknown = asyncio.Event()
        self._seldom = Seldom(TOLD_EVERY, monotonic)
        self._log = structlog.get_logger(__name__)

    # --- what comes ---

    def follow(self, call: CallRecord, _heard: timedelta = timedelta()) -> None:
        """A new state of a call that this process follows. At once; never fails."""
        if call.ended_at is None:
            return
        try:
            self._take(call, live=True)
        except Exception:  # noqa: BLE001 - an error of ours here must not end the measuring elsewhere
            if self._seldom.may("follow") is not None:
                self._log.exception("today_failed", call=str(call.id))

    async def run(self) -> None:
        """Read what earlier processes saved of today, and again should the clock be set back to a day before.

        Until cancelled. Start it when what other lives left open has been taken over or closed, so that nothing of it
        is missed.

        Raises:
            DatabaseUrlError: it never will be known.
        """
        while True:
            await self.read()
            await self._unknown.wait()

    async def read(self) -> None:
        """Read what was saved of today; ends when that is known.

        Raises:
            DatabaseUrlError: it never will be.
        """
        self._unknown.clear()
        backoff = Backoff(RETRY_FIRST, RETRY_CAP, SystemRandom())
        told = False
        while not self.complete:
            try:
                await self._seed()
            except DatabaseUrlError:
                raise
            except AWAY as error:
                if not told:
                    self._log.warning("today_not_read", error=trouble(error))
            except Exception:  # noqa: BLE001 - whatever it is, what is followed counts
                if not told:
                    self._log.exception("today_not_read")
            else:
                continue  # done, unless the clock was set back meanwhile
            told = True
            await self._pause(backoff.next())

    async def _seed(self) -> None:
        self._turn()
        since, read = self._day.start, 0
        async with aclosing(self._read(since)) as calls:
            async for call in calls:
                read += self._take(call, live=False)
        if self._day.start < since:
            return
        self._seeded = True
        self._log.info("today_read", calls=read)

    def _take(self, call: CallRecord, *, live: bool) -> bool:
        self._turn()
        if not self._day.add(call, live=live):
            return False
        first = call.visits[0]
        for branch in {EVERYWHERE, self._branches.of(first.kind, first.queue)}:
            others = [one for one in self._recent.get(branch, ()) if one.id != call.id]
            self._recent[branch] = sorted([call, *others], key=_ended, reverse=True)[:SHOWN]
        return True

    def _turn(self) -> None:
        now, start = self._now(), self._day.start
        if self._day.turn(now):
            self._recent.clear()
            if self._day.start < start:  # the clock was set back: nothing is known of that day before now
                self._seeded, self._followed_since = False, now
                self._unknown.set()

    # --- what is ---

    @property
    def complete(self) -> bool:
        """The whole of today is known, as far as it was measured at all."""
        self._turn()
        return self._seeded or self._followed_since <= self._day.start

    @property
    def since(self) -> datetime:
        """From when on today is known."""
        return self._day.start if self.complete else self._followed_since

    @property
    def start(self) -> datetime:
        """When today began."""
        self._turn()
        return self._day.start

    def figures(self, branch: str | None = EVERYWHERE) -> Figures:
        """The sums of today.

        Raises:
            KeyError: there is no such branch.
        """
        self._turn()
        return self._day.figures(branch)

    def lines(self, branch: str | None = EVERYWHERE) -> Lines:
        """The lines of the measures until now."""
        self._turn()
        return self._day.lines(self._now(), branch)

    def evidence(self, branch: str | None = EVERYWHERE) -> Evidence:
        """How well the visits behind the sums are known.

        Raises:
            KeyError: there is no such branch.
        """
        self._turn()
        return self._day.evidence(branch)

    def places(self) -> tuple[Place, ...]:
        """Every queue and line in which calls ended today."""
        self._turn()
        return self._day.places()

    def figures_at(self, place: Place) -> Figures:
        """The sums of one queue or line."""
        self._turn()
        return self._day.figures_at(place)

    def lines_at(self, place: Place) -> Lines:
        """The lines of one queue or line until now."""
        self._turn()
        return self._day.lines_at(self._now(), place)

    def recent(self, branch: str | None = EVERYWHERE) -> tuple[CallRecord, ...]:
        """The calls of today that ended last, newest first, at most `SHOWN`."""
        self._turn()
        return tuple(self._recent.get(branch, ()))


def _ended(call: CallRecord) -> datetime:
    return call.ended_at or call.arrived_at
