"""STD-COMPLAINT, STD-SUGGESTION, STD-RETURN-VISIT, STD-FIRST-ASKED, STD-SEPARATION: how a case goes its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from telephony.cases.changes import detail
from telephony.cases.forms import ComplaintForm, Contact
from telephony.cases.kinds import CaseKind, Channel, State, VisitOutcome
from telephony.cases.model import Case, Terms
from telephony.cases.person import MACHINE, Person, Role, unbound
from telephony.cases.rules import NotAllowed, Why, advance
from telephony.cases.steps import (
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
    Plan,
    Record,
    Refuse,
    Reopen,
    Resume,
    ReturnVisit,
    Step,
    Take,
    Unmerge,
    Withdraw,
)
from telephony.standard.calendar import Calendar
from tests.support.casework import (
    ANSWER,
    CLOSE,
    LI,
    NOW,
    PLAN,
    QIAN,
    SATISFIED,
    TERMS,
    WANG,
    ZHANG,
    ZHAO,
    after,
    case,
    local,
    record,
)  # fmt: skip
from tests.support.days import SHANGHAI

OTHER = UUID(int=2)
MINE = after(case(), FirstAnswered(ZHANG, "changzhi"), record())
COMPLAINED = after(case(), FirstAnswered(ZHANG, "changzhi"), record(CaseKind.COMPLAINT))


def refused(start: Case, step: Step, by: Person = ZHANG) -> NotAllowed:
    """What is said to it; nothing is changed."""
    before = replace(start)
    with pytest.raises(NotAllowed) as told:
        advance(start, step, by, NOW, TERMS)
    assert start == before
    assert "\n" not in str(told.value)
    return told.value


def told(channel: Channel, outcome: VisitOutcome) -> ReturnVisit:
    return ReturnVisit(channel, outcome, "x")


# --- any case ---


def test_an_enquiry_is_recorded_answered_closed_and_archived() -> None:
    done = after(MINE, ANSWER, CLOSE, Archive(), minutes=5)
    assert (done.state, done.version, done.kind) == (State.ARCHIVED, 5, CaseKind.ENQUIRY)
    assert done.closed_at == NOW + timedelta(minutes=6)
    assert done.archived_at == NOW + timedelta(minutes=7)
    assert done.due_at is None


def test_what_was_waited_for_comes_and_the_work_goes_on() -> None:
    waiting = after(MINE, AskCaller(), AskDepartment())
    assert waiting.state is State.WAITING_DEPARTMENT
    assert after(waiting, Resume()).state is State.OPEN


@pytest.mark.parametrize("step", [ANSWER, CLOSE, Archive(), Resume(), PLAN, SATISFIED, Unmerge(), Reopen("x")])
def test_what_nobody_has_recorded_can_only_be_begun(step: Step) -> None:
    assert refused(case(), step).why is Why.STATE


def test_without_its_record_a_case_is_neither_answered_nor_closed() -> None:
    empty = after(case(), Record(CaseKind.QUERY, record(CaseKind.QUERY, handling="").form))
    assert set(refused(empty, ANSWER).faults) == {"handling"}
    answered = after(MINE, ANSWER)
    unverified = after(answered, record(verified_by=[]))
    assert set(refused(unverified, CLOSE).faults) == {"verified_by"}


def test_what_is_closed_may_be_reopened_but_what_is_archived_may_not() -> None:
    closed = after(MINE, ANSWER, CLOSE)
    again = after(closed, Reopen("客户再次来电"))
    assert (again.state, again.feedback, again.closed_at) == (State.OPEN, None, None)
    assert refused(after(closed, Archive()), Reopen("x")).why is Why.STATE
    assert refused(closed, Reopen(" ")).why is Why.TEXT
    assert detail(Reopen("客户再次来电")) == {"reason": "客户再次来电"}


def test_an_answer_has_words_and_not_too_many() -> None:
    assert refused(MINE, Answer("  ")).why is Why.TEXT
    assert refused(MINE, Answer("x" * 20_001)).why is Why.TEXT
    answered = after(MINE, Answer("a\x00b"))
    assert answered.feedback is not None
    assert answered.feedback.text == "a\ufffdb"


# --- a complaint ---


def test_a_complaint_has_a_deadline_from_the_moment_it_is_one() -> None:
    assert local(COMPLAINED.due_at) == "Mon 03-09 17:30"


def test_a_complaint_goes_by_plan_feedback_and_return_visit_into_the_archive() -> None:
    answered = after(COMPLAINED, PLAN, ANSWER)
    assert local(answered.due_at) == "Thu 03-05 17:30"  # the return visit
    done = after(answered, SATISFIED, CLOSE, Archive())
    assert (done.state, done.due_at) == (State.ARCHIVED, None)


def test_a_complaint_is_not_answered_without_a_plan() -> None:
    assert refused(COMPLAINED, ANSWER).why is Why.PLAN


def test_a_complaint_is_not_archived_without_a_return_visit() -> None:
    closed = after(COMPLAINED, PLAN, ANSWER, CLOSE)
    assert refused(closed, Archive()).why is Why.VISIT
    tried = after(closed, told(Channel.PHONE, VisitOutcome.NOT_REACHED))
    assert refused(tried, Archive()).why is Why.VISIT
    assert after(tried, SATISFIED, Archive()).state is State.ARCHIVED


@pytest.mark.parametrize(("missing", "why"), [("plan", Why.PLAN), ("feedback", Why.FEEDBACK), ("visit", Why.VISIT)])
def test_whatever_it_went_through_a_complaint_without_one_of_its_steps_stays(missing: str, why: Why) -> None:
    closed = after(COMPLAINED, PLAN, ANSWER, SATISFIED, CLOSE)
    assert refused(replace(closed, **{missing: None}), Archive()).why is why  # type: ignore[arg-type]


def test_a_plan_may_be_for_sooner_but_not_for_later_than_the_set_period() -> None:
    soon = NOW + timedelta(days=1)
    assert after(COMPLAINED, Plan("p", soon)).due_at == soon
    assert refused(COMPLAINED, Plan("p", NOW + timedelta(days=30))).why is Why.DEADLINE
    assert refused(COMPLAINED, Plan("p", NOW)).why is Why.DEADLINE
    assert refused(MINE, PLAN).why is Why.PLAN
    assert local(after(replace(COMPLAINED, due_at=None), PLAN).due_at) == "Mon 03-09 17:30"


def test_which_department_was_contacted_when_is_written_into_the_complaint() -> None:
    contact = Contact(at=NOW, department="技术部", person="孙工")
    form = after(COMPLAINED, AskDepartment(contact)).form
    assert isinstance(form, ComplaintForm)
    assert form.contacts == (contact,)
    assert set(refused(COMPLAINED, AskDepartment()).faults) == {"contacts"}


def test_what_proves_to_be_a_complaint_begins_as_one() -> None:
    found = after(MINE, ANSWER, record(CaseKind.COMPLAINT))
    assert (found.state, found.feedback, local(found.due_at)) == (State.OPEN, None, "Mon 03-09 17:30")
    assert after(COMPLAINED, record()).due_at is None


def test_without_a_calendar_that_opens_a_period_is_counted_in_days() -> None:
    assert Terms(Calendar(SHANGHAI, ())).due(NOW, 3) == NOW + timedelta(days=3)


# --- suggestion, return visit ---


def test_a_suggestion_is_answered_within_the_set_period() -> None:
    slip = after(case(), record(CaseKind.SUGGESTION))
    assert local(slip.due_at) == "Mon 03-16 17:30"
    assert after(slip, ANSWER).due_at is None
    assert refused(slip, CLOSE).why is Why.STATE
    assert refused(replace(after(slip, ANSWER), feedback=None), CLOSE).why is Why.FEEDBACK


def test_a_problem_found_on_a_return_visit_is_mended_within_three_working_days() -> None:
    closed = after(COMPLAINED, PLAN, ANSWER, CLOSE)
    found = after(closed, told(Channel.PHONE, VisitOutcome.PROBLEM))
    assert (found.state, found.feedback, local(found.due_at)) == (State.OPEN, None, "Thu 03-05 17:30")
    assert refused(found, CLOSE).why is Why.STATE
    assert after(found, ANSWER, SATISFIED, CLOSE, Archive()).state is State.ARCHIVED


def test_who_refuses_the_phone_gets_a_text_message_and_nobody_else_does() -> None:
    answered = after(COMPLAINED, PLAN, ANSWER)
    informed = told(Channel.SMS, VisitOutcome.INFORMED)
    assert refused(answered, informed).why is Why.VISIT
    unwilling = after(answered, told(Channel.PHONE, VisitOutcome.REFUSED_PHONE))
    assert after(unwilling, informed, CLOSE, Archive()).state is State.ARCHIVED
    assert refused(unwilling, told(Channel.PHONE, VisitOutcome.INFORMED)).why is Why.VISIT
    assert refused(unwilling, told(Channel.SMS, VisitOutcome.REFUSED_PHONE)).why is Why.VISIT


def test_a_return_visit_is_a_case_of_its_own_that_its_outcome_answers() -> None:
    task = after(case(), record(CaseKind.RETURN_VISIT))
    assert refused(task, ANSWER).why is Why.VISIT
    assert after(task, told(Channel.PHONE, VisitOutcome.NOT_REACHED)).state is State.OPEN
    assert after(task, SATISFIED, CLOSE, Archive()).state is State.ARCHIVED


def test_a_return_visit_comes_after_the_answer_and_is_not_undone_by_a_later_attempt() -> None:
    assert refused(MINE, SATISFIED).why is Why.VISIT
    visited = after(MINE, ANSWER, SATISFIED)
    assert after(visited, told(Channel.PHONE, VisitOutcome.NOT_REACHED)).visit == visited.visit
    assert refused(visited, ReturnVisit(Channel.PHONE, VisitOutcome.SATISFIED, "x" * 20_001)).why is Why.TEXT


def test_quality_may_make_the_return_visit_of_another_and_nothing_else() -> None:
    answered = after(MINE, ANSWER)
    assert after(answered, SATISFIED, by=QIAN).visit is not None
    assert refused(answered, CLOSE, QIAN).why is Why.OWNER


# --- who owns it ---


def test_who_answered_first_owns_it_and_the_machine_never_takes_it_from_a_person() -> None:
    first = after(case(), FirstAnswered(unbound("pbx1", "Agent 1001"), "changzhi"), by=MACHINE)
    assert (first.owner, first.branch, first.state, first.worked) == (
        Person("agent:pbx1/Agent 1001", "Agent 1001"), "changzhi", State.LOGGED, False,
    )  # fmt: skip
    assert after(first, record()).owner == ZHANG  # his account is bound to that agent
    corrected = after(first, FirstAnswered(LI, "changzhi"), by=MACHINE)
    assert corrected.owner == LI
    worked = after(corrected, record(), by=LI)
    assert after(worked, FirstAnswered(ZHANG, "jincheng"), by=MACHINE).owner == LI


def test_what_nobody_owns_is_his_who_does_something_first() -> None:
    assert after(case(), record(), by=LI).owner == LI
    assert after(case(), record(), by=ZHAO).owner is None
    assert after(case(), Opened(), by=ZHAO).owner == ZHAO
    assert after(case(), Take(), by=LI).owner == LI


def test_another_may_not_work_on_it_but_its_supervisor_may() -> None:
    assert refused(MINE, ANSWER, LI).why is Why.OWNER
    assert refused(MINE, Take(), LI).why is Why.OWNER
    assert after(MINE, ANSWER, by=ZHAO).owner == ZHANG
    assert after(MINE, Take(), by=ZHAO).owner == ZHAO
    assert after(MINE, Take()).owner == ZHANG


def test_until_it_is_accepted_a_case_that_is_offered_stays_with_its_owner() -> None:
    offered = after(MINE, Offer(LI))
    assert offered.owner == ZHANG
    accepted = after(offered, Accept(), by=LI)
    assert (accepted.owner, accepted.handover) == (LI, None)


def test_an_offer_may_be_refused_or_withdrawn() -> None:
    offered = after(MINE, Offer(LI))
    for step, by in ((Refuse("不属于我部"), LI), (Withdraw(), ZHANG)):
        back = after(offered, step, by=by)
        assert (back.owner, back.handover) == (ZHANG, None)
    assert refused(offered, Refuse(""), LI).why is Why.TEXT
    assert refused(offered, Withdraw(), LI).why is Why.OWNER


def test_only_whom_it_is_offered_to_can_accept_it() -> None:
    offered = after(MINE, Offer(LI))
    for by in (ZHANG, ZHAO):
        assert refused(offered, Accept(), by).why is Why.HANDOVER
    assert refused(MINE, Accept(), LI).why is Why.HANDOVER


def test_a_case_is_offered_to_one_at_a_time_and_not_to_its_owner() -> None:
    assert refused(after(MINE, Offer(LI)), Offer(WANG)).why is Why.HANDOVER
    assert refused(MINE, Offer(ZHANG)).why is Why.HANDOVER
    assert refused(after(MINE, Offer(LI), ANSWER), CLOSE).why is Why.HANDOVER
    assert refused(after(MINE, Offer(LI)), MergeInto(OTHER)).why is Why.HANDOVER


# --- STD-SEPARATION ---


def test_a_case_with_advice_is_never_owned_by_marketing_whichever_way() -> None:
    advised = after(case(), record(advice=True))
    for start, step, by in (
        (advised, Offer(WANG), ZHANG),
        (case(), record(advice=True), WANG),
        (replace(advised, owner=None), Take(), WANG),
        (replace(advised, owner=None), AskCaller(), WANG),
        (after(MINE, Offer(WANG)), record(advice=True), ZHANG),
        (after(after(MINE, Offer(WANG)), Accept(), by=WANG), record(advice=True), WANG),
    ):
        told_ = refused(start, step, by)
        assert told_.why is Why.SEPARATION
        assert "王芳 of marketing cannot own the case" in str(told_)
    assert after(after(MINE, Offer(WANG)), Accept(), by=WANG).owner == WANG


# --- several in one ---


def test_a_case_becomes_a_part_of_another_and_is_itself_again_as_it_was() -> None:
    waiting = after(MINE, AskCaller())
    part = after(waiting, MergeInto(OTHER))
    assert part.merged is not None
    assert (part.state, part.merged.into) == (State.MERGED, OTHER)
    assert refused(part, ANSWER).why is Why.STATE
    alone = after(part, Unmerge())
    assert replace(alone, version=waiting.version) == waiting
    assert refused(MINE, MergeInto(MINE.id)).why is Why.STATE


def test_what_a_case_takes_in_is_told_in_its_history() -> None:
    assert after(MINE, Absorb(OTHER)).version == MINE.version + 1
    assert detail(Absorb(OTHER)) == {"case": str(OTHER)}
    assert detail(JoinCall(OTHER)) == {"call": str(OTHER)}
    assert detail(Close()) == {}


def test_who_is_of_another_branch_does_nothing_with_a_case_that_is_not_his_though_he_leads() -> None:
    elsewhere = frozenset({"jincheng"})
    for person in (replace(LI, branches=elsewhere), replace(ZHAO, branches=elsewhere)):
        for step in (Take(), record(), Offer(person)):
            assert refused(MINE, step, by=person).why is Why.BRANCH
    offered = after(MINE, Offer(LI))
    assert after(offered, Accept(), by=replace(LI, branches=elsewhere)).owner == LI
    assert after(MINE, record(brief="更正"), by=replace(ZHANG, branches=elsewhere)).owner == ZHANG
    assert after(MINE, Take(), by=replace(ZHAO, branches=frozenset({"changzhi"}))).owner == ZHAO


def test_who_worked_without_an_account_is_his_account_once_he_works_with_it() -> None:
    desk = after(case(), FirstAnswered(unbound("pbx1", "Agent 1001"), "changzhi"), by=MACHINE)
    assert after(desk, record()).owner == ZHANG
    sells = replace(ZHANG, role=Role.MARKETING)
    assert refused(desk, record(advice=True), by=sells).why is Why.SEPARATION


def test_the_history_keeps_who_answered_whatever_account_he_had() -> None:
    assert detail(FirstAnswered(ZHANG, "changzhi", "agent:1001")) == {"agent": "agent:1001"}
    assert detail(FirstAnswered(ZHANG, "changzhi")) == {}
