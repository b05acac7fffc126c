"""The host itself, on our loop and without a process: what it says over the wire, and what scripts cannot do to it."""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from telephony.agi.leavings import install
from telephony.agi.loading import MAX_DETAIL, MAX_TRACE, load, main_module, told, trace
from telephony.agi.scripthost import AWAITABLE, SAID_AT_ONCE, ScriptHost
from telephony.agi.scripts import Script, parse_run
from telephony.agi.wire import Message, Wire, pair
from tests.agi.pools import SCRIPTS, heard, scripts, tcp_pair, until
from tests.support.agi_peer import AgiPeer


class Service:
    """The other end of the wire."""

    def __init__(self, wire: Wire, said: list[Message]) -> None:
        self.wire, self.said = wire, said
        self.number = 0

    async def load(self, found: list[Script], *, longest: float = 5.0) -> dict[str, str]:
        words = [(script.name, str(script.file), script.function) for script in found]
        self.wire.send({"do": "load", "scripts": words, "longest": longest})
        return dict((await self.heard("ready"))["faults"])

    async def call(self, script: str, *, lost: bool = False) -> AgiPeer:
        ours, theirs = tcp_pair()
        self.number += 1
        environment = heard(script, "x")
        message = {
            "do": "call",
            "id": self.number,
            "script": script,
            "values": dict(environment.values),
            "path": script,
            "query": {},
            "arguments": 1,
        }
        with ours:
            self.wire.send(message, None if lost else ours)
        return await AgiPeer.on(theirs)

    async def heard(self, what: str) -> Message:
        await until(lambda: any(message["is"] == what for message in self.said))
        found = next(message for message in self.said if message["is"] == what)
        self.said.remove(found)
        return found


GOOD = 'SET VARIABLE "THREERINGS_SCRIPT" ""'
FAILED = 'SET VARIABLE "THREERINGS_SCRIPT" "failed"'
KEPT: list[ScriptHost] = []
"""A script that minds nothing must not be collected: it would run on."""


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Service]:
    said: list[Message] = []
    end, other = pair()
    wire = Wire(end, lambda message, _: said.append(message), lambda: None)
    wire.open()
    path = list(sys.path)
    async with asyncio.TaskGroup() as tasks:
        host = ScriptHost(other)
        KEPT.append(host)
        tasks.create_task(host.run())
        try:
            yield Service(wire, said)
        finally:
            wire.close()
    sys.path[:] = path


async def test_a_call_is_started_and_ended() -> None:
    async with serving() as service:
        assert await service.load(scripts(check="forms.py:check")) == {}
        async with await service.call("check") as peer:
            assert (await peer.answer({"GET": b"200 result=1 (Ann)\n"}))[-1] == 'SET VARIABLE "THREERINGS_SCRIPT" ""'
        assert await service.heard("started") == {"is": "started", "id": 1}
        assert await service.heard("ended") == {"is": "ended", "id": 1, "result": "ok", "detail": ""}


@pytest.mark.parametrize(
    ("script", "result", "detail"),
    [
        ("fails", "failed", "ValueError: no such (forms.py:27)"),
        ("exits", "failed", "sys.exit(3) (forms.py:32)"),
        ("wait", "failed", "asterisk.agi.AGIAppError: Error executing application, or hangup (forms.py:20)"),
        ("none", "failed", "no such script"),
    ],
)
async def test_how_a_script_ended_is_said(script: str, result: str, detail: str) -> None:
    names = ("fails", "exits", "wait")
    async with serving() as service:
        await service.load(scripts(**{name: f"forms.py:{name}" for name in names}))
        async with await service.call(script) as peer:
            commands = await peer.answer({"ANSWER": b"200 result=-1\n" if script == "wait" else b"200 result=0\n"})
            assert commands[-1] == 'SET VARIABLE "THREERINGS_SCRIPT" "failed"'
        assert await service.heard("ended") == {"is": "ended", "id": 1, "result": result, "detail": detail}


