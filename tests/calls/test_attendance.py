"""What an agent does, and since when: spells that lie end to end."""

from dataclasses import replace
from datetime import timedelta

from telephony.calls import facts
from telephony.calls.attendance import LONGEST, PARTS, REASON, in_parts
from telephony.calls.facts import MemberState
from telephony.calls.record import Quality
from telephony.calls.spells import AgentState
from tests.support.attendance import Day
from tests.support.story import START, moment, seconds

TALKING, RINGING, UNAVAILABLE = MemberState.TALKING, MemberState.RINGING, MemberState.UNAVAILABLE


def at_work() -> Day:
    """`A` serves `support` since 10, ready."""
    return Day().listed().at(10).member("A")


# --- there or not -----------------------------------------------------------------------------------------------------


def test_nothing_is_accounted_before_a_listing() -> None:
    day = Day().member("A").at(5).paused("A").gone()
    assert day.spells == []
    assert day.at(7).listed().told() == ["paused 7-"]


def test_he_is_there_from_his_first_queue_to_his_last() -> None:
    day = at_work().at(20).member("A", "sales").at(30).removed("A").at(40).removed("A", "sales").at(50).removed("A")
    assert day.told() == ["ready 10-20", "ready 20-30", "ready 30-40"]
    assert [(spell.queues, spell.since) for spell in day.spells] == [
        (("support",), START + seconds(10)),
        (("sales", "support"), START + seconds(10)),
        (("sales",), START + seconds(10)),
    ]


def test_who_comes_again_begins_anew() -> None:
    day = at_work().at(20).removed("A").at(60).member("A")
    assert day.told() == ["ready 10-20", "ready 60-"]
    assert day.spells[1].since == START + seconds(60)


def test_whose_phone_cannot_be_called_is_not_there() -> None:
    day = at_work().at(20).member("A", state=UNAVAILABLE).at(30).paused("A", state=UNAVAILABLE).at(40).member("A")
    assert day.told() == ["ready 10-20", "unreachable 20-40", "ready 40-"]


def test_a_person_with_two_phones_is_there_while_one_of_them_is() -> None:
    day = at_work().member("A", phone="mobile", state=UNAVAILABLE).at(20).removed("A").at(30).member("A")
    assert day.told() == ["ready 10-20", "unreachable 20-30", "ready 30-"]


def test_a_phone_that_goes_over_to_another_agent_is_his() -> None:
    day = at_work().at(20).member("B", phone="A")
    assert (day.told("A"), day.told("B")) == (["ready 10-20"], ["ready 20-"])


# --- paused -----------------------------------------------------------------------------------------------------------


def test_paused_is_who_is_paused_in_all_his_queues() -> None:
    day = at_work().member("A", "sales").at(20).paused("A", "lunch").at(21).paused("A", "lunch", "sales")
    day.at(50).member("A")
    assert day.told() == ["ready 10-21", "paused(lunch) 21-50", "ready 50-"]


def test_another_reason_is_another_spell() -> None:
    day = at_work().at(20).paused("A", "lunch").at(30).paused("A", "meeting").at(40).member("A")
    assert day.told() == ["ready 10-20", "paused(lunch) 20-30", "paused(meeting) 30-40", "ready 40-"]


def test_of_two_reasons_the_one_that_made_him_paused_stays_until_both_are_another() -> None:
    day = at_work().member("A", "sales").at(20).paused("A", "first").at(21).paused("A", "second", "sales")
    day.at(30).paused("A", "third").at(31).paused("A", "third", "sales")
    assert day.told() == ["ready 10-21", "paused(second) 21-31", "paused(third) 31-"]


def test_a_pause_that_is_called_wrap_up_is_wrap_up() -> None:
    day = at_work().at(20).paused("A", "Wrap-Up").at(30).paused("A", "lunch")
    assert day.told() == ["ready 10-20", "wrap_up(Wrap-Up) 20-30", "paused(lunch) 30-"]


def test_of_a_long_reason_the_beginning_is_kept() -> None:
    assert at_work().at(20).paused("A", "x" * 500).spells[-1].reason == "x" * REASON


