"""Synchronous code on the loop: the bridge and the class that stands in for pyst2's, without a process."""

import asyncio
import inspect
import io
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import ModuleType
from typing import Any

import asterisk.agi
import pytest

from telephony.agi.bridge import CURRENT, Call, Parked, Seated, drive, stand_in
from telephony.agi.connection import AgiConnection
from telephony.agi.errors import (
    AGIAppError,
    AGIDBError,
    AGIError,
    AGIHangup,
    AGIInvalidCommand,
    AGISIGHUPHangup,
    AGIUsageError,
)
from telephony.agi.standin import AGI
from tests.agi.pools import heard, tcp_pair, until
from tests.support.agi_peer import AgiPeer, Answer


class Story:
    """A call, and the PBX's side of it.

    Attributes:
        told: lines of stderr.
    """

    def __init__(self, call: Call, peer: AgiPeer, told: list[str]) -> None:
        self.call, self.peer, self.told = call, peer, told

    async def run(self, body: Callable[[], None], answers: dict[str, Answer] | None = None) -> list[str]:
        """Run the script beside a PBX that answers; give the commands."""
        async with asyncio.TaskGroup() as tasks:
            answering = tasks.create_task(self.peer.answer(answers))
            try:
                await drive(self.call, body)
            finally:
                self.call.connection.close()
                await self.call.connection.gone()
        return answering.result()


@asynccontextmanager
async def story(*, raw: bool = False, argv: tuple[str, ...] = ("it.py",), **options: Any) -> AsyncIterator[Story]:
    ours, theirs = tcp_pair()
    told: list[str] = []
    connection = AgiConnection(environment=heard("it", *argv[1:]))
    await asyncio.get_running_loop().create_connection(lambda: connection, sock=ours)
    main = ModuleType("__main__") if raw else None
    call = Call(connection, longest=5.0, argv=argv, tell=told.append, main=main, **options)
    async with await AgiPeer.on(theirs) as peer:
        yield Story(call, peer, told)
        connection.abort()
        await connection.gone()


async def test_a_script_waits_for_its_reply_while_others_run() -> None:
    async with story() as one, story() as two:
        values: list[str] = []

        def body() -> None:
            values.append(AGI().get_variable("X"))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(drive(one.call, body))
            tasks.create_task(drive(two.call, body))
            assert await one.peer.hear() == await two.peer.hear() == 'GET VARIABLE "X"'
            two.peer.say(b"200 result=1 (two)\n")
            await until(lambda: values)
            one.peer.say(b"200 result=1 (one)\n")
    assert values == ["two", "one"]


async def test_every_call_has_its_own_argv_and_streams_and_main_and_what_it_assigns() -> None:
    seen: list[object] = []
    before = sys.argv, sys.stdout, sys.modules["__main__"]

    def body() -> None:
        sys.argv.append("more")
        sys.stdout = io.StringIO()
        AGI().noop()
        seen.append((sys.argv, sys.modules["__main__"].__name__, isinstance(sys.stdout, io.StringIO)))

    both = story(raw=True, argv=("it.py", "a")), story(raw=True, argv=("it.py", "b"))
    async with both[0] as one, both[1] as two, asyncio.TaskGroup() as tasks:
        tasks.create_task(one.run(body))
        tasks.create_task(two.run(body))
    assert sorted(seen) == [(["it.py", "a", "more"], "__main__", True), (["it.py", "b", "more"], "__main__", True)]  # type: ignore[type-var]
    assert (sys.argv, sys.stdout, sys.modules["__main__"]) == before


async def test_it_is_marked_whose_code_runs() -> None:
    marks: list[bool] = []
    async with story(marks=marks.append) as it:
        await it.run(lambda: AGI().noop())
    assert marks == [True, False, True, False]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt()], ids=repr)
async def test_what_a_script_lets_through_comes_out(error: BaseException) -> None:
    def body() -> None:
        raise error

    async with story() as it:
        with pytest.raises(type(error)):
            await drive(it.call, body)


