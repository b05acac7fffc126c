"""What belongs to a case or a call back, to be shown with it: its calls as they were measured, and its history."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from telephony.calls.record import Outcome
from telephony.cases.callback import CallBack
from telephony.cases.callbacks import NoSuchWork
from telephony.cases.case_rows import callback_of
from telephony.cases.listing import Entry, entry_of
from telephony.cases.person import Person
from telephony.cases.turns import Turns


@dataclass(frozen=True, slots=True)
class CallLine:
    """One call of a time line.

    Attributes:
        caller: the number as the PBX holds it: hostile text. dialled: what he asked for first.
        queue, outcome, agent: of the visit that was answered last, else of the last one; None without visits.
        rings: that the caller heard before that answer; None: nobody answered, or it is not known.
        wait: sum up to the first answer, talk: sum; None: not known, or none.
    """

    id: UUID
    arrived_at: datetime
    ended_at: datetime | None
    caller: str
    dialled: str
    queue: str | None
    outcome: Outcome | None
    agent: str | None
    rings: int | None
    wait: timedelta | None
    talk: timedelta | None


@dataclass(frozen=True, slots=True)
class WholeWork:
    """A call back with its history, the ids of its calls and of the cases that these opened."""

    work: CallBack
    history: tuple[Entry, ...]
    calls: tuple[UUID, ...]
    cases: tuple[UUID, ...]


class Timeline:
    """Reads only; all methods raise what `Turns.transaction` does.

    Args:
        turns: connections.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def calls(self, calls: Collection[UUID]) -> tuple[CallLine, ...]:
        """These calls, first things first; who asks has been found to see the case that they are of."""
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_CALLS, list(calls))
        return tuple(
            CallLine(
                row["id"], row["arrived_at"], row["ended_at"], row["caller"], row["dialled"], row["queue"],
                None if row["outcome"] is None else Outcome(row["outcome"]), row["agent"], row["caller_rings"],
                _duration(row["wait_us"]), _duration(row["talk_us"]),
            )
            for row in rows
        )  # fmt: skip

    async def work(self, by: Person, work: UUID) -> WholeWork:
        """A call back with all that belongs to it.

        Raises:
            NoSuchWork: there is none, or none that he may see.
        """
        async with self._turns.transaction() as connection:
            row = await connection.fetchrow("SELECT * FROM callbacks WHERE id = $1", work)
            if row is None or not by.works_in(row["branch"]):
                raise NoSuchWork(f"there is no call back {work}")
            history = await connection.fetch(_HISTORY, work)
            calls = await connection.fetch(_OF_WORK, work)
        cases = tuple(one["case_id"] for one in calls if one["case_id"] is not None)
        return WholeWork(callback_of(row), tuple(map(entry_of, history)), tuple(one["call_id"] for one in calls), cases)


def _duration(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=microseconds)


_HISTORY: LiteralString = "SELECT * FROM callback_history WHERE callback_id = $1 ORDER BY version"

_OF_WORK: LiteralString = """
SELECT callback_calls.call_id, cases.id AS case_id FROM callback_calls
JOIN calls ON calls.id = callback_calls.call_id LEFT JOIN cases ON cases.call_id = calls.id
WHERE callback_id = $1 ORDER BY calls.arrived_at, calls.id
"""

_CALLS: LiteralString = """
SELECT calls.id, arrived_at, ended_at, caller, dialled, shown.queue, shown.outcome, shown.agent, shown.caller_rings,
    waited.wait_us, talked.talk_us
FROM calls
LEFT JOIN LATERAL (
    SELECT queue, outcome, agent, caller_rings FROM visits WHERE call_id = calls.id
    ORDER BY (outcome IS NOT DISTINCT FROM 'answered') DESC, ordinal DESC
    LIMIT 1) AS shown ON true
LEFT JOIN LATERAL (
    SELECT CASE WHEN bool_and(wait_us IS NOT NULL) THEN sum(wait_us)::bigint END AS wait_us FROM visits
    WHERE call_id = calls.id AND ordinal <= coalesce(
        (SELECT min(ordinal) FROM visits WHERE call_id = calls.id AND outcome = 'answered'), ordinal)
    ) AS waited ON true
LEFT JOIN LATERAL (
    SELECT CASE WHEN bool_and(talk_us IS NOT NULL) THEN sum(talk_us)::bigint END AS talk_us FROM visits
    WHERE call_id = calls.id AND outcome = 'answered') AS talked ON true
WHERE calls.id = ANY($1::uuid[]) ORDER BY arrived_at, calls.id
"""
