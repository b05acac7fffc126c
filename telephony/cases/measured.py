"""The calls and spells that measures over an interval are made of, read in pieces, as of one instant."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from telephony.calls.attendance import LONGEST
from telephony.calls.record import CallRecord, Kind
from telephony.calls.spells import Spell
from telephony.cases.connecting import Connection, connect
from telephony.cases.rows import Row, storable, stored_calls
from telephony.cases.spells import spell_of
from telephony.standard.measures_table import Complaint, Place

READ = 250
"""Calls read at a time."""
PIECE = 500
"""Rows made into records at a time: some milliseconds of work. A call has one, and one for each phone that rang."""
SPELLS = 100
"""Spells read and counted at a time."""
NUMBERS_AT_ONCE = 1_000
STATEMENT_SECONDS = 30
LONGEST_CALL = timedelta(hours=24)
"""Calls are found by the index of their arrival; who stays for longer is not found any more."""
LONGEST_SPELL = LONGEST + timedelta(hours=1)


class Snapshot:
    """The calls as of one instant.

    Args:
        connection: in a transaction that sees nothing new; nobody else uses it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def calls(
        self, since: datetime, until: datetime, pbxs: Collection[str] = ()
    ) -> AsyncGenerator[Sequence[CallRecord], None]:
        """The calls with visits that went on at any time with since <= t < until, whole, in pieces and in no order.

        What ended, or began, in that time is in one of them: a call, a visit, the ringing of a phone, a talk.

        Args:
            since: aware.
            until: aware.
            pbxs: of these alone; none: of all.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
        """
        theirs = [storable(pbx) for pbx in pbxs] or None
        cursor = await self._connection.cursor(_CALLS, since, until, since - LONGEST_CALL, theirs)
        while rows := await cursor.fetch(READ):
            ids = [row["id"] for row in rows]
            visits = _by_call(await self._connection.fetch(_VISITS, ids))
            offers = _by_call(await self._connection.fetch(_OFFERS, ids))
            for some in _pieces(rows, offers):
                parts = [[row for call in some for row in of.get(call["id"], ())] for of in (visits, offers)]
                yield [stored.call for stored in stored_calls(some, *parts)]

    async def reached(
        self, callers: Collection[str], since: datetime, until: datetime
    ) -> AsyncGenerator[Sequence[tuple[str, datetime]], None]:
        """When somebody answered one of these callers, or somebody called his number, with since <= t < until.

        That he was called is all that is known of a call to the outside: not whether he answered. An attempt that an
        agent wrote down counts as well, whatever came of it.

        Args:
            callers: numbers as the PBX holds them; an equal text is the same caller.
            since: aware.
            until: aware.

        Raises:
            As `calls`.
        """
        stored = [storable(caller) for caller in callers]
        for at in range(0, len(stored), NUMBERS_AT_ONCE):
            some = stored[at : at + NUMBERS_AT_ONCE]
            for statement in (_ANSWERED, _CALLED, _TRIED):
                rows = await self._connection.fetch(statement, some, since, until, since - LONGEST_CALL)
                yield [(row["caller"], row["at"]) for row in rows]

    async def spells(
        self, since: datetime, until: datetime, pbxs: Collection[str] = ()
    ) -> AsyncGenerator[Sequence[Spell], None]:
        """What agents did at any time of these; what goes on ends where it is not known any further.

        Args:
            since: aware.
            until: aware.
            pbxs: of these alone; none: of all.

        Raises:
            As `calls`.
        """
        theirs = [storable(pbx) for pbx in pbxs] or None
        cursor = await self._connection.cursor(_SPELLS, since, until, since - LONGEST_SPELL, theirs)
        while rows := await cursor.fetch(SPELLS):
            yield [spell_of(row) for row in rows]

    async def heard(self) -> Mapping[str, datetime]:
        """Up to when it is known what the agents of each PBX did. Raises as `calls`."""
        rows = await self._connection.fetch("SELECT pbx, until FROM agents_heard")
        return {row["pbx"]: row["until"] for row in rows}

    async def complaints(
        self, since: datetime, until: datetime, pbxs: Collection[str] = ()
    ) -> AsyncGenerator[Sequence[Complaint], None]:
        """The complaints about the telephone service whose case was opened with since <= t < until, in pieces.

        Args:
            since: aware.
            until: aware.
            pbxs: of calls of these alone; none: of all, also of none.

        Raises:
            As `calls`.
        """
        theirs = [storable(pbx) for pbx in pbxs] or None
        cursor = await self._connection.cursor(_COMPLAINTS, since, until, theirs)
        while rows := await cursor.fetch(READ):
            yield [_complaint(row) for row in rows]


