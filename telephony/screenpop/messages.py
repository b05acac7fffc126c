"""The wire format of `/ws`, version 1: values to JSON text and back. docs/screenpop.md tells it to makers of screens.

What callers wrote (numbers, names, what they dialled) goes out as text within JSON and as nothing else: cut, and with
every character replaced that is invisible, turns the direction of writing, or is no character at all. Whoever shows it
must show it as text.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from telephony.screenpop.board import Desk
from telephony.screenpop.crm import filled
from telephony.screenpop.pop import EarlierCall, EarlierCase, History, Knowledge, Pop, Shown, Who

VERSION = 1
MAX_TEXT = 128
"""Characters of any one text that is not ours."""
BEAT = 10.0
"""Seconds: a screen hears something at least so often, or its line is dead."""
MAX_MESSAGE = 4096
"""Bytes of a client's message."""
MAX_SEQ = 2**53
MAX_PAGE = 10_000
MAX_CHOSEN = 100
"""Words of one wish, the queues among them."""
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class BadMessage(ValueError):  # noqa: N818 - what the client sent
    """The client's message is none of those that it may send; `str()` is one of a few fixed words."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The client says who it is. The token is a secret: it has no repr."""

    token: str

    def __repr__(self) -> str:
        return "Hello(…)"


@dataclass(frozen=True, slots=True)
class Seen:
    """The client has painted this message."""

    seq: int


@dataclass(frozen=True, slots=True)
class Turn:
    """Who looks at a wall wants to see this page of its queues and lines, from 0 on."""

    page: int


@dataclass(frozen=True, slots=True)
class Do:
    """The agent wants something done: `wish` by its name, and what it is about. `id`: of the client, for the answer."""

    id: int
    wish: str
    phone: str = ""
    queues: tuple[str, ...] = ()
    reason: str = ""
    number: str = ""
    call: str = ""

    def __repr__(self) -> str:
        return f"Do({self.wish!r}, …)"


@dataclass(frozen=True, slots=True)
class Told:
    """What the operator says of a queue or a line: its title, and the line with which the agent greets."""

    title: str | None = None
    greeting: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the standard asks, as screens show it: rings, the length of one, what a long talk is, what is said last."""

    rings: int
    ring_period: timedelta
    long_talk: timedelta
    closing: str | None = None


class Writer:
    """Writes messages to screens.

    Args:
        queues: title and greeting by the name of the queue or line.
        limits: the same for everybody.
        branches: titles by the name of the branch.
        crm: the address of another program, to be filled in for each call; None: there is none.
    """

    def __init__(
        self,
        queues: Mapping[str, Told],
        limits: Limits,
        branches: Mapping[str, str] = MappingProxyType({}),
        crm: str | None = None,
    ) -> None:
        self._queues, self._branches, self._crm = queues, branches, crm
        self._limits = {
            "rings": limits.rings,
            "ring_seconds": limits.ring_period.total_seconds(),
            "long_talk_seconds": limits.long_talk.total_seconds(),
            "beat_seconds": BEAT,
            "closing": limits.closing,
        }

    def welcome(self, desk: Desk, calls: Iterable[Shown], now: timedelta, *, up: bool) -> str:
        """Everything the desk shows now."""
        return _json(
            {
                "type": "welcome",
                "v": VERSION,
                "agent": {"name": desk.name, "title": desk.title},
                "limits": self._limits,
                "calls": [self._call(shown, now) for shown in calls],
                "pbx": {"up": up},
            }
        )

    def call(self, seq: int, shown: Shown, now: timedelta) -> str:
        """One call, as it is now."""
        return _json({"type": "call", "seq": seq, "call": self._call(shown, now)})

    def earlier(self, shown: Shown) -> str:
        """What has been found out about the caller, and the number of the case."""
        return _json(
            {
                "type": "earlier",
                "call": str(shown.pop.call),
                "earlier": _earlier(shown.history, self._queues),
                "customer": _customer(shown.history.who, self._branches),
                "case": _case(shown),
            }
        )

    def _call(self, shown: Shown, now: timedelta) -> dict[str, object]:
        pop, told = shown.pop, self._queues.get(shown.pop.queue, Told())
        return {
            "id": str(pop.call),
            "phase": pop.phase.value,
            "reason": None if pop.reason is None else pop.reason.value,
            "caller": harmless(pop.caller),
            "caller_name": harmless(pop.caller_name),
            "dialled": harmless(pop.dialled),
            "queue": harmless(pop.queue),
            "queue_title": told.title,
            "kind": pop.kind.value,
            "greeting": told.greeting,
            "case": _case(shown),
            "waited_seconds": _seconds(shown.waited(now)),
            "ringing_seconds": _seconds(shown.ringing(now)),
            "rings_before": pop.rings_before,
            "rings": pop.rings,
            "talking_seconds": _seconds(shown.talking(now)),
            "hung_up_by": None if pop.hung_up_by is None else pop.hung_up_by.value,
            "earlier": _earlier(shown.history, self._queues),
            "customer": _customer(shown.history.who, self._branches),
            "crm": self._way(pop),
        }

    def _way(self, pop: Pop) -> str | None:
        if self._crm is None:
            return None
        values = {"queue": harmless(pop.queue), "dialled": harmless(pop.dialled), "caller": harmless(pop.caller)}
        case = "" if pop.case is None else str(pop.case)
        return filled(self._crm, values | {"call_id": str(pop.call), "case_id": case})


def gone(call: object) -> str:
    """The call with this id is to be shown no more."""
    return _json({"type": "gone", "call": str(call)})


def pbx(*, up: bool) -> str:
    """Whether anything can be known about calls at the moment."""
    return _json({"type": "pbx", "up": up})


def bye(reason: str) -> str:
    """Why the connection is about to be closed."""
    return _json({"type": "bye", "reason": reason})


def desk(document: Mapping[str, object]) -> str:
    """What an agent does now, and may do: docs/screenpop.md."""
    return _json({"type": "desk", "desk": document})


def did(wish: int, why: str | None, said: str, due_at: datetime | None = None) -> str:
    """What became of a wish; `why` None: it was done. `said`: the PBX's own words. `due_at`: of an agreed call back."""
    more = {} if due_at is None else {"due_at": _time(due_at)}
    return _json({"type": "did", "id": wish, "why": why, "said": harmless(said), **more})


