"""Another instance takes over while five calls go on: the first stops, or dies; nothing is lost, nothing is twice."""

from __future__ import annotations

import asyncio

import pytest

from .asterisk import Pbx
from .database import Database
from .product import Product
from .test_restart import VISITS, five_calls, judge

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(300)]

GOES = 6.5


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
async def test_another_instance_takes_over_while_calls_go_on(pbx: Pbx, killed: bool) -> None:
    async with Database() as database, Product([pbx], database.url) as first:
        second = Product([pbx], database.url)
        await second.start("--standby", ready=False)
        try:
            await second.until(lambda: '"standby"' in second.log, 20, "standing by")
            story = await five_calls(pbx).prepare()
            async with asyncio.TaskGroup() as tasks:
                playing = tasks.create_task(story.play())
                await asyncio.sleep(GOES)
                if killed:
                    await first.kill()
                else:
                    assert await first.stop() == 0
                gone = asyncio.get_running_loop().time()
                await second.until(lambda: second.ready()["parts"]["pbx pbx1"]["up"], 20, "following the PBX")
                took = asyncio.get_running_loop().time() - gone
            calls = await second.settled("pbx1", limit=100)
            metrics = await asyncio.to_thread(second.metrics)
        finally:
            await second.stop()

    assert took < (16 if killed else 5)
    assert not playing.result().complaints
    visits = {call["caller"]: [(v["ordinal"], v["queue"], v["outcome"]) for v in call["visits"]] for call in calls}
    assert visits == VISITS
    assert len({call["case"]["id"] for call in calls}) == len(calls) == 5
    assert all(call["ended_at"] for call in calls)
    if not killed:
        judge(calls, playing.result(), unheard={"02160000002 to 1001", "02160000005 to 1003"})
    assert metrics.total("telephony_saver_foreign_total") == 0
    assert "lease_released" in first.log or killed
