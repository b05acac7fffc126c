"""Screens on real connections: who gets in, what they are told, and what they cannot do to each other."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import (
    ClientSession,
    ClientWebSocketResponse,
    ClientWSTimeout,
    TCPConnector,
    WSMsgType,
    WSServerHandshakeError,
    web,
)
from aiohttp.test_utils import TestServer

from handlers.admission import SIGNING_IN_EACH
from handlers.screens import Screens
from handlers.websocket import Sockets
from telephony.calls.effects import SaveCall
from telephony.people.roles import Person, Role
from telephony.screenpop.board import Desk
from tests.screenpop.desks import LIMITS, QUEUES, Counted, desk
from tests.support.story import Story

TOKENS = {"1001": "token of 1001 ********", "1002": "token of 1002 ********"}
LIMIT = 10.0


@dataclass
class House:
    """The service as far as screens go, and its clients."""

    screens: Screens
    sockets: Sockets
    server: TestServer
    session: ClientSession
    measured: Counted
    story: Story
    opened: list[ClientWebSocketResponse] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    async def connect(self, *, origin: str | None = "", **more: Any) -> ClientWebSocketResponse:
        """A browser's handshake, from our own page unless another origin is given (None: no browser)."""
        headers = more.pop("headers", {})
        if origin is not None:
            headers = {"Origin": origin or self.origin} | headers
        socket = await self.session.ws_connect(
            self.server.make_url("/ws"), headers=headers, timeout=ClientWSTimeout(ws_close=2), **more
        )
        self.opened.append(socket)
        return socket

    async def signs_in(self, agent: str) -> "Client":
        client = Client(await self.connect(), [])
        await client.says(type="hello", v=1, token=TOKENS[agent])
        assert (await client.hears("welcome"))["agent"]["name"] == agent
        return client

    def tells(self, story: Callable[[Story], object]) -> None:
        """This happens, and the screens are told."""
        before = len(self.story.effects)
        story(self.story)
        for effect in self.story.effects[before:]:
            if isinstance(effect, SaveCall):
                self.screens.follow(effect.call, asyncio.get_running_loop().time())


@dataclass
class Client:
    """One screen; `heard` is all it was told."""

    socket: ClientWebSocketResponse
    heard: list[dict[str, Any]]

    async def says(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT):
            message = await self.socket.receive()
        assert message.type is WSMsgType.TEXT, message
        document: dict[str, Any] = json.loads(message.data)
        self.heard.append(document)
        return document

    async def hears(self, kind: str) -> dict[str, Any]:
        """The next message of this kind."""
        while (document := await self.next())["type"] != kind:
            pass
        return document

    async def shows(self, phase: str) -> dict[str, Any]:
        """The next call in this phase."""
        while (document := await self.hears("call"))["call"]["phase"] != phase:
            pass
        return document

    async def closed(self) -> tuple[str | None, int | None]:
        """Reason and code of the end."""
        reason = None
        async with asyncio.timeout(LIMIT):
            while (message := await self.socket.receive()).type is WSMsgType.TEXT:
                document = json.loads(message.data)
                reason = document.get("reason") if document["type"] == "bye" else reason
        return reason, self.socket.close_code


Opens = Callable[..., Any]


@pytest.fixture
async def opens() -> AsyncIterator[Opens]:
    """Opens houses, and closes them."""
    async with asyncio.TaskGroup() as tasks:
        open_ones: list[tuple[House, asyncio.Task[None]]] = []

        async def open_one(
            *, desks: tuple[Desk, ...] = (desk("1001"), desk("1002")), tokens: dict[str, str] | None = None, **more: Any
        ) -> House:
            clock = asyncio.get_running_loop().time
            measured = Counted()
            most = more.pop("most", 2000)
            screens = Screens(desks, QUEUES, LIMITS, asks=None, measured=measured, clock=clock, most=most)
            sockets = Sockets(screens, tokens or TOKENS, more.pop("origins", ()), clock, **more)
            app = web.Application()
            app.add_routes([sockets.route()])
            server = TestServer(app)
            await server.start_server()
            house = House(screens, sockets, server, ClientSession(connector=TCPConnector(limit=0)), measured, Story())
            open_ones.append((house, tasks.create_task(screens.run())))
            return house

        yield open_one
        for house, running in open_ones:
            house.sockets.stop()
            await asyncio.gather(*(socket.close() for socket in house.opened))
            await house.session.close()
            await house.server.close()
            running.cancel()
            assert house.measured.open == 0


