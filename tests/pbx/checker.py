"""The independent witness: what the product exports, against what SIPp and queue_log saw.

It shares no code and no opinion with the product. SIPp says when phones rang and who hung up, to the microsecond;
queue_log says how every visit ended, to the second. Where queue_log is known to be wrong, SIPp corrects it:
ABANDON of a caller who lived on is `redirected`, ABANDON of a caller whom the PBX hung up is `ended_by_pbx`, CONNECT of
a caller who had already hung up is `abandoned`.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .queue_log import QueueLogLine
from .story import Witnessed
from .trace import Leg

ENDS = {
    "CONNECT": "answered", "ABANDON": "abandoned", "EXITWITHTIMEOUT": "timeout", "EXITWITHKEY": "key_exit",
    "EXITEMPTY": "empty", "WITHDRAW": "withdrawn", "SYSCOMPAT": "incompatible",
}  # fmt: skip
REFUSALS = {"FULL": "refused_full", "JOINEMPTY": "refused_empty", "JOINUNAVAIL": "refused_empty"}
LIVED_ON = timedelta(seconds=1.2)  # queue_log has whole seconds
MEETING = timedelta(seconds=0.05)  # a busy PBX sees so late what SIPp has sent
COMPLETED = ("COMPLETEAGENT", "COMPLETECALLER")
ANNOUNCED = {"announced"}  # queues that speak to the agent before the caller is let through: SIPp cannot see when


@dataclass
class TrueVisit:
    """One visit as queue_log tells it, corrected by SIPp. `outcome` is None when the log never says how it ended."""

    uniqueid: str
    queue: str
    caller: str | None  # None: refused, and queue_log does not tell whom
    joined: int | None = None
    ended: int | None = None
    outcome: str | None = None
    agent: str | None = None
    said: str = ""  # queue_log's own last word
    sip_wait: float | None = None  # to the microsecond, only for the first visit of a call
    crossed: bool = False  # he left in the moment of the answer: SIPp cannot say which of both the PBX saw first


@dataclass
class Verdict:
    """What differs, in words, and how far measured times are off (product minus witness, seconds)."""

    differences: list[str] = field(default_factory=list)
    wait_errors: list[float] = field(default_factory=list)
    alerting_errors: list[float] = field(default_factory=list)
    compared_visits: int = 0
    compared_offers: int = 0

    def __str__(self) -> str:
        """For the message of an assert."""
        lines = [*self.differences[:40], f"{len(self.differences)} differences in {self.compared_visits} visits"]
        return "\n".join([*lines, f"wait: {spread(self.wait_errors)}", f"alerting: {spread(self.alerting_errors)}"])


def spread(errors: Sequence[float]) -> str:
    """Median and maximum of absolute errors."""
    sizes = [abs(error) for error in errors]
    if not sizes:
        return "nothing measured"
    return f"median {statistics.median(sizes):.3f} s, max {max(sizes):.3f} s, n={len(sizes)}"


def true_visits(seen: Witnessed) -> list[TrueVisit]:
    """The visits to queues, in the order in which they began."""
    callers = {leg.caller: leg for leg in seen.callers}
    rung: dict[str, list[Leg]] = defaultdict(list)
    for leg in seen.phones:
        rung[leg.caller].append(leg)
    visits: list[TrueVisit] = []
    open_visits: dict[tuple[str, str], TrueVisit] = {}
    first_of: set[str] = set()
    for line in seen.queue_log:
        if line.event == "ENTERQUEUE":
            visit = TrueVisit(line.uniqueid, line.queue, line.data[1], joined=line.epoch)
            visits.append(visit)
            open_visits[line.uniqueid, line.queue] = visit
        elif line.event in REFUSALS:
            visits.append(TrueVisit(line.uniqueid, line.queue, None, ended=line.epoch, outcome=REFUSALS[line.event]))
        elif line.event in ENDS and (key := _whose(line, open_visits)) is not None:
            visit = open_visits.pop(key)
            _end(visit, line, callers.get(visit.caller or ""), rung.get(visit.caller or "", []))
            if visit.uniqueid in first_of:
                visit.sip_wait = None
            first_of.add(visit.uniqueid)
        elif line.event in COMPLETED and (visit := open_visits.pop((line.uniqueid, line.queue), None)) is not None:
            # Asterisk loses lines in the moment of a rotation: seen of a CONNECT whose COMPLETEAGENT came behind it.
            visit.outcome, visit.said, visit.agent = "answered", line.event, line.agent
            visit.ended = (visit.joined or 0) + int(line.data[0])
    return visits


def _whose(line: QueueLogLine, open_visits: Mapping[tuple[str, str], TrueVisit]) -> tuple[str, str] | None:
    """The visit that a line ends. Parking gives a waiting caller another Uniqueid: then the only one in that queue."""
    if (line.uniqueid, line.queue) in open_visits:
        return line.uniqueid, line.queue
    waiting = [key for key in open_visits if key[1] == line.queue]
    return waiting[0] if len(waiting) == 1 else None


def _end(visit: TrueVisit, line: QueueLogLine, caller: Leg | None, rung: list[Leg]) -> None:
    visit.ended, visit.outcome, visit.said = line.epoch, ENDS[line.event], line.event
    if visit.outcome == "answered":
        visit.agent = line.agent
    if caller is None or caller.ended_at is None or caller.unheeded:  # when the PBX heard that he left is not known
        return
    answered = [leg for leg in rung if leg.answered_at is not None]
    answered = [leg for leg in answered if not leg.crossed] or answered
    if visit.outcome == "answered" and answered:
        visit.crossed = abs(caller.ended_at - (answered[0].answered_at or caller.ended_at)) < MEETING
        if caller.answered_at is None or caller.ended_at < (answered[0].answered_at or caller.ended_at):
            visit.outcome, visit.agent = "abandoned", None
        elif len(answered) == 1 and visit.queue not in ANNOUNCED and _joined_at_once(visit, caller):
            visit.sip_wait = _between(caller, answered[0].answered_at)
    elif visit.outcome == "abandoned":
        if caller.ended_at.timestamp() - line.epoch > LIVED_ON.total_seconds():
            visit.outcome = "redirected"
        elif caller.ended_by == "other":
            visit.outcome = "ended_by_pbx"
        elif _joined_at_once(visit, caller):
            visit.sip_wait = _between(caller, caller.ended_at)


def _joined_at_once(visit: TrueVisit, caller: Leg) -> bool:
    """He was let into the queue as soon as he called, to queue_log's second."""
    return visit.joined is not None and visit.joined - caller.invited_at.timestamp() < 1


