"""Calls go from hand to hand: transfers, what is consulted before them, parking.

Who consults waits for himself: no visit. With the transfer the customer takes his place, and a wait of his begins.
Where he stands then depends on how the PBX does it: on his own channel, which it puts into Queue() or Dial() in place
of the agent's; or `behind` a Local channel, of which one half sits in his bridge and the other waits.
"""

from telephony.calls import dialling, talking, talks
from telephony.calls.book import Book, Leg, LiveCall
from telephony.calls.facts import Moment, Parked, QueueName, Transferred, Uniqueid
from telephony.calls.record import Direction, Kind, Party
from telephony.calls.visit import State, Visit


def transferred(book: Book, fact: Transferred) -> None:
    """An agent hands his customer on."""
    found = handed(book, fact) if fact.succeeded else None
    if found is None:
        return
    call, visit = found
    if visit.state is State.OVER and visit.hung_up_by is Party.PBX:
        visit.transferred, visit.hung_up_by = True, None  # it was not known why he had begun something new
        book.touch(call)
    visit.handed_by.add(fact.transferer)
    place, stands = place_of(book, fact)
    if stands is not None and stands.uniqueid != visit.customer:
        stands.behind = visit.customer
    since = fact.at
    if fact.kind == "blind" and stands is not None:
        since = joined_at(book, stands) or since  # nobody waited there before him
    if place is not None and stands is not None and waits_there(book, found, place, stands, since):
        return
    others = talking.company(book, visit.customer) - set(talking.line(book, fact.transferer))
    if visit.state is State.TALKING and (not others or fact.kind == "blind"):
        visit.transferred, visit.hung_up_by = True, None
        if stands is not None and stands.behind is not None:
            talks.end_talk(book, call, visit, fact.at)  # he stays with his half of the channel, the other has gone on
    elif visit.state is State.TALKING:
        for uniqueid in others:
            adopt(book, call, book.legs[uniqueid], fact.at)
            book.partners[uniqueid] = (call, visit)
        visit.hung_up_by = None


def handed(book: Book, fact: Transferred) -> tuple[LiveCall, Visit] | None:
    """The inbound call and the visit in which the transferer talked."""
    found = book.partners.get(fact.transferer) or book.offers.get(fact.transferer)
    if found is not None:
        return found[0], found[1]
    gone = book.departed.get(fact.transferer)
    if gone is not None and gone.talk is not None:
        return gone.talk
    leg = book.legs.get(fact.transferee) if fact.transferee is not None else None
    if leg is None or leg.call is None or leg.call.direction is not Direction.INBOUND:
        return None
    visit = next(leg.call.of(leg.uniqueid), None)
    return None if visit is None else (leg.call, visit)


def place_of(book: Book, fact: Transferred) -> tuple[Leg | None, Leg | None]:
    """Who has waited for the customer so far, perhaps, and the channel that stands there for him from now on."""
    transferee = book.legs.get(fact.transferee) if fact.transferee is not None else None
    if fact.place is not None:
        gone = book.departed.get(fact.place)
        return gone.leg if gone is not None else book.legs.get(fact.place), transferee
    target = book.legs.get(fact.target) if fact.target is not None else put_beside(book, fact)
    if target is not None and target.far is not None:
        far = book.legs.get(target.far)
        return far, far
    is_half = transferee is not None and (transferee.near or transferee.far) is not None
    half = transferee if is_half and fact.kind == "blind" else None
    return half, half  # its dialplan goes on at once, perhaps before this is said


def put_beside(book: Book, fact: Transferred) -> Leg | None:
    """Who has just been put beside the customer: a busy PBX tells of the transfer without him, when he has moved."""
    customer = book.legs.get(fact.transferee) if fact.kind == "attended" and fact.transferee is not None else None
    if customer is None or customer.bridge is None:
        return None
    beside = book.bridges[customer.bridge] - {customer.uniqueid, *talking.line(book, fact.transferer)}
    return book.legs.get(beside.pop()) if len(beside) == 1 else None


