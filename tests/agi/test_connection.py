"""One FastAGI connection over real sockets, on asyncio and on uvloop."""

import asyncio
import gc
import socket
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from telephony.agi import connection as module
from telephony.agi.codec import Environment, Reply, Usage, command
from telephony.agi.connection import MAX_SWALLOWED, MAX_UNTAKEN, AgiConnection
from telephony.agi.errors import AGIError, AgiProtocolError, AGISIGPIPEHangup
from tests.support.agi_peer import OK, USAGE, AgiPeer, environment

NOOP = command("NOOP")


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Listener:
    """Accepts connections and keeps what they tell."""

    def __init__(self) -> None:
        self.port = 0
        self.told: asyncio.Queue[tuple[AgiConnection, str]] = asyncio.Queue()
        self.in_failed: Callable[[AgiConnection], None] = lambda _: None

    def make(self) -> AgiConnection:
        return AgiConnection(self._ready, self._failed)

    def _ready(self, connection: AgiConnection) -> None:
        self.told.put_nowait((connection, "ready"))

    def _failed(self, connection: AgiConnection, reason: str) -> None:
        self.told.put_nowait((connection, reason))
        self.in_failed(connection)

    async def hears(self) -> tuple[AgiConnection, str]:
        async with asyncio.timeout(5):
            return await self.told.get()

    @asynccontextmanager
    async def talk(self, data: bytes | None = None) -> AsyncIterator[tuple[AgiConnection, AgiPeer]]:
        """A conversation whose environment has been read."""
        async with await AgiPeer.connect(self.port) as peer:
            peer.say(environment() if data is None else data)
            connection, told = await self.hears()
            assert told == "ready"
            yield connection, peer
        await ended(connection)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.get_running_loop().create_server(listener.make, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    yield listener
    server.close()
    await server.wait_closed()


async def ended(connection: AgiConnection) -> None:
    async with asyncio.timeout(5):
        await connection.gone()
    assert connection.closed


async def fault_of(attempt: Awaitable[object]) -> BaseException | None:
    """What an attempt raises, as a value: a TaskGroup would take it for its own."""
    try:
        await attempt
    except Exception as error:  # noqa: BLE001 - any exception is one
        return error
    return None


async def told_to(peer: AgiPeer, said: bytes) -> str | None:
    """The peer hears a command and says this."""
    line = await peer.hear()
    peer.say(said)
    return line


# --- the environment --------------------------------------------------------------------------------------------------
async def test_a_connection_is_ready_once_its_environment_is_whole(listener: Listener) -> None:
    async with await AgiPeer.connect(listener.port) as peer:
        data = environment("inbound", "one")
        for at in range(0, len(data), 100):
            assert listener.told.empty()
            peer.say(data[at : at + 100])
        connection, told = await listener.hears()
        assert told == "ready"
        assert connection.environment is not None
        assert connection.environment.arguments == ("one",)
        assert connection.peer.startswith("127.0.0.1:")
        assert not connection.hung_up
        assert not connection.closed
    await ended(connection)
    assert listener.told.empty()


async def test_a_caller_who_hung_up_before_we_were_ready_is_known_to_have(listener: Listener) -> None:
    async with listener.talk(environment() + b"HANGUP\n") as (connection, _):
        assert connection.hung_up


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", environment(agi_channel=None), b"x" * 5_000, environment() + OK]
)
async def test_a_bad_request_is_told_with_its_fault_and_closed(listener: Listener, data: bytes) -> None:
    async with await AgiPeer.connect(listener.port) as peer:
        peer.say(data)
        connection, told = await listener.hears()
        assert (told, connection.environment) == ("bad_request", None)
        assert connection.fault is not None
        assert await peer.hear() is None
        await ended(connection)
    assert listener.told.empty()


async def test_a_bad_request_may_be_answered(listener: Listener) -> None:
    listener.in_failed = lambda connection: connection.send_and_finish([NOOP])
    async with await AgiPeer.connect(listener.port) as peer:
        peer.say(b"\n")
        connection, told = await listener.hears()
        assert told == "bad_request"
        assert [await peer.hear(), await peer.hear()] == ["NOOP", None]
    await ended(connection)


@pytest.mark.parametrize("leave", [AgiPeer.close, lambda peer: peer.reset()])
async def test_a_peer_that_leaves_before_its_request_is_whole_vanished(
    listener: Listener, leave: Callable[[AgiPeer], object]
) -> None:
    async with await AgiPeer.connect(listener.port) as peer:
        peer.say(environment()[:-1])
        await peer.writer.drain()
        left = leave(peer)
        if asyncio.iscoroutine(left):
            await left
        connection, told = await listener.hears()
        assert told == "vanished"
    await ended(connection)
    assert listener.told.empty()