def _between(caller: Leg, end: datetime | None) -> float | None:
    """From the caller's being let in: the 200 of a PBX that answers at once, else his INVITE."""
    if end is None:
        return None
    if caller.answered_at is not None and (caller.answered_at - caller.invited_at) < timedelta(seconds=0.5):
        return (end - caller.answered_at).total_seconds()
    return (end - caller.invited_at).total_seconds()


def compare(
    exported: Iterable[Mapping[str, Any]],
    seen: Witnessed,
    *,
    wait_tolerance: float = 0.25,
    alerting_tolerance: float = 0.25,
) -> Verdict:
    """Compare calls as `export calls --format jsonl` gives them (one PBX) with what the witnesses saw.

    Queue visits are matched by Uniqueid and queue, in order; offers by caller's number and phone, in order. Times in
    seconds; against queue_log alone a wait may be off by one more second.
    """
    verdict = Verdict()
    calls = list(exported)
    _compare_visits(calls, seen, verdict, wait_tolerance)
    _compare_offers(calls, seen, verdict, alerting_tolerance)
    numbers = {call.get("caller") for call in calls}
    for leg in seen.callers:
        if leg.caller not in numbers:
            verdict.differences.append(f"{leg.caller}: called {leg.dialled} at {leg.invited_at}, not exported")
    return verdict


def _compare_visits(calls: list[Mapping[str, Any]], seen: Witnessed, verdict: Verdict, tolerance: float) -> None:
    ours: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for call in calls:
        for visit in call.get("visits", ()):
            if visit["kind"] == "queue":
                ours[visit.get("uniqueid") or call["uniqueid"], visit["queue"]].append(visit)
    for truth in true_visits(seen):
        name = f"{truth.caller or 'a refused caller'} in {truth.queue} ({truth.uniqueid})"
        candidates = ours.get((truth.uniqueid, truth.queue))
        if not candidates:
            verdict.differences.append(f"{name}: {truth.outcome}, not exported")
            continue
        visit = candidates.pop(0)
        verdict.compared_visits += 1
        if visit["outcome"] != (truth.outcome or "lost"):
            verdict.differences.append(f"{name}: exported {visit['outcome']}, witnessed {truth.outcome}")
        elif truth.agent is not None and visit.get("agent") != truth.agent:
            verdict.differences.append(f"{name}: exported agent {visit.get('agent')}, witnessed {truth.agent}")
        _compare_wait(name, visit, truth, verdict, tolerance)
    for (uniqueid, queue), rest in ours.items():
        for visit in rest:
            verdict.differences.append(f"{uniqueid} in {queue}: exported {visit['outcome']}, seen by no witness")


