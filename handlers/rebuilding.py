"""At the start: the calls of all PBXs, out of their journals."""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from uuid import UUID

import structlog

from handlers.build import Feed, Service
from handlers.database import AWAY
from handlers.direct.rereading import channels_logged
from handlers.follow import CEL_MARK
from handlers.journaling import Loader, told_of_process
from handlers.journals import journal_folder
from handlers.outlived import drop, in_question, in_question_later, outlived
from handlers.reconciling.rereading import logged
from handlers.reconciling.span import place_at
from handlers.recovery import Recovered, Recovery, SameClock, Unread, recover
from handlers.resume import Resume
from handlers.saver import Saver
from handlers.threads import within
from telephony.ami.client import codec_of
from telephony.ami.settings import SystemClock
from telephony.ami.translate import EPOCH
from telephony.calls.record import CallRecord, position_of
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.ledger import last_arrival
from telephony.cases.resting import resting_on
from telephony.config import Config
from telephony.journal.reader import records
from telephony.journal.writer import Journal, this_boot
from telephony.queuelog.place import Place
from telephony.queuelog.tail import QueueLogTail

MARGIN = timedelta(seconds=10)
LONGEST_LOOK_BACK = timedelta(days=1)
ASK_SECONDS = 3.0
"""How long the database may take to say what it knows; then it is asked later, before anything is saved."""
READ_SECONDS = 10.0
"""How long looking for the place may take; the file may lie on a share that hangs."""
log = structlog.get_logger(__name__)


async def rebuild(service: Service, url: str) -> set[UUID]:
    """Read again what the processes before us read, as far as it is not over and saved; the calls that came of it."""
    turn = asyncio.Lock()
    async with asyncio.TaskGroup() as tasks:
        all_of_them = [
            tasks.create_task(reread(feed, feed.journal, service, url, turn), name=f"rebuild {feed.name}")
            for feed in service.feeds
            if feed.journal is not None
        ]
    return {call for one in all_of_them for call in one.result()}


async def reread(feed: Feed, journal: Journal, service: Service, url: str, turn: asyncio.Lock) -> set[UUID]:
    """The calls of one PBX, out of its journal, but for those of which a row knows more; they go on from here.

    Only what keeps the machine busy is done in `turn`: a database that is silent keeps no other PBX waiting.
    """
    resume, follower = feed.resume, feed.follower
    if resume is None:
        found = Recovered(unread=Unread(journal.position + 1))
    else:
        async with turn:
            found = await recovered(feed, journal, resume, service.config)
    await compared(feed, journal, service.saver, url, found)
    # Not when this was cut short by a stop: then what must be read again is still what the mark says.
    follower.recovering = False
    if resume is not None:
        go_on(feed, journal, resume, found)
    follower.began(told_of_process(version("threerings"), os.getpid()))
    return found.known


async def recovered(feed: Feed, journal: Journal, resume: Resume, config: Config) -> Recovered:
    """What one PBX's journal says. Should it not be readable to its end, all up to there: the rows know the rest."""
    folder, clock = journal_folder(config, feed.name), SystemClock()
    same = SameClock(this_boot(), clock.wall() - EPOCH - clock.monotonic())
    loader = Loader(partial(codec_of, feed.settings, banner=False))
    recovery = Recovery(feed.follower.reading, resume, loader, same)
    started = clock.monotonic()
    if feed.reconciler is not None:
        begin = logged(folder, resume.start - 1, loader, same)
        await heard_again(feed.name, feed.reconciler.hear_again(begin, journal.marks()))
    if feed.direct is not None:
        before = channels_logged(folder, resume.start - 1, loader, same)
        await heard_again(feed.name, feed.direct.hear_again(before, journal.marks()))
    try:
        found = await recover(recovery, partial(records, folder, resume.start, journal.position))
    except (OSError, sqlite3.Error) as error:
        log.exception("journal_unreadable", pbx=feed.name, error=str(error))
        found = recovery.end()
    seconds = round((clock.monotonic() - started).total_seconds(), 3)
    told = {"records": found.records, "calls": len(found.calls), "seconds": seconds}
    log.info("journal_read", pbx=feed.name, **told, **({"failed": found.failed} if found.failed else {}))
    return found


async def heard_again(pbx: str, hearing: Awaitable[None]) -> None:
    """What was not compared yet. Should that fail, whatever it is, calls are rebuilt all the same."""
    try:
        await hearing
    except Exception:
        log.exception("not_heard_again", pbx=pbx, remedy="compare what was before this start: threerings reconcile")


async def compared(feed: Feed, journal: Journal, saver: Saver, url: str, found: Recovered) -> None:
    """Hold it against the rows; while the database is away, have that done before anything is saved."""
    reading = feed.follower.reading

    async def judged(calls: set[UUID]) -> set[UUID]:
        resting = await resting_on(url, feed.name, journal.life, calls)
        journal.skip_to(position_of(resting.revision))
        better = outlived(resting.rows, journal.life, found)
        if better:
            reason = "the journal could not be written or read then, or the calls were over otherwise, or healed"
            log.warning("rows_know_more", pbx=feed.name, calls=len(better), reason=reason)
        return better

    async def late() -> set[UUID]:
        return await judged(in_question_later(reading, found))

    try:
        async with asyncio.timeout(ASK_SECONDS):
            drop(reading, found, await judged(in_question(reading, found)))
    except (*AWAY, DatabaseUrlError):  # whoever saves says why
        saver.doubt(late)


def go_on(feed: Feed, journal: Journal, resume: Resume, found: Recovered) -> None:
    """From where it was left, with what was found."""
    follower = feed.follower
    place = follower.reading.log_place or resume.log_place
    if feed.tail is not None and (known := Place.load(place)) is not None:
        feed.tail.begin_at(known)  # the mark may be older than what was read
    channels = follower.reading.cel_place or journal.marks().get(CEL_MARK, b"")
    if feed.cel is not None and (reached := Place.load(channels)) is not None:
        feed.cel.begin_at(reached)
    follower.took_up(found.calls, log_place=place, cel_place=channels)


async def note_since(feeds: Sequence[Feed], url: str, left_open: Sequence[CallRecord]) -> None:
    """Who has no journal to say how far queue_log was read begins with what the database did not know for sure."""
    for feed in feeds:
        if feed.resume is not None:
            continue
        arrived = [call.arrived_at for call in left_open if call.pbx == feed.name]
        longest = SystemClock().wall() - LONGEST_LOOK_BACK
        last = await last_arrival(url, feed.name, longest)
        known = [*arrived, *([] if last is None else [last])]
        if known:
            feed.log_since = max(min(known) - MARGIN, longest)


async def begin_logs(feeds: Sequence[Feed]) -> None:
    """Have queue_log read from then on, where that is known."""
    for feed in feeds:
        if not isinstance(feed.tail, QueueLogTail) or feed.log_since is None:
            continue
        try:
            place = await within(READ_SECONDS, partial(place_at, feed.tail.path, feed.log_since))
        except (OSError, TimeoutError) as error:
            log.warning("queue_log_not_looked_back", pbx=feed.name, error=str(error))
            continue
        if place is not None:
            feed.tail.begin_at(place)