@pytest.fixture
async def house(opens: Opens) -> House:
    made: House = await opens()
    return made


def rings_both(story: Story) -> object:
    return story.arrives("caller", caller_name="<img src=x onerror=alert(1)>").joins("support").rings("1001", "1002")


# --- who gets in ---


async def test_a_page_of_another_site_opens_no_screen(house: House) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "ftp://127.0.0.1", "http://[", "file://"):
        with pytest.raises(WSServerHandshakeError) as refused:
            await house.connect(origin=origin, headers={"Authorization": f"Bearer {TOKENS['1001']}"})
        assert refused.value.status == 403


async def test_other_origins_may_be_named(opens: Opens) -> None:
    house = await opens(origins=("https://Calls.example.com",))
    socket = await house.connect(origin="https://calls.example.com")
    await socket.close()


async def test_without_an_origin_a_bearer_token_is_needed(house: House) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await house.connect(origin=None)
    assert refused.value.status == 403
    socket = await house.connect(origin=None, headers={"Authorization": f"Bearer {TOKENS['1002']}"})
    assert (await Client(socket, []).next())["agent"] == {"name": "1002", "title": "Agent 1002"}


async def test_a_wrong_bearer_token_is_refused_in_the_handshake(house: House) -> None:
    for header in ("Bearer wrong", "Bearer "):
        with pytest.raises(WSServerHandshakeError) as refused:
            await house.connect(origin=None, headers={"Authorization": header})
        assert refused.value.status == 401


async def test_a_wrong_token_in_hello_is_told_and_not_to_be_tried_again(house: House) -> None:
    client = Client(await house.connect(), [])
    await client.says(type="hello", v=1, token="\ud800 wrong")
    assert await client.closed() == ("bad_token", 4401)


class Account:
    """Whoever asks by an account; nobody until it is said."""

    def __init__(self, desk: str | None = "1001", role: Role = Role.AGENT) -> None:
        self.person: Person | None = Person("zhao", role, desk=desk, account=True)

    def __call__(self, _request: web.Request) -> Person | None:
        return self.person


async def test_an_account_that_is_bound_to_a_desk_opens_it_without_a_token(opens: Opens) -> None:
    house = await opens(who=Account())
    client = Client(await house.connect(), [])
    await client.says(type="hello", v=1, token="")
    assert (await client.hears("welcome"))["agent"]["name"] == "1001"
    program = await house.connect(origin=None, headers={"Authorization": "Bearer tr_whatever"})
    assert (await Client(program, []).next())["agent"]["name"] == "1001"


async def test_a_token_that_is_said_comes_before_the_account_so_that_one_browser_has_two_desks(opens: Opens) -> None:
    house = await opens(who=Account())
    client = Client(await house.connect(), [])
    await client.says(type="hello", v=1, token=TOKENS["1002"])
    assert (await client.hears("welcome"))["agent"]["name"] == "1002"


@pytest.mark.parametrize(("desk", "role", "end"), [
    (None, Role.AGENT, ("no_desk", 4403)),
    ("gone", Role.AGENT, ("no_desk", 4403)),
    ("1001", Role.QUALITY, ("sign_in", 4401)),
])  # fmt: skip
async def test_an_account_without_a_desk_or_the_right_to_one_is_told_so(
    opens: Opens, desk: str | None, role: Role, end: tuple[str, int]
) -> None:
    house = await opens(who=Account(desk, role))
    client = Client(await house.connect(), [])
    await client.says(type="hello", v=1, token="")
    assert await client.closed() == end
    with pytest.raises(WSServerHandshakeError) as refused:
        await house.connect(origin=None, headers={"Authorization": "Bearer tr_whatever"})
    assert refused.value.status == (403 if end[0] == "no_desk" else 401)


