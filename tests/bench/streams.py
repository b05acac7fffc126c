"""AMI streams made of recorded conversations of a real PBX, repeated with fresh ids and times, and interleaved.

Each repetition is other calls on other channels, so a tracker meets a busy PBX and not one call over and over. Nothing
is said twice of anybody: what comes out holds no irregular fact (`python -m tests.bench.ingest` counts them).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path

from tests.support.wire import event

RECORDINGS = Path(__file__).parents[1] / "replay"
END = b"\r\n\r\n"
READ = 65_536
"""Bytes that a socket gives at once."""
NOISE = 4
"""Events that nobody acts upon for each one that is; 600 real SIP calls with read=all had 3.5."""
APART = frozenset(
    {
        # The line, or the PBX, ends in these, or was not there at the beginning.
        "killed", "shutdown", "connected_late", "direct_connected_late",
        # What is quarantined in these is measured by the codec's bench.
        "hostile", "hostile_raw", "hostile_forged", "long_name", "long_name_cut",
    }
)  # fmt: skip

_FRESH = re.compile(
    rb"(?P<bridge>[0-9a-f]{8})(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    rb"|pbx1-(?P<born>\d{10})\.(?P<serial>\d+)"
    rb"|(?<=-)(?P<channel>[0-9a-f]{8})(?=[;\r])"
    rb"|(?<=Timestamp: )(?P<second>\d{10})\.(?P<micro>\d{6})"
)
_STAMP = re.compile(rb"\r\nTimestamp: (\d{10})\.(\d{6})\r\n")
_SYSTEM = re.compile(rb"\r\nSystemName: (\w+)\r\n")
_RINGING = re.compile(rb"^Event: Newstate\r\n.*\r\nChannelState: 5\r\n.*\r\nUniqueid: ([^\r]+)", re.DOTALL)
_WIDTH = 1_000
"""More channels than any one recording has."""


def recorded() -> bytes:
    """All recordings of a named PBX, without banners and without what was quarantined."""
    streams = [file.read_bytes() for file in sorted(RECORDINGS.glob("*/ami*.bin"))]
    return b"".join(raw.partition(b"\r\n")[2] for raw in streams if b"\r\nSystemName: pbx1\r\n" in raw)


def renamed(raw: bytes) -> bytes:
    """As if `pbx1` had said it: some were recorded beside another PBX."""
    found = _SYSTEM.search(raw)
    return raw if found is None else raw.replace(found[1], b"pbx1")


def noise() -> bytes:
    """What `read=all` adds, two events of it."""
    return event("VarSet", ("Variable", "QUEUEPOSITION"), ("Value", "1")) + event(
        "Newexten", ("Extension", "4001"), ("Application", "Queue"), ("AppData", "support,,,,60")
    )


def read_all(own: bytes) -> bytes:
    """A stream among what `read=all` adds."""
    more = noise() * (NOISE // 2)
    return b"".join(message + END + more for message in own.split(END) if message.startswith(b"Event"))


def parts(data: bytes) -> list[bytes]:
    """As a socket gives it."""
    return [data[at : at + READ] for at in range(0, len(data), READ)]


@dataclass(frozen=True, slots=True)
class Message:
    """One event: when, in microseconds since 1970, and its bytes up to the end."""

    at: int
    raw: bytes


class Conversation:
    """A recorded one, to be had again and again.

    Args:
        name: of the recording.
        upto: as many of its events, from the first; None: all.
    """

    def __init__(self, name: str, upto: int | None = None) -> None:
        raw = renamed(next((RECORDINGS / name).glob("ami*.bin")).read_bytes())
        events = [one for one in raw.split(END) if one.startswith(b"Event") and _STAMP.search(one)]
        self.name = name
        self._templates = [_template(one + END) for one in events[:upto]]
        stamps = [_stamp(one) for one in events[:upto]]
        # Stamps of several threads may go back a little; the order of the stream is what counts.
        self._stamps = [max(stamps[: n + 1]) for n in range(len(stamps))]
        self.begins = self._stamps[0]

    def __len__(self) -> int:
        return len(self._templates)

    @staticmethod
    def upto_ringing(name: str, phones: int) -> "Conversation":
        """Up to where so many phones ring."""
        raw = Conversation(name)
        heard: set[bytes] = set()
        for n, one in enumerate(raw.again(0, raw.begins)):
            found = _RINGING.search(one.raw)
            if found is not None:
                heard.add(found[1])
            if len(heard) == phones:
                return Conversation(name, n + 1)
        raise ValueError(f"{name}: {len(heard)} phones ring, not {phones}")

    def again(self, repetition: int, begins: int) -> list[Message]:
        """Once more: other channels, other bridges, another time.

        Args:
            repetition: another number each time.
            begins: in microseconds since 1970.
        """
        shift = begins - self.begins
        return [
            Message(stamp + shift, _filled(template, repetition, shift))
            for template, stamp in zip(self._templates, self._stamps, strict=True)
        ]


def prelude(name: str = "ring_all") -> bytes:
    """The login's answer, FullyBooted and the first listings, banner included."""
    raw = next((RECORDINGS / name).glob("ami*.bin")).read_bytes()
    mark = raw.index(b"Event: CoreShowChannelsComplete")
    return raw[: raw.index(END, mark) + len(END)]


