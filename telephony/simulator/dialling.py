"""Dial(): phones ring for a caller outside any queue. No I/O."""

from collections.abc import Sequence

from telephony.simulator import wire
from telephony.simulator.calls import Call, End, Leg, nobody_told
from telephony.simulator.ledger import Stay
from telephony.simulator.pbx import Pbx
from telephony.simulator.ringing import BUSY, ELSEWHERE, dial_end, direct_leg, given_up, release_soon, settle
from telephony.simulator.talking import put_through, talk
from telephony.simulator.timeline import SECOND, Running
from telephony.simulator.visits import GONE, MOVED

CONTINUE = "continue"
CANCELLED, OWN_CANCEL, PHONES_CANCEL = 127, "487", "500"
"""A caller who hangs up before anybody answered sends CANCEL; so it then reads at his channel and at the phone's."""
NORMAL = 16


def dial(pbx: Pbx, call: Call, interfaces: Sequence[str], seconds: float) -> Running[str]:
    """Run it.

    Args:
        pbx: the switch.
        call: whose.
        interfaces: rung at once.
        seconds: Dial() gives up then.

    Returns:
        `CONTINUE` in the dialplan, `MOVED` elsewhere, or `GONE`.
    """
    stay = call.stay = Stay(call.channel.uniqueid, "direct", interfaces[0], pbx.timeline.now)
    pbx.stays.append(stay)
    deadline = pbx.timeline.now + round(seconds * SECOND)
    legs = [direct_leg(pbx, call, stay, one, alone=len(interfaces) == 1) for one in interfaces]
    stay.joined = legs[0].called
    busy = False
    while True:
        for leg in [one for one in legs if one.refused]:
            busy = busy or leg.refused == BUSY
            _refused(pbx, call, leg)
            legs.remove(leg)
        answered = next((one for one in legs if one.answered), None)
        if call.gone or call.moved:
            return _cancelled(pbx, call, stay, legs)
        if answered is not None:
            return (yield from _answered(pbx, call, stay, answered, [leg for leg in legs if leg is not answered]))
        if not legs or pbx.timeline.now >= deadline:
            return _given_up(pbx, call, stay, legs)
        yield deadline


def _refused(pbx: Pbx, call: Call, leg: Leg) -> None:
    status = "BUSY" if leg.refused == BUSY else "NOANSWER"
    settle(leg, given_up(leg), dial_end(pbx, call, leg, status))
    call.channel.cause = leg.refused
    call.channel.final_tech_cause = leg.channel.tech_cause if leg.refused == BUSY else "403"
    release_soon(pbx, call, leg)


def _cancelled(pbx: Pbx, call: Call, stay: Stay, legs: Sequence[Leg]) -> str:
    """The caller hung up, was ended, or was sent elsewhere."""
    last = pbx.timeline.now
    for leg in legs:
        last = dial_end(pbx, call, leg, "CANCEL")
        settle(leg, "caller_left", last)
        if call.hung_up and call.channel.state != wire.UP:
            leg.channel.cause, leg.channel.tech_cause = CANCELLED, PHONES_CANCEL
        release_soon(pbx, call, leg, NORMAL)
    outcome = "abandoned" if call.hung_up else "ended_by_pbx" if call.ended else "redirected"
    stay.over(outcome, call.hung_up or last)
    return GONE if call.gone else MOVED


def _given_up(pbx: Pbx, call: Call, stay: Stay, legs: Sequence[Leg]) -> str:
    for leg in legs:
        settle(leg, given_up(leg), dial_end(pbx, call, leg, "NOANSWER"))
        release_soon(pbx, call, leg)
    results = {ring.result for ring in stay.rings}
    outcome = next((name for name, one in _OUTCOMES if one in results), "unreachable")
    stay.over(outcome, max(ring.ended or 0 for ring in stay.rings))
    return CONTINUE


_OUTCOMES = (("timeout", "no_answer"), ("busy", "busy"), ("unreachable", "unreachable"))


def _answered(pbx: Pbx, call: Call, stay: Stay, leg: Leg, losers: Sequence[Leg]) -> Running[str]:
    leg.channel.exten = ""
    leg.channel.cause = call.channel.cause = NORMAL
    pbx.connect_line(call.channel, leg.channel.number, leg.channel.caller_name)
    for loser in losers:
        settle(loser, "cancelled_elsewhere", dial_end(pbx, call, loser, "CANCEL"))
        release_soon(pbx, call, loser, ELSEWHERE)
    settle(leg, "answered", dial_end(pbx, call, leg, "ANSWER"))
    if call.channel.state != wire.UP:
        pbx.set_state(call.channel, wire.UP)
    stay.over("answered", put_through(pbx, call, leg, pbx.new_bridge()))
    end = yield from talk(pbx, call, leg, nobody_told)
    return MOVED if end is End.TRANSFERRED else GONE
