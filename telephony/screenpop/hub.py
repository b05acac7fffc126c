"""The screens that are open: a screen is a connection, and an agent may have a few."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from telephony.screenpop.board import Change, Desk, Popped
from telephony.screenpop.messages import Writer
from telephony.screenpop.pop import Shown
from telephony.screenpop.screen import RESTART, TAKEN_OVER, Measured, Screen

SCREENS_PER_DESK = 3
SCREENS = 2_000


class Full(Exception):  # noqa: N818 - what the hub is
    """As many screens are open as there may be."""


class Hub:
    """All screens that are signed in.

    Args:
        desks: all agents' places. writer: of messages. measured: who counts.
        clock: monotonic seconds, the same that the board is told.
        most: so many screens at once.
    """

    def __init__(
        self,
        desks: Iterable[Desk],
        writer: Writer,
        measured: Measured,
        clock: Callable[[], float],
        *,
        most: int = SCREENS,
    ) -> None:
        self._desks = {desk.name: desk for desk in desks}
        self._writer, self._measured, self._clock = writer, measured, clock
        self._most = most
        self._screens: dict[str, list[Screen]] = {}
        self._open = 0

    def __len__(self) -> int:
        """How many screens are open."""
        return self._open

    def watches(self, desk: str) -> bool:
        """Whether any screen of that desk is open."""
        return desk in self._screens

    def open(self, desk: str, shown: Callable[[], Iterable[Shown]], up: Callable[[], bool]) -> Screen:
        """A screen signed in; its first message is the welcome. Of too many of one agent the oldest is closed.

        Args:
            desk: whose.
            shown: everything on that desk, asked when the welcome is written.
            up: whether anything is known about his calls, likewise.

        Raises:
            Full: as many screens are open as there may be.
        """
        own = self._screens.get(desk, [])
        if self._open >= self._most and len(own) < SCREENS_PER_DESK:
            raise Full
        screen = Screen(desk, self._writer, self._clock, self._measured)
        while len(own) >= SCREENS_PER_DESK:
            oldest = own[0]
            oldest.leave(TAKEN_OVER)
            self.close(oldest, "closed")
        self._screens.setdefault(desk, []).append(screen)
        self._open += 1
        self._measured.screen_opened()
        self._greet(screen, shown, up)
        return screen

    def greet(self, desk: str, shown: Callable[[], Iterable[Shown]], up: Callable[[], bool]) -> None:
        """Tell the screens of a desk everything anew, as if they had just signed in."""
        for screen in self._screens.get(desk, ()):
            self._greet(screen, shown, up)

    def _greet(self, screen: Screen, shown: Callable[[], Iterable[Shown]], up: Callable[[], bool]) -> None:
        place = self._desks[screen.desk]
        screen.greet(lambda: self._writer.welcome(place, shown(), timedelta(seconds=self._clock()), up=up()))

    def close(self, screen: Screen, reason: str) -> None:
        """The connection is gone, or as good as gone, for one of the reasons of `Measured`. Again, it is nothing."""
        own = self._screens.get(screen.desk, [])
        if screen not in own:
            return
        own.remove(screen)
        if not own:
            del self._screens[screen.desk]
        self._open -= 1
        screen.end(reason)
        self._measured.screen_closed()

    def show(self, changes: Iterable[Change], event: float) -> None:
        """Tell the screens what changed on their desks; `event`: the moment of what brought it about."""
        for change in changes:
            screens = self._screens.get(change.desk)
            if screens is None:
                if isinstance(change, Popped) and change.began:
                    self._measured.dropped("no_screen")
                continue
            for screen in screens:
                screen.show(change, event)

    def tell(self, found: Iterable[Popped]) -> None:
        """Tell the screens what has been found out about callers."""
        for popped in found:
            for screen in self._screens.get(popped.desk, ()):
                screen.tell(popped.shown)

    def tell_up(self, desk: str, *, up: bool) -> None:
        """Tell the screens of a desk whether anything is known about its calls."""
        for screen in self._screens.get(desk, ()):
            screen.tell_up(up=up)

    def tell_desk(self, desk: str) -> None:
        """What its agent does has changed."""
        for screen in self._screens.get(desk, ()):
            screen.tell_desk()

    def tick(self) -> None:
        """Give up what has waited for its acknowledgement for too long. Once a second will do."""
        now = self._clock()
        for screen in self._all():
            screen.expire(now)

    def stop(self) -> None:
        """Close every screen: we restart."""
        for screen in self._all():
            screen.leave(RESTART)

    def _all(self) -> list[Screen]:
        return [screen for screens in self._screens.values() for screen in screens]
