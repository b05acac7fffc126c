"""Database and journal saved while they are written, lost, and brought back: byte for byte what they were."""

import asyncio
import io
import json
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from handlers.backup import backup, restore
from handlers.dumping import DumpError, dump, load, without_password
from handlers.export import Format, Span, export_calls, targets_of, writer
from handlers.manifest import BackupError, read
from handlers.standby import InstanceBusy, owned
from telephony.cases.embedded import EmbeddedPostgres
from telephony.cases.inspection import revisions
from telephony.cases.lease import Leases
from telephony.cases.migrate import migrate
from telephony.cases.store import CallStore
from telephony.config import Config, ConfigFaults
from telephony.config import load as configured
from telephony.journal.reader import extent, records
from telephony.journal.record import Record
from telephony.journal.writer import Journal
from tests.support.calls import call, visit

pytestmark = pytest.mark.db

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIMIT = 30


@pytest.fixture
def config(tmp_path: Path, empty_database: str) -> Config:
    file = tmp_path / "threerings.toml"
    file.write_text(f'data_dir = "{tmp_path / "data"}"\n[database]\nurl = "{empty_database}"\n')
    return configured(file, {})


@contextmanager
def journal(config: Config, pbx: str = "pbx1") -> Iterator[Journal]:
    opened = Journal.open(config.data_dir / "journal" / pbx, wall=lambda: NOW)
    try:
        yield opened
    finally:
        opened.close()


def appended(opened: Journal, count: int) -> int:
    position = 0
    for number in range(count):
        position = opened.append(1, timedelta(seconds=number), timedelta(days=20_000), b"Event: %d\r\n\r\n" % number)
    return position


async def filled(config: Config, count: int = 50, first: int = 1) -> None:
    await migrate(config.database_url())
    store = CallStore(config.database_url())
    await store.save([call(visit(), number=number) for number in range(first, first + count)])
    await store.close()


async def exported(config: Config) -> str:
    out = io.StringIO(newline="")
    await export_calls(config, Span(), writer(Format.JSONL, out, targets_of(config)), lambda _: None)
    return out.getvalue()


def kept(config: Config, pbx: str = "pbx1") -> list[Record]:
    return list(records(config.data_dir / "journal" / pbx))


async def wiped(config: Config) -> None:
    shutil.rmtree(config.data_dir, ignore_errors=True)
    admin = await asyncpg.connect(config.database_url())
    await admin.execute("DROP SCHEMA public CASCADE")
    await admin.execute("CREATE SCHEMA public")
    await admin.close()


async def test_saved_while_written_then_lost_then_brought_back(config: Config, tmp_path: Path) -> None:
    await filled(config)
    with journal(config) as opened:
        await opened.synced(appended(opened, 500))
        saving = asyncio.Event()

        async def write_on() -> None:
            number = 51
            while not saving.is_set():
                appended(opened, 20)
                await filled(config, count=5, first=number)
                number += 5

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write_on())
            manifest = await backup(config, tmp_path / "saved", NOW)
            saving.set()
        await opened.synced(appended(opened, 1))
    calls, journalled = await exported(config), kept(config)
    await wiped(config)

    assert (await restore(config, tmp_path / "saved")) == manifest
    back = await exported(config)
    assert calls.startswith(back)  # they arrive in order, so that what was saved is a beginning
    assert back.count("\n") >= 50
    assert kept(config) == journalled[: manifest.positions["pbx1"][1]]
    assert len(kept(config)) >= 500
    with journal(config) as opened:
        assert appended(opened, 1) > manifest.positions["pbx1"][1]


async def test_what_was_saved_at_rest_comes_back_whole_and_with_its_life(config: Config, tmp_path: Path) -> None:
    await filled(config)
    for pbx in ("pbx1", "分机 2"):
        with journal(config, pbx) as opened:
            appended(opened, 10)
            life = opened.life
    calls, journalled = await exported(config), kept(config, "分机 2")
    manifest = await backup(config, tmp_path / "saved", NOW)
    assert (manifest.calls, manifest.schema) == (50, revisions()[0])
    assert manifest.positions == {"pbx1": (1, 10), "分机 2": (1, 10)}
    await wiped(config)
    await restore(config, tmp_path / "saved")
    assert (await exported(config), kept(config, "分机 2")) == (calls, journalled)
    with journal(config, "分机 2") as opened:
        assert opened.life == life
        assert appended(opened, 1) == 11
    await filled(config, first=51)  # the numbers of new cases go on behind the old ones
    assert '"000051"' in await exported(config)


async def test_only_its_owner_reads_a_backup_and_what_was_restored(config: Config, tmp_path: Path) -> None:
    await filled(config)
    with journal(config) as opened:
        appended(opened, 10)
    await backup(config, tmp_path / "saved", NOW)
    await wiped(config)
    await restore(config, tmp_path / "saved")
    for top in (tmp_path / "saved", config.data_dir / "journal"):
        modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (top, *top.rglob("*"))}
        assert modes == {(True, 0o700), (False, 0o600)}


