"""Putting never waits; what was put becomes durable, whatever the database does meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from handlers.saver import BATCH, PROBE, WINDOW, Saver, rest
from telephony.backoff import Backoff
from tests.support.calls import call, visit
from tests.support.store import FakeStore


class Time:
    """A clock that only pauses move; it notes each pause."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float, until: asyncio.Event) -> None:
        self.pauses.append(seconds)
        if seconds == PROBE:
            await until.wait()
        else:
            self.now += seconds
            await asyncio.sleep(0)


def saver_on(store: FakeStore, time: Time, max_unsaved: int = 1_000) -> Saver:
    backoff = Backoff(1, 8, Random(1))
    return Saver(store, time, backoff, max_unsaved=max_unsaved, pause=time.pause)


@asynccontextmanager
async def running(saver: Saver) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(saver.run())
        yield
        await saver.stop(0)
        task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_only_the_newest_state_of_a_call_is_written() -> None:
    store, time = FakeStore(), Time()
    saver = saver_on(store, time)
    newest = call(visit(), revision=3)
    for record in (call(revision=1), newest, call(revision=2)):
        saver.put(record)
    async with running(saver):
        await until(lambda: saver.state().backlog == 0)
    assert (store.kept, store.batches) == ({newest.id: newest}, [1])
    assert time.pauses[0] == WINDOW


async def test_many_calls_are_written_in_batches_of_bounded_size() -> None:
    store, time = FakeStore(), Time()
    saver = saver_on(store, time, 5_000)
    for number in range(1_234):
        saver.put(call(number=number))
    async with running(saver):
        await until(lambda: saver.state().backlog == 0)
    assert store.batches == [BATCH, BATCH, 234]


async def test_while_the_database_is_away_nothing_is_lost_and_pauses_grow() -> None:
    troubles = [ConnectionRefusedError(111, "refused"), TimeoutError(), OSError("gone"), RuntimeError("disk full")]
    store, time = FakeStore(*troubles), Time()
    with capture_logs() as logs:
        saver = saver_on(store, time)
        saver.put(call())
        async with running(saver):
            await until(lambda: saver.state().database_up is False)
            assert saver.state().last_error == "ConnectionRefusedError: [Errno 111] refused"
            await until(lambda: saver.state().backlog == 0)
    waits = [pause for pause in time.pauses if pause not in (WINDOW, PROBE)]
    assert [0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits)] == [True] * 4
    assert len(store.kept) == 1
    assert saver.state().database_up is True
    assert saver.state().last_error is None
    assert [entry["event"] for entry in logs] == ["database_away", "database_back"]


async def test_a_state_put_while_its_call_is_being_written_is_written_next() -> None:
    store, time = FakeStore(), Time()
    saver = saver_on(store, time)
    store.gate.clear()
    saver.put(call(revision=1))
    saver.put(call(number=2))
    async with running(saver):
        await store.entered.wait()
        time.now = 500.0
        saver.put(call(revision=2))
        time.now = 510.0
        saver.put(call(revision=3))
        assert saver.state().oldest_unsaved == timedelta(seconds=410)
        store.gate.set()
        await until(lambda: len(store.batches) == 1)
        assert saver.state().oldest_unsaved in (timedelta(seconds=10), timedelta(seconds=10 + WINDOW))
        await until(lambda: saver.state().backlog == 0)
    assert store.batches == [2, 1]
    assert store.kept[call().id].revision == 3


async def test_at_the_cap_the_oldest_is_dropped_counted_and_told_once() -> None:
    store, time = FakeStore(), Time()
    saver = saver_on(store, time, max_unsaved=3)
    with capture_logs() as logs:
        saver = saver_on(store, time, max_unsaved=3)
        for number in range(1, 6):
            saver.put(call(number=number))
    assert [entry["event"] for entry in logs] == ["saver_full"]
    assert (saver.state().backlog, saver.state().dropped) == (3, 2)
    async with running(saver):
        await until(lambda: saver.state().backlog == 0)
    assert sorted(record.uniqueid for record in store.kept.values()) == [f"1700000000.{n}" for n in (3, 4, 5)]


