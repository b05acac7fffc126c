"""The screens on walls that are open: each is told the newest picture of its branch once a second.

A screen keeps nothing but that: who reads slowly sees fewer. Whatever fails here, the screens hear nothing and say so
themselves; calls are measured all the same.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from handlers.walls.painting import Painted, Painter, Shown
from telephony.logs import Seldom
from telephony.screenpop.messages import BadMessage, Do
from telephony.screenpop.screen import RESTART, Bye
from telephony.standard.wall import EVERY

SCREENS = 500
LOOKED_AFTER = 3.0
"""Seconds between looks whether who opened a screen may still see it."""
FAILURES_TOLD_EVERY = 60.0
SIGNED_OUT = Bye("signed_out", 4401)


class FullError(Exception):
    """As many screens are open as there may be."""


class Measured(Protocol):
    """Who counts: `telephony.metrics`."""

    def wall_opened(self) -> None:
        """One more screen is open."""
        ...

    def wall_closed(self, reason: str, /) -> None:
        """One less: `closed`, or `slow`."""
        ...


@dataclass(eq=False, slots=True)
class WallScreen:
    """One screen that is open; its connection calls `take`, and `Walls.close` at the end.

    Attributes:
        branch: that it shows; None: all. page: of its queues and lines.
        welcome: what it is told first.
        allowed: whether who opened it may still see it.
        bye: why it is to be closed; None while it is not. left: set once there is one.
    """

    branch: str | None
    welcome: str | None
    allowed: Callable[[], bool]
    bye: Bye | None = None
    left: asyncio.Event = field(default_factory=asyncio.Event)
    page: int = 0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _painted: Painted | None = None
    _drawn: int = 0

    async def take(self) -> str | Bye:
        """The next message, as of now; waits until there is one. After a `Bye` there is none."""
        while True:
            if self.bye is not None:
                return self.bye
            if self.welcome is not None:
                welcome, self.welcome = self.welcome, None
                return welcome
            if self._painted is not None:
                painted, self._painted = self._painted, None
                return self._written(painted)
            self._wake.clear()
            await self._wake.wait()

    def seen(self, _seq: int) -> None:
        """Nothing is asked of who looks."""

    def turn(self, page: int) -> None:
        """From the next second on this page is shown."""
        self.page = page

    def do(self, _wish: Do) -> None:
        """A wall does nothing.

        Raises:
            BadMessage: always.
        """
        raise BadMessage("bad_message")

    def show(self, painted: Painted) -> None:
        """The newest picture; one that was not taken yet is none any more."""
        self._painted = painted
        self._wake.set()

    def leave(self, bye: Bye) -> None:
        """The connection is to be closed. The first reason counts."""
        self.bye = self.bye or bye
        self.left.set()
        self._wake.set()

    def _written(self, painted: Painted) -> str:
        if painted.drawn == self._drawn:
            return f'{{"type":"picture","now":{painted.now}}}'
        self._drawn = painted.drawn
        return f'{{"type":"picture","now":{painted.now},"lines":{painted.lines}}}'


class Walls:
    """All screens on walls. Everything but `run` returns at once.

    Args:
        painter: makes the pictures.
        measured: who counts.
        clock: monotonic seconds.
        most: so many screens at once.
        every: seconds between pictures.
    """

    def __init__(
        self,
        painter: Painter,
        measured: Measured,
        clock: Callable[[], float],
        *,
        most: int = SCREENS,
        every: float = EVERY.total_seconds(),
    ) -> None:
        self.painter = painter
        self._measured, self._clock, self._most, self._every = measured, clock, most, every
        self._screens: dict[str | None, list[WallScreen]] = {}
        self._looked = clock()
        self._seldom = Seldom(FAILURES_TOLD_EVERY, clock)
        self._log = structlog.get_logger(__name__)

    def __len__(self) -> int:
        """How many screens are open."""
        return sum(map(len, self._screens.values()))

    def open(
        self, branch: str | None, choices: Iterable[str], person: str, allowed: Callable[[], bool] = lambda: True
    ) -> WallScreen:
        """A screen is opened; its first messages are the welcome and a whole picture.

        Args:
            branch: that it shows; None: all.
            choices: the branches among which whoever looks may choose.
            person: his name, if he has one here.
            allowed: whether he may still see it.

        Raises:
            FullError: there are too many screens.
        """
        if len(self) >= self._most:
            raise FullError
        screen = WallScreen(branch, self.painter.welcome(branch, choices, person), allowed)
        self._screens.setdefault(branch, []).append(screen)
        self._measured.wall_opened()
        self._look()
        self._tell(branch, [screen])
        return screen

    def close(self, screen: WallScreen, reason: str) -> None:
        """Its connection is gone: `slow` or `closed`."""
        own = self._screens[screen.branch]
        own.remove(screen)
        if not own:
            del self._screens[screen.branch]
        self.painter.keep(self._shown())
        self._measured.wall_closed(reason)

    def stop(self) -> None:
        """Close every screen; each will come back by itself."""
        for screen in self._all():
            screen.leave(RESTART)

    async def run(self) -> None:
        """Paint, until cancelled; others have their turn between two branches."""
        while True:
            await asyncio.sleep(self._every)
            for _ in self._second():
                await asyncio.sleep(0)

    def tick(self) -> None:
        """What a second brings, at once."""
        for _ in self._second():
            pass

    def _second(self) -> Iterator[None]:
        self._look()
        self.painter.keep(self._shown())
        for branch, page in self._shown():
            self._tell(branch, [one for one in self._screens.get(branch, ()) if one.page == page], page)
            yield
        if self._clock() - self._looked >= LOOKED_AFTER:
            self._looked = self._clock()
            for screen in self._all():
                if not self._allowed(screen):
                    screen.leave(SIGNED_OUT)

    def _look(self) -> None:
        try:
            self.painter.look()
        except Exception:  # noqa: BLE001 - whatever it is, it must not end the measuring elsewhere
            self._failed("look")

    def _allowed(self, screen: WallScreen) -> bool:
        """Whether it may still be seen; of whom that cannot be found out, he may not: he can sign in again."""
        try:
            return screen.allowed()
        except Exception:  # noqa: BLE001 - as above
            self._failed("allowed", screen.branch)
            return False

    def _failed(self, what: str, branch: str | None = None) -> None:
        """Of an error of ours, from where it is caught: told, but seldom."""
        if (untold := self._seldom.may(what)) is not None:
            self._log.exception("wall_failed", at=what, branch=branch, untold=untold)

    def _shown(self) -> Collection[Shown]:
        """What screens show; each once, in their order."""
        return dict.fromkeys((screen.branch, screen.page) for screen in self._all())

    def _all(self) -> list[WallScreen]:
        return [screen for screens in self._screens.values() for screen in screens]

    def _tell(self, branch: str | None, screens: Sequence[WallScreen], page: int = 0) -> None:
        if not screens:  # the last one went meanwhile
            return
        try:
            painted = self.painter.paint(branch, page)
        except Exception:  # noqa: BLE001 - whatever it is, it must not end the measuring elsewhere
            self._failed("paint", branch)
            return
        for screen in screens:
            screen.show(painted)