async def test_a_folder_with_anything_in_it_is_no_place_for_a_backup(config: Config, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="is not empty; name a new folder"):
        await backup(config, tmp_path, NOW)
    with pytest.raises(BackupError, match="has no schema yet"):
        await backup(config, tmp_path / "new", NOW)


async def test_calls_or_records_that_are_there_are_replaced_only_when_told(config: Config, tmp_path: Path) -> None:
    await filled(config)
    with journal(config) as opened:
        appended(opened, 10)
    calls, journalled = await exported(config), kept(config)
    await backup(config, tmp_path / "saved", NOW)
    with pytest.raises(BackupError, match=r"journal has records; say --replace"):
        await restore(config, tmp_path / "saved")
    shutil.rmtree(config.data_dir / "journal")
    with pytest.raises(BackupError, match=r"50 calls are there; name an empty database, or say --replace"):
        await restore(config, tmp_path / "saved")
    with journal(config) as opened:
        appended(opened, 3)
    await filled(config, first=100)
    await restore(config, tmp_path / "saved", replace=True)
    assert (await exported(config), kept(config)) == (calls, journalled)
    assert extent(config.data_dir / "journal.replaced" / "pbx1").last == 3
    with pytest.raises(BackupError, match="is there from an earlier restore; move it away"):
        await restore(config, tmp_path / "saved", replace=True)


async def test_nothing_is_restored_under_a_service_that_runs(config: Config, tmp_path: Path) -> None:
    await filled(config)
    await backup(config, tmp_path / "saved", NOW)
    with owned(config.data_dir), pytest.raises(InstanceBusy, match="in use by another threerings"):
        await restore(config, tmp_path / "saved", replace=True)
    leases = Leases(config.database_url(), UUID(int=9), "elsewhere pid 9", ["pbx1"])
    await leases.take()
    with pytest.raises(BackupError, match="pbx1 by elsewhere pid 9 is being followed; stop that service first"):
        await restore(config, tmp_path / "saved", replace=True)
    await leases.release()
    await restore(config, tmp_path / "saved", replace=True)
    assert await leases.holders() == []
    await leases.close()


async def test_nobodys_lease_is_brought_back(config: Config, tmp_path: Path) -> None:
    await filled(config)
    leases = Leases(config.database_url(), UUID(int=9), "", ["pbx1"])
    await leases.take()
    await leases.close()
    await backup(config, tmp_path / "saved", NOW)
    await wiped(config)
    await restore(config, tmp_path / "saved")
    assert await leases.holders() == []
    await leases.close()


async def test_a_backup_that_was_changed_is_refused_before_anything_is_touched(config: Config, tmp_path: Path) -> None:
    await filled(config)
    with journal(config) as opened:
        appended(opened, 10)
    saved = tmp_path / "saved"
    await backup(config, saved, NOW)
    calls = await exported(config)
    (file,) = (saved / "journal" / "pbx1").glob("*.sqlite3")
    whole = file.read_bytes()
    for damage in (whole[:-1], whole[:-1] + b"\xff"):
        file.write_bytes(damage)
        with pytest.raises(BackupError, match=r"pbx1/.*Z\.sqlite3 is missing, or is not as it was saved"):
            await restore(config, saved, replace=True)
    file.unlink()
    with pytest.raises(BackupError, match="is missing, or is not"):
        await restore(config, saved, replace=True)
    assert await exported(config) == calls


async def test_a_manifest_is_believed_only_as_far_as_it_is_one(config: Config, tmp_path: Path) -> None:
    await filled(config)
    saved = tmp_path / "saved"
    await backup(config, saved, NOW)
    manifest = saved / "manifest.json"
    told = json.loads(manifest.read_text())
    empty = {"path": "journal/../life", "bytes": 0, "sha256": ""}
    for said, why in (
        (told | {"format": 2}, "format 2 is not known to this version"),
        (told | {"files": []}, r"database\.dump is missing"),
        (told | {"files": [empty]}, "none of ours"),
        (told | {"files": [{"path": "/etc/passwd", "bytes": 0, "sha256": ""}]}, "none of ours"),
        (told | {"files": [{}]}, "is damaged"),
        (told | {"more": 1}, "is damaged"),
        ([], "is damaged"),
    ):
        manifest.write_text(json.dumps(said))
        with pytest.raises(BackupError, match=why):
            read(saved)
    manifest.write_text("no json")
    with pytest.raises(BackupError, match="is damaged"):
        read(saved)
    manifest.unlink()
    with pytest.raises(BackupError, match="no whole backup"):
        await restore(config, saved)


async def test_a_journal_file_that_cannot_be_read_keeps_nothing_else_from_being_saved(
    config: Config, tmp_path: Path
) -> None:
    await filled(config)
    with journal(config) as opened:
        appended(opened, 10)
    (config.data_dir / "journal" / "pbx1" / "20200101T00Z.sqlite3").write_bytes(b"garbage" * 1000)
    manifest = await backup(config, tmp_path / "saved", NOW)
    assert manifest.left_out == ["journal/pbx1/20200101T00Z.sqlite3: file is not a database"]
    assert manifest.positions == {"pbx1": (1, 10)}


