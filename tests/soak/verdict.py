"""The independent judgement: every visit, call and case of the export against queue_log, SIPp and the faults."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tests.pbx.checker import TrueVisit, true_visits
from tests.pbx.story import Witnessed
from tests.pbx.trace import CROSSING, Leg

from .faults import KINDS, Incident

SECONDS_TOGETHER = 1.5  # queue_log knows whole seconds
EXACT = 0.4
MARGIN = 2.0
NEAR_A_KILL = 5.0
BUSY_HERE = 486
LEFT_OR_ANSWERED = {"answered", "abandoned"}
KNOWN_CLASSES = {("CONNECT", "abandoned"), ("ABANDON", "redirected"), ("ABANDON", "ended_by_pbx")}
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the witnesses saw it."""

    kind: str  # missing, extra, outcome, wait, agent, lost, call, duplicate, case, direct, open
    what: str
    at: float | None = None  # seconds since 1970
    fault: str = ""


@dataclass
class Judgement:
    """Differences, and what was compared."""

    differences: list[Difference] = field(default_factory=list)
    visits: int = 0
    direct: int = 0
    lost: int = 0  # by the death of the PBX, rightly
    cases_told: int = 0  # to the dialplan, and kept
    unheard: int = 0  # direct calls all within a gap, which nothing could tell
    classes: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    qualities: Counter[str] = field(default_factory=Counter)
    wait_errors: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    known: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What others than the product know.

    Attributes:
        seen: by SIPp and queue_log, from the first call to the last.
        known: what PostgreSQL counts (`Scene.known`).
        told: Uniqueid to the case that the dialplan was told.
        direct: what the numbers of callers of office phones begin with.
    """

    seen: Witnessed
    known: Mapping[str, int]
    told: Mapping[str, str] = field(default_factory=dict)
    direct: tuple[str, ...] = ()


def judge(calls: Sequence[Document], facts: Facts, incidents: Sequence[Incident]) -> Judgement:
    """Judge.

    Args:
        calls: `export calls --format jsonl` of the PBX.
        facts: what it is compared with.
        incidents: what was done to the service and the PBX.
    """
    verdict, seen = Judgement(known=facts.known), facts.seen
    times = _Times(incidents)
    found = [*_visits(calls, seen, times, verdict), *_direct(calls, seen, times, facts.direct, verdict)]
    found += [*_doubled(calls, seen, times), *_database(facts.known), *_cases(calls, facts.told, verdict)]
    verdict.differences = [
        Difference(one.kind, one.what, one.at, times.near(one.at) if one.at is not None else "") for one in found
    ]
    return verdict


class _Times:
    """When what was done."""

    def __init__(self, incidents: Sequence[Incident]) -> None:
        self._incidents = incidents

    def near(self, at: float) -> str:
        """The faults around a moment."""
        return ", ".join(str(one) for one in self._incidents if one.began - 30 < at < one.over + 15)

    def killed(self, since: float, until: float) -> bool:
        """The PBX died in this time."""
        kills = [one.began for one in self._incidents if KINDS[one.kind].pbx_dies]
        return any(since - MARGIN < kill < until + MARGIN for kill in kills)

    def deaf(self, since: float, until: float, *, wholly: bool = False) -> bool:
        """The service heard nothing in some of this time, or in all of it."""
        for one in self._incidents:
            began, over = one.began - MARGIN, one.over + MARGIN
            if KINDS[one.kind].deaf and (began < since and until < over if wholly else began < until and since < over):
                return True
        return False


# --- visits to queues -------------------------------------------------------------------------------------------------
def _visits(calls: Iterable[Document], seen: Witnessed, times: _Times, verdict: Judgement) -> Iterator[Difference]:
    ours: dict[tuple[str, str], list[tuple[Document, Document]]] = defaultdict(list)
    for call in calls:
        for visit in call["visits"]:
            if visit["kind"] == "queue":
                ours[visit["uniqueid"] or call["uniqueid"], visit["queue"]].append((call, visit))
    truths: dict[tuple[str, str], list[TrueVisit]] = defaultdict(list)
    for truth in true_visits(seen):
        truths[truth.uniqueid, truth.queue].append(truth)
    for key in truths.keys() | ours.keys():
        for truth_, pair in _paired(truths.get(key, []), ours.get(key, [])):
            if pair is None:
                assert truth_ is not None
                yield Difference(
                    "missing", f"{_named(truth_)}: {truth_.said or truth_.outcome or 'no end'}", _at(truth_)
                )
            elif truth_ is None:
                yield Difference("extra", f"{_shown(*pair)}: seen by no witness", _epoch(pair[1]["joined_at"]))
            else:
                verdict.visits += 1
                yield from _visit(*pair, truth_, times, verdict)


def _paired(
    truths: list[TrueVisit], ours: list[tuple[Document, Document]]
) -> Iterator[tuple[TrueVisit | None, tuple[Document, Document] | None]]:
    """Visits of the same channel to the same queue: in order, or by when they began if one side has fewer."""
    rest = list(ours)
    for n, truth in enumerate(truths):
        if len(truths) == len(ours):
            yield truth, ours[n]
            rest.remove(ours[n])
            continue
        near = [pair for pair in rest if abs((_epoch(pair[1]["joined_at"]) or 0) - (truth.joined or 0)) < MARGIN]
        if near:
            rest.remove(near[0])
        yield truth, near[0] if near else None
    for pair in rest:
        yield None, pair


def _visit(
    call: Document, visit: Document, truth: TrueVisit, times: _Times, verdict: Judgement
) -> Iterator[Difference]:
    outcome, at = visit["outcome"], _at(truth)
    verdict.outcomes[str(outcome)] += 1
    verdict.qualities[visit["quality"]] += 1
    name = f"{_shown(call, visit)}; queue_log {truth.said or 'ends before it'} {truth.joined}–{truth.ended}"
    if truth.caller is not None and call["caller"] != truth.caller:
        yield Difference("call", f"{name}: of {truth.caller}", at)
    if call["case"] is None:
        yield Difference("case", f"{name}: no case", at)
    if truth.outcome is None:
        yield from _unended(name, visit, truth, times, verdict)
        return
    if outcome == "lost":
        yield Difference("lost", f"{name}: lost", at)
        return
    if truth.crossed and outcome in LEFT_OR_ANSWERED:
        verdict.classes[f"left as the agent answered: {outcome}"] += 1
        truth = replace(truth, outcome=outcome, agent=truth.agent if outcome == "answered" else None, sip_wait=None)
    known_class = (truth.said, truth.outcome) in KNOWN_CLASSES
    if known_class:
        verdict.classes[f"{truth.said}: {outcome}"] += 1
    by_the_log = known_class and visit["quality"] != "live" and outcome == _plainly(truth)
    if outcome != truth.outcome and not by_the_log:
        yield Difference("outcome", f"{name}: exported {outcome}, witnessed {truth.outcome}", at)
        return
    if truth.agent is not None and visit["agent"] != truth.agent:
        yield Difference("agent", f"{name}: exported {visit['agent']}, witnessed {truth.agent}", at)
    yield from _wait(name, visit, truth, verdict)


def _plainly(truth: TrueVisit) -> str:
    return {"CONNECT": "answered", "ABANDON": "abandoned"}.get(truth.said, "")


def _unended(name: str, visit: Document, truth: TrueVisit, times: _Times, verdict: Judgement) -> Iterator[Difference]:
    """The PBX died while he waited: lost, unless he was just gone or just answered and the PBX could still say so."""
    joined, left = float(truth.joined or 0), _epoch(visit["left_at"])
    if not times.killed(joined, joined + 120):
        yield Difference("outcome", f"{name}: no PBX died, but queue_log has no end", joined)
    elif visit["outcome"] == "lost":
        verdict.lost += 1
    elif visit["outcome"] is None:
        yield Difference("open", f"{name}: still open", joined)
    elif left is None or not times.killed(left, left + 1):
        yield Difference("outcome", f"{name}: the PBX died; exported {visit['outcome']}", joined)
    else:
        verdict.classes[f"died in saying: {visit['outcome']}"] += 1


def _wait(name: str, visit: Document, truth: TrueVisit, verdict: Judgement) -> Iterator[Difference]:
    if truth.joined is None or truth.ended is None:
        return
    wait = visit["wait_seconds"]
    if wait is None:
        yield Difference("wait", f"{name}: no wait", _at(truth))
        return
    by_log = wait - (truth.ended - truth.joined)
    error = by_log if truth.sip_wait is None else wait - truth.sip_wait
    if truth.sip_wait is not None:
        verdict.wait_errors[visit["quality"]].append(error)
    if min(abs(error), abs(by_log)) > SECONDS_TOGETHER:
        yield Difference("wait", f"{name}: waited {wait:.3f}, off by {error:.3f}", _at(truth))


# --- office phones ----------------------------------------------------------------------------------------------------
def _direct(
    calls: Iterable[Document], seen: Witnessed, times: _Times, prefixes: tuple[str, ...], verdict: Judgement
) -> Iterator[Difference]:
    """Calls to phones, which queue_log does not have, and callers of queues who are in no call at all."""
    ours = defaultdict(list)
    for call in calls:
        ours[call["caller"]].append(call)
    rung: dict[str, list[Leg]] = defaultdict(list)
    for leg in seen.phones:
        rung[leg.caller].append(leg)
    for leg in seen.callers:
        began = leg.invited_at.timestamp()
        ended = leg.ended_at.timestamp() if leg.ended_at else began + 60
        found, reached = ours.get(leg.caller, []), rung[leg.caller]
        if not found and (reached or leg.answered_at is not None or leg.rang_at is not None):
            if times.deaf(began, ended, wholly=True) or times.killed(began, ended):
                verdict.unheard += 1
            else:
                yield Difference("call", f"{leg.caller} called {leg.dialled}: not exported", began)
        if leg.caller.startswith(prefixes):
            for call in found:
                verdict.direct += 1
                yield from _office(call, leg, reached, times)
        elif any(visit["kind"] == "direct" for call in found for visit in call["visits"]):
            yield Difference("extra", f"{leg.caller} called {leg.dialled}: no phone is rung for him directly", began)


def _office(call: Document, leg: Leg, reached: list[Leg], times: _Times) -> Iterator[Difference]:
    began = leg.invited_at.timestamp()
    ended = leg.ended_at.timestamp() if leg.ended_at else began + 60
    outcomes = [visit["outcome"] for visit in call["visits"]]
    doubtful = times.deaf(began, ended) or times.killed(began, ended)
    truths = _office_truths(leg, reached)
    truth = " or ".join(truths)
    crossed = any(one.crossed for one in reached)
    if not doubtful and not crossed and outcomes not in [[one] for one in truths]:
        yield Difference("direct", f"{leg.caller} called {leg.dialled}: exported {outcomes}, witnessed {truth}", began)
    wrong = [one for one in outcomes if one not in {*truths, "lost"}]
    if doubtful and not crossed and (wrong or len(outcomes) > 1) and not times.killed(began, ended):
        qualities = [visit["quality"] for visit in call["visits"]]
        text = f"{leg.caller} called {leg.dialled} around a gap: {outcomes} {qualities}, witnessed {truth}"
        yield Difference("direct", text, began)


def _office_truths(leg: Leg, reached: list[Leg]) -> list[str]:
    """How his wait ended; two, where which came first at the PBX cannot be told from here."""
    if any(one.answered_at is not None and not one.crossed for one in reached):
        return ["answered"]
    left = leg.ended_at if leg.ended_by == "self" else None
    refused = min((one.ended_at for one in reached if one.refused_with == BUSY_HERE and one.ended_at), default=None)
    if refused is None:
        return ["abandoned" if left else "timeout"]
    if left is not None and abs(left - refused) <= CROSSING:
        return ["abandoned", "busy"]
    return ["abandoned" if left is not None and left < refused else "busy"]


# --- nothing twice ----------------------------------------------------------------------------------------------------
def _doubled(calls: Sequence[Document], seen: Witnessed, times: _Times) -> Iterator[Difference]:
    made = Counter(leg.caller for leg in seen.callers)
    by_number = defaultdict(list)
    for call in calls:
        if call["caller"]:  # queue_log does not tell who was refused
            by_number[call["caller"]].append(call)
    for number, found in by_number.items():
        began = _epoch(found[0]["arrived_at"]) or 0.0
        # An INVITE sent again may reach the next life of the PBX: two channels, indeed.
        if len(found) > made[number] and not times.killed(began - NEAR_A_KILL, began + NEAR_A_KILL):
            told = [f"{one['uniqueid']} {one['direction']}" for one in found]
            yield Difference("duplicate", f"{number} called {made[number]} times: {told}", began)
    counted = {
        "uniqueid": Counter(call["uniqueid"] for call in calls),
        "case": Counter(call["case"]["id"] for call in calls if call["case"]),
        "leg": Counter(offer["uniqueid"] for call in calls for offer in _offers(call)),
    }
    for what, counts in counted.items():
        yield from (Difference("duplicate", f"{what} {name}: {n} times") for name, n in counts.items() if n > 1)
    yield from _offers_doubled(by_number, seen)


def _offers_doubled(by_number: Mapping[str, list[Document]], seen: Witnessed) -> Iterator[Difference]:
    """No more offers than SIPp's phones were called."""
    invited = Counter((leg.caller, leg.party) for leg in seen.phones)
    for number, found in by_number.items():
        results: dict[str, list[str]] = defaultdict(list)
        for offer in (offer for call in found for offer in _offers(call)):
            results[str(offer["interface"]).partition("/")[2].partition("@")[0]].append(offer["result"])
        for phone, told in results.items():
            if len(told) > (times := invited[number, phone]) and set(told) != {"unreachable"}:
                text = f"{number}: {len(told)} offers to {phone} {told}, which was called {times} times"
                yield Difference("duplicate", text, _epoch(found[0]["arrived_at"]))


