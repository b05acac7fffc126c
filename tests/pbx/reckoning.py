"""How the standard was kept, reckoned by the witnesses alone: docs/definitions.md applied to queue_log and SIPp.

Like checker.py it shares no code with the product. It goes call by call; where a moment lies so near to the edge of a
ring (or of the threshold of short calls) that two clocks may place it on either side, both are right, and said so.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product

from .checker import REFUSALS, TrueVisit, true_visits
from .plan import OFFICE
from .story import Witnessed
from .trace import Leg

CLOCKS = 0.15  # seconds: so far apart a loaded PBX and SIPp may see the same thing
BUSY_HERE = 486
SWITCHING = timedelta(
    seconds=0.05
)  # one SIPp may be told of the next visit before another is told of the last one's end
AT_ONCE = timedelta(seconds=0.5)
Rings = int | None


@dataclass(frozen=True)
class Asked:
    """What is asked of calls: one ring in seconds, how many of them, and below which wait giving up is short."""

    period: float
    rings: int
    short: Mapping[str, float]


@dataclass(frozen=True)
class Reckoned:
    """One call that sought somebody.

    `place` is the queue or line first sought; `wait` seconds until the answer or the giving up, else None; `rings`
    every number that may be right, None among them where perhaps no phone rang; `short` every truth that may be right.
    `crossed`: he hung up in the moment of the answer, and either may be right.
    """

    caller: str
    place: str
    outcomes: tuple[str, ...]
    wait: float | None
    rings: frozenset[Rings]
    short: frozenset[bool]
    crossed: bool = False

    @property
    def answered(self) -> bool:
        """Some visit was."""
        return "answered" in self.outcomes

    @property
    def gave_up(self) -> bool:
        """Never answered, and hung up while he waited last."""
        return not self.answered and self.outcomes[-1] == "abandoned"


@dataclass(frozen=True)
class Measured:
    """The same call as the product has it, in plain numbers: to be held against what was reckoned."""

    place: str
    outcomes: tuple[str, ...]
    wait: float
    rings: Rings


@dataclass
class _Stay:
    """One visit with the phones that rang for it, and between which moments it ended."""

    outcome: str
    ended: tuple[datetime, datetime] | None
    legs: list[Leg] = field(default_factory=list)


def reckon(seen: Witnessed, sought: Callable[[str], str], asked: Asked, mute: str) -> dict[str, Reckoned]:
    """Every call of a customer, by his number (each calls once).

    Args:
        seen: what SIPp and queue_log saw.
        sought: the queue or line that a dialled number leads to first; empty: the call is none of a customer.
        asked: the standard.
        mute: how numbers begin where the dialplan tells nothing; who is refused there, is known to nobody.

    Raises:
        AssertionError: the witnesses themselves do not agree on how many were refused.
    """
    phones: dict[str, list[Leg]] = defaultdict(list)
    for leg in seen.phones:
        phones[leg.caller].append(leg)
    visits = _by_caller(seen, sought, mute)
    return {
        leg.caller: _call(leg, place, visits[leg.caller], phones[leg.caller], asked)
        for leg in seen.callers
        if (place := sought(leg.dialled)) and (visits[leg.caller] or not leg.dialled.startswith(mute))
    }


def _by_caller(seen: Witnessed, sought: Callable[[str], str], mute: str) -> dict[str, list[TrueVisit]]:
    """Visits to queues. Whom a queue let in, queue_log names; whom it refused is who called it and was not let in."""
    visits = true_visits(seen)
    caller_of = {visit.uniqueid: visit.caller for visit in visits if visit.caller is not None}
    refused: dict[str, list[str]] = defaultdict(list)
    for visit in visits:
        if visit.uniqueid not in caller_of and visit.uniqueid not in refused[visit.queue]:
            refused[visit.queue].append(visit.uniqueid)
    entered, queues = set(caller_of.values()), {line.queue for line in seen.queue_log}
    shut_out: dict[str, list[str]] = defaultdict(list)
    for leg in sorted(seen.callers, key=lambda leg: leg.invited_at):
        told = not leg.dialled.startswith(mute)
        if told and (place := sought(leg.dialled)) in queues and leg.caller not in entered:
            shut_out[place].append(leg.caller)
    for queue, callers in shut_out.items():
        assert len(callers) == len(refused[queue]), (queue, callers, refused[queue])
        caller_of |= dict(zip(refused[queue], callers, strict=True))
    found: dict[str, list[TrueVisit]] = defaultdict(list)
    for visit in visits:
        found[caller_of[visit.uniqueid]].append(visit)
    return found


def _call(leg: Leg, place: str, visits: Sequence[TrueVisit], phones: Sequence[Leg], asked: Asked) -> Reckoned:
    phones = sorted(phones, key=lambda phone: phone.invited_at)
    stays = [_stay(leg, visit, phones) for visit in visits]
    if not visits or place != visits[0].queue:
        stays.insert(0, _direct(leg, [phone for phone in phones if place.endswith(phone.party)]))
    _hand_out(phones, stays)
    answered = next((n for n, stay in enumerate(stays) if stay.outcome == "answered"), None)
    counted = stays if answered is None else stays[: answered + 1]
    outcomes = tuple(stay.outcome for stay in stays)
    wait = None
    if counted[-1].outcome in ("answered", "abandoned") and counted[-1].ended is not None:
        wait = (
            counted[-1].ended[0] - _began(leg, phones, direct=place not in {v.queue for v in visits})
        ).total_seconds()
    gave_up = answered is None and outcomes[-1] == "abandoned"
    short = asked.short.get(place, 0.0)
    return Reckoned(
        leg.caller, place, outcomes, wait, _rings(counted, asked.period),
        frozenset({gave_up and wait is not None and wait + off < short for off in (-CLOCKS, CLOCKS)}),
        crossed=any(visit.crossed for visit in visits),
    )  # fmt: skip


def _stay(leg: Leg, visit: TrueVisit, phones: Sequence[Leg]) -> _Stay:
    """A visit to a queue: its end to the microsecond where SIPp saw it, else within queue_log's second."""
    assert visit.outcome is not None, visit
    if visit.outcome in REFUSALS.values() or visit.ended is None:
        return _Stay(visit.outcome, None)
    if visit.outcome == "answered":
        named = [phone for phone in phones if f"Agent {phone.party}" == visit.agent and phone.answered_at is not None]
        (at, *_) = [phone.answered_at for phone in sorted(named, key=lambda phone: phone.crossed) if phone.answered_at]
        return _Stay("answered", (at, at))
    if visit.outcome in ("abandoned", "ended_by_pbx") and leg.ended_at is not None:
        return _Stay(visit.outcome, (leg.ended_at, leg.ended_at))
    second = datetime.fromtimestamp(visit.ended, leg.invited_at.tzinfo)
    return _Stay(visit.outcome, (second, second + timedelta(seconds=1)))