async def test_a_hook_for_uncaught_errors_is_the_calls_own() -> None:
    caught: list[type[BaseException]] = []

    def body() -> None:
        sys.excepthook = lambda kind, *_: (AGI().verbose("failed"), caught.append(kind))[1]  # type: ignore[assignment]
        raise ValueError

    async with story() as it:
        with pytest.raises(BaseExceptionGroup) as failed:
            await it.run(body)
        assert failed.group_contains(ValueError)
        assert it.peer.commands == ['VERBOSE "failed" "1"']
    assert caught == [ValueError]
    assert sys.excepthook is sys.__excepthook__


# --- the class ---
def test_the_class_has_pyst2s_methods_with_pyst2s_parameters() -> None:
    original = asterisk.agi.AGI
    assert issubclass(AGI, original)
    for name, method in vars(original).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            ours = list(inspect.signature(getattr(AGI, name)).parameters)
            assert ours == list(inspect.signature(method).parameters), name
    assert list(inspect.signature(AGI).parameters) == ["stdin", "stdout", "stderr"]


def test_outside_a_call_there_is_no_agi() -> None:
    with pytest.raises(AGIError, match="outside a call"):
        AGI()


async def test_in_a_coroutine_script_there_is_no_synchronous_agi() -> None:
    async with story() as it:
        token = CURRENT.set(it.call)
        with pytest.raises(AGIError, match="await the methods"):
            AGI()
        CURRENT.reset(token)


async def test_in_a_thread_or_after_its_end_a_conversation_is_refused() -> None:
    found: list[AGI] = []
    said: list[str] = []

    def elsewhere() -> None:
        try:
            found[0].noop()
        except AGIError as error:
            said.append(str(error))

    def body() -> None:
        found.append(AGI())
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    async with story() as it:
        await it.run(body)
        elsewhere()
    assert len(said) == 2
    assert "does not run here" in said[0]


async def test_the_two_halves_of_a_command_can_be_said_apart() -> None:
    found: list[object] = []

    def body() -> None:
        agi = AGI()
        agi.send_command("GET VARIABLE", '"A"')
        agi.send_command("GET VARIABLE", '"B"')
        found.extend([agi.get_result(), agi.get_result(None)])
        with pytest.raises(AGIError, match="no command was sent"):
            agi.get_result()
        found.append(agi.execute("NOOP", 1))

    async with story() as it:
        commands = await it.run(body, {'GET VARIABLE "A"': b"200 result=1 (a)\n", "GET": b"200 result=1 (b)\n"})
    assert commands == ['GET VARIABLE "A"', 'GET VARIABLE "B"', "NOOP 1"]
    assert found == [{"result": ("1", "a")}, {"result": ("1", "b")}, {"result": ("0", "")}]


async def test_a_subclass_with_its_own_execute_sees_every_command_and_quoting_is_safe() -> None:
    seen: list[str] = []

    class Logged(AGI):
        def execute(self, command: str, *args: object) -> Any:
            seen.append(command)
            return super().execute(command, *args)

    def body() -> None:
        agi = Logged()
        agi.answer()
        agi.set_variable("X", 'a"\nb\\')
        assert agi.get_data("welcome", 10, 1) == "5"
        assert agi.database_get("fam", "key") == "value"
        with pytest.raises(AGIDBError):
            agi.database_get("fam", "none")
        with pytest.raises(AGIInvalidCommand):
            agi.execute("WRONG")

    answers: dict[str, Answer] = {
        "GET DATA": b"200 result=5\n",
        'DATABASE GET "fam" "key"': b"200 result=1 (value)\n",
        "WRONG": b"510 Invalid or unknown command\n",
    }
    async with story() as it:
        commands = await it.run(body, answers)
    assert commands[:2] == ["ANSWER", 'SET VARIABLE "X" "a\\" b\\\\"']
    assert seen == ["ANSWER", "SET VARIABLE", "GET DATA", "DATABASE GET", "DATABASE GET", "WRONG"]


