"""STD-FIRST-ASKED on a real PostgreSQL: owners, lost callers, call backs; also what is learned late, or twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
import structlog

from telephony.calls.record import CallRecord, Outcome, VisitRecord
from telephony.cases.accounts import Accounts, Terms
from telephony.cases.callback import CallBack, Lost, Result, Tried
from telephony.cases.callbacks import NoSuchWork, StaleWork
from telephony.cases.firstasked import LOCK, FirstAsked, Looked
from telephony.cases.kinds import State
from telephony.cases.listing import Filter
from telephony.cases.model import Case
from telephony.cases.person import MACHINE, Person, Role
from telephony.cases.pool import Pool
from telephony.cases.retention import forget
from telephony.cases.rules import NotAllowed
from telephony.cases.seats import Seat, Seats
from telephony.people.audit import Entry, Verb
from tests.db.casework import Office, doing, office
from tests.support.calls import call, visit
from tests.support.casework import HOUSE, LI, NOW, TERMS, ZHANG, ZHAO, local, record

pytestmark = pytest.mark.db

HIS = "+8613800138000"


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Office]:
    async with office(database) as opened:
        yield opened


def came(*visits: VisitRecord, number: int = 1, minutes: float = 0, **changes: object) -> CallRecord:
    """A call that came so long after nine o'clock, and went on for a minute."""
    at = NOW + timedelta(minutes=minutes)
    times = {"arrived_at": at, "ended_at": at + timedelta(minutes=1)}
    moved = tuple(
        replace(one, answered_at=at + timedelta(seconds=10)) if one.outcome is Outcome.ANSWERED else one
        for one in visits
    )
    return call(*moved, number=number, **{**times, **changes})


def lost(number: int = 1, minutes: float = 0, **changes: object) -> CallRecord:
    return came(visit(Outcome.ABANDONED), number=number, minutes=minutes, **changes)


def answered(number: int = 2, minutes: float = 5, **changes: object) -> CallRecord:
    return came(visit(), number=number, minutes=minutes, **changes)


async def work(desk: Office) -> list[CallBack]:
    return list((await desk.lists.callbacks(MACHINE, None)).work)


async def everything(desk: Office) -> list[tuple[str, int, str | None]]:
    rows = await desk.sql("SELECT number, calls, result FROM callbacks ORDER BY opened_at, lost_at, number")
    return [(str(row["number"]), int(str(row["calls"])), row["result"] and str(row["result"])) for row in rows]  # type: ignore[misc]


async def case_of(desk: Office, one: CallRecord) -> Case:
    assert one.case is not None
    return (await desk.lists.whole(MACHINE, one.case)).case


# --- who was asked first ---


async def test_who_answered_first_owns_the_case_also_after_a_transfer(desk: Office) -> None:
    first, second = visit(), visit(agent="Agent 1002", queue="sales")
    one = came(first, second)
    later = replace(one.visits[1], answered_at=NOW + timedelta(minutes=5))
    await desk.saved(replace(one, visits=(one.visits[0], later)))
    found = await case_of(desk, one)
    assert (found.owner, found.branch, found.state) == (
        Person("agent:pbx1/Agent 1001", "Agent 1001"),
        "changzhi",
        State.LOGGED,
    )
    [entry] = (await desk.lists.whole(MACHINE, found.id)).history
    assert (entry.what, entry.by_name, entry.after["owner"]["name"]) == ("first_answered", "machine", "Agent 1001")


