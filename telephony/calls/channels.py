"""Channels come, are named, asked to end, and go."""

from telephony.calls import dialling, queueing, talking, talks
from telephony.calls.book import Book, Leg, LiveCall, party
from telephony.calls.facts import (
    CallerIdentified,
    ChannelAppeared,
    ChannelEnded,
    ChannelRenamed,
    HangupRequested,
    HangupSide,
    Moment,
    Uniqueid,
)
from telephony.calls.record import Direction, Kind, Party
from telephony.calls.visit import Visit


def appeared(book: Book, fact: ChannelAppeared) -> None:
    """A channel was created."""
    leg = book.seat(fact.channel, fact.at, incoming=fact.incoming, dialled=fact.channel.exten)
    call = leg.call
    if call is not None and call.root == leg.uniqueid and fact.at.stamped and not call.arrived.stamped:
        # A listing was ahead of this: it had told, to a second, since when the channel lived.
        call.arrived, call.dialled = fact.at, call.dialled or fact.channel.exten
        book.touch(call)
    queueing.hear_again(book, fact.channel.uniqueid)


def identified(book: Book, fact: CallerIdentified) -> None:
    """The dialplan cleaned the caller's number, or a look-up named him."""
    leg = book.seat(fact.channel, fact.at)
    call = leg.call
    if call is None or call.root != leg.uniqueid:
        return
    number, name = fact.channel.caller_number, fact.channel.caller_name
    if (call.caller, call.caller_name) != (number, name):
        call.caller, call.caller_name = number, name
        book.touch(call)


def renamed(book: Book, fact: ChannelRenamed) -> None:
    """Another device now stands behind the channel."""
    leg = book.legs.get(fact.uniqueid)
    if leg is not None:
        leg.interface = fact.interface


def asked_to_end(book: Book, fact: HangupRequested) -> None:
    """Whose wish came first is what tells the caller's hang-up from the agent's and the PBX's."""
    leg = book.legs.get(fact.uniqueid)
    if leg is None or leg.call is None:
        return
    call = leg.call
    leg.hung_up |= fact.side is HangupSide.FAR_END
    is_root = leg.uniqueid == call.root
    agent = book.partners.get(fact.uniqueid) or book.offers.get(fact.uniqueid)
    last = leg.bridge is not None and not leaves_others(book, leg)
    last = last and not (agent is not None and left_behind(book, leg, agent[1]))
    if call.asked is None and (is_root or (last and (agent is not None or not call.visits))):
        calling = Party.AGENT if call.direction is Direction.OUTBOUND else Party.CALLER
        called = Party.CALLER if call.direction is Direction.OUTBOUND else Party.AGENT
        call.asked = party(fact.side, calling if is_root else called)
    for visit in waits_of(book, call, fact.uniqueid):
        note_request(visit, fact)
    dialling.leg_asked_to_end(book, leg, fact)
    if agent is not None and last:
        visit = agent[1]
        if visit.talk_since is not None and visit.hung_up_by is None and leg.uniqueid not in visit.handed_by:
            visit.hung_up_by = party(fact.side, Party.AGENT)


def leaves_others(book: Book, leg: Leg) -> bool:
    """Whether at least two stay in its bridge (a conference): they go on."""
    return leg.bridge is not None and len(book.bridges.get(leg.bridge, ())) > 2  # noqa: PLR2004


def left_behind(book: Book, leg: Leg, visit: Visit) -> bool:
    """Whether it sits alone while its customer talks elsewhere.

    So does the half of a Local channel that is optimised away by moving the customer beside the phone behind it: that
    this half ends is nobody's wish.
    """
    customer = book.legs.get(visit.customer)
    if customer is None or customer.bridge is None or leg.bridge is None:
        return False
    return len(book.bridges.get(leg.bridge, ())) == 1 and len(book.bridges.get(customer.bridge, ())) > 1


def waits_of(book: Book, call: LiveCall, uniqueid: Uniqueid) -> list[Visit]:
    """His visits: made on his own channel, or on one through which he listens."""
    halves = (leg for leg in map(book.legs.get, call.legs) if leg is not None and leg.behind == uniqueid)
    return [*call.of(uniqueid), *(visit for half in halves for visit in call.of(half.uniqueid))]


def note_request(visit: Visit, fact: HangupRequested) -> None:
    """What a request to hang up the customer means to one of his visits."""
    if visit.waiting:
        if visit.asked is None:
            visit.asked, visit.asked_at = fact.side, fact.at
    elif visit.settling and fact.side is HangupSide.FAR_END:
        visit.hung_up_later = visit.hung_up_later or fact.at
    elif visit.talk_since is not None and visit.hung_up_by is None:
        visit.hung_up_by = party(fact.side, Party.CALLER)


def ended(book: Book, fact: ChannelEnded) -> None:
    """A channel is gone; perhaps the customer, perhaps the call."""
    leg = book.legs.pop(fact.uniqueid, None)
    if leg is None:
        return
    book.bury(leg.uniqueid, fact.at)
    book.note_departure(leg, fact.at)
    talking.unseat(book, leg, fact.at)
    dialling.leg_gone(book, leg, fact.at)
    call = leg.call
    if call is None:
        return
    queueing.waits_no_more(book, leg.uniqueid)
    for visit in waits_of(book, call, leg.uniqueid):
        if visit.customer == leg.uniqueid:
            customer_gone(book, call, visit, fact.at)
        else:
            talks.end_talk(book, call, visit, fact.at)
    call.legs.discard(leg.uniqueid)
    if not call.legs:
        call.ended = fact.at
        for visit in call.visits:
            talks.end_talk(book, call, visit, fact.at)
        book.touch(call)
        book.forget_if_over(call, fact.at)


def customer_gone(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """The customer's channel ended: what he waited for is over, and what he said."""
    visit.gone = visit.gone or at
    if visit.outcome is None:
        if visit.kind is Kind.DIRECT:
            dialling.customer_gone(book, call, visit, at)
        else:
            queueing.customer_gone(book, call, visit, at)
    talks.end_talk(book, call, visit, at)
