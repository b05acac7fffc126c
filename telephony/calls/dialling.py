"""Phones are called and ring, for a queue's caller or for one whom the dialplan connects directly."""

from telephony.calls import gaps, pickup, talks
from telephony.calls.book import Book, Leg, LiveCall
from telephony.calls.facts import (
    AgentCalled,
    AgentRangOut,
    ChannelAlerted,
    ChannelUp,
    DialBegan,
    DialEnded,
    DialResult,
    HangupRequested,
    HangupSide,
    LocalJoined,
    Moment,
    Uniqueid,
)
from telephony.calls.outcome import DIES_WITH_IT, UNHEARD, judge_direct
from telephony.calls.record import Direction, Kind, OfferResult
from telephony.calls.visit import Offer, State, Step, Visit


def began(book: Book, fact: DialBegan) -> None:
    """A device is called for somebody: what that means depends on who he is and where he stands."""
    book.refuse_ended(fact.caller, fact.leg)
    leg = book.seat(fact.leg, fact.at, incoming=False)
    caller = book.seat(fact.caller, fact.at) if fact.caller else None
    if caller is None or caller.call is None:
        return
    if leg.call is None:
        leg.call = caller.call
        caller.call.legs.add(leg.uniqueid)
    leg.rung_by = caller.uniqueid
    if leg.uniqueid not in book.offers:  # else the queue said so already
        called_by(book, caller.call, caller, leg, fact.at)


def called_by(book: Book, call: LiveCall, caller: Leg, leg: Leg, at: Moment) -> None:
    """What it means that this channel of this call rings that device."""
    visit = waiting_in_queue(call, caller)
    if visit is not None and visit.unheard:
        # The queue names the agent (which shows that he still waits) before it dials: this is the dialplan's doing.
        gaps.lose(book, call, visit, at, UNHEARD)
        visit = None
    if visit is not None:
        if not forwarded(book, call, visit, leg):
            make_offer(book, call, visit, leg, at, agent=leg.interface)
        return
    if caller.behind is not None:
        dialled_directly(book, call, caller, leg, at)
        return
    if caller.stands_for is not None:
        for_far_end(book, caller, caller.stands_for, leg, at)
        return
    if caller.near is not None and caller.near in book.offers:
        # The far half of an offered Local channel rings the real phone: the same offer goes on there.
        book.offers[leg.uniqueid] = book.offers[caller.near]
        note_phone(book, call, leg)
        carry_alert(book, leg)
        understand_behind(book, call, leg, at)
        return
    if caller.uniqueid in book.offers or caller.uniqueid in book.partners or caller.near is not None:
        return  # an agent consults somebody, by himself or by way of a Local channel
    if call.direction is Direction.INBOUND:
        dialled_directly(book, call, caller, leg, at)
    elif call.direction is Direction.INTERNAL and leads_outside(book, leg):
        call.direction = Direction.OUTBOUND
        book.touch(call)


def understand_behind(book: Book, call: LiveCall, near: Leg, at: Moment) -> None:
    """What the far half of this Local channel rings already, now that it is known whom the near half is called for.

    The dialplan behind it runs on a thread of its own, and may ring a phone before it is said who called the channel.
    """
    half = book.legs.get(near.far) if near.far is not None else None
    if half is None:
        return
    rung = (leg for leg in map(book.legs.get, sorted(call.legs)) if leg is not None and leg.rung_by == half.uniqueid)
    for leg in [leg for leg in rung if leg.uniqueid not in book.offers]:
        called_by(book, call, half, leg, at)


def consults(leg: Leg) -> bool:
    """Whether what this half of a Local channel does in the dialplan, an agent does: no customer waits there."""
    return leg.near is not None and leg.stands_for is None and leg.behind is None


def note_phone(book: Book, call: LiveCall, leg: Leg) -> None:
    """A phone behind an agent's Local channel; but that may also lead outside, by the very trunk the caller came by."""
    root = book.legs.get(call.root)
    if leg.interface not in book.rules.trunks and (root is None or root.interface != leg.interface):
        book.phones.add(leg.interface)


def forwarded(book: Book, call: LiveCall, visit: Visit, leg: Leg) -> bool:
    """A phone sends its call on (302): the PBX takes back its attempt and makes another. The offer goes on there."""
    sent = (offer for offer in reversed(visit.offers) if offer.dial is DialResult.CANCELLED and not offer.ended)
    offer = next(sent, None)
    if offer is None or visit.asked is not None:
        return False
    offer.leg, offer.end, offer.dial = leg.uniqueid, None, None
    book.offers[leg.uniqueid] = (call, visit, offer)
    carry_alert(book, leg)
    return True


