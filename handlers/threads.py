"""Runs what may hang (a file on a dead network share) so that only it does."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def within(seconds: float | None, work: Callable[[], T], late: Callable[[T], object] | None = None) -> T:
    """What `work` gives or raises, in a thread of its own that nobody waits for at the end.

    Args:
        seconds: limit; None: until whoever asks is cancelled.
        work: may hang.
        late: gets what it gives when nobody waits for it any more, in a thread.

    Raises:
        TimeoutError: it takes longer.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: BaseException | None) -> None:
        if done.done():
            _take_away(late, result, error)
        elif error is None:
            done.set_result(result)  # type: ignore[arg-type]  # T may be None itself
        else:
            done.set_exception(error)

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - handed on to whoever waits
            error = raised
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:  # nobody waits any more, and the loop is closed
            _take_away(late, result, error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return await asyncio.wait_for(done, seconds)
    except asyncio.CancelledError:
        if done.done() and not done.cancelled():  # both came at once
            error = done.exception()
            _take_away(late, None if error else done.result(), error)
        raise


def _take_away(late: Callable[[T], object] | None, result: T | None, error: BaseException | None) -> None:
    if late is not None and error is None:
        threading.Thread(target=late, args=(result,), daemon=True).start()
