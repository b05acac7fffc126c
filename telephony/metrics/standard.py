"""How the standard is kept, by queue, line and branch: sums taken on the event loop, ratios made while rendering."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from telephony.calls.record import Kind
from telephony.metrics.catalogue import PREFIX, STANDARD, STANDARD_MEASURES
from telephony.standard.figures import Figures
from telephony.standard.verdict import Limits, Verdict, judge
from telephony.standard.windows import WHOLE, Group, Key, Window, grouped

SERIES_PER_GROUP = len(STANDARD) * len(STANDARD_MEASURES) * len(Window)
EVERYTHING: Group = (WHOLE, WHOLE)
Sums = Mapping[Window, Mapping[Key, Figures]]


class StandardSource(Protocol):
    """Who knows the sums: `handlers.standing.StandardWatch`. Called on the event loop, once a scrape; must not wait."""

    def sums(self) -> Sums:
        """By window, and by what calls sought first. Of a window that is not wholly known, nothing."""
        ...

    @property
    def dropped(self) -> int:
        """Calls that could not be counted."""
        ...


@dataclass(frozen=True, slots=True)
class _Taken:
    """What there was at one instant."""

    sums: Sums
    groups: Collection[Group]
    limits: Limits | None


class StandardCollector(Collector):
    """Hands `standard_value`, `standard_target`, `standard_met` and `standard_calls` to Prometheus.

    What was taken is swapped as a whole, so any thread may render. Ratios of many queues take milliseconds, and so
    they are not made on the event loop.

    Args:
        group: the branch and the label of a queue or line; a name that nobody knows has one, too. From any thread.
    """

    def __init__(self, group: Callable[[Kind, str], Group]) -> None:
        self._group = group
        self._taken = _Taken({}, (), None)

    def take(self, sums: Sums, groups: Collection[Group], limits: Limits) -> None:
        """Show these from now on. `groups`: those that have a limit, whether or not anybody called."""
        self._taken = _Taken(sums, groups, limits)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names it owns."""
        return iter(_families().values())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What was taken last."""
        taken, families = self._taken, _families()
        value, target, met, made_of = families.values()
        if taken.limits is not None:
            limits = _targets(taken.limits)
            for window in Window:
                for branch, queue in taken.groups:
                    for measure, limit in limits.items():
                        target.add_metric((measure, branch, queue, window.value), limit)
            for window, sums in taken.sums.items():
                for (branch, queue), figures in grouped(sums, self._group).items():
                    for measure, number, verdict, calls in _values(figures, taken.limits):
                        labels = (measure, branch, queue, window.value)
                        value.add_metric(labels, number)
                        met.add_metric(labels, verdict is Verdict.KEPT)
                        made_of.add_metric(labels, calls)
        return iter(families.values())


def _families() -> dict[str, GaugeMetricFamily]:
    return {one.name: GaugeMetricFamily(PREFIX + one.name, one.meaning, labels=one.labels) for one in STANDARD}


def _targets(limits: Limits) -> dict[str, float]:
    every = (limits.abandonment, limits.abandonment, limits.mean_wait.total_seconds(), limits.within_share)
    return dict(zip(STANDARD_MEASURES, every, strict=True))


def _values(figures: Figures, limits: Limits) -> Iterable[tuple[str, float, Verdict, int]]:
    """Of each measure that can be told, its name, value and verdict, and of how many calls that is made."""
    verdicts = judge(figures, limits)
    mean_wait = figures.mean_wait
    every = (
        (figures.abandonment, verdicts.abandonment, figures.of_abandonment),
        (figures.unanswered_share, verdicts.unanswered, figures.of_unanswered),
        (None if mean_wait is None else mean_wait.total_seconds(), verdicts.mean_wait, figures.of_wait),
        (figures.within_share, verdicts.within_rings, figures.of_rings),
    )
    for measure, (number, verdict, ratio) in zip(STANDARD_MEASURES, every, strict=True):
        if number is not None:
            yield measure, number, verdict, ratio.whole
