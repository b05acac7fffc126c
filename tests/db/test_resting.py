"""How far in a journal the rows rest, read from a real PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from telephony.calls.record import Outcome
from telephony.cases.resting import Resting, Row, resting_on
from telephony.cases.store import CallStore
from tests.support.calls import at, call, visit

pytestmark = pytest.mark.db
LIFE = 11


async def test_rows_say_whose_positions_they_hold_and_whether_they_are_open(database: str) -> None:
    store = CallStore(database, lives={"pbx1": LIFE, "pbx2": 22})
    over = call(visit(), number=1, revision=4)
    goes_on = call(visit(), number=2, revision=5, ended_at=None, hung_up_by=None)
    undecided = call(visit(None), number=3, revision=6)
    elsewhere = call(visit(), number=4, revision=7, pbx="pbx2")
    unasked = call(visit(), number=5, revision=8)
    await store.save([over, goes_on, undecided, elsewhere, unasked])
    await store.close()
    asked = {over.id, goes_on.id, undecided.id, elsewhere.id, call(number=6).id}
    found = await resting_on(database, "pbx1", LIFE, asked)
    assert set(found.rows) == {
        Row(over.id, LIFE, 4, is_open=False),
        Row(goes_on.id, LIFE, 5, is_open=True),
        Row(undecided.id, LIFE, 6, is_open=True),
        Row(elsewhere.id, 22, 7, is_open=False),
    }


async def test_the_highest_revision_is_of_this_life_of_this_pbx(database: str) -> None:
    store = CallStore(database, lives={"pbx1": LIFE, "pbx2": LIFE})
    other = CallStore(database, life=99)
    await store.save([call(number=1, revision=40), call(number=2, revision=30)])
    await store.save([call(number=3, revision=90, pbx="pbx2")])
    await other.save([call(number=4, revision=100)])
    await store.close()
    await other.close()
    assert await resting_on(database, "pbx1", LIFE, []) == Resting((), 40)
    assert await resting_on(database, "pbx1", 12, []) == Resting((), 0)


async def test_it_is_sought_among_the_newest_and_those_that_go_on(database: str) -> None:
    store = CallStore(database, life=LIFE)
    month = timedelta(days=30)
    past = call(visit(Outcome.TIMEOUT), number=1, revision=50, arrived_at=at(0) - month)
    lasting = replace(call(number=2, revision=60, arrived_at=at(0) - month), ended_at=None, hung_up_by=None)
    await store.save([past, call(number=3, revision=40)])
    assert (await resting_on(database, "pbx1", LIFE, [])).revision == 40
    await store.save([lasting])
    assert (await resting_on(database, "pbx1", LIFE, [])).revision == 60
    await store.close()


async def test_a_database_without_our_schema_is_trouble(empty_database: str) -> None:
    with pytest.raises(asyncpg.PostgresError, match="calls"):
        await resting_on(empty_database, "pbx1", LIFE, [])