def _offers(call: Document) -> Iterator[Document]:
    return (offer for visit in call["visits"] for offer in visit["offers"])


def _database(known: Mapping[str, int]) -> Iterator[Difference]:
    if not known["inbound"] == known["cases"] == known["calls_with_a_case"]:
        yield Difference("case", f"{known['inbound']} inbound calls, {known['cases']} cases")
    for name in ("without_its_case", "doubled_calls"):
        if known[name]:
            yield Difference("case", f"{name}: {known[name]}")
    for name in ("open_calls", "undecided_visits"):
        if known[name]:
            yield Difference("open", f"{name}: {known[name]}")


def _cases(calls: Sequence[Document], told: Mapping[str, str], verdict: Judgement) -> Iterator[Difference]:
    """The case that the dialplan was told is the one that is kept."""
    for call in calls:
        case = told.get(call["uniqueid"])
        if case is not None:
            verdict.cases_told += 1
            if call["case"] is None or call["case"]["id"] != case:
                text = f"{call['uniqueid']} of {call['caller']}: told {case}, kept {call['case']}"
                yield Difference("case", text, _epoch(call["arrived_at"]))
    for uniqueid in told.keys() - {call["uniqueid"] for call in calls}:
        yield Difference("case", f"{uniqueid}: the dialplan was told {told[uniqueid]}, no such call is exported")


# --- words ------------------------------------------------------------------------------------------------------------
def _named(truth: TrueVisit) -> str:
    return f"{truth.caller} in {truth.queue} ({truth.uniqueid}), {truth.joined}–{truth.ended}"


def _shown(call: Document, visit: Document) -> str:
    wait = visit["wait_seconds"]
    return (
        f"{call['caller']} in {visit['queue']} ({visit['uniqueid']}), {visit['outcome']} {visit['quality']} "
        f"{visit['reason'] or '–'} joined {visit['joined_at']} wait {wait}"
    )


def _at(truth: TrueVisit) -> float | None:
    return truth.ended or truth.joined


def _epoch(instant: str | None) -> float | None:
    return None if instant is None else datetime.fromisoformat(instant).timestamp()
