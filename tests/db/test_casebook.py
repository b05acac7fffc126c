"""Cases in a real PostgreSQL: each change is whole, told in a history that only grows, and made once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from telephony.calls.record import CallRecord
from telephony.cases.casebook import NoSuchCase, Stale
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.forms import Contact
from telephony.cases.kinds import CaseKind, State
from telephony.cases.model import Case
from telephony.cases.person import MACHINE
from telephony.cases.retention import forget
from telephony.cases.rules import NotAllowed, Why
from telephony.cases.steps import Accept, Archive, AskCaller, AskDepartment, Offer, Record, Step, Take
from telephony.cases.turns import Turns
from tests.db.casework import Office, doing, office
from tests.support.calls import at, call, visit
from tests.support.casework import ANSWER, CLOSE, LI, NOW, PLAN, SATISFIED, WANG, ZHANG, ZHAO, record

pytestmark = pytest.mark.db

ONE, TWO = call(visit(), number=1), call(visit(), number=2)


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Office]:
    async with office(database) as opened:
        await opened.store.save([ONE, TWO])
        yield opened


def id_of(one: CallRecord) -> UUID:
    assert one.case is not None
    return one.case


async def stepped(desk: Office, *steps: Step, case: UUID | None = None) -> Case:
    found: Case | None = None
    for step in steps:
        found = await desk.book.change(case or id_of(ONE), step, doing())
    assert found is not None
    return found


async def test_a_complaint_goes_into_the_archive_and_every_step_is_told(desk: Office) -> None:
    contact = Contact(at=NOW, department="技术部", person="孙工")
    steps = (record(CaseKind.COMPLAINT), AskDepartment(contact), PLAN, ANSWER, SATISFIED, CLOSE, Archive())
    done = await stepped(desk, *steps)
    whole = await desk.lists.whole(MACHINE, id_of(ONE))
    assert whole.case == done
    assert (done.state, done.version, done.number) == (State.ARCHIVED, 7, "000001")
    assert [(entry.version, entry.what) for entry in whole.history] == [
        (1, "recorded"), (2, "asked_department"), (3, "planned"), (4, "answered"), (5, "visit_made"), (6, "closed"),
        (7, "archived"),
    ]  # fmt: skip
    assert whole.history[5].before == {"state": "answered", "closed_at": None}
    assert {entry.by_name for entry in whole.history} == {"张敏"}
    told = await desk.sql("SELECT topic, told FROM outbox WHERE subject = $1 ORDER BY serial", id_of(ONE))
    assert [row["topic"] for row in told] == [f"case.{entry.what}" for entry in whole.history]
    assert "陈女士" not in str(told)


async def test_a_step_that_is_refused_leaves_no_trace(desk: Office) -> None:
    before = await stepped(desk, record(advice=True))
    with pytest.raises(NotAllowed) as told:
        await desk.book.change(id_of(ONE), Offer(WANG), doing())
    assert told.value.why is Why.SEPARATION
    assert (await desk.lists.whole(MACHINE, id_of(ONE))).case == before
    with pytest.raises(NoSuchCase):
        await desk.book.change(uuid4(), ANSWER, doing())
    with pytest.raises(NoSuchCase):
        await desk.lists.whole(MACHINE, uuid4())


async def test_of_two_who_write_on_one_version_one_does(desk: Office) -> None:
    await stepped(desk, record())
    tries = [desk.book.change(id_of(ONE), AskCaller(), doing(by, version=1)) for by in (ZHANG, ZHAO)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    stale = [one for one in found if isinstance(one, Stale)]
    assert len(stale) == 1
    assert stale[0].case.version == 2
    assert len((await desk.lists.whole(MACHINE, id_of(ONE))).history) == 2


async def test_an_attempt_that_is_made_again_is_made_once(desk: Office) -> None:
    again = doing(version=0, key="the same")
    first = await desk.book.change(id_of(ONE), record(), again)
    found = await asyncio.gather(*(desk.book.change(id_of(ONE), record(), again) for _ in range(5)))
    assert found == [first] * 5
    assert len((await desk.lists.whole(MACHINE, id_of(ONE))).history) == 1


async def test_many_who_write_at_once_lose_nothing(desk: Office) -> None:
    await stepped(desk, record())
    await asyncio.gather(*(desk.book.change(id_of(ONE), AskCaller(), doing(minutes=n)) for n in range(20)))
    whole = await desk.lists.whole(MACHINE, id_of(ONE))
    assert [entry.version for entry in whole.history] == list(range(1, 22))


async def test_a_hand_over_is_in_the_history_from_offer_to_acceptance(desk: Office) -> None:
    await stepped(desk, record(), Offer(LI))
    done = await desk.book.change(id_of(ONE), Accept(), doing(LI))
    assert (done.owner, done.handover) == (LI, None)
    entries = (await desk.lists.whole(MACHINE, id_of(ONE))).history
    assert [(entry.what, entry.by_name) for entry in entries[1:]] == [("offered", "张敏"), ("accepted", "李雷")]
    assert entries[2].before["owner"]["name"] == "张敏"


# --- what a person did is there for ever ---


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE case_history SET by_name = 'nobody'",
        "DELETE FROM case_history",
        "TRUNCATE case_history",
        "DELETE FROM cases",
        "DELETE FROM calls",
        "TRUNCATE callback_history",
    ],
)
async def test_history_and_worked_cases_cannot_be_changed_or_deleted(desk: Office, statement: str) -> None:
    await stepped(desk, record())
    with pytest.raises(asyncpg.RestrictViolationError):
        await desk.sql(statement)
    assert len((await desk.lists.whole(MACHINE, id_of(ONE))).history) == 1


async def test_retention_forgets_calls_but_not_those_that_somebody_worked_on(desk: Office, database: str) -> None:
    three, four = call(visit(), number=3), call(visit(), number=4)
    await desk.saved(three, four)
    await stepped(desk, record())
    await desk.book.open("changzhi", doing(), TWO.id)
    assert await forget(database, timedelta(seconds=1), at(100)) == 2
    left = await desk.sql("SELECT id FROM calls ORDER BY arrived_at")
    assert [row["id"] for row in left] == [ONE.id, TWO.id]
    assert len((await desk.lists.whole(MACHINE, id_of(ONE))).history) == 2


WRONG: tuple[tuple[str, str], ...] = (
    ("marketing_gives_no_advice", "advice = true, owner = 'u3', owner_name = 'x', owner_role = 'marketing'"),
    ("marketing_gives_no_advice",
     """advice = true, offered_to = 'u3', offered = '{"to": {"role": "marketing"}}'"""),
    ("owner_is_whole", "owner = 'u1'"),
    ("owner_is_whole", "owner = 'u1', owner_name = 'x', owner_role = 'cook'"),
    ("offer_is_whole", "offered_to = 'u1'"),
    ("logged_is_untouched", "worked = true"),
    ("closed_has_an_answer", "state = 'closed'"),
    ("archived_has_a_time", "state = 'archived', closed_at = now(), feedback = '{}'"),
    ("archived_complaint_took_its_steps",
     "state = 'archived', kind = 'complaint', closed_at = now(), archived_at = now(), feedback = '{}', plan = '{}'"),
    ("open_complaint_has_a_deadline", "state = 'open', kind = 'complaint'"),
    ("merged_is_part_of_another", "state = 'merged'"),
    ("merged_is_part_of_another", "state = 'merged', merged_into = id, merged_from = 'open'"),
    ("state_is_known", "state = 'gone'"),
    ("kind_is_known", "kind = 'chat'"),
)  # fmt: skip


@pytest.mark.parametrize(("constraint", "change"), WRONG)
async def test_the_database_refuses_what_the_rules_refuse(desk: Office, constraint: str, change: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as told:
        await desk.sql(f"UPDATE cases SET {change} WHERE call_id = $1", ONE.id)
    assert told.value.constraint_name == constraint  # type: ignore[attr-defined]


# --- several calls in a case, several cases in a call ---


async def test_one_call_may_be_about_several_matters(desk: Office) -> None:
    again = doing(key="second matter")
    second = await desk.book.open("changzhi", again, ONE.id)
    assert (await desk.book.open("changzhi", again, ONE.id)).id == second.id
    assert (second.owner, second.state, second.call) == (ZHANG, State.OPEN, None)
    whole = await desk.lists.whole(MACHINE, second.id)
    assert whole.calls == (ONE.id,)
    assert [entry.what for entry in whole.history] == ["opened", "call_joined"]
    assert second.number == "000003"


async def test_several_calls_may_be_about_one_matter_and_be_taken_out_again(desk: Office) -> None:
    await stepped(desk, record())
    joined = await desk.book.join(id_of(ONE), TWO.id, doing())
    assert await desk.book.join(id_of(ONE), TWO.id, doing()) == joined
    assert (await desk.lists.whole(MACHINE, id_of(ONE))).calls == (ONE.id, TWO.id)
    await desk.book.part(id_of(ONE), TWO.id, doing())
    whole = await desk.lists.whole(MACHINE, id_of(ONE))
    assert whole.calls == (ONE.id,)
    assert whole.history[-1].detail == {"call": str(TWO.id)}
    with pytest.raises(NotAllowed):
        await desk.book.part(id_of(ONE), ONE.id, doing())
    with pytest.raises(NoSuchCase):
        await desk.book.join(id_of(ONE), uuid4(), doing())


async def test_a_case_is_split_once_and_put_together_again(desk: Office) -> None:
    await stepped(desk, record())
    await desk.book.join(id_of(ONE), TWO.id, doing())
    again = doing(key="split")
    fresh = await desk.book.split(id_of(ONE), [TWO.id], again)
    assert (await desk.book.split(id_of(ONE), [TWO.id], again)).id == fresh.id
    assert (await desk.lists.whole(MACHINE, fresh.id)).calls == (TWO.id,)
    assert (await desk.lists.whole(MACHINE, id_of(ONE))).calls == (ONE.id,)
    await desk.book.merge(fresh.id, id_of(ONE), doing())
    assert (await desk.lists.whole(MACHINE, id_of(ONE))).calls == (ONE.id, TWO.id)


async def test_cases_that_are_merged_are_one_until_they_are_taken_apart(desk: Office) -> None:
    waiting = await stepped(desk, record(), AskCaller())
    await stepped(desk, record(), case=id_of(TWO))
    whole = await desk.book.merge(id_of(ONE), id_of(TWO), doing(key="merge"))
    assert (await desk.book.merge(id_of(ONE), id_of(TWO), doing(key="merge"))).version == whole.version
    seen = await desk.lists.whole(MACHINE, id_of(TWO))
    assert (seen.calls, seen.parts) == ((ONE.id, TWO.id), (id_of(ONE),))
    with pytest.raises(NotAllowed):
        await desk.book.merge(id_of(TWO), id_of(ONE), doing())
    alone = await desk.book.unmerge(id_of(ONE), doing())
    assert replace(alone, version=waiting.version) == waiting
    assert (await desk.lists.whole(MACHINE, id_of(TWO))).calls == (TWO.id,)
    told = [(entry.what, entry.detail) for entry in (await desk.lists.whole(MACHINE, id_of(TWO))).history[1:]]
    assert told == [("absorbed", {"case": str(id_of(ONE))}), ("released", {"case": str(id_of(ONE))})]
    with pytest.raises(NotAllowed):
        await desk.book.unmerge(id_of(ONE), doing())


async def test_two_who_merge_two_cases_into_each_other_make_no_circle(desk: Office) -> None:
    await stepped(desk, record())
    await stepped(desk, record(), case=id_of(TWO))
    pairs = [(id_of(ONE), id_of(TWO)), (id_of(TWO), id_of(ONE))]
    found = await asyncio.gather(*(desk.book.merge(*pair, doing()) for pair in pairs), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["Case", "NotAllowed"]


async def test_hostile_words_are_stored_as_words(desk: Office) -> None:
    hostile = "'; DROP TABLE cases; -- \x00 \udcff <script> %s {0} $1"
    form = replace_form(record(), brief="'; DROP TABLE cases; -- \x00 <script>")
    await stepped(desk, form)
    done = await desk.book.change(id_of(ONE), Offer(replace(LI, name=hostile, id=hostile)), doing(key=hostile))
    assert done.handover is not None
    found = (await desk.lists.whole(MACHINE, id_of(ONE))).case
    assert found.form.brief == "'; DROP TABLE cases; -- \ufffd <script>"
    assert found.handover is not None
    assert "\x00" not in found.handover.to.name


def replace_form(one: Record, **fields: Any) -> Record:
    changed = json.loads(one.form.model_dump_json()) | fields
    return replace(one, form=type(one.form).model_validate(changed))


async def test_a_database_that_is_away_is_told_as_such() -> None:
    away, bad = Turns("postgresql://nobody@127.0.0.1:1/none"), Turns("postgresql://u@127.0.0.1:port/none")
    with pytest.raises(OSError, match=r".*"):
        async with away.transaction():
            pass
    with pytest.raises(DatabaseUrlError):
        async with bad.transaction():
            pass
    await bad.close()


async def test_taking_what_nobody_owns_is_a_change_like_any(desk: Office) -> None:
    assert (await stepped(desk, Take())).owner == ZHANG
