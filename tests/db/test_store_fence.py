"""Who has lost the lease without knowing it changes nothing that the other now follows: he neither takes nor closes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import pytest

from telephony.calls.record import Outcome
from telephony.cases.lease import Leases
from telephony.cases.store import CallStore, NotOurs, Saved
from tests.support.calls import at, call, visit

pytestmark = pytest.mark.db

OPEN = call(visit(None), ended_at=None, hung_up_by=None, revision=3)


class One(NamedTuple):
    """An instance."""

    leases: Leases
    store: CallStore


@pytest.fixture
async def frozen(database: str) -> AsyncIterator[One]:
    """It took the lease and saved a call, then stood still for longer than its lease."""
    one = made(database, 1)
    await one.leases.take()
    assert await one.store.save([OPEN]) == Saved(1, 0)
    yield one
    await one.leases.close()
    await one.store.close()


@pytest.fixture
async def other(frozen: One, database: str) -> AsyncIterator[One]:
    """It has taken over, and goes on with the call."""
    del frozen
    one = made(database, 2)
    assert await one.leases.take()
    assert [left.id for left in await one.store.open_calls(["pbx1"])] == [OPEN.id]
    yield one
    await one.leases.close()
    await one.store.close()


def made(url: str, number: int) -> One:
    leases = Leases(url, UUID(int=number), f"host pid {number}", ["pbx1"], lease=timedelta(milliseconds=1))
    return One(leases, CallStore(url, life=number, fence=leases.fence))


async def test_who_wakes_in_the_midst_of_its_start_takes_no_calls_back(frozen: One, other: One) -> None:
    with pytest.raises(NotOurs, match=r"^pbx1: another instance has taken the lease$"):
        await frozen.store.open_calls(["pbx1"])
    assert await other.store.save([replace(OPEN, ended_at=at(9), revision=4)]) == Saved(1, 0)


async def test_who_wakes_closes_none_of_the_calls_that_another_follows(frozen: One, other: One) -> None:
    with pytest.raises(NotOurs):
        await frozen.store.close_left_open(["pbx1"])
    (stored,) = [stored.call async for stored in other.store.calls()]
    assert (stored.ended_at, stored.visits[0].outcome) == (None, None)


async def test_who_holds_the_lease_closes_what_was_left_open(frozen: One, other: One) -> None:
    del frozen
    assert await other.store.close_left_open(["pbx1"]) == 1
    (stored,) = [stored.call async for stored in other.store.calls()]
    assert stored.visits[0].outcome is Outcome.LOST
