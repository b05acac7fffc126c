"""All that takes part in a soak, and what the driver looks at while it goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import asyncpg

from tests.pbx import queue_log
from tests.pbx.asterisk import Pbx
from tests.pbx.checker import ENDS, REFUSALS
from tests.pbx.database import Database
from tests.pbx.line import Line
from tests.pbx.product import Product

from .traffic import LINES, Traffic, generations

if TYPE_CHECKING:
    from .faults import Incident

PBX = "pbx1"
DATABASE_LIMIT = 5.0
DECIDED = """
SELECT uniqueid, queue, count(*) AS decided FROM visits
WHERE kind = 'queue' AND outcome IS NOT NULL AND uniqueid = ANY($1) GROUP BY 1, 2"""
KNOWN = """
SELECT
    (SELECT count(*) FROM calls) AS calls,
    (SELECT count(*) FROM calls WHERE direction = 'inbound') AS inbound,
    (SELECT count(*) FROM cases) AS cases,
    (SELECT count(DISTINCT call_id) FROM cases) AS calls_with_a_case,
    (SELECT count(*) FROM calls c WHERE direction = 'inbound'
        AND (SELECT count(*) FROM cases k WHERE k.call_id = c.id AND k.id = c.case_id) <> 1) AS without_its_case,
    (SELECT count(*) FROM calls WHERE ended_at IS NULL) AS open_calls,
    (SELECT count(*) FROM visits WHERE outcome IS NULL) AS undecided_visits,
    (SELECT count(*) FROM (SELECT pbx, uniqueid FROM calls GROUP BY 1, 2 HAVING count(*) > 1) d) AS doubled_calls"""


def wall() -> float:
    """Seconds since 1970: what SIPp and queue_log stamp with, on this same machine."""
    return time.time()  # noqa: TID251 - the bench compares with other programs' clocks


class Scene:
    """`async with Scene(seed) as scene`: a PBX, PostgreSQL, the product, the line between them, calls without end."""

    def __init__(self, seed: int, *, per_second: float = 20.0, slices: str | None = None) -> None:
        self._seed, self._per_second, self._slices = seed, per_second, slices
        self._stack = AsyncExitStack()
        self.ended = EndedVisits(Path())
        self.pbx_down = asyncio.Lock()  # held by whoever is ending and starting the PBX
        self.service_down = asyncio.Lock()  # the same of the service
        self.under_way: list[Incident] = []
        self.no_crash = asyncio.Event()  # of Asterisk by itself, from which anything recovers
        self.no_crash.set()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._asking = asyncio.Lock()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _start(self) -> None:
        self.database = await self._stack.enter_async_context(Database())
        self.pbx = await self._stack.enter_async_context(Pbx(PBX))
        self.line = await self._stack.enter_async_context(Line(self.pbx, self._seed))
        self.line.slices = self._slices
        lines = "".join(f'[[line]]\nname = "desk-{phone}"\ninterface = "PJSIP/{phone}"\n' for phone in LINES)
        self.product = self.line.carry(Product([self.pbx], self.database.url, extra=lines))
        self._stack.push_async_callback(self._close)
        await self._stack.enter_async_context(self.product)
        self.traffic = Traffic(self.pbx, per_second=self._per_second)
        self._stack.push_async_callback(self.traffic.end)
        self.ended = EndedVisits(self.pbx.queue_log)
        await self.traffic.start()

    async def __aexit__(self, *_: object) -> None:
        for pid in self.database_pids():  # what is frozen cannot be ended in peace
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        with suppress(ProcessLookupError):  # whoever wanted an orderly stop has had it
            await self.product.kill()
        self.line.thaw()
        await self._stack.aclose()
        shutil.rmtree(self.product.folder, ignore_errors=True)  # its journal is large

    def database_pids(self) -> list[int]:
        """PostgreSQL: the postmaster and everybody whom it started."""
        process = self.database._process  # it does not tell otherwise
        if process is None or process.returncode is not None:
            return []
        return [process.pid, *_children(process.pid)]

    # --- what is looked at --------------------------------------------------------------------------------------------
    async def rows(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        """Ask PostgreSQL.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: it is away.
        """
        async with self._asking:
            try:
                if self._connection is None:
                    self._connection = await asyncpg.connect(self.database.url, timeout=DATABASE_LIMIT)
                return list(await self._connection.fetch(sql, *values, timeout=DATABASE_LIMIT))
            except BaseException:
                await self._close()
                raise

    async def behind(self, since: float, until: float) -> list[tuple[str, str]]:
        """Visits that queue_log says ended in this time and that PostgreSQL does not have, or not decided."""
        wanted = self.ended.counted(since, until)
        rows = await self.rows(DECIDED, sorted({uniqueid for uniqueid, _ in wanted}))
        known = {(row["uniqueid"], row["queue"]): row["decided"] for row in rows}
        return [visit for visit, count in wanted.items() if known.get(visit, 0) < count]

    async def known(self) -> dict[str, int]:
        """What PostgreSQL holds, in numbers."""
        (row,) = await self.rows(KNOWN)
        return dict(row)

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


class EndedVisits:
    """The ends of visits that queue_log tells of, read as they come, through rotations."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: dict[int, int] = {}
        self._ends: list[tuple[int, tuple[str, str]]] = []

    def counted(self, since: float, until: float) -> Counter[tuple[str, str]]:
        """Visits by Uniqueid and queue, all up to `until`, of those of which one ended since `since`."""
        for file in generations(self._path):
            self._ends += self._more(file)
        lately = {visit for epoch, visit in self._ends if since <= epoch <= until}
        return Counter(visit for epoch, visit in self._ends if visit in lately and epoch <= until)

    def _more(self, file: Path) -> Iterator[tuple[int, tuple[str, str]]]:
        with file.open("rb") as log:
            inode = os.fstat(log.fileno()).st_ino
            offset = self._read.get(inode, 0)
            log.seek(offset)
            whole = log.read().rpartition(b"\n")[0]
        self._read[inode] = offset + len(whole) + bool(whole)
        for line in queue_log.parse(whole.decode("utf-8", "replace")):
            if line.event in ENDS or line.event in REFUSALS:
                yield line.epoch, (line.uniqueid, line.queue)


def _children(pid: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(stat.parent.name)
