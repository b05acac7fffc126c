"""Two real processes and one PBX: one follows it, the other stands by. Run as a program, it is one of the two."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from handlers.standby import InstanceBusy, LeaseLost, Term, owned, this_process
from telephony import logs
from telephony.cases.embedded import EmbeddedPostgres
from telephony.cases.lease import Leases
from telephony.cases.migrate import migrate

pytestmark = pytest.mark.db

LIMIT = 20
SECONDS = 1.5
"""A lease, where a test waits for its end."""
LONG = 10.0
"""A lease, where nothing may depend on how busy the machine is."""
WORK = "CREATE TABLE work (serial bigint GENERATED ALWAYS AS IDENTITY, holder uuid, at timestamptz)"


class Instance:
    """One of the two, as whoever started it sees it."""

    def __init__(self, folder: Path, process: Process) -> None:
        self.folder = folder
        self.process = process

    async def says(self, word: str) -> None:
        """Return when it says so, whatever it logs before."""
        assert self.process.stdout is not None
        async with asyncio.timeout(LIMIT):
            while True:
                line = (await self.process.stdout.readline()).decode()
                assert line, f"ended before {word}"
                if word in line:
                    return

    async def ends(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(LIMIT):
            return await self.process.wait()

    @property
    def holder(self) -> str:
        return (self.folder / "instance").read_text().split()[0]


@asynccontextmanager
async def instance(url: str, folder: Path, lease: float) -> AsyncIterator[Instance]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, url, folder, str(lease), env=environment, stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
    try:
        yield Instance(folder, process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def two(url: str, folder: Path, lease: float = SECONDS) -> AsyncIterator[tuple[Instance, Instance]]:
    """A holds and works; B stands by."""
    await ready(url)
    async with instance(url, folder / "a", lease) as a:
        await a.says("works")
        async with instance(url, folder / "b", lease) as b:
            await b.says("standby")
            yield a, b


async def ready(url: str) -> None:
    admin = await asyncpg.connect(url)
    await admin.execute(WORK)
    await admin.close()


async def turns(url: str) -> list[tuple[str, float, float]]:
    """Who worked from when to when, by the database's clock, in the order in which it was written."""
    admin = await asyncpg.connect(url)
    rows = await admin.fetch("SELECT holder::text, extract(epoch FROM at)::float8 AS at FROM work ORDER BY serial")
    await admin.close()
    groups = [(holder, [row["at"] for row in each]) for holder, each in groupby(rows, lambda row: row["holder"])]
    return [(holder, times[0], times[-1]) for holder, times in groups]


async def test_after_a_kill_the_other_follows_when_the_lease_ended(database: str, tmp_path: Path) -> None:
    async with two(database, tmp_path) as (a, b):
        await a.ends(signal.SIGKILL)
        await b.says("works")
        (first, _, last), (second, begun, _) = await turns(database)
        assert (first, second) == (a.holder, b.holder)
        assert SECONDS / 2 < begun - last < SECONDS + 1


async def test_after_a_stop_the_other_follows_at_once(database: str, tmp_path: Path) -> None:
    async with two(database, tmp_path, LONG) as (a, b):
        assert await a.ends(signal.SIGTERM) == 0
        await b.says("works")
        (first, _, last), (second, begun, _) = await turns(database)
        assert (first, second) == (a.holder, b.holder)
        assert begun - last < 1


async def test_who_was_frozen_finds_it_lost_and_has_written_nothing_since(database: str, tmp_path: Path) -> None:
    async with two(database, tmp_path) as (a, b):
        a.process.send_signal(signal.SIGSTOP)
        await b.says("works")
        a.process.send_signal(signal.SIGCONT)
        await a.says("lost")
        assert await a.process.wait() == 1
        assert [holder for holder, _, _ in await turns(database)] == [a.holder, b.holder]


async def test_a_restart_after_a_kill_has_its_own_lease_back_before_who_stands_by(
    database: str, tmp_path: Path
) -> None:
    async with two(database, tmp_path, LONG) as (a, _):
        await a.ends(signal.SIGKILL)
        async with instance(database, a.folder, LONG) as again:
            await again.says("works")
            assert [holder for holder, _, _ in await turns(database)] == [a.holder]


async def test_two_processes_never_share_a_folder(database: str, tmp_path: Path) -> None:
    await ready(database)
    async with instance(database, tmp_path, LONG) as one:
        await one.says("works")
        with (
            pytest.raises(InstanceBusy, match=rf"in use by another threerings \(pid {one.process.pid}\)"),
            owned(tmp_path),
        ):
            pass
    with owned(tmp_path) as number:
        assert str(number) == one.holder
    assert (tmp_path / "instance").stat().st_mode & 0o777 == 0o600


def test_a_file_that_holds_no_number_gets_one(tmp_path: Path) -> None:
    for damage in ("", "\x00" * 50, "no number\n", "é"):
        (tmp_path / "instance").write_text(damage, encoding="utf-8")
        with owned(tmp_path) as number:
            pass
        with owned(tmp_path) as again:
            assert again == number


async def test_a_database_that_restarts_leaves_the_lease_where_it_was() -> None:
    folder = Path(tempfile.mkdtemp(prefix="threerings-lease-"))
    folder.chmod(0o755)
    settings = {"fsync": "off"}
    try:
        postgres = EmbeddedPostgres(folder / "pg", settings)
        await postgres.__aenter__()
        await migrate(postgres.url)
        async with two(postgres.url, folder, LONG) as (a, b):
            await postgres.stop(signal.SIGQUIT)
            await a.says("lease_not_renewed")
            await b.says("standby_without_database")
            await postgres.__aenter__()
            await a.says("works")
            assert {holder for holder, _, _ in await turns(postgres.url)} == {a.holder}
            assert await a.ends(signal.SIGTERM) == 0
            await b.says("works")
        await postgres.stop()
    finally:
        shutil.rmtree(folder)


async def main(url: str, folder: Path, lease: float) -> int:
    """Stand by, work while the lease is ours, and give it up when told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with owned(folder) as me:
        leases = Leases(url, me, this_process(), ["pbx1"], lease=timedelta(seconds=lease))
        term = Term(leases, lambda: migrate(url), every=lease / 5, again=0.1)
        try:
            if await term.until_taken(stop):
                await follow(term, work(url, leases), stop)
        except* LeaseLost as lost:
            print("lost", lost.exceptions[0], flush=True)
        finally:
            await term.release()
    return 0 if stop.is_set() else 1


async def follow(term: Term, working: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(term.keep()), tasks.create_task(working)]
        await stop.wait()
        for job in jobs:
            job.cancel()


async def work(url: str, leases: Leases) -> None:
    """Write as whoever saves does: each time behind the fence, and what it does not let through, not."""
    while True:
        try:
            connection = await asyncpg.connect(url, server_settings={"idle_in_transaction_session_timeout": "500"})
            try:
                await work_on(connection, leases)
            finally:
                connection.terminate()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            print("away", flush=True)
            await asyncio.sleep(0.05)


async def work_on(connection: "asyncpg.Connection[asyncpg.Record]", leases: Leases) -> None:
    told = False
    while True:
        async with connection.transaction():
            if await leases.fence(connection, ["pbx1"]):
                await connection.execute("INSERT INTO work (holder, at) VALUES ($1, clock_timestamp())", leases.holder)
        if not told:
            print("works", flush=True)
            told = True
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    logs.configure()
    sys.exit(asyncio.run(main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))))
