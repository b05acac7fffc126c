"""A route is told each reply at once; only what has to be waited for has a task, and nothing outlives its request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from telephony.agi.answering import Answering, Steps
from telephony.agi.codec import Reply, command
from telephony.agi.connection import AgiConnection
from telephony.agi.errors import AgiProtocolError, AGISIGPIPEHangup
from tests.support.agi_peer import AgiPeer, environment

ASK, THEN = command("GET VARIABLE", "X"), command("NOOP")


@dataclass
class Request:
    """A request whose environment is there, its peer, and how it ended."""

    connection: AgiConnection
    peer: AgiPeer
    tasks: asyncio.TaskGroup
    ended: asyncio.Queue[str | Exception]

    def begin(self, steps: Steps) -> Answering:
        answering = Answering(self.connection, steps, self.tasks, self.ended.put_nowait)
        answering.begin()
        return answering

    async def over(self) -> str | Exception:
        async with asyncio.timeout(5):
            return await self.ended.get()


@asynccontextmanager
async def asked() -> AsyncIterator[Request]:
    ours, theirs = socket.socketpair()
    ready = asyncio.Event()
    connection = AgiConnection(lambda _: ready.set())
    await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, ours)
    async with await AgiPeer.on(theirs) as peer, asyncio.TaskGroup() as tasks:
        peer.say(environment())
        await ready.wait()
        yield Request(connection, peer, tasks, asyncio.Queue())
        connection.close()
    async with asyncio.timeout(5):
        await connection.gone()


class Told:
    """A route that asks twice, and keeps what it was told."""

    def __init__(self) -> None:
        self.replies: list[object] = []

    def steps(self) -> Steps:
        for line in (ASK, THEN):
            self.replies.append((yield line))
        return "ok"


async def test_a_reply_is_the_next_step_at_once_and_nothing_has_a_task() -> None:
    async with asked() as request:
        route, before = Told(), len(asyncio.all_tasks())
        request.begin(route.steps())
        assert await request.peer.hear() == ASK.decode().strip()
        request.connection.data_received(b"200 result=1 (a)\n")
        assert [reply.data for reply in route.replies if isinstance(reply, Reply)] == ["a"]
        request.connection.data_received(b"200 result=0\n")
        assert request.ended.get_nowait() == "ok"
        assert await request.peer.hear() == "NOOP"
        assert len(asyncio.all_tasks()) == before


async def test_what_has_to_be_waited_for_is_the_next_step_when_it_is_there() -> None:
    there: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def steps() -> Steps:
        found: str = yield lambda: there
        yield command("VERBOSE", found)
        return found

    async with asked() as request:
        request.begin(steps())
        there.set_result("it came")
        assert await request.peer.hear() == 'VERBOSE "it came"'
        request.peer.say(b"200 result=1\n")
        assert await request.over() == "it came"


async def test_a_wait_that_fails_fails_in_the_route_which_may_know_better() -> None:
    async def fails() -> None:
        raise LookupError

    def steps() -> Steps:
        try:
            yield fails
        except LookupError:
            return "mended"
        return "ok"

    async with asked() as request:
        request.begin(steps())
        assert await request.over() == "mended"


async def test_what_a_route_does_not_catch_is_how_it_ended_and_the_service_goes_on() -> None:
    def steps() -> Steps:
        yield ASK
        raise ZeroDivisionError

    async with asked() as request:
        request.begin(steps())
        request.peer.say(b"200 result=0\n")
        assert isinstance(await request.over(), ZeroDivisionError)


def asking() -> Steps:
    yield ASK
    return "ok"


def waiting() -> Steps:
    yield asyncio.Event().wait
    return "ok"


@pytest.mark.parametrize("steps", [asking, waiting])
async def test_a_peer_who_is_gone_ends_what_is_asked_and_what_is_waited_for(steps: Callable[[], Steps]) -> None:
    async with asked() as request:
        request.begin(steps())
        request.peer.reset()
        assert isinstance(await request.over(), AGISIGPIPEHangup)
        assert request.ended.empty()


@pytest.mark.parametrize("steps", [asking, waiting])
async def test_a_peer_who_says_what_he_must_not_is_not_believed(steps: Callable[[], Steps]) -> None:
    async with asked() as request:
        request.begin(steps())
        request.peer.say(b"200 result=1 (a)\n200 result=1 (b)\n")
        assert isinstance(await request.over(), AgiProtocolError)
        request.connection.data_received(b"200 result=1\n")
        request.connection.abort()
        await request.connection.gone()
        assert request.ended.empty()


async def test_a_peer_who_is_gone_before_the_wait_has_begun_leaves_nothing_behind() -> None:
    async with asked() as request:
        request.begin(waiting())
        request.connection.connection_lost(None)
        assert isinstance(request.ended.get_nowait(), AGISIGPIPEHangup)


@pytest.mark.parametrize("steps", [asking, waiting])
async def test_who_leaves_hears_no_more(steps: Callable[[], Steps]) -> None:
    async with asked() as request:
        answering = request.begin(steps())
        answering.leave()
        request.connection.data_received(b"200 result=1\n")
        request.connection.abort()
        await request.connection.gone()
        assert request.ended.empty()


async def test_two_questions_at_once_are_our_fault_and_asked_of_nobody() -> None:
    async with asked() as request:
        request.begin(asking())
        with pytest.raises(RuntimeError, match="one thing at a time"):
            request.connection.ask(THEN)
        request.connection.close()
        with pytest.raises(AGISIGPIPEHangup):
            request.connection.ask(THEN)
        assert await request.peer.hear() == ASK.decode().strip()
        assert await request.peer.hear() is None


async def test_who_finishes_the_conversation_himself_is_not_told_that_it_is_over() -> None:
    async with asked() as request:
        answering = request.begin(asking())
        request.connection.send_and_finish([THEN])
        assert request.ended.empty()
        answering.leave()
