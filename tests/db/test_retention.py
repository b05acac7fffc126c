"""What is old goes, with all that hangs on it; what goes on stays, however old."""

from contextlib import aclosing
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import structlog

from telephony.calls.record import CallRecord, Direction, Outcome, VisitRecord
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.retention import DOUBT, ClockDoubted, forget
from telephony.cases.store import CallStore
from tests.support.calls import at, call, visit

pytestmark = pytest.mark.db

KEEP = timedelta(hours=1)
NOW = at(0)
BEFORE = NOW - KEEP


def old(*visits: VisitRecord, number: int, **changes: Any) -> CallRecord:
    arrived = at(-7200 - number)
    times = {"arrived_at": arrived, "ended_at": arrived + timedelta(minutes=1)}
    return call(*visits, number=number, **(times | changes))


async def left(store: CallStore) -> set[str]:
    async with aclosing(store.calls()) as calls:
        return {stored.call.uniqueid.split(".")[1] async for stored in calls}


async def test_old_calls_go_with_all_that_hangs_on_them(store: CallStore, database: str) -> None:
    await store.save([old(visit(Outcome.TIMEOUT), visit(), number=1), old(number=2, direction=Direction.OUTBOUND)])
    await store.save([call(visit(), number=3)])
    with structlog.testing.capture_logs() as told:
        assert await forget(database, KEEP, NOW) == 2
    assert [(each["event"], each["calls"]) for each in told] == [("calls_forgotten", 2)]
    assert await left(store) == {"3"}
    admin = await asyncpg.connect(database)
    counts = [await admin.fetchval(f"SELECT count(*) FROM {table}") for table in ("visits", "offers", "cases")]
    await admin.close()
    assert counts == [1, 1, 1]


async def test_a_call_that_goes_on_or_is_undecided_stays_however_old(store: CallStore, database: str) -> None:
    await store.save([old(visit(None), number=1, ended_at=None), old(visit(None), number=2), old(visit(), number=3)])
    assert await forget(database, KEEP, NOW) == 1
    assert await left(store) == {"1", "2"}


async def test_the_instant_itself_is_not_before_it(store: CallStore, database: str) -> None:
    await store.save([old(number=1, arrived_at=BEFORE), old(number=2, arrived_at=BEFORE - timedelta(microseconds=1))])
    assert await forget(database, KEEP, NOW) == 1
    assert await left(store) == {"1"}


async def test_many_go_in_small_batches_past_those_that_stay(store: CallStore, database: str) -> None:
    stay = {number for number in range(60) if number % 7 == 0}
    await store.save([old(visit(), number=n, **({"ended_at": None} if n in stay else {})) for n in range(60)])
    assert await forget(database, KEEP, NOW, batch=4) == 60 - len(stay)
    assert await left(store) == {str(number) for number in stay}
    assert await forget(database, KEEP, NOW, batch=4) == 0


async def test_what_is_being_written_is_left_for_the_next_time(store: CallStore, database: str) -> None:
    await store.save([old(number=number) for number in range(3)])
    writer = await asyncpg.connect(database)
    async with writer.transaction():
        await writer.execute("UPDATE calls SET caller_name = 'x' WHERE uniqueid = '1700000000.1'")
        assert await forget(database, KEEP, NOW) == 2
    await writer.close()
    assert await forget(database, KEEP, NOW) == 1


async def test_a_database_that_is_away_is_told_as_such() -> None:
    with pytest.raises(OSError, match=r".*"):
        await forget("postgresql://nobody@127.0.0.1:1/none", KEEP, NOW)
    with pytest.raises(DatabaseUrlError):
        await forget("postgresql://u@127.0.0.1:port/none", KEEP, NOW)


async def test_a_clock_of_ours_that_is_ahead_deletes_nothing(store: CallStore, database: str) -> None:
    """PostgreSQL's has the time of this machine, long after the story."""
    await store.save([old(visit(), number=1), call(visit(), number=3)])
    with pytest.raises(ClockDoubted, match=r"^our clock and the database's are 2 days ahead of the newest call"):
        await forget(database, KEEP, at(3) + DOUBT + timedelta(microseconds=1))
    assert await left(store) == {"1", "3"}
    assert await forget(database, KEEP, at(3) + DOUBT) == 2


async def test_a_clock_of_ours_that_nobody_else_shares_counts_for_nothing(store: CallStore, database: str) -> None:
    """The PBX has just told of a call, and PostgreSQL knows the time."""
    admin = await asyncpg.connect(database)
    now = await admin.fetchval("SELECT clock_timestamp()")
    await admin.close()
    await store.save([old(visit(), number=n, arrived_at=now - n * KEEP, ended_at=now) for n in range(3)])
    assert await forget(database, KEEP * 1.5, now + timedelta(days=3_650)) == 1
    assert await left(store) == {"0", "1"}


async def test_where_there_are_no_calls_nothing_is_forgotten(database: str) -> None:
    assert await forget(database, KEEP, NOW) == 0
