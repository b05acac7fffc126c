"""Cases that were named to a PBX before its AMI told of the channel: each must be seen, or somebody is told.

A case exists once AMI has seen its call; what AGI names is only derived. Both derive it from the same channel, so the
claim and the case are the same, whichever came first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

KEPT = 10_000
PATIENCE = 120.0
"""Seconds after which a call of which AMI has not told will not come."""
REMEDY = (
    "is the PBX followed, and do trunks and internal_contexts let its callers come in? a call that is not inbound has"
    " no case"
)


@dataclass(frozen=True, slots=True)
class _Claim:
    pbx: str
    at: float


class Claims:
    """At most `kept` claims, each for `PATIENCE` seconds.

    Args:
        told: gets (pbx, result) of every claim once: `known`, `early` or `unseen`.
        clock: monotonic seconds.
    """

    def __init__(self, told: Callable[[str, str], None], clock: Callable[[], float], kept: int = KEPT) -> None:
        self._told, self._clock, self._kept = told, clock, kept
        self._early: dict[UUID, _Claim] = {}
        self._log = structlog.get_logger(__name__)

    def known(self, pbx: str) -> None:
        """AMI had told of the channel when its case was named."""
        self._told(pbx, "known")

    def early(self, pbx: str, case: UUID) -> None:
        """A case was named of which AMI has not told yet; naming it twice is one claim."""
        self.expire()
        if case in self._early:
            return
        if len(self._early) >= self._kept:
            self._give_up(next(iter(self._early)))
        self._early[case] = _Claim(pbx, self._clock())

    def opened(self, case: UUID | None) -> None:
        """AMI has told of the call that this case belongs to."""
        claim = self._early.pop(case, None) if case is not None else None
        if claim is not None:
            self._told(claim.pbx, "early")

    def expire(self) -> None:
        """Give up those that are too old; called with every new one and now and then."""
        now = self._clock()
        while self._early:
            case, claim = next(iter(self._early.items()))
            if now - claim.at < PATIENCE:
                return
            self._give_up(case)

    def _give_up(self, case: UUID) -> None:
        claim = self._early.pop(case)
        self._told(claim.pbx, "unseen")
        self._log.warning("case_never_seen", pbx=claim.pbx, case=str(case), remedy=REMEDY)
