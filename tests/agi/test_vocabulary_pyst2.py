"""Our vocabulary beside pyst2's own: the same replies in, the same values and exceptions out.

Where they differ, the difference has a name, and docs/decisions/pyst2.md explains exactly the names that occur.
"""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asterisk.agi import AGI

from telephony.agi.codec import Decoder, Environment, HungUp, Reply, Usage
from telephony.agi.errors import (
    AGIDBError,
    AGIDeadChannel,
    AGIError,
    AGIHangup,
    AgiProtocolError,
    AGIResultHangup,
    AGISIGPIPEHangup,
    AGIUnknownError,
    AGIUsageError,
)
from telephony.agi.session import AgiSession
from tests.support.agi_peer import USAGE, environment
from tests.support.agi_words import parse_args
from tests.support.pyst2_peer import NeverReturns, Outcome, by_pyst2

DOCUMENT = Path(__file__).parents[2] / "docs" / "decisions" / "pyst2.md"

CALLS: list[tuple[str, tuple[Any, ...]]] = [
    ("answer", ()),
    ("wait_for_digit", ()),
    ("wait_for_digit", (500,)),
    ("send_text", ("two words",)),
    ("receive_char", ()),
    ("receive_char", (0,)),
    ("tdd_mode", ()),
    ("tdd_mode", ("on",)),
    ("stream_file", ("demo-congrats",)),
    ("stream_file", ("demo-congrats", [1, "2", "#"], 8)),
    ("control_stream_file", ("demo-congrats",)),
    ("control_stream_file", ("demo-congrats", "12", 2000, "6", "4", "5")),
    ("send_image", ("asterisk-image",)),
    ("say_digits", ("123", [4, "5", 6])),
    ("say_digits", ([4, 5, 6],)),
    ("say_number", ("1234",)),
    ("say_number", (-5, "#")),
    ("say_alpha", ("abc",)),
    ("say_phonetic", ("abc", "1")),
    ("say_date", (0,)),
    ("say_time", (0, "1")),
    ("say_datetime", (0,)),
    ("say_datetime", (0, "1", "ABdY", "Asia/Shanghai")),
    ("say_datetime", (0, "1", "ABdY 'digits/at' IMp")),
    ("get_data", ("demo-congrats",)),
    ("get_data", ("demo-congrats", 5000, 4)),
    ("get_option", ("demo-congrats",)),
    ("get_option", ("demo-congrats", "12", 5000)),
    ("set_context", ("support",)),
    ("set_extension", ("4001",)),
    ("set_priority", (1,)),
    ("goto_on_exit", ()),
    ("goto_on_exit", ("support", "1", "2")),
    ("record_file", ("message",)),
    ("record_file", ("message", "wav", "12", 5000, 8, "beep", 3)),
    ("set_autohangup", (60,)),
    ("hangup", ()),
    ("hangup", ("PJSIP/1001-00000001",)),
    ("appexec", ("Playback",)),
    ("appexec", ("Playback", "one two,noanswer")),
    ("set_callerid", ("1001",)),
    ("channel_status", ()),
    ("channel_status", ("PJSIP/1001-00000001",)),
    ("set_variable", ("NAME", "two words")),
    ("get_variable", ("NAME",)),
    ("get_full_variable", ("${CALLERID(num)}",)),
    ("get_full_variable", ("${CALLERID(num)}", "PJSIP/1001-00000001")),
    ("verbose", ("two words",)),
    ("verbose", ("two words", 3)),
    ("database_get", ("family", "key")),
    ("database_put", ("family", "key", "two words")),
    ("database_del", ("family", "key")),
    ("database_deltree", ("family",)),
    ("database_deltree", ("family", "key")),
    ("noop", ()),
    ("exec_command", ("Playback", "demo-congrats", "noanswer")),
    ("exec_command", ("Playback", '"two words"')),
    ("execute", ("NOOP",)),
    ("execute", ("SAY DIGITS", '"123"', '"#"')),
    ("execute", ("GET VARIABLE", "NAME")),
    ("execute", ("GET DATA", "demo-congrats", 500, 4)),
]

