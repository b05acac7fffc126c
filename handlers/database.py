"""The database that the configuration names, started first when it is our own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError

from telephony.cases.embedded import EmbeddedPostgres
from telephony.config import EMBEDDED, Config
from telephony.unreachable import reason

AWAY = (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError)
"""What a database that is away or in trouble raises."""
BAD_URL = (
    "database.url = 'postgresql://***': is no address that can be used; write postgresql://USER:PASSWORD@HOST:PORT/NAME,"
    " with @ / : # ? % in the password as %40 %2F %3A %23 %3F %25"
)


def trouble(error: BaseException) -> str:
    """What is wrong with the database, in one line, without the words of the layers between."""
    known = getattr(error, "orig", None) or error
    known = known.__cause__ if isinstance(known.__cause__, AWAY) else known
    if isinstance(known, OSError):
        return reason(known)
    return " ".join(str(known).split()) or type(known).__name__


@asynccontextmanager
async def database(config: Config) -> AsyncIterator[str]:
    """The address of the database, for as long as the block runs.

    Raises:
        ConfigFaults: none is configured.
        EmbeddedError: our own does not start.
    """
    url = config.database_url()
    if url != EMBEDDED:
        yield url
        return
    async with EmbeddedPostgres(config.data_dir / "postgres") as server:
        yield server.url
