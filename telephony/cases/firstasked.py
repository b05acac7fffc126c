"""The machine's part of casework, out of the calls that were saved (STD-FIRST-ASKED).

Who answered first owns the case; who was not answered becomes work, which ends when he gets through. Each saved state
of a call is looked at once, whenever that is: a later state puts right what an earlier one said, and the same again
changes nothing. What a person has done is never touched.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString
from uuid import UUID, uuid4

import asyncpg
import structlog

from telephony.calls.record import CallRecord, Kind
from telephony.cases.asked import Answered, House, Pending, Said, Unanswered, asked
from telephony.cases.callback import Action, CallBack, Result
from telephony.cases.callbacks import open_work, write_work
from telephony.cases.case_rows import callback_of, case_of
from telephony.cases.casebook import Doing, write
from telephony.cases.model import Case, Terms
from telephony.cases.person import MACHINE, Person, unbound
from telephony.cases.rows import Row, storable, stored_calls
from telephony.cases.rules import NotAllowed, advance
from telephony.cases.steps import FirstAnswered
from telephony.cases.turns import Held, Turns

BATCH = 100
"""Calls looked at in one transaction."""
Who = Callable[[str, str], Person | None]
"""The account of an agent: PBX, and his name there; None: he has none."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of one batch: so many `calls` were looked at, and of these so many `refused` by our own rules."""

    calls: int
    refused: int = 0


class FirstAsked:
    """Looks at what was saved. All methods raise what `Turns.transaction` does.

    Args:
        turns: connections.
        house: what is known of the places that callers seek.
        terms_of: the set periods of a branch.
        who: the account of an agent.
    """

    def __init__(
        self, turns: Turns, house: Callable[[], House], terms_of: Callable[[str], Terms], who: Who = lambda *_: None
    ) -> None:
        self._turns, self._house, self._terms_of, self._who = turns, house, terms_of, who

    async def look(self, at: datetime, batch: int = BATCH) -> Looked:
        """Look at the calls that were saved longest ago, all or none; nothing is left when none was looked at."""
        async with self._turns.transaction() as connection:
            due = await connection.fetch(_DUE, batch)
            calls = await _calls(connection, {row["call_id"] for row in due})
            refused = 0
            for call in calls:
                try:
                    async with connection.transaction():
                        await self._apply(connection, call, Doing(MACHINE, at))
                except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, NotAllowed, ValueError) as error:
                    # One call that cannot be must not keep all later ones from being looked at. The words of
                    # PostgreSQL hold the row, and with it the number: only the constraint is told.
                    refused += 1
                    reason = getattr(error, "constraint_name", None) or type(error).__name__
                    log.error("call_not_looked_at", call=str(call.id), reason=reason)  # noqa: TRY400
            return Looked(len(due), refused)

    async def _apply(self, connection: Held, call: CallRecord, doing: Doing) -> None:
        house = self._house()
        said = asked(call, house)
        if not isinstance(said, Answered):
            await _not_through(connection, call.id, doing)
        if not isinstance(said, Unanswered):
            await _not_lost(connection, call.id, doing)
        number = house.normalised(call.caller)
        if isinstance(said, Answered) and number:
            for work in await open_work(connection, number, said.branches, said.at):
                await _closed(connection, work, Result.GOT_THROUGH, call.id, doing)
        if isinstance(said, Unanswered) and number:
            await _lost(connection, call, said, house, doing)
        await self._own(connection, call, said, doing)  # last: whoever rings locks the work, then the case

    async def _own(self, connection: Held, call: CallRecord, said: Said, doing: Doing) -> None:
        row = None if call.case is None else await connection.fetchrow(_CASE, call.case)
        if row is None:
            return
        case = case_of(row)
        owner = self._owner(said)
        if isinstance(said, Pending) and case.owner is None:
            return  # what becomes of it is told once
        if (_id(case.owner), case.branch) == (_id(owner), storable(said.branch)):
            return
        await self._advance(connection, case, FirstAnswered(owner, storable(said.branch)), doing)

    def _owner(self, said: Said) -> Person | None:
        if not isinstance(said, Answered) or not said.agent:
            return None
        return self._who(said.pbx, said.agent) or unbound(storable(said.agent))

    async def _advance(self, connection: Held, case: Case, step: FirstAnswered, doing: Doing) -> None:
        after = advance(case, step, doing.by, doing.at, self._terms_of(case.branch))
        await write(connection, case, after, step, doing)


def _id(person: Person | None) -> str | None:
    return None if person is None else person.id


async def _calls(connection: Held, ids: Collection[UUID]) -> Sequence[CallRecord]:
    """As they are saved now, those that ended first before the others; without offers."""
    if not ids:
        return ()
    rows = await connection.fetch(_CALLS, list(ids))
    visits = await connection.fetch(_VISITS, list(ids))
    return [stored.call for stored in stored_calls(rows, visits, ())]


async def _lost(connection: Held, call: CallRecord, said: Unanswered, house: House, doing: Doing) -> None:
    """He was not answered: one more call of the work for his number and branch, which is opened if there is none."""
    if await connection.fetchval(_IS_COUNTED, call.id) or await _reached_since(connection, call, said, house):
        return
    found = await open_work(connection, said.number, (said.branch,), None)
    if found:
        work = found[0]
        later = said.at > work.lost_at
        after = replace(
            work,
            version=work.version + 1,
            calls=work.calls + 1,
            lost_at=max(work.lost_at, said.at),
            due_at=min(work.due_at, said.due_at),
            reason=said.reason if later else work.reason,
        )
        await write_work(connection, work, after, Action.CALLER_LOST, doing, {"call": str(call.id)})
    else:
        branch = storable(said.branch)
        after = CallBack(uuid4(), said.number, branch, said.reason, doing.at, said.at, said.due_at)
        await write_work(connection, None, after, Action.OPENED, doing, {"call": str(call.id)})
    await connection.execute(_COUNT, call.id, after.id)


