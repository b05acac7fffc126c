"""What the PBXs show now, all together: who waits where, who could answer, and of which queue that is not known."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from telephony.calls.facts import MemberState
from telephony.calls.record import Kind
from telephony.metrics.gauges import QueueGauge
from telephony.standard.places import Place


class Floor(Protocol):
    """What one PBX shows now: `handlers.follow.Follower`."""

    @property
    def settled(self) -> bool:
        """It is heard, and of no call it is doubtful whether it goes on."""
        ...

    def queues(self) -> Sequence[QueueGauge]:
        """Every queue and line in which somebody waits, or that was compared."""
        ...

    def agents(self) -> Mapping[tuple[str, MemberState], int]:
        """How many agents of a queue are in a state."""
        ...


@dataclass(slots=True)
class Standing:
    """One moment of all PBXs.

    Attributes:
        callers: so many wait, by queue or line. longest: the oldest wait, where somebody waits.
        members: agents in each state, by queue.
        heard: queues that a PBX which is heard has. unheard: those that one has which is not.
        silent: one of them is not heard.
    """

    callers: Counter[Place] = field(default_factory=Counter)
    longest: dict[Place, timedelta] = field(default_factory=dict)
    members: dict[str, Counter[MemberState]] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)
    unheard: set[str] = field(default_factory=set)
    silent: bool = False

    def doubtful(self, place: Place) -> bool:
        """A PBX that is not heard has this queue, or may have it: a line may be rung anywhere."""
        if not self.silent:
            return False
        return place.kind is Kind.DIRECT or place.name in self.unheard or place.name not in self.heard

    def waiting(self, place: Place, lines: Collection[str]) -> int:
        """Callers there; `lines` have a name of their own, other phones are one place together."""
        return sum(self.callers[one] for one in self._of(place, lines))

    def oldest(self, place: Place, lines: Collection[str]) -> timedelta | None:
        """The longest wait there that goes on."""
        return max((self.longest[one] for one in self._of(place, lines) if one in self.longest), default=None)

    def agents(self, place: Place) -> Mapping[MemberState, int] | None:
        """How many agents of the queue are in each state; None for what has none."""
        if place.kind is Kind.DIRECT or place.name is None:
            return None
        return self.members.get(place.name, Counter())

    def places(self, lines: Collection[str]) -> set[Place]:
        """Everything that is there now; phones that are no line as one."""
        queues = {Place(Kind.QUEUE, name) for name in self.heard | self.unheard}
        phones = {one for one in self.callers if one.kind is Kind.DIRECT}
        return queues | {one if one.name in lines else Place(Kind.DIRECT, None) for one in phones}

    def _of(self, place: Place, lines: Collection[str]) -> Sequence[Place]:
        if place != Place(Kind.DIRECT, None):
            return (place,)
        return [one for one in self.callers if one.kind is Kind.DIRECT and one.name not in lines]


def standing_of(floors: Mapping[str, Floor]) -> Standing:
    """This moment."""
    found = Standing()
    for floor in floors.values():
        queues, agents = floor.queues(), floor.agents()
        names = {gauge.queue for gauge in queues if gauge.kind is Kind.QUEUE} | {name for name, _ in agents}
        if not floor.settled:
            found.silent = True
            found.unheard |= names
            continue
        found.heard |= names
        for gauge in queues:
            place = Place(gauge.kind, gauge.queue)
            if gauge.waiting:
                found.callers[place] += gauge.waiting
            if gauge.oldest_wait is not None:
                found.longest[place] = max(found.longest.get(place, gauge.oldest_wait), gauge.oldest_wait)
        for (name, state), count in agents.items():
            if name not in found.members:  # to make a counter takes longer than all else here
                found.members[name] = Counter()
            found.members[name][state] += count
    return found
