"""What the first listing after a gap, or after our start, shows of talks, and of phones that the dialplan called.

Only the first does: facts that came before it were held back. A later listing may be newer than events on their way.
"""

from collections.abc import Iterable

from telephony.calls import dialling, gaps, talking
from telephony.calls.book import Book, Leg, LiveCall
from telephony.calls.facts import (
    BridgeId,
    ChannelUp,
    DialBegan,
    Fact,
    LiveChannel,
    Moment,
    SnapshotTaken,
    Uniqueid,
)
from telephony.calls.outcome import UNHEARD
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


# --- callers whom the dialplan connects directly ----------------------------------------------------------------------


def find_dialled(book: Book, fact: SnapshotTaken, held: Iterable[Fact]) -> None:
    """Phones that ring, or were answered, for callers whom the dialplan connects directly, and of which nobody told us.

    Args:
        book: of the PBX.
        fact: the listing.
        held: what was told before it, and is applied after it: it may tell exactly what the listing only shows.
    """
    linked: dict[Uniqueid, list[LiveChannel]] = {}
    told = list(held)
    began = {one.leg.uniqueid for one in told if isinstance(one, DialBegan)}
    up = {one.uniqueid for one in told if isinstance(one, ChannelUp)}
    for one in fact.channels or ():
        if one.channel.uniqueid not in began:
            linked.setdefault(one.channel.linkedid, []).append(one)
    for caller in fact.channels or ():
        leg = book.legs.get(caller.channel.uniqueid)
        if caller.application != "Dial" or leg is None or leg.call is None or leg.uniqueid != caller.channel.linkedid:
            continue
        if leg.call.direction is not Direction.INBOUND:
            continue
        live = linked.get(leg.uniqueid, [])
        if caller.bridge is None:
            rung = [one for one in live if one.application == "AppDial" and one.bridge is None]
            for one in sorted(rung, key=lambda one: -one.lived):
                found_ringing(book, leg.call, leg, one, fact.at)
        elif (seats := answered_by(caller, live)) is not None:
            found_talking(book, leg.call, leg, seats, fact.at, heard=seats[0].channel.uniqueid in up)


def found_ringing(book: Book, call: LiveCall, caller: Leg, phone: LiveChannel, at: Moment) -> None:
    """One phone that rings for a directly connected caller; since when, is known to a second, if it rings at all."""
    leg = book.legs.get(phone.channel.uniqueid)
    if leg is None or leg.uniqueid in book.offers or leg.uniqueid in book.partners:
        return
    if leg.interface.startswith("Local/"):
        return
    began = Moment(at.wall - phone.lived, at.mono - phone.lived, stamped=False)
    dialling.dialled_directly(book, call, caller, leg, began)
    offered = book.offers.get(leg.uniqueid)
    if offered is not None:  # else it leads outside
        offered[1].partial = offered[2].unheard = True
        offered[2].found = phone.ringing


Seats = tuple[LiveChannel, LiveChannel]
"""The phone that answered a caller, and who sits in his bridge: the same, or a Local channel that leads to it."""


def answered_by(caller: LiveChannel, live: Iterable[LiveChannel]) -> Seats | None:
    """Who answered this caller's Dial(); None when that is not certain.

    Certain is a phone that this very Dial() called: whom somebody handed on, picked up or parked sits with another one.
    """
    near = called_by(caller, live)
    if near is None or not near.channel.interface.startswith("Local/"):
        return None if near is None else (near, near)
    halves = [one for one in live if one.channel.interface == near.channel.interface and one.application == "Dial"]
    phone = called_by(halves[0], live) if len(halves) == 1 else None
    return None if phone is None or phone.channel.interface.startswith("Local/") else (phone, near)


def called_by(caller: LiveChannel, live: Iterable[LiveChannel]) -> LiveChannel | None:
    """The only one in the bridge of this channel that its Dial() called."""
    devices = [device.strip().casefold() for device in caller.data.partition(",")[0].split("&")]

    def named(one: LiveChannel) -> bool:
        interface = one.channel.interface.casefold()
        return any(device == interface or device.startswith(interface + "/") for device in devices)

    seats = (one for one in live if caller.bridge is not None and one.bridge == caller.bridge)
    phones = [one for one in seats if one.application == "AppDial" and named(one)]
    return phones[0] if len(phones) == 1 else None


def found_talking(book: Book, call: LiveCall, caller: Leg, seats: Seats, at: Moment, *, heard: bool) -> None:  # noqa: PLR0913
    """A directly connected caller talks, in no visit that we know: the phone was called when its channel began.

    When he was answered nobody knows, unless `heard`: then what is held back tells of it.
    """
    known = {one.channel.uniqueid for one in seats} & (book.offers.keys() | book.partners.keys())
    if known or any(visit.state is State.TALKING for visit in call.of(caller.uniqueid)):
        return
    queued = dialling.waiting_in_queue(call, caller)
    if queued is not None:
        if not queued.unheard:
            return  # the queues were listed a moment before he left it: what came after will be told
        gaps.lose(book, call, queued, at, UNHEARD)
    phone, near = seats[0], seats[1].channel.uniqueid
    found_ringing(book, call, caller, phone, at)
    offered = book.offers.get(phone.channel.uniqueid)
    if offered is not None:
        book.offers.setdefault(near, offered)
        if not heard:
            gaps.answered_unheard(book, call, offered[1], at)
