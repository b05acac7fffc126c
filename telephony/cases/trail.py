"""The audit trail: written once, and read page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from telephony.cases.connecting import Connection
from telephony.cases.pool import Pool
from telephony.cases.turns import Held
from telephony.people.audit import Entry, Kind, Verb


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of each that is named, only these; None is any.

    Attributes:
        who, whom, verb: exactly.
        since, until: since <= at < until.
        before: older than the one with this number; what the last page ended with.
    """

    who: str | None = None
    whom: str | None = None
    verb: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """One entry and its number; a newer one has a greater one."""

    number: int
    entry: Entry


class TrailStore:
    """The table.

    Args:
        pool: of connections.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def write(self, entries: Sequence[Entry]) -> None:
        """All of them, or none.

        Raises:
            As `Pool.turn`.
        """
        async with self._pool.turn() as connection:
            await written(connection, *entries)

    async def page(self, wanted: Wanted, limit: int) -> Sequence[Written]:
        """The newest of those that are wanted, newest first.

        Raises:
            As `Pool.turn`.
        """
        async with self._pool.turn() as connection:
            rows = await connection.fetch(
                _PAGE, wanted.who, wanted.whom, wanted.verb, wanted.since, wanted.until, wanted.before, limit
            )
        return [
            Written(
                row["id"],
                Entry(
                    row["at"],
                    row["who"],
                    Verb(row["verb"]),
                    Kind(row["kind"]),
                    row["whom"],
                    row["branch"],
                    row["remote"],
                    row["detail"],
                ),
            )
            for row in rows
        ]


async def written(connection: "Connection | Held", *entries: Entry) -> None:
    """Write entries within somebody's transaction: what was changed and that it was are kept together."""
    await connection.executemany(_INSERT, [(entry.at, *entry.texts()) for entry in entries])


_INSERT: LiteralString = """
INSERT INTO audit (at, who, verb, kind, whom, branch, remote, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

_PAGE: LiteralString = """
SELECT * FROM audit
WHERE ($1::text IS NULL OR who = $1) AND ($2::text IS NULL OR whom = $2) AND ($3::text IS NULL OR verb = $3)
    AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)
    AND ($6::bigint IS NULL OR id < $6)
ORDER BY id DESC LIMIT $7
"""
