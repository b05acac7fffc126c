"""What a host's process writes: a little is told, the end is kept, and a flood is no concern of anybody else."""

import asyncio
import contextlib
import os
from collections.abc import Iterator

from telephony.agi.hoststderr import MAX_KEPT, MAX_LINE, MOST_TOLD, PAUSE, READS, HostStderr
from tests.agi.pools import until

PIPE = 65_536


@contextlib.contextmanager
def reading() -> Iterator[tuple[HostStderr, int, list[str]]]:
    told: list[str] = []
    stderr = HostStderr(told.append)
    end = os.dup(stderr.open())
    os.set_blocking(end, False)
    try:
        stderr.given()
        yield stderr, end, told
    finally:
        os.close(end)
        stderr.close()


async def test_the_first_lines_are_told_and_the_last_ones_kept() -> None:
    with reading() as (stderr, end, told):
        for number in range(200):
            os.write(end, f"line {number}\n".encode())
        os.write(end, b"cut")
        await until(lambda: stderr.last == "line 199")
        assert told == [f"line {number}" for number in range(MOST_TOLD)]
        assert list(stderr.lines) == [f"line {number}" for number in range(200 - MAX_KEPT, 200)]
        os.write(end, b" short\n")
        await until(lambda: stderr.last == "cut short")


async def test_lines_are_cut_and_empty_ones_are_not_told() -> None:
    with reading() as (stderr, end, told):
        os.write(end, b"\n \n" + b"x" * 2 * MAX_LINE + b"\nlast\n")
        await until(lambda: stderr.last == "last")
        assert told == ["x" * MAX_LINE, "last"]


async def test_hushed_it_tells_nothing_and_keeps_all_the_same() -> None:
    with reading() as (stderr, end, told):
        stderr.hush()
        os.write(end, b"where\n")
        await until(lambda: stderr.last == "where")
        assert told == []


async def test_a_flood_is_read_for_a_part_of_each_beat_only() -> None:
    with reading() as (stderr, end, _):
        loop, written = asyncio.get_running_loop(), 0
        began = loop.time()
        while loop.time() - began < 5 * PAUSE:
            with contextlib.suppress(BlockingIOError):
                written += os.write(end, b"\n" * PIPE)
            await asyncio.sleep(0)
        beats = (loop.time() - began) / PAUSE + 1
        assert written <= (READS * beats + 1) * PIPE
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(end, b"\n")
        await asyncio.sleep(2 * PAUSE)
        os.write(end, b"after all\n")
        await until(lambda: stderr.last == "after all")


async def test_closed_amid_a_flood_it_reads_no_more() -> None:
    with reading() as (stderr, end, _):
        for _ in range(2 * READS):
            with contextlib.suppress(BlockingIOError):
                os.write(end, b"x" * PIPE)
            await asyncio.sleep(0)
        stderr.close()
        assert stderr.closed
        await asyncio.sleep(2 * PAUSE)
        stderr.read()
