"""From nothing to today's schema: once, twice, twice at once, and never backwards."""

import asyncio
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from handlers.database import AWAY, trouble
from telephony.calls.record import Outcome
from telephony.cases.connecting import connect
from telephony.cases.embedded import EmbeddedError, EmbeddedPostgres, _programs
from telephony.cases.firstasked import Looked
from telephony.cases.inspection import revisions
from telephony.cases.kinds import State
from telephony.cases.listing import Filter
from telephony.cases.migrate import LOCK, Migrated, NewerSchemaError, _configured, migrate
from telephony.cases.person import MACHINE
from telephony.cases.store import CallStore
from tests.db.casework import doing, office
from tests.support.calls import call, visit
from tests.support.casework import NOW, ZHANG, record

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


async def as_of(url: str, revision: str) -> None:
    """The schema of an earlier version."""

    def upgrade(connection: Connection) -> None:
        with _configured() as config:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: connect(url, LIMIT), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(upgrade)
        await connection.commit()
    await engine.dispose()


async def test_what_an_earlier_version_saved_stays_as_it_is_and_is_worked_on_from_then_on(empty_database: str) -> None:
    await as_of(empty_database, "0004")
    answered = call(visit(), number=1)
    gone = call(visit(Outcome.ABANDONED), number=2, ended_at=NOW, caller="03552012345")
    store = CallStore(empty_database, life=1)
    await store.save([answered, gone])
    admin = await asyncpg.connect(empty_database)
    kept = "SELECT * FROM calls ORDER BY id", "SELECT * FROM visits ORDER BY call_id", "SELECT * FROM offers"
    spell = "INSERT INTO agent_spells VALUES ('pbx1', 'Agent 1001', $1, NULL, $1, 'ready', '', '{support}', 'live')"
    await admin.execute(spell, NOW)
    before = [[tuple(row) for row in await admin.fetch(each)] for each in kept]
    assert await migrate(empty_database) == Migrated("0004", NEWEST)
    assert [[tuple(row) for row in await admin.fetch(each)] for each in kept] == before
    assert await admin.fetchval("SELECT state FROM agent_spells") == "ready"

    async with office(empty_database) as desk:
        assert await desk.machine.look(NOW) == Looked(0)  # calls of before ask for nothing
        cases = (await desk.lists.cases(MACHINE, Filter())).cases
        assert {(case.call, case.state, case.owner, case.worked, case.version) for case in cases} == {
            (each.id, State.LOGGED, None, False, 0) for each in (answered, gone)
        }
        assert answered.case is not None
        assert (await desk.book.change(answered.case, record(), doing())).owner == ZHANG
        await desk.saved(replace(gone, revision=2))  # unless something new is learned of them
        [work] = (await desk.lists.callbacks(MACHINE, None)).work
        assert work.number == "03552012345"
    await store.close()
    await admin.close()


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
