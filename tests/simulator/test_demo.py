"""The demo as a person starts it: a process, its printed addresses, and what it leaves behind."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from handlers.demo import demo
from handlers.rebuilding import MARGIN
from handlers.reconciling.span import PIECE as READ_AT_ONCE
from telephony.config import Address

pytestmark = pytest.mark.db

ARRIVES_BEFORE_JOINING = timedelta(seconds=5)
LIMIT = 60
COMMAND = "import sys; from handlers.demo import run; sys.exit(run(sys.argv[1]))"


class Demo:
    """One that runs: its process, and what it has said."""

    def __init__(self, process: Process, http: str, temporary: Path) -> None:
        self.process, self.http, self.temporary = process, http, temporary
        self.lines: list[str] = []

    async def until(self, part: str) -> str:
        """The line with this part, when it comes."""
        assert self.process.stdout is not None
        async with asyncio.timeout(LIMIT):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line)
                if part in line:
                    return line
        raise AssertionError(f"it ended without {part!r}: {self.lines}")

    async def get(self, path: str) -> str:
        async with aiohttp.ClientSession() as session, session.get(f"http://{self.http}{path}") as page:
            assert page.status == 200, await page.text()
            return await page.text()

    async def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """As Ctrl-C does: to every process in the foreground. Its exit code and its last words on standard error."""
        os.killpg(self.process.pid, how)
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        async with asyncio.timeout(LIMIT):
            out, errors = await self.process.communicate()
        self.lines += out.decode().splitlines(keepends=True)
        return self.process.returncode or 0, errors.decode()

    def descendants(self) -> dict[int, str]:
        """Every process that came of it, by id: its command. PostgreSQL is in a session of its own."""
        found = {self.process.pid: "demo"}
        parents = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                pid, rest = int(folder.name), (folder / "stat").read_text().rpartition(")")[2].split()
                parents[pid] = int(rest[1]), (folder / "cmdline").read_text().replace("\0", " ")
        while new := {pid: what for pid, (parent, what) in parents.items() if parent in found and pid not in found}:
            found |= new
        del found[self.process.pid]
        return found

    def folders(self) -> list[Path]:
        return list(self.temporary.glob("threerings-demo-*"))


@asynccontextmanager
async def started(http: str, mode: int = 0o755, **more: str) -> AsyncIterator[Demo]:
    """In a session and with a temporary folder of its own; ended in any case."""
    with tempfile.TemporaryDirectory(prefix="demo-", dir="/tmp") as temporary:
        Path(temporary).chmod(mode)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", COMMAND, http,
            stdout=PIPE, stderr=PIPE, start_new_session=True, env=os.environ | {"TMPDIR": temporary} | more,
        )  # fmt: skip
        running = Demo(process, http, Path(temporary))
        try:
            yield running
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                await running.ended()


def alive(pids: dict[int, str]) -> dict[int, str]:
    return {pid: what for pid, what in pids.items() if Path(f"/proc/{pid}").exists()}


async def measured(shown: Demo) -> None:
    """Until /readyz says ok, FastAGI has answered, and a call has a case."""
    async with asyncio.timeout(LIMIT):
        while True:
            page = await shown.get("/metrics")
            answered = re.search(r'telephony_agi_requests_total\{result="ok",script="inbound"\} ([1-9])', page)
            opened = re.search(r"telephony_cases_opened_total\{[^}]*\} ([1-9])", page)
            if json.loads(await shown.get("/readyz"))["status"] == "ok" and answered and opened:
                return
            await asyncio.sleep(0.1)


def looked_back(morning: list[str]) -> int:
    """So many of these lines a start without a journal may read: since the last call came, and one piece before."""
    last = max(int(line.partition("|")[0]) for line in morning if "|ENTERQUEUE|" in line)
    since = last - (MARGIN + ARRIVES_BEFORE_JOINING).total_seconds()
    seconds = sum(int(line.partition("|")[0]) >= since for line in morning)
    older, size = 0, 0
    for line in reversed(morning[: len(morning) - seconds]):
        size += len(line.encode()) + 1
        if size > READ_AT_ONCE:
            break
        older += 1
    return seconds + older


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_is_up_measures_calls_and_leaves_nothing_behind(unused_tcp_port: int, how: signal.Signals) -> None:
    async with started(f"127.0.0.1:{unused_tcp_port}") as shown:
        await shown.until("Ctrl-C ends it")
        printed = "".join(shown.lines)
        for path in ("/", "/metrics", "/readyz"):
            assert f"http://{shown.http}{path}\n" in printed
        desks = re.findall(r"http://\S+/desk#token=([0-9a-f]{32})\n", printed)
        assert len(set(desks)) == 10
        assert "张敏" in await shown.get("/")
        assert "<html" in await shown.get("/desk")
        await measured(shown)
        (folder,) = shown.folders()
        assert not any((folder / name).stat().st_mode & 0o77 for name in ("secret", "threerings.toml", "queue_log"))
        log = (folder / "queue_log").read_text().splitlines()
        seconds = [int(line.partition("|")[0]) for line in log]
        assert seconds == sorted(seconds)  # the morning's lines are before those of the PBX that goes on
        read = re.search(r"telephony_queuelog_lines_total\{[^}]*\} (\d+)", await shown.get("/metrics"))
        assert read is not None
        started_at = next(n for n, line in enumerate(log) if "|QUEUESTART|" in line)
        news = len((folder / "queue_log").read_text().splitlines()) - started_at
        assert int(read[1]) <= news + looked_back(log[:started_at])  # the morning's others are no news
        processes = shown.descendants()
        assert any("telephony.simulator" in what for what in processes.values())
        assert any("postgres" in what for what in processes.values())
        code, errors = await shown.end(how)
        assert (code, errors) == (0, "")
        assert shown.lines[-1] == "ended, and cleaned up\n"
        assert shown.folders() == []
        assert alive(processes) == {}


async def test_an_interruption_while_it_starts_leaves_nothing_either(unused_tcp_port: int) -> None:
    async with started(f"127.0.0.1:{unused_tcp_port}") as shown:
        await shown.until("PostgreSQL")
        processes = shown.descendants()
        code, errors = await shown.end()
        assert (code, errors) == (0, "")
        assert shown.folders() == []
        assert alive(processes) == {}


async def test_however_impatient_somebody_is_the_cleaning_is_done(unused_tcp_port: int) -> None:
    async with started(f"127.0.0.1:{unused_tcp_port}") as shown:
        await shown.until("Ctrl-C ends it")
        processes = shown.descendants()
        database = {pid: what for pid, what in processes.items() if "postgres -D" in what}
        (folder,) = shown.folders()
        for number in range(5_000):  # so many files take a while
            (folder / f"one more file {number}").touch()
        os.killpg(shown.process.pid, signal.SIGINT)
        ending = asyncio.get_running_loop().create_task(shown.ended())
        while not ending.done():
            if not alive(database):
                for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    with suppress(ProcessLookupError):
                        os.kill(shown.process.pid, how)
            await asyncio.sleep(0.001)
        assert await ending == (0, "")
        assert shown.lines[-1] == "ended, and cleaned up\n"
        assert shown.folders() == []
        assert alive(processes) == {}


async def test_a_terminal_without_chinese_shows_question_marks(unused_tcp_port: int) -> None:
    async with started(f"127.0.0.1:{unused_tcp_port}", PYTHONIOENCODING="ascii") as shown:
        await shown.until("Ctrl-C ends it")
        assert await shown.end() == (0, "")
    assert any("Three Rings ??: a branch" in line for line in shown.lines)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands its PostgreSQL to somebody else")
async def test_a_temporary_folder_that_postgresql_may_not_pass_is_one_line_with_a_remedy(unused_tcp_port: int) -> None:
    async with started(f"127.0.0.1:{unused_tcp_port}", mode=0o700) as shown:
        code, errors = await shown.ended()
        assert shown.folders() == []
    assert code == 1
    assert errors.count("\n") == 1
    assert errors.startswith("PostgreSQL does not start: could not ")
    assert errors.endswith("Permission denied; name a folder that everybody may pass: TMPDIR=/tmp threerings demo\n")


async def test_a_port_that_is_taken_is_one_line_with_a_remedy(unused_tcp_port: int) -> None:
    http = f"127.0.0.1:{unused_tcp_port}"
    with socket.create_server(("127.0.0.1", unused_tcp_port)):
        async with started(http) as shown:
            code, errors = await shown.ended()
    assert code == 1
    assert errors.count("\n") == 1
    assert errors.startswith(f"{http}: ")
    assert "threerings demo --http 127.0.0.1:8090" in errors
    assert "make demo HTTP=127.0.0.1:8090" in errors
    assert shown.folders() == []


@pytest.mark.parametrize(("http", "said"), [("here", "HOST:PORT"), ("0.0.0.0:8080", "only for this machine")])
async def test_an_address_that_cannot_be_is_one_line(http: str, said: str) -> None:
    async with started(http) as shown:
        code, errors = await shown.ended()
    assert code == 1
    assert errors.count("\n") == 1
    assert said in errors


@pytest.mark.parametrize(
    ("whose", "said"), [("telephony.simulator", "the simulated PBX"), ("postgres -D", "PostgreSQL")]
)
async def test_when_something_it_stands_on_dies_it_says_so_and_ends(
    unused_tcp_port: int, whose: str, said: str
) -> None:
    async with started(f"127.0.0.1:{unused_tcp_port}") as shown:
        await shown.until("Ctrl-C ends it")
        processes = shown.descendants()
        victim = min(pid for pid, what in processes.items() if whose in what)
        os.kill(victim, signal.SIGKILL)
        code, errors = await shown.ended()
    assert code == 1
    assert errors.count("\n") == 1
    assert errors.startswith(f"{said} has ended by itself")
    assert shown.folders() == []
    assert alive(processes) == {}


async def test_the_simulated_pbx_does_not_outlive_who_started_it(unused_tcp_port: int) -> None:
    async with started(f"127.0.0.1:{unused_tcp_port}") as shown:
        await shown.until("Ctrl-C ends it")
        processes = shown.descendants()
        simulated = {pid: what for pid, what in processes.items() if "telephony.simulator" in what}
        database = [pid for pid, what in processes.items() if "postgres -D" in what]
        shown.process.kill()
        await shown.ended()
        async with asyncio.timeout(LIMIT):
            while alive(simulated):
                await asyncio.sleep(0.01)
        for pid in database:  # nobody can clean up after a SIGKILL
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        async with asyncio.timeout(LIMIT):
            while alive(processes):
                await asyncio.sleep(0.01)


async def test_in_our_own_process_it_ends_like_any_other_task(unused_tcp_port: int) -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if line.startswith("Ctrl-C"):
            os.kill(os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(LIMIT):
        assert await demo(http=Address("127.0.0.1", unused_tcp_port), tell=tell) == 0
    (log,) = [line.split()[-1] for line in told if line.strip().startswith("log ")]
    assert told[-1] == "ended, and cleaned up"
    assert not Path(log).parent.exists()
    with socket.create_server(("127.0.0.1", unused_tcp_port)):
        pass
