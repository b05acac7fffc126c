"""From nothing to today's schema: once, twice, twice at once, and never backwards."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import asyncpg
import pytest

from handlers.database import AWAY, trouble
from telephony.cases.embedded import EmbeddedError, EmbeddedPostgres, _programs
from telephony.cases.inspection import revisions
from telephony.cases.migrate import LOCK, Migrated, NewerSchemaError, migrate

pytestmark = pytest.mark.db

NEWEST = revisions()[0]

LIMIT = 20


async def test_migrating_twice_is_migrating_once(empty_database: str) -> None:
    assert await migrate(empty_database) == Migrated(None, NEWEST)
    assert await migrate(empty_database) == Migrated(NEWEST, NEWEST)


async def test_two_processes_may_migrate_at_once(empty_database: str) -> None:
    program = "import asyncio, sys; from telephony.cases.migrate import migrate; asyncio.run(migrate(sys.argv[1]))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, empty_database, env=environment)
        for _ in range(3)
    ]
    assert await asyncio.gather(*(process.wait() for process in processes)) == [0, 0, 0]
    assert await migrate(empty_database) == Migrated(NEWEST, NEWEST)


async def test_a_database_of_a_newer_version_is_left_alone(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerSchemaError, match=rf"'9999' is not known to this version \(newest '{NEWEST}'\)"):
        await migrate(database)
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == "9999"
    await connection.close()


async def test_a_schema_that_is_current_needs_no_lock(database: str) -> None:
    frozen = await asyncpg.connect(database)
    await frozen.execute(f"SELECT pg_advisory_lock({LOCK})")  # who had it was stopped, or his host died
    async with asyncio.timeout(LIMIT):
        assert await migrate(database) == Migrated(NEWEST, NEWEST)
    await frozen.close()


async def test_whoever_holds_the_lock_is_not_waited_for_without_end(empty_database: str) -> None:
    frozen = await asyncpg.connect(empty_database)
    await frozen.execute(f"SELECT pg_advisory_lock({LOCK})")
    async with asyncio.timeout(LIMIT):
        with pytest.raises(AWAY) as raised:
            await migrate(empty_database, lock_seconds=0.05)
    assert trouble(raised.value) == "canceling statement due to lock timeout"
    await frozen.close()
    assert await migrate(empty_database) == Migrated(None, NEWEST)


async def test_the_lock_goes_with_the_migration(empty_database: str) -> None:
    await migrate(empty_database)
    admin = await asyncpg.connect(empty_database)
    assert await admin.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    await admin.close()


async def test_a_migration_that_fails_leaves_nothing_behind(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    await connection.execute("CREATE TABLE offers (mine integer)")
    with pytest.raises(Exception, match="offers"):
        await migrate(empty_database)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    assert [row["tablename"] for row in tables if row["tablename"] != "alembic_version"] == ["offers"]
    await connection.close()


async def test_a_server_that_runs_already_is_used_and_left_running(server: EmbeddedPostgres) -> None:
    async with EmbeddedPostgres(server.socket.parent) as second:
        assert second.url == server.url
    connection = await asyncpg.connect(server.url)
    await connection.close()


async def test_a_folder_too_long_for_a_socket_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="too long for a socket"):
        await EmbeddedPostgres(tmp_path / ("x" * 100)).__aenter__()


async def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="name a folder we may write"):
        await EmbeddedPostgres(tmp_path / "file" / "pg").__aenter__()


async def test_a_program_that_may_not_be_run_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "initdb").touch()
    with pytest.raises(EmbeddedError, match="or do not start it as root"):
        await EmbeddedPostgres(tmp_path)._run(tmp_path / "initdb")


def test_without_the_wheel_the_remedy_is_named() -> None:
    with pytest.raises(EmbeddedError, match=r'install "threerings\[embedded\]"'):
        _programs("no_such_package")


async def test_a_server_that_does_not_start_says_why(server: EmbeddedPostgres, tmp_path: Path) -> None:
    del server
    folder = Path("/tmp") / f"tr-{os.getpid()}"
    try:
        with pytest.raises(EmbeddedError, match="did not start"):
            await EmbeddedPostgres(folder, {"no_such_setting": "1"}).__aenter__()
    finally:
        shutil.rmtree(folder)
    folder = tmp_path / "no"
    folder.mkdir()
    (folder / "data").mkdir()
    (folder / "data" / "mine").touch()
    with pytest.raises(EmbeddedError, match=r"initdb failed|may not run"):
        await EmbeddedPostgres(folder / "data").__aenter__()
