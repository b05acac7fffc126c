"""Customers in PostgreSQL: every change is one transaction of the new state and its row of the history.

Whoever changes numbers waits for whoever else does (`claimed`): that takes milliseconds, and nobody ever meets a number
that has just become somebody else's.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from telephony.cases.customer_rows import (
    customer_columns,
    customers_of,
    differences,
    merge_of,
    merge_told,
    number_columns,
)
from telephony.cases.rows import storable
from telephony.cases.trail import written
from telephony.cases.turns import Held, Turns
from telephony.customers.customer import MOST_SHARING, Customer, Details, Line, NotKept
from telephony.customers.merging import NotMergeable, merged, separated
from telephony.customers.why import Why
from telephony.people.audit import Entry

LOCK = 0x3333_6375_7374_6F6D
"""PostgreSQL's advisory lock of whoever changes numbers, to the end of his transaction."""


class NoSuchCustomer(LookupError):  # noqa: N818 - what it is
    """There is no customer with this id, or none of a branch of whoever asks."""


class Stale(Exception):  # noqa: N818 - what it is
    """Somebody has changed the customer meanwhile. `customer`: as he is now."""

    def __init__(self, customer: Customer) -> None:
        super().__init__("the customer was changed meanwhile; look at him again")
        self.customer = customer


@dataclass(frozen=True, slots=True)
class Doing:
    """Who changes something, when.

    Attributes:
        by: his name. at: aware.
        version: of the customer that he looked at; None: whichever it has.
        only: the branches that are his; None: all, and customers of none.
        entry: for the audit trail, written with the change; None: somebody else sees to that.
    """

    by: str
    at: datetime
    version: int | None = None
    only: Collection[str] | None = None
    entry: Entry | None = None


