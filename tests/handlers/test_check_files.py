"""Asterisk's configuration files, judged: the shipped ones are as they should be, and each is spoilt in turn."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from handlers.checks import etc
from handlers.checks.findings import Finding, Result
from telephony.ami.inspection import Inspection
from telephony.config import Pbx
from tests.support.checks import PBX, bad, config_of

SHIPPED = Path(__file__).parents[2] / "docker" / "asterisk"
DIALPLAN = """
#include threerings-extensions.conf
[from-trunk]
exten => 4001,1,Gosub(threerings-clean,s,1)
 same => n,Gosub(threerings-inbound,s,1(support))
 same => n,Answer()
 same => n,Gosub(threerings-queue,s,1(support,,300))
 same => n,Hangup()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder as an operator makes it from ours."""
    for name in ("asterisk.conf", "logger.conf", "manager.conf", "queues.conf"):
        shutil.copy(SHIPPED / name, tmp_path)
    shutil.copy(SHIPPED / "extensions.conf", tmp_path / "threerings-extensions.conf")
    (tmp_path / "extensions.conf").write_text(DIALPLAN)
    (tmp_path / "modules.conf").write_text("[modules]\nautoload=yes\n")
    return tmp_path


Judge = Callable[..., list[Finding]]


@pytest.fixture
def judge(root: Path) -> Judge:
    def look(seen: Inspection | None = None, **changes: object) -> list[Finding]:
        own: Pbx = config_of(pbxs=[PBX | {"queue_log": "/q"} | changes]).pbx[0]
        return etc.look(own, root, seen)

    return look


def change(root: Path, name: str, *pairs: tuple[str, str]) -> None:
    text = (root / name).read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (root / name).write_text(text)


def test_the_shipped_files_are_as_they_should_be(judge: Judge) -> None:
    found = judge()
    assert bad(found) == []
    assert {each.point for each in found} == {
        "ami-acl", "ami-bind", "ami-read", "ami-too-much", "database-logging", "dialplan-agi", "dialplan-clean",
        "dialplan-result", "event-filter", "systemname", "timestampevents", "writetimeout",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("enabled = yes", "enabled = no", ("fault", "ami-enabled")),
        ("enabled = yes", "", ("fault", "ami-enabled")),
        ("timestampevents = yes", "timestampevents = no", ("fault", "timestampevents")),
        ("timestampevents = yes", "", ("fault", "timestampevents")),
        ("bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0", ("warning", "ami-bind")),
        ("bindaddr = 127.0.0.1", "", ("warning", "ami-bind")),
        ("bindaddr = 127.0.0.1", "tlsenable = no", ("warning", "ami-bind")),
        ("writetimeout = 5000", "", ("fault", "writetimeout")),
        ("writetimeout = 5000", "writetimeout = 4999", ("fault", "writetimeout")),
        ("writetimeout = 5000", "writetimeout = soon", ("fault", "writetimeout")),
        ("deny = 0.0.0.0/0.0.0.0", "", ("warning", "ami-acl")),
        ("permit = 127.0.0.1/255.255.255.255", "", ("fault", "ami-acl")),
        ("permit = 127.0.0.1/255.255.255.255", "permit = 0.0.0.0/0.0.0.0", ("warning", "ami-acl")),
        ("deny = 0.0.0.0/0.0.0.0", "permit = 10.0.0.0/8", ("warning", "ami-acl")),
        ("deny = 0.0.0.0/0.0.0.0", "deny = 10.0.0.0/255.0.0.0", ("warning", "ami-acl")),
        ("permit = 127.0.0.1/255.255.255.255", "permit = 127.0.0.1\ndeny = 0.0.0.0/0", ("fault", "ami-acl")),
        ("permit = 127.0.0.1/255.255.255.255", "permit = nonsense", ("not checked", "ami-acl")),
        ("permit = 127.0.0.1/255.255.255.255", "permit = 1.1.1.1\n" * 200, ("not checked", "ami-acl")),
        ("[threerings]", "[other]", ("fault", "ami-account")),
        ("[threerings]", "[threerings](!)", ("fault", "ami-account")),
        ("read = agent,call,system,user", "read = agent,call,user", ("fault", "ami-read")),
        ("read = agent,call,system,user", "", ("fault", "ami-read")),
        ("read = agent,call,system,user", "read = all", ("warning", "ami-read")),
        ("read = agent,call,system,user", "read = agent,call,system,user,dialplan", ("warning", "ami-read")),
        ("write = reporting", "write = reporting,originate", ("fault", "ami-too-much")),
        ("write = reporting", "write = system", ("fault", "ami-too-much")),
        ("write = reporting", "write = all", ("fault", "ami-too-much")),
        ("name(VarSet)", "name(Hangup)", ("fault", "event-filter")),
        ("name(VarSet)", "name(DeviceStateChange)", ("warning", "event-filter")),
        ("[threerings]", "disabledevents = DeviceStateChange\n[threerings]", ("warning", "event-filter")),
        ("[threerings]", "disabledevents = NewExten,newchannel\n[threerings]", ("fault", "event-filter")),
        ("write = reporting", "write = reporting\neventfilter = !VarSet", ("warning", "event-filter")),
        ("write = reporting", "write = reporting\neventfilter = !(", ("warning", "event-filter")),
        ("write = reporting", "write = reporting\neventfilter(name(Newchannel)) =", ("fault", "event-filter")),
        ("[general]", "[general", ("fault", "files")),
    ],
)
def test_what_is_wrong_in_manager_conf(judge: Judge, root: Path, old: str, new: str, expected: tuple[str, str]) -> None:
    change(root, "manager.conf", (old, new))
    assert bad(judge()) == [expected]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0\ntlsenable = yes"),
        ("deny = 0.0.0.0/0.0.0.0", "acl = office"),
        ("deny = 0.0.0.0/0.0.0.0", "deny = 0.0.0.0/0\ndeny = ::/0"),
        ("deny = 0.0.0.0/0.0.0.0", "permit = !0.0.0.0/0, 10.0.0.0/8"),
        ("permit = 127.0.0.1/255.255.255.255", "permit = 127.0.0.1/255.255.255.0,192.168.0.0/16"),
        ("permit = 127.0.0.1/255.255.255.255", "permit = 10.0.0.0/8\ndeny = 10.1.0.0/16"),
        ("writetimeout = 5000", "writetimeout = 10000 ; ms"),
        ("[threerings]", "[Threerings]"),
        ("name(VarSet)", "header(Channel),method(contains)"),
        ("write = reporting", "write = reporting\neventfilter(action(include),header(Channel)) = PJSIP"),
        ("[threerings]", "disabledevents = Newexten\n[threerings]"),
        ("read = agent,call,system,user", "read = user, call ,system,agent"),
    ],
)
def test_what_is_right_in_manager_conf(judge: Judge, root: Path, old: str, new: str) -> None:
    change(root, "manager.conf", (old, new))
    assert bad(judge()) == []


def test_legacy_filters_that_drop_what_is_needed_are_faults(judge: Judge, root: Path) -> None:
    change(root, "manager.conf", ("write = reporting", "write = reporting\neventfilter = !Event: Queue.*"))
    assert bad(judge()) == [("fault", "event-filter"), ("warning", "event-filter")]
    change(root, "manager.conf", ("!Event: Queue.*", "Event: Queue"))
    [lost, _] = [each for each in judge() if each.result is not Result.OK]
    assert "Newchannel" in lost.what


def test_a_lenient_pbx_is_only_warned(judge: Judge, root: Path) -> None:
    change(root, "manager.conf", ("timestampevents = yes", ""))
    change(root, "asterisk.conf", ("systemname = pbx1", ""))
    assert bad(judge(strict=False)) == [("warning", "timestampevents"), ("warning", "systemname")]
    assert bad(judge()) == [("fault", "timestampevents"), ("fault", "systemname")]


def test_the_name_in_the_file_and_the_name_that_runs(judge: Judge, root: Path) -> None:
    assert [each.point for each in judge(Inspection(systemname="pbx1")) if each.point == "systemname"] == ["systemname"]
    assert bad(judge(Inspection(systemname=""))) == [("warning", "systemname")]
    change(root, "asterisk.conf", ("systemname = pbx1", "systemname = pbx9"))
    assert bad(judge(Inspection(systemname="pbx9"))) == [], "what runs was told by itself"
    assert bad(judge(Inspection())) == [("fault", "systemname")]
    [told] = [each for each in judge(Inspection(systemname="pbx1")) if each.result is not Result.OK]
    assert told.what == "asterisk.conf says systemname = pbx9, but Asterisk runs as pbx1"
    (root / "asterisk.conf").write_text("; nothing\n")
    assert bad(judge()) == [("fault", "systemname")]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"extconfig": "[settings]\nqueue_log => pgsql,a,b\n"}, ["realtime-queue-log"]),
        ({"extconfig": "[settings]\nsippeers => pgsql,a,b\n"}, []),
        (
            {"extconfig": "[settings]\nqueue_log => odbc,a\n", "logger": "[general]\n"},
            ["realtime-queue-log", "queue-log-off"],
        ),
        ({"logger": "[general]\nqueue_log = no\n"}, ["queue-log-off"]),
        ({"cdr_pgsql": "[global]\nhostname=h\n"}, ["database-cdr"]),
        ({"cdr_pgsql": "[global]\n;hostname=h\n"}, []),
        ({"cdr_pgsql": "[global]\nhostname=h\n", "cdr": "[general]\nenable=no\n"}, []),
        ({"cdr_pgsql": "[global]\nhostname=h\n", "modules": "[modules]\nautoload=yes\nnoload=cdr_pgsql.so\n"}, []),
        ({"cdr_pgsql": "[global]\nhostname=h\n", "modules": "[modules]\nload=cdr_pgsql\n"}, ["database-cdr"]),
        ({"cdr_pgsql": "[global]\nhostname=h\n", "modules": "[modules]\nload=cdr_csv\n"}, []),
        ({"cdr_pgsql": "[global]\nhostname=h\n", "modules": "; nothing\n"}, ["database-cdr"]),
        ({"cdr_adaptive_odbc": "[first]\nconnection=a\n"}, ["database-cdr"]),
        ({"cdr_adaptive_odbc": "[first]\ntable=a\n"}, []),
        ({"cdr_odbc": "[global]\ndsn=a\n", "cdr_mysql": "[global]\nhostname=a\n"}, ["database-cdr", "database-cdr"]),
        ({"cel_pgsql": "[global]\nhostname=h\n"}, []),
        ({"cel_pgsql": "[global]\nhostname=h\n", "cel": "[general]\nenable=yes\n"}, ["database-cel"]),
        ({"cel_odbc": "[a]\nconnection=h\n", "cel": "[general]\nenable=yes\n"}, ["database-cel"]),
    ],
)
def test_logging_into_a_database(judge: Judge, root: Path, files: dict[str, str], expected: list[str]) -> None:
    for name, text in files.items():
        (root / f"{name}.conf").write_text(text)
    assert bad(judge()) == [("fault", point) for point in expected]


CLEANED = "Set(CALLERID(num)=${FILTER(0-9,${CALLERID(num)})})"


@pytest.mark.parametrize(
    ("dialplan", "expected"),
    [
        ("[a]\nexten => 1,1,Answer()\n", []),
        # Queue() that tells
        (f"[a]\nexten => 1,1,{CLEANED}\n same => n,Queue(q)\n same => n,UserEvent(QueueResult,Queue: q)\n", []),
        (f"[a]\nexten => 1,1,{CLEANED}\n same => n,Queue(q)\nexten => h,1,UserEvent(QueueResult,Queue: q)\n", []),
        (
            (
                f"[a]\nexten => 1,1,{CLEANED}\n same => n,Queue(q)\n same => n,Gosub(tell,s,1)\n"
                "[tell]\nexten => s,1,UserEvent(QueueResult,Queue: q)\n"
            ),
            [],
        ),
        # Queue() that does not
        (f"[a]\nexten => 1,1,{CLEANED}\n same => n,Queue(q)\n", [("fault", "dialplan-result")]),
        (f"[a]\nexten => 1,1,{CLEANED}\n same => n,ExecIf($[1]?Queue(q))\n", [("fault", "dialplan-result")]),
        (
            (
                f"[a]\nexten => 1,1,{CLEANED}\n same => n,Queue(q)\n"
                f"exten => 2,1,{CLEANED}\n same => n,Gosub(threerings-queue,s,1(q))\n"
            ),
            [("warning", "dialplan-result")],
        ),
        # nobody cleans, some do, or it was done on the way
        ("[a]\nexten => 1,1,Gosub(threerings-queue,s,1(q))\n", [("fault", "dialplan-clean")]),
        (
            (
                "[a]\nexten => 1,1,Gosub(threerings-queue,s,1(q))\nexten => 2,1,Gosub(threerings-queue,s,1(q))\n"
                "[b]\nexten => 1,1,Gosub(threerings-clean,s,1)\n"
            ),
            [("warning", "dialplan-clean")],
        ),
        (
            (
                "[in]\nexten => 1,1,Gosub(threerings-clean,s,1)\n same => n,Goto(menu,s,1)\n"
                "[menu]\nexten => s,1,Goto(people,s,1)\n[people]\nexten => s,1,Gosub(threerings-queue,s,1(q))\n"
            ),
            [],
        ),
        # AGI
        (
            '[a]\nexten => 1,1,AGI(agi://h/x)\n same => n,GotoIf($["${AGISTATUS}" = "SUCCESS"]?9)\n',
            [("fault", "dialplan-agi")],
        ),
        (
            "[a]\nexten => 1,1,Set(AGIEXITONHANGUP=yes)\n same => n,AGI(agi://h/x)\n",
            [("warning", "dialplan-agistatus")],
        ),
        (
            "[a]\nexten => 1,1,AGI(agi://h/x)\n same => n,NoOp(${AGISTATUS})\nexten => 2,1,Set(AGIEXITONHANGUP=yes)\n",
            [("warning", "dialplan-agi")],
        ),
        ("[globals]\nAGIEXITONHANGUP=yes\n[a]\nexten => 1,1,AGI(hagi://h/x)\n same => n,NoOp(${AGISTATUS})\n", []),
        ("[a]\nexten => 1,1,AGI(agi:async)\n same => n,AGI(local.py)\n", []),
        # elsewhere
        ("[a]\nswitch => Realtime/a\n", [("not checked", "dialplan-others")]),
    ],
)
def test_the_dialplan(judge: Judge, root: Path, dialplan: str, expected: list[tuple[str, str]]) -> None:
    (root / "extensions.conf").write_text(f"#include threerings-extensions.conf\n{dialplan}")
    assert bad(judge()) == expected


def test_a_dialplan_without_queue_log_says_what_is_lost(judge: Judge, root: Path) -> None:
    (root / "extensions.conf").write_text(f"[a]\nexten => 1,1,{CLEANED}\n same => n,Queue(q)\n")
    [finding] = [each for each in judge(queue_log=None) if each.result is Result.FAULT]
    assert finding.what.startswith("extensions.conf:3: [a] 1: Queue() without telling its result")
    assert finding.what.endswith("stays unknown (exited)")


def test_a_dialplan_too_long_is_told(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.pbxfiles.dialplan._MAX_STEPS", 1)
    assert [result for result, _ in bad(judge())] == ["not checked"] * 3, "no ok for the part that was read"
    assert ("not checked", "dialplan-others") in bad(judge())


def test_other_dialplans_and_missing_files_are_not_checked(judge: Judge, root: Path) -> None:
    (root / "extensions.ael").touch()
    (root / "extensions.conf").unlink()
    assert [each.what for each in judge() if each.result is not Result.OK] == [
        "extensions.conf",
        "the dialplan in extensions.ael",
    ]
    (root / "manager.conf").write_text("")
    assert bad(judge())[0] == ("fault", "ami-account")


def test_files_that_cannot_be_read_are_told(judge: Judge, root: Path) -> None:
    (root / "extensions.conf").unlink()
    (root / "extensions.conf").mkdir()
    (root / "cdr.conf").write_text("[general]\n#include b.conf\nnonsense\n")
    (root / "b.conf").write_text("[open\n")
    assert [(each.result.value, each.what) for each in judge() if each.result is not Result.OK] == [
        ("not checked", "extensions.conf: is no regular file"),
        ("fault", "b.conf:1: no closing ']'; Asterisk passes over the rest of that file"),
        ("warning", "cdr.conf:3: no '='"),
    ]


def test_a_folder_as_freepbx_makes_it_is_read(root: Path, judge: Judge) -> None:
    (root / "extensions.conf").write_text(
        "".join(f"#include extensions_{name}.conf\n" for name in ("override_freepbx", "additional", "custom"))
    )
    for name in ("override_freepbx", "custom"):
        (root / f"extensions_{name}.conf").touch()
    (root / "extensions_additional.conf").write_text(
        ";--- generated ---\n[ext-queues]\ninclude => ext-queues-custom\nexten => 400,1,Macro(user-callerid,)\n"
        "exten => 400,n(qcall),Queue(400,t,,,,,,,,)\nexten => 401,1,Queue(401,t)\nexten => 400*,hint,Custom:QUEUE400\n"
    )
    [result, clean] = [each for each in judge() if each.result is not Result.OK]
    assert (result.point, clean.point) == ("dialplan-result", "dialplan-clean")
    assert result.what.startswith("extensions_additional.conf:5: [ext-queues] 400, 401: Queue()")


def test_without_the_files_three_lines_say_what_was_not_seen() -> None:
    assert bad(etc.without(config_of().pbx[0])) == [
        ("not checked", "writetimeout"), ("not checked", "database-logging"), ("not checked", "dialplan"),
    ]  # fmt: skip
