"""What people and their programs show to be let in: sessions of browsers, and tokens. Of both only hashes are known."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID, uuid4

from telephony.cases.accounts import Account, account_of
from telephony.cases.pool import Pool
from telephony.cases.trail import written
from telephony.people.audit import Entry
from telephony.people.roles import Scope

USER_AGENT = 120
"""Characters of what a browser calls itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """Whose a session or token is that is good now. `scopes` None: a session."""

    id: UUID
    account: Account
    scopes: frozenset[Scope] | None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody is signed in."""

    id: UUID
    created_at: datetime
    seen_at: datetime
    user_agent: str
    remote: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is good."""

    id: UUID
    title: str
    scopes: frozenset[Scope]
    created_at: datetime
    seen_at: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a session lasts: without being used, and at most."""

    idle: timedelta
    longest: timedelta


class Keys:
    """Both tables. Every method raises as `Pool.turn` does when the database is away.

    Args:
        pool: of connections.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def known(self, hashes: Collection[bytes]) -> Mapping[bytes, Known]:
        """Those that are good now, by the clock of the database."""
        async with self._pool.turn() as connection:
            rows = await connection.fetch(_KNOWN, list(hashes))
        return {
            row["hash"]: Known(
                row["key_id"],
                account_of(row),
                None if row["scopes"] is None else frozenset(Scope(scope) for scope in row["scopes"]),
            )
            for row in rows
        }

    async def used(self, hashes: Collection[bytes]) -> None:
        """These were shown lately."""
        async with self._pool.turn() as connection:
            await connection.execute(_USED_SESSIONS, list(hashes))
            await connection.execute(_USED_TOKENS, list(hashes))

    async def open_session(  # noqa: PLR0913, PLR0917 - what a session is
        self, secret_hash: bytes, account: UUID, terms: Terms, user_agent: str, remote: str, entry: Entry
    ) -> None:
        """Somebody has signed in. Sessions that ended a month ago are forgotten."""
        agent = user_agent.encode("utf-8", "replace").decode().replace("\0", "")[:USER_AGENT]
        async with self._pool.turn() as connection:
            await connection.execute(
                _OPEN, secret_hash, uuid4(), account, terms.longest, terms.idle, agent, remote
            )  # fmt: skip
            await connection.execute(_FORGET)
            await written(connection, entry)

    async def end_session(self, secret_hash: bytes, entry: Entry) -> None:
        """Its owner signs out."""
        async with self._pool.turn() as connection:
            await connection.execute(_END_ONE, secret_hash)
            await written(connection, entry)

    async def end_sessions(self, account: UUID, only: UUID | None, entry: Entry) -> None:
        """All of somebody's sessions, or the one with this id."""
        async with self._pool.turn() as connection:
            await connection.execute(_END_MANY, account, only)
            await written(connection, entry)

    async def sessions(self, account: UUID) -> Sequence[Session]:
        """Where somebody is signed in, newest first."""
        async with self._pool.turn() as connection:
            rows = await connection.fetch(_SESSIONS, account)
        return [
            Session(row["id"], row["created_at"], row["seen_at"], row["user_agent"], row["remote"]) for row in rows
        ]  # fmt: skip

    async def make_token(  # noqa: PLR0913, PLR0917 - what a token is
        self, secret_hash: bytes, account: UUID, title: str, scopes: Iterable[Scope], lasts: timedelta, entry: Entry
    ) -> None:
        """A program of somebody's may ask from now on."""
        named = sorted(scope.value for scope in scopes)
        async with self._pool.turn() as connection:
            await connection.execute(_MAKE, secret_hash, uuid4(), account, title, named, lasts)
            await written(connection, entry)

    async def end_token(self, account: UUID, token: UUID, entry: Entry) -> None:
        """It is good for nothing any more."""
        async with self._pool.turn() as connection:
            await connection.execute(_END_ITS, account, token)
            await written(connection, entry)

    async def tokens(self, account: UUID) -> Sequence[Token]:
        """Somebody's tokens that are good, newest first."""
        async with self._pool.turn() as connection:
            rows = await connection.fetch(_TOKENS, account)
        return [
            Token(
                row["id"],
                row["title"],
                frozenset(Scope(scope) for scope in row["scopes"]),
                row["created_at"],
                row["seen_at"],
                row["until"],
            )
            for row in rows
        ]


_KNOWN: LiteralString = """
SELECT users.*, users.created_at AS user_created_at, shown.*
FROM (
    SELECT hash, id AS key_id, user_id, NULL::text[] AS scopes FROM sessions
    WHERE hash = ANY($1::bytea[]) AND revoked_at IS NULL AND until > now() AND seen_at + idle > now()
    UNION ALL
    SELECT hash, id AS key_id, user_id, scopes FROM api_tokens
    WHERE hash = ANY($1::bytea[]) AND revoked_at IS NULL AND until > now()) AS shown
JOIN users ON users.id = shown.user_id
WHERE users.disabled_at IS NULL
"""

_USED_SESSIONS: LiteralString = "UPDATE sessions SET seen_at = now() WHERE hash = ANY($1::bytea[])"

_USED_TOKENS: LiteralString = "UPDATE api_tokens SET seen_at = now() WHERE hash = ANY($1::bytea[])"

_OPEN: LiteralString = """
INSERT INTO sessions (hash, id, user_id, until, idle, user_agent, remote)
VALUES ($1, $2, $3, now() + $4::interval, $5, $6, $7)
"""

_FORGET: LiteralString = "DELETE FROM sessions WHERE least(until, seen_at + idle, revoked_at) < now() - interval '30 d'"

_END_ONE: LiteralString = "UPDATE sessions SET revoked_at = now() WHERE hash = $1 AND revoked_at IS NULL"

_END_MANY: LiteralString = """
UPDATE sessions SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR id = $2)
"""

_SESSIONS: LiteralString = """
SELECT * FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND until > now() AND seen_at + idle > now()
ORDER BY created_at DESC LIMIT 200
"""

_MAKE: LiteralString = """
INSERT INTO api_tokens (hash, id, user_id, title, scopes, until) VALUES ($1, $2, $3, $4, $5, now() + $6::interval)
"""

_END_ITS: LiteralString = """
UPDATE api_tokens SET revoked_at = now() WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL
"""

_TOKENS: LiteralString = """
SELECT * FROM api_tokens WHERE user_id = $1 AND revoked_at IS NULL AND until > now()
ORDER BY created_at DESC LIMIT 200
"""
