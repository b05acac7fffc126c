"""`threerings check` without a PBX: what it says, how, and that it always comes to an end."""

import asyncio
import io
import json
import re
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from handlers import check as checking
from handlers.check import Format, Scope, examine, file_of, folders_of, write
from handlers.checks.findings import Finding, Result, Subject, settled, some, summary
from handlers.cli import main
from telephony.config import ConfigFaults
from tests.support.ami_server import AmiServer
from tests.support.checks import PBX, config_of


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THREERINGS_CONFIG", raising=False)
    yield
    structlog.reset_defaults()


def found(*results: Result) -> list[Finding]:
    return [Finding(result, f"p{n}", "pbx1", f"what {n}", "remedy") for n, result in enumerate(results)]


def test_lines_name_what_where_and_the_remedy() -> None:
    lines = [each.line() for each in found(*Result)]
    assert lines == [
        "fault: pbx1: what 0; remedy",
        "warning: pbx1: what 1; remedy",
        "not checked: pbx1: what 2 (remedy)",
        "ok: pbx1: what 3; remedy",
    ]
    assert Subject("x").fine("p", "fine").line() == "ok: x: fine"


def test_the_worst_comes_first_and_what_another_witness_saw_is_checked() -> None:
    findings = [
        Finding(Result.OK, "a", "pbx1", "1"),
        Finding(Result.NOT_CHECKED, "b", "pbx1", "2"),
        Finding(Result.FAULT, "c", "pbx1", "3"),
        Finding(Result.FAULT, "c", "pbx1", "3"),
        Finding(Result.NOT_CHECKED, "a", "pbx1", "4"),
        Finding(Result.WARNING, "a", "database", "5"),
    ]
    assert [each.what for each in settled(findings)] == ["5", "3", "2", "1"]


def test_the_summary_counts() -> None:
    assert summary(found(Result.FAULT, Result.WARNING, Result.OK)) == "1 fault, 1 warning, 0 not checked, 1 ok"
    assert summary([]) == "no fault, 0 warnings, 0 not checked, 0 ok"
    assert some(["a", "a", "b"]) == "a, b"


