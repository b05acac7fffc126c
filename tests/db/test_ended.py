"""What today was before this process, read from a real PostgreSQL."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import pytest

from telephony.calls.record import CallRecord, Outcome
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.ended import ended_since
from telephony.cases.store import CallStore
from tests.support.calls import at, call, visit

pytestmark = pytest.mark.db


async def found(url: str, since: float, until: float | None = None) -> list[CallRecord]:
    async with aclosing(ended_since(url, at(since), None if until is None else at(until))) as calls:
        return [one async for one in calls]


def without_offers(one: CallRecord) -> CallRecord:
    return replace(one, visits=tuple(replace(each, offers=()) for each in one.visits))


async def test_calls_come_by_their_end_without_those_before_and_those_that_go_on(
    store: CallStore, database: str
) -> None:
    ends = {1: 50.0, 2: 40.0, 3: 30.0, 4: 29.999999}
    calls = {n: call(visit(Outcome.TIMEOUT), visit(), number=n, ended_at=at(end)) for n, end in ends.items()}
    others = [call(visit(None), number=8, ended_at=None), call(number=9, ended_at=at(60))]
    await store.save([*calls.values(), *others])
    assert await found(database, 30) == [without_offers(calls[n]) for n in (3, 2, 1)]


async def test_of_two_spans_that_meet_each_call_is_in_one(store: CallStore, database: str) -> None:
    await store.save([call(visit(), number=n, ended_at=at(end)) for n, end in enumerate((29.999999, 30.0, 40.0))])
    assert [one.ended_at for one in await found(database, 0, 30)] == [at(29.999999)]
    assert [one.ended_at for one in await found(database, 30, 40)] == [at(30)]
    assert [one.ended_at for one in await found(database, 40)] == [at(40)]


async def test_more_calls_than_one_piece_come_all(store: CallStore, database: str) -> None:
    await store.save([call(visit(), number=number) for number in range(1201)])
    assert len(await found(database, 0)) == 1201


async def test_a_call_that_began_yesterday_and_ended_today_is_of_today(store: CallStore, database: str) -> None:
    began = at(0) - timedelta(hours=23)
    await store.save([call(visit(), arrived_at=began, ended_at=at(1))])
    assert len(await found(database, 0)) == 1


async def test_who_stops_reading_early_leaves_no_connection_behind(store: CallStore, database: str) -> None:
    await store.save([call(visit(), number=number) for number in range(10)])
    async with aclosing(ended_since(database, at(0))) as calls:
        async for _ in calls:
            break


async def test_a_database_that_is_away_is_told_as_such() -> None:
    reading = ended_since("postgresql://nobody@127.0.0.1:1/none", at(0))
    with pytest.raises(OSError, match=r".*"):
        await anext(reading)
    with pytest.raises(DatabaseUrlError):
        await anext(ended_since("postgresql://u@127.0.0.1:port/none", at(0)))
