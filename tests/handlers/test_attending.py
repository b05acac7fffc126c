"""The agents' time is accounted for beside the calls: what goes wrong there is told, and harms nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import structlog

from handlers.attending import Attending, Timekeeper, wrap_up_of
from telephony.calls.attendance import WrapUp
from telephony.calls.facts import ChannelEnded, Fact, Uniqueid
from telephony.calls.spells import Spell
from telephony.cases.spells import Known
from telephony.cases.store import NotOurs
from telephony.config import Config
from tests.support.attendance import WRAP_UP, Day, said
from tests.support.story import START, seconds


class Shelf:
    """A store in memory. `errors`: what the next writes raise. `gate`: a write waits for it."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, datetime], Spell] = {}
        self.until: datetime | None = None
        self.errors: list[Exception] = []
        self.writes = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def known(self, _: str) -> Known | None:
        opened = tuple(spell for spell in self.rows.values() if spell.ended_at is None)
        return None if self.until is None else Known(opened, self.until)

    async def save(self, _: str, spells: Sequence[Spell], until: datetime) -> None:
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.writes += 1
        self.rows |= {(spell.agent, spell.began_at): spell for spell in spells}
        self.until = until

    @property
    def told(self) -> list[str]:
        return [said(spell) for _, spell in sorted(self.rows.items())]


def hearing(attending: Attending, day: Day) -> None:
    """All that the day has told so far and this one has not heard."""
    for fact in day.facts:
        attending.heard(fact)
    day.facts.clear()


def events(told: Sequence[Any]) -> list[str]:
    return [one["event"] for one in told]


async def test_before_a_listing_nothing_is_written() -> None:
    shelf, one = Shelf(), Attending("pbx1", WRAP_UP)
    hearing(one, Day().member("A"))
    await one.save(shelf)
    assert (shelf.writes, shelf.rows) == (0, {})


async def test_a_write_holds_what_changed_and_up_to_when_everything_is_known() -> None:
    shelf, one, day = Shelf(), Attending("pbx1", WRAP_UP), Day()
    hearing(one, day.listed().at(10).member("A"))
    await one.save(shelf)
    hearing(one, day.at(15).compared().at(20).paused("A").at(25).compared())
    await one.save(shelf)
    assert (shelf.told, shelf.until) == (["ready 10-20", "paused 20-"], START + seconds(25))


async def test_a_write_rests_on_the_journal_and_a_restart_begins_behind_what_is_written() -> None:
    synced: list[int] = []

    async def rests(position: int) -> None:
        synced.append(position)

    one = Attending("pbx1", WRAP_UP, position=lambda: 70, saved=40, synced=rests)
    assert one.needs_from() == 41
    hearing(one, Day().listed())
    await one.save(Shelf())
    assert (synced, one.needs_from()) == ([70], 71)


async def test_what_the_database_did_not_take_is_written_when_it_is_back_and_told_once() -> None:
    shelf, one, day = Shelf(), Attending("pbx1", WRAP_UP, position=lambda: 7), Day()
    keeper = Timekeeper(shelf, [one])
    shelf.errors = [ConnectionRefusedError(111, "refused")] * 3
    hearing(one, day.listed().at(10).member("A"))
    with structlog.testing.capture_logs() as told:
        for until in (20, 30, 40):
            await keeper.write()
            hearing(one, day.at(until).paused("A", f"r{until}"))
        assert one.needs_from() == 1
        await keeper.write()
    assert events(told) == ["agents_time_not_saved"]
    assert shelf.told == ["ready 10-20", "paused(r20) 20-30", "paused(r30) 30-40", "paused(r40) 40-"]


async def test_a_pbx_that_another_follows_by_now_is_only_told() -> None:
    shelf, one = Shelf(), Attending("pbx1", WRAP_UP)
    shelf.errors = [NotOurs("pbx1: another instance has taken the lease")]
    hearing(one, Day().listed().at(10).member("A"))
    with structlog.testing.capture_logs() as told:
        await Timekeeper(shelf, [one]).write()
    assert [(each["event"], each["error"]) for each in told] == [
        ("agents_time_not_saved", "pbx1: another instance has taken the lease")
    ]


async def test_what_contradicts_the_stored_begins_anew_and_the_time_between_is_unknown() -> None:
    shelf, one, day = Shelf(), Attending("pbx1", WRAP_UP), Day()
    hearing(one, day.listed().at(10).member("A"))
    await one.save(shelf)
    hearing(one, day.at(20).paused("A"))
    shelf.errors = [asyncpg.UniqueViolationError("two at once")]
    with structlog.testing.capture_logs() as told:
        await Timekeeper(shelf, [one]).write()
    assert events(told) == ["agents_time_refused"]
    hearing(one, day.at(60).listed())
    await one.save(shelf)
    assert shelf.told == ["unknown 10-60", "paused 60-"]


