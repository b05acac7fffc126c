"""A journal as its owner sees it."""

import asyncio
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from telephony.journal.reader import extent, records
from telephony.journal.waiting import MAX_MARK_BYTES, MAX_MARKS
from telephony.journal.writer import Journal, JournalLocked
from tests.journal.shelf import DAYS, START, Opens, Wall, names, positions, put, record, the_file, told


async def test_what_is_synced_can_be_read(opens: Opens, folder: Path) -> None:
    journal = opens()
    assert (journal.position, journal.durable) == (0, 0)
    last = put(journal, b"one", b"", b"three")
    await journal.synced(last)
    assert journal.durable == journal.position == 3
    assert list(records(folder)) == [record(1, b"one"), record(2, b""), record(3, b"three")]
    assert journal.oldest_waiting is None
    assert journal.failing == ""


async def test_no_position_up_to_one_that_something_rests_on_is_given_out(opens: Opens, folder: Path) -> None:
    journal = opens()
    await journal.synced(put(journal, b"one"))
    put(journal, b"two")
    journal.skip_to(5_010)
    journal.skip_to(7)  # no way back
    await journal.synced(journal.position)
    assert journal.durable == journal.position == 5_010
    journal.mark("a", b"behind it")
    await journal.synced(put(journal, b"next"))
    assert positions(folder) == [1, 2, 5_011]
    journal.close()
    again = opens()
    assert (again.position, again.marks()) == (5_011, {"a": b"behind it"})


async def test_nor_by_the_next_process_though_this_one_wrote_nothing_more(opens: Opens) -> None:
    journal = opens()
    journal.skip_to(5_000_000)
    journal.close()
    assert opens().position == 5_000_000


async def test_all_that_wait_for_a_group_are_told_together(opens: Opens) -> None:
    journal = opens()
    waits = [journal.synced(put(journal, b"%d" % number)) for number in range(100)]
    await asyncio.gather(*waits, journal.synced(0))
    assert journal.durable == 100


async def test_nobody_waits_for_what_was_not_appended(opens: Opens) -> None:
    journal = opens()
    await journal.synced(5)
    assert journal.failing == ""


async def test_who_waits_no_longer_harms_nobody(opens: Opens) -> None:
    journal = opens()
    async with asyncio.TaskGroup() as tasks:
        impatient = tasks.create_task(journal.synced(put(journal, b"one")))
        patient = tasks.create_task(journal.synced(put(journal, b"two")))
        impatient.cancel()
        await patient
    assert journal.durable == 2


async def test_a_closed_file_stands_alone(opens: Opens, folder: Path) -> None:
    journal = opens()
    put(journal, b"one")
    journal.close()
    assert names(folder) == ["20261122T08Z.sqlite3"]
    assert told(folder) == [(1, b"one")]


async def test_close_writes_what_waits_and_may_be_said_again(opens: Opens, folder: Path) -> None:
    journal = opens()
    last = put(journal, *(b"%d" % number for number in range(1_000)))
    journal.close()
    journal.close()
    assert journal.durable == last
    assert journal.dropped == 0
    assert positions(folder) == list(range(1, 1_001))


async def test_after_close_nothing_is_kept_and_nobody_waits(opens: Opens, folder: Path) -> None:
    journal = opens()
    journal.close()
    await journal.synced(put(journal, b"late"))
    assert journal.dropped == 1
    assert told(folder) == []
    assert opens().position == journal.position == 0


async def test_a_restart_goes_on_behind_the_last_one_in_the_same_file(opens: Opens, folder: Path) -> None:
    first = opens()
    put(first, b"one", b"two")
    first.close()
    second = opens()
    assert (second.position, second.durable, second.life) == (2, 2, first.life)
    await second.synced(put(second, b"three"))
    assert told(folder) == [(1, b"one"), (2, b"two"), (3, b"three")]
    assert the_file(folder).name == "20261122T08Z.sqlite3"


async def test_after_the_machine_started_anew_a_file_of_that_boot_begins(opens: Opens, folder: Path) -> None:
    first = opens()
    put(first, b"one")
    first.close()
    second = opens(boot_id="boot-b")
    await second.synced(put(second, b"two"))
    assert [each.boot for each in records(folder)] == ["boot-a", "boot-b"]
    assert [each.position for each in records(folder)] == [1, 2]


async def test_nobody_but_the_owner_may_read(opens: Opens, folder: Path) -> None:
    before = os.umask(0)
    try:
        journal = opens()
        await journal.synced(put(journal, b"one"))
        assert folder.stat().st_mode & 0o777 == 0o700
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    finally:
        os.umask(before)
    assert set(modes) >= {"lock", "life", "20261122T08Z.sqlite3", "20261122T08Z.sqlite3-wal"}
    assert set(modes.values()) == {0o600}


async def test_an_empty_folder_is_made_private_and_one_with_other_things_is_not_touched(
    opens: Opens, tmp_path: Path
) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    for path in (empty, full):
        path.mkdir()
        path.chmod(0o755)
    (full / "thesis.txt").touch()
    opens(empty)
    opens(full)
    assert empty.stat().st_mode & 0o777 == 0o700
    assert full.stat().st_mode & 0o777 == 0o755


def test_a_second_one_is_told_who_has_it(opens: Opens, folder: Path) -> None:
    opens()
    with pytest.raises(JournalLocked, match=rf"{folder} is written by process {os.getpid()};"):
        opens()


def test_a_journal_that_was_closed_may_be_opened(opens: Opens) -> None:
    opens().close()
    opens()