REPLIES: list[bytes] = [
    b"200 result=0\n",
    b"200 result=1\n",
    b"200 result=49\n",
    b"200 result=-1\n",
    b"200 result=-2\n",
    b"200 result=7\n",
    b"200 result=\n",
    b"200 result=abc\n",
    b"200 result=1114112\n",
    b"200 result=99999999999999999999\n",
    b"200 result=0 endpos=3520\n",
    b"200 result=-1 endpos=0\n",
    b"200 result=49 endpos=3520\n",
    b"200 result=0 (timeout) endpos=0\n",
    b"200 result=35 (dtmf) endpos=4711\n",
    b"200 result=-1 (writefile)\n",
    b"200 result=-1 (hangup) endpos=0\n",
    b"200 result=0 (hangup) endpos=0\n",
    b"200 result=-1 (hangup)\n",
    b"200 result= (timeout)\n",
    b"200 result=12 (timeout)\n",
    b"200 result=1 (digit) digit=5 endpos=8\n",
    b"200 result=1 (hangup) endpos=8\n",
    b'200 result=1 (speech) endpos=8 results=1 score0=900 text0="two words" grammar0=yes\n',
    b"200 result=1 (value)\n",
    b"200 result=1 ()\n",
    b"200 result=1 (two words)\n",
    b"200 result=1 (hangup)\n",
    b"200 result=1 (a) b)\n",
    b"200 result=1 (key=value)\n",
    b"200 result=1 (a) key=value)\n",
    b"200 result=1 (result=-1)\n",
    b"200 result=1 (a) result=-1)\n",
    b"200 result=1 (a\nb)\n",
    b"200 result=1 (\xff)\n",
    b"100 result=0 Trying...\n200 result=0 Gosub complete\n",
    b"HANGUP\n200 result=0\n",
    b"510 Invalid or unknown command\n",
    b"511 Command Not Permitted on a dead channel or intercept routine\n",
    b"520 Invalid command syntax.  Proper usage not available.\n",
    USAGE,
    b"599 What is this\n",
    b"200 nothing\n",
    b"garbage\n",
    b"\n",
    b"",
]


class Scripted:
    """In the place of a connection: replies from memory, through the real codec."""

    def __init__(self, replies: bytes) -> None:
        [found] = Decoder().feed(environment())
        assert isinstance(found, Environment)
        self.environment = found
        self.hung_up = False
        self.lines: list[str] = []
        self._lines = replies.splitlines(keepends=True)
        self._decoder = Decoder(environment=False)

    async def exchange(self, line: bytes, limit: float) -> Reply | Usage:
        assert limit > 0
        self.lines.append(line.decode("utf-8", "surrogateescape").removesuffix("\n"))
        self._decoder.expects()
        while self._lines:
            for item in self._decoder.feed(self._lines.pop(0)):
                if not isinstance(item, HungUp):
                    return item  # type: ignore[return-value]
                self.hung_up = True
        raise AGISIGPIPEHangup("the PBX closed the connection")

    def abort(self) -> None:
        self._lines.clear()


async def by_us(method: str, arguments: tuple[Any, ...], replies: bytes) -> Outcome:
    peer = Scripted(replies)
    value, raised, message = None, None, ""
    try:
        value = await getattr(AgiSession(peer, longest=60.0), method)(*arguments)  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 - any exception is an outcome
        raised, message = type(error), str(error)
    return Outcome(value, raised, message, tuple(peer.lines))


Rule = Callable[[str, bytes, Outcome, Outcome], bool]
VALUED = {"get_variable", "get_full_variable", "database_get"}


def raises(outcome: Outcome, *kinds: type[BaseException]) -> bool:
    return outcome.raised is not None and issubclass(outcome.raised, kinds)


