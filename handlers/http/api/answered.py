"""The answer to a question for measures as JSON: a head, and then rows, one at a time, for there may be thousands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from handlers.http.api.asked import Asked, House
from handlers.measuring import Answer
from telephony.calls.measures import Target, Targets
from telephony.calls.record import Outcome
from telephony.cases.export import instant
from telephony.standard.measures import Measure
from telephony.standard.measures_sums import Sums
from telephony.standard.measures_table import Group, Grouping
from telephony.standard.verdict import Limits

Document = dict[str, object]
A_MINUTE = timedelta(minutes=1)
OF_TARGET = ("rings", "service_level_seconds", "short_abandon_seconds")
"""The thresholds that a queue may have of its own."""
SECOND = 1_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class Standard:
    """What is asked.

    Attributes:
        limits: of the figures. targets: of a call. long_talk: a longer talk is a long one.
        reached_within: who gave up and is not reached so soon is lost for good.
    """

    limits: Limits
    targets: Targets
    long_talk: timedelta
    reached_within: timedelta


def head(answer: Answer, asked: Asked, house: House, standard: Standard) -> Document:
    """All but the rows."""
    intervals = answer.table.intervals
    return {
        "from": instant(intervals.since),
        "to": instant(intervals.until),
        "interval": asked.step,
        "group": asked.question.grouping,
        "zone": house.zone.key,
        "asked_at": instant(answer.asked_at),
        "saved_until": instant(answer.saved_until),
        "agents_until": None if answer.agents_until is None else instant(answer.agents_until),
        "complete": answer.complete,
        "reasons": list(answer.reasons),
        "measures": [described(measure, standard) for measure in asked.measures],
    }


def described(measure: Measure, standard: Standard) -> Document:
    """What a measure is, in both languages, and what is asked of it."""
    limit = measure.limit
    return {
        "name": measure.name,
        "version": measure.version,
        "title": measure.title,
        "title_zh": measure.title_zh,
        "definition": measure.definition,
        "definition_zh": measure.definition_zh,
        "clause": measure.clause or None,
        "unit": measure.unit,
        "population": measure.population,
        "limit": None if limit is None else limit.of(standard.limits),
        "bound": None if limit is None else limit.bound,
        "threshold": _threshold(measure, standard) if measure.threshold else None,
        "untold": measure.untold or None,
    }


def rows(answer: Answer, asked: Asked, standard: Standard) -> Iterator[Document]:
    """Every group in every interval, group by group."""
    grouping = asked.question.grouping
    bounds = answer.table.intervals.bounds
    by_agent = grouping is Grouping.AGENT or bool(asked.question.selection.agents)
    for group, cells in answer.table.rows():
        for number, sums in enumerate(cells):
            yield {
                "from": instant(bounds[number]),
                "to": instant(bounds[number + 1]),
                "group": _group(grouping, group),
                "complete": answer.whole(number) and not sums.calls.undecided,
                "measures": {one.name: _reading(one, sums, standard) for one in asked.measures},
                **(_of_agent(sums) if by_agent else _of_calls(sums)),
                **(_attended(sums) if asked.question.agents else {}),
            }


def _group(grouping: Grouping, group: Group) -> Mapping[str, str | None]:
    return {} if grouping is Grouping.ALL else {grouping.value: group}


def _reading(measure: Measure, sums: Sums, standard: Standard) -> Document:
    found = measure.read(sums)
    return {
        "value": found.value,
        "numerator": found.numerator,
        "denominator": found.denominator,
        "limit": None if measure.limit is None else measure.limit.of(standard.limits),
        "met": measure.met(found, standard.limits),
        "version": measure.version,
    }


def _of_calls(sums: Sums) -> Document:
    """What stands beside the measures: of what they are made, how well that is known, and what was left out."""
    figures, calls, visits, offers = sums.figures, sums.calls, sums.visits, sums.offers
    known = visits.ended + visits.lost
    return {
        "unanswered_by": {outcome.value: sums.unanswered[outcome] for outcome in Outcome if sums.unanswered[outcome]},
        "counts": {
            "calls_arrived": calls.arrived,
            "calls_sought": figures.sought,
            "calls_answered": figures.answered,
            "calls_gave_up": figures.gave_up,
            "calls_unanswered": figures.unanswered,
            "calls_short": figures.short,
            "visits_arrived": visits.arrived,
            "visits_ended": visits.ended,
            "visits_answered": visits.answered,
            "visits_abandoned": visits.abandoned,
            "offers_rang": offers.alerted,
            "offers_answered": offers.answered,
            "talks": sums.talks.known,
        },
        "left_out": {
            "calls_lost": figures.lost,
            "calls_undecided": calls.undecided,
            "wait_unknown": figures.wait_unknown,
            "rings_unknown": figures.rings_unknown,
            "visits_lost": visits.lost,
            "offers_unknown": offers.unknown,
        },
        "quality": {
            "visits": known,
            "live": visits.live / known if known else None,
            "partial": visits.partial / known if known else None,
            "reconstructed": visits.reconstructed / known if known else None,
            "approximate": visits.approximate / known if known else None,
        },
    }


def _of_agent(sums: Sums) -> Document:
    offers, talks = sums.offers, sums.talks
    return {
        "counts": {
            "offers_rang": offers.alerted,
            "offers_answered": offers.answered,
            "offers_no_answer": offers.no_answer,
            "offers_unreachable": offers.unreachable,
            "talks": talks.known,
            "talk_seconds": talks.talked / SECOND,
        },
        "left_out": {"offers_unknown": offers.unknown},
    }


def _attended(sums: Sums) -> Document:
    """For how long agents did what. `staffed` is all but the last two; an agent is in one of them at any instant."""
    agents, reasons = sums.agents, sums.paused_by
    known = agents.staffed + agents.unreachable + agents.unknown
    return {
        "agent_seconds": {
            "staffed": agents.staffed / SECOND,
            **{state: microseconds / SECOND for state, microseconds in agents._asdict().items()},
        },
        "paused_seconds_by_reason": {reason: reasons[reason] / SECOND for reason in sorted(reasons)},
        "agents_heard": (known - agents.unknown) / known if known else None,
    }


def _threshold(measure: Measure, standard: Standard) -> Document:
    """On what it depends, and where a queue or line has its own."""
    key = measure.threshold
    if key == "final_lost_minutes":
        return {"key": key, "value": standard.reached_within / A_MINUTE, "own": {}}
    if key not in OF_TARGET:
        return {"key": key, "value": standard.long_talk.total_seconds(), "own": {}}
    default = _of_target(standard.targets.default, key)
    own = {name: _of_target(target, key) for name, target in standard.targets.own.items()}
    return {"key": key, "value": default, "own": {name: value for name, value in own.items() if value != default}}


def _of_target(target: Target, key: str) -> float:
    values = {
        "rings": target.rings,
        "service_level_seconds": target.service_level.total_seconds(),
        "short_abandon_seconds": target.short_abandon.total_seconds(),
    }
    return values[key]
