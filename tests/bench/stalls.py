"""How long the event loop is busy at a stretch, and the socket unread: in a flood of events, and while scraped."""

from contextlib import ExitStack

from tests.bench.callers import load
from tests.bench.measuring import Bench
from tests.bench.report import Goal, Section, Way
from tests.bench.serving import ours
from tests.bench.workers import LOADING, MEASURED, Answer, Worker

QUEUES = 200
RATE, SECONDS = 20_000, 10
STALL, SCRAPE = 0.050, 0.500

WAYS = {"serve": ours, "callers": load}


def sections(bench: Bench) -> list[Section]:
    """One service meets both."""
    with ExitStack() as stack:
        folder = str(bench.folder)
        database = stack.enter_context(Worker("database", "postgres", {"folder": folder}, LOADING))
        pbx = stack.enter_context(Worker("stalls", "callers", {"queues": QUEUES}, LOADING))
        args = {"database": database.ready["url"], "ami": pbx.ready["ami"], "folder": folder}
        serving = Worker("stalls", "serve", args | {"followed": True, "watched": True}, MEASURED)
        service = stack.enter_context(serving)
        return [flooded(bench, pbx, service), scraped(bench, pbx, service)]


def flooded(bench: Bench, pbx: Worker, service: Worker) -> Section:
    """A burst."""
    seconds = bench.size(SECONDS, 3)
    turns = max(1, bench.turns // 2)
    worst, late, spent = [], [], []
    service.ask({})
    for turn in range(turns):
        bench.tell(f"stalls: {RATE:,} events a second for {seconds} s, turn {turn + 1}")
        before, begun = service.ask({}), service.cpu_seconds()
        sent = pbx.ask({"events": RATE * seconds, "rate": RATE})
        after = service.ask({})
        nothing_lost(sent["sent"], before, after)
        worst.append(after["stall"] * 1_000)
        late.append(sent["late"] * 1_000)
        spent.append((service.cpu_seconds() - begun) / seconds)
    ways = (Way("ours: longest time the socket is unread", tuple(worst)), Way("the sender's own delay", tuple(late)))
    goal = Goal(
        f"no stall > {STALL * 1_000:.0f} ms, nothing lost",
        f"{max(worst):.0f} ms, nothing lost",
        max(worst) <= STALL * 1_000,
    )
    note = (
        f"{RATE:,} events/s of read=all for {seconds} s, the whole service, saving to PostgreSQL meanwhile; "
        f"{max(spent):.0%} of its core."
    )
    return Section("A burst of events", "ms", ways, "", (goal,), (note,))


def nothing_lost(sent: dict[str, int], before: Answer, after: Answer) -> None:
    """Every event was counted, the line is the same, and no call was dropped."""
    missing = {
        name: count for name, count in sent.items() if after["seen"].get(name, 0) - before["seen"].get(name, 0) != count
    }
    same = all(after[name] == before[name] for name in ("links", "quarantined", "dropped"))
    if missing or not same:
        raise ValueError(f"lost of the burst: {missing}; before {before}, after {after}")


def scraped(bench: Bench, pbx: Worker, service: Worker) -> Section:
    """One scrape after the other."""
    service.ask({})
    bench.tell("stalls: scraped")
    asked = {"scrapes": 4 * bench.turns, "http": service.ready["http"]}
    found = pbx.ask(asked)
    stall = service.ask({})["stall"]
    took = tuple(1_000 * seconds for seconds in found["seconds"])
    ways = (Way("a scrape", took), Way("longest stall of the loop meanwhile", (stall * 1_000,)))
    goals = (
        Goal(f"≤ {SCRAPE * 1_000:.0f} ms", f"{max(took):.0f} ms at most", max(took) <= SCRAPE * 1_000),
        Goal(f"no stall > {STALL * 1_000:.0f} ms", f"{stall * 1_000:.0f} ms", stall <= STALL),
    )
    note = f"{QUEUES} queues, {found['bytes'] / 1024:,.0f} KB a scrape, {len(took)} of them."
    return Section(f"/metrics with {QUEUES} queues", "ms", ways, "", goals, (note,))
