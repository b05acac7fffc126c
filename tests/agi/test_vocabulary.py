"""What each command says, means and may take; that it is pyst2's is in test_vocabulary_pyst2.py."""

from collections.abc import Callable
from typing import Any

import pytest

from telephony.agi import vocabulary as say
from telephony.agi.codec import Decoder, Reply, Usage
from telephony.agi.errors import (
    AGIAppError,
    AGIDBError,
    AGIDeadChannel,
    AGIError,
    AGIHangup,
    AGIInvalidCommand,
    AGIResultHangup,
    AGIUnknownError,
    AGIUsageError,
)
from telephony.agi.vocabulary import AT_ONCE, Exchange


def meaning(exchange: Exchange[Any], reply: str) -> Any:
    decoder = Decoder(environment=False)
    decoder.expects()
    [found] = decoder.feed(f"{reply}\n".encode())
    assert isinstance(found, Reply | Usage)
    return exchange.meaning(found)


PLAYING: list[Callable[[], Exchange[str]]] = [
    lambda: say.stream_file("x"),
    lambda: say.control_stream_file("x"),
    lambda: say.get_option("x"),
    lambda: say.say_digits("1"),
    lambda: say.say_number(1),
    lambda: say.say_alpha("a"),
    lambda: say.say_phonetic("a"),
    lambda: say.say_date(0),
    lambda: say.say_time(0),
    lambda: say.say_datetime(0),
]


@pytest.mark.parametrize("of", PLAYING)
def test_a_key_that_ends_a_sound_is_given_and_none_is_empty(of: Callable[[], Exchange[str]]) -> None:
    assert meaning(of(), "200 result=0 endpos=8") == ""
    assert meaning(of(), "200 result=35 endpos=8") == "#"
    with pytest.raises(AGIError, match="Unable to convert result to char: 1114112"):
        meaning(of(), "200 result=1114112")
    assert of().within is None


def test_a_recording_ended_by_no_key_gives_what_pyst2_gives() -> None:
    assert meaning(say.record_file("x"), "200 result=0 (timeout) endpos=8") == "\x00"
    assert meaning(say.record_file("x"), "200 result=35 (dtmf) endpos=8") == "#"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("510 Invalid or unknown command", AGIInvalidCommand),
        ("511 Command Not Permitted on a dead channel", AGIDeadChannel),
        ("520 Invalid command syntax.", AGIUsageError),
        ("599 What", AGIUnknownError),
        ("200 result=-1", AGIAppError),
        ("200 result=-1 (hangup)", AGIResultHangup),
        ("200 result=0 (hangup) endpos=1", AGIResultHangup),
    ],
)
@pytest.mark.parametrize("exchange", [say.noop(), say.stream_file("x"), say.set_variable("a", 1), say.execute("NOOP")])
def test_what_went_wrong_is_pyst2s_exception(exchange: Exchange[Any], reply: str, error: type[Exception]) -> None:
    with pytest.raises(AGIError) as raised:
        meaning(exchange, reply)
    assert raised.type is error


def test_a_dead_channel_is_caught_as_a_hangup_and_as_pyst2s_unknown_error() -> None:
    assert issubclass(AGIDeadChannel, AGIHangup)
    assert issubclass(AGIDeadChannel, AGIUnknownError)


def test_a_variable_may_hold_any_word() -> None:
    for value in ("hangup", "-1", "result=-1", ""):
        assert meaning(say.get_variable("X"), f"200 result=1 ({value})") == value
        assert meaning(say.get_full_variable("${X}", "SIP/1"), f"200 result=1 ({value})") == value
        assert meaning(say.database_get("f", "k"), f"200 result=1 ({value})") == value
        assert meaning(say.execute("get  variable", "X"), f"200 result=1 ({value})") == {"result": ("1", value)}
    assert meaning(say.get_variable("X"), "200 result=0") == ""
    with pytest.raises(AGIResultHangup):
        meaning(say.get_variable("X"), "200 result=-1 (hangup)")


def test_a_key_that_is_not_there_is_a_database_error() -> None:
    with pytest.raises(AGIDBError, match="family=f, key=k"):
        meaning(say.database_get("f", "k"), "200 result=0")
    with pytest.raises(AGIError, match="Unknown exception for : family=f, key=k"):
        meaning(say.database_get("f", "k"), "200 result=7")
    with pytest.raises(AGIDBError, match="value=v"):
        meaning(say.database_put("f", "k", "v"), "200 result=0")
    with pytest.raises(AGIDBError, match="delete from"):
        meaning(say.database_del("f", "k"), "200 result=0")
    assert meaning(say.database_put("f", "k", "v"), "200 result=1") is None


@pytest.mark.parametrize("said", ["200 result=0", "200 result=1"])
def test_deleting_a_tree_is_no_fault_whether_there_was_one_or_not(said: str) -> None:
    assert meaning(say.database_deltree("f"), said) is None


@pytest.mark.parametrize("family", ["", " ", "/", "//"])
def test_the_whole_database_of_the_pbx_cannot_be_deleted(family: str) -> None:
    with pytest.raises(AGIUsageError, match="whole database"):
        say.database_deltree(family)