@asynccontextmanager
async def snapshot(url: str, connect_seconds: float = 5) -> AsyncIterator[Snapshot]:
    """The calls as they are in the database now, for as long as the block runs; on a connection of its own.

    Args:
        url: a PostgreSQL address.
        connect_seconds: limit for opening the connection.

    Raises:
        DatabaseUrlError: the address is none.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
    """
    settings = {
        "application_name": "threerings measures",
        "timezone": "UTC",
        "default_transaction_read_only": "on",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "idle_in_transaction_session_timeout": "60s",
    }
    connection = await connect(url, connect_seconds, settings)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield Snapshot(connection)
    finally:
        connection.terminate()


def _complaint(row: Row) -> Complaint:
    place = None if row["queue"] is None else Place(row["pbx"], Kind(row["kind"]), row["queue"])
    return Complaint(row["opened_at"], row["branch"] or None, place)


def _by_call(rows: Sequence[Row]) -> Mapping[UUID, Sequence[Row]]:
    found: dict[UUID, list[Row]] = {}
    for row in rows:
        found.setdefault(row["call_id"], []).append(row)
    return found


def _pieces(calls: Sequence[Row], offers: Mapping[UUID, Sequence[Row]]) -> Iterator[Sequence[Row]]:
    """Calls, each with what it weighs: while one caller waits, many phones may ring for him again and again."""
    piece, weight = list[Row](), 0
    for call in calls:
        piece.append(call)
        weight += 1 + len(offers.get(call["id"], ()))
        if weight >= PIECE:
            yield piece
            piece, weight = [], 0
    if piece:
        yield piece


# Those that end later are found by having come not long before `until`; so both bounds of the arrival are indexed.
_CALLS: LiteralString = """
SELECT calls.*, NULL::text AS case_number FROM calls
WHERE arrived_at >= $3 AND arrived_at < $2 AND visits > 0 AND (ended_at >= $1 OR ended_at IS NULL)
    AND ($4::text[] IS NULL OR pbx = ANY($4))
"""

_VISITS: LiteralString = "SELECT * FROM visits WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, ordinal"

_OFFERS: LiteralString = "SELECT * FROM offers WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, visit, ordinal"

# A spell lasts for half a day at most, and a little more until a listing ends it.
_SPELLS: LiteralString = """
SELECT pbx, agent, state, reason, queues, began_at, since, quality,
    coalesce(ended_at, greatest(began_at, heard.until)) AS ended_at
FROM agent_spells LEFT JOIN agents_heard AS heard USING (pbx)
WHERE began_at >= $3 AND began_at < $2 AND coalesce(ended_at, heard.until) > $1
    AND ($4::text[] IS NULL OR pbx = ANY($4))
ORDER BY pbx, agent, began_at
"""

# The index `calls_of_caller` knows the beginning of a number.
_ANSWERED: LiteralString = """
SELECT calls.caller, visits.answered_at AS at
FROM unnest($1::text[]) AS asked (caller)
JOIN calls ON left(calls.caller, 64) = left(asked.caller, 64) AND calls.caller = asked.caller AND calls.caller <> ''
    AND calls.arrived_at >= $4 AND calls.arrived_at < $3
JOIN visits ON visits.call_id = calls.id
WHERE visits.outcome = 'answered' AND visits.answered_at >= $2 AND visits.answered_at < $3
"""

_CALLED: LiteralString = """
SELECT dialled AS caller, arrived_at AS at FROM calls
WHERE direction = 'outbound' AND dialled = ANY($1::text[]) AND arrived_at >= $2 AND arrived_at < $3
    AND arrived_at >= $4
"""

_TRIED: LiteralString = """
SELECT calls.caller, callback_history.at
FROM unnest($1::text[]) AS asked (caller)
JOIN calls ON left(calls.caller, 64) = left(asked.caller, 64) AND calls.caller = asked.caller AND calls.caller <> ''
    AND calls.arrived_at >= $4 AND calls.arrived_at < $3
JOIN callback_calls ON callback_calls.call_id = calls.id
JOIN callback_history ON callback_history.callback_id = callback_calls.callback_id AND what = 'tried'
WHERE callback_history.at >= $2 AND callback_history.at < $3
"""

_COMPLAINTS: LiteralString = """
SELECT cases.opened_at, cases.branch, calls.pbx, visits.kind, visits.queue
FROM cases
LEFT JOIN calls ON calls.id = coalesce(
    cases.call_id, (SELECT call_id FROM case_calls WHERE case_id = cases.id ORDER BY call_id LIMIT 1))
LEFT JOIN visits ON visits.call_id = calls.id AND visits.ordinal = 1
WHERE cases.kind = 'complaint' AND cases.form ->> 'about' = 'service_quality' AND cases.state <> 'merged'
    AND cases.opened_at >= $1 AND cases.opened_at < $2 AND ($3::text[] IS NULL OR calls.pbx = ANY($3))
"""
