"""What a request for a list asks, out of its query; every mistake is told by the name of its parameter. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from multidict import MultiMapping

from handlers.http.api.cases.bodies import BadBody
from telephony.cases.kinds import CaseKind, State
from telephony.cases.listing import MOST, After, Filter
from telephony.cases.person import Person

CASE_PARAMETERS = (
    "kind", "state", "owner", "offered_to", "branch", "overdue", "worked", "since", "until", "limit", "cursor",
)  # fmt: skip
WORK_PARAMETERS = ("branch", "overdue", "limit", "cursor")
LIMIT = 50
LONGEST_ID = 200
LONGEST_NAME = 64
MOST_NAMES = 10
"""All of it has to fit into an address."""
YES = {"true": True, "false": False}
ME = "me"
"""In the place of an id: whoever asks."""
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page begins, and how long it is."""

    after: After | None
    limit: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases. `overdue`: what is due, the longest overdue first."""

    which: Filter
    overdue: bool
    page: Page


def cases_asked(query: MultiMapping[str], by: Person, now: datetime) -> Wanted:
    """Which cases a query asks for.

    Raises:
        BadBody: with the first parameter that is wrong.
    """
    _only(query, CASE_PARAMETERS)
    overdue = _yes(query, "overdue") or False
    which = Filter(
        owners=_people(query, "owner", by),
        offered_to=_people(query, "offered_to", by),
        branches=_names(query, "branch"),
        states=_words(query, "state", State),
        kinds=_words(query, "kind", CaseKind),
        since=_instant(query, "since"),
        until=_instant(query, "until"),
        overdue_at=now if overdue else None,
        worked=_yes(query, "worked"),
    )
    return Wanted(which, overdue, _page(query))


def work_asked(query: MultiMapping[str]) -> tuple[Collection[str] | None, bool, Page]:
    """Which call backs: of which branches, whether only overdue ones.

    Raises:
        BadBody: with the first parameter that is wrong.
    """
    _only(query, WORK_PARAMETERS)
    return _names(query, "branch"), _yes(query, "overdue") or False, _page(query)


def after_of(cursor: str | None) -> After | None:
    """Where a page goes on.

    Raises:
        BadBody: nowhere.
    """
    try:
        found = None if cursor is None else After.of(cursor)
        return None if found is None else After(found.at.astimezone(UTC), found.id)
    except (ValueError, OverflowError):
        raise BadBody({"cursor": "is no place at which a page goes on; take `next` of the page before"}) from None


def _only(query: MultiMapping[str], known: Sequence[str]) -> None:
    for name in query:
        if name not in known:
            raise BadBody({name[:40]: f"is not known here; known are {', '.join(known)}"})


def _once(query: MultiMapping[str], name: str) -> str | None:
    given = query.getall(name, [])
    if len(given) > 1:
        raise BadBody({name: "is there twice"})
    return given[0] if given else None


def _page(query: MultiMapping[str]) -> Page:
    text = _once(query, "limit")
    if text is not None and not (text.isascii() and text.isdecimal() and len(text) < len("10000") and int(text)):
        raise BadBody({"limit": f"should be a number from 1 to {MOST}"})
    limit = LIMIT if text is None else int(text)
    if limit > MOST:
        raise BadBody({"limit": f"should be a number from 1 to {MOST}"})
    return Page(after_of(_once(query, "cursor")), limit)


def _yes(query: MultiMapping[str], name: str) -> bool | None:
    text = _once(query, name)
    if text is None:
        return None
    if text not in YES:
        raise BadBody({name: "should be true or false"})
    return YES[text]


def _names(query: MultiMapping[str], name: str) -> list[str] | None:
    given = query.getall(name, [])
    if len(given) > MOST_NAMES or any(not one or len(one) > LONGEST_NAME for one in given):
        raise BadBody({name: f"should be at most {MOST_NAMES} names of 1 to {LONGEST_NAME} characters"})
    return list(given) or None


def _people(query: MultiMapping[str], name: str, by: Person) -> list[str] | None:
    given = _once(query, name)
    if given is None:
        return None
    if not 1 <= len(given) <= LONGEST_ID:
        raise BadBody({name: f"should be an id of at most {LONGEST_ID} characters, or {ME}"})
    return sorted(by.ids) if given == ME else [given]


def _words(query: MultiMapping[str], name: str, kind: type[E]) -> list[E] | None:
    try:
        return [kind(one) for one in query.getall(name, [])] or None
    except ValueError:
        raise BadBody({name: f"should be of {', '.join(kind)}"}) from None


def _instant(query: MultiMapping[str], name: str) -> datetime | None:
    text = _once(query, name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a `+` that nobody wrote as `%2B` arrives as a blank
        found.astimezone(UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None or found.tzinfo is None:
        raise BadBody({name: "should be an RFC 3339 time with its zone, as 2026-11-22T08:30:00+08:00"})
    return found
