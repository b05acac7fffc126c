"""Two agents and a supervisor work on cases and call somebody back, each in a browser of his own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from handlers.build import Service, build
from handlers.http.doorkeeper import PLAIN_COOKIE
from handlers.people.keyring import hash_of, new_session
from telephony.calls.record import CallRecord, Outcome
from telephony.cases.accounts import Terms
from telephony.cases.keys import Terms as Lasts
from telephony.people.audit import Entry, Verb
from telephony.people.roles import Role
from tests.db.conftest import database, migrated, server
from tests.db.test_people_matrix import HASH, config
from tests.support.calls import call, visit

from .windows import DESKTOP, PHONE, OpenPage, accessible, leave, picture

__all__ = ["database", "migrated", "server"]
pytestmark = pytest.mark.browser

AT = Entry(datetime(2026, 3, 2, 6, tzinfo=UTC), "command root", Verb.USER_ADDED)
CONFLICT = r"Failed to load resource: the server responded with a status of (409|404)"
BRANCHES = [{"name": "north", "title": "城北营业部", "queues": ["support"]}]


class Office:
    """The whole application, with people."""

    def __init__(self, service: Service, address: str) -> None:
        self.service, self.address = service, address

    async def seat(self, page: Page, login: str, role: Role, title: str, desk: str | None = None) -> Page:
        """Somebody signed in."""
        known, hour = self.service.web.people, timedelta(hours=1)
        account = await known.accounts.add(login, Terms(role, frozenset({"north"}), title, desk), HASH, AT)
        await known.accounts.set_password(account, HASH, AT, must_change=False)
        secret = new_session()
        await known.keys.open_session(hash_of(secret), account, Lasts(hour, hour), "", "", AT)
        await page.context.add_cookies([{"name": PLAIN_COOKIE, "value": secret, "url": self.address}])
        return page

    async def call(self, one: CallRecord) -> str:
        """Saved and looked at; the page of its case."""
        await self.service.store.save([one])
        while (await self.service.casework.machine.look(AT.at)).calls:
            pass
        return f"{self.address}/cases/{one.case}"


@pytest_asyncio.fixture
async def office(database: str) -> AsyncIterator[Office]:
    agents = [
        {"name": name, "interfaces": [f"PJSIP/{name}"], "token": f"token-of-the-desk-{name}"}
        for name in ("1001", "1002")
    ]
    service = build(config(branch=BRANCHES, agent=agents), database)
    async with TestServer(service.web.app) as web, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(service.web.run())
        address = str(web.make_url("")).rstrip("/")
        yield Office(service, address)
        await leave(address)
        running.cancel()
    await service.web.close()
    await service.casework.close()
    await service.store.close()


async def does(page: Page, step: str, text: str, button: str) -> None:
    """Opens a step by its heading and does it."""
    await page.locator(f"#step-{step} summary").click()
    await page.locator(f"#text-{step}").fill(text)
    await page.get_by_role("button", name=button, exact=True).click()


async def test_an_enquiry_is_noted_handed_over_refused_accepted_and_closed(  # noqa: PLR0915 - one story
    open_page: OpenPage, office: Office
) -> None:
    zhang = await office.seat(await open_page(), "zhang", Role.AGENT, "张敏", "1001")
    li = await office.seat(await open_page(tolerate=(CONFLICT,)), "li", Role.AGENT, "李雷", "1002")
    case = await office.call(call(visit(), number=1, caller="13800138000"))

    await zhang.goto(f"{office.address}/cases")  # the page says what to do, from the first look
    await accessible(zhang)
    await zhang.get_by_role("row").nth(1).get_by_role("link").click()
    await expect(zhang.locator(".next")).to_contain_text("请登记来电人和来意并保存")
    await picture(zhang, "case-1-to-be-recorded")
    await zhang.get_by_label("工单类别").select_option("咨询")
    await expect(zhang.get_by_label("咨询事项")).to_be_visible()
    await expect(zhang.get_by_label("投诉类别")).to_be_hidden()
    await zhang.get_by_label("客户姓名").fill("王先生")
    await zhang.get_by_label("内容摘要").fill("怎样开户")
    await zhang.reload()  # nothing typed is lost
    await expect(zhang.get_by_label("客户姓名")).to_have_value("王先生")
    await expect(zhang.get_by_label("咨询事项")).to_be_visible()
    second = await zhang.context.new_page()  # nor in a second window
    await second.goto(case)
    await expect(second.get_by_label("内容摘要")).to_have_value("怎样开户")
    await second.close()
    await zhang.get_by_label("处理情况").fill("已说明流程")
    await zhang.keyboard.press("Tab")
    await zhang.get_by_role("button", name="保存", exact=True).first.press("Enter")
    await expect(zhang.locator(".next")).to_contain_text("请答复客户")
    await zhang.reload()  # what is saved is no draft any more
    await expect(zhang.get_by_label("客户姓名")).to_have_value("王先生")
    assert await zhang.evaluate("Object.keys(localStorage).filter((one) => one.includes('draft')).length") == 0
    await accessible(zhang)

    await offers(zhang, "李雷")
    await li.goto(f"{office.address}/cases?show=offered")
    await li.get_by_role("row").nth(1).get_by_role("link").click()
    await picture(li, "case-2-offered")
    await accessible(li)
    await li.get_by_label("拒绝理由").fill("正在通话")
    await li.get_by_role("button", name="拒绝", exact=True).click()
    await expect(li).to_have_url(re.compile(r"show=offered$"))
    await zhang.reload()
    await expect(zhang.get_by_text("正在通话")).to_be_visible()
    await offers(zhang, "李雷")
    await li.goto(case)
    await li.get_by_role("button", name="接受", exact=True).click()
    await expect(li.locator(".facts")).to_contain_text("李雷")
    await zhang.reload()
    await expect(zhang.locator(".next")).to_contain_text("此工单由同事负责")
    await expect(zhang.get_by_text("138*****")).to_be_visible()
    await picture(zhang, "case-3-a-colleagues")

    await does(li, "answer", "两个工作日内办妥", "已告知客户")
    await expect(li.locator("#why-close")).to_contain_text("咨询事项")  # the way to closing is told
    await li.get_by_label("咨询事项").fill("开户")
    for label in ("电脑使用情况", "自助交易掌握情况", "证券知识掌握情况"):
        await li.get_by_label(label).select_option("有所了解")
    await li.get_by_label("客户评价").fill("新客户")
    await li.get_by_label("预留电话").check()
    await li.get_by_role("button", name="保存", exact=True).first.click()
    await li.get_by_role("button", name="办结", exact=True).click()
    await li.get_by_role("button", name="归档", exact=True).click()
    await expect(li.locator(".next")).to_contain_text("没有待办事项")
    await picture(li, "case-4-archived")


async def offers(page: Page, to: str) -> None:
    """Hands the case over."""
    await page.get_by_text("移交工单").click()
    await page.get_by_label("移交给谁").select_option(to)
    await page.get_by_role("button", name="提出移交").click()
    await expect(page.locator(".facts")).to_contain_text(to)


async def test_two_who_write_at_once_lose_nothing(open_page: OpenPage, office: Office) -> None:
    zhang = await office.seat(await open_page(tolerate=(CONFLICT,)), "zhang", Role.AGENT, "张敏", "1001")
    zhao = await office.seat(await open_page(), "zhao", Role.SUPERVISOR, "赵主管")
    case = await office.call(call(visit(), number=1))
    await zhang.goto(case)
    await zhang.get_by_label("内容摘要").fill("来自张敏")
    await zhao.goto(case)
    await zhao.get_by_label("内容摘要").fill("来自主管")
    await zhao.get_by_role("button", name="保存", exact=True).first.click()
    await expect(zhao.locator(".next")).to_contain_text("请答复客户")
    await zhang.get_by_role("button", name="保存", exact=True).first.click()
    await expect(zhang.get_by_role("alert")).to_contain_text("他人已先行修改")
    await expect(zhang.get_by_label("内容摘要")).to_have_value("来自张敏")
    await expect(zhang.get_by_text("现在内容： 来自主管")).to_be_visible()
    await accessible(zhang)
    await picture(zhang, "case-5-two-at-once")


async def test_who_hung_up_is_called_back_by_one_agent_and_no_other(open_page: OpenPage, office: Office) -> None:
    zhang = await office.seat(await open_page(size=PHONE), "zhang", Role.AGENT, "张敏", "1001")
    li = await office.seat(await open_page(size=DESKTOP), "li", Role.AGENT, "李雷", "1002")
    one = call(visit(Outcome.ABANDONED), number=1, caller="13800138000")
    await office.call(replace(one, ended_at=one.arrived_at + timedelta(minutes=1)))
    await li.goto(f"{office.address}/callbacks")
    await expect(li.get_by_role("row")).to_have_count(2)
    await zhang.goto(f"{office.address}/callbacks")
    await accessible(zhang)
    await picture(zhang, "callback-1-list")
    await zhang.get_by_role("button", name="接手下一个").click()
    await expect(zhang.get_by_role("heading", name="13800138000")).to_be_visible()
    await picture(zhang, "callback-2-taken")
    await accessible(zhang)
    await li.get_by_role("row").nth(1).get_by_role("link").click()
    await expect(li.locator(".next")).to_contain_text("同事正在回拨")
    await expect(li.get_by_role("button", name="接手")).to_have_count(0)
    await zhang.get_by_label("已接通", exact=True).check()
    await zhang.get_by_label("备注").fill("已告知")
    await zhang.get_by_role("button", name="保存", exact=True).click()
    await expect(zhang.locator(".next")).to_contain_text("没有待办事项")
    await zhang.goto(f"{office.address}/callbacks")
    await expect(zhang.get_by_text("没有待回拨的来电人。")).to_be_visible()
