"""Agents come, pause, talk, wrap up and go on a real PBX: their time is as queue_log has it, to its second."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.request import Request, urlopen

import asyncpg
import pytest

from .asterisk import Pbx
from .attendance import FREE, PAUSED, TALKING, WRAP_UP, Stretch, differences, reckon, stretches
from .database import Database
from .product import Product
from .story import Story

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(120)]

TOKEN = "a-token-of-the-supervisor"
EXTRA = f"""
[[queue]]
name = "wrapped"
wrap_up_seconds = 5
[[supervisor]]
name = "zhao"
token = "{TOKEN}"
"""
SLACK = 0.25  # seconds: a phone is in use a moment before or after the queue says so
ONE, TWO = "Agent 1001", "Agent 1002"
NAMES = {"PJSIP/1001": ONE, "PJSIP/1002": TWO}
WORDS = {"ringing": FREE, "ready": FREE, "talking": TALKING, "wrap_up": WRAP_UP, "unknown": "unknown"}


def word(state: str, reason: str) -> str:
    return f"{PAUSED} {reason}" if state == "paused" else WORDS[state]


async def told(url: str) -> dict[str, list[Stretch]]:
    """What is in the database, in the words of the witness."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT * FROM agent_spells WHERE ended_at IS NOT NULL ORDER BY agent, began_at")
    goes_on = await connection.fetchval("SELECT count(*) FROM agent_spells WHERE ended_at IS NULL")
    await connection.close()
    assert goes_on == 0
    changes: dict[str, list[tuple[float, str | None]]] = {}
    for row in rows:
        agent = changes.setdefault(row["agent"], [])
        if agent and agent[-1][0] == row["began_at"].timestamp():
            agent.pop()
        agent += [
            (row["began_at"].timestamp(), word(row["state"], row["reason"])), (row["ended_at"].timestamp(), None),
        ]  # fmt: skip
    return {agent: stretches(every) for agent, every in changes.items()}


