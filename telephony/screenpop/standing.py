"""From the record of a call to what each desk sees of it: nothing but the record is looked at, so no state is kept.

A phone of a desk rings when an offer on it rang and has not ended, and the visit's wait goes on. The desk talks when
the visit was answered by that offer. It is withdrawn when its ringing ended otherwise. What was only called, and never
rang, is nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from telephony.calls.record import CallRecord, Kind, OfferRecord, OfferResult, Outcome, VisitRecord
from telephony.screenpop.pop import ZERO, Phase, Pop, Reason

Desks = Callable[[str], Iterable[str]]
"""The desks at which a phone with this interface stands."""

_REASONS = {
    OfferResult.NO_ANSWER: Reason.NO_ANSWER,
    OfferResult.BUSY: Reason.BUSY,
    OfferResult.UNREACHABLE: Reason.OTHER,
}
"""What a phone's own result says of itself; why a phone was cancelled, the visit and the other phones must tell."""
_RANK = {Phase.TALKING: 3, Phase.ENDED: 3, Phase.RINGING: 2, Phase.WITHDRAWN: 1}
"""Which phone of a desk counts when one visit rang several. (Two that were withdrawn: the later one.)"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a call stands, seen from one desk: `visit` is the index in the record, `reason` of a withdrawal."""

    phase: Phase
    reason: Reason | None
    visit: int


def standings(call: CallRecord, desks: Desks) -> dict[str, Standing]:
    """Each desk that the call concerns; what the newest visit says of a desk counts, else an earlier one."""
    found: dict[str, Standing] = {}
    for index in range(len(call.visits) - 1, -1, -1):
        visit = _Visit(call, index)
        here: dict[str, Standing] = {}
        for phase, reason, interface in visit.phones():
            for desk in desks(interface):
                known = here.get(desk)
                if known is None or _RANK[phase] >= _RANK[known.phase]:
                    here[desk] = Standing(phase, reason, index)
        found = here | found
    return found


class _Visit:
    """What all phones of one visit have in common, found once however many they are."""

    def __init__(self, call: CallRecord, index: int) -> None:
        self._visit = visit = call.visits[index]
        self._over = call.ended_at is not None or visit.hung_up_by is not None or index + 1 < len(call.visits)
        self._lifted = [offer for offer in visit.offers if offer.answered_at is not None]
        # Of a phone that rang already before we heard the PBX, when it was lifted is not known.
        self._taken = [offer for offer in visit.offers if offer.answered_at or offer.result is OfferResult.ANSWERED]
        self._last_called = max((offer.called_at for offer in visit.offers), default=None)
        self._winner = self._won() if visit.outcome is Outcome.ANSWERED else None

    def _won(self) -> OfferRecord | None:
        """The offer with which the caller was bridged: of those lifted, the last one of the agent who is named."""
        named = [offer for offer in self._taken if offer.agent == self._visit.agent]
        return next(reversed(named or self._taken), None)

    def phones(self) -> Iterator[tuple[Phase, Reason | None, str]]:
        """Phase, reason and interface of each phone that rang or talked, in the order of calling."""
        talk = Phase.ENDED if self._over else Phase.TALKING
        visit = self._visit
        newest = {offer.interface: offer for offer in visit.offers}  # what a phone did before in this visit is over
        for offer in visit.offers:
            if offer is self._winner:
                yield talk, None, offer.interface
            elif offer is newest[offer.interface] and offer.rang_at is not None:
                ringing = self._rings(offer)
                yield (
                    (Phase.RINGING, None, offer.interface)
                    if ringing
                    else (
                        Phase.WITHDRAWN,
                        self._why(offer),
                        offer.interface,
                    )
                )
        if visit.outcome is Outcome.ANSWERED and self._winner is None and visit.kind is Kind.DIRECT and visit.agent:
            yield talk, None, visit.agent  # picked up at a phone that did not ring

    def _rings(self, offer: OfferRecord) -> bool:
        visit = self._visit
        if visit.outcome is not None:
            return False
        if offer.answered_at is not None:
            # He listens to an announcement, or the caller is being handed over. If the PBX called on, he had hung up.
            return not self._called_after(offer.answered_at)
        return offer.ended_at is None and offer.result is None and not visit.settling and not self._lifted_elsewhere()

    def _called_after(self, moment: datetime) -> bool:
        return self._last_called is not None and self._last_called > moment

    def _lifted_elsewhere(self) -> bool:
        """Another phone has been lifted, and its owner has not hung up again."""
        return any(offer.answered_at and not self._called_after(offer.answered_at) for offer in self._lifted)

    def _why(self, offer: OfferRecord) -> Reason:
        outcome = self._visit.outcome
        if offer.result in _REASONS:
            return _REASONS[offer.result]
        if outcome is Outcome.ABANDONED:
            return Reason.CALLER_LEFT
        cancelled = offer.result is OfferResult.CANCELLED_ELSEWHERE or outcome is Outcome.ANSWERED
        elsewhere = self._taken_elsewhere(offer) if cancelled else outcome is None and self._lifted_elsewhere()
        return Reason.ELSEWHERE if elsewhere else Reason.OTHER

    def _taken_elsewhere(self, offer: OfferRecord) -> bool:
        """Whether it is known that it was another phone: of an answer that nobody heard it may have been this one."""
        agent = self._visit.agent
        return bool(agent and agent != offer.agent) or any(one.interface != offer.interface for one in self._taken)


