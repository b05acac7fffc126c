"""What queue_log told of a call that is over and that nobody heard, or heard otherwise: put right, and why is kept.

Only for calls that the tracker no longer has: its own rules take the log's lines for the others. Nothing is made up.
Of a stay that only the log knows there are no rings and no offers, and all its times are whole seconds.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from telephony.calls.effects import (
    CallEnded,
    CaseOpened,
    Effect,
    SaveCall,
    TalkEnded,
    VisitCorrected,
    VisitEnded,
    VisitEntered,
    VisitRefused,
)
from telephony.calls.facts import QueueResult
from telephony.calls.measures import Targets, summary
from telephony.calls.outcome import EXPLICIT
from telephony.calls.record import (
    POSITION_BITS,
    REFUSED,
    CallRecord,
    Direction,
    Kind,
    OfferRecord,
    OfferResult,
    Outcome,
    Party,
    Quality,
    VisitRecord,
    call_id,
    case_id,
)

SAME = timedelta(seconds=1.5)
"""Of whole seconds: what differs by no more is the same."""
SECOND = timedelta(seconds=1)
APART = timedelta(seconds=2)
"""So much later than his beginning of a second may his call seem to have come: a listing told it to a second, too."""
ZERO = timedelta()
UNHEARD = "queue_log said so: nobody heard the PBX then"
COMPLETED = "; the rest by queue_log"
CUT = "queue_log: the PBX began anew while he waited"
OUTCOMES = {
    **EXPLICIT,
    QueueResult.ABANDONED: Outcome.ABANDONED,
    QueueResult.CONNECTED: Outcome.ANSWERED,
    QueueResult.FULL: Outcome.REFUSED_FULL,
    QueueResult.JOIN_EMPTY: Outcome.REFUSED_EMPTY,
}


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay in a queue as queue_log told it, in whole seconds.

    Attributes:
        queue, uniqueid: where, and on which channel.
        caller: his number: hostile text; None when the line of his joining was not seen.
        joined_at: or was refused.
        left_at, word: None: the PBX began anew meanwhile.
        waited: None where the log says nothing.
        agent, leg: who took him, and on which channel; empty when nobody did.
        talked: None: not known.
        ended_by: who ended the talk; None: a transfer, or not known.
    """

    queue: str
    uniqueid: str
    caller: str | None
    joined_at: datetime
    left_at: datetime | None
    word: QueueResult | None
    waited: timedelta | None = None
    agent: str = ""
    leg: str = ""
    talked: timedelta | None = None
    ended_by: Party | None = None

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return Outcome.LOST if self.word is None else OUTCOMES.get(self.word, Outcome.EXITED)

    @property
    def length(self) -> timedelta | None:
        """How long he waited; None: not known."""
        if self.waited is not None or self.left_at is None:
            return self.waited
        return self.left_at - self.joined_at


@dataclass(frozen=True, slots=True)
class Finding:
    """A stay that the ledger lacks, or tells otherwise.

    Attributes:
        stay: as queue_log has it.
        ordinal: of the visit that tells it otherwise; None: there is none.
        how: whether that visit ended otherwise, too, or only its wait or its agent is to be put right.
    """

    stay: Stay
    ordinal: int | None = None
    how: bool = True


@dataclass(frozen=True, slots=True)
class Healed:
    """The call as it is told from now on, and what is to be done about it."""

    call: CallRecord
    effects: tuple[Effect, ...]


