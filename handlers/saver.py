"""Makes calls durable without ever making anybody wait.

`put` only remembers the newest state of a call. `run` writes what is remembered, in batches, and keeps trying while the
database is away, so an outage costs at most one pending state a call. Time, pauses and the store are handed in.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Protocol
from uuid import UUID

import structlog

from telephony.backoff import Backoff
from telephony.calls.record import CallRecord, position_of
from telephony.cases.store import Saved

BATCH = 500
"""Calls written at once."""
WINDOW = 0.05
"""Seconds that a batch waits for company."""
PROBE = 5.0
"""Seconds without work after which the database is asked whether it is there."""
MAX_UNSAVED = 200_000
SCANNED = 5_000
"""So many calls are looked at for what the oldest is that is not durable; of more, what was found last is kept."""
FULL_REMEDY = "bring the database back, then restart the service: what was given up is read again from the journal"
PATIENCE = timedelta(seconds=3)
"""A database that has not answered for so long counts as away, though no attempt has failed yet."""


class Store(Protocol):
    """Where calls are made durable; `telephony.cases.store.CallStore` in production."""

    async def save(self, calls: Sequence[CallRecord], /) -> Saved:
        """Write these states; raise when none of it may be relied upon."""
        ...

    async def ping(self) -> None:
        """Return when the database answers; raise when it does not."""
        ...


async def rest(seconds: float, until: asyncio.Event) -> None:
    """Wait so many seconds, or less when the event comes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # `wait_for` forgets a cancellation that comes together with the event
            await until.wait()


@dataclass(slots=True)
class _Unsaved:
    call: CallRecord
    since: float
    """When the oldest change that is not durable was put, on the saver's clock."""
    changed: float | None = None
    """When the call was first put again while it was being written."""
    first: int = 0
    """The journal position of the oldest change that is not durable."""
    again: int = 0
    """That of the first change since it is being written."""


@dataclass(frozen=True, slots=True)
class SaverState:
    """What there is to know about the saver at one instant.

    Attributes:
        backlog: calls with a state that is not durable.
        oldest_unsaved: age of the oldest such state; None without backlog.
        database_up: the last attempt worked and nothing waits for longer than `PATIENCE`; None before the first.
        dropped: states given up at the cap, in total. refused: calls the database will never take, in total.
        foreign: states of calls whose rows belong to another life, in total (docs/decisions/restart.md).
        last_error: of the last attempt, or what waits for too long; None when all is well.
    """

    backlog: int
    oldest_unsaved: timedelta | None
    database_up: bool | None
    dropped: int
    refused: int
    foreign: int
    last_error: str | None


