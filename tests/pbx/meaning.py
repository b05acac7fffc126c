"""What a story means, said by its author in terms of what SIPp saw: whose wait began and ended with which message.

An instant is `"C1 answered"`: of the first caller's call the 200. Callers are C1, C2, … by number; phones their name,
`1001#2` its second call; `line 1001` the call that a phone made itself. Of a call there are `invited`, `rang`,
`answered`, `ended`, and `refers`: its REFER. `"1003 answered .. 1001 ended"` is some instant between two that SIPp saw,
where it could not see the very one: a length from or to it is known as its least and its most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .story import Witnessed
from .trace import Leg

Span = tuple[str, str]
Length = float | list[float]
"""In seconds; the least and the most where it is not known better."""
TOLERANCE = 0.25
BETWEEN = " .. "


@dataclass(frozen=True)
class Rang:
    """One phone rung for a visit: how it ended, and for how long it rang, if it did."""

    phone: str
    result: str
    alerting: Span | None = None


@dataclass(frozen=True)
class Means:
    """One visit. `queue` of a direct visit is the phone first rung; `talk`: its stretches; `hold` in seconds."""

    queue: str
    wait: Span
    talk: tuple[Span, ...] = ()
    agent: str | None = None
    by: str | None = "caller"
    rang: tuple[Rang, ...] = ()
    outcome: str = "answered"
    kind: str = "queue"
    hold: float = 0.0
    of: str = "C1"


def resolved(means: Iterable[Means], seen: Witnessed) -> list[dict[str, Any]]:
    """The same in seconds, with the names of the export."""
    return [_resolved(one, seen) for one in means]


def _resolved(one: Means, seen: Witnessed) -> dict[str, Any]:
    answered = one.outcome == "answered"
    return {
        "caller": _leg(one.of, seen).caller,
        "kind": one.kind,
        "queue": one.queue,
        "outcome": one.outcome,
        "wait_seconds": _length(one.wait, seen),
        "agent": one.agent,
        "talk_seconds": _length_of_all(one.talk, seen) if answered else None,
        "hold_seconds": one.hold if answered else None,
        "hung_up_by": one.by if answered else None,
        "offers": [
            {
                "phone": rang.phone,
                "result": rang.result,
                "alerting_seconds": 0.0 if rang.alerting is None else _length(rang.alerting, seen),
            }
            for rang in sorted(one.rang, key=lambda rang: rang.phone)
        ],
    }


def _length(span: Span, seen: Witnessed) -> Length:
    return _length_of_all((span,), seen)


def _length_of_all(spans: Iterable[Span], seen: Witnessed) -> Length:
    least = most = 0.0
    for begins, ends in spans:
        first, last = _bounds(begins, seen), _bounds(ends, seen)
        least += (last[0] - first[1]).total_seconds()
        most += (last[1] - first[0]).total_seconds()
    return round(least, 6) if least == most else [round(least, 6), round(most, 6)]


def _bounds(name: str, seen: Witnessed) -> tuple[datetime, datetime]:
    earliest, _, latest = name.partition(BETWEEN)
    return _instant(earliest, seen), _instant(latest or earliest, seen)


def _instant(name: str, seen: Witnessed) -> datetime:
    whose, _, what = name.rpartition(" ")
    at = getattr(_leg(whose, seen), f"{what}_at")
    if not isinstance(at, datetime):
        raise LookupError(f"SIPp saw no {name}")  # noqa: TRY004  # it is None: it did not happen
    return at


def _leg(whose: str, seen: Witnessed) -> Leg:
    if whose.startswith("C"):
        return seen.caller(f"0216000000{whose[1:]}")
    if whose.startswith("line "):
        return seen.caller(whose.removeprefix("line "))
    phone, _, number = whose.partition("#")
    return seen.rings_of(phone)[int(number or 1) - 1]


def differences(
    expected: Iterable[Mapping[str, Any]], calls: Iterable[Mapping[str, Any]], *, late: float = 0.0
) -> list[str]:
    """In words, what of the export differs; visits of each caller in their order, phones by name.

    `late`: in seconds, by how much the PBX may have been later than SIPp (`pace`); it is right to tell so.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for call in calls:
        found.setdefault(call["caller"], []).extend(call["visits"])
    said = []
    for n, truth in enumerate(expected):
        visits = found.get(truth["caller"])
        if not visits:
            said.append(f"visit {n}: not exported")
            continue
        said += [f"visit {n}: {what}" for what in _differs(truth, _plain(visits.pop(0)), TOLERANCE + late)]
    return said + [f"one more visit: {visit['outcome']}" for visits in found.values() for visit in visits]


def _plain(visit: Mapping[str, Any]) -> dict[str, Any]:
    offers = [
        {
            "phone": str(offer["interface"]).partition("/")[2].partition("@")[0],
            "result": offer["result"],
            "alerting_seconds": offer["alerting_seconds"],
        }
        for offer in visit["offers"]
    ]
    return {**visit, "offers": sorted(offers, key=lambda offer: str(offer["phone"]))}


def _differs(truth: Mapping[str, Any], ours: Mapping[str, Any], tolerance: float) -> Iterable[str]:
    for name, value in truth.items():
        if name == "caller":
            continue
        if name == "offers":
            if len(value) != len(ours[name]):
                yield f"{len(ours[name])} phones rang, witnessed {len(value)}"
            for one, other in zip(value, ours[name], strict=False):
                yield from (f"phone {one['phone']}: {what}" for what in _differs(one, other, tolerance))
        elif isinstance(value, float | list):
            least, most = value if isinstance(value, list) else (value, value)
            if ours[name] is None or not least - tolerance <= ours[name] <= most + tolerance:
                witnessed = f"{least:.3f}" if least == most else f"{least:.3f} to {most:.3f}"
                yield f"{name} {ours[name]}, witnessed {witnessed}"
        elif ours[name] != value:
            yield f"{name} {ours[name]}, witnessed {value}"
