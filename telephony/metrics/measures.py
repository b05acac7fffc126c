"""Counters and histograms, moved by effects and by nothing else; each method is called once per thing counted."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

from telephony.calls.measures import Targets, summary
from telephony.calls.record import CallRecord, Kind, OfferRecord, Outcome, VisitRecord
from telephony.metrics.catalogue import CATALOGUE, PREFIX, Metric, Type
from telephony.metrics.gauges import (
    AgiGauges,
    CaseGauges,
    FeedGauges,
    HoursGauges,
    LineState,
    Samples,
    SaverGauges,
    ScrapeCollector,
    WebhookGauges,
    agi_samples,
    case_samples,
    empty_samples,
    feed_samples,
    hours_samples,
    line_samples,
    saver_samples,
    webhook_samples,
)
from telephony.metrics.series import REASONS, SERIES_PER_NAME, children
from telephony.metrics.standard import EVERYTHING, SERIES_PER_GROUP, StandardCollector, StandardSource
from telephony.standard.verdict import Limits
from telephony.standard.windows import WHOLE, Group

OTHER = "other"
"""The label of a queue or line that neither the configuration nor the PBX's own list names."""
NO_BRANCH = "none"
"""The branch of a queue or line that no `[[branch]]` lists."""
MAX_SERIES = 50_000
MAX_NAME = 128
MAX_WORDS = 64
"""Different words of `irregular_facts_total`; the core has a few."""
MISMATCHES = ("missing", "extra", "outcome", "wait", "agent")
CLAIMS = ("known", "early", "unseen")
WALL_ENDS = ("closed", "slow")


@dataclass(frozen=True, slots=True)
class Labels:
    """What the configuration says about label values.

    Attributes:
        pbxs: names of the PBXs.
        lines: names of the direct-dialled phones, known at every PBX.
        queue_branch, line_branch: the branch of a queue or line; those without one are `none`.
        targets: what is asked of the calls of each queue or line.
    """

    pbxs: tuple[str, ...]
    lines: tuple[str, ...] = ()
    queue_branch: Mapping[str, str] = field(default_factory=dict)
    line_branch: Mapping[str, str] = field(default_factory=dict)
    targets: Targets = field(default_factory=Targets)


