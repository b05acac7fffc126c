"""A process starts while calls go on: what an earlier one saved of them is taken up.

To us it is a gap in our hearing like any other (`merging`): who waited may have left and come back, whose phone rang
may have talked, and only what a listing shows goes on. What was decided and counted stays as it was.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from telephony.calls import gaps, talking
from telephony.calls.book import Book, Leg, LiveCall
from telephony.calls.clocks import ZERO
from telephony.calls.facts import Interface, Moment, QueueName, SnapshotTaken, Uniqueid
from telephony.calls.outcome import UNHEARD
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
        resume_call(book, record, instant, now)


def resume_call(book: Book, record: CallRecord, instant: Instant, now: Moment) -> None:
    """One call, with its visits: the decided as history, the others open again."""
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
    if call.ended is None:
        seat(book, call, call.root)
    talks = talks_left_open(record)
    call.past = tuple(doubted(v) if v in talks else v for v in record.visits if v.outcome is not None)
    for saved in talks:
        seat(book, call, Uniqueid(saved.uniqueid))
        book.doubtful_talks.append((call, saved, talking_visit(saved, instant, now)))
    for saved in record.visits:
        if saved.outcome is None:
            reopen(book, call, saved, instant, now)
    book.touch(call)


def seat(book: Book, call: LiveCall, uniqueid: Uniqueid) -> None:
    """A channel that was there; a listing tells the device behind it, or that it is gone."""
    if uniqueid not in book.legs:
        book.legs[uniqueid] = Leg(uniqueid, UNKNOWN_DEVICE, call)
        call.legs.add(uniqueid)


def talks_left_open(record: CallRecord) -> list[VisitRecord]:
    """Answered visits of which nobody had hung up, and after which nothing began on that channel."""
    newest = {visit.uniqueid: visit for visit in record.visits}
    return [
        visit
        for visit in newest.values()
        if visit.outcome is Outcome.ANSWERED
        and visit.hung_up_by is None
        and visit.talk is not None
        and record.ended_at is None
    ]


def doubted(saved: VisitRecord) -> VisitRecord:
    """How long they talked is not known, unless a listing shows that they still do."""
    return replace(saved, talk=None, hold=None, quality=worse(saved.quality))


def worse(quality: Quality) -> Quality:
    """Of a visit whose rings were heard, and whose talk was not to its end."""
    return Quality.PARTIAL if quality is Quality.PARTIAL else Quality.APPROXIMATE


def reopen(book: Book, call: LiveCall, saved: VisitRecord, instant: Instant, now: Moment) -> None:
    """A visit without an outcome: he waits again, or settles, as one whom we did not hear for a while."""
    visit = visit_of(saved, instant, now)
    visit.partial = visit.unheard = True
    visit.state = State.LEFT if saved.settling else State.WAITING
    book.enter(call, visit)
    if call.ended is not None or (saved.settling and saved.kind is Kind.DIRECT):
        gaps.lose(book, call, visit, now, UNHEARD)  # nothing more will be heard of it
        return
    seat(book, call, visit.customer)
    for offer in visit.offers:
        if offer.result in {None, OfferResult.ANSWERED}:
            offer.unheard = offer.end is None or visit.kind is Kind.DIRECT
            seat(book, call, offer.leg)
            book.offers[offer.leg] = (call, visit, offer)
    if visit.settling:
        visit.due = now.mono + book.rules.settle
        book.wake(visit.due, call, visit)


def visit_of(saved: VisitRecord, instant: Instant, now: Moment) -> Visit:
    """What was saved of an entered visit, on the clocks of this process."""

    def known(wall: datetime | None) -> Moment | None:
        return None if wall is None else instant(wall)

    return Visit(
        ordinal=saved.ordinal,
        customer=Uniqueid(saved.uniqueid),
        kind=saved.kind,
        queue=QueueName(saved.queue),
        began=known(saved.joined_at) or now,  # only refused visits have none, and these are decided
        left=known(saved.left_at),
        alerted=known(saved.alerted_at),
        offers=[offer_of(offer, instant) for offer in saved.offers],
    )


def offer_of(saved: OfferRecord, instant: Instant) -> Offer:
    """An offer as it was saved; how it ended unheard, if it had not, is not known."""
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


def talking_visit(saved: VisitRecord, instant: Instant, now: Moment) -> Visit:
    """An answered visit whose talk goes on from the answer."""
    visit = visit_of(saved, instant, now)
    visit.state, visit.outcome, visit.reason, visit.agent = State.TALKING, saved.outcome, saved.reason, saved.agent
    visit.connected = visit.talk_since = visit.left
    visit.hold = saved.hold or ZERO
    visit.partial, visit.exact = saved.quality is Quality.PARTIAL, False
    return visit


def seat_listed(book: Book, fact: SnapshotTaken) -> None:
    """The listing names the devices of saved channels and the bridges they are in now."""
    for live in fact.channels or ():
        leg = book.legs.get(live.channel.uniqueid)
        if leg is not None and leg.interface == UNKNOWN_DEVICE:
            leg.interface = live.channel.interface
            if live.bridge is not None:
                leg.bridge = live.bridge
                book.bridges.setdefault(live.bridge, set()).add(leg.uniqueid)


def take_up_talks(book: Book, at: Moment) -> None:
    """Whoever is in a bridge with somebody after the first listing talks still; what the others said is not known."""
    doubtful, book.doubtful_talks = book.doubtful_talks, []
    for call, saved, visit in doubtful:
        leg = book.legs.get(visit.customer)
        seats = book.bridges[leg.bridge] if leg is not None and leg.bridge is not None else set()
        if len(seats) > 1:
            call.past = tuple(past for past in call.past if past.ordinal != saved.ordinal)
            call.visits.append(visit)
            call.visits.sort(key=lambda one: one.ordinal)
            talking.hears(book, visit.customer, seats, at)
            book.touch(call)
