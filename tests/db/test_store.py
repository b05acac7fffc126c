"""What is saved, once, twice, older, hostile or refused; on a real PostgreSQL."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings

from telephony.calls.record import CallRecord, Direction, Outcome, Quality, VisitRecord, case_id
from telephony.cases.export import as_document
from telephony.cases.rows import StoredCall, storable
from telephony.cases.store import CallStore, Saved
from tests.support.calls import at, call, calls, offer, seconds, visit

pytestmark = pytest.mark.db


async def everything(store: CallStore) -> list[StoredCall]:
    return [stored async for stored in store.calls()]


async def test_a_call_comes_back_as_it_was_saved(store: CallStore) -> None:
    record = call(visit(Outcome.TIMEOUT), visit(offers=(offer(), offer(leg="x"))))
    assert await store.save([record]) == Saved(1, 0)
    assert await everything(store) == [StoredCall(record, "000001")]


async def test_saving_the_same_twice_changes_nothing(store: CallStore, database: str) -> None:
    record = call(visit())
    await store.save([record])
    connection = await asyncpg.connect(database)
    versions = "SELECT calls.xmin, visits.xmin, offers.xmin, cases.xmin FROM calls, visits, offers, cases"
    before = await connection.fetch(versions)
    assert await store.save([record]) == Saved(0, 1)
    assert len(before) == 1
    assert await connection.fetch(versions) == before
    await connection.close()


async def test_an_older_state_never_overwrites_a_newer(store: CallStore) -> None:
    newer = call(visit(), revision=7)
    await store.save([newer])
    assert await store.save([replace(newer, revision=6, dialled="9", visits=())]) == Saved(0, 1)
    assert [stored.call for stored in await everything(store)] == [newer]


async def test_a_newer_state_with_fewer_visits_takes_the_surplus_away(store: CallStore) -> None:
    await store.save([call(visit(Outcome.TIMEOUT), visit())])
    shorter = call(visit(), revision=2)
    await store.save([shorter])
    assert [stored.call for stored in await everything(store)] == [shorter]


async def test_when_a_visit_is_taken_away_the_one_after_it_keeps_its_own_phones(store: CallStore) -> None:
    twice, stays = visit(offers=(offer(), offer(leg="x"))), visit(offers=(offer(leg="y"),))
    await store.save([call(twice, stays)])
    shorter = call(stays, revision=2)
    await store.save([shorter])
    assert [stored.call for stored in await everything(store)] == [shorter]


async def test_of_two_states_in_one_batch_the_newer_is_kept(store: CallStore) -> None:
    older, newer = call(revision=1), call(visit(), revision=2)
    await store.save([newer, older])
    assert [stored.call for stored in await everything(store)] == [newer]


async def test_case_numbers_have_no_gaps_however_often_calls_are_saved(store: CallStore) -> None:
    for revision in range(1, 5):
        await store.save([call(visit(), number=number, revision=revision) for number in range(1, 4)])
    await store.save([call(number=number, revision=9) for number in range(4, 6)])
    assert [stored.case_number for stored in await everything(store)] == [f"{n:06}" for n in range(1, 6)]


async def test_only_inbound_calls_open_a_case(store: CallStore) -> None:
    await store.save([call(direction=Direction.OUTBOUND), call(number=2, direction=Direction.INTERNAL)])
    assert [stored.case_number for stored in await everything(store)] == [None, None]


async def test_an_empty_batch_is_no_work(store: CallStore) -> None:
    assert await store.save([]) == Saved(0, 0)


@pytest.mark.parametrize(
    "bad",
    [
        call(visit(left_at=at(-1)), number=500),
        call(visit(wait=timedelta(seconds=-1)), number=500),
        call(visit(agent=None), number=500),
        call(visit(answered_at=None), number=500),
        call(visit(Outcome.ABANDONED, answered_at=at(1)), number=500),
        call(visit(Outcome.REFUSED_FULL, joined_at=at(1)), number=500),
        call(visit(Outcome.TIMEOUT, joined_at=None), number=500),
        call(visit(None, settling=True), number=500),
        call(visit(), number=500, direction=Direction.OUTBOUND),
        call(visit(), number=500, case=None),
        call(visit(caller_rings=2**40), number=500),
        call(number=500, revision=-1),
        call(number=500, arrived_at=None),
        call(number=500, dialled=5),
    ],
)
async def test_a_call_that_breaks_an_invariant_is_refused_and_blocks_no_other(
    store: CallStore, bad: CallRecord
) -> None:
    good = [call(visit(), number=number) for number in range(1, 20)]
    saved = await store.save([*good[:11], bad, *good[11:]])
    assert (saved.written, [refused.call for refused in saved.refused]) == (19, [bad.id])
    assert saved.refused[0].reason
    assert [stored.call for stored in await everything(store)] == good
    assert [stored.case_number for stored in await everything(store)][-1] is not None


async def test_text_that_no_database_can_store_is_stored_readably(store: CallStore) -> None:
    hostile = "a\x00b\udcffc'; DROP TABLE calls; --\u202e"
    await store.save([call(visit(queue=hostile, reason=hostile), caller=hostile, caller_name=hostile)])
    [stored] = await everything(store)
    assert stored.call.caller == "a\ufffdb\ufffdc'; DROP TABLE calls; --\u202e"


async def test_calls_come_in_order_of_arrival_and_only_those_asked_for(store: CallStore) -> None:
    await store.save([call(number=number) for number in (5, 3, 9, 1, 7)])
    found = [stored.call.arrived_at async for stored in store.calls(at(3), at(9))]
    assert found == [at(3), at(5), at(7)]


async def test_more_calls_than_one_piece_come_back_all_and_in_order(store: CallStore) -> None:
    saved = [call(visit(), number=number) for number in range(1, 1202)]
    assert (await store.save(saved)).written == 1201
    assert [stored.call for stored in await everything(store)] == saved


async def test_two_writers_of_the_same_calls_do_not_disturb_each_other(database: str) -> None:
    stores = [CallStore(database, life=1) for _ in range(3)]
    batch = [call(visit(), number=number) for number in range(1, 300)]

    async def write(store: CallStore, revision: int) -> None:
        for step in range(5):
            await store.save([replace(each, revision=revision + step * 3) for each in batch])

    async with asyncio.TaskGroup() as group:
        for index, store in enumerate(stores):
            group.create_task(write(store, index))
    found = await everything(stores[0])
    assert {stored.call.revision for stored in found} == {14}
    assert sorted(stored.case_number or "" for stored in found) == [f"{n:06}" for n in range(1, 300)]
    for store in stores:
        await store.close()


async def test_a_closed_store_opens_again_when_needed(store: CallStore) -> None:
    await store.ping()
    await store.close()
    await store.close()
    await store.ping()


async def test_the_export_may_be_left_early(store: CallStore) -> None:
    await store.save([call(number=number) for number in range(1, 10)])
    reading = store.calls()
    assert (await anext(reading)).call.arrived_at == at(1)
    await reading.aclose()
    await store.ping()


async def test_a_database_without_schema_is_trouble_not_a_refusal(empty_database: str) -> None:
    store = CallStore(empty_database)
    with pytest.raises(asyncpg.UndefinedTableError):
        await store.save([call()])
    with pytest.raises(OSError, match=r".*"):
        await CallStore("postgresql://nobody@127.0.0.1:1/none").ping()
    await store.close()


def readable(record: CallRecord) -> CallRecord:
    """The record as the database can hold it."""

    def mend(thing: object) -> object:
        names = [name for name in thing.__dataclass_fields__ if isinstance(getattr(thing, name), str)]  # type: ignore[attr-defined]
        plain = [name for name in names if type(getattr(thing, name)) is str]
        return replace(thing, **{name: storable(getattr(thing, name)) for name in plain})  # type: ignore[type-var]

    visits = tuple(replace(mend(v), offers=tuple(mend(o) for o in v.offers)) for v in record.visits)  # type: ignore[type-var]
    return replace(mend(record), visits=visits)  # type: ignore[type-var]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=calls())
async def test_any_call_comes_back_whole_and_exports_as_json(store: CallStore, record: CallRecord) -> None:
    record = replace(record, id=(fresh := uuid4()), case=record.case and case_id(fresh))
    assert await store.save([record]) == Saved(1, 0)
    until = record.arrived_at + timedelta(microseconds=1)
    [stored] = [one async for one in store.calls(record.arrived_at, until) if one.call.id == record.id]
    assert stored.call == readable(record)
    json.dumps(as_document(stored)).encode("utf-8")


# --- lives: a process that starts while calls go on ----------------------------------------------------------------


def open_call(*visits: VisitRecord, number: int = 1, **changes: Any) -> CallRecord:
    """A call that goes on."""
    return call(*visits, number=number, ended_at=None, hung_up_by=None, **changes)


async def test_what_another_life_saved_is_neither_overwritten_nor_deleted(store: CallStore, database: str) -> None:
    saved = open_call(visit(Outcome.TIMEOUT), visit(None), revision=3)
    await store.save([saved])
    later = CallStore(database)
    found = await later.save([replace(saved, dialled="s", visits=(), revision=40), call(number=2)])
    assert found == Saved(1, 0, foreign=(saved.id,))
    assert (await everything(store))[0].call == saved
    await later.close()


async def test_the_next_process_takes_over_what_was_left_open_and_the_former_may_not_write(
    store: CallStore, database: str
) -> None:
    waiting = open_call(visit(Outcome.TIMEOUT), visit(None), revision=3)
    settling = call(visit(None, settling=True, left_at=at(9)), number=2)
    others = [call(visit(), number=3), replace(open_call(number=4), pbx="pbx2")]
    await store.save([waiting, settling, *others])
    later = CallStore(database)
    # Their revisions are positions in another journal: they begin anew.
    taken = [replace(waiting, revision=0), replace(settling, revision=0)]
    assert sorted(await later.open_calls(["pbx1"]), key=lambda one: one.arrived_at) == taken
    assert await store.save([replace(waiting, revision=9)]) == Saved(0, 0, foreign=(waiting.id,))
    assert await later.save([replace(waiting, revision=1)]) == Saved(1, 0)
    assert await later.open_calls(["pbx1"], {waiting.id, settling.id}) == []
    await later.close()


async def test_who_goes_on_with_the_same_journal_takes_up_what_it_cannot_rebuild(
    store: CallStore, database: str
) -> None:
    """Where the answer to an attempt was lost, too: asked again, the calls are given again."""
    waiting, rebuilt = open_call(visit(None), revision=3), open_call(number=2)
    await store.save([waiting, rebuilt])
    first = CallStore(database, lives={"pbx1": 77})
    await first.open_calls(["pbx1"])
    await first.save([replace(waiting, revision=5)])
    await first.close()
    again = CallStore(database, lives={"pbx1": 77})
    assert await again.open_calls(["pbx1"], {rebuilt.id}) == [replace(waiting, revision=5)]
    assert await again.save([replace(waiting, revision=4), replace(rebuilt, revision=6)]) == Saved(1, 1)
    with pytest.raises(asyncpg.DataError):
        await again.open_calls([5])  # type: ignore[list-item]
    await again.close()


async def test_each_pbx_has_a_life_of_its_own(database: str) -> None:
    here, there = open_call(revision=3), replace(open_call(number=2, revision=3), pbx="pbx2")
    mine = CallStore(database, life=5, lives={"pbx1": 77})
    await mine.save([here, there])
    other = CallStore(database, life=77, lives={"pbx1": 77})
    newer = [replace(here, revision=4), replace(there, revision=4)]
    assert await other.save(newer) == Saved(1, 0, foreign=(there.id,))
    await mine.close()
    await other.close()


async def test_what_other_lives_left_open_is_closed_as_far_as_it_is_known(store: CallStore, database: str) -> None:
    timeout, waits = visit(Outcome.TIMEOUT), visit(None, joined_at=at(20), offers=(offer(None, called_at=at(31)),))
    talks = visit(hung_up_by=None, talk=timedelta(), quality=Quality.LIVE, left_at=at(12), answered_at=at(12))
    ended = call(visit(None, settling=True, left_at=at(9), wait=seconds(9)), number=3)
    done = call(visit(), number=4)
    await store.save([open_call(timeout, waits), open_call(talks, number=2), ended, done])
    later = CallStore(database)
    assert await later.close_left_open(["pbx1"]) == 3
    assert await later.close_left_open(["pbx1"]) == 0
    first, second, third, fourth = [stored.call for stored in await everything(store)]
    assert [(one.outcome, one.wait, one.quality) for one in first.visits] == [
        (Outcome.TIMEOUT, seconds(10), Quality.LIVE),
        (Outcome.LOST, None, Quality.PARTIAL),
    ]
    last_seen = offer(None, called_at=at(31))
    assert first.ended_at == max(filter(None, (last_seen.called_at, last_seen.rang_at, last_seen.ended_at)))
    assert (second.visits[0].talk, second.visits[0].quality, second.visits[0].caller_rings) == (
        None,
        Quality.APPROXIMATE,
        2,
    )
    assert second.hung_up_by is None
    assert (third.visits[0].outcome, third.visits[0].wait, third.ended_at) == (Outcome.LOST, seconds(9), ended.ended_at)
    assert fourth == done
    await later.close()
