"""One witness held against the other, aside: it takes some tenths of a second, in which PBXs are to be heard."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from handlers.reconciling.logbook import COMPARED_KEPT, GRACE
from telephony.calls.book import LiveCall
from telephony.calls.record import CallRecord, Direction, Outcome
from telephony.queuelog.boots import BootEnd
from telephony.queuelog.matching import LedgerVisit, match, of
from telephony.queuelog.reconcile import Difference, compare
from telephony.queuelog.stays import Stay

SURELY_READ = GRACE + timedelta(seconds=5)
"""What ended so long before the newest line of queue_log has its line before it, and that was taken up."""
EDGE = timedelta(seconds=2)
"""Of the second in which queue_log began to be known, some lines may have come before."""
T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """What takes some tenths of a second, in a thread: the lines of the PBXs are read on."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def alone(calls: Iterable[CallRecord], stays: Sequence[Stay]) -> list[tuple[str, datetime]]:
    """Queue and moment of joining of those whom these calls do not have."""
    rest = match([visit for call in calls for visit in of(call)], stays)[2]
    return [(stay.queue, stay.joined_at) for stay in rest if not stay.refused]


def differences(
    calls: Sequence[CallRecord],
    stays: Sequence[Stay],
    beside: Iterable[Stay],
    since: datetime | None,
    ends: Collection[BootEnd],
) -> list[Difference]:
    """What differs, with what else was read as far as these calls may have it."""
    visits = [visit for call in calls for visit in of(call)]
    names = {visit.uniqueid for visit in visits}
    before = [
        one
        for one in beside
        if one.uniqueid in names or one.left_as in names or since is None or one.joined_at >= since
    ]
    others = {call.uniqueid for call in calls if call.direction is not Direction.INBOUND}
    return compare(visits, [*stays, *before], others=others, ends=ends)


def read_up_to(newest: datetime | None, now: datetime) -> datetime | None:
    """Who ended before that has his line among those that were read; None: nobody can say. A line may be forged."""
    return None if newest is None else min(newest, now) - SURELY_READ


def must_be_logged(visit: LedgerVisit, covers: datetime | None, until: datetime | None) -> bool:
    """Whether queue_log must have it. Refusals it has only where a dialplan writes them.

    Args:
        visit: decided.
        covers: since when the log is known without a hole.
        until: up to when all of it was taken up; None: nobody can say.
    """
    joined = visit.joined_at
    if until is None or covers is None or joined is None or visit.outcome is Outcome.LOST:
        return False
    left = visit.left_at or joined
    return left <= until and joined >= max(covers + EDGE, until - COMPARED_KEPT + SURELY_READ)


def goes_on(live: Mapping[str, LiveCall]) -> set[str]:
    """The channels of calls that the tracker has because they go on; some it keeps only in case a line comes."""
    return {channel for channel, call in live.items() if not call.finished}


def newest(known: dict[UUID, CallRecord], calls: Iterable[CallRecord]) -> None:
    """Add calls; of one that is known, the newer state stays."""
    for call in calls:
        if call.id not in known or known[call.id].revision < call.revision:
            known[call.id] = call
