"""Accounts of people. Every change is written down in the transaction that makes it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID, uuid4

import asyncpg

from telephony.cases.connecting import Connection
from telephony.cases.pool import Pool
from telephony.cases.rows import storable
from telephony.cases.trail import written
from telephony.cases.turns import Held
from telephony.people.audit import Entry
from telephony.people.names import key_of
from telephony.people.roles import RIGHTS, Permission, Person, Role, Scope


class NameTakenError(Exception):
    """Somebody has that name already, however he writes it."""


class NobodyError(Exception):
    """There is no such account."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is decided about somebody. `desk`: the `[[agent]]` whose calls he is shown; None: nobody's."""

    role: Role
    branches: frozenset[str] = frozenset()
    title: str = ""
    desk: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A row. `password_hash` None: he cannot sign in. `disabled_at` None: he may."""

    id: UUID
    login: str
    terms: Terms
    password_hash: str | None = field(repr=False)
    must_change: bool
    disabled_at: datetime | None
    created_at: datetime

    def person(self, scopes: Collection[Scope] | None = None) -> Person:
        """What he may; by a token, of that only these. What a person has to do first, his programs have not."""
        terms = self.terms
        by_token = None if scopes is None else frozenset(scopes)
        must_change = self.must_change and scopes is None
        return Person(
            self.login, terms.role, terms.branches, terms.title, terms.desk, by_token, must_change, True, self.id
        )


class Accounts:
    """The table. Every method raises as `Pool.turn` does when the database is away.

    Args:
        pool: of connections.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, login: str, terms: Terms, password_hash: str | None, entry: Entry) -> UUID:
        """A new account, whose password, if it has one, was chosen by somebody else.

        Raises:
            NameTakenError: there is one of that name.
        """
        new, must_change = uuid4(), password_hash is not None
        try:
            async with self._pool.turn() as connection:
                await connection.execute(
                    _ADD, new, login, key_of(login), password_hash, must_change, *_told(terms)
                )  # fmt: skip
                await written(connection, entry)
        except asyncpg.UniqueViolationError:
            raise NameTakenError(login) from None
        return new

    async def find(self, login: str) -> Account | None:
        """The account of that name, however it is written."""
        async with self._pool.turn() as connection:
            row = await connection.fetchrow(_FIND, key_of(login))
        return None if row is None else account_of(row)

    async def all(self) -> Sequence[Account]:
        """Everybody, by name."""
        async with self._pool.turn() as connection:
            return [account_of(row) for row in await connection.fetch(_ALL)]

    async def change(self, account: UUID, terms: Terms, entry: Entry) -> None:
        """Decide anew what he may.

        Raises:
            NobodyError: there is no such account.
        """
        async with self._pool.turn() as connection:
            _found(await connection.execute(_CHANGE, account, *_told(terms)))
            await written(connection, entry)

    async def set_password(
        self, account: UUID, password_hash: str, entry: Entry, *, must_change: bool, kept: bytes = b""
    ) -> None:
        """A new password ends his sessions, but the one whose hash is `kept`.

        Raises:
            NobodyError: there is no such account.
        """
        async with self._pool.turn() as connection:
            _found(await connection.execute(_SET, account, password_hash, must_change))
            await connection.execute(_END_SESSIONS, account, kept)
            await written(connection, entry)

    async def rehash(self, account: UUID, before: str, after: str) -> None:
        """The same password, hashed as it is done now."""
        async with self._pool.turn() as connection:
            await connection.execute(_REHASH, account, before, after)

    async def disable(self, account: UUID, entry: Entry) -> None:
        """He cannot sign in any more, and his sessions end.

        Raises:
            NobodyError: there is no such account.
        """
        async with self._pool.turn() as connection:
            _found(await connection.execute(_DISABLE, account))
            await connection.execute(_END_SESSIONS, account, b"")
            await written(connection, entry)

    async def enable(self, account: UUID, entry: Entry) -> None:
        """He can sign in again.

        Raises:
            NobodyError: there is no such account.
        """
        async with self._pool.turn() as connection:
            _found(await connection.execute(_ENABLE, account))
            await written(connection, entry)


async def bound_to(connection: "Connection | Held", desk: str) -> Account | None:
    """The account of this desk; None: it has none, or several, and nobody knows whose turn it was."""
    roles = sorted(role.value for role in RIGHTS[Permission.DESK].roles)
    rows = await connection.fetch(_BOUND, storable(desk), roles)
    return account_of(rows[0]) if len(rows) == 1 else None


def account_of(row: Any) -> Account:  # noqa: ANN401 - the driver knows no types
    """A row of `users`."""
    terms = Terms(Role(row["role"]), frozenset(row["branches"]), row["title"], row["desk"])
    return Account(
        row["user_id"],
        row["login"],
        terms,
        row["password_hash"],
        row["must_change"],
        row["disabled_at"],
        row["user_created_at"],
    )


def _told(terms: Terms) -> tuple[str, list[str], str, str | None]:
    return terms.role.value, sorted(terms.branches), terms.title, terms.desk


def _found(status: str) -> None:
    if status.endswith(" 0"):
        raise NobodyError


_ADD: LiteralString = """
INSERT INTO users (id, login, login_key, password_hash, must_change, role, branches, title, desk)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

_FIND: LiteralString = """
SELECT *, id AS user_id, created_at AS user_created_at FROM users WHERE login_key = $1
"""

_ALL: LiteralString = "SELECT *, id AS user_id, created_at AS user_created_at FROM users ORDER BY login_key LIMIT 10000"

_BOUND: LiteralString = """
SELECT *, id AS user_id, created_at AS user_created_at FROM users
WHERE desk = $1 AND disabled_at IS NULL AND role = ANY($2::text[]) LIMIT 2
"""

_CHANGE: LiteralString = """
UPDATE users SET role = $2, branches = $3, title = $4, desk = $5, changed_at = now() WHERE id = $1
"""

_SET: LiteralString = """
UPDATE users SET password_hash = $2, must_change = $3, changed_at = now() WHERE id = $1
"""

_REHASH: LiteralString = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"

_DISABLE: LiteralString = """
UPDATE users SET disabled_at = coalesce(disabled_at, now()), changed_at = now() WHERE id = $1
"""

_ENABLE: LiteralString = "UPDATE users SET disabled_at = NULL, changed_at = now() WHERE id = $1"

_END_SESSIONS: LiteralString = """
UPDATE sessions SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL AND hash <> $2
"""
