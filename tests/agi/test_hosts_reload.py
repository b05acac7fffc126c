"""New code without dropping a call, and code that cannot run; hosts that do not outlive the service."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import structlog

from telephony.agi.hosts import HostPool, HostSettings
from tests.agi.pools import SCRIPTS, children, gone, running, scripts, until
from tests.agi.test_hosts_faults import ONE, spoken, status

OLD = "def f(agi):\n    agi.answer()\n    agi.set_variable('CODE', 'old')\n    agi.noop()\n"
TWO = HostSettings(hosts=2, first_command=2.0, silence=2.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "it.py").write_text(OLD)
    return tmp_path


async def test_old_calls_go_on_in_the_old_code_and_new_ones_get_the_new(folder: Path) -> None:
    async with running(scripts(folder, it="it.py:f"), TWO) as pool:
        before = children()
        old = await pool.call("it")
        await spoken(old)
        (folder / "it.py").write_text(OLD.replace("'old'", "'new'"))
        assert await pool.pool.reload(scripts(folder, it="it.py:f", more="it.py:f")) == []
        assert pool.pool.state().hosts["ready"] == 2
        assert await pool.talk("it") == ["ANSWER", 'SET VARIABLE "CODE" "new"', "NOOP", status("")]
        assert (await pool.talk("more"))[0] == "ANSWER"
        assert await old.hear() == 'SET VARIABLE "CODE" "old"'
        assert pool.pool.state().hosts["draining"] == 1
        old.say(b"200 result=1\n")
        assert (await old.answer())[-2] == "NOOP"
        await old.close()
        await until(lambda: pool.results("it") == ["ok", "ok"])
        await until(lambda: not children() & before)
        assert pool.pool.state().replaced == {"silent": 0, "died": 0, "stubborn": 0, "exhausted": 0}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def f(agi:\n", "it.py:1: SyntaxError: "),
        ("def g(agi): pass\n", "it.py: has no function 'f' at its top level"),
        ("import none_such\ndef f(agi): pass\n", "No module named 'none_such' (it.py:1)"),
        ("import sys\ndef f(agi): pass\nsys.exit('no')\n", "script it: sys.exit('no') (it.py:3)"),
        ("import os\ndef f(agi): pass\nos._exit(3)\n", "a script host died: ended with 3"),
        ("from asterisk.agi import AGI\nagi = AGI()\ndef f(agi): pass\n", "AGIError: AGI() outside a call"),
    ],
)
async def test_code_that_cannot_run_changes_nothing(folder: Path, code: str, said: str) -> None:
    async with running(scripts(folder, it="it.py:f"), ONE) as pool:
        before = children()
        (folder / "it.py").write_text(code)
        faults = await pool.pool.reload(scripts(folder, it="it.py:f"))
        assert len(faults) == 1
        assert said in faults[0]
        assert (await pool.talk("it"))[1] == 'SET VARIABLE "CODE" "old"'
        await until(lambda: children() == before)
        assert pool.pool.state().replaced["died"] == 0


async def test_a_script_that_cannot_be_imported_at_the_start_fails_alone(folder: Path) -> None:
    (folder / "bad.py").write_text("1 / 0\ndef f(agi): pass\n")
    with structlog.testing.capture_logs() as logs:
        async with running(scripts(folder, it="it.py:f", bad="bad.py:f"), ONE) as pool:
            assert await pool.talk("bad") == [status("failed")]
            assert pool.ended[0].detail == "ZeroDivisionError: division by zero (bad.py:1)"
            assert (await pool.talk("it"))[0] == "ANSWER"
    assert [log["script"] for log in logs if log["event"] == "script_cannot_run"] == ["bad"]


async def test_a_drain_has_an_end(folder: Path) -> None:
    settings = HostSettings(hosts=1, drain=0.3, silence=5.0)
    async with running(scripts(folder, it="it.py:f"), settings) as pool:
        old = await pool.call("it")
        await spoken(old)
        assert await pool.pool.reload(scripts(folder, it="it.py:f")) == []
        assert await old.hear() == 'SET VARIABLE "CODE" "old"'
        assert await old.hear() == status("timeout")
        await until(lambda: pool.pool.state().hosts["draining"] == 0)
        assert pool.results("it") == ["timeout"]


async def test_before_it_runs_a_pool_takes_new_scripts_as_they_are(folder: Path) -> None:
    pool = HostPool([], ONE, print)
    assert await pool.reload(scripts(folder, it="it.py:f")) == []
    assert pool.knows("it")
    assert pool.state().hosts == {"ready": 0, "starting": 0, "draining": 0}


WAITS = "import time\nwhile True:\n    print('no database yet', flush=True)\n    time.sleep(0.1)\ndef f(agi): pass\n"


async def test_an_import_that_talks_without_end_holds_a_reload_no_longer_than_one_that_is_silent(folder: Path) -> None:
    settings = HostSettings(hosts=1, first_command=2.0, start=2.0)
    async with running(scripts(folder, it="it.py:f"), settings) as pool:
        (folder / "waits.py").write_text(WAITS)
        async with asyncio.timeout(10.0), asyncio.TaskGroup() as tasks:
            first = tasks.create_task(pool.pool.reload(scripts(folder, it="it.py:f", waits="waits.py:f")))
            await asyncio.sleep(0)
            assert await pool.pool.reload(scripts(folder, it="it.py:f", more="it.py:f")) == []
        assert first.result() == ["a script host died: was not ready within 2 s"]
        assert (await pool.talk("more"))[0] == "ANSWER"


async def test_a_stop_amid_a_reload_leaves_nothing(folder: Path) -> None:
    async with running(scripts(folder, it="it.py:f"), ONE) as pool, asyncio.TaskGroup() as tasks:
        (folder / "it.py").write_text("import time\ntime.sleep(60)\ndef f(agi): pass\n")
        reloading = tasks.create_task(pool.pool.reload(scripts(folder, it="it.py:f")))
        await until(lambda: pool.pool.state().hosts["starting"] == 1)
        reloading.cancel()


def started(*arguments: str) -> tuple[subprocess.Popen[str], list[int]]:
    service = subprocess.Popen(
        [sys.executable, "-m", "tests.agi.service", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert service.stdout is not None
    return service, [int(pid) for pid in service.stdout.readline().split()]


async def test_hosts_do_not_outlive_a_service_that_is_killed() -> None:
    service, hosts = started(str(SCRIPTS), "forms.py:talk")
    with service:
        assert len(hosts) == 2
        service.kill()
    await until(lambda: all(gone(pid) for pid in hosts), 2.0)


async def test_hosts_are_not_killed_because_the_service_was_stopped() -> None:
    service, hosts = started(str(SCRIPTS), "forms.py:talk")
    with service:
        service.send_signal(signal.SIGSTOP)
        await asyncio.sleep(3.0)
        service.send_signal(signal.SIGCONT)
        ends = time.monotonic() + 1.5
        while time.monotonic() < ends:
            await asyncio.sleep(0.05)
            assert not any(gone(pid) for pid in hosts)
        service.terminate()
    await until(lambda: all(gone(pid) for pid in hosts), 2.0)


async def test_a_host_has_none_of_the_services_secrets() -> None:
    os.environ["THREERINGS__DATABASE__URL"] = "postgresql://hunter2"
    try:
        async with running(scripts(talk="forms.py:talk"), ONE):
            (host,) = children()
            assert b"hunter2" not in Path(f"/proc/{host}/environ").read_bytes()
            assert b"hunter2" not in Path(f"/proc/{host}/cmdline").read_bytes()
    finally:
        del os.environ["THREERINGS__DATABASE__URL"]
