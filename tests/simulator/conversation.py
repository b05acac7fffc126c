"""A conversation, made comparable: what the product acts upon, with names for ids and nothing of the clock in it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from telephony.ami.translate import ACTED_UPON

INSTANT = 0.1
"""Seconds. What is said closer together belongs to one instant: within it, threads of Asterisk race each other."""
COUNTED = ("HoldTime", "RingTime", "TalkTime")
"""Whole seconds by the second hand: a story that begins at another part of the second counts one more or less."""
CLOCKED = ("LastCall", "LastPause", "LoginTime", "Timestamp")
RACED: Mapping[str, tuple[str, ...]] = {
    # the phone's own thread and the queue's: either may be first
    "DialState": ("DestChannelState", "DestChannelStateDesc"),
    # app_queue marks the call a moment before or after the device's state is told
    "QueueMemberStatus": ("InCall",),
}
"""Headers whose values even two recordings of one story do not share, with the reason."""
POSSIBLE = frozenset({"0", "1", "5", "Down", "Ringing", "simple_bridge", "native_rtp"})
"""What these may say; anything else is compared."""
TECHNOLOGY = ("BridgeTechnology",)
"""Becomes native_rtp when media flow, which in the bench is when SIPp gets to it."""
ID = re.compile(r"pbx1-\d+\.\d+")
CHANNEL = re.compile(r"-[0-9a-f]{8}(?=$|;[12]$)")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Said:
    """One message, normalised.

    Attributes:
        at: seconds.
        thread: whose thread of Asterisk said it: what one thread says is in order.
        headers: in their order; `times` are those of `COUNTED`.
    """

    at: float
    event: str
    thread: str
    headers: tuple[tuple[str, str], ...]
    times: tuple[int, ...]


def events_of(raw: bytes) -> Iterator[dict[str, str]]:
    """The stamped events in a stream, each as its headers in order."""
    for part in raw.split(b"\r\n\r\n"):
        lines = part.decode("utf-8", "surrogateescape").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        if "Event" in headers and "Timestamp" in headers:
            yield headers


OF_NO_ORDER = "AgentComplete"
"""Told by a thread that follows others' words; after a transfer it may say it any moment."""


def conversation(raw: bytes, log: str) -> list[Said]:
    """All that the product acts upon.

    Args:
        raw: the stream.
        log: the queue_log beside it. Members of queues to which it adds none were left over on the bench from earlier
            stories; what is said of them is left out, and so is the hand that clears away the story's own at its end.
    """
    names = _Names()
    serves = {line.split("|")[2] for line in log.splitlines() if "|ADDMEMBER|" in line}
    told = []
    for headers in events_of(raw):
        names.learn(headers)
        event = headers["Event"]
        left_over = event.startswith("QueueMember") and headers["Queue"] not in serves
        if event in ACTED_UPON and not left_over and event != "QueueMemberRemoved":
            told.append(_said(headers, names))
    return told


def noise(raw: bytes) -> set[str]:
    """The names of events that the product does not act upon."""
    return {headers["Event"] for headers in events_of(raw)} - set(ACTED_UPON)


class _Names:
    """#1, #2, … for uniqueids, bridges and channels, in the order in which they appear."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def learn(self, headers: Mapping[str, str]) -> None:
        for value in headers.values():
            for kind, pattern in (("id", ID), ("bridge", UUID)):
                for found in pattern.findall(value):
                    self._known.setdefault(found, f"<{kind} {sum(kind in one for one in self._known.values()) + 1}>")
        if headers["Event"] == "Newchannel":
            suffix = CHANNEL.search(headers["Channel"])
            assert suffix is not None
            self._known.setdefault(
                headers["Channel"], CHANNEL.sub("-" + self._known[headers["Uniqueid"]], headers["Channel"])
            )

    def of(self, value: str) -> str:
        if value in self._known:
            return self._known[value]
        return ID.sub(lambda found: self._known[found[0]], value)


def _said(headers: Mapping[str, str], names: _Names) -> Said:
    event = headers["Event"]
    raced = RACED.get(event, ()) + TECHNOLOGY
    kept: list[tuple[str, str]] = []
    for name, value in headers.items():
        free = name in raced or name.endswith("BridgeTechnology")
        if name in COUNTED or (free and value in POSSIBLE):
            kept.append((name, "*"))
        elif name in CLOCKED:
            kept.append((name, "0" if value == "0" else "<time>"))
        else:
            kept.append((name, names.of(value)))
    times = tuple(int(headers[name]) for name in COUNTED if name in headers)
    return Said(float(headers["Timestamp"]), event, _thread(headers, names), tuple(kept), times)


def _thread(headers: Mapping[str, str], names: _Names) -> str:
    event = headers["Event"]
    if event.startswith("QueueMember"):
        return f"{event} {headers['Interface']}"
    if event == OF_NO_ORDER:
        return event
    subject = headers.get("Uniqueid") or headers.get("TransfererUniqueid") or headers.get("OrigTransfererUniqueid", "")
    return names.of(subject)


def instants(told: Iterable[Said]) -> list[Counter[tuple[str, tuple[tuple[str, str], ...]]]]:
    """What was said at each instant, without an order: instants themselves are in order."""
    found: list[Counter[tuple[str, tuple[tuple[str, str], ...]]]] = []
    last = float("-inf")
    for said in told:
        if said.event == OF_NO_ORDER:
            continue
        if said.at - last > INSTANT:
            found.append(Counter())
        found[-1][said.event, said.headers] += 1
        last = said.at
    return found


def threads(told: Iterable[Said]) -> dict[str, list[str]]:
    """What each thread said, in order."""
    found: dict[str, list[str]] = {}
    for said in told:
        found.setdefault(said.thread, []).append(said.event)
    return found


def log_lines(text: str) -> list[tuple[str, ...]]:
    """queue_log, without its clock: ids by order, numbers of seconds and milliseconds as `n`."""
    known: dict[str, str] = {}
    found = []
    for line in text.splitlines():
        _, callid, queue, agent, event, *data = line.split("|")
        if ID.fullmatch(callid):
            known.setdefault(callid, f"<id {len(known) + 1}>")
        values = []
        for value in data:
            named = UUID.sub("<bridge>", ID.sub("<leg>", value))
            values.append("<n>" if event in TIMED and value.isdecimal() else named)
        found.append((known.get(callid, callid), queue, agent, event, *values))
    return found


TIMED = frozenset(
    {
        "ABANDON", "EXITEMPTY", "EXITWITHTIMEOUT", "WITHDRAW", "CONNECT", "COMPLETEAGENT", "COMPLETECALLER",
        "RINGCANCELED",
    }
)  # fmt: skip
"""Lines whose numbers are compared with a tolerance, by `log_numbers`."""


def log_numbers(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """The numbers of the same lines."""
    found = []
    for line in text.splitlines():
        *_, event, rest = line.split("|", 5)[1:]
        if event in TIMED:
            found.append((event, tuple(int(one) for one in rest.split("|") if one.isdecimal())))
    return found
