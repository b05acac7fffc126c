"""STD-FIRST-ASKED with a real PBX: who gave up is called back until he gets through; who answered first owns it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from .asterisk import Pbx
from .database import Database
from .product import Product
from .story import Story

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(200)]

GAVE_UP, HANDED_ON, AT_NIGHT = (f"0216000008{n}" for n in range(3))
SHANGHAI = ZoneInfo("Asia/Shanghai")
OPENS = datetime.now(UTC) + timedelta(days=3)  # noqa: TID251 - the test's own day
HOUSE = f"""
[[hours]]
name = "once a week"
open = ["{OPENS.astimezone(SHANGHAI):%a} 03:00-03:01"]
[[branch]]
name = "changzhi"
queues = ["support", "sales"]
[[branch]]
name = "jincheng"
queues = ["market"]
hours = "once a week"
""".lower()

CALLBACKS = "SELECT number, branch, reason, calls, result, due_at FROM callbacks ORDER BY opened_at"
OWNERS = """
SELECT owner, owner_name, cases.branch, version, calls.visits FROM cases JOIN calls ON calls.id = call_id
WHERE caller = $1 ORDER BY arrived_at
"""


async def until(url: str, sql: str, true: Callable[[list[Any]], bool], *values: object) -> list[Any]:
    """The rows, once they are so."""
    connection = await asyncpg.connect(url)
    rows: list[Any] = []
    try:
        async with asyncio.timeout(20):
            while not true(rows := await connection.fetch(sql, *values)):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not so: {rows}") from None
    finally:
        await connection.close()
    return rows


async def test_casework_follows_what_becomes_of_callers(pbx: Pbx) -> None:
    async with AsyncExitStack() as running:
        database = await running.enter_async_context(Database())
        product = await running.enter_async_context(Product([pbx], database.url, extra=HOUSE))

        story = Story(pbx).agent("1001", then="rings", serves="support")
        story.caller(GAVE_UP, calls="support", hangs_up_after=2)
        story.caller(AT_NIGHT, calls="market", hangs_up_after=1)
        assert not (await story.play()).complaints
        await product.settled("pbx1")
        found = await until(database.url, CALLBACKS, lambda rows: len(rows) == 2)
        day, night = sorted(found, key=lambda row: row["branch"])
        assert (day["number"], day["branch"], day["reason"], day["calls"]) == (GAVE_UP, "changzhi", "abandoned", 1)
        assert (night["number"], night["branch"], night["reason"]) == (AT_NIGHT, "jincheng", "after_hours")
        due = night["due_at"].astimezone(SHANGHAI)
        assert (due.date(), f"{due:%H:%M}") == (OPENS.astimezone(SHANGHAI).date(), "03:01")

        again = Story(pbx).agent("1001", rings=1, serves="support")
        again.caller(GAVE_UP, calls="support", hangs_up_after=3)
        assert not (await again.play()).complaints
        await until(database.url, CALLBACKS, lambda rows: {row["result"] for row in rows} == {"got_through", None})
        gone, back = await until(database.url, OWNERS, lambda rows: bool(rows[-1]["owner"]), GAVE_UP)
        assert (gone["owner"], gone["branch"]) == (None, "changzhi")
        assert "1001" in back["owner_name"]

        await product.kill()  # what it had not looked at is looked at by the next process
        handed = Story(pbx).agent("1001", rings=1, transfers=(2, "sales"), serves="support")
        handed.agent("1002", rings=1, serves="sales").caller(HANDED_ON, calls="support", hangs_up_after=8)
        await product.start()
        assert not (await handed.play()).complaints
        await product.settled("pbx1")
        (one,) = await until(database.url, OWNERS, lambda rows: len(rows) == 1 and rows[0]["visits"] == 2, HANDED_ON)
        assert "1001" in one["owner_name"]
        assert one["version"] == 1  # the transfer changed nothing
        await product.until(lambda: not product.metrics().total("telephony_casework_waiting"), 30, "looked at")
        metrics = await asyncio.to_thread(product.metrics)
        assert metrics.total("telephony_callbacks_open") == 1
        assert metrics.total("telephony_casework_refused_total") == 0
