"""Following the file: from its end on, through half lines, rotations and absences."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from telephony.calls.facts import Fact, QueueResult, QueueResultLogged
from telephony.queuelog.tail import CHUNK, MAX_LINE, QueueLogTail, Reader


def left(number: int) -> bytes:
    return b"1700000000|pbx1-1700000000.%d|support|NONE|ABANDON|1|1|2\n" % number


@pytest.fixture
def reading() -> Iterator[Callable[..., Reader]]:
    """Makes readers, and closes them in the end."""
    with ExitStack() as stack:

        def make(path: Path, chunk: int = CHUNK) -> Reader:
            reader = Reader(path, chunk)
            stack.callback(reader.close)
            return reader

        yield make


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as log:
        log.write(data)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "queue_log"
    path.write_bytes(left(1))
    return path


def test_what_was_there_before_is_not_read(log: Path, reading: Callable[..., Reader]) -> None:
    reader = reading(log)
    assert reader.read() == []
    append(log, left(2) + left(3))
    assert reader.read() == [left(2)[:-1], left(3)[:-1]]
    assert reader.read() == []


def test_a_line_counts_when_its_end_is_written(log: Path, reading: Callable[..., Reader]) -> None:
    reader = reading(log)
    reader.read()
    append(log, left(2)[:20])
    assert reader.read() == []
    append(log, left(2)[20:] + left(3)[:1])
    assert reader.read() == [left(2)[:-1]]
    append(log, left(3)[1:])
    assert reader.read() == [left(3)[:-1]]


def test_half_a_line_at_the_start_is_none(log: Path, reading: Callable[..., Reader]) -> None:
    append(log, left(2)[:20])
    reader = reading(log)
    assert reader.read() == []
    append(log, left(2)[20:] + left(3))
    assert reader.read() == [left(3)[:-1]]


def test_an_empty_file_is_read_from_its_first_line(tmp_path: Path, reading: Callable[..., Reader]) -> None:
    path = tmp_path / "queue_log"
    path.touch()
    reader = reading(path)
    assert reader.read() == []
    append(path, left(1))
    assert reader.read() == [left(1)[:-1]]


def test_a_rotated_file_is_read_to_its_end_and_then_the_new_one_from_its_beginning(
    log: Path, reading: Callable[..., Reader]
) -> None:
    reader = reading(log)
    reader.read()
    old = log.rename(log.with_suffix(".1"))
    append(old, left(2))
    assert reader.read() == [left(2)[:-1]]
    append(old, left(3))  # Asterisk writes into it until it has opened the next
    assert reader.read() == [left(3)[:-1]]
    append(log, left(4))
    assert reader.read() == [left(4)[:-1]]
    assert reader.rotations == 1


def test_a_file_that_was_cut_is_read_from_its_beginning(log: Path, reading: Callable[..., Reader]) -> None:
    reader = reading(log)
    reader.read()
    log.write_bytes(b"")
    assert reader.read() == []
    append(log, left(2))
    assert reader.read() == [left(2)[:-1]]
    assert reader.rotations == 1


def test_a_line_without_end_is_cut_and_what_follows_it_is_read(log: Path, reading: Callable[..., Reader]) -> None:
    reader = reading(log, 5000)
    reader.read()
    append(log, b"x" * 5 * MAX_LINE)
    [cut] = reader.read()
    assert len(cut) == MAX_LINE
    assert reader.read() == []
    append(log, b"x\n" + left(2))
    assert reader.read() == [left(2)[:-1]]


def test_a_file_that_appears_later_is_read_whole(tmp_path: Path, reading: Callable[..., Reader]) -> None:
    reader = reading(tmp_path / "queue_log")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            reader.read()
    append(tmp_path / "queue_log", left(1))
    assert reader.read() == [left(1)[:-1]]
    reader.close()
    reader.close()


class Told:
    """What the tail told, to be waited for."""

    def __init__(self) -> None:
        self.facts: list[QueueResultLogged] = []
        self._more = asyncio.Event()

    def __call__(self, facts: list[Fact]) -> None:
        self.facts += [fact for fact in facts if isinstance(fact, QueueResultLogged)]
        self._more.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.facts) < count:
                self._more.clear()
                await self._more.wait()


async def test_it_tells_facts_counts_the_rest_and_warns_once_of_a_missing_file(tmp_path: Path) -> None:
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
            await told.until(1)
            path.rename(path.with_suffix(".1"))
            append(path, left(2))
            await told.until(2)
            running.cancel()
    assert [fact.result for fact in told.facts] == [QueueResult.ABANDONED] * 2
    assert told.facts[1].at.mono == follower.read_at == timedelta(seconds=7)
    assert (follower.lines, follower.quarantined, follower.rotations, follower.readable) == (4, 1, 1, True)
    names = [log["event"] for log in logs]
    assert names == ["queue_log_unreadable", "queue_log_readable", "queue_log_line_quarantined"]
