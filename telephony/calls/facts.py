"""What happened at a PBX: frozen, in the past tense, each carrying its own time.

Adapters make facts; `tracker.Tracker` reads them. The names are those of a call centre, not those of Asterisk: which
AMI event a fact comes from is said in `telephony.ami.translate`, the only place that knows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

Uniqueid = NewType("Uniqueid", str)
"""Asterisk's name of one channel, unique within one boot of one PBX."""
BridgeId = NewType("BridgeId", str)
QueueName = NewType("QueueName", str)
Interface = NewType("Interface", str)
"""A dialable device without the per-call suffix: `PJSIP/1001`, `Local/1001@agents/n`."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on two clocks.

    Attributes:
        wall: the PBX's clock (UTC, microseconds) where the PBX stamped the message; else estimated from the last stamp.
        mono: our monotonic clock at that instant, from an arbitrary origin; the time of reading where no more is known.
        stamped: the PBX stamped it; else every duration made of it is approximate.
    """

    wall: datetime
    mono: timedelta
    stamped: bool = True


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as one event described it. `caller_*` is caller-controlled text: data, never markup, never a label.

    Attributes:
        interface: the device behind it, without the per-call suffix.
        exten: where in the dialplan it is; on an incoming channel's first event: what the caller dialled.
    """

    uniqueid: Uniqueid
    linkedid: Uniqueid
    interface: Interface
    caller_number: str = ""
    caller_name: str = ""
    exten: str = ""
    context: str = ""


class HangupSide(StrEnum):
    """Whose wish to hang up was seen."""

    FAR_END = "far_end"
    """The phone or trunk behind the channel."""
    PBX = "pbx"
    """AMI, a limit, a module: something inside the PBX."""


# --- channels ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelAppeared:
    """A channel was created. `incoming`: something outside called the PBX on it; else the PBX calls out on it."""

    at: Moment
    channel: Channel
    incoming: bool


@dataclass(frozen=True, slots=True)
class ChannelAlerted:
    """The device behind the channel began to ring (or sent ringing as early media)."""

    at: Moment
    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True)
class ChannelUp:
    """The channel was answered."""

    at: Moment
    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True)
class CallerIdentified:
    """The caller's number or name changed, for example because the dialplan cleaned it."""

    at: Moment
    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelRenamed:
    """The channel now stands for another device: the visible half of a masquerade."""

    at: Moment
    uniqueid: Uniqueid
    interface: Interface


@dataclass(frozen=True, slots=True)
class HangupRequested:
    """Somebody asked for the channel to end. It precedes `ChannelEnded`, and tells whose wish it was."""

    at: Moment
    uniqueid: Uniqueid
    side: HangupSide
    busy: bool = False
    """The device refused because it was busy."""


@dataclass(frozen=True, slots=True)
class ChannelEnded:
    """The channel is gone. `cause` is the Q.850 cause."""

    at: Moment
    uniqueid: Uniqueid
    cause: int


@dataclass(frozen=True, slots=True)
class Held:
    """The device behind the channel put its party on hold."""

    at: Moment
    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True)
class Unheld:
    """The device behind the channel took its party off hold."""

    at: Moment
    uniqueid: Uniqueid


# --- dialling and bridging --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DialBegan:
    """`caller` (None when the PBX originated the call) began to call `leg`."""

    at: Moment
    caller: Channel | None
    leg: Channel
    dialled: str