class Customers:
    """The customers of one database. All methods raise what `Turns.transaction` does, too.

    Args:
        turns: its connections.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def get(self, customer: UUID, only: Collection[str] | None = None) -> Customer:
        """The customer; one who was merged says so.

        Raises:
            NoSuchCustomer: there is none, or he is of another branch.
        """
        async with self._turns.transaction() as connection:
            return (await _loaded(connection, [customer], only))[customer]

    async def add(self, customer: Customer, doing: Doing) -> Customer:
        """A new customer.

        Raises:
            NotKept: another has one of his numbers, or his external id. NoSuchCustomer: it is not of your branch.
        """
        async with self._turns.transaction() as connection:
            await claimed(connection)
            _require_yours(customer, doing.only)
            after = await self._settled(connection, customer)
            await inserted(connection, [after], doing.at)
            await _told(connection, None, after, "added", doing)
            await _audited(connection, doing)
            return after

    async def change(self, customer: UUID, details: Details, lines: Sequence[Line], doing: Doing) -> Customer:
        """The customer with these words and numbers instead.

        Raises:
            NoSuchCustomer: there is none. Stale: somebody was faster, or merged him. NotKept: as `add`.
        """
        async with self._turns.transaction() as connection:
            await claimed(connection)
            before = (await _loaded(connection, [customer], doing.only))[customer]
            if not before.is_there or doing.version not in (None, before.version):
                raise Stale(before)
            wished = replace(before, details=details, lines=tuple(lines))
            after = await self._settled(connection, wished)
            if after == before:
                return before
            _require_yours(after, doing.only)
            after = replace(after, version=before.version + 1)
            await updated(connection, [after], doing.at)
            await _told(connection, before, after, "changed", doing)
            await _audited(connection, doing)
            return after

    async def merge(self, kept: UUID, gone: UUID, doing: Doing) -> Customer:
        """The one who is kept. `doing.version` is of the one who goes.

        Raises:
            NoSuchCustomer: there is none. Stale: somebody was faster. NotMergeable, NotKept: they cannot be one.
        """
        async with self._turns.transaction() as connection:
            await claimed(connection)
            both = await _loaded(connection, [kept, gone], doing.only)
            if doing.version not in (None, both[gone].version):
                raise Stale(both[gone])
            one, other, merge = merged(both[kept], both[gone])
            await updated(connection, [other, one], doing.at)
            await _told(connection, both[gone], other, "merged", doing, detail=merge_told(merge))
            await _told(connection, both[kept], one, "absorbed", doing, detail=merge_told(merge))
            await _audited(connection, doing)
            return one

    async def part(self, gone: UUID, doing: Doing) -> Customer:
        """A customer who was merged is one of his own again.

        Raises:
            NoSuchCustomer: there is none. NotMergeable: he was not merged, or the other has meanwhile gone elsewhere.
        """
        async with self._turns.transaction() as connection:
            await claimed(connection)
            before = (await _loaded(connection, [gone], doing.only))[gone]
            told = await connection.fetchval(_LAST_MERGE, gone)
            if before.merged_into is None or told is None:
                raise NotMergeable("this customer is merged with nobody")
            whole = (await _loaded(connection, [before.merged_into], doing.only))[before.merged_into]
            one, other = separated(whole, before, merge_of(told))
            await connection.execute(_SHARE, [line.number for line in other.lines if line.shared])
            await updated(connection, [one, other], doing.at)
            await _told(connection, before, other, "parted", doing)
            await _told(connection, whole, one, "released", doing)
            await _audited(connection, doing)
            return other

    async def erase(self, customer: UUID, doing: Doing) -> None:
        """Nothing is known of him any more, nor of those who were merged into him; calls and cases stay as they are.

        Raises:
            NoSuchCustomer: there is none.
        """
        async with self._turns.transaction() as connection:
            await claimed(connection)
            await _loaded(connection, [customer], doing.only)
            rows = await connection.fetch(_ERASE, customer, doing.at)
            ids = [row["id"] for row in rows]
            await connection.execute("DELETE FROM customer_numbers WHERE customer_id = ANY($1::uuid[])", ids)
            await connection.execute(_EMPTY, ids)
            for row in rows:
                words = row["id"], row["version"], doing.at, storable(doing.by), "erased", "{}", "{}", "{}"
                await connection.execute(_HISTORY, *words)
            await _audited(connection, doing)

    async def _settled(self, connection: Held, wished: Customer) -> Customer:
        """The same, with the numbers shared that others share with him; asks nobody where another has one alone."""
        key = wished.details.external_id
        if key and await connection.fetchval(_OTHERS_KEY, key, wished.id):
            raise NotKept("external_id", Why.OTHERS_KEY)
        numbers = [line.number for line in wished.lines]
        others = {row["number"]: row for row in await connection.fetch(_OTHERS, numbers, wished.id)}
        for line in wished.lines:
            other = others.get(line.number)
            if other is not None and not line.shared and not other["shared"]:
                raise NotKept("numbers", Why.OTHERS_NUMBER)
            if other is not None and other["count"] >= MOST_SHARING:
                raise NotKept("numbers", Why.TOO_MANY_SHARE)
        await connection.execute(_SHARE, list(others))
        return replace(
            wished, lines=tuple(replace(line, shared=line.shared or line.number in others) for line in wished.lines)
        )


async def claimed(connection: Held) -> None:
    """From now on nobody else changes a number, until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)


async def inserted(connection: Held, customers: Sequence[Customer], at: datetime) -> None:
    """Write new ones."""
    await connection.execute(_INSERT, *customer_columns(customers), at)
    await connection.execute(_NUMBERS, *number_columns(customers))


async def updated(connection: Held, customers: Sequence[Customer], at: datetime) -> None:
    """Write what they are now. What one gives away another may have at once."""
    kept = [(one.id, line.number) for one in customers for line in one.lines]
    ids, numbers = [one for one, _ in kept], [number for _, number in kept]
    await connection.execute(_TAKE_AWAY, [one.id for one in customers], ids, numbers)
    await connection.execute(_UPDATE, *customer_columns(customers), at)
    await connection.execute(_NUMBERS, *number_columns(customers))


async def shared(connection: Held, numbers: Collection[str]) -> None:
    """From now on several may have them."""
    await connection.execute(_SHARE, list(numbers))


