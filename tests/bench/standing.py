"""How long the event loop is busy with the sums of the standard, which every scrape asks for, by how many queues."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from handlers.standing import StandardWatch
from telephony.calls.measures import Targets
from telephony.calls.record import CallRecord, Kind
from telephony.standard.windows import Windows
from tests.bench.measuring import Bench
from tests.bench.report import Goal, Section
from tests.support.calls import call, visit

BEGAN = datetime(2026, 3, 2, 4, tzinfo=UTC)
QUEUES = (200, 4_000)
CALLS_EACH = 5
SCRAPE = timedelta(seconds=15)
BETWEEN = 100
"""Calls that end between two scrapes."""
STALL = 0.050


class Calendar:
    """The moment, which goes on when told so."""

    def __init__(self) -> None:
        self.now = BEGAN

    def wall(self) -> datetime:
        """It."""
        return self.now


async def nothing(_since: datetime, _until: datetime) -> AsyncGenerator[CallRecord, None]:
    """Earlier processes saved no call."""
    for none in ():
        yield none


def watched(queues: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The sums of so many queues, all of which had calls within the hour."""
    keys = [(Kind.QUEUE, f"queue-{n:04}") for n in range(queues)]
    calendar, chance = Calendar(), Random(1)
    watch = StandardWatch(Windows(ZoneInfo("Asia/Shanghai"), Targets(), BEGAN, keys), nothing, calendar.wall)
    numbers = iter(range(1, 1_000_000_000))

    def ends(queue: str) -> None:
        number = next(numbers)
        told = call(visit(queue=queue, wait=timedelta(seconds=chance.randrange(60))), number=number)
        watch.follow(replace(told, ended_at=calendar.now))

    for turn in range(CALLS_EACH):
        for _, name in keys:
            ends(name)
        calendar.now = BEGAN + SCRAPE * (turn + 1)
    reading = asyncio.new_event_loop()
    reading.run_until_complete(asyncio.wait_for(read(watch), 60))
    reading.close()

    def scrape(_: dict[str, Any]) -> dict[str, Any]:
        calendar.now += SCRAPE
        for _ in range(BETWEEN):
            ends(chance.choice(keys)[1])
        begun = perf_counter()
        told = watch.sums()
        took = perf_counter() - begun
        return {"seconds": took, "sums": sum(map(len, told.values()))}

    return scrape


async def read(watch: StandardWatch) -> None:
    """The month is known, so that all of it is told."""
    reading = asyncio.get_running_loop().create_task(watch.run())
    while len(watch.sums()) != 4:
        await asyncio.sleep(0)
    reading.cancel()


WAYS = {f"{queues:,} queues": partial(lambda queues, _: watched(queues), queues) for queues in QUEUES}


def milliseconds(answer: dict[str, Any]) -> float:
    """Of one scrape; every window has its sums."""
    if not answer["sums"]:
        raise ValueError("there are no sums")
    return float(answer["seconds"] * 1_000)


def sections(bench: Bench) -> list[Section]:
    """A scrape each turn."""
    ways = bench.rounds("standing", WAYS, {}, milliseconds, turns=bench.size(4 * bench.turns, 5))
    worst = max(max(way.values) for way in ways)
    goal = Goal(f"no stall > {STALL * 1_000:.0f} ms", f"{worst:.1f} ms", worst <= STALL * 1_000)
    note = f"Four windows, a scrape every {SCRAPE.seconds} s, {BETWEEN} calls between two."
    return [Section("The sums of the standard, for one scrape", "ms", ways, "", (goal,), (note,))]