def for_far_end(book: Book, caller: Leg, stands_for: Uniqueid, leg: Leg, at: Moment) -> None:
    """The dialplan reached by a Local channel rings a phone: it rings for the customer who called that channel."""
    customer = book.legs.get(stands_for)
    if customer is None or customer.call is None:
        return  # he has gone
    dialled_directly(book, customer.call, customer, leg, at)
    if leg.uniqueid in book.offers:
        # He will be bridged with the near half, not with the phone.
        book.offers.setdefault(caller.near or caller.uniqueid, book.offers[leg.uniqueid])


def leads_outside(book: Book, leg: Leg) -> bool:
    """Whether what a phone dials is outside: a trunk, or, where none is named, whatever is no phone of the house."""
    return leg.interface in book.rules.trunks if book.rules.trunks else leg.interface not in book.phones


def waiting_in_queue(call: LiveCall, caller: Leg) -> Visit | None:
    """The queue visit for which a phone rung by this channel rings."""
    return next((v for v in call.of(caller.uniqueid) if v.kind is Kind.QUEUE and v.waiting), None)


def dialled_directly(book: Book, call: LiveCall, caller: Leg, leg: Leg, at: Moment) -> None:
    """The dialplan rings a phone for the customer: a visit begins, or the one from a moment ago goes on."""
    if leg.member is not None:
        return  # a queue rings it, for a stay whose beginning nobody heard: its log tells of it
    if leg.interface in book.rules.trunks:
        note_moved_on(book, call, caller, at)  # forwarded out of the house: no phone of ours rings
        return
    visit = next((v for v in call.of(caller.uniqueid) if v.kind is Kind.DIRECT and v.undecided), None)
    if visit is not None and fell_silent(book, visit, at):
        gaps.lose(book, call, visit, at, UNHEARD)
        visit = None
    if visit is not None and forwarded(book, call, visit, leg):
        ring_again(visit)
        return
    half = book.legs.get(leg.far) if leg.far else None
    if half is not None and not is_phone(book, leg):
        known, half.stands_for = half.stands_for, caller.uniqueid  # no phone yet: a detour through the dialplan
        note_moved_on(book, call, caller, at)
        if known is None:
            understand_behind(book, call, leg, at)
        return
    if visit is None:
        note_moved_on(book, call, caller, at)
        queue = book.rules.lines.get(leg.interface, leg.interface)
        ordinal = call.next_ordinal
        visit = Visit(ordinal=ordinal, customer=caller.uniqueid, kind=Kind.DIRECT, queue=queue, began=at)
        book.enter(call, visit)
    ring_again(visit)
    make_offer(book, call, visit, leg, at, agent=book.rules.lines.get(leg.interface, leg.interface))


def fell_silent(book: Book, visit: Visit, at: Moment) -> bool:
    """Whether the phones that rang for him in a gap were shown to ring no more too long ago for this to go on."""
    phones = [leg for leg in (book.legs.get(offer.leg) for offer in visit.offers if offer.end is None) if leg]
    absent = [leg.absent_since for leg in phones if leg.absent_since is not None]
    if not visit.waiting or not phones or len(absent) < len(phones):
        return False
    return at.mono - max(since.mono for since in absent) >= book.rules.dial_gap


def ring_again(visit: Visit) -> None:
    """The next phone rings for him before his wait was over."""
    if visit.state is State.LEFT:
        visit.step(Step.RESUME)
        visit.left = visit.due = None


def is_phone(book: Book, leg: Leg) -> bool:
    """Whether the operator or a queue knows the device as a phone; a Local one with or without its options."""
    return any(phone.partition("/n")[0] == leg.interface for phone in book.phones)


def note_moved_on(book: Book, call: LiveCall, caller: Leg, at: Moment) -> None:
    """The customer's channel does something new: earlier talk is over, and one who left a queue was not ended there."""
    talks.end_earlier_talks(book, call, caller.uniqueid, at)
    for visit in list(call.of(caller.uniqueid)):
        visit.moved_on |= visit.settling
        if visit.kind is Kind.DIRECT and visit.settling:
            close(book, call, visit, at)


def make_offer(book: Book, call: LiveCall, visit: Visit, leg: Leg, at: Moment, *, agent: str) -> Offer | None:  # noqa: PLR0913
    """One phone is called for one visit; the queue and the dial both say so, in either order. A leg rings for one."""
    found = book.offers.get(leg.uniqueid)
    if found is not None:
        return found[2] if found[1] is visit else None
    if visit.began_after(at):
        return None  # it rings for an earlier stay, which nobody saw begin
    name, interface = leg.member or (agent, leg.interface)
    offer = Offer(agent=name, interface=interface, leg=leg.uniqueid, called=at)
    visit.offers.append(offer)
    book.touch(call)  # who was called is known after a restart, too
    book.offers[leg.uniqueid] = (call, visit, offer)
    carry_alert(book, leg)
    understand_behind(book, call, leg, at)
    return offer


