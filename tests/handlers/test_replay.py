"""`threerings replay`: a call told from the journal, to a person, whoever wrote what he reads."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from handlers.cli import main
from handlers.journaling import Source
from handlers.journals import journal_folder
from telephony import logs
from telephony.calls.record import call_id
from telephony.config import Config, load
from telephony.journal.writer import Journal
from tests.handlers.test_recovery import Stage, alone
from tests.journal.shelf import Wall
from tests.support.journal import PBX

SETTINGS = """
data_dir = "data"
[[pbx]]
name = "pbx1"
host = "127.0.0.1"
username = "threerings"
secret = "not a real one"
trunks = ["PJSIP/callers", "PJSIP/trunk"]
"""
Said = Callable[[], tuple[str, str]]


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    Path("threerings.toml").write_text(SETTINGS, encoding="utf-8")
    yield load(None, {})
    structlog.reset_defaults()


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    def read() -> tuple[str, str]:
        captured = capsys.readouterr()
        return captured.out, captured.err

    return read


def told(name: str) -> Stage:
    """A recorded conversation, as it went into the journal; its listings among it."""
    logs.configure(level=logging.CRITICAL)
    stage = alone(name, "nothing saved")
    stage.starts()
    stage.connects()
    stage.tells_all()
    stage.comes_to_an_end()
    return stage


def keep(stage: Stage, config: Config, files: int = 1, others: bytes = b"") -> None:
    """Write what the stage's journal has into a real one, in so many files; `others`: more of queue_log."""
    records = stage.journal.records
    for number in range(files):
        hour = datetime(2026, 11, 22, number, 30, tzinfo=UTC)
        journal = Journal.open(journal_folder(config, PBX), wall=Wall(hour))
        for record in records[len(records) * number // files : len(records) * (number + 1) // files]:
            data = record.data + (others if record.source == Source.QUEUE_LOG else b"")
            journal.append(record.source, record.mono, record.offset, data)
        journal.close()


def steps(text: str) -> list[str]:
    """The words of each line behind its time and position."""
    return [line.split("#", 1)[-1].split(" ", 1)[-1].strip() for line in text.splitlines()]


def test_a_call_is_told_from_its_first_word_to_its_last(config: Config, said: Said) -> None:
    keep(told("answered"), config)
    assert main(["replay", "--call", "pbx1-1795304264.0"]) == 0
    out, _ = said()
    lines = steps(out)
    assert (
        "AMI Newchannel  Channel=PJSIP/callers-00000000  ChannelStateDesc=Ring  CallerIDNum=021******01  Exten=4001"
        in lines
    )
    order = [
        "> case opened",
        "> visit 1 entered: support (queue)",
        "> visit 1 answered: bridged with the agent; wait 2.011 s, rings 1, live",
        "> call ended, by caller",
    ]
    places = [lines.index(line) for line in order]
    assert places == sorted(places)
    assert "queue_log" in lines
    assert "| 1795304268|pbx1-1795304264.0|support|Agent 1001|COMPLETECALLER|2|2|1" in out
    assert '"outcome": "answered"' in out
    assert "02160000001" not in out


def test_it_is_found_by_its_own_id_too_and_in_whichever_file(config: Config, said: Said) -> None:
    keep(told("answered"), config, files=3)
    assert main(["replay", "--call", str(call_id(PBX, "pbx1-1795304264.0")), "--format", "json", "--unmasked"]) == 0
    document = json.loads(said()[0])
    assert document["call"]["visits"][0]["outcome"] == "answered"
    assert document["call"]["caller"] == "02160000001"
    effects = [effect["what"] for step in document["timeline"] for effect in step["effects"]]
    assert [what for what in effects if what.startswith(("case", "visit", "call"))] == [
        "case_opened", "visit_entered", "visit_ended", "call_ended",
    ]  # fmt: skip
    assert document["database"]["asked"] is False


def test_a_leg_names_the_call_to_which_it_belongs(config: Config, said: Said) -> None:
    keep(told("answered"), config)
    assert main(["replay", "--call", "pbx1-1795304264.1", "--pbx", PBX]) == 0
    assert "> visit 1 entered: support (queue)" in steps(said()[0])


def test_it_comes_out_as_it_was_live(config: Config, said: Said) -> None:
    stage = told("two_visits")
    keep(stage, config)
    (call,) = [call for call in stage.rows.newest().values() if call.case]
    assert main(["replay", "--call", str(call.id), "--format", "json"]) == 0
    document = json.loads(said()[0])
    assert [visit["wait_seconds"] for visit in document["call"]["visits"]] == [
        visit.wait.total_seconds() for visit in call.visits if visit.wait is not None
    ]


def test_what_queue_log_says_of_others_is_not_told_of_him(config: Config, said: Said) -> None:
    keep(told("answered"), config, others=b"\n1795304268|pbx1-9.9|support|NONE|ABANDON|1|1|99")
    assert main(["replay", "--call", "pbx1-1795304264.0"]) == 0
    out, _ = said()
    assert "queue result logged" in out
    assert "99.000" not in out


def test_no_id_is_no_id_and_no_time_no_time(config: Config, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config
    monkeypatch.setenv("THREERINGS__DATABASE__URL", "postgresql://nobody@127.0.0.1:1/none")
    assert main(["replay", "--call", " "]) == 2
    assert said()[1].startswith("--call: is empty; ")
    assert main(["reconcile", "--since", "2026-11-22", "--until", "2026-11-21"]) == 2
    assert said()[1].startswith("--since = '2026-11-22': is not before --until")
    assert main(["reconcile", "--since", "2999-11-21", "--until", "2999-11-22"]) == 2
    assert said()[1] == "--since = '2999-11-21': is in the future; name a time that has been\n"


def test_whose_case_it_is_nobody_can_say_without_the_database(
    config: Config, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(told("answered"), config)
    monkeypatch.setenv("THREERINGS__DATABASE__URL", "postgresql://nobody@127.0.0.1:1/none")
    assert main(["replay", "--call", "17"]) == 1
    assert said() == (
        "",
        "000017: of which case nobody can say now (connection refused); name the call's id or a channel's uniqueid\n",
    )
    assert main(["replay", "--call", "pbx1-1795304264.0"]) == 0
    assert "The database was not asked: connection refused" in said()[0]


def test_who_is_not_there_is_told_what_the_journal_covers(config: Config, said: Said) -> None:
    keep(told("answered"), config)
    assert main(["replay", "--call", "pbx1-1.1"]) == 1
    out, err = said()
    assert not out
    assert "pbx1-1.1: not found. The journal of pbx1 covers 2026-11-22 07:37:" in err


def test_an_empty_journal_and_a_pbx_that_is_none_are_told_so(said: Said) -> None:
    assert main(["replay", "--call", "x.1"]) == 1
    assert said()[1] == "The journal of pbx1 is empty.\n"
    assert main(["replay", "--call", "x.1", "--pbx", "other"]) == 2
    assert "--pbx = 'other': there is no such PBX; name one of pbx1" in said()[1]


def test_it_speaks_chinese_to_who_does(config: Config, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    keep(told("answered"), config)
    assert main(["replay", "--call", "pbx1-1795304264.0"]) == 0
    assert "> 第 1 次等待开始：support（queue）" in steps(said()[0])


@pytest.mark.parametrize("name", ["hostile", "hostile_raw", "hostile_forged", "long_name"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_caller_writes_to_the_terminal(name: str, form: str, config: Config, said: Said) -> None:
    stage = told(name)
    keep(stage, config)
    for call in stage.rows.newest().values():
        assert main(["replay", "--call", str(call.id), "--verbose", "--format", form]) == 0
        out, _ = said()
        assert all(line.isprintable() for line in out.split("\n"))
