"""Calls in PostgreSQL: written in batches, safe to repeat; read back in order, without holding them all."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from random import SystemRandom
from typing import LiteralString
from uuid import UUID

import asyncpg

from telephony.calls.record import CallRecord, Quality
from telephony.cases.closing import close
from telephony.cases.connecting import Connection, connect, cut_is_reset
from telephony.cases.rows import (
    StoredCall,
    call_columns,
    case_columns,
    offer_columns,
    stored_calls,
    visit_columns,
)

REFUSALS = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.ProgramLimitExceededError,
    TypeError,
    ValueError,
    OverflowError,
)
"""The row is at fault, and would be again tomorrow. Everything else is the database's trouble, and passes."""
CLOSE_SECONDS = 1.0
"""How long a goodbye may take; the database may be frozen, and a stop must not be."""
CHUNK = 500
"""Calls read at a time while exporting."""
Fence = Callable[[Connection, Sequence[str]], Awaitable[frozenset[str]]]
"""Those of some PBXs that are ours to write, and stay so until the connection's transaction ends."""
Lives = Callable[[Iterable[str]], list[int]]
"""Whose life counts the revisions of a PBX's calls, for each of some PBXs."""


class NotOurs(Exception):  # noqa: N818 - what they are
    """Another instance has the lease of some of these PBXs, named in the message: nothing of theirs was changed."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that the database will never take, and why."""

    call: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a batch.

    Attributes:
        written: so many calls. unchanged: the database knew that state or a newer one.
        refused: calls that the database will never take.
        foreign: calls of which another life holds the row (docs/decisions/restart.md).
    """

    written: int
    unchanged: int
    refused: tuple[Refused, ...] = ()
    foreign: tuple[UUID, ...] = ()


class CallStore:
    """One database. Opens a connection of its own for writing when first needed, and anew after any trouble.

    What it writes of a PBX belongs to that PBX's life; what belongs to another life is neither overwritten nor deleted,
    but by taking it over (`open_calls`) or closing it (`close_left_open`).

    Args:
        url: a PostgreSQL address, `postgresql://…`.
        life: the number of who counts the revisions, where `lives` tells none; None draws one.
        lives: by PBX: that of its journal, whose positions the revisions hold.
        fence: tells in each writing transaction whose PBXs are ours; calls of others are `foreign`. None: all are.
        connect_seconds: limit for opening a connection.
        statement_seconds: limit for one batch; a database that has not answered by then counts as away.
    """

    def __init__(  # noqa: PLR0913 - each has a default, and all have names
        self,
        url: str,
        *,
        life: int | None = None,
        lives: Mapping[str, int] | None = None,
        fence: Fence | None = None,
        connect_seconds: float = 5,
        statement_seconds: float = 15,
    ) -> None:
        self._url = url
        self._life = SystemRandom().randrange(1, 2**63) if life is None else life
        self._lives = dict(lives or {})
        self._fence = fence
        self._connect_seconds = connect_seconds
        self._statement_seconds = statement_seconds
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def save(self, calls: Sequence[CallRecord]) -> Saved:
        """Make these states durable: each call with its visits, offers and case, or not at all.

        A state is written only when its `revision` is above the stored one's, so repeating a batch changes nothing. A
        call that the database refuses is left out and told; it keeps no other call from being written.

        Args:
            calls: any number of calls; of one that is there twice, the highest revision counts.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
                Then part of the batch may be durable, and the whole may be repeated.
        """
        newest = {call.id: call for call in sorted(calls, key=lambda call: call.revision)}
        async with self._writing() as connection:
            # In one order whoever writes, so that two writers never wait for each other in a circle.
            return await _save_or_split(
                connection, [newest[id_] for id_ in sorted(newest)], self._lives_of, self._fence
            )

    async def ping(self) -> None:
        """One round trip with the database; raises like `save`."""
        async with self._writing() as connection:
            await connection.fetchval("SELECT 1")

    def _lives_of(self, pbxs: Iterable[str]) -> list[int]:
        return [self._lives.get(pbx, self._life) for pbx in pbxs]

    async def open_calls(self, pbxs: Sequence[str], known: Collection[UUID] = ()) -> list[CallRecord]:
        """Take over what was left open of these PBXs: calls without an end, or with an undecided visit.

        From now on they belong to the life of their PBX, and no other may write them. Call it before anything is saved.

        Args:
            pbxs: names.
            known: calls that are followed already, out of the journal.

        Raises:
            As `save`. What was taken over then is so all the same, and is given when asked again.
            NotOurs: another follows one of them by now, and the calls are his.
        """
        async with self._writing() as connection, connection.transaction():
            await self._hold(connection, pbxs)
            left = await connection.fetch(_LEFT_OPEN, pbxs, list(known))
            ids = [row["id"] for row in left]
            rows = await connection.fetch(_TAKE_OVER, ids, pbxs, self._lives_of(pbxs))
            visits = await connection.fetch(_SELECT_VISITS, ids)
            offers = await connection.fetch(_SELECT_OFFERS, ids)
            return [stored.call for stored in stored_calls(rows, visits, offers)]

    async def adopt(self, calls: Sequence[CallRecord]) -> None:
        """Take over these calls, which are over, from whatever life they belong to; raises like `save`.

        What their newest state is, is known: it is put right afterwards.
        """
        ids = sorted(call.id for call in calls)
        pbxs = sorted({call.pbx for call in calls})
        async with self._writing() as connection, connection.transaction():
            held = pbxs if self._fence is None else sorted(await self._fence(connection, pbxs))
            await connection.fetch("SELECT id FROM calls WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", ids)
            await connection.execute(_ADOPT, ids, held, self._lives_of(held))

    async def close_left_open(self, pbxs: Sequence[str], known: Collection[UUID] = ()) -> int:
        """Close what was left open of these PBXs, as far as it is known; raises like `open_calls`.

        Undecided visits become `lost`, a talk without an end unknown, and the call ended when it was last seen.

        Args:
            pbxs: names.
            known: calls that are followed, or wait to be saved.

        Returns:
            How many calls were closed.
        """
        async with self._writing() as connection, connection.transaction():
            await self._hold(connection, pbxs)
            rows = await connection.fetch(_LEFT_OPEN, pbxs, list(known))
            ids = [row["id"] for row in rows]
            await close(connection, ids, "open when the service restarted without its database")
        return len(ids)

    async def _hold(self, connection: Connection, pbxs: Sequence[str]) -> None:
        """Whoever was frozen between taking the lease and this must not take rows from who has it now."""
        if self._fence is not None and (gone := set(pbxs) - await self._fence(connection, pbxs)):
            raise NotOurs(f"{', '.join(sorted(gone))}: another instance has taken the lease")

    async def calls(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncGenerator[StoredCall, None]:
        """The calls with since <= arrived_at < until, by arrived_at, then id: one consistent picture, read in pieces.

        Opens its own connection and closes it. Iterate to the end, or close the iterator (`contextlib.aclosing`).

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
        """
        connection = await self._connect()
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                cursor = await connection.cursor(_SELECT_CALLS, since, until)
                while rows := await cursor.fetch(CHUNK):
                    ids = [row["id"] for row in rows]
                    visits = await connection.fetch(_SELECT_VISITS, ids)
                    offers = await connection.fetch(_SELECT_OFFERS, ids)
                    for stored in stored_calls(rows, visits, offers):
                        yield stored
        finally:
            connection.terminate()

    async def close(self) -> None:
        """Let the connection go; a later call opens another."""
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None and not connection.is_closed():
                try:
                    await connection.close(timeout=CLOSE_SECONDS)
                except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    connection.terminate()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        """The connection for writing, for one at a time and a limited time; after any trouble it is dropped."""
        async with self._turn:
            try:
                with cut_is_reset():
                    async with asyncio.timeout(self._connect_seconds + self._statement_seconds):
                        yield await self._connected()
            except BaseException:
                self._drop()
                raise

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        return self._connection

    async def _connect(self) -> Connection:
        settings = {
            "application_name": "threerings",
            "timezone": "UTC",
            # A half-dead line must not leave locks behind; who is frozen in the middle must not hold up who takes over.
            "idle_in_transaction_session_timeout": "8s",
        }
        return await connect(self._url, self._connect_seconds, settings)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


async def _save_or_split(
    connection: Connection, calls: Sequence[CallRecord], lives: Lives, fence: Fence | None
) -> Saved:
    """Save all; when the database refuses a row, save each half for itself, down to the call that is at fault."""
    if not calls:
        return Saved(0, 0)
    try:
        return await _save_together(connection, calls, lives, fence)
    except REFUSALS as error:
        if len(calls) == 1:
            return Saved(0, 0, (Refused(calls[0].id, _reason(error)),))
    middle = len(calls) // 2
    left = await _save_or_split(connection, calls[:middle], lives, fence)
    right = await _save_or_split(connection, calls[middle:], lives, fence)
    return Saved(
        left.written + right.written,
        left.unchanged + right.unchanged,
        left.refused + right.refused,
        left.foreign + right.foreign,
    )


def _reason(error: BaseException) -> str:
    constraint = getattr(error, "constraint_name", None)
    return f"{type(error).__name__}: {constraint or error}"


async def _save_together(
    connection: Connection, calls: Sequence[CallRecord], lives: Lives, fence: Fence | None
) -> Saved:
    async with connection.transaction():
        pbxs = {call.pbx for call in calls}
        held = pbxs if fence is None else await fence(connection, sorted(pbxs))
        ours = [call for call in calls if call.pbx in held]
        saved = await _write(connection, ours, lives) if ours else Saved(0, 0)
    return replace(saved, foreign=saved.foreign + tuple(call.id for call in calls if call.pbx not in held))


async def _write(connection: Connection, calls: Sequence[CallRecord], lives: Lives) -> Saved:
    foreign: tuple[UUID, ...] = ()
    theirs = lives(call.pbx for call in calls)
    rows = await connection.fetch(_UPSERT_CALLS, *call_columns(calls), theirs)
    newer = {row["id"] for row in rows}
    if newer:
        changed = [call for call in calls if call.id in newer]
        await connection.execute(_UPSERT_VISITS, *visit_columns(changed))
        await connection.execute(_UPSERT_OFFERS, *offer_columns(changed))
        counts = [call.id for call in changed], [len(call.visits) for call in changed]
        fewer = {row["call_id"] for row in await connection.fetch(_DELETE_SURPLUS, *counts)}
        await _delete_surplus_offers(connection, changed, fewer)
        await connection.execute(_INSERT_CASES, *case_columns(changed))
    if len(newer) < len(calls):
        others = await connection.fetch(_FOREIGN, [call.id for call in calls], theirs)
        foreign = tuple(row["id"] for row in others)
    return Saved(len(newer), len(calls) - len(newer) - len(foreign), foreign=foreign)


async def _delete_surplus_offers(connection: Connection, calls: Sequence[CallRecord], fewer: Collection[UUID]) -> None:
    """A visit never loses offers, but it may get another ordinal, when one is put before it, or taken away.

    The one put before it is reconstructed; of `fewer` calls some were taken away.
    """
    moved = [
        call
        for call in calls
        if call.id in fewer or any(visit.quality is Quality.RECONSTRUCTED for visit in call.visits)
    ]
    if moved:
        visits = [(call.id, visit.ordinal, len(visit.offers)) for call in moved for visit in call.visits]
        await connection.execute(_DELETE_SURPLUS_OFFERS, *map(list, zip(*visits, strict=True)))


_UPSERT_CALLS: LiteralString = """
INSERT INTO calls AS stored (id, pbx, uniqueid, linkedid, direction, caller, caller_name, dialled, arrived_at, ended_at,
    hung_up_by, case_id, visits, revision, life)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::uuid[], $13::integer[], $14::bigint[],
    $15::bigint[])
