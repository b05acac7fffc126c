"""Bring a database to the schema of this version: forward only, safe to repeat, safe to start twice at once."""

import asyncio
import importlib.resources
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from telephony.cases import connecting
from telephony.cases.connecting import connect

LOCK = 0x3333_7363_6865_6D61
"""PostgreSQL's advisory lock that one migration at a time holds, to the end of its transaction."""
CONNECT_SECONDS = 10
LOCK_SECONDS = 20
"""How long another migration, or whoever uses a table, is waited for; then it counts as trouble, to be tried again."""
SILENT_SECONDS = 60
"""A session of ours that says nothing for so long amid its migration is ended, and with it its lock."""
LONGEST_SECONDS = 6 * 3600.0
"""An index on very many calls takes minutes."""


class MigrationError(Exception):
    """The schema cannot be brought to this version; the message is one line with the remedy."""


class NewerSchemaError(MigrationError):
    """A newer version made the schema: waiting does not help, and nothing of it may be touched; the same."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """Schema versions; `before` None means that the database was empty."""

    before: str | None
    after: str


async def migrate(url: str, lock_seconds: float = LOCK_SECONDS) -> Migrated:
    """Bring the database at `url` to this version's schema. One that has it is only looked at.

    Args:
        url: a PostgreSQL address.
        lock_seconds: how long to wait for a lock.

    Raises:
        NewerSchemaError: the database was made by a newer version. MigrationError: it could not be changed.
        DatabaseUrlError: the address cannot be understood.
        OSError, TimeoutError, asyncpg.PostgresError, sqlalchemy.exc.DBAPIError: it cannot be reached, refuses, or
            somebody holds a lock; it may be tried again.
    """
    settings = {
        "application_name": "threerings migration",
        "lock_timeout": f"{round(lock_seconds * 1000)}ms",
        # Without it a process that was frozen, or whose host died, would keep the lock until TCP gives up: for hours.
        "idle_in_transaction_session_timeout": f"{SILENT_SECONDS}s",
    }
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: connect(url, CONNECT_SECONDS, settings), poolclass=NullPool
    )
    try:
        async with asyncio.timeout(LONGEST_SECONDS), engine.connect() as connection:
            async with asyncio.timeout(CONNECT_SECONDS):
                before = await connection.run_sync(_present)
                await connection.rollback()
            if before is not None and before == _steps()[0]:
                return Migrated(before, before)
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            done = await connection.run_sync(_upgrade)
            await connection.commit()
            return done
    finally:
        await engine.dispose()


async def refuse_newer(connection: connecting.Connection) -> None:
    """Do nothing with a schema that is known to this version, or is not there yet.

    Raises:
        NewerSchemaError: a newer version made it.
        asyncpg.UndefinedTableError: there is none.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
    """
    _refuse_newer(await connection.fetchval("SELECT version_num FROM alembic_version"))


@contextmanager
def _configured() -> Iterator[Config]:
    with importlib.resources.as_file(importlib.resources.files("migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        yield config


@cache
def _steps() -> tuple[str | None, frozenset[str]]:
    """Our newest schema, and all that we know."""
    with _configured() as config:
        script = ScriptDirectory.from_config(config)
        return script.get_current_head(), frozenset(step.revision for step in script.walk_revisions())


def _refuse_newer(before: str | None) -> None:
    head, known = _steps()
    if head is None or (before is not None and before not in known):
        raise NewerSchemaError(
            f"database schema {before!r} is not known to this version (newest {head!r});"
            " install the version that made it"
        )


def _present(connection: Connection) -> str | None:
    before = MigrationContext.configure(connection).get_current_revision()
    _refuse_newer(before)
    return before


def _upgrade(connection: Connection) -> Migrated:
    before = _present(connection)  # again: another may have been here while we waited
    with _configured() as config:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise MigrationError(f"database schema {before!r}: {error}; nothing was changed") from error
    return Migrated(before, str(_steps()[0]))
