"""A story: what callers, agents, operators and accidents do, as plain data.

Times are whole microseconds. A story is all that a run depends on: the same story gives the same bytes. Its parts do
not depend on each other (each call draws from a generator of its own), so that taking one away leaves the others as
they were: that is what makes shrinking work.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

MS = 1_000
SECOND = 1_000_000

DEVICES = ("PJSIP/1001", "PJSIP/1002", "PJSIP/1003", "PJSIP/1004")
OFFICES = {"PJSIP/2001": "front desk", "PJSIP/2002": "workshop"}


@dataclass(frozen=True)
class Queue:
    """A queue as queues.conf has it; durations in microseconds, `most` 0: any number."""

    name: str
    strategy: str
    members: tuple[str, ...]
    ring: int
    retry: int = SECOND
    wrapup: int = 0
    most: int = 0
    when_empty: bool = False
    """Nobody joins, or stays, when no member could take a call."""


QUEUES = {
    queue.name: queue
    for queue in (
        Queue("support", "ringall", ("PJSIP/1001", "PJSIP/1002", "PJSIP/1003"), 9 * SECOND),
        Queue("sales", "linear", ("PJSIP/1002", "Local/1004@agents/n", "PJSIP/1001"), 6 * SECOND, wrapup=3 * SECOND),
        Queue("market", "rrmemory", ("Local/1003@agents", "PJSIP/1004"), 5 * SECOND, when_empty=True),
        Queue("one-place", "rrmemory", ("PJSIP/1001",), 7 * SECOND, most=1),
    )
}


@dataclass(frozen=True)
class Phone:
    """What a phone does when it is called.

    Attributes:
        does: answers, rings (until given up), refuses, busy, silent (only `100 Trying`), gone (cannot be called).
        alerts: until it rings. acts: from then on until it answers or refuses.
        states: what tells that it rings first: Newstate or DialState.
    """

    does: str = "answers"
    alerts: int = 2 * MS
    acts: int = 2 * SECOND
    states: str = "Newstate"

    def __str__(self) -> str:
        return f"{self.does} after {self.acts / SECOND:.3f} s" if self.does in {"answers", "refuses"} else self.does


@dataclass(frozen=True)
class Talk:
    """How a talk goes.

    Attributes:
        ends: caller, agent, ami (AMI's Hangup of the agent's leg), blind (transfer to the next stage).
        completes: how AgentComplete comes: at_once, late, never, without_caller, without_agent, without_both.
        held: for so long it is on hold within it; 0: never.
    """

    lasts: int = 2 * SECOND
    ends: str = "caller"
    completes: str = "at_once"
    held: int = 0


@dataclass(frozen=True)
class Stage:
    """One thing that the dialplan does for a caller: Queue(), or Dial().

    Attributes:
        queue: its name; empty: Dial.
        rounds: for Dial: whom it rings, at once within a round; rounds follow each other within two seconds.
        phones: what the phones do, in the order in which they are called; the last one does it again and again.
        limit: Queue()'s or each Dial()'s time.
        interrupted: what ends the wait unless something else does earlier: hangup, key, redirect, park, withdraw, ami.
        after: when, since the wait began.
        pause: what the dialplan does before it takes so long.
        announcement, gosub: what runs at the agent's side before, and after, the caller leaves the queue.
        incompatible: no common codec. unsaid: DialEnd ANSWER does not come.
        goes_on: the dialplan goes on when the agent hangs up (Queue's option c).
        told: the dialplan tells QUEUESTATUS.
    """

    queue: str = "support"
    rounds: tuple[tuple[str, ...], ...] = ()
    phones: tuple[Phone, ...] = (Phone(),)
    limit: int = 60 * SECOND
    interrupted: str = ""
    after: int = 0
    pause: int = 0
    announcement: int = 0
    gosub: int = 0
    incompatible: bool = False
    unsaid: bool = False
    goes_on: bool = False
    told: bool = True
    talk: Talk = Talk()


@dataclass(frozen=True)
class Call:
    """A caller. `number` tells him from the others; `lingers`: the dialplan keeps him so long when all is over."""

    number: int
    at: int
    caller: str = "02160000001"
    name: str = "<unknown>"
    stages: tuple[Stage, ...] = (Stage(),)
    lingers: int = 300 * MS
    hangs_up: bool = False
    """He does not wait for the dialplan to do it."""


@dataclass(frozen=True)
class Shift:
    """Somebody pauses, unpauses, removes or adds a member of a queue."""

    at: int
    queue: str
    member: str
    does: str


@dataclass(frozen=True)
class Fault:
    """An accident.

    Attributes:
        kind: cut (the AMI line, at any byte), stall (it is late), killed (our process), away (the database),
            pbx_killed, pbx_shut_down.
        lasts: until the line, we, the database or the PBX are back.
        noticed: a cut line says so only after this.
        keeps: how many bytes of the message that was being read arrive.
    """

    kind: str
    at: int
    lasts: int
    noticed: int = 0
    keeps: int = 0

    @property
    def until(self) -> int:
        return self.at + self.lasts


@dataclass(frozen=True)
class Story:
    """All of it. `log`: a queue_log is read. `seed`: for what nobody decided, such as microseconds.

    `hasty`: queue_log is read before events of AMI that are on their way; else it waits for them.
    """

    seed: int
    calls: tuple[Call, ...]
    shifts: tuple[Shift, ...] = ()
    faults: tuple[Fault, ...] = ()
    log: bool = True
    hasty: bool = False

    def words(self) -> Iterator[str]:
        """The story for people, a line each."""
        yield f"seed {self.seed}; {'a' if self.log else 'no'} queue_log is read{', hastily' if self.hasty else ''}"
        things: list[Call | Shift | Fault] = [*self.calls, *self.shifts, *self.faults]
        for thing in sorted(things, key=lambda thing: thing.at):
            yield f"{thing.at / SECOND:9.3f}  {difference(thing)}"


def difference(thing: object, prefix: str = "") -> str:
    """A value by what of it is not as usual."""
    parts = []
    for one in fields(thing):  # type: ignore[arg-type]
        value = getattr(thing, one.name)
        if one.name != "at" and value != one.default:
            parts.append(f"{one.name}={told(value)}")
    return f"{prefix}{type(thing).__name__}({', '.join(parts)})"


def told(value: object) -> str:
    """A field's value, short."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(told, value)) + "]"
    if isinstance(value, Phone):
        return f"<{value}>"
    if isinstance(value, Stage | Talk):
        return difference(value)
    return f"{value / SECOND:.6g}s" if isinstance(value, int) and value >= MS else repr(value)