ON CONFLICT (id) DO UPDATE SET
    pbx = excluded.pbx, uniqueid = excluded.uniqueid, linkedid = excluded.linkedid, direction = excluded.direction,
    caller = excluded.caller, caller_name = excluded.caller_name, dialled = excluded.dialled,
    arrived_at = excluded.arrived_at, ended_at = excluded.ended_at, hung_up_by = excluded.hung_up_by,
    case_id = excluded.case_id, visits = excluded.visits, revision = excluded.revision
WHERE stored.life = excluded.life AND stored.revision < excluded.revision
RETURNING id
"""

_FOREIGN: LiteralString = """
SELECT calls.id FROM calls JOIN unnest($1::uuid[], $2::bigint[]) AS ours (id, life) USING (id)
WHERE calls.life <> ours.life ORDER BY calls.id
"""

# Locked in the order of `save`, so that no writer waits for another in a circle.
_LEFT_OPEN: LiteralString = """
SELECT id FROM calls
WHERE pbx = ANY($1::text[]) AND NOT id = ANY($2::uuid[])
    AND id IN (SELECT id FROM calls WHERE ended_at IS NULL UNION SELECT call_id FROM visits WHERE outcome IS NULL)
ORDER BY id FOR UPDATE
"""

# Revisions of another life are positions in another journal.
_TAKE_OVER: LiteralString = """
UPDATE calls SET life = ours.life, revision = CASE WHEN calls.life = ours.life THEN calls.revision ELSE 0 END
FROM unnest($2::text[], $3::bigint[]) AS ours (pbx, life)
WHERE calls.id = ANY($1::uuid[]) AND calls.pbx = ours.pbx
RETURNING calls.*, NULL::text AS case_number
"""

_ADOPT: LiteralString = """
UPDATE calls SET life = ours.life, revision = 0
FROM unnest($2::text[], $3::bigint[]) AS ours (pbx, life)
WHERE calls.id = ANY($1::uuid[]) AND calls.pbx = ours.pbx AND calls.life <> ours.life AND calls.ended_at IS NOT NULL
"""

_UPSERT_VISITS: LiteralString = """
INSERT INTO visits (call_id, ordinal, uniqueid, kind, queue, joined_at, left_at, outcome, settling, wait_us, alerted_at,
    caller_rings, caller_rings_heard, agent, answered_at, talk_us, hold_us, hung_up_by, quality, reason)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
    $7::timestamptz[], $8::text[], $9::boolean[], $10::bigint[], $11::timestamptz[], $12::integer[], $13::integer[],
    $14::text[], $15::timestamptz[], $16::bigint[], $17::bigint[], $18::text[], $19::text[], $20::text[])
