"""What a PBX left that is configured no more is told once; its journal goes when its time is over."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from handlers.journals import journal_folder
from handlers.unfollowed import EVERY, Leftovers
from telephony.cases.closing import Unfollowed
from telephony.journal.folder import hold
from tests.support.checks import config_of

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
OLD, FRESH = "20260302T07Z.sqlite3", "20260303T09Z.sqlite3"


class EnoughError(Exception):
    """The story is over."""


class Office:
    """A data_dir with a journal of ours and one of a PBX that is gone; the hours pass as the test says.

    Attributes:
        hours: at each of them what the database says of the calls, or its trouble.
        clocks: at each of them how far our clock is ahead.
        asked: for which PBXs the database was asked.
    """

    def __init__(self, folder: Path, *hours: dict[str, int] | Exception) -> None:
        self.config = config_of(data_dir=folder)
        self.ours, self.gone = (journal_folder(self.config, name) for name in ("pbx1", "分机 2"))
        for each in (self.ours, self.gone):
            each.mkdir(mode=0o700, parents=True)
            for name in (OLD, FRESH):
                (each / name).write_bytes(b"12345")
        self.hours = list(hours)
        self.clocks = [timedelta()] * len(self.hours)
        self.asked: list[list[str]] = []

    async def close(self, pbxs: list[str], now: datetime) -> Unfollowed:
        self.asked.append(pbxs)
        said = self.hours.pop(0)
        if isinstance(said, Exception):
            raise said
        return Unfollowed(now, said, {})

    async def pause(self, seconds: float) -> None:
        assert seconds == EVERY
        if not self.hours:
            raise EnoughError

    async def passes(self) -> list[Any]:
        """What was told."""
        leftovers = Leftovers(self.config, self.close, lambda: NOW + self.clocks.pop(0))
        with structlog.testing.capture_logs() as told, pytest.raises(EnoughError):
            await leftovers.run(self.pause)
        return told

    def left(self) -> set[str]:
        return {path.name for path in self.gone.glob("*.sqlite3")}


async def test_calls_and_journal_of_a_pbx_that_is_gone_are_told_once_with_the_remedy(tmp_path: Path) -> None:
    office = Office(tmp_path, {"分机 2": 3}, {"分机 2": 3}, {"分机 2": 2})
    told = await office.passes()
    assert office.asked == [["pbx1"]] * 3
    calls, journal = (one for one in told if one["event"] != "journal_file_unlinked")
    assert (calls["event"], calls["pbx"], calls["open_calls"]) == ("pbx_not_configured", "分机 2", 3)
    assert (journal["event"], journal["pbx"], journal["bytes"]) == ("journal_of_no_pbx", "分机 2", 10)
    assert "docs/operators-guide.md" in calls["remedy"]


async def test_its_old_files_go_and_ours_are_no_business_of_it(tmp_path: Path) -> None:
    office = Office(tmp_path, {}, {})
    await office.passes()
    assert office.left() == {FRESH}
    assert {path.name for path in office.ours.iterdir()} == {OLD, FRESH}


async def test_a_clock_that_is_ahead_for_a_while_takes_nothing_away(tmp_path: Path) -> None:
    office = Office(tmp_path, {}, {}, {})
    office.clocks[1] = timedelta(days=30)
    await office.passes()
    assert office.left() == {FRESH}


async def test_a_folder_in_which_somebody_works_is_left_alone(tmp_path: Path) -> None:
    office = Office(tmp_path, {}, {})
    held = hold(office.gone)
    await office.passes()
    held.release()
    assert office.left() == {OLD, FRESH}


async def test_whatever_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    office = Office(tmp_path, ConnectionRefusedError(111, "refused"), RuntimeError("closed"), {}, {})
    told = await office.passes()
    assert [one["event"] for one in told[:2]] == ["leftovers_not_seen"] * 2
    assert office.left() == {FRESH}


async def test_without_any_journal_there_is_nothing_to_tell(tmp_path: Path) -> None:
    office = Office(tmp_path, {})
    office.config = config_of(data_dir=tmp_path / "new")
    assert await office.passes() == []
