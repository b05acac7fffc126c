"""A thread for what may hang: the event loop goes on, and so does the end of the process."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Aside:
    """Does one thing after the other, in a thread that nobody waits for at the end.

    The executor of the event loop would be waited for, and a few hanging disks would use all its threads up.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        Thread(target=self._run, name=name, daemon=True).start()

    def do(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """What it gives or raises, when it is its turn; cancelled, it is done all the same. Called in the loop."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - handed on to whoever waits
                tell(loop, done.set_exception, error, done)
            else:
                tell(loop, done.set_result, result, done)

        self._work.put(run)
        return done

    def end(self, last: Callable[[], None]) -> None:
        """Do this behind all that was begun, and end. Nobody waits for it."""
        self._work.put(last)
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def tell(
    loop: asyncio.AbstractEventLoop, how: Callable[[Any], None], what: object, done: "asyncio.Future[Any]"
) -> None:
    """Let the loop set a future, unless nobody waits for it any more."""

    def deliver() -> None:
        if not done.done():
            how(what)

    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(deliver)
