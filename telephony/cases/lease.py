"""Who follows a PBX: one instance at a time, by a lease in PostgreSQL, on PostgreSQL's own clock.

Whoever holds the lease of a PBX follows it and writes its calls. A lease that is not renewed in time is anybody's; one
that was released, at once. `docs/decisions/lease.md` says why each rule is there.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

import asyncpg

from telephony.cases.attempts import Attempts
from telephony.cases.connecting import Connection, connect, cut_is_reset
from telephony.cases.migrate import refuse_newer

LEASE = timedelta(seconds=10)
"""So long a holder may be silent."""
ANSWER_SECONDS = 2.0
"""Limit for connecting, and for one question: a database that has not answered by then counts as away."""
RELEASED = "threerings_lease"
"""The channel on which a release is told."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A lease as it stands.

    Attributes:
        pbx: its name. holder: the instance. told: its host and process, for people.
        until: when it ends unless renewed. taken_at: since when it is held. living: it had not ended when read.
    """

    pbx: str
    holder: UUID
    told: str
    until: datetime
    taken_at: datetime
    living: bool


@dataclass(frozen=True, slots=True)
class Take:
    """How a lease was had.

    Attributes:
        term: how often its holder has changed so far, this time included.
        before: when it had been taken before; None: never. Whoever took it last then was nobody else, if he knows this.
        at: when it was taken now.
        behind: where the take before was one of ours, what that one had found, and so on: of processes of ours that
            were killed before anything remembered that they had it.
    """

    term: int
    before: datetime | None
    at: datetime
    behind: tuple[datetime | None, ...] = ()


class Leases:
    """The leases of some PBXs, as one instance sees them. Has a connection of its own, opened anew after any trouble.

    Every method raises DatabaseUrlError, or OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError when
    the database is away or in trouble; whether a change was made is then unknown, and it may be repeated.

    Args:
        url: a PostgreSQL address.
        holder: this instance; the same after a restart, and no other's.
        told: who that is, for people.
        pbxs: their names, all taken together.
        lease: how long without renewal.
        attempts: where takes are remembered before they are tried; None: nowhere.
    """

    def __init__(  # noqa: PLR0913 - the last two have defaults
        self,
        url: str,
        holder: UUID,
        told: str,
        pbxs: Sequence[str],
        *,
        lease: timedelta = LEASE,
        attempts: Attempts | None = None,
    ) -> None:
        self.holder = holder
        self._attempts = attempts
        self._url = url
        self._told = told
        self._pbxs = sorted(set(pbxs))
        self._lease = lease
        self._taken: dict[str, datetime] = {}
        self._takes: dict[str, Take] = {}
        self._before: dict[str, datetime | None] = {}
        self._noted = False
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._released = asyncio.Event()

    @property
    def pbxs(self) -> frozenset[str]:
        """All that are taken together."""
        return frozenset(self._pbxs)

    @property
    def takes(self) -> dict[str, Take]:
        """How each of what was taken was had; empty before.

        Had at the moment that we ourselves remember, nobody else has followed that PBX meanwhile: what we know of its
        calls is the newest there is. Had at another: somebody has, and the database knows more than our journal.
        """
        return dict(self._takes)

    def noted(self) -> None:
        """What was taken is remembered where the next process of ours looks: what is released leaves its traces."""
        self._noted = True

    async def take(self) -> frozenset[str]:
        """Take all these PBXs, if each is free, ended, or this instance's already; else change nothing.

        What another lost while the database was down is his for one lease more, that he may come back.

        Returns:
            All of them, or none.

        Raises:
            NewerSchemaError: a newer version made the schema: whoever cannot save must not keep others from it.
        """
        async with self._asking() as connection:
            try:
                rows = await self._take_all(connection)
            except _OthersError:
                return frozenset()
        self._taken = {row["pbx"]: row["taken_at"] for row in rows}
        self._takes = {row["pbx"]: self._how(row) for row in rows}
        return frozenset(self._taken)

    async def renew(self) -> frozenset[str]:
        """Hold on to what was taken, for another lease from now; also when it has ended, if nobody took it.

        Returns:
            Those still ours. What is missing another took, or had taken: it does not come back by itself.
        """
        async with self._asking() as connection:
            taken = list(self._taken), list(self._taken.values())
            rows = await connection.fetch(_RENEW, taken[0], self.holder, taken[1], self._lease)
        return frozenset(row["pbx"] for row in rows)

    async def release(self) -> None:
        """Give up what was taken, so that whoever stands by has it at once. After the last call was saved.

        What was never `noted` is as if it had not been taken: a start that failed leaves the next one what it found.
        """
        taken, self._taken = self._taken, {}
        before, self._before = {} if self._noted else self._before, {}
        left = [before.get(pbx) or at for pbx, at in taken.items()]
        async with self._asking() as connection:
            await connection.execute(_RELEASE, list(taken), self.holder, list(taken.values()), RELEASED, left)

    async def holders(self) -> list[Holding]:
        """Who holds which of these PBXs; those that were released or never taken are missing."""
        async with self._asking() as connection:
            rows = await connection.fetch(_HOLDERS, self._pbxs)
        return [Holding(**row) for row in rows]

    async def fence(self, connection: Connection, pbxs: Sequence[str]) -> frozenset[str]:
        """Those of these PBXs that are ours; and nobody takes them before this connection's transaction ends.

        Call it first in each transaction that writes calls, and leave out those of other PBXs.

        Args:
            connection: in a transaction.
            pbxs: names.
        """
        taken = {pbx: self._taken[pbx] for pbx in sorted(set(pbxs)) if pbx in self._taken}
        rows = await connection.fetch(_FENCE, list(taken), self.holder, list(taken.values()))
        return frozenset(row["pbx"] for row in rows)

    async def wait(self, seconds: float) -> None:
        """Return when somebody releases a lease, or after so long; what breaks meanwhile shows at the next question."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._released.wait()
        self._released.clear()

    async def listen(self) -> None:
        """From now on `wait` hears of releases, until the connection breaks; cheap to repeat."""
        async with self._asking() as connection:
            await connection.add_listener(RELEASED, self._hear)

    async def close(self) -> None:
        """Let the connection go; a later question opens another."""
        async with self._turn:
            self._drop()

    async def _take_all(self, connection: Connection) -> list[asyncpg.Record]:
        async with connection.transaction():
            await refuse_newer(connection)
            # Whoever saves holds a key-share lock on it (`fence`): his last batch is through before we go on.
            free = await connection.fetch(_LOCK, self._pbxs, self.holder, self._lease)
            for row in free:
                # Had by ourselves already: that was an attempt of this process of which no answer came.
                if row["pbx"] not in self._before or (row["holder"], row["told"]) != (self.holder, self._told):
                    self._before[row["pbx"]] = row["taken_at"]
            self._before = dict.fromkeys(self._pbxs) | self._before
            if await connection.fetchval(_THERE, self._pbxs) > len(free):
                raise _OthersError
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
            await self._intend(now)
            rows = await connection.fetch(_TAKE, self._pbxs, self.holder, self._told, self._lease, now)
            if len(rows) < len(self._pbxs):
                raise _OthersError
            return rows

    async def _intend(self, now: datetime) -> None:
        if self._attempts is not None:
            for pbx in self._pbxs:
                self._attempts.intend(pbx, now, self._before[pbx])
            with contextlib.suppress(OSError):  # the journal lies on the same disk, and tells of it
                await asyncio.to_thread(self._attempts.save)

    def _how(self, row: asyncpg.Record) -> Take:
        before = self._before.get(row["pbx"])
        behind = () if self._attempts is None else self._attempts.behind(row["pbx"], before)
        return Take(row["term"], before, row["taken_at"], behind)

    def _hear(self, *_: object) -> None:
        self._released.set()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Connection]:
        async with self._turn:
            try:
                with cut_is_reset():
                    async with asyncio.timeout(ANSWER_SECONDS):
                        if self._connection is None or self._connection.is_closed():
                            self._connection = await self._connect()
                        yield self._connection
            except BaseException:
                self._drop()
                raise

    async def _connect(self) -> Connection:
        # The server, too, gives up: a question that nobody waits for any more must not take a lease later.
        limit = str(int(ANSWER_SECONDS * 1000))
        settings = {
            "application_name": "threerings lease",
            "timezone": "UTC",
            "statement_timeout": limit,
            "idle_in_transaction_session_timeout": limit,
        }
        return await connect(self._url, ANSWER_SECONDS, settings)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