async def test_a_database_that_does_not_take_it_is_as_it_was(config: Config, tmp_path: Path) -> None:
    await filled(config)
    await backup(config, tmp_path / "saved", NOW)
    admin = await asyncpg.connect(config.database_url())
    await admin.execute("CREATE TABLE ours (call_id uuid REFERENCES calls)")
    await filled(config, first=100)
    calls = await exported(config)
    with pytest.raises(BackupError, match=r"^database\.url: pg_restore: .*ours.*; nothing was restored$"):
        await restore(config, tmp_path / "saved", replace=True)
    await admin.close()
    assert await exported(config) == calls


async def test_without_a_fitting_pg_dump_the_remedy_is_named(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with pytest.raises(
        DumpError, match=r"^pg_dump: version 99 or newer is needed, only \d+ is there; install postgres"
    ):
        await dump(server.url, tmp_path / "x", 99)
    with pytest.raises(DumpError, match=r"^pg_restore: version 99"):
        await load(server.url, tmp_path / "x", 12, 99)


async def test_a_program_that_does_not_run_is_as_if_it_were_not_there(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "pg_dump"
    broken.write_bytes(b"\x7fno program")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DumpError, match=r"version 99 or newer is needed, (only [1-9]\d+|none) is there; install"):
        await dump(database, tmp_path / "x", 99)


async def test_a_disk_that_is_full_is_told_in_one_line(database: str) -> None:
    connection = await asyncpg.connect(database)
    version = int(await connection.fetchval("SHOW server_version_num")) // 10_000
    await connection.close()
    with pytest.raises(DumpError) as told:
        await dump(database, Path("/dev/full"), version)
    assert str(told.value).startswith("pg_dump: could not ")
    assert str(told.value).endswith(": No space left on device; make room")


async def test_of_a_backup_that_fails_nothing_is_left_and_the_folder_may_be_named_again(
    config: Config, tmp_path: Path
) -> None:
    await filled(config)
    with journal(config) as opened:
        appended(opened, 10)
    life = config.data_dir / "journal" / "pbx1" / "life"
    life.rename(life.with_name("kept"))
    life.mkdir()
    why = f"^nothing was saved to .*/saved: {life}: Is a directory; run as the service's user, or name another folder$"
    with pytest.raises(BackupError, match=why):
        await backup(config, tmp_path / "saved", NOW)
    assert list((tmp_path / "saved").iterdir()) == []
    life.rmdir()
    life.with_name("kept").rename(life)
    assert (await backup(config, tmp_path / "saved", NOW)).positions == {"pbx1": (1, 10)}


async def test_a_restore_that_fails_says_what_has_become_of_database_and_journal(
    config: Config, tmp_path: Path
) -> None:
    await filled(config)
    with journal(config) as opened:
        appended(opened, 10)
    saved = tmp_path / "saved"
    await backup(config, saved, NOW)
    await wiped(config)
    config.data_dir.write_text("")
    with pytest.raises(ConfigFaults, match=r"data_dir: .*/data: File exists; name a folder we may write"):
        await restore(config, saved)
    config.data_dir.unlink()
    config.data_dir.mkdir()
    (config.data_dir / "journal.restoring").write_text("")
    with pytest.raises(BackupError, match=r"^data_dir: .*journal\.restoring: File exists; .*; nothing was restored$"):
        await restore(config, saved)
    (config.data_dir / "journal.restoring").unlink()
    (config.data_dir / "journal").mkdir()
    (config.data_dir / "journal.replaced").symlink_to("nowhere")
    with pytest.raises(BackupError, match=r"the database was restored, the journal was not: say it again with"):
        await restore(config, saved)


async def test_what_is_no_folder_is_no_backup(config: Config, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"threerings\.toml: has no manifest\.json, so it is no whole backup"):
        await restore(config, tmp_path / "threerings.toml")
    (tmp_path / "odd" / "manifest.json").mkdir(parents=True)
    with pytest.raises(BackupError, match=r"odd/manifest\.json: Is a directory; run as who made the backup, or name"):
        await restore(config, tmp_path / "odd")


def test_a_password_is_on_no_command_line() -> None:
    assert without_password("postgresql://u:s%40cret@h:5432/d?sslmode=require") == (
        "postgresql://u@h:5432/d?sslmode=require",
        {"PGPASSWORD": "s@cret"},
    )
    assert without_password("postgresql:///d?host=%2Ftmp&user=u&password=x") == (
        "postgresql:///d?host=%2Ftmp&user=u",
        {"PGPASSWORD": "x"},
    )
    assert without_password("postgresql://u@h/d") == ("postgresql://u@h/d", {})


def test_a_file_of_a_writer_is_read_without_being_changed(config: Config) -> None:
    with journal(config) as opened:
        appended(opened, 1)
    (file,) = (config.data_dir / "journal" / "pbx1").glob("*.sqlite3")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True).execute("DELETE FROM groups")
