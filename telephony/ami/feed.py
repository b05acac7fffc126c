"""The one ordered stream from the line's reader to the follower: bounded, told when cut, never silently thinned."""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from telephony.ami.codec import Message, Quarantined


@dataclass(frozen=True, slots=True)
class Batch:
    """What came in one read, in its order: events, answers to requests, entries of listings, quarantined messages.

    Attributes:
        mono: our monotonic clock when it was read.
        offset: what to add to `mono` for the PBX's time since 1970 (`translate.moment` wants it).
        items: at least one.
    """

    mono: timedelta
    offset: timedelta
    items: list[Message | Quarantined]


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Logged in. Events follow, FullyBooted first if the PBX is up; requests may be sent from now on.

    `version` is that of the manager interface, such as 11.0.0.
    """

    mono: timedelta
    offset: timedelta
    version: str


@dataclass(frozen=True, slots=True)
class LinkDown:
    """Nothing more comes until the next `LinkUp`; requests that are not completed never will be.

    Comes exactly once after each `LinkUp`.
    """

    mono: timedelta
    offset: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class RequestExpired:
    """A request was not completed in time. What still comes for it is quarantined."""

    mono: timedelta
    offset: timedelta
    action_id: str


Entry = Batch | LinkUp | LinkDown | RequestExpired


class Feed:
    """The hand-over buffer: one writer (the line's reader), one reader (the follower), both in one event loop.

    Attributes:
        waiting: messages that wait for the follower.
        most: how many may.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.waiting = 0
        self._entries: deque[Entry] = deque()
        self._more = asyncio.Event()
        self._low = asyncio.Event()
        self._low.set()

    def put(self, batch: Batch) -> bool:
        """Append a batch; False when it does not fit any more, and then nothing was appended."""
        if self.waiting + len(batch.items) > self.most:
            self._low.clear()
            return False
        self.waiting += len(batch.items)
        self._append(batch)
        return True

    def tell(self, entry: LinkUp | LinkDown | RequestExpired) -> None:
        """Append what must be told in any case. The owner of the line makes few of them."""
        self._append(entry)

    async def take(self, most: int = 1000) -> list[Entry]:
        """Wait for entries and take them, about `most` messages at a time (no batch is divided).

        Lets the event loop read the socket first, always: a follower that never waits must not leave it unread.
        """
        await asyncio.sleep(0)
        while not self._entries:
            self._more.clear()
            await self._more.wait()
        taken: list[Entry] = []
        count = 0
        while self._entries and count < most:
            entry = self._entries.popleft()
            taken.append(entry)
            count += len(entry.items) if isinstance(entry, Batch) else 1
            if isinstance(entry, Batch):
                self.waiting -= len(entry.items)
        if self.waiting <= self.most // 2:
            self._low.set()
        return taken

    async def until_low(self) -> None:
        """Once it was full: wait until no more than half of it waits. To reconnect earlier would only fill it again."""
        await self._low.wait()

    def _append(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._more.set()
