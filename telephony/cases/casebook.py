"""Cases in PostgreSQL: every change is one transaction of the new state, its row of the history, and what is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID, uuid5

from telephony.calls.record import THREE_RINGS
from telephony.cases.case_rows import as_json, case_of, case_values, told_to_others
from telephony.cases.changes import changed, detail, narrowed
from telephony.cases.model import Case, Terms
from telephony.cases.person import MACHINE, Person
from telephony.cases.rows import storable
from telephony.cases.rules import NotAllowed, Why, advance, visible
from telephony.cases.steps import Absorb, JoinCall, MergeInto, Opened, PartCall, Release, Step, Unmerge
from telephony.cases.turns import Held, Turns


class NoSuchCase(LookupError):  # noqa: N818 - what it is
    """There is no case, or no call, with this id."""


class Stale(Exception):  # noqa: N818 - what it is
    """Somebody has changed the case meanwhile. `case`: as it is now."""

    def __init__(self, case: Case) -> None:
        super().__init__(f"the case is at version {case.version} by now; look at it again")
        self.case = case


@dataclass(frozen=True, slots=True)
class Doing:
    """Who changes something, when.

    Attributes:
        by: who. at: when, aware.
        key: the same for every attempt at one change, which is made once; None: each attempt is one of its own.
        version: of the case that he looked at; None: whichever it has.
    """

    by: Person
    at: datetime
    key: str | None = None
    version: int | None = None


class Casebook:
    """The cases of one database. All methods raise what `Turns.transaction` does, too.

    Args:
        turns: its connections.
        terms_of: the set periods of a branch.
    """

    def __init__(self, turns: Turns, terms_of: Callable[[str], Terms]) -> None:
        self._turns, self._terms_of = turns, terms_of

    async def change(self, case: UUID, step: Step, doing: Doing) -> Case:
        """The case after a step that concerns no other (for these, see below).

        Raises:
            NoSuchCase: there is none. NotAllowed: it cannot be done. Stale: somebody was faster.
        """
        async with self._turns.transaction() as connection:
            before = (await locked(connection, doing.by, case))[case]
            if await _was_done(connection, case, doing):
                return before
            _require_version(before, doing)
            return await self._step(connection, before, step, doing)

    async def open(self, branch: str, doing: Doing, call: UUID | None = None) -> Case:
        """Another case: a further matter of a call, or one without a call. `doing.key` names it; it is opened once.

        Raises:
            NoSuchCase: there is no such call. NotAllowed: it is no branch of his.
        """
        if not doing.by.works_in(branch):
            raise NotAllowed(Why.BRANCH, "a case is opened in a branch of one's own")
        async with self._turns.transaction() as connection:
            if call is not None:
                await _require_sight(connection, call, doing.by)
            case = await self._opened(connection, branch, doing)
            if call is not None:
                case = await self._join(connection, case, call, replace(doing, key=None))  # one attempt, two changes
            return case

    async def join(self, case: UUID, call: UUID, doing: Doing) -> Case:
        """A further call is about the case; raises like `change`."""
        async with self._turns.transaction() as connection:
            before = (await locked(connection, doing.by, case))[case]
            if await _was_done(connection, case, doing):
                return before
            _require_version(before, doing)
            await _require_sight(connection, call, doing.by)
            return await self._join(connection, before, call, doing)

    async def part(self, case: UUID, call: UUID, doing: Doing) -> Case:
        """A call that was joined is not about the case after all; raises like `change`."""
        async with self._turns.transaction() as connection:
            before = (await locked(connection, doing.by, case))[case]
            if await _was_done(connection, case, doing):
                return before
            _require_version(before, doing)
            return await self._part(connection, before, call, doing)

    async def split(self, case: UUID, calls: Sequence[UUID], doing: Doing) -> Case:
        """A new case with some of the calls that were joined to this one; joining them again undoes it.

        Returns:
            The new case.

        Raises:
            As `change`. The call that opened a case stays with it.
        """
        async with self._turns.transaction() as connection:
            before = (await locked(connection, doing.by, case))[case]
            fresh = await self._opened(connection, before.branch, doing)
            if fresh.version > 1:  # by an earlier attempt
                return fresh
            _require_version(before, doing)
            for number, call in enumerate(dict.fromkeys(calls)):
                each = replace(doing, key=None if doing.key is None else f"{doing.key[:180]}#{number}")
                before = await self._part(connection, before, call, each)
                fresh = await self._join(connection, fresh, call, each)
            return fresh

    async def merge(self, case: UUID, into: UUID, doing: Doing) -> Case:
        """The case becomes a part of another; raises like `change`. `doing.version` is of the case, not of the other.

        Returns:
            The other.
        """
        async with self._turns.transaction() as connection:
            both = await locked(connection, doing.by, case, into)
            if await _was_done(connection, case, doing):
                return both[into]
            _require_version(both[case], doing)
            await self._step(connection, both[case], MergeInto(into), doing)
            return await self._step(connection, both[into], Absorb(case), doing)

    async def unmerge(self, case: UUID, doing: Doing) -> Case:
        """The case is one of its own again, where it stood; raises like `change`."""
        async with self._turns.transaction() as connection:
            part = (await locked(connection, doing.by, case))[case]
            if await _was_done(connection, case, doing):
                return part
            _require_version(part, doing)
            if part.merged is None:
                raise NotAllowed(Why.STATE, "it is a part of no other case")
            whole = (await locked(connection, doing.by, part.merged.into))[part.merged.into]
            after = await self._step(connection, part, Unmerge(), doing)
            await self._step(connection, whole, Release(case), doing)
            return after

    # --- within a transaction ---

    async def _step(self, connection: Held, before: Case, step: Step, doing: Doing) -> Case:
        after = advance(before, step, doing.by, doing.at, self._terms_of(before.branch))
        await write(connection, before, after, step, doing)
        return after

    async def _opened(self, connection: Held, branch: str, doing: Doing) -> Case:
        id_ = uuid5(THREE_RINGS, f"matter\x1f{storable(doing.by.id)}\x1f{doing.key or doing.at.isoformat()}")
        fresh = await connection.fetchrow(_OPEN, id_, doing.at, storable(branch))
        case = (await locked(connection, MACHINE, id_))[id_]
        return case if fresh is None else await self._step(connection, case, Opened(), doing)

    async def _join(self, connection: Held, case: Case, call: UUID, doing: Doing) -> Case:
        if case.call == call or await connection.fetchval(_IS_JOINED, case.id, call):
            return case
        after = await self._step(connection, case, JoinCall(call), doing)
        await connection.execute(_JOIN, case.id, call)
        return after

    async def _part(self, connection: Held, case: Case, call: UUID, doing: Doing) -> Case:
        if not await connection.fetchval(_IS_JOINED, case.id, call):
            raise NotAllowed(Why.STATE, "only a call that was joined to a case can be taken out of it")
        after = await self._step(connection, case, PartCall(call), doing)
        await connection.execute(_PART, case.id, call)
        return after


async def locked(connection: Held, by: Person, *cases: UUID) -> dict[UUID, Case]:
    """These cases, which nobody else changes before the transaction ends.

    Raises:
        NoSuchCase: one is not there, or not for him to see.
    """
    rows = await connection.fetch(_LOCK, sorted(set(cases)))
    found = {row["id"]: case_of(row) for row in rows}
    for case in cases:
        if case not in found or not visible(found[case], by):
            raise NoSuchCase(f"there is no case {case}")
    return found


async def write(connection: Held, before: Case, after: Case, step: Step, doing: Doing) -> None:
    """The new state, its row of the history, and what others are told."""
    was, now = narrowed(*changed(before, after))
    await connection.execute(_UPDATE, after.id, before.version, *case_values(after))
    by = storable(doing.by.id), storable(doing.by.name)
    words: tuple[Any, ...] = (step.move.value, as_json(was), as_json(now), as_json(detail(step)))
    key = None if doing.key is None else storable(doing.key)
    await connection.execute(_HISTORY, after.id, after.version, doing.at, *by, *words, key)
    topic = f"case.{step.move}"
    await connection.execute(_TELL, doing.at, topic, after.id, after.version, as_json(told_to_others(after)))


async def _was_done(connection: Held, case: UUID, doing: Doing) -> bool:
    if doing.key is None:
        return False
    return bool(await connection.fetchval(_WAS_DONE, case, storable(doing.key)))


async def _require_sight(connection: Held, call: UUID, by: Person) -> None:
    """A call is seen by who sees the case that it opened; one that opened none, by all."""
    row = await connection.fetchrow(_CASE_OF_CALL, call)
    if row is None or (row["id"] is not None and not visible(case_of(row), by)):
        raise NoSuchCase(f"there is no call {call}")


def _require_version(case: Case, doing: Doing) -> None:
    if doing.version is not None and doing.version != case.version:
        raise Stale(case)


# In one order, so that two who merge never wait for each other in a circle.
_LOCK: LiteralString = "SELECT * FROM cases WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"

_OPEN: LiteralString = """
INSERT INTO cases (id, opened_at, branch) SELECT $1::uuid, $2, $3
WHERE NOT EXISTS (SELECT FROM cases WHERE id = $1) ON CONFLICT (id) DO NOTHING RETURNING id
"""

_UPDATE: LiteralString = """
UPDATE cases SET version = $3, state = $4, kind = $5, branch = $6, worked = $7, advice = $8, form = $9::jsonb,
    owner = $10, owner_name = $11, owner_role = $12, offered = $13::jsonb, offered_to = $14, due_at = $15,
    plan = $16::jsonb, feedback = $17::jsonb, visit = $18::jsonb, closed_at = $19, archived_at = $20,
    merged_into = $21, merged_from = $22
WHERE id = $1 AND version = $2
"""

_HISTORY: LiteralString = """
INSERT INTO case_history (case_id, version, at, by_id, by_name, what, before, after, detail, key)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9::jsonb, $10)
"""

_TELL: LiteralString = "INSERT INTO outbox (at, topic, subject, version, told) VALUES ($1, $2, $3, $4, $5::jsonb)"

_WAS_DONE: LiteralString = "SELECT EXISTS (SELECT FROM case_history WHERE case_id = $1 AND key = $2)"

_CASE_OF_CALL: LiteralString = """
SELECT cases.* FROM calls LEFT JOIN cases ON cases.call_id = calls.id WHERE calls.id = $1
"""

_IS_JOINED: LiteralString = "SELECT EXISTS (SELECT FROM case_calls WHERE case_id = $1 AND call_id = $2)"

_JOIN: LiteralString = "INSERT INTO case_calls (case_id, call_id) VALUES ($1, $2)"

_PART: LiteralString = "DELETE FROM case_calls WHERE case_id = $1 AND call_id = $2"
