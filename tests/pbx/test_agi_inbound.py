"""`inbound`: one case for each call, the same on the channel, for AMI and in the database, whoever was there first."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from . import catalogue
from .ami import Message
from .asterisk import Pbx
from .crowd import Crowd
from .database import Database
from .heard import Heard, took
from .line import Line
from .product import Product
from .story import Story

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(200)]

C1, C2, C3 = (f"0216000000{n}" for n in range(1, 4))
NUMBERS = """
[[number]]
dialled = "6113"
queue = "market"
priority = 7
hours = "never"
[[number]]
dialled = "6101"
hours = "always"
[[hours]]
name = "never"
open = ["NOT-NOW 03:00-03:01"]
closed = []
[[hours]]
name = "always"
open = ["mon-sun 00:00-24:00"]
""".replace("NOT-NOW", f"{datetime.now(UTC) + timedelta(days=3):%a}".lower())  # noqa: TID251 - the test's own day


def cases_of(calls: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Caller to case, as exported; every call has one of its own."""
    found = {call["caller"]: call["case"]["id"] for call in calls}
    assert len(found) == len(set(found.values())) == len(calls)
    return found


def named(events: Sequence[Message]) -> dict[str, set[str]]:
    """Caller to the cases that his channel was told."""
    found: dict[str, set[str]] = {}
    for event in events:
        found.setdefault(event["CallerIDNum"], set()).add(event["Case"])
    return found


@pytest.mark.paced
async def test_300_calls_at_20_a_second_have_one_case_each_and_the_same_one_everywhere(pbx: Pbx) -> None:
    channels: dict[str, str] = {}

    async def look() -> None:
        """While callers wait: what AMI says is on their channels."""
        await asyncio.sleep(8)
        for channel in (await pbx.channels())[:40]:
            if channel["Channel"].startswith("PJSIP/callers-"):
                value = await pbx.action("Getvar", Channel=channel["Channel"], Variable="THREERINGS_CASE")
                channels[channel["CallerIDNum"]] = value["Value"]

    async with Database() as database, Product([pbx], database.url) as product, Heard(pbx) as heard:
        story = Story(pbx)
        for n in range(24):
            story.agent(str(1001 + n), rings=0.5 + (n % 4) / 2, hangs_up_after=2.0, serves="support")
        mix = (("support/asked", 6.0), ("support/asked", 2.0), ("sales/asked", 4.0), ("support/asked-only", None))
        for n, (to, leaves) in enumerate(mix):
            story.crowd(f"0218{n}", count=75, every=0.2, calls=to, hangs_up_after=leaves, at=n / 20)
        story.later(0, look)
        seen = await story.play(limit=120)
        calls = await product.settled("pbx1", limit=60)
        metrics = await asyncio.to_thread(product.metrics)

    assert not seen.complaints
    cases = cases_of(calls)
    asked = heard.of("Asked")
    assert len(asked) == len(cases) == 300
    assert named(asked) == {caller: {case} for caller, case in cases.items()}
    assert len(channels) > 10
    assert channels == {caller: cases[caller] for caller in channels}
    assert {event["Status"] for event in asked} == {"SUCCESS"}
    waits = sorted(took(event) for event in asked)
    print(f"inbound took: median {waits[150]:.4f} s, p99 {waits[296]:.4f} s, max {waits[-1]:.4f} s")
    assert waits[-1] < 0.3
    assert metrics.by("result", "telephony_agi_requests_total", script="inbound") == {"ok": 300}
    assert not metrics.total("telephony_agi_claims_total", result="unseen")
    assert not metrics.total("telephony_irregular_facts_total")


async def test_a_published_number_has_its_queue_priority_and_hours(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url, extra=NUMBERS) as product, Heard(pbx) as heard:
        story = Story(pbx).agent("1001", rings=0.5, hangs_up_after=0.5, serves=("market", "support"))
        story.caller(C1, calls="sales/asked").caller(C2, calls="support/asked", at=2.5)
        story.caller(C3, calls="one-place/asked", at=2.5, hangs_up_after=1)
        seen = await story.play()
        calls = await product.settled("pbx1")

    assert not seen.complaints
    told = {e["CallerIDNum"]: (e["Queue"], e["Prio"], e["Hours"]) for e in heard.of("Asked")}
    assert told == {C1: ("market", "7", "closed"), C2: ("support", "0", "open"), C3: ("one-place", "0", "open")}
    assert {call["caller"]: call["visits"][0]["queue"] for call in calls} == {
        C1: "market",
        C2: "support",
        C3: "one-place",
    }


async def test_who_is_asked_twice_with_a_restart_in_between_names_one_case(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url) as product, Heard(pbx) as heard:

        async def restart() -> None:
            await asyncio.sleep(1.5)
            await product.kill()
            await product.start()

        story = await Story(pbx).caller(C1, calls="support/asked-twice").prepare()
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(story.play())
            tasks.create_task(restart())
        calls = await product.settled("pbx1", limit=60)

    assert not playing.result().complaints
    asked = heard.of("Asked")
    assert [event["Status"] for event in asked] == ["SUCCESS", "SUCCESS"]
    assert named(asked) == {caller: {case} for caller, case in cases_of(calls).items()}
    assert [visit["outcome"] for call in calls for visit in call["visits"]] == ["timeout"]


