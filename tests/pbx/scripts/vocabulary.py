"""Every command of pyst2's class AGI in real calls, as its docstrings have them; each function is one call."""

from __future__ import annotations

import time

from asterisk.agi import AGI, AGIException
from diary import Diary
from quoting import QUOTING

LONG = "demo-congrats"  # nobody lets it play to its end


def pressing(agi: AGI) -> None:
    """The caller presses a key a second: 5 5 7 8 9 # 1 * 1, then only 1."""
    agi.answer()
    with Diary(agi) as diary:
        diary("stream_file until a key", "stream_file", LONG, [1, 5])
        diary("get_option until a key", "get_option", LONG, "15", 3000)
        diary("get_data full", "get_data", LONG, 1500, 2)
        diary("get_data ended by #", "get_data", LONG, 1500, 4)
        diary("control_stream_file until a key", "control_stream_file", LONG, ["1", 5])
        diary("wait_for_digit gets one", "wait_for_digit", 3000)
        diary("record_file until a key", "record_file", "/srv/pbx/spool/pressed", "gsm", "1", 5000)
        diary("say_digits until a key", "say_digits", "123456", "1")
        diary("say_number until a key", "say_number", 123456, "1")
        diary("say_alpha until a key", "say_alpha", "abcdefgh", "1")
        diary("say_phonetic until a key", "say_phonetic", "abcdefgh", "1")
        diary("say_date until a key", "say_date", 0, "1")
        diary("say_time until a key", "say_time", 0, "1")
        diary("say_datetime until a key", "say_datetime", 0, "1")
        diary("keys that do not matter end nothing", "stream_file", "beep", "9")


def waiting(agi: AGI) -> None:
    """Nobody presses anything: what plays to its end, times out, or is not there."""
    with Diary(agi) as diary:
        diary("channel_status before the answer", "channel_status")
        diary("answer", "answer")
        diary("answer again", "answer")
        diary("channel_status", "channel_status")
        diary("channel_status by name", "channel_status", agi.env["agi_channel"])
        diary("channel_status of nobody", "channel_status", "PJSIP/nobody-00000001")
        diary("stream_file", "stream_file", "beep")
        diary("stream_file beyond the end", "stream_file", "beep", "", 99999)
        diary("stream_file missing", "stream_file", "no/such/file")
        diary("get_option", "get_option", "beep", "12", 300)
        diary("get_option missing", "get_option", "no/such/file", "12", 300)
        diary("get_data timeout", "get_data", "beep", 300, 2)
        diary("get_data missing", "get_data", "no/such/file", 300, 2)
        diary("control_stream_file", "control_stream_file", "beep", "", 3000, "#", "*", "1")
        diary("control_stream_file missing", "control_stream_file", "no/such/file")
        began = time.monotonic()
        diary("wait_for_digit timeout", "wait_for_digit", 300)
        diary.note("wait_for_digit waited", "wait_for_digit", round(time.monotonic() - began, 1))
        diary("record_file timeout", "record_file", "/srv/pbx/spool/waited", "gsm", "#", 400)
        diary("record_file with an unknown format", "record_file", "/srv/pbx/spool/none", "nosuchformat", "#", 400)
        diary("record_file where nothing may be written", "record_file", "/no/such/folder/x", "gsm", "#", 400)
        diary("send_text", "send_text", 'hello, "you"')
        diary("send_image", "send_image", "asterisk-image")
        diary("tdd_mode", "tdd_mode", "on")
        diary("receive_char", "receive_char", 300)
        diary("hangup of nobody", "hangup", "PJSIP/nobody-00000001")
        diary("the line still works", "noop")


def saying(agi: AGI) -> None:
    """Everything that speaks, to its end."""
    agi.answer()
    with Diary(agi) as diary:
        diary("say_digits", "say_digits", [1, "2"])
        diary("say_digits of nothing", "say_digits", "")
        diary("say_number", "say_number", 7)
        diary("say_number of no number", "say_number", "seven")
        diary("say_number below zero", "say_number", "-3")
        diary("say_alpha", "say_alpha", "a")
        diary("say_phonetic", "say_phonetic", "a")
        diary("say_time", "say_time", 0)
        diary("say_datetime", "say_datetime", 0, "", "HM", "UTC")
        diary("say_date of no date", "say_date", "today")
        diary("say_date", "say_date", 0)


BROKEN = "one\nSET VARIABLE BROKEN yes\r\ntwo\tthree\x00four"
LONGEST = "x" * 3000


def quoting(agi: AGI) -> None:
    """Everything that a value may hold, there and back."""
    with Diary(agi) as diary:
        for n, text in enumerate(QUOTING):
            diary(f"set_variable {n}", "set_variable", f"V{n}", text)
            diary(f"variable {n}", "get_variable", f"V{n}")
            diary(f"full variable {n}", "get_full_variable", f"${{V{n}}}")
            diary(f"database_put {n}", "database_put", "quoting", f"k{n}", text)
            diary(f"database {n}", "database_get", "quoting", f"k{n}")


def variables(agi: AGI) -> None:
    """Variables, and what may not be in them."""
    with Diary(agi) as diary:
        diary("set_variable with line breaks", "set_variable", "FLAT", BROKEN)
        diary("line breaks", "get_variable", "FLAT")
        diary("no second command", "get_variable", "BROKEN")
        diary("set_variable too long", "set_variable", "TOOLONG", LONGEST)
        diary("nothing of it", "get_variable", "TOOLONG")
        diary("the dialplan's line breaks", "get_variable", "LINES")
        diary("and in full", "get_full_variable", "${LINES}")
        diary("a number", "set_variable", "NUMBER", 7)
        diary("is text", "get_variable", "NUMBER")
        diary("a variable that is not set", "get_variable", "NOTHING")
        diary("a full variable that is not set", "get_full_variable", "${NOTHING}")
        diary("a function", "get_full_variable", "${CALLERID(num)}")
        diary("of this channel by name", "get_full_variable", "${NUMBER}", agi.env["agi_channel"])
        diary("of a channel that is not there", "get_full_variable", "${NUMBER}", "PJSIP/nobody-00000001")
        diary("set_callerid", "set_callerid", "0351777")
        diary("the new number", "get_variable", "CALLERID(num)")
        diary("set_callerid with a name", "set_callerid", '"Li Lei" <0351778>')
        diary("the new name", "get_variable", "CALLERID(name)")


