"""What the ledger says of one PBX between two instants: to be held against queue_log."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from telephony.calls.record import CallRecord
from telephony.cases.connecting import connect
from telephony.cases.rows import storable, stored_calls

CHUNK = 100
"""Calls whose visits and offers are read, and made into records, at once: nobody else has his turn meanwhile."""
STATEMENT_SECONDS = 15
JOINED_NEAR = timedelta(seconds=2.5)
"""queue_log tells whole seconds, and so do listings."""


async def queue_calls(
    url: str, pbx: str, since: datetime, until: datetime, connect_seconds: float = 5
) -> list[CallRecord]:
    """The calls with a queue visit that joined in [since, until), or that was refused when the call arrived then.

    Whole calls, with all their visits and offers, by arrived_at, then id: one consistent picture. A visit that was
    refused never joined; it counts at the arrival of its call. Opens its own connection and closes it.

    Args:
        url: a PostgreSQL address.
        pbx: whose calls.
        since: aware; the PBX's clock.
        until: the same.
        connect_seconds: limit for opening the connection.

    Raises:
        DatabaseUrlError: the address is none.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
    """
    return await _whole(url, connect_seconds, CALLS, pbx, since, until)


async def last_arrival(url: str, pbx: str, since: datetime, connect_seconds: float = 5) -> datetime | None:
    """When the newest call of a PBX arrived; None when none did since then. Raises like `queue_calls`."""
    connection = await connect(url, connect_seconds, {"statement_timeout": f"{STATEMENT_SECONDS}s"})
    try:
        found: datetime | None = await connection.fetchval(_LAST_ARRIVAL, pbx, since)
        return found
    finally:
        connection.terminate()


async def calls_named(
    url: str, pbx: str, ids: Collection[UUID], joined: Sequence[tuple[str, datetime]], connect_seconds: float = 5
) -> list[CallRecord]:
    """These calls, and those of whoever joined such a queue within `JOINED_NEAR` of such a moment; as `queue_calls`.

    Args:
        url: a PostgreSQL address.
        pbx: whose calls.
        ids: of calls of any direction.
        joined: queues, each with a moment.
        connect_seconds: limit for opening the connection.
    """
    queues = [storable(queue) for queue, _ in joined]
    since, until = [at - JOINED_NEAR for _, at in joined], [at + JOINED_NEAR for _, at in joined]
    return await _whole(url, connect_seconds, NAMED, pbx, list(ids), queues, since, until)


async def _whole(url: str, connect_seconds: float, query: LiteralString, *values: object) -> list[CallRecord]:
    """The calls that a query gives, with their visits and offers."""
    settings = {
        "application_name": "threerings ledger",
        "timezone": "UTC",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "idle_in_transaction_session_timeout": "60s",
    }
    connection = await connect(url, connect_seconds, settings)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            calls: list[CallRecord] = []
            cursor = await connection.cursor(query, *values)
            while rows := await cursor.fetch(CHUNK):
                ids = [row["id"] for row in rows]
                visits = await connection.fetch(_VISITS, ids)
                offers = await connection.fetch(_OFFERS, ids)
                calls += [stored.call for stored in stored_calls(rows, visits, offers)]
            return calls
    finally:
        connection.terminate()


# Each half has its index: visits_joined, calls_arrived. `materialized` keeps the ids from being asked for row by row.
CALLS: LiteralString = """
WITH found AS MATERIALIZED (
    SELECT call_id FROM visits WHERE kind = 'queue' AND joined_at >= $2 AND joined_at < $3
    UNION
    SELECT visits.call_id FROM calls JOIN visits ON visits.call_id = calls.id
    WHERE calls.arrived_at >= $2 AND calls.arrived_at < $3 AND visits.kind = 'queue' AND visits.joined_at IS NULL)
SELECT calls.*, NULL::text AS case_number FROM calls JOIN found ON found.call_id = calls.id
WHERE calls.pbx = $1
ORDER BY arrived_at, id
"""
"""Parameters: PBX, since, until."""

# LIMIT in the LATERALs keeps the planner at the indexes: it cannot know how few rows such a range holds.
NAMED: LiteralString = """
WITH found AS MATERIALIZED (
    SELECT call_id FROM unnest($3::text[], $4::timestamptz[], $5::timestamptz[]) AS asked (queue, since, until)
    CROSS JOIN LATERAL (
        SELECT call_id FROM visits
        WHERE kind = 'queue' AND joined_at >= asked.since AND joined_at < asked.until AND visits.queue = asked.queue
        ORDER BY joined_at LIMIT 1000) AS joined
    UNION
    SELECT unnest($2::uuid[]))
SELECT named.*, NULL::text AS case_number
FROM found CROSS JOIN LATERAL (SELECT * FROM calls WHERE calls.id = found.call_id AND calls.pbx = $1 LIMIT 1) AS named
ORDER BY arrived_at, id
"""
"""Parameters: PBX, ids, and of each who joined: queue, since, until."""

_VISITS: LiteralString = "SELECT * FROM visits WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, ordinal"

_OFFERS: LiteralString = "SELECT * FROM offers WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, visit, ordinal"

_LAST_ARRIVAL: LiteralString = "SELECT max(arrived_at) FROM calls WHERE pbx = $1 AND arrived_at >= $2"