class DialResult(StrEnum):
    """How one attempt to reach one device ended."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    CANCELLED = "cancelled"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class DialEnded:
    """The attempt ended. Comes twice for some legs: the first counts.

    `caller`: who called, None when the PBX did. `leg` is the channel that answered, which may be a picker's.
    """

    at: Moment
    leg: Uniqueid
    result: DialResult
    caller: Uniqueid | None = None


@dataclass(frozen=True, slots=True)
class LocalJoined:
    """Two halves of a Local channel: what `second` does in the dialplan happens for whoever called `first`."""

    at: Moment
    first: Uniqueid
    second: Uniqueid


@dataclass(frozen=True, slots=True)
class BridgeEntered:
    """The channel can hear who else is in the bridge. `replaced`: the channel whose seat it took, if any."""

    at: Moment
    bridge: BridgeId
    channel: Channel
    replaced: Uniqueid | None


@dataclass(frozen=True, slots=True)
class BridgeLeft:
    """The channel left the bridge."""

    at: Moment
    bridge: BridgeId
    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True)
class Transferred:
    """`transferee` was handed on by `transferer`. `kind`: blind or attended. `target`: whom he gets.

    `place`: the transferer's channel that waited in a queue or rang a phone: `transferee` waits there in its stead now.
    """

    at: Moment
    kind: str
    transferer: Uniqueid
    transferee: Uniqueid | None
    succeeded: bool
    target: Uniqueid | None = None
    place: Uniqueid | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """The channel was put into a parking lot."""

    at: Moment
    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True)
class PickedUp:
    """`picker` answered a call that was ringing at `target`."""

    at: Moment
    picker: Uniqueid
    target: Uniqueid


# --- queues -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallerJoined:
    """The caller began to wait in the queue."""

    at: Moment
    queue: QueueName
    channel: Channel


@dataclass(frozen=True, slots=True)
class CallerUnserved:
    """The queue gave the caller up. NOT an abandonment: also said at timeout, empty, withdrawal, redirection."""

    at: Moment
    queue: QueueName
    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The caller no longer waits in the queue, for whatever reason; precedes `AgentConnected`."""

    at: Moment
    queue: QueueName
    uniqueid: Uniqueid


@dataclass(frozen=True, slots=True)
class AgentCalled:
    """The queue began to call an agent for the caller. The phone does not ring yet."""

    at: Moment
    queue: QueueName
    caller: Uniqueid
    leg: Channel
    interface: Interface
    member: str


@dataclass(frozen=True, slots=True)
class AgentConnected:
    """The queue is about to bridge the caller with the agent. Said even when the caller has just hung up."""

    at: Moment
    queue: QueueName
    caller: Uniqueid
    leg: Uniqueid
    interface: Interface
    member: str


@dataclass(frozen=True, slots=True)
class AgentCompleted:
    """The queue has done with a talk: the agent need serve `caller` no more, who left or moved on (None: not told)."""

    at: Moment
    queue: QueueName
    caller: Uniqueid | None
    interface: Interface
    member: str


@dataclass(frozen=True, slots=True)
class AgentRangOut:
    """The queue gave up on this agent for now."""

    at: Moment
    queue: QueueName
    caller: Uniqueid
    leg: Uniqueid


class QueueResult(StrEnum):
    """Why Queue() ended, in the words of definitions.md."""

    TIMEOUT = "timeout"
    FULL = "full"
    JOIN_EMPTY = "join_empty"
    LEAVE_EMPTY = "leave_empty"
    WITHDRAWN = "withdrawn"
    CONTINUED = "continued"
    KEY = "key"
    ABANDONED = "abandoned"
    """Only in the queue log; AMI's own word for it is `CallerUnserved`, and neither proves an abandonment."""
    CONNECTED = "connected"
    """Only in the queue log."""
    INCOMPATIBLE = "incompatible"
    """Only in the queue log."""


@dataclass(frozen=True, slots=True)
class QueueResultTold:
    """The dialplan says how Queue() ended: refusals are told only here, for they cause no queue event."""

    at: Moment
    queue: QueueName
    channel: Channel
    result: QueueResult


@dataclass(frozen=True, slots=True)
class QueueResultLogged:
    """queue_log says how the caller's stay ended. `at.wall` is whole seconds; `at.mono` is when the line was read.

    `agent`, `leg`: the member to whom he was connected, and the channel of that phone; empty when he was not. `waited`:
    whole seconds; None when it is not said.
    """

    at: Moment
    queue: QueueName
    uniqueid: Uniqueid
    result: QueueResult
    agent: str = ""
    waited: timedelta | None = None
    leg: str = ""


