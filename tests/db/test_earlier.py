"""Who called before, asked of a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from telephony.calls.record import Direction, Outcome
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.earlier import _COUNT, _NEWEST, Earlier
from telephony.cases.embedded import EmbeddedPostgres
from telephony.cases.store import CallStore
from telephony.customers.numbers import Numbering
from tests.support.calls import at, call, seconds, visit

pytestmark = pytest.mark.db
LI_LEI = "+8613800138000"


@pytest.fixture
async def earlier(database: str) -> AsyncIterator[Earlier]:
    asking = Earlier(database)
    yield asking
    await asking.close()


async def test_the_newest_calls_come_first_and_the_present_one_is_not_earlier(
    store: CallStore, earlier: Earlier
) -> None:
    calls = [call(visit(), number=number) for number in range(1, 9)]
    await store.save([*calls, call(visit(), number=20, caller="110")])
    found = await earlier.of(LI_LEI, at(7), calls[5].id)
    assert [contact.id for contact in found.newest] == [calls[i].id for i in (4, 3, 2, 1, 0)]
    assert (found.total, found.more, found.case_number) == (5, False, "000006")
    first = found.newest[0]
    assert (first.arrived_at, first.queue, first.outcome) == (at(5), "support", Outcome.ANSWERED)
    assert (first.agent, first.wait, first.talk) == ("Agent 1001", seconds(10), seconds(60))
    assert (first.case_id, first.case_number, first.case_kind) == (calls[4].case, "000005", "unknown")
    assert (first.case_state, first.case_owner) == ("logged", None)


async def test_of_several_visits_the_answered_one_is_told_and_the_waits_up_to_it(
    store: CallStore, earlier: Earlier
) -> None:
    first = visit(Outcome.TIMEOUT, queue="sales", wait=seconds(30))
    later = visit(Outcome.ABANDONED, queue="complaints", ordinal=3)
    await store.save([call(first, replace(visit(), ordinal=2), later)])
    (contact,) = (await earlier.of(LI_LEI, at(100), call(number=9).id)).newest
    assert (contact.queue, contact.outcome, contact.wait, contact.talk) == (
        "support", Outcome.ANSWERED, seconds(40), seconds(60),
    )  # fmt: skip


async def test_what_is_not_known_is_not_summed(store: CallStore, earlier: Earlier) -> None:
    lost = visit(Outcome.LOST, wait=None, left_at=None)
    unheard = visit(talk=None, hold=None)
    await store.save([call(lost, number=1), call(unheard, number=2), call(number=3)])
    none, talked, waited = (await earlier.of(LI_LEI, at(100), call(number=9).id)).newest
    assert (none.queue, none.outcome, none.agent, none.wait, none.talk) == (None,) * 5
    assert (talked.wait, talked.talk) == (seconds(10), None)
    assert (waited.outcome, waited.wait, waited.talk) == (Outcome.LOST, None, None)


async def test_only_inbound_calls_of_him_who_has_a_number(store: CallStore, earlier: Earlier) -> None:
    outbound = call(number=1, direction=Direction.OUTBOUND)
    await store.save([outbound, call(number=2, caller=""), call(number=3, caller="1" * 70 + "2")])
    assert (await earlier.of(LI_LEI, at(100), call(number=9).id)).total == 0
    assert (await earlier.of("", at(100), call(number=9).id)).total == 0
    assert (await earlier.of("1" * 70 + "3", at(100), call(number=9).id)).total == 0
    assert (await earlier.of("1" * 70 + "2", at(100), call(number=9).id)).total == 1


async def test_whoever_calls_all_day_is_counted_to_a_hundred(store: CallStore, earlier: Earlier) -> None:
    await store.save([call(number=number) for number in range(1, 102)])
    found = await earlier.of(LI_LEI, at(1000), call(number=500).id)
    assert (found.total, found.more, len(found.newest)) == (100, True, 5)
    found = await earlier.of(LI_LEI, at(101), call(number=500).id, limit=2)
    assert (found.total, found.more, len(found.newest)) == (100, False, 2)


async def test_a_hostile_number_of_any_length_can_be_saved_and_asked_for(store: CallStore, earlier: Earlier) -> None:
    number = "".join(chr(0x4E00 + n * 7919 % 20000) for n in range(8000)) + "\x00\ud800'; DROP TABLE calls; --"
    saved = await store.save([call(number=1, caller=number)])
    assert saved.refused == ()
    assert (await earlier.of(number, at(100), call(number=9).id)).total == 1


async def test_the_index_serves_both_questions(store: CallStore, database: str) -> None:
    await store.save([call(number=number, caller=str(number % 50)) for number in range(1, 2001)])
    connection = await asyncpg.connect(database)
    await connection.execute("ANALYZE calls")
    asked = ["7", "+867"], at(5_000), call().id
    plans = [await connection.fetch(f"EXPLAIN {text}", *asked, 5) for text in (_COUNT, _NEWEST)]
    await connection.close()
    for plan in plans:
        assert any("calls_of_caller" in row[0] for row in plan)


async def test_a_connection_that_was_cut_meanwhile_costs_nothing(
    store: CallStore, earlier: Earlier, database: str
) -> None:
    await store.save([call(number=1)])
    assert (await earlier.of(LI_LEI, at(100), call(number=9).id)).total == 1
    admin = await asyncpg.connect(database)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'threerings screens'"
    )
    await admin.close()
    assert (await earlier.of(LI_LEI, at(100), call(number=9).id)).total == 1


async def test_who_is_not_answered_in_time_asks_anew(store: CallStore, database: str) -> None:
    await store.save([call(number=1)])
    earlier = Earlier(database, answer_seconds=0.3)
    blocker = await asyncpg.connect(database)
    async with blocker.transaction():
        await blocker.execute("LOCK TABLE calls IN ACCESS EXCLUSIVE MODE")
        with pytest.raises((TimeoutError, asyncpg.QueryCanceledError)):
            await earlier.of(LI_LEI, at(100), call(number=9).id)
    await blocker.close()
    found = await asyncio.gather(*(earlier.of(LI_LEI, at(100), call(number=9).id) for _ in range(20)))
    assert [one.total for one in found] == [1] * 20
    await earlier.close()


async def test_a_database_that_is_away_is_told(server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await Earlier(server.url.replace("/postgres?", "/nowhere?")).of(LI_LEI, at(0), call().id)
    with pytest.raises(ConnectionRefusedError):
        await Earlier("postgresql://127.0.0.1:1/x").of(LI_LEI, at(0), call().id)
    with pytest.raises(DatabaseUrlError):
        await Earlier("postgresql://x:port/").of(LI_LEI, at(0), call().id)


async def test_what_comes_back_after_the_end_is_not_kept(store: CallStore, earlier: Earlier, database: str) -> None:
    await store.save([call(number=1)])
    asked = asyncio.gather(earlier.of(LI_LEI, at(100), call(number=9).id))
    await asyncio.sleep(0)
    await earlier.close()
    await asked
    admin = await asyncpg.connect(database)
    while await admin.fetchval(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'threerings screens' AND datname = current_database()"
    ):
        pass  # the server notices in its own time
    await admin.close()


async def test_a_number_in_all_its_spellings_is_one_caller(store: CallStore, database: str) -> None:
    ways = ("13800138000", LI_LEI, "013800138000", "13900139000", "8613800138000", "13800138000")
    calls = [call(visit(), number=number, caller=caller) for number, caller in enumerate(ways, 1)]
    await store.save(calls)
    asking = Earlier(database, spellings=Numbering().ways)
    found = await asking.of("13800138000", at(7), calls[5].id, limit=3)
    assert [contact.id for contact in found.newest] == [calls[i].id for i in (4, 2, 1)]
    assert (found.total, found.more) == (4, False)
    assert (await asking.of("1001", at(7), calls[5].id)).total == 0
    await asking.close()
