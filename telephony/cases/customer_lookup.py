"""Who has a number, and who is called so: read from our own customers. Everything is a parameter, nothing a pattern."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, Self
from uuid import UUID

import asyncpg

from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.customer_rows import customers_of
from telephony.cases.rows import storable
from telephony.cases.turns import Turns
from telephony.customers.customer import Customer, key_of
from telephony.customers.lookup import MOST_KNOWN, Found, Known, LookupUnavailable
from telephony.customers.numbers import E164

MOST = 50
"""Customers of one page."""
LOOKUP_SECONDS = 1.0
LONGEST = 100
LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Page:
    """Customers by name. `more`: behind whom the next page goes on; None: it is the last."""

    customers: tuple[Customer, ...]
    more: UUID | None


@dataclass(frozen=True, slots=True)
class HisCase:
    """A case of somebody who rang from one of his numbers. `owner`: who sees to it; empty: nobody."""

    id: UUID
    number: str
    kind: str
    opened_at: datetime
    state: str
    owner: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Who did what with a customer, and when."""

    at: datetime
    by: str
    what: str


class OwnCustomers:
    """Answers the look-up port from our own table.

    Args:
        turns: connections of its own, so that pages and lists never hold up who asks for a call.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def of(self, number: E164) -> Found:
        """Whom the number belongs to.

        Raises:
            LookupUnavailable: the database is away, or slow.
        """
        try:
            async with asyncio.timeout(LOOKUP_SECONDS), self._turns.transaction() as connection:
                rows = await connection.fetch(_OF, number, MOST_KNOWN + 1)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DatabaseUrlError) as error:
            raise LookupUnavailable(type(error).__name__) from None
        known = tuple(
            Known(row["name"], row["branch"], row["value_group"], row["external_id"], row["id"]) for row in rows
        )
        return Found(known[:MOST_KNOWN], len(known) > MOST_KNOWN)

    @classmethod
    def on(cls, url: str) -> Self:
        """On two connections of its own."""
        return cls(Turns(url, "customer lookup", connections=2, seconds=LOOKUP_SECONDS))

    async def close(self) -> None:
        """Let the connections go."""
        await self._turns.close()


class Directory:
    """Looks for customers. All methods raise what `Turns.transaction` does.

    Args:
        turns: connections.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def named(
        self, text: str, only: Collection[str] | None, after: UUID | None = None, limit: int = MOST
    ) -> Page:
        """Those whose name begins so, or whose external id this is, by name. An empty text is everybody."""
        key = key_of(storable(text.strip()[:LONGEST]))
        where = None if only is None else [storable(one) for one in only]
        values = key, key + LAST, storable(text.strip()[:LONGEST]), where, after, max(1, min(limit, MOST)) + 1
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_NAMED, *values)
            numbers = await connection.fetch(_NUMBERS, [row["id"] for row in rows])
        found = tuple(customers_of(rows, numbers))
        page = found[: max(1, min(limit, MOST))]
        return Page(page, page[-1].id if len(found) > len(page) else None)

    async def with_number(self, number: E164, only: Collection[str] | None) -> Page:
        """Those who have this number."""
        where = None if only is None else [storable(one) for one in only]
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_WITH, number, where, MOST)
            numbers = await connection.fetch(_NUMBERS, [row["id"] for row in rows])
        return Page(tuple(customers_of(rows, numbers)), None)

    async def cases(
        self, spellings: Collection[str], only: Collection[str] | None = None, limit: int = 20
    ) -> tuple[HisCase, ...]:
        """The newest cases of calls from numbers that are written so, of these branches."""
        where = None if only is None else [storable(one) for one in only]
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_CASES, [storable(one) for one in spellings], limit, where)
        return tuple(
            HisCase(row["id"], row["number"], row["kind"], row["opened_at"], row["state"], row["owner_name"] or "")
            for row in rows
        )

    async def history(self, customer: UUID, limit: int = 20) -> tuple[Changed, ...]:
        """What was done with him last, the newest first."""
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_HISTORY, customer, limit)
        return tuple(Changed(row["at"], row["by_name"], row["what"]) for row in rows)


_OF: LiteralString = """
SELECT customers.* FROM customer_numbers JOIN customers ON customers.id = customer_id
WHERE number = $1 ORDER BY name_key, id LIMIT $2
"""

# Each part has its index: with OR in one of them, all whose names begin so would be read.
_NAMED: LiteralString = """
WITH named AS (
    SELECT * FROM customers
    WHERE merged_into IS NULL AND erased_at IS NULL AND name_key >= $1 AND name_key < $2
        AND ($4::text[] IS NULL OR branch = ANY($4))
        AND ($5::uuid IS NULL OR (name_key, id) > ((SELECT name_key FROM customers WHERE id = $5), $5))
    ORDER BY name_key, id LIMIT $6),
keyed AS (
    SELECT * FROM customers
    WHERE merged_into IS NULL AND external_id = $3 AND external_id <> '' AND $5::uuid IS NULL
        AND ($4::text[] IS NULL OR branch = ANY($4)))
SELECT * FROM keyed
UNION ALL (SELECT * FROM named WHERE id NOT IN (SELECT id FROM keyed) ORDER BY name_key, id)
LIMIT $6
"""

_WITH: LiteralString = """
SELECT customers.* FROM customer_numbers JOIN customers ON customers.id = customer_id
WHERE number = $1 AND ($2::text[] IS NULL OR branch = ANY($2)) ORDER BY name_key, id LIMIT $3
"""

_NUMBERS: LiteralString = """
SELECT number, customer_id, shared FROM customer_numbers WHERE customer_id = ANY($1::uuid[])
ORDER BY customer_id, position, number
"""

# The index on the beginning of a caller's number is asked once for each way of writing it.
_CASES: LiteralString = """
SELECT cases.id, cases.number, cases.kind, cases.opened_at, cases.state, cases.owner_name
FROM unnest($1::text[]) AS spelling
CROSS JOIN LATERAL (
    SELECT id FROM calls
    WHERE left(caller, 64) = left(spelling, 64) AND caller = spelling AND caller <> '' AND direction = 'inbound'
    ORDER BY arrived_at DESC LIMIT $2) AS his
JOIN cases ON cases.call_id = his.id AND ($3::text[] IS NULL OR cases.branch = ANY($3))
ORDER BY cases.opened_at DESC, cases.id DESC LIMIT $2
"""

_HISTORY: LiteralString = """
SELECT at, by_name, what FROM customer_history WHERE customer_id = $1 ORDER BY version DESC LIMIT $2
"""