def database(agi: AGI) -> None:
    """Asterisk's database."""
    with Diary(agi) as diary:
        diary("odd names of keys", "database_put", 'fam "q" x', 'key "q" y', "v")
        diary("are found", "database_get", 'fam "q" x', 'key "q" y')
        diary("a key that is not there", "database_get", "bench", "nothing")
        diary("database_put", "database_put", "bench", "key", "1")
        diary("again", "database_put", "bench", "key", "2")
        diary("database_get", "database_get", "bench", "key")
        diary("database_del", "database_del", "bench", "key")
        diary("is gone", "database_get", "bench", "key")
        diary("database_del of nothing", "database_del", "bench", "nothing")
        diary("a tree", "database_put", "bench", "tree/leaf", "1")
        diary("another", "database_put", "bench", "stone", "2")
        diary("database_deltree of a branch", "database_deltree", "bench", "tree")
        diary("the leaf is gone", "database_get", "bench", "tree/leaf")
        diary("the rest is not", "database_get", "bench", "stone")
        diary("database_deltree", "database_deltree", "bench")
        diary("all is gone", "database_get", "bench", "stone")
        diary("database_deltree of nothing", "database_deltree", "bench")


def commands(agi: AGI) -> None:
    """Commands by name, and applications of the dialplan."""
    with Diary(agi) as diary:
        diary("verbose", "verbose", 'said "so", twice', 2)
        diary("noop", "noop")
        diary("execute", "execute", "GET VARIABLE", "EXTEN")
        diary("execute of no command", "execute", "MAKE COFFEE")
        diary("execute of half a command", "execute", "GET VARIABLE")
        diary("send_command", "send_command", "GET VARIABLE", "EXTEN")
        diary("get_result", "get_result")
        diary("test_hangup", "test_hangup")
        diary("appexec", "appexec", "NoOp", "a,b")
        diary("appexec of nothing", "appexec", "NoSuchApplication", "x")
        diary("appexec with quotes", "appexec", "Set", 'APP=say "hi" \\ there, you')
        diary("what it set", "get_variable", "APP")
        diary("exec_command", "exec_command", "Set", "B=1")
        diary("exec_command with two", "exec_command", "MSet", "C=2", "D=3")
        diary("what they set", "get_full_variable", "${B}${C}${D}")


def crafted(agi: AGI) -> None:
    """A value of the dialplan's looks like the end of one reply and the whole of another."""
    with Diary(agi) as diary:
        diary("a forged reply", "get_variable", "FORGED")
        diary("after it", "get_variable", "EXTEN")


def landing(agi: AGI) -> None:
    """Where the dialplan goes on: the second priority of another extension of another context."""
    with Diary(agi) as diary:
        diary("set_priority of no priority", "set_priority", "nosuchlabel")
        diary("set_context", "set_context", "landing")
        diary("set_extension", "set_extension", "700")
        diary("set_priority", "set_priority", 2)


def going(agi: AGI) -> None:
    """The same in one."""
    with Diary(agi) as diary:
        diary("goto_on_exit", "goto_on_exit", "landing", "sales", "1")


def ended(agi: AGI) -> None:
    """The caller's time is up in a second."""
    agi.answer()
    with Diary(agi) as diary:
        diary("set_autohangup off", "set_autohangup", 0)
        diary("set_autohangup", "set_autohangup", 1)
        began = time.monotonic()
        diary("the call ends in the middle", "stream_file", LONG)
        diary.note("after about a second", "set_autohangup", round(time.monotonic() - began))
        diary("and stays ended", "noop")


def hanging(agi: AGI) -> None:
    """We hang up ourselves."""
    agi.answer()
    with Diary(agi) as diary:
        diary("hangup", "hangup")
        diary("nothing can be said any more", "stream_file", "beep")
        try:
            agi.test_hangup()
        except AGIException as error:
            diary.note("test_hangup says so", "test_hangup", type(error).__name__)


def left(agi: AGI) -> None:
    """The caller hangs up in the middle of a command."""
    agi.answer()
    with Diary(agi) as diary:
        diary("in mid-command", "get_data", LONG, 5000, 4)
        diary("afterwards", "wait_for_digit", 100)
        diary("and again", "noop")


def victim(agi: AGI) -> None:
    """Somebody else hangs us up: `murderer` finds our channel in the database."""
    agi.answer()
    agi.database_put("calls", "victim", agi.env["agi_channel"])
    with Diary(agi) as diary:
        diary("ended by another call", "stream_file", LONG)


def murderer(agi: AGI) -> None:
    """Hangs up the other call, which is not ours."""
    agi.answer()
    with Diary(agi) as diary:
        name = None
        for _ in range(50):
            try:
                name = agi.database_get("calls", "victim")
                break
            except AGIException:
                agi.wait_for_digit(100)
        diary("channel_status of another call", "channel_status", name)
        diary("get_full_variable of another call", "get_full_variable", "${CALLERID(num)}", name)
        diary("hangup of another call", "hangup", name)
        agi.wait_for_digit(300)
        diary("it is gone", "channel_status", name)
        diary("we are not", "channel_status")