# Each difference has a name, and a rule that says where it may be and what it looks like. Nothing else may differ.
DIFFERENCES: dict[str, Rule] = {
    "gone": lambda _, reply, theirs, ours: (
        reply == b"" and raises(theirs, ValueError) and raises(ours, AGISIGPIPEHangup)
    ),
    "no-reply": lambda _, reply, theirs, ours: (
        reply in {b"garbage\n", b"\n"} and raises(theirs, ValueError) and raises(ours, AgiProtocolError)
    ),
    "no-result": lambda _m, reply, _t, ours: reply == b"200 nothing\n" and raises(ours, AgiProtocolError),
    "hangup-line": lambda _, reply, theirs, _o: reply.startswith(b"HANGUP") and raises(theirs, ValueError),
    "511": lambda _, reply, theirs, ours: (
        reply.startswith(b"511") and raises(theirs, AGIUnknownError) and raises(ours, AGIDeadChannel)
    ),
    "520-one-line": lambda _, reply, theirs, ours: (
        reply.startswith(b"520 ") and raises(theirs, NeverReturns) and raises(ours, AGIUsageError)
    ),
    "gosub": lambda _, reply, theirs, _o: reply.startswith(b"100") and raises(theirs, AGIUnknownError),
    "empty-result": lambda method, reply, theirs, ours: (
        reply == b"200 result= (timeout)\n"
        and (
            (method in VALUED and (theirs.value, ours.value) == ("", "timeout"))
            or (theirs.value, ours.value) == ({"result": ("", "")}, {"result": ("", "timeout")})
        )
    ),
    "odd-digit": lambda _, reply, theirs, ours: (
        reply == b"200 result=99999999999999999999\n" and raises(theirs, OverflowError) and raises(ours, AGIError)
    ),
    "odd-status": lambda method, _r, theirs, ours: (
        method == "channel_status" and raises(theirs, ValueError) and raises(ours, AGIError)
    ),
    "deltree": lambda method, reply, theirs, ours: (
        method == "database_deltree"
        and b"result=0" in reply
        and raises(theirs, AGIDBError)
        and (ours.value, ours.raised) == (None, None)
    ),
    "value-hangup": lambda method, reply, theirs, ours: (
        method in {"database_get", "execute"}
        and reply.startswith(b"200 result=1 (hangup)")
        and raises(theirs, AGIResultHangup)
        and ours.raised is None
    ),
    "value-lines": lambda _m, reply, _t, ours: b"(a\nb)" in reply and ours.raised is None,
    "value-quoted": lambda method, reply, theirs, ours: (
        method in {"execute", "exec_command"}
        and b'text0="two words"' in reply
        and (theirs.value["text0"], ours.value["text0"]) == (('"two', ""), ('"two words"', ""))
    ),
    "hangup-raised": lambda method, reply, theirs, ours: (
        method in VALUED
        and reply.startswith((b"200 result=-1 (hangup)", b"200 result=0 (hangup)"))
        and theirs.value == "hangup"
        and raises(ours, AGIHangup)
    ),
}


def named(method: str, reply: bytes, theirs: Outcome, ours: Outcome) -> str | None:
    if theirs == ours:
        return None
    return next((name for name, rule in DIFFERENCES.items() if rule(method, reply, theirs, ours)), "?")


async def differences(reply: bytes) -> list[tuple[str | None, str, Outcome, Outcome]]:
    found = []
    for method, arguments in CALLS:
        many = reply * 3 if method == "goto_on_exit" else reply
        theirs, ours = by_pyst2(method, arguments, many), await by_us(method, arguments, many)
        found.append((named(method, reply, theirs, ours), method, theirs, ours))
    return found


@pytest.mark.parametrize("reply", REPLIES, ids=repr)
async def test_a_reply_means_to_us_what_it_means_to_pyst2_but_for_what_has_a_name(reply: bytes) -> None:
    assert [found for found in await differences(reply) if found[0] == "?"] == []


async def test_the_document_explains_exactly_the_differences_that_occur() -> None:
    occurring = {name for reply in REPLIES for name, *_ in await differences(reply) if name is not None}
    assert occurring == set(DIFFERENCES)
    assert explained("How replies are read") == occurring


