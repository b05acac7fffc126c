"""Who hears whom: bridges, hold, transfers. A wait is answered when customer and agent share a bridge."""

from telephony.calls.book import Book, Leg, LiveCall
from telephony.calls.facts import (
    BridgeEntered,
    BridgeLeft,
    Held,
    Moment,
    Unheld,
    Uniqueid,
)
from telephony.calls.record import Direction, Kind, OfferResult, Outcome
from telephony.calls.visit import Offer, State, Step, Visit


def entered(book: Book, fact: BridgeEntered) -> None:
    """A channel takes a seat in a bridge, perhaps another's."""
    leg = book.seat(fact.channel, fact.at)
    if fact.replaced is not None and fact.replaced != leg.uniqueid:
        take_over(book, leg, fact.replaced)
        replaced = book.legs.get(fact.replaced)
        if replaced is not None:
            unseat(book, replaced, fact.at)
    if leg.bridge is not None and leg.bridge != fact.bridge:
        unseat(book, leg, fact.at)
    leg.bridge = fact.bridge
    seats = book.bridges.setdefault(fact.bridge, set())
    seats.add(leg.uniqueid)
    for uniqueid in tuple(seats):
        hears(book, uniqueid, seats, fact.at)


def take_over(book: Book, leg: Leg, replaced: Uniqueid) -> None:
    """What the replaced channel was to a visit, its successor is: an agent behind a Local channel."""
    if replaced in book.offers:
        book.offers.setdefault(leg.uniqueid, book.offers[replaced])
    if replaced in book.partners:
        book.partners.setdefault(leg.uniqueid, book.partners[replaced])
    stood = book.legs.get(replaced)
    if stood is None or stood.call is None or stood.call is not leg.call:
        return
    for visit in list(stood.call.of(replaced)):
        if visit.state is State.TALKING:
            # He came by way of a Local channel, which is optimised away: from here on he talks himself.
            visit.waited_as, visit.customer = visit.waited_as or visit.customer, leg.uniqueid


def come_forward(book: Book, call: LiveCall, customer: Uniqueid, partners: set[Uniqueid]) -> None:
    """He waited, or talked, behind a Local channel and sits in one bridge with the agent now: it is needed no more."""
    halves = [leg for leg in map(book.legs.get, call.legs) if leg is not None and leg.behind == customer]
    agents = [book.offers[partner][1] for partner in partners if partner in book.offers]
    for visit in [visit for half in halves for visit in call.of(half.uniqueid) if visit in agents]:
        visit.waited_as, visit.customer = visit.customer, customer


def left(book: Book, fact: BridgeLeft) -> None:
    """A channel leaves its seat."""
    leg = book.legs.get(fact.uniqueid)
    if leg is not None and leg.bridge == fact.bridge:
        for visit in leg.call.of(leg.uniqueid) if leg.call else ():
            visit.talk_doubted = False  # he was there until now
        unseat(book, leg, fact.at)


def unseat(book: Book, leg: Leg, at: Moment) -> None:
    """Take the channel out of its bridge; who is left alone there talks no more, nor does he."""
    if leg.bridge is None:
        return
    seats = book.bridges.get(leg.bridge, set())
    seats.discard(leg.uniqueid)
    if not seats:
        book.bridges.pop(leg.bridge, None)
    leg.bridge = None
    quiet(leg, at)
    for uniqueid in seats:
        one = book.legs[uniqueid]
        if not heard_by(book, one, seats):
            quiet(one, at)
            note_connected(one, seats)


def quiet(leg: Leg, at: Moment) -> None:
    """The channel hears nobody now."""
    if leg.call is not None:
        for visit in leg.call.of(leg.uniqueid):
            visit.stop_talk(at)


def hears(book: Book, uniqueid: Uniqueid, seats: set[Uniqueid], at: Moment) -> None:
    """If this is a customer and somebody else is in the bridge, a wait is answered or a talk goes on."""
    leg = book.legs.get(uniqueid)
    if leg is None or leg.call is None or leg.call.direction is not Direction.INBOUND or len(seats) < 2:  # noqa: PLR2004
        return
    partners = heard_by(book, leg, seats)
    come_forward(book, leg.call, uniqueid, partners)
    visit = next(iter(leg.call.of(uniqueid)), None)
    if visit is None:
        return
    if visit.outcome is None:
        answer(book, leg.call, visit, partners, at)
    if not partners:
        note_connected(leg, seats)
    if visit.state is State.TALKING and partners:
        if visit.talk_since is None:
            talk_on(leg.call, visit, at)
        for partner in partners:
            book.partners[partner] = (leg.call, visit)


def heard_by(book: Book, leg: Leg, seats: set[Uniqueid]) -> set[Uniqueid]:
    """Whom of his bridge a customer hears: not counted are customers of other calls, of whom nobody serves him."""
    return {uniqueid for uniqueid in seats if uniqueid != leg.uniqueid and not strangers(leg, book.legs[uniqueid])}


