"""A caller and an agent in a bridge: from the first word to the last, and what AgentComplete makes of it."""

from typing import TYPE_CHECKING

from tests.simulation.channel import Channel
from tests.simulation.ringing import Headers, Ring
from tests.simulation.story import MS, SECOND, Stage
from tests.simulation.truth import Visit

if TYPE_CHECKING:
    from tests.simulation.caller import Caller
    from tests.simulation.pbx import Going, Resting


class Conversation:
    """A talk that a visit came to."""

    def __init__(self, caller: "Caller", stage: Stage, ring: Ring, visit: Visit, *, last: bool) -> None:
        self.caller, self.stage, self.ring, self.visit, self.last = caller, stage, ring, visit, last
        self.bridge, self.behind = caller.pbx.bridge_id(), ""
        self.seats: list[Channel] = []

    # --- bridges ---

    @staticmethod
    def bridge_event(  # noqa: PLR0917
        caller: "Caller", name: str, channel: Channel, bridge: str, seats: int, swapped: str = ""
    ) -> int:
        """BridgeEnter or BridgeLeave."""
        headers: Headers = [
            ("BridgeUniqueid", bridge), ("BridgeType", "basic"), ("BridgeTechnology", "simple_bridge"),
            ("BridgeCreator", "<unknown>"), ("BridgeName", "<unknown>"), ("BridgeNumChannels", str(seats)),
            ("BridgeVideoSourceMode", "none"), *channel.headers(),
        ]  # fmt: skip
        if swapped:
            headers.append(("SwapUniqueid", swapped))
        channel.bridge = bridge if name == "BridgeEnter" else ""
        stamp = caller.say(name, "call", headers)
        channel.note(stamp)
        return stamp

    @staticmethod
    def alone_in(caller: "Caller", bridge: str) -> None:
        """A parking lot."""
        Conversation.bridge_event(caller, "BridgeEnter", caller.channel, bridge, 1)

    def enters(self, channel: Channel, swapped: str = "") -> int:
        """Into the bridge of the talk."""
        self.seats.append(channel)
        return self.bridge_event(self.caller, "BridgeEnter", channel, self.bridge, len(self.seats), swapped)

    def leaves(self, channel: Channel) -> int:
        """Out of it."""
        self.seats.remove(channel)
        return self.bridge_event(self.caller, "BridgeLeave", channel, self.bridge, len(self.seats))

    # --- the talk ---

    def live(self) -> "Going":
        """All of it. True: the caller goes on in the dialplan."""
        caller, ring, plan, visit = self.caller, self.ring, self.stage.talk, self.visit
        self.agent = ring.leg
        first, second = (ring.leg, caller.channel) if caller.rng.random() < 0.8 else (caller.channel, ring.leg)
        self.enters(first)
        begun = self.begun = self.enters(second)
        if visit.kind == "direct":
            visit.left = begun
        visit.outcome, visit.decided = "answered", begun
        if ring.far is not None:
            self.behind_local()
        yield from self.holds(plan.held)
        ends = plan.ends
        until = begun + max(plan.lasts, caller.clock - begun + MS)
        while caller.clock < until:
            note = yield until
            if note[0] == "shutdown":
                ends, caller.shut = "shutdown", True
                break
        if ends == "blind" and self.last:
            ends = "agent"
        stopped = getattr(self, "ends_by_" + ends)()
        visit.talks.append((self.begun, stopped))
        visit.hung_up_by = {"caller": "caller", "agent": "agent", "ami": "pbx"}.get(ends)
        return ends in {"blind", "agent", "ami"} and caller.channel.died is None and not caller.shut

    def behind_local(self) -> None:
        """The phone and the far half of a Local channel meet in a bridge of their own; perhaps all that goes away."""
        ring, caller = self.ring, self.caller
        assert ring.far is not None
        self.behind = caller.pbx.bridge_id()
        for seats, channel in enumerate((ring.real, ring.far), 1):
            self.bridge_event(caller, "BridgeEnter", channel, self.behind, seats)
        if not ring.optimised:
            return
        local = [*ring.leg.headers("LocalOne"), *ring.far.headers("LocalTwo")]
        begins = [*local, *ring.real.headers("Source"), ("DestUniqueId", caller.channel.uniqueid), ("Id", "1")]
        caller.say("LocalOptimizationBegin", "call", begins)
        self.bridge_event(caller, "BridgeLeave", ring.real, self.behind, 1)
        # For some microseconds he hears nobody.
        self.visit.talks.append((self.begun, self.leaves(ring.leg)))
        self.agent = ring.real
        self.begun = self.enters(ring.real, swapped=ring.leg.uniqueid)
        caller.say("LocalOptimizationEnd", "call", [*local, ("Success", "Yes"), ("Id", "1")])
        self.bridge_event(caller, "BridgeLeave", ring.far, self.behind, 0)
        caller.say("HangupRequest", "call", [*ring.far.headers(), ("Cause", "16")])
        caller.dies(ring.leg)
        caller.say("SoftHangupRequest", "call", [*ring.far.headers(), ("Cause", "16")])
        caller.dies(ring.far)

    def holds(self, how_long: int) -> "Resting":
        """The agent puts him on hold for a while."""
        caller = self.caller
        if not how_long or caller.shut:
            return
        began = caller.say("Hold", "call", [*self.agent.headers(), ("MusicClass", "default")])
        until = began + how_long
        while caller.clock < until:
            note = yield until
            if note[0] == "shutdown":
                caller.shut = True
                caller.pbx.post(caller.clock, caller, note)
                return
        self.visit.held = caller.say("Unhold", "call", self.agent.headers()) - began

    # --- the end ---

    def ends_by_caller(self) -> int:
        """He hangs up."""
        caller = self.caller
        caller.wants_to_hang_up()
        self.completed("COMPLETECALLER", "caller")
        stopped = self.leaves(caller.channel)
        caller.asked_to_end()
        self.leaves(self.agent)
        if caller.rng.random() < 0.5:
            caller.dies(caller.channel)
        self.agent_dies()
        caller.end()
        return stopped

    def ends_by_agent(self) -> int:
        """The agent hangs up; the caller goes on only where Queue() has option c, or Dial() has g."""
        caller = self.caller
        caller.say("HangupRequest", "call", [*self.agent.headers(), ("Cause", "16")])
        return self.agent_goes("COMPLETEAGENT", "agent")

    def ends_by_ami(self) -> int:
        """AMI's Hangup of the agent's leg: nobody asked, and the Reason is wrong."""
        return self.agent_goes("COMPLETECALLER", "caller")

    def agent_goes(self, word: str, reason: str) -> int:
        """The agent's side is over first."""
        caller = self.caller
        self.completed(word, reason)
        stopped = self.leaves(self.agent)
        self.leaves(caller.channel)
        self.agent_dies()
        if not self.stage.goes_on:
            caller.end()
        elif self.visit.kind == "queue" and self.stage.told:
            more = [("UserEvent", "QueueResult"), ("Queue", self.visit.queue), ("Result", "CONTINUE")]
            caller.say("UserEvent", "user", [*caller.channel.headers(), *more])
        return stopped

    def ends_by_shutdown(self) -> int:
        """The PBX ends everybody."""
        caller = self.caller
        caller.asked_to_end(4)
        stopped = self.leaves(caller.channel)
        self.leaves(self.agent)
        self.agent_dies()
        caller.end()
        return stopped

    def ends_by_blind(self) -> int:
        """The agent hands him on, to whatever the next stage is."""
        caller = self.caller
        old = caller.channel.context, caller.channel.exten
        caller.channel.context, caller.channel.exten = "from-phones", "4013"
        left_first = caller.rng.random() < 0.5
        stopped = self.leaves(caller.channel) if left_first else 0
        caller.channel.context, caller.channel.exten = old
        headers = [
            ("Result", "Success"), *self.agent.headers("Transferer"), *caller.channel.headers("Transferee"),
            ("BridgeUniqueid", self.bridge), ("BridgeType", "basic"), ("BridgeTechnology", "native_rtp"),
            ("BridgeCreator", "<unknown>"), ("BridgeName", "<unknown>"), ("BridgeNumChannels", "2"),
            ("BridgeVideoSourceMode", "none"), ("IsExternal", "Yes"), ("Context", "from-phones"), ("Extension", "4013"),
        ]  # fmt: skip
        caller.say("BlindTransfer", "call", headers)
        self.completed("BLINDTRANSFER", "transfer")
        if not left_first:
            stopped = self.leaves(caller.channel)
        self.leaves(self.agent)
        self.agent_dies()
        return stopped

    def nobody_there(self) -> None:
        """AgentConnect was said of a caller who had gone: no word is spoken."""
        caller = self.caller
        self.agent = self.ring.leg
        self.completed("COMPLETECALLER", "caller")
        if caller.rng.random() < 0.5:
            caller.end()
        self.ring.hang_up(16)
        caller.end()

    def agent_dies(self) -> None:
        """His channels, whichever are left."""
        caller, ring = self.caller, self.ring
        if ring.far is not None and ring.far.died is None:
            caller.dies(ring.leg)
            for seats, channel in ((1, ring.far), (0, ring.real)):
                self.bridge_event(caller, "BridgeLeave", channel, self.behind, seats)
        caller.dies(self.agent)
        if ring.far is not None and ring.far.died is None:
            ring.hang_up_real("ANSWER", 16)
        else:
            ring.free()
        for member in self.caller.pbx.members.get(self.visit.queue, ()):
            if member.phone == ring.device:
                member.free_at = caller.clock + member.queue.wrapup

    def completed(self, word: str, reason: str) -> None:
        """queue_log's line, and AgentComplete: late, torn or never, and in no order with anything."""
        caller, visit, how = self.caller, self.visit, self.stage.talk.completes
        if visit.kind != "queue":
            return
        waited = str(((visit.left or visit.joined) - visit.joined) // SECOND)
        talked = str((caller.clock - (visit.decided or caller.clock)) // SECOND)
        extra = ["4013", "from-phones"] if word == "BLINDTRANSFER" else []
        caller.log(visit.queue, self.ring.agent, word, *extra, waited, talked, 1)
        if how == "never":
            return
        headers: Headers = []
        if how not in {"without_caller", "without_both"}:
            headers += caller.channel.headers()
        if how not in {"without_agent", "without_both"}:
            headers += self.agent.headers("Dest")
        more = [*self.ring.names(), ("HoldTime", waited), ("TalkTime", talked), ("Reason", reason)]
        caller.later("AgentComplete", [*headers, *more], 3 * SECOND if how == "late" else MS)
