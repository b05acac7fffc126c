"""What a step changed, for the history: only the fields that differ, before and after, as JSON. Pure."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast
from uuid import UUID

from telephony.cases.forms import Form
from telephony.cases.steps import Absorb, FirstAnswered, JoinCall, PartCall, Refuse, Release, Reopen, Step

Document = dict[str, Any]
UNTOLD = frozenset({"id", "number", "version"})
"""What every row of the history says anyway."""


def plain(value: object) -> Any:  # noqa: ANN401, PLR0911 - JSON
    """A value as JSON has it; the same each time."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value))
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Form):
        return plain(value.model_dump())
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value) if one.compare}
    return value


def changed(before: object | None, after: object) -> tuple[Document, Document]:
    """The fields of two states of one dataclass that differ; without a state before, all."""
    told = cast("Document", plain(after))
    known = cast("Document", plain(before)) if before is not None else dict.fromkeys(told)
    names = [name for name in told if name not in UNTOLD and known[name] != told[name]]
    return {name: known[name] for name in names}, {name: told[name] for name in names}


def narrowed(was: Document, now: Document) -> tuple[Document, Document]:
    """Of a form that changed, only those of its fields that did."""
    before, after = was.get("form"), now.get("form")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return was, now
    differ = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return (
        {**was, "form": {name: one for name, one in before.items() if name in differ}},
        {**now, "form": {name: one for name, one in after.items() if name in differ}},
    )


def detail(step: Step) -> Document:
    """What a step says that does not stand on the case."""
    match step:
        case Refuse(reason) | Reopen(reason):
            return {"reason": reason}
        case Absorb(case) | Release(case):
            return {"case": str(case)}
        case JoinCall(call) | PartCall(call):
            return {"call": str(call)}
        case FirstAnswered(agent=agent) if agent:
            return {"agent": agent}
        case _:
            return {}