class Measures:
    """Every metric of the catalogue on a registry of its own.

    A name becomes a label value when the configuration lists the line or `queues_known` the queue, and its series start
    at 0 then. All others are `other`. Once the next name would need more than `max_series` in all, it is `other` too.

    Not for several threads, but for `render`, which any thread may call.
    """

    def __init__(self, labels: Labels, registry: CollectorRegistry | None = None, max_series: int = MAX_SERIES) -> None:
        # When a series began is of no use here, and would be a second series for each. There is no finer switch.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry or CollectorRegistry()
        self._labels = labels
        self._max_series = max_series
        self._counters: dict[str, Counter] = {}
        self._tallies: Samples = {metric.name: defaultdict(float) for metric in CATALOGUE if metric.tallied}
        self._histograms: dict[str, Histogram] = {}
        for metric in CATALOGUE:
            self._register(metric)
        self._scrape = ScrapeCollector()
        self.registry.register(self._scrape)
        self._feeds: dict[str, FeedGauges] = {}
        self._saver: Callable[[], SaverGauges] | None = None
        self._lines: dict[str, Callable[[], Mapping[str, LineState]]] = {}
        self._known: dict[tuple[str, Kind, str], None] = {}
        self._shown: dict[tuple[Kind, str], Group] = {}
        branches = {NO_BRANCH, *labels.queue_branch.values(), *labels.line_branch.values()}
        self._wholes = {EVERYTHING, (NO_BRANCH, OTHER), *((branch, WHOLE) for branch in branches)}
        self._standing = StandardCollector(self._group)
        self.registry.register(self._standing)
        self._standard: tuple[StandardSource, Limits] | None = None
        self._agi: Callable[[], AgiGauges] | None = None
        self._hours: Callable[[], HoursGauges] | None = None
        self._cases: Callable[[], CaseGauges | None] = lambda: None
        self._webhooks: Callable[[], Mapping[str, WebhookGauges]] = dict
        self._screens = 0
        self._walls = 0
        self._scripts: set[str] = set()
        self._words: set[str] = set()
        self.refused_names = 0
        """Names that had to become `other`: for `max_series`, or because they cannot be printed."""
        self._series = len(labels.pbxs) * 2 * SERIES_PER_NAME + len(self._wholes) * SERIES_PER_GROUP
        self._counters["cases_opened_total"].labels("unknown")
        for reason in WALL_ENDS:
            self._counters["walls_closed_total"].labels(reason)
        for queue in labels.queue_branch:  # calls of it may be read before any PBX has told of it
            self._show(Kind.QUEUE, queue, 0)
        for pbx in labels.pbxs:
            self._start(pbx)

    # --- effects ------------------------------------------------------------------------------------------------------

    def queues_known(self, pbx: str, queues: Iterable[str]) -> None:
        """The PBX's own list: these names may be label values. What was known stays known."""
        for queue in queues:
            self._learn(pbx, Kind.QUEUE, queue)

    def case_opened(self) -> None:
        """A case was opened; nobody has said yet what it is about."""
        self._counters["cases_opened_total"].labels("unknown").inc()

    def visit_entered(self, pbx: str, visit: VisitRecord) -> None:
        """A customer began to wait."""
        self._tallies["visits_entered_total"][self._visit(pbx, visit)] += 1

    def visit_ended(self, pbx: str, visit: VisitRecord) -> None:
        """The outcome of an entered visit was decided."""
        labels = self._visit(pbx, visit)
        outcome = visit.outcome or Outcome.LOST
        self._tallies["visits_ended_total"][*labels, outcome.value] += 1
        if outcome is Outcome.LOST:
            self._counters["visits_lost_total"].labels(pbx, visit.kind.value).inc()
        if visit.caller_rings is not None:
            self._histograms["caller_rings"].labels(*labels).observe(visit.caller_rings)

    def visit_refused(self, pbx: str, visit: VisitRecord) -> None:
        """A customer was not let in."""
        reason = REASONS.get(visit.outcome, OTHER) if visit.outcome else OTHER
        self._counters["visits_refused_total"].labels(pbx, self.name(pbx, visit.kind, visit.queue), reason).inc()

    def visit_corrected(self, pbx: str, before: VisitRecord, visit: VisitRecord) -> None:
        """A counted outcome proved to be another. The counters of outcomes stay as they are."""
        words = [outcome.value if outcome else "none" for outcome in (before.outcome, visit.outcome)]
        self._counters["visits_corrected_total"].labels(pbx, *words).inc()

    def talk_ended(self, pbx: str, visit: VisitRecord) -> None:
        """The talk of an answered visit is over."""
        if visit.talk is not None:
            self._histograms["talk_seconds"].labels(*self._visit(pbx, visit)).observe(visit.talk.total_seconds())

    def offer_ended(self, pbx: str, queue: str, kind: Kind, offer: OfferRecord) -> None:
        """A phone stopped ringing; one that never rang has no rings to count."""
        if offer.rings:
            self._histograms["agent_rings"].labels(pbx, self.name(pbx, kind, queue), kind.value).observe(offer.rings)

    def call_ended(self, call: CallRecord) -> None:
        """A call and all its visits are over: count it by the standard, under what it sought first."""
        measured = summary(call, self._labels.targets)
        if not measured.sought or measured.queue is None or measured.kind is None:
            return
        name = self.name(call.pbx, measured.kind, measured.queue)
        labels = (call.pbx, self._branch(measured.kind, name), name)
        for metric, counts in (
            ("calls_sought_total", True),
            ("calls_answered_total", measured.answered),
            ("calls_gave_up_total", measured.gave_up),
            ("calls_unanswered_total", measured.unanswered),
            ("calls_short_total", measured.short),
            ("calls_alerted_total", measured.alerted),
            ("calls_within_three_rings_total", measured.within_rings),
            ("calls_answered_in_target_total", measured.in_target),
        ):
            if counts:
                self._counters[metric].labels(*labels).inc()
        if measured.wait is not None:
            outcome = "answered" if measured.answered else "gave_up" if measured.gave_up else OTHER
            self._histograms["call_wait_seconds"].labels(*labels, outcome).observe(measured.wait.total_seconds())

    def mismatch(self, pbx: str, kind: str, *, healed: bool) -> None:
        """Ledger and queue_log differ, and perhaps no longer. `kind`: one of `MISMATCHES`."""
        self._counters["ledger_mismatch_total"].labels(pbx, kind).inc()
        if healed:
            self._counters["ledger_healed_total"].labels(pbx, kind).inc()

    def uncompared(self, pbx: str, stays: int) -> None:
        """So many stays of queue_log were given up before they could be compared."""
        self._counters["ledger_uncompared_total"].labels(pbx).inc(stays)

    def irregular(self, pbx: str, what: str) -> None:
        """A fact that no rule allows there. `what` is one of the core's few words."""
        if what not in self._words and len(self._words) >= MAX_WORDS:
            what = OTHER
        self._words.add(what)
        self._counters["irregular_facts_total"].labels(pbx, what).inc()

    def scripts_known(self, scripts: Iterable[str]) -> None:
        """These may be the label `script`, by configuration; their `ok` starts at 0. What was known stays known."""
        for script in scripts:
            self._scripts.add(script)
            self._counters["agi_requests_total"].labels(script, "ok")

    def agi_served(self, script: str, result: str, seconds: float) -> None:
        """A request of a PBX ended. `result` is one of our words; a script that nobody configured is `other`."""
        labels = (script if script in self._scripts else OTHER, result)
        self._counters["agi_requests_total"].labels(*labels).inc()
        self._histograms["agi_seconds"].labels(*labels).observe(seconds)

    def case_claimed(self, pbx: str, result: str) -> None:
        """A case was named to a PBX. `result`: one of `CLAIMS`."""
        self._counters["agi_claims_total"].labels(pbx, result).inc()

    def screen_opened(self) -> None:
        """An agent's screen signed in."""
        self._screens += 1

    def screen_closed(self) -> None:
        """A screen that was signed in is gone."""
        self._screens -= 1

    def popped(self, seconds: float) -> None:
        """A screen said that it shows a call that rings."""
        self._histograms["screenpop_seconds"].observe(seconds)

    def dropped(self, reason: str) -> None:
        """A call that rings was shown nowhere on this screen. `reason`: one of `POP_DROPS`."""
        self._counters["screenpop_dropped_total"].labels(reason).inc()

    def desk_acted(self, pbx: str, action: str, result: str) -> None:
        """Somebody at a desk asked something of a PBX; by configuration and our own words, never by what he typed."""
        self._counters["desk_actions_total"].labels(pbx, action, result).inc()

    def wall_opened(self) -> None:
        """A screen on a wall was opened."""
        self._walls += 1

    def wall_closed(self, reason: str) -> None:
        """It is gone. `reason`: one of `WALL_ENDS`."""
        self._walls -= 1
        self._counters["walls_closed_total"].labels(reason).inc()

    def calls_forgotten(self, calls: int) -> None:
        """Calls were deleted because their time was over."""
        self._counters["calls_forgotten_total"].inc(calls)

    # --- scraping -----------------------------------------------------------------------------------------------------

    def observe_feed(self, pbx: str, source: FeedGauges) -> None:
        """From now on, ask this source for the gauges of that PBX."""
        self._feeds[pbx] = source

    def observe_saver(self, state: Callable[[], SaverGauges]) -> None:
        """From now on, ask for the state of the saver."""
        self._saver = state

    def observe_agi(self, state: Callable[[], AgiGauges]) -> None:
        """From now on, ask for the state of the FastAGI side."""
        self._agi = state

    def observe_lines(self, pbx: str, states: Callable[[], Mapping[str, LineState]]) -> None:
        """From now on, ask what the phones of the configured lines are doing at that PBX."""
        self._lines[pbx] = states

    def observe_standard(self, source: StandardSource, limits: Limits) -> None:
        """From now on, ask how the standard is kept; `limits`: what it asks."""
        self._standard = source, limits

    def observe_hours(self, source: Callable[[], HoursGauges]) -> None:
        """From now on, ask for the opening hours."""
        self._hours = source

    def observe_cases(self, source: Callable[[], CaseGauges | None]) -> None:
        """From now on, ask for the gauges of casework; None: they are not known."""
        self._cases = source

    def observe_webhooks(self, source: Callable[[], Mapping[str, WebhookGauges]]) -> None:
        """From now on, ask how it stands with the receivers of webhooks."""
        self._webhooks = source

    def refresh(self) -> None:
        """Ask every source, and read the tallies: one instant. On the event loop, just before `render`."""
        samples = empty_samples()
        samples.update({name: tally.copy() for name, tally in self._tallies.items()})
        for pbx, feed in self._feeds.items():
            names = [(kind, name) for known_pbx, kind, name in self._known if known_pbx == pbx]
            feed_samples(samples, pbx, feed, self.name, names)
        if self._saver is not None:
            saver_samples(samples, self._saver())
        if self._agi is not None:
            agi_samples(samples, self._agi())
        for pbx, states in self._lines.items():
            line_samples(samples, pbx, states())
        if self._standard is not None:
            source, limits = self._standard
            samples["standard_dropped_total"][()] = source.dropped
            self._standing.take(source.sums(), {*self._wholes, *self._shown.values()}, limits)
        if self._hours is not None:
            hours_samples(samples, self._hours())
        if (cases := self._cases()) is not None:
            case_samples(samples, cases)
        webhook_samples(samples, self._webhooks())
        samples["screens_connected"][()] = self._screens
        samples["walls_connected"][()] = self._walls
        self._scrape.samples = samples

    def render(self) -> bytes:
        """Everything in Prometheus' text format; from any thread. Takes time in proportion to the series."""
        return generate_latest(self.registry)

    # --- names --------------------------------------------------------------------------------------------------------

    def name(self, pbx: str, kind: Kind, queue: str) -> str:
        """The label value of a queue or line."""
        return queue if (pbx, kind, queue) in self._known else OTHER

    def _visit(self, pbx: str, visit: VisitRecord) -> tuple[str, str, str]:
        return pbx, self.name(pbx, visit.kind, visit.queue), visit.kind.value

    def _branch(self, kind: Kind, name: str) -> str:
        branches = self._labels.queue_branch if kind is Kind.QUEUE else self._labels.line_branch
        return branches.get(name, NO_BRANCH)

    def _group(self, kind: Kind, name: str) -> Group:
        """The labels under which the standard of a queue or line is shown, whatever its PBX; always its branch's."""
        return self._shown.get((kind, name), (self._branch(kind, name), OTHER))

    def _start(self, pbx: str) -> None:
        for kind in Kind:
            self._zero(pbx, kind, OTHER, NO_BRANCH)
            self._counters["visits_lost_total"].labels(pbx, kind.value)
        for result in CLAIMS:
            self._counters["agi_claims_total"].labels(pbx, result)
        for word in MISMATCHES:
            self._counters["ledger_mismatch_total"].labels(pbx, word)
            self._counters["ledger_healed_total"].labels(pbx, word)
        self._counters["ledger_uncompared_total"].labels(pbx)
        for line in self._labels.lines:
            self._learn(pbx, Kind.DIRECT, line)

    def _learn(self, pbx: str, kind: Kind, name: str) -> None:
        if name == OTHER or (pbx, kind, name) in self._known:
            return
        if self._show(kind, name, SERIES_PER_NAME):
            self._known[pbx, kind, name] = None
            self._zero(pbx, kind, name, self._branch(kind, name))

    def _show(self, kind: Kind, name: str, series: int) -> bool:
        """Whether it may be a label value, and has room for so many series beside those of the standard."""
        if (kind, name) not in self._shown:
            series += SERIES_PER_GROUP
        # No scrape may fail for a name.
        if not name.isprintable() or len(name) > MAX_NAME or self._series + series > self._max_series:
            self.refused_names += 1
            return False
        self._series += series
        self._shown[kind, name] = self._branch(kind, name), name
        return True

    def _zero(self, pbx: str, kind: Kind, name: str, branch: str) -> None:
        for metric in CATALOGUE:
            for labels in children(metric, pbx, kind, name, branch):
                if metric.tallied:
                    self._tallies[metric.name][labels] += 0
                else:
                    (self._counters.get(metric.name) or self._histograms[metric.name]).labels(*labels)

    def _register(self, metric: Metric) -> None:
        name = PREFIX + metric.name
        if metric.type is Type.COUNTER and not metric.scraped:
            self._counters[metric.name] = Counter(name, metric.meaning, metric.labels, registry=self.registry)
        elif metric.type is Type.HISTOGRAM:
            self._histograms[metric.name] = Histogram(
                name, metric.meaning, metric.labels, buckets=metric.buckets, registry=self.registry
            )
