"""A list of customers from its file into the database, batch by batch; nobody who rings waits for it.

A batch that could not be written is tried again: to take a line twice changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import SystemRandom
from typing import Protocol
from uuid import UUID

from handlers.customers.reading import List, TooMuch, Unreadable
from handlers.database import AWAY
from handlers.threads import within
from telephony.backoff import Backoff
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.customer_imports import Batch, Bringer, Imported
from telephony.customers.columns import NoHeader
from telephony.customers.csvtext import WideText

TRIES = 6
FIRST, CAP = 0.5, 8.0
READ_SECONDS = 120.0
REFUSES = (TooMuch, Unreadable, WideText, NoHeader)
"""What a list says that cannot be taken."""


class Takes(Protocol):
    """Who keeps them: `telephony.cases.customer_imports.Imports`."""

    async def begin(self, list_: UUID, bringer: Bringer, file_name: str, size: int, at: datetime, /) -> None:
        """A list is about to be brought."""
        ...

    async def take(self, list_: UUID, batch: Batch, bringer: Bringer, at: datetime, /) -> Imported:
        """Some more of it."""
        ...

    async def end(self, list_: UUID, at: datetime, trouble: str = "", *, state: str = "done") -> Imported:
        """Nothing more comes."""
        ...


class Importing:
    """Brings one list.

    Args:
        imports: who keeps them.
        now: the wall clock.
        told: is told how far it has come.
        pause: waits so many seconds; handed in so that tests need no time.
    """

    def __init__(
        self,
        imports: Takes,
        now: Callable[[], datetime],
        told: Callable[[Imported], object] = lambda _: None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._imports, self._now, self._told, self._pause = imports, now, told, pause

    async def bring(self, list_: List, id_: UUID, bringer: Bringer, file_name: str) -> Imported:
        """The whole list; what became of it.

        Raises:
            TooMuch, WideText, NoHeader, Unreadable: none of it was taken.
            AnotherRuns: another is being brought. GoneOn: it was given up meanwhile.
            DatabaseUrlError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away; what
                was taken until then stays.
        """
        await within(READ_SECONDS, list_.begin)
        await self._imports.begin(id_, bringer, file_name, list_.size, self._now())
        return await self.go_on(list_, id_, bringer)

    async def go_on(self, list_: List, id_: UUID, bringer: Bringer) -> Imported:
        """The same of a list that was begun."""
        try:
            while (batch := await within(READ_SECONDS, list_.next)) is not None:
                self._told(await self._take(id_, batch, bringer))
        except (TooMuch, Unreadable) as error:
            return await self._imports.end(id_, self._now(), str(error), state="interrupted")
        return await self._imports.end(id_, self._now())

    async def _take(self, id_: UUID, batch: Batch, bringer: Bringer) -> Imported:
        backoff = Backoff(FIRST, CAP, SystemRandom())
        for attempt in range(TRIES):
            try:
                return await self._imports.take(id_, batch, bringer, self._now())
            except DatabaseUrlError:
                raise
            except AWAY:
                if attempt == TRIES - 1:
                    raise
                await self._pause(backoff.next())
        raise AssertionError("the last attempt returns or raises")