async def test_the_account_of_the_desk_is_the_owner_and_stays_it_whoever_has_the_desk_later(
    desk: Office, database: str
) -> None:
    pool, entry = Pool(database), Entry(NOW, "test", Verb.USER_ADDED)
    accounts = Accounts(pool)
    seats = Seats([Seat("1001", "一号座席", frozenset({"PJSIP/1001"}))], ["pbx1"])
    machine = FirstAsked(desk.turns, lambda: HOUSE, lambda _: TERMS, seats)

    async def owner_of(one: CallRecord) -> Person | None:
        await desk.store.save([one])
        assert await machine.look(NOW) == Looked(1)
        return (await case_of(desk, one)).owner

    nobody, his, both = answered(number=21), answered(number=22), answered(number=23)
    assert await owner_of(nobody) == Person("agent:1001", "一号座席")
    bound = Terms(Role.AGENT, frozenset({"changzhi"}), "张敏", "1001")
    zhang = str(await accounts.add("zhang", bound, None, entry))
    assert await owner_of(his) == Person(zhang, "张敏")
    li = await accounts.add("li", replace(bound, title="李雷"), None, entry)
    await accounts.add("boss", replace(bound, role=Role.ADMINISTRATOR), None, entry)  # has no desk
    assert await owner_of(both) == Person("agent:1001", "一号座席")  # whose turn it was is not guessed
    assert await owner_of(replace(nobody, revision=2)) == Person("agent:1001", "一号座席")
    await accounts.disable(UUID(zhang), entry)
    assert await owner_of(replace(his, revision=2)) == Person(zhang, "张敏")
    assert (await case_of(desk, his)).version == 1

    found = await accounts.find("li")
    assert found is not None
    worker = seats.worker(found.person())
    assert worker.id == str(li)
    mine = await desk.lists.cases(worker, Filter(owners=worker.ids))
    assert {one.id for one in mine.cases} == {nobody.case, both.case}
    assert nobody.case is not None
    assert (await desk.book.change(nobody.case, record(), doing(worker))).owner == worker
    await pool.close()


async def test_looking_again_changes_nothing(desk: Office) -> None:
    await desk.saved(answered(), lost(minutes=9))
    before = await desk.sql("SELECT * FROM case_history ORDER BY case_id")
    await desk.saved(replace(answered(), revision=2), replace(lost(minutes=9), revision=2))
    assert await desk.sql("SELECT * FROM case_history ORDER BY case_id") == before
    assert await everything(desk) == [(HIS, 1, None)]


async def test_a_correction_gives_the_case_to_who_really_answered_unless_somebody_works_on_it(desk: Office) -> None:
    one, other = answered(), answered(number=3)
    await desk.saved(one, other)
    assert one.case is not None
    await desk.book.change(one.case, record(), doing())
    by_li = (replace(one.visits[0], agent="Agent 1002"),)
    await desk.saved(replace(one, visits=by_li, revision=2), replace(other, visits=by_li, revision=2))
    assert (await case_of(desk, one)).owner == ZHANG
    assert (await case_of(desk, other)).owner == Person("agent:pbx1/Agent 1002", "Agent 1002")


# --- who was not answered ---


async def test_a_caller_who_gave_up_is_work_that_ends_when_he_gets_through(desk: Office) -> None:
    await desk.saved(lost())
    [one] = await work(desk)
    assert (one.number, one.branch, one.reason, local(one.due_at)) == (
        HIS,
        "changzhi",
        Lost.ABANDONED,
        "Mon 03-02 10:01",
    )
    await desk.saved(answered())
    assert await work(desk) == []
    [row] = await desk.sql("SELECT result, closed_by FROM callbacks")
    assert row == {"result": "got_through", "closed_by": answered().id}
    assert [entry.what for entry in await desk.lists.callback_history(MACHINE, one.id)] == ["opened", "got_through"]


async def test_who_gives_up_again_and_again_is_called_back_once_for_each_branch(desk: Office) -> None:
    calls = [lost(number, minutes=number) for number in range(1, 6)]
    elsewhere = came(visit(Outcome.TIMEOUT, queue="sales"), number=7)
    await desk.saved(*calls, elsewhere)
    assert sorted((one.branch, one.calls) for one in await work(desk)) == [("changzhi", 5), ("jincheng", 1)]
    assert local(next(one.due_at for one in await work(desk) if one.calls == 5)) == "Mon 03-02 10:02"
    await desk.saved(answered(number=9, minutes=20))
    assert [one.branch for one in await work(desk)] == ["jincheng"]


