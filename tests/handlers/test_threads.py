"""What may hang runs where only it does; and what it gives too late is not lost."""

import asyncio
import threading

import pytest

from handlers.threads import within

LIMIT = 10


async def test_what_comes_when_nobody_waits_any_more_is_handed_to_who_takes_it_away() -> None:
    loop = asyncio.get_running_loop()
    begun, gone, taken = threading.Event(), threading.Event(), asyncio.Event()
    got: list[str] = []

    def work() -> str:
        begun.set()
        gone.wait(LIMIT)
        return "opened"

    def late(result: str) -> None:
        got.append(result)
        loop.call_soon_threadsafe(taken.set)

    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(within(None, work, late))
        while not begun.is_set():
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        gone.set()
        await taken.wait()
    assert got == ["opened"]


async def test_an_error_that_comes_too_late_is_nobodys() -> None:
    begun, gone = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        gone.wait(LIMIT)
        raise OSError

    with pytest.raises(TimeoutError):
        await within(0.01, work, late=lambda _: pytest.fail("it gave nothing"))
    gone.set()


def test_when_the_loop_is_closed_what_comes_is_taken_away_all_the_same() -> None:
    gone, taken = threading.Event(), threading.Event()

    async def asked() -> None:
        with pytest.raises(TimeoutError):
            await within(0.01, lambda: gone.wait(LIMIT), lambda _: taken.set())

    asyncio.run(asked())
    gone.set()
    assert taken.wait(LIMIT)
