"""What calls, visits, offers and talks add to the measures: whole numbers, so that sums of sums are exact.

Beside `Figures`, which the first page needs in memory for every five seconds of the day; this is all the rest. Each is
computed here, once; `telephony.standard.measures` divides.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from operator import add
from typing import NamedTuple, TypeVar

from telephony.calls.measures import CallSummary, Target
from telephony.calls.record import OfferRecord, OfferResult, Outcome, Party, VisitRecord
from telephony.standard.figures import MICROSECOND, Figures
from telephony.standard.measures_agents import AgentSums

CANCELLED = frozenset({OfferResult.CANCELLED_ELSEWHERE, OfferResult.CALLER_LEFT})
"""The phone stopped ringing through no fault of who sat before it."""


class CallSums(NamedTuple):
    """Beside `Figures`, over the same calls.

    Attributes:
        arrived: calls that began to seek; by that moment and not by their end.
        undecided: ended, and of some visit it is not known yet how it ended: counted in nothing else.
        in_target: answered within the service level of their queue.
        answers: answered after a known wait. answer_waited: microseconds of these.
        waits: sought, however they ended, with a known wait.
    """

    arrived: int = 0
    undecided: int = 0
    in_target: int = 0
    answers: int = 0
    answer_waited: int = 0
    waits: int = 0


class VisitSums(NamedTuple):
    """Visits that have ended, refused ones included.

    Attributes:
        arrived: visits that began to wait; by that moment.
        ended: all but the lost. lost: nobody knows how they ended.
        answered, abandoned: of those ended. short: of those abandoned, sooner than the target's `short_abandon`.
        waits: answered or abandoned with a known wait. waited: microseconds of these.
        live, partial, reconstructed, approximate: how well they are known, the lost included.
    """

    arrived: int = 0
    ended: int = 0
    lost: int = 0
    answered: int = 0
    abandoned: int = 0
    short: int = 0
    waits: int = 0
    waited: int = 0
    live: int = 0
    partial: int = 0
    reconstructed: int = 0
    approximate: int = 0


class OfferSums(NamedTuple):
    """Phones that rang for a visit and have stopped.

    Attributes:
        alerted: phones that rang, with a known end.
        answered: of these.
        judged: of these, all but those cancelled before the last ring of the standard was over, with known rings.
        within_rings: of those judged, answered in time.
        no_answer: of those that rang, neither answered nor cancelled: the caller waited on.
        caller_left: of those that rang, the caller was gone.
        unreachable: phones that never rang.
        unknown: nobody heard how it ended.
    """

    alerted: int = 0
    answered: int = 0
    judged: int = 0
    within_rings: int = 0
    no_answer: int = 0
    caller_left: int = 0
    unreachable: int = 0
    unknown: int = 0


class TalkSums(NamedTuple):
    """Talks that are over, each of one answered visit.

    Attributes:
        known: with a known length. long: of these, longer than the standard's.
        talked: microseconds of these.
        hung_up: it is known who ended it. by_agent: of these, the agent.
    """

    known: int = 0
    long: int = 0
    talked: int = 0
    hung_up: int = 0
    by_agent: int = 0


class NumberSums(NamedTuple):
    """Callers by their number. gave_up: gave up, and their time is over; final_lost: nobody reached them in it."""

    gave_up: int = 0
    final_lost: int = 0


class CaseSums(NamedTuple):
    """Cases that were opened. complaints: about the telephone service itself."""

    complaints: int = 0


T = TypeVar("T", Figures, CallSums, VisitSums, OfferSums, TalkSums, NumberSums, AgentSums, CaseSums)


def plus(one: T, other: T) -> T:
    """Both together, field by field."""
    return type(one)(*map(add, one, other))


# Shared: of ten thousand cells most stay without any.
_NO_FIGURES = Figures()
_NO_CALLSUMS = CallSums()
_NO_VISITSUMS = VisitSums()
_NO_OFFERSUMS = OfferSums()
_NO_TALKSUMS = TalkSums()
_NO_NUMBERSUMS = NumberSums()
_NO_AGENTSUMS = AgentSums()
_NO_CASESUMS = CaseSums()


@dataclass(slots=True)
class Sums:
    """Everything that is counted of one group in one interval.

    Attributes:
        figures, calls: calls that ended then. visits, offers, talks: those that ended then. numbers: who gave up then.
        cases: opened then.
        longest: the longest known wait of a call in microseconds; None without one.
        unanswered: calls that nobody answered by their last outcome, shorts left out.
        agents: what they did then. paused_by: microseconds of their pauses by reason.
    """

    figures: Figures = _NO_FIGURES
    calls: CallSums = _NO_CALLSUMS
    visits: VisitSums = _NO_VISITSUMS
    offers: OfferSums = _NO_OFFERSUMS
    talks: TalkSums = _NO_TALKSUMS
    numbers: NumberSums = _NO_NUMBERSUMS
    cases: CaseSums = _NO_CASESUMS
    longest: int | None = None
    unanswered: Counter[Outcome] = field(default_factory=Counter)
    agents: AgentSums = _NO_AGENTSUMS
    paused_by: Counter[str] = field(default_factory=Counter)

    def add_call(self, measured: CallSummary, figures: Figures) -> None:
        """A call that has ended, all its visits decided; what `figures_of` says of it."""
        self.figures = plus(self.figures, figures)
        wait = None if measured.wait is None else measured.wait // MICROSECOND
        answered = measured.answered and wait is not None
        self.calls = plus(
            self.calls,
            CallSums(
                in_target=int(measured.in_target),
                answers=int(answered),
                answer_waited=wait if answered and wait is not None else 0,
                waits=int(wait is not None),
            ),
        )
        if wait is not None:
            self.longest = wait if self.longest is None else max(self.longest, wait)
        if measured.unanswered and not measured.short and measured.outcome is not None:
            self.unanswered[measured.outcome] += 1

    def plus(self, other: "Sums") -> "Sums":
        """Both together, as if they had been counted as one."""
        longest = [one.longest for one in (self, other) if one.longest is not None]
        return Sums(
            figures=plus(self.figures, other.figures),
            calls=plus(self.calls, other.calls),
            visits=plus(self.visits, other.visits),
            offers=plus(self.offers, other.offers),
            talks=plus(self.talks, other.talks),
            numbers=plus(self.numbers, other.numbers),
            cases=plus(self.cases, other.cases),
            longest=max(longest, default=None),
            unanswered=self.unanswered + other.unanswered,
            agents=plus(self.agents, other.agents),
            paused_by=self.paused_by + other.paused_by,
        )


def visit_sums(visit: VisitRecord, target: Target) -> VisitSums:
    """What a visit that is over adds; `target` is that of its queue."""
    quality = {visit.quality.value: 1}
    if visit.outcome is Outcome.LOST:
        return VisitSums(lost=1, **quality)
    answered, abandoned = visit.outcome is Outcome.ANSWERED, visit.outcome is Outcome.ABANDONED
    wait = visit.wait if answered or abandoned else None
    return VisitSums(
        ended=1,
        answered=int(answered),
        abandoned=int(abandoned),
        short=int(abandoned and wait is not None and wait < target.short_abandon),
        waits=int(wait is not None),
        waited=0 if wait is None else wait // MICROSECOND,
        **quality,
    )


def offer_sums(offer: OfferRecord, target: Target) -> OfferSums:
    """What a phone adds that does not ring any more; `target` is that of the visit's queue.

    A phone that was answered rang, though nobody may have heard for how long: it is not judged by its rings then.
    """
    result, rings = offer.result, offer.rings
    if result is None:
        return OfferSums(unknown=1)
    if result is not OfferResult.ANSWERED and offer.rang_at is None:
        return OfferSums(unreachable=1)
    spared = result in CANCELLED and rings is not None and rings <= target.rings
    judged = rings is not None and rings > 0 and not spared
    answered = result is OfferResult.ANSWERED
    return OfferSums(
        alerted=1,
        answered=int(answered),
        judged=int(judged),
        within_rings=int(judged and answered and rings is not None and rings <= target.rings),
        no_answer=int(not answered and result not in CANCELLED),
        caller_left=int(result is OfferResult.CALLER_LEFT),
    )


def talk_sums(visit: VisitRecord, long: timedelta) -> TalkSums:
    """What the talk of an answered visit adds, once it is over; nothing of it is known where nobody heard its end."""
    talk, party = visit.talk, visit.hung_up_by
    return TalkSums(
        known=int(talk is not None),
        long=int(talk is not None and talk > long),
        talked=0 if talk is None else talk // MICROSECOND,
        hung_up=int(party is not None),
        by_agent=int(party is Party.AGENT),
    )
