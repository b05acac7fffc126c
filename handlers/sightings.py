"""Whose call a channel is, for those whom the PBX asks while its AMI may still be a moment behind."""

import asyncio
from collections.abc import Callable

from telephony.calls.facts import Uniqueid
from telephony.calls.record import Standing


class Sightings:
    """Who waits until AMI has told of a channel. As many wait as requests are being answered; each has its limit.

    Args:
        standing: what is known of a channel now: `Tracker.standing`.
    """

    def __init__(self, standing: Callable[[Uniqueid], Standing | None]) -> None:
        self._standing = standing
        self._sought: dict[Uniqueid, list[asyncio.Future[None]]] = {}

    async def of(self, uniqueid: Uniqueid, limit: float) -> Standing | None:
        """The call of a channel, as soon as it is known and within `limit` seconds; else None."""
        found = self._standing(uniqueid)
        if found is not None or limit <= 0:
            return found
        seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sought.setdefault(uniqueid, []).append(seen)
        try:
            async with asyncio.timeout(limit):
                await seen
        except TimeoutError:
            return None
        finally:
            self._leave(uniqueid, seen)
        return self._standing(uniqueid)

    def look(self) -> None:
        """Something was learnt: tell those who waited for it."""
        for uniqueid in [one for one in self._sought if self._standing(one) is not None]:
            for seen in self._sought.pop(uniqueid):
                if not seen.done():
                    seen.set_result(None)

    def _leave(self, uniqueid: Uniqueid, seen: asyncio.Future[None]) -> None:
        waiting = self._sought.get(uniqueid)
        if waiting is not None and seen in waiting:
            waiting.remove(seen)
            if not waiting:
                del self._sought[uniqueid]
