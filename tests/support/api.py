"""The API with calls in memory, and somebody who asks it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, web
from aiohttp.test_utils import TestServer
from yarl import URL

from handlers.admission import bearer
from handlers.http.api.answered import Standard
from handlers.http.api.asked import House
from handlers.http.api.live import LiveApi, LiveFloor, Published
from handlers.http.api.measures import MeasuresApi
from handlers.http.api.openapi import Description, document
from handlers.http.gate import Gate
from handlers.http.health import Health, application
from handlers.http.pages import Pages
from telephony.metrics import Labels, Measures
from telephony.people.roles import Person, Role
from tests.support.days import BRANCHES, LIMITS, SHANGHAI, TARGETS
from tests.support.measuring import Archive
from tests.support.schema import check

TOKEN = "correct-horse-battery"
ZHAO = Person("zhao", Role.SUPERVISOR)
HOUSE = House(
    SHANGHAI, BRANCHES, queues=("support", "sales", "vip"), lines=("front-desk",), pbxs=("pbx1",),
    branch_names=("changzhi", "jincheng"), most=100,
)  # fmt: skip
STANDARD = Standard(LIMITS, TARGETS, timedelta(minutes=5), timedelta(minutes=60))
SCHEMAS: Any = document("9.9.9")["components"]


class Asking:
    """Whoever asks: signed in by a token, unless told otherwise."""

    def __init__(self, session: ClientSession, url: URL) -> None:
        self.session, self.url = session, url

    async def get(self, path: str, token: str | None = TOKEN, **query: Any) -> tuple[int, Any]:
        """The status, and what the JSON says; held against the description."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self.session.get(path, params=query, headers=headers) as answer:
            text = await answer.text()
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.content_type == ("application/json" if answer.status == 200 else "application/problem+json")
        told = json.loads(text)
        name = (
            {"/api/v1/measures": "Measures", "/api/v1/agents": "Measures", "/api/v1/live": "Live"}.get(path)
            if answer.status == 200
            else None
        )
        if name is not None:
            check(told, SCHEMAS["schemas"][name], SCHEMAS["schemas"])
        return answer.status, told

    async def measures(self, **query: Any) -> Any:
        """The answer of `/api/v1/measures`."""
        status, told = await self.get("/api/v1/measures", **query)
        assert status == 200, told
        return told


@asynccontextmanager
async def asking(
    archive: Archive,
    floors: dict[str, LiveFloor] | None = None,
    published: Published | None = None,
    tell_seconds: float = 30,
    person: Person = ZHAO,
) -> AsyncIterator[Asking]:
    """Whoever asks, for as long as the block runs."""

    async def who(request: web.Request) -> Person | None:
        return person if bearer(request) == TOKEN else None

    pages = Pages(SHANGHAI, "9.9.9")
    app = application(Health(Measures(Labels(("pbx1",))), list, None))
    Gate(who, lambda: archive.passed).setup(app)
    pages.setup(app)
    measures = MeasuresApi(archive.measuring(), HOUSE, STANDARD, lambda: archive.wall, tell_seconds)
    app.add_routes(measures.routes())
    app.add_routes(LiveApi(floors or {}, published or Published(), lambda: archive.wall).routes())
    app.add_routes(Description(pages, "9.9.9").routes())
    server, jar = TestServer(app), DummyCookieJar()
    async with server, ClientSession(base_url=server.make_url("/"), cookie_jar=jar) as session:
        yield Asking(session, server.make_url("/"))
