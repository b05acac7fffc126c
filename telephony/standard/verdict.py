"""Whether figures keep the standard: each measure against its limit, and all of them together."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from telephony.standard.figures import Figures


class Verdict(StrEnum):
    """What can be said of a measure, or of all."""

    KEPT = "kept"
    MISSED = "missed"
    NO_CALLS = "no_calls"


class Bound(StrEnum):
    """On which side of its limit a figure keeps the standard."""

    AT_MOST = "at_most"
    BELOW = "below"
    AT_LEAST = "at_least"

    def kept(self, value: float, limit: float) -> bool:
        """Whether the value keeps the limit; both in the same unit."""
        if self is Bound.AT_MOST:
            return value <= limit
        return value < limit if self is Bound.BELOW else value >= limit


ABANDONMENT, MEAN_WAIT, WITHIN_SHARE = Bound.AT_MOST, Bound.BELOW, Bound.AT_LEAST
"""The side of each limit; what nobody answered is held against that of abandonment."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the standard asks.

    Attributes:
        abandonment: at most this share of the calls is given up; what nobody answered is judged by the same limit.
        mean_wait: callers wait less than this on average.
        within_share: at least this share is answered within `rings`.
        rings: the number of rings. It is applied per call, by `telephony.calls.measures`; here it is for the words.
        complaint_rate: at most this share of the calls answered ends in a complaint about the telephone service.
    """

    abandonment: float
    mean_wait: timedelta
    within_share: float
    rings: int
    complaint_rate: float = 0.0001


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdict on each measure."""

    abandonment: Verdict
    unanswered: Verdict
    mean_wait: Verdict
    within_rings: Verdict

    @property
    def whole(self) -> Verdict:
        """Missed where one is; kept where one is and none is missed."""
        every = {self.abandonment, self.unanswered, self.mean_wait, self.within_rings}
        for verdict in (Verdict.MISSED, Verdict.KEPT):
            if verdict in every:
                return verdict
        return Verdict.NO_CALLS


def judge(figures: Figures, limits: Limits) -> Verdicts:
    """Hold figures against the limits."""
    wait = figures.mean_wait
    waited = None if wait is None else wait.total_seconds()
    return Verdicts(
        abandonment=_verdict(ABANDONMENT, figures.abandonment, limits.abandonment),
        unanswered=_verdict(ABANDONMENT, figures.unanswered_share, limits.abandonment),
        mean_wait=_verdict(MEAN_WAIT, waited, limits.mean_wait.total_seconds()),
        within_rings=_verdict(WITHIN_SHARE, figures.within_share, limits.within_share),
    )


def _verdict(bound: Bound, value: float | None, limit: float) -> Verdict:
    if value is None:
        return Verdict.NO_CALLS
    return Verdict.KEPT if bound.kept(value, limit) else Verdict.MISSED
