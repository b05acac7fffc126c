"""Every way in which a call may end, on real Asterisks, against what SIPp and queue_log saw.

The product follows several PBXs at once; each plays its share of the catalogue, one story after the other, so that the
counters of its `pbx` label move for that story alone. Database (by `export`), metrics and witnesses must say the same.
"""

from __future__ import annotations

import asyncio
import statistics
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from . import catalogue
from .asterisk import Pbx
from .checker import Verdict, compare
from .database import Database
from .product import Metrics, Product
from .story import Story, Witnessed

PBXS = 5
# What the product must say where the PBX says less than SIPp, or where the words of definitions.md differ from the
# bench's reading. Stories of coming late and of a dying PBX have tests of their own.
OUTCOMES = {
    "direct_never_rang": ("unreachable",),
    "direct_unplugged": ("unreachable",),
    "direct_rejected": ("timeout",),
    "attended_transfer": ("answered",),  # a consultation is no visit, and nobody waited for the second agent
}
DIRECTIONS = {"outbound": "outbound", "internal": "internal", "click_to_call": "outbound"}
ELSEWHERE = {
    "connected_late",
    "direct_connected_late",
    "shutdown",
    "killed",
    "hostile",
    "hostile_raw",
    "hostile_forged",
}
TRANSFERS = {"blind_transfer", "blind_transfer_to_phone", "attended_transfer", "blonde_transfer", "parked"}
STORIES = [name for name in catalogue.ALL if name not in ELSEWHERE]
RING_PERIOD = 5.0


@dataclass
class Played:
    """One story, and everything that everybody says of it."""

    name: str
    seen: Witnessed
    calls: list[dict[str, Any]] = field(default_factory=list)
    before: Metrics = field(default_factory=Metrics)
    after: Metrics = field(default_factory=Metrics)
    pbx: str = ""

    @property
    def visits(self) -> list[dict[str, Any]]:
        """All visits, in the order of their end."""
        visits = [visit for call in self.calls for visit in call["visits"]]
        return sorted(visits, key=lambda visit: visit["left_at"] or "")

    @property
    def verdict(self) -> Verdict:
        """Against SIPp and queue_log."""
        return compare(self.calls, self.seen)

    def grew(self, name: str, by: str) -> dict[str, float]:
        """How a counter grew during the story, by one label."""
        after, before = (m.by(by, name, pbx=self.pbx) for m in (self.after, self.before))
        return {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}


async def play_share(pbx: Pbx, product: Product, names: list[str], done: dict[str, Played]) -> None:
    """Play these stories on one PBX, one after the other."""
    for name in names:
        story = Story(pbx)
        catalogue.ALL[name].tell(story)
        await story.prepare()
        label = str(pbx.systemname)
        before, began = await asyncio.to_thread(product.metrics), datetime.now(UTC)  # noqa: TID251
        seen = await story.play()
        calls = await product.settled(label, since=began)
        after = await asyncio.to_thread(product.metrics)
        done[name] = Played(name, seen, calls, before, after, label)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(asterisk_root: Path) -> AsyncIterator[dict[str, Played]]:  # noqa: ARG001
    """All stories, played."""
    done: dict[str, Played] = {}
    lines = '[[line]]\nname = "front-desk"\ninterface = "PJSIP/1001"\n'
    async with AsyncExitStack() as running:
        database = await running.enter_async_context(Database())
        pbxs = [await running.enter_async_context(Pbx(f"pbx{n + 1}")) for n in range(PBXS)]
        product = await running.enter_async_context(Product(pbxs, database.url, extra=lines))
        async with asyncio.TaskGroup() as tasks:
            for n, pbx in enumerate(pbxs):
                tasks.create_task(play_share(pbx, product, STORIES[n::PBXS], done))
    yield done


