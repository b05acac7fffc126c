"""What happened while we did not hear the PBX: told by queue_log to a second, by a listing, or by nobody.

What is told is right, partial or unknown, never guessed: a wait of which nobody knows the end has a lower bound (the
last moment at which he surely waited), a talk of which nobody knows the end has no length.
"""

from datetime import timedelta

from telephony.calls import talks
from telephony.calls.book import Book, LiveCall
from telephony.calls.effects import TalkEnded
from telephony.calls.facts import Interface, Moment, QueueName, QueueResult, QueueResultLogged, Uniqueid
from telephony.calls.outcome import EXPLICIT, UNNOTICED, Verdict
from telephony.calls.record import OfferResult, Outcome
from telephony.calls.visit import Offer, State, Step, Visit

LOGGED = "queue_log said so"
FOUND = "found in a bridge with the agent"


def later(one: Moment | None, other: Moment | None) -> Moment | None:
    """The later of two moments by our clock, of which either may be unknown."""
    if one is None or other is None:
        return one or other
    return one if one.mono >= other.mono else other


def lose(book: Book, call: LiveCall, visit: Visit, at: Moment, reason: str, *, bound: bool = False) -> None:  # noqa: PLR0913
    """Nobody heard how this wait ended: queue_log may know, else he is lost.

    Args:
        book: of the PBX.
        call: whose visit it is.
        visit: undecided.
        at: now.
        reason: why we do not know.
        bound: when he left is not known either, although the visit was thought to be left.
    """
    if visit.waiting:
        visit.step(Step.LEAVE)
        bound = True
    if bound:
        visit.bounded, visit.left = True, later(visit.began, visit.alive)
        visit.over_by = None if visit.cut_off else at  # who is cut off may have left before the PBX ended, or after
    visit.partial = True
    verdict = by_log(book, visit)
    if verdict is None:
        book.decide(call, visit, Outcome.LOST, reason, at)
        return
    seats = bridged_with(book, visit)
    if verdict[0] is Outcome.ANSWERED and seats:
        talks_on(book, call, visit, seats, at)
        return
    take_from_log(book, visit, verdict[0])
    book.decide(call, visit, *verdict, at)
    if visit.customer not in book.legs:
        talks.end_talk(book, call, visit, at)


def by_log(book: Book, visit: Visit) -> Verdict | None:
    """What queue_log's last word for a stay, of which we did not hear the end, proves."""
    word = visit.logged
    if word is None:
        return None
    if word in EXPLICIT:
        return EXPLICIT[word], LOGGED
    if word is QueueResult.CONNECTED and not visit.unbridged:
        return Outcome.ANSWERED, LOGGED
    if word is not QueueResult.ABANDONED or visit.cut_off:
        return None
    leg = book.legs.get(visit.customer)
    if leg is not None and leg.absent_since is None:
        return Outcome.REDIRECTED, "queue_log says ABANDON, channel lived on"
    return Outcome.ABANDONED, LOGGED


def take_from_log(book: Book, visit: Visit, outcome: Outcome) -> None:
    """The end of the wait, to queue_log's second, where no better is known; of a talk only that there was one."""
    if outcome is Outcome.ANSWERED:
        if visit.connected is None:
            visit.connected, visit.reconstructed = visit.logged_at, True
        visit.agent = visit.agent or visit.logged_agent
        visit.talk_heard, visit.talk_doubted = False, True
        won_by_log(book, visit)
    elif visit.bounded:
        visit.left, visit.reconstructed = visit.logged_at, True
    visit.bounded = False


def note_logged(visit: Visit, fact: QueueResultLogged) -> None:
    """When queue_log's second was, on the clocks of this visit: the line may be read much later."""
    visit.logged_agent, visit.logged_leg = fact.agent, fact.leg
    wall = max(fact.at.wall, visit.began.wall)
    visit.logged_at = Moment(wall, visit.began.mono + (wall - visit.began.wall))


def told_late(book: Book, call: LiveCall, visit: Visit, at: Moment) -> None:
    """queue_log's line of a stay that was already given up as lost, or of an answer of which only the fact is known."""
    if visit.outcome is Outcome.ANSWERED and visit.connected is None and visit.logged is QueueResult.CONNECTED:
        visit.connected, visit.reconstructed = visit.logged_at, True
        visit.agent = visit.agent or visit.logged_agent
        won_by_log(book, visit)
        book.touch(call)
    verdict = by_log(book, visit) if visit.outcome is Outcome.LOST else None
    if verdict is None:
        return
    take_from_log(book, visit, verdict[0])
    if call.ended is not None:
        call.ended = later(call.ended, visit.left)
    book.decide(call, visit, *verdict, at)
    if verdict[0] is Outcome.ANSWERED:
        book.out.append(TalkEnded(book.record(call), book.visit_record(visit)))


