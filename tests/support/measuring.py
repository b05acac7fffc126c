"""Questions for measures, of calls that are in memory: away, or slow to save, when told so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handlers.measuring import Measuring, Surroundings
from telephony.calls.record import CallRecord
from telephony.calls.spells import Spell
from telephony.standard.measures_table import Complaint
from tests.support.days import o_clock
from tests.support.tables import TERMS


@dataclass
class Saver:
    """`oldest`: the ages of the oldest unsaved state, each time somebody looks; the last one stays."""

    oldest: list[float | None] = field(default_factory=lambda: [None])
    dropped: int = 0
    backlog: int = 0

    @property
    def oldest_unsaved(self) -> timedelta | None:
        age = self.oldest.pop(0) if len(self.oldest) > 1 else self.oldest[0]
        return None if age is None else timedelta(seconds=age)


class Archive:
    """A database in memory, and who asks it.

    Attributes:
        calls_kept: all of them. reached_at: who was answered or called when.
        complained: complaints about the telephone service.
        opened: goes on when set; a question waits for it. error: what asking raises.
    """

    def __init__(self, *calls: CallRecord, now: datetime | None = None) -> None:
        self.calls_kept = list(calls)
        self.spells_kept: list[Spell] = []
        self.agents_heard: dict[str, datetime] = {}
        self.pbxs: tuple[str, ...] = ("pbx1",)
        self.complained: list[Complaint] = []
        self.reached_at: list[tuple[str, datetime]] = []
        self.error: Exception | None = None
        self.opened = asyncio.Event()
        self.opened.set()
        self.entered = asyncio.Event()
        self.asked: list[tuple[datetime, datetime, frozenset[str]]] = []
        self.asked_numbers: list[frozenset[str]] = []
        self.saver = Saver()
        self.troubles: dict[str, str] = {}
        self.wall = now or o_clock("15:42:07")
        self.passed = 0.0
        self.terms = TERMS

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Archive]:
        self.entered.set()
        await self.opened.wait()
        if self.error is not None:
            raise self.error
        yield self

    async def calls(
        self, since: datetime, until: datetime, pbxs: Collection[str]
    ) -> AsyncGenerator[Sequence[CallRecord], None]:
        self.asked.append((since, until, frozenset(pbxs)))
        for at in range(0, len(self.calls_kept), 2):
            yield self.calls_kept[at : at + 2]

    async def reached(
        self, callers: Collection[str], since: datetime, until: datetime
    ) -> AsyncGenerator[Sequence[tuple[str, datetime]], None]:
        self.asked_numbers.append(frozenset(callers))
        yield [(caller, at) for caller, at in self.reached_at if caller in callers and since <= at < until]

    async def spells(
        self, since: datetime, until: datetime, pbxs: Collection[str]
    ) -> AsyncGenerator[Sequence[Spell], None]:
        yield [
            spell
            for spell in self.spells_kept
            if spell.began_at < until and spell.ended_at and spell.ended_at > since and (not pbxs or spell.pbx in pbxs)
        ]

    async def heard(self) -> Mapping[str, datetime]:
        return self.agents_heard

    async def complaints(
        self, since: datetime, until: datetime, pbxs: Collection[str]
    ) -> AsyncGenerator[Sequence[Complaint], None]:
        assert pbxs is not None
        yield [one for one in self.complained if since <= one.at < until]

    async def pause(self, seconds: float) -> None:
        self.passed += seconds
        await asyncio.sleep(0)

    def measuring(self, *, keep: timedelta | None = None, seconds: float = 30, **limits: int) -> Measuring:
        around = Surroundings(
            self.snapshot, lambda: self.saver, lambda: self.troubles, lambda: self.wall, lambda: self.passed, keep,
            self.pause, self.pbxs,
        )  # fmt: skip
        return Measuring(around, self.terms, seconds, **limits)
