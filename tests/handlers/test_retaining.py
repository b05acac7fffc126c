"""Old calls are forgotten once an hour; a database that is away is only told."""

from datetime import UTC, datetime, timedelta

import pytest

from handlers.retaining import EVERY, SOON, retain
from telephony.cases.retention import DOUBT, ClockDoubted

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class EnoughError(Exception):
    """The story is over."""


class Office:
    """A database that forgets three calls at each of its good hours, and the time that passes."""

    def __init__(self, *hours: Exception | None) -> None:
        self.hours, self.asked, self.counted, self.paused = list(hours), list[datetime](), list[int](), list[float]()
        self.passed, self.ahead = timedelta(), timedelta()

    async def forget(self, keep: timedelta, now: datetime) -> int:
        self.asked.append(now - keep)
        trouble = self.hours.pop(0)
        if trouble is not None:
            raise trouble
        return 3

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.passed += timedelta(seconds=seconds)
        if not self.hours:
            raise EnoughError

    def now(self) -> datetime:
        return NOW + self.passed + self.ahead

    async def runs(self, days: float) -> None:
        await retain(timedelta(days=days), self.forget, self.now, self.counted.append, lambda: self.passed, self.pause)


async def test_what_is_older_than_it_may_be_is_forgotten_every_hour() -> None:
    office = Office(None, None)
    with pytest.raises(EnoughError):
        await office.runs(30)
    first = NOW + timedelta(seconds=SOON - 30 * 86_400)
    assert office.asked == [first, first + timedelta(seconds=EVERY)]
    assert (office.counted, office.paused) == ([3, 3], [SOON, EVERY, EVERY])


async def test_a_database_that_is_away_is_asked_again_an_hour_later(capsys: pytest.CaptureFixture[str]) -> None:
    office = Office(ConnectionRefusedError(111, "refused"), None)
    with pytest.raises(EnoughError):
        await office.runs(1)
    assert office.counted == [3]
    assert capsys.readouterr().out.count("calls_not_forgotten") == 1


async def test_a_fault_that_nobody_thought_of_ends_no_measuring(capsys: pytest.CaptureFixture[str]) -> None:
    office = Office(RuntimeError("the handler is closed"), None)
    with pytest.raises(EnoughError):
        await office.runs(1)
    assert office.counted == [3]
    assert "the handler is closed" in capsys.readouterr().out


async def test_for_ever_is_for_ever() -> None:
    office = Office()
    await office.runs(0)
    assert office.asked == office.paused == []


async def test_a_clock_that_is_set_far_ahead_forgets_nothing_until_it_is_right_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    office = Office(None, None)
    steps = [DOUBT, DOUBT * 2, timedelta()]
    pause = office.pause

    async def paused(seconds: float) -> None:
        if steps:
            office.ahead = steps.pop(0)
        await pause(seconds)

    office.pause = paused  # type: ignore[method-assign]
    with pytest.raises(EnoughError):
        await office.runs(30)
    assert len(office.asked) == 2
    told = capsys.readouterr().out
    assert "our clock was set 4 days ahead: nothing is deleted; set it right, or restart" in told


async def test_a_clock_that_is_doubted_elsewhere_is_told_and_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    office = Office(ClockDoubted("the clocks differ"), None)
    with pytest.raises(EnoughError):
        await office.runs(30)
    assert office.counted == [3]
    assert "the clocks differ" in capsys.readouterr().out
