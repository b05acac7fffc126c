"""The machine's part of casework, out of the calls that were saved (STD-FIRST-ASKED).

Who answered first owns the case; who was not answered becomes work, which ends when he gets through. Each saved state
of a call is looked at once, whenever that is: a later state puts right what an earlier one said, and the same again
changes nothing. What a person has done is never touched.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString
from uuid import UUID, uuid4

import asyncpg
import structlog

from telephony.calls.record import CallRecord, Kind
from telephony.cases.accounts import bound_to
from telephony.cases.asked import Answered, House, Pending, Said, Unanswered, asked
from telephony.cases.callback import Action, CallBack, Lost, Result
from telephony.cases.callbacks import LOCK, open_work, write_work
from telephony.cases.case_rows import callback_of, case_of
from telephony.cases.casebook import Doing, write
from telephony.cases.model import Case, Terms
from telephony.cases.person import MACHINE, Person
from telephony.cases.rows import storable, stored_calls
from telephony.cases.rules import NotAllowed, advance
from telephony.cases.seats import NO_SEATS, Seats
from telephony.cases.steps import FirstAnswered
from telephony.cases.turns import Held, Turns

BATCH = 100
"""Calls looked at in one transaction."""
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
        seats: at which desk somebody answered.
    """

    def __init__(
        self, turns: Turns, house: Callable[[], House], terms_of: Callable[[str], Terms], seats: Seats = NO_SEATS
    ) -> None:
        self._turns, self._house, self._terms_of, self._seats = turns, house, terms_of, seats

    async def look(self, at: datetime, batch: int = BATCH) -> Looked:
        """Look at the calls that were saved longest ago, all or none; none: nothing is left, or another looks."""
        async with self._turns.transaction() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
                return Looked(0)  # another looks: two at once could see two states of one call, and the older win
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
            await _not_through(connection, call, house, doing)
        if not isinstance(said, Unanswered):
            await _not_lost(connection, call, house, doing)
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
        case, branch, agent = case_of(row), storable(said.branch), self._agent(said)
        if isinstance(said, Pending) and case.owner is None:
            return  # what becomes of it is told once
        # Who has this desk by now, or what he may be called, does not matter: it is his who answered then.
        same = (_id(agent) or "") == (await connection.fetchval(_AGENT, case.id) or "")
        if same and case.branch == branch:
            return
        owner = case.owner if same else await self._account(connection, said, agent)
        await self._advance(connection, case, FirstAnswered(owner, branch, _id(agent) or ""), doing)

    def _agent(self, said: Said) -> Person | None:
        if not isinstance(said, Answered) or not said.agent:
            return None
        return self._seats.owner(storable(said.pbx), storable(said.agent), storable(said.interface))

    async def _account(self, connection: Held, said: Said, agent: Person | None) -> Person | None:
        """The account of who answered, where his desk has one."""
        seat = self._seats.of(said.pbx, said.agent, said.interface) if isinstance(said, Answered) else None
        account = None if seat is None or agent is None else await bound_to(connection, seat.name)
        return agent if account is None else self._seats.worker(account.person())

    async def _advance(self, connection: Held, case: Case, step: FirstAnswered, doing: Doing) -> None:
        after = advance(case, step, doing.by, doing.at, self._terms_of(case.branch))
        await write(connection, case, after, step, doing)


def _id(person: Person | None) -> str | None:
    return None if person is None else person.id


async def _calls(connection: Held, ids: Collection[UUID]) -> Sequence[CallRecord]:
    """As they are saved now, those that ended first before the others; of offers those that were answered."""
    if not ids:
        return ()
    rows = await connection.fetch(_CALLS, list(ids))
    visits = await connection.fetch(_VISITS, list(ids))
    answers = await connection.fetch(_ANSWERS, list(ids))
    return [stored.call for stored in stored_calls(rows, visits, answers)]


async def _lost(connection: Held, call: CallRecord, said: Unanswered, house: House, doing: Doing) -> None:
    """He was not answered: one more call of the work for his number and branch, which is opened if there is none.

    What is learned late of somebody who got through since is work that is done; whom an agent rang since, is not lost.
    """
    number, branch = storable(said.number), storable(said.branch)
    if await connection.fetchval(_IS_COUNTED, call.id) or await connection.fetchval(_RANG, number, branch, said.at):
        return
    told = {"call": str(call.id)}
    fresh = CallBack(uuid4(), number, branch, said.reason, doing.at, said.at, said.due_at)
    through = await _through(connection, call.caller, said.branch, said.at, house)
    found = await open_work(connection, number, (branch,), None)
    if through is not None:
        done = replace(fresh, result=Result.GOT_THROUGH, closed_at=doing.at, closed_by=through)
        await write_work(connection, None, done, Action.GOT_THROUGH, doing, told)
    elif found:
        work = found[0]
        fresh = replace(
            work,
            version=work.version + 1,
            calls=work.calls + 1,
            lost_at=max(work.lost_at, said.at),
            due_at=min(work.due_at, said.due_at),
            reason=said.reason if said.at > work.lost_at and work.reason is not Lost.AGREED else work.reason,
        )
        await write_work(connection, work, fresh, Action.CALLER_LOST, doing, told)
    else:
        await write_work(connection, None, fresh, Action.OPENED, doing, told)
    await connection.execute(_COUNT, call.id, fresh.id)


