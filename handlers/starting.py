"""At the start, each PBX by itself: its journal is read, what was left open is handed to it, then it is followed."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Sequence
from typing import Any
from uuid import UUID

import structlog

from handlers.build import Feed, Service
from handlers.rebuilding import begin_logs, reread
from telephony.calls.facts import Uniqueid
from telephony.calls.record import CallRecord, call_id

RESUME_SECONDS = 5.0
"""How long a PBX is not followed while the database may still say what was left open."""
log = structlog.get_logger(__name__)


class Start:
    """How far a PBX has come. Whoever asks the database gives `left_open`, unless it is cancelled by then.

    Attributes:
        feed: the PBX.
        rebuilt: the calls that came out of its journal.
        left_open: the calls that earlier processes left open, but for these; cancelled: it is followed without.
        follows: it is followed.
    """

    def __init__(self, feed: Feed) -> None:
        loop = asyncio.get_running_loop()
        self.feed = feed
        self.rebuilt: asyncio.Future[set[UUID]] = loop.create_future()
        self.left_open: asyncio.Future[Sequence[CallRecord]] = loop.create_future()
        self.follows = asyncio.Event()

    async def run(self, service: Service, url: str, turn: asyncio.Lock) -> None:
        """Begin, and follow the PBX until cancelled. No other one is waited for, but to read one journal at a time.

        Args:
            service: it belongs to.
            url: of the database.
            turn: to read a journal. Two at once would both be late, and neither PBX be followed meanwhile.
        """
        feed = self.feed
        known = set[UUID]() if feed.journal is None else await reread(feed, feed.journal, service, url, turn)
        self.rebuilt.set_result(known)
        await asyncio.wait({self.left_open}, timeout=RESUME_SECONDS)
        self._resume(service)
        await begin_logs([feed])
        async with asyncio.TaskGroup() as tasks:
            for name, job in self._jobs():
                tasks.create_task(job, name=f"{name} {feed.name}")
            self.follows.set()

    def _resume(self, service: Service) -> None:
        """Hand over what earlier processes left open; without a database, go on without it."""
        if self.left_open.done():
            self.feed.follower.resume(self.left_open.result())
            return
        self.left_open.cancel()
        service.saver.leave_alone(unknown_calls([self.feed]))
        remedy = "none: the database was away; what was saved is kept, and closed"
        log.warning("nothing_resumed", pbx=self.feed.name, remedy=remedy)

    def _jobs(self) -> Iterable[tuple[str, Coroutine[Any, Any, None]]]:
        feed = self.feed
        yield "follow", feed.follower.run()
        if feed.tail:
            yield "queue_log", feed.tail.run(feed.follower.logged)
        if feed.reconciler:
            yield "reconcile", feed.reconciler.run()
        if feed.cel:
            yield "cel", feed.cel.run(feed.follower.channels_logged)
        if feed.direct:
            yield "direct", feed.direct.run()


def unknown_calls(feeds: Collection[Feed]) -> set[UUID]:
    """Calls that the journal cannot rebuild for their age: what is seen of them now is less than their rows know."""
    older = [(feed.name, one) for feed in feeds if feed.resume is not None for one in feed.resume.older]
    return {call_id(pbx, Uniqueid(channel)) for pbx, channel in older}


def live_calls(feeds: Collection[Feed]) -> set[UUID]:
    """The calls that are followed now."""
    return {call.id for feed in feeds for call in feed.follower.tracker.book.calls.values()}
