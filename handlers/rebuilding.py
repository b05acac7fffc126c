"""At the start: the calls of all PBXs, out of their journals."""

import os
import sqlite3
from functools import partial
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

import structlog

from handlers.build import Feed, Service
from handlers.journaling import Loader, told_of_process
from handlers.journals import journal_folder
from handlers.reconciling.rereading import logged
from handlers.recovery import Recovery, SameClock, recover
from telephony.ami.client import codec_of
from telephony.ami.settings import SystemClock
from telephony.ami.translate import EPOCH
from telephony.config import Config
from telephony.journal.reader import records
from telephony.journal.writer import Journal
from telephony.queuelog.place import Place

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
log = structlog.get_logger(__name__)


async def rebuild(service: Service) -> set[UUID]:
    """Read again what the processes before us read, as far as it is not over and saved; the calls that came of it."""
    known: set[UUID] = set()
    for feed in service.feeds:
        if feed.journal is not None:
            known |= await recovered(feed, feed.journal, service.config)
            feed.follower.began(told_of_process(version("threerings"), os.getpid()))
    return known


async def recovered(feed: Feed, journal: Journal, config: Config) -> set[UUID]:
    """The calls of one PBX, out of its journal; should that fail, they are taken up from the database."""
    resume, follower = feed.resume, feed.follower
    if resume is None:
        return set()
    folder, clock = journal_folder(config, feed.name), SystemClock()
    same = SameClock(BOOT_ID, clock.wall() - EPOCH - clock.monotonic())
    follower.recovering = True
    loader = Loader(partial(codec_of, feed.settings, banner=False))
    recovery = Recovery(follower.reading, resume, loader, same)
    started = clock.monotonic()
    try:
        if feed.reconciler is not None:
            await feed.reconciler.hear_again(logged(folder, resume.start - 1, loader, same), journal.marks())
        found = await recover(recovery, partial(records, folder, resume.start, journal.position))
    except (OSError, sqlite3.Error) as error:
        log.exception("journal_unreadable", pbx=feed.name, error=str(error))
        found = recovery.end()
    finally:
        follower.recovering = False
    place = follower.reading.log_place or resume.log_place
    if feed.tail is not None and (known := Place.load(place)) is not None:
        feed.tail.begin_at(known)  # the mark may be older than what was read
    follower.took_up(found.calls, log_place=place)
    seconds = round((clock.monotonic() - started).total_seconds(), 3)
    log.info("journal_read", pbx=feed.name, records=found.records, calls=len(found.calls), seconds=seconds)
    return found.known