@pytest.mark.parametrize("script", ["talk", "tolerant", "bare"])
async def test_a_caller_who_hangs_up_is_no_fault(script: str) -> None:
    async with serving() as service:
        await service.load(scripts(it=f"forms.py:{script}"))
        async with await service.call("it") as peer:
            assert await peer.hear() is not None
        assert (await service.heard("ended"))["result"] == "hung_up"


async def test_a_call_whose_socket_was_lost_on_the_way_is_nobodys() -> None:
    async with serving() as service:
        await service.load(scripts(check="forms.py:check"))
        async with await service.call("check", lost=True):
            assert (await service.heard("ended"))["result"] == "busy"


@pytest.mark.parametrize("script", ["talk", "slow"])
async def test_a_call_that_is_dropped_is_left_to_the_service(script: str) -> None:
    async with serving() as service:
        await service.load(scripts(it=f"forms.py:{script}"))
        async with await service.call("it") as peer:
            if script == "talk":
                await peer.hear()
            service.wire.send({"do": "drop", "id": 1})
            service.wire.send({"do": "drop", "id": 1})
            service.wire.send({"do": "what"})
            assert await peer.hear() is None
        await service.heard("alive")
        assert not [message for message in service.said if message["is"] == "ended"]


CANCELLED = """
import asyncio
def sync(agi):
    agi.answer()
    raise asyncio.CancelledError
async def awaits(agi):
    task = asyncio.get_running_loop().create_task(asyncio.sleep(10))
    task.cancel()
    await task
async def itself(agi):
    asyncio.current_task().cancel()
    await agi.answer()
"""


@pytest.mark.parametrize("script", ["sync", "awaits", "itself"])
async def test_a_script_that_lets_a_cancellation_out_has_failed_and_its_caller_goes_on(
    tmp_path: Path, script: str
) -> None:
    (tmp_path / "cancelled.py").write_text(CANCELLED)
    async with serving() as service:
        await service.load(scripts(tmp_path, it=f"cancelled.py:{script}"))
        async with await service.call("it") as peer:
            assert (await peer.answer())[-1] == FAILED
        ended = await service.heard("ended")
    assert (ended["result"], ended["detail"].partition(" ")[0]) == ("failed", "asyncio.exceptions.CancelledError")


async def test_a_function_that_gives_something_to_await_is_told_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "decorated.py").write_text(
        "def logged(f):\n    return lambda agi: f(agi)\n@logged\nasync def f(agi): await agi.answer()\n"
    )
    async with serving() as service:
        await service.load(scripts(tmp_path, it="decorated.py:f"))
        async with await service.call("it") as peer:
            assert await peer.answer() == [FAILED]
        assert (await service.heard("ended"))["detail"] == f"TypeError: f() {AWAITABLE}"


LATE = """
import asyncio
async def lets_out(agi):
    await agi.noop()
async def swallows(agi):
    try: await agi.appexec("Wait", 60)
    except Exception: pass
def minds_nothing(agi):
    while True:
        try: agi.noop()
        except Exception: pass
async def gives_up(agi):
    try:
        async with asyncio.timeout(0.01): await agi.stream_file("music")
    except TimeoutError: pass
    await agi.set_variable("A", "b")
"""


@pytest.mark.parametrize("script", ["lets_out", "swallows", "minds_nothing", "gives_up"])
async def test_a_command_without_an_answer_is_a_failure_and_no_hang_up(tmp_path: Path, script: str) -> None:
    (tmp_path / "without_answer.py").write_text(LATE)
    async with serving() as service:
        await service.load(scripts(tmp_path, it=f"without_answer.py:{script}"), longest=0.1)
        async with await service.call("it") as peer:
            commands = await peer.answer({"SET VARIABLE": b""}, otherwise=None)
            assert (len(commands), commands[-1]) == (2, FAILED)
        ended = await service.heard("ended")
    assert ended["result"] == "failed"
    assert "not answered within 0.1 s" in ended["detail"]


