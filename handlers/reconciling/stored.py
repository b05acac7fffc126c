"""The calls of one PBX: in the database, and on their way there."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from handlers.saver import Saver
from telephony.calls.record import CallRecord
from telephony.cases.ledger import calls_named, queue_calls
from telephony.cases.store import CallStore


class StoredCalls:
    """A `handlers.reconciling.neighbours.Source`.

    Args:
        url: of the database.
        pbx: whose calls.
        store: writes them. saver: what waits for it.
    """

    def __init__(self, url: str, pbx: str, store: CallStore, saver: Saver) -> None:
        self._url, self._pbx, self._store, self._saver = url, pbx, store, saver

    async def joined(self, since: datetime, until: datetime, /) -> list[CallRecord]:
        """The calls with a queue visit that joined then."""
        return await queue_calls(self._url, self._pbx, since, until)

    async def named(self, ids: Collection[UUID], joined: Sequence[tuple[str, datetime]], /) -> list[CallRecord]:
        """These calls, and those of who joined such a queue near such a moment."""
        return await calls_named(self._url, self._pbx, ids, joined) if ids or joined else []

    async def adopt(self, calls: Sequence[CallRecord], /) -> None:
        """Take these over from whoever wrote them."""
        await self._store.adopt(calls)

    def pending(self) -> list[CallRecord]:
        """States that may not be durable yet."""
        return self._saver.pending(self._pbx)
