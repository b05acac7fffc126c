"""Closes calls that nobody follows any more, as far as they are known; and finds those of PBXs that nobody follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from telephony.cases.connecting import Connection, connect

STATEMENT_SECONDS = 15
UNFOLLOWED = timedelta(days=1)
"""So long nobody has the lease of a PBX, and so long ago a call of it arrived, before it is closed."""


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """What was left open of PBXs that nobody follows.

    Attributes:
        now: the earlier one of our clock and PostgreSQL's.
        open: by PBX, how many calls are still open, for they are not old enough.
        closed: by PBX, how many were closed.
    """

    now: datetime
    open: dict[str, int]
    closed: dict[str, int]


async def close_unfollowed(url: str, pbxs: Sequence[str], now: datetime, connect_seconds: float = 5) -> Unfollowed:
    """Close what has been open for a day, of PBXs that are not ours and that nobody else follows either.

    Args:
        url: a PostgreSQL address.
        pbxs: names of ours.
        now: by our clock; aware.
        connect_seconds: limit for opening the connection.

    Raises:
        DatabaseUrlError: the address is none.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble; then
            nothing was changed.
    """
    settings = {
        "application_name": "threerings closing",
        "timezone": "UTC",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
    }
    connection = await connect(url, connect_seconds, settings)
    try:
        async with connection.transaction():
            earlier = await connection.fetchval("SELECT least($1::timestamptz, clock_timestamp())", now)
            rows = await connection.fetch(_UNFOLLOWED, pbxs, earlier, UNFOLLOWED)
            ids = [row["id"] for row in rows if row["is_old"]]
            await close(connection, ids, "open when its PBX was no longer followed")
    finally:
        connection.terminate()
    found = Unfollowed(earlier, {}, {})
    for row in rows:
        counted = found.closed if row["is_old"] else found.open
        counted[row["pbx"]] = counted.get(row["pbx"], 0) + 1
    return found


async def close(connection: Connection, calls: Sequence[UUID], reason: str) -> None:
    """Undecided visits become `lost`, a talk without an end unknown, and the call ended when it was last seen.

    Args:
        connection: in a transaction that has locked them.
        calls: their ids.
        reason: of visits that are lost.
    """
    await connection.execute(_LOSE_VISITS, calls, reason)
    await connection.execute(_DOUBT_TALKS, calls)
    await connection.execute(_END_CALLS, calls)


# A lease that ended long ago was given up, or nobody is there any more to renew it.
_UNFOLLOWED: LiteralString = """
SELECT id, pbx, arrived_at < $2::timestamptz - $3::interval AS is_old FROM calls
WHERE NOT pbx = ANY($1::text[])
    AND id IN (SELECT id FROM calls WHERE ended_at IS NULL UNION SELECT call_id FROM visits WHERE outcome IS NULL)
    AND NOT EXISTS (SELECT FROM leases WHERE leases.pbx = calls.pbx AND until > clock_timestamp() - $3::interval)
ORDER BY id FOR UPDATE SKIP LOCKED
"""

# How these waits ended cannot be known: kept out of every rate, their length unknown, but where they had left already.
_LOSE_VISITS: LiteralString = """
UPDATE visits SET outcome = 'lost', settling = false, quality = 'partial', caller_rings_heard = NULL,
    reason = $2
WHERE call_id = ANY($1::uuid[]) AND outcome IS NULL
"""

_DOUBT_TALKS: LiteralString = """
UPDATE visits SET talk_us = NULL, hold_us = NULL,
    quality = CASE quality WHEN 'partial' THEN quality ELSE 'approximate' END
FROM calls
WHERE call_id = ANY($1::uuid[]) AND calls.id = call_id AND calls.ended_at IS NULL
    AND visits.outcome = 'answered' AND visits.hung_up_by IS NULL
    AND NOT EXISTS (SELECT FROM visits later
        WHERE later.call_id = visits.call_id AND later.uniqueid = visits.uniqueid AND later.ordinal > visits.ordinal)
"""

_END_CALLS: LiteralString = """
UPDATE calls SET ended_at = greatest(
    arrived_at,
    (SELECT max(greatest(joined_at, left_at, alerted_at)) FROM visits WHERE call_id = calls.id),
    (SELECT max(greatest(called_at, rang_at, answered_at, ended_at)) FROM offers WHERE call_id = calls.id))
WHERE id = ANY($1::uuid[]) AND ended_at IS NULL
"""