async def test_what_is_being_written_is_not_dropped() -> None:
    store, time = FakeStore(), Time()
    saver = saver_on(store, time, max_unsaved=1)
    store.gate.clear()
    saver.put(call(number=1))
    async with running(saver):
        await store.entered.wait()
        saver.put(call(number=2))
        store.gate.set()
        await until(lambda: saver.state().backlog == 0)
    assert (len(store.kept), saver.state().dropped) == (2, 0)


async def test_a_refused_call_is_counted_and_told_and_holds_up_nobody() -> None:
    store, time = FakeStore(), Time()
    with capture_logs() as logs:
        saver = saver_on(store, time)
        store.refuses = {call(number=1).id}
        saver.put(call(number=1))
        saver.put(call(number=2))
        async with running(saver):
            await until(lambda: saver.state().backlog == 0)
    assert (saver.state().refused, list(store.kept)) == (1, [call(number=2).id])
    assert [entry["event"] for entry in logs] == ["call_refused_by_database"]


async def test_without_work_the_database_is_asked_whether_it_is_there() -> None:
    store, time = FakeStore(OSError("gone")), Time()
    with capture_logs() as logs:
        saver = saver_on(store, time)
        assert saver.state().database_up is None
        async with running(saver):
            await until(lambda: saver.state().database_up is False)
            saver._wake.set()
            await until(lambda: saver.state().database_up is True)
    assert store.pings == 2
    assert [entry["event"] for entry in logs] == ["database_away", "database_back"]


async def test_stopping_writes_what_is_left_and_then_ends() -> None:
    store, time = FakeStore(OSError("gone")), Time()
    saver = saver_on(store, time)
    for number in range(700):
        saver.put(call(number=number))
    async with asyncio.TaskGroup() as group:
        group.create_task(saver.run())
        assert await saver.stop(10) == 0
    assert len(store.kept) == 700


async def test_stopping_says_how_many_remain_when_the_time_is_over() -> None:
    store, time = FakeStore(), Time()
    saver = saver_on(store, time)
    store.gate.clear()
    saver.put(call())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(saver.run())
        await store.entered.wait()
        assert await saver.stop(0) == 1
        task.cancel()


async def test_being_cancelled_while_writing_forgets_nothing() -> None:
    store, time = FakeStore(), Time()
    saver = saver_on(store, time)
    store.gate.clear()
    saver.put(call())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(saver.run())
        await store.entered.wait()
        task.cancel()
    assert (saver.state().backlog, store.kept) == (1, {})
    store.gate.set()
    async with running(saver):
        await until(lambda: saver.state().backlog == 0)


async def test_stopping_without_work_ends_at_once() -> None:
    saver = saver_on(FakeStore(), Time())
    assert await saver.stop(10) == 0
    await saver.run()


async def test_putting_fifty_thousand_calls_asks_nothing_of_the_database() -> None:
    store = FakeStore(*[OSError("gone")] * 100)
    saver = saver_on(store, Time(), 100_000)
    record = call()
    for number in range(50_000):
        saver.put(replace(record, id=record.id.__class__(int=number)))
    assert saver.state().backlog == 50_000


async def test_a_rest_ends_with_the_event_or_the_time() -> None:
    event = asyncio.Event()
    await rest(0, event)
    event.set()
    async with asyncio.timeout(5):
        await rest(1_000, event)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await rest(1_000, asyncio.Event())


async def test_a_rest_that_is_cancelled_together_with_its_event_is_cancelled() -> None:
    event = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        resting = tasks.create_task(rest(1_000, event))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        event.set()
        resting.cancel()
    assert resting.cancelled()


