"""One line of our mapping in docker/asterisk/cel_custom.conf. Pure, strict, and the only home of these words.

    time,EVENT,"uniqueid","linkedid","channel","context","exten","caller","application","extra"

Quotes within text are doubled, nothing else is escaped: a caller's number with LF breaks his lines (seen on Asterisk
22.10), and the pieces are quarantined. He cannot make a piece that fits: of a line that he begins, every quote is one
of two, and the names of channels must not be empty.

Units: the time is seconds since 1970 with microseconds, by the PBX's clock.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

MAX_LINE = 16_384
"""Bytes; whoever reads cuts longer ones."""


class Event(StrEnum):
    """What happened to a channel."""

    CHAN_START = "CHAN_START"
    ANSWER = "ANSWER"
    APP_START = "APP_START"
    APP_END = "APP_END"
    BRIDGE_ENTER = "BRIDGE_ENTER"
    BRIDGE_EXIT = "BRIDGE_EXIT"
    HANGUP = "HANGUP"
    LINKEDID_END = "LINKEDID_END"


_NAME = r'"([^"\x00-\x20\x7f\ud800-\udfff]{1,256})"'
"""No bytes that are no text: calls are named by these."""
_TEXT = r'"((?:[^"\x00-\x1f\x7f]|"")*)"'
_LINE = re.compile(
    rf"([0-9]{{10}})\.([0-9]{{6}}),({'|'.join(Event)}),{_NAME},{_NAME},{_NAME},{_TEXT},{_TEXT},{_TEXT},{_TEXT},{_TEXT}"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EVENT = re.compile(r"[0-9]+\.[0-9]+,([A-Z_]{1,32}),")
_START = datetime(1970, 1, 1, tzinfo=UTC)
_BRIDGED = frozenset({Event.BRIDGE_ENTER, Event.BRIDGE_EXIT})


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that fits.

    Attributes:
        at: when it happened.
        event: what.
        uniqueid, linkedid: of the channel. channel: its name, with the per-call suffix.
        context, exten: where in the dialplan it is.
        caller: its number: hostile text.
        app: the application it runs; `AppDial` and `AppQueue` on a leg that was called by one.
        bridge: which bridge, of BRIDGE_ENTER and BRIDGE_EXIT.
        source: of HANGUP, who hung up: the name of a channel, `dialplan/builtin`, or nobody.
        dialled: of HANGUP, DIALSTATUS as Dial() set it last; empty where it never did.
        cause: of HANGUP, the Q.850 cause.
    """

    at: datetime
    event: Event
    uniqueid: str
    linkedid: str
    channel: str
    context: str = ""
    exten: str = ""
    caller: str = ""
    app: str = ""
    bridge: str = ""
    source: str = ""
    dialled: str = ""
    cause: int = 0


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A line that does not fit. `raw` is without its line end."""

    raw: bytes
    reason: str


def parse(raw: bytes) -> Entry | Quarantined:
    """One line, without its line end. UTF-8; bytes that are none become surrogate escapes."""
    if len(raw) >= MAX_LINE:
        return Quarantined(raw, f"{MAX_LINE} bytes or more")
    text = raw.decode("utf-8", "surrogateescape")
    found = _LINE.fullmatch(text)
    if found is None:
        return Quarantined(raw, _fault(text))
    seconds, micros, event, uniqueid, linkedid, channel, *texts = found.groups()
    context, exten, caller, app, extra = (one.replace('""', '"') for one in texts)
    at = _START + timedelta(seconds=int(seconds), microseconds=int(micros))
    entry = Entry(at, Event(event), uniqueid, linkedid, channel, context, exten, caller, app)
    return _with_extra(entry, extra) or Quarantined(raw, f"what {event} has besides does not fit")


def _fault(text: str) -> str:
    if _CONTROL.search(text):
        return "a control character"
    event = _EVENT.match(text)
    if event is not None and event[1] not in set(Event):
        return "an event that is not asked for"
    return "no line of our mapping"


def _with_extra(entry: Entry, extra: str) -> Entry | None:
    """The entry with what HANGUP and the bridges have besides; None when that does not fit."""
    if entry.event is not Event.HANGUP and entry.event not in _BRIDGED:
        return entry
    try:
        told = json.loads(extra)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    known = entry.at, entry.event, entry.uniqueid, entry.linkedid, entry.channel, entry.context, entry.exten
    if entry.event in _BRIDGED:
        bridge = told.get("bridge_id")
        return Entry(*known, entry.caller, entry.app, bridge) if isinstance(bridge, str) and bridge else None
    cause, source, dialled = told.get("hangupcause"), told.get("hangupsource"), told.get("dialstatus")
    if not (isinstance(cause, int) and isinstance(source, str) and isinstance(dialled, str)):
        return None
    return Entry(*known, entry.caller, entry.app, "", source, dialled, cause)