async def test_nobody_need_care(listener: Listener) -> None:
    listener.make = AgiConnection  # type: ignore[method-assign, assignment]
    loop = asyncio.get_running_loop()
    made: list[AgiConnection] = []

    def make() -> AgiConnection:
        made.append(AgiConnection())
        return made[-1]

    server = await loop.create_server(make, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for data in (b"\n", environment()):
        async with await AgiPeer.connect(port) as peer:
            peer.say(data)
            while not made or (made[-1].fault is None and made[-1].environment is None):
                await asyncio.sleep(0)
        await ended(made.pop())
    server.close()
    await server.wait_closed()


# --- exchanges --------------------------------------------------------------------------------------------------------
async def test_a_command_is_answered(listener: Listener) -> None:
    async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
        group.create_task(peer.answer({"GET VARIABLE": b"200 result=1 (a\nb)\n", "FOO": b"510 no\n", "BAR": USAGE}))
        reply = await connection.exchange(command("GET VARIABLE", "X"), 5)
        assert isinstance(reply, Reply)
        assert reply.data == "a\nb"
        reply = await connection.exchange(b"FOO\n", 5)
        assert isinstance(reply, Reply)
        assert reply.code == 510
        assert isinstance(await connection.exchange(b"BAR\n", 5), Usage)
        assert connection.untaken == 0
        connection.close()
    assert peer.commands == ['GET VARIABLE "X"', "FOO", "BAR"]


async def test_a_hangup_in_front_of_a_reply_does_not_hide_it(listener: Listener) -> None:
    async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
        group.create_task(told_to(peer, b"HANGUP\nHANGUP\n200 result=-1\n"))
        reply = await connection.exchange(NOOP, 5)
        assert isinstance(reply, Reply)
        assert (reply.result, connection.hung_up) == ("-1", True)


async def test_a_second_exchange_at_the_same_time_is_a_mistake(listener: Listener) -> None:
    async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
        first = group.create_task(connection.exchange(NOOP, 5))
        assert await peer.hear() == "NOOP"
        with pytest.raises(RuntimeError, match="one thing at a time"):
            await connection.exchange(NOOP, 5)
        with pytest.raises(RuntimeError, match="one thing at a time"):
            await connection.reply(5)
        peer.say(b"200 result=4\n")
        assert (await first).text == "result=4"


async def test_a_command_is_not_sent_before_the_one_before_it_is_answered(listener: Listener) -> None:
    async with listener.talk() as (connection, peer):
        for at in range(3):
            connection.send(f"C{at}\n".encode())
        assert connection.untaken == 3
        assert await peer.hear() == "C0"
        with pytest.raises(TimeoutError):
            await peer.hear(limit=0.05)
        for at in range(3):
            peer.say(f"200 result={at}\n".encode())
            if at < 2:
                assert await peer.hear() == f"C{at + 1}"
        assert [(await connection.reply(5)).text for _ in range(3)] == ["result=0", "result=1", "result=2"]
        with pytest.raises(RuntimeError, match="no reply is due"):
            await connection.reply(5)


async def test_an_exchange_passes_over_replies_that_nobody_took(listener: Listener) -> None:
    async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
        group.create_task(peer.answer({"A": b"200 result=1\n", "B": b"200 result=2\n", "C": b"200 result=3\n"}))
        connection.send(b"A\n")
        connection.send(b"B\n")
        assert (await connection.exchange(b"C\n", 5)).text == "result=3"
        assert connection.untaken == 0
        connection.close()


async def test_commands_ahead_of_their_replies_have_a_limit(listener: Listener) -> None:
    async with listener.talk() as (connection, _):
        for _ in range(MAX_UNTAKEN):
            connection.send(NOOP)
        with pytest.raises(AGIError, match="64 commands whose replies nobody took; the limit is 64"):
            connection.send(NOOP)


async def test_a_late_reply_is_not_taken_for_the_next_commands(listener: Listener) -> None:
    async with listener.talk() as (connection, peer):
        with pytest.raises(TimeoutError):
            await connection.exchange(b"SLOW\n", 0.01)
        with pytest.raises(TimeoutError):
            await connection.exchange(b"NEVER\n", 0.01)
        async with asyncio.TaskGroup() as group:
            next_one = group.create_task(connection.exchange(b"NEXT\n", 5))
            assert await peer.hear() == "SLOW"
            peer.say(b"200 result=1\n")
            assert await peer.hear() == "NEXT"
            peer.say(b"200 result=2\n")
        assert next_one.result().text == "result=2"


async def test_a_reply_that_was_waited_for_in_vain_may_be_asked_for_again(listener: Listener) -> None:
    async with listener.talk() as (connection, peer):
        connection.send(NOOP)
        with pytest.raises(TimeoutError):
            await connection.reply(0.01)
        peer.say(b"200 result=7\n")
        assert (await connection.reply(5)).text == "result=7"


async def test_a_cancelled_exchange_leaves_the_connection_usable(listener: Listener) -> None:
    async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
        waiting = group.create_task(connection.exchange(b"WAIT\n", 5))
        assert await peer.hear() == "WAIT"
        waiting.cancel()
        next_one = group.create_task(connection.exchange(b"NEXT\n", 5))
        peer.say(b"200 result=1\n")
        assert await peer.hear() == "NEXT"
        peer.say(b"200 result=2\n")
        assert (await next_one).text == "result=2"


# --- faults -----------------------------------------------------------------------------------------------------------
async def test_a_reply_that_nobody_asked_for_ends_the_conversation(listener: Listener) -> None:
    async with listener.talk() as (connection, peer):
        peer.say(OK)
        while connection.fault is None:
            await asyncio.sleep(0)
        for _ in range(2):
            with pytest.raises(AgiProtocolError, match="nobody asked"):
                await connection.exchange(NOOP, 5)
        with pytest.raises(AgiProtocolError):
            connection.send(NOOP)
        with pytest.raises(AgiProtocolError):
            connection.release()
        peer.say(b"HANGUP\n")
        connection.send_and_finish([b"BYE\n"])
        assert [await peer.hear(), await peer.hear()] == ["BYE", None]
        assert not connection.hung_up


async def test_a_crafted_value_raises_in_the_command_that_asked_for_it(listener: Listener) -> None:
    async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
        group.create_task(told_to(peer, b"200 result=1 (x)\n200 result=0 ()\n"))
        with pytest.raises(AgiProtocolError, match="nobody asked"):
            await connection.exchange(command("GET VARIABLE", "X"), 5)
        connection.close()


async def test_a_crafted_value_that_comes_in_two_parts_is_not_believed_if_both_are_there(listener: Listener) -> None:
    async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
        waiting = group.create_task(fault_of(connection.exchange(command("GET VARIABLE", "X"), 5)))
        await peer.hear()
        connection.data_received(b"200 result=1 (x)\n")
        connection.data_received(b"200 result=0 ()\n")
        assert isinstance(await waiting, AgiProtocolError)
        connection.close()


@pytest.mark.parametrize("leave", [AgiPeer.close, lambda peer: peer.reset()])
async def test_a_pbx_that_goes_in_the_midst_of_a_command_is_a_broken_pipe(
    listener: Listener, leave: Callable[[AgiPeer], object]
) -> None:
    async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
        waiting = group.create_task(fault_of(connection.exchange(NOOP, 5)))
        await peer.hear()
        left = leave(peer)
        if asyncio.iscoroutine(left):
            await left
        assert isinstance(await waiting, AGISIGPIPEHangup)
        await ended(connection)
        for attempt in (connection.exchange(NOOP, 5), connection.reply(5)):
            assert isinstance(await fault_of(attempt), AGISIGPIPEHangup)
        with pytest.raises(AGISIGPIPEHangup):
            connection.release()
        connection.send_and_finish([NOOP])
        connection.close()
        connection.abort()
        connection.let_go()


async def test_replies_that_came_before_the_end_are_still_given(listener: Listener) -> None:
    async with listener.talk() as (connection, peer):
        connection.send(NOOP)
        await peer.hear()
        peer.say(OK)
        await peer.close()
        await ended(connection)
        assert (await connection.reply(5)).text == "result=0"


# --- the end ----------------------------------------------------------------------------------------------------------
async def test_finishing_says_what_is_to_be_said_and_hears_the_peer_out(listener: Listener) -> None:
    async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
        waiting = group.create_task(fault_of(connection.exchange(b"WAIT FOR DIGIT -1\n", 5)))
        assert await peer.hear() == "WAIT FOR DIGIT -1"
        connection.send_and_finish([b"SET X 1\n", b"SET Y 2\n"])
        connection.send_and_finish([b"AGAIN\n"])
        assert isinstance(await waiting, AGISIGPIPEHangup)
        with pytest.raises(AGISIGPIPEHangup):
            await connection.exchange(NOOP, 5)
        assert [await peer.hear() for _ in range(3)] == ["SET X 1", "SET Y 2", None]
        peer.say(b"200 result=1\n200 result=1\nHANGUP\nwhatever\n")
        assert not connection.closed
    assert connection.closed


async def test_a_peer_that_does_not_end_is_not_waited_for_for_ever(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINISH_WITHIN", 0.05)
    async with listener.talk() as (connection, peer):
        connection.send_and_finish([NOOP])
        await ended(connection)
        assert await peer.hear() == "NOOP"


async def test_a_peer_that_goes_on_talking_is_not_heard_out_for_ever(listener: Listener) -> None:
    async with listener.talk() as (connection, peer):
        connection.send_and_finish([NOOP])
        peer.say(b"x" * (MAX_SWALLOWED + 1))
        await ended(connection)


async def test_closing_ends_the_connection_for_whoever_has_a_duplicate(listener: Listener) -> None:
    ours, theirs = socket.socketpair()
    keep = ours.dup()
    loop = asyncio.get_running_loop()
    [known] = [it async for it in _environment(listener)]
    _, connection = await loop.connect_accepted_socket(lambda: AgiConnection(environment=known), ours)
    async with await AgiPeer.on(theirs) as peer:
        connection.close()
        await ended(connection)
        assert await peer.hear() is None
    keep.close()


async def _environment(listener: Listener) -> AsyncIterator[Environment]:
    async with listener.talk() as (connection, _):
        assert connection.environment is not None
        yield connection.environment


async def test_a_released_conversation_goes_on_elsewhere(listener: Listener) -> None:
    loop = asyncio.get_running_loop()
    async with listener.talk() as (connection, peer):
        sock = connection.release()
        assert connection.closed
        await ended(connection)
        assert sock.getblocking() is False
        with pytest.raises(AGISIGPIPEHangup):
            await connection.exchange(NOOP, 5)
        peer.say(b"HANGUP\n")
        transport, second = await loop.connect_accepted_socket(
            lambda: AgiConnection(environment=connection.environment), sock
        )
        assert second.environment is connection.environment
        async with asyncio.TaskGroup() as group:
            group.create_task(told_to(peer, OK))
            await second.exchange(NOOP, 5)
        assert second.hung_up
        transport.close()
        await ended(second)
        assert await peer.hear() is None


async def test_a_conversation_may_be_released_as_soon_as_it_is_ready() -> None:
    sockets: list[socket.socket] = []
    server = await asyncio.get_running_loop().create_server(
        lambda: AgiConnection(lambda connection: sockets.append(connection.release())), "127.0.0.1", 0
    )
    async with await AgiPeer.connect(server.sockets[0].getsockname()[1]) as peer:
        peer.say(environment())
        while not sockets:
            await asyncio.sleep(0)
        sockets[0].send(NOOP)
        assert await peer.hear() == "NOOP"
        sockets[0].close()
        assert await peer.hear() is None
    server.close()
    await server.wait_closed()


async def test_a_conversation_is_not_released_in_the_midst_of_something(listener: Listener) -> None:
    async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
        waiting = group.create_task(connection.exchange(NOOP, 5))
        await peer.hear()
        with pytest.raises(RuntimeError, match="in the midst"):
            connection.release()
        peer.say(OK + b"HAN")
        await waiting
        with pytest.raises(RuntimeError, match="in the midst"):
            connection.release()


async def test_a_conversation_that_is_let_go_of_goes_on_for_whoever_has_a_duplicate(listener: Listener) -> None:
    ours, theirs = socket.socketpair()
    keep = ours.dup()
    [known] = [it async for it in _environment(listener)]
    loop = asyncio.get_running_loop()
    _, connection = await loop.connect_accepted_socket(lambda: AgiConnection(environment=known), ours)
    async with await AgiPeer.on(theirs) as peer, asyncio.TaskGroup() as group:
        waiting = group.create_task(fault_of(connection.exchange(NOOP, 5)))
        assert await peer.hear() == "NOOP"
        connection.let_go()
        assert isinstance(await waiting, AGISIGPIPEHangup)
        await ended(connection)
        keep.send(b"SET X 1\n")
        assert await peer.hear() == "SET X 1"
        keep.close()


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_nothing_of_a_conversation_is_left_behind(listener: Listener) -> None:
    async with listener.talk() as (warm, _):
        del warm
    gc.collect()
    before = descriptors()
    gone = []
    gc.disable()
    try:
        for _ in range(5):
            async with listener.talk() as (connection, peer), asyncio.TaskGroup() as group:
                group.create_task(told_to(peer, OK))
                await connection.exchange(NOOP, 5)
                connection.close()
            gone.append(weakref.ref(connection))
            del connection, peer
            await asyncio.sleep(0)
        assert descriptors() == before
    finally:
        gc.enable()
    gc.collect()
    assert [ref() for ref in gone] == [None] * 5
    assert len(asyncio.all_tasks()) == 1
