"""Desks, boards and counters to test screens with."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telephony.calls.effects import Effect, SaveCall
from telephony.calls.record import CallRecord
from telephony.screenpop.board import Board, Change, Desk, Gone, Popped
from telephony.screenpop.messages import Limits, Told
from telephony.screenpop.pop import Shown

LIMITS = Limits(3, timedelta(seconds=5), timedelta(minutes=5))
QUEUES = {"support": Told("客户咨询", "您好，…"), "front-desk": Told("前台")}


def desk(name: str, *more: str, pbx: str | None = None) -> Desk:
    """The desk of this agent with the phone of the same name, and more phones."""
    return Desk(name, f"Agent {name}", frozenset({f"PJSIP/{name}", *more}), pbx)


DESKS = (desk("1001", "Local/1001@agents"), desk("1002", "Local/1002@agents"), desk("1003", "Local/1003@agents"))


def calls_in(effects: Iterable[Effect]) -> list[CallRecord]:
    """Every state of every call, as screens are told of it."""
    return [effect.call for effect in effects if isinstance(effect, SaveCall)]


def says(change: Change) -> str:
    """`1001 ringing`, `1002 withdrawn elsewhere`, `1001 gone`."""
    if isinstance(change, Gone):
        return f"{change.desk} gone"
    pop = change.shown.pop
    return " ".join((change.desk, pop.phase.value, *([pop.reason.value] if pop.reason else [])))


@dataclass
class Watch:
    """A board, and everything that it said."""

    board: Board = field(default_factory=lambda: Board(DESKS))
    changes: list[Change] = field(default_factory=list)
    now: timedelta = timedelta(seconds=100)

    def follow(
        self, *calls: CallRecord, after: float = 0, wall: datetime | None = None, stamped: bool = True
    ) -> list[str]:
        """These states come, so many seconds later; what it says."""
        self.now += timedelta(seconds=after)
        before = len(self.changes)
        for call in calls:
            self.changes += self.board.follow(call, self.now, wall, stamped=stamped)
        return [says(change) for change in self.changes[before:]]

    def passes(self, seconds: float) -> list[str]:
        self.now += timedelta(seconds=seconds)
        gone = self.board.forget(self.now)
        self.changes += gone
        return [says(change) for change in gone]

    def shown(self, name: str) -> Shown:
        """The only pop on that desk."""
        (only,) = self.board.of(name)
        return only

    @property
    def popped(self) -> list[Popped]:
        return [change for change in self.changes if isinstance(change, Popped)]


@dataclass
class Counted:
    """Counts what the hub measures."""

    open: int = 0
    seconds: list[float] = field(default_factory=list)
    drops: Counter[str] = field(default_factory=Counter)

    def screen_opened(self) -> None:
        self.open += 1

    def screen_closed(self) -> None:
        self.open -= 1

    def popped(self, seconds: float, /) -> None:
        self.seconds.append(seconds)

    def dropped(self, reason: str, /) -> None:
        self.drops[reason] += 1


@dataclass
class Clock:
    """Seconds that pass when told so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now
