"""One caller's call: his channel, what he does, and what is done to him. State only; pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from telephony.simulator.channels import Channel
from telephony.simulator.ledger import Ring, Stay
from telephony.simulator.people import Caller, Reaction
from telephony.simulator.timeline import Thread

if TYPE_CHECKING:
    from telephony.simulator.queues import Member, Waiting


@dataclass(eq=False, slots=True)
class Leg:
    """A phone that is called for somebody.

    Attributes:
        called: when, in microseconds; the stamp of its DialBegin.
        answered: it has.
        refused: it has: the cause; 0: it has not.
        over: nobody waits for it any longer.
        hung_up: the agent hung up after he had answered.
        ended: somebody ended it over AMI.
        transfer: the number to which the agent sends the caller.
        consult: whom the agent calls before he sends the caller there, and for how long he speaks with him.
    """

    channel: Channel
    interface: str
    reaction: Reaction
    ring: Ring
    called: int
    member: "Member | None" = None
    answered: bool = False
    refused: int = 0
    over: bool = False
    hung_up: bool = False
    ended: bool = False
    transfer: str = ""
    consult: tuple[str, float] | None = None


@dataclass(eq=False, slots=True)
class Call:
    """A caller, from his arrival to his end.

    Attributes:
        variables: of his channel: what FastAGI has set.
        hung_up: he hung up; when, in microseconds (0: he has not).
        ended: somebody ended him over AMI, or a limit did.
        moved: somebody sent him elsewhere over AMI.
        withdrawn: somebody took him out of his queue.
        key: the key that he pressed in a queue that has keys.
        status: QUEUESTATUS.
        waiting: his place in a queue.
        stay: his present, or last, wait.
        legs: the phones that are called for him.
        talking: the phone that he talks to.
        agi_answered: FastAGI has said its last word.
    """

    caller: Caller
    channel: Channel
    thread: Thread | None = None
    variables: dict[str, str] = field(default_factory=dict)
    hung_up: int = 0
    ended: bool = False
    moved: bool = False
    withdrawn: bool = False
    key: str = ""
    status: str = ""
    waiting: "Waiting | None" = None
    stay: Stay | None = None
    legs: list[Leg] = field(default_factory=list)
    talking: Leg | None = None
    agi_answered: bool = False

    @property
    def gone(self) -> bool:
        """Nothing is left to be done for him but to end his channel."""
        return bool(self.hung_up) or self.ended

    @property
    def called_away(self) -> bool:
        """He does not wait for a phone any longer."""
        return bool(self.gone or self.moved or self.key or self.withdrawn)

    def wake(self) -> None:
        """Let his thread look around."""
        if self.thread is not None:
            self.thread.wake()


class End(StrEnum):
    """How a talk ended."""

    CALLER = "caller"
    AGENT = "agent"
    PBX = "pbx"
    TRANSFERRED = "transferred"


class Completed(Protocol):
    """Is told, at the right moment, that the talk is over: Queue() says AgentComplete then."""

    def __call__(self, reason: str, *, agent: bool = True, transfer: str = "") -> None:
        """`agent`: whether the agent's channel is still known; `transfer`: the number he sent the caller to."""
        ...


def nobody_told(reason: str, *, agent: bool = True, transfer: str = "") -> None:
    """Dial() says nothing."""
