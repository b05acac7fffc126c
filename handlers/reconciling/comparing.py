"""`threerings reconcile`: the database against queue_log, for a span of time; and put right when asked to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from handlers.database import database
from handlers.holding import own
from handlers.journals import journal_folder
from handlers.reconciling.judging import Case, Judged, judge
from handlers.reconciling.span import LogSpan, TooMuchError, lines_of_files, lines_of_journal, read_span
from handlers.reconciling.unsaved import unsaved
from handlers.standby import InstanceBusy, this_process
from telephony.calls.healing import heal
from telephony.calls.record import CallRecord, Direction, Outcome, call_id
from telephony.cases.attempts import Attempts
from telephony.cases.lease import Leases, Take
from telephony.cases.ledger import calls_named, queue_calls
from telephony.cases.store import CallStore
from telephony.config import Config, ConfigFaults, Pbx
from telephony.queuelog.matching import LedgerVisit, match, of
from telephony.queuelog.reconcile import Difference, compare
from telephony.queuelog.stays import Stay

WINDOW = timedelta(hours=1)
"""Compared at once."""
BESIDE = timedelta(seconds=30)
"""Of both witnesses so much more at either end, so that who joined at its edge is matched."""
SETTLED = timedelta(seconds=30)
"""What ended so shortly ago may not be in the database yet."""
LEASE = timedelta(seconds=60)


class HealingRefused(Exception):  # noqa: N818 - what another does
    """Somebody else may write these calls; the message is one line."""


class LogUnreadable(Exception):  # noqa: N818 - what it is
    """queue_log, or the journal, cannot be read; the message is one line."""


TROUBLES = (HealingRefused, LogUnreadable, TooMuchError)


@dataclass(slots=True)
class Report:
    """What was found of one PBX.

    Attributes:
        pbx: its name.
        log: what its queue_log told.
        compared: so many stays.
        differences: all, by time.
        from_journal: its queue_log is only known as the service read it.
    """

    pbx: str
    log: LogSpan
    compared: int = 0
    differences: list[Judged] = field(default_factory=list)
    from_journal: bool = False


async def run(
    config: Config, names: Sequence[str] | None, span: tuple[datetime, datetime], *, heal: bool
) -> list[Report]:
    """Compare, and put right what queue_log knows better if told to.

    Args:
        config: names database, PBXs and folders.
        names: of the PBXs; None or none: all.
        span: who joined from the first instant on and before the second.
        heal: write.

    Raises:
        ConfigFaults: there is no such PBX, or none at all.
        HealingRefused: somebody else may write.
        TooMuchError: narrow the span.
        LogUnreadable: a file cannot be read.
        handlers.database.AWAY: the database is away.
    """
    unknown = sorted(set(names or ()) - {pbx.name for pbx in config.pbx})
    if unknown or not config.pbx:
        what = f"--pbx = {unknown[0]!r}: is none of ours" if unknown else "pbx: is missing; add a [[pbx]]"
        raise ConfigFaults((what,))
    pbxs = [pbx for pbx in config.pbx if not names or pbx.name in names]
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database(config))
        store = await stack.enter_async_context(writing(config, url, [pbx.name for pbx in pbxs])) if heal else None
        return [await _reconcile(config, url, pbx, span, store) for pbx in pbxs]


async def _reconcile(
    config: Config, url: str, pbx: Pbx, span: tuple[datetime, datetime], store: CallStore | None
) -> Report:
    since, until = span
    begin: Callable[[], Iterator[bytes]] = partial(lines_of_journal, journal_folder(config, pbx.name))
    if pbx.queue_log is not None:
        begin = partial(lines_of_files, pbx.queue_log, since)

    def read() -> LogSpan:
        return read_span(begin(), since - BESIDE, until + BESIDE)

    try:
        log = await asyncio.get_running_loop().run_in_executor(None, read)
    except OSError as error:  # not the database's
        raise LogUnreadable(f"{error.filename or pbx.queue_log}: {error.strerror or error}") from None
    report = Report(pbx.name, log, from_journal=pbx.queue_log is None)
    if log.newest is None:
        return report
    first = max(since, log.covers - WINDOW) if log.covers else since
    while first < until:
        last = min(first + WINDOW, until)
        await _window(url, report, (first, last), store)
        first = last
    return report


async def _window(url: str, report: Report, span: tuple[datetime, datetime], store: CallStore | None) -> None:
    """One stretch of it."""
    since, until = span
    log, pbx = report.log, report.pbx
    stays = [stay for stay in log.stays if since - BESIDE <= stay.joined_at < until + BESIDE]
    calls = await _calls(url, pbx, stays, span)
    others = {call.uniqueid for call in calls if call.direction is not Direction.INBOUND}
    visits = [visit for call in calls for visit in of(call)]
    told = partial(compare, visits, stays, others=others, ends=tuple(log.boots.ends))
    found = await asyncio.get_running_loop().run_in_executor(None, told)
    going_on = {call.id for call in calls if call.ended_at is None}
    found = [one for one in found if since <= one.began_at < until and is_told(one, log, going_on)]
    cases = judge(pbx, calls, found, log, None)
    report.compared += sum(since <= stay.joined_at < until for stay in stays)
    if store is not None:
        await _heal(store, pbx, [case for case in cases if case.heals])
    healed = [one for case in cases for one in case.differences]
    report.differences += sorted(healed, key=lambda one: one.of.began_at)


async def _calls(url: str, pbx: str, stays: Sequence[Stay], span: tuple[datetime, datetime]) -> list[CallRecord]:
    """Who joined in the span, as the database has it, and who else is named in queue_log."""
    found = {call.id: call for call in await queue_calls(url, pbx, span[0] - BESIDE, span[1] + BESIDE)}
    alone = match([visit for call in found.values() for visit in of(call)], stays)[2]
    ids = {call_id(pbx, name) for stay in alone for name in (stay.uniqueid, stay.left_as) if name}
    if ids:
        near = [(stay.queue, stay.joined_at) for stay in alone]
        found |= {call.id: call for call in await calls_named(url, pbx, ids - set(found), near)}
    return list(found.values())


def is_told(one: Difference, log: LogSpan, going_on: set[UUID]) -> bool:
    """Whether it is none that time will settle, or that queue_log cannot know."""
    visit = one.visit
    if visit is None:
        return True
    if visit.call in going_on:
        return False
    return one.stay is not None or must_be_logged(visit, log)


def must_be_logged(visit: LedgerVisit, log: LogSpan) -> bool:
    """Whether queue_log, as far as there is one, must have it; refusals it has only where a dialplan writes them."""
    if visit.joined_at is None or visit.outcome is Outcome.LOST or log.covers is None or log.newest is None:
        return False
    return log.covers + timedelta(seconds=2) <= visit.joined_at and (visit.left_at or visit.joined_at) < log.newest


async def _heal(store: CallStore, pbx: str, cases: Sequence[Case]) -> None:
    """Put these calls right, in the database alone: what is counted is the service's."""
    if not cases:
        return
    await store.adopt([case.call for case in cases if case.call is not None])
    await store.save([heal(case.call, pbx, case.findings, twice=case.twice).call for case in cases])


