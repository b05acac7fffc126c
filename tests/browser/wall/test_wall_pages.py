"""More queues than a wall has room for: pages turn by themselves, or by hand, and every queue is on one of them."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from handlers.walls.painting import ROWS
from telephony.calls.record import Kind
from tests.browser.windows import PHONE, WALL, OpenPage, accessible
from tests.support.days import answered, o_clock
from tests.support.overview import gauge
from tests.support.walls import Floor, Hall

from .service import serving

pytestmark = pytest.mark.browser
NOON = o_clock("12:00")
QUEUES = [f"queue-{n:02}" for n in range(ROWS + 10)]
ALL = {"客户咨询", "产品销售", "前台", *(f"<{queue}>" for queue in QUEUES)}
TURNED = 20_000
"""Milliseconds in which pages have turned by themselves."""


def crowd() -> Hall:
    """Two pages of the service; on each somebody waits too long."""
    floor = Floor([gauge("queue-01", 1, 45.0), gauge("queue-45", 2, 95.0), gauge("front-desk", 1, 8.0, Kind.DIRECT)])
    hall = Hall([answered(n, NOON, queue=queue) for n, queue in enumerate(QUEUES)], floors={"pbx1": floor}, every=0.1)
    hall.open_to_all = True
    return hall


async def titles(page: Page) -> list[str]:
    return await page.locator("#rows th").all_inner_texts()


async def place(page: Page) -> str:
    """What the line under the rows says: from where to where, and of how many."""
    await expect(page.locator("#page-at")).to_have_text(re.compile(r"\d"))
    return await page.locator("#page-at").inner_text()


async def settled(page: Page) -> None:
    """As many rows as fit are shown: the window was looked at twice."""
    await expect(page.locator("#pages")).to_be_visible()
    await page.wait_for_function(
        """() => { const now = document.getElementById("page-at").textContent;
                   const same = window.before === now; window.before = now; return same; }""",
        polling=400,
    )


@pytest.mark.parametrize("size", [WALL, PHONE])
async def test_a_round_by_hand_shows_every_queue_once_and_nothing_has_to_be_scrolled_on_a_wall(
    open_page: OpenPage, size: tuple[int, int]
) -> None:
    async with serving(crowd()) as served:
        page = await open_page(served.url, size=size, locale="en-GB")
        await settled(page)
        began, seen = await place(page), await titles(page)
        while True:
            before = await place(page)
            await page.get_by_role("button", name="Next page").click()
            await expect(page.locator("#page-at")).not_to_have_text(before)
            if await place(page) == began:
                break
            seen += await titles(page)
            if size == WALL:
                assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        assert sorted(seen) == sorted(ALL)


async def test_pages_turn_by_themselves_and_interrupt_nobody_who_listens(open_page: OpenPage) -> None:
    async with serving(crowd()) as served:
        page = await open_page(served.url, size=WALL, locale="en-GB")
        await settled(page)
        before = await place(page)
        await expect(page.locator("#page-at")).not_to_have_text(before, timeout=TURNED)
        await expect(page.locator("#page-said")).to_have_text("")


async def test_the_arrows_turn_and_say_quietly_where_one_is_until_it_is_held_still(open_page: OpenPage) -> None:
    async with serving(crowd()) as served:
        page = await open_page(served.url, size=WALL, locale="en-GB")
        await settled(page)
        began = await place(page)
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#page-at")).not_to_have_text(began)
        await expect(page.locator("#page-said")).to_have_text(await place(page))
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("#page-said")).to_have_text(began)
        await page.keyboard.press("ArrowLeft")  # behind the first is the last
        await expect(page.locator("#page-said")).to_have_text(re.compile(r"to 53 of 53$"))
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#page-said")).to_have_text(began)
        still = page.get_by_role("button", name="Hold still")
        await still.focus()
        await page.keyboard.press("Enter")
        await expect(still).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#rows tr")).to_have_count(ROWS)  # to be scrolled
        await accessible(page)


async def test_who_waits_too_long_on_another_page_is_named_on_this_one(open_page: OpenPage) -> None:
    async with serving(crowd()) as served:
        page = await open_page(served.url, size=WALL)
        await expect(page.locator("#more")).to_have_text("其他页有来电等待过久：<queue-45>。")
        assert (await titles(page))[0] == "<queue-01>"  # what needs somebody comes first
        await expect(page.locator("#oldest-box")).to_have_attribute("data-late", "true")
        await expect(page.locator("#waiting")).to_have_text("4")
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("#more")).to_contain_text("<queue-01>")
        await expect(page.locator("#waiting")).to_have_text("4")


async def test_where_all_fit_there_are_no_pages(open_page: OpenPage) -> None:
    hall = Hall([answered(1, NOON)], every=0.1)
    hall.open_to_all = True
    async with serving(hall) as served:
        page = await open_page(served.url, size=WALL)
        await expect(page.locator("#rows tr")).to_have_count(3)
        await expect(page.locator("#pages")).to_be_hidden()
        await expect(page.locator("#more")).to_be_hidden()
