"""Real calls on a real PBX, real windows: the right desk shows the call while the phone rings, and no other."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import WebSocket, expect

from tests.pbx.asterisk import Pbx
from tests.pbx.conftest import asterisk_root, pbx
from tests.pbx.database import Database
from tests.pbx.line import Line
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


NEAR, RING = timedelta(seconds=1), timedelta(seconds=5)
COUNT = """() => [Date.now(), document.querySelector('article.call [data-part="count"]').textContent]"""


class Told:
    """Every state of a call that a desk was told, and when."""

    def __init__(self, desk: DeskWindow) -> None:
        self.calls: list[tuple[datetime, dict[str, Any]]] = []
        desk.page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._hear)

    def _hear(self, frame: str | bytes) -> None:
        message = json.loads(frame)
        told = {"welcome": message.get("calls"), "call": [message.get("call")]}.get(message["type"], ())
        self.calls += [(datetime.now(UTC), call) for call in told]  # noqa: TID251  # as SIPp's clock goes


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
        await desk.shows("ended")
        shown = await desk.seen()

    assert phases(shown) == ["ringing", "ringing", "talking", "ended"]
    during(seen, "1001", shown[1].at)


async def test_a_restart_of_the_service_in_mid_ring_loses_no_desk_its_call_and_no_ring(
    pbx: Pbx, open_page: OpenPage
) -> None:
    async with Database() as database, Product([pbx], database.url, extra=AGENTS) as product:
        desk = await DeskWindow.opened(open_page, address(product), "1001")
        told = Told(desk)
        story = Story(pbx).agent("1001", then="rings").agent("1001", rings=6)  # the queue calls it again after 15 s
        story.caller(C1, calls="ring-all", hangs_up_after=26)
        playing = asyncio.ensure_future(story.play())  # noqa: TID251  # awaited below
        await desk.shows("ringing")
        await product.until(lambda: not product.metrics().total("telephony_saver_backlog"), 5, "saved")
        await product.kill()
        await expect(desk.page.locator("#state")).not_to_have_attribute("data-state", "connected")
        told.calls.clear()
        await product.start()
        await desk.connected()
        await desk.shows("ringing")
        await expect(desk.page.locator("#pbx")).to_be_hidden(timeout=12_000)
        await desk.shows("ringing")
        at, count = await desk.page.evaluate(COUNT)
        await desk.shows("talking", 25)
        seen = await playing

    ring, caller = seen.rings_of("1001")[0], seen.caller(C1)
    assert ring.rang_at is not None
    rung = datetime.fromtimestamp(at / 1000, UTC) - ring.rang_at
    assert int(count) in {1 + int((rung + by) / RING) for by in (-NEAR, NEAR)}
    ringing = [(then, call) for then, call in told.calls if call["phase"] == "ringing"]
    assert ringing
    for then, call in ringing:
        assert abs(timedelta(seconds=call["waited_seconds"]) - (then - caller.invited_at)) < NEAR
        assert abs(timedelta(seconds=call["ringing_seconds"]) - (then - ring.rang_at)) < NEAR


async def test_who_answered_while_nobody_listened_is_not_told_that_a_colleague_did(
    pbx: Pbx, open_page: OpenPage
) -> None:
    words: list[str] = []
    async with (
        Database() as database,
        Line(pbx) as line,
        line.carry(Product([pbx], database.url, extra=AGENTS)) as product,
    ):
        desks = [await DeskWindow.opened(open_page, address(product), phone) for phone in ("1001", "1002")]
        story = Story(pbx).agent("1001", then="rings").agent("1002", rings=3)
        story.caller(C1, calls="ring-all", hangs_up_after=6).later(1.5, lambda: line.cut_for(7))
        playing = asyncio.ensure_future(story.play())  # noqa: TID251  # awaited below
        for desk in desks:
            await desk.shows("ringing")
            await expect(desk.page.locator("#pbx")).to_be_visible(timeout=8_000)
        for desk, phase in zip(desks, ("withdrawn", "ended"), strict=True):  # queue_log names who answered
            await desk.shows(phase, 30)
            await expect(desk.page.locator("#pbx")).to_be_hidden(timeout=12_000)
        words.append(await desks[1].part("phase"))
        seen = await playing
        words += [one.word for one in await desks[1].seen() if one.phase == "withdrawn"]

    assert seen.rings_of("1002")[0].answered_at is not None
    assert "同事已接听" not in words  # to the other one that may be said


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
