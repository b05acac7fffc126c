"""Casework on a real PostgreSQL: one database, its stores, and a call that was saved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from telephony.calls.record import CallRecord
from telephony.cases.callback import Manners
from telephony.cases.callbacks import CallBacks
from telephony.cases.casebook import Casebook, Doing
from telephony.cases.firstasked import FirstAsked
from telephony.cases.listing import Lists
from telephony.cases.person import Person
from telephony.cases.store import CallStore
from telephony.cases.turns import Turns
from tests.support.casework import HOUSE, NOW, TERMS, ZHANG

_KEYS = count(1)


@dataclass
class Office:
    """Everything on one database."""

    turns: Turns
    book: Casebook
    work: CallBacks
    lists: Lists
    machine: FirstAsked
    store: CallStore

    async def saved(self, *calls: CallRecord, at: datetime = NOW) -> None:
        """These states are saved, and looked at."""
        await self.store.save(calls)
        while (await self.machine.look(at)).calls:
            pass

    async def sql(self, statement: str, *values: object) -> list[dict[str, object]]:
        async with self.turns.transaction() as connection:
            return [dict(row) for row in await connection.fetch(statement, *values)]


def doing(by: Person = ZHANG, minutes: float = 0, *, key: str | None = None, version: int | None = None) -> Doing:
    """Somebody does something so long after the beginning."""
    return Doing(by, NOW + timedelta(minutes=minutes), key or f"key {next(_KEYS)}", version)


@asynccontextmanager
async def office(url: str, manners: Manners | None = None) -> AsyncIterator[Office]:
    """Opened on a database with our schema."""
    turns, store = Turns(url), CallStore(url, life=1)
    made = manners or Manners(timedelta(minutes=10), least=2)
    machine = FirstAsked(turns, lambda: HOUSE, lambda _: TERMS)
    work = CallBacks(turns, made, lambda _: TERMS)
    yield Office(turns, Casebook(turns, lambda _: TERMS), work, Lists(turns), machine, store)
    await turns.close()
    await store.close()