def read(text: str) -> Hello | Seen | Turn | Do:
    """What a client sent.

    Raises:
        BadMessage: no JSON object, or none of our messages; `version` when it speaks another one.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("no_json") from None
    match document:
        case {"type": "hello", "v": int(version), "token": str(token)}:
            if version is not True and version == VERSION:
                return Hello(token)
            raise BadMessage("version")
        case {"type": "seen", "seq": int(seq)} if not isinstance(seq, bool) and 0 < seq < MAX_SEQ:
            return Seen(seq)
        case {"type": "turn", "page": int(page)} if not isinstance(page, bool) and 0 <= page < MAX_PAGE:
            return Turn(page)
        case {"type": "do", "id": int(number), "wish": str(wish)} if number is not True and 0 < number < MAX_SEQ:
            queues = document.get("queues", [])
            words = {name: document.get(name, "") for name in ("phone", "reason", "number", "call")}
            texts = [wish, *words.values(), *(queues if isinstance(queues, list) else [None])]
            if len(texts) > MAX_CHOSEN or not all(isinstance(one, str) and len(one) <= MAX_TEXT for one in texts):
                raise BadMessage("bad_message")
            return Do(number, wish, queues=tuple(queues), **words)
        case _:
            raise BadMessage("bad_message")


def harmless(text: str) -> str:
    """The text cut at `MAX_TEXT` characters, hidden and impossible ones replaced by U+FFFD."""
    cut = text[:MAX_TEXT]
    if cut.isprintable():
        return cut
    return "".join("\ufffd" if unicodedata.category(one) in _HIDDEN else one for one in cut)


def _case(shown: Shown) -> dict[str, object] | None:
    case = shown.pop.case
    return None if case is None else {"id": str(case), "number": shown.history.number}


def _customer(who: Who, branches: Mapping[str, str]) -> dict[str, object]:
    return {
        "state": who.knowledge.value,
        "more": who.found.more,
        "customers": [
            {
                "id": None if known.customer is None else str(known.customer),
                "name": harmless(known.name),
                "branch": harmless(known.branch) or None,
                "branch_title": branches.get(known.branch),
                "value_group": harmless(known.value_group) or None,
                "external_id": harmless(known.external_id) or None,
            }
            for known in who.found.customers
        ],
    }


def _earlier(history: History, queues: Mapping[str, Told]) -> dict[str, object]:
    return {
        "state": history.knowledge.value,
        "reason": "database" if history.knowledge is Knowledge.UNAVAILABLE else None,
        "total": history.total,
        "more": history.more,
        "calls": [_earlier_call(call, queues.get(call.queue or "", Told()).title) for call in history.calls],
    }


def _earlier_call(call: EarlierCall, title: str | None) -> dict[str, object]:
    case = call.case
    return {
        "id": str(call.id),
        "arrived_at": _time(call.arrived_at),
        "queue": None if call.queue is None else harmless(call.queue),
        "queue_title": title,
        "outcome": None if call.outcome is None else call.outcome.value,
        "agent": None if call.agent is None else harmless(call.agent),
        "wait_seconds": _seconds(call.wait),
        "talk_seconds": _seconds(call.talk),
        "case": None if case is None else _earlier_case(case),
    }


def _earlier_case(case: EarlierCase) -> dict[str, object]:
    return {
        "id": str(case.id),
        "number": case.number,
        "kind": None if case.kind is None else harmless(case.kind),
        "state": None if case.state is None else harmless(case.state),
        "owner": None if case.owner is None else harmless(case.owner),
    }


def _seconds(length: timedelta | None) -> float | None:
    """To the millisecond: more would only make messages longer."""
    return None if length is None else round(length.total_seconds(), 3)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
