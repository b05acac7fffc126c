"""Call backs in PostgreSQL: claimed by one agent at a time, tried, given up; each change with its row of history."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import LiteralString
from uuid import UUID, uuid4

from telephony.cases.callback import (
    SPOKE,
    Action,
    CallBack,
    Lost,
    Manners,
    Tried,
    claimed,
    clean,
    given_up,
    released,
    tried,
)
from telephony.cases.case_rows import as_json, callback_of, callback_values, case_of, within, work_told_to_others
from telephony.cases.casebook import Doing, write
from telephony.cases.changes import Document, changed
from telephony.cases.model import Terms
from telephony.cases.rows import storable
from telephony.cases.rules import advance
from telephony.cases.steps import FirstAnswered, Step, Take
from telephony.cases.turns import Held, Turns

LOCK = 0x3333_6361_7365_776B
"""PostgreSQL's advisory lock that whoever opens call backs holds, to the end of its transaction."""


class NoSuchWork(LookupError):  # noqa: N818 - what it is
    """There is no call back with this id."""


class StaleWork(Exception):  # noqa: N818 - what it is
    """Somebody has changed it meanwhile. `work`: as it is now."""

    def __init__(self, work: CallBack) -> None:
        super().__init__(f"the call back is at version {work.version} by now; look at it again")
        self.work = work


class CallBacks:
    """The call backs of one database. All methods raise what `Turns.transaction` does, too.

    Args:
        turns: its connections.
        manners: how callers are called back.
        terms_of: the set periods of a branch, for the cases of whom is reached.
    """

    def __init__(self, turns: Turns, manners: Manners, terms_of: Callable[[str], Terms]) -> None:
        self._turns, self._manners, self._terms_of = turns, manners, terms_of

    async def claim(self, work: UUID, doing: Doing) -> CallBack:
        """He is calling this number; raises NoSuchWork, NotAllowed, StaleWork."""
        now, manners = doing.at, self._manners
        return await self._change(work, doing, Action.CLAIMED, lambda one: claimed(one, doing.by, now, manners))

    async def agree(self, number: str, branch: str, due_at: datetime, doing: Doing) -> CallBack:
        """He is told in a talk that he will be called back; what is open for his number becomes that, too.

        Args:
            number: normalised, not empty.
            branch: for which.
            due_at: by then.
            doing: who said so; from then on a call of his that is answered closes it.
        """
        async with self._turns.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)  # or the machine could open it, too
            open_ones = await open_work(connection, number, (branch,), None)
            if not open_ones:
                fresh = CallBack(uuid4(), number, branch, Lost.AGREED, doing.at, doing.at, due_at, calls=0)
                await write_work(connection, None, fresh, Action.AGREED, doing)
                return fresh
            before = open_ones[0]
            if before.reason is Lost.AGREED and before.due_at <= due_at:
                return before
            after = replace(
                before,
                version=before.version + 1,
                reason=Lost.AGREED,
                lost_at=max(before.lost_at, doing.at),
                due_at=min(before.due_at, due_at),
            )
            await write_work(connection, before, after, Action.AGREED, doing)
            return after

    async def claim_next(self, branches: Collection[str] | None, doing: Doing) -> CallBack | None:
        """The most urgent that nobody is at, claimed; None: there is none.

        Args:
            branches: of these of his; None: of any of his.
            doing: who; the same key gives the same work.
        """
        named = within(branches, doing.by)
        async with self._turns.transaction() as connection:
            if doing.key is not None:
                known = await connection.fetchrow(_CLAIMED_BY_KEY, storable(doing.by.id), storable(doing.key))
                if known is not None:
                    return callback_of(known)
            row = await connection.fetchrow(_NEXT, named, doing.at)
            if row is None:
                return None
            before = callback_of(row)
            after = claimed(before, doing.by, doing.at, self._manners)
            await write_work(connection, before, after, Action.CLAIMED, doing)
            return after

    async def release(self, work: UUID, doing: Doing) -> CallBack:
        """He is not, after all; raises like `claim`."""
        return await self._change(work, doing, Action.RELEASED, lambda one: released(one, doing.by))

    async def tried(self, work: UUID, result: Tried, note: str, doing: Doing) -> CallBack:
        """He rang, and this came of it; raises like `claim`.

        Who reaches the caller owns what nobody owned (STD-FIRST-ASKED): the newest of his cases is open from then on.
        """
        told: Document = {"result": result.value, "note": clean(note)}
        rule = partial(tried, by=doing.by, now=doing.at, result=result, note=note)
        return await self._change(work, doing, Action.TRIED, rule, told, spoke=result in SPOKE)

    async def give_up(self, work: UUID, doing: Doing) -> CallBack:
        """He cannot be reached; raises like `claim`."""
        return await self._change(
            work, doing, Action.GIVEN_UP, lambda one: given_up(one, doing.by, doing.at, self._manners)
        )

    async def _change(  # noqa: PLR0913 - what a change is
        self,
        work: UUID,
        doing: Doing,
        action: Action,
        rule: Callable[[CallBack], CallBack],
        told: Document | None = None,
        *,
        spoke: bool = False,
    ) -> CallBack:
        async with self._turns.transaction() as connection:
            row = await connection.fetchrow(_LOCK, work)
            if row is None or not doing.by.works_in(row["branch"]):
                raise NoSuchWork(f"there is no call back {work}")
            before = callback_of(row)
            if doing.key is not None and await connection.fetchval(_WAS_DONE, work, storable(doing.key)):
                return before
            if doing.version is not None and doing.version != before.version:
                raise StaleWork(before)
            after = rule(before)
            await write_work(connection, before, after, action, doing, told)
            if spoke:
                await self._owned(connection, work, doing)
            return after

    async def _owned(self, connection: Held, work: UUID, doing: Doing) -> None:
        """His cases that nobody owns: the newest is taken, the others are shown to be his."""
        doing = replace(doing, key=None, version=None)
        for number, row in enumerate(await connection.fetch(_OWNERLESS, work)):
            before = case_of(row)
            step: Step = Take() if number == 0 else FirstAnswered(doing.by, before.branch)
            after = advance(before, step, doing.by, doing.at, self._terms_of(before.branch))
            await write(connection, before, replace(after, owner=doing.by), step, doing)


