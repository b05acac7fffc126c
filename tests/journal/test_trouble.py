"""Disks that fail: the service goes on, says so, counts what is lost, and comes back by itself."""

import asyncio
import errno
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from telephony.journal.disk import Disk, Limits
from telephony.journal.failures import told
from telephony.journal.folder import Held, JournalLocked, hold
from telephony.journal.reader import records
from telephony.journal.sheet import Group
from telephony.journal.writer import Journal
from tests.bench.workers import ROOT
from tests.journal.shelf import Opens, Wall, positions, put
from tests.support import disks
from tests.support.disks import fill
from tests.support.users import as_somebody, folder_for_all


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disks.small_disk(tmp_path / "disk") as disk:
        yield disk


async def well_again(journal: Journal) -> None:
    async with asyncio.timeout(60):
        while journal.failing or journal.durable < journal.position:
            await asyncio.sleep(0.01)


async def test_a_full_disk_is_told_and_survived(small_disk: Path, opens: Opens) -> None:
    folder = small_disk / "pbx1"
    journal = opens(folder, max_waiting_bytes=500_000)
    await journal.synced(put(journal, b"before"))
    filler = fill(small_disk)
    await journal.synced(put(journal, b"x" * 200_000))
    assert journal.failing == (
        f"the journal in {folder} cannot be written: the disk is full; make room, or keep less of the journal"
    )
    assert journal.oldest_waiting is not None
    assert journal.durable == 1
    last = put(journal, *[b"y" * 10_000] * 100)
    assert 0 < journal.dropped < 100
    await journal.synced(last)  # at once
    filler.unlink()
    await well_again(journal)
    await journal.synced(put(journal, b"after"))
    assert journal.failing == ""
    found = list(records(folder))
    assert [each.position for each in found][:2] == [1, 2]
    assert found[-1].data == b"after"
    assert len(found) == journal.position - journal.dropped


async def test_a_journal_opens_on_a_full_disk_and_writes_when_there_is_room(small_disk: Path, opens: Opens) -> None:
    folder = small_disk / "pbx1"
    first = opens(folder)
    put(first, b"one")
    first.close()
    filler = fill(small_disk)
    second = opens(folder)
    await second.synced(put(second, b"x" * 100_000))
    assert "full" in second.failing
    assert len(list(folder.glob("*.fresh*"))) == 0
    filler.unlink()
    await well_again(second)
    assert positions(folder)[0] == 1
    assert len(positions(folder)) == 2


async def test_closed_on_a_full_disk_it_counts_what_it_gave_up(small_disk: Path, opens: Opens) -> None:
    folder = small_disk / "pbx1"
    journal = opens(folder)
    await journal.synced(put(journal, b"one"))
    filler = fill(small_disk)
    last = put(journal, b"x" * 100_000, b"x" * 100_000)
    await journal.synced(last)
    journal.close()
    assert journal.dropped == 2
    filler.unlink()
    again = opens(folder)
    assert again.position >= last


def test_a_disk_that_takes_no_more_for_a_while(tmp_path: Path) -> None:
    folder = tmp_path / "pbx1"
    child = subprocess.run(
        [sys.executable, "-m", "tests.journal.limited", folder], cwd=ROOT, capture_output=True, timeout=120, check=True
    )
    found = json.loads(child.stdout.splitlines()[-1])
    assert (found["before"], found["after"]) == ("", "")
    assert f"the journal in {folder} cannot be written" in found["during"]
    assert 0 < found["dropped"] < 400
    assert found["files"] <= 2
    there = positions(folder)
    assert there[:5] == [1, 2, 3, 4, 5]
    assert there[-1] == found["position"] == 407
    assert len(there) == 407 - found["dropped"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full; make room"),
        (OSError(errno.EROFS, "Read-only file system"), "it may not be written; see whose it is"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error; see the kernel's log"),
        (TimeoutError(), "the disk does not answer; see"),
        (sqlite3.OperationalError("disk I/O\nerror"), "disk I/O error; see"),
        (OSError(), "OSError; see"),
    ],
)
def test_whatever_fails_is_one_line_with_a_remedy(error: OSError | sqlite3.Error, said: str) -> None:
    line = told(Path("/var/lib/journal"), error)
    assert line.startswith("the journal in /var/lib/journal cannot be written: ")
    assert said in line
    assert "\n" not in line