async def _loaded(connection: Held, ids: Sequence[UUID], only: Collection[str] | None) -> dict[UUID, Customer]:
    rows = await connection.fetch(_LOAD, ids)
    numbers = await connection.fetch(_LOAD_NUMBERS, ids)
    found = {one.id: one for one in customers_of(rows, numbers)}
    for wanted in ids:
        if wanted not in found:
            raise NoSuchCustomer("there is no such customer")
        _require_yours(found[wanted], only)
    return found


def _require_yours(customer: Customer, only: Collection[str] | None) -> None:
    if only is not None and customer.details.branch not in only:
        raise NoSuchCustomer("there is no such customer of your branch")


async def _audited(connection: Held, doing: Doing) -> None:
    if doing.entry is not None:
        await written(connection, doing.entry)


async def _told(  # noqa: PLR0913 - what a row of the history is
    connection: Held, before: Customer | None, after: Customer, what: str, doing: Doing, *, detail: str = "{}"
) -> None:
    was, now = differences(before, after)
    await connection.execute(_HISTORY, after.id, after.version, doing.at, storable(doing.by), what, was, now, detail)


_LOAD: LiteralString = "SELECT * FROM customers WHERE id = ANY($1::uuid[])"

_LOAD_NUMBERS: LiteralString = """
SELECT number, customer_id, shared FROM customer_numbers WHERE customer_id = ANY($1::uuid[])
ORDER BY customer_id, position, number
"""

_INSERT: LiteralString = """
INSERT INTO customers (id, name, name_key, branch, value_group, note, external_id, version, merged_into,
    created_at, changed_at)
SELECT told.*, $10, $10 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::integer[], $9::uuid[]) AS told
"""

_UPDATE: LiteralString = """
UPDATE customers SET name = told.name, name_key = told.name_key, branch = told.branch, value_group = told.value_group,
    note = told.note, external_id = told.external_id, version = told.version, merged_into = told.merged_into,
    changed_at = $10
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[],
    $9::uuid[]) AS told (id, name, name_key, branch, value_group, note, external_id, version, merged_into)
WHERE customers.id = told.id
"""

_NUMBERS: LiteralString = """
INSERT INTO customer_numbers (number, customer_id, position, shared)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::integer[], $4::boolean[])
ON CONFLICT (number, customer_id) DO UPDATE SET position = excluded.position, shared = excluded.shared
WHERE (customer_numbers.position, customer_numbers.shared) <> (excluded.position, excluded.shared)
"""

_TAKE_AWAY: LiteralString = """
DELETE FROM customer_numbers AS held WHERE customer_id = ANY($1::uuid[]) AND NOT EXISTS (
    SELECT FROM unnest($2::uuid[], $3::text[]) AS kept (customer_id, number)
    WHERE kept.customer_id = held.customer_id AND kept.number = held.number)
"""

_SHARE: LiteralString = "UPDATE customer_numbers SET shared = true WHERE number = ANY($1::text[]) AND NOT shared"

_OTHERS: LiteralString = """
SELECT number, bool_and(shared) AS shared, count(*) AS count FROM customer_numbers
WHERE number = ANY($1::text[]) AND customer_id <> $2 GROUP BY number
"""

_OTHERS_KEY: LiteralString = "SELECT EXISTS (SELECT FROM customers WHERE external_id = $1 AND id <> $2)"

_HISTORY: LiteralString = """
INSERT INTO customer_history (customer_id, version, at, by_name, what, before, after, detail)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8::jsonb)
"""

_LAST_MERGE: LiteralString = """
SELECT detail::text FROM customer_history WHERE customer_id = $1 AND what = 'merged' ORDER BY version DESC LIMIT 1
"""

_ERASE: LiteralString = """
WITH RECURSIVE gone AS (
    SELECT id FROM customers WHERE id = $1
    UNION SELECT customers.id FROM customers JOIN gone ON customers.merged_into = gone.id)
UPDATE customers SET name = '', name_key = '', branch = '', value_group = '', note = '', external_id = '',
    version = version + 1, changed_at = $2, erased_at = $2
WHERE id IN (SELECT id FROM gone) AND erased_at IS NULL
RETURNING id, version
"""

_EMPTY: LiteralString = """
UPDATE customer_history SET before = '{}', after = '{}', detail = '{}' WHERE customer_id = ANY($1::uuid[])
"""
