"""A caller and an agent in one bridge, until one of them, or the PBX, ends it. No I/O.

The order of what is said at each kind of end is that of the recordings named in the tests.
"""

from collections.abc import Callable

from telephony.simulator.calls import Call, Completed, End, Leg
from telephony.simulator.channels import Bridge
from telephony.simulator.consulting import consult
from telephony.simulator.pbx import NATIVE, Pbx
from telephony.simulator.ringing import PHONES, release
from telephony.simulator.timeline import Running


def put_through(pbx: Pbx, call: Call, leg: Leg, bridge: Bridge) -> int:
    """Both into one bridge, the agent first; gives the moment from which they hear each other."""
    pbx.enter(bridge, leg.channel)
    when = pbx.enter(bridge, call.channel)
    bridge.technology = NATIVE
    call.talking = leg
    return when


def talk(pbx: Pbx, call: Call, leg: Leg, completed: Completed) -> Running[End]:
    """Both talk. Afterwards the agent's channel is gone; the caller's is not yet, whoever hung up."""
    _plan(pbx, call, leg)
    bridge = call.channel.bridge
    assert bridge is not None  # noqa: S101 - he was put through
    while not (call.gone or call.moved or leg.hung_up or leg.ended or leg.transfer or leg.consult):
        yield None
    if leg.consult and not (call.gone or leg.hung_up or leg.ended):
        end = yield from consult(pbx, call, leg, completed)
    elif leg.transfer and not call.gone:
        end = _transferred(pbx, call, leg, bridge, completed)
    elif leg.ended:
        end = _ended_by_pbx(pbx, call, leg, bridge, completed)
    elif leg.hung_up:
        end = _agent_hung_up(pbx, call, leg, bridge, completed)
    else:
        end = _caller_hung_up(pbx, call, leg, bridge, completed)
    call.talking = None
    return end


def _plan(pbx: Pbx, call: Call, leg: Leg) -> None:
    """What both will do, as far as they know."""
    reaction = leg.reaction

    def let(after: float | None, action: Callable[[], None]) -> None:
        if after is not None:
            pbx.timeline.after(after, act(action))

    def act(action: Callable[[], None]) -> Callable[[], None]:
        def now() -> None:
            if call.talking is leg and not call.gone and not leg.hung_up and not leg.consult:
                action()
                call.wake()

        return now

    let(call.caller.talks_for, lambda: _caller_hangs_up(pbx, call))
    let(reaction.talks_for, lambda: _agent_hangs_up(pbx, leg))
    if reaction.holds is not None:
        begin, lasts = reaction.holds
        music = [("MusicClass", "default")]
        let(begin, lambda: _told(pbx.tell("Hold", "call", leg.channel.headers(), music)))
        let(begin + lasts, lambda: unhold(pbx, leg))
    if reaction.transfers is not None:
        after, number = reaction.transfers
        let(after, lambda: setattr(leg, "transfer", number))
    if reaction.consults is not None:
        begin, colleague, lasts = reaction.consults
        let(begin, lambda: _consults(pbx, leg, colleague, lasts))


def _told(_stamp: int) -> None:
    """Nobody needs to know when."""


def _consults(pbx: Pbx, leg: Leg, colleague: str, lasts: float) -> None:
    if pbx.idle(colleague):  # else he does not disturb him
        leg.consult = colleague, lasts


def _caller_hangs_up(pbx: Pbx, call: Call) -> None:
    call.hung_up = pbx.device_hangs_up(call.channel)


def _agent_hangs_up(pbx: Pbx, leg: Leg) -> None:
    pbx.device_hangs_up(leg.channel)
    leg.hung_up = True


def unhold(pbx: Pbx, leg: Leg) -> None:
    """The agent takes the caller back."""
    pbx.tell("Unhold", "call", leg.channel.headers())


def _caller_hung_up(pbx: Pbx, call: Call, leg: Leg, bridge: Bridge, completed: Completed) -> End:
    completed("caller")
    pbx.leave(call.channel)
    pbx.leave(leg.channel)
    pbx.destroy(bridge)
    release(pbx, call, leg)
    return End.CALLER


def _agent_hung_up(pbx: Pbx, call: Call, leg: Leg, bridge: Bridge, completed: Completed) -> End:
    completed("agent")
    pbx.leave(leg.channel)
    pbx.leave(call.channel)
    pbx.destroy(bridge)
    release(pbx, call, leg)
    return End.AGENT


def _ended_by_pbx(pbx: Pbx, call: Call, leg: Leg, bridge: Bridge, completed: Completed) -> End:
    """Somebody ended the agent's channel: AgentComplete comes when it is gone, and lacks it."""
    pbx.leave(leg.channel)
    pbx.leave(call.channel)
    pbx.destroy(bridge)
    pbx.end(leg.channel)
    completed("caller", agent=False)
    call.legs.remove(leg)
    pbx.free(leg.interface)
    return End.PBX


def _transferred(pbx: Pbx, call: Call, leg: Leg, bridge: Bridge, completed: Completed) -> End:
    """Blind, by REFER: the caller goes on in the dialplan."""
    unhold(pbx, leg)
    before = call.channel.headers("Transferee")
    together = bridge.headers()
    bridge.technology = "simple_bridge"
    call.channel.place(PHONES, leg.transfer, 1)
    pbx.leave(call.channel)
    where = [("IsExternal", "Yes"), ("Context", PHONES), ("Extension", leg.transfer)]
    who = [*leg.channel.headers("Transferer"), *before]
    pbx.tell("BlindTransfer", "call", [("Result", "Success")], who, together, where)
    completed("transfer", transfer=leg.transfer)
    pbx.leave(leg.channel)
    pbx.destroy(bridge)
    release(pbx, call, leg)
    return End.TRANSFERRED