def _direct(leg: Leg, phones: Sequence[Leg]) -> _Stay:
    """What became of the one phone that the dialplan rang."""
    (phone,) = phones
    end = phone.answered_at or phone.ended_at or leg.ended_at
    assert end is not None
    if phone.answered_at is not None:
        return _Stay("answered", (end, end))
    if phone.refused_with == BUSY_HERE:
        return _Stay("busy", (end, end))
    if leg.ended_by == "self" and leg.ended_at is not None and leg.ended_at - end < AT_ONCE:
        return _Stay("abandoned", (leg.ended_at, leg.ended_at))
    if leg.dialled.startswith(OFFICE["limited-phone"]):
        return _Stay("ended_by_pbx", (end, end))
    return _Stay("timeout" if phone.rang_at is not None else "unreachable", (end, end))


def _hand_out(phones: Sequence[Leg], stays: Sequence[_Stay]) -> None:
    """Each phone to the visit in which it was called; the one that was taken back with a visit says when that ended."""
    entered = [(stay, stay.ended) for stay in stays if stay.ended is not None]
    for stay, (early, late) in entered:
        taken = [
            phone.ended_at
            for phone in phones
            if phone.answered_at is None and phone.ended_by == "other" and phone.ended_at is not None
        ]
        if within := [at for at in taken if early <= at < late]:
            stay.ended = (within[0], within[0])
    for phone in phones:
        after = [stay for stay, _ in entered if stay.ended is not None and phone.invited_at < stay.ended[0] - SWITCHING]
        (after or [entered[-1][0]])[0].legs.append(phone)


