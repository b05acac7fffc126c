"""What channel events told of direct visits that nobody heard, or not all of them: put into the call. Pure.

As `telephony.calls.healing` does it for queue_log; here times are exact to the microsecond, and rings are not known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from telephony.calls.effects import CallEnded, CaseOpened, Effect, SaveCall
from telephony.calls.healing import Healed, counted, recounted, sought
from telephony.calls.record import (
    POSITION_BITS,
    CallRecord,
    Direction,
    Kind,
    Outcome,
    Quality,
    VisitRecord,
    call_id,
    case_id,
)
from telephony.cel.stays import Stay
from telephony.queuelog.reconcile import Kinds

SAME_BEGINNING = timedelta(seconds=2.5)
"""A visit that was found in a listing began, as far as is known, to a second or two."""
LISTED = timedelta(seconds=1)
"""One whose earlier phones were not heard began, as far as is known, with a later one: by a listing, that much late."""
EXACT = timedelta(milliseconds=100)
"""What differs by no more is the same: two lines of the PBX about one moment."""
UNHEARD = "CEL said so: nobody heard the PBX then"
COMPLETED = "; the rest by CEL"
HEARD = frozenset({Quality.LIVE, Quality.APPROXIMATE})

Names = Callable[[str], str]
"""What the operator calls an interface."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be told otherwise of a call.

    Attributes:
        kinds: what differed, once for each visit.
        healed: the call as it is told from now on, and what is to be done about it.
    """

    kinds: tuple[Kinds, ...]
    healed: Healed


def heal(before: CallRecord | None, pbx: str, stays: Sequence[Stay], names: Names, position: int = 0) -> Found | None:
    """Put one call right; None: there is nothing to put right.

    Args:
        before: as it is known, over, inbound; None: nobody knows it.
        pbx: whose call.
        stays: of this call, all that may not have been heard.
        names: of interfaces.
        position: in the journal, of the last record that this rests on.
    """
    call = before or unheard_call(pbx, stays)
    was: list[VisitRecord | None] = list(call.visits)
    told = list(call.visits)
    kinds: list[Kinds] = []
    for stay in sorted(stays, key=lambda stay: stay.began_at):
        known = next((place for place, visit in enumerate(told) if is_of(visit, stay)), None)
        if known is None:
            place = place_of(stay, told)
            told.insert(place, unheard_visit(stay, names))
            was.insert(place, None)
            kinds.append(Kinds.MISSING)
        elif told[known] != (better := completed(told[known], stay, names)):
            kinds.append(Kinds.WAIT if told[known].outcome is better.outcome else Kinds.OUTCOME)
            told[known] = better
    if not kinds:
        return None
    visits = tuple(replace(visit, ordinal=ordinal) for ordinal, visit in enumerate(told, 1))
    end = max(stays, key=lambda stay: stay.ended_at)
    call = replace(
        call,
        visits=visits,
        ended_at=max(call.ended_at or end.ended_at, end.ended_at),
        hung_up_by=call.hung_up_by or end.hung_up_by,
        revision=max(call.revision + 1, position << POSITION_BITS),
    )
    effects: list[Effect] = [CaseOpened(call)] if before is None else []
    for one, visit in zip(was, visits, strict=True):
        effects += counted(call, visit) if one is None else recounted(call, one, visit)
    if before is None or (sought(call) and not sought(before)):
        effects.append(CallEnded(call))  # measures of calls count it once: now
    return Found(tuple(kinds), Healed(call, (*effects, SaveCall(call))))


def is_of(visit: VisitRecord, stay: Stay) -> bool:
    """Whether the ledger's visit is this stay."""
    if visit.kind is not Kind.DIRECT or visit.uniqueid != stay.uniqueid or visit.joined_at is None:
        return False
    began, left = visit.joined_at, visit.left_at or visit.joined_at
    later = stay.began_at <= began <= stay.left_at + LISTED and stay.left_at < left
    return later or abs(began - stay.began_at) <= SAME_BEGINNING