ON CONFLICT (call_id, ordinal) DO UPDATE SET
    uniqueid = excluded.uniqueid, kind = excluded.kind, queue = excluded.queue, joined_at = excluded.joined_at,
    left_at = excluded.left_at, outcome = excluded.outcome, settling = excluded.settling, wait_us = excluded.wait_us,
    alerted_at = excluded.alerted_at, caller_rings = excluded.caller_rings,
    caller_rings_heard = excluded.caller_rings_heard, agent = excluded.agent, answered_at = excluded.answered_at,
    talk_us = excluded.talk_us, hold_us = excluded.hold_us, hung_up_by = excluded.hung_up_by,
    quality = excluded.quality, reason = excluded.reason
"""

_UPSERT_OFFERS: LiteralString = """
INSERT INTO offers (call_id, visit, ordinal, agent, interface, leg, called_at, rang_at, answered_at, ended_at, result,
    setup_us, alerting_us, rings)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::bigint[], $13::bigint[], $14::integer[])
ON CONFLICT (call_id, visit, ordinal) DO UPDATE SET
    agent = excluded.agent, interface = excluded.interface, leg = excluded.leg, called_at = excluded.called_at,
    rang_at = excluded.rang_at, answered_at = excluded.answered_at, ended_at = excluded.ended_at,
    result = excluded.result, setup_us = excluded.setup_us, alerting_us = excluded.alerting_us, rings = excluded.rings
