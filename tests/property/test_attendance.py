"""Whatever is told of agents, in whatever order: the spells of each lie end to end, and sum up to his time there."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from telephony.calls.attendance_resumed import resume
from telephony.calls.facts import MemberState
from telephony.calls.spells import AgentState, Spell
from tests.support.attendance import Day, offset
from tests.support.story import seconds

AGENTS, QUEUES, REASONS = ("A", "B"), ("support", "sales"), ("", "lunch", "wrap-up")
PHONES = (MemberState.READY, MemberState.RINGING, MemberState.TALKING, MemberState.UNAVAILABLE)
WHO = st.tuples(st.sampled_from(AGENTS), st.sampled_from(QUEUES))
STEP = st.one_of(
    st.tuples(st.just("member"), WHO, st.sampled_from(PHONES)),
    st.tuples(st.just("paused"), WHO, st.sampled_from(REASONS)),
    st.tuples(st.sampled_from(("removed", "called", "connected", "completed", "listed", "lost", "restored")), WHO),
)
STEPS = st.lists(st.tuples(st.sampled_from((0, 0.001, 1, 7, 25)), STEP), max_size=40)


def act(day: Day, step: tuple[Any, ...]) -> None:
    what, (agent, queue), *more = step
    match what:
        case "member":
            day.member(agent, queue, state=MemberState(str(more[0])))
        case "paused":
            day.paused(agent, str(more[0]), queue)
        case "removed":
            day.removed(agent, queue)
        case "called" | "connected" | "completed":
            getattr(day, what)(agent, f"C{agent}", queue)
        case "listed":
            day.listed()
        case _:
            getattr(day, what)()


def played(day: Day, steps: list[Any]) -> Iterator[float]:
    """Act; and between the steps, the time."""
    now = 0.0
    for pause, step in steps:
        now += pause
        act(day.at(now), step)
        yield now


def lasting(spells: list[Spell]) -> timedelta:
    return sum((one.ended_at - one.began_at for one in spells if one.ended_at is not None), timedelta())


def end_to_end(spells: list[Spell]) -> None:
    for spell in spells:
        assert spell.since <= spell.began_at
        assert spell.ended_at is None or spell.began_at <= spell.ended_at
    for one, next_ in pairwise(spells):
        assert one.ended_at is not None, "what goes on is the last"
        assert one.ended_at <= next_.began_at


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_the_states_of_each_agent_sum_up_to_the_time_for_which_he_is_a_member(steps: list[Any]) -> None:
    day = Day().listed()
    there, since, total = dict.fromkeys(AGENTS, False), dict.fromkeys(AGENTS, 0.0), dict.fromkeys(AGENTS, 0.0)
    hears = True
    for now in played(day, steps):
        hears = type(day.facts[-1]).__name__ != "LinkLost" and (
            hears or type(day.facts[-1]).__name__ == "SnapshotTaken"
        )
        for agent in AGENTS if hears else ():
            is_there = any(member.name == agent for member in day.members.values())
            if there[agent] and not is_there:
                total[agent] += now - since[agent]
            if is_there and not there[agent]:
                since[agent] = now
            there[agent] = is_there
    end = sum(pause for pause, _ in steps) + 100
    day.at(end).restored().listed([])
    for agent in AGENTS:
        spells = [spell for spell in day.spells if spell.agent == agent]
        end_to_end(spells)
        expected = total[agent] + (end - since[agent] if there[agent] else 0)
        assert abs(lasting(spells) - seconds(expected)) < timedelta(milliseconds=1)


@settings(max_examples=400, deadline=None)
@example(
    before=[
        *[(0, ("member", ("A", "support"), MemberState.READY))] * 5,
        (0.001, ("member", ("A", "support"), MemberState.READY)),
        (0, ("member", ("A", "support"), MemberState.RINGING)),
        (0, ("member", ("A", "support"), MemberState.READY)),
    ],
    after=[],
    saved=0.75,
)
@given(STEPS, STEPS, st.floats(0, 1))
def test_a_process_that_is_killed_and_reads_its_journal_again_tells_the_same(
    before: list[Any], after: list[Any], saved: float
) -> None:
    """Saved in the middle; the next reads all of it again from a listing, and goes on."""
    steps = [*before, *after]
    once = Day().listed()
    for _ in played(once, steps):
        pass
    first = Day().listed()
    upto = int(saved * len(before))
    for _ in played(first, before[:upto]):
        pass
    heard = first.attendance.heard
    assert heard is not None
    rows = {(spell.agent, spell.began_at): spell for spell in first.attendance.take()}
    again = Day().listed()
    for _ in played(again, steps):
        pass
    resume(again.attendance, [spell for spell in rows.values() if spell.ended_at is None], heard.wall)
    rows |= {(spell.agent, spell.began_at): spell for spell in again.attendance.take()}
    assert told(list(rows.values())) == told(once.attendance.take())


def told(spells: list[Spell]) -> list[tuple[str, AgentState, str, str, str]]:
    """What each did from when to when: without what has no length, and what goes on as it was is one.

    Who rang for no time at all, in the instant at which it was saved, has two spells to one who heard it all, and to
    one who went on from what was stored a single one.
    """
    one_by_one: list[tuple[str, AgentState, str, str, str]] = []
    for one in sorted(spells, key=lambda spell: (spell.agent, spell.began_at)):
        if one.ended_at == one.began_at:
            continue
        what, began, ended = (one.agent, one.state, one.reason), offset(one.began_at), offset(one.ended_at)
        if one_by_one and one_by_one[-1][:3] == what and one_by_one[-1][4] == began:
            began = one_by_one.pop()[3]
        one_by_one.append((*what, began, ended))
    return one_by_one
