"""At the start: what queue_log told an earlier process, and that one had not compared yet, is heard once more."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from handlers.journaling import Loader, Source
from handlers.reading import Logged, moment_of
from handlers.reconciling.logbook import Logbook
from handlers.recovery import SameClock
from telephony.journal.reader import records
from telephony.queuelog.reading import read

AT_ONCE = 200
"""Records fetched at a time."""


Begin = Callable[[int], Iterator[tuple[int, Logged]]]
"""Reads what queue_log told from a position on; blocking."""


def logged(folder: Path, until: int, loader: Loader, clock: SameClock) -> Begin:
    """Out of the journal in `folder`, up to a position."""

    def begin(since: int) -> Iterator[tuple[int, Logged]]:
        for record in records(folder, since, until, {Source.QUEUE_LOG}):
            entry = loader.load(clock.told(record))
            if isinstance(entry, Logged):
                yield record.position, entry

    return begin


async def reread(log: Logbook, begin: Begin, since: int) -> int:
    """Hear it all, letting others take their turn; how many pieces there were.

    Raises:
        OSError, sqlite3.Error: the journal cannot be read.
    """
    loop, count = asyncio.get_running_loop(), 0
    pieces = await loop.run_in_executor(None, begin, since)
    while some := await loop.run_in_executor(None, lambda: list(islice(pieces, AT_ONCE))):
        for position, entry in some:
            log.feed(read(entry.lines, entry.mono), moment_of(entry), position)
            await asyncio.sleep(0)
        count += len(some)
    return count