class _OthersError(Exception):
    """Not all could be had: what was taken in this transaction is given back."""


# Given up, or not renewed in time though the server has been up for long enough to renew it.
_ENDED: LiteralString = """
    leases.until = '-infinity'
    OR (leases.until <= clock_timestamp() AND pg_postmaster_start_time() <= clock_timestamp() - {lease}::interval)
"""

# In one order, so that nobody waits in a circle. It reads nothing of a lease that lives, so its holder never waits.
_LOCK: LiteralString = f"""
SELECT pbx, holder, told, taken_at FROM leases
WHERE pbx = ANY($1::text[]) AND (holder = $2 OR ({_ENDED.format(lease="$3")}))
ORDER BY pbx FOR UPDATE
"""  # noqa: S608 - constants of ours

_THERE: LiteralString = "SELECT count(*) FROM leases WHERE pbx = ANY($1::text[])"

_TAKE: LiteralString = f"""
INSERT INTO leases (pbx, holder, told, until, taken_at, term)
SELECT pbx, $2::uuid, $3, clock_timestamp() + $4::interval, $5::timestamptz, 1 FROM unnest($1::text[]) AS pbx
ON CONFLICT (pbx) DO UPDATE SET
    holder = excluded.holder, told = excluded.told, until = excluded.until, taken_at = excluded.taken_at,
    term = leases.term + (leases.holder <> excluded.holder)::integer
WHERE leases.holder = excluded.holder OR ({_ENDED.format(lease="$4")})
RETURNING pbx, taken_at, term
"""  # noqa: S608 - the same