def heal(
    before: CallRecord | None,
    pbx: str,
    findings: Sequence[Finding],
    position: int = 0,
    twice: Collection[int] = (),
) -> Healed:
    """Put one call right.

    Args:
        before: as it is known, over; None: nobody knows it.
        pbx: whose call.
        findings: of this call, each with a stay of its own.
        position: in the journal, of the last record that this rests on.
        twice: ordinals of visits to be taken away, for another one of this call tells the same and better. What was
            counted stays counted.
    """
    call = before or unheard_call(pbx, findings)
    corrected = {each.ordinal: each for each in findings if each.ordinal is not None}
    kept = [visit for visit in call.visits if visit.ordinal not in twice]
    was: list[VisitRecord | None] = list(kept)
    told = [corrected_visit(visit, corrected[visit.ordinal]) if visit.ordinal in corrected else visit for visit in kept]
    for stay in sorted((each.stay for each in findings if each.ordinal is None), key=lambda stay: stay.joined_at):
        place = place_of(stay, told)
        told.insert(place, unheard_visit(stay))
        was.insert(place, None)
    visits = tuple(replace(visit, ordinal=ordinal) for ordinal, visit in enumerate(told, 1))
    call = ended(replace(call, visits=visits), findings)
    logged = {each.stay.joined_at for each in findings}
    visits = tuple(within(visit, call, logged) if visit.quality is Quality.RECONSTRUCTED else visit for visit in visits)
    call = replace(call, visits=visits, revision=max(call.revision + 1, position << POSITION_BITS))
    effects: list[Effect] = [CaseOpened(call)] if before is None else []
    for one, visit in zip(was, visits, strict=True):
        effects += counted(call, visit) if one is None else recounted(call, one, visit)
    if before is None or (sought(call) and not sought(before)):
        effects.append(CallEnded(call))  # measures of calls count it once: now
    return Healed(call, (*effects, SaveCall(call)))


# --- what only the log knows ---


def unheard_call(pbx: str, findings: Sequence[Finding]) -> CallRecord:
    """A call of which only the log knows, its visits not in it yet. Who is in a queue is a customer."""
    first = min((each.stay for each in findings), key=lambda stay: stay.joined_at)
    caller = next((each.stay.caller for each in findings if each.stay.caller), "")
    id_ = call_id(pbx, first.uniqueid)
    return CallRecord(
        id=id_,
        pbx=pbx,
        uniqueid=first.uniqueid,
        linkedid=first.uniqueid,
        direction=Direction.INBOUND,
        caller=caller,
        caller_name="",
        dialled="",
        arrived_at=first.joined_at,
        ended_at=first.joined_at,
        case=case_id(id_),
    )


def unheard_visit(stay: Stay) -> VisitRecord:
    """A stay as a visit; its ordinal is still to be given."""
    outcome = stay.outcome
    answered, refused = outcome is Outcome.ANSWERED, outcome in REFUSED
    left_at = stay.joined_at if refused else stay.left_at
    return VisitRecord(
        ordinal=0,
        uniqueid=stay.uniqueid,
        kind=Kind.QUEUE,
        queue=stay.queue,
        joined_at=None if refused else stay.joined_at,
        left_at=left_at,
        outcome=outcome,
        wait=timedelta() if refused else stay.length,
        agent=stay.agent if answered else None,
        answered_at=left_at if answered else None,
        talk=stay.talked if answered else None,
        hung_up_by=stay.ended_by if answered else None,
        quality=Quality.PARTIAL if outcome is Outcome.LOST else Quality.RECONSTRUCTED,
        reason=CUT if outcome is Outcome.LOST else UNHEARD,
    )


def within(visit: VisitRecord, call: CallRecord, logged: Collection[datetime]) -> VisitRecord:
    """Inside its call: the log's seconds had begun, so that they, and sums of them, may stick out of it at either end.

    Args:
        visit: told by the log, all or part of it.
        call: with the end that is known by now.
        logged: the log's seconds of joining. One that was heard stays.
    """
    joined_at, left_at = visit.joined_at, visit.left_at
    if joined_at in logged and joined_at is not None and ZERO < call.arrived_at - joined_at <= APART:
        joined_at = call.arrived_at
    if left_at is not None:
        if call.ended_at is not None:
            left_at = min(left_at, call.ended_at - (visit.talk or ZERO))
        left_at = max(left_at, joined_at or call.arrived_at)
    return replace(visit, joined_at=joined_at, left_at=left_at, answered_at=left_at if visit.answered_at else None)


def place_of(stay: Stay, visits: Sequence[VisitRecord]) -> int:
    """Where among a call's visits it belongs. He is in one queue at a time, and the log's times are whole seconds."""
    left_at = stay.left_at or stay.joined_at
    for index, visit in enumerate(visits):
        began = visit.joined_at or visit.left_at
        if began is not None and (began >= stay.joined_at + SECOND or began >= left_at):
            return index
    return len(visits)


# --- what the log knows better ---


