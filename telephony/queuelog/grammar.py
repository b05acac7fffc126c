"""One line of queue_log: `epoch|callid|queue|agent|EVENT|data…`. Pure, strict, and the only home of these words.

Asterisk puts a bar behind EVENT even when no data follow, and escapes nothing: a member named `Bob|x` shifts every
field behind him, a caller's number with LF breaks a line in two. Known events have an exact number of data, most of
them numbers, so a shifted or broken line does not fit and is quarantined. A caller's number can still be written so
that ENTERQUEUE breaks into lines that fit (docs/decisions/hostile-headers.md): a line alone proves nothing. What names
a call or a queue is text that can be printed, for calls are named by it; names of people may be any bytes.

Units: whole seconds, but milliseconds in RINGNOANSWER and RINGCANCELED.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telephony.calls.facts import Moment, QueueName, QueueResult, QueueResultLogged, Uniqueid
from telephony.queuelog.place import MAX_LINE

NOBODY = "NONE"
"""In place of a callid, a queue or an agent that there is not."""
NO_CALL = frozenset({"", NOBODY, "MANAGER", "REALTIME"})
"""In place of a callid, when a hand or a database did it."""

_T = r"[^|]*"
_N = r"[0-9]{1,9}"
_THREE = rf"{_N}\|{_N}\|{_N}"
_DATA: Mapping[str, re.Pattern[str]] = {
    event: re.compile(pattern)
    for event, pattern in {
        # callers: position, first position, seconds waited
        # URL, caller's number, position; his name, where queues.conf has log-caller-id-name = yes. A bar in the name is
        # written as _, so there is never more behind it; a number with a bar and digits is read up to its bar.
        "ENTERQUEUE": rf"{_T}\|{_T}\|{_N}(?:\|{_T})?",
        "ABANDON": _THREE,
        "EXITEMPTY": _THREE,
        "EXITWITHTIMEOUT": _THREE,
        "EXITWITHKEY": rf"{_T}\|{_THREE}",
        "WITHDRAW": rf"{_THREE}\|{_T}",
        "SYSCOMPAT": "",
        "DID": _T,
        # written by the shipped dialplan, for Asterisk says nothing of those whom it refuses
        "FULL": "",
        "JOINEMPTY": "",
        "JOINUNAVAIL": "",
        # agents and callers: seconds waited, seconds talked, first position
        "CONNECT": rf"{_N}\|{_T}\|{_N}",  # seconds waited, the leg's Uniqueid, seconds rung
        "COMPLETEAGENT": _THREE,
        "COMPLETECALLER": _THREE,
        "TRANSFER": rf"{_T}\|{_T}\|{_THREE}",
        "BLINDTRANSFER": rf"{_T}\|{_T}\|{_THREE}",  # exten, context
        "ATTENDEDTRANSFER": rf"[A-Z]+(?:\|{_T}){{1,3}}\|{_THREE}",  # BRIDGE, APP or LINK, and what
        "RINGNOANSWER": _N,
        "RINGCANCELED": _N,
        # agents
        "ADDMEMBER": _T,
        "REMOVEMEMBER": _T,
        "PAUSE": _T,
        "UNPAUSE": _T,
        "PAUSEALL": _T,
        "UNPAUSEALL": _T,
        "PENALTY": _N,
        "RINGINUSE": _N,
        "AGENTLOGIN": _T,
        "AGENTLOGOFF": rf"{_T}\|{_N}",
        "AGENTDUMP": "",
        # the PBX
        "QUEUESTART": "",
        "CONFIGRELOAD": "",
    }.items()
}
_RESULTS = {
    "ABANDON": QueueResult.ABANDONED,
    "CONNECT": QueueResult.CONNECTED,
    "EXITEMPTY": QueueResult.LEAVE_EMPTY,
    "EXITWITHKEY": QueueResult.KEY,
    "EXITWITHTIMEOUT": QueueResult.TIMEOUT,
    "FULL": QueueResult.FULL,
    "JOINEMPTY": QueueResult.JOIN_EMPTY,
    "JOINUNAVAIL": QueueResult.JOIN_EMPTY,
    "SYSCOMPAT": QueueResult.INCOMPATIBLE,
    "WITHDRAW": QueueResult.WITHDRAWN,
}
# Which datum says how long he waited; SYSCOMPAT and refusals do not say it.
_WAITED = {"ABANDON": 2, "CONNECT": 0, "EXITEMPTY": 2, "EXITWITHKEY": 3, "EXITWITHTIMEOUT": 2, "WITHDRAW": 2}
_TALK_ENDED = frozenset({"COMPLETEAGENT", "COMPLETECALLER", "TRANSFER", "BLINDTRANSFER", "ATTENDEDTRANSFER"})
# Whether `agent` is one. ABANDON may have one: the caller left while the agent heard the announcement.
_WITH_AGENT = frozenset({"CONNECT", "SYSCOMPAT"})
_WITHOUT_AGENT = frozenset(_RESULTS) - _WITH_AGENT - {"ABANDON"}
_EPOCH = re.compile(r"[0-9]{10}")
_EVENT = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FIELDS = 5
_START = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that fits.

    Attributes:
        at: when it was written, by the PBX's clock, to the second.
        callid: the caller's Uniqueid, or one of `NO_CALL`.
        queue: the queue's name, or `NONE`.
        agent: the member's name, where the event has one; else `NONE`.
        event: one that Asterisk writes, or any other word in capitals that a dialplan wrote.
        data: what follows the event.
    """

    at: datetime
    callid: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...]


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
    fields = text.split("|", _FIELDS)
    if len(fields) <= _FIELDS:
        return Quarantined(raw, f"{len(fields) - 1} bars; at least {_FIELDS} are in a line")
    epoch, callid, queue, agent, event, data = fields
    entry = Entry(_START, callid, queue, agent, event, tuple(data.split("|")))
    reason = _fault(text, epoch, entry, data)
    if reason:
        return Quarantined(raw, reason)
    return Entry(_START + timedelta(seconds=int(epoch)), callid, queue, agent, event, entry.data)


