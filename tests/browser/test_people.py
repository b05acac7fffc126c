"""Signing in for pages, and the pages of errors, as a real browser meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from handlers.http.gate import WHO
from handlers.http.health import problems
from handlers.http.pages import Pages
from handlers.http.pages.people import COOKIE, People
from telephony.people.roles import Person, Role

from .windows import DESKTOP, PHONE, OpenPage, accessible, picture

pytestmark = pytest.mark.browser
TOKEN = "correct-horse-battery"
REFUSED = r"Failed to load resource: the server responded with a status of (403|404)"


@pytest_asyncio.fixture
async def house() -> AsyncIterator[str]:
    """Its address; behind the door is `/inside`."""
    app = web.Application(middlewares=[problems])
    pages = Pages(ZoneInfo("Asia/Shanghai"), "0.1.0")
    people = People({"赵主管": TOKEN}, pages, epoch=lambda: 1_900_000_000.0, monotonic=lambda: 0.0)

    async def inside(request: web.Request) -> web.Response:
        name = people.who(request)
        if name is None:
            raise web.HTTPUnauthorized
        request[WHO] = Person(name, Role.SUPERVISOR)
        return pages.render(request, "error.html", code=404)

    pages.setup(app)
    app.add_routes([*people.routes(), web.get("/inside", inside)])
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_a_supervisor_signs_in_where_he_wanted_to_go_and_out_again(open_page: OpenPage, house: str) -> None:
    page = await open_page(f"{house}/inside?of=today", tolerate=(REFUSED,))
    await expect(page.get_by_label("令牌")).to_be_focused()
    await page.keyboard.type("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("没有人使用这个令牌。")
    await page.get_by_label("令牌").fill(TOKEN)
    await page.get_by_role("button", name="登录").click()
    await expect(page).to_have_url(f"{house}/inside?of=today")
    await expect(page.locator(".who")).to_have_text("赵主管")
    cookies = {one["name"]: one for one in await page.context.cookies()}
    assert (cookies[COOKIE]["httpOnly"], cookies[COOKIE]["sameSite"]) == (True, "Strict")
    await page.get_by_role("button", name="退出").click()
    await expect(page).to_have_url(f"{house}/sign-in")
    await page.goto(f"{house}/inside")
    await expect(page.get_by_label("令牌")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [PHONE, DESKTOP])
async def test_the_door_and_an_error_can_be_read_by_everybody(
    open_page: OpenPage, house: str, size: tuple[int, int], *, dark: bool
) -> None:
    page = await open_page(f"{house}/sign-in", size=size, dark=dark, tolerate=(REFUSED,))
    await accessible(page)
    await picture(page, f"sign-in-{size[0]}-{'dark' if dark else 'light'}")
    await page.goto(f"{house}/nowhere?lang=en")
    await expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    await accessible(page)
    await picture(page, f"error-{size[0]}-{'dark' if dark else 'light'}")


async def test_the_keyboard_finds_its_way(open_page: OpenPage, house: str) -> None:
    page = await open_page(f"{house}/nowhere?lang=en", tolerate=(REFUSED,))
    reached = []
    for _ in range(4):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("document.activeElement.textContent.trim()"))
    assert reached == ["Skip to the content", "Three Rings", "中文", "To the first page"]