async def test_who_rings_after_hours_is_due_on_the_next_working_day(desk: Office) -> None:
    await desk.saved(lost(minutes=60 * 11))
    [one] = await work(desk)
    assert (one.reason, local(one.due_at)) == (Lost.AFTER_HOURS, "Tue 03-03 17:30")


async def test_who_hides_his_number_cannot_be_called_back(desk: Office) -> None:
    await desk.saved(lost(caller=""), lost(number=2, caller="anonymous"))
    assert await work(desk) == []


async def test_what_proves_to_have_been_answered_is_work_no_more(desk: Office) -> None:
    one = lost()
    await desk.saved(one, lost(number=2, minutes=1))
    await desk.saved(replace(one, visits=answered(minutes=0).visits, revision=2))
    # He got through at nine, and gave up a minute later: for that he is called back.
    assert await everything(desk) == [(HIS, 1, None)]
    second = lost(number=2, minutes=1)
    await desk.saved(replace(second, visits=answered(minutes=1).visits, revision=2))
    assert await everything(desk) == [(HIS, 0, "corrected")]


async def test_what_proves_to_have_been_given_up_is_work_again(desk: Office) -> None:
    await desk.saved(lost())
    through = answered()
    await desk.saved(through)
    assert await work(desk) == []
    await desk.saved(replace(through, visits=lost(minutes=5).visits, revision=2))
    [one] = await work(desk)
    assert (one.calls, one.lost_at) == (2, NOW + timedelta(minutes=6))
    assert (await case_of(desk, through)).owner is None


async def test_what_is_open_again_goes_into_the_work_that_was_opened_since(desk: Office) -> None:
    await desk.saved(lost())
    through = answered()
    await desk.saved(through)
    await desk.saved(lost(number=3, minutes=30))
    await desk.saved(replace(through, visits=lost(minutes=5).visits, revision=2))
    [one] = await work(desk)
    assert one.calls == 3
    assert await desk.sql("SELECT count(*) AS calls FROM callback_calls WHERE callback_id = $1", one.id) == [
        {"calls": 3}
    ]


async def test_what_is_learned_late_of_who_got_through_since_asks_for_nothing(desk: Office) -> None:
    await desk.saved(answered())
    await desk.saved(lost())
    assert await work(desk) == []
    goes_on = answered(number=5, minutes=30, ended_at=None)
    await desk.saved(goes_on, lost(number=6, minutes=29))
    assert await work(desk) == []


async def test_a_call_that_goes_on_asks_for_nothing_yet(desk: Office) -> None:
    await desk.saved(came(visit(None), ended_at=None))
    assert await work(desk) == []
    assert (await case_of(desk, came())).version == 0


async def test_calls_are_looked_at_in_batches_and_those_of_a_dead_process_by_the_next(
    desk: Office, database: str
) -> None:
    calls = [lost(number, caller=f"0355{number:07}") for number in range(1, 251)]
    await desk.store.save(calls)
    dying = await asyncpg.connect(database)
    await dying.execute("BEGIN")
    await dying.execute("DELETE FROM casework_due")
    dying.terminate()
    looked = 0
    async with asyncio.timeout(20):  # the server learns of the death soon
        while looked < 250:
            looked += (await desk.machine.look(NOW)).calls
    assert len(await everything(desk)) == 250


async def test_of_two_who_look_at_once_one_does_and_each_call_once(desk: Office) -> None:
    await desk.store.save([lost(number, caller=f"0355{number:07}") for number in range(1, 151)])
    async with desk.turns.transaction() as other:
        await other.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        assert await desk.machine.look(NOW) == Looked(0)
    looked = 0
    while looked < 150:
        found = await asyncio.gather(*(desk.machine.look(NOW, 25) for _ in range(4)))
        assert any(one.calls for one in found)
        looked += sum(one.calls for one in found)
    assert (looked, len(await everything(desk))) == (150, 150)


