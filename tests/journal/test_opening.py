"""What an earlier process left: no position twice, whatever became of its files."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from telephony.journal.disk import RESERVE
from telephony.journal.folder import End, hold
from telephony.journal.opening import SKIP, UNKNOWN_SKIP
from telephony.journal.reader import extent, records
from telephony.journal.sheet import FORMAT
from tests.journal.shelf import Opens, Wall, disk, group, names, positions, put, the_file, told

COUNT = 3_000


def written(folder: Path) -> None:
    """Three thousand records in thirty rows, as a clean stop leaves them."""
    held = hold(folder)
    held.begin(RESERVE)
    mine = disk(held, Wall())
    for first in range(0, COUNT, 100):
        said = (b"%d " % number + b"x" * 200 for number in range(first, first + 100))
        mine.write([group(first + 1, *said)], {"place": b"here"}, first + 100)
    mine.close()
    held.write(COUNT, End.SHUT)
    held.release()
    assert positions(folder) == list(range(1, COUNT + 1))


def as_if_killed(folder: Path, end: End = End.OPEN) -> None:
    """What the folder says of its process."""
    held = hold(folder)
    held.write(held.reserved + RESERVE, end)
    held.release()


def change(path: Path, *, at: float, to: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * at))
        file.write(to)


def cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def no_database(path: Path) -> None:
    path.write_bytes(b"garbage " * 5_000)


def middle_gone(path: Path) -> None:
    change(path, at=0.5, to=bytes(20_000))


def header_gone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM header")
        connection.commit()


def of_the_future(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE header SET format = ?", (FORMAT + 1,))
        connection.commit()


def tables_gone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE groups")
        connection.commit()


@pytest.mark.parametrize(
    ("damage", "readable"),
    [
        (emptied, 0),
        (no_database, 0),
        (of_the_future, 0),
        (tables_gone, 0),
        (header_gone, 0),
        (cut_off, 1_000),
        (middle_gone, 2_500),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_damaged_file_is_set_aside_and_the_journal_goes_on(
    opens: Opens, folder: Path, damage: Callable[[Path], None], readable: int
) -> None:
    written(folder)
    as_if_killed(folder)
    damage(the_file(folder))
    journal = opens()
    assert journal.damaged == 1
    assert journal.position >= COUNT + SKIP
    last = put(journal, b"after")
    await journal.synced(last)
    assert journal.failing == ""
    assert names(folder)[0] == "20261122T08Z.1.sqlite3"
    assert "20261122T08Z.sqlite3.damaged" in names(folder)
    found = list(records(folder))
    assert (found[-1].position, found[-1].data) == (last, b"after")
    for each in found[:-1]:
        assert int(each.data.split()[0]) == each.position - 1
    assert len(found) - 1 >= readable
    assert [each.position for each in found] == sorted({each.position for each in found})
    journal.close()
    again = opens()
    assert again.damaged == 0
    assert again.position == last
    assert extent(folder).damaged == 1


def test_of_marks_in_a_damaged_file_those_of_the_file_before_count(opens: Opens, folder: Path) -> None:
    first = opens()
    first.mark("place", b"early")
    first.close()
    second = opens(boot_id="boot-b")
    second.mark("place", b"late")
    second.close()
    no_database(folder / "20261122T08Z.1.sqlite3")
    third = opens()
    assert third.marks() == {"place": b"early"}
    assert third.life == first.life


def test_a_bit_that_flips_in_a_record_costs_its_row_and_no_more(folder: Path) -> None:
    written(folder)
    data = bytearray(the_file(folder).read_bytes())
    at = data.index(b"1500 xxxx")
    data[at + 50] ^= 1
    the_file(folder).write_bytes(data)
    found = positions(folder)
    assert 1_501 not in found
    assert len(found) >= COUNT - 100
    assert found[-1] == COUNT


def test_after_a_clean_stop_damage_skips_nothing(opens: Opens, folder: Path) -> None:
    written(folder)
    the_file(folder).write_bytes(b"")
    assert opens().position == COUNT


def test_after_a_kill_it_goes_on_where_the_files_end(opens: Opens, folder: Path) -> None:
    written(folder)
    held = hold(folder)
    held.write(COUNT + RESERVE, End.OPEN)
    held.release()
    assert opens().position == COUNT


def test_after_a_kill_while_it_failed_positions_are_left_out(opens: Opens, folder: Path) -> None:
    written(folder)
    held = hold(folder)
    held.write(COUNT + 7_000_000, End.LOST)
    held.release()
    journal = opens()
    assert journal.position == journal.durable == COUNT + 7_000_000 + SKIP
    assert journal.damaged == 0


def test_after_the_machine_died_positions_are_left_out(opens: Opens, folder: Path) -> None:
    written(folder)
    held = hold(folder)
    held.write(COUNT + RESERVE, End.OPEN)
    held.release()
    assert opens(boot_id="boot-b").position == COUNT + RESERVE + SKIP


def test_files_that_were_taken_away_leave_their_positions(opens: Opens, folder: Path) -> None:
    written(folder)
    the_file(folder).unlink()
    journal = opens()
    assert journal.position == COUNT
    put(journal, b"one")
    journal.close()
    as_if_killed(folder)
    the_file(folder).unlink()
    assert opens().position > COUNT + 1


@pytest.mark.parametrize("state", [None, b"", b"garbage\n" * 100])
def test_without_what_the_folder_says_the_files_tell_life_and_position(
    opens: Opens, folder: Path, state: bytes | None
) -> None:
    first = opens()
    put(first, b"one")
    first.close()
    (folder / "life").unlink()
    if state is not None:
        (folder / "life").write_bytes(state)
    second = opens()
    assert second.life == first.life
    assert second.position == 1 + UNKNOWN_SKIP


def test_without_either_the_damaged_file_tells_how_far_it_was(opens: Opens, folder: Path) -> None:
    written(folder)
    (folder / "life").unlink()
    middle_gone(the_file(folder))
    assert opens().position == COUNT + UNKNOWN_SKIP


def test_a_copy_that_goes_on_without_the_state_gives_out_nothing_twice(
    opens: Opens, folder: Path, tmp_path: Path
) -> None:
    """How a backup is restored: docs/decisions/journal.md."""
    journal = opens()
    put(journal, b"one")
    journal.close()
    restored = tmp_path / "restored"
    shutil.copytree(folder, restored)
    (restored / "life").unlink()
    put(opens(), *[b"later"] * 10)
    copy = opens(restored)
    assert copy.life == journal.life
    assert copy.position > 11
    assert told(restored) == [(1, b"one")]


def test_garbage_in_the_folder_is_left_alone(opens: Opens, folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "20261122T08Z.sqlite3").mkdir()
    (folder / "20261122T08Z.1.sqlite3.fresh").write_text("half made")
    (folder / "other.fresh").write_text("mine")
    journal = opens()
    put(journal, b"one")
    journal.close()
    assert journal.damaged == 0
    assert names(folder) == ["20261122T08Z.1.sqlite3", "20261122T08Z.sqlite3", "notes.txt", "other.fresh"]
    assert told(folder) == [(1, b"one")]


def test_a_lock_that_is_a_link_is_not_followed(opens: Opens, folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (tmp_path / "precious").write_text("mine")
    (folder / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="lock"):
        opens()
    assert (tmp_path / "precious").read_text() == "mine"
