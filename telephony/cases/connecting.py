"""Opens connections to the database, and tells an address that can never work from a database that is away."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"  # generic to the type checker only


class DatabaseUrlError(Exception):
    """The address is no address; waiting does not help. Says nothing of the address: it may hold a password."""


async def connect(url: str, seconds: float, settings: Mapping[str, str] | None = None) -> Connection:
    """A new connection.

    Args:
        url: a PostgreSQL address.
        seconds: limit.
        settings: of the session.

    Raises:
        DatabaseUrlError: the address cannot be understood.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or refuses.
    """
    try:
        return await asyncpg.connect(url, timeout=seconds, server_settings=dict(settings or {}))
    except (ValueError, OverflowError):  # asyncpg's own for faulty addresses is one, and so are bad ports and names
        raise DatabaseUrlError("the address of the database is none") from None


@contextmanager
def cut_is_reset() -> Iterator[None]:
    """Say ConnectionResetError of a connection cut while nobody used it: asyncpg calls that an error within itself."""
    try:
        yield
    except asyncpg.InternalClientError as error:
        raise ConnectionResetError("the connection was cut") from error
