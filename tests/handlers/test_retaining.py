"""Old calls are forgotten once an hour; a database that is away is only told."""

from datetime import UTC, datetime, timedelta

import pytest

from handlers.retaining import EVERY, SOON, retain

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class EnoughError(Exception):
    """The story is over."""


class Office:
    """A database that forgets three calls at each of its good hours, and the time that passes."""

    def __init__(self, *hours: Exception | None) -> None:
        self.hours, self.asked, self.counted, self.paused = list(hours), list[datetime](), list[int](), list[float]()

    async def forget(self, before: datetime) -> int:
        self.asked.append(before)
        trouble = self.hours.pop(0)
        if trouble is not None:
            raise trouble
        return 3

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        if not self.hours:
            raise EnoughError

    async def runs(self, days: float) -> None:
        await retain(timedelta(days=days), self.forget, lambda: NOW, self.counted.append, self.pause)


async def test_what_is_older_than_it_may_be_is_forgotten_every_hour() -> None:
    office = Office(None, None)
    with pytest.raises(EnoughError):
        await office.runs(30)
    assert office.asked == [NOW - timedelta(days=30)] * 2
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
