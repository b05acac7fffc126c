"""Lists of cases and call backs, a page at a time: mine, my branch's, what is overdue, and what somebody looks for.

A page goes on behind the last row of the one before, by what the rows are sorted by, so that nothing is shown twice or
left out when new cases come. Everything that is asked is a parameter; nothing of it can be a statement.
"""

import base64
import binascii
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, Self
from uuid import UUID

from telephony.cases.callback import CallBack
from telephony.cases.case_rows import callback_of, case_of, within
from telephony.cases.casebook import NoSuchCase
from telephony.cases.kinds import CaseKind, State
from telephony.cases.model import Case
from telephony.cases.person import Person
from telephony.cases.rows import storable
from telephony.cases.rules import visible
from telephony.cases.turns import Turns

MOST = 200
"""Rows of one page."""
LONGEST = 100
"""Characters that are looked for."""


@dataclass(frozen=True, slots=True)
class After:
    """Where a page goes on: behind the row with this time and id."""

    at: datetime
    id: UUID

    @property
    def token(self) -> str:
        """For the next question; only this package understands it."""
        return base64.urlsafe_b64encode(f"{self.at.isoformat()} {self.id}".encode()).decode()

    @classmethod
    def of(cls, token: str) -> Self:
        """What a token means.

        Raises:
            ValueError: it is none of ours.
        """
        try:
            at, _, id_ = base64.urlsafe_b64decode(token.encode()).decode().partition(" ")
            found = cls(datetime.fromisoformat(at), UUID(id_))
        except (ValueError, UnicodeError, binascii.Error):
            raise ValueError("is no place at which a page goes on") from None
        if found.at.tzinfo is None:
            raise ValueError("is no place at which a page goes on")
        return found


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases; what is None does not matter.

    Attributes:
        owners: ids of who owns it. offered_to: ids of to whom it is offered. branches: names.
        states, kinds: any of these. since, until: opened in since <= t < until.
        overdue_at: due before then. worked: somebody has done something with it.
    """

    owners: Collection[str] | None = None
    offered_to: Collection[str] | None = None
    branches: Collection[str] | None = None
    states: Collection[State] | None = None
    kinds: Collection[CaseKind] | None = None
    since: datetime | None = None
    until: datetime | None = None
    overdue_at: datetime | None = None
    worked: bool | None = None


@dataclass(frozen=True, slots=True)
class CasePage:
    """A page of cases; `more`: where the next goes on; None: it is the last."""

    cases: tuple[Case, ...]
    more: After | None


@dataclass(frozen=True, slots=True)
class WorkPage:
    """The same of call backs."""

    work: tuple[CallBack, ...]
    more: After | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the history."""

    version: int
    at: datetime
    by_id: str
    by_name: str
    what: str
    before: dict[str, Any]
    after: dict[str, Any]
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Whole:
    """A case with its history, the ids of its calls (those of its parts, too), and the ids of the cases in it."""

    case: Case
    history: tuple[Entry, ...]
    calls: tuple[UUID, ...]
    parts: tuple[UUID, ...]


