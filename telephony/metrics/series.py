"""Which series a queue or line has: those that start at 0 with it, and how many there are in all."""

from collections.abc import Iterator

from telephony.calls.facts import MemberState
from telephony.calls.record import REFUSED, Kind, Outcome
from telephony.metrics.catalogue import CATALOGUE, Metric
from telephony.metrics.gauges import SCRAPED, LineState

WAIT_OUTCOMES = ("answered", "gave_up", "other")
REASONS = {Outcome.REFUSED_FULL: "full", Outcome.REFUSED_EMPTY: "empty"}
ENDS = tuple(outcome for outcome in Outcome if outcome not in REFUSED)


def children(metric: Metric, pbx: str, kind: Kind, name: str, branch: str) -> Iterator[tuple[str, ...]]:
    """The label values with which a metric starts for one queue or line."""
    if (metric.scraped and not metric.tallied) or "queue" not in metric.labels:
        return
    if metric.name == "call_wait_seconds":
        yield from ((pbx, branch, name, outcome) for outcome in WAIT_OUTCOMES)
    elif metric.name == "visits_ended_total":
        yield from ((pbx, name, kind.value, outcome.value) for outcome in ENDS)
    elif metric.name == "visits_refused_total":
        yield from ((pbx, name, reason) for reason in REASONS.values() if kind is Kind.QUEUE)
    else:
        yield (pbx, branch, name) if "branch" in metric.labels else (pbx, name, kind.value)


def _count() -> int:
    """Series that one queue needs, scraped ones included."""
    read = [metric for metric in SCRAPED.values() if not metric.tallied and "queue" in metric.labels]
    scraped = len(read) - 1 + max(len(MemberState), len(LineState))
    pushed = 0
    for metric in CATALOGUE:
        width = len(metric.buckets) + 3 if metric.buckets else 1  # +Inf, sum, count
        pushed += width * len(list(children(metric, "", Kind.QUEUE, "", "")))
    return scraped + pushed


SERIES_PER_NAME = _count()
"""Of one queue or line at one PBX, without what tells how the standard is kept."""
