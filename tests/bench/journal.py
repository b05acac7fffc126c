"""What it costs that everything read is on disk first: records a second, and how long one is waited for."""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import quantiles
from tempfile import mkdtemp

from telephony.journal.writer import Journal
from tests.bench.measuring import Bench
from tests.bench.report import Goal, Section, Way
from tests.bench.workers import MEASURED, Answer, Talk, Worker

OURS, PLAIN = "ours: append, synced", "a plain file: write, fsync"
BUSY = "ours, the loop 70 % busy"
GROUP = 500
"""Records of one fsync of the plain file; ours makes its groups itself."""
COMMIT = 0.020
RATE = 100_000.0
DAYS = timedelta(days=20_000)


def said(rng: Random) -> bytes:
    """As long as a message of Asterisk's."""
    return rng.randbytes(rng.randrange(200, 600))


async def ours(args: Answer, talk: Talk) -> None:
    """A journal with default durability."""
    journal = opened(args)
    rng = Random(1)
    talk.tell({})
    async for asked in talk.questions():
        if asked["what"] == "many":
            data = [said(rng) for _ in range(asked["records"])]
            begun = time.perf_counter()
            for number, each in enumerate(data):
                journal.append(1, timedelta(microseconds=number), DAYS, each)
                if number % GROUP == 0:
                    await asyncio.sleep(0)
            await journal.synced(journal.position)
            talk.tell({"seconds": time.perf_counter() - begun, "dropped": journal.dropped})
        else:
            talk.tell({"waits": await waits(journal, rng, asked["records"], asked["busy"])})
    journal.close()


async def waits(journal: Journal, rng: Random, records: int, busy: float) -> list[float]:
    """One record after the other, at odd moments; while one is waited for, the loop does something else."""
    found: list[float] = []

    async def one() -> None:
        begun = time.perf_counter()
        await journal.synced(journal.append(1, timedelta(), DAYS, said(rng)))
        found.append(time.perf_counter() - begun)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(records):
            tasks.create_task(one())
            gap = rng.uniform(0.001, 0.010)
            until = time.perf_counter() + gap * busy
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(gap * (1 - busy))
    return found


def opened(args: Answer) -> Journal:
    def wall() -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - nothing else composes here

    return Journal.open(Path(mkdtemp(dir=args["folder"])), wall=wall)


def plain(args: Answer) -> Callable[[Answer], Answer]:
    """What any journal has to do at least, and cannot do faster: no position, no checksum, no reader, no end."""
    path = Path(mkdtemp(dir=args["folder"]), "plain")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    rng = Random(1)

    def answer(asked: Answer) -> Answer:
        data = [said(rng) for _ in range(asked["records"])]
        if asked["what"] == "many":
            begun = time.perf_counter()
            for at in range(0, len(data), GROUP):
                os.write(handle, b"".join(data[at : at + GROUP]))
                os.fsync(handle)
            return {"seconds": time.perf_counter() - begun, "dropped": 0}
        found = []
        for each in data:
            time.sleep(rng.uniform(0.001, 0.010))
            begun = time.perf_counter()
            os.write(handle, each)
            os.fsync(handle)
            found.append(time.perf_counter() - begun)
        return {"waits": found}

    return answer


WAYS = {OURS: ours, PLAIN: plain}


def sections(bench: Bench) -> list[Section]:
    """Two tables."""
    return [many(bench), single(bench)]


def many(bench: Bench) -> Section:
    """Throughput."""
    records = bench.size(100_000, 20_000)
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    args = {"folder": str(bench.folder)}
    with Worker("journal", OURS, args, MEASURED) as one, Worker("journal", PLAIN, args, MEASURED) as other:
        for turn in range(-1, bench.turns):
            for name, worker in ((OURS, one), (PLAIN, other)):
                bench.tell(f"journal: {name}, turn {turn + 1}")
                answer = worker.ask({"what": "many", "records": records})
                if answer["dropped"]:
                    raise ValueError(f"{answer['dropped']:,} records were dropped")
                if turn >= 0:
                    found[name].append(records / answer["seconds"])
    ways = tuple(Way(name, tuple(values)) for name, values in found.items())
    section = Section("Records into the journal", "records/s", ways, PLAIN)
    rate = section.way(OURS).median
    goal = Goal(f"≥ {RATE:,.0f} records/s", f"{rate:,.0f} records/s", None)
    note = (
        f"{records:,} records of 200 to 600 bytes a turn, until the last is on disk. The plain file: an fsync every "
        f"{GROUP} records, nothing else."
    )
    return Section(section.title, section.unit, ways, PLAIN, (goal,), (note,))


def single(bench: Bench) -> Section:
    """Latency."""
    records = bench.size(1_000, 200)
    args = {"folder": str(bench.folder)}
    found: dict[str, list[float]] = {name: [] for name in (OURS, BUSY, PLAIN)}
    with Worker("journal", OURS, args, MEASURED) as one, Worker("journal", PLAIN, args, MEASURED) as other:
        for turn in range(max(1, bench.turns // 2)):
            for name, worker, busy in ((OURS, one, 0.0), (BUSY, one, 0.7), (PLAIN, other, 0.0)):
                bench.tell(f"journal: latency, {name}, turn {turn + 1}")
                found[name] += worker.ask({"what": "single", "records": records, "busy": busy})["waits"]
    ways = []
    for name, waited in found.items():
        cuts = quantiles(waited, n=100)
        ways += [Way(f"{name}, p50", (cuts[49] * 1_000,)), Way(f"{name}, p99", (cuts[98] * 1_000,))]
    worst = quantiles(found[OURS], n=100)[98]
    goal = Goal(f"≤ {COMMIT * 1_000:.0f} ms", f"{worst * 1_000:.1f} ms at the 99th percentile", worst <= COMMIT)
    note = (
        "From append until synced, one record every 1 to 10 ms; up to 5 ms of it the pause between two commits. Busy: "
        "the event loop computes for 70 % of the time, at stretches of up to 7 ms."
    )
    return Section("A record until it is on disk", "ms", tuple(ways), "", (goal,), (note,))
