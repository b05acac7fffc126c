"""What goes, and what stays: by age, by size, and by what a restart needs."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from telephony.journal.disk import AT_ONCE, NEEDED, OLD_FOR, Disk
from telephony.journal.folder import Held
from telephony.journal.sheet import connect_to_read
from tests.journal.shelf import Wall, disk, group, keep_house, names, positions

HOUR = timedelta(hours=1)
KB = 1_000


def hours(disk: Disk, wall: Wall, count: int, size: int = 100) -> None:
    """One record an hour, so many hours."""
    first = len(disk.marks) and int(disk.marks.get("n", b"0"))
    for number in range(first, first + count):
        disk.write([group(number + 1, b"x" * size)], {"n": b"%d" % (number + 1)}, number + 1)
        wall.at += HOUR


def test_what_is_too_old_goes_and_it_is_told(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall, keep=3 * HOUR)
    hours(mine, wall, 6)
    with capture_logs() as log:
        keep_house(mine, wall)
    assert positions(folder) == [4, 5, 6]
    assert [entry["file"] for entry in log] == [f"20261122T{hour:02}Z.sqlite3" for hour in (8, 9, 10)]
    assert {entry["reason"] for entry in log} == {"age"}
    mine.close()


def test_a_clock_that_runs_ahead_for_a_while_takes_nothing_away(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall, keep=3 * HOUR)
    hours(mine, wall, 3)
    for _ in range(2):
        wall.at += timedelta(days=8)
        for _ in range(100):
            mine.keep_house()
            wall.mono += (OLD_FOR - 1) / 100
        wall.at -= timedelta(days=8)
        mine.keep_house()
        assert positions(folder) == [1, 2, 3]
    mine.close()


def test_of_many_that_are_too_old_a_few_go_at_a_time(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall, keep=HOUR)
    hours(mine, wall, 12)
    wall.at += 100 * HOUR
    keep_house(mine, wall, looks=2)
    assert positions(folder) == list(range(1 + 2 * AT_ONCE, 13))
    mine.close()


def test_what_a_restart_needs_is_in_nobodys_way(held: Held, folder: Path, wall: Wall) -> None:
    """Not even of those few: damaged ones behind it go."""
    mine = disk(held, wall, keep=HOUR)
    hours(mine, wall, 2 * AT_ONCE)
    mine.write([], {NEEDED: b"1"}, 2 * AT_ONCE)
    last = sorted(folder.glob("*.sqlite3"))[2 * AT_ONCE - 1]
    last.with_name(f"{last.name}.damaged").write_bytes(b"x" * 1_000)
    wall.at += 100 * HOUR
    keep_house(mine, wall)
    assert not [name for name in names(folder) if "damaged" in name]
    assert positions(folder) == list(range(1, 2 * AT_ONCE + 1))
    mine.close()


def test_what_cannot_be_looked_at_just_now_may_be_needed(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall, keep=HOUR)
    hours(mine, wall, 2)
    mine.write([], {NEEDED: b"1"}, 2)
    mine.keep_house()  # and closed files stand alone
    wall.at += 100 * HOUR
    first = folder / "20261122T08Z.sqlite3"
    with closing(sqlite3.connect(first, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        keep_house(mine, wall, looks=1)
        assert first.exists()
    assert positions(folder) == [1, 2]
    mine.close()


def test_a_file_is_as_old_as_the_end_of_its_hour(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall, keep=HOUR)
    hours(mine, wall, 2)
    wall.at = wall.at.replace(minute=0)
    keep_house(mine, wall)
    assert positions(folder) == [1, 2]
    wall.at += timedelta(microseconds=1)
    keep_house(mine, wall)
    assert positions(folder) == [2]
    mine.close()


def test_beyond_the_size_the_oldest_go(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall, max_bytes=1_000 * KB)
    hours(mine, wall, 8, size=200 * KB)
    keep_house(mine, wall)
    assert mine.bytes <= 1_000 * KB
    assert positions(folder) == [5, 6, 7, 8]
    mine.close()


def test_the_newest_file_stays_however_old_and_large(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall, keep=HOUR, max_bytes=100 * KB)
    hours(mine, wall, 3, size=500 * KB)
    wall.at += 100 * HOUR
    keep_house(mine, wall)
    assert positions(folder) == [3]
    mine.close()


@pytest.mark.parametrize(
    ("needed", "left"), [(b"3", [3, 4, 5, 6]), (b"1", [1, 2, 3, 4, 5, 6]), (b"7", []), (b"?", []), (b"", [])]
)
def test_what_a_restart_needs_stays(held: Held, folder: Path, wall: Wall, needed: bytes, left: list[int]) -> None:
    mine = disk(held, wall, keep=HOUR / 2)
    hours(mine, wall, 6)
    mine.write([], {NEEDED: needed}, 6)  # in the newest file, which has no records
    wall.at += 5 * HOUR
    keep_house(mine, wall)
    assert positions(folder) == left
    mine.close()


def test_beyond_twice_the_size_nothing_is_needed(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall, max_bytes=1_000 * KB)
    mine.write([], {NEEDED: b"1"}, 0)
    hours(mine, wall, 8, size=200 * KB)
    keep_house(mine, wall)
    assert positions(folder)[0] == 1
    assert mine.bytes > 1_000 * KB
    hours(mine, wall, 6, size=200 * KB)
    keep_house(mine, wall)
    assert positions(folder)[0] > 1
    assert mine.bytes <= 2_000 * KB
    mine.close()


def test_a_damaged_file_is_kept_and_goes_like_the_others(held: Held, folder: Path, wall: Wall) -> None:
    folder.joinpath("20261122T07Z.sqlite3.damaged").write_bytes(b"x" * 1_000)
    folder.joinpath("20261122T07Z.sqlite3.damaged-wal").write_bytes(b"x" * 1_000)
    mine = disk(held, wall, keep=2 * HOUR)
    hours(mine, wall, 1)
    mine.write([], {NEEDED: b"1"}, 1)
    keep_house(mine, wall)
    assert len(names(folder)) >= 3
    wall.at += 2 * HOUR
    keep_house(mine, wall)
    assert not [name for name in names(folder) if "damaged" in name]
    mine.close()


def test_a_file_that_is_large_enough_is_followed_by_another_of_the_same_hour(
    held: Held, folder: Path, wall: Wall
) -> None:
    mine = disk(held, wall, max_bytes=800 * KB)  # an eighth a file
    for number in range(1, 6):
        mine.write([group(number, b"x" * 60 * KB)], {}, number)
    mine.close()
    assert set(names(folder)) >= {"20261122T08Z.sqlite3", "20261122T08Z.1.sqlite3", "20261122T08Z.2.sqlite3"}
    assert positions(folder) == [1, 2, 3, 4, 5]


def test_what_a_reader_kept_from_standing_alone_does_so_later(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall)
    hours(mine, wall, 1)
    with closing(connect_to_read(folder / "20261122T08Z.sqlite3")):
        hours(mine, wall, 1)
        assert "20261122T08Z.sqlite3-wal" in names(folder)
    keep_house(mine, wall)
    assert "20261122T08Z.sqlite3-wal" not in names(folder)
    assert positions(folder) == [1, 2]
    mine.close()


def test_a_file_that_proves_damaged_while_it_is_written_is_set_aside(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall)
    mine.write([group(1, b"one")], {}, 1)
    with closing(sqlite3.connect(folder / "20261122T08Z.sqlite3")) as other:
        other.execute("DROP TABLE groups")
    with pytest.raises(sqlite3.Error):
        mine.write([group(2, b"two")], {}, 2)
    assert mine.damaged == 1
    mine.write([group(2, b"two")], {}, 2)
    assert positions(folder) == [2]
    mine.close()


def test_the_same_group_again_is_written_once(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall)
    for _ in range(2):
        mine.write([group(1, b"one", b"two")], {}, 2)
    assert positions(folder) == [1, 2]
    mine.close()


def test_positions_that_two_files_have_are_told_once(held: Held, folder: Path, wall: Wall) -> None:
    """The disk had failed to say that it had them."""
    mine = disk(held, wall)
    mine.write([group(1, b"one"), group(2, b"two", b"three")], {}, 3)
    wall.at += HOUR
    mine.write([group(2, b"two", b"three"), group(4, b"four")], {}, 4)
    assert positions(folder) == [1, 2, 3, 4]
    assert positions(folder, since=3) == [3, 4]
    mine.close()


def test_more_positions_are_reserved_before_they_are_used_up(held: Held, wall: Wall) -> None:
    mine = disk(held, wall)
    for position in (1, 1_500_000, 10_000_000):
        mine.write([group(position, b"x")], {}, position)
        assert held.reserved > position + 900_000
    mine.close()


def test_a_file_that_a_person_takes_away_is_followed_by_another(held: Held, folder: Path, wall: Wall) -> None:
    mine = disk(held, wall)
    mine.write([group(1, b"one")], {}, 1)
    for path in folder.glob("*.sqlite3*"):
        path.unlink()
    mine.write([group(2, b"two")], {}, 2)
    assert positions(folder) == [2]
    mine.close()


def test_a_folder_that_a_person_takes_away_is_made_again(held: Held, folder: Path, wall: Wall, tmp_path: Path) -> None:
    mine = disk(held, wall)
    mine.write([group(1, b"one")], {}, 1)
    folder.rename(tmp_path / "away")
    mine.write([group(2, b"two")], {}, 2)
    assert positions(folder) == [2]
    assert folder.stat().st_mode & 0o777 == 0o700
    mine.close()
