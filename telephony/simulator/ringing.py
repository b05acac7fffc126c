"""Phones that are called for a caller, by Queue() or Dial(): they ring, answer, refuse, or are let go. No I/O."""

from telephony.simulator import wire
from telephony.simulator.calls import Call, Leg
from telephony.simulator.channels import Channel
from telephony.simulator.ledger import Ring, Stay
from telephony.simulator.pbx import Pbx
from telephony.simulator.people import Then
from telephony.simulator.queues import Member

PHONES = "from-phones"
"""The context of the phones."""
BUSY, REJECTED, ELSEWHERE = 17, 21, 26
SIP = {BUSY: "486", REJECTED: "603"}


def number_of(interface: str) -> str:
    """`PJSIP/1001`: 1001."""
    return interface.partition("/")[2]


def queue_leg(pbx: Pbx, call: Call, stay: Stay, member: Member, *, all_at_once: bool) -> Leg:
    """Queue() calls a member's phone. Of phones rung all at once the caller is not told whose they are."""
    caller = call.channel
    leg = _new_leg(pbx, call, stay, member.interface, member.name)
    leg.member = member
    pbx.call_up(member.interface)
    before = leg.channel.headers("Dest")
    leg.channel.connected_number, leg.channel.connected_name = caller.number, caller.caller_name
    named = [("Queue", stay.queue), ("Interface", member.interface), ("MemberName", member.name)]
    pbx.tell("AgentCalled", "agent", caller.headers(), leg.channel.headers("Dest"), named)
    dialled = [("DialString", member.interface)]
    leg.called = leg.ring.called = pbx.tell("DialBegin", "call", caller.headers(), before, dialled)
    if not all_at_once:
        pbx.connect_line(caller, number_of(member.interface), member.name)
    _let_react(pbx, call, leg)
    return leg


def direct_leg(pbx: Pbx, call: Call, stay: Stay, interface: str, *, alone: bool) -> Leg:
    """Dial() calls a phone. Of phones rung all at once the caller is not told whose they are."""
    name = pbx.phones.get(interface, "")
    caller = call.channel
    leg = _new_leg(pbx, call, stay, interface, name)
    leg.channel.exten = caller.exten
    pbx.connect_line(leg.channel, caller.number, caller.caller_name)
    dialled = [("DialString", number_of(interface))]
    leg.called = pbx.tell("DialBegin", "call", caller.headers(), leg.channel.headers("Dest"), dialled)
    leg.ring.called = leg.called
    if alone:
        pbx.connect_line(caller, number_of(interface), name)
    _let_react(pbx, call, leg)
    return leg


def _new_leg(pbx: Pbx, call: Call, stay: Stay, interface: str, name: str) -> Leg:
    place = (PHONES, "s")
    channel = pbx.new_channel(interface, wire.DOWN, number_of(interface), name, place, linkedid=call.channel.linkedid)
    ring = Ring(channel.uniqueid, interface, pbx.timeline.now)
    stay.rings.append(ring)
    leg = Leg(channel, interface, pbx.staff.reaction(interface), ring, pbx.timeline.now)
    call.legs.append(leg)
    return leg


def _let_react(pbx: Pbx, call: Call, leg: Leg) -> None:  # noqa: C901 - what one phone may do, told in one place
    reaction = leg.reaction

    def ring() -> None:
        if not leg.over:
            leg.ring.rang = pbx.set_state(leg.channel, wire.RINGING)
            pbx.connect_line(leg.channel, call.channel.number, call.channel.caller_name)
            dial_state(pbx, call.channel, leg.channel)
            pbx.look_at(leg.interface)
            then(reaction.after)

    def then(after: float) -> None:
        match reaction.then:
            case Then.ANSWERS:
                pbx.timeline.after(after, answer)
            case Then.REJECTS:
                pbx.timeline.after(after, lambda: refuse(REJECTED))
            case _:
                pass

    def answer() -> None:
        if not leg.over and not leg.channel.ended:
            leg.ring.ended = pbx.set_state(leg.channel, wire.UP)
            leg.answered = True
            pbx.look_at(leg.interface)
            call.wake()

    def refuse(cause: int) -> None:
        if not leg.over:
            leg.channel.cause, leg.channel.tech_cause = cause, SIP[cause]
            leg.ring.ended = pbx.device_hangs_up(leg.channel, as_born=leg.member is not None and leg.ring.rang is None)
            leg.refused = cause
            call.wake()

    match reaction.then:
        case Then.SILENT:
            pass
        case Then.BUSY:
            pbx.timeline.after(reaction.setup, lambda: refuse(BUSY))
        case _:
            pbx.timeline.after(reaction.setup, ring)


def dial_state(pbx: Pbx, caller: Channel, leg: Channel) -> None:
    """The caller is told that it rings."""
    pbx.tell("DialState", "call", caller.headers(), leg.headers("Dest"), [("DialStatus", "RINGING")])


def dial_end(pbx: Pbx, call: Call, leg: Leg, status: str) -> int:
    """Nobody dials it any longer. The first such word of a leg counts; Asterisk has several."""
    pairs = [("DialStatus", status)]
    return pbx.tell("DialEnd", "call", call.channel.headers(), leg.channel.headers("Dest"), pairs)


def settle(leg: Leg, result: str, when: int) -> None:
    """How a phone's ringing ended; the first word counts."""
    leg.ring.result = leg.ring.result or result
    leg.ring.ended = leg.ring.ended or when
    leg.over = True


def given_up(leg: Leg) -> str:
    """What the ringing of a phone was that nobody answered in time, or that was refused."""
    if leg.refused == BUSY:
        return "busy"
    return "unreachable" if leg.ring.rang is None else "no_answer"


def release(pbx: Pbx, call: Call, leg: Leg, cause: int | None = None) -> None:
    """A phone is let go; its member is free again."""
    leg.over = True
    if leg in call.legs:
        call.legs.remove(leg)
    if not leg.channel.ended:
        pbx.end(leg.channel, cause)
        pbx.free(leg.interface)


def release_soon(pbx: Pbx, call: Call, leg: Leg, cause: int | None = None) -> None:
    """A phone is let go; its channel goes when its own thread comes to it."""
    leg.over = True
    pbx.timeline.at(pbx.timeline.now, lambda: release(pbx, call, leg, cause))
