"""A backup while calls go on: what ends while it is made is in it."""

import asyncio
import io
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from handlers.backup import backup, restore
from handlers.export import Format, Span, export_calls, targets_of, writer
from handlers.journalcopies import marked_in
from handlers.resume import MARK, Resume
from telephony.cases.attempts import Attempts
from telephony.cases.lease import Leases
from telephony.cases.migrate import migrate
from telephony.config import Config
from telephony.journal import sheet
from telephony.journal.files import listing
from tests.db.test_service import configuration, recorded, serving, until
from tests.support.ami_server import AmiServer

pytestmark = pytest.mark.db
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIMIT = 30


async def exported(config: Config) -> str:
    """All but the numbers of the cases: PostgreSQL's sequences know of no picture, so they go on behind it."""
    out = io.StringIO(newline="")
    await export_calls(config, Span(), writer(Format.JSONL, out, targets_of(config)), lambda _: None)
    return re.sub('"number": "[0-9]{6}"', "", out.getvalue())


async def emptied(url: str) -> None:
    admin = await asyncpg.connect(url)
    await admin.execute("DROP SCHEMA public CASCADE")
    await admin.execute("CREATE SCHEMA public")
    await admin.close()


@asynccontextmanager
async def dumping(url: str) -> AsyncIterator[asyncio.Event]:
    """pg_dump stops behind its picture of the database, for as long as the block runs; the event: it has."""
    lock, look = await asyncpg.connect(url), await asyncpg.connect(url)
    stopped = asyncio.Event()

    async def watch() -> None:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'"
        while not await look.fetchval(waits):
            await asyncio.sleep(0.01)
        stopped.set()

    await lock.execute("CREATE TABLE IF NOT EXISTS in_the_way ()")
    try:
        async with asyncio.TaskGroup() as tasks, lock.transaction():
            await lock.execute("LOCK TABLE in_the_way")
            tasks.create_task(watch())
            yield stopped
    finally:
        await lock.close()
        await look.close()


def marked(config: Config) -> Resume | None:
    with closing(sheet.connect_to_read(listing(config.data_dir / "journal" / "pbx1")[-1].path)) as connection:
        return Resume.load(sheet.marks_of(connection).get(MARK))


def moved(config: Config, ami: AmiServer) -> Config:
    """The same PBX at another port."""
    return config.model_copy(update={"pbx": tuple(one.model_copy(update={"port": ami.port}) for one in config.pbx)})


async def test_calls_that_begin_or_end_while_a_backup_is_made_are_there_after_the_restore(
    tmp_path: Path, empty_database: str, unused_tcp_port: int
) -> None:
    call = recorded("answered")
    answered = call.index(b"Event: BridgeEnter")
    async with AmiServer() as ami:
        ami.entries = 0
        config = configuration(tmp_path, ami, empty_database, unused_tcp_port)
        async with serving(config) as (service, _):
            follower = service.feeds[0].follower
            await until(lambda: follower.synchronised)
            ami.say(call[:answered])
            await until(lambda: follower.tracker.book.calls)
            await until(lambda: service.saver.state().database_up and not service.saver.state().backlog)
            async with asyncio.TaskGroup() as tasks, dumping(empty_database) as stopped:
                saving = tasks.create_task(backup(config, tmp_path / "saved", NOW))
                async with asyncio.timeout(LIMIT):
                    await stopped.wait()
                before = follower.reading.position
                ami.say(call[answered:])  # his call is answered and ends
                ami.say(recorded("abandoned_waiting"))  # another comes, and goes
                await until(lambda: follower.reading.position > before + 1 and not follower.tracker.book.calls)
                await until(lambda: not service.saver.state().backlog)
                end = follower.reading.position
                await until(lambda: (now := marked(config)) is not None and now.saved >= end)
            manifest = saving.result()
        calls = await exported(config)
    assert calls.count('"outcome": "answered"') == calls.count('"outcome": "abandoned"') == 1
    assert manifest.positions["pbx1"][1] >= end
    shutil.rmtree(config.data_dir / "journal")
    await emptied(empty_database)
    await restore(config, tmp_path / "saved")
    assert await exported(config) != calls
    async with AmiServer() as ami:
        ami.entries = 0
        async with serving(moved(config, ami)) as (service, _):
            await until(lambda: service.feeds[0].follower.synchronised)
            await until(lambda: service.saver.state().database_up and not service.saver.state().backlog)
    assert await exported(config) == calls


@pytest.mark.parametrize("swapped", [False, True])
async def test_the_journal_is_gone_on_from_however_often_the_holder_of_the_lease_had_changed(
    tmp_path: Path, empty_database: str, unused_tcp_port: int, *, swapped: bool
) -> None:
    await migrate(empty_database)
    other = Leases(empty_database, UUID(int=9), "other", ["pbx1"])
    if swapped:
        await other.take()
        other.noted()
        await other.release()
    async with AmiServer() as ami:
        ami.entries = 0
        config = configuration(tmp_path, ami, empty_database, unused_tcp_port)
        async with serving(config) as (service, _):
            await until(lambda: (now := marked(config)) is not None and now.saved)
            await backup(config, tmp_path / "saved", NOW)
    await restore(config, tmp_path / "saved", replace=True)
    async with AmiServer() as ami:
        ami.entries = 0
        async with serving(moved(config, ami)) as (service, _):
            assert service.feeds[0].resume is not None
    shutil.rmtree(config.data_dir / "journal.replaced")
    await other.take()
    other.noted()
    await other.release()
    await other.close()
    await backup(config, tmp_path / "old", NOW)  # by who is not the last who followed
    await restore(config, tmp_path / "old", replace=True)
    assert marked(config) is None


async def test_a_start_that_was_killed_before_the_journal_said_so_is_no_other_instance_to_a_backup(
    tmp_path: Path, empty_database: str, unused_tcp_port: int
) -> None:
    await migrate(empty_database)
    async with AmiServer() as ami:
        ami.entries = 0
        config = configuration(tmp_path, ami, empty_database, unused_tcp_port)
        async with serving(config):
            await until(lambda: (now := marked(config)) is not None and now.saved)
    killed = Leases(empty_database, UUID(int=1), "ours", ["pbx1"], attempts=Attempts(config.data_dir))
    await killed.take()
    await killed.close()
    await backup(config, tmp_path / "saved", NOW)
    assert marked_in(tmp_path / "saved" / "journal" / "pbx1").marks[MARK]
