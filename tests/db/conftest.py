"""A real PostgreSQL for the tests that need one: one server a session, one database a test."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import uvloop

from telephony.cases.embedded import EmbeddedPostgres
from telephony.cases.migrate import migrate
from telephony.cases.store import CallStore


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """Our own server, as `database.url = "embedded"` starts it, but without fsync."""
    # Not pytest's folder: that is closed to the user whom root hands the server to.
    folder = Path(tempfile.mkdtemp(prefix="threerings-db-"))
    folder.chmod(0o755)
    settings = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `serve` does
            postgres = EmbeddedPostgres(folder / "pg", settings)
            runner.run(postgres.__aenter__())
            try:
                yield postgres
            finally:
                runner.run(postgres.stop())
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def _made(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    admin = await asyncpg.connect(server.url)
    number = await admin.fetchval("SELECT count(*) FROM pg_database")
    name = f"test_{number}"
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield server.url.replace("/postgres?", f"/{name}?")
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture
async def empty_database(server: EmbeddedPostgres) -> AsyncIterator[str]:
    """The address of a new, empty database."""
    async with _made(server, "template0") as address:
        yield address


@pytest.fixture(scope="session")
def migrated(server: EmbeddedPostgres) -> str:
    """The name of a database with our schema, of which the others are copies: to migrate each took long."""

    async def make() -> None:
        admin = await asyncpg.connect(server.url)
        await admin.execute("CREATE DATABASE migrated TEMPLATE template0")
        await admin.close()
        await migrate(server.url.replace("/postgres?", "/migrated?"))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(make())
    return "migrated"


@pytest.fixture
async def database(server: EmbeddedPostgres, migrated: str) -> AsyncIterator[str]:
    """The address of a database with our schema."""
    async with _made(server, migrated) as address:
        yield address


@pytest.fixture
async def store(database: str) -> AsyncIterator[CallStore]:
    store = CallStore(database)
    yield store
    await store.close()
