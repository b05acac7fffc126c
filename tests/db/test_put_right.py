"""What the database does when a call is put right: offers move with their visits, and another life's rows are taken."""

from dataclasses import replace

import asyncpg
import pytest

from telephony.calls.record import CallRecord, Direction, Outcome, Quality, call_id
from telephony.cases.ledger import NAMED, calls_named
from telephony.cases.store import CallStore, Saved
from tests.support.calls import at, call, offer, visit

pytestmark = pytest.mark.db


async def only(store: CallStore) -> CallRecord:
    (stored,) = [stored async for stored in store.calls()]
    return stored.call


async def test_a_visit_that_gets_another_ordinal_takes_its_offers_along_and_leaves_none(store: CallStore) -> None:
    first, last = visit(Outcome.TIMEOUT), visit(offers=(offer(), offer(leg="x")))
    await store.save([call(first, last)])
    between = visit(Outcome.ABANDONED, quality=Quality.RECONSTRUCTED, joined_at=at(11), left_at=at(12))
    healed = call(first, between, last, revision=2)
    assert await store.save([healed]) == Saved(1, 0)
    assert await only(store) == healed


async def test_a_call_that_is_over_is_taken_from_another_life_and_then_put_right(database: str) -> None:
    others, ours = CallStore(database, life=1), CallStore(database, life=2)
    over, open_ = call(visit(), revision=900), call(number=2, ended_at=None, hung_up_by=None, revision=900)
    await others.save([over, open_])
    healed = replace(over, dialled="9", revision=7)
    assert (await ours.save([healed])).foreign == (over.id,)
    await ours.adopt([over, open_])
    assert await ours.save([healed, replace(open_, revision=7)]) == Saved(1, 0, foreign=(open_.id,))
    assert await others.save([replace(over, revision=901)]) == Saved(0, 0, foreign=(over.id,))
    await ours.adopt([healed])  # its own: nothing changes
    assert await ours.save([healed]) == Saved(0, 1)
    assert healed in [stored.call async for stored in ours.calls()]
    for each in (others, ours):
        await each.close()


async def test_calls_are_found_by_id_and_by_who_joined_a_queue_then(store: CallStore, database: str) -> None:
    internal = call(number=1, direction=Direction.INTERNAL)
    near = call(visit(joined_at=at(98), left_at=at(99)), number=2)
    others = [
        call(visit(joined_at=at(103), left_at=at(110)), number=3),
        call(visit(joined_at=at(100), left_at=at(110), queue="other"), number=4),
        call(visit(joined_at=at(100), left_at=at(110)), number=5, pbx="pbx2"),
    ]
    await store.save([internal, near, *others])
    unknown = call_id("pbx1", "1700000000.77")
    found = await calls_named(database, "pbx1", {internal.id, unknown}, [("support", at(100)), ("\x00", at(100))])
    assert found == [internal, near]
    assert await calls_named(database, "pbx1", [], []) == []


async def test_who_joined_then_is_found_by_index(store: CallStore, database: str) -> None:
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
    rows = await admin.fetch(f"EXPLAIN {NAMED}", "pbx1", [], ["support"], [at(-120)], [at(-115)])
    await admin.close()
    plan = "\n".join(row[0] for row in rows)
    assert "visits_joined" in plan
    assert "Seq Scan" not in plan, plan
