"""The calls that a stretch of queue_log must name, read from a real PostgreSQL."""

from datetime import timedelta

import asyncpg
import pytest

from telephony.calls.record import CallRecord, Kind, Outcome
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.ledger import CALLS, last_arrival, queue_calls
from telephony.cases.store import CallStore
from tests.support.calls import at, call, visit

pytestmark = pytest.mark.db


async def found(url: str, since: float = 100, until: float = 200) -> list[CallRecord]:
    return await queue_calls(url, "pbx1", at(since), at(until))


async def test_whole_calls_come_by_when_a_visit_joined(store: CallStore, database: str) -> None:
    early = visit(Outcome.TIMEOUT, joined_at=at(50), left_at=at(60))
    first = call(early, visit(joined_at=at(100), left_at=at(110)), number=1, arrived_at=at(49))
    last = call(visit(joined_at=at(199), left_at=at(209)), number=2, arrived_at=at(99))
    others = [
        call(visit(joined_at=at(99.999999), left_at=at(110)), number=3, arrived_at=at(99)),
        call(visit(joined_at=at(200), left_at=at(210)), number=4, arrived_at=at(199)),
        call(visit(kind=Kind.DIRECT, joined_at=at(150), left_at=at(160)), number=5, arrived_at=at(150)),
        call(number=6, arrived_at=at(150)),
        call(visit(joined_at=at(150), left_at=at(160)), number=7, pbx="pbx2", arrived_at=at(150)),
    ]
    await store.save([last, first, *others])
    assert await found(database) == [first, last]


async def test_who_was_refused_counts_when_he_arrived(store: CallStore, database: str) -> None:
    inside = call(visit(Outcome.REFUSED_FULL, left_at=None), number=1, arrived_at=at(100))
    outside = call(visit(Outcome.REFUSED_EMPTY, left_at=None), number=2, arrived_at=at(200))
    await store.save([inside, outside])
    assert await found(database) == [inside]


async def test_more_than_one_piece_comes_whole(store: CallStore, database: str) -> None:
    calls = [call(visit(joined_at=at(150), left_at=at(160)), number=n, arrived_at=at(150)) for n in range(1201)]
    await store.save(calls)
    assert len(await found(database)) == 1201


async def test_a_minute_of_a_long_history_is_found_by_index(store: CallStore, database: str) -> None:
    await store.save([call(visit(), number=1)])
    admin = await asyncpg.connect(database)
    await admin.execute(
        "INSERT INTO calls SELECT gen_random_uuid(), pbx, uniqueid, linkedid, direction, caller, caller_name, dialled,"
        " arrived_at - n * interval '1 minute', ended_at, hung_up_by, case_id, visits, revision, life"
        " FROM calls, generate_series(1, 20000) AS n"
    )
    await admin.execute(
        "INSERT INTO visits SELECT calls.id, ordinal, visits.uniqueid, kind, queue, arrived_at, left_at, outcome,"
        " settling, wait_us, alerted_at, caller_rings, caller_rings_heard, agent, answered_at, talk_us, hold_us,"
        " visits.hung_up_by, quality, reason"
        " FROM calls, visits WHERE calls.id <> visits.call_id"
    )
    await admin.execute("ANALYZE")
    rows = await admin.fetch(f"EXPLAIN {CALLS}", "pbx1", at(0) - timedelta(minutes=2), at(0))
    await admin.close()
    plan = "\n".join(row[0] for row in rows)
    assert "visits_joined" in plan
    assert "Seq Scan" not in plan, plan


async def test_the_newest_arrival_of_a_pbx_is_that_of_its_calls_alone(store: CallStore, database: str) -> None:
    await store.save(
        [
            call(number=1, arrived_at=at(100)),
            call(number=2, arrived_at=at(150)),
            call(number=3, pbx="pbx2", arrived_at=at(900)),
        ]
    )
    assert await last_arrival(database, "pbx1", at(0)) == at(150)
    assert await last_arrival(database, "pbx1", at(150)) == at(150)
    assert await last_arrival(database, "pbx1", at(151)) is None


async def test_a_database_that_is_away_is_told_as_such() -> None:
    with pytest.raises(OSError, match=r".*"):
        await queue_calls("postgresql://nobody@127.0.0.1:1/none", "pbx1", at(0), at(1))
    with pytest.raises(DatabaseUrlError):
        await queue_calls("postgresql://u@127.0.0.1:port/none", "pbx1", at(0), at(1))
