"""Lists of customers, brought line by line: each batch, and how far the list has come, in one transaction.

A list that is cut off in the middle leaves whole lines behind. To send it again is safe: a line that is in tells
nothing new (docs/decisions/customers.md).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

import asyncpg

from telephony.cases.customer_rows import customers_of, differences
from telephony.cases.customers import claimed, inserted, shared, updated
from telephony.cases.rows import storable
from telephony.cases.turns import Held, Turns
from telephony.customers.planning import Plan, Planner
from telephony.customers.rows import Row
from telephony.customers.why import Refused, Why

SILENT = timedelta(seconds=60)
"""Of a list from which nothing came for so long, whoever brought it is gone."""
MOST_REFUSALS = 10_000
"""Of one list are kept; the others are counted."""


class AnotherRuns(Exception):  # noqa: N818 - what it is
    """Another list is being brought; the message says so, with the remedy."""


class GoneOn(Exception):  # noqa: N818 - what it is
    """The list was given up as cut off meanwhile; nothing more of it is taken."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A list, and how far it has come.

    Attributes:
        state: running, done, refused (none of it was taken), interrupted. trouble: why, where there is some.
        size, read: bytes. rows: lines that told of somebody, as the four counts behind it part them.
    """

    id: UUID
    by: str
    branch: str
    file_name: str
    size: int
    state: str
    trouble: str
    read: int
    rows: int
    added: int
    changed: int
    unchanged: int
    refused: int
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Bringer:
    """Who brings a list. `branch`: of lines that name none. `only`: his branches; None: all."""

    by: str
    branch: str = ""
    only: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Some lines: what they tell, those that could not be read, and how many bytes of the file end with them."""

    rows: Sequence[Row]
    refused: Sequence[Refused]
    read: int


class Imports:
    """The lists of one database. All methods raise what `Turns.transaction` does.

    Args:
        turns: its connections.
        new_id: draws the ids of new customers.
    """

    def __init__(self, turns: Turns, new_id: Callable[[], UUID] = uuid4) -> None:
        self._turns, self._new_id = turns, new_id

    async def begin(self, list_: UUID, bringer: Bringer, file_name: str, size: int, at: datetime) -> None:
        """A list is about to be brought.

        Raises:
            AnotherRuns: one at a time.
        """
        name = "".join(one for one in storable(file_name) if one.isprintable())[-200:]
        try:
            async with self._turns.transaction() as connection:
                await connection.execute(_GIVE_UP, at, at - SILENT)
                await connection.execute(_BEGIN, list_, storable(bringer.by), storable(bringer.branch), name, size, at)
        except asyncpg.UniqueViolationError:
            raise AnotherRuns("another list is being brought; wait until it is done") from None

    async def take(self, list_: UUID, batch: Batch, bringer: Bringer, at: datetime) -> Imported:
        """Some more of its lines, all together or none.

        Raises:
            GoneOn: it is no longer running.
        """
        async with self._turns.transaction() as connection:
            await claimed(connection)
            if await connection.fetchval(_RUNNING, list_) is None:
                raise GoneOn("the list was given up meanwhile; send it again")
            plan = await self._planned(connection, batch.rows, bringer)
            await _written(connection, plan, list_, bringer.by, at)
            said = sorted([*batch.refused, *plan.refused], key=lambda one: one.line)
            await _refusals(connection, list_, said)
            counts = len(plan.added), _changes(plan, len(batch.rows)), plan.unchanged, len(said)
            return _imported(await connection.fetchrow(_PROGRESS, list_, batch.read, *counts, at))

    async def end(self, list_: UUID, at: datetime, trouble: str = "", *, state: str = "done") -> Imported:
        """Nothing more comes. `trouble`: why, when it did not come to its end."""
        async with self._turns.transaction() as connection:
            return _imported(await connection.fetchrow(_END, list_, state, storable(trouble)[:500], at))

    async def get(self, list_: UUID, at: datetime) -> Imported | None:
        """How far it has come; None: there is none such."""
        async with self._turns.transaction() as connection:
            await connection.execute(_GIVE_UP, at, at - SILENT)
            row = await connection.fetchrow("SELECT * FROM customer_imports WHERE id = $1", list_)
        return None if row is None else _imported(row)

    async def newest(self, at: datetime, limit: int = 20) -> tuple[Imported, ...]:
        """The last lists, the newest first."""
        async with self._turns.transaction() as connection:
            await connection.execute(_GIVE_UP, at, at - SILENT)
            rows = await connection.fetch(_NEWEST, limit)
        return tuple(map(_imported, rows))

    async def refusals(self, list_: UUID, limit: int = MOST_REFUSALS) -> tuple[Refused, ...]:
        """Its lines that were not taken, in their order."""
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_REFUSALS, list_, limit)
        return tuple(Refused(row["line"], row["field"], Why(row["why"])) for row in rows)

    async def _planned(self, connection: Held, rows: Sequence[Row], bringer: Bringer) -> Plan:
        keys = [row.details.external_id for row in rows if row.details.external_id]
        numbers = [line.number for row in rows for line in row.lines]
        found = await connection.fetch(_KNOWN, keys, numbers)
        lines = await connection.fetch(_KNOWN_NUMBERS, [one["id"] for one in found])
        only = bringer.only
        planner = Planner(customers_of(found, lines), self._new_id, lambda branch: only is None or branch in only)
        for row in rows:
            planner.take(row)
        return planner.plan


