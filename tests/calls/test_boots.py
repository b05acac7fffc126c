"""The PBX dies and comes back: what it names again is somebody else, and what was open is lost, with what was seen."""

from datetime import timedelta

from telephony.calls import facts
from telephony.calls.effects import CaseOpened, Irregular
from telephony.calls.facts import HangupSide, SnapshotTaken, Uniqueid
from telephony.calls.record import Outcome, call_id, case_id
from tests.support.story import START, Story, seconds


def booted(at: float) -> Story:
    """A story in which the PBX said that it has run since then."""
    story = Story().at(at)
    return heard_again(story, at)


def heard_again(story: Story, boot: float) -> Story:
    """The line is up, the PBX has run since `boot`, and nobody is there."""
    story.tell(facts.LinkRestored(story.now, START + timedelta(seconds=boot)))
    return story.tell(SnapshotTaken(story.now, story.now, (), (), (), ()))


def dies(story: Story) -> Story:
    return story.tell(facts.LinkLost(story.now, "the line broke"))


def test_what_waited_when_the_pbx_died_is_lost_with_the_wait_as_a_lower_bound() -> None:
    story = dies(booted(0).at(1).arrives("C").joins("support").at(8).appears("X", linked="X"))
    heard_again(story.at(30), 20).ends_well()
    assert (story.outcomes, story.visit.wait, story.visit.reason) == ([Outcome.LOST], seconds(7), "the PBX restarted")
    assert story.memory() == {}


def test_a_name_that_a_new_boot_hands_out_again_is_another_call_with_another_case() -> None:
    story = dies(booted(0).at(1).arrives("C").joins("support"))
    heard_again(story.at(30), 20).at(31).arrives("C").joins("support").at(35).hangs_up().given_up().gone()
    story.passes(50)
    ids = [effect.call.id for effect in story.told(CaseOpened)]
    assert ids == [call_id("pbx1", "C"), call_id("pbx1", "C", START + seconds(20))]
    assert len({case_id(one) for one in ids}) == 2
    newest = {call.id: [visit.outcome for visit in call.visits] for call in story.ended}
    assert newest == {ids[0]: [Outcome.LOST], ids[1]: [Outcome.ABANDONED]}
    assert story.told(Irregular)[1:] == []
    assert story.ends_well().memory() == {}


def test_a_call_that_had_ended_before_the_boot_is_not_taken_for_the_new_one_either() -> None:
    story = dies(booted(0).at(1).arrives("C").at(5).hangs_up().gone().at(6))
    heard_again(story.at(30), 20).at(31).arrives("C")
    assert len({effect.call.id for effect in story.told(CaseOpened)}) == 2


def test_the_boot_is_not_in_the_id_where_no_collision_is_proven() -> None:
    story = dies(booted(0).at(1).arrives("C"))
    heard_again(story.at(30), 20).at(31).arrives("D")
    assert [effect.call.id for effect in story.told(CaseOpened)] == [call_id("pbx1", "C"), call_id("pbx1", "D")]


def test_within_one_boot_a_channel_that_ended_stays_ended_whatever_breaks() -> None:
    story = dies(booted(0).at(1).arrives("C").at(5).hangs_up().gone().at(6))
    heard_again(story.at(30), 1).at(31)
    story.tell(facts.HangupRequested(story.now, Uniqueid("C"), HangupSide.FAR_END)).arrives("C")
    assert len(story.told(CaseOpened)) == 1
    assert story.irregular == ["link_lost", "illegal_step"]


def test_after_a_while_a_former_name_is_forgotten() -> None:
    story = dies(booted(0).at(1).arrives("C").at(5).gone().at(6))
    assert heard_again(story.at(30), 20).memory()["former"] == 1
    assert "former" not in story.passes(700).memory()
