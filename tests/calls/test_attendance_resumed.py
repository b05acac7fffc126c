"""A process takes up what another stored of the agents' time: no instant twice, none guessed."""

from datetime import datetime, timedelta

import pytest

from telephony.calls.attendance_resumed import resume
from telephony.calls.facts import MemberState
from telephony.calls.record import Quality
from telephony.calls.spells import AgentState, Spell
from tests.support.attendance import Day, said
from tests.support.story import START, seconds


def stored(
    state: AgentState = AgentState.READY,
    began: float = 0,
    *,
    agent: str = "A",
    since: float | None = None,
    reason: str = "",
) -> Spell:
    """An open spell of `support`."""
    first = START + seconds(began if since is None else since)
    return Spell("pbx1", agent, state, reason, ("support",), START + seconds(began), first)


def until(value: float) -> datetime:
    return START + seconds(value)


def test_what_the_first_listing_shows_as_it_was_is_carried_on_over_the_unknown() -> None:
    day = Day().restored().at(100).member("A").listed()
    resume(day.attendance, [stored(since=-50)], until(60))
    assert day.told() == ["ready 0-60", "unknown 60-100", "ready 100-"]
    assert day.spells[-1].since == START - seconds(50)
    day.at(130).paused("A", "lunch")
    assert day.told()[2:] == ["ready 100-130", "paused(lunch) 130-"]


def test_what_goes_on_after_that_goes_on_since_then() -> None:
    day = Day().at(100).member("A").listed().at(110).member("A", "sales").at(120).removed("A", "sales")
    resume(day.attendance, [stored()], until(60))
    assert [spell.since for spell in day.spells if spell.state is AgentState.READY] == [START] * 4


def test_what_is_otherwise_began_nobody_knows_when() -> None:
    day = Day().at(100).paused("A", "lunch").listed()
    resume(day.attendance, [stored()], until(60))
    assert day.told() == ["ready 0-60", "unknown 60-100", "paused(lunch) 100-"]
    assert day.spells[-1].since == START + seconds(100)


def test_who_is_there_no_more_left_nobody_knows_when() -> None:
    day = Day().at(100).listed()
    resume(day.attendance, [stored()], until(60))
    assert day.told() == ["ready 0-60", "unknown 60-100"]


def test_who_comes_later_was_away_since_the_listing() -> None:
    day = Day().at(100).listed().at(110).member("A")
    resume(day.attendance, [stored()], until(60))
    assert day.told() == ["ready 0-60", "unknown 60-100", "ready 110-"]
    assert day.spells[-1].since == START + seconds(110)


def test_who_came_in_the_gap_is_there_since_he_was_found() -> None:
    day = Day().at(100).member("B").listed()
    resume(day.attendance, [], until(60))
    assert day.told("B") == ["ready 100-"]


def test_with_a_journal_there_is_no_gap_and_nothing_twice() -> None:
    day = Day().at(50).member("A").listed().at(80).paused("A", "lunch").at(90).member("A")
    resume(day.attendance, [stored(since=-5)], until(60))
    assert day.told() == ["ready 0-80", "paused(lunch) 80-90", "ready 90-"]
    assert (day.spells[0].since, day.spells[0].quality) == (START - seconds(5), Quality.LIVE)


def test_what_was_over_by_then_is_stored_already() -> None:
    day = Day().at(20).member("A").listed().at(30).paused("A").at(40).member("A").at(90).removed("A")
    resume(day.attendance, [stored(began=40)], until(60))
    assert day.told() == ["ready 40-90"]


def test_what_goes_on_is_ended_from_where_it_began() -> None:
    day = Day().at(50).member("A").listed()
    resume(day.attendance, [stored()], until(60))
    assert [said(spell) for spell in day.attendance.take()] == ["ready 0-"]
    assert [said(spell) for spell in day.at(80).removed("A").attendance.take()] == ["ready 0-80"]


def test_who_is_stored_otherwise_than_the_journal_says_is_so_from_then_on() -> None:
    day = Day().at(50).member("A").member("B").listed()
    resume(day.attendance, [stored(AgentState.PAUSED), stored(agent="C")], until(60))
    assert (day.told("A"), day.told("B"), day.told("C")) == (
        ["paused 0-60", "ready 60-"],
        ["ready 60-"],
        ["ready 0-60"],
    )


def test_whose_queues_changed_in_the_gap_goes_on_in_another_spell() -> None:
    day = Day().at(100).member("A", "sales").listed()
    resume(day.attendance, [stored()], until(60))
    assert day.told() == ["ready 0-60", "unknown 60-100", "ready 100-"]
    assert (day.spells[-1].queues, day.spells[-1].since) == (("sales",), START)


def test_a_pbx_that_began_since_carries_nothing_on() -> None:
    day = Day().restored(80).at(100).member("A").listed()
    resume(day.attendance, [stored()], until(60))
    assert day.told() == ["ready 0-60", "unknown 60-100", "ready 100-"]
    assert day.spells[-1].since == START + seconds(100)


def test_an_unknown_time_that_goes_on_is_one() -> None:
    day = Day().at(50).member("A").listed().at(60).lost()
    resume(day.attendance, [stored()], until(70))
    assert day.told() == ["ready 0-70", "unknown 70-"]
    assert day.at(90).listed().told() == ["ready 0-70", "unknown 70-90", "ready 90-"]


def test_of_a_pbx_whose_clock_was_set_back_what_is_heard_counts_all_the_same() -> None:
    day = Day().at(100).member("A").listed().at(110).paused("A")
    resume(day.attendance, [stored()], until(3600))
    assert day.told() == ["ready 0-3600", "ready 100-110", "paused 110-"]


def test_before_a_listing_nobody_can_say() -> None:
    with pytest.raises(ValueError, match="nothing was listed"):
        resume(Day().member("A", state=MemberState.READY).attendance, [], until(0))


def test_what_is_resumed_lies_end_to_end() -> None:
    day = Day().at(50).member("A").listed().at(70).lost().at(90).restored().at(95).listed().at(120).removed("A")
    resume(day.attendance, [stored()], until(60))
    assert day.told() == ["ready 0-60", "unknown 60-95", "ready 95-120"]
    ends = [spell.ended_at for spell in day.spells]
    assert ends[:-1] == [spell.began_at for spell in day.spells[1:]]
    total = sum((end - spell.began_at for spell, end in zip(day.spells, ends, strict=True) if end), timedelta())
    assert total == seconds(120)