def _compare_wait(name: str, visit: Mapping[str, Any], truth: TrueVisit, verdict: Verdict, tolerance: float) -> None:
    wait = visit.get("wait_seconds")
    if truth.joined is None or truth.ended is None:
        return
    if wait is None:
        verdict.differences.append(f"{name}: no wait exported")
        return
    if truth.sip_wait is not None:
        verdict.wait_errors.append(wait - truth.sip_wait)
        if abs(wait - truth.sip_wait) > tolerance:
            verdict.differences.append(f"{name}: exported wait {wait:.3f}, SIPp saw {truth.sip_wait:.3f}")
    elif abs(wait - (truth.ended - truth.joined)) > 1 + tolerance:
        verdict.differences.append(f"{name}: exported wait {wait:.3f}, queue_log {truth.ended - truth.joined}")


def _compare_offers(calls: list[Mapping[str, Any]], seen: Witnessed, verdict: Verdict, tolerance: float) -> None:
    truth: dict[tuple[str, str], list[Leg]] = defaultdict(list)
    for leg in seen.phones:
        truth[leg.caller, leg.party].append(leg)
    for call in calls:
        offers = [offer for visit in call.get("visits", ()) for offer in visit.get("offers", ())]
        for offer in offers:
            phone = _phone_of(offer)
            legs = truth.get((call.get("caller", ""), phone))
            if not legs:
                if offer["result"] != "unreachable":
                    verdict.differences.append(
                        f"{call['caller']} to {phone}: exported {offer['result']}, no phone was called"
                    )
                continue
            leg = legs.pop(0)
            gave_up = leg.crossed and _gave_up(leg, seen, call, offer)
            _compare_offer(f"{call['caller']} to {phone}", offer, leg, verdict, tolerance, gave_up=gave_up)
    with_visits = {call.get("caller") for call in calls if call.get("visits")}
    for (caller, phone), legs in truth.items():
        for leg in legs if caller in with_visits else ():
            verdict.differences.append(f"{caller} to {phone}: called at {leg.invited_at}, no offer exported")


def _gave_up(leg: Leg, seen: Witnessed, call: Mapping[str, Any], offer: Mapping[str, Any]) -> bool:
    """Queue_log says of that moment that the queue gave up ringing this agent, or that another was connected."""
    ids = {call["uniqueid"]} | {visit.get("uniqueid") for visit in call.get("visits", ())}
    at = (leg.answered_at or leg.invited_at).timestamp()
    near = [line for line in seen.queue_log if line.uniqueid in ids and at - 2 < line.epoch < at + 1]
    said = {line.event for line in near if line.agent == offer["agent"]}
    others = {line.event for line in near if line.agent != offer["agent"]}
    return "CONNECT" not in said and bool(said & {"RINGNOANSWER", "RINGCANCELED"} or "CONNECT" in others)


def _compare_offer(
    name: str, offer: Mapping[str, Any], leg: Leg, verdict: Verdict, tolerance: float, *, gave_up: bool
) -> None:
    verdict.compared_offers += 1
    alerting = offer.get("alerting_seconds") or 0.0
    true_alerting = leg.alerting_seconds or 0.0
    verdict.alerting_errors.append(alerting - true_alerting)
    if abs(alerting - true_alerting) > tolerance:
        verdict.differences.append(f"{name}: exported alerting {alerting:.3f}, SIPp saw {true_alerting:.3f}")
    # Who is silenced before he could ring was not unreachable: the caller left, or a colleague was faster.
    silent = {"unreachable", "caller_left", "cancelled_elsewhere"} | ({"busy"} if leg.refused_with == 486 else set())
    if leg.rang_at is None and leg.answered_at is None and offer["result"] not in silent:
        verdict.differences.append(f"{name}: exported {offer['result']}, the phone never rang")
    answered = leg.answered_at is not None and not gave_up
    if (offer["result"] == "answered") != answered:
        verdict.differences.append(
            f"{name}: exported {offer['result']}, the phone {'did' if answered else 'did not'} answer"
        )


def _phone_of(offer: Mapping[str, Any]) -> str:
    return str(offer["interface"]).partition("/")[2].partition("@")[0]