def test_what_comes_from_a_pbx_moves_no_cursor() -> None:
    evil = [Finding(Result.FAULT, "p", "pbx1", "a\x1b[2J\r\nfault: b\u202e [red]", "\udcff")]
    text, document = io.StringIO(), io.StringIO()
    write(evil, text, Format.TEXT, verbose=False)
    write(evil, document, Format.JSON, verbose=False)
    assert text.getvalue().splitlines() == [
        "fault: pbx1: a\\x1b[2J\\x0d\\x0afault: b\\u202e [red]; \\udcff",
        "1 fault, 0 warnings, 0 not checked, 0 ok",
    ]
    assert json.loads(document.getvalue())["findings"] == [
        {
            "result": "fault",
            "point": "p",
            "where": "pbx1",
            "what": "a\\x1b[2J\\x0d\\x0afault: b\\u202e [red]",
            "remedy": "\\udcff",
        }
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    write(found(*Result), terminal, Format.TEXT, verbose=True)
    assert "\x1b[1;31mfault\x1b[0m: pbx1" in terminal.getvalue()
    assert "what 3" in terminal.getvalue()


def test_folders_belong_to_a_pbx(tmp_path: Path) -> None:
    (tmp_path / "a=b").mkdir()
    one, two = config_of(), config_of(pbxs=[PBX, PBX | {"name": "pbx2"}])
    assert folders_of(one, [str(tmp_path)]) == {"pbx1": tmp_path}
    assert folders_of(one, [f"pbx1={tmp_path}"]) == {"pbx1": tmp_path}
    assert folders_of(one, ["a=b"]) == {"pbx1": Path("a=b")}
    assert folders_of(two, [f"pbx1={tmp_path}", f"pbx2={tmp_path}"]) == {"pbx1": tmp_path, "pbx2": tmp_path}
    with pytest.raises(ConfigFaults) as caught:
        folders_of(two, [str(tmp_path), f"pbx1={tmp_path}", f"pbx1={tmp_path}", "pbx2=none"])
    assert [fault.split(": ")[1].split(";")[0] for fault in caught.value.faults] == [
        "does not say of which PBX", "is the second folder of pbx1", "is no folder that this user can read",
    ]  # fmt: skip
    for nothing in ("", "pbx1="):
        with pytest.raises(ConfigFaults, match="names no folder"):
            folders_of(one, [nothing])
    with pytest.raises(ConfigFaults, match="is no folder that this user can read"):
        folders_of(one, ["x" * 300])
    with pytest.raises(ConfigFaults, match=r"one of \(none\)"):
        folders_of(config_of(pbxs=[]), ["x"])


def test_the_file_that_was_read_is_known(tmp_path: Path) -> None:
    assert file_of(None, {}) is None
    Path("threerings.toml").touch()
    assert file_of(None, {}) == Path("threerings.toml")
    assert file_of(tmp_path, {}) == tmp_path
    assert file_of(None, {"THREERINGS_CONFIG": str(tmp_path)}) == tmp_path


CONFIG = """
http.listen = "127.0.0.1:0"
agi.listen = "127.0.0.1:0"
[database]
url = "postgresql://x:hunter2@127.0.0.1:1/y"
[[pbx]]
name = "pbx1"
username = "threerings"
secret = "{secret}"
port = {port}
"""


async def test_a_check_says_everything_at_once_and_its_exit_code_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    Path("etc").mkdir()
    async with AmiServer() as server:
        Path("threerings.toml").write_text(CONFIG.format(port=server.port, secret="hunter2"))
        code = await asyncio.to_thread(main, ["check", "--wait", "0", "--asterisk-etc", "etc", "--verbose"])
    said = capsys.readouterr()
    assert (code, said.err) == (1, "")
    lines = said.out.splitlines()
    assert "fault: pbx1: 127.0.0.1:" in said.out
    assert "login as 'threerings' refused (Authentication failed)" in said.out
    assert "fault: database: unreachable: connection refused" in said.out
    assert "not checked: pbx1: manager.conf (is not in the folder given by --asterisk-etc)" in lines
    assert lines[-1].startswith("2 faults, ")
    assert "hunter2" not in said.out


async def test_the_document_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    async with AmiServer() as server:
        Path("threerings.toml").write_text(CONFIG.format(port=server.port, secret="secret"))
        code = await asyncio.to_thread(main, ["check", "--wait", "0", "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    assert code == 1
    assert document["counts"]["fault"] == sum(each["result"] == "fault" for each in document["findings"]) > 0
    assert {each["result"] for each in document["findings"]} == {"fault", "warning", "not checked"}


def test_wrong_usage_and_configuration_are_two_and_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    Path("threerings.toml").write_text("[[pbx]]\nnme = 1\n[http]\nlisten = 2\n")
    assert main(["check"]) == 2
    assert len(capsys.readouterr().err.splitlines()) >= 3
    Path("threerings.toml").write_text(CONFIG.format(port=1, secret="s"))
    assert main(["check", "--asterisk-etc", "none"]) == 2
    assert main(["check", "--wait", "-1"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


async def test_no_pbx_and_no_database_are_faults() -> None:
    config = config_of(pbxs=[], http={"listen": "127.0.0.1:0"}, agi={"listen": "127.0.0.1:0"})
    told: list[list[str]] = []
    findings = await examine(Scope(config, None, {}, timedelta()), lambda parts: told.append(list(parts)))
    assert [each.what for each in findings if each.result is Result.FAULT] == [
        "pbx: is missing, so nothing is measured", "database.url: is missing, so nothing could be saved",
    ]  # fmt: skip
    assert "configuration" in told[0]
    assert told[-1] == []


async def test_a_part_that_hangs_is_a_fault_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> list[Finding]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(checking.database, "look", hang)
    monkeypatch.setattr(checking, "DATABASE_SECONDS", 0.05)
    config = config_of(pbxs=[], http={"listen": "127.0.0.1:0"}, agi={"listen": "127.0.0.1:0"})
    findings = await examine(Scope(config, None, {}, timedelta()))
    assert "database: did not finish within 0.05 s" in [f"{each.where}: {each.what}" for each in findings]


async def test_a_folder_that_takes_too_long_hides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = threading.Event()

    def hang(*_: object) -> list[Finding]:
        stuck.wait(10)
        return []

    monkeypatch.setattr(checking.etc, "look", hang)
    monkeypatch.setattr(checking.local, "files", hang)
    monkeypatch.setattr(checking, "LOCAL_SECONDS", 0.05)
    async with AmiServer() as server:
        pbx = PBX | {"port": server.port}
        config = config_of(pbxs=[pbx], http={"listen": "127.0.0.1:0"}, agi={"listen": "127.0.0.1:0"})
        findings = await examine(Scope(config, None, {"pbx1": Path()}, timedelta()))
    stuck.set()
    points = [(each.result.value, each.point) for each in findings if each.where == "pbx1"]
    assert ("fault", "ami-login") in points
    assert {point for result, point in points if result == "not checked"} >= {"writetimeout", "dialplan"}
    why = {each.remedy for each in findings if each.point == "dialplan"}
    assert why == {"its files were not read within 0.05 s; give --asterisk-etc with a copy on a local disk"}
    slow = [each.what for each in findings if each.point == "time"]
    assert slow == ["the files that are named could not be looked at within 0.05 s"]
    assert "http-listen" in [each.point for each in findings]


async def test_a_pbx_that_takes_too_long_does_not_hide_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> tuple[list[Finding], None]:
        await asyncio.sleep(60)
        return [], None

    monkeypatch.setattr(checking.pbx, "look", hang)
    monkeypatch.setattr(checking, "PBX_SECONDS", 0.05)
    config = config_of(http={"listen": "127.0.0.1:0"}, agi={"listen": "127.0.0.1:0"})
    findings = await examine(Scope(config, None, {"pbx1": Path()}, timedelta()))
    of_it = [(each.result.value, each.what) for each in findings if each.where == "pbx1"]
    assert ("fault", "did not finish within 0.05 s") in of_it
    assert ("not checked", "manager.conf") in of_it


async def test_what_gives_up_by_itself_is_not_said_to_have_had_all_the_time() -> None:
    async def give_up() -> list[Finding]:
        raise TimeoutError

    [finding] = await checking.limited(Subject("pbx1"), 60, give_up())
    assert finding.what == "did not finish in time"


def test_on_a_terminal_it_shows_what_it_is_at(capsys: pytest.CaptureFixture[str]) -> None:
    config = config_of(pbxs=[], http={"listen": "127.0.0.1:0"}, agi={"listen": "127.0.0.1:0"})
    out = io.StringIO()
    assert not checking.run(Scope(config, None, {}, timedelta()), out, Format.TEXT, verbose=False, progress=True)
    assert out.getvalue().startswith("fault: configuration: pbx: is missing")
    capsys.readouterr()


def test_every_point_is_explained_and_none_that_is_not() -> None:
    root = Path(checking.__file__).parents[1]
    sources = [root / "handlers/check.py", *(root / "handlers/checks").glob("*.py")]
    text = "\n".join(source.read_text() for source in sources)
    called = r'(?:fault|warning|bad|not_checked|fine|_rights)\((?:about, user, "\w+", \w+, )?\s*"([a-z-]+)"'
    named = r'(?:point|POINT)(?:, \w+)* = "([a-z-]+)"'
    beside = r'about, point = Subject\([\w.]+\), "([a-z-]+)"'
    listed = r'^ +\("([a-z-]+)", "'
    points = {found for pattern in (called, named, beside, listed) for found in re.findall(pattern, text, re.MULTILINE)}
    rows = [line.split("|")[1] for line in (root / "docs/check.md").read_text().splitlines() if line.startswith("| `")]
    explained = {point for row in rows for point in re.findall(r"`([a-z][a-z-]+)`", row)}
    assert explained == points
