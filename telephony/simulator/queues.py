"""Queues, who serves them and who waits in them: the state of app_queue, and whose turn it is. Pure."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from telephony.simulator.ledger import Stay

if TYPE_CHECKING:
    from telephony.simulator.calls import Call

NOT_IN_USE, IN_USE, RINGING, RING_IN_USE = 1, 2, 6, 7
"""Device states, as Asterisk numbers them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """A part of queues.conf. Durations in seconds.

    Attributes:
        strategy: `ringall`, `linear` or `rrmemory`.
        timeout: phones ring so long at one attempt.
        retry: the pause between two attempts.
        maxlen: so many may wait; 0: any number.
        joinempty, leavewhenempty: whether callers may join, and must leave, a queue without members.
        announce: how long the agent is spoken to before he hears the caller.
        keys: the context whose extensions callers may press; empty: none.
    """

    name: str
    strategy: str = "rrmemory"
    timeout: float = 15
    retry: float = 2
    maxlen: int = 0
    joinempty: bool = True
    leavewhenempty: bool = False
    announce: float = 0
    keys: str = ""


@dataclass(eq=False, slots=True)
class Member:
    """Somebody who serves a queue. Times in whole seconds since 1970."""

    queue: str
    name: str
    interface: str
    login_time: int
    membership: str = "static"
    calls_taken: int = 0
    last_call: int = 0
    last_pause: int = 0
    in_call: bool = False
    status: int = NOT_IN_USE
    paused: bool = False
    reason: str = ""
    called: bool = False
    """His phone is being called for somebody, whether or not it rings yet."""

    @property
    def free(self) -> bool:
        """Whether a call may be offered to him (ringinuse=no)."""
        return not self.paused and not self.called and self.status == NOT_IN_USE

    def facts(self) -> list[tuple[str, object]]:
        """What events and listings both say, between his interface and his pause."""
        return [
            ("StateInterface", self.interface),
            ("Membership", self.membership),
            ("Penalty", 0),
            ("CallsTaken", self.calls_taken),
            ("LastCall", self.last_call),
            ("LastPause", self.last_pause),
            ("LoginTime", self.login_time),
            ("InCall", int(self.in_call)),
            ("Status", self.status),
            ("Paused", int(self.paused)),
            ("PausedReason", self.reason),
        ]

    def headers(self) -> list[tuple[str, object]]:
        """As events describe him."""
        named = [("Queue", self.queue), ("MemberName", self.name), ("Interface", self.interface)]
        return [*named, *self.facts(), ("Ringinuse", 0), ("Wrapuptime", 0)]


@dataclass(eq=False, slots=True)
class Waiting:
    """A caller in a queue.

    Attributes:
        joined: microseconds, the stamp of his QueueCallerJoin.
        expires: when Queue() gives up; None: never.
        first_position: where he was when he came.
        pending: phones ring for him.
        next_member: of a linear queue: whose turn it is for him.
    """

    call: "Call"
    stay: Stay
    joined: int
    expires: int | None
    priority: int
    first_position: int = 0
    pending: bool = False
    next_member: int = 0


@dataclass(eq=False, slots=True)
class Queue:
    """One queue."""

    settings: QueueSettings
    members: list[Member] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    completed: int = 0
    abandoned: int = 0
    turn: int = 0
    """Of a round-robin queue: whose turn it is."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.settings.name

    def join(self, entry: Waiting) -> None:
        """Behind everybody of at least his priority."""
        at = next((n for n, one in enumerate(self.waiting) if one.priority < entry.priority), len(self.waiting))
        self.waiting.insert(at, entry)
        entry.first_position = at + 1

    def position(self, entry: Waiting) -> int:
        """1 is the first."""
        return self.waiting.index(entry) + 1

    def is_turn_of(self, entry: Waiting) -> bool:
        """Whether phones may ring for him: as many callers are served at once as there are free members (autofill)."""
        free = sum(member.free for member in self.members)
        if self.settings.strategy == "ringall":
            free = min(free, 1)
        before = sum(not one.pending for one in self.waiting[: self.position(entry) - 1])
        return before < free

    def candidates(self, entry: Waiting) -> list[Member]:
        """The free members in the order in which they are tried; of ringall all at once, the last one first."""
        count = len(self.members)
        match self.settings.strategy:
            case "ringall":
                order = list(reversed(self.members))
            case "linear":
                order = [self.members[(entry.next_member + n) % count] for n in range(count)]
            case _:
                order = [self.members[(self.turn + n) % count] for n in range(count)]
        return [member for member in order if member.free]

    def tried(self, entry: Waiting, member: Member) -> None:
        """The next turn is the next member's."""
        entry.next_member = self.turn = (self.members.index(member) + 1) % len(self.members)
