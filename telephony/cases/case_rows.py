"""Between a case and its row: pure."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from telephony.cases.callback import CallBack, Claim, Lost, Result
from telephony.cases.changes import plain
from telephony.cases.forms import FORMS
from telephony.cases.kinds import CaseKind, Channel, State, VisitOutcome
from telephony.cases.model import Case, Handover, Merged, Note, Visit
from telephony.cases.person import Person, Role
from telephony.cases.rows import Row, storable


def case_values(case: Case) -> list[object]:
    """What of a case can change, in the order of `casebook`'s statements."""
    owner, offered = case.owner, case.handover
    return [
        case.version,
        case.state.value,
        case.kind.value,
        storable(case.branch),
        case.worked,
        case.advice,
        as_json(case.form),
        None if owner is None else storable(owner.id),
        None if owner is None else storable(owner.name),
        None if owner is None else owner.role.value,
        as_json(offered),
        None if offered is None else storable(offered.to.id),
        case.due_at,
        as_json(case.plan),
        as_json(case.feedback),
        as_json(case.visit),
        case.closed_at,
        case.archived_at,
        None if case.merged is None else case.merged.into,
        None if case.merged is None else case.merged.state.value,
    ]


def case_of(row: Row) -> Case:
    """The case of a row of `cases`."""
    kind = CaseKind(row["kind"])
    return Case(
        id=row["id"],
        opened_at=row["opened_at"],
        number=row["number"],
        call=row["call_id"],
        version=row["version"],
        state=State(row["state"]),
        kind=kind,
        branch=row["branch"],
        owner=None if row["owner"] is None else Person(row["owner"], row["owner_name"], Role(row["owner_role"])),
        handover=_handover(row["offered"]),
        advice=row["advice"],
        worked=row["worked"],
        form=FORMS[kind].model_validate(json.loads(row["form"])),
        due_at=row["due_at"],
        plan=_note(row["plan"]),
        feedback=_note(row["feedback"]),
        visit=_visit(row["visit"]),
        closed_at=row["closed_at"],
        archived_at=row["archived_at"],
        merged=None if row["merged_into"] is None else Merged(row["merged_into"], State(row["merged_from"])),
    )


def callback_values(work: CallBack) -> list[object]:
    """The columns of `callbacks`, in their order."""
    return [
        work.id, storable(work.number), storable(work.branch), work.reason.value, work.opened_at, work.lost_at,
        work.due_at, work.version, work.calls, work.attempts, as_json(work.claim and work.claim.by),
        work.claim and work.claim.until, work.result and work.result.value, work.closed_at, work.closed_by,
    ]  # fmt: skip


def callback_of(row: Row) -> CallBack:
    """The work of a row of `callbacks`."""
    by = row["claimed_by"]
    return CallBack(
        id=row["id"],
        number=row["number"],
        branch=row["branch"],
        reason=Lost(row["reason"]),
        opened_at=row["opened_at"],
        lost_at=row["lost_at"],
        due_at=row["due_at"],
        version=row["version"],
        calls=row["calls"],
        attempts=row["attempts"],
        claim=None if by is None else Claim(_person(json.loads(by)), row["claimed_until"]),
        result=None if row["result"] is None else Result(row["result"]),
        closed_at=row["closed_at"],
        closed_by=row["closed_by"],
    )


def within(branches: Collection[str] | None, by: Person) -> list[str] | None:
    """Of these branches (None: of any) those that he sees, as a parameter; None: he sees all, and asks for all."""
    if branches is None:
        return None if by.branches is None else [storable(one) for one in by.branches]
    return [storable(one) for one in branches if by.works_in(one)]


def as_json(value: object | None) -> str | None:
    """As a `jsonb` column takes it; no text in it that PostgreSQL cannot store."""
    return None if value is None else json.dumps(_clean(plain(value)), ensure_ascii=False)


def _clean(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {storable(key): _clean(one) for key, one in value.items()}
    return value


def _person(told: dict[str, Any]) -> Person:
    return Person(told["id"], told["name"], Role(told["role"]))


def _handover(told: str | None) -> Handover | None:
    if told is None:
        return None
    one = json.loads(told)
    return Handover(_person(one["to"]), _person(one["by"]), datetime.fromisoformat(one["at"]))


def _note(told: str | None) -> Note | None:
    if told is None:
        return None
    one = json.loads(told)
    return Note(datetime.fromisoformat(one["at"]), one["text"])


def _visit(told: str | None) -> Visit | None:
    if told is None:
        return None
    one = json.loads(told)
    at = datetime.fromisoformat(one["at"])
    return Visit(at, Channel(one["channel"]), VisitOutcome(one["outcome"]), one["note"])


def told_to_others(case: Case) -> dict[str, object]:
    """What a webhook may say of a case: nothing that its caller said or is called."""
    owner = None if case.owner is None else case.owner.id
    return {"number": case.number, "state": case.state, "kind": case.kind, "branch": case.branch, "owner": owner,
            "due_at": case.due_at}  # fmt: skip


def work_told_to_others(work: CallBack) -> dict[str, object]:
    """The same of a call back: without the number."""
    return {"branch": work.branch, "reason": work.reason, "result": work.result, "due_at": work.due_at,
            "attempts": work.attempts}  # fmt: skip
