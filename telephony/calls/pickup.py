"""Somebody answers for a phone that rings.

Asterisk says `Pickup` only after the call has changed hands, on the picker's thread; whoever waited for the answer goes
on at once on its own, and may have told of the answer, and even of the bridge, before. It tells of the picker's channel
then, which nobody has dialled: it is the root of a call of its own.
"""

from telephony.calls.book import Book, Leg, LiveCall
from telephony.calls.facts import AgentConnected, Interface, Moment, PickedUp, Uniqueid
from telephony.calls.record import OfferResult
from telephony.calls.visit import Offer, Visit


def told(book: Book, fact: PickedUp) -> None:
    """It is said, first or last."""
    picker, found = book.legs.get(fact.picker), book.offers.get(fact.target)
    if picker is not None and found is not None:
        takes(book, picker, found, (found[2],), fact.at)


def shown_by_dial(book: Book, caller: Uniqueid | None, answered: Uniqueid, at: Moment) -> None:
    """The dial of this channel is answered, perhaps by somebody whom it has not dialled."""
    picker, dials = book.legs.get(answered), book.legs.get(caller) if caller is not None else None
    if picker is None or dials is None or dials.call is None or not came_by_himself(book, picker):
        return
    rung = (leg for leg in map(book.legs.get, dials.call.legs) if leg is not None and leg.rung_by == caller)
    ringing = [book.offers[leg.uniqueid] for leg in rung if not leg.reached and leg.uniqueid in book.offers]
    if ringing:
        offers = tuple({id(offer): offer for _, _, offer in ringing}.values())
        takes(book, picker, ringing[0], offers if len(offers) == 1 else (), at)  # else `Pickup` tells which it was


def shown_by_queue(book: Book, call: LiveCall, visit: Visit, fact: AgentConnected) -> None:
    """The queue connects this channel for that member, though it has called another one of his."""
    picker = book.legs.get(fact.leg)
    offers = tuple(offer for offer in visit.offers if offer.interface == fact.interface and not offer.ended)
    if picker is not None and offers and came_by_himself(book, picker):
        takes(book, picker, (call, visit, offers[-1]), offers[-1:], fact.at)


def came_by_himself(book: Book, leg: Leg) -> bool:
    """Whether nobody has dialled this channel; who is known to have picked up already is not asked again."""
    rooted = leg.call is not None and leg.call.root == leg.uniqueid
    return rooted and leg.rung_by is None and leg.uniqueid not in book.offers


def takes(
    book: Book, picker: Leg, found: tuple[LiveCall, Visit, Offer], silenced: tuple[Offer, ...], at: Moment
) -> None:
    """The phone falls silent, and he is the agent."""
    _, visit, _ = found
    book.offers[picker.uniqueid] = found
    if not visit.undecided:
        return
    visit.picker = visit.picker or name_of(book, visit, picker.interface)
    visit.taken.add(picker.uniqueid)
    for offer in silenced:
        offer.end = offer.end or at
        book.end_offer(visit, offer, OfferResult.CANCELLED_ELSEWHERE)


def name_of(book: Book, visit: Visit, phone: Interface) -> str:
    """What the agent at this phone is called: as a member of that queue, or of another one; else as the phone is."""
    members = sorted(book.members.values(), key=lambda member: member.queue != visit.queue)
    named = (member.name for member in members if phone in {member.interface, member.device})
    return next(named, book.rules.lines.get(phone, phone))
