"""Customers to rows and back. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from telephony.customers.customer import Customer, Details, Line, key_of
from telephony.customers.merging import Merge
from telephony.customers.numbers import E164

Document = dict[str, Any]


def customers_of(rows: Iterable[Any], numbers: Iterable[Any]) -> list[Customer]:
    """Customers of their rows, in that order, and the rows of their numbers, those of each by position."""
    lines: dict[UUID, list[Line]] = {}
    for row in numbers:
        lines.setdefault(row["customer_id"], []).append(Line(E164(row["number"]), row["shared"]))
    return [_customer(row, tuple(lines.get(row["id"], ()))) for row in rows]


def customer_columns(customers: Sequence[Customer]) -> tuple[list[Any], ...]:
    """For `unnest`: id, the words in their order, name_key, version, merged_into."""
    return (
        [one.id for one in customers],
        [one.details.name for one in customers],
        [key_of(one.details.name) for one in customers],
        [one.details.branch for one in customers],
        [one.details.value_group for one in customers],
        [one.details.note for one in customers],
        [one.details.external_id for one in customers],
        [one.version for one in customers],
        [one.merged_into for one in customers],
    )


def number_columns(customers: Sequence[Customer]) -> tuple[list[Any], ...]:
    """For `unnest`: number, customer, position, shared."""
    told = [(line.number, one.id, at, line.shared) for one in customers for at, line in enumerate(one.lines)]
    number, customer, position, shared = zip(*told, strict=True) if told else ((), (), (), ())
    return list(number), list(customer), list(position), list(shared)


def differences(before: Customer | None, after: Customer) -> tuple[str, str]:
    """What of him changed, before and after, as JSON; without a customer before, nothing and all."""
    was, now = {} if before is None else _told(before), _told(after)
    names = [name for name in now if was.get(name) != now[name]]
    return _json({name: was[name] for name in names if name in was}), _json({name: now[name] for name in names})


def merge_told(merge: Merge) -> str:
    """As JSON."""
    return _json(asdict(merge))


def merge_of(text: str) -> Merge:
    """Of such JSON."""
    told = json.loads(text)
    lines = tuple(Line(E164(one["number"]), one["shared"]) for one in told["lines"])
    taken = tuple((name, value) for name, value in told["taken"])
    return Merge(UUID(told["kept"]), UUID(told["gone"]), taken, lines, tuple(map(E164, told["moved"])))


def _customer(row: Any, lines: tuple[Line, ...]) -> Customer:  # noqa: ANN401 - the driver knows no types
    details = Details(row["name"], row["branch"], row["value_group"], row["note"], row["external_id"])
    return Customer(row["id"], details, lines, row["version"], row["merged_into"], row["erased_at"] is not None)


def _told(customer: Customer) -> Document:
    return {
        **asdict(customer.details),
        "lines": [asdict(line) for line in customer.lines],
        "merged_into": None if customer.merged_into is None else str(customer.merged_into),
    }


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, default=str)
