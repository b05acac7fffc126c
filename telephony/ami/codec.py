"""Bytes of an AMI line into messages: pure, bounded, and suspicious. No I/O, no clock.

AMI is lines `Name: value` ended by CRLF, and an empty line after each message. Nothing in it is escaped, and callers
choose some of the values: SIP lets a caller's number contain CR LF. So what frames the stream cannot be trusted to be
framing. docs/decisions/hostile-headers.md says why, all the same, no caller can make an event that we act upon.

What comes out of `Codec.feed`, in the order of the stream:

* `Banner`: once, Asterisk's first line.
* `Message`: an answer, an entry of a listing, or an event that somebody acts upon, checked through and through.
* `Quarantined`: a whole message that breaks a rule, kept raw.

Events that nobody acts upon are recognised by their name alone, counted in `Codec.seen` and not parsed: on a
`read=all` line they are three in four.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from telephony.ami.layout import Opening, Rule

MAX_MESSAGE = 262_144
"""Bytes of one message, unfinished ones included. The largest that a real PBX was seen to send had 2,300."""
MAX_HEADERS = 512
"""Lines of one message. A real attended transfer, the widest event, has 74 and what `channelvars` adds."""
MAX_BANNER = 128
MAX_NAMES = 512
"""How many different event names are counted by name; Asterisk 22 knows about 190."""
OTHERS = b"(others)"
"""Under this name `Codec.seen` counts the events whose name came after `MAX_NAMES` others."""

_END = b"\r\n\r\n"
_REPEATABLE = "ChanVariable"
_BANNER = re.compile(rb"Asterisk Call Manager/(\d{1,4}(?:\.\d{1,6}){0,3})")
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]{0,79}")


class StreamBroken(Exception):  # noqa: N818 - it says what happened; no programme erred
    """The stream cannot be followed any further: it is not AMI, or exceeds a limit.

    Attributes:
        before: what was complete before the place where the stream broke; not given out by `feed`.
    """

    def __init__(self, reason: str, before: "list[Item]") -> None:
        super().__init__(reason)
        self.before = before


class Kind(StrEnum):
    """What a message is."""

    EVENT = "event"
    RESPONSE = "response"
    LISTED = "listed"
    """An entry of a listing that we asked for: an event without Privilege, Timestamp and SystemName."""


@dataclass(slots=True)
class Banner:
    """Asterisk's first line. `version` is that of AMI (`11.0.0`), not that of Asterisk."""

    version: str


@dataclass(slots=True, eq=False)
class Message:
    """A message that passed every check. Read it, never change it. Two are equal when their bytes are.

    Attributes:
        kind: what it is.
        event: the event's name (`Newchannel`, `QueueEntry`); empty for an answer.
        raw: the bytes, without the empty line at the end.
    """

    kind: Kind
    event: str
    raw: bytes
    _parts: "dict[str, str] | tuple[tuple[str, ...], re.Match[str]]" = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.kind, self.raw) == (other.kind, other.raw)

    def __hash__(self) -> int:
        return hash(self.raw)

    @property
    def headers(self) -> dict[str, str]:
        """All headers but the repeatable `ChanVariable`s, in their order.

        UTF-8; a byte that is none is a surrogate escape: `value.encode("utf-8", "surrogateescape")` gives it back.
        """
        parts = self._parts
        if isinstance(parts, tuple):
            names, found = parts
            # Made only when asked for: most of what waits in a buffer is a match and no dict.
            parts = self._parts = dict(zip(names, found.groups(), strict=True))
        return parts

    @property
    def action_id(self) -> str:
        """The ActionID of the request that it belongs to; empty when it belongs to none."""
        return self.headers.get("ActionID", "")

    @property
    def is_list_item(self) -> bool:
        """Whether it is an entry of a listing, its last message (`ends_list`) included."""
        return self.kind is Kind.LISTED

    @property
    def succeeded(self) -> bool:
        """Whether it is an answer and says yes."""
        return self.kind is Kind.RESPONSE and self.headers["Response"] in {"Success", "Goodbye"}

    @property
    def opens_list(self) -> bool:
        """Whether it is the answer after which entries of a listing follow."""
        return self.kind is Kind.RESPONSE and self.headers.get("EventList") == "start"

    @property
    def ends_list(self) -> bool:
        """Whether the listing of its ActionID ends with it, completely or cancelled."""
        return self.kind is Kind.LISTED and self.headers.get("EventList", "").lower() in {"complete", "cancelled"}


@dataclass(slots=True)
class Quarantined:
    """A message that may not be what it says. `raw` may be shown to an engineer; nobody acts upon it."""

    raw: bytes
    reason: str


Item = Banner | Message | Quarantined