async def test_who_signs_out_or_loses_his_desk_is_shown_no_more_calls(opens: Opens) -> None:
    account = Account()
    house = await opens(who=account)
    client = Client(await house.connect(), [])
    await client.says(type="hello", v=1, token="")
    await client.hears("welcome")
    by_token = await house.signs_in("1001")
    await house.sockets.look()
    account.person = None
    await house.sockets.look()
    assert await client.closed() == ("signed_out", 4401)
    house.tells(rings_both)
    assert (await by_token.hears("call"))["call"]["phase"] == "ringing"


async def guesses(house: House, times: int) -> list[int]:
    """Wrong tokens from this address; what was answered."""
    answers = []
    for _ in range(times):
        with pytest.raises(WSServerHandshakeError) as refused:
            await house.connect(origin=None, headers={"Authorization": "Bearer guess"})
        answers.append(refused.value.status)
    return answers


async def test_who_guesses_tokens_has_to_wait_and_is_not_told_for_good_that_his_is_wrong(house: House) -> None:
    assert await guesses(house, 12) == [401] * 10 + [429] * 2
    client = Client(await house.connect(), [])
    await client.says(type="hello", v=1, token="guess")
    assert await client.closed() == ("locked_out", 1013)


async def test_a_right_token_comes_in_whoever_else_guesses_behind_the_same_address(house: House) -> None:
    early = Client(await house.connect(), [])
    await guesses(house, 10)
    await early.says(type="hello", v=1, token=TOKENS["1001"])
    assert (await early.hears("welcome"))["agent"]["name"] == "1001"
    await house.signs_in("1002")
    bearer = await house.connect(origin=None, headers={"Authorization": f"Bearer {TOKENS['1002']}"})
    assert (await Client(bearer, []).next())["agent"]["name"] == "1002"


async def test_who_says_nothing_is_not_waited_for(opens: Opens) -> None:
    house = await opens(hello_seconds=0.05)
    assert await Client(await house.connect(), []).closed() == ("hello_late", 4408)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "no_json"),
        ("[" * 4000, "no_json"),
        ("{}", "bad_message"),
        ("[]", "bad_message"),
        ('{"type":"hello","v":2,"token":"x"}', "version"),
        ('{"type":"hello","v":true,"token":"x"}', "version"),
        ('{"type":"hello","v":1,"token":7}', "bad_message"),
        ('{"type":"seen","seq":1}', "bad_message"),
        ('{"type":"turn","page":1}', "bad_message"),
    ],
)
async def test_what_is_no_hello_ends_the_connection(house: House, said: str, reason: str) -> None:
    client = Client(await house.connect(), [])
    await client.socket.send_str(said)
    assert await client.closed() == (reason, 4400)


@pytest.mark.parametrize("seq", ['"1"', "true", "1.5", "-1", "0", "null", "9" * 400])
async def test_what_is_no_number_is_not_seen(house: House, seq: str) -> None:
    client = await house.signs_in("1001")
    await client.socket.send_str(f'{{"type":"seen","seq":{seq}}}')
    assert await client.closed() == ("bad_message", 4400)


async def test_a_desk_has_no_pages_to_turn(house: House) -> None:
    client = await house.signs_in("1001")
    await client.says(type="turn", page=1)
    assert await client.closed() == ("bad_message", 4400)


async def test_nobody_signs_in_twice(house: House) -> None:
    client = await house.signs_in("1001")
    await client.says(type="hello", v=1, token=TOKENS["1002"])
    assert await client.closed() == ("bad_message", 4400)


async def test_binary_frames_and_giants_end_the_connection(house: House) -> None:
    client = await house.signs_in("1001")
    await client.socket.send_bytes(b"{}")
    assert await client.closed() == ("bad_message", 4400)
    client = await house.signs_in("1001")
    await client.socket.send_str("x" * 5000)
    assert (await client.closed())[1] == 1009


