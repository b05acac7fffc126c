"""Whoever asks is answered, handed on or let go in time; nothing a peer does holds a call, or another peer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest

from telephony.agi.answering import Steps
from telephony.agi.codec import Environment, Reply, command
from telephony.agi.connection import AgiConnection
from telephony.agi.errors import AGIUsageError
from telephony.agi.server import FastAgiServer, Limits

LOOPBACK = (ip_network("127.0.0.0/8"),)
LIMITS = Limits(LOOPBACK, deadline=30)


def asks(script: str, **more: str) -> bytes:
    values = {
        "agi_network": "yes",
        "agi_network_script": script,
        "agi_request": f"agi://127.0.0.1/{script}",
        "agi_channel": "PJSIP/trunk-00000001",
        "agi_uniqueid": "1795000000.1",
        "agi_callerid": "13800138000",
        "agi_enhanced": "0.0",
        "agi_threadid": "7",
    } | more
    return "".join(f"{name}: {value}\n" for name, value in values.items()).encode() + b"\n"


class Route:
    """Asks one question, then answers; `stuck` never comes back, `broken` fails."""

    def __init__(self) -> None:
        self.stuck, self.reached = asyncio.Event(), asyncio.Event()

    def default(self, environment: Environment) -> Sequence[bytes]:
        if environment.query.get("default") == "none":
            raise AGIUsageError("too long")
        return [command("SET VARIABLE", "ANSWER", f"default for {environment.uniqueid}")]

    def __call__(self, environment: Environment, peer: str) -> Steps:
        assert peer.startswith("127.0.0.1:")
        self.reached.set()
        if environment.query.get("be") == "stuck":
            yield self.stuck.wait
        if environment.query.get("be") == "impatient":
            raise TimeoutError
        if environment.query.get("be") == "broken":
            raise ZeroDivisionError
        reply = yield command("GET VARIABLE", "X")
        assert isinstance(reply, Reply)
        yield command("SET VARIABLE", "ANSWER", reply.data)
        return "ok"


@dataclass
class Scripts:
    """Scripts that nobody runs; what is handed on is kept."""

    conversations: int = 0
    full: bool = False
    given: list[tuple[str, bytes]] = field(default_factory=list)

    def knows(self, name: str) -> bool:
        return name == "pin"

    def hand_on(self, name: str, environment: Environment, connection: AgiConnection) -> bool:
        if self.full:
            return False
        with connection.release() as sock:
            sock.send(b"NOOP\n")
        self.given.append((name, environment.uniqueid.encode()))
        return True


@dataclass
class World:
    """A server that runs, and what it counted."""

    server: FastAgiServer
    scripts: Scripts
    route: Route
    counted: list[tuple[str, str]]
    changed: asyncio.Event

    @contextlib.asynccontextmanager
    async def asked(self, request: bytes = b"") -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(*self.server.address)
        writer.write(request)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def until_counted(self, *results: tuple[str, str]) -> None:
        async with asyncio.timeout(10):
            while len(self.counted) < len(results):
                self.changed.clear()
                await self.changed.wait()
        assert sorted(self.counted) == sorted(results)


@contextlib.asynccontextmanager
async def world(limits: Limits = LIMITS) -> AsyncIterator[World]:
    counted: list[tuple[str, str]] = []
    changed, scripts, route = asyncio.Event(), Scripts(), Route()

    def served(name: str, result: str, seconds: float) -> None:
        assert seconds >= 0
        counted.append((name, result))
        changed.set()

    server = FastAgiServer(("127.0.0.1", 0), limits, {"inbound": route}, scripts, served)
    assert server.address == ("127.0.0.1", 0)
    await server.listen()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server.run())
        while not server.listening:
            await asyncio.sleep(0)
        try:
            yield World(server, scripts, route, counted, changed)
        finally:
            running.cancel()


async def test_who_was_let_in_before_is_refused_once_his_network_may_no_longer_ask() -> None:
    async with world() as here:
        assert [here.server._refusal("127.0.0.1"), here.server._refusal("127.0.0.1")] == ["", ""]
        here.server.limits = Limits((ip_network("10.0.0.0/8"),))
        assert here.server._refusal("127.0.0.1") == "refused"
        here.server.limits = LIMITS
        assert here.server._refusal("127.0.0.1") == ""


async def test_a_route_of_ours_converses_and_closes() -> None:
    async with world() as here:
        async with here.asked(asks("inbound")) as (reader, writer):
            assert await reader.readline() == b'GET VARIABLE "X"\n'
            assert here.server.listening
            assert here.server.requests == 1
            writer.write(b"200 result=1 (a value)\n")
            assert await reader.readline() == b'SET VARIABLE "ANSWER" "a value"\n'
            writer.write(b"200 result=1\n")
            assert await reader.read() == b""
        await here.until_counted(("inbound", "ok"))
        assert here.server.requests == 0
    assert not here.server.listening


async def test_a_route_that_is_late_answers_with_the_default_and_closes() -> None:
    async with world(Limits(LOOPBACK, deadline=0.05)) as here:
        async with here.asked(asks("inbound?be=stuck")) as (reader, _):
            assert await reader.read() == b'SET VARIABLE "ANSWER" "default for 1795000000.1"\n'
        await here.until_counted(("inbound", "late"))


async def test_a_pbx_that_does_not_reply_in_time_gets_the_default_too() -> None:
    async with world(Limits(LOOPBACK, deadline=0.05)) as here:
        async with here.asked(asks("inbound")) as (reader, _):
            assert (await reader.read()).endswith(b'"default for 1795000000.1"\n')
        await here.until_counted(("inbound", "late"))


async def test_a_route_that_waits_for_something_in_vain_is_late() -> None:
    async with world() as here:
        async with here.asked(asks("inbound?be=impatient")) as (reader, _):
            assert await reader.read() == b'SET VARIABLE "ANSWER" "default for 1795000000.1"\n'
        await here.until_counted(("inbound", "late"))


async def test_a_route_that_fails_answers_with_the_default_and_the_server_goes_on() -> None:
    async with world() as here:
        for _ in range(2):
            async with here.asked(asks("inbound?be=broken")) as (reader, _writer):
                assert await reader.read() == b'SET VARIABLE "ANSWER" "default for 1795000000.1"\n'
        await here.until_counted(("inbound", "failed"), ("inbound", "failed"))


async def test_a_request_for_which_there_is_not_even_a_default_ends_nothing_but_itself() -> None:
    async with world(Limits(LOOPBACK, deadline=0.05)) as here:
        for be in ("stuck", "broken"):
            async with here.asked(asks(f"inbound?be={be}&default=none")) as (reader, _):
                assert await reader.read() == b""
        async with here.asked(asks("nosuch")) as (reader, _):
            assert b"unknown" in await reader.read()
        await here.until_counted(("inbound", "late"), ("inbound", "failed"), ("nosuch", "unknown"))


async def test_who_is_gone_before_he_is_looked_at_has_no_address_and_is_no_stranger() -> None:
    async with world() as here:
        assert here.server._refusal("") == "vanished"
        assert here.server._refusal("nonsense") == "refused"
        assert here.server._refusal("::ffff:127.0.0.1") == ""


async def test_a_reply_that_nobody_asked_for_ends_the_conversation() -> None:
    async with world() as here:
        async with here.asked(asks("inbound")) as (reader, writer):
            await reader.readline()
            writer.write(b"200 result=1 (x)\n200 result=1 (y)\n")
            with contextlib.suppress(ConnectionError):
                await reader.read()
        await here.until_counted(("inbound", "bad_request"))


async def test_a_caller_who_is_gone_is_no_fault() -> None:
    async with world() as here:
        async with here.asked(asks("inbound")) as (reader, _):
            await reader.readline()
        await here.until_counted(("inbound", "hung_up"))


async def test_a_script_is_handed_on_with_its_socket() -> None:
    async with world() as here:
        async with here.asked(asks("pin")) as (reader, _):
            assert await reader.read() == b"NOOP\n"
        assert here.scripts.given == [("pin", b"1795000000.1")]
        assert here.server.requests == 0
        assert here.counted == []


@pytest.mark.parametrize(("script", "result"), [("nosuch", "unknown"), ("pin", "busy")])
async def test_what_nobody_can_run_is_told_to_the_dialplan_at_once(script: str, result: str) -> None:
    async with world() as here:
        here.scripts.full = True
        async with here.asked(asks(script)) as (reader, _):
            assert await reader.read() == f'SET VARIABLE "THREERINGS_SCRIPT" "{result}"\n'.encode()
        await here.until_counted((script, result))


async def test_an_address_that_may_not_ask_is_not_heard() -> None:
    async with world(Limits((ip_network("10.0.0.0/8"), ip_network("::1/128")))) as here:
        for _ in range(3):
            async with here.asked(asks("inbound")) as (reader, _writer):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
        await here.until_counted(("", "refused"), ("", "refused"), ("", "refused"))


async def test_who_asks_faster_than_allowed_is_let_go_and_the_allowance_fills_again() -> None:
    async with world(Limits(LOOPBACK, deadline=30, per_second=2)) as here:
        for result in ("unknown", "unknown", "busy"):
            async with here.asked(asks("nosuch")) as (reader, _):
                with contextlib.suppress(ConnectionError):
                    await reader.read()
            assert here.counted[-1][1] == result
        here.server.limits = Limits(LOOPBACK, deadline=30, per_second=1e9)
        async with here.asked(asks("nosuch")) as (reader, _):
            await reader.read()
        assert here.counted[-1][1] == "unknown"


async def test_more_requests_at_once_than_allowed_are_let_go_conversations_included() -> None:
    async with world(Limits(LOOPBACK, deadline=30, requests=3)) as here:
        here.scripts.conversations = 1
        async with here.asked(), here.asked() as (reader, _):
            async with here.asked(asks("nosuch")) as (third, _writer):
                with contextlib.suppress(ConnectionError):
                    assert await third.read() == b""
            assert here.counted == [("", "busy")]
            assert not reader.at_eof()


async def test_who_dawdles_over_the_environment_is_let_go() -> None:
    async with world(Limits(LOOPBACK, deadline=0.05)) as here:
        async with here.asked(b"agi_network: yes\nagi_req") as (reader, _):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        await here.until_counted(("", "slow"))


@pytest.mark.parametrize(
    ("sent", "result"),
    [(b"", "vanished"), (b"agi_network: yes\n", "vanished"), (b"GET / HTTP/1.1\nHost: x\n\n", "bad_request")],
)
async def test_who_is_no_pbx_is_counted_and_let_go(sent: bytes, result: str) -> None:
    async with world() as here:
        async with here.asked(sent) as (reader, writer):
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await reader.read()
        await here.until_counted(("", result))


async def test_a_stop_lets_go_of_everybody_and_who_was_being_answered_gets_the_default() -> None:
    async with contextlib.AsyncExitStack() as peers:
        async with world() as here:
            early, _ = await peers.enter_async_context(here.asked(b"agi_network: yes\n"))
            stuck, _ = await peers.enter_async_context(here.asked(asks("inbound?be=stuck")))
            await here.route.reached.wait()
        assert await stuck.read() == b'SET VARIABLE "ANSWER" "default for 1795000000.1"\n'
        assert await early.read() == b""
        assert sorted(here.counted) == [("", "vanished"), ("inbound", "stopped")]


async def test_a_stop_leaves_who_is_being_answered_a_moment_to_be_answered() -> None:
    async with contextlib.AsyncExitStack() as peers, asyncio.TaskGroup() as tasks:
        async with world() as here:
            reader, writer = await peers.enter_async_context(here.asked(asks("inbound")))
            assert await reader.readline() == b'GET VARIABLE "X"\n'

            async def answers() -> None:
                while here.server.listening:
                    await asyncio.sleep(0)
                writer.write(b"200 result=1 (late enough)\n")
                assert await reader.readline() == b'SET VARIABLE "ANSWER" "late enough"\n'
                writer.write(b"200 result=1\n")

            tasks.create_task(answers())
        assert here.counted == [("inbound", "ok")]
