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


@dataclass(frozen=True, slots=True)
class Limits:
    """What the standard asks.

    Attributes:
        abandonment: at most this share of the calls is given up; what nobody answered is judged by the same limit.
        mean_wait: callers wait less than this on average.
        within_share: at least this share is answered within `rings`.
        rings: the number of rings. It is applied per call, by `telephony.calls.measures`; here it is for the words.
    """

    abandonment: float
    mean_wait: timedelta
    within_share: float
    rings: int


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
    abandonment, unanswered = figures.abandonment, figures.unanswered_share
    wait, within = figures.mean_wait, figures.within_share
    return Verdicts(
        abandonment=_verdict(None if abandonment is None else abandonment <= limits.abandonment),
        unanswered=_verdict(None if unanswered is None else unanswered <= limits.abandonment),
        mean_wait=_verdict(None if wait is None else wait < limits.mean_wait),
        within_rings=_verdict(None if within is None else within >= limits.within_share),
    )


def _verdict(kept: bool | None) -> Verdict:
    if kept is None:
        return Verdict.NO_CALLS
    return Verdict.KEPT if kept else Verdict.MISSED