def agent_called(book: Book, fact: AgentCalled) -> None:
    """The queue names the agent whose phone it calls."""
    leg = book.seat(fact.leg, fact.at, incoming=False)
    leg.rung_by, leg.member = fact.caller, (fact.member, fact.interface)
    caller = book.legs.get(fact.caller)
    if caller is None or caller.call is None:
        return
    visit = waiting_in_queue(caller.call, caller)
    if visit is None or visit.queue != fact.queue:
        return
    visit.unheard = False
    offer = make_offer(book, caller.call, visit, leg, fact.at, agent=fact.member)
    if offer is not None:
        offer.agent, offer.interface = fact.member, fact.interface


def local_joined(book: Book, fact: LocalJoined) -> None:
    """What the second half does in the dialplan, it does for the one who called the first."""
    first, second = book.legs.get(fact.first), book.legs.get(fact.second)
    if second is not None:
        second.near = fact.first
    if first is not None:
        first.far = fact.second


def alerted(book: Book, fact: ChannelAlerted) -> None:
    """A phone rings."""
    leg = book.legs.get(fact.uniqueid)
    if leg is not None and leg.alerted is None:
        leg.alerted = fact.at
        carry_alert(book, leg)


def carry_alert(book: Book, leg: Leg) -> None:
    """The first ringing of an offer's phone, seen before or after we learnt what it is called for."""
    found = book.offers.get(leg.uniqueid)
    if found is None or leg.alerted is None:
        return
    call, visit, offer = found
    if offer.rang is None and offer.end is None:
        offer.rang = leg.alerted
        if visit.alerted is None and visit.undecided:
            visit.alerted = leg.alerted
        book.touch(call)  # screens show it; after a restart it is known, too


def up(book: Book, fact: ChannelUp) -> None:
    """A phone was answered; a DialEnd that says so may follow, or be missing."""
    note_reached(book, fact.uniqueid)
    found = book.offers.get(fact.uniqueid)
    if found is not None and found[2].leg == fact.uniqueid and found[2].end is None:
        found[2].end = found[2].answered = fact.at
        finish(book, found, OfferResult.ANSWERED)


def note_reached(book: Book, uniqueid: Uniqueid) -> None:
    """It rings no more."""
    leg = book.legs.get(uniqueid)
    if leg is not None:
        leg.reached = True


def leg_asked_to_end(book: Book, leg: Leg, fact: HangupRequested) -> None:
    """The phone refused while it was called: its ringing ends here, the DialEnd says why later."""
    found = book.offers.get(leg.uniqueid)
    if found is None or found[2].leg != leg.uniqueid or fact.side is not HangupSide.FAR_END:
        return
    offer = found[2]
    if offer.end is None:
        offer.end, offer.busy = fact.at, fact.busy


def ended(book: Book, fact: DialEnded) -> None:
    """The attempt to reach a device is over. Said twice for some legs: the first counts."""
    if fact.result is DialResult.ANSWERED:
        pickup.shown_by_dial(book, fact.caller, fact.leg, fact.at)
    note_reached(book, fact.leg)
    found = book.offers.get(fact.leg)
    if found is None or found[2].leg != fact.leg or found[2].dial is not None:
        return
    offer = found[2]
    offer.dial = fact.result
    if offer.end is None:
        offer.end = fact.at
    if fact.result is DialResult.ANSWERED and found[1].picker is None:
        offer.answered = offer.answered or fact.at
    finish(book, found, result_of(offer, found[1]))
    all_silent(book, found[0], found[1], fact.at)


def result_of(offer: Offer, visit: Visit) -> OfferResult | None:
    """Why a phone fell silent, as far as its own leg tells; None when it was cancelled for a reason not its own."""
    if offer.answered:
        return OfferResult.ANSWERED
    if visit.asked is not None:
        return None  # the caller was going already, perhaps with the whole PBX
    if offer.busy or offer.dial is DialResult.BUSY:
        return OfferResult.BUSY
    if offer.dial is DialResult.CANCELLED:
        return None
    # A phone that rang was reached, whatever the PBX calls the end of it.
    return OfferResult.NO_ANSWER if offer.rang or offer.found else OfferResult.UNREACHABLE


