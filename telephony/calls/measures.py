"""What one call says about the standard: each measure of docs/definitions.md, computed once, here.

The standard is kept per *call*, so that nobody gains by short queue timeouts, small queues or overflow chains. For that
reason the rings of a call are summed like its wait: a queue that times out after two rings and starts again does not
answer "within three rings" on its fifth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from telephony.calls.record import CallRecord, Kind, Outcome, Quality, VisitRecord

UNHEARD = frozenset({Quality.PARTIAL, Quality.RECONSTRUCTED})
"""Of such a visit phones may have rung that nobody heard."""
AT_ONCE = timedelta(seconds=2.5)
"""Who waits this soon after he came, or left, has not waited elsewhere meanwhile; listings tell whole seconds."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of the calls of one queue or line.

    Attributes:
        rings: answered within so many rings is in time.
        service_level: answered within this wait is in target.
        short_abandon: who gave up after less than this wait was short; zero switches it off.
    """

    rings: int = 3
    service_level: timedelta = timedelta(seconds=20)
    short_abandon: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of every queue and line: `default`, and where a name has its own, that."""

    default: Target = field(default_factory=Target)
    own: Mapping[str, Target] = field(default_factory=dict)

    def of(self, queue: str) -> Target:
        """The target of the queue or line with this name."""
        return self.own.get(queue, self.default)


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One call in the terms of the standard. Meant for ended calls; of one that goes on it says what is known so far.

    Attributes:
        sought: made one visit or more, refused ones included; False when it was never answered and was last `lost`, or
            lived on after its last visit to an end that nobody heard.
        queue: the queue or line first sought; None without visits. kind: what that was.
        outcome: of the last visit; None without visits or while undecided.
        answered: some visit was answered.
        gave_up: sought, never answered, and last `abandoned`. Shorts are among them.
        unanswered: sought, never answered, whatever the last outcome (decided). Those who gave up are among them.
        short: gave up after less than the target's `short_abandon`. Rates take shorts out of both sides.
        wait: sum of the waits of its visits up to the first answer, or of all; None when any of these is unknown (of a
            lost visit only a lower bound is known; a call found in a listing may have waited before, and one that we
            did not hear for a while, meanwhile) or when the call did not seek.
        rings: sum of the rings the caller heard up to the first answer, or to the end; None when no phone rang, or when
            a phone rang for an unknown time.
        alerted: the call counts for the ring standard: a phone rang for it, for a known number of rings, and its caller
            had not gone within these `rings` of the target.
        within_rings: of those alerted, answered within the target's rings.
        in_target: answered with wait <= the target's `service_level`; an unknown wait is not in target.
    """

    sought: bool
    queue: str | None
    kind: Kind | None
    outcome: Outcome | None
    answered: bool
    gave_up: bool
    unanswered: bool
    short: bool
    wait: timedelta | None
    rings: int | None
    alerted: bool
    within_rings: bool
    in_target: bool


NOT_SOUGHT = CallSummary(
    sought=False,
    queue=None,
    kind=None,
    outcome=None,
    answered=False,
    gave_up=False,
    unanswered=False,
    short=False,
    wait=None,
    rings=None,
    alerted=False,
    within_rings=False,
    in_target=False,
)
"""The summary of a call without visits."""


def summary(call: CallRecord, targets: Targets) -> CallSummary:
    """Measure one call against the target of the queue or line that it sought first.

    Args:
        call: the record; its visits in the order of entering.
        targets: what is asked.

    Returns:
        The call in the terms of the standard.
    """
    if not call.visits:
        return NOT_SOUGHT
    first, last = call.visits[0], call.visits[-1]
    target = targets.of(first.queue)
    counted = _until_answer(call.visits)
    answered = counted[-1].outcome is Outcome.ANSWERED
    sought = answered or not _ended_unheard(call, last)
    gave_up = not answered and last.outcome is Outcome.ABANDONED
    wait = _wait(counted) if sought and not _waited_unheard(call, counted) else None
    rings = _rings(counted)
    alerted = sought and rings is not None and not (gave_up and rings <= target.rings)
    return CallSummary(
        sought=sought,
        queue=first.queue,
        kind=first.kind,
        outcome=last.outcome,
        answered=answered,
        gave_up=gave_up,
        unanswered=sought and not answered and last.outcome is not None,
        short=gave_up and wait is not None and wait < target.short_abandon,
        wait=wait,
        rings=rings,
        alerted=alerted,
        within_rings=alerted and answered and rings is not None and rings <= target.rings,
        in_target=answered and wait is not None and wait <= target.service_level,
    )


def _until_answer(visits: tuple[VisitRecord, ...]) -> tuple[VisitRecord, ...]:
    """The visits up to and including the first answered one, or all."""
    for index, visit in enumerate(visits):
        if visit.outcome is Outcome.ANSWERED:
            return visits[: index + 1]
    return visits


def _ended_unheard(call: CallRecord, last: VisitRecord) -> bool:
    """Whether nobody knows how it ended: lost, or he lived on after his last visit to an end that we did not hear."""
    ended_unheard = call.ended_at is not None and call.hung_up_by is None
    return last.outcome is Outcome.LOST or (
        ended_unheard and last.quality in UNHEARD and last.outcome is not Outcome.ABANDONED
    )


def _waited_unheard(call: CallRecord, visits: tuple[VisitRecord, ...]) -> bool:
    """Whether he may have waited where we did not hear: before the listing that showed him, or between two visits."""
    joined = visits[0].joined_at
    if not call.dialled and joined is not None and joined - call.arrived_at > AT_ONCE:
        return True
    return any(
        left.quality in UNHEARD and left.left_at and next_.joined_at and next_.joined_at - left.left_at > AT_ONCE
        for left, next_ in pairwise(visits)
    )


def _wait(visits: tuple[VisitRecord, ...]) -> timedelta | None:
    total = timedelta()
    for visit in visits:
        if visit.wait is None or visit.outcome is Outcome.LOST:  # of a lost visit it is a lower bound
            return None
        total += visit.wait
    return total


def _rings(visits: tuple[VisitRecord, ...]) -> int | None:
    """Rings heard in all these visits; None when no phone rang in any, or perhaps one did for an unknown time."""
    total: int | None = None
    for visit in visits:
        heard = visit.caller_rings if visit.outcome is Outcome.ANSWERED else visit.caller_rings_heard
        if heard is not None:
            total = heard if total is None else total + heard
        elif visit.alerted_at is not None or visit.quality in UNHEARD:
            return None
    return total
