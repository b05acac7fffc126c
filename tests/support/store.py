"""A store that keeps calls in memory, and is away, slow or picky when told so."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from telephony.calls.record import CallRecord
from telephony.cases.store import Refused, Saved


class FakeStore:
    """Like `CallStore`: keeps the highest revision of each call.

    Attributes:
        kept: what is durable. batches: sizes of the batches written.
        troubles: raised by the next calls, one each. refuses: calls never taken.
        foreign: calls whose rows belong to another life.
        gate: while cleared, `save` waits before it writes: a frozen database.
        entered: set when `save` has been called.
    """

    def __init__(self, *troubles: Exception) -> None:
        self.kept: dict[UUID, CallRecord] = {}
        self.batches: list[int] = []
        self.troubles = list(troubles)
        self.refuses: set[UUID] = set()
        self.foreign: set[UUID] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()
        self.pings = 0

    async def save(self, calls: Sequence[CallRecord], /) -> Saved:
        self.entered.set()
        await self.gate.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        self.batches.append(len(calls))
        refused = [call for call in calls if call.id in self.refuses]
        for call in calls:
            if call.id not in self.refuses | self.foreign and (
                call.id not in self.kept or self.kept[call.id].revision < call.revision
            ):
                self.kept[call.id] = call
        return Saved(
            len(calls) - len(refused),
            0,
            tuple(Refused(call.id, "CheckViolationError: x") for call in refused),
            tuple(call.id for call in calls if call.id in self.foreign),
        )

    async def ping(self) -> None:
        self.pings += 1
        await self.gate.wait()
        if self.troubles:
            raise self.troubles.pop(0)