pytestmark = [pytest.mark.pbx, pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("name", STORIES)
async def test_a_story_ends_as_it_was_told(played: dict[str, Played], name: str) -> None:
    one = played[name]
    assert not one.seen.complaints

    outcomes = OUTCOMES.get(name, catalogue.ALL[name].outcomes)

    assert [visit["outcome"] for visit in one.visits] == list(outcomes)
    kinds = Counter(visit["outcome"] for visit in one.visits if visit["joined_at"])
    refused = Counter(visit["outcome"] for visit in one.visits if not visit["joined_at"])
    assert one.grew("telephony_visits_ended_total", "outcome") == dict(kinds)
    assert sum(one.grew("telephony_visits_entered_total", "queue").values()) == sum(kinds.values())
    assert one.grew("telephony_visits_refused_total", "reason") == {
        word.removeprefix("refused_"): count for word, count in refused.items()
    }
    assert one.after.total("telephony_ledger_residual", pbx=one.pbx) == 0
    assert not one.grew("telephony_irregular_facts_total", "what")


@pytest.mark.parametrize("name", [name for name in STORIES if name not in TRANSFERS])
async def test_a_story_agrees_with_sipp_and_queue_log(played: dict[str, Played], name: str) -> None:
    verdict = played[name].verdict

    assert not verdict.differences, str(verdict)


@pytest.mark.parametrize("name", STORIES)
async def test_every_inbound_call_has_one_case_and_no_other_has_any(played: dict[str, Played], name: str) -> None:
    calls = played[name].calls

    assert {call["direction"] for call in calls} == {DIRECTIONS.get(name, "inbound")}
    cases = [call["case"]["id"] for call in calls if call["direction"] == "inbound"]
    assert len(set(cases)) == len(cases)
    assert all(call["case"] is None for call in calls if call["direction"] != "inbound")
    assert all(not call["visits"] for call in calls if call["direction"] != "inbound")
    if DIRECTIONS.get(name, "inbound") == "inbound":
        assert len(calls) == len(played[name].seen.callers)


async def test_waits_and_alerting_agree_with_sipps_clock(played: dict[str, Played]) -> None:
    verdicts = [one.verdict for name, one in played.items() if name not in TRANSFERS]
    waits = [abs(error) for verdict in verdicts for error in verdict.wait_errors]
    alerting = [abs(error) for verdict in verdicts for error in verdict.alerting_errors]
    print(f"wait: n={len(waits)} median {statistics.median(waits):.4f} max {max(waits):.4f}")
    print(f"alerting: n={len(alerting)} median {statistics.median(alerting):.4f} max {max(alerting):.4f}")

    assert len(waits) > 20
    assert len(alerting) > 25
    assert statistics.median(waits) <= 0.1
    assert statistics.median(alerting) <= 0.1
    assert max(waits) <= 0.4
    assert max(alerting) <= 0.4


async def test_rings_are_counted_as_sipp_heard_them(played: dict[str, Played]) -> None:
    checked = 0
    for one in played.values():
        for offer in (offer for visit in one.visits for offer in visit["offers"]):
            alerting = offer["alerting_seconds"]
            edge = alerting % RING_PERIOD
            if alerting and 0.4 < edge < RING_PERIOD - 0.4:
                assert offer["rings"] == int(alerting // RING_PERIOD) + 1
                checked += 1
            elif not alerting:
                assert offer["rings"] == 0
                assert offer["result"] in {"unreachable", "busy"}
    assert checked > 25


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("answered", "caller"),
        ("answered_agent_hangs_up", "agent"),
        ("agent_ends_by_ami", "pbx"),
        ("direct_agent_hangs_up", "agent"),
        ("direct_answered", "caller"),
        ("abandoned_waiting", "caller"),
        ("ended_by_ami", "pbx"),
        ("timeout", "pbx"),
    ],
)
async def test_who_hung_up(played: dict[str, Played], name: str, by: str) -> None:
    assert [call["hung_up_by"] for call in played[name].calls] == [by]


async def test_who_rang_and_why_it_stopped(played: dict[str, Played]) -> None:
    def results(name: str) -> list[tuple[str, str]]:
        return [(offer["agent"], offer["result"]) for visit in played[name].visits for offer in visit["offers"]]

    assert results("linear") == [("Agent 1001", "no_answer"), ("Agent 1002", "answered")]
    assert results("agent_busy") == [("Agent 1001", "busy"), ("Agent 1002", "answered")]
    assert results("agent_rejects") == [("Agent 1001", "no_answer"), ("Agent 1002", "answered")]
    assert results("agent_never_rings") == [("Agent 1001", "unreachable"), ("Agent 1002", "answered")]
    assert results("paused_member") == [("Agent 1002", "answered")]
    assert results("abandoned_ringing") == [("Agent 1001", "caller_left")]
    assert sorted(results("ring_all")) == [
        ("Agent 1001", "cancelled_elsewhere"),
        ("Agent 1002", "answered"),
        ("Agent 1003", "cancelled_elsewhere"),
    ]
    assert results("direct_two_at_once") == [("front-desk", "cancelled_elsewhere"), ("PJSIP/1002", "answered")]
    assert results("direct_one_after_the_other") == [("front-desk", "no_answer"), ("PJSIP/1002", "answered")]
    assert results("direct_never_rang") == [("front-desk", "unreachable")]


async def test_holds_are_part_of_the_talk(played: dict[str, Played]) -> None:
    (visit,) = played["hold"].visits

    assert visit["hold_seconds"] == pytest.approx(1.0, abs=0.2)
    assert visit["talk_seconds"] == pytest.approx(3.0, abs=0.2)
