"""A customer as he is known: frozen values, and what may stand in them. Pure."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from uuid import UUID

from telephony.customers.numbers import E164, Number, Sort
from telephony.customers.why import Why

MOST_NUMBERS = 20
"""Of one customer."""
MOST_SHARING = 100
"""Customers who share a number; beyond that it says nothing of who calls."""
LONGEST: Mapping[str, int] = MappingProxyType(
    {"name": 100, "branch": 64, "value_group": 64, "note": 2_000, "external_id": 100}
)
"""Characters of each text."""
LONGEST_KEY = 200
"""Characters of a name's key: some become eighteen when they are folded."""
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_MAY_BREAK = frozenset("\n\t")


class NotKept(ValueError):  # noqa: N818 - what it is
    """A customer cannot be so: `field` of `Details`, or `numbers`, and why. Says nothing of what stood there."""

    def __init__(self, field: str, why: Why) -> None:
        super().__init__(f"{field}: {why.value}")
        self.field, self.why = field, why


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of a customer besides his numbers. Empty: not known.

    Attributes:
        name: as he is called.
        branch: 营业部 that looks after him.
        value_group: 客户价值分组, in the house's own words.
        note: for whoever answers his calls.
        external_id: his key in another system; no two customers have the same.
    """

    name: str
    branch: str = ""
    value_group: str = ""
    note: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A number of a customer's. `shared`: a family's or company's, that others may have as well."""

    number: E164
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer.

    Attributes:
        id: for ever the same.
        details: what is known of him.
        lines: his numbers, in the order in which they were told.
        version: grows by one with each change.
        merged_into: he turned out to be this one, who has his numbers now.
        erased: nothing is known of him any more, by his wish.
    """

    id: UUID
    details: Details
    lines: tuple[Line, ...] = ()
    version: int = 1
    merged_into: UUID | None = None
    erased: bool = False

    @property
    def is_there(self) -> bool:
        """He can be found and changed."""
        return self.merged_into is None and not self.erased


def checked(details: Details) -> Details:
    """The same as it is kept: trimmed, its characters in one form.

    Raises:
        NotKept: something is too long, holds what nobody sees, or there is no name.
    """
    kept = {one.name: _checked_text(one.name, getattr(details, one.name)) for one in fields(details)}
    if not kept["name"]:
        raise NotKept("name", Why.NO_NAME)
    return Details(**kept)


def checked_number(number: Number) -> E164:
    """What is kept of a number that somebody says is a customer's.

    Raises:
        NotKept: it is none by which he could be found.
    """
    if number.e164 is not None:
        return number.e164
    if number.sort is Sort.SHORT:
        raise NotKept("numbers", Why.SHORT_NUMBER)
    raise NotKept("numbers", Why.NO_NUMBER if number.sort is Sort.WITHHELD else Why.UNREADABLE_NUMBER)


def checked_lines(written: str, read: Callable[[str], Number], *, shared: bool = False) -> tuple[Line, ...]:
    """The numbers that stand in a text, each once, divided by commas, semicolons, bars or new lines.

    Raises:
        NotKept: one cannot be kept, or there are too many.
    """
    return numbered((checked_number(read(one)) for one in parted(written)), shared=shared)


def numbered(numbers: Iterable[E164], *, shared: bool = False) -> tuple[Line, ...]:
    """Each once, in this order.

    Raises:
        NotKept: there are too many.
    """
    found = dict.fromkeys(numbers)
    if len(found) > MOST_NUMBERS:
        raise NotKept("numbers", Why.TOO_MANY_NUMBERS)
    return tuple(Line(one, shared) for one in found)


def parted(written: str) -> list[str]:
    """The numbers of one cell or text area, as they are written."""
    for mark in ";；,，、|\n":
        written = written.replace(mark, "\0")
    return [one.strip() for one in written.split("\0") if one.strip()]


def key_of(name: str) -> str:
    """By which names are looked for: `Ｌｉ ＬＥＩ` and `li lei` are one."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())[:LONGEST_KEY]


def _checked_text(field: str, text: str) -> str:
    kept = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    if len(kept) > LONGEST[field]:
        raise NotKept(field, Why.TOO_LONG)
    allowed = _MAY_BREAK if field == "note" else frozenset()
    if any(unicodedata.category(one) in _HIDDEN and one not in allowed for one in kept):
        raise NotKept(field, Why.HIDDEN_CHARACTER)
    return kept
