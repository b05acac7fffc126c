"""The line to a PBX: logging in, staying up, going down, and what the follower is told of it, in which order."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import structlog
import uvloop

from telephony.ami.client import AmiClient, NotConnected, codec_of
from telephony.ami.codec import Message, Quarantined
from telephony.ami.feed import Batch, Entry, Feed, LinkDown, LinkUp, RequestExpired
from telephony.ami.line import Fault, Line
from telephony.ami.settings import AmiSettings, SystemClock
from tests.support.ami_server import AmiServer
from tests.support.wire import SYSTEM, event, lines, opening, queue_entry

MS = timedelta(milliseconds=1)
QUICK = AmiSettings(
    host="127.0.0.1", username="threerings", secret="secret", systemname=SYSTEM, connect_within=2000 * MS,
    answer_within=2000 * MS, ping_every=20 * MS, ping_patience=2000 * MS, first_delay=2 * MS, last_delay=4 * MS,
    refused_delay=10 * MS, stall_sample=5 * MS,
)  # fmt: skip


class Follower:
    """Takes what the client tells, and waits for what a test waits for."""

    def __init__(self, client: AmiClient) -> None:
        self.client = client
        self.entries: list[Entry] = []

    async def until(self, kind: type[Entry] | str, count: int = 1) -> Any:
        """Until `count` entries of a kind, or messages of an event, have come in all; gives the last of them."""
        async with asyncio.timeout(5):
            while len(found := self.found(kind)) < count:
                self.entries += await self.client.take()
        return found[count - 1]

    def found(self, kind: type[Entry] | str) -> list[Any]:
        if isinstance(kind, str):
            return [message for message in self.messages if message.event == kind]
        return [entry for entry in self.entries if isinstance(entry, kind)]

    @property
    def items(self) -> list[Message | Quarantined]:
        return [item for entry in self.entries if isinstance(entry, Batch) for item in entry.items]

    @property
    def messages(self) -> list[Message]:
        return [item for item in self.items if isinstance(item, Message)]


class StandingClock:
    """Time does not pass, unless told."""

    def __init__(self) -> None:
        self.mono = timedelta(seconds=100)

    def monotonic(self) -> timedelta:
        return self.mono

    def wall(self) -> datetime:
        return datetime(2026, 3, 2, 9, tzinfo=UTC)


@asynccontextmanager
async def following(port: int, clock: Any = None, **changes: Any) -> AsyncIterator[Follower]:
    """A client that runs, and is cancelled in the end."""
    client = AmiClient(replace(QUICK, port=port, **changes), clock=clock or SystemClock(), rng=Random(1))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(client.run())
        try:
            yield Follower(client)
        finally:
            running.cancel()


async def until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0)


# --- logging in -------------------------------------------------------------------------------------------------------


async def test_it_logs_in_by_challenge_and_tells_the_link_before_anything_else() -> None:
    async with AmiServer() as server, following(server.port) as follower:
        await follower.until("FullyBooted")
        assert isinstance(follower.entries[0], LinkUp)
        assert follower.entries[0].version == "11.0.0"
        assert follower.client.connected
        login = next(action for action in server.actions if action["Action"] == "Login")
        assert "Secret" not in login
        assert login["Events"] == "on"
        assert [action["Action"] for action in server.actions[:3]] == ["Challenge", "Login", "Ping"]


async def test_answers_to_the_client_itself_are_not_handed_on() -> None:
    async with AmiServer() as server, following(server.port) as follower:
        await server.until(lambda: server.asked("Ping") > 3)
        server.say(event("Hold"))
        await follower.until("Hold")
        assert [message.event for message in follower.messages] == ["FullyBooted", "Hold"]


async def test_on_a_pbx_that_still_boots_fully_booted_comes_when_it_is_up() -> None:
    async with AmiServer() as server:
        server.booted = False
        with structlog.testing.capture_logs() as logs:
            async with following(server.port, booted_within=timedelta()):
                await server.until(lambda: server.asked("Ping") > 5)
        assert [log["event"] for log in logs].count("ami_fully_booted_missing") == 1
        async with following(server.port) as follower:
            await follower.until(LinkUp)
            assert follower.messages == []
            server.say(lines(*opening("FullyBooted", "system,all"), ("Status", "Fully Booted"), ("Uptime", "0")))
            await follower.until("FullyBooted")


async def test_a_refused_login_is_said_once_and_tried_again_slowly() -> None:
    async with AmiServer() as server:
        with structlog.testing.capture_logs() as logs:
            async with following(server.port, secret="wrong") as follower:
                await server.until(lambda: server.asked("Login") == 3)
                await until(lambda: follower.client.failures[Fault.REFUSED] == 3)
                server.secret = "wrong"
                await follower.until(LinkUp)
        [told] = [log for log in logs if log["event"] == "ami_link_failed"]
        assert told["fault"] == "refused"
        assert "'threerings' refused (Authentication failed)" in told["reason"]
        assert "wrong" not in str(logs)
        assert isinstance(follower.entries[0], LinkUp)


async def test_without_a_challenge_the_secret_stays_here_unless_allowed() -> None:
    async with AmiServer() as server:
        server.challenges = False
        async with following(server.port) as follower:
            await until(lambda: follower.client.failures[Fault.REFUSED])
            assert server.asked("Login") == 0
        async with following(server.port, plain_login=True) as follower:
            await follower.until(LinkUp)


def test_no_repr_shows_the_secret() -> None:
    assert "'secret'" not in repr(QUICK)


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 500])
async def test_what_is_no_manager_is_named_so(greeting: bytes) -> None:
    async with AmiServer() as server:
        server.greeting = greeting
        async with following(server.port) as follower:
            await until(lambda: follower.client.failures[Fault.NOT_AMI])
            assert follower.client.feed.waiting == 0


async def test_who_says_nothing_is_given_up() -> None:
    async with AmiServer() as server:
        server.greeting = b""
        async with following(server.port, answer_within=5 * MS) as follower:
            await until(lambda: follower.client.failures[Fault.SILENT] > 1)


async def test_nobody_there_is_tried_for_ever() -> None:
    async with AmiServer() as server:
        port = server.port
    async with following(port) as follower:
        await until(lambda: follower.client.failures[Fault.UNREACHABLE] > 1)
        assert not follower.client.connected
        assert follower.client.heard_at is None
        with pytest.raises(NotConnected):
            follower.client.request("QueueStatus")
        server = AmiServer()
        server.port = port
        async with server:
            await follower.until(LinkUp)


async def test_a_connection_that_takes_too_long_is_unreachable() -> None:
    async with AmiServer() as server, following(server.port, connect_within=timedelta()) as follower:
        await until(lambda: follower.client.failures[Fault.UNREACHABLE])


@pytest.mark.parametrize("host", ["pbx..lan", "pbx\0lan", "a" * 70 + ".lan"])
async def test_a_host_that_nobody_can_have_is_unreachable_like_any_other(host: str) -> None:
    async with following(1, host=host) as follower:
        await until(lambda: follower.client.failures[Fault.UNREACHABLE] > 1)


# --- the stream -------------------------------------------------------------------------------------------------------


async def test_entries_of_a_listing_keep_their_place_among_the_events() -> None:
    async with AmiServer() as server, following(server.port) as follower:
        await follower.until("FullyBooted")
        server.entries = 2
        server.say(event("Hold"))
        number = follower.client.request("QueueStatus", Member="nobody")
        await server.until(lambda: server.asked("QueueStatus") == 1)
        server.say(event("Unhold"))
        await follower.until("Unhold")
        told = [message.event or message.headers["Response"] for message in follower.messages]
        assert told == ["FullyBooted", "Hold", "Success", "QueueEntry", "QueueEntry", "QueueStatusComplete", "Unhold"]
        answer, *listed = follower.messages[2:6]
        assert {message.action_id for message in (answer, *listed)} == {number}
        assert [message.ends_list for message in listed] == [False, False, True]
        assert server.actions[-1].get("Member", "nobody") == "nobody"


async def test_a_refused_request_is_answered_in_the_stream() -> None:
    async with AmiServer() as server, following(server.port) as follower:
        await follower.until("FullyBooted")
        number = follower.client.request("Originate")
        await follower.until("", 1)
        [refusal] = follower.found("")
        assert (refusal.action_id, refusal.succeeded) == (number, False)


async def test_a_request_that_nobody_completes_expires() -> None:
    async with AmiServer() as server, following(server.port, request_within=timedelta()) as follower:
        await follower.until("FullyBooted")
        number = follower.client.request("Silence")
        assert (await follower.until(RequestExpired)).action_id == number


async def test_answers_to_nothing_that_was_asked_are_quarantined() -> None:
    async with AmiServer() as server, following(server.port) as follower:
        await follower.until("FullyBooted")
        server.say(queue_entry(ActionID="forged-1") + lines(("Response", "Success")) + event("Hold"))
        await follower.until("Hold")
        refused = [item.reason for item in follower.items if isinstance(item, Quarantined)]
        assert refused == ["answers nothing that we asked"] * 2
        assert follower.client.quarantined == 2


@pytest.mark.parametrize("value", ["a\r\nAction: Originate", "a\n", "a\0", "a" * 1024])
async def test_what_is_said_to_the_pbx_is_one_line_of_1024_bytes(value: str) -> None:
    async with AmiServer() as server, following(server.port) as follower:
        await follower.until(LinkUp)
        with pytest.raises(ValueError, match="'Queue' of 'QueueStatus'"):
            follower.client.request("QueueStatus", Queue=value)
        follower.client.request("QueueStatus", Queue="a" * (1024 - len("Queue: \r\n")))
        await server.until(lambda: server.asked("QueueStatus") == 1)


async def test_messages_are_stamped_when_read_and_with_the_clock_of_the_pbx() -> None:
    clock = StandingClock()
    async with AmiServer() as server, following(server.port, clock) as follower:
        assert follower.client.now().wall == clock.wall()
        up = await follower.until(LinkUp)
        await follower.until("FullyBooted")
        assert up.offset == timedelta(seconds=1_700_000_000 - 100, microseconds=500_000)
        assert {entry.offset for entry in follower.entries} == {up.offset}
        clock.mono += timedelta(seconds=5)
        server.clock = "1700000001.0"
        server.say(event("Hold"))
        await follower.until("Hold")
        assert follower.entries[-1].mono == clock.mono
        now = follower.client.now()
        assert (now.mono, now.stamped) == (clock.mono, False)
        assert now.wall == datetime.fromtimestamp(1_700_000_005.5, UTC)


async def test_a_pbx_that_tells_no_time_has_ours() -> None:
    clock = StandingClock()
    async with AmiServer() as server:
        server.clock = ""
        async with following(server.port, clock) as follower:
            up = await follower.until(LinkUp)
            assert datetime.fromtimestamp((up.offset + clock.mono).total_seconds(), UTC) == clock.wall()


# --- going down -------------------------------------------------------------------------------------------------------


async def test_a_pbx_that_dies_in_the_midst_of_a_message_is_told_down_and_up_again() -> None:
    async with AmiServer() as server, following(server.port) as follower:
        await follower.until("FullyBooted")
        server.say(event("Hold") + event("Unhold")[:50])
        await follower.until("Hold")
        server.cut()
        down = await follower.until(LinkDown)
        await follower.until("FullyBooted", 2)
        assert down.reason == "the PBX closed the line"
        kinds = [type(entry) for entry in follower.entries if not isinstance(entry, Batch)]
        assert kinds == [LinkUp, LinkDown, LinkUp]
        assert "Unhold" not in [message.event for message in follower.messages]
        assert follower.client.links == 2
        assert follower.client.seen["Hold"] == 1
        assert follower.client.seen["FullyBooted"] == 2


async def test_a_line_on_which_nobody_answers_is_dead_after_two_pings() -> None:
    async with AmiServer() as server, following(server.port, ping_patience=5 * MS) as follower:
        await follower.until("FullyBooted")
        asked = server.asked("Ping")
        server.mute = True
        down = await follower.until(LinkDown)
        assert down.reason == "no answer to 2 pings"
        assert server.asked("Ping") >= asked + 2
        server.mute = False
        await follower.until(LinkUp, 2)
        assert follower.client.failures[Fault.SILENT] >= 1


def test_a_half_open_line_is_noticed_within_twelve_seconds() -> None:
    usual = AmiSettings(host="", username="", secret="", systemname=None)
    assert usual.ping_every + usual.pings_missed * usual.ping_patience <= timedelta(seconds=12)


async def test_a_pong_that_waits_behind_events_is_no_miss() -> None:
    async with AmiServer() as server, following(server.port, ping_patience=2 * MS) as follower:
        await follower.until("FullyBooted")
        server.mute = True
        for asked in range(server.asked("Ping"), server.asked("Ping") + 3):
            await server.until(lambda asked=asked: server.asked("Ping") > asked)
            server.say(event("Hold"))
            await follower.until("Hold", len(follower.found("Hold")) + 1)
        server.mute = False
        assert follower.found(LinkDown) == []


async def test_at_the_cap_the_line_is_closed_and_the_gap_told() -> None:
    async with AmiServer() as server, following(server.port, buffer_messages=100) as follower:
        await follower.until("FullyBooted")
        server.say(event("Hold") * 1000)
        await until(lambda: not follower.client.connected)
        assert follower.client.feed.waiting <= 100
        logins = server.logins
        for _ in range(20):  # no new line while the follower has more than half of the old one to do
            await asyncio.sleep(0)
        assert server.logins == logins
        down = await follower.until(LinkDown)
        assert "messages wait for the follower; the limit is 100" in down.reason
        assert follower.client.failures[Fault.OVERFLOW] == 1
        await follower.until(LinkUp, 2)


async def test_a_flood_before_the_link_is_up_ends_it_too() -> None:
    async with AmiServer() as server:
        server.greeting += event("Hold") * 20
        async with following(server.port, buffer_messages=10) as follower:
            await until(lambda: follower.client.failures[Fault.OVERFLOW])
            assert follower.client.feed.waiting == 0


async def test_a_message_without_an_end_breaks_the_line() -> None:
    async with AmiServer() as server, following(server.port) as follower:
        await follower.until("FullyBooted")
        server.say(event("Hold") + b"Event: VarSet\r\nValue: " + b"x" * 300_000)
        down = await follower.until(LinkDown)
        assert "the limit is 262,144" in down.reason
        assert len(follower.found("Hold")) == 1
        assert follower.client.failures[Fault.BROKEN] == 1


async def test_when_cancelled_it_hangs_up_and_says_so() -> None:
    async with AmiServer() as server:
        async with following(server.port) as follower:
            await follower.until("FullyBooted")
        assert (await follower.until(LinkDown)).reason == "we hung up"
        await server.until(lambda: server.hung_up == 1)
        assert not follower.client.connected
        assert follower.client.heard_at is not None
        assert follower.client.bytes > 0


async def test_how_late_the_loop_was_is_measured() -> None:
    async with AmiServer() as server, following(server.port) as follower:
        await follower.until(LinkUp)
        await until(lambda: follower.client.stall > timedelta())


# --- TLS and uvloop ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file."""
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", file, "-out", file.with_suffix(".crt")],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + file.with_suffix(".crt").read_text())
    return file


