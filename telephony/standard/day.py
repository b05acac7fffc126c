"""The calls that ended today, each counted once, and the line that each measure draws over the day.

A day is a day of the site: from local midnight to the next, 23 or 25 hours where clocks change. Nothing here reads a
clock; `now` is handed in, and only it turns the day: a PBX whose clock runs ahead cannot.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from telephony.calls.measures import Targets
from telephony.calls.record import CallRecord, Kind
from telephony.standard.evidence import Evidence, evidence_of
from telephony.standard.figures import Figures, figures_of
from telephony.standard.places import QUARTER, Place, Places

BUCKET = timedelta(seconds=5)
WINDOW = timedelta(minutes=15)
"""A point of a line is the value over the calls that ended in so long before it."""
STEPS = tuple(timedelta(seconds=seconds) for seconds in (5, 10, 15, 30, 60, 180, 300, 900))
"""Between two points. Each is a whole number of buckets, and divides the window."""
MAX_POINTS = 150
MAX_REMEMBERED = 300_000
MAX_EARLY = 1_000
EVERYWHERE = None
"""The branch that stands for all of them."""


@dataclass(frozen=True, slots=True)
class Branches:
    """Which branch a queue or a line belongs to, by name."""

    queues: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: Kind | None, name: str | None) -> str | None:
        """The branch of this queue or line; None when it has none."""
        names = self.queues if kind is Kind.QUEUE else self.lines
        return None if name is None else names.get(name)


@dataclass(frozen=True, slots=True)
class Lines:
    """The figures over the day.

    Attributes:
        at: the times of the points, UTC, rising.
        figures: the sums over the calls that ended in the `WINDOW` before each point; no sums at all, no point.
    """

    at: tuple[datetime, ...]
    figures: tuple[Figures, ...]


class _Counted(NamedTuple):
    """How a call was counted, to take it out again."""

    live: bool
    revision: int
    bucket: int
    branch: str | None
    place: Place
    evidence: Evidence
    figures: Figures  # without `waited`, so that calls of one kind share it
    waited: int


class Ledger:
    """The sums of one branch, whole and per bucket of the day."""

    def __init__(self, buckets: int) -> None:
        self.total = [0] * len(Figures._fields)
        self.sums = tuple(array("q", bytes(8 * buckets)) for _ in Figures._fields)
        self.evidence = [0] * len(Evidence._fields)
        self.first: int | None = None
        """The first bucket in which a call was counted."""

    def count(self, figures: Figures, evidence: Evidence, bucket: int, sign: int) -> None:
        """Put a call in (sign 1), or take it out (-1)."""
        self.first = bucket if self.first is None else min(self.first, bucket)
        for index, number in enumerate(evidence):
            self.evidence[index] += sign * number
        for index, number in enumerate(figures):
            if number:
                self.total[index] += sign * number
                self.sums[index][bucket] += sign * number

    def windows(self, first: int, until: int, buckets: int, width: int) -> Iterable[Figures]:
        """The sums over the last `width` steps at the end of each step from `first` to `until`, of so many buckets."""
        columns = []
        for sums in self.sums:
            steps = [sum(sums[step * buckets : (step + 1) * buckets]) for step in range(first, until)]
            so_far = list(accumulate(steps, initial=0))
            columns.append([so_far[n] - so_far[max(0, n - width)] for n in range(1, len(so_far))])
        return map(Figures._make, zip(*columns, strict=True))

    def lately(self, last: int) -> Figures:
        """The sums over the `WINDOW` that ends with this bucket."""
        first = max(0, last + 1 - WINDOW // BUCKET)
        return Figures._make(sum(sums[first : last + 1]) for sums in self.sums)


class Day:
    """The calls that ended on the day of `now`.

    A newer state of a call replaces the older one. Of the calls that ended first some are forgotten when more than
    `remembered` are known: they stay in the sums, but are corrected no more.

    Args:
        zone: the site's.
        targets: what is asked of the calls of each queue or line.
        branches: which branch each of these belongs to; every branch has figures of its own.
        now: a moment of the day.
        remembered: so many calls can be corrected.
        lines: that have figures of their own, besides those of the branches.
    """

    def __init__(  # noqa: PLR0913 - the last two have defaults
        self,
        zone: ZoneInfo,
        targets: Targets,
        branches: Branches,
        now: datetime,
        remembered: int = MAX_REMEMBERED,
        *,
        lines: Collection[str] = (),
    ) -> None:
        self._zone, self._targets, self._branches, self._remembered = zone, targets, branches, remembered
        self._lines = frozenset(lines) | frozenset(branches.lines)
        self._shared: dict[tuple[Figures, Evidence], tuple[Figures, Evidence]] = {}
        self._early: dict[UUID, tuple[CallRecord, bool]] = {}
        self.dropped = 0
        """Calls that could not be counted, in total: too many of tomorrow, or too late for those forgotten."""
        self._begin(now)

    def _begin(self, now: datetime) -> None:
        self.date: date = now.astimezone(self._zone).date()
        self.start, self.end = self._midnight(self.date), self._midnight(self.date + timedelta(days=1))
        self._buckets = -(-(self.end - self.start) // BUCKET)
        self._counted: dict[int, _Counted] = {}
        self._forgotten = -1
        names: set[str | None] = {EVERYWHERE, *self._branches.queues.values(), *self._branches.lines.values()}
        self._ledgers = {name: Ledger(self._buckets) for name in names}
        self._places = Places(self._branches.queues, self._lines, -(-(self.end - self.start) // QUARTER))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone).astimezone(UTC)

    def turn(self, now: datetime) -> bool:
        """Begin the day of `now` when it is another; what had come for it before its time is counted.

        Returns:
            Whether another day began.
        """
        if now.astimezone(self._zone).date() == self.date:
            return False
        early, self._early = self._early, {}
        self._begin(now)
        for call, live in early.values():
            self.add(call, live=live)
        return True

    def add(self, call: CallRecord, *, live: bool) -> bool:
        """Count the call, or count it otherwise than before.

        Args:
            call: in any state; it counts once it has ended and all its visits are decided.
            live: this process followed it. Its revisions compare with each other only (docs/decisions/restart.md), and
                what is live is newer than what was read.

        Returns:
            Whether this is now the state that is known of the call, and it counts today.
        """
        known = self._counted.get(call.id.int)
        if known is not None and (live, call.revision) <= (known.live, known.revision):
            return False
        ended = call.ended_at
        if ended is None or not call.visits or any(visit.outcome is None for visit in call.visits):
            return False
        bucket = (ended - self.start) // BUCKET
        if known is None and bucket <= self._forgotten:
            self.dropped += bucket >= 0
            return False
        if known is not None:
            self._put(known, -1)
            del self._counted[call.id.int]
        if not self.start <= ended < self.end:
            self._keep_early(call, live=live)
            return False
        measured, figures = figures_of(call, self._targets)
        branch = self._branches.of(measured.kind, measured.queue)
        place = self._places.place(measured.kind, measured.queue)
        kind, evidence = (figures._replace(waited=0), evidence_of(call))
        kind, evidence = self._shared.setdefault((kind, evidence), (kind, evidence))
        counted = _Counted(live, call.revision, bucket, branch, place, evidence, kind, figures.waited)
        self._counted[call.id.int] = counted
        self._put(counted, 1)
        if len(self._counted) > self._remembered:
            self._forget()
        return True

    def figures(self, branch: str | None = EVERYWHERE) -> Figures:
        """The sums of the day.

        Raises:
            KeyError: there is no such branch.
        """
        return Figures._make(self._ledgers[branch].total)

    def evidence(self, branch: str | None = EVERYWHERE) -> Evidence:
        """How well the visits behind these sums are known.

        Raises:
            KeyError: there is no such branch.
        """
        return Evidence._make(self._ledgers[branch].evidence)

    def places(self) -> tuple[Place, ...]:
        """Every queue and line in which calls ended today."""
        return tuple(self._places)

    def figures_at(self, place: Place) -> Figures:
        """The sums of one queue or line; of one without calls, zeros."""
        return self._places.figures(place)

    def lines_at(self, now: datetime, place: Place) -> Lines:
        """The lines of one queue or line until `now`: a point each quarter of an hour, over the hour before it."""
        hours = self._places.hours(place, -((self.start - now) // QUARTER))
        return Lines(tuple(min(self.start + (n + 1) * QUARTER, now) for n in hours), tuple(hours.values()))

    def first(self, branch: str | None = EVERYWHERE) -> datetime | None:
        """When the first call ended, to 5 s, UTC; None before."""
        first = self._ledgers[branch].first
        return None if first is None else self.start + first * BUCKET

    def lines(self, now: datetime, branch: str | None = EVERYWHERE) -> Lines:
        """The lines of the measures from the first call until `now`: at most `MAX_POINTS` points and one.

        As long as the window reaches back to before the first call, a point is the value since that call.
        """
        ledger = self._ledgers[branch]
        if ledger.first is None:
            return Lines((), ())
        # A call of a PBX whose clock runs ahead lies behind `now`; it comes into the line when its time has come.
        last = min(max(-((self.start - now) // BUCKET) - 1, ledger.first), self._buckets - 1)
        step = next((one for one in STEPS if (last - ledger.first) * BUCKET <= MAX_POINTS * one), STEPS[-1])
        buckets = step // BUCKET
        first, until = ledger.first // buckets, last // buckets + 1
        ends = [min(self.start + (n + 1) * step, max(now, self.start + n * step)) for n in range(first, until)]
        *whole, _ = ledger.windows(first, until, buckets, WINDOW // step)
        # The last step has only begun: with the steps before it, it would be a window as much too short.
        return Lines(tuple(ends), (*whole, ledger.lately(last)))

    def _put(self, counted: _Counted, sign: int) -> None:
        figures = counted.figures._replace(waited=counted.waited)
        for branch in {EVERYWHERE, counted.branch}:
            self._ledgers[branch].count(figures, counted.evidence, counted.bucket, sign)
        self._places.count(counted.place, figures, counted.bucket * BUCKET // QUARTER, sign)

    def _keep_early(self, call: CallRecord, *, live: bool) -> None:
        """Who ended just after midnight by the PBX's clock may be told just before it by ours."""
        if call.ended_at is None or call.ended_at < self.end:
            return
        if len(self._early) < MAX_EARLY or call.id in self._early:
            self._early[call.id] = (call, live)
        else:
            self.dropped += 1

    def _forget(self) -> None:
        """Forget the tenth that ended first, at once: to go through everything for each call would take too long."""
        ended_in = Counter(counted.bucket for counted in self._counted.values())
        buckets, enough = sorted(ended_in), max(1, self._remembered // 10)
        so_far = accumulate(ended_in[bucket] for bucket in buckets)
        self._forgotten = next(bucket for bucket, calls in zip(buckets, so_far, strict=True) if calls >= enough)
        self._counted = {id_: counted for id_, counted in self._counted.items() if counted.bucket > self._forgotten}
