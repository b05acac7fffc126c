"""`GET /api/v1/agents`: how agents spent their time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from telephony.calls.spells import AgentState, Spell
from tests.support.api import asking
from tests.support.days import o_clock
from tests.support.measuring import Archive

READY, TALKING, PAUSED = AgentState.READY, AgentState.TALKING, AgentState.PAUSED
MORNING = {"from": "2026-03-02T09:00", "to": "2026-03-02T12:00"}


def spell(state: AgentState, since: str, until: str, agent: str = "Agent 1001", reason: str = "") -> Spell:
    return Spell("pbx1", agent, state, reason, ("support",), o_clock(since), o_clock(since), o_clock(until))


def archive(*spells: Spell) -> Archive:
    kept = Archive()
    kept.spells_kept = list(spells)
    kept.agents_heard = {"pbx1": o_clock("15:00")}
    return kept


WORK = archive(
    spell(READY, "09:00", "10:00"),
    spell(TALKING, "10:00", "10:45"),
    spell(AgentState.WRAP_UP, "10:45", "11:00"),
    spell(PAUSED, "11:00", "11:30", reason="<b>lunch</b>"),
    spell(AgentState.UNKNOWN, "11:30", "12:00"),
)


async def test_each_agents_time_stands_beside_what_he_answered() -> None:
    async with asking(WORK) as person:
        _, told = await person.get("/api/v1/agents", **MORNING)
    [row] = told["rows"]
    assert (row["group"], told["group"], row["complete"], told["reasons"]) == (
        {"agent": "Agent 1001"},
        "agent",
        True,
        [],
    )
    assert row["agent_seconds"] == {
        "staffed": 9000, "talking": 2700, "wrap_up": 900, "paused": 1800, "ringing": 0, "ready": 3600, "unreachable": 0,
        "unknown": 1800,
    }  # fmt: skip
    assert row["paused_seconds_by_reason"] == {"<b>lunch</b>": 1800}
    assert row["agents_heard"] == pytest.approx(9000 / 10800)
    occupancy = row["measures"]["occupancy"]
    assert (occupancy["value"], occupancy["numerator"], occupancy["denominator"]) == (0.5, 3600, 7200)
    assert row["counts"]["offers_rang"] == 0


async def test_by_the_hour_and_of_one_agent() -> None:
    kept = archive(*WORK.spells_kept, spell(READY, "09:00", "12:00", "Agent 1002"))
    async with asking(kept) as person:
        _, told = await person.get("/api/v1/agents", **MORNING, interval="hour", agent="Agent 1002")
    assert [row["agent_seconds"]["ready"] for row in told["rows"]] == [3600, 3600, 3600]


async def test_a_row_is_an_agents_so_no_other_group_can_be_had() -> None:
    async with asking(WORK) as person:
        status, told = await person.get("/api/v1/agents", group="queue")
        stranger, _ = await person.get("/api/v1/agents", token="guessed-by-somebody", group="queue")
    assert (status, told["parameter"], stranger) == (400, "group", 401)


async def test_of_a_branch_and_of_all_are_the_sums_of_its_agents() -> None:
    kept = archive(*WORK.spells_kept, spell(READY, "09:00", "11:00", "Agent 1002"))
    async with asking(kept) as person:
        branch = await person.measures(**MORNING, group="branch", measure="occupancy")
        everything = await person.measures(**MORNING, measure="occupancy")
    found = {row["group"]["branch"]: row["measures"]["occupancy"]["value"] for row in branch["rows"]}
    assert found == {"changzhi": 0.25, "jincheng": None}
    assert everything["rows"][0]["measures"]["occupancy"]["denominator"] == 14400


async def test_without_a_measure_of_agents_nothing_of_them_is_read_or_told() -> None:
    async with asking(WORK) as person:
        for asked in ({"measure": "mean_wait"}, {}):
            told = await person.measures(**MORNING, **asked)
            assert (told["agents_until"], "agent_seconds" in told["rows"][0]) == (None, False)
            assert "occupancy" not in told["rows"][0]["measures"]


async def test_what_agents_did_is_complete_as_far_as_it_is_known_of_every_pbx_that_is_followed() -> None:
    kept = archive(*WORK.spells_kept)
    kept.pbxs = ("pbx1", "pbx2", "never heard")
    kept.agents_heard = {"pbx1": o_clock("11:30"), "pbx2": o_clock("13:00"), "gone": o_clock("01:00")}
    async with asking(kept) as person:
        _, told = await person.get("/api/v1/agents", **MORNING, interval="hour")
        _, other = await person.get("/api/v1/agents", **MORNING, pbx="pbx2")
    assert [row["complete"] for row in told["rows"]] == [True, True, False]
    assert told["reasons"] == ["what agents did is known until 2026-03-02T03:30:00Z"]
    assert other["reasons"] == []


async def test_an_agent_who_was_not_there_has_no_occupancy() -> None:
    kept = archive(spell(AgentState.UNREACHABLE, "09:00", "10:00"))
    async with asking(kept) as person:
        _, told = await person.get("/api/v1/agents", **MORNING)
    measures: Any = told["rows"][0]["measures"]
    assert measures["occupancy"]["value"] is None
    assert told["rows"][0]["agents_heard"] == 1


async def test_nothing_of_it_is_known_before_it_was_kept() -> None:
    async with asking(Archive(now=o_clock("15:00") + timedelta(days=1))) as person:
        _, told = await person.get("/api/v1/agents", **MORNING, agent="Agent 1001")
    assert (told["agents_until"], told["rows"][0]["agents_heard"]) == (None, None)
