"""Takes of a lease are remembered before they are tried, across processes that came not far."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telephony.cases.attempts import KEPT, Attempts

T = [datetime(2026, 11, 22, 9, tzinfo=UTC) + timedelta(seconds=n) for n in range(100)]


def tried(folder: Path, pbx: str, at: datetime, before: datetime | None) -> None:
    """A process that is killed as soon as it has the lease."""
    attempts = Attempts(folder)
    attempts.intend(pbx, at, before)
    attempts.save()


def test_behind_a_take_of_ours_is_what_it_had_found_and_so_on(tmp_path: Path) -> None:
    tried(tmp_path, "pbx1", T[2], T[1])
    tried(tmp_path, "pbx1", T[3], T[2])
    tried(tmp_path, "pbx2", T[3], None)
    attempts = Attempts(tmp_path)
    assert attempts.behind("pbx1", T[3]) == (T[2], T[1])
    assert attempts.behind("pbx2", T[3]) == (None,)
    assert attempts.behind("pbx1", T[4]) == attempts.behind("pbx1", None) == attempts.behind("pbx3", T[3]) == ()


def test_of_very_many_the_oldest_are_forgotten(tmp_path: Path) -> None:
    for n in range(1, KEPT + 10):
        tried(tmp_path, "pbx1", T[n], T[n - 1])
    assert len(Attempts(tmp_path).behind("pbx1", T[KEPT + 9])) == KEPT


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"[]",
        b"{",
        b'{"pbx1": 3}',
        b'{"pbx1": {"soon": null}}',
        b'{"pbx1": {"2026-11-22T09:00:00": null}}',
        b"\xff",
    ],
)
def test_what_is_damaged_remembers_nothing_and_is_written_anew(tmp_path: Path, told: bytes) -> None:
    (tmp_path / "takes").write_bytes(told)
    assert Attempts(tmp_path).behind("pbx1", T[0]) == ()
    tried(tmp_path, "pbx1", T[1], T[0])
    assert Attempts(tmp_path).behind("pbx1", T[1]) == (T[0],)
    assert (tmp_path / "takes").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path / "none")
    attempts.intend("pbx1", T[1], None)
    with pytest.raises(FileNotFoundError):
        attempts.save()
    assert attempts.behind("pbx1", T[1]) == (None,)