def test_who_talks_while_he_is_paused_talks() -> None:
    day = (
        at_work()
        .at(20)
        .member("A", state=TALKING)
        .at(30)
        .paused("A", "later", state=TALKING)
        .at(40)
        .paused("A", "later")
    )
    assert day.told() == ["ready 10-20", "talking 20-40", "paused(later) 40-"]


# --- talks and wrap-up ------------------------------------------------------------------------------------------------


def test_a_talk_is_followed_by_the_wrap_up_of_its_queue() -> None:
    day = at_work().at(20).called("A").at(21).member("A", state=RINGING).at(25).member("A", state=TALKING)
    day.at(25.1).connected("A").at(60).completed("A").at(60.1).member("A").at(80).compared()
    assert day.told() == ["ready 10-21", "ringing 21-25", "talking 25-60.1", "wrap_up 60.1-70", "ready 70-"]


def test_a_member_with_a_wrap_up_of_his_own_has_that() -> None:
    day = at_work().member("A", wrap_up=seconds(4)).at(25).connected("A").at(60).completed("A").at(80).compared()
    assert day.told() == ["ready 10-25", "talking 25-60", "wrap_up 60-64", "ready 64-"]


def test_a_talk_in_a_queue_without_wrap_up_is_followed_by_none() -> None:
    day = at_work().member("A", "sales").at(25).connected("A", queue="sales").at(60).completed("A", queue="sales")
    assert day.told() == ["ready 10-25", "talking 25-60", "ready 60-"]


def test_a_new_call_ends_the_wrap_up() -> None:
    day = at_work().at(25).connected("A").at(60).completed("A").at(63).called("A", "D").at(64).connected("A", "D")
    day.at(66).completed("A", "D").at(67).connected("A", "E").at(90).gone("E")
    assert day.told() == [
        "ready 10-25", "talking 25-60", "wrap_up 60-63", "ready 63-64", "talking 64-66", "wrap_up 66-67",
        "talking 67-90", "wrap_up 90-",
    ]  # fmt: skip


def test_a_call_for_one_who_does_not_wrap_up_changes_nothing() -> None:
    assert at_work().called("A").called("nobody").told() == ["ready 10-"]


def test_who_is_called_from_outside_the_queue_talks_and_has_no_wrap_up() -> None:
    day = at_work().at(25).member("A", state=TALKING).at(60).member("A")
    assert day.told() == ["ready 10-25", "talking 25-60", "ready 60-"]


def test_a_pause_in_wrap_up_is_a_pause() -> None:
    day = at_work().at(25).connected("A").at(60).completed("A").at(63).paused("A", "lunch").at(80).member("A")
    assert day.told() == ["ready 10-25", "talking 25-60", "wrap_up 60-63", "paused(lunch) 63-80", "ready 80-"]


def test_who_is_removed_in_wrap_up_is_gone() -> None:
    day = at_work().at(25).connected("A").at(60).completed("A").at(63).removed("A").at(65).listed().at(90).compared()
    assert day.told() == ["ready 10-25", "talking 25-60", "wrap_up 60-63"]


def test_a_phone_of_which_nobody_tells_talks_as_long_as_the_queue_says() -> None:
    day = at_work().at(25).connected("A").at(26).completed("B", "X").at(60).gone("C").at(61).completed("A")
    assert day.told() == ["ready 10-25", "talking 25-60", "wrap_up 60-"]


def test_a_caller_who_was_handed_over_is_told_of_under_another_name_or_none() -> None:
    for name in ("D", ""):
        day = at_work().at(25).connected("A").at(60).completed("A", name)
        assert day.told() == ["ready 10-25", "talking 25-60", "wrap_up 60-"]


def test_a_talk_that_no_listing_shows_any_more_is_over() -> None:
    day = at_work().at(25).connected("A").at(60).listed(asked=59)
    assert day.told() == ["ready 10-25", "talking 25-60", "ready 60-"]


def test_a_talk_that_a_listing_shows_goes_on() -> None:
    day = at_work().at(25).connected("A").member("A", state=TALKING).at(60).listed(asked=59).at(61).member("A")
    assert day.told() == ["ready 10-25", "talking 25-"]
    assert day.at(62).completed("A").told() == ["ready 10-25", "talking 25-62", "wrap_up 62-"]


