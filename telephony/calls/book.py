"""Everything that is known of one PBX now: its channels, calls, bridges and agents.

`Book` only keeps and finds; the rules live beside it, a module for each part of a call's life: `channels`, `dialling`,
`queueing`, `talking`, `merging`. All of them change nothing but the book and append what is to be done to `Book.out`.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from telephony.calls.clocks import in_order, span
from telephony.calls.effects import (
    CallEnded,
    CaseOpened,
    Effect,
    Irregular,
    OfferEnded,
    SaveCall,
    VisitCorrected,
    VisitEnded,
    VisitEntered,
)
from telephony.calls.facts import (
    BridgeId,
    Channel,
    HangupSide,
    Interface,
    Member,
    Moment,
    QueueName,
    QueueResult,
    QueueResultLogged,
    Uniqueid,
)
from telephony.calls.outcome import cancelled_offer
from telephony.calls.record import (
    POSITION_BITS,
    REFUSED,
    CallRecord,
    Direction,
    Kind,
    OfferResult,
    Outcome,
    Party,
    VisitRecord,
    call_id,
    case_id,
)
from telephony.calls.visit import IllegalStepError, Offer, Step, Visit

TOLD_LATE = timedelta(seconds=2)
"""What happened to a channel may be told after its end, by the thread of another one, within this time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator configured, and the bounds of patience.

    Attributes:
        pbx: its name.
        ring_period: from the start of one ring to the next.
        lines: published office phones, interface to name.
        trunks: devices that lead outside; when any is named, calls come in by these only.
        internal_contexts: dialplan contexts that only phones reach.
        queue_log: a queue_log is read for this PBX.
        settle: how long a visit may wait for the evidence why it ended.
        dial_gap: direct dialling that pauses less than this goes on as the same visit.
        correctable: how long after its end an `exited` visit may still be explained.
        grace: two listings at least this far apart must agree before absence means anything.
        remembered: how long an ended channel is known to have ended: what is said of it then is no new call.
    """

    pbx: str
    ring_period: timedelta = timedelta(seconds=5)
    lines: Mapping[Interface, str] = field(default_factory=dict)
    trunks: frozenset[Interface] = frozenset()
    internal_contexts: frozenset[str] = frozenset()
    queue_log: bool = False
    settle: timedelta = timedelta(seconds=5)
    dial_gap: timedelta = timedelta(seconds=2)
    grace: timedelta = timedelta(seconds=5)
    correctable: timedelta = timedelta(seconds=60)
    remembered: timedelta = timedelta(minutes=10)


@dataclass(slots=True, eq=False)
class Leg:
    """A channel.

    Attributes:
        call: None for a leg whose root was never seen.
        near: the other half, if this is the half of a Local channel that is in the dialplan.
        far: the other half, if this is the half of a Local channel that somebody called.
        stands_for: the customer who called the other half: what this half does in the dialplan, he does.
        behind: the customer who listens through this half of a Local channel since a transfer: what it does, he does.
        rung_by: the channel whose queue or dial calls it. member: name and interface by which a queue calls it.
        reached: the attempt to reach it is over, or it answered.
        seen: the last moment at which it surely lived, as far as noted.
        hung_up: the party behind it asked for its end.
    """

    uniqueid: Uniqueid
    interface: Interface
    call: "LiveCall | None"
    bridge: BridgeId | None = None
    far: Uniqueid | None = None
    stands_for: Uniqueid | None = None
    alerted: Moment | None = None
    near: Uniqueid | None = None
    behind: Uniqueid | None = None
    rung_by: Uniqueid | None = None
    member: tuple[str, Interface] | None = None
    reached: bool = False
    seen: Moment | None = None
    hung_up: bool = False
    absent_since: Moment | None = None


@dataclass(slots=True, eq=False)
class LiveCall:
    """A call while it goes on, or while something about it is still to be settled.

    `past`: visits that an earlier process decided and counted; of these nothing changes any more. `unheard`: nobody
    heard it end. `since`: the journal position at which it began.
    """

    id: UUID
    root: Uniqueid
    linkedid: Uniqueid
    direction: Direction
    caller: str
    caller_name: str
    dialled: str
    arrived: Moment
    ended: Moment | None = None
    finished: bool = False
    asked: Party | None = None
    legs: set[Uniqueid] = field(default_factory=set)
    visits: list[Visit] = field(default_factory=list)
    refused: dict[tuple[QueueName, Uniqueid], list[int]] = field(default_factory=dict)
    refusal_told: tuple[datetime, QueueName, QueueResult] | None = None
    due: timedelta | None = None
    revision: int = 0
    past: tuple[VisitRecord, ...] = ()
    unheard: bool = False
    derived: UUID | None = None
    since: int = 0

    @property
    def case(self) -> UUID | None:
        """The id of its case; None unless it is inbound. Derived once: every state that is saved has it."""
        if self.direction is not Direction.INBOUND:
            return None
        if self.derived is None:
            self.derived = case_id(self.id)
        return self.derived

    @property
    def next_ordinal(self) -> int:
        """The number of the visit that begins now."""
        return len(self.past) + len(self.visits) + 1

    def of(self, customer: Uniqueid) -> Iterator[Visit]:
        """Visits made on this channel, newest first. Of refusals nothing more is told, and they may be told late."""
        visits = (visit for visit in reversed(self.visits) if visit.customer == customer)
        return (visit for visit in visits if visit.outcome not in REFUSED)

    def undecided(self) -> bool:
        """Some visit has no outcome yet."""
        return any(visit.outcome is None for visit in self.visits)


@dataclass(frozen=True, slots=True)
class Departed:
    """A channel that has just ended: what it was to a customer, for who hands him on may be said to have done so late.

    `talk`: in which visit it took part. `waited`: the queue in which it stood itself, without being a visit.
    """

    at: timedelta
    leg: Leg
    talk: tuple[LiveCall, Visit] | None
    waited: QueueName | None

    def of(self, call: LiveCall) -> bool:
        """Whether it was of this call, or talked in it."""
        return self.leg.call is call or (self.talk is not None and self.talk[0] is call)


class Book:
    """The state of one PBX. `out` gathers the effects of the fact being applied; `dirty` the calls it changed.

    `untaken`: lines of queue_log that came before AMI told of their caller's stay. `position`: where in the journal
    what is being applied stands.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.legs: dict[Uniqueid, Leg] = {}
        self.ended: dict[Uniqueid, timedelta] = {}
        self.former: dict[Uniqueid, timedelta] = {}
        self.calls: dict[Uniqueid, LiveCall] = {}
        self.bridges: dict[BridgeId, set[Uniqueid]] = {}
        self.offers: dict[Uniqueid, tuple[LiveCall, Visit, Offer]] = {}
        self.partners: dict[Uniqueid, tuple[LiveCall, Visit]] = {}
        self.untaken: dict[Uniqueid, list[QueueResultLogged]] = {}
        self.others_waiting: dict[tuple[QueueName, Uniqueid], Moment] = {}
        self.departed: dict[Uniqueid, Departed] = {}
        self.members: dict[tuple[QueueName, Interface], Member] = {}
        self.reachable: dict[Interface, tuple[Moment, bool]] = {}
        """Of the lines: since when it is told so, and whether a call would reach the phone."""
        self.phones: set[Interface] = set(rules.lines)
        self.queues: frozenset[QueueName] = frozenset()
        self.open: dict[Visit, LiveCall] = {}
        self.alarms: list[tuple[timedelta, int, LiveCall, Visit | None]] = []
        self.alarms_set = 0
        self.last: Moment | None = None
        self.booted_at: datetime | None = None
        self.deaf = False
        self.position = 0
        self.out: list[Effect] = []
        self.dirty: dict[LiveCall, None] = {}

    def wake(self, when: timedelta, call: LiveCall, visit: Visit | None) -> None:
        """Look at this visit (or, if None, at the end of this call) again once our clock passes `when`."""
        self.alarms_set += 1
        heapq.heappush(self.alarms, (when, self.alarms_set, call, visit))

    # --- channels and calls ---

    def bury(self, uniqueid: Uniqueid, at: Moment) -> None:
        """This channel is no more."""
        self.ended[uniqueid] = at.mono

    def note_departure(self, leg: Leg, at: Moment) -> None:
        """This channel ends, and what it was to a customer is forgotten a little later."""
        found = self.partners.get(leg.uniqueid) or self.offers.get(leg.uniqueid)
        waited = next((queue for queue, uniqueid in self.others_waiting if uniqueid == leg.uniqueid), None)
        legs = map(self.legs.get, leg.call.legs) if leg.call is not None else ()
        rang = any(other is not None and other.rung_by == leg.uniqueid for other in legs)
        if found is not None or waited is not None or rang:
            talk = None if found is None else (found[0], found[1])
            self.departed[leg.uniqueid] = Departed(at.mono, leg, talk, waited)

    def forget_ended(self, at: Moment) -> None:
        """Of channels that ended long ago nothing more will be said."""
        gone = self.departed
        while gone and at.mono - gone[first := next(iter(gone))].at >= TOLD_LATE:
            del gone[first]
        for buried in (self.ended, self.former):
            while buried and at.mono - buried[oldest := next(iter(buried))] >= self.rules.remembered:
                del buried[oldest]

    def begin_boot(self) -> None:
        """The PBX runs anew and may hand out names of channels again: whoever bears one is somebody else."""
        self.former |= self.ended
        self.ended.clear()
        self.departed.clear()

    def refuse_ended(self, *channels: Channel | None) -> None:
        """Nothing can happen on a channel that ended: it would begin its call, and its case, a second time."""
        for channel in channels:
            if channel is not None and channel.uniqueid in self.ended:
                raise IllegalStepError(f"{channel.uniqueid} ended before")

    def seat(self, channel: Channel, at: Moment, *, incoming: bool = True, dialled: str = "") -> Leg:
        """The channel's leg, made and attached to its call if it was not known. `dialled`: what its root asked for."""
        self.refuse_ended(channel)
        leg = self.legs.get(channel.uniqueid)
        if leg is not None:
            if leg.call is None and (call := self.calls.get(channel.linkedid)) and not call.finished:
                leg.call = call
                call.legs.add(leg.uniqueid)
            return leg
        leg = self.legs[channel.uniqueid] = Leg(channel.uniqueid, channel.interface, None)
        call = self.calls.get(channel.linkedid)
        if call is not None and call.finished:
            call = None
        if call is None and channel.linkedid == channel.uniqueid:
            call = self.open_call(channel, at, incoming=incoming, dialled=dialled)
        if call is not None:
            leg.call = call
            call.legs.add(leg.uniqueid)
            call.ended = None
        return leg

    def rooted(self, channel: Channel, at: Moment) -> tuple[Leg, LiveCall]:
        """The leg and call of a channel that surely is a caller's: if its root was never seen, it is its own root."""
        leg = self.seat(channel, at)
        if leg.call is None:
            leg.call = self.open_call(channel, at, incoming=True)
            leg.call.legs.add(leg.uniqueid)
        return leg, leg.call

    def open_call(self, channel: Channel, at: Moment, *, incoming: bool, dialled: str = "") -> LiveCall:
        """A call begins with this root channel; an inbound one opens its case."""
        call = LiveCall(
            id=call_id(self.rules.pbx, channel.uniqueid, self.booted_at if channel.uniqueid in self.former else None),
            root=channel.uniqueid,
            linkedid=channel.linkedid,
            direction=self.direction(channel, incoming=incoming),
            caller=channel.caller_number,
            caller_name=channel.caller_name,
            dialled=dialled,
            arrived=at,
            since=self.position,
        )
        self.calls[channel.uniqueid] = call
        if call.direction is Direction.INBOUND:
            self.out.append(CaseOpened(self.record(call)))
        self.touch(call)
        return call

    def direction(self, channel: Channel, *, incoming: bool) -> Direction:
        """Which way a call goes whose root is this channel. A phone's call is internal until it dials outside."""
        if not incoming:
            return Direction.OUTBOUND
        inside = channel.interface in self.phones or channel.context in self.rules.internal_contexts
        if inside or (self.rules.trunks and channel.interface not in self.rules.trunks):
            return Direction.INTERNAL
        return Direction.INBOUND

    def touch(self, call: LiveCall) -> None:
        """The call changed: its new state is to be saved."""
        self.dirty[call] = None

    def forget_if_over(self, call: LiveCall, at: Moment) -> None:
        """Close a call whose last channel is gone and whose every visit is decided."""
        if call.ended is None or call.legs or call.undecided():
            return
        rules = self.rules
        if not call.finished:
            if not call.visits and rules.queue_log and call.direction is Direction.INBOUND:
                # A refusal may so far stand in queue_log only.
                if call.due is None:
                    call.due = at.mono + rules.settle
                    self.wake(call.due, call, None)
                if at.mono < call.due:
                    return
            call.finished = True
            self.touch(call)
            self.out.append(CallEnded(self.record(call)))
            call.due = None
        patience = self.patience(call)
        if patience:
            if call.due is None:
                call.due = at.mono + patience
                self.wake(call.due, call, None)
            if at.mono < call.due:
                return
        if self.calls.get(call.root) is call:
            del self.calls[call.root]

    def drop(self, call: LiveCall) -> None:
        """Forget a call as if nobody had told of it."""
        del self.calls[call.root]
        for leg in [self.legs.pop(uniqueid) for uniqueid in call.legs]:
            seats = self.bridges.get(leg.bridge, set()) if leg.bridge is not None else set()
            seats.discard(leg.uniqueid)
        self.bridges = {bridge: seats for bridge, seats in self.bridges.items() if seats}
        for visit in call.visits:
            self.open.pop(visit, None)
        for table in (self.offers, self.partners):
            for name in [name for name, found in table.items() if found[0] is call]:
                del table[name]
        self.departed = {name: gone for name, gone in self.departed.items() if not gone.of(call)}
        self.alarms = [alarm for alarm in self.alarms if alarm[2] is not call]
        heapq.heapify(self.alarms)
        self.dirty.pop(call, None)

    def patience(self, call: LiveCall) -> timedelta:
        """How long queue_log may still tell something about a call that is over; zero when it cannot."""
        if any(self.correctable(visit) for visit in call.visits):
            return self.rules.correctable
        # A refusal after another visit. It changes no measure of calls, so that these do not wait for it.
        asked_in_vain = self.rules.queue_log and bool(call.visits) and call.direction is Direction.INBOUND
        return self.rules.settle if asked_in_vain else timedelta()

    def correctable(self, visit: Visit) -> bool:
        """Whether queue_log may still tell how it ended."""
        return visit.outcome is Outcome.EXITED or (
            visit.outcome is Outcome.LOST and visit.logged is None and self.rules.queue_log and visit.kind is Kind.QUEUE
        )

    # --- visits and offers ---

    def enter(self, call: LiveCall, visit: Visit) -> None:
        """A customer begins to wait."""
        call.arrived, visit.began = in_order(call.arrived, visit.began)
        call.visits.append(visit)
        leg = self.legs.get(visit.customer)
        if leg is not None and leg.hung_up:  # the dialplan had not noticed yet
            visit.asked, visit.asked_at = HangupSide.FAR_END, visit.began
        else:
            call.asked = None  # whoever hung up before, it was not the end
        self.open[visit] = call
        self.out.append(VisitEntered(self.visit_record(visit)))
        self.touch(call)

    def decide(self, call: LiveCall, visit: Visit, outcome: Outcome, reason: str, at: Moment) -> None:
        """The one place where an entered visit gets its outcome. Counted once; a later change is a correction."""
        before = self.visit_record(visit)
        first = visit.outcome is None
        if first:
            visit.step(Step.BRIDGE if outcome is Outcome.ANSWERED else Step.CLOSE)
            self.open.pop(visit, None)
        visit.outcome, visit.reason, visit.due = outcome, reason, None
        self.seal_offers(visit)
        record = self.visit_record(visit)
        self.touch(call)
        if first:
            self.out.append(VisitEnded(self.record(call), record))
        else:
            self.out.append(VisitCorrected(self.record(call), before, record))
        self.forget_if_over(call, at)

    def end_offer(self, visit: Visit, offer: Offer, result: OfferResult | None) -> None:
        """Why a phone stopped ringing is known, or nobody will know."""
        if offer.result is None and not offer.ended:
            offer.result, offer.ended = result, True
            self.out.append(OfferEnded(visit.queue, visit.kind, offer.record(self.rules.ring_period)))

    def seal_offers(self, visit: Visit) -> None:
        """The visit is decided, and with it why its remaining phones fell silent."""
        won = any(offer.answered for offer in visit.offers)
        for offer in visit.offers:
            if offer.result is None and offer.end is not None:
                heard = not offer.unheard or offer.dial is not None
                self.end_offer(visit, offer, cancelled_offer(visit.outcome, won_elsewhere=won) if heard else None)

    # --- records ---

    def visit_record(self, visit: Visit) -> VisitRecord:
        """The visit as it is known now."""
        return visit.record(self.rules.ring_period)

    def record(self, call: LiveCall) -> CallRecord:
        """The call as it is known now."""
        visits = self.visit_records(call)
        return CallRecord(
            id=call.id,
            pbx=self.rules.pbx,
            uniqueid=call.root,
            linkedid=call.linkedid,
            direction=call.direction,
            caller=call.caller,
            caller_name=call.caller_name,
            dialled=call.dialled,
            arrived_at=call.arrived.wall,
            ended_at=self.ended_at(call, visits),
            hung_up_by=self.hung_up_by(call, visits) if call.ended else None,
            case=call.case,
            revision=call.revision,
            visits=visits,
            since=call.since,
        )

    def visit_records(self, call: LiveCall) -> tuple[VisitRecord, ...]:
        """Its visits in the order of entering."""
        live = tuple(self.visit_record(visit) for visit in call.visits)
        return tuple(sorted(call.past + live, key=lambda visit: visit.ordinal)) if call.past else live

    @staticmethod
    def ended_at(call: LiveCall, visits: tuple[VisitRecord, ...]) -> datetime | None:
        """When it was over: not before what is told of it, which may rest on another clock, or on a listing."""
        if call.ended is None:
            return None
        ends = [visit.left_at + (visit.talk or timedelta()) for visit in visits if visit.left_at is not None]
        return max([call.arrived.wall + span(call.arrived, call.ended).length, *ends])

    @staticmethod
    def hung_up_by(call: LiveCall, visits: tuple[VisitRecord, ...]) -> Party | None:
        """Who ended the last talk, else who ended the call; None when it was lost."""
        if any(visit.outcome is Outcome.LOST for visit in visits):
            return None
        if any(visit.outcome is Outcome.ANSWERED and visit.talk is None for visit in visits):
            return call.asked  # a talk ended unheard: only what was heard since tells
        ended_talk = (visit.hung_up_by for visit in reversed(visits) if visit.hung_up_by)
        return next(ended_talk, call.asked or (None if call.unheard else Party.PBX))

    def irregular(self, what: str, detail: str) -> None:
        """A fact that fits nowhere is reported and changes nothing."""
        self.out.append(Irregular(what, detail))

    def take(self) -> list[Effect]:
        """The effects since the last call, the states to save after all others."""
        for call in self.dirty:
            call.revision = max(call.revision + 1, self.position << POSITION_BITS)
            self.out.append(SaveCall(self.record(call)))
        self.dirty.clear()
        out, self.out = self.out, []
        return out


def party(side: HangupSide, party_behind: Party) -> Party:
    """Whose wish a hang-up request was."""
    return party_behind if side is HangupSide.FAR_END else Party.PBX
