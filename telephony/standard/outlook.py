"""Whether the standard is kept, and whether it is at risk: the day's value first, then whether it is about to turn.

A measure is *missed* when the value of the day is beyond its limit. It is *at risk* when it is not, but the calls that
ended lately, if they are enough to say so, were beyond it, or the value of the day has used up nine tenths of what the
limit allows. The verdict itself is that of `telephony.standard.verdict`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from telephony.standard.figures import Figures
from telephony.standard.verdict import Limits, Verdict, judge

ENOUGH = 5
"""Fewer calls than this say nothing about what is going on."""
NEAR = 0.9
"""The part of what a limit allows from which on the day is near it."""


class Outlook(StrEnum):
    """What is to be said of a measure, or of all of them."""

    KEPT = "kept"
    AT_RISK = "at_risk"
    MISSED = "missed"
    NO_CALLS = "no_calls"


class Why(StrEnum):
    """What makes a measure missed (DAY), or puts it at risk."""

    DAY = "day"
    LATELY = "lately"
    NEAR = "near"


class Measure(StrEnum):
    """The measures of the standard, in the order in which they are shown."""

    ABANDONMENT = "abandonment"
    UNANSWERED = "unanswered"
    MEAN_WAIT = "mean_wait"
    WITHIN_RINGS = "within_rings"


@dataclass(frozen=True, slots=True)
class Stand:
    """One measure of the day.

    Attributes:
        value: a share of 1, or seconds; None without data. lately: the same over the calls that ended lately.
        part: so many calls, of which the share is made; None for a mean. whole: of so many calls.
        outlook: what is to be said of it. why: the reason when that is MISSED or AT_RISK.
    """

    value: float | None
    lately: float | None
    part: int | None
    whole: int
    outlook: Outlook
    why: Why | None = None


def value_of(figures: Figures, measure: Measure) -> float | None:
    """The value of a measure: a share of 1, or seconds; None without data."""
    wait = figures.mean_wait
    return {
        Measure.ABANDONMENT: figures.abandonment,
        Measure.UNANSWERED: figures.unanswered_share,
        Measure.MEAN_WAIT: None if wait is None else wait.total_seconds(),
        Measure.WITHIN_RINGS: figures.within_share,
    }[measure]


def population(figures: Figures, measure: Measure) -> int:
    """How many calls that value is made of."""
    return {Measure.MEAN_WAIT: figures.waits, Measure.WITHIN_RINGS: figures.alerted}.get(measure, figures.judged)


def stands(day: Figures, lately: Figures, limits: Limits) -> Mapping[Measure, Stand]:
    """Every measure of the day.

    Args:
        day: the sums of the day.
        lately: those of the calls that ended in the last while.
        limits: what is asked.
    """
    verdicts, recent = judge(day, limits), judge(lately, limits)
    found = {}
    for measure in Measure:
        verdict: Verdict = getattr(verdicts, measure.value)
        now: Verdict = getattr(recent, measure.value)
        outlook, why = Outlook(verdict.value), None
        if verdict is Verdict.MISSED:
            why = Why.DAY
        elif verdict is Verdict.KEPT:
            if now is Verdict.MISSED and population(lately, measure) >= ENOUGH:
                outlook, why = Outlook.AT_RISK, Why.LATELY
            elif _used_up(day, measure, limits) > NEAR and population(day, measure) >= ENOUGH:
                outlook, why = Outlook.AT_RISK, Why.NEAR
        found[measure] = Stand(
            value=value_of(day, measure),
            lately=value_of(lately, measure),
            part=_part(day, measure),
            whole=population(day, measure),
            outlook=outlook,
            why=why,
        )
    return found


def whole(found: Mapping[Measure, Stand]) -> Outlook:
    """Missed where one measure is, else at risk where one is, else kept where one is."""
    every = {stand.outlook for stand in found.values()}
    return next((one for one in (Outlook.MISSED, Outlook.AT_RISK, Outlook.KEPT) if one in every), Outlook.NO_CALLS)


def limit_of(limits: Limits, measure: Measure) -> float:
    """What is asked: a share of 1, or seconds."""
    own = {Measure.MEAN_WAIT: limits.mean_wait.total_seconds(), Measure.WITHIN_RINGS: limits.within_share}
    return own.get(measure, limits.abandonment)


def _part(figures: Figures, measure: Measure) -> int | None:
    return {
        Measure.ABANDONMENT: figures.gave_up - figures.short,
        Measure.UNANSWERED: figures.unanswered - figures.short,
        Measure.WITHIN_RINGS: figures.within_rings,
    }.get(measure)


def _used_up(figures: Figures, measure: Measure, limits: Limits) -> float:
    """How much of what the limit allows is used up; 1 is all of it. A limit that allows nothing is never near."""
    value, limit = value_of(figures, measure) or 0.0, limit_of(limits, measure)
    if measure is Measure.WITHIN_RINGS:
        value, limit = 1 - value, 1 - limit
    return value / limit if limit > 0 else 0.0
