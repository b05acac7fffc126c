"""Names: which files are ours, in which order, and what the next is called."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from telephony.journal.files import following, listing, unfinished
from tests.journal.shelf import START


def make(folder: Path, *wanted: str) -> None:
    for name in wanted:
        (folder / name).write_bytes(b"x")


def test_the_order_is_that_of_hours_and_numbers(tmp_path: Path) -> None:
    ordered = ["20261121T23Z.sqlite3", "20261122T08Z.sqlite3", "20261122T08Z.2.sqlite3", "20261122T08Z.10.sqlite3"]
    make(tmp_path, *reversed(ordered))
    assert [file.path.name for file in listing(tmp_path)] == ordered


def test_what_is_not_ours_is_not_listed(tmp_path: Path) -> None:
    make(
        tmp_path,
        "lock",
        "life",
        "notes.txt",
        "20261122T08Z.sqlite3-wal",
        "20261322T08Z.sqlite3",
        "x20261122T08Z.sqlite3",
    )
    make(tmp_path, "20261122T08Z.0.sqlite3", "20261122T08Z.sqlite3.damaged.bak", "20261122T25Z.sqlite3", "core")
    (tmp_path / "20261122T09Z.sqlite3").mkdir()
    (tmp_path / "20261122T10Z.sqlite3").symlink_to("/etc/passwd")
    assert listing(tmp_path) == []


def test_where_there_is_no_folder_there_are_no_files(tmp_path: Path) -> None:
    assert listing(tmp_path / "none") == []


def test_the_hour_is_that_of_utc(tmp_path: Path) -> None:
    at = datetime(2026, 11, 22, 16, 30, tzinfo=timezone(timedelta(hours=8)))
    assert following(tmp_path, None, at).path.name == "20261122T08Z.sqlite3"


def test_after_the_clock_stepped_back_the_next_file_still_comes_later(tmp_path: Path) -> None:
    make(tmp_path, "20261122T08Z.3.sqlite3")
    (newest,) = listing(tmp_path)
    after = following(tmp_path, newest, START - timedelta(days=3))
    assert after.path.name == "20261122T08Z.4.sqlite3"
    assert after > newest


def test_a_name_that_anything_has_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "20261122T08Z.sqlite3").mkdir()
    make(tmp_path, "20261122T08Z.1.sqlite3.damaged")
    assert following(tmp_path, None, START).path.name == "20261122T08Z.2.sqlite3"


def test_a_file_set_aside_keeps_its_place_and_what_lies_beside_it(tmp_path: Path) -> None:
    make(tmp_path, "20261122T08Z.sqlite3", "20261122T08Z.sqlite3-wal", "20261122T09Z.sqlite3")
    aside = listing(tmp_path)[0].set_aside()
    assert aside.damaged
    assert aside.sides()[1].name == "20261122T08Z.sqlite3.damaged-wal"
    assert aside.sides()[1].exists()
    assert aside.size() == 2
    assert listing(tmp_path)[0] == aside
    aside.unlink()
    assert [path.name for path in tmp_path.iterdir()] == ["20261122T09Z.sqlite3"]


def test_a_file_ends_with_its_hour(tmp_path: Path) -> None:
    make(tmp_path, "20261122T08Z.sqlite3")
    assert listing(tmp_path)[0].ended == datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_half_made_files_of_ours_are_found_and_those_of_others_are_not(tmp_path: Path) -> None:
    ours = {"20261122T08Z.sqlite3.fresh", "20261122T08Z.sqlite3.fresh-journal"}
    make(tmp_path, *ours, "my.fresh", "20261122T08Z.sqlite3.fresh.txt", "20261122T08Z.sqlite3")
    assert {path.name for path in unfinished(tmp_path)} == ours
