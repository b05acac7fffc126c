"""A record of a list to the customer that it tells of, or to why it is refused. Pure."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from itertools import chain

from telephony.customers.columns import NUMBERS, SHARED, Columns
from telephony.customers.csvtext import Record
from telephony.customers.customer import Details, Line, NotKept, checked, checked_number, numbered, parted
from telephony.customers.numbers import Numbering
from telephony.customers.why import Refused, Why

YES = frozenset({"1", "y", "yes", "true", "x", "是", "共用", "公用", "共享", "家庭", "公司"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a cell is a formula for some spreadsheet, here or where it is once exported to."""
_ROUNDED = re.compile(r"\d(?:\.\d+)?[eE]\+?\d+")
_AS_TEXT = re.compile(r'="([^"]*)"|\'(.*)', re.DOTALL)
"""What people write so that a spreadsheet leaves a number alone."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a line tells."""

    line: int
    details: Details
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a list is to be understood.

    Attributes:
        numbering: of its numbers.
        branches: the name of a branch by what people call it, as `folded` has it; none: every word is a branch.
        branch: of lines that name none.
        only: the branches of whoever brings the list; None: all.
    """

    numbering: Numbering
    branches: Mapping[str, str] = field(default_factory=dict)
    branch: str = ""
    only: Collection[str] | None = None


def row_of(record: Record, columns: Columns, terms: Terms) -> Row | Refused:
    """What the record tells."""
    if record.trouble is not None:
        return Refused(record.line, "", record.trouble)
    if any(cell.strip() for cell in record.cells[columns.count :]):
        return Refused(record.line, "", Why.TOO_MANY_CELLS)
    try:
        details = checked(_branched(_details(record, columns), terms))
        return Row(record.line, details, _numbers(record, columns, terms.numbering))
    except NotKept as error:
        return Refused(record.line, error.field, error.why)


def folded(branch: str) -> str:
    """By which a branch's name or title is recognised."""
    return unicodedata.normalize("NFKC", branch).casefold().strip()


def _cells(record: Record, columns: Columns, name: str) -> list[str]:
    return [record.cells[place].strip(" ") for place in columns.of.get(name, ()) if place < len(record.cells)]


def _details(record: Record, columns: Columns) -> Details:
    told = {one.name: "".join(_cells(record, columns, one.name)) for one in fields(Details)}
    for name, cell in told.items():
        if cell.startswith(_FORMULA) and name != "note":  # a note is shown, and written to no list
            raise NotKept(name, Why.FORMULA)
    return Details(**told)


def _branched(details: Details, terms: Terms) -> Details:
    named = details.branch or terms.branch
    branch = terms.branches.get(folded(named)) if terms.branches and named else named
    if branch is None:
        raise NotKept("branch", Why.UNKNOWN_BRANCH)
    if terms.only is not None and branch not in terms.only:
        raise NotKept("branch", Why.NOT_YOUR_BRANCH)
    return Details(details.name, branch, details.value_group, details.note, details.external_id)


def _numbers(record: Record, columns: Columns, numbering: Numbering) -> tuple[Line, ...]:
    cells = [_as_written(cell) for cell in _cells(record, columns, NUMBERS)]
    written = list(chain.from_iterable(map(parted, cells)))
    if not written:
        raise NotKept(NUMBERS, Why.NO_NUMBER)
    if any(_ROUNDED.fullmatch(one) for one in written):
        raise NotKept(NUMBERS, Why.ROUNDED_NUMBER)
    shared = any(unicodedata.normalize("NFKC", cell).casefold() in YES for cell in _cells(record, columns, SHARED))
    return numbered((checked_number(numbering.read(one)) for one in written), shared=shared)


def _as_written(cell: str) -> str:
    found = _AS_TEXT.fullmatch(cell.strip())
    return cell if found is None else found[1] or found[2] or ""
