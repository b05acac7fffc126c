"""Reading what others left: half done, copied, or not ours to read."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from telephony.journal.reader import extent, records
from telephony.journal.record import Extent
from tests.journal.shelf import START, Opens, Wall, put, the_file, told
from tests.support.users import as_somebody, folder_for_all


@pytest.fixture
def written(opens: Opens, folder: Path) -> Path:
    journal = opens()
    put(journal, b"one", b"two", b"three")
    journal.close()
    return folder


@pytest.fixture
def read_only(written: Path, tmp_path: Path) -> Iterator[Path]:
    """The folder on a disk that takes nothing; in WAL mode, as a copy of a living one would be."""
    with closing(sqlite3.connect(the_file(written))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    where = tmp_path / "read-only"
    where.mkdir()
    commands = [["mount", "--bind", str(written), str(where)], ["mount", "-o", "remount,bind,ro", str(where)]]
    if shutil.which("mount") is None or subprocess.run(commands[0], check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    try:
        subprocess.run(commands[1], check=True)
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=True)


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert told(tmp_path / "none") == []
    assert extent(tmp_path / "none") == Extent()


def test_only_what_is_asked_for_is_told(opens: Opens, folder: Path) -> None:
    journal = opens()
    for source in (1, 2, 3, 1, 2, 3):
        put(journal, b"x", source=source)
    journal.close()
    assert [each.position for each in records(folder, since=2, until=5)] == [2, 3, 4, 5]
    assert [each.position for each in records(folder, sources={1, 3})] == [1, 3, 4, 6]
    assert [each.position for each in records(folder, since=7)] == []
    assert [each.position for each in records(folder, since=3, until=2)] == []
    assert [each.position for each in records(folder, since=-5, until=1)] == [1]


def test_the_extent_is_that_of_all_files(opens: Opens, folder: Path, wall: Wall) -> None:
    first = opens()
    put(first, b"one")
    first.close()
    second = opens(boot_id="boot-b")
    put(second, b"two", b"three")
    second.close()
    found = extent(folder)
    assert (found.first, found.last, found.files, found.damaged, found.life) == (1, 3, 2, 0, first.life)
    assert found.first_at == found.last_at is not None
    assert found.bytes == sum(path.stat().st_size for path in folder.glob("*.sqlite3"))
    assert wall.at == START


def test_a_change_that_a_killed_process_left_half_done_is_undone(written: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with closing(sqlite3.connect(the_file(written), isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO groups VALUES (?, ?, ?)", [(n, n, b"x" * 5_000) for n in range(100, 200)])
        for path in written.glob("*Z.sqlite3*"):
            shutil.copy(path, copy)
        connection.execute("ROLLBACK")
    assert [path.name for path in copy.glob("*-journal")] == ["20261122T08Z.sqlite3-journal"]
    assert told(copy) == [(1, b"one"), (2, b"two"), (3, b"three")]


def test_a_backup_on_a_read_only_disk_can_be_read(read_only: Path) -> None:
    assert told(read_only) == [(1, b"one"), (2, b"two"), (3, b"three")]


def test_what_is_not_ours_to_read_is_told_and_not_taken_for_nothing(written: Path) -> None:
    with folder_for_all() as place:
        shutil.copytree(written, place / "copy")
        for path in (place / "copy", *(place / "copy").iterdir()):
            path.chmod(0o755)
        the_file(place / "copy").chmod(0)
        with as_somebody(), pytest.raises(OSError, match="unable to open"):
            told(place / "copy")