async def test_a_module_beside_a_script_is_new_for_every_call_of_the_file_and_one_for_the_functions(
    tmp_path: Path,
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "who.py").write_text(f"import sys\nWHO = {folder!r}\nCALLS = []\n")
        for name in ("fresh", "function"):
            body = "who.CALLS.append(1)\nagi.set_variable(who.WHO, len(who.CALLS))\n"
            body += "import package.part as part\nagi.set_variable(part.WHO, len(who.CALLS))\n"
            indented = "".join(f"    {line}\n" for line in body.splitlines())
            text = (
                f"import who\nfrom own import agi\n{body}"
                if name == "fresh"
                else f"import who\ndef f(agi):\n{indented}"
            )
            (tmp_path / folder / f"{name}.py").write_text(text)
        (tmp_path / folder / "own.py").write_text("from telephony.agi.standin import AGI\nagi = AGI()\nagi.noop()\n")
        (tmp_path / folder / "package").mkdir()
        (tmp_path / folder / "package" / "part.py").write_text("import who\nWHO = 'part of ' + who.WHO\n")
    runs = {f"{kind}_{folder}": f"{folder}/{kind}.py" for folder in "ab" for kind in ("fresh", "function")}
    runs = {name: f"{run}:f" if "function" in name else run for name, run in runs.items()}
    before = dict(sys.modules), list(sys.path)
    async with serving() as service:
        assert await service.load([parse_run(name, run, tmp_path) for name, run in runs.items()]) == {}
        for number in ("1", "2"):
            for name in runs:
                async with await service.call(name) as peer:
                    commands = [command for command in await peer.answer() if command != "NOOP"]
                count, folder = "1" if "fresh" in name else number, name[-1]
                assert commands[:2] == [f'SET VARIABLE "{who}{folder}" "{count}"' for who in ("", "part of ")]
    assert {name for name in sys.modules if name not in before[0]} & {"who", "own", "package", "package.part"} == set()
    assert sys.path == before[1]


async def test_calls_that_import_the_same_module_at_once_have_one_each(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("from telephony.agi.standin import AGI\nagi = AGI()\nagi.noop()\nME = agi.env\n")
    (tmp_path / "it.py").write_text("import own\nown.agi.set_variable('ME', own.agi.env is own.ME)\n")
    async with serving() as service:
        await service.load(scripts(tmp_path, it="it.py"))
        async with await service.call("it") as one, await service.call("it") as two:
            assert await one.hear() == await two.hear() == "NOOP"
            one.say(b"200 result=0\n")
            assert await one.answer() == ["NOOP", 'SET VARIABLE "ME" "True"', GOOD]
            two.say(b"200 result=0\n")
            assert await two.answer() == ["NOOP", 'SET VARIABLE "ME" "True"', GOOD]


async def test_what_is_installed_or_reloaded_or_fails_is_not_kept_apart(tmp_path: Path) -> None:
    installed = tmp_path / "lib" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "everybodys.py").write_text("CALLS = []\n")
    (tmp_path / "changing.py").write_text("N = 1\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "it.py").write_text(
        "import sys, importlib, pathlib\nfrom telephony.agi.standin import AGI\n"
        f"sys.path.append({str(installed)!r})\n"
        "import everybodys, changing\neverybodys.CALLS.append(1)\n"
        "try:\n    import broken\nexcept ZeroDivisionError:\n    pass\n"
        "pathlib.Path(changing.__file__).write_text('N = 22\\n')\n"
        "AGI().set_variable(len(everybodys.CALLS), importlib.reload(changing).N)\n"
    )
    async with serving() as service:
        await service.load(scripts(tmp_path, it="it.py"))
        for number in "12":
            async with await service.call("it") as peer:
                assert await peer.answer() == [f'SET VARIABLE "{number}" "22"', GOOD]
    assert sys.modules.pop("everybodys").CALLS == [1, 1]
    assert not {"changing", "broken"} & set(sys.modules)


async def test_a_task_of_a_coroutine_finds_the_same_neighbours(tmp_path: Path) -> None:
    (tmp_path / "near.py").write_text("HERE = []\n")
    (tmp_path / "late.py").write_text("import near\nHERE = near.HERE\n")
    (tmp_path / "tasks.py").write_text(
        "import asyncio, near\n"
        "async def part():\n    import near as again, late\n    return again.HERE is near.HERE is late.HERE\n"
        "async def f(agi):\n    (same,) = await asyncio.gather(part())\n    await agi.set_variable('SAME', same)\n"
        "    import late\n    assert late.HERE is near.HERE\n"
    )
    async with serving() as service:
        await service.load(scripts(tmp_path, it="tasks.py:f"))
        async with await service.call("it") as peer:
            assert await peer.answer() == ['SET VARIABLE "SAME" "True"', GOOD]
    assert not {"near", "late", "tasks"} & set(sys.modules)