class Lists:
    """What is there for `by` to see: of his branches, and what is his.

    Reads only; all methods raise what `Turns.transaction` does.

    Args:
        turns: connections.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def cases(self, by: Person, which: Filter, after: After | None = None, limit: int = 50) -> CasePage:
        """These cases, the newest first."""
        values = _values(by, which)
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_NEWEST, *values, *_place(after), _limit(limit) + 1)
        return _case_page([case_of(row) for row in rows], limit, lambda case: case.opened_at)

    async def overdue(self, by: Person, which: Filter, after: After | None = None, limit: int = 50) -> CasePage:
        """Of these, those that are due (before `which.overdue_at`), the longest overdue first."""
        values = _values(by, which)
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_OVERDUE, *values, *_place(after), _limit(limit) + 1)
        return _case_page([case_of(row) for row in rows], limit, lambda case: case.due_at or case.opened_at)

    async def search(
        self, by: Person, text: str, which: Filter, after: After | None = None, limit: int = 50
    ) -> CasePage:
        """Of these, those with this case number, telephone number, name, or words; the newest first.

        Words and names are looked for in what people wrote down; a number also among those who called.
        """
        wanted = storable(text.strip()[:LONGEST])
        if not wanted:
            return CasePage((), None)
        values = _values(by, which)
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(_SEARCH, *values, *_place(after), _limit(limit) + 1, wanted)
        return _case_page([case_of(row) for row in rows], limit, lambda case: case.opened_at)

    async def callbacks(
        self,
        by: Person,
        branches: Collection[str] | None,
        *,
        overdue_at: datetime | None = None,
        after: After | None = None,
        limit: int = 50,
    ) -> WorkPage:
        """Who has to be called back, the most urgent first.

        Args:
            by: who asks.
            branches: of these of his; None: of any of his.
            overdue_at: due before then.
            after: where it goes on.
            limit: rows.
        """
        async with self._turns.transaction() as connection:
            rows = await connection.fetch(
                _CALLBACKS, within(branches, by), overdue_at, *_place(after), _limit(limit) + 1
            )
        found = tuple(callback_of(row) for row in rows)
        page = found[: _limit(limit)]
        return WorkPage(page, After(page[-1].due_at, page[-1].id) if len(found) > len(page) else None)

    async def whole(self, by: Person, case: UUID) -> Whole:
        """A case with all that belongs to it.

        Raises:
            NoSuchCase: there is none, or none that he may see.
        """
        async with self._turns.transaction() as connection:
            row = await connection.fetchrow("SELECT * FROM cases WHERE id = $1", case)
            if row is None or not visible(case_of(row), by):
                raise NoSuchCase(f"there is no case {case}")
            history = await connection.fetch(_HISTORY, case)
            parts = await connection.fetch(_PARTS, case)
            calls = await connection.fetch(_CALLS, [part["id"] for part in parts])
        ids = tuple(part["id"] for part in parts if part["id"] != case)
        return Whole(case_of(row), tuple(map(_entry, history)), tuple(one["call_id"] for one in calls), ids)

    async def callback_history(self, by: Person, work: UUID) -> tuple[Entry, ...]:
        """What was done about a call back, first things first; nothing when there is none that he may see."""
        async with self._turns.transaction() as connection:
            return tuple(map(_entry, await connection.fetch(_WORK_HISTORY, work, within(None, by))))


def _entry(row: Any) -> Entry:  # noqa: ANN401 - the driver knows no types
    told = (json.loads(row[name]) for name in ("before", "after", "detail"))
    return Entry(row["version"], row["at"], row["by_id"], row["by_name"], row["what"], *told)


def _case_page(found: list[Case], limit: int, at: Any) -> CasePage:  # noqa: ANN401
    page = tuple(found[: _limit(limit)])
    return CasePage(page, After(at(page[-1]), page[-1].id) if len(found) > len(page) else None)


def _limit(limit: int) -> int:
    return max(1, min(limit, MOST))


def _place(after: After | None) -> tuple[datetime | None, UUID | None]:
    return (None, None) if after is None else (after.at, after.id)


def _texts(names: Collection[str] | None) -> list[str] | None:
    return None if names is None else [storable(name) for name in names]


def _values(by: Person, which: Filter) -> tuple[object, ...]:
    return (
        _texts(which.owners), _texts(which.offered_to), _texts(which.branches), _texts(which.states),
        _texts(which.kinds), which.since, which.until, which.overdue_at, which.worked,
        _texts(by.branches), _texts(by.ids),
    )  # fmt: skip


_FILTER: LiteralString = """
    ($1::text[] IS NULL OR owner = ANY($1)) AND ($2::text[] IS NULL OR offered_to = ANY($2))
    AND ($3::text[] IS NULL OR branch = ANY($3)) AND ($4::text[] IS NULL OR state = ANY($4))
    AND ($5::text[] IS NULL OR kind = ANY($5))
    AND ($6::timestamptz IS NULL OR cases.opened_at >= $6) AND ($7::timestamptz IS NULL OR cases.opened_at < $7)
    AND ($8::timestamptz IS NULL OR (due_at < $8 AND state NOT IN ('archived', 'merged')))
    AND ($9::boolean IS NULL OR worked = $9)
    AND ($10::text[] IS NULL OR branch = ANY($10) OR owner = ANY($11::text[]) OR offered_to = ANY($11))
