"""Connections for what people ask: a few, so that they never take from those who save calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from telephony.cases.connecting import DatabaseUrlError

CONNECTIONS = 4
ANSWER_SECONDS = 10.0
Held: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


class Turns:
    """Transactions, each on a connection of its own, as many at once as there are connections.

    Args:
        url: a PostgreSQL address.
        name: by which PostgreSQL lists them.
        connections: so many.
        seconds: limit for one transaction, waiting for a connection included.
    """

    def __init__(
        self, url: str, name: str = "casework", connections: int = CONNECTIONS, seconds: float = ANSWER_SECONDS
    ) -> None:
        self._url, self._name, self._connections, self._seconds = url, name, connections, seconds
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Held]:
        """A connection in a transaction, which the end of the block commits and an error undoes.

        Raises:
            DatabaseUrlError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away
                or in trouble.
        """
        async with asyncio.timeout(self._seconds):
            pool = await self._opened()
            try:
                connection = await pool.acquire()
            except (ValueError, OverflowError):  # as in `connecting`
                raise DatabaseUrlError("the address of the database is none") from None
            try:
                async with connection.transaction():
                    yield connection
            finally:
                await pool.release(connection)

    async def close(self) -> None:
        """Let the connections go; a later transaction opens others."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    async def _opened(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                limit = f"{int(self._seconds * 1000)}"
                settings = {
                    "application_name": f"threerings {self._name}",
                    "timezone": "UTC",
                    "statement_timeout": limit,
                    "idle_in_transaction_session_timeout": limit,
                    "plan_cache_mode": "force_custom_plan",  # a filter that is not asked for must cost nothing
                }
                self._pool = await asyncpg.create_pool(
                    self._url, min_size=0, max_size=self._connections, timeout=5, server_settings=settings
                )
            return self._pool
