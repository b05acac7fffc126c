"""What the first listing after a gap, or after our start, shows of talks and of ringing phones.

Only the first does: facts that came before it were held back. A later listing may be newer than events on their way.
"""

from telephony.calls import dialling, gaps, talking
from telephony.calls.book import Book, Leg, LiveCall
from telephony.calls.facts import BridgeId, LiveChannel, Moment, SnapshotTaken
from telephony.calls.record import Direction
from telephony.calls.visit import State, Visit


def take_seat(book: Book, leg: Leg, bridge: BridgeId) -> None:
    """It is in this bridge now; since when, and what that means, is not said."""
    leg.bridge = bridge
    book.bridges.setdefault(bridge, set()).add(leg.uniqueid)


def seat_again(book: Book, fact: SnapshotTaken) -> None:
    """After a gap everybody sits where the listing says: talks go on, were begun, or have ended."""
    listed = [(book.legs.get(live.channel.uniqueid), live.bridge) for live in fact.channels or ()]
    seats = [(leg, bridge) for leg, bridge in listed if leg is not None]
    for leg, bridge in seats:
        if leg.bridge != bridge:
            talking.unseat(book, leg, fact.at)
    for leg, bridge in seats:
        if bridge is not None:
            take_seat(book, leg, bridge)
    for leg, _ in seats:
        visit = next(leg.call.of(leg.uniqueid), None) if leg.call is not None else None
        if leg.call is None or visit is None:
            continue
        if visit.undecided and visit.unheard:
            gaps.answered_unheard(book, leg.call, visit, fact.at)
        elif visit.state is State.TALKING:
            talks_after_gap(book, leg.call, visit, fact.at)


def talks_after_gap(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """With the same agent the talk went on, though perhaps with holds; with others, for a time that nobody knows."""
    partners = gaps.bridged_with(book, visit)
    if not visit.talk_doubted or not partners:
        return
    visit.hold_heard = False
    if not gaps.still_talking(book, visit, partners):
        visit.talk_heard = False
        visit.talk_since = at
    visit.talk_doubted = False
    for partner in partners:
        book.partners[partner] = (call, visit)
    book.touch(call)


def find_ringing(book: Book, fact: SnapshotTaken) -> None:
    """Phones that ring for callers whom the dialplan connects directly, and of which nobody told us."""
    channels = fact.channels or ()
    rung = [one for one in channels if one.application == "AppDial" and not one.up and one.bridge is None]
    for caller in channels:
        leg = book.legs.get(caller.channel.uniqueid)
        if caller.application != "Dial" or caller.bridge is not None or leg is None or leg.call is None:
            continue
        if leg.uniqueid == caller.channel.linkedid and leg.call.direction is Direction.INBOUND:
            phones = [one for one in rung if one.channel.linkedid == leg.uniqueid]
            for one in sorted(phones, key=lambda one: -one.lived):
                found_ringing(book, leg.call, leg, one, fact.at)


def found_ringing(book: Book, call: LiveCall, caller: Leg, phone: LiveChannel, at: Moment) -> None:
    """One phone that rings for a directly connected caller; since when, is known to a second, if it rings at all."""
    leg = book.legs.get(phone.channel.uniqueid)
    if leg is None or leg.uniqueid in book.offers or leg.interface.startswith("Local/"):
        return
    began = Moment(at.wall - phone.lived, at.mono - phone.lived, stamped=False)
    dialling.dialled_directly(book, call, caller, leg, began)
    offered = book.offers.get(leg.uniqueid)
    if offered is not None:  # else it leads outside
        offered[1].partial = offered[2].unheard = True
        offered[2].found = phone.ringing
