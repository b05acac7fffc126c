"""One screen that is open, and what it still has to be told.

For each call at most one message waits, which is written when the connection takes it: whoever reads slowly gets fewer
and newer messages, and keeps nobody waiting.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from telephony.screenpop import messages
from telephony.screenpop.board import Change, Popped
from telephony.screenpop.messages import BadMessage, Do, Writer
from telephony.screenpop.pop import Phase, Shown

ACKNOWLEDGED_WITHIN = 10.0
"""Seconds after which a message counts as never painted."""
MAX_UNSEEN = 64
"""Deliveries of one screen that wait for their acknowledgement."""
MAX_DID = 32
"""Answers to wishes that one screen has not taken."""
MAX_GONE = 256
"""Ends that one screen has not been told of; a screen with more is closed, to start anew."""


class Measured(Protocol):
    """Who counts: `telephony.metrics`.

    A delivery is one phone of an agent beginning to ring, told to one of his screens. Each ends in `popped` or in
    `dropped` exactly once, with one of these reasons:

    no_screen: the phone rang, and its agent had no screen open (counted once, there being no screen).
    superseded: before the connection took the message the ringing was over.
    unacknowledged: the connection took it, and the screen did not say within 10 s that it was painted.
    slow: the screen was closed because its connection took nothing for too long.
    closed: the screen went away (reload, network, taken over, our own stop) before it said so.
    """

    def screen_opened(self) -> None:
        """One more screen is signed in."""
        ...

    def screen_closed(self) -> None:
        """One less."""
        ...

    def popped(self, seconds: float, /) -> None:
        """From the event to the acknowledgement that it is painted."""
        ...

    def dropped(self, reason: str, /) -> None:
        """A delivery came to nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Bye:
    """The connection is to be closed: why, in a word, and with which WebSocket close code."""

    reason: str
    code: int


RESTART = Bye("restart", 1012)
TAKEN_OVER = Bye("too_many", 4429)
BEHIND = Bye("slow", 1013)


@dataclass(frozen=True, slots=True)
class _Sent:
    call: UUID
    event: float
    at: float


