"""The agents' time in PostgreSQL: spells written in batches, safe to repeat, and up to when everything is there."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from telephony.calls.record import Quality
from telephony.calls.spells import AgentState, Spell
from telephony.cases.connecting import Connection, connect, cut_is_reset
from telephony.cases.rows import Row, storable
from telephony.cases.store import CLOSE_SECONDS, Fence, NotOurs


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a PBX. open: spells without an end. until: everything up to then is stored."""

    open: tuple[Spell, ...]
    until: datetime


class SpellStore:
    """One database, with a connection of its own: calls never wait for it.

    Args:
        url: a PostgreSQL address.
        fence: tells in each writing transaction whose PBXs are ours (`telephony.cases.store`); None: all are.
        connect_seconds: limit for opening a connection.
        statement_seconds: limit for one batch.
    """

    def __init__(
        self, url: str, fence: Fence | None = None, connect_seconds: float = 5, statement_seconds: float = 15
    ) -> None:
        self._url, self._fence = url, fence
        self._connect_seconds, self._statement_seconds = connect_seconds, statement_seconds
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def known(self, pbx: str) -> Known | None:
        """What goes on of this PBX, as far as it is stored; None: nothing ever was. Raises as `save`."""
        async with self._writing() as connection:
            until = await connection.fetchval("SELECT until FROM agents_heard WHERE pbx = $1", storable(pbx))
            rows = await connection.fetch(_OPEN, storable(pbx))
        return None if until is None else Known(tuple(spell_of(row) for row in rows), until)

    async def save(self, pbx: str, spells: Sequence[Spell], until: datetime) -> None:
        """Make these durable, all or none, and that with them everything up to `until` is.

        Raises:
            NotOurs: another follows this PBX by now; nothing was changed.
            asyncpg.IntegrityConstraintViolationError, asyncpg.DataError: they contradict what is stored.
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is away or in trouble.
        """
        async with self._writing() as connection, connection.transaction():
            if self._fence is not None and pbx not in await self._fence(connection, [pbx]):
                raise NotOurs(f"{pbx}: another instance has taken the lease")
            # First those that have ended: of each agent one at most goes on, and a table forbids two at any instant.
            for some in ([one for one in spells if one.ended_at], [one for one in spells if not one.ended_at]):
                if some:
                    await connection.execute(_UPSERT, *spell_columns(some))
            await connection.execute(_HEARD, storable(pbx), until)

    async def close(self) -> None:
        """Let the connection go; a later call opens another."""
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None and not connection.is_closed():
                try:
                    await connection.close(timeout=CLOSE_SECONDS)
                except (OSError, TimeoutError):
                    connection.terminate()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        """The connection, for one at a time and a limited time; after any trouble it is dropped."""
        async with self._turn:
            try:
                with cut_is_reset():
                    async with asyncio.timeout(self._connect_seconds + self._statement_seconds):
                        if self._connection is None or self._connection.is_closed():
                            settings = {
                                "application_name": "threerings agents",
                                "timezone": "UTC",
                                "idle_in_transaction_session_timeout": "8s",
                            }
                            self._connection = await connect(self._url, self._connect_seconds, settings)
                        yield self._connection
            except BaseException:
                if self._connection is not None:
                    self._connection.terminate()
                self._connection = None
                raise


def spell_of(row: Row) -> Spell:
    """Rebuild one."""
    return Spell(
        pbx=row["pbx"],
        agent=row["agent"],
        state=AgentState(row["state"]),
        reason=row["reason"],
        queues=tuple(row["queues"]),
        began_at=row["began_at"],
        since=row["since"],
        ended_at=row["ended_at"],
        quality=Quality(row["quality"]),
    )


def spell_columns(spells: Iterable[Spell]) -> list[list[object]]:
    """The columns of `agent_spells`, queues joined by line ends: arrays of arrays would have to be of one length."""
    rows: dict[object, tuple[object, ...]] = {}
    for one in spells:
        key = storable(one.pbx), storable(one.agent), one.began_at
        queues = "\n".join(storable(queue).replace("\n", " ") for queue in one.queues)
        more = one.ended_at, one.since, one.state.value, storable(one.reason), queues, one.quality.value
        rows[key] = (*key, *more)  # names that differ only in what cannot be stored are one
    return [list(column) for column in zip(*rows.values(), strict=True)]


_OPEN: LiteralString = "SELECT * FROM agent_spells WHERE pbx = $1 AND ended_at IS NULL ORDER BY agent"

_UPSERT: LiteralString = """
INSERT INTO agent_spells AS stored (pbx, agent, began_at, ended_at, since, state, reason, queues, quality)
SELECT told.pbx, told.agent, told.began_at, told.ended_at, told.since, told.state, told.reason,
    string_to_array(told.queues, E'\\n'), told.quality
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[],
    $8::text[], $9::text[]) AS told (pbx, agent, began_at, ended_at, since, state, reason, queues, quality)
ORDER BY told.began_at
ON CONFLICT (pbx, agent, began_at) DO UPDATE SET ended_at = excluded.ended_at, since = excluded.since,
    state = excluded.state, reason = excluded.reason, queues = excluded.queues, quality = excluded.quality
"""

_HEARD: LiteralString = """
INSERT INTO agents_heard AS stored (pbx, until) VALUES ($1, $2)
ON CONFLICT (pbx) DO UPDATE SET until = excluded.until
"""