class Codec:
    """One AMI stream, from its first byte.

    Args:
        acted_upon: the events that somebody acts upon, each with the headers without which it is worth nothing.
        systemname: the `systemname` of this PBX; every event must carry it. None with `strict=False` only: any goes.
        strict: events carry Timestamp and SystemName. False: either may be missing, a wrong one is still refused.
        user_events: the UserEvents that are acted upon, the others are counted and not parsed; None: all of them.
        listed: mandatory headers of entries of listings; entries with another name need only their ActionID.
        unstamped: events that may come without Timestamp and SystemName although `strict`, as the first event of the
            stream only. Asterisk says `FullyBooted` so, behind its yes to the login, when it was up before.
        max_message: bytes, see `MAX_MESSAGE`.
        max_headers: see `MAX_HEADERS`.
        banner: whether the stream begins with one; recordings may not.

    Raises:
        ValueError: `strict` without a `systemname`.
    """

    def __init__(  # noqa: PLR0913 - each is a fact about the line that its owner must know
        self,
        acted_upon: Mapping[str, frozenset[str]],
        *,
        systemname: str | None,
        strict: bool = True,
        user_events: Iterable[str] | None = None,
        listed: Mapping[str, frozenset[str]] | None = None,
        unstamped: Iterable[str] = ("FullyBooted",),
        max_message: int = MAX_MESSAGE,
        max_headers: int = MAX_HEADERS,
        banner: bool = True,
    ) -> None:
        if strict and not systemname:
            raise ValueError("strict needs a systemname: set it in asterisk.conf, or say strict = false for this PBX")
        loose, usual = Opening(systemname, strict=False), Opening(systemname, strict=strict)
        self._acted_upon = {name.encode(): Rule(name, headers, usual) for name, headers in acted_upon.items()}
        self._at_first = {
            name.encode(): Rule(name, headers, loose) for name, headers in acted_upon.items() if name in unstamped
        }
        self._user_events = (
            None if user_events is None else [f"\r\nUserEvent: {name}\r\n".encode() for name in user_events]
        )
        self._listed = {name: Rule(name, headers | {"ActionID"}) for name, headers in (listed or {}).items()}
        self._unlisted = Rule("", frozenset({"ActionID"}))
        self._either = frozenset(name.encode() for name in self._listed.keys() & acted_upon.keys())
        self._responses = Rule("", frozenset())
        self._max_message, self._max_headers = max_message, max_headers
        self._greeted = not banner
        self._broken = ""
        self._rest = b""
        self._counts: dict[bytes, int] = {}

    @property
    def seen(self) -> dict[str, int]:
        """How many events of each name came: acted upon, only counted, and quarantined ones alike."""
        return {name.decode(): count for name, count in self._counts.items()}

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes, give what is complete with them.

        Raises:
            StreamBroken: the stream is no AMI, or exceeds a limit. Every later call raises it again.
        """
        out: list[Item] = []
        if self._broken:
            raise StreamBroken(self._broken, out)
        try:
            self._feed(self._rest + data, out)
        except _TooMuch as reason:
            self._broken, self._rest = str(reason), b""
            raise StreamBroken(self._broken, out) from None
        return out

    def _feed(self, data: bytes, out: list[Item]) -> None:
        if not self._greeted:
            line, end, after = data.partition(b"\r\n")
            if not end and len(line) <= MAX_BANNER:
                self._rest = line
                return
            found = _BANNER.fullmatch(line)
            if found is None:
                raise _TooMuch(f"this is no Asterisk manager: it begins with {line[:MAX_BANNER]!r}")
            self._greeted = True
            out.append(Banner(found[1].decode()))
            data = after
        *messages, self._rest = data.split(_END)
        for raw in messages:
            if len(raw) > self._max_message:
                raise _TooMuch(f"a message of {len(raw):,} bytes; the limit is {self._max_message:,}")
            # By the event's name first: OriginateResponse has a Response header as well.
            item = self._event(raw) if raw.startswith(b"Event: ") else self._other(raw)
            if item is not None:
                out.append(item)
        # The last three bytes may be the beginning of the end.
        if len(self._rest) > self._max_message + len(_END) - 1:
            raise _TooMuch(f"{len(self._rest):,} bytes of one message; the limit is {self._max_message:,}")

    def _event(self, raw: bytes) -> Message | Quarantined | None:
        end = raw.find(b"\r\n", 7)
        name = raw[7:] if end < 0 else raw[7:end]
        rule = self._acted_upon.get(name)
        if name in self._counts:
            self._counts[name] += 1
        else:
            # Whoever forges an event later comes too late for this leniency.
            rule = rule if self._counts else self._at_first.get(name, rule)
            if not self._count_first(name):
                return Quarantined(raw, "an event without a name")
        if name in self._either and raw.startswith(b"ActionID: ", end + 2):
            rule = None
        if rule is not None:
            return self._checked(raw, Kind.EVENT, rule.event, rule) if name != b"UserEvent" or self._ours(raw) else None
        if raw.startswith(b"Privilege: ", end + 2):
            return None
        event = name.decode()
        return self._checked(raw, Kind.LISTED, event, self._listed.get(event, self._unlisted))

    def _other(self, raw: bytes) -> Message | Quarantined:
        if raw.startswith(b"Response: "):
            return self._checked(raw, Kind.RESPONSE, "", self._responses)
        return Quarantined(raw, "begins with neither Event nor Response")

    def _count_first(self, name: bytes) -> bool:
        """Count the first event of a name; False when it cannot be one."""
        if _NAME.fullmatch(name) is None:
            return False
        if len(self._counts) >= MAX_NAMES:
            name = OTHERS
        self._counts[name] = self._counts.get(name, 0) + 1
        return True

    def _ours(self, raw: bytes) -> bool:
        # Where a caller wrote such a line himself, it is ours, too, and the check will find him out.
        return self._user_events is None or any(mark in raw for mark in self._user_events)

    def _checked(self, raw: bytes, kind: Kind, event: str, rule: Rule) -> Message | Quarantined:
        text = raw.decode("utf-8", "surrogateescape")
        for pattern, names in rule.learned:
            found = pattern.fullmatch(text)
            if found is not None:
                return Message(kind, event, raw, (names, found))
        lines = [line.split(": ", 1) for line in text.split("\r\n")]
        if len(lines) > self._max_headers:
            raise _TooMuch(f"a message of {len(lines):,} lines; the limit is {self._max_headers:,}")
        fault = rule.examine(lines, text)
        if fault:
            return Quarantined(raw, fault)
        return Message(kind, event, raw, {name: value for name, value in lines if not name.endswith(_REPEATABLE)})


class _TooMuch(Exception):  # noqa: N818 - never leaves this module
    """Why the stream is broken."""
