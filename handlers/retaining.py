"""Forgets calls when their time is over, once an hour, for as long as the service runs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from handlers.database import AWAY, trouble

EVERY = 3600.0
"""Seconds. What is an hour older than it may be harms nobody."""
SOON = 300.0
"""Seconds after the start, when there is better to do."""
log = structlog.get_logger(__name__)


async def retain(
    keep: timedelta,
    forget: Callable[[datetime], Awaitable[int]],
    now: Callable[[], datetime],
    counted: Callable[[int], None],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Forget what is older than `keep`, until cancelled; nothing if that is no time at all.

    Args:
        keep: so long calls are kept after they arrived; zero: for ever.
        forget: deletes those that arrived before; gives how many.
        now: the wall clock.
        counted: is told how many were deleted.
        pause: waits so many seconds; handed in so that tests need no time.
    """
    if not keep:
        return
    await pause(SOON)
    while True:
        try:
            counted(await forget(now() - keep))
        except AWAY as error:
            log.warning("calls_not_forgotten", error=trouble(error), remedy="none: tried again in an hour")
        except Exception:  # whatever it is, the PBXs are measured
            log.exception("calls_not_forgotten")
        await pause(EVERY)
