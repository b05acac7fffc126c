"""How fast the codec is beside others, on recordings repeated: `python -m tests.bench.codec [stream …]`. Not a test.

Two streams: what the product's own login hears (nearly all of it is acted upon), and a `read=all` stream made of the
same recordings and of the events that such a login hears beside them, most of which are only counted.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from telephony.ami.codec import Codec
from telephony.ami.snapshot import LISTED
from telephony.ami.translate import ACTED_UPON
from tests.support.wire import event

RECORDINGS = Path(__file__).parents[1] / "replay"
END = b"\r\n\r\n"
READ = 65_536
MESSAGES = 40_000
RUNS = 7
NOISE = 4
"""Events that nobody acts upon for each one that is; 600 real SIP calls with read=all had 3.5."""


def recorded() -> bytes:
    """All recordings of a named PBX, without banners and without what was quarantined."""
    streams = [file.read_bytes() for file in sorted(RECORDINGS.glob("*/ami*.bin"))]
    return b"".join(raw.partition(b"\r\n")[2] for raw in streams if b"\r\nSystemName: pbx1\r\n" in raw)


def read_all(own: bytes) -> bytes:
    """The same among what `read=all` adds."""
    noise = event("VarSet", ("Variable", "QUEUEPOSITION"), ("Value", "1")) + event(
        "Newexten", ("Extension", "4001"), ("Application", "Queue"), ("AppData", "support,,,,60")
    )
    return b"".join(message + END + noise * (NOISE // 2) for message in own.split(END) if message.startswith(b"Event"))


def parts(data: bytes) -> list[bytes]:
    """As a socket gives it."""
    return [data[at : at + READ] for at in range(0, len(data), READ)]


def by_split(data: bytes) -> int:
    return sum(part.count(END) for part in parts(data) if part.split(END))


def by_us(data: bytes) -> int:
    codec = Codec(ACTED_UPON, systemname="pbx1", listed=LISTED, user_events=["QueueResult"], banner=False)
    return sum(len(codec.feed(part)) for part in parts(data))


def by_us_with_headers(data: bytes) -> int:
    codec = Codec(ACTED_UPON, systemname="pbx1", listed=LISTED, user_events=["QueueResult"], banner=False)
    return sum(len(getattr(item, "headers", ())) for part in parts(data) for item in codec.feed(part))


def by_dict(data: bytes) -> int:
    text = data.decode("utf-8", "replace")
    made = [
        dict(line.split(": ", 1) for line in message.split("\r\n") if ": " in line)
        for message in text.split("\r\n\r\n")
    ]
    return len(made)


def by_pyst2(data: bytes) -> int:
    from asterisk.manager import Event, ManagerMsg  # noqa: PLC0415 - only here, and slow to import

    made = []
    for message in data.decode("utf-8", "replace").split("\r\n\r\n"):
        parsed = ManagerMsg([f"{line}\r\n" for line in message.split("\r\n")])
        made.append(Event(parsed) if parsed.has_header("Event") else parsed)
    return len(made)


def by_panoramisk(data: bytes) -> int:
    from panoramisk.message import Message  # type: ignore[import-not-found]  # noqa: PLC0415 - optional

    return len([Message.from_line(message) for message in data.decode("utf-8", "replace").split("\r\n\r\n")])


WAYS: dict[str, Callable[[bytes], int]] = {
    "bytes.split, the limit": by_split,
    "ours, checked": by_us,
    "ours, and all headers asked for": by_us_with_headers,
    "every message into a dict": by_dict,
    "panoramisk": by_panoramisk,
    "pyst2": by_pyst2,
}


def rates(data: bytes) -> dict[str, float]:
    """Messages a second of each way: the median of some runs, taken in turns so that all meet the same weather."""
    messages = data.count(END)
    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(RUNS):
        for name, way in WAYS.items():
            begun = time.perf_counter()
            try:
                way(data)
            except ModuleNotFoundError:
                continue
            taken[name].append(time.perf_counter() - begun)
    return {name: messages / statistics.median(times) for name, times in taken.items() if times}


def main(files: list[str]) -> None:
    own = recorded()
    streams = {"the product's own login": own, "read=all": read_all(own)}
    streams |= {name: Path(name).read_bytes().partition(b"\r\n")[2] for name in files}
    for name, stream in streams.items():
        data = stream * max(1, MESSAGES // stream.count(END))
        print(f"\n{name}: {data.count(END):,} messages of {len(data) // data.count(END)} bytes")
        found = rates(data)
        for way, rate in found.items():
            print(f"  {way:34}{rate:>12,.0f}/s  {rate / found['pyst2']:6.1f} x pyst2")


if __name__ == "__main__":
    main(sys.argv[1:])
