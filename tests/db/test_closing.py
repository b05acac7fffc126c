"""Of a PBX that is configured no more, what has been open for a day is closed; of one that another follows, nothing."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from telephony.calls.record import CallRecord, Outcome
from telephony.cases.closing import UNFOLLOWED, Unfollowed, close_unfollowed
from telephony.cases.lease import Leases
from telephony.cases.store import CallStore
from tests.support.calls import at, call, visit

pytestmark = pytest.mark.db

MOMENT = timedelta(microseconds=1)
NOW = at(100)


def open_since(seconds: float, number: int, pbx: str = "old") -> CallRecord:
    arrived = NOW - timedelta(seconds=seconds)
    waiting = visit(None, joined_at=arrived)
    return replace(call(waiting, number=number), pbx=pbx, arrived_at=arrived, ended_at=None, hung_up_by=None)


async def outcomes(store: CallStore) -> dict[str, Outcome | None]:
    return {stored.call.uniqueid.split(".")[1]: stored.call.visits[0].outcome async for stored in store.calls()}


async def test_what_is_open_for_a_day_is_closed_and_the_rest_told(store: CallStore, database: str) -> None:
    day = UNFOLLOWED.total_seconds()
    ended = replace(call(visit(), number=4), pbx="old", arrived_at=NOW - 2 * UNFOLLOWED)
    calls = [open_since(day + 1, 1), open_since(day, 2), open_since(day + 1, 3, "pbx1"), ended]
    await store.save(calls)
    assert await close_unfollowed(database, ["pbx1"], NOW) == Unfollowed(NOW, {"old": 1}, {"old": 1})
    assert await outcomes(store) == {"1": Outcome.LOST, "2": None, "3": None, "4": Outcome.ANSWERED}
    (closed,) = [one.call async for one in store.calls() if one.call.id == calls[0].id]
    assert closed.ended_at == calls[0].arrived_at
    assert closed.visits[0].reason == "open when its PBX was no longer followed"
    assert await close_unfollowed(database, ["pbx1"], NOW + MOMENT) == Unfollowed(NOW + MOMENT, {}, {"old": 1})


async def test_what_another_instance_follows_is_his_however_old(store: CallStore, database: str) -> None:
    await store.save([open_since(2 * UNFOLLOWED.total_seconds(), 1)])
    other = Leases(database, UUID(int=2), "elsewhere pid 2", ["old"])
    await other.take()
    assert await close_unfollowed(database, ["pbx1"], NOW) == Unfollowed(NOW, {}, {})
    await other.release()
    assert await close_unfollowed(database, ["pbx1"], NOW) == Unfollowed(NOW, {}, {"old": 1})
    await other.close()


async def test_a_clock_of_ours_that_is_ahead_closes_nothing(store: CallStore, database: str) -> None:
    """PostgreSQL's has the time of this machine."""
    (now,) = [(await close_unfollowed(database, [], NOW + timedelta(days=36_500))).now]
    fresh = replace(open_since(0, 1), arrived_at=now)
    await store.save([fresh])
    assert (await close_unfollowed(database, [], now + timedelta(days=36_500))).open == {"old": 1}
