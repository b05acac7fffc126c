"""Two customers who are one: who stays, what he takes over, and the way back. Pure.

Who stays keeps every word that he has; only what he lacks is taken over. The other stays as he was, without numbers,
and says into whom he went: so his id and his external id still lead to somebody, and all can be undone.
"""

from dataclasses import dataclass, fields, replace
from uuid import UUID

from telephony.customers.customer import MOST_NUMBERS, Customer, Details, Line, NotKept
from telephony.customers.numbers import E164
from telephony.customers.why import Why

OWN = frozenset({"name", "external_id"})
"""Never taken over: two names do not make one, and the other's key goes on leading to him."""


class NotMergeable(ValueError):  # noqa: N818 - what it is
    """These two cannot be made one, or not be parted; the message says why."""


@dataclass(frozen=True, slots=True)
class Merge:
    """What was done, as much as is needed to undo it.

    Attributes:
        kept, gone: ids.
        taken: fields of `Details` that the kept one lacked, and what he got.
        lines: the other's numbers as they were. moved: those of them that the kept one did not have.
    """

    kept: UUID
    gone: UUID
    taken: tuple[tuple[str, str], ...] = ()
    lines: tuple[Line, ...] = ()
    moved: tuple[E164, ...] = ()


def who_stays(one: Customer, other: Customer) -> tuple[Customer, Customer]:
    """Proposed as kept and gone: who is known elsewhere, else of whom more is known, else the smaller id."""

    def rank(customer: Customer) -> tuple[bool, int, int, int]:
        known = sum(1 for field in fields(Details) if getattr(customer.details, field.name))
        return not customer.details.external_id, -known, -len(customer.lines), customer.id.int

    kept, gone = sorted((one, other), key=rank)
    return kept, gone


def merged(kept: Customer, gone: Customer) -> tuple[Customer, Customer, Merge]:
    """The two afterwards, and what was done.

    Raises:
        NotMergeable: they are one already, or one of them is not there. NotKept: too many numbers.
    """
    if kept.id == gone.id:
        raise NotMergeable("a customer cannot be merged with himself")
    if not (kept.is_there and gone.is_there):
        raise NotMergeable("one of them was merged or erased meanwhile; look again")
    had = {line.number for line in kept.lines}
    moved = tuple(line for line in gone.lines if line.number not in had)
    if len(kept.lines) + len(moved) > MOST_NUMBERS:
        raise NotKept("numbers", Why.TOO_MANY_NUMBERS)
    taken = tuple(
        (field.name, getattr(gone.details, field.name))
        for field in fields(Details)
        if field.name not in OWN and not getattr(kept.details, field.name) and getattr(gone.details, field.name)
    )
    now = replace(
        kept,
        details=replace(kept.details, **dict(taken)),
        lines=(*kept.lines, *moved),
        version=kept.version + 1,
    )
    merge = Merge(kept.id, gone.id, taken, gone.lines, tuple(line.number for line in moved))
    return now, replace(gone, lines=(), merged_into=kept.id, version=gone.version + 1), merge


def separated(kept: Customer, gone: Customer, merge: Merge) -> tuple[Customer, Customer]:
    """The two apart again. What people changed since stays with the kept one.

    Raises:
        NotMergeable: this is no longer so.
    """
    if gone.merged_into != kept.id or (kept.id, gone.id) != (merge.kept, merge.gone) or kept.erased or gone.erased:
        raise NotMergeable("they are not merged so any more; look again")
    held = {line.number for line in kept.lines}
    his = [line for line in merge.lines if line.number in held]
    both = {line.number for line in his} - set(merge.moved)
    untaken = {name: "" for name, value in merge.taken if getattr(kept.details, name) == value}
    stays = [_shared(line, line.number in both) for line in kept.lines if line.number not in merge.moved]
    now = replace(kept, details=replace(kept.details, **untaken), lines=tuple(stays), version=kept.version + 1)
    lines = tuple(_shared(line, line.number in both) for line in his)
    return now, replace(gone, lines=lines, merged_into=None, version=gone.version + 1)


def _shared(line: Line, both: bool) -> Line:
    return replace(line, shared=True) if both else line
