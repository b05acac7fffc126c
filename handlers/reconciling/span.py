"""queue_log of a span of time: out of its files, rotated ones too, or out of the journal."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from handlers.journaling import Source
from telephony.journal.reader import records
from telephony.queuelog.boots import Boots
from telephony.queuelog.doubtful import STEP, Doubtful
from telephony.queuelog.folder import Folder
from telephony.queuelog.grammar import Entry, parse
from telephony.queuelog.place import Place
from telephony.queuelog.reader import Reader
from telephony.queuelog.stays import Stay, Stays

BEFORE, AFTER = timedelta(hours=2), timedelta(hours=6)
"""So much earlier someone may have joined who is compared, and so much later a talk may end."""
CHUNK = 1 << 20
PIECE = 4096
"""Bytes; so much is read that is older than it need be."""
EPOCH_DIGITS = 10
BEHIND = 1_000
"""So many lines in a row that are too late, and the span is over; one alone may be forged."""
LINES = 10_000
MOST = 1_000_000
LOOKS = 20


class TooMuchError(Exception):
    """The span holds more than can be compared at once; the message is one line with the remedy."""


@dataclass(slots=True)
class LogSpan:
    """What queue_log tells of a span.

    Attributes:
        stays: of all who joined in it, in the order in which their ends were written.
        covers: the time of the first line there is; None: there is none.
        newest: of the last one; of those far behind the span, when there are several.
        lines: how many were read of the span. quarantined: how many of these do not fit.
        boots: how the lives of the PBX ended.
    """

    stays: list[Stay] = field(default_factory=list)
    covers: datetime | None = None
    newest: datetime | None = None
    lines: int = 0
    quarantined: int = 0
    boots: Boots = field(default_factory=Boots)
    doubtful: Doubtful = field(default_factory=Doubtful)

    def why_doubtful(self, stay: Stay, /) -> str:
        """Why it may be forged, or lack a line; empty: it need not."""
        return self.doubtful.why(stay)


def read_span(lines: Iterable[bytes], since: datetime, until: datetime, most: int = MOST) -> LogSpan:
    """The stays of those who joined in [since, until).

    Raises:
        TooMuchError: there are more than `most`.
    """
    span, stays, behind = LogSpan(), Stays(), 0
    for line in lines:
        one = parse(line)
        span.doubtful.feed(one)
        if not isinstance(one, Entry):
            span.quarantined += 1
            continue
        span.covers = span.covers or one.at
        behind = behind + 1 if one.at > until + AFTER else 0
        if behind >= BEHIND:
            break
        if behind:
            span.newest = until + AFTER if behind > STEP else span.newest
            continue
        span.newest = one.at
        if one.at < since - BEFORE:
            continue
        span.lines += 1
        span.boots.feed(one, stays)
        stays.feed(one)
        if span.lines % LINES == 0:
            take(span, stays, one.at - AFTER, (since, until), most)
    take(span, stays, datetime.max.replace(tzinfo=since.tzinfo), (since, until), most)
    return span


def take(span: LogSpan, stays: Stays, ended_before: datetime, joined: tuple[datetime, datetime], most: int) -> None:
    """Take out who has ended."""
    span.stays += [stay for stay in stays.ended(ended_before) if joined[0] <= stay.joined_at < joined[1]]
    if len(span.stays) > most:
        raise TooMuchError(f"more than {most:,} callers joined a queue in that time; narrow --since and --until")


def lines_of_files(path: Path, since: datetime) -> Iterator[bytes]:
    """The lines from a file on that may hold what began then.

    Raises:
        OSError: the folder, or a file, cannot be read.
    """
    begin = first_file(path, since)
    with closing(Reader(path, begin, CHUNK)) as reader:
        if begin is None:
            return
        while (piece := reader.read()) is not None:
            yield from piece.lines


def first_file(path: Path, since: datetime) -> Place | None:
    """Where to begin: the youngest file that began before; else the oldest; None: there is no line."""
    path.stat()
    for _ in range(LOOKS):
        files = Folder(path).files()
        if files is not None:
            starts = [file.start for file in files if file.start is not None]
            early = [start for start in starts if start.began and start.began <= (since - BEFORE).timestamp()]
            return early[-1] if early else starts[0] if starts else None
        time.sleep(0.05)  # names are just changing
    return None


def place_at(path: Path, since: datetime) -> Place | None:
    """Where to begin so that nothing is missed that was written since then, and little else is read; None: nowhere.

    Raises:
        OSError: the folder, or a file, cannot be read.
    """
    before = first_file(path, since)
    if before is None:
        return None
    first = int(since.timestamp())
    with closing(Reader(path, before, PIECE)) as reader:
        while (piece := reader.read()) is not None:
            if any(int(line[:EPOCH_DIGITS]) >= first for line in piece.lines if line[:EPOCH_DIGITS].isdigit()):
                return before
            before = piece.after
    return before


def lines_of_journal(folder: Path) -> Iterator[bytes]:
    """The lines that the service read, as far as its journal keeps them.

    Raises:
        OSError: it cannot be read.
    """
    for record in records(folder, sources={Source.QUEUE_LOG}):
        yield from record.data.split(b"\n")[1:]
