"""What the page of a case offers, why not the rest, what it says comes next, and which step a form means."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from multidict import MultiDict

from handlers.http.pages.casework import words
from handlers.http.pages.casework.steps import (
    BAD_CHOICE,
    SAY_WHO,
    UNKNOWN_STEP,
    BadStep,
    next_step,
    possible,
    record_of,
    step_of,
)
from telephony.cases.callback import Action, Lost, Result, Tried
from telephony.cases.forms import FORMS, BadForm, ComplaintForm, Contact
from telephony.cases.kinds import About, CaseKind, Channel, Familiarity, Identity, Sex, State, VisitOutcome
from telephony.cases.model import Case
from telephony.cases.person import Person
from telephony.cases.rules import Why
from telephony.cases.steps import (
    Archive,
    AskCaller,
    AskDepartment,
    MergeInto,
    Move,
    Offer,
    Plan,
    Record,
    Remark,
    ReturnVisit,
    Step,
)
from tests.support.casework import (
    ANSWER,
    CLOSE,
    LI,
    NOW,
    PLAN,
    SATISFIED,
    TERMS,
    WANG,
    ZHANG,
    ZHAO,
    after,
    case,
    record,
)

OPEN = after(case(owner=ZHANG), record())
COMPLAINT = after(case(owner=ZHANG), record(CaseKind.COMPLAINT))
OFFERED = after(OPEN, Offer(LI))


def offered(one: Case, by: Person = ZHANG) -> dict[str, Why | None]:
    """What can be done, and why not what cannot."""
    return {do: it.refusal and it.refusal.why for do, it in possible(one, by, NOW, TERMS).items()}


def test_what_the_owner_can_do_is_offered_with_the_reason_why_not() -> None:
    found = offered(after(case(owner=ZHANG), record(appraisal="")))
    assert {do for do, why in found.items() if why is None} == {
        "record", "note", "answer", "ask_caller", "ask_department", "offer", "merge",
    }  # fmt: skip
    assert {do for do, why in found.items() if why} == set()
    answered = possible(after(case(owner=ZHANG), record(appraisal=""), ANSWER), ZHANG, NOW, TERMS)
    assert answered["close"].refusal is not None
    assert set(answered["close"].refusal.faults) == {"appraisal"}
    complaint = offered(COMPLAINT)
    assert (complaint["answer"], complaint["plan"]) == (Why.PLAN, None)


def test_a_colleague_may_write_a_note_and_is_told_whose_it_is() -> None:
    assert offered(OPEN, LI) == {"note": None}
    assert next_step(OPEN, LI).startswith("The case is a colleague")
    assert next_step(OPEN, ZHAO).startswith("Answer the caller")
    assert "take" in offered(OPEN, ZHAO)
    assert "take" not in offered(OPEN, ZHANG)


def test_only_whom_it_is_offered_to_can_accept_or_refuse() -> None:
    assert {"accept", "refuse"} <= offered(OFFERED, LI).keys()
    assert not {"accept", "refuse"} & offered(OFFERED).keys()
    assert "withdraw" in offered(OFFERED)
    assert next_step(OFFERED, LI).startswith("This case is offered to you")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (case(), "Write down who called"),
        (OPEN, "Answer the caller"),
        (COMPLAINT, "A complaint needs a plan"),
        (after(COMPLAINT, PLAN), "Answer the caller"),
        (after(COMPLAINT, PLAN, ANSWER), "Call back to hear"),
        (after(COMPLAINT, PLAN, ANSWER, SATISFIED), "The caller has his answer"),
        (after(case(owner=ZHANG), record(CaseKind.RETURN_VISIT)), "Call back to hear"),
        (after(OPEN, AskCaller()), "The caller has to tell more"),
        (after(OPEN, AskDepartment()), "Another department"),
        (after(OPEN, ANSWER, CLOSE), "All is done"),
        (after(OPEN, ANSWER, CLOSE, Archive()), "Nothing is left"),
        (after(OPEN, MergeInto(case().id.__class__(int=9))), "The case goes on as a part"),
    ],
)
def test_everybody_is_told_what_comes_next(one: Case, said: str) -> None:
    assert next_step(one, ZHANG).startswith(said)


def test_archived_says_so_to_a_colleague_too() -> None:
    assert next_step(after(OPEN, ANSWER, CLOSE, Archive()), LI).startswith("Nothing is left")


# what a form means


def form(**fields: str | list[str]) -> MultiDict[str]:
    return MultiDict(
        (name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])
    )


def test_of_a_record_only_the_fields_of_its_kind_are_read() -> None:
    fields = form(
        kind="enquiry", name=" 王先生 ", sex="male", topic="开户", knows_trading="some", knows_computers="",
        verified_by=["id_number", "holdings"], details="of a complaint", advice="on",
    )  # fmt: skip
    found = record_of(fields, case())
    assert found == record_of(fields, case())
    assert (found.kind, found.form.name, found.advice) == (CaseKind.ENQUIRY, "王先生", True)
    assert not hasattr(found.form, "details")
    assert found.form.model_dump()["knows_computers"] is None


def test_departments_that_were_asked_stay_with_a_complaint_that_is_recorded_again() -> None:
    contact = Contact(at=NOW, department="运营", person="周")
    before = after(COMPLAINT, AskDepartment(contact))
    again = record_of(form(kind="complaint", name="陈女士"), before)
    assert isinstance(again.form, ComplaintForm)
    assert again.form.contacts == (contact,)


def test_a_field_that_is_wrong_is_named_and_a_kind_that_is_none_refused() -> None:
    with pytest.raises(BadForm) as wrong:
        record_of(form(kind="query", name="x" * 101, sex="neither"), case())
    assert set(wrong.value.faults) == {"name", "sex"}
    with pytest.raises(BadStep, match=re.escape(BAD_CHOICE)):
        record_of(form(kind="advertisement"), case())


@pytest.mark.parametrize(
    ("do", "fields", "step"),
    [
        ("note", {"text": "noted"}, Remark("noted")),
        ("plan", {"text": "soon"}, Plan("soon")),
        ("ask_caller", {}, AskCaller()),
        ("ask_department", {}, AskDepartment()),
        (
            "ask_department",
            {"department": "运营", "person": "周"},
            AskDepartment(Contact(at=NOW, department="运营", person="周")),
        ),
        (
            "visit",
            {"channel": "phone", "outcome": "problem", "text": "again"},
            ReturnVisit(Channel.PHONE, VisitOutcome.PROBLEM, "again"),
        ),
        *((do, {"text": "why"}, None) for do in ("answer", "reopen", "refuse")),
        *((do, {}, None) for do in ("resume", "close", "archive", "take", "accept", "withdraw")),
    ],
)
def test_a_form_means_its_step(do: str, fields: dict[str, str], step: Step | None) -> None:
    found = step_of(do, form(**fields), NOW)
    assert found == step if step is not None else not isinstance(found, Record)


@pytest.mark.parametrize(
    ("do", "fields", "said"),
    [
        ("delete", {}, UNKNOWN_STEP),
        ("", {}, UNKNOWN_STEP),
        ("visit", {"channel": "pigeon", "outcome": "satisfied"}, BAD_CHOICE),
        ("visit", {"channel": "phone"}, BAD_CHOICE),
        ("ask_department", {"department": "运营"}, SAY_WHO),
        ("ask_department", {"department": "", "person": "周"}, SAY_WHO),
    ],
)
def test_a_form_that_means_nothing_is_refused(do: str, fields: dict[str, str], said: str) -> None:
    with pytest.raises(BadStep, match=re.escape(said)):
        step_of(do, form(**fields), NOW)


def test_marketing_is_refused_what_was_advised_on_with_the_reason() -> None:
    advised = after(case(owner=ZHANG), record(advice=True))
    offered_to = possible(after(advised), ZHANG, NOW + timedelta(minutes=1), TERMS)
    assert offered_to["offer"].refusal is None  # to somebody; to Wang it is refused when he is chosen
    taken = possible(case(advice=True), WANG, NOW, TERMS)
    assert taken["take"].refusal is not None
    assert taken["take"].refusal.why is Why.SEPARATION
    assert advised.state is State.OPEN


def test_every_word_of_casework_has_its_message() -> None:
    told = ((words.KINDS, CaseKind), (words.STATES, State), (words.MOVES, Move), (words.REASONS, Lost),
            (words.RESULTS, Result), (words.ACTIONS, Action))  # fmt: skip
    for messages, every in told:
        assert set(messages) == set(every)
    choices = {"sex": Sex, "knows": Familiarity, "verified_by": Identity, "about": About, "channel": Channel,
               "outcome": VisitOutcome, "result": Tried}  # fmt: skip
    assert {name: set(some) for name, some in words.OPTIONS.items()} == {n: set(every) for n, every in choices.items()}
    fields = {name for kind in CaseKind for name in FORMS[kind].model_fields}
    assert fields <= set(words.FIELDS)