async def test_a_fault_in_the_accounting_reaches_nobody() -> None:
    shelf, one, day = Shelf(), Attending("pbx1", WRAP_UP), Day()
    hearing(one, day.listed().at(10).member("A").at(15).compared())
    await one.save(shelf)
    broken: Any = ChannelEnded("no moment", Uniqueid("C"), 16)  # type: ignore[arg-type]
    with structlog.testing.capture_logs() as told:
        one.heard(broken)
        await one.save(shelf)
    assert events(told) == ["agents_time_failed"]
    hearing(one, day.at(60).listed())
    await one.save(shelf)
    assert shelf.told == ["ready 10-15", "unknown 15-60", "ready 60-"]


async def test_more_than_may_wait_is_given_up_and_unknown() -> None:
    shelf, one, day = Shelf(), Attending("pbx1", WRAP_UP, most=3), Day()
    hearing(one, day.listed().at(10).member("A").at(15).compared())
    await one.save(shelf)
    with structlog.testing.capture_logs() as told:
        for at in range(20, 60, 10):
            hearing(one, day.at(at).paused("A", str(at)))
    assert events(told) == ["agents_time_given_up"]
    hearing(one, day.at(70).listed())
    await one.save(shelf)
    assert shelf.told == ["ready 10-15", "unknown 15-70", "paused(50) 70-"]


async def test_one_who_begins_anew_while_the_database_is_asked_writes_nothing_yet() -> None:
    class Slow(Shelf):
        async def known(self, _: str) -> Known | None:
            one.forget()
            return None

    shelf, one = Slow(), Attending("pbx1", WRAP_UP)
    hearing(one, Day().listed().at(10).member("A"))
    await one.save(shelf)
    assert shelf.writes == 0


async def test_while_a_journal_is_read_nothing_of_its_pbx_is_written() -> None:
    shelf, one, waits = Shelf(), Attending("pbx1", WRAP_UP), {"pbx1"}
    hearing(one, Day().listed().at(10).member("A"))
    keeper = Timekeeper(shelf, [one], lambda: waits)
    await keeper.write()
    assert shelf.writes == 0
    waits.clear()
    await keeper.write()
    assert shelf.writes == 1


async def test_it_goes_on_whatever_fails_until_it_is_cancelled() -> None:
    shelf, one, day, paused = Shelf(), Attending("pbx1", WRAP_UP), Day(), asyncio.Semaphore(0)

    async def pause(_: float) -> None:
        paused.release()
        await asyncio.sleep(0)

    shelf.errors = [RuntimeError("a fault of ours")]
    hearing(one, day.listed().at(10).member("A"))
    with structlog.testing.capture_logs() as told:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(Timekeeper(shelf, [one], pause=pause).run())
            for _ in range(2):
                await paused.acquire()
            hearing(one, day.at(60).listed())
            for _ in range(2):
                await paused.acquire()
            running.cancel()
    assert events(told) == ["agents_time_failed"]
    assert shelf.told == ["ready 60-"]


async def test_a_stop_does_not_wait_for_a_database_that_says_nothing() -> None:
    shelf, one = Shelf(), Attending("pbx1", WRAP_UP)
    shelf.gate.clear()
    hearing(one, Day().listed().at(10).member("A"))
    with structlog.testing.capture_logs() as told:
        await Timekeeper(shelf, [one]).last(0.01)
    assert [each["error"] for each in told] == ["not within 0.01 s"]


def test_every_fact_is_taken() -> None:
    one = Attending("pbx1", WRAP_UP)
    facts: list[Fact] = Day().restored().listed().member("A").called("A").connected("A").completed("A").lost().facts
    for fact in facts:
        one.heard(fact)
    assert one.attendance.changed


def test_what_is_wrap_up_is_configured_and_names_of_pauses_are_of_any_case() -> None:
    queues = [{"name": "support", "wrap_up_seconds": 15}, {"name": "sales"}]
    config = Config.model_validate({"queue": queues, "standard": {"wrap_up_pauses": ["ACW", "整理"]}})
    assert wrap_up_of(config) == WrapUp({"support": seconds(15)}, frozenset({"acw", "整理"}))
    assert "wrap-up" in wrap_up_of(Config()).pauses
