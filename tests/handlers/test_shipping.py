"""A queue_log that is sent: whatever breaks, each line is in the journal once, in its place."""

import asyncio
import gzip
import shutil
import signal
import ssl
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from handlers.http.queue_log import Kept
from handlers.shipping import Options, own_name
from handlers.shipping import sender_of as sender_of_options
from telephony.config import ConfigFaults
from telephony.journal.writer import Journal
from telephony.queuelog.shipping import sender as sender_module
from tests.support.shipping import PBX, TOKEN, Line, Receiving, Writing, sender_of, sending, until

COMMAND = Path(sys.executable).parent / "threerings"


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    (tmp_path / "log").mkdir()
    return Writing(tmp_path / "log" / "queue_log")


@pytest.fixture
async def receiving(tmp_path: Path) -> AsyncIterator[Receiving]:
    async with Receiving(tmp_path / "data") as receiving:
        yield receiving


async def begun(writing: Writing, receiving: Receiving, where: str = "pbx:/log") -> int:
    """The receiver has its first mark, at the end of what there is; so many lines stand before it."""
    async with sending(sender_of(writing.path, receiving.url, where=where)):
        await until(lambda: receiving.feed.follower.log_place)
    return len(writing.lines)


def all_there(receiving: Receiving, writing: Writing, first: int) -> bool:
    return receiving.journaled() == writing.lines[first:]


async def test_what_stands_there_when_nobody_knew_of_it_is_not_sent_and_all_after_it_is(
    writing: Writing, receiving: Receiving
) -> None:
    writing.calls(5)
    async with sending(sender_of(writing.path, receiving.url)) as sender:
        await until(lambda: receiving.feed.follower.log_place)
        writing.calls(2_000)
        await until(lambda: sender.sent == 2_000)
        writing.rotate()
        writing.calls(3)
        await until(lambda: sender.sent == 2_004)
    assert all_there(receiving, writing, 6)
    assert (receiving.shipped.lines, receiving.shipped.quarantined, receiving.shipped.gaps) == (2_004, 0, 0)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_breaks_wherever_each_line_is_there_once(tmp_path: Path, writing: Writing, seed: int) -> None:
    rng = Random(seed)
    receiving = Receiving(tmp_path / "data")
    async with receiving:
        first = await begun(writing, receiving)
    line = Line(receiving.port, [rng.randrange(4_000) for _ in range(40)])
    url = receiving.url.with_port(line.port)
    async with line.passing():
        for process in range(8):
            async with receiving, sending(sender_of(writing.path, url, began=process + 2)):
                for _ in range(rng.randrange(4)):
                    writing.calls(rng.randrange(200), rng)
                    if rng.random() < 0.4:
                        writing.rotate()
                    await asyncio.sleep(rng.random() / 20)
        async with receiving, sending(sender_of(writing.path, receiving.url, began=99)):
            await until(lambda: len(receiving.journaled()) >= len(writing.lines) - first)
            assert receiving.shipped.gaps == 0
    assert line.broken
    assert all_there(receiving, writing, first)


