"""Whom a `handlers.reconcile.Reconciler` needs, and what it tells."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from handlers.reading import Reading
from handlers.reconciling.judging import Judged
from telephony.calls.record import CallRecord

KEPT = 200
"""Differences of a round that are kept for people to look at."""


class Source(Protocol):
    """Where calls are kept: `telephony.cases.ledger` and `CallStore` in production. All raise `AWAY`."""

    async def joined(self, since: datetime, until: datetime, /) -> list[CallRecord]:
        """The calls with a queue visit that joined then."""
        ...

    async def named(self, ids: Collection[UUID], joined: Sequence[tuple[str, datetime]], /) -> list[CallRecord]:
        """These calls, and those of who joined such a queue near such a moment."""
        ...

    async def adopt(self, calls: Sequence[CallRecord], /) -> None:
        """Take these over from whoever wrote them."""
        ...

    def pending(self) -> list[CallRecord]:
        """States that may not be durable yet."""
        ...


class Followed(Protocol):
    """A PBX that is followed: `handlers.follow.Follower`."""

    reading: Reading
    recovering: bool

    @property
    def synchronised(self) -> bool:
        """Heard, and everything on it is known."""
        ...

    @property
    def settled(self) -> bool:
        """And of no call it is doubtful whether it goes on."""
        ...


class Counts(Protocol):
    """Who counts: `telephony.metrics.Measures`."""

    def mismatch(self, pbx: str, kind: str, *, healed: bool) -> None:
        """One difference."""
        ...

    def uncompared(self, pbx: str, stays: int) -> None:
        """Stays given up."""
        ...


class Marks(Protocol):
    """What remembers small values: `telephony.journal.writer.Journal`."""

    def mark(self, name: str, value: bytes, /) -> None:
        """Keep a small value, not before what was appended before it."""
        ...


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a round found.

    Attributes:
        at: when, on our clock.
        compared: stays of queue_log with which it is done; those put right are looked at once more.
        differences: each with whether it was put right; at most `KEPT`.
        healed: so many were put right.
        waiting: stays to be looked at again, mostly because their calls go on.
    """

    at: datetime
    compared: int
    differences: tuple[Judged, ...]
    healed: int
    waiting: int