async def test_a_subclass_never_deletes_the_whole_database_either_and_success_is_none_the_less_one() -> None:
    class Logged(AGI):
        def execute(self, command: str, *args: object) -> Any:
            return super().execute(command, *args)

    def body() -> None:
        for agi in (Logged(), AGI()):
            with pytest.raises(AGIUsageError, match="whole database"):
                agi.database_deltree("")
            agi.database_deltree("fam")
            agi.database_deltree("fam", "key")

    async with story() as it:
        expected = ['DATABASE DELTREE "fam"', 'DATABASE DELTREE "fam" "key"']
        assert await it.run(body, {"DATABASE": b"200 result=0\n"}) == expected * 2


async def test_whoever_patches_the_object_sees_the_commands_too() -> None:
    seen: list[str] = []

    def body() -> None:
        agi = AGI()
        send = agi.send_command
        agi.send_command = lambda *words: (seen.append(words[0]), send(*words))[1]  # type: ignore[method-assign]
        agi.answer()
        agi.say_digits([1, "2"], "#")

    async with story() as it:
        assert await it.run(body) == ["ANSWER", 'SAY DIGITS "12" "#"']
    assert seen == ["ANSWER", "SAY DIGITS"]


# --- hang-up
async def test_a_subclass_may_handle_the_signal_itself_as_with_pyst2() -> None:
    seen: list[object] = []

    class Mine(AGI):
        def _handle_sighup(self, *what: object) -> None:
            seen.append((what, self._got_sighup))
            super()._handle_sighup(*what)

    def body() -> None:
        agi = Mine()
        agi.verbose("x")
        assert agi._got_sighup is True
        with pytest.raises(AGISIGHUPHangup):
            agi.verbose("y")

    async with story() as it:
        assert await it.run(body, {"VERBOSE": b"HANGUP\n200 result=1\n"}) == ['VERBOSE "x" "1"']
    assert seen == [((signal.SIGHUP, None), False)]


async def test_who_sets_got_sighup_himself_finds_it_in_test_hangup() -> None:
    def body() -> None:
        agi = AGI()
        agi.test_hangup()
        agi._got_sighup = True
        with pytest.raises(AGISIGHUPHangup):
            agi.test_hangup()

    async with story() as it:
        assert await it.run(body) == []


async def test_a_handler_for_sighup_is_called_once_when_the_caller_hangs_up() -> None:
    seen: list[object] = []

    def body() -> None:
        agi = AGI()
        call = CURRENT.get()
        assert call is not None
        call.hangup_handler = lambda *what: seen.append(what)
        agi.verbose("x")
        for _ in range(2):
            with pytest.raises(AGISIGHUPHangup):
                agi.verbose("y")
            with pytest.raises(AGIHangup):
                agi.test_hangup()

    async with story() as it:
        assert await it.run(body, {"VERBOSE": b"HANGUP\n200 result=1\n"}) == ['VERBOSE "x" "1"']
        assert it.call.late
    assert seen == [(signal.SIGHUP, None)]


@pytest.mark.parametrize("what", ["noop", "test_hangup", "print", "read"])
async def test_a_script_that_minds_nothing_is_parked(what: str) -> None:
    def body() -> None:
        agi = AGI()
        while True:
            try:
                if what == "print":
                    print("NOOP")
                elif what == "read":
                    sys.stdin.readline()
                else:
                    getattr(agi, what)()
            except:  # noqa: E722 - that is the point
                pass

    async with standing_in(), story(raw=True) as it:
        it.peer.say(b"HANGUP\n")
        await until(lambda: it.call.connection.hung_up)
        with pytest.raises(Parked):
            await drive(it.call, body)
        PARKED.append(it.call)


PARKED: list[Call] = []
"""A script that minds nothing must not be collected: it would run on."""


# --- raw ---
@asynccontextmanager
async def standing_in() -> AsyncIterator[io.StringIO]:
    before, error = (sys.stdin, sys.stdout, sys.stderr), io.StringIO()
    stand_in(io.StringIO("default\n"), error)
    try:
        yield error
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


