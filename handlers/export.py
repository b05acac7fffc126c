"""`threerings export calls`: from the database to a file or standard output, in pieces."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from rich.console import Console

from handlers.database import database
from telephony.calls.measures import Target, Targets
from telephony.cases.export import CSV_COLUMNS, as_document, as_row
from telephony.cases.pool import Pool
from telephony.cases.rows import StoredCall
from telephony.cases.store import CallStore
from telephony.cases.trail import TrailStore
from telephony.config import Config
from telephony.people.audit import Entry, Verb

PROGRESS_EVERY = 1_000


class OutputError(Exception):
    """What was read cannot be written; the message is one line."""


class Format(StrEnum):
    """How calls are written: one JSON object a line, or one CSV row a call."""

    JSONL = "jsonl"
    CSV = "csv"


def targets_of(config: Config) -> Targets:
    """What the configuration asks of the calls of each queue."""
    standard = config.standard

    def target(service_level: float | None, short: float | None) -> Target:
        return Target(
            rings=standard.rings,
            service_level=timedelta(seconds=standard.service_level_seconds if service_level is None else service_level),
            short_abandon=timedelta(seconds=standard.short_abandon_seconds if short is None else short),
        )

    own = {queue.name: target(queue.service_level_seconds, queue.short_abandon_seconds) for queue in config.queue}
    return Targets(target(None, None), own)


@dataclass(frozen=True, slots=True)
class Span:
    """Calls with since <= arrived_at < until; None is no bound."""

    since: datetime | None = None
    until: datetime | None = None


Write = Callable[[StoredCall], object]


async def export_calls(
    config: Config, span: Span, write: Write, told: Callable[[int], None], entry: Entry | None = None
) -> int:
    """Write the calls of the span, by arrived_at; the database is read in pieces and as of one instant.

    That it was done is in the audit trail before the first of them is read.

    Args:
        config: names the database.
        span: which calls.
        write: writes one call.
        told: called now and then with the number of calls so far.
        entry: for the audit trail.

    Returns:
        How many calls were written.

    Raises:
        OutputError: `write` fails. BrokenPipeError: nobody reads.
        DatabaseUrlError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database's trouble.
    """
    count = 0
    async with database(config) as url:
        if entry is not None:
            await _written(url, entry)
        async with aclosing(CallStore(url).calls(span.since, span.until)) as calls:
            async for stored in calls:
                _write(write, stored)
                count += 1
                if count % PROGRESS_EVERY == 0:
                    told(count)
    return count


def exported(at: datetime, who: str, span: Span, form: Format) -> Entry:
    """For the audit trail."""
    since, until = (None if one is None else one.isoformat() for one in (span.since, span.until))
    detail = f"{form} since {since or 'ever'} until {until or 'now'}"
    return Entry(at, f"command {who}", Verb.CALLS_EXPORTED, detail=detail)


async def _written(url: str, entry: Entry) -> None:
    pool = Pool(url)
    try:
        await TrailStore(pool).write([entry])
    finally:
        await pool.close()


def _write(write: Write, stored: StoredCall) -> None:
    try:
        write(stored)
    except BrokenPipeError:
        raise
    except OSError as error:  # not the database's
        raise OutputError(f"output: {error.strerror or error}") from None


def writer(form: Format, out: TextIO, targets: Targets) -> Write:
    """Writes calls in that form to `out`, which was opened with newline=""."""
    if form is Format.CSV:
        table = csv.DictWriter(out, CSV_COLUMNS)
        table.writeheader()
        return lambda stored: table.writerow(as_row(stored, targets))
    return lambda stored: out.write(on_one_line(json.dumps(as_document(stored), ensure_ascii=False)) + "\n")


def on_one_line(document: str) -> str:
    """JSON in which nothing but its end ends a line, for readers who split at U+0085, U+2028 and U+2029, too."""
    return document.translate(_ESCAPED)


_ESCAPED = {ord(end): f"\\u{ord(end):04x}" for end in "\x7f\x85\u2028\u2029"}


@contextmanager
def output(path: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that only its owner can read and that appears when it is complete."""
    if path is None:
        with _utf8(sys.stdout) as out:
            yield out
        return
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as out:
            yield out
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def progress(*, shown: bool, doing: str = "exporting calls") -> Iterator[Callable[[int], None]]:
    """A line on the terminal that says how far what is being done is; nothing elsewhere."""
    with ExitStack() as stack:
        if not shown:
            yield lambda _count: None
            return
        status = stack.enter_context(Console(stderr=True).status(doing))
        yield lambda count: status.update(f"{doing}: {count:,}")


@contextmanager
def _utf8(stream: TextIO) -> Iterator[TextIO]:
    """The same stream in UTF-8 whatever the locale, line ends untouched."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", newline="")
    try:
        yield stream
        stream.flush()
    except (OSError, OutputError):
        let_go(stream)
        raise


def let_go(stream: TextIO) -> None:
    """What is still buffered has nowhere to go; without this the interpreter complains of it at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
