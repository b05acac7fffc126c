"""pyst2's vocabulary awaited, over real sockets: hang-ups, broken pipes, deadlines and crafted values."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from telephony.agi import session as module
from telephony.agi.connection import AgiConnection
from telephony.agi.errors import (
    AGIAppError,
    AGIDeadChannel,
    AGIError,
    AGIHangup,
    AgiProtocolError,
    AGIResultHangup,
    AGISIGHUPHangup,
    AGISIGPIPEHangup,
    AGITimeout,
    AGIUsageError,
)
from telephony.agi.session import FENCED, AgiSession
from tests.support.agi_peer import AgiPeer, Answer, environment


@dataclass
class Talk:
    session: AgiSession
    connection: AgiConnection
    peer: AgiPeer
    answers: dict[str, Answer] = field(default_factory=dict)


@asynccontextmanager
async def talking(answers: dict[str, Answer] | None = None, *, longest: float = 5.0) -> AsyncIterator[Talk]:
    """A conversation with a peer that answers so, and OK to the rest."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[AgiConnection] = loop.create_future()
    server = await loop.create_server(lambda: AgiConnection(ready.set_result), "127.0.0.1", 0)
    async with await AgiPeer.connect(server.sockets[0].getsockname()[1]) as peer, asyncio.TaskGroup() as group:
        peer.say(environment())
        connection = await ready
        answering = group.create_task(peer.answer(answers))
        yield Talk(AgiSession(connection, longest=longest), connection, peer)
        connection.close()
        await connection.gone()
        await answering
    server.close()
    await server.wait_closed()


def echo(line: str) -> bytes:
    found = re.fullmatch(r'GET FULL VARIABLE "(.*)"', line)
    assert found
    return f"200 result=1 ({found[1]})\n".encode()


async def test_a_script_talks_as_with_pyst2() -> None:
    answers: dict[str, Answer] = {
        "GET DATA": b"200 result=1234 (timeout)\n",
        "STREAM FILE": b"200 result=35 endpos=8000\n",
        "DATABASE GET": b"200 result=1 (Zhang San)\n",
        "EXEC": b"200 result=0\n",
    }
    async with talking(answers) as talk:
        agi = talk.session
        assert agi.env["agi_callerid"] == "02160000001"
        await agi.answer()
        assert await agi.get_data("enter-pin", 5000, 4) == "1234"
        assert await agi.stream_file("menu", "12#") == "#"
        assert await agi.database_get("names", "02160000001") == "Zhang San"
        assert await agi.execute("STREAM FILE", "menu", '""') == {"result": ("35", ""), "endpos": ("8000", "")}
        assert await agi.appexec("Queue", "support") == "0"
        await agi.goto_on_exit(priority="5")
        agi.test_hangup()
    assert talk.peer.commands[-3:] == ['SET CONTEXT "from-trunk"', 'SET EXTENSION "4001"', 'SET PRIORITY "5"']


async def test_a_session_needs_an_environment() -> None:
    with pytest.raises(ValueError, match="still to come"):
        AgiSession(AgiConnection(), longest=1.0)


async def test_what_a_script_changes_in_its_environment_is_its_own() -> None:
    async with talking() as talk:
        talk.session.env["agi_callerid"] = "hidden"
        assert talk.connection.environment is not None
        assert talk.connection.environment.callerid == "02160000001"


async def test_after_the_callers_hangup_nothing_more_is_sent() -> None:
    async with talking({"WAIT": b"HANGUP\n200 result=-1\n"}) as talk:
        with pytest.raises(AGIAppError) as raised:
            await talk.session.wait_for_digit(-1)
        assert raised.type is AGIAppError
        for attempt in (talk.session.noop, talk.session.answer):
            with pytest.raises(AGISIGHUPHangup, match="HANGUP"):
                await attempt()
        with pytest.raises(AGISIGHUPHangup):
            await talk.session.send_command("NOOP")
        with pytest.raises(AGISIGHUPHangup):
            talk.session.test_hangup()
    assert talk.peer.commands == ['WAIT FOR DIGIT "-1"']


async def test_the_result_of_a_command_sent_before_the_hangup_is_still_given() -> None:
    async with talking({"NOOP": b"HANGUP\n200 result=7\n"}) as talk:
        await talk.session.send_command("NOOP")
        assert await talk.session.get_result() == {"result": ("7", "")}
        with pytest.raises(AGISIGHUPHangup):
            await talk.session.send_command("NOOP")


async def test_a_hangup_told_in_the_answer_is_pyst2s() -> None:
    async with talking({"RECORD": b"200 result=-1 (hangup) endpos=0\n", "SAY": b"511 Not on a dead channel\n"}) as talk:
        with pytest.raises(AGIResultHangup):
            await talk.session.record_file("message")
        with pytest.raises(AGIDeadChannel):
            await talk.session.say_digits("1")
        await talk.session.noop()


async def test_a_pbx_that_goes_is_a_broken_pipe() -> None:
    async with talking({"NOOP": None}) as talk, asyncio.TaskGroup() as group:
        group.create_task(_once_asked(talk, talk.peer.reset))
        with pytest.raises(AGISIGPIPEHangup):
            await talk.session.noop()
        with pytest.raises(AGISIGPIPEHangup):
            await talk.session.noop()


