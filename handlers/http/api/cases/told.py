"""Cases and call backs as the API tells them: lists say nothing of customers; who works on one sees numbers. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

from telephony.cases.callback import CallBack
from telephony.cases.changes import plain
from telephony.cases.listing import Entry, Whole
from telephony.cases.model import Case
from telephony.cases.person import Person, Role
from telephony.cases.steps import STEPS, Move
from telephony.cases.timeline import CallLine, WholeWork
from telephony.logs import mask_number, mask_text

Document = dict[str, Any]
HIDDEN = frozenset({"phone", "fund_account"})
NOBODYS = frozenset({Move.OPENED, Move.FIRST_ANSWERED, Move.ABSORBED, Move.RELEASED})
"""What the machine does, or what happens to a case because of another."""


def case_row(case: Case) -> Document:
    """As lists have it: nothing that the caller said or is called."""
    return {
        "id": str(case.id),
        "number": case.number,
        "version": case.version,
        "state": case.state.value,
        "kind": case.kind.value,
        "branch": case.branch or None,
        "owner": _person(case.owner),
        "offered_to": _person(case.handover.to if case.handover else None),
        "advice": case.advice,
        "opened_at": when(case.opened_at),
        "due_at": when(case.due_at),
    }


def whole_case(whole: Whole, calls: tuple[CallLine, ...], by: Person) -> Document:
    """All of it; numbers and accounts masked for who looks at a colleague's."""
    case, open_ = whole.case, opens(whole.case, by)
    handover = case.handover
    return {
        **case_row(case),
        "masked": not open_,
        "form": _told(plain(case.form), open_),
        "plan": _told(plain(case.plan), open_),
        "feedback": _told(plain(case.feedback), open_),
        "visit": _told(plain(case.visit), open_),
        "handover": None
        if handover is None
        else {"to": _person(handover.to), "by": _person(handover.by), "at": when(handover.at)},
        "closed_at": when(case.closed_at),
        "archived_at": when(case.archived_at),
        "merged_into": None if case.merged is None else str(case.merged.into),
        "parts": [str(one) for one in whole.parts],
        "moves": sorted(move.value for state, move in STEPS if state is case.state and move not in NOBODYS),
        "calls": [_call(one, open_) for one in calls],
        "history": [_entry(one, open_) for one in whole.history],
    }


def opens(case: Case, by: Person) -> bool:
    """Whether he sees numbers and accounts: it is his or offered to him, nobody's yet, or he leads or judges."""
    if case.owner is None or by.leads or by.role is Role.QUALITY or by.goes_by(case.owner.id):
        return True
    return case.handover is not None and by.goes_by(case.handover.to.id)


def work_row(work: CallBack, *, number: bool = False) -> Document:
    """As lists have it; `number`: to be rung, in full."""
    claim = work.claim
    return {
        "id": str(work.id),
        "version": work.version,
        "number": work.number if number else mask_number(work.number),
        "masked": not number,
        "branch": work.branch or None,
        "reason": work.reason.value,
        "opened_at": when(work.opened_at),
        "lost_at": when(work.lost_at),
        "due_at": when(work.due_at),
        "calls": work.calls,
        "attempts": work.attempts,
        "claimed_by": _person(claim.by if claim else None),
        "claimed_until": when(claim.until if claim else None),
        "result": None if work.result is None else work.result.value,
        "closed_at": when(work.closed_at),
    }


def whole_work(whole: WholeWork, by: Person, now: datetime) -> Document:
    """All of it. Its number is told to who has claimed it, so that nobody else rings, and to who leads or judges."""
    number = rings(whole.work, by, now)
    return {
        **work_row(whole.work, number=number),
        "cases": [str(one) for one in whole.cases],
        "call_ids": [str(one) for one in whole.calls],
        "history": [_entry(one, number) for one in whole.history],
    }


def rings(work: CallBack, by: Person, now: datetime) -> bool:
    """Whether he is the one who rings him now, or may look at any."""
    claim = work.claim
    mine = claim is not None and by.goes_by(claim.by.id) and claim.until > now
    return mine or by.leads or by.role is Role.QUALITY


def when(instant: datetime | None) -> str | None:
    """UTC, with microseconds."""
    return (
        None if instant is None else instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )


def _person(person: Person | None) -> Document | None:
    return None if person is None else {"id": person.id, "name": person.name, "role": person.role.value}


def _call(line: CallLine, open_: bool) -> Document:
    return {
        "id": str(line.id),
        "arrived_at": when(line.arrived_at),
        "ended_at": when(line.ended_at),
        "caller": line.caller if open_ else mask_number(line.caller),
        "dialled": line.dialled,
        "queue": line.queue,
        "outcome": None if line.outcome is None else line.outcome.value,
        "agent": line.agent,
        "caller_rings": line.rings,
        "wait_seconds": _seconds(line.wait),
        "talk_seconds": _seconds(line.talk),
    }


def _entry(entry: Entry, open_: bool) -> Document:
    return {
        "version": entry.version,
        "at": when(entry.at),
        "by": {"id": entry.by_id, "name": entry.by_name},
        "what": entry.what,
        "before": _told(entry.before, open_),
        "after": _told(entry.after, open_),
        "detail": _told(entry.detail, open_),
    }


def _told(value: Any, open_: bool, field: str = "") -> Any:  # noqa: ANN401 - JSON
    """As it is, or with what looks like a number masked, and what is one."""
    if open_:
        return value
    if isinstance(value, dict):
        return {name: _told(one, open_, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_told(one, open_, field) for one in value]
    if isinstance(value, str):
        return _hidden(value) if field in HIDDEN else mask_text(value)
    return value


def _hidden(text: str) -> str:
    return "*" * len(text) if len(text) <= 5 else mask_number(text)  # noqa: PLR2004 - what `mask_number` leaves


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