async def test_who_saves_calls_never_waits_for_who_looks_at_them(desk: Office) -> None:
    await desk.store.save([lost()])
    async with desk.turns.transaction() as connection:
        await connection.execute("DELETE FROM casework_due")
        async with asyncio.timeout(5):
            await desk.store.save([replace(lost(), visits=answered().visits, revision=2)])
    await desk.saved()
    assert await work(desk) == []


async def test_one_call_that_cannot_be_keeps_no_other_from_being_looked_at(desk: Office) -> None:
    def no_number(caller: str) -> str:
        return "x" if caller == "0" else caller

    odd = replace(HOUSE, normalised=no_number)
    machine = FirstAsked(desk.turns, lambda: odd, lambda _: TERMS)
    await desk.store.save([lost(1, caller="0"), lost(2, caller="03552012345")])
    with structlog.testing.capture_logs() as told:
        looked = await machine.look(NOW)
    assert (looked.calls, looked.refused) == (2, 1)
    assert [one["reason"] for one in told] == ["callbacks_number_check"]
    assert [one.number for one in await work(desk)] == ["03552012345"]


# --- who calls back ---


async def test_of_two_agents_who_claim_one_work_at_once_one_gets_it(desk: Office) -> None:
    await desk.saved(lost())
    [one] = await work(desk)
    tries = [desk.work.claim(one.id, doing(by)) for by in (ZHANG, LI)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["CallBack", "NotAllowed"]
    assert len(await desk.lists.callback_history(MACHINE, one.id)) == 2


async def test_many_who_ask_for_the_next_at_once_get_different_ones(desk: Office) -> None:
    await desk.saved(*(lost(number, caller=f"0355{number:07}") for number in range(1, 6)))
    people = [Person(f"p{n}", f"P{n}") for n in range(8)]
    found = await asyncio.gather(*(desk.work.claim_next(["changzhi"], doing(by)) for by in people))
    got = [one.number for one in found if one is not None]
    assert len(got) == len(set(got)) == 5
    assert await desk.work.claim_next(["jincheng"], doing()) is None


async def test_who_asks_for_the_next_again_with_one_key_gets_the_same(desk: Office) -> None:
    await desk.saved(lost(1), lost(2, caller="03552012345"))
    first = await desk.work.claim_next(None, doing(key="once"))
    again = await desk.work.claim_next(None, doing(key="once"))
    assert first == again
    assert first is not None


async def test_who_is_reached_is_done_and_his_case_is_his_who_reached_him(desk: Office) -> None:
    await desk.saved(lost(1), lost(2, minutes=3))
    [one] = await work(desk)
    await desk.work.claim(one.id, doing(LI))
    again = doing(LI, 2, key="tried")
    done = await desk.work.tried(one.id, Tried.REACHED, "已致歉", again)
    assert await desk.work.tried(one.id, Tried.REACHED, "已致歉", again) == done
    assert (done.result, done.attempts) == (Result.REACHED, 1)
    newest, older = await case_of(desk, lost(2)), await case_of(desk, lost(1))
    assert (newest.owner, newest.state) == (LI, State.OPEN)
    assert (older.owner, older.state) == (LI, State.LOGGED)
    told = (await desk.lists.callback_history(MACHINE, one.id))[-1]
    assert (told.what, told.detail) == ("tried", {"result": "reached", "note": "已致歉"})


async def test_attempts_are_counted_until_he_may_be_given_up(desk: Office) -> None:
    await desk.saved(lost())
    [one] = await work(desk)
    for minute in range(2):
        with pytest.raises(NotAllowed):
            await desk.work.give_up(one.id, doing())
        await desk.work.claim(one.id, doing(minutes=minute))
        await desk.work.tried(one.id, Tried.NO_ANSWER, "", doing(minutes=minute))
    assert (await desk.work.give_up(one.id, doing())).result is Result.NOT_REACHED
    await desk.saved(replace(lost(), revision=5))
    assert await work(desk) == []


async def test_a_claim_may_be_given_back_and_what_is_not_there_is_said(desk: Office) -> None:
    await desk.saved(lost())
    [one] = await work(desk)
    claimed = await desk.work.claim(one.id, doing())
    with pytest.raises(StaleWork) as told:
        await desk.work.release(one.id, doing(version=0))
    assert told.value.work == claimed
    assert (await desk.work.release(one.id, doing())).claim is None
    with pytest.raises(NoSuchWork):
        await desk.work.claim(uuid4(), doing())


async def test_he_may_get_through_while_somebody_calls_him_back(desk: Office) -> None:
    await desk.saved(lost())
    [one] = await work(desk)
    await desk.work.claim(one.id, doing())
    await desk.saved(answered())
    with pytest.raises(NotAllowed, match="got_through"):
        await desk.work.tried(one.id, Tried.REACHED, "", doing())


async def test_retention_forgets_what_ended_by_itself_and_keeps_what_a_person_did(desk: Office, database: str) -> None:
    rung, waits = "03552012346", "03552012345"
    await desk.saved(lost(1), lost(2, caller=waits), lost(3, caller=rung))
    [one] = [one for one in await work(desk) if one.number == rung]
    await desk.work.claim(one.id, doing())
    await desk.work.tried(one.id, Tried.NO_ANSWER, "", doing())
    await desk.work.give_up(one.id, doing(ZHAO))
    await desk.saved(answered(number=4, minutes=30))
    assert await forget(database, timedelta(seconds=1), NOW + timedelta(days=1)) == 3
    assert sorted(await everything(desk)) == [(waits, 1, None), (rung, 1, Result.NOT_REACHED)]
    told = await desk.sql("SELECT what FROM callback_history WHERE callback_id = $1 ORDER BY version", one.id)
    assert [row["what"] for row in told] == ["opened", "claimed", "tried", "given_up"]
    with pytest.raises(asyncpg.RestrictViolationError):
        await desk.sql("DELETE FROM callbacks")
    with pytest.raises(asyncpg.RestrictViolationError):
        await desk.sql("DELETE FROM callback_history")


# --- agreed in a talk (STD-FIVE-MIN) ---


async def test_what_is_promised_in_a_talk_stands_until_he_gets_through_after_it(desk: Office) -> None:
    talk = answered(number=1, minutes=0)
    await desk.saved(talk)
    said, due = doing(ZHANG, minutes=6), NOW + timedelta(hours=1)
    promised = await desk.work.agree(HIS, "changzhi", due, said)
    assert (promised.reason, promised.due_at, promised.calls, promised.is_open) == (Lost.AGREED, due, 0, True)
    assert await desk.work.agree(HIS, "changzhi", due + timedelta(hours=1), said) == promised
    await desk.saved(replace(talk, revision=2))  # the talk itself does not close it
    assert [one.reason for one in await work(desk)] == [Lost.AGREED]
    await desk.saved(lost(number=2, minutes=20))  # a lost call is counted to it, and does not weaken it
    (one,) = await work(desk)
    assert (one.reason, one.calls) == (Lost.AGREED, 1)
    await desk.saved(answered(number=3, minutes=30))
    assert await work(desk) == []
    assert await everything(desk) == [(HIS, 1, "got_through")]


async def test_a_promise_to_who_is_to_be_called_back_already_makes_it_a_promise(desk: Office) -> None:
    await desk.saved(lost(number=1))
    (before,) = await work(desk)
    after = await desk.work.agree(HIS, before.branch, before.due_at + timedelta(hours=3), doing(ZHANG, minutes=5))
    assert (after.id, after.reason, after.due_at, after.calls) == (before.id, Lost.AGREED, before.due_at, 1)
