"""Calls kept in memory, for whoever reconciles: away when told so."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from telephony.calls.record import CallRecord, Kind


class MemoryLedger:
    """Like `handlers.reconciling.stored.StoredCalls`, and who saves as well.

    Attributes:
        kept: the newest state of each call. written: each state put, in order.
        away: the database raises. adopted: ids of calls that were taken over.
    """

    def __init__(self) -> None:
        self.kept: dict[UUID, CallRecord] = {}
        self.written: list[CallRecord] = []
        self.waiting: list[CallRecord] = []
        self.adopted: list[UUID] = []
        self.away = False

    def put(self, call: CallRecord, /) -> None:
        self.written.append(call)
        if call.id not in self.kept or self.kept[call.id].revision < call.revision:
            self.kept[call.id] = call

    async def joined(self, since: datetime, until: datetime, /) -> list[CallRecord]:
        self._answer()
        return [call for call in self.kept.values() if any(since <= at < until for at in _joined(call))]

    async def named(self, ids: Collection[UUID], joined: Sequence[tuple[str, datetime]], /) -> list[CallRecord]:
        self._answer()
        near = {
            call.id
            for call in self.kept.values()
            for visit in call.visits
            for queue, at in joined
            if visit.queue == queue and visit.joined_at and abs(visit.joined_at - at) < timedelta(seconds=2.5)
        }
        return [call for call in self.kept.values() if call.id in near or call.id in ids]

    async def adopt(self, calls: Sequence[CallRecord], /) -> None:
        self._answer()
        self.adopted += [call.id for call in calls]

    def pending(self) -> list[CallRecord]:
        return self.waiting

    def _answer(self) -> None:
        if self.away:
            raise OSError("no database")


def _joined(call: CallRecord) -> list[datetime]:
    return [visit.joined_at or call.arrived_at for visit in call.visits if visit.kind is Kind.QUEUE]
