"""How fast the codec is beside others: framing and parsing alone, on recordings repeated."""

import importlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.following import codec
from tests.bench.measuring import Bench
from tests.bench.report import Goal, Section
from tests.bench.streams import END, parts, read_all, recorded

LIMIT = "bytes.split, the limit"
OURS = "ours, checked"
GOAL = 8.0
SHARE = 0.25


def by_split(data: bytes) -> int:
    return sum(part.count(END) for part in parts(data) if part.split(END))


def by_us(data: bytes) -> int:
    ours = codec()
    return sum(len(ours.feed(part)) for part in parts(data))


def by_us_with_headers(data: bytes) -> int:
    ours = codec()
    return sum(len(getattr(item, "headers", ())) for part in parts(data) for item in ours.feed(part))


def by_dict(data: bytes) -> int:
    text = data.decode("utf-8", "replace")
    made = [
        dict(line.split(": ", 1) for line in message.split("\r\n") if ": " in line)
        for message in text.split("\r\n\r\n")
    ]
    return len(made)


def by_pyst2(data: bytes) -> int:
    manager = importlib.import_module("asterisk.manager")  # only here, and slow to import
    made = []
    for message in data.decode("utf-8", "replace").split("\r\n\r\n"):
        parsed = manager.ManagerMsg([f"{line}\r\n" for line in message.split("\r\n")])
        made.append(manager.Event(parsed) if parsed.has_header("Event") else parsed)
    return len(made)


def by_panoramisk(data: bytes) -> int:
    message_of = importlib.import_module("panoramisk.message").Message.from_line
    return len([message_of(message) for message in data.decode("utf-8", "replace").split("\r\n\r\n")])


def timed(way: Callable[[bytes], int]) -> Callable[[dict[str, Any]], Callable[[dict[str, Any]], dict[str, Any]]]:
    """A way of `WAYS`: the whole stream each time it is asked."""

    def make(args: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        data = Path(args["stream"]).read_bytes()

        def run(_: dict[str, Any]) -> dict[str, Any]:
            begun = time.perf_counter()
            way(data)
            return {"seconds": time.perf_counter() - begun}

        return run

    return make


WAYS = {
    OURS: timed(by_us),
    "ours, and all headers asked for": timed(by_us_with_headers),
    "every message into a dict": timed(by_dict),
    "panoramisk": timed(by_panoramisk),
    "pyst2": timed(by_pyst2),
    LIMIT: timed(by_split),
}


def rate(messages: int, answer: dict[str, Any]) -> float:
    """Messages a second."""
    return float(messages / answer["seconds"])


def sections(bench: Bench) -> list[Section]:
    """Two streams: `read=all`, most of which is only counted, and what the product's own login hears, nearly all of
    which is acted upon.
    """
    own = recorded()
    streams = {"read=all": read_all(own), "the product's own login": own}
    found: list[Section] = []
    for name, stream in streams.items():
        data = stream * max(1, bench.size(40_000, 10_000) // stream.count(END))
        path = bench.folder / f"codec-{len(found)}.bin"
        path.write_bytes(data)
        messages = data.count(END)
        ways = bench.rounds("codec", WAYS, {"stream": str(path)}, partial(rate, messages))
        section = Section(f"Framing and parsing alone, {name}", "messages/s", ways, "panoramisk")
        note = f"{messages:,} messages of {len(data) // messages} bytes."
        goals = _goals(section) if name == "read=all" else ()
        found.append(Section(section.title, section.unit, ways, section.beside, goals, (note,)))
    return found


def _goals(section: Section) -> tuple[Goal, ...]:
    ratios = [section.ratio(OURS, theirs) for theirs in ("panoramisk", "pyst2")]
    share = section.ratio(OURS, LIMIT)
    times = " and ".join(f"{ratio:.1f} ×" for ratio in ratios)
    return (
        Goal(f"≥ {GOAL:g} × panoramisk and pyst2", times, min(ratios) >= GOAL),
        Goal("≥ 1/4 of the limit", f"{share:.2f}", share >= SHARE),
    )