class Dying:
    """A journal that keeps what it is given; and then the process dies before it says so."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._began = journal, journal.position
        self.kept = asyncio.Event()

    @property
    def position(self) -> int:
        return self._journal.position

    @property
    def durable(self) -> int:
        return self._journal.durable

    @property
    def failing(self) -> str:
        return self._journal.failing

    async def synced(self, position: int) -> None:
        await self._journal.synced(position)
        if position > self._began:
            self.kept.set()
            await asyncio.Event().wait()


async def test_killed_between_commit_and_answer_the_service_has_nothing_twice(tmp_path: Path, writing: Writing) -> None:
    receiving = Receiving(tmp_path / "data")
    async with receiving:
        first = await begun(writing, receiving)
    dying: list[Dying] = []

    def dies(journal: Journal) -> Kept:
        dying.append(Dying(journal))
        return dying[-1]

    async with sending(sender_of(writing.path, receiving.url, began=2)) as sender:
        receiving.journal = dies
        async with receiving:
            await until(lambda: receiving.shipped.heard_at)
            writing.calls(2)
            await asyncio.wait_for(dying[0].kept.wait(), 20)
            assert receiving.journaled()
            assert sender.sent == 0
        receiving.journal = None
        async with receiving:
            await until(lambda: sender.sent == len(writing.lines) - first)
            writing.calls(2)
            await until(lambda: sender.sent == len(writing.lines) - first)
    assert all_there(receiving, writing, first)


@pytest.mark.parametrize("packed", [False, True])
async def test_while_the_service_is_away_the_files_keep_it_also_when_they_are_rotated(
    tmp_path: Path, writing: Writing, packed: bool
) -> None:
    receiving = Receiving(tmp_path / "data")
    async with receiving:
        first = await begun(writing, receiving)
    async with sending(sender_of(writing.path, receiving.url, began=2)):
        for _ in range(4):
            writing.calls(300)
            rotated = writing.rotate()
            if packed:
                with rotated.open("rb") as plain, gzip.open(f"{rotated}.gz", "wb") as file:
                    shutil.copyfileobj(plain, file)
                rotated.unlink()
        async with receiving:
            await until(lambda: len(receiving.journaled()) >= len(writing.lines) - first)
            assert receiving.shipped.gaps == 0
    assert all_there(receiving, writing, first)


async def test_what_is_in_no_file_any_more_is_told_on_both_sides_and_the_rest_is_sent(
    tmp_path: Path, writing: Writing, capsys: pytest.CaptureFixture[str]
) -> None:
    receiving = Receiving(tmp_path / "data")
    async with receiving:
        await begun(writing, receiving)
    writing.calls(10)
    writing.rotate().unlink()
    writing.calls(3)
    async with receiving, sending(sender_of(writing.path, receiving.url, began=2)) as sender:
        await until(lambda: sender.sent == 4)
        assert receiving.shipped.gaps == 1
        gauge = receiving.feed.follower.queue_log()
        assert gauge is not None
        assert gauge.gaps == 1
    assert receiving.journaled() == writing.lines[-4:]
    assert capsys.readouterr().out.count("queue_log_gap") == 2


async def test_forged_and_damaged_lines_are_kept_and_quarantined(writing: Writing, receiving: Receiving) -> None:
    first = await begun(writing, receiving)
    async with sending(sender_of(writing.path, receiving.url, began=2)) as sender:
        with writing.path.open("ab") as file:
            file.write(b"1795000009|a|support|Bob|x|CONNECT|1|2|3\n\x00\xff\x1b[2J\n\n" + b"y" * 20_000 + b"\n")
        writing.calls(1)
        await until(lambda: sender.sent == 5)
    assert receiving.shipped.quarantined == 4
    assert receiving.journaled()[-1] == writing.lines[first]
    assert len(receiving.journaled()[3]) == 16_384


async def test_a_receiver_that_has_forgotten_all_gets_what_follows_on_what_it_last_had(
    tmp_path: Path, writing: Writing
) -> None:
    receiving = Receiving(tmp_path / "data")
    async with sending(sender_of(writing.path, receiving.url)) as sender:
        async with receiving:
            await until(lambda: receiving.feed.follower.log_place)
            writing.calls(3)
            await until(lambda: sender.sent == 3)
        shutil.rmtree(tmp_path / "data")
        writing.calls(2)
        async with receiving:
            await until(lambda: sender.sent == 5)
    assert receiving.journaled() == writing.lines[-2:]


async def test_of_two_senders_one_is_told_and_sends_when_the_other_is_gone(
    writing: Writing, receiving: Receiving, capsys: pytest.CaptureFixture[str]
) -> None:
    first = await begun(writing, receiving)
    async with sending(sender_of(writing.path, receiving.url, began=2)) as one:
        await until(lambda: receiving.shipped.readable)
        writing.calls(1)
        await until(lambda: one.sent == 1)
        async with sending(sender_of(writing.path, receiving.url, where="other:/log")) as other:
            await until(lambda: other._trouble)
            writing.calls(1)
            await until(lambda: one.sent == 2)
            assert other.sent == 0
    said = capsys.readouterr().out
    assert said.count("423 pbx:/log ships it already") == 1
    assert all_there(receiving, writing, first)


async def test_a_file_that_cannot_be_read_is_told_and_sent_when_it_can(writing: Writing, receiving: Receiving) -> None:
    first = await begun(writing, receiving)
    away = writing.path.rename(writing.path.with_name("elsewhere"))
    async with sending(sender_of(writing.path, receiving.url, began=2)) as sender:
        await until(lambda: "cannot read it: No such file" in receiving.shipped.trouble)
        away.rename(writing.path)
        await until(lambda: receiving.shipped.readable)
        writing.calls(1)
        await until(lambda: sender.sent == 1)
    assert all_there(receiving, writing, first)


@pytest.mark.parametrize(
    ("token", "path", "told"),
    [
        ("another-token-of-16", None, "401 The token of this PBX is needed"),
        (TOKEN, "/api/v1/pbx/x/queue_log", "404 No PBX of that name is shipped here"),
        (TOKEN, "/healthz", "the answer 200 names no mark"),
    ],
)
async def test_what_the_operator_must_mend_is_told_once(  # noqa: PLR0917
    writing: Writing, receiving: Receiving, capsys: pytest.CaptureFixture[str], token: str, path: str | None, told: str
) -> None:
    url = receiving.url if path is None else receiving.url.with_path(path)
    async with sending(sender_of(writing.path, url, token=token)) as sender:
        await until(lambda: sender._trouble)
        await asyncio.sleep(0.5)  # it tries again meanwhile
    said = [line for line in capsys.readouterr().out.splitlines() if "queue_log_not_sent" in line]
    assert len(said) == 1
    assert told in said[0]
    assert "remedy" in said[0]
    assert token not in said[0]


@pytest.mark.parametrize(
    ("body", "told"),
    [(b"x" * 20_000, "the answer is too long"), (b"<html>", "the answer 200 names no mark"), (b"[" * 9_000, "no mark")],
)
async def test_whoever_else_answers_is_not_taken_for_the_service(
    writing: Writing, capsys: pytest.CaptureFixture[str], body: bytes, told: str
) -> None:
    async def answers(_: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/{any:.*}", answers)
    async with TestServer(app) as server, sending(sender_of(writing.path, server.make_url("/"))) as sender:
        await until(lambda: sender._trouble)
    assert told in capsys.readouterr().out


# --- TLS ---


def certificate(folder: Path, name: str, *, host: str) -> Path:
    """A certificate that has signed itself, with its key."""
    file = folder / f"{name}.pem"
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={host}"]
    files = ["-keyout", str(file), "-out", str(folder / "cert")]
    subprocess.run(["openssl", *made, *names, *files], check=True, capture_output=True)
    file.write_bytes((folder / "cert").read_bytes() + file.read_bytes())
    return file


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")
@pytest.mark.parametrize(
    ("trusted", "host", "told"),
    [
        ("ours", "IP:127.0.0.1", ""),
        ("theirs", "IP:127.0.0.1", "--ca"),
        ("ours", "DNS:calls.example.com", "name the host in --to as its certificate does"),
    ],
)
async def test_over_tls_it_is_sent_to_nobody_but_him_whom_it_is_for(  # noqa: PLR0917
    tmp_path: Path, writing: Writing, capsys: pytest.CaptureFixture[str], trusted: str, host: str, told: str
) -> None:
    files = {name: certificate(tmp_path, name, host=host) for name in ("ours", "theirs")}
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(files["ours"])
    (tmp_path / "token").write_text(TOKEN + "\n")
    async with Receiving(tmp_path / "data", tls=server) as receiving:
        to = f"https://127.0.0.1:{receiving.port}"
        sender = sender_of_options(Options(writing.path, to, PBX, tmp_path / "token", files[trusted]))
        async with sending(sender):
            await until(lambda: sender._trouble or receiving.feed.follower.log_place)
        assert bool(receiving.feed.follower.log_place) is not bool(told)
    said = capsys.readouterr().out
    assert told in said
    assert said.count("queue_log_not_sent") == bool(told)


async def test_where_no_tls_is_spoken_that_is_told(
    writing: Writing, receiving: Receiving, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    to = f"https://127.0.0.1:{receiving.port}"
    sender = sender_of_options(Options(writing.path, to, PBX, tmp_path / "token"))
    async with sending(sender):
        await until(lambda: sender._trouble)
    assert "is this port one for https?" in capsys.readouterr().out


def test_errors_that_have_no_words_of_their_own_are_told_by_their_names() -> None:
    assert sender_module.explained(TimeoutError())[0] == "no answer in time"
    assert sender_module.explained(ValueError("x"))[0] == "ValueError"


# --- the command ---


def test_every_fault_of_the_options_is_told(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("short\n")
    (tmp_path / "odd").write_bytes(b"\xff" * 20)
    (tmp_path / "good").write_text(TOKEN)

    def faults(**changed: object) -> tuple[str, ...]:
        good: dict[str, object] = {"file": tmp_path / "queue_log", "to": "https://h", "pbx": "p"}
        with pytest.raises(ConfigFaults) as caught:
            sender_of_options(Options(**{**good, "token_file": tmp_path / "good", **changed}))  # type: ignore[arg-type]
        return caught.value.faults

    [clear] = faults(to="http://calls.example.com")
    assert clear.startswith("--to = 'http://calls.example.com': sends the token and all callers' numbers in the clear")
    for bad in ("", "calls.example.com", "ftp://h", "https://", "https://u:hunter2@h", "https://h?a=b", "https://h:x"):
        [fault] = faults(to=bad)
        assert fault == "--to: should be https://HOST or https://HOST:PORT"
    [fault] = faults(to="http://localhost:8080", ca=tmp_path / "good")
    assert "is of no use without https" in fault
    assert [fault.split(":")[0] for fault in faults(pbx="", file=Path("/nowhere/queue_log"), ca=tmp_path / "good")] == [
        "--pbx",
        f"--ca = '{tmp_path / 'good'}'",
        "--file = '/nowhere/queue_log'",
    ]
    assert "No such file" in faults(ca=tmp_path / "none")[0]
    for name in ("short", "odd"):
        assert "16 ASCII characters or more" in faults(token_file=tmp_path / name)[0]
    assert "No such file" in faults(token_file=tmp_path / "none")[0]


def test_plain_http_is_spoken_on_this_machine_and_a_proxys_path_is_kept(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    for to in ("http://localhost:8080", "http://127.0.0.1", "http://[::1]:80/"):
        sender_of_options(Options(tmp_path / "queue_log", to, "p", tmp_path / "token"))
    there = sender_of_options(Options(tmp_path / "queue_log", "https://h/three/", "a b/c", tmp_path / "token"))
    assert there._receiver.url == URL("https://h/three/api/v1/pbx/a%20b%2Fc/queue_log", encoded=True)
    assert TOKEN not in repr(there._receiver)


@asynccontextmanager
async def command(*words: str) -> AsyncIterator[Process]:
    """Runs the sender as a process of its own, which is gone afterwards, whatever becomes of the test."""
    process = await asyncio.create_subprocess_exec(COMMAND, "ship-queue-log", *words, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_the_command_killed_and_started_again_leaves_nothing_out(
    tmp_path: Path, writing: Writing, receiving: Receiving
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    words = ["--file", str(writing.path), "--to", f"http://127.0.0.1:{receiving.port}", "--pbx", PBX]
    words += ["--token-file", str(tmp_path / "token")]
    where = own_name(writing.path).where
    first = await begun(writing, receiving, where)
    errors = b""
    for end in (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
        before = receiving.shipped.lines
        async with command(*words) as process:
            writing.calls(1_000)
            await until(lambda before=before: receiving.shipped.lines > before)  # type: ignore[misc]
            process.send_signal(end)
            _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == (0 if end == signal.SIGTERM else -signal.SIGKILL)
    assert b'"event": "stopped"' in errors
    async with sending(sender_of(writing.path, receiving.url, began=1 << 62, where=where)):
        await until(lambda: receiving.shipped.lines >= len(writing.lines) - first)
    await until(lambda: len(receiving.journaled()) >= len(writing.lines) - first)  # it is written some ms later
    assert all_there(receiving, writing, first)