def test_a_channel_has_a_status_and_none_has_minus_one() -> None:
    assert meaning(say.channel_status(), "200 result=6") == 6
    assert meaning(say.channel_status("PJSIP/1"), "200 result=-1") == -1
    with pytest.raises(AGIDeadChannel):
        meaning(say.channel_status(), "511 Command Not Permitted on a dead channel")
    with pytest.raises(AGIError, match="no status"):
        meaning(say.channel_status(), "200 result=x")


def test_an_application_that_is_not_there_is_named() -> None:
    assert meaning(say.appexec("Wait", 1), "200 result=0") == "0"
    with pytest.raises(AGIAppError, match="Unable to find application: Nope"):
        meaning(say.appexec("Nope"), "200 result=-2")
    assert meaning(say.exec_command("Nope"), "200 result=-2") == {"result": ("-2", "")}


def test_a_channel_without_text_or_pictures_is_an_application_error() -> None:
    with pytest.raises(AGIAppError, match="TDD"):
        meaning(say.tdd_mode(), "200 result=0")
    assert meaning(say.tdd_mode("on"), "200 result=1") is None
    with pytest.raises(AGIAppError, match="on channel PJSIP/1"):
        meaning(say.send_image("x", "PJSIP/1"), "200 result=1")
    assert meaning(say.send_image("x"), "200 result=0") is None


def test_digits_are_those_the_caller_pressed() -> None:
    assert meaning(say.get_data("x"), "200 result=12 (timeout)") == "12"
    assert meaning(say.get_data("x"), "200 result= (timeout)") == ""


@pytest.mark.parametrize(
    ("exchange", "line"),
    [
        (say.hangup(), b"HANGUP\n"),
        (say.hangup("PJSIP/1"), b'HANGUP "PJSIP/1"\n'),
        (say.get_option("x", [1, "#"]), b'GET OPTION "x" "1#"\n'),
        (say.get_option("x", (1, 2), 500), b'GET OPTION "x" "12" "500"\n'),
        (say.say_datetime(0), b'SAY DATETIME "0" ""\n'),
        (say.say_datetime(0, 1, "Y"), b'SAY DATETIME "0" "1" "Y"\n'),
        (say.say_datetime(0, "", "", "UTC"), b'SAY DATETIME "0" "" "ABdY \'digits/at\' IMp" "UTC"\n'),
        (say.record_file("x", silence=3), b'RECORD FILE "x" "gsm" "#" "20000" "0" "beep" "s=3"\n'),
        (say.database_deltree("f"), b'DATABASE DELTREE "f"\n'),
        (say.database_deltree("f", "k"), b'DATABASE DELTREE "f" "k"\n'),
        (say.get_full_variable("${X}"), b'GET FULL VARIABLE "${X}"\n'),
        (say.exec_command("Dial", "PJSIP/1", 20), b'EXEC "Dial" "PJSIP/1,20"\n'),
        (say.exec_command("Playback", '"two words"'), b'EXEC "Playback" "two words"\n'),
        (say.exec_command("Set", 'X="two words"'), b'EXEC "Set" X="two words"\n'),
        (say.exec_command("Set", 'X="two" words'), b'EXEC "Set" "X=\\"two\\" words"\n'),
        (say.execute(" NOOP ", "a", 1), b"NOOP  a 1\n"),
    ],
)
def test_a_command_says(exchange: Exchange[Any], line: bytes) -> None:
    assert exchange.line == line


@pytest.mark.parametrize(
    ("exchange", "within"),
    [
        (say.noop(), AT_ONCE),
        (say.answer(), AT_ONCE),
        (say.set_variable("a", "b"), AT_ONCE),
        (say.get_variable("a"), AT_ONCE),
        (say.database_get("f", "k"), AT_ONCE),
        (say.wait_for_digit(), 2.0 + AT_ONCE),
        (say.wait_for_digit("500"), 0.5 + AT_ONCE),
        (say.wait_for_digit(0), AT_ONCE),
        (say.wait_for_digit(-1), None),
        (say.receive_char(500), 0.5 + AT_ONCE),
        (say.receive_char(0), None),
        (say.receive_char("later"), None),
        (say.get_data("x", 10), None),
        (say.record_file("x"), None),
        (say.appexec("Wait", 1), None),
        (say.exec_command("Wait", 1), None),
        (say.execute("NOOP"), None),
    ],
)
def test_a_command_may_take_as_long_as_it_needs(exchange: Exchange[Any], within: float | None) -> None:
    assert exchange.within == within


def test_other_commands_say_what_they_are_given() -> None:
    given: list[tuple[Exchange[None], bytes]] = [
        (say.set_autohangup(60), b'SET AUTOHANGUP "60"\n'),
        (say.set_callerid("1001"), b'SET CALLERID "1001"\n'),
        (say.set_context("c"), b'SET CONTEXT "c"\n'),
        (say.set_extension("e"), b'SET EXTENSION "e"\n'),
        (say.set_priority(1), b'SET PRIORITY "1"\n'),
        (say.send_text("hi"), b'SEND TEXT "hi"\n'),
        (say.verbose("hi"), b'VERBOSE "hi" "1"\n'),
    ]
    for exchange, line in given:
        assert exchange.line == line
        assert meaning(exchange, "200 result=0") is None
