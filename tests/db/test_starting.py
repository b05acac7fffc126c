"""The start of the whole service, where it takes long: the lease is kept, and a stop is heard."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from handlers.journals import journal_folder
from handlers.service import serve
from telephony.cases.migrate import NewerSchemaError
from telephony.config import Config
from tests.support.checks import PBX, config_of

pytestmark = pytest.mark.db

LIMIT = 30


def configured(folder: Path, url: str, *pbxs: dict[str, object]) -> Config:
    addresses = {"http": {"listen": "127.0.0.1:0"}, "agi": {"listen": "127.0.0.1:0"}}
    return config_of(pbxs=[PBX | one for one in pbxs], data_dir=folder, database={"url": url}, **addresses)


@asynccontextmanager
async def starting(config: Config, *, standby: bool = False) -> AsyncIterator[list[int]]:
    """The service, being started; ended by SIGTERM. The list gets its result."""
    ended: list[int] = []

    async def run() -> None:
        ended.append(await serve(config, standby=standby))

    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run())
        yield ended
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(LIMIT):
            await running


def hang(config: Config) -> None:
    """Opening this journal takes for ever: its state is a pipe here that nobody writes."""
    folder = journal_folder(config, config.pbx[0].name)
    folder.mkdir(parents=True)
    os.mkfifo(folder / "life")


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("standby", [False, True])
async def test_while_a_journal_is_being_opened_the_lease_is_renewed_and_a_stop_is_heard(
    database: str, tmp_path: Path, standby: bool
) -> None:
    config = configured(tmp_path, database, {})
    hang(config)
    admin = await asyncpg.connect(database)

    async def lease() -> float:
        return await admin.fetchval("SELECT coalesce(max(extract(epoch FROM until))::float8, 0) FROM leases")  # type: ignore[no-any-return]

    async with starting(config, standby=standby) as ended:
        while not (taken := await lease()):
            await asyncio.sleep(0.01)
        while await lease() == taken:  # renewed every two seconds
            await asyncio.sleep(0.1)
    assert ended == [0]
    assert await lease() == float("-inf")  # and given up
    await admin.close()


async def test_a_stop_is_heard_while_nothing_is_known_of_the_database(tmp_path: Path) -> None:
    config = configured(tmp_path, "postgresql://nobody@127.0.0.1:1/nowhere", {})
    hang(config)
    async with starting(config) as ended:
        await until((journal_folder(config, "pbx1") / "lock").exists)
    assert ended == [0]


async def test_a_database_of_a_newer_version_is_told_and_not_touched(database: str, tmp_path: Path) -> None:
    admin = await asyncpg.connect(database)
    await admin.execute("UPDATE alembic_version SET version_num = '9999'")
    for standby in (False, True):
        with pytest.raises(NewerSchemaError, match=r"^database schema '9999' is not known to this version"):
            async with asyncio.timeout(LIMIT):
                await serve(configured(tmp_path, database, {}), standby=standby)
    assert await admin.fetchval("SELECT count(*) FROM leases") == 0
    await admin.close()
