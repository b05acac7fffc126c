"""Tells receivers of calls as they ring: at once or not at all, for a pop that is late is worth nothing."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import structlog

from handlers.webhooks.delivering import Sends
from telephony.calls.facts import Moment
from telephony.calls.record import THREE_RINGS, CallRecord, Direction, OfferRecord, VisitRecord
from telephony.configwebhooks import POP
from telephony.webhooks.signing import Event

log = structlog.get_logger(__name__)
MOST = 500
"""So many wait for one receiver; more are dropped, and counted."""
KNOWN = 20_000
"""So many phones that rang are remembered."""
OLDEST = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told. `caller`: with the number. `dropped` adds one that never will be told; `attempts` counts."""

    sender: Sends
    caller: bool
    attempts: Counter[str]
    dropped: Callable[[], None]
    waiting: asyncio.Queue[tuple[timedelta, Event]]


class Pops:
    """Calls that ring.

    Args:
        listeners: who is told.
        now: the wall clock.
        clock: our monotonic clock, by which age is told: that of the PBX may be wrong.
    """

    def __init__(
        self, listeners: Sequence[Listener], now: Callable[[], datetime], clock: Callable[[], timedelta]
    ) -> None:
        self._listeners, self._now, self._clock = listeners, now, clock
        self._known: OrderedDict[tuple[UUID, str], None] = OrderedDict()

    def follow(self, call: CallRecord, at: Moment) -> None:
        """A new state of a call: phones that ring in it for the first time are told, unless that was long ago."""
        if not self._listeners or call.direction is not Direction.INBOUND or abs(self._clock() - at.mono) > OLDEST:
            return  # read again out of the journal, perhaps from before this machine was started
        for visit in call.visits:
            for offer in visit.offers:
                rings = offer.rang_at is not None and offer.ended_at is None
                if rings and (call.id, offer.leg) not in self._known:
                    self._known[call.id, offer.leg] = None
                    self._ring(call, visit, offer, at)
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)

    async def run(self) -> None:
        """Tell them, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for one in self._listeners:
                tasks.create_task(self._tell(one), name="pops")

    def _ring(self, call: CallRecord, visit: VisitRecord, offer: OfferRecord, at: Moment) -> None:
        for one in self._listeners:
            data: dict[str, object] = {
                "call": str(call.id),
                "case": None if call.case is None else str(call.case),
                "pbx": call.pbx,
                "queue": visit.queue,
                "kind": visit.kind.value,
                "agent": offer.agent,
                "dialled": call.dialled,
            }
            if one.caller:
                data["caller"] = call.caller
            event = Event(uuid5(THREE_RINGS, f"rang\x1f{call.id}\x1f{offer.leg}"), POP, at.wall, data)
            try:
                one.waiting.put_nowait((at.mono, event))
            except asyncio.QueueFull:
                one.dropped()

    async def _tell(self, one: Listener) -> None:
        try:
            while True:
                rang, event = await one.waiting.get()
                fresh = self._clock() - rang <= OLDEST
                if fresh and await self._taken(one, event, self._now()):
                    one.attempts["delivered"] += 1
                else:
                    one.dropped()
        finally:
            await one.sender.close()

    @staticmethod
    async def _taken(one: Listener, event: Event, now: datetime) -> bool:
        try:
            return not (await one.sender.send(event, now)).why
        except Exception:  # whatever it is, calls are followed and saved
            log.exception("pop_not_told", remedy="none: the next one is tried")
            return False
