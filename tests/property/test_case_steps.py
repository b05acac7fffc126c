"""Whatever is tried with a case, in whatever order and by whomever, it stays one that may be."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.cases.changes import changed
from telephony.cases.forms import Contact
from telephony.cases.kinds import CaseKind, Channel, State, VisitOutcome
from telephony.cases.model import Case
from telephony.cases.person import Role
from telephony.cases.rules import NotAllowed, advance, was_visited
from telephony.cases.steps import (
    STEPS,
    Absorb,
    Accept,
    Answer,
    Archive,
    AskCaller,
    AskDepartment,
    Close,
    FirstAnswered,
    JoinCall,
    MergeInto,
    Offer,
    Opened,
    PartCall,
    Plan,
    Refuse,
    Release,
    Reopen,
    Resume,
    ReturnVisit,
    Take,
    Unmerge,
    Withdraw,
)
from tests.support.casework import LI, NOW, QIAN, TERMS, WANG, ZHANG, ZHAO, case, record

PEOPLE = st.sampled_from([ZHANG, LI, WANG, ZHAO, QIAN])
IDS = st.sampled_from([UUID(int=1), UUID(int=2)])
RECORDS = st.builds(lambda kind, advice: record(kind, advice=advice), st.sampled_from(CaseKind), st.booleans())
STEPS_TRIED = st.one_of(
    RECORDS,
    RECORDS,
    st.sampled_from([Opened(), AskCaller(), Resume(), Close(), Close(), Archive(), Take(), Accept(), Refuse("no"),
                     Withdraw(), Unmerge(), Reopen("again"), Answer("done"), Answer("done"), Plan("so"), Plan("so")]),
    st.builds(FirstAnswered, st.none() | PEOPLE, st.sampled_from(["", "changzhi"])),
    st.builds(ReturnVisit, st.sampled_from(Channel), st.sampled_from(VisitOutcome)),
    st.builds(Offer, PEOPLE),
    st.builds(AskDepartment, st.none() | st.just(Contact(at=NOW, department="d", person="p"))),
    st.one_of(*(st.builds(one, IDS) for one in (MergeInto, Absorb, Release, JoinCall, PartCall))),
)  # fmt: skip


def sound(one: Case) -> None:
    """What holds of every case there can be; the CHECK constraints of the database say the same."""
    if one.state is State.ARCHIVED and one.kind is CaseKind.COMPLAINT:
        assert one.plan
        assert one.feedback
        assert was_visited(one)
    if one.state in {State.CLOSED, State.ARCHIVED}:
        assert one.closed_at is not None
        assert one.handover is None
        assert one.feedback or one.kind is CaseKind.RETURN_VISIT
    assert (one.archived_at is not None) == (one.state is State.ARCHIVED)
    assert (one.merged is not None) == (one.state is State.MERGED)
    assert not (one.state is State.LOGGED and one.worked)
    if one.advice:
        assert one.owner is None or one.owner.role is not Role.MARKETING
        assert one.handover is None or one.handover.to.role is not Role.MARKETING
    if one.kind is CaseKind.COMPLAINT and one.state in {State.OPEN, State.WAITING_CALLER, State.WAITING_DEPARTMENT}:
        assert one.due_at is not None


@settings(max_examples=400)
@given(st.lists(st.tuples(STEPS_TRIED, PEOPLE), max_size=25))
def test_an_illegal_step_changes_nothing_and_a_legal_one_leaves_a_sound_case(tried: list[tuple]) -> None:  # type: ignore[type-arg]
    one, begun = case(), NOW
    for step, by in tried:
        begun += timedelta(minutes=7)
        before = one
        try:
            one = advance(one, step, by, begun, TERMS)
        except NotAllowed:
            assert one is before
            continue
        assert (before.state, step.move) in STEPS
        assert one.version == before.version + 1
        was, now = changed(before, one)
        assert was.keys() == now.keys()
        sound(one)


def test_of_every_state_but_the_last_there_is_a_way_on() -> None:
    going = {state for (state, _), after in STEPS.items() if after is not state}
    assert going == set(State) - {State.ARCHIVED}
    assert set(STEPS.values()) == set(State)