class Saver:
    """Newest state per call, written in batches, retried for ever.

    Args:
        store: where to.
        clock: monotonic seconds.
        backoff: pauses between failed attempts.
        max_unsaved: so many different calls are remembered; beyond that the oldest is dropped, counted and told.
        pause: waits so many seconds or until the event; handed in so that tests need no time.
        rests: waits until what these states rest on is in the journal; called before every write.
    """

    def __init__(  # noqa: PLR0913 - what is handed in
        self,
        store: Store,
        clock: Callable[[], float],
        backoff: Backoff,
        *,
        max_unsaved: int = MAX_UNSAVED,
        pause: Callable[[float, asyncio.Event], Awaitable[None]] = rest,
        rests: Callable[[Sequence[CallRecord]], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._backoff = backoff
        self._max_unsaved = max_unsaved
        self._pause = pause
        self._rests = rests
        # Oldest first. The batch being written stays at its head until it is durable, so a failure moves nothing.
        self._unsaved: dict[UUID, _Unsaved] = {}
        self._oldest: dict[str, tuple[int, int]] = {}
        self._given_up: dict[str, tuple[int, int]] = {}
        self._doubts: list[Callable[[], Awaitable[set[UUID]]]] = []
        self._writing = 0
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._drained = asyncio.Event()
        self._stopping = False
        self._dropped = 0
        self._told_dropping = False
        self._refused = 0
        self._foreign = 0
        self._left_alone: frozenset[UUID] = frozenset()
        self._asked: float | None = None
        self._up: bool | None = None
        self._last_error: str | None = None
        self._log = structlog.get_logger(__name__)

    def put(self, call: CallRecord) -> None:
        """Make this state durable some time soon. Never waits, never fails; a state older than the known is nothing."""
        if call.id in self._left_alone:
            self._foreign += 1
            return
        now = self._clock()
        known = self._unsaved.get(call.id)
        if known is None:
            if len(self._unsaved) >= self._max_unsaved:
                self._drop_oldest()
            self._unsaved[call.id] = _Unsaved(call, now, first=position_of(call.revision))
        elif call.revision >= known.call.revision:
            known.call = call
            if known.changed is None:
                known.changed, known.again = now, position_of(call.revision)
        if call.since:
            since, first = self._oldest.get(call.pbx, (call.since, position_of(call.revision)))
            self._oldest[call.pbx] = min(since, call.since), first
        self._drained.clear()
        self._wake.set()

    def state(self) -> SaverState:
        """Backlog, ages, counts: for metrics and readiness."""
        oldest = next(iter(self._unsaved.values()), None)
        unsaved = None if oldest is None else self._age(oldest.since)
        late = self._late(unsaved)
        return SaverState(
            backlog=len(self._unsaved),
            oldest_unsaved=unsaved,
            database_up=False if late else self._up,
            dropped=self._dropped,
            refused=self._refused,
            foreign=self._foreign,
            last_error=self._last_error or late,
        )

    def leave_alone(self, calls: Iterable[UUID]) -> None:
        """Save nothing of these: their rows know more than this process ever will."""
        alone = frozenset(calls)
        self._left_alone |= alone
        for id_ in [id_ for id_ in islice(self._unsaved, self._writing, None) if id_ in alone]:
            del self._unsaved[id_]
            self._foreign += 1

    def doubt(self, judge: Callable[[], Awaitable[set[UUID]]]) -> None:
        """What is put may be less than what the rows say of it: `judge` is to be asked before anything is saved."""
        self._doubts.append(judge)

    async def settle_doubts(self) -> set[UUID]:
        """Ask who was named by `doubt`, and leave alone the calls that they give; all of these.

        Raises:
            Whatever a judge raises. Say it again then.
        """
        known_better: set[UUID] = set()
        for judge in self._doubts:
            known_better |= await judge()
        self._doubts.clear()
        self.leave_alone(known_better)
        return known_better

    def unsaved(self, pbx: str) -> tuple[int, int] | None:
        """What is not durable of a PBX, as far as its journal can rebuild it; None when there is nothing.

        A state that was given up stays so for as long as this process lives: the next one rebuilds it.

        Returns:
            Where in the journal the oldest such call began, and where the oldest such state stands, or less.
        """
        both = [one for one in (self._waiting_of(pbx), self._given_up.get(pbx)) if one is not None]
        return (min(since for since, _ in both), min(first for _, first in both)) if both else None

    def _waiting_of(self, pbx: str) -> tuple[int, int] | None:
        if len(self._unsaved) > SCANNED:
            return self._oldest.get(pbx)
        theirs = [one for one in self._unsaved.values() if one.call.pbx == pbx and one.call.since]
        if not theirs:
            self._oldest.pop(pbx, None)
            return None
        oldest = min(one.call.since for one in theirs), min(one.first for one in theirs)
        self._oldest[pbx] = oldest
        return oldest

    def pending(self, pbx: str) -> list[CallRecord]:
        """The newest state of each call of a PBX that may not be durable yet."""
        return [one.call for one in self._unsaved.values() if one.call.pbx == pbx]

    def _age(self, since: float) -> timedelta:
        return timedelta(seconds=max(0.0, self._clock() - since))

    def _late(self, unsaved: timedelta | None) -> str | None:
        """What waits for too long, in words."""
        asked = None if self._asked is None else self._age(self._asked)
        if asked is not None and asked > PATIENCE:
            return f"no answer for {asked.total_seconds():.0f} s"
        if unsaved is not None and unsaved > PATIENCE:
            return f"calls wait to be saved for {unsaved.total_seconds():.0f} s"
        return None

    async def run(self) -> None:
        """Write until `stop`. A task of the service's TaskGroup; cancelling it loses nothing that was durable."""
        await self._probe()
        while not (self._stopping and not self._unsaved):
            if not self._unsaved:
                self._wake.clear()
                await self._pause(PROBE, self._wake)
                await self._probe()
                continue
            if len(self._unsaved) < BATCH:
                await self._pause(WINDOW, self._hurry)
            if await self._write():
                self._backoff.reset()
            else:
                await self._pause(self._backoff.next(), self._hurry)
                self._hurry.clear()

    async def stop(self, limit: float) -> int:
        """Write what is left, for at most `limit` seconds. `run` ends when nothing is left.

        Returns:
            How many calls remain that are not durable. While there are any, `run` goes on: cancel it.
        """
        self._stopping = True
        self._wake.set()
        self._hurry.set()
        if self._unsaved:
            try:
                await asyncio.wait_for(self._drained.wait(), limit)
            except TimeoutError:
                left, why = len(self._unsaved), self.state().last_error or f"not within {limit:g} s"
                self._last_error = why
                self._log.warning("saver_stopped_with_backlog", remaining=left, error=why)
        return len(self._unsaved)

    async def _probe(self) -> None:
        if self._unsaved or self._stopping:
            return
        self._asked = self._clock()
        try:
            await self._store.ping()
        except Exception as error:  # noqa: BLE001  # as below
            self._failed(error)
        else:
            self._worked()
        finally:
            self._asked = None

    async def _write(self) -> bool:
        batch = list(islice(self._unsaved.values(), BATCH))
        calls = [unsaved.call for unsaved in batch]
        for unsaved in batch:
            unsaved.changed = None
        self._writing, self._asked = len(batch), self._clock()
        try:
            if self._rests is not None:
                await self._rests(calls)
            saved = await self._store.save(calls)
        except Exception as error:  # noqa: BLE001  # whatever the trouble is: keep the calls, say it, try again
            self._failed(error)
            return False
        finally:
            self._writing, self._asked = 0, None
        self._worked()
        self._settle(batch, calls, saved)
        return True

    def _failed(self, error: Exception) -> None:
        self._last_error = f"{type(error).__name__}: {error}".rstrip(": ")
        if self._up is not False:
            self._log.error("database_away", error=self._last_error, backlog=len(self._unsaved))
        self._up = False

    def _worked(self) -> None:
        if self._up is False:
            self._log.info("database_back", backlog=len(self._unsaved))
        self._up, self._last_error = True, None

    def _settle(self, batch: list[_Unsaved], calls: list[CallRecord], saved: Saved) -> None:
        for refused in saved.refused:
            self._refused += 1
            self._log.error("call_refused_by_database", call=str(refused.call), reason=refused.reason)
        if saved.foreign and not self._foreign:
            remedy = "none: what was saved of them before this process started is kept, and closed"
            self._log.error("calls_of_another_life", first=str(saved.foreign[0]), remedy=remedy)
        self._foreign += len(saved.foreign)
        for unsaved, written in zip(batch, calls, strict=True):
            del self._unsaved[written.id]
            if unsaved.call is not written:  # a newer state came meanwhile
                if unsaved.changed is not None:
                    unsaved.since, unsaved.first = unsaved.changed, unsaved.again
                self._unsaved[written.id] = unsaved
        if not self._unsaved:
            self._told_dropping = False
            self._drained.set()

    def _drop_oldest(self) -> None:
        oldest = next(islice(self._unsaved, self._writing, None), None)
        if oldest is None:
            return
        dropped = self._unsaved.pop(oldest)
        self._dropped += 1
        if dropped.call.since:
            since, first = self._given_up.get(dropped.call.pbx, (dropped.call.since, dropped.first))
            self._given_up[dropped.call.pbx] = min(since, dropped.call.since), min(first, dropped.first)
        if not self._told_dropping:
            self._told_dropping = True
            self._log.error("saver_full", limit=self._max_unsaved, remedy=FULL_REMEDY)
