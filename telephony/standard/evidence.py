"""How well the visits behind a figure are known: what every figure of an interval carries beside it."""

from collections import Counter
from typing import NamedTuple

from telephony.calls.record import CallRecord, Quality


class Evidence(NamedTuple):
    """So many visits of each quality (docs/definitions.md)."""

    live: int = 0
    partial: int = 0
    reconstructed: int = 0
    approximate: int = 0

    @property
    def visits(self) -> int:
        """All of them."""
        return sum(self)


def evidence_of(call: CallRecord) -> Evidence:
    """What one call adds."""
    found = Counter(visit.quality for visit in call.visits)
    return Evidence(
        live=found[Quality.LIVE],
        partial=found[Quality.PARTIAL],
        reconstructed=found[Quality.RECONSTRUCTED],
        approximate=found[Quality.APPROXIMATE],
    )
