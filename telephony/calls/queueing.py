"""Callers join queues, leave them, and the reason is found."""

from datetime import timedelta

from telephony.calls import dialling, gaps, pickup
from telephony.calls.book import Book, LiveCall
from telephony.calls.clocks import ZERO, in_order, wall_after
from telephony.calls.effects import VisitRefused
from telephony.calls.facts import (
    AgentConnected,
    CallerJoined,
    CallerLeft,
    CallerUnserved,
    HangupSide,
    Moment,
    QueueResult,
    QueueResultLogged,
    QueueResultTold,
    Uniqueid,
)
from telephony.calls.outcome import DIES_WITH_IT, SAME_MOMENT, UNHEARD, Evidence, ended_by, judge
from telephony.calls.record import Direction, Kind, Outcome, Party
from telephony.calls.visit import State, Step, Visit

TICK = timedelta(milliseconds=1)
LINE_LATE = timedelta(seconds=2)
"""A line of queue_log has whole seconds, and is written within this time of what it tells."""
LINES_KEPT, LINES_KEPT_EACH, LINES_KEPT_FOR = 2_000, 20, timedelta(seconds=60)
"""Of so many callers, so many lines, so long: those that were read before AMI told of what they tell."""
REFUSALS = {
    QueueResult.FULL: Outcome.REFUSED_FULL,
    QueueResult.JOIN_EMPTY: Outcome.REFUSED_EMPTY,
}
TOLD, LOGGED, OPENED = 0, 1, 2  # how often a refusal of one caller by one queue was told, logged, and made a visit


def joined(book: Book, fact: CallerJoined) -> None:
    """A caller begins to wait. A snapshot may have shown him a moment before this event reached us."""
    leg, call = book.rooted(fact.channel, fact.at)
    if call.direction is not Direction.INBOUND or dialling.consults(leg):
        book.others_waiting[fact.queue, fact.channel.uniqueid] = fact.at
        return
    for former in [v for v in call.of(leg.uniqueid) if v.kind is Kind.QUEUE and v.waiting and v.unheard]:
        gaps.lose(book, call, former, fact.at, UNHEARD)  # nobody joins twice: that stay ended unheard
    visit = find(call, leg.uniqueid, fact.queue, waiting=True)
    if visit is not None:
        if visit.partial and not visit.offers:
            visit.partial, visit.listed, visit.joins, visit.heard_since = False, None, None, None
            call.arrived, visit.began = in_order(call.arrived, fact.at)
            book.touch(call)
        else:
            book.irregular("joined_twice", f"{leg.uniqueid} joined {fact.queue} while waiting there")
        return
    dialling.note_moved_on(book, call, leg, fact.at)
    for left in [v for v in call.of(leg.uniqueid) if v.settling]:
        settle(book, call, left, fact.at)
    ordinal = call.next_ordinal
    visit = Visit(ordinal=ordinal, customer=leg.uniqueid, kind=Kind.QUEUE, queue=fact.queue, began=fact.at)
    book.enter(call, visit)
    hear_again(book, leg.uniqueid)


def find(call: LiveCall, customer: Uniqueid, queue: str, *, waiting: bool, at: Moment | None = None) -> Visit | None:
    """The newest visit of this customer in this queue; only one still waiting there, if asked for.

    `at`: of what is said about it. A listing that shows him waiting is asked for after what it overtakes was said: a
    leaving before it ended an earlier stay, whose joining nobody heard.
    """
    visits = (v for v in call.of(customer) if v.kind is Kind.QUEUE and v.queue == queue)
    return next((v for v in visits if (v.waiting or not waiting) and not earlier(at, v)), None)


def earlier(at: Moment | None, visit: Visit) -> bool:
    """Whether what happened then cannot be about this visit: he joined, or was listed as waiting, afterwards."""
    if at is None:
        return False
    return visit.began_after(at) or (visit.listed is not None and at.mono < visit.listed.mono)


def find_call(book: Book, customer: Uniqueid) -> LiveCall | None:
    """The call on whose channel something was said; the channel itself may be gone."""
    leg = book.legs.get(customer)
    return leg.call if leg else book.calls.get(customer)


def waits_no_more(book: Book, customer: Uniqueid) -> None:
    """A channel that waited without being an inbound customer is gone."""
    for queue in {queue for queue, uniqueid in book.others_waiting if uniqueid == customer}:
        del book.others_waiting[queue, customer]


def unserved(book: Book, fact: CallerUnserved) -> None:
    """The queue gives the caller up; why, it does not say."""
    call = find_call(book, fact.uniqueid)
    visit = find(call, fact.uniqueid, fact.queue, waiting=True, at=fact.at) if call else None
    if visit is not None:
        visit.unserved = True


