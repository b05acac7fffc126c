"""The switch: channels come, change and go, and every listener is told as Asterisk would tell him. No I/O, no clock.

What is said goes to `listeners` (bytes of AMI events) and to `log` (lines of queue_log), at once and in order.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from random import Random

from telephony.simulator import wire
from telephony.simulator.calls import Call
from telephony.simulator.channels import Bridge, Channel
from telephony.simulator.ledger import Stay
from telephony.simulator.people import Staff
from telephony.simulator.queues import IN_USE, NOT_IN_USE, RING_IN_USE, RINGING, Member, Queue, QueueSettings
from telephony.simulator.timeline import SECOND, Timeline

STEP = 40
"""Microseconds between two events of one instant: no two have the same stamp."""
STATE_SECONDS = 0.0003
NATIVE = "native_rtp"
NONE = "NONE"
"""In queue_log, where there is no agent."""


class Pbx:
    """One Asterisk.

    Args:
        timeline: when things happen.
        systemname: goes into every event, and in front of every uniqueid.
        staff: what the phones do.
        rng: names of bridges.
        queues: a part of queues.conf.
        phones: whose they are, by interface.

    Attributes:
        listeners: are given every event.
        log: is given every line of queue_log, without its end.
        calls: everybody who called and has not gone, by uniqueid.
        stays: what happened, for whoever wants to check it.
        channels: those that live, by name.
        late_completes: so many AgentCompletes come after the Hangup and without the agent (2.7 % on a busy PBX).
        slips: so many callers hang up in the instant in which they are put through.
    """

    def __init__(  # noqa: PLR0913 - what a PBX is made of
        self,
        timeline: Timeline,
        systemname: str,
        staff: Staff,
        rng: Random,
        *,
        queues: Iterable[QueueSettings],
        phones: Mapping[str, str],
    ) -> None:
        self.phones = phones
        self.timeline, self.systemname, self.staff, self.rng = timeline, systemname, staff, rng
        self.booted = timeline.now
        self.listeners: list[Callable[[bytes], None]] = []
        self.log: Callable[[str], None] = lambda _: None
        self.queues = {settings.name: Queue(settings) for settings in queues}
        self.channels: dict[str, Channel] = {}
        self.calls: dict[str, Call] = {}
        self.stays: list[Stay] = []
        self.late_completes = self.slips = 0.0
        self._stamp = timeline.now
        self._born = self._numbered = 0

    # --- what is said ---

    @property
    def seconds(self) -> int:
        """This instant in whole seconds since 1970, the unit of queue_log."""
        return self.timeline.now // SECOND

    def tell(self, event: str, privilege: str, *parts: wire.Pairs) -> int:
        """One event to every listener; gives its stamp."""
        self._stamp = max(self._stamp + STEP, self.timeline.now)
        opening: list[tuple[str, object]] = [
            ("Event", event),
            ("Privilege", f"{privilege},all"),
            ("Timestamp", wire.stamp(self._stamp)),
            ("SystemName", self.systemname),
        ]
        data = wire.message([*opening, *(pair for part in parts for pair in part)])
        for listener in self.listeners:
            listener(data)
        return self._stamp

    def write(self, callid: str, queue: str, agent: str, event: str, *data: object) -> None:
        """One line of queue_log."""
        self.log("|".join([str(self.seconds), callid, queue, agent, event, "|".join(map(str, data))]))

    # --- channels ---

    def new_channel(  # noqa: PLR0913, PLR0917 - a channel has so many properties from birth
        self, interface: str, state: int, number: str, name: str, place: tuple[str, str], linkedid: str = ""
    ) -> Channel:
        """A channel is born; `place` is its context and extension."""
        uniqueid = f"{self.systemname}-{self.seconds}.{self._born}"
        channel = Channel(
            name=f"{interface}-{self._numbered:08x}",
            uniqueid=uniqueid,
            linkedid=linkedid or uniqueid,
            state=state,
            number=number,
            caller_name=name,
            context=place[0],
            exten=place[1],
            created=self.timeline.now,
        )
        self._born += 1
        self._numbered += 1
        self.register(channel)
        return channel

    def new_local(self, place: tuple[str, str], halves: int, linkedid: str) -> list[Channel]:
        """Both halves of a Local channel are born: one name, two channels."""
        made = []
        for half, state in ((1, wire.DOWN), (2, wire.RING)):
            uniqueid = f"{self.systemname}-{self.seconds}.{self._born}"
            self._born += 1
            name = f"Local/{place[1]}@{place[0]}-{halves:08x};{half}"
            channel = Channel(
                name=name,
                uniqueid=uniqueid,
                linkedid=linkedid,
                state=state,
                number="",
                caller_name="",
                context=place[0],
                exten=place[1],
                created=self.timeline.now,
            )
            self.register(channel)
            made.append(channel)
        return made

    def register(self, channel: Channel) -> None:
        """It lives from now on."""
        self.channels[channel.name] = channel
        self.tell("Newchannel", "call", channel.headers())

    def set_state(self, channel: Channel, state: int) -> int:
        """It rings, or it answers."""
        channel.state = state
        return self.tell("Newstate", "call", channel.headers())

    def identify(self, channel: Channel, number: str, name: str) -> None:
        """Its own number and name."""
        channel.number, channel.caller_name = number, name
        pres = [("CID-CallingPres", "0 (Presentation Allowed, Not Screened)")]
        self.tell("NewCallerid", "call", channel.headers(), pres)

    def connect_line(self, channel: Channel, number: str, name: str) -> None:
        """Who is on the other side, when that is news."""
        if (channel.connected_number, channel.connected_name) != (number, name):
            channel.connected_number, channel.connected_name = number, name
            self.tell("NewConnectedLine", "call", channel.headers())

    def device_hangs_up(self, channel: Channel, *, as_born: bool = False) -> int:
        """The telephone at its far end hung up, or refused.

        Args:
            channel: its.
            as_born: app_queue sets whom it is connected to without publishing it; until it rings, nobody has heard.
        """
        connected = channel.connected_number, channel.connected_name
        if as_born:
            channel.connected_number = channel.connected_name = ""
        when = self.tell("HangupRequest", "call", channel.headers(), _causes(channel))
        channel.connected_number, channel.connected_name = connected
        return when

    def ask_for_end(self, channel: Channel) -> None:
        """The PBX asks for its end, which it does at the end of everything."""
        tech = [("TechCause", channel.tech_cause)] if channel.tech_cause else []
        self.tell("SoftHangupRequest", "call", channel.headers(), [("Cause", 16)], tech)

    def end(self, channel: Channel, cause: int | None = None) -> int:
        """It is gone. `cause`: if it has none of its own."""
        channel.cause = channel.cause or cause or 0
        tech = channel.tech_cause or channel.final_tech_cause
        told = [("Cause", channel.cause), ("Cause-txt", wire.CAUSES[channel.cause])]
        when = self.tell("Hangup", "call", channel.headers(), told, [("TechCause", tech)] if tech else [])
        channel.ended = True
        self.channels.pop(channel.name, None)
        self.calls.pop(channel.uniqueid, None)
        return when

    # --- bridges ---

    def new_bridge(self) -> Bridge:
        """An empty one."""
        bridge = Bridge(str(uuid.UUID(int=self.rng.getrandbits(128), version=4)))
        self.tell("BridgeCreate", "call", bridge.headers())
        return bridge

    def enter(self, bridge: Bridge, channel: Channel) -> int:
        """A channel hears all others in it from now on."""
        bridge.channels.append(channel)
        channel.bridge = bridge
        return self.tell("BridgeEnter", "call", bridge.headers(), channel.headers())

    def leave(self, channel: Channel) -> None:
        """It hears nobody any more."""
        bridge = channel.bridge
        if bridge is not None:
            bridge.channels.remove(channel)
            channel.bridge = None
            channel.cause = 16
            self.tell("BridgeLeave", "call", bridge.headers(), channel.headers())

    def destroy(self, bridge: Bridge) -> None:
        """Nobody is in it any more."""
        self.tell("BridgeDestroy", "call", bridge.headers())

    # --- members ---

    def members(self, interface: str) -> list[Member]:
        """Everywhere he serves."""
        return [member for queue in self.queues.values() for member in queue.members if member.interface == interface]

    def add_member(self, queue: str, interface: str, name: str, *, paused: bool = False, static: bool = True) -> None:
        """Somebody serves a queue: by its configuration, or by hand, of which everybody is told."""
        membership = "static" if static else "dynamic"
        member = Member(queue, name, interface, self.seconds, membership, paused=paused, status=self._state(interface))
        member.called = not self.idle(interface)
        self.queues[queue].members.append(member)
        if not static:
            self.tell("QueueMemberAdded", "agent", member.headers())
            self.write("MANAGER", queue, interface, "ADDMEMBER", "PAUSED" if paused else "")

    def remove_member(self, queue: str, interface: str) -> None:
        """Somebody does not serve a queue any longer."""
        members = self.queues[queue].members
        for member in [one for one in members if one.interface == interface]:
            members.remove(member)
            self.tell("QueueMemberRemoved", "agent", member.headers())
            self.write("MANAGER", queue, interface, "REMOVEMEMBER", "")

    def pause(self, interface: str, *, paused: bool, reason: str = "") -> None:
        """Somebody has a pause everywhere, or has had it."""
        self.write(NONE, NONE, interface, "PAUSEALL" if paused else "UNPAUSEALL", "")
        for member in self.members(interface):
            member.paused, member.reason = paused, reason if paused else ""
            member.last_pause = self.seconds if paused else member.last_pause
            self.write(NONE, member.queue, member.name, "PAUSE" if paused else "UNPAUSE", member.reason)
            self.tell("QueueMemberPause", "agent", member.headers())

    def call_up(self, interface: str) -> None:
        """His phone is called for somebody: it is nobody else's."""
        for member in self.members(interface):
            member.called = True

    def free(self, interface: str) -> None:
        """His phone is not called any longer."""
        for member in self.members(interface):
            member.called = False
        self.look_at(interface)

    def look_at(self, interface: str) -> None:
        """What his phone does has changed. The queues learn of it by a thread of their own, a moment later."""
        self.timeline.after(STATE_SECONDS, lambda: self._tell_state(interface))

    def idle(self, interface: str) -> bool:
        """Nothing goes on at a phone."""
        return all(channel.interface != interface for channel in self.channels.values())

    def in_use(self, interface: str) -> bool:
        """It rings, or somebody talks on it."""
        return self._state(interface) != NOT_IN_USE

    def _state(self, interface: str) -> int:
        states = {channel.state for channel in self.channels.values() if channel.interface == interface}
        if wire.RINGING in states:
            return RING_IN_USE if wire.UP in states else RINGING
        return IN_USE if wire.UP in states else NOT_IN_USE

    def _tell_state(self, interface: str) -> None:
        status = self._state(interface)
        for member in self.members(interface):
            if member.status != status:
                member.status = status
                self.tell("QueueMemberStatus", "agent", member.headers())


def _causes(channel: Channel) -> list[tuple[str, object]]:
    cause: list[tuple[str, object]] = [("Cause", channel.cause)] if channel.cause else []
    return [*cause, ("TechCause", channel.tech_cause)] if channel.tech_cause else cause


__all__ = ["NATIVE", "NONE", "Pbx"]