async def test_a_new_hour_begins_a_new_file(opens: Opens, folder: Path, wall: Wall) -> None:
    journal = opens()
    for number in range(3):
        await journal.synced(put(journal, b"%d" % number))
        wall.at += timedelta(hours=1)
    journal.close()
    assert names(folder) == ["20261122T08Z.sqlite3", "20261122T09Z.sqlite3", "20261122T10Z.sqlite3"]
    assert told(folder) == [(1, b"0"), (2, b"1"), (3, b"2")]


async def test_a_clock_that_steps_back_leaves_the_order_as_it_is(opens: Opens, folder: Path, wall: Wall) -> None:
    journal = opens()
    await journal.synced(put(journal, b"one"))
    wall.at -= timedelta(days=2)
    await journal.synced(put(journal, b"two"))
    journal.close()
    assert names(folder) == ["20261122T08Z.sqlite3"]
    reopened = opens(boot_id="boot-b")
    await reopened.synced(put(reopened, b"three"))
    assert told(folder) == [(1, b"one"), (2, b"two"), (3, b"three")]


async def test_marks_are_there_after_a_restart_and_in_every_file(opens: Opens, folder: Path, wall: Wall) -> None:
    journal = opens()
    assert journal.marks() == {}
    journal.mark("place", b"\x00\xff")
    journal.mark("needed_from", b"1")
    await journal.synced(put(journal, b"one"))
    journal.mark("needed_from", b"2")
    assert journal.marks() == {}
    wall.at += timedelta(hours=1)
    await journal.synced(put(journal, b"two"))
    journal.close()
    assert len(names(folder)) == 2
    again = opens()
    assert again.marks() == {"place": b"\x00\xff", "needed_from": b"2"}


async def test_a_mark_alone_is_kept(opens: Opens) -> None:
    journal = opens()
    journal.mark("place", b"here")
    journal.close()
    again = opens()
    assert again.marks() == {"place": b"here"}
    assert again.position == 0


async def test_a_mark_that_cannot_be_kept_ends_nothing_and_the_old_one_stays(opens: Opens) -> None:
    journal = opens()
    journal.mark("place", b"here")
    with structlog.testing.capture_logs() as said:
        for _ in range(3):
            journal.mark("place", bytes(MAX_MARK_BYTES + 1))
        for number in range(MAX_MARKS * 2):
            journal.mark(f"m{number}", bytes(MAX_MARK_BYTES))
    assert [line["event"] for line in said if "'place'" in line["reason"]] == ["journal_mark_refused"]
    assert journal.refused_marks >= 3
    journal.close()
    assert opens().marks()["place"] == b"here"


async def test_a_huge_record_and_its_neighbours_come_back(opens: Opens, folder: Path) -> None:
    journal = opens()
    huge = os.urandom(5_000_000)
    await journal.synced(put(journal, b"before", huge, b"after"))
    assert told(folder) == [(1, b"before"), (2, huge), (3, b"after")]


async def test_a_hundred_thousand_records_pass_without_loss(opens: Opens, folder: Path) -> None:
    journal = opens()
    for number in range(100_000):
        journal.append(number % 3, timedelta(microseconds=number), DAYS, b"%d" % number)
    await journal.synced(journal.position)
    assert journal.dropped == 0
    for number, each in enumerate(records(folder)):
        assert (each.position, each.source, each.data) == (number + 1, number % 3, b"%d" % number)
    assert extent(folder).last == 100_000


async def test_a_reader_keeps_up_with_a_writer_through_the_hours(opens: Opens, folder: Path, wall: Wall) -> None:
    journal = opens()
    seen: list[int] = []
    for hour in range(4):
        for _ in range(5):
            await journal.synced(put(journal, *[b"x" * 100] * 50))
            assert journal.durable == journal.position
            seen += positions(folder, since=len(seen) + 1)
            assert len(seen) == journal.durable
        wall.at = START + timedelta(hours=hour + 1)
    assert seen == list(range(1, 1_001))


async def test_a_reader_who_pauses_meets_what_was_written_meanwhile(opens: Opens, folder: Path, wall: Wall) -> None:
    journal = opens()
    await journal.synced(put(journal, b"one"))
    reading = records(folder)
    assert next(reading).data == b"one"
    await journal.synced(put(journal, b"two"))
    wall.at += timedelta(hours=1)
    await journal.synced(put(journal, b"three"))
    assert [each.data for each in reading] == [b"two", b"three"]


async def test_a_reader_in_the_way_at_the_end_of_the_hour_costs_nothing(opens: Opens, folder: Path, wall: Wall) -> None:
    journal = opens()
    await journal.synced(put(journal, b"one"))
    reading = records(folder)
    next(reading)
    wall.at += timedelta(hours=1)
    await journal.synced(put(journal, b"two"))
    assert [each.data for each in reading] == [b"two"]
    journal.close()
    assert told(folder) == [(1, b"one"), (2, b"two")]


async def test_bytes_are_those_on_disk(opens: Opens, folder: Path) -> None:
    journal = opens()
    put(journal, b"x" * 100_000)
    journal.close()
    again = opens()
    put(again, b"one")
    again.close()
    assert 100_000 < again.bytes <= sum(path.stat().st_size for path in folder.iterdir()) + 10**6


async def test_a_wiped_folder_is_another_life(opens: Opens, folder: Path, tmp_path: Path) -> None:
    first = opens()
    put(first, b"one")
    first.close()
    folder.rename(tmp_path / "old")
    second = opens()
    assert second.life != first.life
    assert second.position == 0


def test_the_thread_ends_with_the_journal(opens: Opens) -> None:
    journal = opens()
    assert "journal" in {thread.name for thread in threading.enumerate()}
    journal.close()
    assert "journal" not in {thread.name for thread in threading.enumerate()}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, wall: Wall) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Journal.open(tmp_path / "file" / "pbx1", wall=wall)
