"""A restart: what the process before read is read again, until nothing is missing that it knew."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from handlers.journaling import Loader, dump, parts
from handlers.reading import Asked, Reading
from handlers.recovery import Recovery, SameClock
from handlers.resume import LONGEST, Resume
from telephony.ami.codec import Message, Quarantined
from telephony.ami.feed import Batch, LinkUp
from telephony.calls.tracker import Tracker
from telephony.journal.record import Record
from tests.bench.following import PBX, RULES, Tally, codec
from tests.bench.measuring import Bench
from tests.bench.report import Goal, Section
from tests.bench.streams import busy, ordinary, pieces, prelude

PER_SECOND = 20.0
WINDOW, CONSUMED = 1.0, 5.0
"""Seconds that a minute of it, and the most that is read for a call that is saved, may take."""
BOOT = "a boot"


def journal(calls: int, at_once: int) -> list[Record]:
    """What a minute of a busy PBX leaves: in each record so many messages that were read at once."""
    reads, found = codec(banner=True), list[Record]()
    told = busy(ordinary(), calls, PER_SECOND)
    begins = timedelta(microseconds=told[0].at)

    def keep(entry: Any) -> None:
        for part in parts(entry):
            found.append(Record(len(found) + 1, *dump(part), BOOT))

    def hear(at: timedelta, data: bytes) -> None:
        items = [item for item in reads.feed(data) if isinstance(item, Message | Quarantined)]
        if items:
            keep(Batch(at, timedelta(), items))

    keep(LinkUp(begins, timedelta(), "11.0.0"))
    first = prelude()
    middle = first.index(b"Response: Success\r\nActionID: queues")
    hear(begins, first[:middle])
    keep(Asked(begins, timedelta(), "queues", "channels"))
    hear(begins, first[middle:])
    for at, data in pieces(told, at_once):
        hear(timedelta(seconds=at), data)
    return found


def reading_again(at_once: int) -> Callable[[dict[str, Any]], Callable[[dict[str, Any]], dict[str, Any]]]:
    """The whole way from records to calls."""

    def make(args: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        records = journal(args["calls"], at_once)

        def run(_: dict[str, Any]) -> dict[str, Any]:
            reading = Reading(PBX, Tracker(RULES), Tally())
            begun = time.perf_counter()
            recovery = Recovery(reading, Resume(1), Loader(codec), SameClock(BOOT, timedelta()))
            recovery.read(records)
            found = recovery.end()
            return {"seconds": time.perf_counter() - begun, "calls": len(found.known), "records": len(records)}

        return run

    return make


WAYS = {"a record a message": reading_again(1), "32 messages a record": reading_again(32)}


def sections(bench: Bench) -> list[Section]:
    """One table."""
    calls = int(PER_SECOND * bench.size(60, 5))
    messages = len(busy(ordinary(), calls, PER_SECOND))
    ways = bench.rounds("recovery", WAYS, {"calls": calls}, lambda found: messages / found["seconds"])
    rate = min(way.median for way in ways)
    minute = messages / rate * bench.size(1, 12)
    longest = LONGEST / rate
    goals = (
        Goal(f"a minute of {PER_SECOND:g} calls/s again in < {WINDOW:g} s", f"{minute:.2f} s", minute < WINDOW),
        Goal(f"{LONGEST:,} records of a message each in ≤ {CONSUMED:g} s", f"{longest:.2f} s", longest <= CONSUMED),
    )
    note = (
        f"{messages:,} messages of {calls:,} recorded calls with fresh ids: what is marked every second, with a full "
        "listing a minute, is hardly ever more. From records in memory to rebuilt calls, nothing performed."
    )
    return [Section("The journal read again at a start", "messages/s", ways, "", goals, (note,))]