@asynccontextmanager
async def writing(config: Config, url: str, pbxs: Sequence[str]) -> AsyncIterator[CallStore]:
    """A store that may write these PBXs' calls, because nobody follows them as long as the block runs.

    Raises:
        HealingRefused: somebody does; or a journal knows more than the database, which a start would save.
    """
    remedy = "it puts right by itself, within a minute"
    try:
        with own(config) as me:
            leases = Leases(
                url, me, f"{this_process()} (reconcile)", pbxs, lease=LEASE, attempts=Attempts(config.data_dir)
            )
            store = CallStore(url, fence=leases.fence)
            try:
                if not await leases.take():
                    who = ", ".join(f"{one.pbx} by {one.told}" for one in await leases.holders())
                    raise HealingRefused(f"--heal: the PBXs are followed ({who}); {remedy}")
                try:
                    await asyncio.to_thread(_nothing_waits, config, leases.takes)
                    yield store
                finally:
                    await store.close()
                    await leases.release()
            finally:
                await leases.close()
    except InstanceBusy:
        raise HealingRefused(f"--heal: the service is running; {remedy}") from None


def _nothing_waits(config: Config, takes: Mapping[str, Take]) -> None:
    """Of a call that was heard, the journal knows rings and offers; queue_log's word would stand in its way."""
    for pbx, take in takes.items():
        folder = journal_folder(config, pbx)
        try:
            count = unsaved(folder, take)
        except OSError as error:
            raise LogUnreadable(f"{error.filename or folder}: {error.strerror or error}") from None
        if count:
            what = f"the journal of {pbx} has {count:,} records of which the database knows nothing yet"
            raise HealingRefused(f"--heal: {what}; start the service: it saves them, and then puts right by itself")
