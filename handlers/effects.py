"""Performs what the core decided: each effect to those whom it concerns."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, assert_never
from uuid import UUID

import structlog

from telephony.calls.effects import (
    CallEnded,
    CaseOpened,
    Effect,
    Irregular,
    OfferEnded,
    QueuesKnown,
    SaveCall,
    TalkEnded,
    VisitCorrected,
    VisitEnded,
    VisitEntered,
    VisitRefused,
)
from telephony.calls.facts import Moment
from telephony.calls.record import CallRecord
from telephony.metrics import Measures


class Puts(Protocol):
    """Who makes calls durable: `handlers.saver.Saver`."""

    def put(self, call: CallRecord, /) -> None:
        """Remember this state; at once."""
        ...


class Performer:
    """Performs the effects of one PBX's tracker; never waits and never fails for what an effect holds.

    Args:
        pbx: the PBX's configured name: the label of what it counts.
        saver: gets every `SaveCall`.
        measures: counts everything else.
        opened: is told of every case that AMI opened.
        changed: are told of every new state of a call, and of the moment that brought it about.
    """

    def __init__(
        self,
        pbx: str,
        saver: Puts,
        measures: Measures,
        opened: Callable[[UUID | None], None] = lambda _: None,
        changed: Sequence[Callable[[CallRecord, Moment], None]] = (),
    ) -> None:
        self._pbx = pbx
        self._saver = saver
        self._measures = measures
        self._opened = opened
        self._changed = tuple(changed)
        self._log = structlog.get_logger(__name__).bind(pbx=pbx)

    def perform(self, effects: Iterable[Effect], at: Moment) -> None:
        """Perform these effects, in their order; `at` is the moment of what they are about."""
        for effect in effects:
            self._perform(effect, at)

    def _perform(self, effect: Effect, at: Moment) -> None:  # noqa: C901, PLR0912  # one flat table, a case a line or two
        pbx, measures = self._pbx, self._measures
        match effect:
            case SaveCall(call):
                self._saver.put(call)
                for changed in self._changed:
                    changed(call, at)
            case CaseOpened(call):
                measures.case_opened()
                self._opened(call.case)
            case VisitEntered(visit):
                measures.visit_entered(pbx, visit)
            case VisitEnded(_, visit):
                measures.visit_ended(pbx, visit)
            case VisitRefused(_, visit):
                measures.visit_refused(pbx, visit)
            case VisitCorrected(call, before, visit):
                measures.visit_corrected(pbx, before, visit)
                self._log.info(
                    "visit_corrected",
                    call=str(call.id),
                    visit=visit.ordinal,
                    before=before.outcome,
                    after=visit.outcome,
                )
            case TalkEnded(_, visit):
                measures.talk_ended(pbx, visit)
            case OfferEnded(queue, kind, offer):
                measures.offer_ended(pbx, queue, kind, offer)
            case CallEnded(call):
                measures.call_ended(call)
            case QueuesKnown(queues):
                measures.queues_known(pbx, queues)
            case Irregular(what, detail):
                measures.irregular(pbx, what)
                self._log.warning("irregular_fact", what=what, detail=detail)
            case _:
                assert_never(effect)
