"""The calls that ended since a moment, read once at the start of a process: what today was before it."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import LiteralString

from telephony.calls.record import CallRecord
from telephony.cases.connecting import connect
from telephony.cases.rows import stored_calls

CHUNK = 500
"""Calls read at a time."""
LONGEST_CALL = "24 hours"
"""Calls are found by the index of their arrival; one that had gone on for longer when it ended is not."""


async def ended_since(
    url: str, since: datetime, until: datetime | None = None, connect_seconds: float = 5
) -> AsyncGenerator[CallRecord, None]:
    """The calls with since <= ended_at < until, by ended_at: one consistent picture, read in pieces.

    Offers are left out: what the standard asks of a call needs none. Opens its own connection and closes it, so that
    nobody who saves waits for it. Iterate to the end, or close the iterator (`contextlib.aclosing`).

    Args:
        url: a PostgreSQL address.
        since: the moment, aware.
        until: another; None: however late.
        connect_seconds: limit for opening the connection.

    Raises:
        DatabaseUrlError: the address is none.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
    """
    settings = {
        "application_name": "threerings today",
        "timezone": "UTC",
        "statement_timeout": "15s",
        "idle_in_transaction_session_timeout": "60s",
    }
    connection = await connect(url, connect_seconds, settings)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            cursor = await connection.cursor(_ENDED, since, until)
            while rows := await cursor.fetch(CHUNK):
                visits = await connection.fetch(_VISITS, [row["id"] for row in rows])
                for stored in stored_calls(rows, visits, ()):
                    yield stored.call
    finally:
        connection.terminate()


_ENDED: LiteralString = f"""
SELECT calls.*, NULL::text AS case_number FROM calls
WHERE ended_at >= $1 AND ended_at < coalesce($2, 'infinity'::timestamptz)
  AND arrived_at >= $1 - interval '{LONGEST_CALL}' AND arrived_at < coalesce($2, 'infinity'::timestamptz)
  AND visits > 0
ORDER BY ended_at, id
"""  # noqa: S608 - a constant of ours

_VISITS: LiteralString = "SELECT * FROM visits WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, ordinal"
