"""What the desk does, told by what the agent sees and what the service hears."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.windows import PHONE, OpenPage

from .calls import ANONYMOUS, ASKING, FIRST_TIME, HOSTILE, KNOWN, UNAVAILABLE, ended, ringing, talking, withdrawn
from .conftest import CUT, OpenDesk
from .service import Service

pytestmark = pytest.mark.browser


def part(name: str) -> str:
    """A part of the first call."""
    return f"#calls > article:first-child [data-part='{name}']"


# Signing in


async def test_a_token_in_the_fragment_is_gone_from_the_address_and_sent_by_the_hello_alone(
    open_desk: OpenDesk, service: Service
) -> None:
    page, conversation = await open_desk()
    await expect(page.locator("#agent")).to_have_text("张敏")
    assert page.url == service.url
    assert conversation.hello == {"type": "hello", "v": 1, "token": "correct-horse"}
    assert not [one for one in service.asked if "correct-horse" in one]


async def test_a_token_is_typed_once_and_survives_a_reload_until_he_signs_out(
    open_page: OpenPage, service: Service
) -> None:
    page = await open_page(service.url, tolerate=(CUT,))
    await expect(page.get_by_label("令牌")).to_be_focused()
    await page.keyboard.type("correct-horse")
    await page.keyboard.press("Enter")
    await (await service.conversation()).welcome()
    await page.reload()
    again = await service.conversation()
    assert again.hello["token"] == "correct-horse"
    await again.welcome()
    await page.get_by_role("button", name="退出").click()
    await expect(page.get_by_label("令牌")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("令牌")).to_be_visible()
    assert service.nobody_came


async def test_two_desks_may_be_open_in_one_browser(open_desk: OpenDesk, service: Service) -> None:
    page, _ = await open_desk()
    other = await page.context.new_page()
    await other.goto(f"{service.url}#token=another-horse")
    conversation = await service.conversation()
    assert conversation.hello["token"] == "another-horse"
    await conversation.welcome(agent={"name": "1002", "title": None})
    await expect(other.locator("#agent")).to_have_text("1002")
    await page.reload()
    assert (await service.conversation()).hello["token"] == "correct-horse"


async def test_a_wrong_token_is_told_and_not_tried_again(open_page: OpenPage, service: Service) -> None:
    page = await open_page(f"{service.url}#token=wrong-horse")
    conversation = await service.conversation()
    await conversation.say(type="bye", reason="bad_token")
    await conversation.close(4401)
    await expect(page.get_by_role("alert")).to_have_text(re.compile("没有人使用这个令牌"))
    await page.evaluate("dispatchEvent(new Event('online'))")
    await page.reload()
    await expect(page.get_by_label("令牌")).to_be_visible()
    assert service.nobody_came


# One call


async def test_a_call_that_rings_is_shown_with_all_that_is_known_and_acknowledged_when_painted(
    open_desk: OpenDesk,
) -> None:
    page, service = await open_desk()
    await expect(page.get_by_role("heading", name="等待来电")).to_be_visible()
    await service.call(7, ringing())
    assert await service.heard() == {"type": "seen", "seq": 7}
    await expect(page.locator(part("number"))).to_have_text("13800138000")
    await expect(page.locator(part("name"))).to_have_text("王建国")
    await expect(page.locator(part("queue"))).to_have_text("客户咨询")
    await expect(page.locator(part("say"))).to_have_text("您好，长治营业部，请问有什么可以帮您？")
    await expect(page.locator(part("count"))).to_have_text("2")
    await expect(page.locator(part("waiting"))).to_have_text(re.compile(r"等待 0:1\d"))
    await expect(page.locator(part("case"))).to_have_text("工单 000017")
    await expect(page.locator("#idle")).to_be_hidden()
    assert await page.title() == "☎ 13800138000 王建国"


async def test_a_window_that_nobody_sees_acknowledges_as_well(open_desk: OpenDesk) -> None:
    page, service = await open_desk()
    await page.evaluate(
        "Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'});"
        "globalThis.requestAnimationFrame = () => 0"
    )
    await service.call(3, ringing())
    assert await service.heard() == {"type": "seen", "seq": 3}


async def test_the_rings_go_on_counting_and_turn_at_the_third_and_beyond(open_desk: OpenDesk) -> None:
    page, service = await open_desk(ringing(ringing_seconds=9.4))
    card, count = page.locator("#calls > article"), page.locator(part("count"))
    await expect(count).to_have_text("2")
    await expect(count).to_have_text("3")
    await expect(card).to_have_attribute("data-rings", "last")
    await expect(page.locator(part("count-label"))).to_have_text("标准内的最后一声")
    await service.call(2, ringing(ringing_seconds=1.0, rings_before=3))
    await expect(count).to_have_text("4")
    await expect(card).to_have_attribute("data-rings", "beyond")
    await expect(page.locator(part("count-label"))).to_have_text("已超过标准")


async def test_a_call_goes_from_ringing_to_talk_to_its_end_on_one_card(open_desk: OpenDesk) -> None:
    page, service = await open_desk(ringing())
    await service.call(2, talking())
    await expect(page.locator(part("phase"))).to_have_text("通话中")
    await expect(page.locator(part("count"))).to_have_text(re.compile(r"2:\d\d"))
    await expect(page.locator(part("say"))).to_have_text("感谢您的来电，再见！")
    await expect(page.locator(part("long"))).to_be_hidden()
    assert await page.title() == "坐席 · 三响"
    await service.call(3, ended())
    await expect(page.locator(part("phase"))).to_have_text("通话结束")
    await expect(page.locator(part("talk"))).to_have_text("3:04")
    await expect(page.locator(part("rings"))).to_have_text("2 声（标准 3 声）")
    await expect(page.locator(part("ender"))).to_have_text("客户")
    await expect(page.locator("#calls > article")).to_have_count(1)
    await expect(page.get_by_role("heading", name="等待来电")).to_be_visible()


async def test_at_five_minutes_the_desk_reminds_of_what_the_standard_asks(open_desk: OpenDesk) -> None:
    page, _ = await open_desk(talking(talking_seconds=299.0))
    await expect(page.locator(part("long"))).to_be_hidden()
    await expect(page.locator(part("long"))).to_be_visible()
    await expect(page.locator(part("long"))).to_have_text(re.compile("约定回电时间"))


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("elsewhere", "同事已接听"),
        ("no_answer", "振铃后未接听"),
        ("caller_left", "客户已挂断"),
        ("busy", "话机占线或已拒接"),
        ("other", "来电已离开您的话机"),
        ("something_new", "来电已离开您的话机"),
    ],
)
async def test_a_withdrawn_call_says_why_and_goes_after_ten_seconds(
    open_page: OpenPage, service: Service, reason: str, words: str
) -> None:
    page = await open_page()
    await page.clock.install()
    await page.goto(f"{service.url}#token=correct-horse")
    conversation = await service.conversation()
    await conversation.welcome(ringing())
    await expect(page.locator("#calls > article")).to_have_count(1)
    await conversation.say(type="call", seq=2, call=withdrawn(reason=reason))
    await expect(page.locator(part("phase"))).to_have_text(words)
    await page.clock.run_for(8_000)
    await expect(page.locator("#calls > article")).to_have_count(1)
    await page.clock.run_for(2_500)
    await expect(page.locator("#calls > article")).to_have_count(0)


async def test_a_withdrawn_call_that_rings_again_is_the_same_card_and_stays(open_desk: OpenDesk) -> None:
    page, service = await open_desk(withdrawn())
    await service.call(2, ringing())
    await expect(page.locator(part("phase"))).to_have_text("正在振铃")
    await expect(page.locator("#calls > article")).to_have_count(1)
    await service.say(type="gone", call="a")
    await expect(page.locator("#calls > article")).to_have_count(0)


async def test_what_rings_comes_first_then_what_is_talked_then_what_is_over(open_desk: OpenDesk) -> None:
    page, service = await open_desk(ended("over", caller="1"), talking("talk", caller="2"))
    await service.call(2, ringing("first", caller="3"))
    await service.heard()
    await service.call(3, ringing("second", caller="4"))
    await service.heard()
    numbers = await page.locator("#calls > article .number").all_text_contents()
    assert numbers == ["3", "4", "2", "1"]


# What callers control


async def test_a_callers_name_is_text_whatever_is_in_it(open_desk: OpenDesk) -> None:
    page, _ = await open_desk(
        ringing(caller=HOSTILE, caller_name=HOSTILE, dialled=HOSTILE, queue_title=None, queue=HOSTILE)
    )
    await expect(page.locator(part("name"))).to_have_text("")  # the same as his number: shown once
    await expect(page.locator(part("number"))).to_have_text(HOSTILE)
    assert await page.locator("#calls img").count() == 0
    assert await page.title() == f"☎ {HOSTILE} {HOSTILE}"


async def test_braces_in_a_callers_number_are_not_filled_in(open_desk: OpenDesk) -> None:
    page, _ = await open_desk(ringing(dialled="{number}$&{limit}"))
    await expect(page.locator(part("dialled"))).to_have_text(" · 拨打 {number}$&{limit}")


async def test_the_longest_text_makes_nobody_scroll_sideways(open_desk: OpenDesk) -> None:
    call = ringing(caller="9" * 128, caller_name="W" * 128, dialled="8" * 128, queue_title="M" * 64)
    page, _ = await open_desk(call, size=PHONE)
    await expect(page.locator(part("number"))).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# Who called before


@pytest.mark.parametrize(
    ("earlier", "words"),
    [
        (ASKING, "正在查询…"),
        (UNAVAILABLE, "暂时无法查询：数据库没有响应。"),
        (ANONYMOUS, "来电未显示号码，无法查询。"),
        (FIRST_TIME, "没有：此号码第一次来电。"),
    ],
)
async def test_where_no_earlier_call_is_shown_the_reason_is(
    open_desk: OpenDesk, earlier: dict[str, object], words: str
) -> None:
    page, _ = await open_desk(ringing(earlier=earlier))
    await expect(page.locator(part("history-note"))).to_have_text(words)
    await expect(page.locator(".history li")).to_have_count(0)


async def test_earlier_calls_come_when_they_are_found_and_so_does_the_cases_number(open_desk: OpenDesk) -> None:
    page, service = await open_desk(ringing(earlier=ASKING, case={"id": "c", "number": None}))
    await service.say(type="earlier", call="a", earlier=KNOWN | {"more": True}, case={"id": "c", "number": "000018"})
    rows = page.locator(".history li")
    await expect(rows).to_have_count(3)
    await expect(rows.nth(0)).to_contain_text("10:11")
    await expect(rows.nth(0)).to_contain_text("已接听")
    await expect(rows.nth(0)).to_contain_text("客户咨询 · 李娜 · 等待 0:07 · 通话 3:04")
    await expect(rows.nth(0)).to_contain_text("工单 000012")
    await expect(rows.nth(1)).to_contain_text("已放弃")
    await expect(page.locator(part("total"))).to_have_text("7+")
    await expect(page.locator(part("case"))).to_have_text("工单 000018")


async def test_an_earlier_call_that_still_goes_on_is_not_called_missed(open_desk: OpenDesk) -> None:
    going_on = KNOWN["calls"][0] | {"outcome": None, "wait_seconds": None, "talk_seconds": None}
    page, _ = await open_desk(ringing(earlier=KNOWN | {"calls": [going_on]}))
    await expect(page.locator(part("outcome"))).to_have_text("仍在进行，或结果未知")
    await expect(page.locator(".history .icon:visible")).to_have_count(0)


# The line


async def test_a_reload_in_mid_ring_shows_the_call_again(open_desk: OpenDesk, service: Service) -> None:
    page, _ = await open_desk(ringing())
    await expect(page.locator("#calls > article")).to_have_count(1)
    await page.reload()
    await (await service.conversation()).welcome(ringing(ringing_seconds=11.0))
    await expect(page.locator(part("count"))).to_have_text("3")


async def test_a_desk_that_is_cut_off_says_so_comes_back_and_shows_what_is_true_then(
    open_desk: OpenDesk, service: Service
) -> None:
    page, conversation = await open_desk(ringing(), tolerate=(CUT,))
    await conversation.say(type="bye", reason="restart")
    await conversation.close(1012)
    await expect(page.locator("#cut")).to_contain_text("连接已中断 0:0")
    await expect(page.locator("#cut")).to_contain_text("此时可能有来电未在此显示，已显示的来电也可能已经结束。")
    again = await service.conversation()
    await again.welcome(talking("b", caller="02160000001"))
    await expect(page.locator("#cut")).to_be_hidden()
    await expect(page.locator("#calls > article")).to_have_count(1)
    await expect(page.locator(part("number"))).to_have_text("02160000001")
    await expect(page.locator("#state")).to_contain_text("已连接")


async def test_with_the_network_gone_it_is_cut_off_at_once_and_back_as_soon_as_it_returns(
    open_desk: OpenDesk, service: Service
) -> None:
    page, _ = await open_desk(tolerate=(CUT,))
    await page.evaluate("dispatchEvent(new Event('offline'))")
    await expect(page.locator("#cut")).to_be_visible()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await (await service.conversation()).welcome()
    await expect(page.locator("#cut")).to_be_hidden()


async def test_a_silent_line_is_given_up_where_the_service_promised_to_be_heard(
    open_page: OpenPage, service: Service
) -> None:
    page = await open_page()
    await page.clock.install()
    await page.goto(f"{service.url}#token=correct-horse")
    limits = {"rings": 3, "ring_seconds": 5.0, "long_talk_seconds": 300, "beat_seconds": 4}
    await (await service.conversation()).welcome(limits=limits)
    await expect(page.locator("#state")).to_contain_text("已连接")
    await page.clock.run_for(9_000)
    await expect(page.locator("#cut")).to_be_hidden()
    await page.clock.run_for(1_500)
    await expect(page.locator("#cut")).to_be_visible()


async def test_a_desk_that_was_opened_elsewhere_waits_to_be_told_to_take_over(
    open_desk: OpenDesk, service: Service
) -> None:
    page, conversation = await open_desk(ringing())
    await conversation.say(type="bye", reason="too_many")
    await conversation.close(4429)
    await expect(page.locator("#elsewhere")).to_be_visible()
    await expect(page.locator("#calls > article")).to_have_count(0)
    await page.evaluate("dispatchEvent(new Event('online'))")
    assert service.nobody_came
    await page.get_by_role("button", name="使用本窗口").click()
    await (await service.conversation()).welcome(ringing())
    await expect(page.locator("#elsewhere")).to_be_hidden()
    await expect(page.locator("#calls > article")).to_have_count(1)


async def test_while_the_pbx_is_not_heard_the_desk_says_so_and_promises_nothing(open_desk: OpenDesk) -> None:
    page, service = await open_desk()
    for _ in range(2):  # it is said again and again
        await service.say(type="pbx", up=False)
        await expect(page.locator("#pbx")).to_be_visible()
        await expect(page.locator("#state")).to_have_text("收不到电话系统")
        await expect(page.locator("#idle")).to_be_hidden()
    await service.say(type="pbx", up=True)
    await expect(page.locator("#pbx")).to_be_hidden()
    await expect(page.locator("#state")).to_have_text("已连接")
    await expect(page.locator("#idle")).to_be_visible()


async def test_messages_that_are_not_understood_are_passed_over(open_desk: OpenDesk) -> None:
    page, service = await open_desk()
    await service.say(type="tomorrow", anything=1)
    await service.say(type="gone", call="never-seen")
    await service.say(type="earlier", call="never-seen", earlier=KNOWN)
    await service.call(9, ringing())
    assert await service.heard() == {"type": "seen", "seq": 9}
    await expect(page.locator("#calls > article")).to_have_count(1)


async def test_a_page_that_is_older_than_the_service_loads_the_new_one(open_page: OpenPage, service: Service) -> None:
    page = await open_page()
    await page.clock.install()
    await page.goto(f"{service.url}#token=correct-horse")
    conversation = await service.conversation()
    await conversation.welcome()
    await expect(page.locator("#state")).to_contain_text("已连接")
    await page.clock.run_for(61_000)
    asked = service.asked.count("/desk")
    await conversation.welcome(v=2)
    await service.conversation()
    assert service.asked.count("/desk") == asked + 1


# For everybody


async def test_a_notice_is_given_only_when_wished_for_and_nobody_looks_and_names_no_caller(
    open_desk: OpenDesk,
) -> None:
    page, service = await open_desk(calm=True)
    await page.evaluate(
        """() => {
          globalThis.notices = [];
          globalThis.Notification = class {
            static permission = "default";
            static async requestPermission() { return (Notification.permission = "granted"); }
            constructor(title, more) { notices.push([title, more.body, "shown"]); this.at = notices.length - 1; }
            close() { notices[this.at][2] = "closed"; }
          };
        }"""
    )
    await service.call(1, ringing("before"))
    await service.heard()
    await page.get_by_role("button", name="来电时通知我").click()
    await expect(page.get_by_role("button", name="来电时通知我")).to_be_hidden()
    await service.call(2, ringing("seen"))
    await service.heard()
    await page.evaluate("Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'})")
    await service.call(3, ringing("unseen"))
    await service.heard()
    assert await page.evaluate("notices") == [["您的电话在响", "客户咨询", "shown"]]
    await service.call(4, talking("unseen"))
    await service.heard()
    assert await page.evaluate("notices") == [["您的电话在响", "客户咨询", "closed"]]


async def test_where_notices_cannot_be_made_the_call_is_shown_and_acknowledged_all_the_same(
    open_page: OpenPage, service: Service
) -> None:
    page = await open_page()
    await page.add_init_script(
        """globalThis.Notification = class {
          static permission = "granted";
          constructor() { throw new TypeError("Illegal constructor"); }
        };
        localStorage.setItem("threerings.notices", "yes");
        Object.defineProperty(document, "visibilityState", {get: () => "hidden"});"""
    )
    await page.goto(f"{service.url}#token=correct-horse")
    conversation = await service.conversation()
    await conversation.welcome()
    await conversation.call(5, ringing())
    assert await conversation.heard() == {"type": "seen", "seq": 5}
    await expect(page.locator("#calls > article")).to_have_count(1)


async def test_who_listens_hears_each_phase_once_and_no_seconds(open_desk: OpenDesk) -> None:
    page, service = await open_desk(ringing(ringing_seconds=4.0))
    await page.evaluate(
        "globalThis.heard = []; new MutationObserver(() => heard.push(document.getElementById('announce').textContent))"
        ".observe(document.getElementById('announce'), {childList: true})"
    )
    await expect(page.locator("#announce")).to_have_text("正在振铃: 13800138000 王建国, 客户咨询")
    await expect(page.locator(part("count"))).to_have_text("2")
    await service.call(2, talking())
    await service.call(3, talking(talking_seconds=128.0))
    await expect(page.locator("#announce")).to_have_text("通话中: 13800138000 王建国, 客户咨询")
    assert await page.evaluate("heard.length") == 1


async def test_english_is_a_click_away_and_keeps_the_desk(open_desk: OpenDesk, service: Service) -> None:
    page, _ = await open_desk(ringing())
    await page.get_by_role("link", name="English").click()
    await (await service.conversation()).welcome(ringing())
    await expect(page.locator(part("phase"))).to_have_text("Ringing")
    await expect(page.locator(part("of"))).to_have_text("of 3 rings")
    await expect(page.get_by_role("heading", name="Earlier calls")).to_be_visible()
