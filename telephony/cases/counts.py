"""How much there is to do, what is due, and what has been told for long enough."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from telephony.cases.kinds import CaseKind
from telephony.cases.turns import Turns
from telephony.standard.deadlines import Duty

MOST_DUTIES = 1_000
TOLD_FOR = timedelta(days=7)
"""So long what is told to others waits for whoever tells it."""


@dataclass(frozen=True, slots=True)
class Counted:
    """At one instant.

    Attributes:
        open, overdue: cases by kind, each kind among them. callbacks, callbacks_overdue: numbers to be called back.
        waiting: states of calls at which nobody has looked.
    """

    open: dict[CaseKind, int]
    overdue: dict[CaseKind, int]
    callbacks: int
    callbacks_overdue: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Due:
    """What a duty is about. `number`: of a case; empty: it is a call back."""

    id: UUID
    number: str


class Counts:
    """Counts. All methods raise what `Turns.transaction` does.

    Args:
        turns: connections.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def counted(self, now: datetime) -> Counted:
        """How much there is to do now."""
        async with self._turns.transaction() as connection:
            active = {row["kind"]: row["cases"] for row in await connection.fetch(_ACTIVE)}
            late = {row["kind"]: row["cases"] for row in await connection.fetch(_OVERDUE, now)}
            work = await connection.fetchrow(_WORK, now)
            waiting = await connection.fetchval("SELECT count(*) FROM casework_due")
        return Counted(
            {kind: active.get(kind.value, 0) for kind in CaseKind},
            {kind: late.get(kind.value, 0) for kind in CaseKind},
            0 if work is None else work["open"],
            0 if work is None else work["overdue"],
            waiting,
        )

    async def duties(self, until: datetime) -> list[Duty[Due]]:
        """What is due by then, at most `MOST_DUTIES`, the longest overdue first: for `deadlines.reminders`."""
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_DUTIES, until, MOST_DUTIES)
        return [Duty(Due(row["id"], row["number"]), row["branch"], row["owner"], row["due_at"]) for row in rows]

    async def forget_told(self, now: datetime) -> None:
        """Forget what nobody has told to others in time."""
        async with self._turns.transaction() as connection:
            await connection.execute("DELETE FROM outbox WHERE at < $1", now - TOLD_FOR)


_ACTIVE: LiteralString = """
SELECT kind, count(*) AS cases FROM cases
WHERE state IN ('open', 'waiting_caller', 'waiting_department', 'answered') GROUP BY kind
"""

_OVERDUE: LiteralString = """
SELECT kind, count(*) AS cases FROM cases
WHERE due_at < $1 AND due_at IS NOT NULL AND state NOT IN ('archived', 'merged') GROUP BY kind
"""

_WORK: LiteralString = """
SELECT count(*) AS open, count(*) FILTER (WHERE due_at < $1) AS overdue FROM callbacks WHERE result IS NULL
"""

_DUTIES: LiteralString = """
(SELECT id, number, branch, owner, due_at FROM cases
WHERE due_at <= $1 AND due_at IS NOT NULL AND state NOT IN ('archived', 'merged') ORDER BY due_at, id LIMIT $2)
UNION ALL
(SELECT id, '', branch, claimed_by ->> 'id', due_at FROM callbacks
WHERE result IS NULL AND due_at <= $1 ORDER BY due_at, id LIMIT $2)
ORDER BY due_at, id LIMIT $2
"""
