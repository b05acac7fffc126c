"""`threerings reconcile`, as a person types it: files of queue_log, rotated ones too, against a real PostgreSQL."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog

from handlers.cli import main
from handlers.journaling import Source
from handlers.journals import journal_folder
from handlers.standby import owned
from telephony.calls.record import CallRecord, Direction, Outcome, Quality, call_id, case_id
from telephony.cases.lease import Leases
from telephony.cases.migrate import migrate
from telephony.cases.store import CallStore
from telephony.config import load
from telephony.journal.writer import Journal
from tests.support.calls import START, call, seconds, visit

pytestmark = pytest.mark.db

SECOND = START.replace(microsecond=0)
SINCE = (SECOND - seconds(60)).isoformat()
UNTIL = (SECOND + seconds(7200)).isoformat()
CONFIG = """
data_dir = "{folder}"
timezone = "Asia/Shanghai"
database = {{ url = "{url}" }}
[[pbx]]
name = "pbx1"
host = "127.0.0.1"
username = "threerings"
secret = "x"
{log}
"""


def line(at: float, who: str, *fields: object, agent: str = "NONE") -> str:
    return f"{int(SECOND.timestamp()) + int(at)}|{who}|support|{agent}|{'|'.join(map(str, fields))}\n"


def stay(who: str, at: float, end: str = "ABANDON") -> str:
    return line(at, who, "ENTERQUEUE", "", "13800138000", 1) + line(at + 10, who, end, 1, 1, 10)


def known(outcome: Outcome, who: str, at: float, wait: float = 10, **more: Any) -> CallRecord:
    begin = SECOND + seconds(at)
    one = visit(outcome, uniqueid=who, joined_at=begin, left_at=begin + seconds(wait), wait=seconds(wait), **more)
    id_, ended = call_id("pbx1", who), begin + seconds(wait + 1)
    made = call(one, arrived_at=begin, ended_at=ended, id=id_, case=case_id(id_))
    return replace(made, uniqueid=who, linkedid=who)


class Branch:
    """A configuration, a queue_log in two files, a database."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.log = folder / "queue_log"
        self.config = folder / "threerings.toml"
        self.told = ""
        self.configure(f'queue_log = "{self.log}"')

    def configure(self, log: str) -> None:
        self.config.write_text(CONFIG.format(folder=self.folder / "data", url=self.url, log=log))

    async def has(self, *calls: CallRecord) -> None:
        await migrate(self.url)
        store = CallStore(self.url)
        await store.save(calls)
        await store.close()

    async def calls(self) -> list[CallRecord]:
        store = CallStore(self.url)
        found = [stored.call async for stored in store.calls()]
        await store.close()
        return found

    async def reconciles(self, *words: str) -> int:
        return await asyncio.to_thread(
            main, ["reconcile", "--config", str(self.config), "--since", SINCE, "--until", UNTIL, *words]
        )


@pytest.fixture
def branch(tmp_path: Path, empty_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Branch]:
    monkeypatch.chdir(tmp_path)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    yield Branch(tmp_path, empty_database)
    structlog.reset_defaults()


BEGINS = line(-9000, "NONE", "QUEUESTART", "").replace("support", "NONE")


async def test_what_both_tell_alike_is_no_difference(branch: Branch, capsys: pytest.CaptureFixture[str]) -> None:
    await branch.has(known(Outcome.ABANDONED, "a", 0), known(Outcome.TIMEOUT, "b", 100))
    with gzip.open(branch.folder / "queue_log.1.gz", "wb") as old:
        old.write((BEGINS + stay("a", 0)).encode())
    branch.log.write_text(stay("b", 100, "EXITWITHTIMEOUT") + stay("z", 20_000))
    assert await branch.reconciles() == 0
    assert capsys.readouterr().out == "pbx1: no difference (2)\n"


async def test_differences_are_a_table_that_names_nobody(branch: Branch, capsys: pytest.CaptureFixture[str]) -> None:
    lost = known(Outcome.LOST, "b", 100, 3, quality=Quality.PARTIAL)
    await branch.has(known(Outcome.TIMEOUT, "a", 0), lost, known(Outcome.ABANDONED, "extra", 200))
    branch.log.write_text(BEGINS + stay("a", 0) + stay("b", 100) + stay("c", 4000) + stay("z", 20_000))
    before = await branch.calls()
    assert await branch.reconciles() == 1
    out = capsys.readouterr().out
    rows = [row.split() for row in out.splitlines()]
    assert [(row[5], row[3]) for row in rows[1:5]] == [
        ("outcome", "support"), ("outcome", "support"), ("extra", "support"), ("missing", "support")
    ]  # fmt: skip
    assert rows[1][:2] == ["2026-03-02", "17:00:00"]  # the branch's own time
    assert "13800138000" not in out
    assert "138******00" in out
    assert "timeout 10.0 s" in out
    assert out.count("(can be put right)") == 2
    assert out.splitlines()[-1] == "pbx1: 4 differences in 3 visits, 2 can be put right"
    assert await branch.calls() == before