@pytest.mark.parametrize("what", ["seen", "ping"])
async def test_who_talks_too_much_is_cut_off(house: House, what: str) -> None:
    client, other = await house.signs_in("1001"), await house.signs_in("1002")
    for number in range(40):
        if what == "seen":
            await client.says(type="seen", seq=number + 1)
        else:
            await client.socket.ping()
    assert await client.closed() == ("flood", 4400)
    house.tells(rings_both)
    await other.shows("ringing")


async def test_the_fourth_screen_of_an_agent_takes_over_from_the_first(house: House) -> None:
    clients = [await house.signs_in("1001") for _ in range(4)]
    assert await clients[0].closed() == ("too_many", 4429)
    house.tells(rings_both)
    for client in clients[1:]:
        await client.shows("ringing")
    assert house.measured.open == 3


async def test_only_so_many_may_be_signing_in(opens: Opens) -> None:
    house = await opens(signing_in=1)
    first = await house.connect()
    assert await Client(await house.connect(), []).closed() == ("busy", 1013)
    await first.close()


async def test_no_address_takes_every_place_of_those_who_sign_in(house: House) -> None:
    waiting = [await house.connect() for _ in range(SIGNING_IN_EACH)]
    assert await Client(await house.connect(), []).closed() == ("busy", 1013)
    async with ClientSession(connector=TCPConnector(local_addr=("127.0.0.2", 0))) as elsewhere:
        socket = await elsewhere.ws_connect(house.server.make_url("/ws"), headers={"Origin": house.origin})
        client = Client(socket, [])
        await client.says(type="hello", v=1, token=TOKENS["1001"])
        await client.hears("welcome")
        await socket.close()
    await waiting[0].close()
    await house.signs_in("1002")


async def test_acknowledging_all_that_was_told_is_never_too_much(house: House) -> None:
    client = await house.signs_in("1001")
    told = []
    for number in range(60):
        name = f"caller{number}"
        house.tells(lambda story: story.arrives(name).joins("support").rings(f"1001#{name}"))  # noqa: B023 - at once
        told.append((await client.shows("ringing"))["seq"])
    for seq in told:
        await client.says(type="seen", seq=seq)
    async with asyncio.timeout(LIMIT):
        while len(house.measured.seconds) < len(told):
            await asyncio.sleep(0)
    assert not house.measured.drops
    with contextlib.suppress(ConnectionError):
        for _ in range(400):
            await client.says(type="seen", seq=1)
    assert (await client.closed())[0] == "flood"


async def test_only_so_many_screens_are_open(opens: Opens) -> None:
    house = await opens(most=1)
    first = await house.signs_in("1001")
    client = Client(await house.connect(), [])
    await client.says(type="hello", v=1, token=TOKENS["1002"])
    assert await client.closed() == ("busy", 1013)
    house.tells(rings_both)
    await first.shows("ringing")


# --- what they are told ---


async def test_all_phones_ring_and_one_answers(house: House) -> None:
    first, second = await house.signs_in("1001"), await house.signs_in("1002")
    house.tells(rings_both)
    for client in (first, second):
        shown = await client.shows("ringing")
        assert shown["call"]["caller"] == "02112345678"
        assert shown["call"]["caller_name"] == "<img src=x onerror=alert(1)>"
        assert (shown["call"]["queue_title"], shown["call"]["greeting"]) == ("客户咨询", "您好，…")
        await client.says(type="seen", seq=shown["seq"])
    house.tells(lambda story: story.at(4).talks_with("1001"))
    assert (await first.shows("talking"))["call"]["rings"] == 1
    assert (await second.shows("withdrawn"))["call"]["reason"] == "elsewhere"
    house.tells(lambda story: story.at(9).hangs_up().gone().gone("1001").passes(20))
    ended = (await first.shows("ended"))["call"]
    assert (ended["talking_seconds"], ended["hung_up_by"], ended["waited_seconds"]) == (5.0, "caller", 4.0)
    calls = [heard["call"]["phase"] for heard in second.heard if heard["type"] == "call"]
    assert calls == ["ringing", "withdrawn"]
    assert len(house.measured.seconds) == 2
    assert not house.measured.drops


