"""Rounds of reconciliation with the real store: found, put right, durable, and by the next life too."""

from datetime import timedelta
from random import Random

import pytest

from handlers.effects import Performer
from handlers.reading import Reading
from handlers.reconcile import Reconciler
from handlers.reconciling.stored import StoredCalls
from handlers.saver import Saver
from telephony.backoff import Backoff
from telephony.calls.book import Rules
from telephony.calls.record import CallRecord, Outcome, Quality, call_id
from telephony.calls.tracker import Tracker
from telephony.cases.store import CallStore
from telephony.metrics import Labels, Measures
from telephony.queuelog.reading import read
from tests.support.calls import START, call, seconds, visit
from tests.support.story import MONO, moment

pytestmark = pytest.mark.db
EPOCH = int(START.timestamp())
STAYS = [
    f"{EPOCH + 10}|C|support|NONE|ENTERQUEUE||13800138000|1",
    f"{EPOCH + 15}|C|support|NONE|ABANDON|1|1|5",
    f"{EPOCH + 20}|D|support|NONE|ENTERQUEUE||13800138001|1",
    f"{EPOCH + 27}|D|support|Agent 1001|CONNECT|7|D2|3",
    f"{EPOCH + 40}|D|support|Agent 1001|COMPLETECALLER|7|13|1",
]


class Service:
    """One life of it: a store, a saver, a reconciler; nothing was heard."""

    synchronised = settled = True
    recovering = False

    def __init__(self, url: str, life: int) -> None:
        self.store = CallStore(url, life=life)
        self.saver = Saver(self.store, lambda: 0.0, Backoff(0.1, 0.2, Random(1)))
        self.measures = Measures(Labels(("pbx1",)))
        performer = Performer("pbx1", self.saver, self.measures)
        self.reading = Reading("pbx1", Tracker(Rules("pbx1", queue_log=True)), performer)
        stored = StoredCalls(url, "pbx1", self.store, self.saver)
        self.now = moment(0)
        self.reconciler = Reconciler("pbx1", self, performer, stored, self.measures, lambda: self.now)
        self.reconciler.heard(read([line.encode() for line in STAYS], MONO), moment(41))

    async def round(self) -> int:
        """How many were put right; all is saved."""
        self.now = moment(100)
        await self.reconciler.round(self.now)
        waiting = self.saver.pending("pbx1")
        if waiting:
            saved = await self.store.save(waiting)
            assert saved.written == len(waiting)
        assert self.reconciler.last is not None
        return self.reconciler.last.healed

    async def calls(self) -> list[CallRecord]:
        return [stored.call async for stored in self.store.calls()]


async def test_rounds_put_right_what_any_life_wrote_once(database: str) -> None:
    begin = START + seconds(10)
    lost = visit(Outcome.LOST, uniqueid="C", joined_at=begin, left_at=begin + timedelta(seconds=1), wait=seconds(1))
    earlier = CallStore(database, life=1)
    id_ = call_id("pbx1", "C")
    await earlier.save([call(lost, uniqueid="C", linkedid="C", id=id_, arrived_at=begin, hung_up_by=None, revision=99)])
    await earlier.close()
    for life, healed in ((2, 2), (3, 0)):
        service = Service(database, life)
        assert await service.round() == healed
        calls = await service.calls()
        assert [[each.outcome for each in one.visits] for one in calls] == [[Outcome.ABANDONED], [Outcome.ANSWERED]]
        assert {each.quality for one in calls for each in one.visits} == {Quality.RECONSTRUCTED}
        await service.store.close()
