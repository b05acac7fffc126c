"""Queue() connects a caller with the agent who answered, and says when they have done. No I/O."""

from telephony.simulator import wire
from telephony.simulator.calls import Completed, End, Leg
from telephony.simulator.channels import Bridge
from telephony.simulator.queues import Member
from telephony.simulator.ringing import ELSEWHERE, PHONES, dial_end, release, settle
from telephony.simulator.talking import put_through, talk
from telephony.simulator.timeline import SECOND, Running
from telephony.simulator.visits import GONE, MOVED, QueueVisit

LATE_SECONDS = 0.004
"""A late AgentComplete comes so long after its time: behind the Hangups."""


def connect(visit: QueueVisit, leg: Leg, losers: list[Leg], rung_since: int) -> Running[str]:
    """The queue connects the caller with who answered, and lets the other phones go; gives `GONE` or `MOVED`.

    Args:
        visit: his.
        leg: the phone that was answered.
        losers: those that rang beside it.
        rung_since: the second in which the attempt began, by which Asterisk counts RingTime.
    """
    member = leg.member
    assert member is not None  # noqa: S101 - a queue calls members
    pbx, call = visit.pbx, visit.call
    settle(leg, "answered", dial_end(pbx, call, leg, "ANSWER"))
    for loser in losers:
        settle(loser, "cancelled_elsewhere", dial_end(pbx, call, loser, "CANCEL"))
    pbx.connect_line(call.channel, leg.channel.number, member.name)
    for loser in losers:
        dial_end(pbx, call, loser, "CANCEL")
    rung = pbx.seconds - rung_since
    yield from _announce(visit)
    if call.gone:
        return _left_during_announcement(visit, leg, member)
    if pbx.rng.random() < pbx.slips:
        call.hung_up = pbx.device_hangs_up(call.channel)
    visit.leave()
    both = [call.channel.headers(), leg.channel.headers("Dest")]
    named = [("Queue", visit.queue.name), ("Interface", leg.interface), ("MemberName", member.name)]
    times = [("HoldTime", visit.held), ("RingTime", rung)]
    connected = pbx.tell("AgentConnect", "agent", *both, named, times)
    visit.write(member.name, "CONNECT", visit.held, leg.channel.uniqueid, rung)
    member.in_call = True
    bridge = pbx.new_bridge()
    for loser in losers:
        release(pbx, call, loser, ELSEWHERE)
    complete = _Complete(visit, leg, member, visit.held, pbx.seconds)
    if call.gone:
        return _slipped_away(visit, leg, bridge, complete)
    put_through(pbx, call, leg, bridge)
    visit.stay.over("answered", connected)
    end = yield from talk(pbx, call, leg, complete)
    return MOVED if end is End.TRANSFERRED else GONE


def _slipped_away(visit: QueueVisit, leg: Leg, bridge: Bridge, complete: Completed) -> str:
    """He had hung up when the queue connected him: there is an AgentConnect, and nobody was talked to."""
    visit.stay.over("abandoned", visit.call.hung_up)
    complete("caller")
    visit.pbx.destroy(bridge)
    release(visit.pbx, visit.call, leg, 16)
    return GONE


def _announce(visit: QueueVisit) -> Running[None]:
    """The agent is spoken to; nobody notices what the caller does meanwhile."""
    until = visit.pbx.timeline.now + round(visit.queue.settings.announce * SECOND)
    while visit.pbx.timeline.now < until:
        yield until


def _left_during_announcement(visit: QueueVisit, leg: Leg, member: Member) -> str:
    visit.abandon(member.name, "ABANDON")
    dial_end(visit.pbx, visit.call, leg, "NOANSWER")
    release(visit.pbx, visit.call, leg)
    left = visit.leave()
    visit.stay.over("abandoned" if visit.call.hung_up else "ended_by_pbx", visit.call.hung_up or left)
    return GONE


class _Complete:
    """Says AgentComplete, and writes the line that goes with it."""

    def __init__(self, visit: QueueVisit, leg: Leg, member: Member, held: int, since: int) -> None:
        self.visit, self.leg, self.member, self.held, self.since = visit, leg, member, held, since

    def __call__(self, reason: str, *, agent: bool = True, transfer: str = "") -> None:
        visit, leg, member = self.visit, self.leg, self.member
        pbx, talked = visit.pbx, visit.pbx.seconds - self.since
        dest = leg.channel.headers("Dest") if agent else []
        named = [("Queue", visit.queue.name), ("Interface", leg.interface), ("MemberName", member.name)]
        times = [("HoldTime", self.held), ("TalkTime", talked), ("Reason", reason)]
        if pbx.rng.random() < pbx.late_completes:
            pbx.timeline.after(LATE_SECONDS, lambda: self._tell(named, times))
        else:
            self._tell(dest, named, times)
        figures = (self.held, talked, visit.entry.first_position)
        match reason:
            case "transfer":
                visit.write(member.name, "BLINDTRANSFER", transfer, PHONES, *figures)
            case "agent":
                visit.write(member.name, "COMPLETEAGENT", *figures)
            case _:
                visit.write(member.name, "COMPLETECALLER", *figures)
        visit.queue.completed += 1
        for one in pbx.members(member.interface):
            one.calls_taken += 1
            one.last_call = pbx.seconds
            one.in_call = False

    def _tell(self, *parts: wire.Pairs) -> None:
        self.visit.pbx.tell("AgentComplete", "agent", self.visit.call.channel.headers(), *parts)