def _began(leg: Leg, phones: Sequence[Leg], *, direct: bool) -> datetime:
    """When he was let in: the 200 of a PBX that answers at once; else the first phone's call, or his own INVITE."""
    if leg.answered_at is not None and (not phones or leg.answered_at < phones[0].invited_at):
        return leg.answered_at
    return phones[0].invited_at if direct else leg.invited_at


def _rings(stays: Iterable[_Stay], period: float) -> frozenset[Rings]:
    """What the caller may have heard in all: per visit from the first ringing to its end, rings of the silent are 0."""
    each = [_heard(stay, period) for stay in stays]
    sums = set[Rings]()
    for parts in product(*each):
        known = [part for part in parts if part is not None]
        sums.add(sum(known) if known else None)
    return frozenset(sums)


def _heard(stay: _Stay, period: float) -> set[Rings]:
    rang = [leg.rang_at for leg in stay.legs if leg.rang_at is not None]
    if stay.ended is None or not rang:
        return {None}
    early, late = ((end - min(rang)).total_seconds() for end in stay.ended)
    fewest, most = (max(1, math.ceil(time / period)) for time in (early - CLOCKS, late + CLOCKS))
    never: set[Rings] = {None} if early < CLOCKS else set()  # gone before the PBX had heard of the ringing
    return {*range(fewest, most + 1), *never}


def differences(reckoned: Mapping[str, Reckoned], measured: Mapping[str, Measured], tolerance: float) -> list[str]:
    """What the product has otherwise, call by call, in words."""
    found = [f"{who}: no witness saw him" for who in measured.keys() - reckoned.keys()]
    for who, truth in reckoned.items():
        ours = measured.get(who)
        if ours is None:
            found.append(f"{who}: not there; {truth}")
        elif ours.place != truth.place:
            found.append(f"{who}: is of {ours.place}; {truth}")
        elif truth.crossed and {ours.outcomes[-1], truth.outcomes[-1]} <= {"answered", "abandoned"}:
            continue
        elif ours.outcomes != truth.outcomes:
            found.append(f"{who}: {ours.outcomes}; {truth}")
        elif ours.rings not in truth.rings:
            found.append(f"{who}: {ours.rings} rings; {truth}")
        elif truth.wait is not None and abs(ours.wait - truth.wait) > tolerance:
            found.append(f"{who}: waited {ours.wait:.3f}; {truth}")
    return found


@dataclass(frozen=True)
class Span:
    """The least and the most that may be right."""

    least: int
    most: int

    def __contains__(self, number: float) -> bool:
        return self.least <= number <= self.most


@dataclass(frozen=True)
class Sums:
    """Of many calls: numerators and denominators of the standard."""

    sought: int
    answered: Span
    gave_up: Span  # shorts out of it
    unanswered: Span
    judged: Span  # sought without shorts
    alerted: Span
    within: Span
    waits: int
    waited: float


def sums(calls: Sequence[Reckoned], asked: Asked) -> Sums:
    """Reckon them together."""
    return Sums(
        sought=len(calls),
        answered=_span(calls, lambda call, _rings, _short: call.answered),
        gave_up=_span(calls, lambda call, _rings, short: call.gave_up and not short),
        unanswered=_span(calls, lambda call, _rings, short: not call.answered and not short),
        judged=_span(calls, lambda _call, _rings, short: not short),
        alerted=_span(calls, lambda call, rings, _: _alerted(call, rings, asked.rings)),
        within=_span(calls, lambda call, rings, _: call.answered and rings is not None and rings <= asked.rings),
        waits=sum(call.wait is not None for call in calls),
        waited=sum(call.wait or 0.0 for call in calls),
    )


def _alerted(call: Reckoned, rings: Rings, limit: int) -> bool:
    return rings is not None and not (call.gave_up and rings <= limit)


def _span(calls: Iterable[Reckoned], counts: Callable[[Reckoned, Rings, bool], bool]) -> Span:
    least = most = 0
    for call in calls:
        told = {counts(call, rings, short) for rings in call.rings for short in call.short}
        if call.crossed:
            told = {False, True}
        least, most = least + all(told), most + any(told)
    return Span(least, most)
