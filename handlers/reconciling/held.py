"""One witness held against the other, aside: it takes some tenths of a second, in which PBXs are to be heard."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from telephony.calls.record import CallRecord, Direction
from telephony.queuelog.matching import match, of
from telephony.queuelog.reconcile import Difference, compare
from telephony.queuelog.stays import Stay

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """What takes some tenths of a second, in a thread: the lines of the PBXs are read on."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def alone(calls: Iterable[CallRecord], stays: Sequence[Stay]) -> list[tuple[str, datetime]]:
    """Queue and moment of joining of those whom these calls do not have."""
    rest = match([visit for call in calls for visit in of(call)], stays)[2]
    return [(stay.queue, stay.joined_at) for stay in rest if not stay.refused]


def differences(
    calls: Sequence[CallRecord], stays: Sequence[Stay], compared: Iterable[Stay], since: datetime | None
) -> list[Difference]:
    """What differs, with what was compared before as far as these calls may have it."""
    visits = [visit for call in calls for visit in of(call)]
    names = {visit.uniqueid for visit in visits}
    before = [
        one
        for one in compared
        if one.uniqueid in names or one.left_as in names or since is None or one.joined_at >= since
    ]
    others = {call.uniqueid for call in calls if call.direction is not Direction.INBOUND}
    return compare(visits, [*stays, *before], others=others)


def newest(known: dict[UUID, CallRecord], calls: Iterable[CallRecord]) -> None:
    """Add calls; of one that is known, the newer state stays."""
    for call in calls:
        if call.id not in known or known[call.id].revision < call.revision:
            known[call.id] = call