def place_of(stay: Stay, visits: Sequence[VisitRecord]) -> int:
    """Where among a call's visits it belongs: before the first that began when it was over, or later."""
    for index, visit in enumerate(visits):
        began = visit.joined_at or visit.left_at
        if began is not None and began > stay.began_at + EXACT:
            return index
    return len(visits)


def unheard_call(pbx: str, stays: Sequence[Stay]) -> CallRecord:
    """A call of which nobody else tells, its visits not in it yet."""
    first = min(stays, key=lambda stay: stay.began_at)
    id_ = call_id(pbx, first.uniqueid)
    return CallRecord(
        id=id_,
        pbx=pbx,
        uniqueid=first.uniqueid,
        linkedid=first.uniqueid,
        direction=Direction.INBOUND,
        caller=first.caller,
        caller_name="",
        dialled=first.dialled,
        arrived_at=first.arrived_at,
        ended_at=first.ended_at,
        case=case_id(id_),
    )


def unheard_visit(stay: Stay, names: Names) -> VisitRecord:
    """A stay as a visit; its ordinal is still to be given."""
    answered, lost = stay.outcome is Outcome.ANSWERED, stay.outcome is Outcome.LOST
    return VisitRecord(
        ordinal=0,
        uniqueid=stay.uniqueid,
        kind=Kind.DIRECT,
        queue=names(stay.phones[0]),
        joined_at=stay.began_at,
        left_at=stay.left_at,
        outcome=stay.outcome,
        wait=stay.left_at - stay.began_at,
        agent=names(stay.agent) if answered else None,
        answered_at=stay.left_at if answered else None,
        talk=stay.talk,
        hung_up_by=stay.talk_ended_by,
        quality=Quality.PARTIAL if lost else Quality.RECONSTRUCTED,
        reason=stay.reason if lost else UNHEARD,
    )


def completed(visit: VisitRecord, stay: Stay, names: Names) -> VisitRecord:
    """The visit with what was not heard of it; one that was heard stays as it is."""
    unknown = visit.outcome in {Outcome.LOST, Outcome.EXITED}
    if (visit.quality in HEARD and not unknown) or stay.outcome in {Outcome.LOST, Outcome.EXITED}:
        return visit
    changed = unknown or visit.outcome is not stay.outcome
    told = visit if visit.wait is not None and not changed and begins_alike(visit, stay) else waited(visit, stay)
    if stay.outcome is Outcome.ANSWERED:
        told = answered(told, stay, names)
    elif changed:
        told = replace(told, agent=None, answered_at=None, caller_rings=None, talk=None, hold=None, hung_up_by=None)
    if changed:
        reason = f"CEL said so: we had {visit.outcome}"
        return replace(told, outcome=stay.outcome, settling=False, quality=Quality.RECONSTRUCTED, reason=reason)
    if told == visit:
        return visit
    return replace(told, quality=Quality.RECONSTRUCTED, reason=visit.reason.removesuffix(COMPLETED) + COMPLETED)


def begins_alike(visit: VisitRecord, stay: Stay) -> bool:
    """Both know the beginning, and tell the same."""
    return visit.joined_at is not None and abs(visit.joined_at - stay.began_at) <= EXACT


def waited(visit: VisitRecord, stay: Stay) -> VisitRecord:
    """With the wait that CEL tells; a beginning that was heard stays."""
    joined_at = visit.joined_at if begins_alike(visit, stay) and visit.joined_at else stay.began_at
    wait = max(stay.left_at - joined_at, timedelta())
    return replace(
        visit, joined_at=joined_at, left_at=stay.left_at, wait=wait, caller_rings=None, caller_rings_heard=None
    )


def answered(visit: VisitRecord, stay: Stay, names: Names) -> VisitRecord:
    """Answered then, by who was bridged; of the talk what was not known."""
    return replace(
        visit,
        agent=visit.agent or names(stay.agent),
        answered_at=visit.left_at,
        talk=stay.talk if visit.talk is None else visit.talk,
        hung_up_by=visit.hung_up_by or stay.talk_ended_by,
    )
