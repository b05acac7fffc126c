"""Our line to the PBX breaks and heals, and what we know is compared with what it lists.

A listing may be newer than events still on their way, never older than events already read. So it may open what we do
not know (a later Join makes it exact), and absence proves nothing by itself: only a second listing, a grace later.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from telephony.calls import dialling, found, gaps, queueing, talking, talks
from telephony.calls.answered import Answered
from telephony.calls.book import Book, Leg, LiveCall
from telephony.calls.clocks import span
from telephony.calls.effects import QueuesKnown
from telephony.calls.facts import (
    CallerJoined,
    Fact,
    LinkLost,
    LinkRestored,
    LiveChannel,
    MemberChanged,
    MemberRemoved,
    Moment,
    PbxStopping,
    QueueName,
    SnapshotTaken,
    Uniqueid,
    WaitingCaller,
)
from telephony.calls.outcome import UNHEARD
from telephony.calls.record import Direction, Kind
from telephony.calls.visit import Visit

SAME_BOOT = timedelta(seconds=3)
"""Boot times of one boot differ by less: uptime is told in whole seconds, by the clock that stamps events."""

A_SECOND = timedelta(seconds=1)
"""A listing tells differences of whole seconds."""


class Comparison:
    """Our waiting callers against the PBX's, listing by listing: `residual` counts the disagreements that last.

    A caller whom only one side has is a disagreement when a listing at least `Rules.grace` later says so again.
    """

    def __init__(self) -> None:
        self.missing: dict[tuple[QueueName, Uniqueid], Moment] = {}
        self.extra: dict[Visit, Moment] = {}
        self.residual: dict[str, int] = {}

    def forget(self) -> None:
        """The line broke: what was doubtful before is compared anew."""
        self.missing.clear()
        self.extra.clear()

    def compare(self, book: Book, fact: SnapshotTaken) -> tuple[list[WaitingCaller], list[Visit]]:
        """The listed callers we lack, and our visits the listing lacks, both for the second time."""
        listed = {(entry.queue, entry.channel.uniqueid): entry for entry in fact.waiting}
        ours = {(v.queue, v.customer): v for v in book.open if v.kind is Kind.QUEUE and v.waiting}
        known = book.others_waiting
        missing = {key: self.missing.get(key, fact.at) for key in listed if key not in ours and key not in known}
        extra = {v: self.extra.get(v, fact.at) for key, v in ours.items() if key not in listed}
        self.missing, self.extra = missing, extra
        grace = book.rules.grace
        lasting = [listed[key] for key, since in missing.items() if fact.at.mono - since.mono >= grace]
        ghosts = [visit for visit, since in extra.items() if fact.at.mono - since.mono >= grace]
        self.residual = dict.fromkeys(fact.queues, 0)
        for queue in [entry.queue for entry in lasting] + [visit.queue for visit in ghosts]:
            self.residual[queue] = self.residual.get(queue, 0) + 1
        return lasting, ghosts

    def explained(self, visit: Visit) -> None:
        """He left in a gap in our hearing: that is no disagreement."""
        self.extra.pop(visit, None)
        self.residual[visit.queue] -= 1


def link_lost(book: Book, fact: LinkLost) -> None:
    """What happens now we do not see: every open wait and every talk spans a gap."""
    book.deaf = True
    for visit, call in book.open.items():
        if not visit.unheard:
            visit.alive = gaps.later(visit.alive, book.last)
        visit.partial = visit.unheard = True
        if visit.settling and visit.kind is Kind.DIRECT and visit.gone is None:
            visit.due = None  # his next phone may ring unheard
        book.touch(call)
    for _, _, offer in book.offers.values():
        offer.unheard |= offer.end is None
    for leg in book.legs.values():
        leg.seen = gaps.later(leg.seen, book.last)
    doubt_talks(book)
    book.irregular("link_lost", fact.reason)


def doubt_talks(book: Book) -> None:
    """Whether they talk on is not known, until a listing shows it."""
    for call in book.calls.values():
        for visit in call.visits:
            gaps.doubt_talk(visit)


def link_restored(book: Book, fact: LinkRestored) -> None:
    """The same PBX process, or a new one: then everything that was is over, and how is unknown."""
    for visit in book.open:
        visit.heard_since = fact.at
    if fact.booted_at is None:
        return
    if book.booted_at is not None and abs(fact.booted_at - book.booted_at) > SAME_BOOT:
        doubt_talks(book)
        everything_lost(book, book.last or fact.at, "the PBX restarted")
        book.begin_boot()
    book.booted_at = fact.booted_at


def stopping(book: Book, fact: PbxStopping) -> None:
    """An orderly shutdown hangs up every channel: nobody abandoned."""
    for visit in book.open:
        if not visit.unheard:
            visit.alive = fact.at
    everything_lost(book, fact.at, "the PBX was shut down")


def everything_lost(book: Book, at: Moment, reason: str) -> None:
    """End every call as far as it was seen; open waits are lost, their length a lower bound."""
    for _, visit, offer in book.offers.values():
        offer.end = offer.end or at
        if not visit.undecided:
            book.seal_offers(visit)
    for visit, call in list(book.open.items()):
        visit.cut_off = True
        gaps.lose(book, call, visit, at, reason)
    for call in list(book.calls.values()):
        for uniqueid in list(call.legs):
            talking.unseat(book, book.legs[uniqueid], at)
        talks.end_call(book, call, at)
    for uniqueid in book.legs:
        book.bury(uniqueid, at)
    book.legs.clear()
    book.bridges.clear()
    book.offers.clear()
    book.partners.clear()
    book.others_waiting.clear()


def snapshot(book: Book, comparison: Comparison, fact: SnapshotTaken, held: Sequence[Fact] | None = None) -> None:
    """Merge what the PBX lists.

    Args:
        book: of the PBX.
        comparison: with the listings before.
        fact: the listing.
        held: of the first listing since the link was restored, what was told meanwhile and is still to be applied; with
            it unknown callers are opened at once.
    """
    first, joins, answered = held is not None, joinings(held or ()), Answered()
    if frozenset(fact.queues) != book.queues:
        book.queues = frozenset(fact.queues)
        book.out.append(QueuesKnown(tuple(sorted(book.queues))))
    if fact.members is not None:
        book.members = {(member.queue, member.interface): member for member in fact.members}
        for member in fact.members:
            book.phones |= {member.interface, member.device or member.interface}
    if fact.channels is not None:
        merge_channels(book, fact)
        if first:
            answered = found.answered_unknown(book, fact, held or ())
            found.seat_again(book, fact, answered)
    lasting, ghosts = comparison.compare(book, fact)
    for entry in fact.waiting if first else lasting:
        open_partial(book, entry, fact, joins.get((entry.queue, entry.channel.uniqueid)))
    if fact.channels is not None and first:
        found.find_dialled(book, fact, held or (), answered)
    for visit in ghosts:
        call = book.open.get(visit)
        if call is not None and (visit.partial or visit.customer not in book.legs):
            gaps.lose(book, call, visit, fact.at, UNHEARD)
            comparison.explained(visit)
    note_alive(book, fact)


def note_alive(book: Book, fact: SnapshotTaken) -> None:
    """Who is listed lived, and waited, when the listing was asked for."""
    book.last = gaps.later(book.last, fact.asked_at)
    listed = {(entry.queue, entry.channel.uniqueid) for entry in fact.waiting}
    for visit, call in book.open.items():
        if (visit.queue, visit.customer) in listed:
            visit.alive = gaps.later(visit.alive, fact.asked_at)
        if book.deaf and visit.settling and visit.gone is None:
            visit.due = fact.at.mono + (book.rules.settle if visit.kind is Kind.QUEUE else book.rules.dial_gap)
            book.wake(visit.due, call, visit)
    for live in fact.channels or ():
        leg = book.legs.get(live.channel.uniqueid)
        if leg is not None:
            leg.seen = gaps.later(leg.seen, fact.asked_at)
    book.deaf = False


def joinings(held: Iterable[Fact]) -> dict[tuple[QueueName, Uniqueid], Moment]:
    """Who joined which queue last, of those that are still to be told to have."""
    return {(one.queue, one.channel.uniqueid): one.at for one in held if isinstance(one, CallerJoined)}


def open_partial(book: Book, entry: WaitingCaller, fact: SnapshotTaken, joins: Moment | None) -> None:
    """Somebody waits of whom we saw no Join. `joins`: we shall, though perhaps of a later stay."""
    at = fact.at
    if entry.channel.uniqueid in book.ended:
        return
    leg, call = book.rooted(entry.channel, at)
    if call.direction is not Direction.INBOUND:
        book.others_waiting[entry.queue, entry.channel.uniqueid] = fact.at
        return
    began = Moment(at.wall - entry.waited, at.mono - entry.waited, stamped=False)
    if joins is not None and not -A_SECOND < began.mono - joins.mono < A_SECOND + (at.mono - fact.asked_at.mono):
        joins = None  # of another stay than the one that is listed
    known = queueing.find(call, leg.uniqueid, entry.queue, waiting=True)
    if known is not None:
        if not known.unheard or (joins is None and span(known.began, began).length <= gaps.bound_of(known)):
            known.unheard = False
            return
        gaps.lose(book, call, known, at, UNHEARD)
    ordinal = call.next_ordinal
    visit = Visit(ordinal=ordinal, customer=leg.uniqueid, kind=Kind.QUEUE, queue=entry.queue, began=began, partial=True)
    visit.listed, visit.joins, visit.heard_since = fact.asked_at, joins, fact.asked_at
    book.enter(call, visit)
    queueing.hear_again(book, leg.uniqueid)


def merge_channels(book: Book, fact: SnapshotTaken) -> None:
    """Channels we do not know are seated; those absent twice are gone."""
    listed = {live.channel.uniqueid: live for live in fact.channels or ()}
    for live in sorted(listed.values(), key=lambda live: live.channel.uniqueid != live.channel.linkedid):
        if live.channel.uniqueid not in book.legs and live.channel.uniqueid not in book.ended:
            seat_live(book, live, fact.at)
    for leg in list(book.legs.values()):
        if leg.uniqueid in listed:
            leg.absent_since = None
        elif leg.absent_since is None:
            leg.absent_since = fact.at
        elif fact.at.mono - leg.absent_since.mono >= book.rules.grace:
            leg_vanished(book, leg, fact.at)


def seat_live(book: Book, live: LiveChannel, at: Moment) -> None:
    """A channel that was there before we listened."""
    born = Moment(at.wall - live.lived, at.mono - live.lived, stamped=at.stamped)
    leg = book.seat(live.channel, born, incoming=live.channel.uniqueid == live.channel.linkedid)
    if live.bridge is not None:
        found.take_seat(book, leg, live.bridge)


def leg_vanished(book: Book, leg: Leg, at: Moment) -> None:
    """A channel ended without our hearing of it."""
    book.irregular("channel_vanished", f"{leg.uniqueid} ended unheard")
    doubt_talks_of(book, leg)
    del book.legs[leg.uniqueid]
    book.bury(leg.uniqueid, at)
    talking.unseat(book, leg, at)
    if leg.uniqueid in book.offers:
        offer = book.offers[leg.uniqueid][2]
        offer.unheard |= offer.end is None
    dialling.leg_gone(book, leg, at)
    queueing.waits_no_more(book, leg.uniqueid)
    call = leg.call
    if call is None:
        return
    for visit in list(call.of(leg.uniqueid)):
        if visit.outcome is None:
            gaps.lose(book, call, visit, at, "the channel vanished unheard")
        talks.end_talk(book, call, visit, at)
    call.legs.discard(leg.uniqueid)
    if not call.legs:
        call.unheard = True
        talks.end_call(book, call, ended_by_then(call, leg) or at)


def doubt_talks_of(book: Book, leg: Leg) -> None:
    """When the talks in which this channel took part ended is not known."""
    if leg.uniqueid in book.partners and leg.bridge is not None:
        gaps.doubt_talk(book.partners[leg.uniqueid][1])
    for visit in leg.call.of(leg.uniqueid) if leg.call is not None else ():
        gaps.doubt_talk(visit)


def ended_by_then(call: LiveCall, leg: Leg) -> Moment | None:
    """How long a call that ended unheard surely went on."""
    until = leg.seen
    for visit in call.visits if until else ():
        until = gaps.later(until, gaps.later(visit.left, visit.connected))
    return until


def member_changed(book: Book, fact: MemberChanged) -> None:
    """An agent's state in one queue."""
    member = fact.member
    book.members[member.queue, member.interface] = member
    book.phones |= {member.interface, member.device or member.interface}


def member_removed(book: Book, fact: MemberRemoved) -> None:
    """An agent serves a queue no more. His phone stays a phone."""
    book.members.pop((fact.queue, fact.interface), None)
