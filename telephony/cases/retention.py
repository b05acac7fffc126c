"""Forgets old calls: in small batches, so that nobody who saves ever waits for it."""

import asyncio
from datetime import UTC, datetime
from typing import LiteralString
from uuid import UUID

import structlog

from telephony.cases.connecting import connect

BATCH = 500
"""Calls forgotten at once."""
REST_SECONDS = 0.05
"""Between two batches: a first run over years of calls must not be noticed."""
STATEMENT_SECONDS = 15
log = structlog.get_logger(__name__)


async def forget(url: str, before: datetime, batch: int = BATCH, connect_seconds: float = 5) -> int:
    """Delete the calls that arrived before and have ended, with visits, offers and case.

    Never a call that goes on, nor one with an undecided visit. What somebody else has locked is left for the next time.
    To stop it in the middle is safe: each batch is whole.

    Args:
        url: a PostgreSQL address.
        before: aware; the PBX's clock.
        batch: so many at once.
        connect_seconds: limit for opening the connection.

    Returns:
        How many calls were deleted.

    Raises:
        DatabaseUrlError: the address is none.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble; some
            batches may have been deleted.
    """
    settings = {
        "application_name": "threerings retention",
        "timezone": "UTC",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
    }
    connection = await connect(url, connect_seconds, settings)
    forgotten, last = 0, _FIRST
    try:
        while row := await connection.fetchrow(_FORGET, before, *last, batch):
            forgotten += row["forgotten"]
            last = (row["arrived_at"], row["id"])
            await asyncio.sleep(REST_SECONDS)
    finally:
        connection.terminate()
        if forgotten:
            log.info("calls_forgotten", calls=forgotten, before=before.isoformat())
    return forgotten


_FIRST = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))
"""Before all calls; each batch goes on behind the one before, so that none looks twice at what must stay."""

# What may go. The one place to add to when a case can be open or closed: and no case of it is open.
_MAY_GO: LiteralString = """
    ended_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM visits WHERE visits.call_id = calls.id AND visits.outcome IS NULL)
"""

_FORGET: LiteralString = f"""
WITH old AS MATERIALIZED (
    SELECT id, arrived_at FROM calls
    WHERE arrived_at < $1 AND (arrived_at, id) > ($2, $3) AND {_MAY_GO}
    ORDER BY arrived_at, id LIMIT $4
    FOR UPDATE SKIP LOCKED),
gone AS (DELETE FROM calls USING old WHERE calls.id = old.id RETURNING calls.id)
SELECT (SELECT count(*) FROM gone) AS forgotten, arrived_at, id
FROM old ORDER BY arrived_at DESC, id DESC LIMIT 1
"""  # noqa: S608 - a constant of ours