def ordinary() -> list[Conversation]:
    """All that a PBX which stays up can say."""
    names = sorted(folder.parent.name for folder in RECORDINGS.glob("*/truth.json"))
    return [Conversation(name) for name in names if name not in APART and not name.startswith("unstamped_")]


def busy(
    conversations: Sequence[Conversation], count: int, per_second: float, *, first: int = 1, begins: int = 0
) -> list[Message]:
    """So many conversations, begun at this pace, all their events in one order of time."""
    begins = begins or conversations[0].begins
    told = (
        one.again(first + n, begins + int(n * 1_000_000 / per_second))
        for n, one in enumerate(islice(cycle(conversations), count))
    )
    return sorted(chain.from_iterable(told), key=lambda message: message.at)


def pieces(messages: Sequence[Message], at_once: int = 32) -> Iterator[tuple[float, bytes]]:
    """As a socket gives it on a busy day: so many messages at once, each piece with its time in seconds."""
    for n in range(0, len(messages), at_once):
        piece = messages[n : n + at_once]
        yield piece[-1].at / 1e6, b"".join(message.raw for message in piece)


def _stamp(raw: bytes) -> int:
    found = _STAMP.search(raw)
    assert found is not None
    return int(found[1]) * 1_000_000 + int(found[2])


def _template(raw: bytes) -> list[bytes | tuple[str, int, int]]:
    made: list[bytes | tuple[str, int, int]] = []
    last = 0
    for found in _FRESH.finditer(raw):
        made.append(raw[last : found.start()])
        last = found.end()
        match found.lastgroup:
            case "bridge" | "channel" as what:
                made.append((what, int(found[what], 16), 0))
            case "serial":
                made.append(("id", int(found["born"]), int(found["serial"])))
            case _:
                made.append(("stamp", int(found["second"]) * 1_000_000 + int(found["micro"]), 0))
    return [*made, raw[last:]]


def _filled(template: list[bytes | tuple[str, int, int]], repetition: int, shift: int) -> bytes:
    filled = []
    for part in template:
        if isinstance(part, bytes):
            filled.append(part)
            continue
        what, number, serial = part
        match what:
            case "bridge":
                filled.append(b"%08x" % ((number ^ (repetition * 2_654_435_761)) & 0xFFFFFFFF))
            case "channel":
                filled.append(b"%08x" % ((repetition * _WIDTH + number % _WIDTH) & 0xFFFFFFFF))
            case "id":
                filled.append(b"pbx1-%d.%d" % (number + shift // 1_000_000, repetition * _WIDTH + serial % _WIDTH))
            case _:
                filled.append(b"%d.%06d" % divmod(number + shift, 1_000_000))
    return b"".join(filled)
