"""The wire between service and host: messages whole, sockets with them, and an end to what waits."""

import asyncio
import os
import socket
from collections.abc import Iterator

import pytest

from telephony.agi import wire as module
from telephony.agi.wire import BACKLOG, MAX_MESSAGE, Message, Wire, WireClosed, WireFull, pair
from tests.agi.pools import tcp_pair, until


class End:
    """One end, and what it heard."""

    def __init__(self, end: socket.socket) -> None:
        self.heard: list[Message] = []
        self.along: list[socket.socket] = []
        self.gone = 0
        self.raw = end
        self.wire = Wire(end, self.hear, self.lost)

    def hear(self, message: Message, along: socket.socket | None) -> None:
        self.heard.append(message)
        if along is not None:
            self.along.append(along)

    def lost(self) -> None:
        self.gone += 1


@pytest.fixture
def ends() -> Iterator[tuple[End, End]]:
    one, other = (End(end) for end in pair())
    yield one, other
    for end in (one, other):
        end.wire.close()
        for sock in end.along:
            sock.close()


async def test_what_is_no_utf8_arrives_as_it_was(ends: tuple[End, End]) -> None:
    one, other = ends
    other.wire.open()
    one.wire.send({"text": "Zoë \udcff\ud800 三响", "n": 1})
    await until(lambda: other.heard)
    assert other.heard == [{"text": "Zoë \udcff\ud800 三响", "n": 1}]


async def test_a_socket_goes_along_as_a_duplicate(ends: tuple[End, End]) -> None:
    one, other = ends
    other.wire.open()
    ours, theirs = tcp_pair()
    with ours, theirs:
        one.wire.send({"n": 1}, ours)
        await until(lambda: other.along)
        ours.close()
        other.along[0].send(b"from there")
        await until(lambda: readable(theirs))
        assert theirs.recv(100) == b"from there"


def readable(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(100, socket.MSG_PEEK))
    except BlockingIOError:
        return False


async def test_what_is_not_read_waits_up_to_a_limit_and_in_order(ends: tuple[End, End]) -> None:
    one, other = ends
    one.wire.open()
    sent = 0
    while one.wire.waiting < BACKLOG:
        one.wire.send({"n": sent})
        sent += 1
    with pytest.raises(WireFull):
        one.wire.send({"n": sent})
    one.wire.send({"n": sent}, must=True)
    other.wire.open()
    await until(lambda: len(other.heard) == sent + 1)
    assert [message["n"] for message in other.heard] == list(range(sent + 1))
    assert one.wire.waiting == 0


async def test_what_waits_with_a_socket_can_be_forgotten_and_a_closed_one_is_not_sent(ends: tuple[End, End]) -> None:
    one, other = ends
    one.wire.open()
    while not one.wire.waiting:
        one.wire.send({"n": 0})
    kept, closed, forgotten = socket.socket(), socket.socket(), socket.socket()
    with kept, closed, forgotten:
        one.wire.send({"n": 1}, kept)
        one.wire.send({"n": 2}, closed)
        one.wire.send({"n": 3}, forgotten)
        closed.close()
        assert one.wire.forget(forgotten)
        assert not one.wire.forget(forgotten)
        other.wire.open()
        await until(lambda: not one.wire.waiting and other.along)
    assert [message["n"] for message in other.heard if message["n"]] == [1]


async def test_the_end_of_the_other_side_is_told_once(ends: tuple[End, End]) -> None:
    one, other = ends
    one.wire.open()
    other.wire.close()
    other.wire.close()
    await until(lambda: one.gone)
    assert (one.gone, other.gone, one.wire.closed) == (1, 0, True)
    assert one.wire.read() is False
    with pytest.raises(WireClosed):
        one.wire.send({})


async def test_who_sends_to_nobody_learns_it(ends: tuple[End, End]) -> None:
    one, other = ends
    other.wire.close()
    with pytest.raises(WireClosed):
        one.wire.send({})


async def test_the_end_while_something_waits_is_an_end(ends: tuple[End, End]) -> None:
    one, other = ends
    one.wire.open()
    while not one.wire.waiting:
        one.wire.send({"n": 0})
    other.wire.close()
    await until(lambda: one.gone)
    assert one.wire.waiting == 0


async def test_what_is_no_message_is_counted_and_its_socket_closed(ends: tuple[End, End]) -> None:
    one, other = ends
    other.wire.open()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with socket.socket() as sock:
        socket.send_fds(one.raw, [b"[1]"], [sock.fileno()])
    one.raw.send(b"\xff{")
    one.wire.send({"n": 1})
    await until(lambda: other.heard)
    assert other.wire.garbled == 2
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


async def test_of_several_sockets_only_the_first_is_taken(ends: tuple[End, End]) -> None:
    one, other = ends
    other.wire.open()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with socket.socket() as first, socket.socket() as second:
        socket.send_fds(one.raw, [b"{}"], [first.fileno(), second.fileno()])
        await until(lambda: other.heard)
    assert len(os.listdir("/proc/self/fd")) == before + len(other.along)  # noqa: PTH208
    assert len(other.along) <= 1


async def test_a_message_has_a_longest_length(ends: tuple[End, End]) -> None:
    one, _ = ends
    with pytest.raises(ValueError, match=f"the limit is {MAX_MESSAGE}"):
        one.wire.send({"text": "x" * MAX_MESSAGE})


async def test_a_talker_does_not_keep_the_loop(ends: tuple[End, End]) -> None:
    one, other = ends
    for number in range(module.READ_AT_ONCE + 1):
        one.wire.send({"n": number})
    assert other.wire.read() is True
    assert len(other.heard) == module.READ_AT_ONCE
    assert other.wire.read() is False
    await asyncio.sleep(0)
