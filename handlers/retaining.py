"""Forgets calls when their time is over, once an hour, for as long as the service runs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from handlers.database import AWAY, trouble
from telephony.cases.retention import DOUBT, ClockDoubted

EVERY = 3600.0
"""Seconds. What is an hour older than it may be harms nobody."""
SOON = 300.0
"""Seconds after the start, when there is better to do."""
log = structlog.get_logger(__name__)


async def retain(  # noqa: PLR0913, PLR0917 - the last ones have defaults
    keep: timedelta,
    forget: Callable[[timedelta, datetime], Awaitable[int]],
    now: Callable[[], datetime],
    counted: Callable[[int], None],
    passed: Callable[[], timedelta] = lambda: timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME)),
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Forget what is older than `keep`, until cancelled; nothing if that is no time at all.

    Args:
        keep: so long calls are kept after they arrived; zero: for ever.
        forget: deletes those that are older at that time; gives how many. Raises ClockDoubted when that cannot be.
        now: the wall clock.
        counted: is told how many were deleted.
        passed: a clock that nobody sets, and that goes on while the machine sleeps.
        pause: waits so many seconds; handed in so that tests need no time.
    """
    if not keep:
        return
    began = now() - passed()
    await pause(SOON)
    while True:
        try:
            believed(now() - passed() - began)
            counted(await forget(keep, now()))
        except ClockDoubted as doubt:
            log.warning("calls_not_forgotten", error=str(doubt))
        except AWAY as error:
            log.warning("calls_not_forgotten", error=trouble(error), remedy="none: tried again in an hour")
        except Exception:  # whatever it is, the PBXs are measured
            log.exception("calls_not_forgotten")
        await pause(EVERY)


def believed(step: timedelta) -> None:
    """The wall clock has been set by so much since we began.

    Raises:
        ClockDoubted: so far ahead that nothing may be deleted by it.
    """
    if step > DOUBT:
        what = f"our clock was set {step.days} days ahead: nothing is deleted"
        raise ClockDoubted(f"{what}; set it right, or restart this service if it is right now")
