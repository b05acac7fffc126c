"""What the first listing after a gap, or after our start, shows of talks, and of phones that the dialplan called.

Only the first does: facts that came before it were held back. A later listing may be newer than events on their way.
"""

from collections.abc import Sequence

from telephony.calls import dialling, gaps, talking
from telephony.calls.answered import Answer, Answered, find_answered, is_local, is_root_in_dial, linked_to, names
from telephony.calls.book import Book, Leg, LiveCall
from telephony.calls.facts import (
    BridgeId,
    ChannelUp,
    Fact,
    LiveChannel,
    Moment,
    SnapshotTaken,
)
from telephony.calls.outcome import UNHEARD
from telephony.calls.record import Direction, Kind
from telephony.calls.visit import State, Visit


def take_seat(book: Book, leg: Leg, bridge: BridgeId) -> None:
    """It is in this bridge now; since when, and what that means, is not said."""
    leg.bridge = bridge
    book.bridges.setdefault(bridge, set()).add(leg.uniqueid)


def seat_again(book: Book, fact: SnapshotTaken, answered: Answered) -> None:
    """After a gap everybody sits where the listing says: talks go on, were begun, or have ended.

    `answered`: who talks in a visit that we do not know.
    """
    listed = [(book.legs.get(live.channel.uniqueid), live.bridge) for live in fact.channels or ()]
    seats = [(leg, bridge) for leg, bridge in listed if leg is not None]
    for leg, bridge in seats:
        if leg.bridge != bridge:
            talking.unseat(book, leg, fact.at)
    for leg, bridge in seats:
        if bridge is not None:
            take_seat(book, leg, bridge)
    note_ringing(book, fact)
    for leg, _ in seats:
        visit = next(leg.call.of(leg.uniqueid), None) if leg.call is not None else None
        if leg.call is None or visit is None:
            continue
        if visit.undecided and visit.unheard:
            gaps.answered_unheard(book, leg.call, visit, fact.at)
        elif visit.state is State.TALKING and leg.uniqueid not in answered:
            talks_after_gap(book, leg.call, visit, fact.at)


def note_ringing(book: Book, fact: SnapshotTaken) -> None:
    """Phones that were called and are listed as ringing rang: that they began to, may not have been heard."""
    for live in fact.channels or ():
        offered = book.offers.get(live.channel.uniqueid)
        if offered is not None and offered[2].leg == live.channel.uniqueid and offered[2].end is None:
            offered[2].found |= live.ringing


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


def answered_unknown(book: Book, fact: SnapshotTaken, held: Sequence[Fact]) -> Answered:
    """Who talks with a phone that his Dial() called, in no visit that we know; to be asked before they are seated."""
    found = find_answered(fact, held).items()
    return {uniqueid: answer for uniqueid, answer in found if not is_known(book, book.legs.get(uniqueid), answer)}


def is_known(book: Book, caller: Leg | None, answer: Answer) -> bool:
    """Whether he talks in a visit of which we were told, or may do so."""
    if caller is None or caller.call is None or answer.seats & (book.offers.keys() | book.partners.keys()):
        return True
    talks = (visit for visit in caller.call.of(caller.uniqueid) if visit.state is State.TALKING)
    return not all(dialled_anew(visit, answer) for visit in talks)


def dialled_anew(visit: Visit, answer: Answer) -> bool:
    """Whether the Dial() whose phone he talks with surely began after the talk of this visit.

    That is not certain of two phones of one Dial(), for the one may have handed him on to the other; nor of what is
    called by way of a Local channel, behind which we do not see.
    """
    if visit.kind is Kind.QUEUE or visit.talk_since is None:
        return True
    had = [offer.interface for offer in visit.offers if offer.answered]
    return bool(had) and answer.phone is answer.near and not any(names(answer.caller, one) for one in had)


def find_dialled(book: Book, fact: SnapshotTaken, held: Sequence[Fact], answered: Answered) -> None:
    """Phones that ring, or were answered, for callers whom the dialplan connects directly, and of which nobody told us.

    Args:
        book: of the PBX.
        fact: the listing.
        held: what was told before it, and is applied after it: it may tell exactly when a phone was answered.
        answered: who talks in a visit that we do not know.
    """
    linked = linked_to(fact, held)
    up = {one.uniqueid for one in held if isinstance(one, ChannelUp)}
    for caller in filter(is_root_in_dial, fact.channels or ()):
        leg = book.legs.get(caller.channel.uniqueid)
        if leg is None or leg.call is None or leg.call.direction is not Direction.INBOUND:
            continue
        answer = answered.get(leg.uniqueid)
        if answer is not None:
            found_talking(book, leg.call, leg, answer, fact.at, heard=answer.phone.channel.uniqueid in up)
        elif caller.bridge is None:
            live = linked.get(leg.uniqueid, ())
            rung = [one for one in live if one.application == "AppDial" and one.bridge is None]
            for one in sorted(rung, key=lambda one: -one.lived):
                found_ringing(book, leg.call, leg, one, fact.at)


def found_ringing(book: Book, call: LiveCall, caller: Leg, phone: LiveChannel, at: Moment) -> None:
    """One phone that rings for a directly connected caller; since when, is known to a second, if it rings at all."""
    leg = book.legs.get(phone.channel.uniqueid)
    if leg is None or leg.uniqueid in book.offers or leg.uniqueid in book.partners:
        return
    if is_local(leg.interface):
        return
    began = Moment(at.wall - phone.lived, at.mono - phone.lived, stamped=False)
    dialling.dialled_directly(book, call, caller, leg, began)
    offered = book.offers.get(leg.uniqueid)
    if offered is not None:  # else it leads outside
        offered[1].partial = offered[2].unheard = True
        offered[1].heard_since = offered[1].heard_since or at
        offered[2].found = phone.ringing


def found_talking(book: Book, call: LiveCall, caller: Leg, answer: Answer, at: Moment, *, heard: bool) -> None:  # noqa: PLR0913
    """A directly connected caller talks, in no visit that we know: the phone was called when its channel began.

    When he was answered nobody knows, unless `heard`: then what is held back tells of it.
    """
    queued = dialling.waiting_in_queue(call, caller)
    if queued is not None:
        if not queued.unheard:
            return  # the queues were listed a moment before he left it: what came after will be told
        gaps.lose(book, call, queued, at, UNHEARD)
    found_ringing(book, call, caller, answer.phone, at)
    offered = book.offers.get(answer.phone.channel.uniqueid)
    if offered is not None:
        book.offers.setdefault(answer.near.channel.uniqueid, offered)
        if not heard:
            gaps.answered_unheard(book, call, offered[1], at)