def test_what_happens_to_callers_changes_no_agent() -> None:
    day = at_work().at(20).tell(facts.CallerLeft(moment(20), facts.QueueName("support"), facts.Uniqueid("C")))
    assert day.told() == ["ready 10-"]


def test_a_talk_of_one_who_serves_no_queue_is_nobodys() -> None:
    assert Day().listed().at(5).connected("X").at(9).completed("X").spells == []


# --- listings ---------------------------------------------------------------------------------------------------------


def test_what_was_told_since_the_listing_was_asked_for_is_newer_than_it() -> None:
    day = at_work()
    members = list(day.members.values())
    day.at(20).member("A", state=TALKING).member("B").at(20.5).removed("B").listed(members, asked=19)
    assert (day.told("A"), day.told("B")) == (["ready 10-20", "talking 20-"], ["ready 20-20.5"])


def test_what_a_listing_shows_otherwise_is_believed_and_is_partial() -> None:
    day = at_work().at(60)
    (member,) = day.members.values()
    day.listed([facts.Member(member.queue, member.interface, "A", TALKING)])
    assert day.told() == ["ready 10-60", "talking 60-"]
    assert [spell.quality for spell in day.spells] == [Quality.LIVE, Quality.PARTIAL]


def test_who_is_listed_no_more_is_gone() -> None:
    assert at_work().at(60).listed([]).told() == ["ready 10-60"]


def test_what_goes_on_for_very_long_goes_on_in_another_spell() -> None:
    hours = LONGEST.total_seconds()
    day = at_work().at(hours).listed().at(hours + 10).listed().at(hours + 20).listed().at(hours + 30).removed("A")
    assert day.told() == [f"ready 10-{hours + 10:g}", f"ready {hours + 10:g}-{hours + 30:g}"]
    assert {spell.since for spell in day.spells} == {START + seconds(10)}


# --- gaps -------------------------------------------------------------------------------------------------------------


def test_what_nobody_heard_is_unknown_and_what_is_as_it_was_is_carried_on() -> None:
    day = at_work().at(20).compared().at(35).lost().at(50).restored().at(51).listed().at(60).removed("A")
    assert day.told() == ["ready 10-20", "unknown 20-51", "ready 51-60"]
    assert day.spells[2].since == START + seconds(10)
    assert day.spells[2].quality is Quality.PARTIAL


def test_who_does_something_else_after_a_gap_does_it_since_then() -> None:
    day = at_work().at(20).lost().at(50).restored().at(50.5).paused("A", "lunch").at(51).listed()
    assert day.told() == ["unknown 10-51", "paused(lunch) 51-"]
    assert day.spells[-1].since == START + seconds(51)


def test_who_is_gone_after_a_gap_left_nobody_knows_when() -> None:
    day = at_work().at(20).compared().lost().at(50).restored().at(51).listed([])
    assert day.told() == ["ready 10-20", "unknown 20-51"]


def test_who_has_left_before_a_gap_is_in_none() -> None:
    assert at_work().at(20).removed("A").lost().at(50).restored().listed().told() == ["ready 10-20"]


def test_who_was_not_there_before_a_gap_was_not_expected_in_it() -> None:
    day = at_work().at(20).compared().lost().at(50).restored().at(51).listed([*Day().member("B").members.values()])
    assert day.told("B") == ["ready 51-"]


def test_a_wrap_up_and_a_talk_do_not_outlive_a_gap() -> None:
    day = at_work().member("B").at(20).connected("A").connected("B", "D").at(25).completed("A").compared().lost()
    day.at(26).lost().at(27).restored().listed()
    assert (day.told("A")[-2:], day.told("B")[-2:]) == (
        ["unknown 25-27", "ready 27-"],
        ["unknown 25-27", "ready 27-"],
    )


def test_a_pbx_that_began_anew_carries_nothing_on() -> None:
    day = at_work().at(11).restored(-1000).at(20).compared().tell(facts.PbxStopping(moment(20)))
    day.at(21).lost().at(50).restored(40).at(51).listed()
    assert day.told() == ["ready 10-20", "unknown 20-51", "ready 51-"]
    assert day.spells[-1].since == START + seconds(51)


