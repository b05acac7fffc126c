"""Bring a database to the schema of this version: forward only, safe to repeat, safe to start twice at once."""

import importlib.resources
from dataclasses import dataclass

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from telephony.cases.connecting import connect

LOCK = 0x3333_7363_6865_6D61
"""PostgreSQL's advisory lock that one migration at a time holds."""
CONNECT_SECONDS = 10


class MigrationError(Exception):
    """The schema cannot be brought to this version; the message is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """Schema versions; `before` None means that the database was empty."""

    before: str | None
    after: str


async def migrate(url: str) -> Migrated:
    """Bring the database at `url` to this version's schema.

    Raises:
        MigrationError: the database was made by a newer version.
        DatabaseUrlError: the address cannot be understood.
        OSError, asyncpg.PostgresError: it cannot be reached or refuses.
    """
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: connect(url, CONNECT_SECONDS), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            await connection.commit()
            try:
                return await connection.run_sync(_upgrade)
            finally:
                await connection.rollback()
                await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> Migrated:
    with importlib.resources.as_file(importlib.resources.files("migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        script = ScriptDirectory.from_config(config)
        head = script.get_current_head()
        before = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        known = {step.revision for step in script.walk_revisions()}
        if head is None or (before is not None and before not in known):
            raise MigrationError(
                f"database schema {before!r} is not known to this version (newest {head!r});"
                " install the version that made it"
            )
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise MigrationError(f"database schema {before!r}: {error}; nothing was changed") from error
        connection.commit()
        return Migrated(before, head)