async def _reached_since(connection: Held, call: CallRecord, said: Unanswered, house: House) -> bool:
    """He got through since, or was called back: what is learned late of an earlier call asks for nothing."""
    if await connection.fetchval(_REACHED, storable(said.number), storable(said.branch), said.at):
        return True
    rows = await connection.fetch(_ANSWERED_SINCE, storable(call.caller), said.at)
    return any(_branch(row, house.branches) == said.branch for row in rows)


def _branch(row: Row, branches: Mapping[tuple[Kind, str], str]) -> str:
    return branches.get((Kind(row["kind"]), row["queue"]), "")


async def _not_lost(connection: Held, call: UUID, doing: Doing) -> None:
    """It is not a call for which he must be called back, or not yet: the work is for the others, if there are any."""
    row = await connection.fetchrow(_WORK_OF, call)
    if row is None:
        return
    await connection.execute(_UNCOUNT, call)
    work = callback_of(row)
    after = replace(work, version=work.version + 1, calls=max(0, work.calls - 1))
    told = {"call": str(call)}
    await write_work(connection, work, after, Action.CALLER_CORRECTED, doing, told)
    if after.is_open and not after.calls:
        await _closed(connection, after, Result.CORRECTED, None, doing)


async def _closed(connection: Held, work: CallBack, result: Result, call: UUID | None, doing: Doing) -> None:
    through = result is Result.GOT_THROUGH
    done = replace(
        work,
        version=work.version + 1,
        result=result,
        closed_at=doing.at,
        closed_by=call if through else None,
        claim=None,
    )
    action = Action.GOT_THROUGH if through else Action.CALLER_CORRECTED
    await write_work(connection, work, done, action, doing)


async def _not_through(connection: Held, call: UUID, doing: Doing) -> None:
    """What this call had closed is open again: he did not get through by it."""
    for row in await connection.fetch(_CLOSED_BY, call):
        work = callback_of(row)
        others = await open_work(connection, work.number, (work.branch,), None)
        again = replace(work, version=work.version + 1, result=None, closed_at=None, closed_by=None)
        if not others:
            await write_work(connection, work, again, Action.REOPENED, doing)
            continue
        other = others[0]
        moved = replace(work, version=work.version + 1, calls=0, result=Result.CORRECTED, closed_by=None)
        await write_work(connection, work, moved, Action.CALLER_CORRECTED, doing)
        await connection.execute(_MOVE, work.id, other.id)
        more = replace(other, version=other.version + 1, calls=other.calls + work.calls,
                       due_at=min(other.due_at, work.due_at))  # fmt: skip
        await write_work(connection, other, more, Action.CALLER_LOST, doing)


# Rows of a state that somebody is saving just now are not there yet; nobody who saves ever waits for us.
_DUE: LiteralString = """
DELETE FROM casework_due WHERE serial IN (
    SELECT serial FROM casework_due ORDER BY serial LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING call_id
"""

_CALLS: LiteralString = """
SELECT calls.*, NULL::text AS case_number FROM calls WHERE id = ANY($1::uuid[])
ORDER BY coalesce(ended_at, 'infinity'), arrived_at, id
"""

_VISITS: LiteralString = "SELECT * FROM visits WHERE call_id = ANY($1::uuid[]) ORDER BY call_id, ordinal"

_CASE: LiteralString = "SELECT * FROM cases WHERE id = $1 AND NOT worked FOR UPDATE"

_IS_COUNTED: LiteralString = "SELECT EXISTS (SELECT FROM callback_calls WHERE call_id = $1)"

_COUNT: LiteralString = "INSERT INTO callback_calls (call_id, callback_id) VALUES ($1, $2)"

_UNCOUNT: LiteralString = "DELETE FROM callback_calls WHERE call_id = $1"

_MOVE: LiteralString = "UPDATE callback_calls SET callback_id = $2 WHERE callback_id = $1"

_WORK_OF: LiteralString = """
SELECT callbacks.* FROM callback_calls JOIN callbacks ON callbacks.id = callback_id
WHERE call_id = $1 FOR UPDATE OF callbacks
"""

_CLOSED_BY: LiteralString = "SELECT * FROM callbacks WHERE closed_by = $1 ORDER BY id FOR UPDATE"

_REACHED: LiteralString = """
SELECT EXISTS (SELECT FROM callbacks
WHERE number = $1 AND branch = $2 AND closed_at >= $3 AND result IN ('reached', 'not_reached'))
"""

# The index `calls_of_caller` knows the beginning of a number.
_ANSWERED_SINCE: LiteralString = """
SELECT DISTINCT visits.kind, visits.queue FROM calls JOIN visits ON visits.call_id = calls.id
WHERE left(calls.caller, 64) = left($1, 64) AND calls.caller = $1 AND calls.caller <> ''
    AND calls.direction = 'inbound' AND (calls.ended_at IS NULL OR calls.ended_at >= $2) AND visits.answered_at >= $2
"""