async def test_it_speaks_chinese_to_whom_that_is_set(
    branch: Branch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await branch.has()
    branch.log.write_text(BEGINS + stay("a", 0))
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert await branch.reconciles() == 1
    out = capsys.readouterr().out
    assert "台账缺少" in out
    assert "1 次排队中有 1 处差异，1 处可更正" in out


async def test_what_the_log_knows_better_is_put_right_once(branch: Branch, capsys: pytest.CaptureFixture[str]) -> None:
    await branch.has(known(Outcome.LOST, "b", 100, 3, quality=Quality.PARTIAL))
    branch.log.write_text(BEGINS + stay("b", 100) + stay("c", 4000))
    assert await branch.reconciles("--heal", "--format", "json") == 0
    (pbx,) = json.loads(capsys.readouterr().out)["pbxs"]
    assert [(one["kind"], one["better"], one["healed"]) for one in pbx["differences"]] == [
        ("outcome", "queue_log", True), ("missing", "queue_log", True)
    ]  # fmt: skip
    healed = await branch.calls()
    assert [[each.outcome for each in one.visits] for one in healed] == [[Outcome.ABANDONED], [Outcome.ABANDONED]]
    assert {each.quality for one in healed for each in one.visits} == {Quality.RECONSTRUCTED}
    assert await branch.reconciles("--heal") == 0
    assert await branch.calls() == healed


async def test_while_a_service_runs_it_only_looks(branch: Branch, capsys: pytest.CaptureFixture[str]) -> None:
    await branch.has()
    branch.log.write_text(BEGINS + stay("a", 0))
    with owned(branch.folder / "data"):
        assert await branch.reconciles("--heal") == 1
        assert "the service is running; it puts right by itself" in capsys.readouterr().err
        assert await branch.reconciles() == 1
    leases = Leases(branch.url, uuid4(), "another pid 7", ["pbx1"])
    await leases.take()
    assert await branch.reconciles("--heal") == 1
    assert "pbx1 by another pid 7" in capsys.readouterr().err
    await leases.release()
    await leases.close()
    assert await branch.calls() == []


async def test_without_a_file_the_journal_tells_what_the_service_read(
    branch: Branch, capsys: pytest.CaptureFixture[str]
) -> None:
    await branch.has()
    branch.configure("")
    folder = journal_folder(load(branch.config, {}), "pbx1")
    keep = timedelta(days=9000)
    journal = Journal.open(folder, keep=keep, max_bytes=1 << 30, wall=lambda: SECOND)
    told = "\n".join(["place", *(BEGINS + stay("a", 0)).splitlines()]).encode()
    journal.append(Source.QUEUE_LOG, timedelta(seconds=1), SECOND - datetime(1970, 1, 1, tzinfo=SECOND.tzinfo), told)
    await asyncio.to_thread(journal.close)
    assert await branch.reconciles() == 1
    assert "queue_log as the service has read it" in capsys.readouterr().out


async def test_who_is_internal_or_goes_on_is_no_difference(branch: Branch, capsys: pytest.CaptureFixture[str]) -> None:
    agent = call(direction=Direction.INTERNAL, uniqueid="a", linkedid="a", id=call_id("pbx1", "a"))
    going_on = replace(known(Outcome.ABANDONED, "b", 100), ended_at=None, hung_up_by=None)
    await branch.has(agent, going_on)
    branch.log.write_text(BEGINS + stay("a", 0) + stay("b", 100, "EXITWITHTIMEOUT"))
    assert await branch.reconciles() == 0
    assert capsys.readouterr().out == "pbx1: no difference (2)\n"


async def test_what_is_wrong_is_said_in_a_line(branch: Branch, capsys: pytest.CaptureFixture[str]) -> None:
    await branch.has()
    assert await branch.reconciles() == 1
    assert capsys.readouterr().err == f"{branch.log}: No such file or directory\n"
    branch.log.write_text("")
    assert await branch.reconciles() == 0
    assert capsys.readouterr().out == "pbx1: queue_log has no line of that time\n"
    assert await branch.reconciles("--pbx", "pbx9") == 2
    assert capsys.readouterr().err == "--pbx = 'pbx9': is none of ours\n"