async def saved(product: Product, database: Database) -> None:
    """Everybody is gone, and that is in the database."""

    async def open_spells() -> int:
        connection = await asyncpg.connect(database.url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM agent_spells WHERE ended_at IS NULL"))
        finally:
            await connection.close()

    async with asyncio.timeout(15):
        while await open_spells():
            await asyncio.sleep(0.1)
    assert product.runs


def asked(product: Product, path: str) -> Any:
    request = Request(f"http://127.0.0.1:{product.port}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def a_morning(pbx: Pbx) -> Story:
    """1001 serves two queues, 1002 one that gives him 5 s after each talk."""
    story = Story(pbx)
    story.agent("1001", rings=1, serves=()).agent("1002", rings=1, serves=()).agent("1002", rings=1, serves=())
    story.later(0.2, lambda: pbx.add_member("support", "1001"))
    story.later(0.6, lambda: pbx.add_member("sales", "1001"))
    story.later(0.4, lambda: pbx.add_member("wrapped", "1002"))
    story.caller("02160000001", calls="support", talks_for=3, at=1.5)
    story.caller("02160000002", calls="wrapped", talks_for=2.4, at=1.5)
    story.caller("02160000003", calls="wrapped", talks_for=2.4, at=13)
    story.later(7.5, lambda: pbx.pause_member("1001", reason="lunch"))
    story.later(10.0, lambda: pbx.pause_member("1001", reason="wrap-up"))
    story.later(12.5, lambda: pbx.pause_member("1001", paused=False))
    one_queue = {"Queue": "sales", "Interface": "PJSIP/1001", "Reason": "only here"}
    story.later(14.0, lambda: pbx.action("QueuePause", **one_queue, Paused="true"))
    story.later(16.0, lambda: pbx.action("QueuePause", **one_queue, Paused="false"))
    story.later(17.5, lambda: pbx.remove_member("support", "1001"))
    story.later(19.5, lambda: pbx.remove_member("sales", "1001"))
    story.later(19.0, lambda: pbx.pause_member("1002", reason="tea"))
    story.later(21.5, lambda: pbx.remove_member("wrapped", "1002"))
    return story


async def test_what_agents_do_is_accounted_for_as_queue_log_tells_it(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url, extra=EXTRA) as product:
        seen = await a_morning(pbx).play()
        assert seen.complaints == []
        truth = reckon(seen.queue_log, NAMES, {"wrapped": 5}, frozenset({"wrap-up"}))
        await saved(product, database)
        spells = await told(database.url)
        assert {agent: differences(every, spells[agent], SLACK) for agent, every in truth.items()} == {
            ONE: [],
            TWO: [],
        }
        assert [one.what for one in truth[ONE]] == [FREE, TALKING, FREE, f"{PAUSED} lunch", WRAP_UP, FREE]
        assert [one.what for one in truth[TWO]] == [FREE, TALKING, WRAP_UP, FREE, TALKING, WRAP_UP, f"{PAUSED} tea"]
        the_api_agrees(await asyncio.to_thread(asked, product, "/api/v1/agents"), spells)


def the_api_agrees(answer: Any, spells: dict[str, list[Stretch]]) -> None:
    rows = {row["group"]["agent"]: row for row in answer["rows"]}
    assert rows.keys() == {ONE, TWO}
    for agent, row in rows.items():
        sums: dict[str, float] = {}
        for one in spells[agent]:
            sums[one.what.partition(" ")[0]] = sums.get(one.what.partition(" ")[0], 0) + one.ends - one.begins
        seconds = row["agent_seconds"]
        found = {state: seconds[state] for state in (TALKING, WRAP_UP, PAUSED)} | {
            FREE: seconds["ready"] + seconds["ringing"]
        }
        assert found == pytest.approx(sums, abs=0.001)
        assert seconds["staffed"] == pytest.approx(sum(sums.values()), abs=0.001)
        busy, there = sums[TALKING] + sums[WRAP_UP], sum(sums.values()) - sums[PAUSED]
        assert row["measures"]["occupancy"]["value"] == pytest.approx(busy / there, abs=0.001)
        assert seconds["ringing"] > 0.5
        assert seconds["unknown"] == seconds["unreachable"] == 0


async def test_when_the_service_is_killed_without_its_database_only_what_nobody_heard_is_unknown(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url, extra=EXTRA) as product:
        killed: list[float] = []

        async def kill() -> None:
            await product.kill()
            killed.append(asyncio.get_running_loop().time())

        async def again() -> None:
            await product.start()
            killed.append(asyncio.get_running_loop().time())

        story = Story(pbx).agent("1001", serves=())
        story.later(0.2, lambda: pbx.add_member("support", "1001"))
        story.later(3.0, lambda: pbx.pause_member("1001", reason="lunch"))
        story.later(4.0, lambda: pbx.pause_member("1001", paused=False))
        story.later(1.5, database.stop).later(4.3, kill).later(5.0, database.start).later(7.0, again)
        story.later(14.0, lambda: pbx.pause_member("1001", reason="tea"))
        story.later(16.0, lambda: pbx.remove_member("support", "1001"))
        seen = await story.play()
        truth = reckon(seen.queue_log, NAMES, {})[ONE]
        await saved(product, database)
        spells = (await told(database.url))[ONE]
        [gap] = [one for one in spells if one.what == "unknown"]
        assert gap.ends - gap.begins <= killed[1] - killed[0] + 2
        # As it was before and after: whoever puts it into the gap has what queue_log tells.
        known = [Stretch(FREE if one.what == "unknown" else one.what, one.begins, one.ends) for one in spells]
        assert [one.what for one in truth] == [FREE, f"{PAUSED} lunch", FREE, f"{PAUSED} tea"]
        assert differences(truth, merged(known), SLACK) == []


def merged(some: list[Stretch]) -> list[Stretch]:
    """Without seams."""
    found: list[Stretch] = []
    for one in some:
        if found and found[-1].what == one.what and found[-1].ends == one.begins:
            found[-1] = Stretch(one.what, found[-1].begins, one.ends)
        else:
            found.append(one)
    return found