def _changes(plan: Plan, rows: int) -> int:
    """Lines that changed somebody, also somebody whom this batch has added."""
    return rows - len(plan.added) - plan.unchanged - len(plan.refused)


async def _written(connection: Held, plan: Plan, list_: UUID, by: str, at: datetime) -> None:
    if plan.shared:
        await shared(connection, plan.shared)
    added, changed = list(plan.added.values()), list(plan.changed.values())
    if added:
        await inserted(connection, added, at)
    if changed:
        await updated(connection, changed, at)
    told = [(one.id, one.version, "{}", "{}") for one in added]
    told += [(one.id, one.version, *differences(plan.before[one.id], one)) for one in changed]
    if told:
        columns = [list(column) for column in zip(*told, strict=True)]
        await connection.execute(_HISTORY, *columns, at, storable(by), f'{{"import": "{list_}"}}')


async def _refusals(connection: Held, list_: UUID, refused: Sequence[Refused]) -> None:
    if refused:
        lines, columns = [one.line for one in refused], [one.column for one in refused]
        whys = [one.why.value for one in refused]
        await connection.execute(_REFUSE, list_, lines, columns, whys, MOST_REFUSALS)


def _imported(row: Any) -> Imported:  # noqa: ANN401 - the driver knows no types
    names = (
        "id", "by_name", "branch", "file_name", "size", "state", "trouble", "read", "rows", "added", "changed",
        "unchanged", "refused", "started_at", "seen_at",
    )  # fmt: skip
    return Imported(*(row[name] for name in names))


_BEGIN: LiteralString = """
INSERT INTO customer_imports (id, by_name, branch, file_name, size, state, trouble, started_at, seen_at)
VALUES ($1, $2, $3, $4, $5, 'running', '', $6, $6)
"""

_GIVE_UP: LiteralString = """
UPDATE customer_imports SET state = 'interrupted', seen_at = $1 WHERE state = 'running' AND seen_at < $2
"""

_RUNNING: LiteralString = "SELECT id FROM customer_imports WHERE id = $1 AND state = 'running' FOR UPDATE"

_KNOWN: LiteralString = """
WITH RECURSIVE named AS (
    SELECT id FROM customers WHERE external_id = ANY($1::text[]) AND external_id <> ''
    UNION SELECT customer_id FROM customer_numbers WHERE number = ANY($2::text[])
    UNION SELECT customers.merged_into FROM customers JOIN named USING (id) WHERE customers.merged_into IS NOT NULL)
SELECT customers.* FROM customers JOIN named USING (id) ORDER BY customers.id
"""

_KNOWN_NUMBERS: LiteralString = """
SELECT number, customer_id, shared FROM customer_numbers WHERE customer_id = ANY($1::uuid[])
ORDER BY customer_id, position, number
"""

_HISTORY: LiteralString = """
INSERT INTO customer_history (customer_id, version, at, by_name, what, before, after, detail)
SELECT told.id, told.version, $5, $6, 'imported', told.before::jsonb, told.after::jsonb, $7::jsonb
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) AS told (id, version, before, after)
"""

_REFUSE: LiteralString = """
INSERT INTO customer_import_refusals (import_id, line, field, why)
SELECT $1, told.* FROM unnest($2::bigint[], $3::text[], $4::text[]) AS told
WHERE (SELECT refused FROM customer_imports WHERE id = $1) < $5
ON CONFLICT DO NOTHING
"""

_PROGRESS: LiteralString = """
UPDATE customer_imports SET read = $2, rows = rows + $3 + $4 + $5 + $6, added = added + $3, changed = changed + $4,
    unchanged = unchanged + $5, refused = refused + $6, seen_at = $7
WHERE id = $1 RETURNING *
"""

_END: LiteralString = """
UPDATE customer_imports SET state = $2, trouble = $3, seen_at = $4 WHERE id = $1 RETURNING *
"""

_NEWEST: LiteralString = "SELECT * FROM customer_imports ORDER BY started_at DESC, id LIMIT $1"

_REFUSALS: LiteralString = """
SELECT line, field, why FROM customer_import_refusals WHERE import_id = $1 ORDER BY line LIMIT $2
"""