LEAVES = """
import asyncio, atexit, logging, os, sys
from telephony.agi.standin import AGI
agi = AGI()
logging.basicConfig(filename="%(folder)s/root", level=logging.INFO, format="%%(message)s")
log = logging.getLogger("of a script")
log.addHandler(logging.FileHandler("%(folder)s/named"))
file = open("%(folder)s/file", "a")
class Held:
    def __init__(self): self.me, self.file = self, open("%(folder)s/cycle", "a")
    def __del__(self): self.file.close()
def work():
    held = Held()
    held.file.write(sys.argv[1])
work()
def note(): file.write(sys.argv[1])
@atexit.register
def bye():
    agi.verbose("bye")
    1 / 0
atexit.register(agi.verbose, "first")
atexit.register(print, "never")
atexit.unregister(print)
async def within(): return 7
os.chdir("%(folder)s")
os.environ["OF_A_SCRIPT"] = "x"
assert asyncio.run(within()) == 7
note()
agi.noop()
assert (os.getcwd(), os.environ["OF_A_SCRIPT"]) == ("%(folder)s", "x")
log.warning("said")
"""


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_what_a_script_leaves_open_is_closed_at_its_end_as_a_process_would(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text(LEAVES % {"folder": tmp_path})
    before = Path.cwd(), dict(os.environ), list(logging.root.handlers)
    install()
    async with serving() as service:
        await service.load(scripts(tmp_path, it="leaves.py"))
        for _ in range(2):
            async with await service.call("it") as one, await service.call("it") as two:
                assert await one.hear() == await two.hear() == "NOOP"
                assert (Path.cwd(), dict(os.environ), list(logging.root.handlers)) == before
                for peer in (one, two):
                    peer.say(b"200 result=0\n")
                    commands = ["NOOP", 'VERBOSE "first" "1"', 'VERBOSE "bye" "1"', GOOD]
                    assert await peer.answer({"VERBOSE": b"200 result=1\n"}) == commands
        assert (tmp_path / "file").read_text() == "xxxx"
        assert (tmp_path / "root").read_text() == (tmp_path / "named").read_text() == "said\n" * 4
        await until(lambda: (tmp_path / "cycle").read_text() == "xxxx")
        assert not [file for file in Path("/proc/self/fd").iterdir() if file.resolve().is_relative_to(tmp_path)]
    assert (Path.cwd(), dict(os.environ), list(logging.root.handlers)) == before
    assert logging.getLogger("of a script").handlers == []


async def test_a_synchronous_script_has_its_own_loops_and_may_talk_from_within_them(tmp_path: Path) -> None:
    (tmp_path / "loops.py").write_text(
        "import asyncio\n"
        "from telephony.agi.standin import AGI\n"
        "agi = AGI()\n"
        "async def talk():\n    await asyncio.sleep(0)\n    agi.noop()\n    await asyncio.sleep(0)\n"
        "loop = asyncio.get_event_loop()\nloop.run_until_complete(talk())\nloop.close()\n"
        "asyncio.run(talk())\n"
    )
    async with serving() as service:
        await service.load(scripts(tmp_path, it="loops.py"))
        for _ in range(2):
            async with await service.call("it") as peer:
                assert await peer.answer() == ["NOOP", "NOOP", GOOD]


async def test_a_flood_of_lines_is_cut_and_counted(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(f"def f(agi):\n    for n in range({SAID_AT_ONCE + 50}):\n        print(n)\n")
    async with serving() as service:
        await service.load(scripts(tmp_path, loud="loud.py:f"))
        before, sys.stdout = sys.stdout, _Standing()
        try:
            async with await service.call("loud") as peer:
                await peer.answer()
        finally:
            sys.stdout = before
        assert (await service.heard("unsaid"))["lines"] >= 40
        assert len([message for message in service.said if message["is"] == "said"]) >= SAID_AT_ONCE


class _Standing:
    """stdout as it is in a host."""

    def __getattr__(self, name: str) -> Any:
        from telephony.agi.bridge import CURRENT  # noqa: PLC0415

        call = CURRENT.get()
        return getattr(call.output if call else sys.__stdout__, name)


# --- loading ---
def test_a_script_that_fails_at_import_is_a_fault_and_no_end(tmp_path: Path) -> None:
    for name, text in {"a": "1/0\ndef f(): pass", "b": "raise SystemExit(2)", "c": "f = 3", "d": "(", "e": ""}.items():
        (tmp_path / f"broken_{name}.py").write_text(text)
    faults = [load(Script("x", tmp_path / f"broken_{name}.py", "f")).fault for name in "abcde"]
    assert faults == [
        "ZeroDivisionError: division by zero (broken_a.py:1)",
        "sys.exit(2) (broken_b.py:1)",
        "f is no function (broken_c.py)",
        "SyntaxError: '(' was never closed (broken_d.py:1)",
        "AttributeError: module 'broken_e' has no attribute 'f'",
    ]
    assert not any(name.startswith("broken_") for name in sys.modules if name not in {"broken_c", "broken_e"})
    assert "none.py" in load(Script("x", tmp_path / "none.py", None)).fault


def test_two_modules_of_one_name_are_two(tmp_path: Path) -> None:
    (tmp_path / "forms.py").write_text("def f(): return 'other'")
    first = load(Script("a", SCRIPTS / "forms.py", "check"))
    again = load(Script("b", SCRIPTS / "forms.py", "say"))
    other = load(Script("c", tmp_path / "forms.py", "f"))
    assert other.function is not None
    assert other.function() == "other"
    assert first.function is not None
    assert again.function is not None
    assert first.function.__globals__ is again.function.__globals__


def test_a_wrapped_coroutine_function_is_awaited(tmp_path: Path) -> None:
    (tmp_path / "wrapped.py").write_text(
        "import functools\nasync def g(agi): pass\n@functools.wraps(g)\ndef f(agi): return g(agi)\n"
        "class C:\n    async def __call__(self, agi): pass\nh = C()\n"
    )
    for function in ("f", "h"):
        loaded = load(Script("x", tmp_path / "wrapped.py", function))
        assert loaded.awaited, function  # noqa: PGH005 - no mock, but a script's form


def test_a_module_form_has_its_imports_before_its_first_call(tmp_path: Path) -> None:
    (tmp_path / "form.py").write_text("import neighbour_of_form, nobody_has_this\nimport asterisk.agi\n")
    (tmp_path / "neighbour_of_form.py").write_text("import neighbour_of_form, this, form\n1 / 0\n")
    before = list(sys.path)
    with contextlib.redirect_stdout(None):
        loaded = load(Script("x", tmp_path / "form.py", None))
    assert sys.modules.pop("this").__name__ == "this"
    assert "neighbour_of_form" not in sys.modules
    assert sys.path == before
    assert loaded.fault == ""
    main = main_module(loaded)
    assert isinstance(main, ModuleType)
    assert (main.__name__, main.__file__) == ("__main__", str(tmp_path / "form.py"))
    assert main_module(load(Script("x", SCRIPTS / "forms.py", "say"))) is None


def raised(error: Exception) -> Exception:
    """With a traceback from here."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_what_is_told_of_a_failure_is_short(tmp_path: Path) -> None:
    error = raised(ValueError("x" * 1000 + "\nmore"))
    here = told(error, Path(__file__).parent)
    assert len(here) < MAX_DETAIL + 50
    assert here.startswith("ValueError: xxx")
    assert "test_scripthost.py:" in here
    assert "(" not in told(error, tmp_path)
    assert trace(error, tmp_path)[-1] == "more"


def test_a_long_traceback_is_cut_in_the_middle() -> None:
    lines = trace(raised(ValueError("\n".join(map(str, range(100))))), Path(__file__).parent)
    assert len(lines) == MAX_TRACE + 1
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "99"
