"""Whole calls come and go while nobody hears the PBX: afterwards each visit is in the ledger, once, and says why."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from .asterisk import Pbx
from .checker import compare
from .database import Database
from .line import Line
from .product import Product
from .story import Story, Witnessed

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(300)]

GOES, COMES = 3.0, 13.0
SECOND = 1.4  # queue_log tells whole seconds
HEALED = 30.0  # after it is heard again
HEARD, ANSWERED, GAVE_UP, TIMED_OUT, SHORTLY, LATE = (f"0216000005{n}" for n in range(6))
VISITS = {
    HEARD: [("support", "abandoned", "partial")],
    ANSWERED: [("sales", "answered", "reconstructed")],
    GAVE_UP: [("support", "abandoned", "reconstructed")],
    TIMED_OUT: [("support", "timeout", "reconstructed")],
    SHORTLY: [("support", "abandoned", "reconstructed")],
    LATE: [("support", "abandoned", "reconstructed")],
}


def tell(pbx: Pbx, deaf: Callable[[], Awaitable[object]]) -> Story:
    """One is heard to come and to go; the others come, and go, unheard."""
    story = Story(pbx).agent("1001", rings=1, serves="sales")
    story.caller(HEARD, calls="support", hangs_up_after=COMES + 3)
    story.caller(ANSWERED, calls="sales", at=GOES + 0.5, hangs_up_after=5)
    story.caller(GAVE_UP, calls="support", at=GOES + 0.5, hangs_up_after=3)
    story.caller(TIMED_OUT, calls="support/brief", at=GOES + 0.7)
    story.caller(SHORTLY, calls="support", at=GOES + 0.9, hangs_up_after=2)
    story.caller(LATE, calls="support", at=GOES + 5, hangs_up_after=2)
    return story.later(GOES, deaf).lasts(COMES + 5)


def judge(calls: list[dict[str, Any]], seen: Witnessed) -> None:
    """Nothing is missing, nothing is twice, and only the phones that rang unheard are not known."""
    assert not seen.complaints
    differences = compare(calls, seen, wait_tolerance=SECOND).differences
    assert [line for line in differences if not line.endswith("no offer exported")] == []
    found: dict[str, list[tuple[str, str, str]]] = {}
    for call in calls:
        found.setdefault(call["caller"], []).extend((v["queue"], v["outcome"], v["quality"]) for v in call["visits"])
    assert found == VISITS
    assert len(calls) == len({call["id"] for call in calls}) == len(seen.callers)
    assert len({call["case"]["number"] for call in calls}) == len(calls)
    (answered,) = next(call["visits"] for call in calls if call["caller"] == ANSWERED)
    assert (answered["agent"], answered["hung_up_by"], answered["offers"]) == ("Agent 1001", "caller", [])
    assert answered["talk_seconds"] == pytest.approx(4, abs=SECOND)
    assert "queue_log" in answered["reason"]


async def healed(product: Product, calls: int) -> None:
    await product.until(lambda: product.metrics().total("telephony_ledger_healed_total") >= calls, HEALED, "healed")


async def test_calls_that_came_and_went_while_the_line_was_cut_are_put_into_the_ledger(pbx: Pbx) -> None:
    async with AsyncExitStack() as running:
        database = await running.enter_async_context(Database())
        line = await running.enter_async_context(Line(pbx))
        product = line.carry(Product([pbx], database.url))
        await running.enter_async_context(product)
        story = await tell(pbx, lambda: line.cut_for(COMES - GOES)).prepare()
        seen = await story.play()
        await healed(product, 5)
        judge(await product.settled("pbx1"), seen)
        metrics = await asyncio.to_thread(product.metrics)
    assert metrics.by("kind", "telephony_ledger_mismatch_total") == {"missing": 5}
    assert metrics.total("telephony_visits_entered_total") == metrics.total("telephony_visits_ended_total") == 6
    assert metrics.total("telephony_cases_opened_total") == 6


async def test_calls_that_came_and_went_while_the_service_was_dead_are_put_into_the_ledger(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url) as product:

        async def dies() -> None:
            await product.kill()
            await asyncio.sleep(COMES - GOES - 1)
            await product.start()

        story = await tell(pbx, dies).prepare()
        seen = await story.play()
        await healed(product, 5)
        judge(await product.settled("pbx1"), seen)
        await product.kill()  # and whoever comes then changes nothing
        await product.start()
        await asyncio.sleep(4)  # its first round
        judge(await product.settled("pbx1"), seen)
        metrics = await asyncio.to_thread(product.metrics)
    assert metrics.total("telephony_ledger_mismatch_total") == 0
