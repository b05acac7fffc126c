"""Every visit lies within its call, whichever clock, listing or log told of the one and of the other."""

from datetime import timedelta

import pytest

from telephony.calls.book import Rules
from telephony.calls.clocks import in_order
from telephony.calls.facts import (
    CallerLeft,
    ChannelEnded,
    HangupRequested,
    HangupSide,
    Interface,
    Moment,
    QueueName,
    Uniqueid,
)
from telephony.calls.facts import QueueResult as R
from telephony.calls.record import Outcome, Quality
from tests.support.story import MONO, START, TRUNK, Story, moment, seconds

RULES = Rules(pbx="pbx1", trunks=frozenset({Interface(TRUNK)}), queue_log=True)


def listed(at: float, *waiting: tuple[str, float]) -> Story:
    """The line came up, and the first listing shows a channel that had lived for less than a second."""
    story = Story(RULES).line_restored()
    story.make("C", interface=TRUNK)
    story.caller, story.now = "C", moment(at, stamped=False)
    return story.listing(*waiting, channels="C", lived={"C": 0})


def test_a_call_that_a_listing_showed_first_came_when_its_channel_is_then_told_to_have_come() -> None:
    story = listed(10.805).at(10.7).arrives("C").at(10.74).joins("support")
    assert (story.call.arrived_at, story.call.dialled) == (START + seconds(10.7), "4001")
    assert (story.visit.joined_at, story.visit.quality) == (START + seconds(10.74), Quality.LIVE)


def test_a_call_whose_coming_nobody_heard_had_come_when_its_customer_joined() -> None:
    story = listed(10.805).at(10.74).joins("support")
    assert story.call.arrived_at == story.visit.joined_at == START + seconds(10.74)
    story = listed(10.805, ("C", 0)).at(10.74).joins("support")
    assert story.call.arrived_at == story.visit.joined_at == START + seconds(10.74)


def test_whole_seconds_of_a_listing_let_nobody_wait_before_he_came() -> None:
    story = listed(10.8, ("C", 1))
    assert story.call.arrived_at == story.visit.joined_at == START + seconds(10.8)


def test_a_refusal_that_the_dialplan_tells_is_no_earlier_than_the_call() -> None:
    story = listed(10.8).at(10.7).told_that(R.FULL, queue="support")
    assert story.call.arrived_at == story.visit.left_at == START + seconds(10.7)


def test_the_second_in_which_queue_log_tells_of_a_refusal_had_begun_when_the_call_came() -> None:
    story = Story(RULES).line_restored().listing().arrives("C").at(0.5).logs(R.FULL, queue="support", written=0)
    assert story.call.arrived_at == story.visit.left_at == START
    story = Story(RULES).line_restored().listing().arrives("C").at(3).logs(R.FULL, queue="support", written=2)
    assert story.visit.left_at == (START + seconds(2)).replace(microsecond=0)


def test_a_call_that_a_listing_showed_ends_with_its_visit_though_two_clocks_tell_of_them() -> None:
    story = listed(10).at(10.5).joins("support")
    end = Moment(START + seconds(14.0838), MONO + seconds(14.0819))
    who = Uniqueid("C")
    story.tell(HangupRequested(end, who, HangupSide.FAR_END), CallerLeft(end, QueueName("support"), who))
    story.tell(ChannelEnded(end, who, 16)).passes(30)
    assert story.outcomes == [Outcome.ABANDONED]
    assert story.call.ended_at == story.visit.left_at == START + seconds(14.0838)


@pytest.mark.parametrize(
    ("arrived", "began", "expected"),
    [
        (moment(1), moment(2), (1, 2)),
        (moment(1), moment(0.5), (1, 0.5)),  # both are the PBX's own
        (moment(1, stamped=False), moment(0.5), (0.5, 0.5)),
        (moment(1), moment(0.5, stamped=False), (1, 1)),
        (moment(1, stamped=False), moment(0.5, stamped=False), (1, 1)),
    ],
)
def test_what_a_listing_told_gives_way_to_a_stamp(
    arrived: Moment, began: Moment, expected: tuple[float, float]
) -> None:
    assert tuple((one.wall - START).total_seconds() for one in in_order(arrived, began)) == expected


def test_a_clock_that_was_set_back_moves_nothing() -> None:
    arrived, began = moment(1, stamped=False), Moment(START - timedelta(hours=1), moment(2).mono)
    assert in_order(arrived, began) == (arrived, began)
