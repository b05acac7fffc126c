"""The calls of an interval, read from a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from telephony.calls.record import CallRecord, Direction, Outcome
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.measured import PIECE, READ, snapshot
from telephony.cases.store import CallStore
from tests.support.calls import at, call, offer, visit

pytestmark = pytest.mark.db


async def found(url: str, since: float, until: float, pbxs: tuple[str, ...] = ()) -> list[CallRecord]:
    async with snapshot(url) as shot:
        return [one async for piece in shot.calls(at(since), at(until), pbxs) for one in piece]


async def reached(url: str, *callers: str, since: float = 0, until: float = 3600) -> set[tuple[str, float]]:
    async with snapshot(url) as shot:
        told = [one async for piece in shot.reached(callers, at(since), at(until)) for one in piece]
    assert len(told) == len(set(told))
    return {(caller, (when - at(0)) / timedelta(seconds=1)) for caller, when in told}


async def test_whole_calls_come_that_went_on_at_any_time_of_the_interval(store: CallStore, database: str) -> None:
    spans = {1: (0, 30), 2: (0, 30.000001), 3: (59, 90), 4: (59, None), 5: (60, 61), 6: (0, 29.999999)}
    calls = {
        n: call(
            visit(Outcome.TIMEOUT, offers=(offer(), offer())), visit(None if end is None else Outcome.ABANDONED),
            number=n, arrived_at=at(begin), ended_at=None if end is None else at(end),
        )
        for n, (begin, end) in spans.items()
    }  # fmt: skip
    await store.save([*calls.values(), call(number=9, ended_at=at(40))])
    assert sorted(await found(database, 30, 60), key=lambda one: one.id) == sorted(
        (calls[n] for n in (1, 2, 3, 4)), key=lambda one: one.id
    )


async def test_of_some_pbxs_only_their_calls_come(store: CallStore, database: str) -> None:
    here, there = call(visit(), number=1), replace(call(visit(), number=2), pbx="pbx2")
    await store.save([here, there])
    assert await found(database, 0, 500, ("pbx2", "x\0")) == [there]


async def test_who_has_stayed_for_a_day_is_looked_for_no_more(store: CallStore, database: str) -> None:
    await store.save([call(visit(), arrived_at=at(0) - timedelta(hours=25), ended_at=at(5))])
    assert await found(database, 0, 10) == []


async def test_more_calls_than_one_piece_come_all_and_as_of_one_instant(store: CallStore, database: str) -> None:
    await store.save([call(visit(), number=number) for number in range(READ + 1)])
    async with snapshot(database) as shot:
        pieces = shot.calls(at(0), at(9999))
        sizes = [len(await anext(pieces))]
        await store.save([call(visit(), number=9998)])
        sizes += [len(piece) async for piece in pieces]
    assert sizes == [READ, 1]


async def test_for_whom_many_phones_rang_weighs_as_much_as_many_callers(store: CallStore, database: str) -> None:
    rang = tuple(offer(leg=f"1700000001.{n}") for n in range(PIECE // 2))
    waited = [call(visit(offers=rang), number=number) for number in range(3)]
    await store.save(waited)
    async with snapshot(database) as shot:
        pieces = [list(piece) async for piece in shot.calls(at(0), at(9999))]
    assert [len(piece) for piece in pieces] == [2, 1]
    assert sorted(one.id for piece in pieces for one in piece) == sorted(one.id for one in waited)
    assert all(len(one.visits[0].offers) == PIECE // 2 for piece in pieces for one in piece)


async def test_a_caller_is_reached_when_he_is_answered_or_called(store: CallStore, database: str) -> None:
    long = "9" * 3000
    answered = replace(call(visit(Outcome.TIMEOUT), visit(answered_at=at(100)), number=1), caller="021")
    gone = replace(call(visit(Outcome.ABANDONED), number=2), caller="022")
    called = replace(call(number=3, direction=Direction.OUTBOUND, arrived_at=at(200)), dialled="022")
    inside = replace(call(number=4, direction=Direction.INTERNAL, arrived_at=at(210)), dialled="022")
    other = replace(call(visit(answered_at=at(50)), number=5), caller=long)
    nobody = replace(call(visit(answered_at=at(50)), number=6), caller="")
    await store.save([answered, gone, called, inside, other, nobody])
    assert await reached(database, "021", "022", "023", "") == {("021", 100), ("022", 200)}
    assert await reached(database, "021", "022", since=100.5, until=200) == set()
    assert await reached(database, long) == {(long, 50)}
    assert await reached(database) == set()


async def test_a_database_that_is_away_is_told_as_such() -> None:
    with pytest.raises(OSError, match=r".*"):
        async with snapshot("postgresql://nobody@127.0.0.1:1/none"):
            pass
    with pytest.raises(DatabaseUrlError):
        async with snapshot("postgresql://u@127.0.0.1:port/none"):
            pass