"""

# A newer state never has fewer visits. Should one, the rows that it no longer has go, and with them their offers.
_DELETE_SURPLUS: LiteralString = """
DELETE FROM visits USING unnest($1::uuid[], $2::integer[]) AS kept (call_id, visits)
WHERE visits.call_id = kept.call_id AND visits.ordinal > kept.visits
RETURNING visits.call_id
"""

_DELETE_SURPLUS_OFFERS: LiteralString = """
DELETE FROM offers USING unnest($1::uuid[], $2::integer[], $3::integer[]) AS kept (call_id, visit, offers)
WHERE offers.call_id = kept.call_id AND offers.visit = kept.visit AND offers.ordinal > kept.offers
"""

# The serial is drawn only for a case that is not there yet: ON CONFLICT alone would draw one each time, and leave gaps.
_INSERT_CASES: LiteralString = """
INSERT INTO cases (id, call_id, opened_at)
SELECT fresh.id, fresh.call_id, fresh.opened_at
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS fresh (id, call_id, opened_at)
WHERE NOT EXISTS (SELECT FROM cases WHERE cases.id = fresh.id)
ORDER BY fresh.opened_at, fresh.id
ON CONFLICT (id) DO NOTHING
"""

_SELECT_CALLS: LiteralString = """
SELECT calls.*, cases.number AS case_number
FROM calls LEFT JOIN cases ON cases.call_id = calls.id
WHERE ($1::timestamptz IS NULL OR arrived_at >= $1) AND ($2::timestamptz IS NULL OR arrived_at < $2)
ORDER BY arrived_at, calls.id
"""

_SELECT_VISITS: LiteralString = "SELECT * FROM visits WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, ordinal"

_SELECT_OFFERS: LiteralString = "SELECT * FROM offers WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, visit, ordinal"
