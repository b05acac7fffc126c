"""A process starts while calls go on: what an earlier one saved of them is taken up.

To us it is a gap in our hearing like any other (`gaps`, `merging`): who waited may have left and come back, whose phone
rang may have talked, and only what a listing shows goes on. What was decided and counted stays as it was.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from telephony.calls import gaps
from telephony.calls.book import Book, Leg, LiveCall
from telephony.calls.clocks import ZERO
from telephony.calls.facts import Interface, Moment, QueueName, SnapshotTaken, Uniqueid
from telephony.calls.record import CallRecord, Kind, OfferRecord, OfferResult, Outcome, Quality, VisitRecord
from telephony.calls.visit import Offer, State, Visit

UNKNOWN_DEVICE = Interface("")
"""Behind a channel of a saved call, until a listing names it."""
Instant = Callable[[datetime], Moment]


def resume(book: Book, calls: Iterable[CallRecord], now: Moment) -> None:
    """Take up calls that an earlier process left open. Before any fact of them.

    Args:
        book: of the PBX whose calls these are.
        calls: as they were saved last.
        now: by the PBX's clock and by ours, so that times saved by the one can be told by the other.
    """

    def instant(wall: datetime) -> Moment:
        return Moment(wall, now.mono - (now.wall - wall))

    for record in calls:
        book.deaf = True
        resume_call(book, record, instant)


def resume_call(book: Book, record: CallRecord, instant: Instant) -> None:
    """One call, with its visits: what is over as history, the others open again."""
    call = LiveCall(
        id=record.id,
        root=Uniqueid(record.uniqueid),
        linkedid=Uniqueid(record.linkedid),
        direction=record.direction,
        caller=record.caller,
        caller_name=record.caller_name,
        dialled=record.dialled,
        arrived=instant(record.arrived_at),
        ended=None if record.ended_at is None else instant(record.ended_at),
        revision=record.revision,
    )
    book.calls[call.root] = call
    seat(book, call, call.root)
    newest = {visit.uniqueid: visit for visit in record.visits}
    past = []
    for saved in record.visits:
        if saved.outcome is None:
            reopen(book, call, saved, instant)
        elif talks_perhaps(call, saved) and newest[saved.uniqueid] is saved:
            talk_on(book, call, saved, instant)
        else:
            past.append(saved)
    call.past = tuple(past)
    book.touch(call)


def talks_perhaps(call: LiveCall, saved: VisitRecord) -> bool:
    """Answered, and nobody had hung up."""
    return saved.outcome is Outcome.ANSWERED and saved.hung_up_by is None and call.ended is None


def seat(book: Book, call: LiveCall, uniqueid: Uniqueid) -> None:
    """A channel that was there; a listing tells the device behind it, or that it is gone."""
    if call.ended is None and uniqueid not in book.legs:
        book.legs[uniqueid] = Leg(uniqueid, UNKNOWN_DEVICE, call)
        call.legs.add(uniqueid)


def reopen(book: Book, call: LiveCall, saved: VisitRecord, instant: Instant) -> None:
    """A visit without an outcome: he waits again, or settles, as one whom we did not hear for a while."""
    visit = visit_of(call, saved, instant)
    visit.state = State.LEFT if saved.settling else State.WAITING
    visit.partial = visit.unheard = True
    visit.gone = call.ended
    seat(book, call, visit.customer)
    book.enter(call, visit)
    for offer in visit.offers:
        if offer.result in {None, OfferResult.ANSWERED}:
            offer.unheard = offer.end is None or visit.kind is Kind.DIRECT
            seat(book, call, offer.leg)
            book.offers[offer.leg] = (call, visit, offer)
    if visit.settling:
        visit.taken = {offer.leg for offer in visit.offers if offer.answered}
        if visit.gone is not None:
            visit.due = visit.gone.mono + book.rules.settle
            book.wake(visit.due, call, visit)


def talk_on(book: Book, call: LiveCall, saved: VisitRecord, instant: Instant) -> None:
    """An answered visit whose talk may go on; only a listing can show that it does."""
    visit = visit_of(call, saved, instant)
    visit.state, visit.outcome, visit.reason, visit.agent = State.TALKING, saved.outcome, saved.reason, saved.agent
    visit.connected = visit.talk_since = visit.left
    if saved.wait is None:  # by then he was answered; when, is not known
        visit.found, visit.connected, visit.left = visit.left, None, None
    visit.talk_doubted, visit.talk_heard, visit.hold_heard = True, saved.talk is not None, saved.hold is not None
    visit.hold = saved.hold or ZERO
    visit.partial = saved.quality is Quality.PARTIAL
    visit.reconstructed = saved.quality is Quality.RECONSTRUCTED
    visit.exact = saved.quality is not Quality.APPROXIMATE
    call.visits.append(visit)
    seat(book, call, visit.customer)
    for offer in visit.offers:
        if offer.result is OfferResult.ANSWERED:
            seat(book, call, offer.leg)
            book.partners[offer.leg] = (call, visit)


def visit_of(call: LiveCall, saved: VisitRecord, instant: Instant) -> Visit:
    """What was saved of an entered visit, on the clocks of this process."""
    offers = [offer_of(offer, instant) for offer in saved.offers]
    began = call.arrived if saved.joined_at is None else instant(saved.joined_at)
    alive = began
    for offer in offers:
        alive = gaps.later(gaps.later(alive, offer.called), gaps.later(offer.rang, offer.end)) or alive
    return Visit(
        ordinal=saved.ordinal,
        customer=Uniqueid(saved.uniqueid),
        kind=saved.kind,
        queue=QueueName(saved.queue),
        began=began,
        left=None if saved.left_at is None else instant(saved.left_at),
        alive=alive,
        alerted=None if saved.alerted_at is None else instant(saved.alerted_at),
        offers=offers,
    )


def offer_of(saved: OfferRecord, instant: Instant) -> Offer:
    """An offer as it was saved; how it ended, if it had not, is not known."""
    return Offer(
        agent=saved.agent,
        interface=Interface(saved.interface),
        leg=Uniqueid(saved.leg),
        called=instant(saved.called_at),
        rang=None if saved.rang_at is None else instant(saved.rang_at),
        answered=None if saved.answered_at is None else instant(saved.answered_at),
        end=None if saved.ended_at is None else instant(saved.ended_at),
        unheard=saved.ended_at is None,
        result=saved.result,
    )


def name_devices(book: Book, fact: SnapshotTaken) -> None:
    """The listing names the devices behind the channels of saved calls."""
    for live in fact.channels or ():
        leg = book.legs.get(live.channel.uniqueid)
        if leg is not None and leg.interface == UNKNOWN_DEVICE:
            leg.interface = live.channel.interface
