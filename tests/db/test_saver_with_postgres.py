"""The saver against a real PostgreSQL behind a line that is cut, refused and frozen while calls keep coming."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import asyncpg
import pytest

from handlers.saver import Saver
from telephony.backoff import Backoff
from telephony.cases.embedded import EmbeddedPostgres
from telephony.cases.migrate import migrate
from telephony.cases.store import CallStore
from tests.support.calls import call, visit
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db


@pytest.fixture
async def line(server: EmbeddedPostgres) -> AsyncIterator[Proxy]:
    async with Proxy(server.socket) as proxy:
        yield proxy


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def saved(database: str) -> int:
    connection = await asyncpg.connect(database)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM calls"))
    finally:
        await connection.close()


@pytest.mark.parametrize("trouble", ["cut", "freeze", "kill"])
async def test_an_outage_loses_nothing(line: Proxy, database: str, trouble: str) -> None:
    name = database.split("?", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]
    url = f"postgresql://postgres@127.0.0.1:{line.port}/{name}?sslmode=disable"
    store = CallStore(url, connect_seconds=0.3, statement_seconds=0.3)
    saver = Saver(store, asyncio.get_running_loop().time, Backoff(0.01, 0.05, Random(1)))
    async with asyncio.TaskGroup() as group:
        group.create_task(saver.run())
        for number in range(1, 301):
            saver.put(call(visit(), number=number))
        await until(lambda: saver.state().backlog == 0)
        if trouble == "cut":
            await line.cut()
        elif trouble == "freeze":
            line.freeze()
        for number in range(200, 901):
            saver.put(call(visit(), number=number, revision=2))
            if trouble == "kill" and number % 100 == 0:
                await asyncio.sleep(0.06)
                admin = await asyncpg.connect(database)
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                await admin.close()
        if trouble != "kill":
            await until(lambda: saver.state().database_up is False)
            assert saver.state().backlog == 701
        await line.mend()
        await until(lambda: saver.state().backlog == 0)
        assert saver.state().database_up is True
        assert await saver.stop(10) == 0
    assert await saved(database) == 900
    await store.close()


async def test_a_server_that_crashes_and_recovers_has_every_call() -> None:
    folder = Path(tempfile.mkdtemp(prefix="threerings-crash-"))
    folder.chmod(0o755)
    try:
        first = await EmbeddedPostgres(folder / "pg").__aenter__()
        await migrate(first.url)
        store = CallStore(first.url, connect_seconds=1, statement_seconds=1)
        saver = Saver(store, asyncio.get_running_loop().time, Backoff(0.01, 0.05, Random(1)))
        async with asyncio.TaskGroup() as group:
            group.create_task(saver.run())
            for number in range(1, 1_201):
                saver.put(call(visit(), number=number))
                await asyncio.sleep(0)
            await until(lambda: saver.state().backlog < 1_200)
            await first.stop(signal.SIGQUIT)
            saver.put(call(number=1_201))
            await until(lambda: saver.state().database_up is False)
            async with EmbeddedPostgres(folder / "pg") as second:
                await until(lambda: saver.state().backlog == 0)
                assert await saver.stop(10) == 0
                assert await saved(second.url) == 1_201
                await store.close()
    finally:
        shutil.rmtree(folder)


async def test_a_store_on_a_frozen_line_closes_all_the_same(line: Proxy, database: str) -> None:
    name = database.split("?", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]
    store = CallStore(f"postgresql://postgres@127.0.0.1:{line.port}/{name}?sslmode=disable", connect_seconds=0.3)
    await store.ping()
    line.freeze()
    async with asyncio.timeout(5):
        await store.close()
