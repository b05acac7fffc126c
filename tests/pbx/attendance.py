"""What agents did, from queue_log alone, in whole seconds; it knows nothing of the product, nor of AMI.

queue_log does not tell of ringing phones to the second, nor of the end of a wrap-up: who rings is free here, and a
wrap-up lasts as long as the queue's configuration says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .queue_log import QueueLogLine

FREE, TALKING, WRAP_UP, PAUSED = "free", "talking", "wrap_up", "paused"


@dataclass(frozen=True)
class Stretch:
    """What an agent did from when to when, in seconds since 1970."""

    what: str
    begins: float
    ends: float

    def __str__(self) -> str:
        return f"{self.what} {self.begins:.3f}-{self.ends:.3f}"


@dataclass
class _Agent:
    queues: set[str] = field(default_factory=set)
    paused: dict[str, str] = field(default_factory=dict)
    talks: bool = False
    wraps_until: float = 0
    changes: list[tuple[float, str | None]] = field(default_factory=list)

    def doing(self, now: float, wrap_up: frozenset[str]) -> str | None:
        if not self.queues:
            return None
        if self.talks:
            return TALKING
        if self.queues <= self.paused.keys():
            reason = next(iter(self.paused.values()))
            return WRAP_UP if reason in wrap_up else f"{PAUSED} {reason}"
        return WRAP_UP if now < self.wraps_until else FREE


def reckon(
    lines: Iterable[QueueLogLine],
    names: Mapping[str, str],
    after: Mapping[str, float],
    wrap_up: frozenset[str] = frozenset(),
) -> dict[str, list[Stretch]]:
    """Each agent's stretches, in order.

    `names`: of whoever is at a phone, by which alone queue_log tells who was added and removed. `after`: the wrapuptime
    of queues. `wrap_up`: pauses that are called so.
    """
    agents: dict[str, _Agent] = {}
    for line in lines:
        if line.agent == "NONE":
            continue
        agent = agents.setdefault(names.get(line.agent, line.agent), _Agent())
        if agent.wraps_until and line.epoch >= agent.wraps_until:
            over, agent.wraps_until = agent.wraps_until, 0
            agent.changes.append((over, agent.doing(over, wrap_up)))
        _take(agent, line, after)
        agent.changes.append((line.epoch, agent.doing(line.epoch, wrap_up)))
    return {name: stretches(agent.changes) for name, agent in agents.items()}


def _take(agent: _Agent, line: QueueLogLine, after: Mapping[str, float]) -> None:
    match line.event:
        case "ADDMEMBER":
            agent.queues.add(line.queue)
        case "REMOVEMEMBER":
            agent.queues.discard(line.queue)
            agent.paused.pop(line.queue, None)
        case "PAUSE":
            agent.paused[line.queue] = line.data[0] if line.data else ""
        case "UNPAUSE":
            agent.paused.pop(line.queue, None)
        case "CONNECT":
            agent.talks = True
        case "COMPLETECALLER" | "COMPLETEAGENT":
            agent.talks = False
            agent.wraps_until = line.epoch + after[line.queue] if after.get(line.queue) else 0


def stretches(changes: Sequence[tuple[float, str | None]]) -> list[Stretch]:
    """Between the changes, without those that change nothing, or take no time."""
    found: list[Stretch] = []
    for (begins, what), (ends, _) in itertools.pairwise(changes):
        if what is None or begins == ends:
            continue
        if found and found[-1].what == what and found[-1].ends == begins:
            found[-1] = Stretch(what, found[-1].begins, ends)
        else:
            found.append(Stretch(what, begins, ends))
    return found


def differences(truth: Sequence[Stretch], told: Sequence[Stretch], tolerance: float) -> list[str]:
    """Where the two are not alike, in words. A line's time is the whole second in which it was written, as it began."""

    def unlike(second: float, other: float) -> bool:
        return not -tolerance <= other - second <= 1 + tolerance

    if [one.what for one in truth] != [one.what for one in told]:
        return [f"other things: {[str(one) for one in truth]} but told {[str(one) for one in told]}"]
    return [
        f"{one} but told {other}"
        for one, other in zip(truth, told, strict=True)
        if unlike(one.begins, other.begins) or unlike(one.ends, other.ends)
    ]
