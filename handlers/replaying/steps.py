"""What was read, told as it stands there: a step of a call's story, and whether it is of this call. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from handlers.reading import Asked, Began, ChannelsLogged, Claimed, Entry, ListingGivenUp, Logged, Passed, moment_of
from telephony.ami.codec import Kind, Message, Quarantined
from telephony.ami.feed import Batch, LinkDown, LinkUp, RequestExpired
from telephony.calls.effects import Effect
from telephony.calls.facts import Fact
from telephony.cel.grammar import Entry as ChannelEvent
from telephony.cel.grammar import parse

SHOWN = (
    "Channel", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "Exten", "DestChannel", "DialString", "DialStatus",
    "Queue", "Position", "Count", "MemberName", "Interface", "BridgeUniqueid", "SwapUniqueid", "Newname", "UserEvent",
    "Result", "TransfererChannel", "TransfereeChannel", "TargetChannel", "Cause", "Cause-txt", "Uptime", "Wait",
    "BridgeId",
)  # fmt: skip
"""Headers that tell something to a person."""
OF_THE_PBX = frozenset({"FullyBooted", "Shutdown"})


@dataclass(slots=True)
class Step:
    """Something that was read.

    Attributes:
        position: in the journal.
        at: when it happened, by the PBX's clock as far as it told.
        source: `ami`, `listing`, `link`, `queue_log`, `cel`, `agi`, `service`, `time`, `journal`.
        what: the event's name, or which of a few things it is.
        details: name and value each; hostile as they came.
        raw: the message, or the lines.
        quiet: of interest to an engineer only.
        facts: what it meant.
        effects: what was done about it.
    """

    position: int
    at: datetime
    source: str
    what: str
    details: tuple[tuple[str, str], ...] = ()
    raw: bytes = b""
    quiet: bool = False
    facts: list[Fact] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


def step_of(entry: Entry, position: int) -> Step:  # noqa: C901, PLR0911 - a table
    """An entry as a step; of a batch, its only item."""
    at = moment_of(entry).wall
    match entry:
        case Batch(items=[Message() as message]):
            return _of_message(message, position, at)
        case Batch(items=[Quarantined() as item]):
            return Step(position, at, "ami", "refused", (("reason", item.reason),), item.raw)
        case LinkUp():
            return Step(position, at, "link", "up", (("ami", entry.version),))
        case LinkDown():
            return Step(position, at, "link", "down", (("reason", entry.reason),))
        case Logged():
            return Step(position, at, "queue_log", "lines", raw=b"\n".join(entry.lines))
        case ChannelsLogged():
            return Step(position, at, "cel", "lines", raw=b"\n".join(entry.lines))
        case Claimed():
            told = ("uniqueid", entry.uniqueid), ("case", entry.case)
            return Step(position, at, "agi", "asked", told)
        case Began():
            return Step(position, at, "service", "began", (("process", entry.told),))
        case ListingGivenUp() | RequestExpired():
            return Step(position, at, "listing", "given_up")
        case Asked():
            return Step(position, at, "listing", "asked", quiet=True)
        case Passed() | Batch():
            return Step(position, at, "time", "passed")


def _of_message(message: Message, position: int, at: datetime) -> Step:
    headers = message.headers
    details = tuple((name, headers[name]) for name in SHOWN if headers.get(name) and headers[name] != "<unknown>")
    if message.kind is Kind.EVENT:
        return Step(position, at, "ami", message.event, details, message.raw)
    what = message.event or "answer"
    return Step(position, at, "listing", what, details, message.raw, quiet=True)


def is_about(entry: Entry, names: Collection[str], *, on: bool) -> bool:  # noqa: PLR0911 - a table
    """Whether it names one of these channels, or, while the call goes on, is about the line or the whole PBX."""
    match entry:
        case Batch(items=[Message() as message]):
            if on and message.event in OF_THE_PBX:
                return True
            return message.kind is not Kind.RESPONSE and any(value in names for value in message.headers.values())
        case Batch(items=[Quarantined() as item]):
            return any(name.encode("utf-8", "surrogateescape") in item.raw for name in names)
        case Logged():
            return any(_channel_of(line) in names for line in entry.lines)
        case ChannelsLogged():
            return any(_tells_of(line, names) for line in entry.lines)
        case Claimed():
            return entry.uniqueid in names
        case LinkUp() | LinkDown() | Began() | ListingGivenUp() | RequestExpired():
            return on
        case _:
            return False


def only_about(entry: Entry, names: Collection[str]) -> Entry:
    """The same, of the lines of other witnesses only those that name one of these channels."""
    if isinstance(entry, ChannelsLogged):
        told = tuple(line for line in entry.lines if _tells_of(line, names))
        return ChannelsLogged(entry.mono, entry.offset, told, entry.place)
    if not isinstance(entry, Logged):
        return entry
    lines = tuple(line for line in entry.lines if _channel_of(line) in names)
    return Logged(entry.mono, entry.offset, lines, entry.place)


def learned(entry: Entry, names: Collection[str]) -> set[str]:
    """Channels that belong to the same call as these, as the PBX tells."""
    match entry:
        case Batch(items=[Message() as message]):
            return {uniqueid for uniqueid, linkedid in _channels_of(message.headers) if linkedid in names and uniqueid}
        case _:
            return set()


def _channels_of(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(headers.get(f"{prefix}Uniqueid", ""), headers.get(f"{prefix}Linkedid", "")) for prefix in ("", "Dest")]


def _tells_of(line: bytes, names: Collection[str]) -> bool:
    one = parse(line)
    return isinstance(one, ChannelEvent) and bool({one.uniqueid, one.linkedid} & set(names))


def _channel_of(line: bytes) -> str:
    fields = line.split(b"|", 2)
    return fields[1].decode("utf-8", "surrogateescape") if len(fields) > 1 else ""
