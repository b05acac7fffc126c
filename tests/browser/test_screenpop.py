"""Real calls on a real PBX, real windows: the right desk shows the call while the phone rings, and no other."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.pbx.asterisk import Pbx
from tests.pbx.conftest import asterisk_root, pbx
from tests.pbx.database import Database
from tests.pbx.product import Product
from tests.pbx.story import Story, Witnessed

from .desks import AGENTS, TOKENS, DeskWindow
from .windows import OpenPage, picture

__all__ = ["asterisk_root", "pbx"]

pytestmark = [pytest.mark.browser, pytest.mark.timeout(200)]

C1, C2 = "02160000001", "02160000002"
SHOWN = {C1: "02160000001", C2: "02160000002"}
CLOCK = timedelta(milliseconds=30)
"""SIPp's clock and the browser's are read on one machine; each by a process that had to be woken."""
TOLD = '[[queue]]\nname = "ring-all"\ntitle = "客户咨询"\ngreeting = "您好，长治营业部，请问有什么可以帮您？"\n'


def address(product: Product) -> str:
    return f"http://127.0.0.1:{product.port}"


def phases(seen: list) -> list[str]:  # type: ignore[type-arg]
    return [one.phase for one in seen]


async def test_ring_all_both_desks_pop_while_the_phones_ring_and_one_withdraws_at_the_answer(
    pbx: Pbx, open_page: OpenPage
) -> None:
    hostile = "<img src=x onerror=document.title='!'>"
    async with Database() as database, Product([pbx], database.url, extra=AGENTS + TOLD) as product:
        one, two, three = [await DeskWindow.opened(open_page, address(product), phone) for phone in TOKENS]
        story = Story(pbx).agent("1001", rings=4).agent("1002", then="rings")
        story.caller(C1, calls="ring-all", hangs_up_after=8, display=f'"{hostile}"')
        playing = asyncio.ensure_future(story.play())  # noqa: TID251  # awaited below
        await one.shows("ringing")
        await two.shows("ringing")
        assert await one.part("name") == hostile
        assert await one.page.locator("article.call img").count() == 0
        assert await one.part("queue") == "客户咨询"
        assert await one.part("say") == "您好，长治营业部，请问有什么可以帮您？"
        await picture(one.page, "pbx-ringing")
        await one.shows("talking")
        await two.shows("withdrawn")
        await picture(two.page, "pbx-withdrawn")
        seen = await playing
        await one.shows("ended")
        await picture(one.page, "pbx-ended")
        first, second, third = await one.seen(), await two.seen(), await three.seen()
        metrics = await asyncio.to_thread(product.metrics)

    assert (phases(first), phases(second), third) == (["ringing", "talking", "ended"], ["ringing", "withdrawn"], [])
    during(seen, "1001", first[0].at)
    during(seen, "1002", second[0].at)
    (answer,) = seen.rings_of("1001")
    assert answer.answered_at is not None
    late = timedelta(seconds=1)
    assert answer.answered_at - CLOCK < first[1].at < answer.answered_at + late
    assert answer.answered_at - CLOCK < second[1].at < answer.answered_at + late
    assert second[1].word == "同事已接听"
    assert metrics.total("telephony_screens_connected") == 3
    assert metrics.total("telephony_screenpop_seconds_count") == 2
    assert not metrics.total("telephony_screenpop_dropped_total")


def during(seen: Witnessed, phone: str, popped: object) -> None:
    """The pop came after that phone began to ring and before it stopped."""
    (ring,) = seen.rings_of(phone)
    end = ring.answered_at or ring.ended_at
    assert ring.rang_at is not None
    assert end is not None
    assert ring.rang_at - CLOCK < popped < end  # type: ignore[operator]


async def test_in_sequence_each_desk_pops_only_while_its_own_phone_rings(pbx: Pbx, open_page: OpenPage) -> None:
    async with Database() as database, Product([pbx], database.url, extra=AGENTS) as product:
        one, two = [await DeskWindow.opened(open_page, address(product), phone) for phone in ("1001", "1002")]
        story = Story(pbx).agent("1001", then="rings").agent("1002", rings=1.5)
        story.caller(C1, calls="linear", hangs_up_after=9)
        playing = asyncio.ensure_future(story.play())  # noqa: TID251  # awaited below
        await one.shows("ringing")
        assert await two.page.locator("article.call").count() == 0
        await one.shows("withdrawn")
        await two.shows("ringing")
        assert int(await two.part("count")) >= 1
        await two.shows("talking")
        seen = await playing
        first, second = await one.seen(), await two.seen()

    assert (phases(first), phases(second)[:2]) == (["ringing", "withdrawn"], ["ringing", "talking"])
    assert first[1].word == "振铃后未接听"
    during(seen, "1001", first[0].at)
    during(seen, "1002", second[0].at)


async def test_a_reload_in_mid_ring_shows_the_call_again_and_its_rings_go_on(pbx: Pbx, open_page: OpenPage) -> None:
    async with Database() as database, Product([pbx], database.url, extra=AGENTS) as product:
        desk = await DeskWindow.opened(open_page, address(product), "1001")
        story = Story(pbx).agent("1001", rings=9).caller(C1, calls="ring-all", hangs_up_after=12)
        playing = asyncio.ensure_future(story.play())  # noqa: TID251  # awaited below
        await desk.shows("ringing")
        await expect(desk.page.locator('article.call [data-part="count"]')).to_have_text("2", timeout=8_000)
        await desk.page.reload()
        await desk.shows("ringing", 3)
        assert await desk.part("count") == "2"
        assert (await desk.part("number")).replace("\n", "").replace(" ", "") == C1
        await desk.shows("talking")
        seen = await playing
        shown = await desk.seen()

    assert phases(shown) == ["ringing", "ringing", "talking", "ended"][: len(shown)]
    during(seen, "1001", shown[1].at)


async def test_a_restart_of_the_service_in_mid_ring_loses_no_desk_its_call(pbx: Pbx, open_page: OpenPage) -> None:
    async with Database() as database, Product([pbx], database.url, extra=AGENTS) as product:
        desk = await DeskWindow.opened(open_page, address(product), "1001")
        story = Story(pbx).agent("1001", rings=14).caller(C1, calls="ring-all", hangs_up_after=17)
        playing = asyncio.ensure_future(story.play())  # noqa: TID251  # awaited below
        await desk.shows("ringing")
        await product.until(lambda: not product.metrics().total("telephony_saver_backlog"), 5, "saved")
        await product.kill()
        await expect(desk.page.locator("#state")).not_to_have_attribute("data-state", "connected")
        await product.start()
        await desk.connected()
        await desk.shows("ringing")
        await desk.shows("talking", 15)
        await playing


async def test_who_called_before_is_known_and_without_the_database_the_desk_says_so(
    pbx: Pbx, open_page: OpenPage
) -> None:
    async with Database() as database, Product([pbx], database.url, extra=AGENTS) as product:
        desk = await DeskWindow.opened(open_page, address(product), "1001")
        await Story(pbx).caller(C1, calls="ring-all", hangs_up_after=2).play()
        (before,) = await product.settled("pbx1")
        again = Story(pbx).agent("1001", rings=3).caller(C1, calls="ring-all", hangs_up_after=5)
        playing = asyncio.ensure_future(again.play())  # noqa: TID251  # awaited below
        await desk.shows("ringing")
        earlier = desk.page.locator('article.call [data-part="earlier"] li')
        await expect(earlier).to_have_count(1)
        await expect(earlier).to_contain_text(before["case"]["number"])
        await expect(earlier).to_contain_text("放弃")
        await playing

        await database.stop()
        other = Story(pbx).agent("1001", rings=4).caller(C2, calls="ring-all", hangs_up_after=6)
        playing = asyncio.ensure_future(other.play())  # noqa: TID251  # awaited below
        card = desk.page.locator("article.call", has_text="0216000 0002").or_(
            desk.page.locator("article.call", has_text=C2)
        )
        await desk.shows("ringing")
        await expect(card.first).to_contain_text("数据库")
        await picture(desk.page, "pbx-without-database")
        await playing
        await database.start()


async def test_a_caller_who_gives_up_is_withdrawn_and_a_direct_line_pops_too(pbx: Pbx, open_page: OpenPage) -> None:
    async with Database() as database, Product([pbx], database.url, extra=AGENTS) as product:
        desk = await DeskWindow.opened(open_page, address(product), "1001")
        await Story(pbx).agent("1001", then="rings").caller(C1, calls="support", hangs_up_after=3).play()
        await expect(desk.page.locator('article.call [data-part="phase"]')).to_have_text("客户已挂断")
        await Story(pbx).agent("1001", rings=1, serves=()).caller(C2, calls="phone:1001", hangs_up_after=3).play()
        await desk.shows("ended")
        shown = await desk.seen()

    assert [(one.number, one.phase) for one in shown] == [
        (C1, "ringing"),
        (C1, "withdrawn"),
        (C2, "ringing"),
        (C2, "talking"),
        (C2, "ended"),
    ]
