"""What cannot be known is not shown as if it were: while the line is cut, and while the PBX is not heard."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.windows import PHONE, OpenPage, accessible, picture

from .calls import KNOWN, ended, ringing, talking
from .conftest import CUT, OpenDesk
from .service import Conversation, Service
from .test_desk import part
from .test_looks import WINDOWS, fits

pytestmark = pytest.mark.browser
TITLE = "坐席 · 三响"
SINCE = re.compile(r"^自 \d\d:\d\d:\d\d 起情况未知$")
UNREACHED = (
    "window.WebSocket = class { constructor() { setTimeout(() => this.onclose?.({code: 1006}), 50); } close() {} }"
)
"""What a browser does whose WebSocket neither the service nor a proxy takes."""
SEEN_IN = ("phone", "phone-en-dark", "desktop-en")
FIGURES = ("count", "waiting", "picture")

OpenTimed: TypeAlias = Callable[..., Awaitable[tuple[Page, Conversation]]]


@pytest_asyncio.fixture
async def timed(open_page: OpenPage, service: Service) -> OpenTimed:
    """Opens the desk with these calls; its time passes when the test says so."""

    async def opened(*calls: dict[str, Any], **window: Any) -> tuple[Page, Conversation]:
        page = await open_page(tolerate=(CUT,), **window)
        await page.clock.install()
        await page.goto(f"{service.url}#token=correct-horse")
        conversation = await service.conversation()
        await conversation.welcome(*calls)
        await expect(page.locator("#calls > article")).to_have_count(len(calls))
        return page, conversation

    return opened


async def figures(page: Page) -> list[str]:
    """What counts on a card, with the picture of its rings."""
    return [await page.locator(part(name)).inner_html() for name in FIGURES]


async def pbx_falls_silent(page: Page, conversation: Conversation) -> None:
    await conversation.say(type="pbx", up=False)
    await expect(page.locator("#pbx")).to_be_visible()


async def line_is_cut(page: Page, _: Conversation) -> None:
    await page.evaluate(f"() => {{ {UNREACHED} }}")
    await page.evaluate("dispatchEvent(new Event('offline'))")
    await expect(page.locator("#cut")).to_be_visible()


DOUBTS = {"pbx": pbx_falls_silent, "line": line_is_cut}


@pytest.mark.parametrize("doubt", DOUBTS)
async def test_of_what_may_be_over_nothing_counts_on_or_rings(timed: OpenTimed, doubt: str) -> None:
    page, service = await timed(ringing(ringing_seconds=9.0))
    card = page.locator("#calls > article")
    assert await page.title() == "☎ 13800138000 王建国"
    await DOUBTS[doubt](page, service)
    await expect(page.locator(part("phase"))).to_have_text(SINCE)
    await expect(card).to_have_class(re.compile(r"\bunknown\b"))
    await page.clock.run_for(300)
    before = await figures(page)
    await page.clock.run_for(30_000)
    assert await figures(page) == before
    await expect(page.locator(part("count"))).to_have_text("2")
    await expect(card).to_have_attribute("data-rings", "within")
    assert await page.title() == TITLE
    await expect(page.locator("#state")).not_to_have_class(re.compile("good"))
    await expect(page.locator("#idle")).to_be_hidden()
    await expect(page.locator(".banner:visible")).to_have_count(1)
    await expect(page.locator(".banner:visible")).to_contain_text("可能有来电未在此显示，已显示的来电也可能已经结束。")


@pytest.mark.parametrize("doubt", DOUBTS)
async def test_a_talk_that_may_be_over_does_not_become_a_long_one_and_an_ended_one_stays_ended(
    timed: OpenTimed, doubt: str
) -> None:
    page, service = await timed(talking(talking_seconds=290.0), ended("b"))
    await DOUBTS[doubt](page, service)
    await page.clock.run_for(30_000)
    await expect(page.locator(part("count"))).to_have_text(re.compile("4:5[0-2]"))
    await expect(page.locator(part("long"))).to_be_hidden()
    await expect(page.locator(part("phase"))).to_have_text(SINCE)
    await expect(page.locator("#calls > article:last-child [data-part='phase']")).to_have_text("通话结束")


async def test_when_the_pbx_is_heard_again_it_is_as_told_then_and_time_has_not_stood_still(timed: OpenTimed) -> None:
    page, service = await timed(ringing(ringing_seconds=1.0))
    await pbx_falls_silent(page, service)
    await page.clock.run_for(6_000)
    await service.say(type="pbx", up=True)
    await expect(page.locator(part("phase"))).to_have_text("正在振铃")
    await expect(page.locator(part("count"))).to_have_text("2")
    await expect(page.locator("#calls > .unknown")).to_have_count(0)
    assert await page.title() == "☎ 13800138000 王建国"


async def test_what_is_told_of_a_call_meanwhile_is_news_and_what_is_found_out_of_its_caller_is_not(
    timed: OpenTimed,
) -> None:
    page, service = await timed(ringing(ringing_seconds=6.0))
    await pbx_falls_silent(page, service)
    await page.clock.run_for(20_000)
    await service.say(type="earlier", call="a", earlier=KNOWN, case={"id": "c", "number": "000099"})
    await expect(page.locator(part("case"))).to_have_text("工单 000099")
    await expect(page.locator(part("phase"))).to_have_text(SINCE)
    await expect(page.locator(part("count"))).to_have_text("2")
    await service.call(3, ringing("b", caller="02160000001"))
    await expect(page.locator("#calls > article:last-child [data-part='phase']")).to_have_text("正在振铃")
    assert await page.title() == "☎ 02160000001 王建国"
    await service.call(4, ringing(ringing_seconds=26.2))
    await expect(page.locator(part("phase"))).to_have_text("正在振铃")
    await expect(page.locator(part("count"))).to_have_text("6")


async def test_a_desk_opened_while_the_pbx_is_silent_shows_its_calls_without_figures(open_desk: OpenDesk) -> None:
    page, service = await open_desk()
    await service.welcome(ringing(), talking("b"), pbx={"up": False})
    await expect(page.locator(part("phase"))).to_have_text("目前情况未知")
    await expect(page.locator(part("count"))).to_have_text("–")
    await expect(page.locator(part("waiting"))).to_have_text("")
    await expect(page.locator("#calls > article:last-child [data-part='count']")).to_have_text("–")
    assert await page.title() == TITLE


async def test_a_silence_lasts_across_a_reconnect_since_when_it_began(timed: OpenTimed, service: Service) -> None:
    page, conversation = await timed(ringing(ringing_seconds=6.0))
    await pbx_falls_silent(page, conversation)
    since = await page.locator(part("phase")).text_content()
    await page.clock.run_for(5_000)
    await conversation.close(1012)
    await expect(page.locator("#cut")).to_be_visible()
    await page.clock.run_for(1_000)
    await (await service.conversation()).welcome(ringing(ringing_seconds=12.5), ringing("b"), pbx={"up": False})
    await expect(page.locator("#calls > article")).to_have_count(2)
    await expect(page.locator(part("phase"))).to_have_text(since or "?")
    await expect(page.locator(part("count"))).to_have_text("2")
    await expect(page.locator("#calls > .unknown")).to_have_count(2)


async def test_a_line_that_died_in_silence_is_unknown_since_it_was_last_heard(
    open_page: OpenPage, service: Service
) -> None:
    page = await open_page()
    await page.clock.install()
    await page.goto(f"{service.url}#token=correct-horse")
    limits = {"rings": 3, "ring_seconds": 5.0, "long_talk_seconds": 300, "beat_seconds": 4}
    await (await service.conversation()).welcome(ringing(ringing_seconds=1.0), limits=limits)
    await expect(page.locator("#calls > article")).to_have_count(1)
    await page.clock.run_for(9_000)
    await expect(page.locator(part("count"))).to_have_text(re.compile("2|3"))
    await page.clock.run_for(1_500)
    await expect(page.locator("#cut")).to_contain_text("连接已中断 0:1")
    await expect(page.locator(part("count"))).to_have_text("1")


# Another agent, and nobody


async def test_a_new_token_while_cut_off_shows_nothing_of_who_was_there_before(
    open_desk: OpenDesk, service: Service
) -> None:
    page, conversation = await open_desk(ringing(), tolerate=(CUT,))
    await line_is_cut(page, conversation)
    await page.evaluate("location.hash = '#token=another-horse'")
    await expect(page.locator("#calls > article")).to_have_count(0)
    await expect(page.locator("#agent")).to_have_text("我的坐席")
    await expect(page.locator("#cut")).to_be_hidden()
    assert service.nobody_came


async def test_who_signs_out_leaves_nothing_to_be_read_or_heard(open_desk: OpenDesk) -> None:
    page, _ = await open_desk(ringing())
    await expect(page.locator("#announce")).to_contain_text("13800138000")
    await page.get_by_role("button", name="退出").click()
    await expect(page.get_by_label("令牌")).to_be_focused()
    left = await page.locator("body").evaluate("body => body.textContent")
    assert not re.search("13800138000|王建国|张敏|1001", left)


# By keyboard


async def test_the_way_to_the_content_leads_there_and_leaves_the_line_alone(
    open_desk: OpenDesk, service: Service
) -> None:
    page, conversation = await open_desk(ringing())
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    await conversation.call(4, talking())
    await expect(page.locator(part("phase"))).to_have_text("通话中")
    assert service.nobody_came


async def test_at_the_door_it_leads_past_the_head_of_the_page_and_not_back_into_the_field(
    open_page: OpenPage, service: Service
) -> None:
    page = await open_page(service.url)
    await page.keyboard.type("half-typed")
    await page.locator(".skip").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    await expect(page.get_by_label("令牌")).to_have_value("half-typed")


# Never connected


async def test_a_desk_that_never_connects_says_so_after_three_seconds_and_what_to_look_at(
    open_page: OpenPage, service: Service
) -> None:
    page = await open_page()
    await page.clock.install()
    await page.add_init_script(UNREACHED)
    await page.goto(f"{service.url}#token=correct-horse")
    await page.clock.run_for(2_000)
    await expect(page.locator("#state")).to_have_text("正在连接…")
    await expect(page.locator("#idle")).to_be_hidden()
    await page.clock.run_for(1_500)
    for _ in range(2):  # and goes on saying so while it tries again
        await expect(page.locator("#state")).to_have_text("未连接")
        await expect(page.locator("#unreachable")).to_contain_text("http.origins，以及代理是否放行 WebSocket")
        await expect(page.locator("#idle")).to_be_hidden()
        await page.clock.run_for(20_000)


async def test_a_service_that_comes_late_is_welcome(open_page: OpenPage, service: Service) -> None:
    page = await open_page()
    await page.clock.install()
    await page.goto(f"{service.url}#token=correct-horse")
    conversation = await service.conversation()
    await page.clock.run_for(3_500)
    await expect(page.locator("#unreachable")).to_be_visible()
    await conversation.welcome()
    await expect(page.locator("#unreachable")).to_be_hidden()
    await expect(page.locator("#state")).to_have_text("已连接")
    await expect(page.locator("#idle")).to_be_visible()


async def test_where_the_service_answers_but_has_no_place_nobody_is_sent_to_look_at_the_proxy(
    open_page: OpenPage, service: Service
) -> None:
    page = await open_page()
    await page.clock.install()
    await page.goto(f"{service.url}#token=correct-horse")
    conversation = await service.conversation()
    await conversation.say(type="bye", reason="busy")
    await conversation.close(1013)
    await page.clock.run_for(3_500)
    await expect(page.locator("#busy")).to_contain_text("页面会自动重试")
    await expect(page.locator("#unreachable")).to_be_hidden()
    await expect(page.locator("#state")).to_have_text("未连接")


async def test_who_is_locked_out_is_asked_for_another_token_in_a_minute(open_page: OpenPage, service: Service) -> None:
    page = await open_page(f"{service.url}#token=wrong-horse")
    conversation = await service.conversation()
    await conversation.say(type="bye", reason="locked_out")
    await conversation.close(1013)
    await expect(page.get_by_role("alert")).to_contain_text("请等一分钟再试")
    await expect(page.get_by_label("令牌")).to_be_focused()
    assert service.nobody_came


# How it looks


@pytest.mark.parametrize("window", SEEN_IN)
async def test_what_is_in_doubt_can_be_read_by_everybody(open_desk: OpenDesk, window: str) -> None:
    page, service = await open_desk(ringing(), talking("b"), ended("c"), **WINDOWS[window], calm=True, tolerate=(CUT,))
    await pbx_falls_silent(page, service)
    await accessible(page)
    await picture(page, f"doubt-pbx-{window}", whole=True)
    await service.say(type="gone", call="a")
    await expect(page.locator("#calls > article")).to_have_count(2)
    await accessible(page)
    await picture(page, f"doubt-pbx-talking-{window}", whole=True)
    await line_is_cut(page, service)
    await accessible(page)
    await picture(page, f"doubt-cut-{window}", whole=True)
    assert await fits(page)


@pytest.mark.parametrize("window", SEEN_IN)
async def test_who_never_connects_can_read_why(open_page: OpenPage, service: Service, window: str) -> None:
    page = await open_page(**WINDOWS[window], calm=True)
    await page.clock.install()
    await page.add_init_script(UNREACHED)
    await page.goto(f"{service.url}#token=correct-horse")
    await page.clock.run_for(3_500)
    await expect(page.locator("#unreachable")).to_be_visible()
    await accessible(page)
    await picture(page, f"doubt-never-{window}", whole=True)
    assert await fits(page)


# What is missing in what is told


@pytest.mark.parametrize("seconds", [4.0, 40.0])
async def test_rings_that_began_nobody_knows_when_are_not_counted(open_desk: OpenDesk, seconds: float) -> None:
    page, _ = await open_desk(ringing(rings_before=None, ringing_seconds=seconds), size=PHONE)
    await expect(page.locator(part("count"))).to_have_text("–")
    await expect(page.locator(part("count-label"))).to_have_text("")
    await expect(page.locator("#calls > article")).to_have_attribute("data-rings", "within")
    await expect(page.locator("#calls .arc:not(.empty)")).to_have_count(0)


@pytest.mark.parametrize("nothing", ["\u3164\u2800", "\u115f\uffa0", " \u200b", "---", "\u0301\u0323"])
async def test_a_number_in_which_there_is_nothing_to_read_is_withheld(open_desk: OpenDesk, nothing: str) -> None:
    page, _ = await open_desk(ringing(caller=nothing, caller_name=nothing))
    await expect(page.locator(part("number"))).to_have_text("未显示号码")
    await expect(page.locator(part("name"))).to_have_text("")
    assert await page.title() == "☎ 未显示号码"