async def test_a_caller_behind_a_local_channel_has_the_case_of_his_call(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url) as product, Heard(pbx) as heard:
        story = Story(pbx).agent("1001", rings=0.5, hangs_up_after=1, serves="support")
        story.agent("1002", rings=0.5, hangs_up_after=1, serves="sales")
        story.caller(C1, calls="support/asked-local", hangs_up_after=4)
        story.caller(C2, calls="sales/asked-local-optimized", hangs_up_after=4)
        story.caller(C3, calls="market/asked-local", hangs_up_after=1)
        seen = await story.play()
        calls = await product.settled("pbx1", limit=60)

    assert not seen.complaints
    assert named(heard.of("Asked")) == {caller: {case} for caller, case in cases_of(calls).items()}


async def test_without_ami_the_case_is_named_all_the_same_and_is_the_one_that_ami_opens_later(pbx: Pbx) -> None:
    async with Database() as database, Line(pbx) as line, Heard(pbx) as heard:
        product = line.carry(Product([pbx], database.url))
        async with product:
            story = await Story(pbx).caller(C1, calls="support/asked", hangs_up_after=9, at=1.0).prepare()
            async with asyncio.TaskGroup() as tasks:
                playing = tasks.create_task(story.play())
                tasks.create_task(line.cut_for(4.0))
            calls = await product.settled("pbx1", limit=60)
            metrics = await asyncio.to_thread(product.metrics)

    assert not playing.result().complaints
    (asked,) = heard.of("Asked")
    assert asked["Status"] == "SUCCESS"
    assert asked["Case"]
    assert took(asked) < 0.3
    assert cases_of(calls) == {C1: asked["Case"]}
    assert metrics.by("result", "telephony_agi_claims_total") == {"early": 1}


async def test_without_a_database_inbound_answers_as_ever_and_the_cases_are_saved_when_it_is_back(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url) as product, Heard(pbx) as heard:
        await database.stop()
        await product.until(lambda: product.ready().get("status") == "degraded", 30, "degraded")
        async with Crowd(pbx, "02171", calls="support/asked-only", count=40, per_second=20) as crowd:
            assert (await crowd.ended()).failed == 0
        await database.start()
        await product.until(lambda: product.ready().get("status") == "ok", 30, "ok")
        calls = await product.settled("pbx1", limit=60)

    asked = heard.of("Asked")
    assert max(took(event) for event in asked) < 0.3
    assert named(asked) == {caller: {case} for caller, case in cases_of(calls).items()}
    assert len(calls) == 40


async def test_without_the_service_the_call_goes_on_to_the_default_queue_at_once(pbx: Pbx) -> None:
    async with Database() as database:
        product = Product([pbx], database.url)
        async with product, Heard(pbx) as heard:
            assert await product.stop() == 0
            story = Story(pbx).agent("1001", rings=0.5, hangs_up_after=1).caller(C1, calls="support/asked")
            story.caller(C2, calls="do:nothing")
            seen = await story.play()
            await product.start()

    assert not seen.complaints
    (asked,) = heard.of("Asked")
    told = [asked[name] for name in ("Status", "Case", "Queue", "Prio", "Hours")]
    assert told == ["FAILURE", "", "support", "0", "open"]
    assert took(asked) < 0.05
    assert [line.event for line in seen.events("CONNECT", "ABANDON")] == ["CONNECT"]
    assert [event["Why"] for event in heard.of("Ran")] == ["unreachable"]


async def test_a_caller_who_hangs_up_or_is_killed_while_we_think_about_it_is_nobodys_fault(pbx: Pbx) -> None:
    async with Database() as database, Product([pbx], database.url) as product:
        # So soon that some have not been answered yet.
        async with (
            Crowd(pbx, "02171", calls="support/asked-only", count=100, per_second=100, hangs_up_after=0.003) as leaving,
            Crowd(pbx, "02172", calls="support/asked", count=100, per_second=100, vanishing=True) as vanishing,
        ):
            await leaving.ended()
            await asyncio.sleep(0.5)
            await vanishing.kill()
            await pbx.quiet(30)
        calls = await product.settled("pbx1", limit=60)
        metrics = await asyncio.to_thread(product.metrics)

    assert len(cases_of(calls)) > 100
    results = metrics.by("result", "telephony_agi_requests_total", script="inbound")
    assert set(results) <= {"ok", "hung_up"}
    assert not metrics.total("telephony_irregular_facts_total")


async def test_hostile_names_and_numbers_get_their_case_and_nothing_else(pbx: Pbx) -> None:
    name = 'x) 200 result=1 "(y" \\ %0a長 ${EXTEN}'
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    async with Database() as database, Product([pbx], database.url, extra=NUMBERS) as product, Heard(pbx) as heard:
        story = Story(pbx)
        story.caller(catalogue.FORGED, calls="support/asked", hangs_up_after=1, display=quoted)
        story.caller("%22%0a%0d200%20result=1", calls="support/asked", hangs_up_after=1, display='"agi_request: x"')
        story.caller("anonymous", calls="support/asked", hangs_up_after=1)
        await story.play()
        calls = await product.settled("pbx1")
        log = product.log

    asked = heard.of("Asked")
    assert Counter((event["Status"], event["Queue"], event["Hours"]) for event in asked) == {
        ("SUCCESS", "support", "open"): 3
    }
    assert {event["Case"] for event in asked} == {call["case"]["id"] for call in calls}
    assert len(calls) == len({call["case"]["id"] for call in calls}) == 3
    # What Asterisk let through raw may be quoted in the log, never be a line or an event of it.
    lines = [json.loads(line) for line in log.splitlines()]
    assert all(re.fullmatch("[a-z][a-z0-9_]+", line["event"]) for line in lines)
    assert not re.search(r"[^\x20-\x7e\n]", log)
