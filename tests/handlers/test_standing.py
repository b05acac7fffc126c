"""How the standard is kept, across a restart, without a database, and when the clock is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from handlers.standing import MARGIN, StandardWatch, names_of
from telephony.calls.record import CallRecord, Kind
from telephony.cases.connecting import DatabaseUrlError
from telephony.config import Config
from telephony.standard.windows import Window, Windows
from tests.support.days import SHANGHAI, TARGETS, answered, o_clock

NOON = o_clock("12:00", day="2026-03-03")
MONTH = o_clock("00:00", day="2026-03-01")


class Saved:
    """What earlier processes saved; away as often as there are troubles."""

    def __init__(
        self, *calls: CallRecord, troubles: tuple[Exception, ...] = (), breaks_after: int | None = None
    ) -> None:
        self.calls, self.troubles, self.breaks_after = list(calls), list(troubles), breaks_after
        self.asked: list[tuple[datetime, datetime]] = []

    async def between(self, since: datetime, until: datetime) -> AsyncGenerator[CallRecord, None]:
        self.asked.append((since, until))
        if self.troubles:
            raise self.troubles.pop(0)
        found = [call for call in self.calls if call.ended_at is not None and since <= call.ended_at < until]
        for number, call in enumerate(found):
            if number == self.breaks_after:
                self.breaks_after = None
                raise OSError("the line broke")
            yield call


class Watch:
    """A wall clock that is set by hand, and pauses that take no time."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.pauses: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


def watch_of(saved: Saved, clock: Watch) -> StandardWatch:
    return StandardWatch(Windows(SHANGHAI, TARGETS, clock.now), saved.between, clock, clock.pause)


@asynccontextmanager
async def reading(standing: StandardWatch) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(standing.run())
        yield
        task.cancel()


async def all_known(standing: StandardWatch) -> None:
    async with asyncio.timeout(5):
        while len(standing.sums()) < len(Window):
            await asyncio.sleep(0)


def sought(standing: StandardWatch) -> dict[Window, int]:
    return {window: sum(one.sought for one in sums.values()) for window, sums in standing.sums().items()}


async def test_until_the_database_has_told_what_was_before_a_window_is_not_there() -> None:
    clock = Watch(NOON)
    standing = watch_of(Saved(), clock)
    assert sought(standing) == {}
    clock.now += timedelta(minutes=8)
    standing.follow(answered(1, clock.now))
    assert sought(standing) == {}
    clock.now += timedelta(minutes=8)
    assert sought(standing) == {Window.QUARTER: 1}
    clock.now += timedelta(minutes=45)
    assert sought(standing) == {Window.QUARTER: 0, Window.HOUR: 1}
    clock.now = o_clock("00:00", day="2026-03-04")
    assert sought(standing) == {Window.QUARTER: 0, Window.HOUR: 0, Window.TODAY: 0}
    clock.now = o_clock("00:00", day="2026-04-01")
    assert set(sought(standing)) == set(Window)


async def test_after_a_restart_the_month_is_read_day_by_day_from_today_backwards() -> None:
    clock = Watch(NOON)
    saved = Saved(answered(1, MONTH), answered(2, o_clock("23:59:59")), answered(3, o_clock("11:30", day="2026-03-03")))
    standing = watch_of(saved, clock)
    standing.follow(answered(4, NOON))
    async with reading(standing):
        await all_known(standing)
    days = [o_clock("00:00", day=f"2026-03-0{day}") for day in (3, 2, 1)]
    assert saved.asked == [(days[0], NOON + MARGIN), (days[1], days[0]), (days[2], days[1])]
    assert sought(standing) == {Window.QUARTER: 1, Window.HOUR: 2, Window.TODAY: 2, Window.MONTH: 4}
    assert standing.dropped == 0


async def test_just_after_the_month_began_the_hour_before_is_read() -> None:
    clock = Watch(o_clock("00:10", day="2026-03-01"))
    saved = Saved(answered(1, o_clock("23:50", day="2026-02-28")), answered(2, o_clock("23:00", day="2026-02-28")))
    standing = watch_of(saved, clock)
    async with reading(standing):
        await all_known(standing)
    assert sought(standing) == {Window.QUARTER: 0, Window.HOUR: 1, Window.TODAY: 0, Window.MONTH: 0}


