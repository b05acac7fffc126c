"""Accounts for the agents' time of one PBX and makes it durable, beside its calls: no fault here harms one of those.

What is heard is accounted for at once (`telephony.calls.attendance`) and written every few seconds, over a connection
of its own. What goes wrong is told, and accounting begins anew with the next listing: what lies between is `unknown`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from handlers.database import AWAY, trouble
from handlers.follow import Follower
from handlers.resume import Resume
from telephony.calls.attendance import Attendance, WrapUp
from telephony.calls.attendance_resumed import resume
from telephony.calls.facts import Fact
from telephony.calls.spells import Spell
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.spells import Known
from telephony.cases.store import REFUSALS, NotOurs
from telephony.config import Config
from telephony.journal.writer import Journal

EVERY = 2.0
"""Seconds between writes. What a kill costs is heard again out of the journal."""
MOST = 100_000
"""Spells that wait for the database: some hours of a large house. Beyond that they are forgotten, and `unknown`."""
LAST_SECONDS = 2.0
"""How long a stop may take to write the rest."""
log = structlog.get_logger(__name__)


class Store(Protocol):
    """Where spells are made durable: `telephony.cases.spells.SpellStore`."""

    async def known(self, pbx: str, /) -> Known | None:
        """What goes on, as far as it is stored; None: nothing ever was."""
        ...

    async def save(self, pbx: str, spells: Sequence[Spell], until: datetime, /) -> None:
        """Make these durable, and that with them everything up to then is."""
        ...


class Attending:
    """The agents of one PBX.

    Args:
        pbx: its name.
        wrap_up: what counts as that.
        position: of what was read last in the journal.
        saved: up to this position everything is stored, as far as is known.
        booted_at: when the PBX had begun, as was heard last.
        synced: waits until the journal has everything up to a position.
        most: so many spells may wait.
    """

    def __init__(  # noqa: PLR0913 - each has a default, and all have names
        self,
        pbx: str,
        wrap_up: WrapUp,
        *,
        position: Callable[[], int] = lambda: 0,
        saved: int = 0,
        booted_at: datetime | None = None,
        synced: Callable[[int], Awaitable[None]] | None = None,
        most: int = MOST,
    ) -> None:
        self.pbx, self._wrap_up, self._position, self._synced, self._most = pbx, wrap_up, position, synced, most
        self._saved = saved
        self._turn = asyncio.Lock()
        self._log = log.bind(pbx=pbx)
        self._begin_anew(booted_at)

    def _begin_anew(self, booted_at: datetime | None) -> None:
        self.attendance = Attendance(self.pbx, self._wrap_up)
        self.attendance.booted_at = booted_at
        self._unsaved: dict[tuple[str, datetime], Spell] = {}
        self._resumed = False

    def forget(self) -> None:
        """Begin anew: from what is stored up to the next listing, nobody knows."""
        self._begin_anew(self.attendance.booted_at)

    def heard(self, fact: Fact) -> None:
        """Account for it; never fails, never waits."""
        try:
            self.attendance.apply(fact)
        except Exception:  # noqa: BLE001 - whatever it is, calls go on
            self._log.exception("agents_time_failed", fact=type(fact).__name__)
            self.forget()
        if len(self.attendance.changed) + len(self._unsaved) > self._most:
            remedy = "bring the database back"
            self._log.error("agents_time_given_up", spells=self._most, remedy=remedy)
            self.forget()

    def needs_from(self) -> int:
        """The position in the journal from which on a restart must hear again."""
        return self._saved + 1

    async def save(self, store: Store) -> None:
        """Write what changed, and up to when everything is known; nothing before a listing.

        Raises:
            NotOurs: another follows this PBX. Others as the store; what was not written is kept.
        """
        async with self._turn:
            attendance = self.attendance
            if attendance.heard_from is None:
                return
            if not self._resumed:
                known = await store.known(self.pbx)
                if attendance is not self.attendance:
                    return
                if known is not None:
                    resume(attendance, known.open, known.until)
                self._resumed = True
            await self._write(store, attendance)

    async def _write(self, store: Store, attendance: Attendance) -> None:
        heard, position = attendance.heard, self._position()
        if heard is None:
            return
        self._unsaved |= {(spell.agent, spell.began_at): spell for spell in attendance.take()}
        unsaved = self._unsaved
        batch = dict(unsaved)
        if self._synced is not None:
            await self._synced(position)
        try:
            await store.save(self.pbx, list(batch.values()), heard.wall)
        except REFUSALS as error:
            reason = f"{type(error).__name__}: {error}"
            self._log.error("agents_time_refused", spells=len(batch), reason=reason)
            self.forget()
            return
        self._saved = max(self._saved, position)
        for key in batch:  # nobody else takes spells while it is our turn
            unsaved.pop(key, None)


class Timekeeper:
    """Writes what all PBXs' agents do.

    Args:
        store: where to.
        attending: by PBX.
        waits: names of PBXs whose journal is still being read.
        pause: waits so many seconds; handed in so that tests need no time.
    """

    def __init__(
        self,
        store: Store,
        attending: Sequence[Attending],
        waits: Callable[[], set[str]] = set,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._attending, self._waits, self._pause = store, attending, waits, pause
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Write every few seconds, until cancelled; what fails is told once, and tried again."""
        while True:
            await self.write()
            await self._pause(EVERY)

    async def write(self) -> None:
        """Write what there is now."""
        for one in self._attending:
            if one.pbx not in self._waits():
                await self._save(one)

    async def last(self, seconds: float = LAST_SECONDS) -> None:
        """The rest, at a stop."""
        try:
            async with asyncio.timeout(seconds):
                await self.write()
        except TimeoutError:
            log.warning("agents_time_not_saved", error=f"not within {seconds:g} s", remedy="none: it is in the journal")

    async def _save(self, one: Attending) -> None:
        told = ""
        try:
            await one.save(self._store)
        except (NotOurs, DatabaseUrlError, *AWAY) as error:
            told = trouble(error)
            if self._told.get(one.pbx) != told:
                log.warning("agents_time_not_saved", pbx=one.pbx, error=told, remedy="none: tried again")
        except Exception:  # whatever it is, the PBXs are measured
            log.exception("agents_time_failed", pbx=one.pbx)
            one.forget()
        self._told[one.pbx] = told


def wrap_up_of(config: Config) -> WrapUp:
    """What counts as an agent's wrap-up."""
    after = {queue.name: timedelta(seconds=queue.wrap_up_seconds) for queue in config.queue if queue.wrap_up_seconds}
    return WrapUp(after, frozenset(name.casefold() for name in config.standard.wrap_up_pauses))


def attending_of(config: Config, follower: Follower, journal: Journal | None, resume: Resume | None) -> Attending:
    """Who accounts for the agents of one PBX; he hears all that its follower does.

    Args:
        config: checked.
        follower: of this PBX.
        journal: what a write rests on; None: nothing is kept.
        resume: what will be read again; None: nothing will.
    """
    reading = follower.reading

    async def synced(position: int) -> None:
        if journal is not None:
            await journal.synced(min(position, journal.position))

    attending = follower.attending = Attending(
        follower.pbx,
        wrap_up_of(config),
        position=lambda: reading.position,
        saved=resume.start - 1 if resume is not None else 0 if journal is None else journal.position,
        booted_at=None if resume is None else resume.booted_at,
        synced=synced,
    )
    return attending
