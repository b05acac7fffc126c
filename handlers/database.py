"""The database that the configuration names, started first when it is our own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telephony.cases.embedded import EmbeddedPostgres
from telephony.config import EMBEDDED, Config


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
