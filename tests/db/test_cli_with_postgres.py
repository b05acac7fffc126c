"""migrate and export, as a person types them, on a real PostgreSQL."""

import asyncio
import csv
import getpass
import json
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import structlog

from handlers.cli import main
from handlers.export import progress
from telephony.calls.record import Direction, Outcome
from telephony.cases.inspection import revisions
from telephony.cases.migrate import migrate
from telephony.cases.pool import Pool
from telephony.cases.store import CallStore
from telephony.cases.trail import TrailStore, Wanted
from telephony.people.audit import Verb
from tests.support.calls import call, visit

pytestmark = pytest.mark.db

NEWEST = revisions()[0]

COMMAND = Path(sys.executable).parent / "threerings"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(tmp_path)
    yield
    structlog.reset_defaults()


async def filled(url: str) -> None:
    await migrate(url)
    store = CallStore(url)
    calls = [call(visit(Outcome.TIMEOUT), visit(), number=number) for number in range(1, 1003)]
    await store.save([*calls, call(number=2000, direction=Direction.OUTBOUND, caller_name="=1+1")])
    await store.close()


async def in_thread(*arguments: str) -> int:
    return await asyncio.to_thread(main, arguments)


async def test_migrate_says_what_it_did(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREERINGS__DATABASE__URL", empty_database)
    assert await in_thread("export", "calls") == 1
    assert capsys.readouterr().err == "database.url: the database has no schema yet; run: threerings migrate\n"
    assert [await in_thread("migrate"), await in_thread("migrate")] == [0, 0]
    assert capsys.readouterr().out == f"database schema was empty, is {NEWEST}\ndatabase schema is {NEWEST} already\n"


async def test_export_prints_calls_in_order(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await filled(empty_database)
    monkeypatch.setenv("THREERINGS__DATABASE__URL", empty_database)
    assert await in_thread("export", "calls", "--since", "2026-03-02T09:00:03Z", "--until", "2026-03-02T17:00:07") == 0
    calls = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["uniqueid"] for each in calls] == [f"1700000000.{number}" for number in range(3, 7)]
    assert [each["outcome"] for each in calls[0]["visits"]] == ["timeout", "answered"]


async def test_that_calls_were_exported_is_in_the_audit_trail_with_who_and_which(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(empty_database)
    monkeypatch.setenv("THREERINGS__DATABASE__URL", empty_database)
    assert await in_thread("export", "calls", "--since", "2026-03-02T09:00:03Z", "--format", "csv") == 0
    pool = Pool(empty_database)
    [written] = await TrailStore(pool).page(Wanted(), 10)
    await pool.close()
    assert written.entry.who == f"command {getpass.getuser()}"
    assert (written.entry.verb, written.entry.detail) == (
        Verb.CALLS_EXPORTED, "csv since 2026-03-02T09:00:03+00:00 until now",
    )  # fmt: skip


async def test_export_to_a_file_that_only_its_owner_reads(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await filled(empty_database)
    monkeypatch.setenv("THREERINGS__DATABASE__URL", empty_database)
    assert await in_thread("export", "calls", "--format", "csv", "--output", "calls.csv") == 0
    assert capsys.readouterr().err == "1003 calls written to calls.csv\n"
    assert stat.S_IMODE(Path("calls.csv").stat().st_mode) == 0o600
    with Path("calls.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), rows[0]["queues"], rows[-1]["caller_name"]) == (1003, "support > support", "'=1+1")


async def test_an_output_that_is_full_is_not_blamed_on_the_database(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(empty_database)
    monkeypatch.setenv("THREERINGS__DATABASE__URL", empty_database)
    for arguments in (["export", "calls"], ["export", "calls", "--since", "2026-03-02T09:33:00Z"]):
        with Path("/dev/full").open("w") as full:
            process = await asyncio.create_subprocess_exec(COMMAND, *arguments, stdout=full, stderr=subprocess.PIPE)
            _, errors = await process.communicate()
        assert (errors.decode(), process.returncode) == ("output: No space left on device\n", 1)


async def test_what_a_caller_calls_himself_cannot_break_a_line(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await migrate(empty_database)
    store = CallStore(empty_database)
    name = "a\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029b"
    await store.save([call(caller_name=name)])
    await store.close()
    monkeypatch.setenv("THREERINGS__DATABASE__URL", empty_database)
    assert await in_thread("export", "calls") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["caller_name"] == name
    assert await in_thread("export", "calls", "--format", "csv") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


async def test_our_own_server_serves_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="threerings-own-"))
    folder.chmod(0o755)
    monkeypatch.setenv("THREERINGS__DATABASE__URL", "embedded")
    monkeypatch.setenv("THREERINGS__DATA_DIR", str(folder))
    try:
        assert [await in_thread("migrate"), await in_thread("export", "calls")] == [0, 0]
        assert capsys.readouterr().out == f"database schema was empty, is {NEWEST}\n"
        assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700
        monkeypatch.setenv("THREERINGS__DATA_DIR", "/dev/null")
        assert await in_thread("migrate") == 1
        assert "name a folder we may write" in capsys.readouterr().err
    finally:
        shutil.rmtree(folder)


def test_progress_is_shown_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(shown=False) as told:
        told(5)
    assert capsys.readouterr().err == ""
    with progress(shown=True) as told:
        told(1_000)
