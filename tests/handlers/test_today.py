"""Today across a restart, without a database, and over midnight."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from handlers.today import SHOWN, Today
from telephony.calls.record import CallRecord, Outcome
from telephony.cases.connecting import DatabaseUrlError
from tests.support.days import BRANCHES, answered, day, o_clock, unanswered

NOON = o_clock("12:00")


class Saved:
    """What earlier processes saved; away as often as there are troubles."""

    def __init__(
        self, *calls: CallRecord, troubles: tuple[Exception, ...] = (), breaks_after: int | None = None
    ) -> None:
        self.calls, self.troubles, self.breaks_after = calls, list(troubles), breaks_after
        self.asked: list[datetime] = []

    async def since(self, moment: datetime) -> AsyncGenerator[CallRecord, None]:
        self.asked.append(moment)
        if self.troubles:
            raise self.troubles.pop(0)
        for number, call in enumerate(self.calls):
            if number == self.breaks_after:
                self.breaks_after = None
                raise OSError("the line broke")
            yield call


class Watch:
    """A wall clock that is set by hand, and pauses that only move it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.pauses: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)


def today(saved: Saved | None = None, watch: Watch | None = None) -> Today:
    watch = watch or Watch(NOON)
    return Today(day(watch.now), BRANCHES, (saved or Saved()).since, watch, watch.pause)


async def test_a_restart_at_noon_shows_the_morning_too() -> None:
    saved = Saved(answered(1, o_clock("09:00")), unanswered(2, o_clock("10:00")))
    page = today(saved)
    page.follow(answered(3, NOON))
    assert (page.complete, page.since, page.figures().sought) == (False, NOON, 1)
    await page.read()
    assert (page.complete, page.since, page.figures().sought) == (True, o_clock("00:00"), 3)
    assert saved.asked == [o_clock("00:00")]
    assert [one.ended_at for one in page.recent()] == [NOON, o_clock("10:00"), o_clock("09:00")]


async def test_what_is_read_late_does_not_undo_what_was_followed_meanwhile() -> None:
    read = replace(unanswered(1, NOON), revision=50)
    page = today(Saved(read))
    page.follow(answered(1, NOON))
    await page.read()
    assert (page.figures().sought, page.figures().answered) == (1, 1)
    assert [one.visits[0].outcome for one in page.recent()] == [Outcome.ANSWERED]


async def test_while_the_database_is_away_it_is_asked_again_and_what_came_half_counts_once() -> None:
    watch = Watch(NOON)
    saved = Saved(
        *(answered(number, NOON) for number in range(4)),
        troubles=(ValueError("ours"), OSError("refused")),
        breaks_after=2,
    )
    page = today(saved, watch)
    await page.read()
    assert (len(watch.pauses), page.figures().sought) == (3, 4)


async def test_an_address_that_is_none_is_not_tried_again() -> None:
    with pytest.raises(DatabaseUrlError):
        await today(Saved(troubles=(DatabaseUrlError("none"),))).read()


async def test_a_database_that_stays_away_until_midnight_is_missed_no_longer() -> None:
    watch = Watch(o_clock("23:59:50"))
    page = today(Saved(troubles=tuple(OSError("refused") for _ in range(1000))), watch)
    page.follow(answered(1, o_clock("23:59:51")))
    await page.read()
    assert page.complete
    assert (page.figures().sought, page.recent(), page.lines().at) == (0, (), ())


async def test_a_clock_that_is_set_back_to_the_day_before_has_that_day_read_again() -> None:
    watch = Watch(o_clock("02:00", day="2026-03-03"))
    saved = Saved(troubles=(OSError("refused"),))
    page = today(saved, watch)
    await page.read()
    assert page.complete
    watch.now = o_clock("18:00")
    assert (page.complete, page.since, page.figures().sought) == (False, o_clock("18:00"), 0)
    saved.calls = (answered(1, NOON),)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(page.run())
        while not page.complete:
            await asyncio.sleep(0)
        reading.cancel()
    assert (page.since, page.figures().sought, saved.asked[-1]) == (o_clock("00:00"), 1, o_clock("00:00"))


async def test_what_was_read_while_the_clock_was_set_back_is_not_the_whole_day() -> None:
    watch = Watch(o_clock("02:00", day="2026-03-03"))
    saved = Saved(answered(1, NOON), answered(2, o_clock("01:00", day="2026-03-03")))
    calls = saved.since

    async def since(moment: datetime) -> AsyncGenerator[CallRecord, None]:
        async for call in calls(moment):
            watch.now = o_clock("18:00")
            yield call

    page = Today(day(watch.now), BRANCHES, since, watch, watch.pause)
    await page.read()
    assert saved.asked == [o_clock("00:00", day="2026-03-03"), o_clock("00:00")]
    assert (page.complete, page.figures().sought) == (True, 1)


def test_a_call_that_goes_on_is_nothing_yet_and_a_correction_replaces_what_was_shown() -> None:
    page = today()
    page.follow(replace(answered(1, NOON), ended_at=None))
    page.follow(unanswered(1, NOON, outcome=Outcome.EXITED))
    page.follow(replace(unanswered(1, NOON, outcome=Outcome.TIMEOUT), revision=2))
    assert [one.visits[0].outcome for one in page.recent()] == [Outcome.TIMEOUT]


def test_only_the_last_calls_are_kept_newest_first_and_each_branch_has_its_own() -> None:
    page = today(watch=Watch(o_clock("13:00")))
    for number in range(SHOWN + 5):
        queue = "support" if number else "sales"
        page.follow(answered(number, NOON + timedelta(minutes=number), queue=queue))
    ended = [one.ended_at for one in page.recent()]
    assert (len(ended), ended[0]) == (SHOWN, NOON + timedelta(minutes=SHOWN + 4))
    assert ended == sorted(ended, reverse=True)  # type: ignore[type-var]
    assert [one.ended_at for one in page.recent("jincheng")] == [NOON]
    assert page.figures("jincheng").sought == 1
    assert page.lines("jincheng").figures[0].answered == 1


def test_each_queue_has_its_figures_and_a_new_day_has_none_of_the_old_ones() -> None:
    watch = Watch(o_clock("13:00"))
    page = today(watch=watch)
    page.follow(unanswered(1, NOON, queue="sales"))
    (sales,) = page.places()
    assert (sales.name, page.figures_at(sales).abandonment, page.evidence().live) == ("sales", 1.0, 1)
    assert [one.sought for one in page.lines_at(sales).figures] == [1, 1, 1, 1]
    watch.now = o_clock("00:00:01", day="2026-03-03")
    assert page.start == o_clock("00:00", day="2026-03-03")
    assert (page.places(), page.figures_at(sales).sought, page.lines_at(sales).at) == ((), 0, ())
    assert page.evidence("jincheng").visits == 0


def test_an_error_of_ours_is_told_and_measuring_goes_on() -> None:
    page = today()
    broken = replace(answered(1, NOON), visits=("no visit",))  # type: ignore[arg-type]
    with capture_logs() as told:
        page.follow(broken)
        page.follow(broken)
    assert [line["event"] for line in told] == ["today_failed"]
    page.follow(answered(2, NOON))
    assert page.figures().sought == 1
