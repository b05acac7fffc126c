"""Our own PostgreSQL, used by a command and a service at a time."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from handlers.database import database
from telephony.cases.embedded import EmbeddedPostgres
from telephony.config import load

pytestmark = pytest.mark.db
QUICK = {"fsync": "off"}
LIMIT = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="threerings-own-"))  # pytest's is closed to the server's user
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


async def answers(server: EmbeddedPostgres) -> bool:
    try:
        connection = await asyncpg.connect(server.url, timeout=5)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def test_a_command_that_was_there_first_leaves_the_server_to_the_service(folder: Path) -> None:
    command, service = (EmbeddedPostgres(folder / "postgres", QUICK) for _ in range(2))
    await command.__aenter__()
    async with service:
        await command.leave()
        assert await answers(service)
        async with EmbeddedPostgres(folder / "postgres", QUICK) as later:
            assert await answers(later)
        assert await answers(service)
    assert not await answers(service)  # the last one stops it, though another had started it


async def test_two_that_begin_at_once_share_one_server(folder: Path) -> None:
    both = [EmbeddedPostgres(folder / "postgres", QUICK) for _ in range(2)]
    await asyncio.gather(*(one.__aenter__() for one in both))
    assert [await answers(one) for one in both] == [True, True]
    await asyncio.gather(*(one.leave() for one in both))
    assert not await answers(both[0])


async def test_a_server_that_none_of_us_started_is_not_ours_to_stop(folder: Path) -> None:
    async with EmbeddedPostgres(folder / "postgres", QUICK) as server:
        (folder / "postgres.users").write_text("1\n")
        async with EmbeddedPostgres(folder / "postgres", QUICK) as other:
            pass
        assert await answers(other)
        assert await answers(server)


async def test_a_server_that_goes_is_started_again_while_it_is_used(folder: Path) -> None:
    file = folder / "threerings.toml"
    file.write_text(f'data_dir = "{folder}"\ndatabase = {{ url = "embedded" }}\n')
    async with database(load(file, {})) as url, asyncio.timeout(LIMIT):
        server = EmbeddedPostgres(folder / "postgres")
        assert url == server.url
        first = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(first, signal.SIGINT)
        while await answers(server):
            await asyncio.sleep(0.01)
        while not await answers(server):
            await asyncio.sleep(0.01)
    assert not await answers(server)


async def test_what_fails_while_it_is_used_is_raised_as_it_is(folder: Path) -> None:
    file = folder / "threerings.toml"
    file.write_text(f'data_dir = "{folder}"\ndatabase = {{ url = "embedded" }}\n')
    with pytest.raises(ValueError, match="mine"):
        async with database(load(file, {})):
            raise ValueError("mine")
