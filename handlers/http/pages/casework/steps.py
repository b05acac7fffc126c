"""What somebody can do with a case now, why not the rest, what comes next; and the step that a form means. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from multidict import MultiMapping
from pydantic import ValidationError

from handlers.http.pages.languages import message
from telephony.cases.forms import FORMS, ComplaintForm, Contact, Form, form_of
from telephony.cases.kinds import UNRESOLVED, CaseKind, Channel, State, VisitOutcome
from telephony.cases.model import Case, Terms
from telephony.cases.person import Person
from telephony.cases.rules import NotAllowed, Why, advance
from telephony.cases.steps import (
    Accept,
    Answer,
    Archive,
    AskCaller,
    AskDepartment,
    Close,
    MergeInto,
    Offer,
    Plan,
    Record,
    Refuse,
    Remark,
    Reopen,
    Resume,
    ReturnVisit,
    Step,
    Take,
    Unmerge,
    Withdraw,
)

NOWHERE = UUID(int=0)
SOMEBODY = Person("somebody", "somebody")
_HIDING = frozenset({Why.STATE, Why.BRANCH, Why.OWNER})
"""For these a step is not shown at all: nothing that somebody could do now would allow it."""
_KNOWN_ONLY_THEN: Mapping[str, frozenset[Why]] = {
    "accept": frozenset({Why.HANDOVER}),
    "refuse": frozenset({Why.HANDOVER}),
    "withdraw": frozenset({Why.HANDOVER}),
    "offer": frozenset({Why.HANDOVER}),
    "plan": frozenset({Why.PLAN}),
    "answer": frozenset({Why.VISIT}),
    "visit": frozenset({Why.VISIT}),
}
"""Beside these: a reason that says that the step is for another kind of case, or for another moment."""


class BadStep(ValueError):  # noqa: N818 - what it is
    """A form that means nothing; the message is for people."""


@dataclass(frozen=True, slots=True)
class Possible:
    """A step on the page. `refusal`: why it cannot be done now; None: it can."""

    do: str
    refusal: NotAllowed | None


def possible(case: Case, by: Person, now: datetime, terms: Terms) -> dict[str, Possible]:
    """What the page offers, by what its form calls it."""
    probes: Mapping[str, Step] = {
        "record": Record(case.kind, case.form, case.advice),
        "note": Remark("x"),
        "plan": Plan("x"),
        "answer": Answer("x"),
        "visit": ReturnVisit(Channel.PHONE, VisitOutcome.NOT_REACHED),
        "ask_caller": AskCaller(),
        "ask_department": AskDepartment(Contact(at=now, department="x", person="x")),
        "resume": Resume(),
        "close": Close(),
        "archive": Archive(),
        "reopen": Reopen("x"),
        "take": Take(),
        "offer": Offer(SOMEBODY),
        "accept": Accept(),
        "refuse": Refuse("x"),
        "withdraw": Withdraw(),
        "merge": MergeInto(NOWHERE),
        "unmerge": Unmerge(),
    }
    found: dict[str, Possible] = {}
    for do, probe in probes.items():
        refusal = None
        try:
            advance(case, probe, by, now, terms)
        except NotAllowed as error:
            refusal = error
        if refusal is None or refusal.why not in _HIDING | _KNOWN_ONLY_THEN.get(do, frozenset()):
            found[do] = Possible(do, refusal)
    if case.owner is not None and by.goes_by(case.owner.id):
        found.pop("take", None)
    return found


# --- what comes next ---

_NEXT_OF_STATE: Mapping[State, str] = {
    State.LOGGED: message("Write down who called and what he wants, and save. Then the case is yours."),
    State.OPEN: message("Answer the caller, then write under “Answer” what he was told."),
    State.WAITING_CALLER: message("The caller has to tell more. When he has, press “Go on”."),
    State.WAITING_DEPARTMENT: message("Another department has to answer. When it has, press “Go on”."),
    State.ANSWERED: message("The caller has his answer. Complete the record, then close the case."),
    State.CLOSED: message("All is done. The case can be archived."),
    State.ARCHIVED: message("Nothing is left to do."),
    State.MERGED: message("The case goes on as a part of another one."),
}
_OFFERED = message("This case is offered to you: accept it, or refuse and say why.")
_ANOTHERS = message("The case is a colleague’s. You can read it; for anything else he has to hand it over.")
_PLAN = message("A complaint needs a plan first: write how it will be handled, and until when.")
_VISIT = message("Call back to hear whether all is well, and write down the return visit.")


def next_step(case: Case, by: Person) -> str:
    """What he is told to do now: a message."""
    if case.handover is not None and by.goes_by(case.handover.to.id):
        return _OFFERED
    over = case.state in {State.ARCHIVED, State.MERGED}
    if case.owner is not None and not by.goes_by(case.owner.id) and not by.leads and not over:
        return _ANOTHERS
    if case.kind is CaseKind.COMPLAINT and case.state in UNRESOLVED and case.plan is None:
        return _PLAN
    if case.kind is CaseKind.RETURN_VISIT and case.state in UNRESOLVED:
        return _VISIT
    if case.kind is CaseKind.COMPLAINT and case.state in {State.ANSWERED, State.CLOSED} and case.due_at is not None:
        return _VISIT
    return _NEXT_OF_STATE[case.state]


# --- what a form means ---

UNKNOWN_STEP = message("This cannot be done here.")
BAD_CHOICE = message("Choose one of those that are shown.")
NO_CASE = message("There is no case with this number that you may see.")
SAY_WHO = message("Say which department was asked, and whom.")
LISTS = frozenset({"verified_by"})


def record_of(fields: MultiMapping[str], before: Case) -> Record:
    """The record that was typed.

    Args:
        fields: of the form.
        before: the case; what no field stands for is kept.

    Raises:
        BadForm: some fields are wrong. BadStep: there is no such kind.
    """
    kind = _chosen(CaseKind, fields.get("kind", ""))
    return Record(kind, form_of(kind, typed(fields, kind, before.form)), fields.get("advice") == "on")


def typed(fields: MultiMapping[str], kind: CaseKind, before: Form) -> dict[str, Any]:
    """What stood in the fields that such a case has; an empty choice is none."""
    found: dict[str, Any] = {}
    for name in fields_of(kind):
        if name in LISTS:
            found[name] = fields.getall(name, [])
        elif text := fields.get(name, ""):
            found[name] = text
    if kind is CaseKind.COMPLAINT and isinstance(before, ComplaintForm):
        found["contacts"] = before.contacts
    return found


def fields_of(kind: CaseKind) -> tuple[str, ...]:
    """The fields of this kind that people fill in."""
    return tuple(name for name in FORMS[kind].model_fields if name != "contacts")


def step_of(do: str, fields: MultiMapping[str], now: datetime) -> Step:
    """The step that a form means, but of a record and an offer.

    Raises:
        BadStep: none.
    """
    text = fields.get("text", "")
    steps: Mapping[str, Callable[[], Step]] = {
        "note": lambda: Remark(text),
        "plan": lambda: Plan(text),
        "answer": lambda: Answer(text),
        "visit": lambda: _visit(fields, text),
        "ask_caller": AskCaller,
        "ask_department": lambda: AskDepartment(_contact(fields, now)),
        "resume": Resume,
        "close": Close,
        "archive": Archive,
        "reopen": lambda: Reopen(text),
        "take": Take,
        "accept": Accept,
        "refuse": lambda: Refuse(text),
        "withdraw": Withdraw,
    }
    if do not in steps:
        raise BadStep(UNKNOWN_STEP)
    return steps[do]()


def _visit(fields: MultiMapping[str], note: str) -> ReturnVisit:
    return ReturnVisit(
        _chosen(Channel, fields.get("channel", "")), _chosen(VisitOutcome, fields.get("outcome", "")), note
    )


def _contact(fields: MultiMapping[str], now: datetime) -> Contact | None:
    """Whom was spoken with; None: it is not asked for."""
    if "department" not in fields:
        return None
    try:
        return Contact(at=now, department=fields["department"], person=fields.get("person", ""))
    except ValidationError:
        raise BadStep(SAY_WHO) from None


def _chosen(words: Any, text: str) -> Any:  # noqa: ANN401 - an enumeration, and one of its words
    try:
        return words(text)
    except ValueError:
        raise BadStep(BAD_CHOICE) from None
