"""Customers as the pages need them: what is kept, what is looked for, and lists that are brought in the background."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import IO
from uuid import UUID

import structlog

from handlers.customers.importing import Importing
from handlers.customers.reading import List
from handlers.database import AWAY, trouble
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.customer_imports import Bringer, GoneOn, Imports
from telephony.cases.customer_lookup import Directory
from telephony.cases.customers import Customers
from telephony.cases.turns import Turns
from telephony.customers.numbers import Numbering

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A list that was begun, and its file, to be closed at the end."""

    list: List
    id: UUID
    bringer: Bringer
    file: IO[bytes]


class CustomerSide:
    """Everything of customers on connections of its own.

    Args:
        database: its address.
        numbering: how numbers are written here.
        now: the wall clock.
    """

    def __init__(self, database: str, numbering: Numbering, now: Callable[[], datetime]) -> None:
        self._turns = Turns(database, "customers")
        lists = Turns(database, "customer lists", connections=2, seconds=30)
        self._lists = lists
        self.numbering, self.now = numbering, now
        self.customers, self.directory, self.imports = Customers(self._turns), Directory(self._turns), Imports(lists)
        self._jobs: asyncio.Queue[Job] = asyncio.Queue(maxsize=4)

    def bring(self, job: Job) -> None:
        """Go on with it, soon.

        Raises:
            asyncio.QueueFull: others wait already.
        """
        self._jobs.put_nowait(job)

    async def run(self) -> None:
        """Bring lists, one after the other, until cancelled."""
        while True:
            job = await self._jobs.get()
            try:
                await Importing(self.imports, self.now).go_on(job.list, job.id, job.bringer)
            except (DatabaseUrlError, GoneOn, *AWAY) as error:
                log.warning("customer_list_cut_off", list=str(job.id), error=trouble(error), remedy="send it again")
            except Exception:  # whatever it is, calls are followed and the next list is brought
                log.exception("customer_list_failed", list=str(job.id))
            finally:
                job.file.close()

    async def close(self) -> None:
        """After `run`."""
        while not self._jobs.empty():
            self._jobs.get_nowait().file.close()
        await self._turns.close()
        await self._lists.close()