def finish(book: Book, found: tuple[LiveCall, Visit, Offer], result: OfferResult | None) -> None:
    """Record why a phone fell silent, once known."""
    call, visit, offer = found
    if result is OfferResult.UNREACHABLE and offer.unheard and offer.interface.startswith("Local/"):
        book.end_offer(visit, offer, None)  # whether the phone behind it rang in the gap, no listing shows
        book.touch(call)
    elif result is not None:
        book.end_offer(visit, offer, result)
        book.touch(call)
    if visit.outcome is not None:
        book.seal_offers(visit)


def rang_out(book: Book, fact: AgentRangOut) -> None:
    """The queue gave up on this agent; its DialEnd may come just after."""
    found = book.offers.get(fact.leg)
    if found is None or found[2].leg != fact.leg:
        return
    offer = found[2]
    if offer.end is None:
        offer.end = fact.at
    if not offer.answered and found[1].asked is None:
        rang_out = OfferResult.NO_ANSWER if offer.rang or offer.found else OfferResult.UNREACHABLE
        finish(book, found, result_of(offer, found[1]) or rang_out)


def leg_gone(book: Book, leg: Leg, at: Moment) -> None:
    """A phone's channel ended; without a DialEnd this is the end of its ringing."""
    found = book.offers.pop(leg.uniqueid, None)
    book.partners.pop(leg.uniqueid, None)
    if found is None or found[2].leg != leg.uniqueid:
        return
    call, visit, offer = found
    if offer.end is None:
        offer.end = at
    if offer.dial is None:
        finish(book, found, None if offer.unheard else result_of(offer, visit))
    if leg.uniqueid in visit.taken and visit.settling:
        visit.due = at.mono + book.rules.settle  # he was on his way to this agent
        book.wake(visit.due, call, visit)
    all_silent(book, call, visit, at)


def all_silent(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """When no phone rings any more for a direct visit, it ends unless the dialplan rings the next one soon."""
    if visit.kind is not Kind.DIRECT or not visit.waiting or visit.picker is not None:
        return
    if any(offer.end is None or (offer.answered and offer.leg in book.legs) for offer in visit.offers):
        return
    visit.step(Step.LEAVE)
    visit.left = visit.asked_at or at
    if visit.asked is HangupSide.FAR_END:
        close(book, call, visit, at)
    else:
        be_patient(book, call, visit, at)


def be_patient(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """The next phone may be rung; or, where the PBX hung up, it may be shutting down and say so."""
    rules = book.rules
    visit.due = at.mono + (rules.dial_gap if visit.asked is None else rules.settle)
    book.wake(visit.due, call, visit)


def customer_gone(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """The customer's channel ended before anybody was bridged with him."""
    for offer in visit.offers:
        if offer.end is None:
            offer.end, offer.dial = at, None if offer.unheard else DialResult.CANCELLED
    if visit.waiting:
        visit.step(Step.LEAVE)
        visit.left = visit.asked_at or at
        if visit.asked is None and gaps.request_unheard(visit, at):
            gaps.lose(book, call, visit, at, UNHEARD)
            return
        if visit.asked is None:
            visit.asked, visit.asked_at = HangupSide.PBX, at
    if visit.asked is HangupSide.PBX:
        be_patient(book, call, visit, at)
    else:
        close(book, call, visit, at)


def close(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """Nobody answered a direct visit, and nobody will."""
    if any(offer.unheard and offer.dial is None for offer in visit.offers):
        gaps.lose(book, call, visit, at, UNHEARD, bound=True)
        return
    last = max(visit.offers, key=lambda offer: offer.end.mono if offer.end else at.mono)
    results = frozenset(offer.result for offer in visit.offers)
    cancelled = last.result is None and last.dial is DialResult.CANCELLED
    asked = visit.asked or (ended_with_it(visit) if cancelled else None)
    if visit.asked is None and asked is HangupSide.PBX and gaps.request_unheard(visit, visit.left or at):
        gaps.lose(book, call, visit, at, UNHEARD)
        return
    outcome, reason = judge_direct(results, asked, cancelled=cancelled)
    book.decide(call, visit, outcome, reason, at)


def ended_with_it(visit: Visit) -> HangupSide | None:
    """Who ended a channel that did not outlive the ringing: AMI's Hangup and limits silence the phones first."""
    if visit.left is None or visit.gone is None or visit.gone.mono - visit.left.mono > DIES_WITH_IT:
        return None
    return HangupSide.FAR_END if visit.hung_up_later else HangupSide.PBX


def patience_over(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """No further phone was rung in time."""
    if visit.state is State.LEFT and visit.due is not None and at.mono >= visit.due:
        close(book, call, visit, at)
