"""What a caller has called about before: asked while his call rings, so it is quick or it is nothing."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import asyncpg

from telephony.calls.record import Outcome
from telephony.cases.connecting import Connection, connect
from telephony.cases.rows import storable

CONNECTIONS = 4
ANSWER_SECONDS = 2.0
COUNTED = 100
"""Earlier calls are counted up to here; a number that calls all day must cost no more."""
BROKEN = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a connection says that was cut while nobody used it."""


@dataclass(frozen=True, slots=True)
class EarlierContact:
    """An inbound call of the same caller, before the present one.

    Attributes:
        queue, outcome, agent: of the visit that was answered last, else of the last one; None without visits.
        wait: sum over its visits up to the first answer; None when one is unknown, or without visits.
        talk: sum over its visits; None when nobody talked or a length is unknown.
        case_id, case_number, case_kind: None when no case was opened.
        case_state, case_owner: how it stands, and who sees to it; None: nobody, or there is none.
    """

    id: UUID
    arrived_at: datetime
    queue: str | None
    outcome: Outcome | None
    agent: str | None
    wait: timedelta | None
    talk: timedelta | None
    case_id: UUID | None
    case_number: str | None
    case_kind: str | None
    case_state: str | None = None
    case_owner: str | None = None


@dataclass(frozen=True, slots=True)
class Contacts:
    """What is known of a caller.

    Attributes:
        total: his earlier calls, at most `COUNTED`. more: there are more than that.
        newest: the newest of them, newest first.
        case_number: of the present call, once its row is written.
    """

    total: int
    more: bool
    newest: tuple[EarlierContact, ...]
    case_number: str | None


class Earlier:
    """Asks the database, on a few connections of its own; one that was cut meanwhile is replaced.

    Args:
        url: a PostgreSQL address.
        answer_seconds: limit for one question, connecting included.
        spellings: all ways in which PBXs write a number, that one included: these are one caller.
    """

    def __init__(
        self,
        url: str,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        spellings: Callable[[str], Sequence[str]] = lambda caller: (caller,),
    ) -> None:
        self._url, self._spellings = url, spellings
        self._seconds = answer_seconds
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[Connection] = []
        self._closed = False

    async def of(self, caller: str, before: datetime, exclude: UUID, limit: int = 5) -> Contacts:
        """The inbound calls of this caller that arrived before.

        Args:
            caller: his number as the PBX holds it. Empty is nobody.
            before: aware; the PBX's clock.
            exclude: the present call.
            limit: so many of the newest are told in full.

        Raises:
            DatabaseUrlError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: no answer.
        """
        question = ([storable(one) for one in self._spellings(caller)], before, exclude)
        async with asyncio.timeout(self._seconds), self._turns:
            while self._idle:
                with contextlib.suppress(*BROKEN):
                    return await self._ask(self._idle.pop(), question, limit)
            return await self._ask(await self._connect(), question, limit)

    async def close(self) -> None:
        """Let the connections go."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            try:
                await connection.close(timeout=1)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()

    async def _ask(self, connection: Connection, question: tuple[list[str], datetime, UUID], limit: int) -> Contacts:
        try:
            told = await connection.fetchrow(_COUNT, *question, COUNTED + 1)
            rows = await connection.fetch(_NEWEST, *question, limit)
        except BaseException:
            connection.terminate()  # an answer may still be on its way
            raise
        if self._closed:
            connection.terminate()
        else:
            self._idle.append(connection)
        total, number = (told["total"], told["number"]) if told else (0, None)
        return Contacts(min(total, COUNTED), total > COUNTED, tuple(_contact(row) for row in rows), number)

    async def _connect(self) -> Connection:
        # The server, too, gives up: a question that nobody waits for any more costs it nothing.
        limit = {"statement_timeout": f"{max(1, int(self._seconds * 1000))}"}
        settings = {"application_name": "threerings screens", "timezone": "UTC", "default_transaction_read_only": "on"}
        return await connect(self._url, self._seconds, settings | limit)


def _contact(row: Any) -> EarlierContact:  # noqa: ANN401 - the driver knows no types
    return EarlierContact(
        id=row["id"],
        arrived_at=row["arrived_at"],
        queue=row["queue"],
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        agent=row["agent"],
        wait=_duration(row["wait_us"]),
        talk=_duration(row["talk_us"]),
        case_id=row["case_id"],
        case_number=row["number"],
        case_kind=row["kind"],
        case_state=row["state"],
        case_owner=row["owner_name"],
    )


def _duration(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=microseconds)


# Index `calls_of_caller` knows the beginning of the number, and only of those that have one: so both are asked for;
# and each way of writing it by itself, so that its newest calls are the beginning of the index.
_COUNT: LiteralString = """
SELECT
    (SELECT count(*) FROM (
        SELECT FROM unnest($1::text[]) AS spelling CROSS JOIN LATERAL (
            SELECT FROM calls
            WHERE left(caller, 64) = left(spelling, 64) AND caller = spelling AND caller <> '' AND arrived_at < $2
                AND id <> $3 AND direction = 'inbound'
            LIMIT $4) AS his
        LIMIT $4) AS counted) AS total,
    (SELECT number FROM cases WHERE call_id = $3) AS number
"""

_NEWEST: LiteralString = """
SELECT earlier.id, earlier.arrived_at, shown.queue, shown.outcome, shown.agent, waited.wait_us, talked.talk_us,
    cases.id AS case_id, cases.number, cases.kind, cases.state, cases.owner_name
FROM (
    SELECT his.* FROM unnest($1::text[]) AS spelling CROSS JOIN LATERAL (
        SELECT id, arrived_at FROM calls
        WHERE left(caller, 64) = left(spelling, 64) AND caller = spelling AND caller <> '' AND arrived_at < $2
            AND id <> $3 AND direction = 'inbound'
        ORDER BY arrived_at DESC, id DESC
        LIMIT $4) AS his
    ORDER BY arrived_at DESC, id DESC
    LIMIT $4) AS earlier
LEFT JOIN cases ON cases.call_id = earlier.id
LEFT JOIN LATERAL (
    SELECT queue, outcome, agent FROM visits WHERE call_id = earlier.id
    ORDER BY (outcome IS NOT DISTINCT FROM 'answered') DESC, ordinal DESC
    LIMIT 1) AS shown ON true
LEFT JOIN LATERAL (
    SELECT CASE WHEN bool_and(wait_us IS NOT NULL) THEN sum(wait_us)::bigint END AS wait_us FROM visits
    WHERE call_id = earlier.id AND ordinal <= coalesce(
        (SELECT min(ordinal) FROM visits WHERE call_id = earlier.id AND outcome = 'answered'), ordinal)
    ) AS waited ON true
LEFT JOIN LATERAL (
    SELECT CASE WHEN bool_and(talk_us IS NOT NULL) THEN sum(talk_us)::bigint END AS talk_us FROM visits
    WHERE call_id = earlier.id AND outcome = 'answered') AS talked ON true
ORDER BY earlier.arrived_at DESC, earlier.id DESC
"""