async def write_work(  # noqa: PLR0913, PLR0917 - the last has a default
    connection: Held,
    before: CallBack | None,
    after: CallBack,
    action: Action,
    doing: Doing,
    told: Document | None = None,
) -> None:
    """The new state, its row of the history, and what others are told."""
    was, now = changed(before, after)
    by = storable(doing.by.id), storable(doing.by.name)
    key = None if doing.key is None else storable(doing.key)
    await connection.execute(_WRITE, *callback_values(after))
    words = action.value, as_json(was), as_json(now), as_json(told or {})
    await connection.execute(_HISTORY, after.id, after.version, doing.at, *by, *words, key)
    topic = f"callback.{action}"
    await connection.execute(_TELL, doing.at, topic, after.id, after.version, as_json(work_told_to_others(after)))


async def open_work(
    connection: Held, number: str, branches: Collection[str], lost_by: datetime | None
) -> list[CallBack]:
    """What is open for a number and some branches, locked.

    Args:
        connection: in a transaction.
        number: normalised.
        branches: any of these.
        lost_by: lost for the last time by then; None: whenever.
    """
    rows = await connection.fetch(_OPEN_OF, storable(number), [storable(one) for one in branches], lost_by)
    return [callback_of(row) for row in rows]


_LOCK: LiteralString = "SELECT * FROM callbacks WHERE id = $1 FOR UPDATE"

# Who waits for another's row would be given what that one has just claimed: so it is passed over.
_NEXT: LiteralString = """
SELECT * FROM callbacks
WHERE result IS NULL AND ($1::text[] IS NULL OR branch = ANY($1)) AND (claimed_until IS NULL OR claimed_until <= $2)
ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""

_CLAIMED_BY_KEY: LiteralString = """
SELECT callbacks.* FROM callback_history JOIN callbacks ON callbacks.id = callback_id
WHERE by_id = $1 AND key = $2 AND what = 'claimed' AND result IS NULL AND claimed_by ->> 'id' = $1 LIMIT 1
"""

_WAS_DONE: LiteralString = "SELECT EXISTS (SELECT FROM callback_history WHERE callback_id = $1 AND key = $2)"

_OPEN_OF: LiteralString = """
SELECT * FROM callbacks
WHERE number = $1 AND branch = ANY($2::text[]) AND result IS NULL AND ($3::timestamptz IS NULL OR lost_at <= $3)
ORDER BY id FOR UPDATE
"""

_OWNERLESS: LiteralString = """
SELECT cases.* FROM callback_calls JOIN cases USING (call_id)
WHERE callback_id = $1 AND owner IS NULL AND NOT worked
ORDER BY cases.opened_at DESC, cases.id FOR UPDATE OF cases
"""

_WRITE: LiteralString = """
INSERT INTO callbacks (id, number, branch, reason, opened_at, lost_at, due_at, version, calls, attempts, claimed_by,
    claimed_until, result, closed_at, closed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13, $14, $15)
ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, lost_at = excluded.lost_at, due_at = excluded.due_at,
    version = excluded.version, calls = excluded.calls, attempts = excluded.attempts,
    claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until, result = excluded.result,
    closed_at = excluded.closed_at, closed_by = excluded.closed_by
"""

_HISTORY: LiteralString = """
INSERT INTO callback_history (callback_id, version, at, by_id, by_name, what, before, after, detail, key)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9::jsonb, $10)
"""

_TELL: LiteralString = "INSERT INTO outbox (at, topic, subject, version, told) VALUES ($1, $2, $3, $4, $5::jsonb)"
