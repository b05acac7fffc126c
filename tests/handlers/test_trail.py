"""The audit port: what is noted is written, in order, whatever the database does meanwhile."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from handlers.people.trail import AT_ONCE, Trail
from telephony.people.audit import Entry, Kind, Verb

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


class Table:
    """What is written, and whether that can be done."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.batches: list[int] = []
        self.error: Exception | None = None

    async def write(self, entries: Sequence[Entry], /) -> None:
        if self.error is not None:
            raise self.error
        self.batches.append(len(entries))
        self.written += [entry.whom for entry in entries]


def trail(table: Table, most: int = 1000) -> Trail:
    return Trail(table, lambda: NOON, lambda: 0.0, most)


def seen(one: Trail, whom: str) -> Entry:
    return one.entry("zhao", Verb.HISTORY_SEEN, Kind.CALL, whom, branch="north", remote=None)


async def test_what_is_recorded_is_written_when_it_returns_or_raises() -> None:
    table = Table()
    one = trail(table)
    await one.record(seen(one, "call 1"))
    assert table.written == ["call 1"]
    table.error = ConnectionRefusedError("away")
    with pytest.raises(ConnectionRefusedError):
        await one.record(seen(one, "call 2"))
    entry = seen(one, "call 1")
    assert entry == Entry(NOON, "zhao", Verb.HISTORY_SEEN, Kind.CALL, "call 1", "north", "", "")


async def test_what_is_noted_waits_for_a_database_that_is_away_and_is_written_in_order() -> None:
    table = Table()
    one = trail(table)
    table.error = ConnectionRefusedError("away")
    for number in range(AT_ONCE + 10):
        one.note(seen(one, str(number)))
    with capture_logs() as logged:
        assert not await one.flush()
        assert not await one.flush()
    assert [(entry["event"], entry["waiting"]) for entry in logged] == [("audit_waits", AT_ONCE + 10)]
    table.error = RuntimeError("nobody expected it")
    with capture_logs() as logged:
        assert not await one.flush()
    assert [entry["event"] for entry in logged] == ["audit_not_written"]
    table.error = None
    assert await one.flush()
    assert table.written == [str(number) for number in range(AT_ONCE + 10)]
    assert (table.batches, one.lost) == ([AT_ONCE, 10], 0)


async def test_of_too_many_the_oldest_are_given_up_counted_and_told() -> None:
    table = Table()
    one = trail(table, most=3)
    with capture_logs() as logged:
        for number in range(5):
            one.note(seen(one, str(number)))
    assert [entry["event"] for entry in logged] == ["audit_entries_lost"]
    assert one.lost == 2
    assert await one.flush()
    assert table.written == ["2", "3", "4"]


async def test_what_cannot_be_written_until_the_end_is_told() -> None:
    table = Table()
    one = trail(table)
    one.give_up()
    one.note(seen(one, "1"))
    with capture_logs() as logged:
        one.give_up()
    assert [(entry["event"], entry["lost"]) for entry in logged] == [("audit_entries_lost", 1)]


async def test_it_writes_by_itself_and_goes_on_after_a_failure() -> None:
    table = Table()
    one = trail(table)
    table.error = ConnectionRefusedError("away")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(one.run())
        one.note(seen(one, "1"))
        await asyncio.sleep(0)
        table.error = None
        async with asyncio.timeout(10):
            while len(table.written) < 1:
                await asyncio.sleep(0.01)
        one.note(seen(one, "2"))
        async with asyncio.timeout(10):
            while len(table.written) < 2:
                await asyncio.sleep(0.01)
        running.cancel()
