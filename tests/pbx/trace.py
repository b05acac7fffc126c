"""What SIPp saw: its message traces read into calls, with its own clock's microseconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

_MARK = re.compile(r"^-{40,} (\d{4}-\d\d-\d\d)[ T\t](\d\d:\d\d:\d\d\.\d{6})\s*$", re.MULTILINE)
CROSSING = timedelta(seconds=0.25)
_USER = re.compile(r"sips?:([^@>;]*)@")


@dataclass(frozen=True)
class SipMessage:
    """One SIP message as SIPp sent or received it."""

    at: datetime
    sent: bool
    first_line: str
    headers: dict[str, str]

    @property
    def method(self) -> str:
        """INVITE, BYE, … also of a response: what it answers."""
        return self.headers.get("cseq", " ").split()[-1]

    @property
    def status(self) -> int | None:
        """200 and so on, None for a request."""
        return int(self.first_line.split()[1]) if self.first_line.startswith("SIP/2.0 ") else None

    @property
    def is_request(self) -> bool:
        """False for a response."""
        return self.status is None


@dataclass
class Leg:
    """One SIP call as one phone saw it: a caller's call, or one ring of an agent's phone."""

    party: str  # whose trace: the caller's number or the phone
    call_id: str
    caller: str  # user part of From, as it stood on the wire
    dialled: str  # user part of To
    invited_at: datetime
    rang_at: datetime | None = None
    answered_at: datetime | None = None
    refused_with: int | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None  # "self": this phone, "other": whom it talks to, which is the PBX
    how: str | None = None  # BYE, CANCEL or the refusing status
    keys: list[datetime] = field(default_factory=list)
    refers_at: datetime | None = None  # this phone asked the PBX to transfer its party
    unheeded: bool = False  # its CANCEL met the PBX's 200, so the PBX heard of his leaving later, by a BYE

    @property
    def alerting_seconds(self) -> float | None:
        """From 180 to the answer or the end; None when it never rang or has not ended."""
        end = self.answered_at or self.ended_at
        return None if self.rang_at is None or end is None else (end - self.rang_at).total_seconds()

    @property
    def talk_seconds(self) -> float | None:
        """From 200 to the BYE."""
        if self.answered_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.answered_at).total_seconds()

    @property
    def crossed(self) -> bool:
        """Its answer may have met the PBX's giving up on the way: the PBX took the call back as soon as it answered.

        Of such a leg SIPp alone cannot say whether it was answered; queue_log's CONNECT or RINGNOANSWER can.
        """
        if self.answered_at is None or self.ended_at is None or self.ended_by != "other":
            return False
        return self.ended_at - self.answered_at < CROSSING

    def as_json(self) -> dict[str, object]:
        """Plain values, times as RFC 3339."""
        plain = {name: _plain(value) for name, value in vars(self).items()}
        return plain | {"alerting_seconds": self.alerting_seconds, "talk_seconds": self.talk_seconds}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return [_plain(item) for item in value] if isinstance(value, list) else value


def messages(trace: Path) -> Iterator[SipMessage]:
    """Every message of a trace, in the order of SIPp's clock; an absent trace (nobody called) has none."""
    if not trace.exists():
        return
    text = trace.read_text(encoding="utf-8", errors="replace")
    marks = list(_MARK.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=False):  # a trace without a message still has an end
        chunk = text[mark.end() : end].strip("\n")
        head, _, message = chunk.partition("\n\n")
        lines = message.split("\n")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            if not line.strip():
                break
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        at = datetime.fromisoformat(f"{mark[1]}T{mark[2]}").replace(tzinfo=UTC)
        yield SipMessage(at, "sent" in head, lines[0].strip(), headers)


def legs(trace: Path, party: str | None) -> list[Leg]:
    """The calls of a trace, in the order in which they began; `party` None: whoever calls."""
    found: dict[str, Leg] = {}
    for message in messages(trace):
        call_id = message.headers.get("call-id", "")
        leg = found.get(call_id)
        if leg is None:
            if message.is_request and message.method == "INVITE":
                caller, dialled = _user(message.headers.get("from", "")), _user(message.headers.get("to", ""))
                found[call_id] = Leg(party or caller, call_id, caller, dialled, message.at)
            continue
        _learn(leg, message)
    return list(found.values())


def _learn(leg: Leg, message: SipMessage) -> None:
    status = message.status
    if message.method == "INVITE" and status is not None:
        if status in (180, 183) and leg.rang_at is None and leg.answered_at is None:
            leg.rang_at = message.at
        elif 200 <= status < 300 and leg.answered_at is None:
            leg.answered_at = message.at
            leg.unheeded = leg.how == "CANCEL"
        elif status >= 300:
            leg.refused_with = leg.refused_with or status
            _ended(leg, message, str(status))
    elif message.is_request and message.method in ("BYE", "CANCEL"):
        _ended(leg, message, message.method)
    elif message.is_request and message.method == "REFER":
        leg.refers_at = leg.refers_at or message.at
    elif message.is_request and message.method == "INFO":
        leg.keys.append(message.at)


def _ended(leg: Leg, message: SipMessage, how: str) -> None:
    if leg.ended_at is None:
        leg.ended_at, leg.how, leg.ended_by = message.at, how, "self" if message.sent else "other"


def _user(address: str) -> str:
    found = _USER.search(address)
    return found[1] if found else ""
