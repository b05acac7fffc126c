"""Channels come, are named, ask to end, and go."""

from dataclasses import replace

import pytest

from telephony.calls import facts
from telephony.calls.book import Rules
from telephony.calls.effects import CallEnded, CaseOpened
from telephony.calls.facts import Interface, Uniqueid
from telephony.calls.record import Direction, Outcome, Party
from tests.support.story import START, TRUNK, Story, seconds


def test_what_is_said_of_a_channel_that_ended_is_no_second_call() -> None:
    story = Story().arrives("C").at(1).gone().at(2).joins("support")
    assert story.irregular == ["illegal_step"]
    assert len(story.told(CaseOpened)) == len(story.told(CallEnded)) == 1
    assert story.visits == []


def test_an_ended_channel_is_remembered_for_a_while_only() -> None:
    story = Story().arrives("C").at(1).gone().passes(500)
    assert story.memory() == {"ended": 1}
    assert story.passes(700).memory() == {}


def test_the_caller_is_whom_the_dialplan_says_he_is() -> None:
    story = Story().arrives("C", caller_number="anonymous")
    before = story.call.revision
    story.tell(facts.CallerIdentified(story.now, replace(story.channel("C"), caller_number="0211", caller_name="Li")))
    assert (story.call.caller, story.call.caller_name) == ("0211", "Li")
    story.tell(facts.CallerIdentified(story.now, replace(story.channel("C"), caller_number="0211", caller_name="Li")))
    assert story.call.revision == before + 1


def test_the_name_of_an_agents_leg_is_not_the_callers() -> None:
    story = Story().arrives("C").appears("A").tell(facts.CallerIdentified(Story().now, Story().make("A", linked="C")))
    story.tell(facts.CallerIdentified(story.now, story.make("X", linked="elsewhere")))
    assert story.call.caller == "02112345678"


def test_a_renamed_channel_stands_for_another_device() -> None:
    story = Story().arrives("C").tell(facts.ChannelRenamed(Story().now, Uniqueid("C"), Interface("PJSIP/other")))
    story.tell(facts.ChannelRenamed(story.now, Uniqueid("ghost"), Interface("PJSIP/other")))
    assert story.tracker.book.legs[Uniqueid("C")].interface == "PJSIP/other"


def test_an_inbound_call_opens_one_case_and_others_none() -> None:
    story = Story().arrives("C").arrives("9", interface="PJSIP/9").appears("A", linked="A")
    assert [opened.call.uniqueid for opened in story.told(CaseOpened)] == ["C"]
    assert {call.uniqueid: call.direction for call in story.calls_known} == {
        "C": Direction.INBOUND,
        "9": Direction.INTERNAL,
        "A": Direction.OUTBOUND,
    }


@pytest.mark.parametrize(
    ("rules", "direction"),
    [
        (Rules(pbx="p"), Direction.INBOUND),
        (Rules(pbx="p", trunks=frozenset({Interface(TRUNK)})), Direction.INBOUND),
        (Rules(pbx="p", trunks=frozenset({Interface("PJSIP/other")})), Direction.INTERNAL),
        (Rules(pbx="p", internal_contexts=frozenset({"phones"})), Direction.INTERNAL),
        (Rules(pbx="p", lines={Interface(TRUNK): "a line"}), Direction.INTERNAL),
    ],
)
def test_the_direction_is_that_of_the_root(rules: Rules, direction: Direction) -> None:
    assert Story(rules).arrives("C", context="phones").call.direction is direction


def test_a_call_ends_with_its_last_channel() -> None:
    story = Story().arrives("C").appears("A").at(3).gone()
    assert (story.call.ended_at, story.ended) == (None, [])
    assert story.at(5).gone("A").call.ended_at == START + seconds(5)
    assert len(story.ended) == 1


def test_a_leg_that_comes_late_keeps_the_call_open() -> None:
    rules = Rules(pbx="p", queue_log=True)
    story = Story(rules).arrives("C").at(3).gone().at(4).appears("A").at(9).gone("A").passes(20)
    assert story.call.ended_at == START + seconds(9)
    assert len(story.ended) == 1


def test_a_leg_linked_to_a_call_that_is_over_belongs_to_nobody() -> None:
    story = Story().arrives("C").joins("support").at(3).given_up().gone().passes(10).appears("A").gone("A")
    assert len(story.ended) == 1
    assert story.call.ended_at == START + seconds(3)


def test_a_leg_whose_root_appears_later_finds_it() -> None:
    story = Story().appears("A", linked="C").arrives("C").tell()
    story.tell(facts.CallerIdentified(story.now, story.channel("A")))
    assert story.tracker.book.legs[Uniqueid("A")].call is not None


def test_who_ended_a_call_without_talk_is_who_asked_first() -> None:
    assert Story().arrives("C").at(3).hangs_up().cut_off().gone().call.hung_up_by is Party.CALLER
    assert Story().arrives("C").at(3).cut_off().hangs_up().gone().call.hung_up_by is Party.PBX
    assert Story().arrives("C").at(3).gone().call.hung_up_by is Party.PBX


def test_of_a_call_that_goes_out_the_agent_is_the_root() -> None:
    story = Story().appears("A", linked="A").appears("T", linked="A", interface=TRUNK).bridged("A", "T")
    assert story.at(3).hangs_up("T").gone("T").hangs_up("A").gone("A").call.hung_up_by is Party.CALLER
    story = Story().appears("A", linked="A").appears("T", linked="A", interface=TRUNK).bridged("A", "T")
    assert story.at(3).hangs_up("A").gone("A").gone("T").call.hung_up_by is Party.AGENT


def test_who_hung_up_before_the_caller_was_handed_on_did_not_end_the_call() -> None:
    story = Story().arrives("C").appears("T", interface=TRUNK).bridged("C", "T").at(3).hangs_up("T").gone("T")
    story.at(4).joins("support").at(9).hangs_up().given_up().gone().passes(20)
    assert (story.outcomes, story.call.hung_up_by) == ([Outcome.ABANDONED], Party.CALLER)


def test_a_request_on_a_channel_of_no_call_is_nobodys() -> None:
    story = Story().appears("X", linked="elsewhere").hangs_up("X").hangs_up("ghost").gone("X").gone("ghost")
    assert story.effects == []
