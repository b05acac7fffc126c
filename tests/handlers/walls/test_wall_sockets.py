"""Who may see what hangs on the walls, over real connections; and how a screen is closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, DummyCookieJar, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestServer

from handlers.admission import SIGNING_IN_EACH
from handlers.http.pages.people import COOKIE, HOURS
from handlers.walls.painting import ROWS
from handlers.walls.screens import LOOKED_AFTER
from tests.support.days import answered, o_clock
from tests.support.walls import LOBBY, OFFICE, ZHAO, Hall

NOON = o_clock("12:00")
LIMIT = 10.0


class Visitor:
    """Somebody who connects, as a browser unless a test says otherwise."""

    def __init__(self, hall: Hall, server: TestServer, session: ClientSession) -> None:
        self.hall, self._server, self._session = hall, server, session

    @property
    def origin(self) -> str:
        return str(self._server.make_url("/")).rstrip("/")

    async def connects(
        self, path: str = "/ws/wall", origin: str | None = "", **headers: str
    ) -> ClientWebSocketResponse:
        if origin is not None:
            headers["Origin"] = origin or self.origin
        return await self._session.ws_connect(self._server.make_url(path), headers=headers)

    async def greets(self, path: str = "/ws/wall", token: str = "", **headers: str) -> ClientWebSocketResponse:
        socket = await self.connects(path, **headers)
        await socket.send_str(json.dumps({"type": "hello", "v": 1, "token": token}))
        return socket

    async def cookie(self) -> str:
        fields = {"token": ZHAO}
        url = self._server.make_url("/sign-in")
        async with self._session.post(
            url, data=fields, headers={"Origin": self.origin}, allow_redirects=False
        ) as answer:
            return f"{COOKIE}={answer.cookies[COOKIE].value}"


@asynccontextmanager
async def visiting(hall: Hall) -> AsyncIterator[Visitor]:
    async with TestServer(hall.application()) as server, ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield Visitor(hall, server, session)
        hall.sockets.stop()


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with visiting(Hall([answered(1, NOON)])) as one:
        yield one


async def heard(socket: ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT):
        message = await socket.receive()
    assert message.type is WSMsgType.TEXT, message
    document: dict[str, Any] = json.loads(message.data)
    return document


async def closed(socket: ClientWebSocketResponse) -> tuple[str | None, int | None]:
    """Reason and code of the end."""
    reason = None
    async with asyncio.timeout(LIMIT):
        while (message := await socket.receive()).type is WSMsgType.TEXT:
            document = json.loads(message.data)
            reason = document.get("reason") if document["type"] == "bye" else reason
    return reason, socket.close_code


# --- who may look ---


async def test_a_supervisor_who_is_signed_in_sees_every_branch_by_his_cookie(visitor: Visitor) -> None:
    socket = await visitor.greets(Cookie=await visitor.cookie())
    welcome = await heard(socket)
    assert (welcome["person"], [one["name"] for one in welcome["branches"]]) == ("zhao", ["changzhi", "jincheng"])
    assert (await heard(socket))["now"]["calls"] == 1
    await socket.close()
    socket = await visitor.greets("/ws/wall?branch=jincheng", Cookie=await visitor.cookie())
    assert (await heard(socket))["branch"]["name"] == "jincheng"
    await socket.close()


async def test_a_wall_sees_its_branch_by_its_token_and_no_other(visitor: Visitor) -> None:
    for path in ("/ws/wall", "/ws/wall?branch=changzhi"):
        socket = await visitor.greets(path, LOBBY)
        welcome = await heard(socket)
        assert (welcome["branch"]["name"], welcome["branches"], welcome["person"]) == ("changzhi", [], "")
        await socket.close()
    assert await closed(await visitor.greets("/ws/wall?branch=jincheng", LOBBY)) == ("not_yours", 4403)


async def test_who_looks_may_turn_the_page(visitor: Visitor) -> None:
    for n in range(2 * ROWS):
        visitor.hall.today.follow(answered(n, NOON, queue=f"q{n:03}"))
    socket = await visitor.greets(token=OFFICE)
    assert [(await heard(socket))["type"] for _ in range(2)] == ["welcome", "picture"]
    await socket.send_json({"type": "turn", "page": 2})
    told = {"now": {"page": 0}}
    while told["now"]["page"] == 0:
        visitor.hall.passes(1)
        told = await heard(socket)
    assert (told["now"]["page"], told["now"]["pages"]) == (2, 3)
    await socket.close()


async def test_who_is_bound_to_branches_sees_these_alone_and_the_first_unless_he_chooses(visitor: Visitor) -> None:
    hall, cookie = visitor.hall, await visitor.cookie()
    hall.bound_people = frozenset({"jincheng"})
    socket = await visitor.greets(Cookie=cookie)
    welcome = await heard(socket)
    assert (welcome["branch"]["name"], welcome["branches"], welcome["person"]) == ("jincheng", [], "zhao")
    hall.bound_people = frozenset({"changzhi"})
    hall.passes(LOOKED_AFTER)
    assert await closed(socket) == ("signed_out", 4401)
    assert await closed(await visitor.greets("/ws/wall?branch=jincheng", Cookie=cookie)) == ("not_yours", 4403)
    hall.bound_people = frozenset({"closed-down"})
    assert await closed(await visitor.greets(Cookie=cookie)) == ("not_yours", 4403)


async def test_a_wall_that_is_bound_to_none_may_choose(visitor: Visitor) -> None:
    socket = await visitor.greets("/ws/wall?branch=jincheng", OFFICE)
    assert len((await heard(socket))["branches"]) == 2
    await socket.close()


async def test_a_branch_that_is_not_there_is_said_so(visitor: Visitor) -> None:
    assert await closed(await visitor.greets("/ws/wall?branch=", OFFICE)) == ("no_branch", 4404)


async def test_nobody_is_asked_to_sign_in_and_a_wrong_token_is_told(visitor: Visitor) -> None:
    assert await closed(await visitor.greets()) == ("sign_in", 4401)
    assert await closed(await visitor.greets(token="\ud800 wrong")) == ("bad_token", 4401)
    assert await closed(await visitor.greets(Cookie=f"{COOKIE}=x.1.y")) == ("sign_in", 4401)


async def test_the_token_of_a_supervisor_is_none_of_a_wall(visitor: Visitor) -> None:
    assert await closed(await visitor.greets(token=ZHAO)) == ("bad_token", 4401)


async def test_where_the_page_is_open_to_all_nobody_is_asked() -> None:
    hall = Hall()
    hall.open_to_all = True
    async with visiting(hall) as visitor:
        socket = await visitor.greets()
        assert (await heard(socket))["person"] == ""
        await socket.close()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_page_of_another_site_sees_nothing_even_with_the_cookie(visitor: Visitor, origin: str) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await visitor.connects(origin=origin, Cookie=await visitor.cookie())
    assert refused.value.status == 403


async def test_what_is_no_browser_shows_a_token_in_the_handshake(visitor: Visitor) -> None:
    for token, name in ((LOBBY, "changzhi"), (ZHAO, None)):
        socket = await visitor.connects(origin=None, Authorization=f"Bearer {token}")
        assert (await heard(socket))["branch"]["name"] == name
        await socket.close()
    for headers, status in (({}, 403), ({"Authorization": "Bearer wrong"}, 401)):
        with pytest.raises(WSServerHandshakeError) as refused:
            await visitor.connects(origin=None, **headers)
        assert refused.value.status == status


async def test_who_guesses_has_to_wait_and_a_right_token_comes_in_all_the_same(visitor: Visitor) -> None:
    for _ in range(10):
        assert await closed(await visitor.greets(token="guess")) == ("bad_token", 4401)
    assert await closed(await visitor.greets(token="guess")) == ("locked_out", 1013)
    with pytest.raises(WSServerHandshakeError) as refused:
        await visitor.connects(origin=None, Authorization="Bearer guess")
    assert refused.value.status == 429
    socket = await visitor.greets(token=LOBBY)
    assert (await heard(socket))["type"] == "welcome"
    await socket.close()


async def test_a_sign_in_that_is_over_ends_the_screen(visitor: Visitor) -> None:
    socket = await visitor.greets(Cookie=await visitor.cookie())
    await heard(socket)
    visitor.hall.passes(LOOKED_AFTER)
    visitor.hall.passes(HOURS * 3600)
    assert await closed(socket) == ("signed_out", 4401)


# --- what they may not do to each other ---


@pytest.mark.parametrize(
    ("said", "end"),
    [
        ("", ("no_json", 4400)),
        ('{"type":"hello","v":2,"token":""}', ("version", 4400)),
        ('{"type":"seen","seq":1}', ("bad_message", 4400)),
    ],
)
async def test_what_is_no_hello_ends_the_connection(visitor: Visitor, said: str, end: tuple[str, int]) -> None:
    socket = await visitor.connects()
    await socket.send_str(said)
    assert await closed(socket) == end


async def test_who_says_nothing_is_not_waited_for_nor_may_one_address_take_every_place() -> None:
    hall = Hall()
    hall.sockets = hall.door(hello_seconds=1.0)  # time enough for all places to be taken on a busy machine
    async with visiting(hall) as visitor:
        waiting = [await visitor.connects() for _ in range(SIGNING_IN_EACH)]
        assert await closed(await visitor.connects()) == ("busy", 1013)
        assert await closed(waiting[0]) == ("hello_late", 4408)
        gone = await visitor.connects()
        await gone.close()


async def test_a_screen_too_many_is_told_to_come_later() -> None:
    async with visiting(Hall(most=1)) as visitor:
        first = await visitor.greets(token=LOBBY)
        await heard(first)
        assert await closed(await visitor.greets(token=OFFICE)) == ("busy", 1013)
        await first.close()


async def test_a_screen_that_takes_nothing_is_closed_counted_and_keeps_nobody_waiting() -> None:
    hall = Hall([answered(n, NOON, queue=f"{n:03}" * 20) for n in range(60)])
    hall.sockets = hall.door(send_seconds=0.2)
    async with visiting(hall) as visitor:
        slow, other = await visitor.greets(token=OFFICE), await visitor.greets(token=LOBBY)
        await heard(slow)
        await heard(other)
        transport = slow._conn.transport  # type: ignore[union-attr]
        transport.pause_reading()  # type: ignore[union-attr]
        async with asyncio.timeout(LIMIT):
            while not hall.measured.ends["slow"]:
                hall.passes(11)
                assert (await heard(other))["type"] == "picture"
                await asyncio.sleep(0)
        transport.resume_reading()  # type: ignore[union-attr]
        assert len(hall.walls) == 1
        await slow.close()
        await other.close()


async def test_a_stop_says_goodbye_to_who_looks_and_to_who_is_at_the_door(visitor: Visitor) -> None:
    looking, standing = await visitor.greets(token=LOBBY), await visitor.connects()
    await heard(looking)
    visitor.hall.sockets.stop()
    assert await closed(looking) == ("restart", 1012)
    assert await closed(standing) == ("restart", 1012)
    with pytest.raises(WSServerHandshakeError) as refused:
        await visitor.connects()
    assert refused.value.status == 503