def explained(chapter: str) -> set[str]:
    """The names in the first column of the table of that chapter."""
    text = DOCUMENT.read_text(encoding="utf-8").partition(f"## {chapter}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE))


# --- what is sent -----------------------------------------------------------------------------------------------------
SENT: dict[str, tuple[str, tuple[Any, ...], list[list[str]]]] = {
    "quote": ("set_variable", ("N", 'say "hi" now'), [["SET", "VARIABLE", "N", 'say "hi" now']]),
    "backslash": ("set_variable", ("N", "C:\\new"), [["SET", "VARIABLE", "N", "C:\\new"]]),
    "line-break": ("set_variable", ("N", "1\nHANGUP"), [["SET", "VARIABLE", "N", "1 HANGUP"]]),
    "blank": ("stream_file", ("two words",), [["STREAM", "FILE", "two words", "", "0"]]),
    "exec-blank": ("exec_command", ("Playback", "two words", "x"), [["EXEC", "Playback", "two words,x"]]),
    "database-get": ("database_get", ("two words", "key"), [["DATABASE", "GET", "two words", "key"]]),
    "whole-database": ("database_deltree", ("",), []),
    "zone": ("say_datetime", (0, "", "", "UTC"), [["SAY", "DATETIME", "0", "", "ABdY 'digits/at' IMp", "UTC"]]),
    "too-long": ("verbose", ("x" * 3_000,), []),
    "too-many-words": ("execute", ("NOOP", *"w" * 200), []),
    "raw-line-break": ("execute", ("NOOP", "1\nHANGUP"), [["NOOP", "1", "HANGUP"]]),
    "tuple": ("say_digits", ((1, 2),), [["SAY", "DIGITS", "12", ""]]),
    "empty-word": ("set_context", ("",), [["SET", "CONTEXT", ""]]),
}  # fmt: skip


@pytest.mark.parametrize(("method", "arguments"), CALLS)
async def test_ordinary_words_reach_asterisk_as_pyst2_sends_them(method: str, arguments: tuple[Any, ...]) -> None:
    ok = b"200 result=1 (1)\n" * 3
    theirs, ours = by_pyst2(method, arguments, ok), await by_us(method, arguments, ok)
    heard = [given(parse_args(line)) for line in theirs.lines]
    assert [given(parse_args(line)) for line in ours.lines] == heard
    assert heard


def given(words: list[str]) -> list[str]:
    """Asterisk does not care for the case of a name, nor whether an empty key of DELTREE or zone is there."""
    upper = [*(word.upper() for word in words[:2]), *words[2:]]
    return upper[:-1] if upper[:2] in (["DATABASE", "DELTREE"], ["EXEC", "PLAYBACK"]) and upper[-1] == "" else upper


@pytest.mark.parametrize("name", SENT)
async def test_other_words_reach_asterisk_as_they_were_meant_and_not_as_pyst2_sends_them(name: str) -> None:
    method, arguments, meant = SENT[name]
    ok = b"200 result=1 (1)\n" * 3
    theirs, ours = by_pyst2(method, arguments, ok), await by_us(method, arguments, ok)
    assert [parse_args(line) for line in ours.lines] == meant
    assert [parse_args(line) for line in theirs.lines] != meant


def test_the_document_explains_exactly_what_is_sent_otherwise() -> None:
    assert explained("What is sent") == set(SENT)


def test_every_public_method_of_pyst2_is_here() -> None:
    methods = {name for name in vars(AGI) if not name.startswith("_")}
    assert {name for name in methods if not callable(getattr(AgiSession, name, None))} == set()
    assert methods - {name for name, _ in CALLS} == {"send_command", "get_result", "test_hangup"}


def test_the_defaults_are_those_of_pyst2() -> None:
    for name in {name for name, _ in CALLS}:
        theirs = inspect.signature(getattr(AGI, name)).parameters.values()
        ours = inspect.signature(getattr(AgiSession, name)).parameters.values()
        assert [(it.name, it.default, it.kind) for it in ours] == [(it.name, it.default, it.kind) for it in theirs]