class OddDisk(Disk):
    """One that does what a test wants before it writes."""

    def __init__(self, held: Held, wall: Wall) -> None:
        super().__init__(held, "boot-a", Limits(timedelta(days=7), 2**30), wall, {})
        self.before: Callable[[], object] = lambda: None

    def write(self, groups: list[Group], marks: Mapping[str, bytes], position: int) -> None:
        self.before()
        super().write(groups, marks, position)


@pytest.fixture
def odd(held: Held, wall: Wall) -> Iterator[tuple[Journal, OddDisk]]:
    disk = OddDisk(held, wall)
    journal = Journal(held, disk, 0, 10**6)
    journal.start()
    yield journal, disk
    journal.close()


async def test_nobody_waits_for_a_disk_that_does_not_answer(held: Held, wall: Wall, folder: Path) -> None:
    disk = OddDisk(held, wall)
    journal = Journal(held, disk, 0, 10**6, patience=timedelta(milliseconds=50))
    journal.start()
    answers = Event()
    disk.before = answers.wait
    await journal.synced(put(journal, b"one"))
    assert journal.durable == 0
    assert journal.failing == (
        f"the journal in {folder} cannot be written: the disk does not answer; see the kernel's log"
    )
    await journal.synced(put(journal, b"two"))
    answers.set()
    await well_again(journal)
    put(journal, b"three")
    journal.close()
    assert positions(folder) == [1, 2, 3]
    assert journal.dropped == 0


async def test_a_fault_of_ours_costs_a_group_and_not_the_journal(odd: tuple[Journal, OddDisk], folder: Path) -> None:
    journal, disk = odd

    def fault() -> None:
        disk.before = lambda: None
        raise RuntimeError("not foreseen")

    disk.before = fault
    await journal.synced(put(journal, b"one"))
    await journal.synced(put(journal, b"two"))
    assert positions(folder) == [2]
    assert journal.dropped == 1
    assert journal.failing == ""


async def test_a_disk_that_hangs_at_the_end_keeps_the_folder(held: Held, wall: Wall, folder: Path) -> None:
    disk = OddDisk(held, wall)
    journal = Journal(held, disk, 0, 10**6)
    journal.start()
    answers = Event()
    disk.before = answers.wait
    put(journal, b"one")
    journal.close(limit=0.01)
    with pytest.raises(JournalLocked):
        hold(folder)
    answers.set()
    journal.close()
    hold(folder).release()
    assert positions(folder) == [1]


async def test_what_failed_once_is_tried_again_with_its_marks(odd: tuple[Journal, OddDisk], folder: Path) -> None:
    journal, disk = odd
    tries = iter([OSError(errno.EIO, "Input/output error"), None])

    def broken_once() -> None:
        if (error := next(tries, None)) is not None:
            raise error

    disk.before = broken_once
    journal.mark("place", b"here")
    await journal.synced(put(journal, b"one"))
    await well_again(journal)
    assert disk.marks == {"place": b"here"}
    assert positions(folder) == [1]


async def test_a_folder_that_became_read_only_is_told(opens: Opens, wall: Wall) -> None:
    with folder_for_all() as place:
        place.chmod(0o777)
        with as_somebody():
            journal = opens(place / "pbx1")
            await journal.synced(put(journal, b"one"))
            (place / "pbx1").chmod(0o500)
            wall.at = wall.at.replace(hour=9)
            await journal.synced(put(journal, b"two"))
            assert "may not be written" in journal.failing
            (place / "pbx1").chmod(0o700)
            await well_again(journal)
            assert positions(place / "pbx1") == [1, 2]
            journal.close()
