"""An attended transfer: the agent asks a colleague while the caller holds, then hands over. No I/O.

As the recording `attended_transfer` has it: the colleague is reached through a Local channel that stays. The colleague
answers, and the caller stays until he has been handed over; other endings nobody has recorded.
"""

from dataclasses import dataclass

from telephony.simulator import wire
from telephony.simulator.calls import Call, Completed, End, Leg
from telephony.simulator.channels import Bridge, Channel
from telephony.simulator.pbx import Pbx
from telephony.simulator.ringing import PHONES, number_of, release
from telephony.simulator.timeline import SECOND, Running

DIGITS_SECONDS = 0.18
"""From the hold to the call of the colleague: the digits are dialled."""
SETUP_SECONDS, COLLEAGUE_SECONDS = 0.0012, 1.0
"""Until the colleague's phone rings, and until he answers."""


@dataclass(eq=False, slots=True)
class _Consultation:
    """Who takes part: the agent and the near half of the Local channel in one bridge, the rest in another."""

    pbx: Pbx
    call: Call
    leg: Leg
    held: Bridge
    asked: Bridge
    near: Channel
    far: Channel
    colleague: Channel

    @property
    def name(self) -> str:
        return self.colleague.caller_name

    @property
    def number(self) -> str:
        return self.colleague.number


def consult(pbx: Pbx, call: Call, leg: Leg, completed: Completed) -> Running[End]:
    """Ask, hand over, and let caller and colleague talk until the caller hangs up."""
    assert leg.consult is not None  # noqa: S101 - that is why
    interface, lasts = leg.consult
    pbx.tell("Hold", "call", leg.channel.headers())
    yield from _pause(pbx, DIGITS_SECONDS)
    asking = _call(pbx, call, leg, interface)
    yield from _pause(pbx, SETUP_SECONDS)
    _ring(asking)
    yield from _pause(pbx, COLLEAGUE_SECONDS)
    other = _answer(asking)
    yield from _pause(pbx, lasts)
    _hand_over(asking, completed)
    while not call.gone:
        yield None
    _end(asking, other)
    return End.CALLER


def _pause(pbx: Pbx, seconds: float) -> Running[None]:
    until = pbx.timeline.now + round(seconds * SECOND)
    while pbx.timeline.now < until:
        yield until


def _call(pbx: Pbx, call: Call, leg: Leg, interface: str) -> _Consultation:
    number, agent = number_of(interface), leg.channel
    held = call.channel.bridge
    assert held is not None  # noqa: S101 - they talk
    near, far = pbx.new_local((PHONES, number), 0, call.channel.linkedid)
    asked = pbx.new_bridge()
    pbx.identify(far, agent.number, agent.caller_name)
    told = [("Context", PHONES), ("Exten", number), ("LocalOptimization", "Yes")]
    pbx.tell("LocalBridge", "call", near.headers("LocalOne"), far.headers("LocalTwo"), told)
    pbx.connect_line(near, agent.number, agent.caller_name)
    pbx.enter(asked, near)
    pbx.leave(agent)
    agent.cause = 0
    pbx.enter(asked, agent)
    pbx.connect_line(agent, "", "")
    named = pbx.phones.get(interface, "")
    colleague = pbx.new_channel(interface, wire.DOWN, number, named, (PHONES, "s"), call.channel.linkedid)
    colleague.exten = number
    pbx.connect_line(colleague, agent.number, agent.caller_name)
    pbx.tell("DialBegin", "call", far.headers(), colleague.headers("Dest"), [("DialString", number)])
    pbx.connect_line(far, number, named)
    pbx.connect_line(agent, number, named)
    pbx.call_up(interface)
    return _Consultation(pbx, call, leg, held, asked, near, far, colleague)


def _ring(asking: _Consultation) -> None:
    pbx, near, far, colleague = asking.pbx, asking.near, asking.far, asking.colleague
    pbx.set_state(colleague, wire.RINGING)
    pbx.look_at(colleague.interface)
    near.number, near.caller_name = asking.number, asking.name
    pbx.set_state(near, wire.RINGING)
    pbx.identify(near, asking.number, asking.name)
    pbx.tell("DialState", "call", near.headers("Dest"), [("DialStatus", "RINGING")])
    pbx.tell("DialState", "call", far.headers(), colleague.headers("Dest"), [("DialStatus", "RINGING")])


def _answer(asking: _Consultation) -> Bridge:
    pbx, near, far, colleague = asking.pbx, asking.near, asking.far, asking.colleague
    answered = [("DialStatus", "ANSWER")]
    pbx.set_state(colleague, wire.UP)
    pbx.look_at(colleague.interface)
    colleague.exten = ""
    pbx.tell("DialEnd", "call", far.headers(), colleague.headers("Dest"), answered)
    pbx.set_state(far, wire.UP)
    other = pbx.new_bridge()
    pbx.enter(other, colleague)
    pbx.set_state(near, wire.UP)
    pbx.tell("DialEnd", "call", near.headers("Dest"), answered)
    pbx.enter(other, far)
    return other


def _hand_over(asking: _Consultation, completed: Completed) -> None:
    pbx, call, leg, near = asking.pbx, asking.call, asking.leg, asking.near
    agent, asked, held = leg.channel, asking.asked, asking.held
    held.technology = "simple_bridge"
    pbx.device_hangs_up(agent)
    pbx.tell("BridgeMerge", "call", _prefixed("To", held), _prefixed("From", asked))
    pbx.leave(near)
    pbx.enter(held, near)
    pbx.leave(agent)
    pbx.tell(
        "AttendedTransfer",
        "call",
        [("Result", "Success"), *agent.headers("OrigTransferer"), *_prefixed("Orig", held)],
        [*agent.headers("SecondTransferer"), *_prefixed("Second", asked)],
        [*call.channel.headers("Transferee"), *near.headers("TransferTarget")],
        [("IsExternal", "No"), ("DestType", "Bridge"), ("DestBridgeUniqueid", held.uniqueid)],
    )
    completed("agent")
    pbx.connect_line(call.channel, asking.number, asking.name)
    pbx.connect_line(near, call.channel.number, call.channel.caller_name)
    pbx.destroy(asked)
    release(pbx, call, leg)
    pbx.connect_line(asking.colleague, call.channel.number, call.channel.caller_name)
    if call.caller.talks_for is not None:
        pbx.timeline.after(call.caller.talks_for, lambda: _hang_up(asking))


def _hang_up(asking: _Consultation) -> None:
    if not asking.call.gone:
        asking.call.hung_up = asking.pbx.device_hangs_up(asking.call.channel)
        asking.call.wake()


def _prefixed(prefix: str, bridge: Bridge) -> list[tuple[str, object]]:
    return bridge.headers(prefix)


def _end(asking: _Consultation, other: Bridge) -> None:
    pbx, caller, near, far = asking.pbx, asking.call.channel, asking.near, asking.far
    pbx.leave(caller)
    pbx.leave(near)
    pbx.destroy(asking.held)
    far.cause = 16
    pbx.device_hangs_up(far)
    pbx.end(near)
    pbx.identify(far, caller.number, caller.caller_name)
    pbx.leave(far)
    pbx.ask_for_end(far)
    pbx.leave(asking.colleague)
    pbx.end(far)
    pbx.destroy(other)
    pbx.end(asking.colleague)
    pbx.free(asking.colleague.interface)
