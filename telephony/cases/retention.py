"""Forgets old calls: in small batches, so that nobody who saves ever waits for it.

A call stays for as long as somebody has worked on its case, or has to call back for it. Call backs that are done go
with the last of their calls, unless a person did something with them: what he did is there for ever.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import structlog

from telephony.cases.connecting import Connection, connect

BATCH = 500
"""Calls forgotten at once."""
REST_SECONDS = 0.05
"""Between two batches: a first run over years of calls must not be noticed."""
STATEMENT_SECONDS = 15
DOUBT = timedelta(days=2)
"""A clock so far ahead of the newest call is not believed. Holidays are longer: the old calls then go after them."""


class ClockDoubted(Exception):  # noqa: N818 - what it is
    """What time it is cannot be known well enough to delete anything; the message is one line with the remedy."""


log = structlog.get_logger(__name__)


async def forget(url: str, keep: timedelta, now: datetime, batch: int = BATCH, connect_seconds: float = 5) -> int:
    """Delete the calls that arrived longer ago and have ended, with visits, offers and case; and what agents did then.

    Never a call that goes on, nor one with an undecided visit. What somebody else has locked is left for the next time.
    To stop it in the middle is safe: each batch is whole. Of our clock and PostgreSQL's the earlier one counts, and not
    even that when it is far ahead of the newest call, whose time the PBX told: one that was set wrong must not delete
    the past.

    Args:
        url: a PostgreSQL address.
        keep: so long calls are kept after they arrived.
        now: by our clock; aware.
        batch: so many at once.
        connect_seconds: limit for opening the connection.

    Returns:
        How many calls were deleted.

    Raises:
        ClockDoubted: nothing was deleted.
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
    before, forgotten, last = _FIRST[0], 0, _FIRST
    try:
        before = await _due(connection, keep, now)
        while row := await connection.fetchrow(_FORGET, before, *last, batch):
            forgotten += row["forgotten"]
            last = (row["arrived_at"], row["id"])
            await asyncio.sleep(REST_SECONDS)
        for statement in (_FORGET_CALLBACKS, _FORGET_SPELLS):  # also those that an earlier run was stopped before
            gone = 1
            while gone:
                gone = await connection.fetchval(statement, before, batch)
                await asyncio.sleep(REST_SECONDS)
    finally:
        connection.terminate()
        if forgotten:
            log.info("calls_forgotten", calls=forgotten, before=before.isoformat())
    return forgotten


async def _due(connection: Connection, keep: timedelta, now: datetime) -> datetime:
    """What arrived before then may go."""
    row = await connection.fetchrow(_CLOCKS, now)
    if row is None or row["newest"] is None:
        return _FIRST[0]
    if row["now"] - row["newest"] > DOUBT:
        ahead = (row["now"] - row["newest"]).days
        raise ClockDoubted(
            f"our clock and the database's are {ahead} days ahead of the newest call: nothing is deleted;"
            " set the clock, or wait for the next call"
        )
    return row["now"] - keep  # type: ignore[no-any-return]  # the driver knows no types


_FIRST = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))
"""Before all calls; each batch goes on behind the one before, so that none looks twice at what must stay."""

# What may go: what nobody has worked on, and for which nobody has to be called back any more.
_MAY_GO: LiteralString = """
    ended_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM visits WHERE visits.call_id = calls.id AND visits.outcome IS NULL)
    AND NOT EXISTS (SELECT FROM cases WHERE cases.call_id = calls.id AND cases.worked)
    AND NOT EXISTS (SELECT FROM case_calls WHERE case_calls.call_id = calls.id)
    AND NOT EXISTS (SELECT FROM callback_calls JOIN callbacks ON callbacks.id = callback_id
        WHERE callback_calls.call_id = calls.id AND result IS NULL)
"""

_CLOCKS: LiteralString = """
SELECT least($1::timestamptz, clock_timestamp()) AS now, (SELECT max(arrived_at) FROM calls) AS newest
"""

_FORGET_CALLBACKS: LiteralString = """
WITH gone AS (
    DELETE FROM callbacks WHERE id = ANY(ARRAY(
        SELECT id FROM callbacks WHERE result IS NOT NULL AND closed_at < $1
            AND NOT EXISTS (SELECT FROM callback_calls WHERE callback_id = callbacks.id)
            AND NOT EXISTS (
                SELECT FROM callback_history WHERE callback_id = callbacks.id AND by_id <> 'machine')
        LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING 1)
SELECT count(*) FROM gone
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

_FORGET_SPELLS: LiteralString = """
WITH gone AS (
    DELETE FROM agent_spells WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM agent_spells WHERE began_at < $1 AND ended_at < $1 ORDER BY began_at LIMIT $2
        FOR UPDATE SKIP LOCKED))
    RETURNING 1)
SELECT count(*) FROM gone
"""
