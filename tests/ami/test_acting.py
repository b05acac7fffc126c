"""A line on which we act: each action is sent once and has one clear answer, within its limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from telephony.ami.acting import Acting, Answer, Result
from telephony.ami.settings import SystemClock
from tests.support.ami_server import AmiServer

from .test_client import QUICK

MS = timedelta(milliseconds=1)


@asynccontextmanager
async def acting(server: AmiServer, within: timedelta = 2000 * MS, most: int = 64) -> AsyncIterator[Acting]:
    settings = replace(QUICK, port=server.port, events=False)
    made = Acting(settings, clock=SystemClock(), rng=Random(1), within=within, most=most)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())
        try:
            yield made
        finally:
            running.cancel()


async def up(made: Acting) -> Acting:
    async with asyncio.timeout(5):
        while not made.connected:
            await asyncio.sleep(0.002)
    return made


async def test_an_action_is_answered_by_yes_or_by_the_pbxs_own_no() -> None:
    async with AmiServer() as server, acting(server) as made:
        server.grants.add("QueuePause")
        await up(made)
        done = await made.act("QueuePause", Interface="PJSIP/1001", Paused="true", Reason="用餐")
        assert (done.result, done.said, done.done) == (Result.DONE, "Done", True)
        refused = await made.act("QueueAdd", Queue="support", Interface="PJSIP/1001")
        assert (refused.result, refused.said) == (Result.REFUSED, "Permission denied")
        (login,) = [one for one in server.actions if one["Action"] == "Login"]
        assert login["Events"] == "off"
        assert server.asked("QueuePause") == 1


async def test_what_cannot_be_said_on_the_line_is_not_said() -> None:
    async with AmiServer() as server, acting(server) as made:
        await up(made)
        for value in ("x\r\nAction: Originate", "x\ny", "x\0y", "x" * 2000):
            assert (await made.act("QueuePause", Interface="PJSIP/1001", Reason=value)).result is Result.BAD
        assert not server.asked("QueuePause")


async def test_without_a_line_nothing_is_sent_now_or_later() -> None:
    async with AmiServer() as server:
        server.secret = "another"
        async with acting(server) as made:
            await server.until(lambda: server.asked("Login") > 0)
            async with asyncio.timeout(5):
                while not made.refused:
                    await asyncio.sleep(0.002)
            assert (await made.act("QueuePause")).result is Result.NOT_SENT
            server.secret = "secret"
            await up(made)
            assert not server.asked("QueuePause")
            assert not made.refused


async def test_an_action_that_is_not_answered_in_time_may_have_been_done() -> None:
    async with AmiServer() as server, acting(server, within=20 * MS) as made:
        await up(made)
        answer = await made.act("Silence")
        assert (answer.result, answer.said) == (Result.UNSURE, "the PBX did not answer within 0.02 s")
        assert server.asked("Silence") == 1


async def test_a_line_that_breaks_leaves_it_open_and_comes_back() -> None:
    async with AmiServer() as server, acting(server) as made, asyncio.TaskGroup() as tasks:
        await up(made)
        asked = tasks.create_task(made.act("Silence"))
        await server.until(lambda: server.asked("Silence") == 1)
        server.cut()
        assert (await asked).result is Result.UNSURE
        await server.until(lambda: server.logins == 2)
        assert server.asked("Silence") == 1


async def test_no_more_than_so_many_are_under_way() -> None:
    async with AmiServer() as server, acting(server, most=1) as made, asyncio.TaskGroup() as tasks:
        await up(made)
        first = tasks.create_task(made.act("Silence"))
        await server.until(lambda: server.asked("Silence") == 1)
        assert await made.act("Ping") == Answer(Result.NOT_SENT, "1 actions are under way")
        server.cut()
        await first


@pytest.mark.parametrize(("outcome", "result"), [(("Success", "4"), Result.DONE), (("Failure", "3"), Result.REFUSED)])
async def test_a_call_ends_with_whether_the_phone_was_answered(outcome: tuple[str, str], result: Result) -> None:
    async with AmiServer() as server, acting(server) as made:
        await up(made)
        server.outcome = outcome
        answer = await made.originate({"Channel": "PJSIP/1001", "Exten": "95555"}, 2000 * MS)
        assert (answer.result, answer.said) == (result, outcome[1])
        (sent,) = [one for one in server.actions if one["Action"] == "Originate"]
        assert sent["Async"] == "true"


async def test_a_call_that_is_refused_or_of_which_nobody_tells_has_an_end() -> None:
    async with AmiServer() as server, acting(server) as made:
        await up(made)
        assert (await made.originate({}, 2000 * MS)).result is Result.REFUSED
        server.grants.add("Originate")
        assert (await made.originate({}, 20 * MS)).result is Result.UNSURE
        server.say(b"Event: Unknown\r\nPrivilege: x\r\n\r\nnonsense\r\n\r\n")
        assert (await made.originate({"Channel": "a\r\nb"}, 20 * MS)).result is Result.BAD
