"""What is read at scrape time: asked for on the event loop, rendered elsewhere."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from telephony.calls.facts import MemberState
from telephony.calls.record import Kind
from telephony.metrics.catalogue import CATALOGUE, PREFIX, Metric, Type


@dataclass(frozen=True, slots=True)
class QueueGauge:
    """One queue or line now. `oldest_wait` None when nobody waits; `residual` None while not compared."""

    queue: str
    kind: Kind
    waiting: int
    settling: int
    oldest_wait: timedelta | None
    residual: int | None


@dataclass(frozen=True, slots=True)
class LinkGauge:
    """Our line to one PBX. `gap`, `events`, `quarantined` grow since the process began."""

    connected: bool
    last_event_age: timedelta | None
    gap: timedelta
    events: int
    quarantined: int
    read_stall: timedelta


@dataclass(frozen=True, slots=True)
class QueueLogGauge:
    """Lines of one queue_log since the process began: all that were read, and of them those outside the grammar.

    `gaps`: how often some are missing, or may be. `shipped_age`: since its sender was last heard; None: it was not yet,
    or the file is read here.
    """

    lines: int
    quarantined: int
    gaps: int = 0
    shipped_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class JournalGauge:
    """The journal of one PBX. `dropped` grows since the process began; `waiting` None when all is on disk."""

    up: bool
    bytes: int
    waiting: timedelta | None
    dropped: int


@dataclass(frozen=True, slots=True)
class HoursGauges:
    """Opening hours now.

    Attributes:
        open: whether somebody should be there, by branch, queue or line, and kind; of those that have hours.
        known_days: by name of the hours, so many days from today on have public holidays that are known.
    """

    open: Mapping[tuple[str, str, str], bool]
    known_days: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CaseGauges:
    """Casework, as it was counted last.

    Attributes:
        open, overdue: cases by kind. callbacks, callbacks_overdue: numbers to be called back.
        waiting: states of calls that were saved and not looked at. refused: calls that could not be taken, in total.
    """

    open: Mapping[str, int]
    overdue: Mapping[str, int]
    callbacks: int
    callbacks_overdue: int
    waiting: int
    refused: int


class FeedGauges(Protocol):
    """What the feed of one PBX shows. Called on the event loop, once a scrape; must not wait."""

    def queues(self) -> Iterable[QueueGauge]:
        """Every queue and line in which somebody waits or settles, or that was compared."""
        ...

    def agents(self) -> Mapping[tuple[str, MemberState], int]:
        """How many agents of a queue are in a state."""
        ...

    def link(self) -> LinkGauge:
        """The AMI line."""
        ...

    def queue_log(self) -> QueueLogGauge | None:
        """The queue_log; None where none is followed."""
        ...

    def journal(self) -> JournalGauge | None:
        """The journal; None where none is kept."""
        ...


class LineState(StrEnum):
    """What the phone of a direct line is doing, as far as calls, queues and the PBX's own devices tell: exactly one.

    `unavailable` is one that is not registered, or could not be reached when it was called since then; `unknown` one of
    which nobody told anything since this process began: the PBX has no such device.
    """

    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


class AgiGauges(Protocol):
    """What the FastAGI side shows: `handlers.agi.side.AgiState`."""

    @property
    def listening(self) -> bool:
        """PBXs can ask."""
        ...

    @property
    def conversations(self) -> int:
        """Scripts in conversation with a caller."""
        ...

    @property
    def hosts(self) -> Mapping[str, int]:
        """Processes that run scripts, by state."""
        ...

    @property
    def replaced(self) -> Mapping[str, int]:
        """Processes that had to be replaced, by reason, in total."""
        ...


class SaverGauges(Protocol):
    """What the saver shows: `handlers.saver.SaverState`."""

    @property
    def backlog(self) -> int:
        """Calls with a state that is not durable."""
        ...

    @property
    def oldest_unsaved(self) -> timedelta | None:
        """Age of the oldest such state."""
        ...

    @property
    def database_up(self) -> bool | None:
        """The last attempt worked; None before the first."""
        ...

    @property
    def dropped(self) -> int:
        """States given up at the cap."""
        ...

    @property
    def refused(self) -> int:
        """Calls that the database refuses."""
        ...

    @property
    def foreign(self) -> int:
        """States of calls whose rows belong to another life."""
        ...


Naming = Callable[[str, Kind, str], str]
"""(pbx, kind, queue) to the label value: the name if it is known, else `other`."""
Table = defaultdict[tuple[str, ...], float]
Samples = dict[str, Table]
"""Metric name to label values to value."""

SCRAPED = {metric.name: metric for metric in CATALOGUE if metric.scraped and not metric.standing}


def empty_samples() -> Samples:
    """No sample of any metric that is read at scrape time."""
    return {name: defaultdict(float) for name in SCRAPED}


def feed_samples(
    samples: Samples, pbx: str, feed: FeedGauges, naming: Naming, names: Iterable[tuple[Kind, str]]
) -> None:
    """Add the samples of one PBX. `names`: what is known there; it starts at 0."""
    for kind, name in names:
        for metric in ("visits_waiting", "visits_settling"):
            samples[metric][pbx, name, kind.value] += 0
        for state in MemberState if kind is Kind.QUEUE else ():
            samples["agents"][pbx, name, state.value] += 0
    for queue in feed.queues():
        labels = (pbx, naming(pbx, queue.kind, queue.queue), queue.kind.value)
        samples["visits_waiting"][labels] += queue.waiting
        samples["visits_settling"][labels] += queue.settling
        if queue.oldest_wait is not None:
            oldest = samples["oldest_wait_seconds"]
            oldest[labels] = max(oldest[labels], queue.oldest_wait.total_seconds())
        if queue.residual is not None:
            samples["ledger_residual"][labels] += queue.residual
    for (name, state), count in feed.agents().items():
        samples["agents"][pbx, naming(pbx, Kind.QUEUE, name), state.value] += count
    _link_samples(samples, (pbx,), feed)


def _link_samples(samples: Samples, labels: tuple[str], feed: FeedGauges) -> None:
    link = feed.link()
    samples["ami_connected"][labels] = link.connected
    samples["ami_gap_seconds_total"][labels] = link.gap.total_seconds()
    samples["ami_events_total"][labels] = link.events
    samples["ami_quarantined_total"][labels] = link.quarantined
    samples["ami_read_stall_seconds"][labels] = link.read_stall.total_seconds()
    if link.last_event_age is not None:
        samples["ami_last_event_age_seconds"][labels] = link.last_event_age.total_seconds()
    if (log := feed.queue_log()) is not None:
        samples["queuelog_lines_total"][labels] = log.lines
        samples["queuelog_quarantined_total"][labels] = log.quarantined
        samples["queuelog_gaps_total"][labels] = log.gaps
        if log.shipped_age is not None:
            samples["queuelog_shipped_age_seconds"][labels] = log.shipped_age.total_seconds()
    if (journal := feed.journal()) is not None:
        samples["journal_up"][labels] = journal.up
        samples["journal_bytes"][labels] = journal.bytes
        samples["journal_oldest_unsaved_seconds"][labels] = journal.waiting.total_seconds() if journal.waiting else 0
        samples["journal_dropped_total"][labels] = journal.dropped


def line_samples(samples: Samples, pbx: str, lines: Mapping[str, LineState]) -> None:
    """Add the phones of the lines, as one PBX knows them."""
    for line, state in lines.items():
        for one in LineState:
            samples["lines"][pbx, line, one.value] = one is state


def saver_samples(samples: Samples, saver: SaverGauges) -> None:
    """Add the samples of the saver."""
    samples["saver_backlog"][()] = saver.backlog
    samples["saver_lag_seconds"][()] = saver.oldest_unsaved.total_seconds() if saver.oldest_unsaved else 0
    samples["saver_dropped_total"][()] = saver.dropped
    samples["saver_refused_total"][()] = saver.refused
    samples["saver_foreign_total"][()] = saver.foreign
    if saver.database_up is not None:
        samples["database_up"][()] = saver.database_up


def hours_samples(samples: Samples, hours: HoursGauges) -> None:
    """Add the samples of the opening hours."""
    for labels, is_open in hours.open.items():
        samples["business_open"][labels] = is_open
    for name, days in hours.known_days.items():
        samples["business_calendar_known_days"][name,] = days


def case_samples(samples: Samples, cases: CaseGauges) -> None:
    """Add the samples of casework."""
    for kind, count in cases.open.items():
        samples["cases_open"][kind,] = count
    for kind, count in cases.overdue.items():
        samples["cases_overdue"][kind,] = count
    samples["callbacks_open"][()] = cases.callbacks
    samples["callbacks_overdue"][()] = cases.callbacks_overdue
    samples["casework_waiting"][()] = cases.waiting
    samples["casework_refused_total"][()] = cases.refused


def agi_samples(samples: Samples, agi: AgiGauges) -> None:
    """Add the samples of the FastAGI side."""
    samples["agi_listening"][()] = agi.listening
    samples["agi_conversations"][()] = agi.conversations
    for state, count in agi.hosts.items():
        samples["agi_hosts"][state,] = count
    for reason, count in agi.replaced.items():
        samples["agi_hosts_replaced_total"][reason,] = count


class ScrapeCollector(Collector):
    """Hands the last samples to Prometheus; they are swapped as a whole, so any thread may render."""

    def __init__(self) -> None:
        self.samples = empty_samples()

    def describe(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """The names it owns."""
        return map(_family, SCRAPED.values())

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """The last samples."""
        samples = self.samples
        for metric in SCRAPED.values():
            family = _family(metric)
            for labels, value in samples[metric.name].items():
                family.add_metric(labels, value)
            yield family


def _family(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily:
    make = CounterMetricFamily if metric.type is Type.COUNTER else GaugeMetricFamily
    return make(PREFIX + metric.name, metric.meaning, labels=metric.labels)
