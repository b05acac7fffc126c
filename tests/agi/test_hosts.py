"""The pool with real processes: every form of script, and what each end looks like to the caller."""

from pathlib import Path

import asterisk.agi
import pytest
import structlog

from tests.agi.pools import children, running, scripts

FAILED = 'SET VARIABLE "THREERINGS_SCRIPT" "failed"'
GOOD = 'SET VARIABLE "THREERINGS_SCRIPT" ""'


async def test_a_module_that_makes_its_own_agi_and_ends_with_exit_runs_unchanged() -> None:
    async with running(scripts(pin="pin.py")) as pool:
        answers = {"GET DATA": b"200 result=1234\n", "SET": b"200 result=1\n"}
        commands = await pool.talk("pin", "one", "two words", answers=answers)
    assert commands == [
        """VERBOSE "script started: ['one', 'two words']" "1\"""",
        "ANSWER",
        'GET DATA "enter-pin" "5000" "4"',
        'SET VARIABLE "PIN_OK" "alice"',
        GOOD,
    ]
    assert pool.results("pin") == ["ok"]


async def test_agi_made_twice_in_a_call_is_one_conversation() -> None:
    async with running(scripts(twice="twice.py")) as pool:
        assert await pool.talk("twice") == [
            'SET VARIABLE "CHANNEL" "PJSIP/callers-00000001"',
            'SET VARIABLE "SAME" "True"',
            'SET VARIABLE "KIND" "__main__"',
            GOOD,
        ]


async def test_a_script_that_prints_commands_and_reads_replies_talks_to_its_own_caller() -> None:
    async with running(scripts(raw="raw.py")) as pool:
        answers = {"GET VARIABLE": b"200 result=1 (Ann)\n"}
        assert await pool.talk("raw", answers=answers) == [
            'VERBOSE "PJSIP/callers-00000001" 1',
            "GET VARIABLE NAME",
            'SET VARIABLE ECHO "200 result=1 (Ann)"',
            GOOD,
        ]
    assert pool.results("raw") == ["ok"]


async def test_pyst2s_own_file_runs_as_a_script() -> None:
    folder = Path(asterisk.agi.__file__).parent
    async with running(scripts(folder, sample="agi.py")) as pool:
        assert await pool.talk("sample") == ["GET DATA demo-congrats 2000 255", "HANGUP", GOOD]
    assert pool.results("sample") == ["ok"]


async def test_a_function_gets_agi_and_its_module_is_imported_once() -> None:
    async with running(scripts(check="forms.py:check")) as pool:
        for who in (b"Ann", b"Bob"):
            commands = await pool.talk("check", answers={"GET VARIABLE": b"200 result=1 (" + who + b")\n"})
            assert commands[1:3] == [f'SET VARIABLE "FORM" "function {who.decode()}"', 'SET VARIABLE "IMPORTED" "1"']


async def test_a_coroutine_gets_the_same_words_to_await() -> None:
    async with running(scripts(wait="forms.py:wait")) as pool:
        commands = await pool.talk("wait", "x", answers={"GET VARIABLE": b"200 result=1 (Ann)\n"})
    assert commands == ["ANSWER", 'GET VARIABLE "WHO"', """SET VARIABLE "FORM" "coroutine Ann ['x']\"""", GOOD]


async def test_of_a_script_that_fails_the_dialplan_is_told_and_whoever_counts_is_told_where() -> None:
    async with running(scripts(fails="forms.py:fails", exits="forms.py:exits")) as pool:
        assert await pool.talk("fails") == ["ANSWER", FAILED]
        assert await pool.talk("exits") == ["ANSWER", FAILED]
    assert [(ended.result, ended.detail) for ended in pool.ended] == [
        ("failed", "ValueError: no such (forms.py:27)"),
        ("failed", "sys.exit(3) (forms.py:32)"),
    ]


async def test_what_a_script_writes_to_stderr_is_logged_under_its_name() -> None:
    with structlog.testing.capture_logs() as logs:
        async with running(scripts(say="forms.py:say", fails="forms.py:fails")) as pool:
            await pool.talk("say")
            await pool.talk("fails")
    said = [(log["script"], log["line"]) for log in logs if log["event"] == "script_said"]
    assert said[:2] == [("say", "on the console"), ("say", "one\x1b[31mred")]
    assert said[2] == ("fails", "Traceback (most recent call last):")
    assert ("fails", "thing") in said


async def test_signals_alarms_forks_and_exits_of_a_script_are_no_business_of_its_host() -> None:
    async with running(scripts(odd="odd.py", pin="pin.py")) as pool:
        (host,) = children()
        for _ in range(2):
            assert await pool.talk("odd") == ['SET VARIABLE "BEFORE" "0"', 'SET VARIABLE "NEIGHBOUR" "next door"', GOOD]
        assert children() == {host}
        assert pool.pool.state().replaced["died"] == 0
    assert pool.results("odd") == ["ok", "ok"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("terminate", '"ENDED" "-15"'),
        ("handle", '"ENDED" "7"'),
        ("pool", '"LENGTHS" "[3, 1]"'),
        ("process", '"ENDED" "-15"'),
    ],
)
async def test_a_signal_to_what_a_script_has_forked_does_not_reach_its_host(script: str, said: str) -> None:
    async with running(scripts(it=f"forks.py:{script}")) as pool:
        before = children()
        for _ in range(3):
            assert await pool.talk("it") == ["ANSWER", f"SET VARIABLE {said}", GOOD]
        assert children() == before
        assert pool.pool.state().replaced["died"] == 0
