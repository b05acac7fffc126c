"""Calls to phones come and go while nobody hears the PBX: with channel events each is in the ledger; without, none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from .asterisk import Pbx
from .database import Database
from .line import Line
from .product import Product
from .story import Story, Witnessed

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(300)]

GOES, COMES = 3.0, 8.0
EXACT = 0.4
HEALED = 30.0
TALK = 30.0
TALKS, BEHIND = "02160000071", "02160000072"
RINGS, ANSWERED, GAVE_UP, NOBODY, BUSY, COLLEAGUE = "02160000060", *(f"0216000006{n}" for n in range(1, 5)), "1005"
OUTCOMES = {
    RINGS: ("abandoned", "PJSIP/1006"),
    ANSWERED: ("answered", "PJSIP/1001"),
    GAVE_UP: ("abandoned", "PJSIP/1002"),
    NOBODY: ("timeout", "PJSIP/1003"),
    BUSY: ("busy", "PJSIP/1004"),
}


@pytest_asyncio.fixture
async def pbx_with_cel(asterisk_root: Path) -> AsyncIterator[Pbx]:  # noqa: ARG001
    async with Pbx("pbx1", cel=True) as running:
        yield running


def tell(pbx: Pbx, line: Line) -> Story:
    """One rings before the gap and gives up in it; the others come and go in it, a colleague among them."""
    story = Story(pbx).agent("1001", rings=1.5, serves=()).agent("1004", then="busy", serves=())
    for phone in ("1002", "1003", "1006"):
        story.agent(phone, then="rings", serves=())
    story.agent("1007", rings=0.5, serves=())
    story.caller(RINGS, calls="phone:1006", at=GOES - 1.5, hangs_up_after=3)
    story.caller(ANSWERED, calls="phone:1001", at=GOES + 0.5, hangs_up_after=6, talks_for=2)
    story.caller(GAVE_UP, calls="phone:1002", at=GOES + 0.6, hangs_up_after=2)
    story.caller(NOBODY, calls="brief-phone:1003", at=GOES + 0.7)
    story.caller(BUSY, calls="phone:1004", at=GOES + 0.8)
    story.phone_calls(COLLEAGUE, dials="1007", hangs_up_after=2, at=GOES + 0.9)
    return story.later(GOES, lambda: line.cut_for(COMES - GOES)).lasts(COMES)


async def played(pbx: Pbx, *, healed: int, extra: str) -> tuple[list[dict[str, Any]], Witnessed, dict[str, float]]:
    """The calls of customers afterwards, what the others saw, and the differences by kind."""
    async with AsyncExitStack() as running:
        database = await running.enter_async_context(Database())
        line = await running.enter_async_context(Line(pbx))
        product = line.carry(Product([pbx], database.url, extra=extra))
        await running.enter_async_context(product)
        seen = await (await tell(pbx, line).prepare()).play()
        await product.until(
            lambda: product.metrics().total("telephony_ledger_healed_total") >= healed, HEALED, "healed"
        )
        await product.settled("pbx1")
        if healed:
            await product.kill()  # and whoever comes then changes nothing
            await product.start()
            await asyncio.sleep(3)  # its first rounds
        calls = [call for call in await product.settled("pbx1") if call["direction"] == "inbound"]
        metrics = await asyncio.to_thread(product.metrics)
    return calls, seen, metrics.by("kind", "telephony_ledger_mismatch_total")


async def test_direct_calls_of_a_gap_are_put_into_the_ledger_each_once(pbx_with_cel: Pbx) -> None:
    calls, seen, again = await played(pbx_with_cel, healed=5, extra=f'cel = "{pbx_with_cel.cel}"')
    assert not seen.complaints
    visits = {call["caller"]: call["visits"] for call in calls}
    assert len(calls) == len(visits) == len({call["case"]["number"] for call in calls})
    assert {who: [(v["outcome"], v["queue"]) for v in told] for who, told in visits.items()} == {
        who: [told] for who, told in OUTCOMES.items()
    }
    assert {visit["quality"] for (visit,) in visits.values()} == {"reconstructed"}
    for (visit,) in visits.values():
        assert visit["kind"] == "direct"
        assert "CEL" in visit["reason"]
        assert visit["caller_rings"] is None
    (phone,) = seen.rings_of("1001")
    (answered,) = visits[ANSWERED]
    assert answered["agent"] == "PJSIP/1001"
    assert phone.talk_seconds is not None
    assert phone.answered_at is not None
    rang = (phone.answered_at - phone.invited_at).total_seconds()
    assert answered["wait_seconds"] == pytest.approx(rang, abs=EXACT)
    assert answered["talk_seconds"] == pytest.approx(phone.talk_seconds, abs=EXACT)
    for who, waited in ((RINGS, 3), (GAVE_UP, 2), (NOBODY, 3), (BUSY, 0)):
        assert visits[who][0]["wait_seconds"] == pytest.approx(waited, abs=EXACT)
    assert again == {}


async def test_without_channel_events_direct_calls_of_a_gap_are_lost_or_missing(pbx: Pbx) -> None:
    calls, seen, differences = await played(pbx, healed=0, extra="")
    assert not seen.complaints
    found = {call["caller"]: [(v["outcome"], v["quality"]) for v in call["visits"]] for call in calls}
    assert found == {RINGS: [("lost", "partial")]}
    assert differences == {}


async def killed_twice(product: Product) -> None:
    """One process finds them talking, the next takes that up."""
    for away, stays in ((COMES - GOES, 3), (1, 0)):
        await product.kill()
        await asyncio.sleep(away)
        await product.start()
        await asyncio.sleep(stays)


async def talked_through(pbx: Pbx, *, healed: int, extra: str) -> tuple[dict[str, list[dict[str, Any]]], Witnessed]:
    """Two are answered while no process of ours lives, and talk on; a second process dies, too, before they hang up."""
    story = Story(pbx).agent("1001", rings=1.5, serves=()).agent("1002", rings=1.5, serves=())
    story.caller(TALKS, calls="phone:1001", at=GOES + 0.5, hangs_up_after=TALK)
    story.caller(BEHIND, calls="local-phone:1002", at=GOES + 0.6, hangs_up_after=TALK)
    story.agent("1004", then="busy", serves=()).caller(BUSY, calls="phone:1004")  # channel events have been read before
    async with AsyncExitStack() as running:
        database = await running.enter_async_context(Database())
        product = await running.enter_async_context(Product([pbx], database.url, extra=extra))
        story.later(GOES, lambda: killed_twice(product))
        seen = await (await story.prepare()).play()
        await product.until(
            lambda: product.metrics().total("telephony_ledger_healed_total") >= healed, HEALED, "healed"
        )
        calls = await product.settled("pbx1", limit=60)
    visits = {call["caller"]: call["visits"] for call in calls}
    assert [visit["quality"] for visit in visits.pop(BUSY)] == ["live"]
    return visits, seen


async def test_who_was_answered_while_nobody_listened_and_talks_on_has_one_visit(pbx: Pbx) -> None:
    visits, seen = await talked_through(pbx, healed=0, extra="")
    assert not seen.complaints
    found = {who: [(v["outcome"], v["quality"], v["agent"]) for v in told] for who, told in visits.items()}
    assert found == {
        TALKS: [("answered", "partial", "PJSIP/1001")],
        BEHIND: [("answered", "partial", "PJSIP/1002")],
    }
    for who, (visit,) in visits.items():
        assert (visit["wait_seconds"], visit["talk_seconds"], visit["hung_up_by"]) == (None, None, "caller"), who
        assert [offer["result"] for offer in visit["offers"]] == ["answered"]


async def test_channel_events_complete_that_visit(pbx_with_cel: Pbx) -> None:
    visits, seen = await talked_through(pbx_with_cel, healed=2, extra=f'cel = "{pbx_with_cel.cel}"')
    assert not seen.complaints
    for who, phone in ((TALKS, "1001"), (BEHIND, "1002")):
        (visit,) = visits[who]
        assert (visit["outcome"], visit["quality"], visit["agent"]) == ("answered", "reconstructed", f"PJSIP/{phone}")
        assert (visit["wait_seconds"], visit["talk_seconds"]) == (
            pytest.approx(1.5, abs=EXACT),
            pytest.approx(TALK, abs=1),
        )