def left(book: Book, fact: CallerLeft) -> None:
    """The caller no longer waits: for an agent, or for one of the reasons that `outcome` tells apart."""
    call = find_call(book, fact.uniqueid)
    visit = find(call, fact.uniqueid, fact.queue, waiting=True, at=fact.at) if call else None
    if (fact.queue, fact.uniqueid) in book.others_waiting:
        del book.others_waiting[fact.queue, fact.uniqueid]
        return
    if call is None or visit is None:
        if call is not None and call.direction is Direction.INBOUND:
            book.irregular("left_without_joining", f"{fact.uniqueid} left {fact.queue}")
        return
    visit.step(Step.LEAVE)
    visit.left, visit.unheard = fact.at, False
    if fact.at.mono < visit.began.mono:
        # Of a listing that was not complete: he may have left before it showed him anew.
        call.arrived, visit.began = in_order(call.arrived, fact.at)
    visit.taken = {offer.leg for offer in visit.offers if offer.answered and offer.leg in book.legs}
    be_patient(book, call, visit, fact.at)
    book.touch(call)
    hear_again(book, fact.uniqueid)
    settle(book, call, visit, fact.at)


def be_patient(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """Give the evidence time: look again when the channel has lived on, and when patience is over."""
    visit.due = at.mono + book.rules.settle
    book.wake(at.mono + DIES_WITH_IT + TICK, call, visit)
    book.wake(visit.due, call, visit)


def connected(book: Book, fact: AgentConnected) -> None:
    """An agent is about to be bridged, unless the caller has just hung up: that is said all the same."""
    call = find_call(book, fact.caller)
    visit = find(call, fact.caller, fact.queue, waiting=False, at=fact.at) if call else None
    if call is None or visit is None or visit.state not in {State.WAITING, State.LEFT}:
        return
    visit.left = visit.left or fact.at
    pickup.shown_by_queue(book, call, visit, fact)
    visit.agent = visit.picker or fact.member
    visit.taken.add(fact.leg)
    visit.step(Step.CONNECT)
    if visit.asked is HangupSide.FAR_END or visit.hung_up_later:
        book.decide(call, visit, *ended_by(HangupSide.FAR_END, "before the agent was bridged"), fact.at)
    elif visit.asked is HangupSide.PBX:
        be_patient(book, call, visit, fact.at)  # an orderly shutdown says so a second later
    else:
        visit.connected = fact.at


def customer_gone(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """The customer's channel ended with the outcome still open."""
    if visit.waiting and visit.unheard:
        gaps.lose(book, call, visit, at, UNHEARD)
        return
    if visit.waiting:
        # Every way out of a queue says Leave first; here it was lost or quarantined.
        book.irregular("ended_without_leaving", f"{visit.customer} ended while waiting in {visit.queue}")
        visit.step(Step.LEAVE)
        visit.left, visit.unserved = at, True
        be_patient(book, call, visit, at)
    if visit.unheard:
        gaps.lose(book, call, visit, at, UNHEARD)
        return
    visit.unbridged = True
    if visit.state is State.CONNECTING and visit.hung_up_later:
        book.decide(call, visit, *ended_by(HangupSide.FAR_END, "before the agent was bridged"), at)
    else:
        if visit.state is State.CONNECTING:
            be_patient(book, call, visit, at)
        settle(book, call, visit, at)


def told(book: Book, fact: QueueResultTold) -> None:
    """The dialplan says why Queue() ended, while its channel lives."""
    leg, call = book.rooted(fact.channel, fact.at)
    if call.direction is not Direction.INBOUND or dialling.consults(leg):
        return
    if fact.result in REFUSALS:
        told_now = fact.at.wall, fact.queue, fact.result
        if told_now != call.refusal_told:  # else the same is told twice
            call.refusal_told = told_now
            note_refusal(book, call, fact, leg.uniqueid, TOLD)
        return
    visit = find(call, leg.uniqueid, fact.queue, waiting=False, at=fact.at)
    if visit is not None and visit.told is None:
        visit.told = fact.result
        reconsider(book, call, visit, fact.at)


def logged(book: Book, fact: QueueResultLogged) -> None:
    """queue_log says why. Its lines for one caller and queue come in the order of his visits, one final line each."""
    call = find_call(book, fact.uniqueid)
    leg = book.legs.get(fact.uniqueid)
    if call is None:
        keep(book, fact)
        return
    if call.direction is not Direction.INBOUND or (leg is not None and dialling.consults(leg)):
        return
    if fact.result in REFUSALS:
        note_refusal(book, call, fact, fact.uniqueid, LOGGED)
        return
    visits = (v for v in call.visits if v.kind is Kind.QUEUE and v.customer == fact.uniqueid and v.queue == fact.queue)
    visit = next((v for v in visits if v.logged is None and v.outcome not in REFUSALS.values() and fits(v, fact)), None)
    if visit is None:
        keep(book, fact)
        return
    visit.logged = fact.result
    gaps.note_logged(visit, fact)
    reconsider(book, call, visit, fact.at)


def fits(visit: Visit, fact: QueueResultLogged) -> bool:
    """Whether a line can be about this visit: it began when the line says so, and ended about then, or may have."""
    if visit.moved_out:
        return False
    doubt, since = gaps.bound_of(visit), fact.at.wall - visit.began.wall
    waited = ZERO if fact.waited is None or visit.took_over else fact.waited
    if since - waited < -doubt or (waited and since - waited > doubt):
        return False
    until = visit.left or visit.alive
    if until is not None and fact.at.wall <= wall_after(visit.began, until) - LINE_LATE:
        return False  # he surely waited still
    # CONNECT is written when the agent has heard what is said to him, however long after leaving.
    unheard = visit.unheard or visit.bounded or fact.result is QueueResult.CONNECTED
    over = visit.over_by if unheard else visit.left
    return over is None or fact.at.wall <= wall_after(visit.began, over) + LINE_LATE


def keep(book: Book, fact: QueueResultLogged) -> None:
    """AMI may be a moment behind queue_log: the line is heard again when more is known of its caller."""
    kept = book.untaken
    while kept and (len(kept) >= LINES_KEPT or fact.at.mono - next(iter(kept.values()))[0].at.mono > LINES_KEPT_FOR):
        del kept[next(iter(kept))]
    lines = kept.setdefault(fact.uniqueid, [])
    if len(lines) < LINES_KEPT_EACH:
        lines.append(fact)


def hear_again(book: Book, uniqueid: Uniqueid) -> None:
    """More is known of this caller: what queue_log said of him too early may be understood now."""
    for fact in book.untaken.pop(uniqueid, ()):
        logged(book, fact)


def reconsider(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """New evidence: for a visit still settling, or one that had to be closed as `exited`."""
    if visit.settling:
        settle(book, call, visit, at)
    elif visit.outcome is Outcome.EXITED:
        verdict = judge(evidence(book, visit, at))
        if verdict is not None and verdict[0] is not Outcome.EXITED:
            book.decide(call, visit, *verdict, at)
    else:
        gaps.told_late(book, call, visit, at)


def evidence(book: Book, visit: Visit, at: Moment) -> Evidence:
    """What is known now of a caller who left."""
    left_at, later = visit.left or at, visit.hung_up_later
    due = visit.due if visit.due is not None else at.mono
    return Evidence(
        unserved=visit.unserved,
        told=visit.told,
        logged=visit.logged,
        log_awaited=book.rules.queue_log and visit.logged is None and at.mono < due,
        asked=visit.asked,
        request_unheard=gaps.request_unheard(visit, left_at),
        hung_up_later=later is not None,
        at_once=later is not None and later.mono - left_at.mono <= SAME_MOMENT,
        lived=visit.gone.mono - left_at.mono if visit.gone else None,
        moved_on=visit.moved_on,
        phone_answered=bool(visit.taken),
        phone_gone=visit.taken.isdisjoint(book.legs),
        patience=due - at.mono,
        since=at.mono - left_at.mono,
        unheard=visit.unheard,
    )


def settle(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """Decide why a caller left, if the evidence suffices."""
    if not visit.settling or visit.kind is not Kind.QUEUE:
        return
    verdict = judge(evidence(book, visit, at))
    if verdict is None:
        return
    if verdict[0] is Outcome.ABANDONED and visit.asked is None and visit.hung_up_later is None:
        call.asked = Party.CALLER  # nobody heard it; what the PBX asked was the end of a channel that was over
    if verdict[0] is not Outcome.LOST:
        book.decide(call, visit, *verdict, at)
    elif not book.deaf or visit.gone is not None:  # else the next listing may show where he is
        gaps.lose(book, call, visit, at, verdict[1])


def note_refusal(
    book: Book, call: LiveCall, fact: QueueResultTold | QueueResultLogged, customer: Uniqueid, witness: int
) -> None:
    """A queue refused a caller: one visit, though dialplan and queue_log both say so, the log perhaps first."""
    counts = call.refused.setdefault((fact.queue, customer), [0, 0, 0])
    counts[witness] += 1
    if counts[witness] <= counts[OPENED]:
        return
    counts[OPENED] += 1
    if witness == TOLD:
        call.arrived, at = in_order(call.arrived, fact.at)
    else:  # in whole seconds
        at = Moment(max(fact.at.wall, call.arrived.wall), fact.at.mono)
    visit = Visit(
        ordinal=call.next_ordinal,
        customer=customer,
        kind=Kind.QUEUE,
        queue=fact.queue,
        began=at,
        left=at,
        state=State.OVER,
        outcome=REFUSALS[fact.result],
        reason="dialplan said so" if witness == TOLD else "queue_log said so",
        exact=witness == TOLD,
    )
    call.visits.append(visit)
    book.out.append(VisitRefused(book.record(call), book.visit_record(visit)))
    book.touch(call)
    book.forget_if_over(call, fact.at)