def request_unheard(visit: Visit, left: Moment) -> bool:
    """Whether he may have asked to hang up in a gap that ended just before he left."""
    since = visit.heard_since
    return since is not None and timedelta() <= left.mono - since.mono <= UNNOTICED


# --- talks ------------------------------------------------------------------------------------------------------------


def bridged_with(book: Book, visit: Visit) -> set[Uniqueid]:
    """Who is in one bridge with the customer now."""
    leg = book.legs.get(visit.customer)
    seats = book.bridges.get(leg.bridge, set()) if leg is not None and leg.bridge is not None else set()
    return {seat for seat in seats if seat != visit.customer and book.legs[seat].absent_since is None}


def doubt_talk(visit: Visit) -> None:
    """From here on nothing shows that they talk on."""
    if visit.state is State.TALKING:
        visit.talk_doubted = True


def answered_unheard(book: Book, call: LiveCall, visit: Visit, at: Moment) -> bool:
    """Whether he sits in a bridge with the agent for whom he waited: then he was answered, nobody knows when."""
    partners = bridged_with(book, visit)
    known = [p for p in partners if p in visit.taken or (p in book.offers and book.offers[p][1] is visit)]
    if not known and not (partners and visit.logged is QueueResult.CONNECTED):
        return False
    talks_on(book, call, visit, partners, at)
    return True


def talks_on(book: Book, call: LiveCall, visit: Visit, partners: set[Uniqueid], at: Moment) -> None:
    """He was answered unheard and talks now: from queue_log's second on, else from an unknown moment."""
    offer = next((book.offers[p][2] for p in partners if p in book.offers and book.offers[p][1] is visit), None)
    if visit.connected is None and visit.logged is QueueResult.CONNECTED:
        visit.connected, visit.reconstructed = visit.logged_at, True
    visit.found = at
    visit.partial, visit.bounded, visit.hold_heard = True, False, False
    visit.talk_heard = visit.reconstructed
    visit.agent = visit.agent or (offer.agent if offer else visit.logged_agent or named(book, visit, partners))
    if offer is not None:
        won(book, visit, offer, at)
    won_by_log(book, visit)
    book.decide(call, visit, Outcome.ANSWERED, FOUND, at)
    visit.talk_since = visit.connected if visit.reconstructed else at
    for partner in partners:
        book.partners[partner] = (call, visit)


def won(book: Book, visit: Visit, offer: Offer, at: Moment) -> None:
    """This phone was answered; if unheard, for how long it rang is not known."""
    if offer.end is None:
        offer.unheard, offer.end, offer.answered = True, at, at
    book.end_offer(visit, offer, OfferResult.ANSWERED)


def won_by_log(book: Book, visit: Visit) -> None:
    """The phone that queue_log names was answered. When, and how long it had rung, its whole seconds do not tell."""
    offer = next((one for one in visit.offers if one.leg == visit.logged_leg and one.result is None), None)
    if offer is None or visit.logged is not QueueResult.CONNECTED:
        return
    if offer.ended:
        offer.result = OfferResult.ANSWERED  # that it fell silent was told already
    else:
        book.end_offer(visit, offer, OfferResult.ANSWERED)


def named(book: Book, visit: Visit, partners: set[Uniqueid]) -> str:
    """The member of his queue whose phone is in his bridge; empty when nobody tells."""
    phones: list[Interface] = [book.legs[partner].interface for partner in sorted(partners)]
    members = (book.members.get((QueueName(visit.queue), phone)) for phone in phones)
    return next((member.name for member in members if member), "")


def still_talking(book: Book, visit: Visit, partners: set[Uniqueid]) -> bool:
    """Whether the listing shows him with one with whom he talked before, in the bridge in which they were."""
    known = (book.partners.get(partner) for partner in partners)
    return visit.talk_since is not None and any(found and found[1] is visit for found in known)


def bound_of(visit: Visit) -> timedelta:
    """How closely the beginning of a wait is known: what a listing told is whole seconds."""
    return timedelta(seconds=1.5) if visit.began.stamped else timedelta(seconds=2.5)