async def _through(connection: Held, caller: str, branch: str, since: datetime, house: House) -> UUID | None:
    """The first call since then by which he got through to a branch."""
    for row in await connection.fetch(_ANSWERED_SINCE, storable(caller), since):
        places = (row["kind"], row["queue"]), (row["first_kind"], row["first_queue"])
        if branch in {house.branches.get((Kind(kind), queue), "") for kind, queue in places}:
            found: UUID = row["id"]
            return found
    return None


async def _not_lost(connection: Held, call: CallRecord, house: House, doing: Doing) -> None:
    """It is not a call for which he must be called back, or not yet: the work is for the others, if there are any."""
    row = await connection.fetchrow(_WORK_OF, call.id)
    if row is None:
        return
    await connection.execute(_UNCOUNT, call.id)
    work = callback_of(row)
    left = await connection.fetchrow(_LEFT, work.id)
    after = replace(
        work,
        version=work.version + 1,
        calls=max(0, work.calls - 1),
        lost_at=work.lost_at if left is None or left["lost_at"] is None else left["lost_at"],
    )
    await write_work(connection, work, after, Action.CALLER_CORRECTED, doing, {"call": str(call.id)})
    if not after.is_open:
        return
    if not after.calls and after.reason is not Lost.AGREED:
        await _closed(connection, after, Result.CORRECTED, None, doing)
    elif through := await _through(connection, call.caller, work.branch, after.lost_at, house):
        await _closed(connection, after, Result.GOT_THROUGH, through, doing)


async def _closed(connection: Held, work: CallBack, result: Result, call: UUID | None, doing: Doing) -> None:
    done = replace(work, version=work.version + 1, result=result, closed_at=doing.at, closed_by=call, claim=None)
    action = Action.CALLER_CORRECTED if call is None else Action.GOT_THROUGH
    await write_work(connection, work, done, action, doing)


async def _not_through(connection: Held, call: CallRecord, house: House, doing: Doing) -> None:
    """What this call had closed is open again, for he did not get through by it; unless he did by a later one."""
    for row in await connection.fetch(_CLOSED_BY, call.id):
        work = callback_of(row)
        if not work.calls and work.reason is not Lost.AGREED:  # its calls were answered, too, as it proved
            await _closed(connection, work, Result.CORRECTED, None, doing)
            continue
        if through := await _through(connection, call.caller, work.branch, work.lost_at, house):
            later = replace(work, version=work.version + 1, closed_by=through)
            await write_work(connection, work, later, Action.GOT_THROUGH, doing)
            continue
        others = await open_work(connection, work.number, (work.branch,), None)
        if others:
            await _joined(connection, work, others[0], doing)
        else:
            again = replace(work, version=work.version + 1, result=None, closed_at=None, closed_by=None)
            await write_work(connection, work, again, Action.REOPENED, doing)


async def _joined(connection: Held, work: CallBack, other: CallBack, doing: Doing) -> None:
    """The calls of one go into the other, which was opened since."""
    moved = replace(work, version=work.version + 1, calls=0, result=Result.CORRECTED, closed_by=None)
    await write_work(connection, work, moved, Action.CALLER_CORRECTED, doing)
    await connection.execute(_MOVE, work.id, other.id)
    more = replace(
        other,
        version=other.version + 1,
        calls=other.calls + work.calls,
        lost_at=max(other.lost_at, work.lost_at),
        due_at=min(other.due_at, work.due_at),
    )
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

_ANSWERS: LiteralString = """
SELECT * FROM offers WHERE call_id = ANY($1::uuid[]) AND result = 'answered' ORDER BY call_id, visit, ordinal
"""

_AGENT: LiteralString = """
SELECT detail ->> 'agent' FROM case_history WHERE case_id = $1 AND what = 'first_answered'
ORDER BY version DESC LIMIT 1
"""

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

_RANG: LiteralString = """
SELECT EXISTS (SELECT FROM callbacks
WHERE number = $1 AND branch = $2 AND closed_at >= $3 AND result IN ('reached', 'not_reached'))
"""

_LEFT: LiteralString = """
SELECT max(ended_at) AS lost_at FROM callback_calls JOIN calls ON calls.id = call_id WHERE callback_id = $1
"""

# The index `calls_of_caller` knows the beginning of a number.
_ANSWERED_SINCE: LiteralString = """
SELECT calls.id, visits.kind, visits.queue, sought.kind AS first_kind, sought.queue AS first_queue
FROM calls
JOIN visits ON visits.call_id = calls.id AND visits.answered_at >= $2
JOIN visits AS sought ON sought.call_id = calls.id AND sought.ordinal = 1
WHERE left(calls.caller, 64) = left($1, 64) AND calls.caller = $1 AND calls.caller <> ''
    AND calls.direction = 'inbound' AND (calls.ended_at IS NULL OR calls.ended_at >= $2)
ORDER BY visits.answered_at, calls.id
"""
