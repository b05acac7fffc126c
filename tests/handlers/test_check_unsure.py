"""What a dialplan does only seemingly, and what is said of files of which we see a part."""

import os
import shutil
from pathlib import Path

import pytest

from handlers.checks import etc
from handlers.checks.findings import Finding, Result
from telephony.pbxfiles import folder as folders
from tests.handlers.test_check_files import CLEANED, DIALPLAN, SHIPPED
from tests.support.checks import PBX, bad, config_of

TELL = "UserEvent(QueueResult,Queue: q)"
QUEUES = f"[a]\nexten => 1,1,{CLEANED}\n same => n(first),Queue(q)\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("asterisk.conf", "logger.conf", "manager.conf", "queues.conf"):
        shutil.copy(SHIPPED / name, tmp_path)
    shutil.copy(SHIPPED / "extensions.conf", tmp_path / "threerings-extensions.conf")
    (tmp_path / "extensions.conf").write_text(DIALPLAN)
    (tmp_path / "modules.conf").write_text("[modules]\nautoload=yes\n")
    return tmp_path


def judge(root: Path) -> list[Finding]:
    return etc.look(config_of(pbxs=[PBX | {"queue_log": "/q"}]).pbx[0], root, None)


def told(root: Path) -> list[tuple[str, str]]:
    return bad(judge(root))


@pytest.mark.parametrize(
    ("dialplan", "expected"),
    [
        # a result told behind the second Queue() is not that of the first
        (f"{QUEUES} same => n,Queue(r)\n same => n,{TELL}\n", [("warning", "dialplan-result")]),
        (f"{QUEUES} same => n,{TELL}\n same => n,Queue(r)\n same => n,{TELL}\n", []),
        (f"{QUEUES} same => n,Goto(end)\n same => n,Queue(r)\n same => n(end),{TELL}\n", []),
        (f"{QUEUES} same => n,Queue(r)\nexten => h,1,{TELL}\n", [("warning", "dialplan-result")]),
        # AGI by other names
        ("[a]\nexten => 1,1,DeadAGI(agi://h/x)\n same => n,NoOp(${AGISTATUS})\n", [("fault", "dialplan-agi")]),
        ("[a]\nexten => 1,1,EAGI(agi://h/x)\n same => n,NoOp(${AGISTATUS})\n", [("fault", "dialplan-agi")]),
        (f"{QUEUES} same => n,{TELL}\n", []),
        (
            f"[a]\nexten => 1,1,{CLEANED}\n same => n,Queue(q,,,,20,agi://h/x)\n same => n,{TELL}\n",
            [("fault", "dialplan-agi")],
        ),
        (
            (
                f"[a]\nexten => 1,1,{CLEANED}\n same => n,Set(AGIEXITONHANGUP=yes)\n"
                f" same => n,Queue(q,,,,20,agi://h/x)\n same => n,{TELL}\n"
            ),
            [],
        ),
        ("[a]\nexten => 1,1,Set(U=agi://h/x)\n same => n,AGI(${U})\n", [("not checked", "dialplan-others")]),
        ("[a]\nexten => 1,1,ExecIf($[1]?AGI(${U}))\n", [("not checked", "dialplan-others")]),
        ("[a]\nexten => 1,1,Set(AGIEXITONHANGUP=yes)\n same => n,AGI(${U},x)\n", []),
        ("[a]\nexten => 1,1,AGI(local.py,${U})\n", []),
        # the last word counts
        (
            (
                "[a]\nexten => 1,1,Set(AGIEXITONHANGUP=yes)\n same => n,Set(AGIEXITONHANGUP=no)\n"
                " same => n,AGI(hagi://h/x)\n same => n,NoOp(${AGISTATUS})\n"
            ),
            [("warning", "dialplan-agi")],
        ),
        (
            (
                "[a]\nexten => 1,1,Set(AGIEXITONHANGUP=no)\n same => n,Set(AGIEXITONHANGUP=yes)\n"
                " same => n,AGI(hagi://h/x)\n same => n,NoOp(${AGISTATUS})\n"
            ),
            [],
        ),
        (
            (
                "[globals]\nAGIEXITONHANGUP=yes\n[a]\nexten => 1,1,Set(AGIEXITONHANGUP=no)\n"
                " same => n,AGI(hagi://h/x)\n same => n,NoOp(${AGISTATUS})\n"
            ),
            [("fault", "dialplan-agi")],
        ),
    ],
)
def test_what_is_done_only_seemingly(root: Path, dialplan: str, expected: list[tuple[str, str]]) -> None:
    (root / "extensions.conf").write_text(f"#include threerings-extensions.conf\n{dialplan}")
    found = judge(root)
    if expected == [("warning", "dialplan-result")]:  # that the other one tells makes it a warning
        assert "first" not in str(found)
    assert bad(found) == expected
    assert ("every AGI() ends with its caller" in str(found)) == (
        not {point for _, point in expected} & {"dialplan-agi", "dialplan-others"}
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Set(TIMEOUT(absolute)=2)", "NoOp()", "without TIMEOUT(absolute): the caller waits for ever"),
        ("exten => T,1,", "exten => X,1,", "without extension T: the call ends after two seconds"),
    ],
)
def test_our_subroutines_are_taken_with_what_ends_them(root: Path, old: str, new: str, said: str) -> None:
    ours = root / "threerings-extensions.conf"
    text = ours.read_text()
    assert old in text
    ours.write_text(text.replace(old, new))
    found = [each for each in judge(root) if each.result is not Result.OK]
    assert {each.point for each in found} == {"dialplan-guard"}
    assert all(said in each.what for each in found)


