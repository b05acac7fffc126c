"""An agent's day begins at the page, with a real PBX: he signs in, is called, wraps up, pauses; the page leads him."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.pbx.asterisk import Pbx
from tests.pbx.conftest import asterisk_root, pbx
from tests.pbx.database import Database
from tests.pbx.product import Product
from tests.pbx.story import Story
from tests.pbx.test_actions import HANDS

from .desks import AGENTS, DeskWindow
from .windows import DESKTOP, PHONE, OpenPage, accessible, picture

__all__ = ["asterisk_root", "pbx"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

HOUSE = """
[standard]
long_talk_seconds = 2
[desk]
pauses = ["小休", "用餐"]
wrap_up_seconds = 600
closing = "感谢您致电长治营业部，再见！"
[[queue]]
name = "support"
title = "客户咨询"
greeting = "您好，长治营业部，请问有什么可以帮您？"
[[queue]]
name = "sales"
title = "业务办理"
"""


def address(product: Product) -> str:
    return f"http://127.0.0.1:{product.port}"


async def does(page: Page, doing: str, limit: float = 10) -> None:
    await expect(page.locator("#work")).to_have_attribute("data-doing", doing, timeout=limit * 1000)


async def looked_at(page: Page, name: str) -> None:
    """As a picture on a telephone and on a desk, and by axe."""
    for width, height in (PHONE, DESKTOP):
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await picture(page, f"work-{name}-{width}")
    await accessible(page)


async def test_an_agents_day_begins_at_the_page(pbx: Pbx, open_page: OpenPage) -> None:  # noqa: PLR0915 - a day
    async with Database() as database:
        product = Product([pbx], database.url, extra=AGENTS + HOUSE)
        text = product.config.read_text()
        product.config.write_text(text.replace(f'username = "{pbx.username}"', HANDS + f'username = "{pbx.username}"'))
        async with product:
            desk = await DeskWindow.opened(open_page, address(product), "1001")
            page, following = desk.page, desk.page.locator('#work [data-part="next"]')
            await does(page, "signed_out")
            await expect(following).to_have_text("请选择话机和队列，然后签入。")
            await looked_at(page, "signed-out")
            await page.locator("#work-queues input").last.uncheck()
            await page.locator("#work-in button").focus()
            await page.keyboard.press("Enter")
            await does(page, "ready")
            await expect(page.locator('#work [data-part="more"]')).to_have_text("PJSIP/1001 · 客户咨询")
            await looked_at(page, "ready")

            story = Story(pbx).agent("1001", rings=1.5, serves=())
            story.caller("02160000001", calls="support", hangs_up_after=9)
            async with asyncio.TaskGroup() as tasks:
                playing = tasks.create_task(story.play())
                await desk.shows("ringing")
                await does(page, "ringing")
                await does(page, "talking")
                await page.keyboard.press("Alt+3")
                await expect(following).to_have_text("请为来电者服务。通话后：话后处理。")
                assert await desk.part("say") == "感谢您致电长治营业部，再见！"
                await expect(page.locator('article.call [data-part="agree"]')).to_be_visible()
                await looked_at(page, "talking")
                await page.keyboard.press("Alt+5")
                await expect(page.locator('article.call [data-part="agreed"]')).to_contain_text("已约定回电")
                await looked_at(page, "agreed")
            assert not playing.result().complaints
            await does(page, "wrap_up")
            await expect(following).to_contain_text("后自动就绪")
            await page.reload()  # nothing is remembered here: the PBX's word counts
            await does(page, "wrap_up")
            second = await DeskWindow.opened(open_page, address(product), "1001", locale="en-GB")
            await does(second.page, "wrap_up")
            await expect(second.page.locator('#work [data-part="next"]')).to_contain_text(
                "You are ready by yourself in"
            )
            await looked_at(second.page, "wrap-up-en")

            await page.keyboard.press("Alt+1")
            await does(page, "ready")
            await does(second.page, "ready")
            await page.locator("#work-reason").select_option("用餐")
            await page.keyboard.press("Alt+2")
            await does(page, "paused")
            await expect(page.locator('#work [data-part="more"]')).to_contain_text("用餐")
            await page.locator("#work-number").fill("95 5x5")
            await page.keyboard.press("Enter")
            await expect(page.locator("#work-said")).to_have_text("号码只能有数字、* 和 #，前面可加 +。")
            await looked_at(page, "paused")
            await page.keyboard.press("Alt+4")
            await does(page, "signed_out")
            lines = pbx.queue_log.read_text().splitlines()
            assert [line.split("|")[-1] for line in lines if "|PAUSE|" in line] == ["wrap-up", "用餐"]