"""

_NEWEST: LiteralString = f"""
SELECT * FROM cases WHERE {_FILTER}
    AND ($12::timestamptz IS NULL OR (cases.opened_at, cases.id) < ($12, $13::uuid))
ORDER BY cases.opened_at DESC, cases.id DESC LIMIT $14
"""  # noqa: S608 - a constant of ours

_OVERDUE: LiteralString = f"""
SELECT * FROM cases WHERE {_FILTER}
    AND due_at IS NOT NULL AND state NOT IN ('archived', 'merged')
    AND ($12::timestamptz IS NULL OR (due_at, cases.id) > ($12, $13::uuid))
ORDER BY due_at, cases.id LIMIT $14
"""  # noqa: S608 - the same

# Each part has its index; words are looked for only in cases that people have worked on, which are few.
_SEARCH: LiteralString = f"""
WITH found AS (
    SELECT id FROM cases WHERE number = $15
    UNION
    SELECT cases.id FROM calls JOIN cases ON cases.call_id = calls.id
    WHERE left(calls.caller, 64) = left($15, 64) AND calls.caller = $15 AND calls.caller <> ''
    UNION
    SELECT case_calls.case_id FROM calls JOIN case_calls ON case_calls.call_id = calls.id
    WHERE left(calls.caller, 64) = left($15, 64) AND calls.caller = $15 AND calls.caller <> ''
    UNION
    SELECT id FROM cases WHERE worked AND strpos(lower(concat_ws(E'\\n', form ->> 'name', form ->> 'phone',
        form ->> 'brief', form ->> 'handling', form ->> 'details', form ->> 'topic', form ->> 'appraisal',
        form ->> 'fund_account', plan ->> 'text', feedback ->> 'text', visit ->> 'note')), lower($15)) > 0)
SELECT cases.* FROM cases JOIN found USING (id) WHERE {_FILTER}
    AND ($12::timestamptz IS NULL OR (cases.opened_at, cases.id) < ($12, $13::uuid))
ORDER BY cases.opened_at DESC, cases.id DESC LIMIT $14
"""  # noqa: S608 - the same

_CALLBACKS: LiteralString = """
SELECT * FROM callbacks
WHERE result IS NULL AND ($1::text[] IS NULL OR branch = ANY($1)) AND ($2::timestamptz IS NULL OR due_at < $2)
    AND ($3::timestamptz IS NULL OR (due_at, id) > ($3, $4::uuid))
ORDER BY due_at, id LIMIT $5
"""

_HISTORY: LiteralString = "SELECT * FROM case_history WHERE case_id = $1 ORDER BY version"

_WORK_HISTORY: LiteralString = """
SELECT callback_history.* FROM callback_history JOIN callbacks ON callbacks.id = callback_id
WHERE callback_id = $1 AND ($2::text[] IS NULL OR branch = ANY($2)) ORDER BY callback_history.version
"""

_PARTS: LiteralString = """
WITH RECURSIVE parts AS (
    SELECT id FROM cases WHERE id = $1
    UNION
    SELECT cases.id FROM cases JOIN parts ON cases.merged_into = parts.id)
SELECT id FROM parts ORDER BY id
"""

_CALLS: LiteralString = """
SELECT call_id FROM (
    SELECT call_id FROM cases WHERE id = ANY($1::uuid[]) AND call_id IS NOT NULL
    UNION
    SELECT call_id FROM case_calls WHERE case_id = ANY($1::uuid[])) AS found
JOIN calls ON calls.id = call_id ORDER BY calls.arrived_at, calls.id
"""
