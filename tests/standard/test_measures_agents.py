"""How the time of agents counts, by interval and group."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from telephony.calls.spells import STAFFED, AgentState, Spell
from telephony.standard.intervals import Step
from telephony.standard.measures_agents import MOST_REASONS, OTHER_REASONS, AgentSums, add_reason, agent_sums
from telephony.standard.measures_catalogue import BY_NAME
from telephony.standard.measures_sums import Sums
from telephony.standard.measures_table import Group, Grouping
from tests.support.days import o_clock
from tests.support.tables import table, the_day

HOUR = 3_600_000_000
MORNING = the_day(Step.HOUR, "09:00", o_clock("12:00"))


def spell(state: AgentState, since: str, until: str | None, agent: str = "A", **more: Any) -> Spell:
    began = o_clock(since)
    fields = {"pbx": "pbx1", "reason": "", "queues": ("support",), "since": began} | more
    return Spell(agent=agent, state=state, began_at=began, ended_at=None if until is None else o_clock(until), **fields)


TALKING, READY, PAUSED = AgentState.TALKING, AgentState.READY, AgentState.PAUSED
WORK = (
    spell(READY, "09:00", "09:30"),
    spell(TALKING, "09:30", "10:30"),
    spell(AgentState.WRAP_UP, "10:30", "11:00"),
    spell(PAUSED, "11:00", "11:45", reason="lunch"),
    spell(AgentState.UNKNOWN, "11:45", "12:00"),
)


def counted(*spells: Spell, **how: Any) -> dict[Group, list[Sums]]:
    made = table(**({"intervals": MORNING} | how))
    for one in spells:
        made.add_spell(one)
    return dict(made.rows())


def test_a_spell_counts_in_each_interval_for_as_long_as_it_lies_in_it() -> None:
    [hours] = counted(*WORK).values()
    assert [hour.agents for hour in hours] == [
        AgentSums(ready=HOUR // 2, talking=HOUR // 2),
        AgentSums(talking=HOUR // 2, wrap_up=HOUR // 2),
        AgentSums(paused=HOUR * 3 // 4, unknown=HOUR // 4),
    ]
    assert [hour.paused_by for hour in hours] == [Counter(), Counter(), Counter(lunch=HOUR * 3 // 4)]


def test_occupancy_is_talk_and_wrap_up_of_the_time_there_and_not_paused() -> None:
    [[day]] = counted(*WORK, intervals=the_day()).values()
    assert BY_NAME["occupancy"].read(day) == (1.5 / 2, 5400.0, 7200.0)
    assert BY_NAME["occupancy"].read(Sums()) == (None, 0, 0)
    assert day.agents.staffed == HOUR * 11 // 4


def test_who_was_not_there_or_not_heard_counts_on_neither_side() -> None:
    gone = spell(AgentState.UNREACHABLE, "09:00", "10:00"), spell(AgentState.UNKNOWN, "10:00", "11:00")
    [[day]] = counted(*gone, intervals=the_day()).values()
    assert BY_NAME["occupancy"].read(day) == (None, 0, 0)
    assert (day.agents.staffed, day.agents.unreachable, day.agents.unknown) == (0, HOUR, HOUR)


def test_what_goes_on_counts_when_somebody_says_until_when() -> None:
    [[day]] = counted(spell(READY, "09:00", None), intervals=the_day()).values()
    assert day.agents == AgentSums()
    assert agent_sums(spell(READY, "09:00", None), o_clock("08:00"), o_clock("10:00")) == AgentSums(ready=HOUR)


def test_a_spell_over_midnight_is_of_both_days() -> None:
    days = the_day(Step.DAY, until=o_clock("00:00", day="2026-03-04"))
    began, ended = o_clock("23:00"), o_clock("01:30", day="2026-03-03")
    [found] = counted(Spell("pbx1", "A", READY, "", ("support",), began, began, ended), intervals=days).values()
    assert [day.agents.ready for day in found] == [HOUR, HOUR * 3 // 2]


def test_of_a_queue_and_a_branch_are_all_who_served_it_and_each_once() -> None:
    both = spell(TALKING, "09:00", "10:00", queues=("sales", "support"))
    one = spell(READY, "09:00", "10:00", "B", queues=("support",))
    by_queue = counted(both, one, grouping=Grouping.QUEUE)
    assert {group: hours[0].agents for group, hours in by_queue.items()} == {
        "sales": AgentSums(talking=HOUR),
        "support": AgentSums(talking=HOUR, ready=HOUR),
    }
    [everything] = counted(both, one).values()
    assert everything[0].agents == AgentSums(talking=HOUR, ready=HOUR)
    by_branch = counted(both, one, grouping=Grouping.BRANCH)
    assert sum(hours[0].agents.talking for hours in by_branch.values()) in {HOUR, 2 * HOUR}
    assert counted(both, one, grouping=Grouping.LINE) == {}


def test_only_what_is_selected_counts() -> None:
    spells = [*WORK, spell(READY, "09:00", "10:00", "B", pbx="pbx2", queues=("sales",))]
    assert counted(*spells, agents=["B"], grouping=Grouping.AGENT).keys() == {"B"}
    assert counted(*spells, pbxs=["pbx1"], grouping=Grouping.AGENT).keys() == {"A"}
    assert counted(*spells, queues=["sales"], grouping=Grouping.PBX).keys() == {"pbx2"}
    assert counted(*spells, lines=["desk"], grouping=Grouping.AGENT) == {}


def test_sums_of_several_are_as_if_counted_as_one() -> None:
    [[one]], [[other]] = (counted(part, intervals=the_day()).values() for part in (WORK[3], WORK[1]))
    together = one.plus(other)
    assert together.agents == AgentSums(paused=HOUR * 3 // 4, talking=HOUR)
    assert together.paused_by == Counter(lunch=HOUR * 3 // 4)


def test_anybody_may_write_a_reason_so_only_some_are_told_apart() -> None:
    reasons: Counter[str] = Counter()
    for number in range(MOST_REASONS + 5):
        add_reason(reasons, spell(PAUSED, "09:00", "10:00", reason=f"r{number}"), 1)
    add_reason(reasons, spell(PAUSED, "09:00", "10:00", reason="r3"), 1)
    add_reason(reasons, spell(PAUSED, "09:00", "10:00", reason="none of it here"), 0)
    assert (len(reasons), reasons[OTHER_REASONS], reasons["r3"]) == (MOST_REASONS + 1, 5, 2)


MINUTES = st.integers(0, 24 * 60 * 2)


@given(st.lists(st.tuples(MINUTES, st.sampled_from(AgentState)), min_size=2, max_size=20), st.sampled_from(Step))
def test_the_states_sum_up_to_the_time_there_however_it_is_cut(marks: list[tuple[int, AgentState]], step: Step) -> None:
    def at(minutes: int) -> datetime:
        return o_clock("00:00") + timedelta(minutes=minutes)

    ordered = sorted(marks, key=lambda mark: mark[0])
    ends = [minutes for minutes, _ in ordered[1:]]
    spells = [
        Spell("pbx1", "A", state, "", ("support",), at(begin), at(begin), at(end))
        for (begin, state), end in zip(ordered, ends, strict=False)
    ]
    whole = the_day(step, until=o_clock("00:00", day="2026-03-05"))
    [found] = counted(*spells, intervals=whole, grouping=Grouping.AGENT, known=["A"]).values()
    total = sum(sum(cell.agents) for cell in found)
    assert total == (ends[-1] - ordered[0][0]) * 60_000_000
    there = sum(
        (one.ended_at - one.began_at for one in spells if one.ended_at is not None and one.state in STAFFED),
        timedelta(),
    )
    assert sum(cell.agents.staffed for cell in found) == there // timedelta(microseconds=1)