async def test_what_is_printed_is_answered_to_who_reads_and_the_rest_is_heard_out() -> None:
    lines: list[str] = []

    def body() -> None:
        lines.extend(iter(lambda: sys.stdin.readline().strip(), ""))
        print("GET VARIABLE X")
        print("BAD")
        lines.extend([sys.stdin.readline(), sys.stdin.readline(), sys.stdin.readline()])
        print("VERBOSE last", end="")
        print("oops", file=sys.stderr, end="")

    answers: dict[str, Answer] = {
        "GET": b"200 result=1 (x)\n",
        "BAD": b"520-Invalid command syntax.\n520 End of proper usage.\n",
    }
    async with standing_in() as error, story(raw=True) as it:
        assert await it.run(body, answers) == ["GET VARIABLE X", "BAD", "VERBOSE last"]
        assert lines[0] == "agi_network: yes"
        assert lines[-3:] == ["200 result=1 (x)\n", "520-Invalid command syntax.\n", "520 End of proper usage.\n"]
        assert it.told == ["oops"]
        print("by nobody", file=sys.stderr)
        assert (sys.stdin.readline(), error.getvalue()) == ("default\n", "by nobody\n")


async def test_who_reads_on_without_asking_waits_for_the_end() -> None:
    lines: list[str] = []

    def body() -> None:
        AGI()
        lines.extend(sys.stdin)
        with pytest.raises(BrokenPipeError):
            print("NOOP")

    async with standing_in(), story(raw=True) as it, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(drive(it.call, body))
        await asyncio.sleep(0)
        assert not task.done()
        it.peer.say(b"HANGUP\n")
        await until(task.done)
        assert it.call.heard_out
    assert lines == []


async def test_the_reply_to_what_was_printed_can_be_had_from_the_object() -> None:
    found: list[object] = []

    def body() -> None:
        agi = AGI()
        sys.stdout.write("GET VARIABLE X\n")
        found.append(agi.get_result())
        with pytest.raises(AGIError, match="no command was sent"):
            agi.get_result()

    async with standing_in(), story(raw=True) as it:
        assert await it.run(body, {"GET": b"200 result=1 (x)\n"}) == ["GET VARIABLE X"]
    assert found == [{"result": ("1", "x")}]


async def test_a_line_that_asterisk_would_cut_is_refused_where_it_is_printed() -> None:
    def body() -> None:
        with pytest.raises(AGIUsageError):
            print("VERBOSE " + "x" * 2040)

    async with standing_in(), story(raw=True) as it:
        assert await it.run(body) == []


# --- coroutines ---
async def test_a_coroutine_is_in_its_calls_seat_at_every_step() -> None:
    seen: list[list[str]] = []
    marks: list[bool] = []

    async with story(argv=("it.py", "a"), marks=marks.append) as it:

        async def script() -> None:
            seen.append(sys.argv)
            await asyncio.sleep(0)
            seen.append(sys.argv)
            with pytest.raises(AGIAppError):
                await it.call.session.answer()
            seen.append(sys.argv)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(it.peer.answer({"ANSWER": b"200 result=-1\n"}))
            await Seated(it.call, script())
            it.call.connection.close()
    assert seen == [["it.py", "a"]] * 3
    assert marks[::2] == [True] * (len(marks) // 2)


async def test_a_coroutine_that_minds_nothing_waits_for_ever() -> None:
    parked: list[int] = []
    async with story() as it:
        session = it.call.session
        session.parked = lambda: parked.append(session.refused)

        async def script() -> None:
            while True:
                with suppress(AGIError):
                    await session.noop()

        it.peer.say(b"HANGUP\n")
        await until(lambda: it.call.connection.hung_up)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(script())
            await until(lambda: parked)
            await asyncio.sleep(0)
            assert not task.done()
            task.cancel()
    assert parked == [21]
