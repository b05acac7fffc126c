"""The FastAGI side as the service composes it: a real listener, real script hosts, a PBX that is played."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Self
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from handlers.agi import side as sides
from handlers.agi.claims import Claims
from handlers.agi.inbound import Asker
from handlers.agi.side import AgiSide, scripts_of
from telephony.agi.hosts import NoHost
from telephony.agi.scripts import Script
from telephony.calls.facts import Uniqueid
from telephony.calls.record import Standing
from telephony.config import Config, ConfigFaults
from telephony.metrics import Labels, Measures
from tests.support.agi_peer import AgiPeer, environment

LIMIT = 20.0
PIN = """
import sys
from asterisk.agi import AGI
agi = AGI()
agi.set_variable("PIN", {answer!r})
sys.exit()
"""
FAILS = """
def run(agi):
    agi.noop()
    raise ValueError("no such customer")
"""


class Nobody:
    synchronised = True

    def claimed(self, uniqueid: Uniqueid, case: UUID | None) -> None:
        assert uniqueid
        assert case

    @property
    def tracker(self) -> Self:
        return self

    def standing(self, uniqueid: Uniqueid) -> Standing | None:
        assert uniqueid
        return None

    async def sighted(self, uniqueid: Uniqueid, limit: float) -> Standing | None:
        assert limit > 0
        return self.standing(uniqueid)


def config_of(folder: Path, *scripts: tuple[str, str], **agi: object) -> Config:
    return Config.model_validate(
        {
            "agi": {"listen": "127.0.0.1:0", "scripts": folder, "hosts": 1, "deadline_ms": 5_000} | agi,
            "script": [{"name": name, "run": run} for name, run in scripts],
            "number": [{"dialled": "4001", "queue": "support"}],
        }
    )


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT):
        while not true():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[tuple[AgiSide, Measures]]:
    measures = Measures(Labels(pbxs=("pbx1",)))
    claims = Claims(measures.case_claimed, asyncio.get_running_loop().time)
    agi = AgiSide(config, {"pbx1": Asker("127.0.0.1", Nobody())}, claims, measures)
    await agi.server.listen()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(agi.run())
        try:
            await until(lambda: agi.server.listening and agi.scripts.ready)
            yield agi, measures
        finally:
            task.cancel()


async def asked(agi: AgiSide, script: str) -> list[str]:
    """What a PBX was told that asked for a script and agreed to everything."""
    async with await AgiPeer.connect(agi.server.address[1]) as peer:
        peer.say(environment(script))
        return await peer.answer({'GET VARIABLE "SYSTEMNAME"': b"200 result=1 (pbx1)\n"}, b"200 result=1\n")


async def reloaded(agi: AgiSide, config: Config) -> None:
    scripts = [Script(one.name, config.agi.scripts / one.run, None) for one in config.script]
    await agi.reload(config, scripts)


def counted(measures: Measures, script: str, result: str) -> float:
    labels = {"script": script, "result": result}
    return measures.registry.get_sample_value("telephony_agi_requests_total", labels) or 0


async def test_inbound_and_a_script_share_the_port_and_are_counted(tmp_path: Path) -> None:
    (tmp_path / "pin.py").write_text(PIN.format(answer="1"))
    async with running(config_of(tmp_path, ("pin", "pin.py"))) as (agi, measures):
        assert 'SET VARIABLE "THREERINGS_QUEUE" "support"' in await asked(agi, "inbound")
        assert (await asked(agi, "pin"))[0] == 'SET VARIABLE "PIN" "1"'
        await until(lambda: counted(measures, "pin", "ok"))
        assert counted(measures, "inbound", "ok") == 1
        measures.refresh()
        assert measures.registry.get_sample_value("telephony_agi_hosts", {"state": "ready"}) == 1


async def test_a_reload_gives_new_calls_new_code_and_what_is_at_fault_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "pin.py").write_text(PIN.format(answer="old"))
    config = config_of(tmp_path, ("pin", "pin.py"))
    async with running(config) as (agi, measures):
        (tmp_path / "pin.py").write_text(PIN.format(answer="new"))
        (tmp_path / "other.py").write_text("x = (")
        with capture_logs() as logs:
            await reloaded(agi, config_of(tmp_path, ("pin", "pin.py"), ("other", "other.py")))
        assert [line["event"] for line in logs] == ["not_reloaded"]
        assert "other.py" in logs[0]["faults"][0]
        assert (await asked(agi, "pin"))[0] == 'SET VARIABLE "PIN" "old"'
        (tmp_path / "other.py").write_text(PIN.format(answer="other"))
        await reloaded(agi, config_of(tmp_path, ("pin", "pin.py"), ("other", "other.py"), max_calls=7, hosts=2))
        await until(lambda: agi.state().hosts == {"ready": 2, "starting": 0, "draining": 0})
        assert (await asked(agi, "pin"))[0] == 'SET VARIABLE "PIN" "new"'
        assert (await asked(agi, "other"))[0] == 'SET VARIABLE "PIN" "other"'
        assert agi.server.limits.requests == 7
        await until(lambda: counted(measures, "other", "ok"))


async def test_why_a_script_ended_badly_is_told_but_not_for_every_caller(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text(FAILS)
    async with running(config_of(tmp_path, ("fails", "fails.py:run"), ("too", "fails.py:run"))) as (agi, measures):
        with capture_logs() as logs:
            for _ in range(3):
                assert 'SET VARIABLE "THREERINGS_SCRIPT" "failed"' in await asked(agi, "fails")
            await until(lambda: counted(measures, "fails", "failed") == 3)
            await asked(agi, "too")
            await until(lambda: counted(measures, "too", "failed"))
        told = [line for line in logs if line["event"] == "script_ended_badly"]
        assert len([line for line in told if line["script"] == "fails"]) < 3
        assert "no such customer" in told[0]["detail"]
        assert [line["more"] for line in told if line["script"] == "too"] == [0]


async def test_a_script_that_nobody_can_run_after_all_is_told_to_the_dialplan(tmp_path: Path) -> None:
    (tmp_path / "pin.py").write_text(PIN.format(answer="1"))
    async with running(config_of(tmp_path, ("pin", "pin.py"))) as (agi, measures):
        agi.scripts.names = frozenset({"pin", "gone"})  # as if a reload were half done
        assert await asked(agi, "gone") == ['SET VARIABLE "THREERINGS_SCRIPT" "unknown"']
        await until(lambda: counted(measures, "other", "unknown"))
        with pytest.raises(NoHost):
            agi.scripts.pool.give("gone", None, None)  # type: ignore[arg-type]


async def test_without_scripts_no_process_runs_and_it_is_ready(tmp_path: Path) -> None:
    async with running(config_of(tmp_path)) as (agi, _):
        assert agi.scripts.ready
        assert agi.state().hosts["ready"] == 0
        assert await asked(agi, "pin") == ['SET VARIABLE "THREERINGS_SCRIPT" "unknown"']


async def test_claims_are_given_up_in_time_though_nobody_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "EXPIRE_EVERY", 0.01)
    monkeypatch.setattr("handlers.agi.claims.PATIENCE", 0.05)
    async with running(config_of(tmp_path)) as (agi, measures):
        await asked(agi, "inbound")
        labels = {"pbx": "pbx1", "result": "unseen"}
        await until(lambda: measures.registry.get_sample_value("telephony_agi_claims_total", labels))


def test_every_script_that_cannot_be_run_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def f(:\n")
    with pytest.raises(ConfigFaults) as faults:
        scripts_of(config_of(tmp_path, ("bad", "bad.py"), ("none", "none.py"), ("out", "../x.py"), ("word", "x")))
    assert [line.split(":")[0] for line in faults.value.faults] == [
        "script[0].run = 'bad.py'",
        "script[1].run = 'none.py'",
        "script[2].run = '../x.py'",
        "script[3].run = 'x'",
    ]
