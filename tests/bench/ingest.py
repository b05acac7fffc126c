"""From a PBX's bytes to performed effects, beside others who only parse the same bytes.

python -m tests.bench.ingest   # what the stream is, and that nothing in it is irregular
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from telephony.ami.settings import SystemClock
from telephony.journal.writer import Journal
from tests.bench.codec import by_panoramisk, by_pyst2, by_split
from tests.bench.following import PBX, Listener, Tally, performer
from tests.bench.measuring import Bench
from tests.bench.report import Goal, Section
from tests.bench.streams import END, NOISE, Message, busy, noise, ordinary, parts

PER_SECOND = 20.0
"""Calls that begin each second of the stream: a hundred are alive at once."""
GOAL = 5.0
CHUNK = 32


def stream(calls: int) -> list[Message]:
    """`read=all` of a busy PBX: events of interleaved calls, each among what nobody acts upon."""
    more = noise() * (NOISE // 2)
    return [Message(one.at, one.raw + more) for one in busy(ordinary(), calls, PER_SECOND)]


def times(path: Path) -> list[float]:
    """When each piece of the stream came, as it was written down beside it."""
    return [float(line) for line in path.with_suffix(".times").read_text().split()]


def write(path: Path, calls: int) -> int:
    """The stream, and beside it the time of each piece; gives the number of messages."""
    told = stream(calls)
    data = b"".join(one.raw for one in told)
    path.write_bytes(data)
    ends, at, when = iter(told), 0, []
    last = 0.0
    for piece in parts(data):
        at += len(piece)
        while at > 0 and (one := next(ends, None)) is not None:
            at -= len(one.raw)
            last = one.at / 1e6
        when.append(last)
    path.with_suffix(".times").write_text("\n".join(map(str, when)))
    return data.count(END)


def ours(
    performs: Callable[[], Any], *, journaled: bool = False
) -> Callable[[dict[str, Any]], Callable[[dict[str, Any]], dict[str, Any]]]:
    """The whole way with this performer, new for each run; `journaled`: what is read is also on disk at the end."""

    def make(args: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        path = Path(args["stream"])
        pieces = list(zip(times(path), parts(path.read_bytes()), strict=True))

        def run(_: dict[str, Any]) -> dict[str, Any]:
            with tempfile.TemporaryDirectory(prefix="threerings-bench-") as folder, ExitStack() as stack:
                journal = Journal.open(Path(folder, PBX), wall=SystemClock().wall) if journaled else None
                listener = Listener(performs(), journal)
                listener.hear(pieces[0][0], b"")
                begun = time.perf_counter()
                for at, data in pieces:
                    listener.hear(at, data)
                if journal is not None:
                    stack.callback(journal.close)
                    while journal.durable < journal.position:
                        time.sleep(0.001)
                seconds = time.perf_counter() - begun
            return {"seconds": seconds, "done": listener.tally.done}

        return run

    return make


def parsing(way: Callable[[bytes], int]) -> Callable[[dict[str, Any]], Callable[[dict[str, Any]], dict[str, Any]]]:
    """Somebody else, who only parses."""

    def make(args: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        data = Path(args["stream"]).read_bytes()

        def run(_: dict[str, Any]) -> dict[str, Any]:
            begun = time.perf_counter()
            way(data)
            return {"seconds": time.perf_counter() - begun}

        return run

    return make


WAYS = {
    "ours, effects counted": ours(Tally),
    "ours, effects performed": ours(performer),
    "ours, performed and journaled": ours(performer, journaled=True),
    "panoramisk, parsing alone": parsing(by_panoramisk),
    "pyst2, parsing alone": parsing(by_pyst2),
    "bytes.split": parsing(by_split),
}


def sections(bench: Bench) -> list[Section]:
    """One table."""
    path = bench.folder / "read-all.bin"
    messages = write(path, bench.size(600, 150))
    ways = bench.rounds("ingest", WAYS, {"stream": str(path)}, lambda found: messages / found["seconds"])
    section = Section("AMI bytes to performed effects, read=all", "messages/s", ways, "panoramisk, parsing alone")
    best = "ours, performed and journaled"
    ratios = [section.ratio(best, theirs) for theirs in ("panoramisk, parsing alone", "pyst2, parsing alone")]
    found = " and ".join(f"{ratio:.1f} ×" for ratio in ratios)
    goal = Goal(f"≥ {GOAL:g} × what panoramisk and pyst2 reach in parsing alone", found, min(ratios) >= GOAL)
    note = (
        f"{messages:,} messages of {path.stat().st_size // messages} bytes: recorded calls with fresh ids, "
        f"{PER_SECOND:g} begun a second and so a hundred at once, each of their events among {NOISE} that nobody "
        "acts upon. Ours frames, checks, translates, tracks, counts and hands what is to be saved to the saver; "
        "journaled: what it rests on is on disk, too, by another thread."
    )
    return [Section(section.title, section.unit, ways, section.beside, (goal,), (note,))]


def main() -> None:
    """What comes of the stream."""
    listener = Listener()
    messages = stream(700)
    for one in messages:
        listener.hear(one.at / 1e6, one.raw)
    for effect, count in sorted(listener.tally.done.items()):
        print(f"{effect:16}{count:8,}")


if __name__ == "__main__":
    main()
