"""How far in a PBX's journal the rows of its calls rest: to be held against what the journal shows. Reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from telephony.cases.connecting import connect

STATEMENT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Row:
    """One call, as the database has it.

    Attributes:
        life: whose positions its revision holds.
        revision: of the state that is there.
        is_open: without an end, or with an undecided visit.
    """

    id: UUID
    life: int
    revision: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Resting:
    """What rests on one journal.

    Attributes:
        rows: of the calls that were asked for, as far as there are any.
        revision: the highest of that life among the open calls and those of the last days; 0: none.
    """

    rows: tuple[Row, ...] = ()
    revision: int = 0


async def resting_on(url: str, pbx: str, life: int, calls: Collection[UUID], connect_seconds: float = 5) -> Resting:
    """What the rows of a PBX rest on.

    Args:
        url: a PostgreSQL address.
        pbx: its name.
        life: of its journal.
        calls: whose rows are wanted.
        connect_seconds: limit for opening the connection, which is its own.

    Raises:
        DatabaseUrlError: the address is none.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
    """
    settings = {
        "application_name": "threerings resting",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "default_transaction_read_only": "on",
    }
    connection = await connect(url, connect_seconds, settings)
    try:
        rows = await connection.fetch(_ROWS, list(calls))
        revision = await connection.fetchval(_REVISION, pbx, life)
    finally:
        connection.terminate()
    return Resting(tuple(Row(row["id"], row["life"], row["revision"], row["is_open"]) for row in rows), revision)


_ROWS: LiteralString = """
SELECT id, life, revision, ended_at IS NULL
    OR EXISTS (SELECT FROM visits WHERE call_id = calls.id AND outcome IS NULL) AS is_open
FROM calls WHERE id = ANY($1::uuid[])
"""

# Each part has its index: calls_arrived, calls_open. The newest arrival may be by a clock that ran ahead.
_REVISION: LiteralString = """
SELECT greatest(0,
    (SELECT max(revision) FROM calls WHERE pbx = $1 AND life = $2 AND arrived_at >=
        least((SELECT max(arrived_at) FROM calls), clock_timestamp()) - interval '8 days'),
    (SELECT max(revision) FROM calls WHERE pbx = $1 AND life = $2 AND ended_at IS NULL))
"""
