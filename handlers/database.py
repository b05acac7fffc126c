"""The database that the configuration names, started first when it is our own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError

from telephony.cases.embedded import EmbeddedError, EmbeddedPostgres
from telephony.config import EMBEDDED, Config
from telephony.unreachable import reason

LOOK_SECONDS = 1.0
"""How often it is looked whether our own server is there."""
log = structlog.get_logger(__name__)
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
    async with EmbeddedPostgres(config.data_dir / "postgres") as server, _kept(server):
        yield server.url


@asynccontextmanager
async def _kept(server: EmbeddedPostgres) -> AsyncIterator[None]:
    """Our own server is started again when it has gone: it may live in the unit of a command that started it first."""
    failed: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(_keep(server), name="postgres")
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised again below, by itself and not in a group
            failed = error
        finally:
            keeping.cancel()
    if failed is not None:
        raise failed


async def _keep(server: EmbeddedPostgres) -> None:
    told = ""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            if await server.start_again():
                log.warning("postgres_started_again", remedy="none: it had gone")
            told = ""
        except EmbeddedError as error:
            if str(error) != told:
                told = str(error)
                log.error("postgres_not_started_again", error=told)  # noqa: TRY400 - the line says all
        except Exception:  # whatever it is, the PBXs are measured
            log.exception("postgres_not_looked_at")