async def test_a_pbx_that_says_hangup_and_goes_is_a_hangup() -> None:
    """So it does with AGIEXITONHANGUP."""

    def leave() -> None:
        talk.peer.say(b"HANGUP\n")
        talk.peer.writer.write_eof()

    async with talking({"NOOP": None}) as talk, asyncio.TaskGroup() as group:
        group.create_task(_once_asked(talk, leave))
        with pytest.raises(AGISIGHUPHangup):
            await talk.session.noop()
        with pytest.raises(AGIHangup):
            await talk.session.noop()


async def _once_asked(talk: Talk, then: object) -> None:
    while not talk.peer.commands:
        await asyncio.sleep(0.001)
    assert callable(then)
    then()


async def test_a_command_without_an_answer_has_an_end_and_leaves_only_the_good_bye() -> None:
    async with talking({"EXEC": None}, longest=0.05) as talk:
        with pytest.raises(AGITimeout, match=r"EXEC .*0.05 s") as raised:
            await talk.session.appexec("Wait", 60)
        assert isinstance(raised.value, AGIAppError)
        assert not isinstance(raised.value, AGIHangup)
        with pytest.raises(AgiProtocolError, match=r"is over: .*not answered"):
            await talk.session.noop()
        assert not talk.connection.closed
        talk.connection.send_and_finish([b"NOOP bye\n"])
        await talk.connection.gone()
    assert talk.peer.commands[-1] == "NOOP bye"


async def test_a_command_that_waits_for_nobody_has_little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []

    async def exchange(connection: AgiConnection, line: bytes, limit: float) -> object:
        limits.append(limit)
        return await real(connection, line, limit)

    real = AgiConnection.exchange
    monkeypatch.setattr(AgiConnection, "exchange", exchange)
    async with talking({"WAIT": b"200 result=0\n"}, longest=60.0) as talk:
        await talk.session.noop()
        await talk.session.wait_for_digit(3000)
        await talk.session.stream_file("x")
        await talk.session.receive_char(100_000)
    assert limits == [5.0, 8.0, 60.0, 60.0]


async def test_what_cannot_be_said_is_not_sent() -> None:
    async with talking() as talk:
        with pytest.raises(AGIUsageError, match="Asterisk takes"):
            await talk.session.verbose("x" * 5_000)
        await talk.session.noop()
    assert talk.peer.commands == ["NOOP"]


async def test_a_command_and_its_result_may_be_asked_for_apart() -> None:
    async with talking({"A": b"200 result=1\n", "B": b"200 result=2\n", "GET": b"200 result=1 (hangup)\n"}) as talk:
        await talk.session.send_command("A", 1)
        await talk.session.send_command("B")
        assert await talk.session.get_result() == {"result": ("1", "")}
        assert await talk.session.get_result() == {"result": ("2", "")}
        with pytest.raises(AGIError, match="no command was sent"):
            await talk.session.get_result()
        await talk.session.send_command("GET VARIABLE", "X")
        assert await talk.session.get_result() == {"result": ("1", "hangup")}
        await talk.session.send_command("A")
        await talk.session.noop()
        with pytest.raises(AGIError, match="no command was sent"):
            await talk.session.get_result()


async def test_the_result_of_a_command_sent_apart_has_an_end_too() -> None:
    async with talking({"A": None}, longest=0.02) as talk:
        await talk.session.send_command("A")
        with pytest.raises(AGITimeout):
            await talk.session.get_result()


# --- crafted values ---------------------------------------------------------------------------------------------------
async def test_a_value_crafted_to_look_like_two_replies_is_an_error() -> None:
    async with talking({"GET VARIABLE": b"200 result=1 (x)\n200 result=0 ()\n"}) as talk:
        for _ in range(2):
            with pytest.raises(AgiProtocolError):
                await talk.session.get_variable("X")
    assert talk.peer.commands == ['GET VARIABLE "X"']


async def test_behind_a_long_value_something_is_asked_that_nobody_can_know() -> None:
    value = "x" * FENCED
    answers: dict[str, Answer] = {"GET VARIABLE": f"200 result=1 ({value})\n".encode(), "GET FULL VARIABLE": echo}
    async with talking(answers) as talk:
        assert await talk.session.get_variable("X") == value
        assert await talk.session.noop() is None
    assert [line.split()[:2] for line in talk.peer.commands] == [["GET", "VARIABLE"], ["GET", "FULL"], ["NOOP"]]


async def test_a_short_value_is_not_asked_about() -> None:
    value = "x" * (FENCED - 1)
    async with talking({"GET VARIABLE": f"200 result=1 ({value})\n".encode()}) as talk:
        assert await talk.session.get_variable("X") == value
    assert len(talk.peer.commands) == 1


@pytest.mark.parametrize("forged", [b"200 result=1 (forged)\n", b"200 result=0\n", b"520 x\n", None])
async def test_a_long_value_whose_second_half_comes_later_is_found_out(
    forged: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 0.05)
    answers: dict[str, Answer] = {
        "GET VARIABLE": b"200 result=1 (" + b"x" * FENCED + b")\n",
        "GET FULL VARIABLE": forged,
    }
    async with talking(answers) as talk:
        with pytest.raises(AgiProtocolError, match="crafted"):
            await talk.session.get_variable("X")
        with pytest.raises(AGIError):
            await talk.session.noop()
    assert len(talk.peer.commands) == 2


async def test_hundreds_of_conversations_at_once_do_not_mix_their_answers() -> None:
    async def converse(number: int) -> None:
        async with talking({"GET VARIABLE": f"200 result=1 ({number})\n".encode()}) as talk:
            for _ in range(5):
                assert await talk.session.get_variable("X") == str(number)

    async with asyncio.TaskGroup() as group:
        for number in range(200):
            group.create_task(converse(number))
