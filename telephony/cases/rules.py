"""What becomes of a case by a step: `advance`. An illegal step raises and changes nothing. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from telephony.cases.forms import ComplaintForm, as_kind, lacking
from telephony.cases.kinds import DONE, UNRESOLVED, CaseKind, Channel, State, VisitOutcome
from telephony.cases.model import Case, Handover, Merged, Note, Terms, Visit
from telephony.cases.person import Person, Role
from telephony.cases.rows import storable
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
    Move,
    Offer,
    Opened,
    PartCall,
    Plan,
    Record,
    Refuse,
    Release,
    Reopen,
    Resume,
    ReturnVisit,
    Step,
    Take,
    Unmerge,
    Withdraw,
)

LONGEST = 20_000
"""Characters of one note."""
_ADDRESSEE = frozenset({Move.ACCEPTED, Move.REFUSED})
_NO_PHONE = frozenset({VisitOutcome.REFUSED_PHONE, VisitOutcome.INFORMED})
_VISITING = frozenset({Move.VISIT_TRIED, Move.VISIT_MADE, Move.PROBLEM_FOUND})


class Why(StrEnum):
    """What a step was refused for."""

    STATE = "state"
    BRANCH = "branch"
    OWNER = "owner"
    SEPARATION = "separation"
    LACKING = "lacking"
    PLAN = "plan"
    FEEDBACK = "feedback"
    VISIT = "visit"
    DEADLINE = "deadline"
    HANDOVER = "handover"
    TEXT = "text"


class NotAllowed(Exception):  # noqa: N818 - what it is
    """A step that cannot be; the message is one line that says what is missing. `faults`: by field."""

    def __init__(self, why: Why, message: str, faults: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.why = why
        self.faults = dict(faults or {})


def advance(case: Case, step: Step, by: Person, at: datetime, terms: Terms) -> Case:
    """The case after the step.

    Args:
        case: as it is.
        step: what is done.
        by: who does it.
        at: when.
        terms: the set periods of its branch.

    Raises:
        NotAllowed: it cannot be done; the case is what it was.
    """
    if not (visible(case, by) or isinstance(step, Opened)):
        raise NotAllowed(Why.BRANCH, "the case is of another branch")
    state = STEPS.get((case.state, step.move))
    if state is None:
        raise NotAllowed(Why.STATE, f"a case that is {case.state} cannot be {step.move}")
    owned = _owned(case, step, by)
    done = _done(replace(owned, state=state, version=case.version + 1), case, step, by, at, terms)
    if not isinstance(step, FirstAnswered):
        done = replace(done, worked=True)
    _refuse_mixing(done)
    return done


def visible(case: Case, by: Person) -> bool:
    """Whether he may see it: it is of a branch of his, or his, or offered to him."""
    whose = [case.owner.id] if case.owner else []
    return by.sees(case.branch, [*whose, case.handover.to.id] if case.handover else whose)


def _owned(case: Case, step: Step, by: Person) -> Case:
    """With the owner that it has when somebody works on it: who does first what nobody owns is its owner."""
    if isinstance(step, (FirstAnswered, Take, Opened)) or step.move in _ADDRESSEE or by.leads:
        return case
    if case.owner is None:
        return replace(case, owner=by)
    if by.goes_by(case.owner.id):
        return replace(case, owner=by)  # who worked without an account has one now
    if step.move in _VISITING and by.role is Role.QUALITY:
        return case
    raise NotAllowed(Why.OWNER, f"the case is owned by {case.owner.name}; let it be handed over first")


def _refuse_mixing(case: Case) -> None:
    """STD-SEPARATION: who sells does not own what somebody was advised about, whichever way it came to be his."""
    offered = case.handover.to if case.handover else None
    for person in (case.owner, offered):
        if case.advice and person is not None and person.role is Role.MARKETING:
            raise NotAllowed(
                Why.SEPARATION,
                f"investment advice was given: {person.name} of marketing cannot own the case (STD-SEPARATION)",
            )


def _done(case: Case, before: Case, step: Step, by: Person, at: datetime, terms: Terms) -> Case:  # noqa: C901, PLR0911, PLR0912, PLR0913, PLR0917 - one flat table, a case a line or two
    match step:
        case FirstAnswered():
            return case if case.worked else replace(case, owner=step.person, branch=step.branch)
        case Record():
            return _recorded(case, before, step, at, terms)
        case AskDepartment():
            return _department(case, step)
        case Plan():
            return _planned(case, step, at, terms)
        case Answer():
            return _answered(case, step, at, terms)
        case ReturnVisit():
            return _visited(case, before, step, at, terms)
        case Close():
            return _closed(case, at)
        case Archive():
            _require_complaint_steps(case)
            return replace(case, archived_at=at, due_at=None)
        case Reopen():
            return _reopened(case, step, at, terms)
        case Take():
            return _taken(case, by)
        case Offer():
            return _offered(case, step, by, at)
        case Accept() | Refuse() | Withdraw():
            return _settled(case, step, by)
        case MergeInto(into):
            return _merged(case, before, into)
        case Unmerge():
            return replace(case, state=before.merged.state if before.merged else case.state, merged=None)
        case Opened():
            return replace(case, owner=by)
        case AskCaller() | Resume() | Absorb() | Release() | JoinCall() | PartCall():
            return case
        case _:
            assert_never(step)


# --- what is written ---


def _recorded(case: Case, before: Case, step: Record, at: datetime, terms: Terms) -> Case:
    changed = replace(case, kind=step.kind, form=as_kind(step.form, step.kind), advice=step.advice)
    if step.kind is before.kind:
        return changed
    changed = replace(changed, plan=None, visit=None, due_at=_due(step.kind, at, terms))
    return replace(changed, state=State.OPEN, feedback=None) if case.state is State.ANSWERED else changed


def _due(kind: CaseKind, at: datetime, terms: Terms) -> datetime | None:
    if kind is CaseKind.COMPLAINT:
        return terms.due(at, terms.complaint_days)
    return terms.due(at, terms.suggestion_days) if kind is CaseKind.SUGGESTION else None


def _department(case: Case, step: AskDepartment) -> Case:
    """STD-RECORD: of a complaint, when and with whom other departments were contacted."""
    if not isinstance(case.form, ComplaintForm):
        return case
    if step.contact is None:
        raise NotAllowed(Why.LACKING, "say which department was contacted, and whom", {"contacts": "is missing"})
    fields = {**case.form.model_dump(), "contacts": (*case.form.contacts, step.contact)}
    return replace(case, form=ComplaintForm.model_validate(fields))


def _note(at: datetime, text: str) -> Note:
    told = storable(text.strip())
    if not told or len(told) > LONGEST:
        raise NotAllowed(Why.TEXT, f"write something, of at most {LONGEST:,} characters")
    return Note(at, told)


# --- a complaint, a suggestion, any other ---


def _planned(case: Case, step: Plan, at: datetime, terms: Terms) -> Case:
    if case.kind is not CaseKind.COMPLAINT:
        raise NotAllowed(Why.PLAN, "only a complaint is planned")
    latest = case.due_at or terms.due(at, terms.complaint_days)
    if step.due is not None and not at < step.due <= latest:
        raise NotAllowed(Why.DEADLINE, f"the set period ends at {latest.isoformat()}; plan for a time until then")
    return replace(case, plan=_note(at, step.text), due_at=step.due or latest)


def _answered(case: Case, step: Answer, at: datetime, terms: Terms) -> Case:
    complaint = case.kind is CaseKind.COMPLAINT
    if case.kind is CaseKind.RETURN_VISIT:
        raise NotAllowed(Why.VISIT, "a return visit is answered by its outcome: record that")
    if complaint and case.plan is None:
        raise NotAllowed(Why.PLAN, "a complaint needs a plan before it is answered (STD-COMPLAINT)")
    if faults := lacking(case.kind, case.form, closing=False):
        raise NotAllowed(Why.LACKING, "the record is not filled in (STD-RECORD)", faults)
    due = terms.due(at, terms.visit_days) if complaint else None
    return replace(case, feedback=_note(at, step.text), due_at=due)


def _visited(case: Case, before: Case, step: ReturnVisit, at: datetime, terms: Terms) -> Case:
    if before.state in UNRESOLVED and case.kind is not CaseKind.RETURN_VISIT:
        raise NotAllowed(Why.VISIT, "answer the caller before the return visit")
    if step.outcome is VisitOutcome.INFORMED and step.channel is not Channel.SMS:
        raise NotAllowed(Why.VISIT, "informed is who was sent a text message")
    if step.outcome is VisitOutcome.REFUSED_PHONE and step.channel is not Channel.PHONE:
        raise NotAllowed(Why.VISIT, "only a call can be refused as one")
    if step.channel is Channel.SMS and (before.visit is None or before.visit.outcome not in _NO_PHONE):
        raise NotAllowed(Why.VISIT, "a text message is for whoever has refused the phone (STD-RETURN-VISIT)")
    if len(step.note) > LONGEST:
        raise NotAllowed(Why.TEXT, f"write at most {LONGEST:,} characters")
    visit = Visit(at, step.channel, step.outcome, storable(step.note.strip()))
    if step.move is Move.PROBLEM_FOUND:
        due = terms.due(at, terms.problem_days)
        return replace(case, visit=visit, due_at=due, feedback=None, closed_at=None)
    if step.move is Move.VISIT_TRIED:
        return case if was_visited(before) else replace(case, visit=visit)
    return replace(case, visit=visit, due_at=None)


def _closed(case: Case, at: datetime) -> Case:
    if faults := lacking(case.kind, case.form, closing=True):
        raise NotAllowed(Why.LACKING, "the record is not filled in (STD-RECORD)", faults)
    if case.handover is not None:
        raise NotAllowed(Why.HANDOVER, f"it is offered to {case.handover.to.name}: settle that first")
    if case.kind is not CaseKind.RETURN_VISIT and case.feedback is None:
        raise NotAllowed(Why.FEEDBACK, "the caller has not been answered")
    return replace(case, closed_at=at)


def _require_complaint_steps(case: Case) -> None:
    """STD-COMPLAINT: plan, feedback, return visit, then it may be archived."""
    if case.kind is not CaseKind.COMPLAINT:
        return
    if case.plan is None:
        raise NotAllowed(Why.PLAN, "a complaint without a plan cannot be archived (STD-COMPLAINT)")
    if case.feedback is None:
        raise NotAllowed(Why.FEEDBACK, "a complaint without feedback to the caller cannot be archived (STD-COMPLAINT)")
    if not was_visited(case):
        raise NotAllowed(Why.VISIT, "a complaint without a return visit cannot be archived (STD-COMPLAINT)")


def was_visited(case: Case) -> bool:
    """A return visit was made and found nothing wrong."""
    return case.visit is not None and case.visit.outcome in DONE


def _reopened(case: Case, step: Reopen, at: datetime, terms: Terms) -> Case:
    _note(at, step.reason)
    return replace(case, feedback=None, visit=None, closed_at=None, due_at=_due(case.kind, at, terms))


# --- who owns it ---


def _taken(case: Case, by: Person) -> Case:
    if case.owner is not None and not by.goes_by(case.owner.id) and not by.leads:
        raise NotAllowed(Why.OWNER, f"the case is owned by {case.owner.name}; let it be handed over first")
    return replace(case, owner=by, handover=None)


def _offered(case: Case, step: Offer, by: Person, at: datetime) -> Case:
    if case.handover is not None:
        raise NotAllowed(Why.HANDOVER, f"it is offered to {case.handover.to.name} already: withdraw that first")
    if case.owner is not None and step.to.goes_by(case.owner.id):
        raise NotAllowed(Why.HANDOVER, f"{step.to.name} owns it already")
    return replace(case, handover=Handover(step.to, by, at))


def _settled(case: Case, step: Accept | Refuse | Withdraw, by: Person) -> Case:
    if case.handover is None:
        raise NotAllowed(Why.HANDOVER, "it is offered to nobody")
    if step.move in _ADDRESSEE and not by.goes_by(case.handover.to.id):
        raise NotAllowed(Why.HANDOVER, f"it is offered to {case.handover.to.name}, and only he can say")
    if isinstance(step, Refuse):
        _note(case.handover.at, step.reason)
    return replace(case, handover=None, owner=by if isinstance(step, Accept) else case.owner)


def _merged(case: Case, before: Case, into: UUID) -> Case:
    if case.handover is not None:
        raise NotAllowed(Why.HANDOVER, f"it is offered to {case.handover.to.name}: settle that first")
    if into == case.id:
        raise NotAllowed(Why.STATE, "a case is no part of itself")
    return replace(case, merged=Merged(into, before.state))