def note_connected(leg: Leg, seats: set[Uniqueid]) -> None:
    """Only customers of other calls are with him: whoever connected them with each other has handed him on."""
    for visit in leg.call.of(leg.uniqueid) if leg.call is not None and len(seats) > 1 else ():
        visit.transferred |= visit.state is State.TALKING


def strangers(leg: Leg, other: Leg) -> bool:
    """Two callers from outside, each with a call of his own."""
    if leg.call is None or other.call is None or leg.call is other.call:
        return False
    return other.uniqueid == other.call.root and other.call.direction is Direction.INBOUND is leg.call.direction


def talk_on(call: LiveCall, visit: Visit, at: Moment) -> None:
    """He hears somebody, perhaps again: whoever left before did not end the talk."""
    visit.talk_since = at
    visit.transferred, visit.hung_up_by, call.asked = False, None, None


def answer(book: Book, call: LiveCall, visit: Visit, partners: set[Uniqueid], at: Moment) -> None:
    """The customer hears somebody: the agent he waited for, one who picked the call up, or a third party."""
    offer = next((book.offers[p][2] for p in partners if p in book.offers and book.offers[p][1] is visit), None)
    if offer is not None and offer.answered is None:
        # A half of a Local channel stands for all phones rung behind it: the one that answered is meant.
        offer = next((other for other in visit.offers if other.answered), offer)
    if offer is None:
        if visit.waiting and visit.kind is Kind.QUEUE:
            moved_away(book, call, visit, at, "bridged with somebody else while waiting")
            return
        if visit.kind is Kind.QUEUE and visit.state is not State.CONNECTING:
            visit.moved_on = True
            return
        picker = next((book.legs[p] for p in partners if p in book.legs), None)
        if visit.kind is Kind.DIRECT and picker is not None and visit.agent is None:
            visit.agent = book.rules.lines.get(picker.interface, picker.interface)
    visit.agent = visit.picker or visit.agent or (offer.agent if offer else None) or ""
    visit.connected = visit.connected or at
    visit.left = visit.left or visit.connected
    silence_others(book, visit, offer if visit.picker is None else None, at)
    book.decide(call, visit, Outcome.ANSWERED, "bridged with the agent", at)


def silence_others(book: Book, visit: Visit, won: Offer | None, at: Moment) -> None:
    """Phones still ringing at the answer stop ringing for him now; a late DialEnd adds nothing."""
    for offer in visit.offers:
        if offer.end is None:
            offer.end = at
            if offer is won:
                offer.answered = at
                book.end_offer(visit, offer, OfferResult.ANSWERED)


def held(book: Book, fact: Held) -> None:
    """An agent (or the caller's own phone) put the talk on hold."""
    for visit in talks_of(book, fact.uniqueid):
        if visit.hold_since is None and visit.talk_since is not None:
            visit.hold_since = fact.at


def unheld(book: Book, fact: Unheld) -> None:
    """The talk goes on."""
    for visit in talks_of(book, fact.uniqueid):
        visit.stop_hold(fact.at)


def talks_of(book: Book, uniqueid: Uniqueid) -> list[Visit]:
    """The talks in which this channel takes part, on either side."""
    found = []
    if uniqueid in book.partners:
        found.append(book.partners[uniqueid][1])
    leg = book.legs.get(uniqueid)
    if leg is not None and leg.call is not None:
        found.extend(leg.call.of(uniqueid))
    return [visit for visit in found if visit.state is State.TALKING]


def moved_away(book: Book, call: LiveCall, visit: Visit, at: Moment, reason: str) -> None:
    """He waits no more though nobody said Leave of him: a masquerade took him out."""
    visit.step(Step.LEAVE)
    visit.left, visit.moved_out = at, True
    for offer in visit.offers:
        offer.end = offer.end or at
    book.decide(call, visit, Outcome.REDIRECTED, reason, at)


def line(book: Book, uniqueid: Uniqueid) -> tuple[Uniqueid, ...]:
    """A channel, and the other half of the Local channel of which it is one."""
    leg = book.legs.get(uniqueid)
    other = (leg.near or leg.far) if leg is not None else None
    return (uniqueid,) if other is None else (uniqueid, other)


def company(book: Book, customer: Uniqueid) -> set[Uniqueid]:
    """Everybody with whom he is connected, through bridges and Local channels, but for customers of other calls."""
    found: set[Uniqueid] = set()
    waiting = [customer]
    while waiting:
        one = waiting.pop()
        leg = book.legs.get(one)
        if leg is None or one in found:
            continue
        found.add(one)
        seats = book.bridges.get(leg.bridge, set()) if leg.bridge is not None else set()
        waiting += [*seats, *line(book, one)]
    himself = book.legs.get(customer)
    return set() if himself is None else heard_by(book, himself, found)
