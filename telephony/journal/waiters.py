"""Coroutines that wait for a thread: told together, each in its own event loop."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from threading import Lock


class Waiters:
    """Whoever waits for a position.

    Args:
        is_over: whether nobody waits for this position any more; asked in any thread.
    """

    def __init__(self, is_over: Callable[[int], bool]) -> None:
        self._is_over = is_over
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._lock = Lock()

    def add(self, position: int) -> asyncio.Future[None] | None:
        """Done once it is over, after somebody said `release`; None when it is over already."""
        future = asyncio.get_running_loop().create_future()
        with self._lock:  # or it could be over between the question and the entry
            if self._is_over(position):
                return None
            self._waiting.append((position, future))
        return future

    def release(self) -> None:
        """Tell all for whom it is over. From any thread."""
        due: defaultdict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = defaultdict(list)
        with self._lock:
            waiting, self._waiting = self._waiting, []
            for position, future in waiting:
                if self._is_over(position):
                    due[future.get_loop()].append(future)
                else:
                    self._waiting.append((position, future))
        for loop, futures in due.items():
            with suppress(RuntimeError):  # that loop is closed, and nobody waits in it
                loop.call_soon_threadsafe(_tell, futures)


def _tell(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
