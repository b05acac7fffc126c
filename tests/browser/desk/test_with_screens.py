"""The page and the service's own screens understand each other: the story of a call on two desks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from handlers.http.pages import Pages
from handlers.http.pages.desk import DeskPage
from handlers.screens import Screens
from handlers.websocket import Sockets
from telephony.calls.effects import SaveCall
from tests.browser.windows import OpenPage
from tests.screenpop.desks import LIMITS, QUEUES, Counted, desk
from tests.support.story import Story

pytestmark = pytest.mark.browser
TOKENS = {"1001": "token of 1001 ********", "1002": "token of 1002 ********"}
HOSTILE = "<img src=x onerror=alert(1)>"


class House:
    """Pages and screens of two agents, and the story that they are told."""

    def __init__(self) -> None:
        clock = asyncio.get_running_loop().time
        self.measured, self.story = Counted(), Story()
        self.screens = Screens(
            [desk("1001"), desk("1002")], QUEUES, LIMITS, asks=None, measured=self.measured, clock=clock
        )
        self.sockets = Sockets(self.screens, TOKENS, (), clock)
        pages = Pages(ZoneInfo("Asia/Shanghai"), "0.1.0")
        app = web.Application()
        pages.setup(app)
        app.add_routes([*DeskPage(pages).routes(), self.sockets.route()])
        self.server = TestServer(app)

    def desk(self, agent: str) -> str:
        """Where his desk is, with his token."""
        return str(self.server.make_url("/desk")) + "#token=" + TOKENS[agent].replace(" ", "%20")

    def tells(self, story: Callable[[Story], object]) -> None:
        """This happens."""
        before = len(self.story.effects)
        story(self.story)
        for effect in self.story.effects[before:]:
            if isinstance(effect, SaveCall):
                self.screens.follow(effect.call, asyncio.get_running_loop().time())


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    async with made.server, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.screens.run())
        yield made
        made.sockets.stop()
        running.cancel()


async def test_a_call_rings_on_two_desks_one_answers_and_the_other_is_told(house: House, open_page: OpenPage) -> None:
    first, second = await open_page(house.desk("1001")), await open_page(house.desk("1002"))
    for page in (first, second):
        await expect(page.locator("#state")).to_contain_text("已连接")

    house.tells(lambda story: story.arrives("caller", caller_name=HOSTILE).joins("support").rings("1001", "1002"))
    for page in (first, second):
        await expect(page.locator(".call")).to_have_attribute("data-phase", "ringing")
        await expect(page.locator(".call .name")).to_have_text(HOSTILE)
        await expect(page.locator(".call [data-part='queue']")).to_have_text("客户咨询")
        assert await page.locator(".call img").count() == 0

    await second.reload()
    await expect(second.locator(".call")).to_have_attribute("data-phase", "ringing")

    house.tells(lambda story: story.at(7).talks_with("1001"))
    await expect(first.locator(".call")).to_have_attribute("data-phase", "talking")
    await expect(second.locator(".call .phase")).to_contain_text("同事已接听")
    await expect(first.locator(".call [data-part='rings']")).to_have_text("2 声（标准 3 声）")

    house.tells(lambda story: story.at(67).hangs_up("caller").gone("caller"))
    await expect(first.locator(".call")).to_have_attribute("data-phase", "ended")
    await expect(first.locator(".call [data-part='talk']")).to_have_text("1:00")
    assert len(house.measured.seconds) == 2
