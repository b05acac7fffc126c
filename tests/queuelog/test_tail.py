"""Following the file while others write it: told, counted, and never waited for."""

import asyncio
import gc
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import structlog

from telephony.queuelog.place import Piece, Place, start_of
from telephony.queuelog.tail import QueueLogTail


def left(number: int) -> bytes:
    return b"1700000000|pbx1-1700000000.%d|support|NONE|ABANDON|1|1|2\n" % number


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as log:
        log.write(data)


class Told:
    """What the tail told, to be waited for."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.places: list[Place] = []
        self._more = asyncio.Event()

    def __call__(self, piece: Piece) -> None:
        self.lines += piece.lines
        self.places.append(piece.after)
        self._more.set()

    async def until(self, lines: int, places: int = 0) -> None:
        async with asyncio.timeout(5):
            while len(self.lines) < lines or len(self.places) < places:
                self._more.clear()
                await self._more.wait()


async def test_it_tells_lines_counts_them_and_warns_once_of_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    told = Told()
    follower = QueueLogTail(path, lambda: timedelta(seconds=7), timedelta(milliseconds=1))
    with structlog.testing.capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(follower.run(told))
            async with asyncio.timeout(5):
                while follower.readable:
                    await asyncio.sleep(0)
            append(path, b"nonsense\n1700000000|NONE|NONE|NONE|QUEUESTART|\n" + left(1))
            await told.until(3)
            path.rename(path.with_suffix(".1"))
            append(path, b"more nonsense\n" + left(2))
            await told.until(5)
            running.cancel()
    assert told.lines[-1] == left(2)[:-1]
    assert follower.read_at == timedelta(seconds=7)
    assert (follower.lines, follower.quarantined, follower.rotations, follower.readable) == (5, 2, 1, True)
    assert (follower.gaps, follower.lost_bytes) == (0, 0)
    names = [log["event"] for log in logs]
    assert names == ["queue_log_unreadable", "queue_log_readable", "queue_log_line_quarantined"]


async def test_where_reading_begins_is_told_and_another_process_goes_on_from_there(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    append(path, left(1))
    first, second = Told(), Told()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(QueueLogTail(path, timedelta, timedelta(milliseconds=1)).run(first))
        await first.until(0, places=1)
        running.cancel()
    append(path, left(2))
    start = Place.load(first.places[0].dump())
    async with asyncio.TaskGroup() as tasks:
        tail = QueueLogTail(path, timedelta, timedelta(milliseconds=1), start)
        running = tasks.create_task(tail.run(second))
        await second.until(1)
        running.cancel()
    assert (first.lines, second.lines) == ([], [left(2)[:-1]])


class Hanging(QueueLogTail):
    """On a disk that answers when it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, timedelta, timedelta(milliseconds=1), hangs_after=0.01)
        self.answers = threading.Event()

    def _read(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as above
        self.answers.wait(5)
        return super()._read()


async def test_a_hanging_disk_is_told_and_holds_nobody(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    append(path, left(1))
    tail, told = Hanging(path), Told()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tail.run(told))
        async with asyncio.timeout(5):
            while tail.readable:
                await asyncio.sleep(0)
        tail.answers.set()
        await told.until(0, places=1)
        assert tail.readable
        tail.answers.clear()
        running.cancel()  # and the group waits for it, but not for the disk
    tail.answers.set()


async def test_what_a_disk_says_after_the_end_disturbs_nobody(tmp_path: Path) -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    tail = Hanging(tmp_path / "missing")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tail.run(Told()))
        async with asyncio.timeout(5):
            while tail.readable:
                await asyncio.sleep(0)
        running.cancel()
    tail.answers.set()
    async with asyncio.timeout(5):
        while any(thread.name == "queue_log" for thread in threading.enumerate()):
            await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    gc.collect()
    assert complaints == []


async def test_it_goes_on_at_a_place_that_is_known_only_when_the_journal_was_read(tmp_path: Path) -> None:
    path, told = tmp_path / "queue_log", Told()
    append(path, left(1) + left(2) + left(3))
    tail = QueueLogTail(path, timedelta, timedelta(milliseconds=1))
    tail.begin_at(replace(start_of(left(1)), offset=len(left(1) + left(2))))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tail.run(told))
        await told.until(1)
        append(path, left(4))
        await told.until(2)
        running.cancel()
    assert told.lines == [left(3).rstrip(), left(4).rstrip()]
