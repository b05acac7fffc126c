"""The ledger against queue_log on the virtual clock: `handlers.reconcile.Reconciler`, everything around it faked."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.follow import Follower
from handlers.journaling import Loader, Source
from handlers.reading import Logged, Performs
from handlers.reconcile import Reconciler
from telephony.calls.facts import Moment
from telephony.calls.record import CallRecord, Kind
from tests.simulation.disk import Database, Journal

NEAR = timedelta(seconds=4)


class AtOnce(asyncio.SelectorEventLoop):
    """An event loop without threads: what would be done in one is done at once."""

    def run_in_executor(  # type: ignore[override]
        self, _executor: Executor | None, function: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        done = self.create_future()
        done.set_result(function(*args))
        return done


class Stored:
    """Calls in the database: a `handlers.reconciling.neighbours.Source`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def joined(self, since: datetime, until: datetime, /) -> list[CallRecord]:
        """Whoever joined a queue then."""
        return [call for call in self._there() if any(since <= at < until for _, at in joins(call))]

    async def named(self, ids: Collection[UUID], joined: Sequence[tuple[str, datetime]], /) -> list[CallRecord]:
        """These, and whoever joined such a queue near such a moment."""
        return [call for call in self._there() if call.id in ids or is_near(call, joined)]

    async def adopt(self, calls: Sequence[CallRecord], /) -> None:
        """Nobody else writes."""

    def pending(self) -> list[CallRecord]:
        """What waits to be written."""
        return [call for call, _ in self._database.waiting.values()]

    def _there(self) -> list[CallRecord]:
        if self._database.away:
            raise ConnectionRefusedError
        return list(self._database.kept.values())


def joins(call: CallRecord) -> Iterator[tuple[str, datetime]]:
    """Every queue that he joined, or that refused him, and when."""
    for visit in call.visits:
        at = visit.joined_at or visit.left_at
        if visit.kind is Kind.QUEUE and at is not None:
            yield visit.queue, at


def is_near(call: CallRecord, joined: Sequence[tuple[str, datetime]]) -> bool:
    """Whether he joined one of these queues about then."""
    return any(queue == other and abs(at - then) <= NEAR for queue, at in joins(call) for other, then in joined)


class Counts:
    """Counts nothing."""

    def mismatch(self, pbx: str, kind: str, *, healed: bool) -> None:
        """A difference."""

    def uncompared(self, pbx: str, stays: int) -> None:
        """Stays given up."""


class Reconciliation:
    """Of one life of our process."""

    def __init__(self, follower: Follower, performer: Performs, database: Database, journal: Journal) -> None:
        self.loop = AtOnce()
        now = follower._line.now
        self.reconciler = Reconciler("pbx1", follower, performer, Stored(database), Counts(), now, journal)
        self._journal = journal
        follower.log_heard = self.reconciler.heard

    def hear_again(self, until: int, loader: Loader) -> None:
        """What an earlier life was told and had not compared."""

        def begin(since: int) -> Iterator[tuple[int, Logged]]:
            for record in self._journal.since(since):
                if record.source == Source.QUEUE_LOG and record.position <= until:
                    entry = loader.load(record)
                    assert isinstance(entry, Logged)
                    yield record.position, entry

        self.loop.run_until_complete(self.reconciler.hear_again(begin, self._journal.marks()))

    def turn(self, now: Moment) -> None:
        """A round, if one is due."""
        self.reconciler.mark()
        if self.reconciler.is_due(now.mono):
            self.loop.run_until_complete(self.reconciler.attempt(now))

    def close(self) -> None:
        """No more rounds."""
        self.loop.close()