async def test_what_came_half_counts_once_and_what_was_read_is_not_read_again() -> None:
    clock = Watch(NOON)
    earlier = [answered(number, o_clock("10:00", day="2026-03-02")) for number in range(4)]
    saved = Saved(*earlier, breaks_after=2, troubles=(ValueError("ours"), OSError("refused"), OSError("refused")))
    standing = watch_of(saved, clock)
    with capture_logs() as told:
        async with reading(standing):
            await all_known(standing)
    assert sought(standing)[Window.MONTH] == 4
    days = [since.astimezone(SHANGHAI).day for since, _ in saved.asked]
    assert days == [3, 3, 3, 3, 2, 2, 1]
    assert [line["event"] for line in told] == ["month_not_read", "month_not_read", "month_read"]


async def test_what_is_read_late_does_not_undo_what_was_followed_meanwhile() -> None:
    clock = Watch(NOON)
    read = replace(answered(1, NOON, wait=40), revision=50)
    standing = watch_of(Saved(read), clock)
    standing.follow(answered(1, NOON, wait=7))
    async with reading(standing):
        await all_known(standing)
    assert standing.sums()[Window.TODAY][Kind.QUEUE, "support"].mean_wait == timedelta(seconds=7)


async def test_others_have_their_turn_while_a_month_of_calls_is_read() -> None:
    clock = Watch(NOON)
    standing = watch_of(Saved(*(answered(number, NOON - timedelta(hours=1)) for number in range(230))), clock)
    async with reading(standing):
        await all_known(standing)
    assert len(clock.pauses) == 4


async def test_an_address_that_is_none_is_not_tried_again() -> None:
    with pytest.raises(DatabaseUrlError):
        await watch_of(Saved(troubles=(DatabaseUrlError("none"),)), Watch(NOON)).run()


async def test_a_clock_that_was_ahead_at_the_start_and_is_set_right_costs_no_figures() -> None:
    """The hardware clock of a machine in China is eight hours ahead until NTP has had its say."""
    clock = Watch(NOON + timedelta(hours=8))
    saved = Saved(answered(1, o_clock("09:00", day="2026-03-03")))
    standing = watch_of(saved, clock)
    async with reading(standing):
        await all_known(standing)
        clock.now = NOON
        with capture_logs() as told:
            standing.follow(answered(2, NOON))
        assert sought(standing) == {}
        await all_known(standing)
    assert [line["event"] for line in told] == ["clock_set_back"]
    assert sought(standing) == {Window.QUARTER: 1, Window.HOUR: 1, Window.TODAY: 2, Window.MONTH: 2}


async def test_a_clock_that_is_set_back_while_a_day_is_read_ends_that_reading() -> None:
    clock = Watch(NOON + timedelta(hours=8))
    standing = watch_of(Saved(*(answered(number, o_clock("09:00", day="2026-03-03")) for number in range(60))), clock)

    async def set_right(_: float) -> None:
        clock.now = NOON
        standing.sums()
        await asyncio.sleep(0)

    standing._pause = set_right
    async with reading(standing):
        await all_known(standing)
    assert sought(standing)[Window.TODAY] == 60


async def test_an_error_of_ours_is_told_and_measuring_goes_on() -> None:
    standing = watch_of(Saved(), Watch(NOON))
    broken = replace(answered(1, NOON), visits=("no visit",))  # type: ignore[arg-type]
    with capture_logs() as told:
        standing.follow(broken)
        standing.follow(broken)
        standing.follow(replace(answered(3, NOON), ended_at=None))
    assert [line["event"] for line in told] == ["standing_failed"]


def test_every_queue_and_line_of_the_configuration_counts_by_its_name() -> None:
    config = Config.model_validate(
        {
            "queue": [{"name": "trade"}],
            "line": [{"name": "front-desk", "interface": "PJSIP/8001"}],
            "branch": [{"name": "changzhi", "queues": ["support"], "lines": ["front-desk"]}],
        }
    )
    assert set(names_of(config)) == {
        (Kind.QUEUE, "trade"), (Kind.QUEUE, "support"), (Kind.DIRECT, "front-desk"),
    }  # fmt: skip