@dataclass(eq=False)
class Screen:
    """One signed-in connection. Made by `Hub.open`; its connection calls `take` and `seen`, and `Hub.close` at the end.

    Attributes:
        desk: whose it is.
        bye: why it is to be closed; None while it is not. left: set once there is one.
        describe: writes what its agent does now; None: nobody tells. wished: is told what he wants done.
    """

    desk: str
    writer: Writer
    clock: Callable[[], float]
    measured: Measured
    bye: Bye | None = None
    left: asyncio.Event = field(default_factory=asyncio.Event)
    describe: Callable[[], str] | None = None
    wished: Callable[[Do], None] | None = None
    _describes: bool = False
    _did: list[str] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _welcome: Callable[[], str] | None = None
    _up: bool | None = None
    _gone: dict[UUID, None] = field(default_factory=dict)
    _calls: dict[UUID, Shown] = field(default_factory=dict)
    _earlier: dict[UUID, Shown] = field(default_factory=dict)
    _began: dict[UUID, float] = field(default_factory=dict)
    _unseen: dict[int, _Sent] = field(default_factory=dict)
    _seq: int = 0

    async def take(self) -> str | Bye:
        """The next message, as of now; waits until there is one. After a `Bye` there is none."""
        while True:
            if self.bye is not None:
                return self.bye
            text = self._next()
            if text is not None:
                return text
            self._wake.clear()
            await self._wake.wait()

    def turn(self, _page: int) -> None:
        """A desk has no pages.

        Raises:
            BadMessage: always.
        """
        raise BadMessage("bad_message")

    def do(self, wish: Do) -> None:
        """The agent wants something done.

        Raises:
            BadMessage: here is nobody who could.
        """
        if self.wished is None:
            raise BadMessage("bad_message")
        self.wished(wish)

    def tell_desk(self) -> None:
        """What the agent does has changed: it is written when the connection takes it."""
        self._describes = self.describe is not None
        self._wake.set()

    def tell_did(self, text: str) -> None:
        """What became of a wish. Who does not read that of many is closed, to start anew."""
        self._did.append(text)
        if len(self._did) > MAX_DID:
            self.leave(BEHIND)
        self._wake.set()

    def seen(self, seq: int) -> None:
        """The screen has painted that message; of one that was not awaited nothing is thought."""
        sent = self._unseen.pop(seq, None)
        if sent is not None:
            self.measured.popped(max(0.0, self.clock() - sent.event))

    # --- for the hub ---

    def greet(self, welcome: Callable[[], str]) -> None:
        """Before all else, everything as it is when the connection takes it."""
        self._welcome = welcome
        self._wake.set()

    def show(self, change: Change, event: float) -> None:
        """A pop came, changed or went."""
        if isinstance(change, Popped):
            call = change.shown.pop.call
            if change.shown.pop.phase is not Phase.RINGING or change.began:
                self._supersede(call)
            if change.began:
                self._began[call] = event
            self._gone.pop(call, None)
            self._earlier.pop(call, None)
            self._calls[call] = change.shown
        else:
            call = change.call
            self._supersede(call)
            self._earlier.pop(call, None)
            self._calls.pop(call, None)
            self._gone[call] = None
            if len(self._gone) > MAX_GONE:
                self.leave(BEHIND)
        self._wake.set()

    def tell(self, shown: Shown) -> None:
        """What has been found out about a caller."""
        waiting = self._calls if shown.pop.call in self._calls else self._earlier
        waiting[shown.pop.call] = shown
        self._wake.set()

    def tell_up(self, *, up: bool) -> None:
        """Whether anything is known about calls."""
        self._up = up
        self._wake.set()

    def leave(self, bye: Bye) -> None:
        """The connection is to be closed. The first reason counts."""
        self.bye = self.bye or bye
        self.left.set()
        self._wake.set()

    def expire(self, now: float) -> None:
        """What has not been acknowledged for too long never will be."""
        for seq in [seq for seq, sent in self._unseen.items() if now - sent.at >= ACKNOWLEDGED_WITHIN]:
            self._give_up(seq)

    def end(self, reason: str) -> None:
        """The connection is gone: nothing more is delivered."""
        for _ in range(len(self._began) + len(self._unseen)):
            self.measured.dropped(reason)
        self._began.clear()
        self._unseen.clear()

    def _supersede(self, call: UUID) -> None:
        if self._began.pop(call, None) is not None:
            self.measured.dropped("superseded")

    def _give_up(self, seq: int) -> None:
        del self._unseen[seq]
        self.measured.dropped("unacknowledged")

    def _next(self) -> str | None:
        """The most urgent message: what rings comes before what was found out about it."""
        if self._welcome is not None:
            return self._welcomed(self._welcome)
        if self._up is not None:
            up, self._up = self._up, None
            return messages.pbx(up=up)
        if self._gone:
            call = next(iter(self._gone))
            del self._gone[call]
            return messages.gone(call)
        if self._calls:
            call = next(iter(self._calls))
            return self._call(call, self._calls.pop(call))
        return self._beside()

    def _beside(self) -> str | None:
        """What is not of a call that rings."""
        if self._did:
            return self._did.pop(0)
        if self._describes and self.describe is not None:
            self._describes = False
            return self.describe()
        if self._earlier:
            return self.writer.earlier(self._earlier.pop(next(iter(self._earlier))))
        return None

    def _welcomed(self, welcome: Callable[[], str]) -> str:
        """It tells everything, so nothing else waits; but what has begun since is also told, to be acknowledged."""
        self._welcome = self._up = None
        self._gone.clear()
        self._earlier.clear()
        self._calls = {call: shown for call, shown in self._calls.items() if call in self._began}
        return welcome()

    def _call(self, call: UUID, shown: Shown) -> str:
        self._seq += 1
        event = self._began.pop(call, None)
        if event is not None:
            if len(self._unseen) >= MAX_UNSEEN:
                self._give_up(next(iter(self._unseen)))
            self._unseen[self._seq] = _Sent(call, event, self.clock())
        return self.writer.call(self._seq, shown, timedelta(seconds=self.clock()))
