"""What is old goes, with all that hangs on it; what goes on stays, however old."""

from contextlib import aclosing
from datetime import timedelta

import asyncpg
import pytest
import structlog

from telephony.calls.record import CallRecord, Direction, Outcome
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.retention import forget
from telephony.cases.store import CallStore
from tests.support.calls import at, call, visit

pytestmark = pytest.mark.db

BEFORE = at(-3600)


def old(*visits: object, number: int, **changes: object) -> CallRecord:
    arrived = at(-7200 - number)
    return call(
        *visits, number=number, **({"arrived_at": arrived, "ended_at": arrived + timedelta(minutes=1)} | changes)
    )  # type: ignore[arg-type]


async def left(store: CallStore) -> set[str]:
    async with aclosing(store.calls()) as calls:
        return {stored.call.uniqueid.split(".")[1] async for stored in calls}


async def test_old_calls_go_with_all_that_hangs_on_them(store: CallStore, database: str) -> None:
    await store.save([old(visit(Outcome.TIMEOUT), visit(), number=1), old(number=2, direction=Direction.OUTBOUND)])
    await store.save([call(visit(), number=3)])
    with structlog.testing.capture_logs() as told:
        assert await forget(database, BEFORE) == 2
    assert [(each["event"], each["calls"]) for each in told] == [("calls_forgotten", 2)]
    assert await left(store) == {"3"}
    admin = await asyncpg.connect(database)
    counts = [await admin.fetchval(f"SELECT count(*) FROM {table}") for table in ("visits", "offers", "cases")]
    await admin.close()
    assert counts == [1, 1, 1]


async def test_a_call_that_goes_on_or_is_undecided_stays_however_old(store: CallStore, database: str) -> None:
    await store.save([old(visit(None), number=1, ended_at=None), old(visit(None), number=2), old(visit(), number=3)])
    assert await forget(database, BEFORE) == 1
    assert await left(store) == {"1", "2"}


async def test_the_instant_itself_is_not_before_it(store: CallStore, database: str) -> None:
    await store.save([old(number=1, arrived_at=BEFORE), old(number=2, arrived_at=BEFORE - timedelta(microseconds=1))])
    assert await forget(database, BEFORE) == 1
    assert await left(store) == {"1"}


async def test_many_go_in_small_batches_past_those_that_stay(store: CallStore, database: str) -> None:
    stay = {number for number in range(60) if number % 7 == 0}
    await store.save([old(visit(), number=n, **({"ended_at": None} if n in stay else {})) for n in range(60)])
    assert await forget(database, BEFORE, batch=4) == 60 - len(stay)
    assert await left(store) == {str(number) for number in stay}
    assert await forget(database, BEFORE, batch=4) == 0


async def test_what_is_being_written_is_left_for_the_next_time(store: CallStore, database: str) -> None:
    await store.save([old(number=number) for number in range(3)])
    writer = await asyncpg.connect(database)
    async with writer.transaction():
        await writer.execute("UPDATE calls SET caller_name = 'x' WHERE uniqueid = '1700000000.1'")
        assert await forget(database, BEFORE) == 2
    await writer.close()
    assert await forget(database, BEFORE) == 1


async def test_a_database_that_is_away_is_told_as_such() -> None:
    with pytest.raises(OSError, match=r".*"):
        await forget("postgresql://nobody@127.0.0.1:1/none", BEFORE)
    with pytest.raises(DatabaseUrlError):
        await forget("postgresql://u@127.0.0.1:port/none", BEFORE)
