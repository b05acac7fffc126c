"""Channels come, are named, ask to end, and go."""

from telephony.calls.effects import CallEnded, CaseOpened
from tests.support.story import Story


def test_what_is_said_of_a_channel_that_ended_is_no_second_call() -> None:
    story = Story().arrives("C").at(1).gone().at(2).joins("support")
    assert story.irregular == ["illegal_step"]
    assert len(story.told(CaseOpened)) == len(story.told(CallEnded)) == 1
    assert story.visits == []


def test_an_ended_channel_is_remembered_for_a_while_only() -> None:
    story = Story().arrives("C").at(1).gone().passes(500)
    assert story.memory() == {"ended": 1}
    assert story.passes(700).memory() == {}
