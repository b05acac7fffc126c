"""One phone that is rung for a caller: a SIP phone, or one behind a Local channel; up to its last hang-up."""

from typing import TYPE_CHECKING

from tests.simulation.channel import Channel
from tests.simulation.story import Phone
from tests.simulation.truth import Offer

if TYPE_CHECKING:
    from tests.simulation.caller import Caller

Headers = list[tuple[str, str]]


class Ring:
    """A phone rung for a caller.

    Attributes:
        leg: the channel that was called: the phone's, or the near half of a Local channel.
        far, real: the other half, and the phone's channel behind it; the same as `leg` for a SIP phone.
        queue: empty when Dial() calls.
        rings, up, over: where it is.
    """

    def __init__(self, caller: "Caller", interface: str, agent: str, phone: Phone, queue: str = "") -> None:
        self.caller, self.interface, self.agent, self.phone, self.queue = caller, interface, agent, phone, queue
        self.application = "AppQueue" if queue else "AppDial"
        self.far: Channel | None = None
        self.rings = self.up = self.over = False
        self.begun = caller.clock
        self.device = interface if interface.startswith("PJSIP/") else f"PJSIP/{interface[6:10]}"

    @property
    def optimised(self) -> bool:
        """A Local channel that is taken out of the way once both sides talk."""
        return self.far is not None and not self.interface.endswith("/n")

    def both(self) -> Headers:
        """The headers of caller and leg."""
        return [*self.caller.channel.headers(), *self.leg.headers("Dest")]

    def names(self) -> Headers:
        """Which member of which queue."""
        return [("Queue", self.queue), ("Interface", self.interface), ("MemberName", self.agent)]

    def begin(self) -> Offer:
        """Call it: it does not ring yet."""
        caller, root = self.caller, self.caller.channel.linkedid
        if self.interface.startswith("Local/"):
            self.leg, self.far = caller.pbx.local(self.interface, caller.clock, linkedid=root, exten=self.device[6:])
            for half in (self.leg, self.far):
                caller.appears(half)
            local = [*self.leg.headers("LocalOne"), *self.far.headers("LocalTwo")]
            more = [("Context", "agents"), ("Exten", self.device[6:]), ("LocalOptimization", "Yes")]
            caller.say("LocalBridge", "call", [*local, *more])
        else:
            self.leg = self.real = self.new_phone()
        self.leg.application = self.application
        self.leg.note(caller.clock)
        called = self.announce()
        caller.pbx.in_use[self.device] = caller.pbx.in_use.get(self.device, 0) + 1
        if self.far is not None:
            self.real = self.new_phone()
            self.real.application = "AppDial"
            headers = [*self.far.headers(), *self.real.headers("Dest"), ("DialString", self.device[6:])]
            caller.say("DialBegin", "call", headers)
        self.offer = Offer(self.agent, self.leg.uniqueid, called)
        self.begun = caller.clock
        self.schedule()
        return self.offer

    def new_phone(self) -> Channel:
        """The channel to the device."""
        caller = self.caller
        phone = caller.pbx.channel(
            self.device, caller.clock, linkedid=caller.channel.linkedid, number=self.device[6:], name=self.agent
        )
        caller.appears(phone)
        return phone

    def announce(self) -> int:
        """AgentCalled (of a queue) and DialBegin, in this order; the stamp of the first."""
        called = None
        if self.queue:
            called = self.caller.say("AgentCalled", "agent", [*self.both(), *self.names()])
        began = self.caller.say("DialBegin", "call", [*self.both(), ("DialString", self.interface)])
        return called or began

    def schedule(self) -> None:
        """What the phone will do by itself."""
        caller, phone = self.caller, self.phone
        if phone.does in {"silent", "gone"}:
            return
        if phone.does == "busy":
            caller.pbx.post(self.begun + phone.alerts, caller, ("refuse", self))
            return
        caller.pbx.post(self.begun + phone.alerts, caller, ("ring", self))
        if phone.does in {"answers", "refuses"}:
            what = "up" if phone.does == "answers" else "refuse"
            caller.pbx.post(self.begun + phone.alerts + phone.acts, caller, (what, self))

    def alert(self) -> None:
        """It rings: both Newstate and DialState say so, in either order."""
        if self.rings or self.up or self.over:
            return
        self.rings = True
        legs = [self.real] if self.far is None else [self.real, self.leg]
        told = []
        for leg in legs:
            leg.state = 5
            dialler = self.caller.channel if leg is self.leg else self.far
            assert dialler is not None
            state = [*dialler.headers(), *leg.headers("Dest"), ("DialStatus", "RINGING")]
            told += [("Newstate", leg.headers(), leg), ("DialState", state, leg)]
        if self.phone.states == "DialState" and self.far is None:
            told.reverse()
        for name, headers, leg in told:
            stamp = self.caller.say(name, "call", headers)
            leg.note(stamp)
            self.offer.rang = self.offer.rang or stamp
        self.caller.member_status(self, 6)

    def answer(self, *, unsaid: bool = False) -> None:
        """Somebody picks up."""
        caller = self.caller
        self.up = True
        legs = [self.real] if self.far is None else [self.real, self.leg, self.far]
        for leg in legs:
            leg.state = 6
            stamp = caller.say("Newstate", "call", leg.headers())
            leg.note(stamp)
            if leg is self.leg:
                self.ends(stamp, "answered")
            if leg is self.real and self.far is not None:
                headers = [*self.far.headers(), *leg.headers("Dest"), ("DialStatus", "ANSWER")]
                caller.say("DialEnd", "call", headers)
        caller.member_status(self, 2)
        if not unsaid:
            self.dial_end("ANSWER")

    def dial_end(self, status: str) -> int:
        """The attempt is over, says the caller's side."""
        return self.caller.say("DialEnd", "call", [*self.both(), ("DialStatus", status)])

    def ends(self, stamp: int, result: str) -> None:
        """It rings no more; the first word counts."""
        if self.offer.ended is None:
            self.offer.ended = stamp
            self.offer.result = result if result != "no_answer" or self.offer.rang is not None else "unreachable"

    def refuse(self, *, busy: bool) -> None:
        """The phone says no."""
        cause = "17" if busy else "21"
        more = [("Cause", cause), ("TechCause", "486" if busy else "603")]
        self.over = True
        self.result = "busy" if busy else "no_answer"
        if self.far is None:
            self.ends(self.caller.say("HangupRequest", "call", [*self.real.headers(), *more]), self.result)
        else:
            self.caller.say("HangupRequest", "call", [*self.real.headers(), *more])
            self.hang_up_real("BUSY" if busy else "NOANSWER", int(cause))

    def rang_out(self, milliseconds: int) -> int:
        """AgentRingNoAnswer, in milliseconds."""
        headers = [*self.both(), *self.names(), ("RingTime", str(milliseconds))]
        return self.caller.say("AgentRingNoAnswer", "agent", headers)

    def silence(self, status: str, result: str, *, twice: bool) -> int:
        """The caller's side gives it up; the stamp at which it says so first."""
        self.over = True
        stamp = self.dial_end(status)
        self.ends(stamp, result)
        if twice:
            self.dial_end("CANCEL")
        return stamp

    def hang_up(self, cause: int = 0) -> None:
        """All its channels end."""
        self.over = True
        if self.far is not None:
            self.hang_up_real("CANCEL", 16)
        self.caller.dies(self.leg, cause)
        if self.far is None:
            self.free()

    def hang_up_real(self, status: str, cause: int) -> None:
        """The phone behind a Local channel, and the half that called it, end."""
        caller, far = self.caller, self.far
        if far is None or far.died is not None:
            return
        if not self.up:
            caller.say("DialEnd", "call", [*far.headers(), *self.real.headers("Dest"), ("DialStatus", status)])
        if far.died is None:
            caller.say("SoftHangupRequest", "call", [*far.headers(), ("Cause", "16")])
            caller.dies(far, cause)
        if self.real.died is None:
            caller.dies(self.real, cause)
            self.free()

    def free(self) -> None:
        """The phone can be rung again."""
        pbx = self.caller.pbx
        pbx.in_use[self.device] = max(0, pbx.in_use.get(self.device, 0) - 1)
        self.caller.member_status(self, 1)
