"""The AMI line breaks while people wait, ring and talk: what is told is right, partial or unknown, never wrong."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from .asterisk import Pbx
from .checker import TrueVisit, true_visits
from .database import Database
from .line import Line
from .product import Metrics, Product
from .story import Story, Witnessed
from .trace import Leg

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(300)]

CUT_AT = 4.0
IN_THE_GAP = CUT_AT + 1.5  # a busy machine cuts late and dials late: half a second apart was too near
EXACT = 0.4
SECOND = 1.4  # what queue_log or a listing told, they told in whole seconds
HEALED = 15.0


def number(n: int) -> str:
    return f"02160000{n:03d}"


WAITS, TALKS, IS_ANSWERED, TIMES_OUT, GIVES_UP, DIRECT, DIRECT_GIVES_UP, TWICE, COMES, OVERFLOWS = map(
    number, range(10)
)


def tell(pbx: Pbx, line: Line, seconds: float) -> Story:
    """Ten callers, to each of whom something happens while the line is cut; who gives up after 4 s came at 1.5 s."""
    story = Story(pbx)
    story.agent("1001", rings=1, serves="sales").agent("1002", rings=IN_THE_GAP, serves="market")
    story.agent("1003", rings=IN_THE_GAP, serves=()).agent("1004", then="rings", serves=())
    story.caller(WAITS, calls="support", hangs_up_after=CUT_AT + seconds + 8)
    story.caller(TALKS, calls="sales", hangs_up_after=IN_THE_GAP)
    story.caller(IS_ANSWERED, calls="market", hangs_up_after=CUT_AT + seconds + 9)
    story.caller(TIMES_OUT, calls="support/brief", at=1.5)
    story.caller(GIVES_UP, calls="support", hangs_up_after=IN_THE_GAP)
    story.caller(DIRECT, calls="phone:1003", hangs_up_after=CUT_AT + seconds + 9, talks_for=seconds + 8)
    story.caller(DIRECT_GIVES_UP, calls="phone:1004", hangs_up_after=IN_THE_GAP)
    story.caller(TWICE, calls="support/twice", at=1.5)
    story.caller(COMES, calls="support", at=IN_THE_GAP, hangs_up_after=seconds + 8)
    story.caller(OVERFLOWS, calls="support/overflow", at=1.5, hangs_up_after=CUT_AT + seconds + 8)
    return story.later(CUT_AT, lambda: line.cut_for(seconds)).lasts(CUT_AT + seconds + HEALED)


@dataclass
class Watched:
    """Scrapes, twice a second, by seconds since the beginning."""

    scrapes: list[tuple[float, Metrics]] = field(default_factory=list)

    async def watch(self, product: Product) -> None:
        began = asyncio.get_running_loop().time()
        while True:
            now = await asyncio.to_thread(product.metrics)
            self.scrapes.append((asyncio.get_running_loop().time() - began, now))
            await asyncio.sleep(0.5)

    def unbalanced(self) -> list[float]:
        """When entered was not ended + waiting + settling."""
        counted = ("telephony_visits_ended_total", "telephony_visits_waiting", "telephony_visits_settling")
        return [
            when
            for when, now in self.scrapes
            if now.total("telephony_visits_entered_total") != sum(now.total(name) for name in counted)
        ]

    def residuals_after(self, when: float) -> set[float]:
        """Disagreements with the PBX from then on."""
        return {now.total("telephony_ledger_residual") for at, now in self.scrapes if at > when}


def wrong(calls: list[dict[str, Any]], seen: Witnessed) -> Iterator[str]:
    """Whatever is told otherwise than the witnesses saw it; what is not told is not wrong."""
    truths: dict[tuple[str | None, str], list[TrueVisit]] = defaultdict(list)
    for truth in true_visits(seen):
        truths[truth.caller, truth.queue].append(truth)
    for call in calls:
        if call["dialled"] not in {"", seen.caller(call["caller"]).dialled}:
            yield f"{call['caller']} dialled {call['dialled']}"
        for visit in call["visits"]:
            legs = [leg for leg in seen.phones if leg.caller == call["caller"]]
            stays = truths[call["caller"], visit["queue"]]
            if visit["kind"] == "queue" and not stays:
                yield f"{call['caller']} was never in {visit['queue']}"
            if visit["kind"] == "queue" and stays:
                yield from wrong_stay(call["caller"], visit, stays.pop(0))
            yield from wrong_ringing(call["caller"], visit, legs)
            yield from wrong_talk(call["caller"], visit, legs)


def wrong_stay(who: str, visit: dict[str, Any], truth: TrueVisit) -> Iterator[str]:
    """Outcome, agent and wait of a queue visit."""
    name, wait = f"{who} in {visit['queue']}", visit["wait_seconds"]
    assert truth.joined is not None
    assert truth.ended is not None
    true_wait = truth.sip_wait if truth.sip_wait is not None else float(truth.ended - truth.joined)
    if visit["outcome"] not in {truth.outcome, "lost"}:
        yield f"{name}: {visit['outcome']}, not {truth.outcome}"
    if visit["agent"] not in {None, "", truth.agent}:
        yield f"{name}: by {visit['agent']}, not {truth.agent}"
    if visit["outcome"] == "lost" and wait > true_wait + SECOND:
        yield f"{name}: waited at least {wait}, but {true_wait}"
    if visit["outcome"] != "lost" and wait is not None and abs(wait - true_wait) > SECOND:
        yield f"{name}: waited {wait}, not {true_wait}"


def wrong_ringing(who: str, visit: dict[str, Any], legs: list[Leg]) -> Iterator[str]:
    """What is told of phones."""
    for offer in visit["offers"]:
        leg = next(leg for leg in legs if leg.party in offer["interface"])
        alerting, true = offer["alerting_seconds"], leg.alerting_seconds
        if alerting is not None and (true is None or abs(alerting - true) > EXACT):
            yield f"{who}: {leg.party} rang {true}, not {alerting}"
        if offer["result"] is not None and (offer["result"] == "answered") != (leg.answered_at is not None):
            yield f"{who}: {leg.party} {offer['result']}"


def wrong_talk(who: str, visit: dict[str, Any], legs: list[Leg]) -> Iterator[str]:
    """How long they talked, and whether a direct caller was answered."""
    answered = [leg for leg in legs if leg.answered_at is not None]
    if visit["outcome"] not in {"answered", "lost"} and answered:
        yield f"{who}: {visit['outcome']}, but a phone answered"
    if visit["talk_seconds"] is not None:
        true = answered[0].talk_seconds if answered else None
        if true is None or abs(visit["talk_seconds"] - true) > SECOND:
            yield f"{who}: talked {visit['talk_seconds']}, not {true}"


@pytest.mark.parametrize(("seconds", "queue_log"), [(8, False)])
async def test_what_happens_in_a_gap_is_right_partial_or_unknown(pbx: Pbx, seconds: float, queue_log: bool) -> None:
    watched = Watched()
    async with AsyncExitStack() as running:
        database = await running.enter_async_context(Database())
        line = await running.enter_async_context(Line(pbx))
        product = line.carry(Product([pbx], database.url, queue_log=queue_log))
        await running.enter_async_context(product)
        story = await tell(pbx, line, seconds).prepare()
        watching = asyncio.ensure_future(watched.watch(product))  # noqa: TID251 - ends below
        seen = await story.play()
        watching.cancel()
        calls = await product.settled("pbx1")
        metrics = await asyncio.to_thread(product.metrics)

    assert not seen.complaints
    found = {call["caller"]: [(visit["outcome"], visit["quality"]) for visit in call["visits"]] for call in calls}
    for caller, visits in sorted(found.items()):
        print(caller, visits)
    assert list(wrong(calls, seen)) == []
    assert watched.unbalanced() == []
    assert watched.residuals_after(CUT_AT + seconds + HEALED - 1) == {0.0}
    assert not metrics.total("telephony_visits_waiting")

    assert found[WAITS] == found[COMES] == [("abandoned", "partial")]
    assert found[TALKS] == [("answered", "partial")]
    assert found[DIRECT] == [("answered", "partial")]
    assert found[DIRECT_GIVES_UP] == [("lost", "partial")]
    told = "reconstructed" if queue_log else "partial"
    assert found[IS_ANSWERED] == [("answered", told)]
    assert found[TIMES_OUT] == ([("timeout", told)] if queue_log else [("lost", told)])
    assert found[GIVES_UP] == ([("abandoned", told)] if queue_log else [("lost", told)])
    assert found[OVERFLOWS][0] == found[TWICE][0] == found[TIMES_OUT][0]
    assert found[OVERFLOWS][1] == ("abandoned", "partial")
    unheard = [("timeout", told)] if queue_log else []  # a stay all in the gap only queue_log tells
    assert found[TWICE][1:] == ([("timeout", "partial")] if seconds < 4 else unheard)

    by_caller = {call["caller"]: call for call in calls}
    (talk,) = by_caller[TALKS]["visits"]
    assert (talk["talk_seconds"], talk["hung_up_by"], by_caller[TALKS]["hung_up_by"]) == (None, None, None)
    assert talk["caller_rings"] == 1  # that was heard
    (direct,) = by_caller[DIRECT]["visits"]
    assert (direct["wait_seconds"], direct["talk_seconds"], direct["hung_up_by"]) == (None, None, "caller")
    (answered,) = by_caller[IS_ANSWERED]["visits"]
    assert answered["agent"] == "Agent 1002"
    assert (answered["talk_seconds"] is None) != queue_log
