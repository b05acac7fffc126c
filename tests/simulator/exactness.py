"""What Asterisk counts, against its own stamps: by the second hand, and so exactly, in recordings and simulator."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.simulator.conversation import events_of

Headers = Mapping[str, str]
REASONS = {
    "COMPLETEAGENT": "agent",
    "COMPLETECALLER": "caller",
    "BLINDTRANSFER": "transfer",
    "ATTENDEDTRANSFER": "transfer",
}


class Count(NamedTuple):
    """A number that was said.

    Attributes:
        said: by an event.
        clock: between the two stamps that it is the distance of, in whole seconds of the second hand.
        name: of the event and header.
    """

    name: str
    said: int
    clock: int


def second(headers: Headers) -> int:
    """In which it was said."""
    return int(headers["Timestamp"].partition(".")[0])


def counts(raw: bytes) -> Iterator[Count]:
    """HoldTime, RingTime and TalkTime of those who were put through."""
    joined: dict[str, int] = {}
    called: dict[str, int] = {}
    answered: dict[str, int] = {}
    connected: dict[str, int] = {}
    for headers in events_of(raw):
        event, now = headers["Event"], second(headers)
        match event:
            case "QueueCallerJoin":
                joined[headers["Uniqueid"]] = now
            case "DialBegin":
                called.setdefault(headers["DestUniqueid"], now)
            case "DialEnd" if headers["DialStatus"] == "ANSWER":
                answered.setdefault(headers["DestUniqueid"], now)
            case "AgentConnect":
                caller, leg = headers["Uniqueid"], headers["DestUniqueid"]
                connected[caller] = now
                yield Count("AgentConnect HoldTime", int(headers["HoldTime"]), now - joined[caller])
                yield Count("AgentConnect RingTime", int(headers["RingTime"]), answered[leg] - called[leg])
            case "AgentComplete":
                caller = headers["Uniqueid"]
                yield Count("AgentComplete TalkTime", int(headers["TalkTime"]), now - connected[caller])
            case _:
                pass


def removals(raw: bytes) -> list[tuple[str, str]]:
    """Whom the events took out of which queue."""
    return [(one["Queue"], one["Interface"]) for one in events_of(raw) if one["Event"] == "QueueMemberRemoved"]


def removed(log: str) -> list[tuple[str, str]]:
    """The same, by queue_log."""
    return [(line.split("|")[2], line.split("|")[3]) for line in log.splitlines() if "|REMOVEMEMBER|" in line]


def serving(log: str) -> set[str]:
    """The queues to which members were added: whatever is said of others is left over on the bench."""
    return {line.split("|")[2] for line in log.splitlines() if "|ADDMEMBER|" in line}


def completions(raw: bytes) -> list[tuple[str, ...]]:
    """Caller, reason, HoldTime and TalkTime of each AgentComplete."""
    told = ("Uniqueid", "Reason", "HoldTime", "TalkTime")
    return sorted(tuple(one[name] for name in told) for one in events_of(raw) if one["Event"] == "AgentComplete")


def connections(raw: bytes) -> list[tuple[str, ...]]:
    """Caller, leg, HoldTime and RingTime of each AgentConnect."""
    told = ("Uniqueid", "DestUniqueid", "HoldTime", "RingTime")
    return [tuple(one[name] for name in told) for one in events_of(raw) if one["Event"] == "AgentConnect"]


def connections_written(log: str) -> list[tuple[str, ...]]:
    """The same, by queue_log."""
    lines = [line.split("|") for line in log.splitlines() if "|CONNECT|" in line]
    return [(line[1], line[6], line[5], line[7]) for line in lines]


def completions_written(log: str) -> list[tuple[str, ...]]:
    """The same as `completions`, by queue_log."""
    found = []
    for line in log.splitlines():
        _, caller, _, _, event, *data = line.split("|")
        if event in REASONS:
            held, talked = data[-3:-1]
            found.append((caller, REASONS[event], held, talked))
    return sorted(found)


def ringing_order(raw: bytes) -> list[tuple[bool, str]]:
    """Of each phone that rang: whether its Newstate came before its DialState, and which state this one gives."""
    rang: set[str] = set()
    found = []
    for headers in events_of(raw):
        if headers["Event"] == "Newstate" and headers["ChannelStateDesc"] == "Ringing":
            rang.add(headers["Uniqueid"])
        elif headers["Event"] == "DialState":
            state = f"{headers['DestChannelState']} {headers['DestChannelStateDesc']}"
            found.append((headers["DestUniqueid"] in rang, state))
    return found