_RENEW: LiteralString = """
UPDATE leases SET until = clock_timestamp() + $4::interval
FROM unnest($1::text[], $3::timestamptz[]) AS ours (pbx, taken_at)
WHERE leases.pbx = ours.pbx AND leases.holder = $2 AND leases.taken_at = ours.taken_at AND until > '-infinity'
RETURNING leases.pbx
"""

# The row stays: who followed last is what a term counts by.
_RELEASE: LiteralString = """
WITH gone AS (
    UPDATE leases SET until = '-infinity', taken_at = ours.was
    FROM unnest($1::text[], $3::timestamptz[], $5::timestamptz[]) AS ours (pbx, taken_at, was)
    WHERE leases.pbx = ours.pbx AND leases.holder = $2 AND leases.taken_at = ours.taken_at
    RETURNING leases.pbx)
SELECT pg_notify($4, '') WHERE EXISTS (SELECT FROM gone)
"""

_HOLDERS: LiteralString = """
SELECT pbx, holder, told, until, taken_at, until > clock_timestamp() AS living
FROM leases WHERE pbx = ANY($1::text[]) AND until > '-infinity' ORDER BY pbx
"""

# The weakest lock that a taker waits for, and a renewal does not.
_FENCE: LiteralString = """
SELECT leases.pbx FROM leases JOIN unnest($1::text[], $3::timestamptz[]) AS ours (pbx, taken_at)
    ON leases.pbx = ours.pbx AND leases.taken_at = ours.taken_at
WHERE leases.holder = $2 AND leases.until > '-infinity'
ORDER BY leases.pbx FOR KEY SHARE OF leases
"""