async def test_a_reload_in_mid_ring_shows_the_call_again(house: House) -> None:
    first = await house.signs_in("1001")
    house.tells(lambda story: story.arrives("caller").at(2).joins("support").at(3).rings("1001"))
    told = await first.shows("ringing")
    await first.socket.close()
    again = Client(await house.connect(), [])
    await again.says(type="hello", v=1, token=TOKENS["1001"])
    (call,) = (await again.hears("welcome"))["calls"]
    assert (call["id"], call["phase"]) == (told["call"]["id"], "ringing")
    assert 1.0 <= call["waited_seconds"] < 2.0
    house.tells(lambda story: story.at(6).talks_with("1001"))
    assert (await again.shows("talking"))["call"]["id"] == call["id"]
    assert house.measured.drops == {"closed": 1}


async def test_the_pop_comes_before_the_history_and_without_it(house: House) -> None:
    client = await house.signs_in("1001")
    house.tells(rings_both)
    assert (await client.shows("ringing"))["call"]["earlier"]["state"] == "asking"
    found = await client.hears("earlier")
    assert (found["earlier"]["state"], found["earlier"]["reason"]) == ("unavailable", "database")


async def test_a_screen_that_does_not_read_hurts_only_itself(opens: Opens) -> None:
    house = await opens(send_seconds=0.2)
    # A token is all it says; then it never reads.
    reader, writer = await asyncio.open_connection(house.server.host, house.server.port, limit=1024)
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKENS['1001']}\r\n".encode()
        + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    good = await house.signs_in("1001")
    number = 0
    async with asyncio.timeout(60):
        while house.measured.drops["slow"] == 0:
            number += 1
            name, leg = f"caller{number}", f"1001#{number}"
            house.tells(lambda story: story.arrives(name, caller_name="长" * 128).joins("support").rings(leg))  # noqa: B023 - at once
            await good.shows("ringing")
            house.tells(lambda story: story.hangs_up(name).unserved(name).leaves(name).gone(name).gone(leg))  # noqa: B023 - the same
            await good.shows("withdrawn")
    assert house.measured.open == 1
    house.tells(lambda story: story.arrives("last").joins("support").rings("1001#last"))
    await good.shows("ringing")
    writer.transport.abort()


async def test_five_hundred_screens_each_get_their_pop(opens: Opens) -> None:
    names = [str(number) for number in range(2000, 2500)]
    house = await opens(
        desks=tuple(desk(name) for name in names), tokens={name: f"token of {name} ********" for name in names}
    )
    sockets = [
        await house.connect(origin=None, headers={"Authorization": f"Bearer token of {name} ********"})
        for name in names
    ]
    clients = [Client(socket, []) for socket in sockets]
    assert house.measured.open == 500
    for name in names:
        house.tells(lambda story, name=name: story.arrives(f"for {name}").joins("support").rings(name))
    for name, client in zip(names, clients, strict=True):
        shown = await client.shows("ringing")
        assert client.heard[0]["agent"]["name"] == name
        await client.says(type="seen", seq=shown["seq"])
    while len(house.measured.seconds) < 500:
        await asyncio.sleep(0)
    assert not house.measured.drops


# --- the end ---


async def test_at_the_end_everybody_is_told_within_a_second(house: House) -> None:
    signed_in, signing_in = await house.signs_in("1001"), Client(await house.connect(), [])
    loop = asyncio.get_running_loop()
    began = loop.time()
    house.sockets.stop()
    assert await signed_in.closed() == ("restart", 1012)
    assert await signing_in.closed() == ("restart", 1012)
    assert loop.time() - began < 1
    with pytest.raises(WSServerHandshakeError) as refused:
        await house.connect()
    assert refused.value.status == 503
