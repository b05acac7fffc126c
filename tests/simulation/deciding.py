"""Makes stories up: from a seed, or by Hypothesis, which can then look for a smaller one that fails as well."""

import random
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from hypothesis import strategies as st

from tests.simulation.story import MS, QUEUES, SECOND, Call, Fault, Phone, Shift, Stage, Story, Talk

T = TypeVar("T")
NAMES = ("<unknown>", "<unknown>", "Mei", "王小明|ABANDON|1|1|1", "Event: Hangup", "\\r\\nEvent: Hangup")
OFFICE_ROUNDS = (
    (("PJSIP/2001",),),
    (("PJSIP/2001", "PJSIP/2002"),),
    (("PJSIP/2002",), ("PJSIP/2001",)),
)


class Decides(Protocol):
    """Where decisions come from."""

    def number(self, least: int, most: int) -> int:
        """One of these, both included."""
        ...

    def one(self, of: Sequence[T]) -> T:
        """One of these; the first is the plainest."""
        ...


class Seeded:
    """Decisions that a seed makes."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def number(self, least: int, most: int) -> int:
        return self._rng.randint(least, most)

    def one(self, of: Sequence[T]) -> T:
        return self._rng.choice(of)


class Drawn:
    """Decisions that Hypothesis makes."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def number(self, least: int, most: int) -> int:
        return self._draw(st.integers(least, most))

    def one(self, of: Sequence[T]) -> T:
        return of[self._draw(st.integers(0, len(of) - 1))]


@st.composite
def stories(draw: st.DrawFn, faults: bool = True) -> Story:
    """Any story."""
    return compose(Drawn(draw), draw(st.integers(0, 9)), most=8, faults=faults)


def story_of(seed: int, *, faults: bool = True) -> Story:
    """The story of a seed: most are small, every sixteenth has thirty calls."""
    return compose(Seeded(seed), seed, most=30 if seed % 16 == 7 else 9, faults=faults)


def compose(decide: Decides, seed: int, *, most: int, faults: bool) -> Story:
    """Calls that come within two minutes or so, what the agents do, and accidents."""
    count = decide.number(1, most)
    calls = tuple(call(decide, number, count) for number in range(count))
    span = max(one.at for one in calls) // SECOND + 25
    shifts = tuple(shift(decide, span) for _ in range(decide.one((0, 0, 0, 1, 2, 3))))
    accidents = accident_plan(decide, span) if faults else ()
    log = decide.one((True, True, True, True, False)) or bool(accidents)
    return Story(seed, calls, shifts, accidents, log=log, hasty=decide.one((False, False, True)))


def moment(decide: Decides, seconds: int) -> int:
    """Any time up to then; often in the same second, or millisecond, as others."""
    return decide.number(0, seconds * 10) * 100 * MS + decide.one((0, 0, 3 * MS, 777, 41 * MS))


def call(decide: Decides, number: int, count: int) -> Call:
    """A caller."""
    stages = [stage(decide)]
    while len(stages) < 3 and decide.one((False, False, True)):
        before = stages[-1]
        following = stage(decide, earlier=before)
        if before.queue or following.queue or following.pause >= 3 * SECOND:
            stages.append(following)
    return Call(
        number,
        2 * SECOND + moment(decide, 4 * count),
        f"0216000{number:04d}",
        decide.one(NAMES),
        tuple(stages),
        decide.one((300 * MS, 300 * MS, 5 * MS, 1_500 * MS, 4 * SECOND, 20 * SECOND)),
        decide.one((False, False, True)),
    )


def stage(decide: Decides, earlier: Stage | None = None) -> Stage:
    """A queue, or phones."""
    queue = decide.one(("support", "sales", "support", "market", "one-place", ""))
    interrupted = decide.one(("", "", "", "hangup", "hangup", "key", "redirect", "park", "withdraw", "ami"))
    if not queue and interrupted in {"key", "park", "withdraw"}:
        interrupted = "hangup"
    if interrupted == "park" and earlier is not None:
        interrupted = "hangup"
    pause = decide.one((0, 0, 10 * MS, SECOND, 3 * SECOND, 8 * SECOND))
    return Stage(
        queue=queue,
        rounds=() if queue else decide.one(OFFICE_ROUNDS),
        phones=tuple(phone(decide, direct=not queue) for _ in range(decide.number(1, 4))),
        limit=decide.one((60, 20, 12, 6, 3)) * SECOND + decide.one((0, 1, 499 * MS)),
        interrupted=interrupted,
        after=decide.number(0, 150) * 100 * MS + decide.one((1, 900, 2 * MS, 3 * MS, 5 * MS)),
        pause=pause,
        announcement=decide.one((0, 0, 0, 0, 3_300 * MS)) if queue else 0,
        gosub=decide.one((0, 0, 0, 0, 1_200 * MS)) if queue else 0,
        incompatible=bool(queue) and decide.number(0, 19) == 19,
        unsaid=decide.one((False, False, False, True)),
        goes_on=decide.one((False, True)),
        told=decide.one((True, True, True, False)),
        talk=talk(decide),
    )


def phone(decide: Decides, *, direct: bool) -> Phone:
    """Most are answered."""
    does = decide.one(("answers", "answers", "answers", "rings", "rings", "refuses", "busy", "silent", "gone"))
    if direct and does == "gone":
        does = "silent"
    return Phone(
        does,
        decide.one((2 * MS, 2 * MS, 90 * MS, 1_100 * MS)),
        decide.number(1, 120) * 100 * MS + decide.one((0, 1, 2 * MS, 650)),
        decide.one(("Newstate", "DialState")),
    )


def talk(decide: Decides) -> Talk:
    """A few words, or many."""
    return Talk(
        decide.number(1, 200) * 100 * MS + decide.one((0, 1, 300)),
        decide.one(("caller", "caller", "agent", "ami", "blind")),
        decide.one(("at_once", "at_once", "late", "never", "without_caller", "without_agent", "without_both")),
        decide.one((0, 0, 0, 700 * MS)),
    )


def shift(decide: Decides, span: int) -> Shift:
    """An agent comes, goes, or rests."""
    queue = decide.one(tuple(QUEUES))
    member = decide.one(QUEUES[queue].members)
    return Shift(2 * SECOND + moment(decide, span), queue, member, decide.one(("pause", "unpause", "remove", "add")))


def accident_plan(decide: Decides, span: int) -> tuple[Fault, ...]:
    """None, one, or two that do not overlap."""
    kinds = ("", "", "stall", "cut", "cut", "killed", "away", "pbx_killed", "pbx_shut_down")
    made: list[Fault] = []
    for _ in range(2):
        fault = accident(decide, decide.one(kinds), span)
        clear = all(fault.at > other.until + 12 * SECOND or other.at > fault.until + 12 * SECOND for other in made)
        if fault.kind and (clear or fault.kind == "away"):
            made.append(fault)
    return tuple(sorted(made, key=lambda fault: fault.at))


def accident(decide: Decides, kind: str, span: int) -> Fault:
    """One."""
    longest = 80 if kind in {"stall", "pbx_killed", "pbx_shut_down"} else 250
    return Fault(
        kind,
        2 * SECOND + moment(decide, span),
        decide.number(25 if kind.startswith("pbx") else 3, longest) * 100 * MS,
        decide.one((0, 0, 2 * SECOND, 11 * SECOND)) if kind == "cut" else 0,
        decide.one((0, 1, 7, 60, 333, 4_000)),
    )
