"""The agents' time in a real PostgreSQL: twice written is once written, and nobody else's is touched."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from handlers.attending import Attending
from telephony.calls.facts import Fact
from telephony.calls.spells import AgentState, Spell
from telephony.cases.connecting import Connection
from telephony.cases.measured import snapshot
from telephony.cases.retention import forget
from telephony.cases.spells import Known, SpellStore
from telephony.cases.store import CallStore, NotOurs
from tests.support.attendance import WRAP_UP, Day, said
from tests.support.calls import call, visit
from tests.support.story import START, seconds

pytestmark = pytest.mark.db

UNTIL = START + seconds(100)


def spell(began: float, ended: float | None, state: AgentState = AgentState.READY, agent: str = "A") -> Spell:
    end = None if ended is None else START + seconds(ended)
    return Spell("pbx1", agent, state, "", ("sales", "support"), START + seconds(began), START, end)


@pytest.fixture
async def spells(database: str) -> AsyncIterator[SpellStore]:
    store = SpellStore(database)
    yield store
    await store.close()


async def stored(url: str, since: float = -3600, until: float = 7200, pbxs: Sequence[str] = ()) -> list[Spell]:
    async with snapshot(url) as shot:
        found = shot.spells(START + seconds(since), START + seconds(until), pbxs)
        return [one async for piece in found for one in piece]


async def test_what_is_written_twice_is_written_once_and_is_what_was_written(spells: SpellStore, database: str) -> None:
    done, goes_on = spell(0, 40), replace(spell(40, None, AgentState.PAUSED), reason="午休\x00")
    for _ in range(2):
        await spells.save("pbx1", [goes_on, done], UNTIL)
    assert await stored(database) == [done, replace(goes_on, reason="午休\ufffd", ended_at=UNTIL)]
    assert await spells.known("pbx1") == Known((replace(goes_on, reason="午休\ufffd"),), UNTIL)


async def test_of_a_pbx_never_heard_nothing_is_known(spells: SpellStore) -> None:
    assert await spells.known("pbx1") is None


async def test_what_goes_on_is_ended_and_another_begins_in_one_go(spells: SpellStore, database: str) -> None:
    await spells.save("pbx1", [spell(0, None)], UNTIL)
    await spells.save("pbx1", [spell(0, 50), spell(50, None, AgentState.TALKING)], UNTIL + seconds(9))
    assert [said(one) for one in await stored(database)] == ["ready 0-50", "talking 50-109"]


async def test_an_agent_does_not_do_two_things_at_once(spells: SpellStore, database: str) -> None:
    await spells.save("pbx1", [spell(0, None)], UNTIL)
    with pytest.raises(asyncpg.UniqueViolationError):
        await spells.save("pbx1", [spell(50, None)], UNTIL + seconds(9))
    assert [said(one) for one in await stored(database)] == ["ready 0-100"]


async def test_what_reaches_into_the_time_asked_for_is_found(spells: SpellStore, database: str) -> None:
    await spells.save("pbx1", [spell(0, 10), spell(10, 20), spell(20, None)], UNTIL)
    await spells.save("pbx2", [replace(spell(0, 10), pbx="pbx2")], UNTIL)
    assert [said(one) for one in await stored(database, 10, 20)] == ["ready 10-20"]
    assert [said(one) for one in await stored(database, 99, 200)] == ["ready 20-100"]
    assert await stored(database, 100, 200) == []
    assert [one.pbx for one in await stored(database, 0, 1, ["pbx2", "x\0"])] == ["pbx2"]
    async with snapshot(database) as shot:
        assert await shot.heard() == {"pbx1": UNTIL, "pbx2": UNTIL}


async def test_whose_pbx_is_anothers_by_now_writes_nothing(database: str) -> None:
    async def fence(_: Connection, __: Sequence[str]) -> frozenset[str]:
        return frozenset()

    frozen = SpellStore(database, fence)
    with pytest.raises(NotOurs, match="pbx1: another instance"):
        await frozen.save("pbx1", [spell(0, None)], UNTIL)
    assert await stored(database) == []
    await frozen.close()
    await frozen.close()


async def test_a_connection_that_broke_is_opened_anew(spells: SpellStore, database: str) -> None:
    await spells.save("pbx1", [], UNTIL)
    admin = await asyncpg.connect(database)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'threerings agents'"
    )
    await admin.close()
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # if it has not noticed yet
        await spells.save("pbx1", [spell(0, 5)], UNTIL)
    await spells.save("pbx1", [spell(0, 5)], UNTIL)
    assert [said(one) for one in await stored(database)] == ["ready 0-5"]


async def test_what_agents_did_is_forgotten_with_the_calls_but_not_what_goes_on(
    spells: SpellStore, store: CallStore, database: str
) -> None:
    await store.save([call(visit(), arrived_at=START + timedelta(days=1), ended_at=START + timedelta(days=1))])
    await spells.save("pbx1", [spell(0, 10), spell(10, 90), spell(90, None)], UNTIL)
    assert await forget(database, timedelta(hours=1), START + timedelta(hours=1, seconds=50), batch=1) == 0
    assert [said(one) for one in await stored(database)] == ["ready 10-90", "ready 90-100"]


# --- processes one after the other ------------------------------------------------------------------------------------


def morning(day: Day) -> Sequence[Fact]:
    """`A` serves from 10 on, talks from 30 to 50, wraps up; a listing each minute."""
    day.restored().listed().at(10).member("A").at(30).connected("A").at(50).completed("A")
    day.at(62).listed().at(70).paused("A", "lunch").at(80).member("A").at(90).compared()
    return day.facts


async def of_a_process(spells: SpellStore, facts: Sequence[Fact], saved_at: Sequence[int] = ()) -> Attending:
    """Hears these, and writes after so many of them, and at the end."""
    one = Attending("pbx1", WRAP_UP)
    for number, fact in enumerate(facts):
        if number in saved_at:
            await one.save(spells)
        one.heard(fact)
    await one.save(spells)
    return one


async def test_agents_whose_names_are_not_utf_8_are_each_stored(spells: SpellStore, database: str) -> None:
    day = Day().listed([])
    for at, name in enumerate(("张敏", "刘洋", "杨磊"), 1):
        day.at(at).member(name.encode("gbk").decode("utf-8", "surrogateescape"), phone=str(at))
    day.at(4).member("good", phone="4").at(60).compared()
    await of_a_process(spells, day.facts)
    assert sorted((one.agent, said(one)) for one in await stored(database)) == [
        (r"\xc1\xf5\xd1\xf3", "ready 2-60"),
        (r"\xd1\xee\xc0\xda", "ready 3-60"),
        (r"\xd5\xc5\xc3\xf4", "ready 1-60"),
        ("good", "ready 4-60"),
    ]


WHOLE = ["ready 10-30", "talking 30-50", "wrap_up 50-60", "ready 60-70", "paused(lunch) 70-80", "ready 80-90"]


@pytest.mark.parametrize("killed_after", range(2, 11))
async def test_whenever_a_process_is_killed_the_next_tells_the_same_out_of_the_journal(
    spells: SpellStore, database: str, killed_after: int
) -> None:
    facts = list(morning(Day()))
    await of_a_process(spells, facts[:killed_after], saved_at=(3, 5))
    await of_a_process(spells, facts)
    await of_a_process(spells, facts)
    assert [said(one) for one in await stored(database)] == WHOLE


async def test_without_a_journal_what_nobody_heard_is_unknown(spells: SpellStore, database: str) -> None:
    day = Day()
    await of_a_process(spells, morning(day))
    later = Day(members=day.members)
    await of_a_process(spells, later.at(300).restored().at(301).listed().at(310).compared().facts)
    assert [said(one) for one in await stored(database)][-3:] == ["ready 80-90", "unknown 90-301", "ready 301-310"]
    assert (await stored(database))[-1].since == START + seconds(80)