async def test_what_was_given_up_is_read_again_at_the_next_start_however_well_all_goes_on() -> None:
    store, time = FakeStore(), Time()
    with capture_logs() as logs:
        saver = saver_on(store, time, max_unsaved=2)
        saver.put(call(number=1, since=70, revision=90 << 12))
        saver.put(call(number=2, since=50, revision=95 << 12))
        for number in range(3, 6):
            saver.put(call(number=number, since=100 + number, revision=(200 + number) << 12))
    assert "restart" in logs[0]["remedy"]
    async with running(saver):
        await until(lambda: saver.state().backlog == 0)
    assert saver.unsaved("pbx1") == (50, 90)
    assert saver.unsaved("pbx2") is None
    saver.put(call(number=9, since=40, revision=300 << 12))
    assert saver.unsaved("pbx1") == (40, 90)


async def test_what_rows_may_know_better_is_asked_before_anything_is_saved_and_left_alone() -> None:
    saver = saver_on(FakeStore(), Time())
    worse, fine = call(number=1), call(number=2)
    answers: list[set[UUID] | OSError] = [{worse.id}, OSError("away")]

    async def judge() -> set[UUID]:
        match answers.pop():
            case OSError() as error:
                raise error
            case known_better:
                return known_better

    saver.doubt(judge)
    saver.put(worse)
    saver.put(fine)
    with pytest.raises(OSError, match="away"):
        await saver.settle_doubts()
    assert await saver.settle_doubts() == {worse.id}
    assert await saver.settle_doubts() == set()
    assert [one.id for one in saver.pending("pbx1")] == [fine.id]
    saver.put(replace(worse, revision=9))
    assert [one.id for one in saver.pending("pbx1")] == [fine.id]
    assert saver.state().foreign == 2


async def test_calls_of_another_life_are_counted_and_told_once() -> None:
    store, time = FakeStore(), Time()
    with capture_logs() as logs:
        saver = saver_on(store, time)
        store.foreign = {call(number=1).id, call(number=2).id}
        async with running(saver):
            for number in (1, 2, 3):
                saver.put(call(number=number))
                await until(lambda: saver.state().backlog == 0)
    assert (saver.state().foreign, list(store.kept)) == (2, [call(number=3).id])
    assert [entry["event"] for entry in logs] == ["calls_of_another_life"]


async def test_a_database_that_does_not_answer_is_not_up_before_an_attempt_has_failed() -> None:
    store, time = FakeStore(), Time()
    saver = saver_on(store, time)
    async with running(saver):
        await until(lambda: saver.state().database_up is True)
        store.gate.clear()
        store.entered.clear()
        saver.put(call())
        await store.entered.wait()
        time.now += 2.9
        assert (saver.state().database_up, saver.state().last_error) == (True, None)
        time.now += 0.2
        assert (saver.state().database_up, saver.state().last_error) == (False, "no answer for 3 s")
        store.gate.set()
        await until(lambda: saver.state().backlog == 0)
        assert (saver.state().database_up, saver.state().last_error) == (True, None)


async def test_calls_that_wait_for_long_are_told_while_the_database_answers() -> None:
    time = Time()
    saver = saver_on(FakeStore(), time)
    saver.put(call())
    time.now += 4
    assert saver.state().last_error == "calls wait to be saved for 4 s"


async def test_stopping_with_calls_unsaved_says_why() -> None:
    store, time = FakeStore(), Time()
    saver = saver_on(store, time)
    store.gate.clear()
    saver.put(call())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(saver.run())
        await store.entered.wait()
        await saver.stop(0)
        assert saver.state().last_error == "not within 0 s"
        task.cancel()


def test_what_others_know_better_is_left_alone() -> None:
    saver = Saver(FakeStore(), lambda: 0.0, Backoff(1, 1, Random(1)))
    saver.leave_alone([call().id])
    saver.put(call(revision=5))
    assert (saver.state().backlog, saver.state().foreign) == (0, 1)