def corrected_visit(visit: VisitRecord, finding: Finding) -> VisitRecord:
    """The visit with what the log knows better: the outcome; the wait, where ours is unknown or off; the agent."""
    stay = finding.stay
    changed = finding.how and visit.outcome is not stay.outcome
    known = visit.joined_at is not None and agrees(visit.wait, stay.waited)
    told = visit
    if changed and stay.outcome in REFUSED:
        told = replace(told, joined_at=None, left_at=stay.joined_at, wait=timedelta())
    elif not known or (changed and visit.outcome is Outcome.LOST):  # the wait of a lost one is a lower bound
        told = waited(told, stay)
    if stay.outcome is Outcome.ANSWERED and (changed or visit.outcome is Outcome.ANSWERED):
        told = answered(told, stay)
    elif changed:
        told = replace(told, agent=None, answered_at=None, caller_rings=None, talk=None, hold=None, hung_up_by=None)
    if changed:
        reason = f"queue_log said so: we had {visit.outcome}"
        return replace(told, outcome=stay.outcome, settling=False, quality=Quality.RECONSTRUCTED, reason=reason)
    if told == visit:
        return visit
    return replace(told, quality=Quality.RECONSTRUCTED, reason=visit.reason.removesuffix(COMPLETED) + COMPLETED)


def agrees(ours: timedelta | None, theirs: timedelta | None) -> bool:
    """Both know it, and tell the same."""
    return ours is not None and theirs is not None and abs(ours - theirs) <= SAME


def waited(visit: VisitRecord, stay: Stay) -> VisitRecord:
    """With the log's wait; the beginning stays ours where it is the same, for it is exact."""
    joined_at, wait = visit.joined_at, stay.length
    if joined_at is None or abs(joined_at - stay.joined_at) > SAME:
        joined_at = stay.joined_at
    return replace(
        visit,
        joined_at=joined_at,
        wait=wait,
        left_at=None if wait is None else joined_at + wait,
        caller_rings=None,  # they were counted up to another end
        caller_rings_heard=None,
    )


def answered(visit: VisitRecord, stay: Stay) -> VisitRecord:
    """Answered by whom the log names; of the talk what was not known."""
    return replace(
        visit,
        agent=stay.agent or visit.agent or "",
        answered_at=visit.left_at,
        talk=stay.talked if visit.talk is None else visit.talk,
        hung_up_by=visit.hung_up_by or stay.ended_by,
        offers=tuple(won(offer) if stay.leg and offer.leg == stay.leg else offer for offer in visit.offers),
    )


def won(offer: OfferRecord) -> OfferRecord:
    """The phone that the log names was answered, unless it was heard not to be; how long it had rung, nobody heard."""
    return replace(offer, result=offer.result or OfferResult.ANSWERED)


# --- the call, and what is counted ---


def ended(call: CallRecord, findings: Sequence[Finding]) -> CallRecord:
    """With the end that the log proves: not before what it tells, and by whom when it tells of the last visit."""
    stays = [each.stay for each in findings]
    ends = [(stay.left_at or stay.joined_at) + (stay.talked or ZERO) for stay in stays]
    last = call.visits[-1]
    by_log = {(each.stay.uniqueid, each.stay.queue, each.stay.outcome) for each in findings}
    hung_up_by = call.hung_up_by
    if hung_up_by is None and (last.uniqueid, last.queue, last.outcome) in by_log:
        hung_up_by = Party.CALLER if last.outcome is Outcome.ABANDONED else last.hung_up_by
    ended_at = call.ended_at and max([call.ended_at, *ends])
    return replace(call, ended_at=ended_at, hung_up_by=hung_up_by)


def counted(call: CallRecord, visit: VisitRecord) -> Iterator[Effect]:
    """A visit that nobody had counted."""
    if visit.outcome in REFUSED:
        yield VisitRefused(call, visit)
        return
    yield VisitEntered(visit)
    yield VisitEnded(call, visit)
    if visit.talk is not None:
        yield TalkEnded(call, visit)


def recounted(call: CallRecord, before: VisitRecord, visit: VisitRecord) -> Iterator[Effect]:
    """A visit that was counted otherwise; a talk that had no length was not."""
    if visit.outcome is not before.outcome:
        yield VisitCorrected(call, before, visit)
    if visit.talk is not None and before.talk is None:
        yield TalkEnded(call, visit)


def sought(call: CallRecord) -> bool:
    """Whether the measures of calls count it: `telephony.calls.measures`."""
    return summary(call, Targets()).sought
