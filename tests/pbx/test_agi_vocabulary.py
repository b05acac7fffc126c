"""Every AGI command of pyst2, run by the product's script hosts in calls of a real PBX.

What is expected was written down by hand, from pyst2's docstrings and from what Asterisk 22 answers.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from asterisk.agi import AGI

from .ami import Message
from .asterisk import Pbx
from .crowd import Crowd
from .database import Database
from .heard import Heard
from .product import Product
from .scripts.quoting import QUOTING

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(120)]

KEYS = ((1.0, "5"), (2.0, "5"), (3.0, "7"), (3.4, "8"), (4.4, "9"), (4.8, "#"), (6.0, "1"), (7.0, "*"), (8.0, "1"))
ONES = tuple((9.0 + n, "1") for n in range(7))
CALLERS = {  # how the caller of each script behaves
    "pressing": {"presses": (*KEYS, *ONES, (15.2, "1"))},
    "waiting": {"takes_text": True},
    "saying": {},
    "quoting": {},
    "variables": {},
    "database": {},
    "commands": {},
    "crafted": {},
    "landing": {},
    "going": {},
    "ended": {},
    "hanging": {},
    "left": {"hangs_up_after": 1.0},
    "victim": {},
    "murderer": {},
}
APP_ERROR = ["AGIAppError", "AGIError", "AGIException"]
USAGE_ERROR = ["AGIUsageError", "AGIError", "AGIException"]
DB_ERROR = ["AGIDBError", "AGIAppError", "AGIError", "AGIException"]


@dataclass
class Told:
    """What came of all the calls."""

    diaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[Message] = field(default_factory=list)
    recorded: dict[str, int] = field(default_factory=dict)
    log: str = ""

    def seen(self, script: str) -> dict[str, Any]:
        """Label to outcome: a value, or the names of the exception and its bases."""
        entries = self.diaries[script]["seen"]
        assert len({label for label, _, _ in entries}) == len(entries)
        return {label: got["raised"] if isinstance(got, dict) and "raised" in got else got for label, _, got in entries}

    def events_of(self, name: str, script: str) -> list[Message]:
        """What the dialplan said about the call of a script."""
        channel = self.diaries[script]["env"]["agi_channel"]
        return [event for event in self.events if event["UserEvent"] == name and event["Channel"] == channel]


def number_of(script: str) -> str:
    """Of the caller who calls it."""
    return f"021{list(CALLERS).index(script):02d}1"


async def play(told: Told) -> None:
    """All the calls at once."""
    scripts = {name: f"vocabulary.py:{name}" for name in CALLERS}
    async with AsyncExitStack() as running:
        pbx = await running.enter_async_context(Pbx("pbx1"))
        database = await running.enter_async_context(Database())
        await running.enter_async_context(Product([pbx], database.url, scripts=scripts))
        heard = await running.enter_async_context(Heard(pbx))
        async with AsyncExitStack() as calls:
            crowds = [
                await calls.enter_async_context(
                    Crowd(pbx, f"021{n:02d}", calls=f"do:{name}", count=1, per_second=1, speaks=True, **how)
                )
                for n, (name, how) in enumerate(CALLERS.items())
            ]
            async with asyncio.timeout(60):
                await asyncio.gather(*(crowd.ended() for crowd in crowds))
                while len(list(pbx.reports.glob("*.json"))) < len(CALLERS):
                    await asyncio.sleep(0.05)
        await pbx.quiet()
        told.events = heard.events
        told.diaries = {path.stem: json.loads(path.read_text()) for path in pbx.reports.glob("*.json")}
        told.recorded = {path.name: path.stat().st_size for path in (pbx.folder / "spool").glob("*.gsm")}


@pytest.fixture(scope="module")
def told(asterisk_root: Path) -> Told:  # noqa: ARG001
    """The calls are made once for all the tests."""
    told = Told()
    asyncio.run(play(told))
    return told


def test_every_command_of_pyst2_was_used_in_a_call(told: Told) -> None:
    used = {method for diary in told.diaries.values() for _, method, _ in diary["seen"]}

    assert {name for name in vars(AGI) if not name.startswith("_")} == used


def test_keys_end_what_they_are_meant_to_end(told: Told) -> None:
    assert told.seen("pressing") == {
        "stream_file until a key": "5",
        "get_option until a key": "5",
        "get_data full": "78",
        "get_data ended by #": "9",
        "control_stream_file until a key": "1",
        "wait_for_digit gets one": "*",
        "record_file until a key": "1",
        "say_digits until a key": "1",
        "say_number until a key": "1",
        "say_alpha until a key": "1",
        "say_phonetic until a key": "1",
        "say_date until a key": "1",
        "say_time until a key": "1",
        "say_datetime until a key": "1",
        "keys that do not matter end nothing": "",
    }


def test_what_nobody_interrupts_ends_by_itself_or_says_what_is_wrong(told: Told) -> None:
    assert told.seen("waiting") == {
        "channel_status before the answer": 4,
        "answer": None,
        "answer again": None,
        "channel_status": 6,
        "channel_status by name": 6,
        "channel_status of nobody": -1,
        "stream_file": "",
        "stream_file beyond the end": "",
        "stream_file missing": APP_ERROR,
        "get_option": "",
        "get_option missing": APP_ERROR,
        "get_data timeout": "",
        "get_data missing": APP_ERROR,
        "control_stream_file": "",
        "control_stream_file missing": APP_ERROR,
        "wait_for_digit timeout": "",
        "wait_for_digit waited": 0.3,
        "record_file timeout": "\0",  # pyst2 makes a character of the 0 that means: no key
        "record_file with an unknown format": APP_ERROR,
        "record_file where nothing may be written": APP_ERROR,
        "send_text": None,
        "send_image": None,  # PJSIP takes no pictures, and Asterisk says 0 to that
        "tdd_mode": APP_ERROR,
        "receive_char": ["AGIResultHangup", "AGIHangup", *APP_ERROR],  # Asterisk says (hangup) when nothing came
        "hangup of nobody": APP_ERROR,
        "the line still works": None,
    }


def test_recordings_are_there(told: Told) -> None:
    assert sorted(told.recorded) == ["pressed.gsm", "waited.gsm"]


def test_everything_that_speaks_speaks_to_its_end(told: Told) -> None:
    assert told.seen("saying") == {
        "say_digits": "",
        "say_digits of nothing": USAGE_ERROR,
        "say_number": "",
        "say_number of no number": USAGE_ERROR,
        "say_number below zero": "",
        "say_alpha": "",
        "say_phonetic": "",
        "say_time": "",
        "say_datetime": "",
        "say_date of no date": USAGE_ERROR,
        "say_date": "",
    }


@pytest.mark.parametrize("n", range(len(QUOTING)))
def test_a_value_comes_back_as_it_was_whatever_it_holds(told: Told, n: int) -> None:
    seen = told.seen("quoting")

    assert seen[f"set_variable {n}"] is None
    assert seen[f"variable {n}"] == QUOTING[n].encode()[:1023].decode("utf-8", "surrogateescape")  # Asterisk cuts it
    assert seen[f"full variable {n}"] == QUOTING[n]
    assert seen[f"database_put {n}"] is None
    assert seen[f"database {n}"] == QUOTING[n]


def test_variables_are_set_and_read(told: Told) -> None:
    assert told.seen("variables") == {
        # A line feed would be a second command; Asterisk has no escape for it.
        "set_variable with line breaks": None,
        "line breaks": "one SET VARIABLE BROKEN yes  two three four",
        "no second command": "",
        "set_variable too long": USAGE_ERROR,
        "nothing of it": "",
        "the dialplan's line breaks": "a\n200 result=1\nb",
        "and in full": "a\n200 result=1\nb",
        "a number": None,
        "is text": "7",
        "a variable that is not set": "",
        "a full variable that is not set": "",
        "a function": number_of("variables"),
        "of this channel by name": "7",
        "of a channel that is not there": "",
        "set_callerid": None,
        "the new number": "0351777",
        "set_callerid with a name": None,
        "the new name": "Li Lei",
    }


def test_asterisks_database_keeps_and_forgets(told: Told) -> None:
    assert told.seen("database") == {
        "odd names of keys": None,
        "are found": "v",
        "a key that is not there": DB_ERROR,
        "database_put": None,
        "again": None,
        "database_get": "2",
        "database_del": None,
        "is gone": DB_ERROR,
        "database_del of nothing": None,
        "a tree": None,
        "another": None,
        # Asterisk says 0 when it has deleted something; pyst2 takes that for a failure, and we do not.
        "database_deltree of a branch": None,
        "the leaf is gone": DB_ERROR,
        "the rest is not": "2",
        "database_deltree": None,
        "all is gone": DB_ERROR,
        "database_deltree of nothing": None,
    }


def test_commands_and_applications_are_run_by_name(told: Told) -> None:
    assert told.seen("commands") == {
        "verbose": None,
        "noop": None,
        "execute": {"result": ["1", "s"]},
        "execute of no command": ["AGIInvalidCommand", "AGIError", "AGIException"],
        "execute of half a command": USAGE_ERROR,
        "send_command": None,
        "get_result": {"result": ["1", "s"]},
        "test_hangup": None,
        "appexec": "0",
        "appexec of nothing": APP_ERROR,
        "appexec with quotes": "0",
        "what it set": 'say "hi" \\ there, you',
        "exec_command": {"result": ["0", ""]},
        "exec_command with two": {"result": ["0", ""]},
        "what they set": "123",
    }


def test_a_value_that_forges_a_reply_is_not_believed(told: Told) -> None:
    seen = told.seen("crafted")

    # The conversation ends there: whatever came next might be the answer to something else.
    assert "AGIError" in seen["a forged reply"]
    assert "AGIError" in seen["after it"]
    assert [(event["Status"], event["Why"]) for event in told.events_of("Ran", "crafted")] == [("SUCCESS", "failed")]


def test_the_dialplan_goes_on_where_the_script_says(told: Told) -> None:
    assert told.seen("landing") == {
        "set_priority of no priority": USAGE_ERROR,
        "set_context": None,
        "set_extension": None,
        "set_priority": None,
    }
    assert [event["At"] for event in told.events_of("Landed", "landing")] == ["700-2"]
    assert not told.events_of("Ran", "landing")
    assert told.seen("going") == {"goto_on_exit": None}
    assert [event["At"] for event in told.events_of("Landed", "going")] == ["sales"]


def test_a_call_that_ends_in_the_middle_of_a_command_is_a_hangup_from_then_on(told: Told) -> None:
    ended, left = told.seen("ended"), told.seen("left")

    assert (ended["set_autohangup off"], ended["set_autohangup"]) == (None, None)
    assert ended["after about a second"] == 1
    for first, later in (
        (ended["the call ends in the middle"], [ended["and stays ended"]]),
        (left["in mid-command"], [left["afterwards"], left["and again"]]),
    ):
        assert "AGIAppError" in first
        assert all("AGIHangup" in names for names in later)


def test_a_script_may_hang_up_its_own_call(told: Told) -> None:
    seen = told.seen("hanging")

    assert seen["hangup"] is None
    assert "AGIHangup" in seen["nothing can be said any more"]
    assert seen["test_hangup says so"] == "AGISIGHUPHangup"


def test_a_script_may_hang_up_another_call(told: Told) -> None:
    assert told.seen("murderer") == {
        "channel_status of another call": 6,
        "get_full_variable of another call": number_of("victim"),
        "hangup of another call": None,
        "it is gone": -1,
        "we are not": 6,
    }
    assert "AGIAppError" in told.seen("victim")["ended by another call"]
    assert [event["Why"] for event in told.events_of("Ran", "murderer")] == [""]


def test_arguments_and_environment_are_those_of_the_call(told: Told) -> None:
    for script, diary in told.diaries.items():
        env = diary["env"]
        assert diary["argv"][1:] == ["two words", "", "4"]
        assert [env["agi_arg_1"], env["agi_arg_2"]] == diary["argv"][:2]
        assert env["agi_callerid"] == number_of(script)
        assert env["agi_dnid"] == f"do_{script}"
        assert env["agi_type"] == "PJSIP"
        assert env["agi_enhanced"] == "0.0"
        assert env["agi_uniqueid"].startswith("pbx1-")


def test_scripts_that_ran_to_their_end_left_no_word_of_failure(told: Told) -> None:
    # Asterisk says FAILURE also when one command failed (a sound that is not there): AGISTATUS is no proof of anything.
    for script in ("pressing", "waiting", "saying", "quoting", "variables", "database", "commands"):
        status = "FAILURE" if script == "waiting" else "SUCCESS"
        assert [(event["Status"], event["Why"]) for event in told.events_of("Ran", script)] == [(status, "")], script
