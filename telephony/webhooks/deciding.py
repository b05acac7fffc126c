"""What becomes of an event after an attempt to tell it. Pure."""

from datetime import timedelta
from enum import StrEnum

REFUSALS = 5
"""So often a receiver may refuse one event before the next one has its turn."""
GONE = 410
LATER = frozenset({408, 425, 429})
"""Refusals that mean: not now."""
FINE, LIMIT = range(200, 300), range(400, 500)


class Fate(StrEnum):
    """What becomes of it."""

    DELIVERED = "delivered"
    AGAIN = "again"
    """And nothing else of that receiver before it: events come in order."""
    PARKED = "parked"
    """It waits for a person; the next has its turn."""


def fate(status: int | None, attempts: int, age: timedelta, longest: timedelta) -> Fate:
    """What becomes of it.

    Args:
        status: of the answer; None: there was none.
        attempts: so many were made, this one included.
        age: since it happened.
        longest: so long it is tried.
    """
    if status is not None and status in FINE:
        return Fate.DELIVERED
    if status == GONE or age >= longest:
        return Fate.PARKED
    if status is not None and status in LIMIT and status not in LATER and attempts >= REFUSALS:
        return Fate.PARKED
    return Fate.AGAIN
