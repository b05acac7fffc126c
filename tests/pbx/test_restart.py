"""The service restarts while five calls go on: what was saved is kept, what goes on is taken up, nothing is guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from typing import Any

import pytest

from .asterisk import Pbx
from .checker import compare
from .database import Database
from .product import Product
from .story import Story, Witnessed

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(300)]

WAITS, RINGS, TALKS, OVERFLOWN, MEANWHILE = (f"0216000000{n}" for n in range(1, 6))
GOES, COMES = 6.5, 9.5
VISITS = {
    WAITS: [(1, "support", "abandoned")],
    RINGS: [(1, "sales", "answered")],
    TALKS: [(1, "market", "answered")],
    OVERFLOWN: [(1, "keyed", "timeout"), (2, "overflow", "abandoned")],
    MEANWHILE: [(1, "wrapped", "answered")],
}


def five_calls(pbx: Pbx) -> Story:
    """Around the restart one waits, one's phone rings, one talks, one waits in his second queue, one is answered."""
    story = Story(pbx).agent("1001", rings=13, serves="sales").agent("1002", rings=1, serves="market")
    story.agent("1003", rings=8, serves="wrapped")
    story.caller(WAITS, calls="support", hangs_up_after=14).caller(RINGS, calls="sales", hangs_up_after=19)
    story.caller(TALKS, calls="market", hangs_up_after=18).caller(OVERFLOWN, calls="keyed/overflow", hangs_up_after=16)
    return story.caller(MEANWHILE, calls="wrapped", hangs_up_after=15)


def judge(calls: list[dict[str, Any]], seen: Witnessed, unheard: AbstractSet[str] | None = None) -> None:
    """What nobody could hear is unknown or known to queue_log's second; nothing else differs from what others saw.

    `unheard`: whose rings were not heard to their end, and then the answers were; None: those of the restart.
    """
    if unheard is not None:
        differences = compare(calls, seen).differences
        assert {line.split(":")[0] for line in differences} == unheard, differences
        return
    unknown = {f"{number} to {phone}": "alerting 0.000" for number, phone in ((RINGS, "1001"), (MEANWHILE, "1003"))}
    differences = [line for line in compare(calls, seen).differences if not line.startswith(f"{MEANWHILE} in wrapped")]
    assert len(differences) == len(unknown), differences
    for who, what in unknown.items():
        assert any(line.startswith(who) and what in line for line in differences), differences
    (visit,) = next(call["visits"] for call in calls if call["caller"] == MEANWHILE)
    assert (visit["quality"], visit["wait_seconds"]) == ("reconstructed", pytest.approx(8, abs=1.5))


async def restarted(product: Product) -> None:
    """Killed, and gone for three seconds."""
    await asyncio.sleep(GOES)
    await product.kill()
    await asyncio.sleep(COMES - GOES)
    await product.start()


async def test_calls_that_go_on_through_a_restart_are_taken_up(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url) as product:
        story = await five_calls(pbx).prepare()
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(story.play())
            tasks.create_task(restarted(product))
        seen = playing.result()
        calls = await product.settled("pbx1", limit=100)
        metrics = await asyncio.to_thread(product.metrics)

    assert not seen.complaints
    judge(calls, seen)
    found = {call["caller"]: call for call in calls}
    assert len(found) == len(calls) == 5
    assert all(call["ended_at"] and call["hung_up_by"] == "caller" for call in calls)
    assert [call["dialled"] for call in calls] == [leg.dialled for number in found for leg in [seen.caller(number)]]
    visits = {number: [(v["ordinal"], v["queue"], v["outcome"]) for v in found[number]["visits"]] for number in found}
    assert visits == VISITS
    talks = {number: found[number]["visits"][0]["talk_seconds"] for number in (RINGS, TALKS, MEANWHILE)}
    assert talks == {RINGS: pytest.approx(6, abs=0.3), TALKS: pytest.approx(17, abs=0.3), MEANWHILE: None}
    offers = {number: [o["result"] for v in found[number]["visits"] for o in v["offers"]] for number in found}
    assert offers == {WAITS: [], RINGS: ["answered"], TALKS: ["answered"], OVERFLOWN: [], MEANWHILE: ["answered"]}

    # Those found waiting entered once more, in this process; nothing else was counted twice.
    assert metrics.total("telephony_visits_entered_total") == metrics.total("telephony_visits_ended_total") == 4
    assert metrics.total("telephony_cases_opened_total") == 0
    assert metrics.total("telephony_calls_sought_total") == 5
    assert metrics.total("telephony_saver_foreign_total") == 0
    assert metrics.total("telephony_irregular_facts_total") == metrics.total(
        "telephony_irregular_facts_total", what="link_lost"
    )


async def test_without_a_database_at_the_start_the_journal_knows_what_went_on(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url) as product:

        async def away() -> None:
            await asyncio.sleep(GOES)
            await product.kill()
            await database.stop()
            await product.start(ready=False)
            await product.until(lambda: product.ready()["parts"]["pbx pbx1"]["up"], 30, "following the PBX")
            await database.start()

        story = await five_calls(pbx).prepare()
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(story.play())
            tasks.create_task(away())
        await product.until(lambda: product.ready().get("status") == "ok", 30, "ok")
        calls = await product.settled("pbx1", limit=100)
        metrics = await asyncio.to_thread(product.metrics)

    seen = playing.result()
    assert not seen.complaints
    judge(calls, seen)
    visits = {call["caller"]: [(v["ordinal"], v["queue"], v["outcome"]) for v in call["visits"]] for call in calls}
    assert visits == VISITS
    assert all(call["ended_at"] and call["hung_up_by"] == "caller" for call in calls)
    assert len({call["case"]["id"] for call in calls}) == 5
    assert metrics.total("telephony_saver_foreign_total") == 0
