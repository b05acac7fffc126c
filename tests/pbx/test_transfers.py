"""Calls that go from hand to hand on real Asterisks: the product against what SIPp saw, visit by visit.

Each story says what it means (`handovers`): the checker knows of transfers without knowing how the PBX tells them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from . import handovers
from .asterisk import Pbx
from .database import Database
from .meaning import differences, resolved
from .pace import Pace
from .product import Metrics, Product
from .story import Story, Witnessed

PBXS = 5
STORIES = sorted(handovers.ALL)
pytestmark = [pytest.mark.pbx, pytest.mark.paced, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Played:
    """One story, what was seen of it and what the product says."""

    seen: Witnessed
    calls: list[dict[str, Any]]
    metrics: Metrics
    pbx: str
    late: float

    @property
    def inbound(self) -> list[dict[str, Any]]:
        """The customers' calls; the others are those of agents who consult."""
        return [call for call in self.calls if call["direction"] == "inbound"]


async def play_share(pbx: Pbx, product: Product, names: list[str], done: dict[str, Played]) -> None:
    """Play these stories on one PBX, one after the other."""
    label = str(pbx.systemname)
    for name in names:
        story = Story(pbx)
        handovers.ALL[name].tell(story)
        await story.prepare()
        began = datetime.now(UTC)  # noqa: TID251
        with Pace() as pace:
            seen = await story.play()
        calls = await product.settled(label, since=began)
        done[name] = Played(seen, calls, await asyncio.to_thread(product.metrics), label, pace.late)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(asterisk_root: Path) -> AsyncIterator[dict[str, Played]]:  # noqa: ARG001
    """All stories, played."""
    done: dict[str, Played] = {}
    async with AsyncExitStack() as running:
        database = await running.enter_async_context(Database())
        pbxs = [await running.enter_async_context(Pbx(f"pbx{n + 1}")) for n in range(PBXS)]
        product = await running.enter_async_context(Product(pbxs, database.url))
        async with asyncio.TaskGroup() as tasks:
            for n, pbx in enumerate(pbxs):
                tasks.create_task(play_share(pbx, product, STORIES[n::PBXS], done))
    yield done


@pytest.mark.parametrize("name", STORIES)
async def test_every_hand_over_means_what_sipp_saw(played: dict[str, Played], name: str) -> None:
    one = played[name]

    assert not one.seen.complaints
    assert differences(resolved(handovers.MEANS[name], one.seen), one.inbound, late=one.late) == []
    assert one.metrics.total("telephony_ledger_residual", pbx=one.pbx) == 0
    assert one.metrics.total("telephony_irregular_facts_total", pbx=one.pbx) == 0


@pytest.mark.parametrize("name", STORIES)
async def test_a_customer_has_one_call_and_one_case_whoever_talks_to_him(played: dict[str, Played], name: str) -> None:
    one = played[name]
    customers = {leg.caller for leg in one.seen.callers if leg.caller.startswith("0216")}

    assert sorted(call["caller"] for call in one.inbound) == sorted(customers)
    assert len({call["case"]["id"] for call in one.inbound}) == len(customers)
    others = [call for call in one.calls if call["direction"] != "inbound"]
    assert all(call["case"] is None and not call["visits"] for call in others)
