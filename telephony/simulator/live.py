"""A timeline that keeps up with a clock."""

import asyncio
from collections.abc import Callable

from telephony.simulator.timeline import SECOND, Timeline

LONGEST = 1.0
"""Seconds; the clock is looked at at least so often."""


class Live:
    """Runs a timeline by a clock.

    Args:
        timeline: begun at an instant of this clock.
        clock: microseconds since 1970; never goes back.
    """

    def __init__(self, timeline: Timeline, clock: Callable[[], int]) -> None:
        self.timeline, self._clock = timeline, clock
        self._changed = asyncio.Event()

    def catch_up(self) -> None:
        """Let everything happen that is due by now. Before somebody asks, or something comes in from outside."""
        self.timeline.advance(self._clock())

    def poke(self) -> None:
        """Something was put into the timeline from outside."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.catch_up()
            due = self.timeline.next
            left = LONGEST if due is None else min((due - self._clock()) / SECOND, LONGEST)
            self._changed.clear()
            try:
                async with asyncio.timeout(max(left, 0)):
                    await self._changed.wait()
            except TimeoutError:
                pass
