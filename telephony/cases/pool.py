"""A few connections for short questions of people's; one that was cut meanwhile is replaced."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from telephony.cases.connecting import Connection, connect

CONNECTIONS = 4
ANSWER_SECONDS = 5.0


class Pool:
    """Connections, at most a few at a time; none is opened before it is needed.

    Args:
        url: a PostgreSQL address.
        answer_seconds: limit for one turn, connecting included.
    """

    def __init__(self, url: str, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._url, self._seconds = url, answer_seconds
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[Connection] = []
        self._closed = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Connection]:
        """A connection, in a transaction that is kept if the block ends well.

        Raises:
            DatabaseUrlError: the address is none.
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
        """
        async with asyncio.timeout(self._seconds), self._turns:
            connection = self._left() or await self._connect()
            try:
                async with connection.transaction():
                    yield connection
            except BaseException:
                connection.terminate()  # an answer may still be on its way
                raise
            if self._closed:
                connection.terminate()
            else:
                self._idle.append(connection)

    async def close(self) -> None:
        """Let the connections go."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            try:
                await connection.close(timeout=1)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()

    def _left(self) -> "Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _connect(self) -> Connection:
        limit = {"statement_timeout": f"{max(1, int(self._seconds * 1000))}"}
        return await connect(
            self._url, self._seconds, {"application_name": "threerings people", "timezone": "UTC"} | limit
        )
