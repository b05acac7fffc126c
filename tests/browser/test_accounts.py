"""Signing in by name and password, the desk of an account, and the administrator's pages, in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from handlers.build import Service, build
from telephony.cases.accounts import Terms
from telephony.people.audit import Entry, Kind, Verb
from telephony.people.roles import Role, Scope
from tests.db.conftest import database, migrated, server
from tests.db.test_people_matrix import config

from .windows import DESKTOP, PHONE, OpenPage, accessible, leave, picture

__all__ = ["database", "migrated", "server"]
pytestmark = pytest.mark.browser

PASSWORD, OWN = "correct horse battery", "another staple entirely"
AT = Entry(datetime(2026, 3, 2, 6, tzinfo=UTC), "command root", Verb.USER_ADDED, Kind.USER)
REFUSED = r"Failed to load resource: the server responded with a status of (400|403)"
BRANCHES = [
    {"name": "north", "title": "城北营业部", "queues": ["support"]},
    {"name": "south", "title": "城南营业部", "queues": ["sales"]},
]


class House:
    """The whole application, with people."""

    def __init__(self, service: Service, address: str) -> None:
        self.service, self.address = service, address

    async def adds(self, name: str, role: Role, *, must_change: bool = False, **more: object) -> None:
        known = self.service.web.people
        kept = await known.hasher.hash(PASSWORD)
        account = await known.accounts.add(name, Terms(role, **more), kept, AT)  # type: ignore[arg-type]
        await known.accounts.set_password(account, kept, AT, must_change=must_change)

    async def signs_in(self, page: Page, name: str, where: str = "/", lang: str = "zh") -> None:
        await page.goto(f"{self.address}/login?next={where}&lang={lang}")
        await expect(page.locator("#name")).to_be_focused()
        await page.keyboard.type(name)
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")


@pytest_asyncio.fixture
async def house(database: str) -> AsyncIterator[House]:
    service = build(config(branch=BRANCHES), database)
    async with TestServer(service.web.app) as web, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(service.web.run())
        address = str(web.make_url("")).rstrip("/")
        yield House(service, address)
        await leave(address)
        running.cancel()
    await service.web.close()
    await service.store.close()


async def test_an_agent_signs_in_by_keyboard_chooses_his_password_and_sits_at_his_desk_until_he_is_disabled(
    open_page: OpenPage, house: House
) -> None:
    await house.adds("zhang", Role.AGENT, must_change=True, desk="1001", title="张敏")
    page = await open_page(tolerate=(REFUSED,))
    await house.signs_in(page, "Zhang")
    await expect(page.get_by_text("您的密码是别人设定的")).to_be_visible()
    await accessible(page)
    await expect(page.locator("#old")).to_be_focused()
    for word in (PASSWORD, OWN, OWN):
        await page.keyboard.type(word)
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="继续").click()
    await expect(page).to_have_url(f"{house.address}/desk")
    await expect(page.locator("#agent")).to_have_text("1001")
    await expect(page.locator(".who")).to_have_text("张敏")
    await expect(page.locator("#sign-out")).to_be_hidden()
    known = house.service.web.people
    account = await known.accounts.find("zhang")
    assert account is not None
    await known.accounts.disable(account.id, AT)
    await known.keyring.refresh()
    await expect(page).to_have_url(re.compile(r"/login\?next=/desk$"))
    await house.signs_in(page, "zhang")
    await expect(page.get_by_role("alert")).to_contain_text("用户名或密码不正确。")
    assert await page.input_value("#password") == ""


async def test_from_the_desk_and_the_wall_a_way_leads_to_the_door_and_back(open_page: OpenPage, house: House) -> None:
    await house.adds("wang", Role.SUPERVISOR, branches=frozenset({"south"}))
    page = await open_page(f"{house.address}/desk")
    await page.get_by_role("link", name="用密码登录").click()
    await expect(page).to_have_url(f"{house.address}/login?next=/desk")
    await page.goto(f"{house.address}/wall?branch=south")
    await page.locator("#enter").click()
    await expect(page.locator("#name")).to_be_focused()
    await page.keyboard.type("wang")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{house.address}/wall?branch=south")
    await expect(page.locator("#branch")).to_contain_text("城南营业部")


async def test_an_account_without_a_desk_says_so(open_page: OpenPage, house: House) -> None:
    await house.adds("li", Role.MARKETING)
    page = await open_page()
    await house.signs_in(page, "li", lang="en")
    await expect(page.get_by_role("alert")).to_contain_text("your account is bound to no agent")


@pytest.mark.parametrize(
    ("size", "lang", "dark"), [(PHONE, "zh", False), (DESKTOP, "en", False), (DESKTOP, "zh", True)]
)
async def test_everybody_can_read_the_pages_of_accounts_on_every_screen(
    open_page: OpenPage, house: House, size: tuple[int, int], lang: str, *, dark: bool
) -> None:
    await house.adds("root", Role.ADMINISTRATOR)
    await house.adds("wang.fang", Role.SUPERVISOR, title="王芳", branches=frozenset({"north"}))
    await house.adds("zhang", Role.AGENT, must_change=True, desk="1001", title="张敏")
    known = house.service.web.people
    wang = await known.accounts.find("wang.fang")
    assert wang is not None
    token, day = bytes(32), timedelta(days=365)
    await known.keys.make_token(token, wang.id, "月报", [Scope.FIGURES, Scope.LIVE], day, AT)
    page = await open_page(size=size, dark=dark, tolerate=(REFUSED,))
    name = f"{size[0]}-{lang}-{'dark' if dark else 'light'}"
    await page.goto(f"{house.address}/login?lang={lang}")
    await accessible(page)
    await picture(page, f"login-{name}")
    await house.signs_in(page, "root", "/admin/users", lang)
    await expect(page.get_by_role("link", name="wang.fang")).to_be_visible()
    await accessible(page)
    await picture(page, f"admin-users-{name}", whole=True)
    await page.get_by_role("link", name="wang.fang").click()
    await page.locator("summary").click()
    await accessible(page)
    await picture(page, f"admin-user-{name}", whole=True)
    await page.locator("button[value=password]").click()
    await expect(page.locator("code")).to_be_visible()
    await accessible(page)
    await page.goto(f"{house.address}/admin/audit")
    await expect(page.locator("tbody tr").first).to_be_visible()
    await accessible(page)
    await picture(page, f"admin-audit-{name}", whole=True)
    await page.goto(f"{house.address}/password")
    await accessible(page)
    await picture(page, f"password-{name}")
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
