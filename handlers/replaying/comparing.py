"""The call as it came out of the journal, against its row: field by field. Pure."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from telephony.calls.record import CallRecord
from telephony.cases.rows import storable

OURS = frozenset({"revision", "since"})
"""Fields that say nothing of the call."""


@dataclass(frozen=True, slots=True)
class Differs:
    """A field, as `visits[1].wait`, and what each says; a side that lacks it says None."""

    field: str
    journal: object
    row: object


def differences(journal: CallRecord, row: CallRecord) -> list[Differs]:
    """What the row does not say as the journal does; text as a database can store it."""
    ours, theirs = dict(_flat("", journal)), dict(_flat("", row))
    fields = [*ours, *(name for name in theirs if name not in ours)]
    return [Differs(name, ours.get(name), theirs.get(name)) for name in fields if ours.get(name) != theirs.get(name)]


def _flat(name: str, value: object) -> Iterator[tuple[str, object]]:
    if dataclasses.is_dataclass(value):
        for one in dataclasses.fields(value):
            if one.name not in OURS:
                yield from _flat(f"{name}.{one.name}".removeprefix("."), getattr(value, one.name))
    elif isinstance(value, tuple):
        for number, one in enumerate(value, 1):
            yield from _flat(f"{name}[{number}]", one)
    else:
        yield name, storable(value) if type(value) is str else value
