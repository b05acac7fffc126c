"""One call by its id, or by the number of its case."""

from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from telephony.cases.connecting import connect
from telephony.cases.rows import StoredCall, stored_calls


@dataclass(frozen=True, slots=True)
class Found:
    """A row. `life`: of the journal whose positions its revision holds."""

    stored: StoredCall
    life: int


async def call_of(url: str, call: UUID | None, case_number: str = "", connect_seconds: float = 5) -> Found | None:
    """The call with its visits and offers; None when there is none such. Reads only.

    Args:
        url: a PostgreSQL address.
        call: its id; None: the one whose case has this number.
        case_number: as people are told it.
        connect_seconds: limit for opening the connection.

    Raises:
        DatabaseUrlError: the address is none.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
    """
    settings = {
        "application_name": "threerings replay",
        "timezone": "UTC",
        "statement_timeout": "15s",
        "default_transaction_read_only": "on",
    }
    connection = await connect(url, connect_seconds, settings)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await connection.fetch(_CALL, call, case_number)
            ids = [row["id"] for row in rows]
            visits, offers = await connection.fetch(_VISITS, ids), await connection.fetch(_OFFERS, ids)
    finally:
        connection.terminate()
    found = stored_calls(rows, visits, offers)
    return Found(found[0], rows[0]["life"]) if found else None


_CALL: LiteralString = """
SELECT calls.*, cases.number AS case_number FROM calls LEFT JOIN cases ON cases.call_id = calls.id
WHERE calls.id = coalesce($1, (SELECT call_id FROM cases WHERE number = $2))
"""

_VISITS: LiteralString = "SELECT * FROM visits WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, ordinal"

_OFFERS: LiteralString = "SELECT * FROM offers WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, visit, ordinal"