class MemberState(StrEnum):
    """What an agent of a queue can do now: exactly one."""

    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    PAUSED = "paused"
    WRAP_UP = "wrap_up"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Member:
    """An agent's place in one queue. `reason` is free text: of whoever paused him.

    Attributes:
        device: the phone behind an interface that is not one itself (a Local channel's state interface).
        phone: what his phone does, paused or not, and ready where nobody tells; None: as `state` says.
        paused, reason: in this queue, and why.
        wrap_up: after each talk, where he has a time of his own; zero: that of the queue.
    """

    queue: QueueName
    interface: Interface
    name: str
    state: MemberState
    device: Interface | None = None
    phone: MemberState | None = None
    paused: bool = False
    reason: str = ""
    wrap_up: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """An agent was added to a queue or changed state in it."""

    at: Moment
    member: Member


@dataclass(frozen=True, slots=True)
class MemberRemoved:
    """An agent was taken out of a queue."""

    at: Moment
    queue: QueueName
    interface: Interface


# --- the PBX itself and our line to it --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Phone:
    """A device, and whether a call would reach it; None: the PBX does not know."""

    interface: Interface
    reachable: bool | None


@dataclass(frozen=True, slots=True)
class PhoneTold:
    """The PBX says whether a device can be reached: it registered, or went, or did something else."""

    at: Moment
    phone: Phone


@dataclass(frozen=True, slots=True)
class LinkLost:
    """We no longer hear the PBX. What happens from here on is unknown until `SnapshotTaken`."""

    at: Moment
    reason: str


@dataclass(frozen=True, slots=True)
class LinkRestored:
    """We hear the PBX. `booted_at`: when its process started, to within seconds; None when it did not say."""

    at: Moment
    booted_at: datetime | None


@dataclass(frozen=True, slots=True)
class PbxStopping:
    """The PBX is being shut down in order: it hangs up every channel itself."""

    at: Moment


@dataclass(frozen=True, slots=True)
class WaitingCaller:
    """A caller in a snapshot's queue. `waited`: whole seconds, as the PBX counts them."""

    queue: QueueName
    channel: Channel
    waited: timedelta


@dataclass(frozen=True, slots=True)
class LiveChannel:
    """A channel in a snapshot. `bridge`: the bridge it is in, or None. `lived`: whole seconds. `ringing`: it is.

    `data`: what its application was given; of Dial(), the devices it calls, before a comma and joined by `&`.
    """

    channel: Channel
    bridge: BridgeId | None
    up: bool
    lived: timedelta
    application: str
    ringing: bool = False
    data: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """Everything that is at one instant. May be newer than events still on their way: merge, never close on absence.

    Attributes:
        at: when the listing ended.
        asked_at: when we asked for it.
        queues: all queues there are.
        waiting: who waits in them.
        members: who serves them; None when not asked for.
        channels: every channel; None when not asked for (the periodic comparison lists the queues only).
        phones: the devices that the PBX has ever told of; None when not asked for, or not told.
    """

    at: Moment
    asked_at: Moment
    queues: tuple[QueueName, ...]
    waiting: tuple[WaitingCaller, ...]
    members: tuple[Member, ...] | None
    channels: tuple[LiveChannel, ...] | None
    phones: tuple[Phone, ...] | None = None


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Nothing happened up to `at`: what waits for a deadline may now fall due."""

    at: Moment


Fact = (
    ChannelAppeared
    | ChannelAlerted
    | ChannelUp
    | CallerIdentified
    | ChannelRenamed
    | HangupRequested
    | ChannelEnded
    | Held
    | Unheld
    | DialBegan
    | DialEnded
    | LocalJoined
    | BridgeEntered
    | BridgeLeft
    | Transferred
    | Parked
    | PickedUp
    | CallerJoined
    | CallerUnserved
    | CallerLeft
    | AgentCalled
    | AgentConnected
    | AgentCompleted
    | AgentRangOut
    | QueueResultTold
    | QueueResultLogged
    | MemberChanged
    | MemberRemoved
    | PhoneTold
    | LinkLost
    | LinkRestored
    | PbxStopping
    | SnapshotTaken
    | TimePassed
)