def pop_of(call: CallRecord, standing: Standing) -> Pop:
    """What a desk is shown of the call."""
    visit = call.visits[standing.visit]
    before = _since_last_talk(call.visits[: standing.visit])
    heard = [0 if earlier.alerted_at is None else earlier.caller_rings_heard for earlier in before]
    rings_before = None if None in heard else sum(rings or 0 for rings in heard)
    own = visit.caller_rings_heard if visit.alerted_at is not None else 0
    talks = standing.phase in {Phase.TALKING, Phase.ENDED}
    ended = standing.phase is Phase.ENDED
    decided = visit.outcome is not None
    return Pop(
        call=call.id,
        pbx=call.pbx,
        phase=standing.phase,
        reason=standing.reason,
        caller=call.caller,
        caller_name=call.caller_name,
        dialled=call.dialled,
        queue=visit.queue,
        kind=visit.kind,
        case=call.case,
        ordinal=visit.ordinal,
        waited_before=_waits(before),
        joined_at=None if decided else visit.joined_at,
        waited=visit.wait if decided and visit.outcome is not Outcome.LOST else None,
        alerted_at=visit.alerted_at,
        ringing=_between(visit.alerted_at, visit.left_at) if decided else None,
        rings_before=rings_before,
        rings=rings_before + own if decided and rings_before is not None and own is not None else None,
        answered_at=visit.answered_at if talks else None,
        talk=visit.talk if ended else None,
        hung_up_by=visit.hung_up_by or (call.hung_up_by if visit is call.visits[-1] else None) if ended else None,
    )


def _since_last_talk(visits: tuple[VisitRecord, ...]) -> tuple[VisitRecord, ...]:
    """The last visits in a row that nobody answered: who was handed on waits anew."""
    first = next((i + 1 for i in range(len(visits) - 1, -1, -1) if visits[i].outcome is Outcome.ANSWERED), 0)
    return visits[first:]


def _waits(visits: tuple[VisitRecord, ...]) -> timedelta | None:
    """Their sum; None when one was lost, as its length is a lower bound."""
    if any(visit.outcome is Outcome.LOST for visit in visits):
        return None
    return sum((visit.wait or ZERO for visit in visits), ZERO)


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None else max(end - start, ZERO)


def newest(call: CallRecord) -> datetime:
    """The newest time that the record holds: the least that the PBX's clock can show now."""
    times = [call.arrived_at, call.ended_at]
    for visit in call.visits:
        times += (visit.joined_at, visit.alerted_at, visit.left_at, visit.answered_at)
        for offer in visit.offers:
            times += (offer.called_at, offer.rang_at, offer.answered_at, offer.ended_at)
    return max(time for time in times if time is not None)