def waits_there(book: Book, talk: tuple[LiveCall, Visit], place: Leg, stands: Leg, at: Moment) -> bool:
    """Whether the agent waited there in a queue, or for a phone to answer: then the customer's own wait begins now."""
    call, visit = talk
    queue = queue_of(book, place)
    release(book, visit, place)
    ringing = rung_by(book, place.uniqueid)
    if queue is None and not ringing:
        return False
    visit.transferred, visit.hung_up_by = True, None
    talks.end_talk(book, call, visit, at)
    dialling.note_moved_on(book, call, stands, at)
    for leg in (stands, *ringing):
        adopt(book, call, leg, at)
    if queue is not None:
        book.others_waiting.pop((queue, place.uniqueid), None)
        waits = Visit(call.next_ordinal, stands.uniqueid, Kind.QUEUE, queue, began=at, took_over=True)
        book.enter(call, waits)
    for leg in ringing:
        rings_on(book, call, stands, leg, at)
    return True


def queue_of(book: Book, place: Leg) -> QueueName | None:
    """The queue in which this channel waits, or has waited to its end a moment ago."""
    gone = book.departed.get(place.uniqueid)
    if gone is not None:
        return gone.waited
    return next((queue for queue, uniqueid in book.others_waiting if uniqueid == place.uniqueid), None)


def joined_at(book: Book, leg: Leg) -> Moment | None:
    """Since when this channel waits in a queue without being a visit, if it does."""
    return next((at for (_, uniqueid), at in book.others_waiting.items() if uniqueid == leg.uniqueid), None)


def release(book: Book, visit: Visit, place: Leg) -> None:
    """What rings for this channel now was taken for phones of the visit that is handed on, and is not."""
    waiting = [place.uniqueid]
    while waiting:
        caller = waiting.pop()
        for leg in book.legs.values():
            found = book.offers.get(leg.uniqueid) if leg.rung_by == caller and not leg.reached else None
            if found is not None and found[1] is visit and found[2].leg != leg.uniqueid:
                del book.offers[leg.uniqueid]
                waiting += [leg.far] if leg.far is not None else []


def rung_by(book: Book, caller: Uniqueid) -> list[Leg]:
    """The phones that ring for this channel, none of which has answered yet."""
    rung = [leg for leg in book.legs.values() if leg.rung_by == caller and not leg.reached]
    return sorted((leg for leg in rung if leg.uniqueid not in book.offers), key=lambda leg: leg.uniqueid)


def rings_on(book: Book, call: LiveCall, stands: Leg, leg: Leg, at: Moment) -> None:
    """A phone that rang for the agent rings for the customer: to him from now on."""
    half = book.legs.get(leg.far) if leg.far is not None else None
    behind = [] if half is None else [half, *rung_by(book, half.uniqueid)]
    for one in (leg, *behind):
        if one.alerted is not None and one.alerted.mono < at.mono:
            one.alerted = at
        adopt(book, call, one, at)
    visit = dialling.waiting_in_queue(call, stands)
    if visit is None:
        dialling.dialled_directly(book, call, stands, leg, at)
    else:
        dialling.make_offer(book, call, visit, leg, at, agent=leg.interface)


def adopt(book: Book, call: LiveCall, leg: Leg, at: Moment) -> None:
    """A channel of the consultation belongs to the customer's call now; another customer's never does."""
    other = leg.call
    if other is call or (other is not None and other.direction is Direction.INBOUND):
        return
    leg.call = call
    call.legs.add(leg.uniqueid)
    if other is not None:
        other.legs.discard(leg.uniqueid)
        if not other.legs:
            talks.end_call(book, other, at)


def parked(book: Book, fact: Parked) -> None:
    """A waiting caller is put into a parking lot. The queue says Leave of a stand-in then, or of nobody."""
    leg = book.legs.get(fact.uniqueid)
    if leg is None or leg.call is None:
        return
    for visit in list(leg.call.of(fact.uniqueid)):
        if visit.waiting:
            talking.moved_away(book, leg.call, visit, fact.at, "parked while waiting")
        else:
            visit.moved_on |= visit.settling
