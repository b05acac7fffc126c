"""How the standard is kept over the last quarter of an hour, the last hour, today and this month, by queue or line.

For those who watch: each call counts once, a newer state of it replaces what it counted before, and as time goes on it
leaves what slides. Nothing here reads a clock; `now` is handed in. Days and months are those of the site.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import accumulate
from operator import add, sub
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from telephony.calls.measures import Targets
from telephony.calls.record import CallRecord, Kind
from telephony.standard.figures import Figures, figures_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BUCKET = timedelta(seconds=5)
"""What slides does so in steps of this length, and is as much longer or shorter."""
SET_BACK = timedelta(minutes=1)
"""A clock that goes back further was wrong before."""
MAX_REMEMBERED = 200_000
MAX_EARLY = 1_000
MAX_NAMES = 2_000
"""Different queues and lines of a month; whatever else is sought is one more, `BEYOND`."""
BEYOND = ""


class Window(StrEnum):
    """What time is looked back upon."""

    QUARTER = "15m"
    HOUR = "1h"
    TODAY = "today"
    MONTH = "month"


SLIDING = {Window.QUARTER: timedelta(minutes=15), Window.HOUR: timedelta(hours=1)}
_WIDTHS = {window: length // BUCKET for window, length in SLIDING.items()}
_WIDEST = max(_WIDTHS.values())
Key = tuple[Kind, str]
"""What a call sought first: a queue or a line, and its name as the PBX says it; of those beyond the limit, `BEYOND`."""
Group = tuple[str, str]
"""Branch and queue or line; `WHOLE` in the second place: the whole branch, in both: everything."""
WHOLE = ""
_NOTHING = Figures()


class _Sums:
    """Sums by what was sought; nothing is kept of what has none.

    Made anew by each call and not when somebody asks: of thousands of queues an answer would take long.
    """

    def __init__(self) -> None:
        self.of: dict[Key, Figures] = {}

    def count(self, key: Key, figures: Figures, sign: int) -> None:
        change = add if sign > 0 else sub
        sums = Figures._make(map(change, self.of.get(key, _NOTHING), figures))
        if any(sums):
            self.of[key] = sums
        else:
            self.of.pop(key, None)


class _Counted(NamedTuple):
    """How a call was counted, to take it out again."""

    live: bool
    revision: int
    day: date
    bucket: int
    key: Key
    figures: Figures  # without `waited`, so that calls of one kind share it
    waited: int


class Windows:
    """The calls that ended within each window that ends now.

    Of the calls that ended first some are forgotten when more than `remembered` are known: they stay in the sums, but
    are corrected no more.

    Args:
        zone: the site's.
        targets: what is asked of the calls of each queue or line.
        now: this moment.
        names: queues and lines that count by their own names however many others there are.
        remembered: so many calls can be corrected.
        others: so many other queues and lines of a month count by their own names.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each limit has a default
        self,
        zone: ZoneInfo,
        targets: Targets,
        now: datetime,
        names: Iterable[Key] = (),
        remembered: int = MAX_REMEMBERED,
        others: int = MAX_NAMES,
    ) -> None:
        self._zone, self._targets, self._remembered, self._others = zone, targets, remembered, others
        self._configured = frozenset(names)
        self._shared: dict[Figures, Figures] = {}
        self.dropped = 0
        """Calls that could not be counted, in total: too many of tomorrow, or too late for those forgotten."""
        self._begin(now)

    def _begin(self, now: datetime) -> None:
        self._now = now
        self._bucket = (now - EPOCH) // BUCKET
        self._day = now.astimezone(self._zone).date()
        self._names: set[Key] = set()
        self._early: dict[UUID, tuple[CallRecord, bool]] = {}
        self._counted: dict[int, _Counted] = {}
        self._forgotten = -1
        self._buckets: dict[int, _Sums] = {}
        self._sums = {window: _Sums() for window in Window}

    # --- time ---

    def turn(self, now: datetime) -> bool:
        """It is this late by now.

        Returns:
            Whether all begins anew, because the clock was set back: nothing is known of what was before `now`.
        """
        if now < self._now - SET_BACK:
            self._begin(now)
            return True
        self._now = max(now, self._now)
        bucket = (self._now - EPOCH) // BUCKET
        if bucket > self._bucket:
            self._slide(bucket)
            day = self._now.astimezone(self._zone).date()
            if day != self._day:
                self._turn_day(day)
        return False

    def _slide(self, bucket: int) -> None:
        for window, width in _WIDTHS.items():
            for number, leaving in self._buckets.items():
                if self._bucket - width < number <= bucket - width:
                    for key, figures in leaving.of.items():
                        self._sums[window].count(key, figures, -1)
        self._bucket = bucket
        self._buckets = {number: sums for number, sums in self._buckets.items() if number > bucket - _WIDEST}

    def _turn_day(self, day: date) -> None:
        self._sums[Window.TODAY] = _Sums()
        if not _same_month(day, self._day):
            self._sums[Window.MONTH] = _Sums()
            self._names = {key for sums in self._buckets.values() for key in sums.of}
        self._day = day
        early, self._early = self._early, {}
        for call, live in early.values():
            self.add(call, live=live)

    def begins(self) -> dict[Window, datetime]:
        """When each window begins, UTC."""
        at = {window: self._now - length for window, length in SLIDING.items()}
        at[Window.TODAY] = self._midnight(self._day)
        at[Window.MONTH] = self._midnight(self._day.replace(day=1))
        return at

    def midnight(self, when: datetime) -> datetime:
        """The beginning, UTC, of the day of the site in which this moment lies."""
        return self._midnight(when.astimezone(self._zone).date())

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone).astimezone(UTC)

    # --- calls ---

    def add(self, call: CallRecord, *, live: bool) -> bool:
        """Count the call, or count it otherwise than before.

        Args:
            call: in any state; it counts once it has ended and all its visits are decided.
            live: this process followed it. Its revisions compare with each other only (docs/decisions/restart.md), and
                what is live is newer than what was read. What is read is older than what was forgotten only if it was
                never known; whoever reads sees to it that he reads no call twice.

        Returns:
            Whether this is now the state that is known of the call, and it counts in some window.
        """
        known = self._counted.get(call.id.int)
        if known is not None and (live, call.revision) <= (known.live, known.revision):
            return False
        ended = call.ended_at
        if ended is None or not call.visits or any(visit.outcome is None for visit in call.visits):
            return False
        bucket, day = min((ended - EPOCH) // BUCKET, self._bucket), ended.astimezone(self._zone).date()
        if known is not None:
            self._put(known, -1)
            del self._counted[call.id.int]
        elif live and bucket <= self._forgotten:
            self.dropped += 1
            return False
        if day > self._day:
            self._keep_early(call, live=live)
            return False
        if bucket <= self._bucket - _WIDEST and not _same_month(day, self._day):
            return False
        self._count(call, live, day, bucket)
        return True

    def _count(self, call: CallRecord, live: bool, day: date, bucket: int) -> None:
        measured, figures = figures_of(call, self._targets)
        kind = figures._replace(waited=0)
        key = self._key((measured.kind or call.visits[0].kind, measured.queue or BEYOND))
        counted = _Counted(live, call.revision, day, bucket, key, self._shared.setdefault(kind, kind), figures.waited)
        self._put(counted, 1)
        if bucket > self._forgotten:
            self._counted[call.id.int] = counted
            if len(self._counted) > self._remembered:
                self._forget()

    def _key(self, key: Key) -> Key:
        """Who may be dialled by any name is told apart only so far."""
        if key in self._configured or key in self._names:
            return key
        if len(self._names) >= self._others:
            return (key[0], BEYOND)
        self._names.add(key)
        return key

    def _put(self, counted: _Counted, sign: int) -> None:
        key, figures = counted.key, counted.figures._replace(waited=counted.waited)
        if counted.bucket > self._bucket - _WIDEST:
            self._buckets.setdefault(counted.bucket, _Sums()).count(key, figures, sign)
        for window, width in _WIDTHS.items():
            if counted.bucket > self._bucket - width:
                self._sums[window].count(key, figures, sign)
        if counted.day == self._day:
            self._sums[Window.TODAY].count(key, figures, sign)
        if _same_month(counted.day, self._day):
            self._sums[Window.MONTH].count(key, figures, sign)

    def _keep_early(self, call: CallRecord, *, live: bool) -> None:
        """Who ended just after midnight by the PBX's clock may be told just before it by ours."""
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

    # --- what is ---

    def sums(self, window: Window) -> dict[Key, Figures]:
        """By what was sought, as of the last `turn`; what has no calls is not there."""
        return self._sums[window].of.copy()


def grouped(sums: Mapping[Key, Figures], group: Callable[[Kind, str], Group]) -> dict[Group, Figures]:
    """The sums of each group, of each branch, and of everything; ratios of a group come from these.

    Args:
        sums: by what was sought.
        group: the branch and the name under which this is shown.
    """
    found: dict[Group, list[int]] = {}
    for (kind, name), figures in sums.items():
        branch, shown = group(kind, name)
        for one in {(branch, shown), (branch, WHOLE), (WHOLE, WHOLE)}:
            total = found.setdefault(one, [0] * len(figures))
            for index, number in enumerate(figures):
                total[index] += number
    return {one: Figures._make(total) for one, total in found.items()}


def _same_month(one: date, other: date) -> bool:
    return (one.year, one.month) == (other.year, other.month)
