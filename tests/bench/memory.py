"""What a live call costs, and that calls which are over cost nothing."""

import gc
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from tests.bench.following import Listener, Tally, performer
from tests.bench.measuring import Bench
from tests.bench.report import Goal, Section, Way
from tests.bench.streams import Conversation, busy, pieces
from tests.bench.workers import MEASURED, Answer, Worker

LIVE = 10_000
GOAL = 8_192.0
GROWTH = 0.05
TRACKER, ALL = "the tracker's own", "and all that serve keeps of them"
RATE = 50.0
"""Calls a second, as a busy PBX has them. Channels that ended are remembered for ten minutes: 30,000 calls."""
SETTLED = 40_000


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def ringing() -> Conversation:
    """A caller who waits while two phones ring for him."""
    return Conversation.upto_ringing("direct_two_at_once", 2)


def live(performs: Callable[[], object]) -> Callable[[Answer], Callable[[Answer], Answer]]:
    """So many calls that go on."""

    def make(args: Answer) -> Callable[[Answer], Answer]:
        told = list(pieces(busy([ringing()], args["calls"], RATE)))

        def run(asked: Answer) -> Answer:
            listener = Listener(performs())  # type: ignore[arg-type]  # one of the two
            listener.hear(told[0][0], b"")
            gc.collect()
            if asked["traced"]:
                tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0] if asked["traced"] else resident()
            for at, data in told:
                listener.hear(at, data)
            gc.collect()
            after = tracemalloc.get_traced_memory()[0] if asked["traced"] else resident()
            tracemalloc.stop()
            calls = listener.tracker.live_calls()
            offers = sum(len(visit.offers) for call in calls for visit in call.visits)
            return {"bytes": (after - before) / args["calls"], "calls": len(calls), "offers": offers}

        return run

    return make


def flat(_: Answer) -> Callable[[Answer], Answer]:
    """Calls that come and go; asked for so many, it says what is in memory after them."""
    listener = Listener()
    kinds = [Conversation("abandoned_waiting"), Conversation("direct_abandoned")]
    done = 0
    begins = kinds[0].begins

    def run(asked: Answer) -> Answer:
        nonlocal done, begins
        calls = asked["calls"]
        for at, data in pieces(busy(kinds, calls, RATE, first=done + 1, begins=begins)):
            listener.hear(at, data)
        done += calls
        begins += int(calls / RATE * 1e6)
        gc.collect()
        return {"bytes": resident(), "calls": done, "live": len(listener.tracker.live_calls())}

    return run


WAYS = {TRACKER: live(Tally), ALL: live(performer), "flat": flat}


def sections(bench: Bench) -> list[Section]:
    """What one costs, and what a great many that are over cost."""
    return [each(bench), over(bench)]


def each(bench: Bench) -> Section:
    """Bytes a live call."""
    calls = bench.size(LIVE, 2_000)
    ways = []
    for name in (TRACKER, ALL):
        for how, traced in (("as Python counts it", True), ("resident", False)):
            bench.tell(f"memory: {name}, {how}")
            # Once each, in a fresh process: memory that was used before would be used again.
            with Worker("memory", name, {"calls": calls}, MEASURED) as worker:
                answer = worker.ask({"traced": traced})
            if (answer["calls"], answer["offers"]) != (calls, 2 * calls):
                raise ValueError(
                    f"{answer['calls']:,} calls with {answer['offers']:,} offers, not {calls:,} with two each"
                )
            ways.append(Way(f"{name}, {how}", (answer["bytes"],)))
    worst = max(way.median for way in ways)
    goal = Goal("≤ 8 KB a live call", f"{worst / 1024:.1f} KB", worst <= GOAL)
    note = f"{calls:,} callers who wait while two phones ring for each."
    return Section("Memory of a live call", "bytes", tuple(ways), "", (goal,), (note,))


def over(bench: Bench) -> Section:
    """What is in memory while calls come and go."""
    total = bench.size(bench.calls, 60_000)
    ways = []
    with Worker("memory", "flat", {}, MEASURED) as worker:
        done, resides, left = 0, 0, 0
        for upto in (SETTLED, total // 2, total):
            while done < upto:
                step = min(2_000, upto - done)
                bench.tell(f"memory: {done:,} of {total:,} calls are over")
                answer = worker.ask({"calls": step})
                resides, left = answer["bytes"], answer["live"]
                done += step
            ways.append(Way(f"after {done:,} calls", (resides / 2**20,)))
    growth = ways[-1].median / ways[0].median - 1
    goal = Goal(f"flat over {total:,} calls", f"{growth:+.1%}", growth <= GROWTH)
    note = (
        f"Callers who abandon, in a queue and while a phone rings, {RATE:g} a second; {left:,} live at the end. For "
        "ten minutes it is remembered which channels ended, so the first figure is of a PBX that is busy already."
    )
    return Section("Memory while calls come and go", "MB resident", tuple(ways), "", (goal,), (note,))
