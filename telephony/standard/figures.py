"""The figures of many calls: sums first, ratios from them last. The formulas are those of docs/definitions.md."""

from datetime import timedelta
from typing import NamedTuple

from telephony.calls.measures import CallSummary, Targets, summary
from telephony.calls.record import CallRecord

MICROSECOND = timedelta(microseconds=1)


class Ratio(NamedTuple):
    """A share, or a mean, before it is divided: what stands over the line, and what under it."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """The share, 0 to 1; None of nothing."""
        return self.part / self.whole if self.whole else None

    @property
    def mean(self) -> timedelta | None:
        """The mean of durations, `part` being microseconds; None of nothing."""
        return self.part / self.whole * MICROSECOND if self.whole else None


class Figures(NamedTuple):
    """Sums over calls that have ended. Of one call each is 0 or 1, but `waited`.

    Attributes:
        sought: calls that sought somebody.
        answered, gave_up, unanswered, short: of these, as in `CallSummary`; shorts are among those who gave up.
        alerted: count for the ring standard. within_rings: of these, answered in time.
        waits: sought, answered or gave up, with a known wait: those whose waits are in `waited`.
        lost: left out of everything: nobody knows how they ended.
        wait_unknown: answered or gave up, but nobody knows after how long: left out of the mean wait.
        rings_unknown: a phone rang, nobody knows how often: left out of the ring standard.
        waited: microseconds that those in `waits` waited.
    """

    sought: int = 0
    answered: int = 0
    gave_up: int = 0
    unanswered: int = 0
    short: int = 0
    alerted: int = 0
    within_rings: int = 0
    waits: int = 0
    lost: int = 0
    wait_unknown: int = 0
    rings_unknown: int = 0
    waited: int = 0

    @property
    def judged(self) -> int:
        """Calls that count for abandonment: shorts are out of both sides."""
        return self.sought - self.short

    @property
    def of_abandonment(self) -> Ratio:
        """Who gave up, of those judged; shorts out of both."""
        return Ratio(self.gave_up - self.short, self.judged)

    @property
    def of_unanswered(self) -> Ratio:
        """Whom nobody answered, of those judged; shorts out of both."""
        return Ratio(self.unanswered - self.short, self.judged)

    @property
    def of_wait(self) -> Ratio:
        """Microseconds that those answered and those who gave up waited, of those whose wait is known."""
        return Ratio(self.waited, self.waits)

    @property
    def of_rings(self) -> Ratio:
        """Who was answered in time, of those who count for the ring standard."""
        return Ratio(self.within_rings, self.alerted)

    @property
    def abandonment(self) -> float | None:
        """Share (0 to 1) of the calls that were given up; None without calls."""
        return self.of_abandonment.share

    @property
    def unanswered_share(self) -> float | None:
        """Share (0 to 1) of the calls that nobody answered, however they ended; None without calls."""
        return self.of_unanswered.share

    @property
    def mean_wait(self) -> timedelta | None:
        """Mean wait of those answered and those who gave up; None when no wait is known."""
        return self.of_wait.mean

    @property
    def within_share(self) -> float | None:
        """Share (0 to 1) of the calls for which a phone rang that were answered in time; None without such calls."""
        return self.of_rings.share


def figures_of(call: CallRecord, targets: Targets) -> tuple[CallSummary, Figures]:
    """What one call with visits, all decided, adds to the sums, and the summary that this comes from."""
    measured = summary(call, targets)
    seen_through = measured.sought and (measured.answered or measured.gave_up)
    rang = measured.answered or any(visit.alerted_at is not None for visit in call.visits)
    return measured, Figures(
        sought=int(measured.sought),
        answered=int(measured.answered),
        gave_up=int(measured.gave_up),
        unanswered=int(measured.unanswered),
        short=int(measured.short),
        alerted=int(measured.alerted),
        within_rings=int(measured.within_rings),
        waits=int(seen_through and measured.wait is not None),
        lost=int(not measured.sought),
        wait_unknown=int(seen_through and measured.wait is None),
        rings_unknown=int(measured.sought and measured.rings is None and rang),
        waited=measured.wait // MICROSECOND if seen_through and measured.wait is not None else 0,
    )
