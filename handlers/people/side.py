"""All that knows people, put together."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from handlers.people.hashing import Hasher
from handlers.people.keyring import Keyring
from handlers.people.signing import SignIn
from handlers.people.trail import Trail
from telephony.cases.accounts import Accounts
from telephony.cases.keys import Keys, Terms
from telephony.cases.pool import Pool
from telephony.cases.trail import TrailStore

LAST_SECONDS = 2.0
"""How long a stop waits for what is still to be written down."""


@dataclass(frozen=True, slots=True)
class PeopleSide:
    """Accounts, who is signed in, and what is written down."""

    pool: Pool
    accounts: Accounts
    keys: Keys
    keyring: Keyring
    trails: TrailStore
    trail: Trail
    hasher: Hasher
    signing: SignIn

    async def run(self) -> None:
        """Look after sessions, and write down what is noted, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.keyring.run(), name="sessions")
            tasks.create_task(self.trail.run(), name="audit")

    async def close(self) -> None:
        """After `run`: what was noted last is written, if that is quick."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await self.trail.flush()
        self.trail.give_up()
        self.hasher.close()
        await self.pool.close()


def people_side(
    database: str, lasts: Terms, now: Callable[[], datetime], monotonic: Callable[[], timedelta]
) -> PeopleSide:
    """Everything, on connections of its own.

    Args:
        database: its address.
        lasts: how long sessions do.
        now: the wall clock.
        monotonic: the other.
    """
    clock = partial(_seconds, monotonic)
    pool = Pool(database)
    accounts, keys, trails = Accounts(pool), Keys(pool), TrailStore(pool)
    keyring, trail, hasher = Keyring(keys, clock), Trail(trails, now, clock), Hasher()
    signing = SignIn(accounts, keys, keyring, hasher, trail, lasts, clock)
    return PeopleSide(pool, accounts, keys, keyring, trails, trail, hasher, signing)


def _seconds(monotonic: Callable[[], timedelta]) -> float:
    return monotonic().total_seconds()
