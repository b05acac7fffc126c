"""The steps of a visit, and the record of what is known."""

from datetime import timedelta
from itertools import product

import pytest

from telephony.calls.record import Kind, OfferResult, Outcome, Party, Quality
from telephony.calls.visit import STEPS, IllegalStepError, Offer, State, Step, Visit
from tests.support.story import START, moment, seconds

PERIOD = timedelta(seconds=5)
ILLEGAL = sorted(
    {pair for pair in product(State, Step) if pair not in STEPS}, key=lambda pair: (pair[0].name, pair[1].name)
)


def visit(**changes: object) -> Visit:
    made = Visit(ordinal=1, customer="C", kind=Kind.QUEUE, queue="support", began=moment(0))  # type: ignore[arg-type]
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(("state", "step"), ILLEGAL)
def test_an_illegal_step_raises_and_changes_nothing(state: State, step: Step) -> None:
    one = visit(state=state)
    with pytest.raises(IllegalStepError, match=f"{state.name} cannot {step.name}"):
        one.step(step)
    assert one.state is state


@pytest.mark.parametrize(("state", "step"), sorted(STEPS, key=str))
def test_a_legal_step_leads_where_the_table_says(state: State, step: Step) -> None:
    one = visit(state=state)
    one.step(step)
    assert one.state is STEPS[state, step]


def test_nothing_leads_out_of_over() -> None:
    assert not [pair for pair in STEPS if pair[0] is State.OVER]


def test_while_waiting_nothing_of_the_end_is_known() -> None:
    record = visit().record(PERIOD)
    assert record.joined_at == START
    assert (record.left_at, record.wait, record.outcome, record.talk, record.caller_rings_heard) == (None,) * 5


def test_a_refused_visit_waited_for_nothing_and_never_joined() -> None:
    record = visit(state=State.OVER, outcome=Outcome.REFUSED_FULL, left=moment(0)).record(PERIOD)
    assert (record.joined_at, record.left_at, record.wait) == (None, START, seconds(0))


def test_the_wait_of_an_answered_visit_ends_with_the_answer() -> None:
    one = visit(outcome=Outcome.ANSWERED, left=moment(9), connected=moment(11), alerted=moment(1), agent="A")
    record = one.record(PERIOD)
    assert (record.wait, record.left_at, record.answered_at) == (seconds(11), START + seconds(11), START + seconds(11))
    assert (record.caller_rings, record.caller_rings_heard) == (2, 2)


def test_the_wait_of_an_abandoned_visit_ends_with_the_hang_up_not_with_its_discovery() -> None:
    one = visit(outcome=Outcome.ABANDONED, left=moment(9), asked_at=moment(7))
    assert one.record(PERIOD).wait == seconds(7)
    one = visit(outcome=Outcome.ABANDONED, left=moment(9), hung_up_later=moment(12))
    assert one.record(PERIOD).wait == seconds(12)
    assert visit(outcome=Outcome.ABANDONED, left=moment(9)).record(PERIOD).wait == seconds(9)


def test_rings_are_heard_also_by_whom_nobody_answered() -> None:
    record = visit(outcome=Outcome.TIMEOUT, left=moment(20), alerted=moment(9)).record(PERIOD)
    assert (record.caller_rings, record.caller_rings_heard) == (None, 3)


def test_of_a_partly_known_visit_no_rings_are_told() -> None:
    one = visit(outcome=Outcome.ANSWERED, connected=moment(11), alerted=moment(1), partial=True)
    record = one.record(PERIOD)
    assert (record.quality, record.caller_rings, record.caller_rings_heard) == (Quality.PARTIAL, None, None)


def test_a_wait_without_stamps_is_approximate() -> None:
    assert visit(left=moment(5, stamped=False)).record(PERIOD).quality is Quality.APPROXIMATE
    assert visit(left=moment(5)).record(PERIOD).quality is Quality.LIVE
    assert visit(exact=False).record(PERIOD).quality is Quality.APPROXIMATE


def test_who_hung_up_is_told_when_the_talk_is_over() -> None:
    one = visit(outcome=Outcome.ANSWERED, connected=moment(1), hung_up_by=Party.AGENT, state=State.TALKING)
    assert one.record(PERIOD).hung_up_by is None
    one.state = State.OVER
    assert one.record(PERIOD).hung_up_by is Party.AGENT


# --- offers -----------------------------------------------------------------------------------------------------------


def offer(**changes: object) -> Offer:
    made = Offer(agent="Agent A", interface="PJSIP/A", leg="A", called=moment(1))  # type: ignore[arg-type]
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(("end", "count"), [(7, 1), (7.000001, 2), (12, 2), (12.000001, 3), (17, 3), (17.000001, 4)])
def test_an_agent_hears_a_ring_more_with_every_period_begun(end: float, count: int) -> None:
    record = offer(rang=moment(2), end=moment(end)).record(PERIOD)
    assert (record.rings, record.alerting, record.setup) == (count, moment(end).wall - moment(2).wall, seconds(1))
    assert record.ended_at == moment(end).wall


def test_while_a_phone_rings_its_rings_are_not_told() -> None:
    record = offer(rang=moment(2)).record(PERIOD)
    assert (record.rings, record.alerting, record.ended_at, record.result) == (None,) * 4


def test_a_phone_that_never_rang_has_no_rings_and_was_missed_by_nobody() -> None:
    record = offer(end=moment(9), result=OfferResult.UNREACHABLE).record(PERIOD)
    assert (record.rings, record.alerting, record.setup, record.rang_at) == (0, seconds(0), None, None)
    assert record.ended_at == START + seconds(9)


def test_the_answer_is_the_end_of_the_ringing() -> None:
    record = offer(rang=moment(2), answered=moment(4), end=moment(4)).record(PERIOD)
    assert record.answered_at == record.ended_at == START + seconds(4)