def tls_server(certificate: Path) -> AmiServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return AmiServer(tls=context)


async def test_over_tls_even_the_plain_secret_may_travel(certificate: Path) -> None:
    async with tls_server(certificate) as server:
        server.challenges = False
        async with following(server.port, tls=True, tls_ca=certificate.with_suffix(".crt")) as follower:
            await follower.until(LinkUp)


async def test_an_unknown_authority_is_a_tls_fault(certificate: Path) -> None:
    async with tls_server(certificate) as server, following(server.port, tls=True) as follower:
        await until(lambda: follower.client.failures[Fault.TLS])
        assert server.actions == []


async def test_a_missing_file_of_authorities_is_a_tls_fault(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        async with following(1, tls=True, tls_ca=tmp_path / "none.pem") as follower:
            await until(lambda: follower.client.failures[Fault.TLS])
    assert "none.pem" in logs[0]["reason"]


def test_it_works_on_uvloop() -> None:
    async def story() -> None:
        async with AmiServer() as server, following(server.port) as follower:
            await follower.until("FullyBooted")
            server.cut()
            await follower.until("FullyBooted", 2)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


def test_who_asks_a_line_that_has_just_ended_learns_it_from_the_end_and_not_by_an_error() -> None:
    # The follower may ask before the client has noticed; uvloop's transports raise when they are written to then.
    async def asked() -> Fault:
        async with AmiServer() as server:
            line = Line(codec_of(QUICK), SystemClock(), Feed(10), "t")
            await asyncio.get_running_loop().create_connection(lambda: line, "127.0.0.1", server.port)
            await line.greeted
            server.cut()
            ended = await line.closed
            line.request("QueueStatus", {}, 1000 * MS)
            assert not line.ask("Ping", {}).done()
            return ended.fault

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(asked()) is Fault.CLOSED
