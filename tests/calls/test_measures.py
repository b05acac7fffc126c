"""One call in the terms of the standard."""

from dataclasses import replace
from datetime import timedelta

import pytest

from telephony.calls.measures import NOT_SOUGHT, CallSummary, Target, Targets, summary
from telephony.calls.record import Kind, Outcome, Quality, VisitRecord
from tests.support.calls import at, call, seconds, visit

TARGETS = Targets(Target(3, seconds(20), seconds(0)), {"vip": Target(2, seconds(5), seconds(8))})


def measured(*visits: VisitRecord) -> CallSummary:
    return summary(call(*visits), TARGETS)


def left(outcome: Outcome, wait: float = 10, rings: int | None = None, queue: str = "support") -> VisitRecord:
    """Unanswered after so long, having heard so many rings."""
    alerted = None if rings is None else at(1)
    return visit(outcome, wait=seconds(wait), caller_rings_heard=rings, alerted_at=alerted, queue=queue)


def test_a_call_without_visits_did_not_seek() -> None:
    assert measured() == NOT_SOUGHT


def test_an_answered_call() -> None:
    assert measured(visit()) == CallSummary(
        sought=True, queue="support", kind=Kind.QUEUE, outcome=Outcome.ANSWERED, answered=True, gave_up=False,
        unanswered=False, short=False, wait=seconds(10), rings=2, alerted=True, within_rings=True, in_target=True,
    )  # fmt: skip


def test_the_wait_is_summed_up_to_the_first_answer_and_no_further() -> None:
    found = measured(left(Outcome.TIMEOUT, 15), visit(wait=seconds(7)), left(Outcome.ABANDONED, 100))
    assert (found.answered, found.wait, found.in_target, found.gave_up) == (True, seconds(22), False, False)


def test_short_queue_timeouts_gain_nothing_their_rings_are_summed_too() -> None:
    found = measured(left(Outcome.TIMEOUT, rings=2), visit(caller_rings=2))
    assert (found.rings, found.alerted, found.within_rings) == (4, True, False)


def test_the_queue_is_the_one_first_sought() -> None:
    found = measured(left(Outcome.TIMEOUT, 1, queue="vip"), visit(wait=seconds(5)))
    assert (found.queue, found.in_target) == ("vip", False)


def test_a_refused_caller_sought_and_went_unanswered_but_did_not_give_up() -> None:
    found = measured(visit(Outcome.REFUSED_FULL))
    assert (found.sought, found.unanswered, found.gave_up, found.wait) == (True, True, False, timedelta())


def test_gave_up_is_the_last_outcome_alone() -> None:
    assert measured(left(Outcome.TIMEOUT), left(Outcome.ABANDONED)).gave_up
    assert not measured(left(Outcome.ABANDONED), left(Outcome.TIMEOUT)).gave_up


@pytest.mark.parametrize(("wait", "short"), [(7.9, True), (8, False)])
def test_short_is_below_the_threshold_of_its_queue(wait: float, short: bool) -> None:
    assert measured(left(Outcome.ABANDONED, wait, queue="vip")).short is short
    assert not measured(left(Outcome.ABANDONED, 0)).short


def test_a_lost_end_is_kept_out_unless_someone_had_answered() -> None:
    lost = replace(left(Outcome.LOST), wait=None)
    assert measured(lost).sought is False
    assert measured(lost).wait is None
    assert measured(visit(), lost).sought
    assert measured(lost, left(Outcome.ABANDONED)).wait is None


def test_a_lower_bound_is_not_summed_and_rings_that_nobody_heard_are_not_counted() -> None:
    lost = replace(left(Outcome.LOST, 10), quality=Quality.PARTIAL)
    found = measured(lost, visit())
    assert (found.answered, found.wait, found.rings, found.alerted, found.in_target) == (True, None, None, False, False)
    assert measured(visit(), lost).wait == seconds(10)
    assert measured(replace(left(Outcome.TIMEOUT, 4), quality=Quality.RECONSTRUCTED), visit()).wait == seconds(14)


def test_of_a_call_that_was_found_later_earlier_waits_may_be_missing() -> None:
    found = replace(call(visit()), dialled="")
    early = replace(found, arrived_at=at(-2.5)), replace(found, arrived_at=at(-2.6))
    assert [summary(one, TARGETS).wait for one in early] == [seconds(10), None]
    assert summary(replace(found, visits=(visit(Outcome.REFUSED_FULL),)), TARGETS).wait == timedelta()


def test_who_lived_on_to_an_end_that_nobody_heard_may_have_been_answered() -> None:
    timed_out = replace(left(Outcome.TIMEOUT), quality=Quality.RECONSTRUCTED)
    assert summary(replace(call(timed_out), hung_up_by=None), TARGETS).sought is False
    assert summary(call(timed_out), TARGETS).unanswered
    gave_up = replace(left(Outcome.ABANDONED), quality=Quality.RECONSTRUCTED)
    assert summary(replace(call(gave_up), hung_up_by=None), TARGETS).gave_up
    assert summary(replace(call(visit(), timed_out), hung_up_by=None), TARGETS).answered


def test_who_was_not_heard_between_two_visits_may_have_waited_there() -> None:
    first = replace(left(Outcome.TIMEOUT), quality=Quality.RECONSTRUCTED)
    soon, later = (replace(visit(), joined_at=at(10 + pause), left_at=at(30)) for pause in (2.5, 2.6))
    assert measured(first, soon).wait == seconds(20)
    assert measured(first, later).wait is None
    assert measured(replace(first, quality=Quality.LIVE), later).wait == seconds(20)


def test_an_unknown_wait_is_not_in_target() -> None:
    assert measured(visit(wait=None)).in_target is False
    assert measured(replace(left(Outcome.ABANDONED, queue="vip"), wait=None)).short is False


@pytest.mark.parametrize(
    ("outcome", "rings", "alerted"),
    [
        (Outcome.ABANDONED, None, False),
        (Outcome.ABANDONED, 3, False),
        (Outcome.ABANDONED, 4, True),
        (Outcome.TIMEOUT, 1, True),
        (Outcome.LOST, 9, False),
    ],
)
def test_who_goes_within_three_rings_gave_no_phone_a_chance(outcome: Outcome, rings: int | None, alerted: bool) -> None:
    found = measured(left(outcome, rings=rings))
    assert (found.alerted, found.within_rings, found.rings) == (alerted, False, rings)


def test_rings_of_unknown_number_count_neither_way() -> None:
    found = measured(visit(caller_rings=None))
    assert (found.rings, found.alerted, found.within_rings) == (None, False, False)


def test_of_a_call_that_goes_on_nothing_is_decided() -> None:
    found = measured(visit(None))
    assert (found.sought, found.unanswered, found.gave_up, found.outcome) == (True, False, False, None)