def to_fact(entry: Entry, read_at: timedelta) -> QueueResultLogged | None:
    """How a caller's stay in a queue ended, or None for a line that tells something else.

    Args:
        entry: the line.
        read_at: our monotonic clock when it was read.
    """
    result = result_of(entry)
    if result is None:
        return None
    return QueueResultLogged(
        Moment(entry.at, read_at),
        QueueName(entry.queue),
        Uniqueid(entry.callid),
        result,
        agent=entry.agent if result is QueueResult.CONNECTED else "",
        waited=waited(entry),
        leg=entry.data[1] if result is QueueResult.CONNECTED else "",
    )


def result_of(entry: Entry) -> QueueResult | None:
    """How a stay ended; None for a line that tells something else."""
    return _RESULTS.get(entry.event)


def waited(entry: Entry) -> timedelta | None:
    """How long he had waited when his stay ended, in whole seconds; None where the line does not say it."""
    at = _WAITED.get(entry.event)
    return None if at is None else timedelta(seconds=int(entry.data[at]))


def talked(entry: Entry) -> tuple[timedelta, timedelta] | None:
    """Of a line that ends a talk with an agent, how long he had waited before it, and how long they talked."""
    if entry.event not in _TALK_ENDED:
        return None
    waited_for, talked_for, _ = entry.data[-3:]
    return timedelta(seconds=int(waited_for)), timedelta(seconds=int(talked_for))


def _fault(text: str, epoch: str, entry: Entry, data: str) -> str:
    event = entry.event
    shape = _DATA.get(event)
    reason = ""
    if _CONTROL.search(text):
        reason = "a control character"
    elif _EPOCH.fullmatch(epoch) is None:
        reason = "begins with no time"
    elif not (entry.callid + entry.queue).isprintable():
        reason = "names its call or its queue by no clean text"
    elif shape is None:
        # A dialplan may write words of its own; but the real event behind them means that a name shifted the fields.
        if _EVENT.fullmatch(event) is None or any(datum in _DATA for datum in entry.data):
            reason = "no event where one should be"
    elif shape.fullmatch(data) is None:
        reason = f"the data of {event} do not fit"
    elif event == "CONNECT" and not entry.data[1].isprintable():
        reason = "names the agent's leg by no clean text"
    elif event in _RESULTS and (entry.callid in NO_CALL or entry.queue in {"", NOBODY}):
        reason = f"{event} without a call or a queue"
    elif event in (_WITH_AGENT if entry.agent == NOBODY else _WITHOUT_AGENT):
        reason = f"{event} with {'no' if entry.agent == NOBODY else 'an'} agent"
    return reason