def test_a_pbx_that_says_nothing_of_its_beginning_is_the_same() -> None:
    day = at_work().at(20).compared().lost().at(50).restored(None).at(51).listed()
    assert day.spells[-1].since == START + seconds(10)


def test_without_any_listing_a_line_that_breaks_changes_nothing() -> None:
    assert Day().member("A").lost().restored().restored(500).spells == []


def test_what_falls_due_is_told_by_nobody_on_the_line() -> None:
    day = at_work().at(30).tell(facts.TimePassed(moment(30))).lost().at(40).restored().listed()
    assert day.told() == ["unknown 10-40", "ready 40-"]


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_when_the_pbx_s_clock_is_set_the_length_is_ours() -> None:
    day = at_work()
    day.stepped = timedelta(hours=1)
    day.at(20).paused("A").at(30).member("A")
    assert day.told() == ["ready 10-20", "paused 3620-3630", "ready 3630-"]
    assert [spell.quality for spell in day.spells] == [Quality.APPROXIMATE, Quality.LIVE, Quality.LIVE]


def test_when_it_is_set_back_no_instant_is_counted_twice() -> None:
    day = at_work()
    day.stepped = timedelta(seconds=-8)
    day.at(20).paused("A").at(30).removed("A").at(33).member("A")
    assert day.told() == ["ready 10-20", "paused 20-30", "ready 30-"]


def test_an_event_that_comes_late_moves_nothing_back() -> None:
    day = at_work().at(20).paused("A").at(19.999).member("A").at(21).removed("A")
    assert day.told() == ["ready 10-20", "ready 20-21"]


def test_whose_caller_is_handed_over_talks_until_then_and_the_other_until_he_is_done() -> None:
    day = Day().listed([]).at(1).member("A").member("B")
    day.at(10).connected("A").at(30).connected("B").at(40).completed("A").at(60).completed("B").at(100).listed()
    assert day.told("A") == ["ready 1-10", "talking 10-30", "wrap_up 30-40", "ready 40-"]
    assert day.told("B") == ["ready 1-30", "talking 30-60", "wrap_up 60-70", "ready 70-"]


def test_names_that_are_not_utf_8_are_as_many_agents_and_can_be_stored() -> None:
    names = [name.encode("gbk").decode("utf-8", "surrogateescape") for name in ("张敏", "刘洋", "杨磊")]
    day = Day().listed([])
    for name in names:
        day.member(name)
    day.at(5).paused(names[0], names[1]).at(7).connected(names[1]).at(8).called(names[1]).at(9).completed(names[1])
    day.at(10).listed()
    told = {(spell.agent, spell.reason) for spell in day.attendance.take()}
    assert len({agent for agent, _ in told}) == 3
    assert (r"\xd5\xc5\xc3\xf4", r"\xc1\xf5\xd1\xf3") in told


# --- taken ------------------------------------------------------------------------------------------------------------


def test_what_is_taken_is_what_changed() -> None:
    day = at_work()
    assert [spell.ended_at for spell in day.attendance.take()] == [None]
    assert day.attendance.take() == []
    day.at(20).removed("A")
    (spell,) = day.attendance.take()
    assert (spell.state, spell.ended_at) == (AgentState.READY, START + seconds(20))


def test_a_long_time_is_stored_in_parts_end_to_end() -> None:
    day = at_work().at(20).compared().lost().at(20 + 2.5 * LONGEST.total_seconds()).restored().listed()
    parts = [spell for spell in day.attendance.take() if spell.state is AgentState.UNKNOWN]
    assert [part.ended_at for part in parts[:2]] == [part.began_at for part in parts[1:]]
    assert [(part.ended_at or START) - part.began_at for part in parts] == [LONGEST, LONGEST, LONGEST / 2]


def test_of_a_time_that_no_clock_can_have_told_there_are_not_parts_without_end() -> None:
    (spell,) = at_work().at(20).removed("A").spells
    assert len(in_parts(replace(spell, ended_at=START + 10_000 * LONGEST))) == PARTS
