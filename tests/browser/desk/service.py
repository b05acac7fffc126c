"""The desk's page with a `/ws` whose every word is the test's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from handlers.http.pages import Pages
from handlers.http.pages.desk import DeskPage
from tests.browser.windows import leave

PATIENCE = 10.0
Message = dict[str, Any]


class Conversation:
    """One WebSocket, from its hello on."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self.hello: Message = {}

    async def heard(self) -> Message:
        """The next message of the page."""
        message = await self._socket.receive(PATIENCE)
        assert message.type is WSMsgType.TEXT, message
        found: Message = message.json()
        return found

    async def say(self, **message: Any) -> None:
        """One message to the page."""
        await self._socket.send_json(message)

    async def welcome(self, *calls: Message, **more: Any) -> None:
        """Everything the desk shows now."""
        limits = {"rings": 3, "ring_seconds": 5.0, "long_talk_seconds": 300}
        agent = {"name": "1001", "title": "张敏"}
        await self.say(**{"type": "welcome", "v": 1, "agent": agent, "limits": limits, "calls": calls} | more)

    async def call(self, seq: int, call: Message) -> None:
        """One call is now so."""
        await self.say(type="call", seq=seq, call=call)

    async def close(self, code: int) -> None:
        """Hang up."""
        await self._socket.close(code=code)


class Service:
    """The page and its WebSocket.

    Attributes:
        url: of the desk.
        asked: every address that was asked for, with its query.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._waiting: asyncio.Queue[Conversation] = asyncio.Queue()
        pages = Pages(ZoneInfo("Asia/Shanghai"), "0.1.0")
        self._app = web.Application(middlewares=[self._note])
        pages.setup(self._app)
        self._app.add_routes([*DeskPage(pages).routes(), web.get("/ws", self._talk)])
        self._end = asyncio.Event()
        self.url = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        """For as long as the block runs."""
        async with TestServer(self._app) as server:
            self.url = str(server.make_url("/desk"))
            yield self
            await leave(self.url)
            self._end.set()

    async def conversation(self) -> Conversation:
        """The next WebSocket that a page has opened."""
        found = await asyncio.wait_for(self._waiting.get(), PATIENCE)
        found.hello = await found.heard()
        return found

    @property
    def nobody_came(self) -> bool:
        """No page has opened a WebSocket that was not yet asked for."""
        return self._waiting.empty()

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(str(request.rel_url))
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._waiting.put_nowait(Conversation(socket))
        await self._end.wait()  # the test reads and writes
        await socket.close()
        return socket