def test_a_password_in_a_switch_is_not_told(root: Path) -> None:
    (root / "extensions.conf").write_text("[a]\nswitch => IAX2/us:hushleak@h/x\n")
    (root / "manager.conf").write_text("[general]\n#secret=hushleak\n")
    assert "hushleak" not in str(judge(root))


def unread(root: Path, name: str) -> None:
    """A file that there is, and that we cannot read."""
    with (root / name).open("ab") as file:
        file.truncate(folders.MAX_FILE + 1)


def test_a_part_that_is_unread_is_not_checked_and_the_rest_is_judged(root: Path) -> None:
    unread(root, "extra.conf")
    (root / "extensions.conf").write_text(f"[a]\nexten => 1,1,Queue(q)\n#include extra.conf\n{DIALPLAN}")
    assert told(root) == [
        ("not checked", "files"),
        ("warning", "dialplan-result"),
        ("warning", "dialplan-clean"),
        ("not checked", "dialplan-agi"),
    ]


def test_an_account_that_may_stand_in_what_is_unread_is_no_fault(root: Path) -> None:
    unread(root, "extra.conf")
    (root / "manager.conf").write_text("[general]\nbindaddr=0.0.0.0\n#include extra.conf\n")
    assert told(root) == [
        ("not checked", "files"),
        ("not checked", "ami-enabled"),
        ("not checked", "timestampevents"),
        ("warning", "ami-bind"),
        ("not checked", "ami-account"),
    ]


def test_a_setting_that_may_stand_in_what_is_unread_is_no_fault_and_one_that_is_wrong_is(root: Path) -> None:
    unread(root, "extra.conf")
    with (root / "manager.conf").open("a") as file:
        file.write("#include extra.conf\n")
    text = (root / "manager.conf").read_text()
    (root / "manager.conf").write_text(text.replace("writetimeout = 5000", "").replace("reporting\n", "originate\n"))
    assert told(root) == [("not checked", "files"), ("not checked", "writetimeout"), ("fault", "ami-too-much")]


def test_a_name_that_may_stand_in_what_is_unread_is_no_fault(root: Path) -> None:
    unread(root, "extra.conf")
    (root / "asterisk.conf").write_text("[options]\n#include extra.conf\n")
    assert told(root) == [("not checked", "files"), ("not checked", "systemname")]


@pytest.mark.parametrize("name", ["extconfig.conf", "cdr.conf", "cdr_pgsql.conf", "modules.conf", "cel_odbc.conf"])
def test_what_writes_into_a_database_is_not_known_from_files_that_are_unread(root: Path, name: str) -> None:
    unread(root, name)
    [finding] = [each for each in judge(root) if each.point == "database-logging"]
    assert finding.result is Result.NOT_CHECKED
    assert finding.remedy.startswith(f"{name} could not be read")


def test_an_empty_folder_tells_nothing_about_databases(tmp_path: Path) -> None:
    assert ("not checked", "database-logging") in told(tmp_path)
    assert {each.result for each in judge(tmp_path)} == {Result.NOT_CHECKED}


def test_with_logger_conf_unread_nothing_is_said_of_files(root: Path) -> None:
    (root / "extconfig.conf").write_text("[settings]\nqueue_log => odbc,a\n")
    unread(root, "logger.conf")
    assert told(root) == [
        ("not checked", "files"),
        ("fault", "realtime-queue-log"),
        ("not checked", "database-logging"),
    ]


def test_what_is_no_file_keeps_nobody_waiting(root: Path) -> None:
    os.mkfifo(root / "extconfig.conf")
    assert told(root) == [("not checked", "files")]


def test_one_queue_that_tells_does_not_hide_one_that_does_not(root: Path) -> None:
    other = f"[b]\nexten => 1,1,{CLEANED}\n same => n,Queue(q)\n same => n,{TELL}\n"
    (root / "extensions.conf").write_text(QUEUES + other)
    assert [each.result for each in judge(root) if each.point == "dialplan-result"] == [Result.FAULT]
