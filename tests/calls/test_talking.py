"""Who hears whom: bridges, hold, transfers, and who hung up."""

import pytest

from telephony.calls import facts
from telephony.calls.effects import TalkEnded
from telephony.calls.facts import BridgeId, Interface, Uniqueid
from telephony.calls.record import Kind, OfferResult, Outcome, Party
from tests.support.story import Story, seconds


def talking(start: float = 3) -> Story:
    """The caller talks with A since then."""
    return Story().arrives("C").joins("support").rings("A").at(start).talks_with("A")


def handed(story: Story, target: str, *, succeeded: bool = True) -> Story:
    """A hands the caller on to the target."""
    who = Uniqueid("C"), succeeded, Uniqueid(target)
    return story.tell(facts.Transferred(story.now, "attended", Uniqueid("A"), *who))


def replacing(story: Story, name: str, seat: str, bridge: str = "b1") -> Story:
    """A channel takes another's seat."""
    return story.tell(facts.BridgeEntered(story.now, BridgeId(bridge), story.channel(name), Uniqueid(seat)))


def test_customer_and_agent_in_one_bridge_are_an_answered_wait() -> None:
    story = talking()
    assert story.outcomes == [Outcome.ANSWERED]
    assert (story.visit.wait, story.visit.agent, story.visit.caller_rings) == (seconds(3), "Agent A", 1)


def test_a_customer_alone_in_a_bridge_hears_nobody() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(3).answers("A").leaves().connects("A").bridged("C")
    assert story.outcomes == [None]


def test_the_talk_stops_when_the_agent_leaves_and_goes_on_with_the_next() -> None:
    story = talking().at(10).unbridged("A").at(30).bridged("B").at(35).unbridged("C")
    story.at(40).gone("A").gone("B").gone("C")
    assert story.visit.talk == seconds(12)
    assert len(story.told(TalkEnded)) == 1


def test_the_talk_goes_on_while_anybody_is_left_with_the_customer() -> None:
    story = talking().at(5).bridged("B").at(10).unbridged("A").at(20).hangs_up().gone()
    assert story.visit.talk == seconds(17)


def test_the_end_of_a_channel_ends_its_seat() -> None:
    story = talking().at(10).gone("A").at(50).hangs_up().gone()
    assert story.visit.talk == seconds(7)


def test_leaving_a_bridge_in_which_one_is_not_changes_nothing() -> None:
    story = talking().at(5).unbridged("C", bridge="b9").unbridged("X").at(10).hangs_up().gone()
    assert story.visit.talk == seconds(7)


def test_entering_another_bridge_leaves_the_first() -> None:
    story = talking().at(5).bridged("C", bridge="b2").at(9).bridged("A", bridge="b2").at(10).hangs_up().gone()
    assert story.visit.talk == seconds(3)
    assert story.ends_well().memory() == {}


def test_entering_the_same_bridge_twice_changes_nothing() -> None:
    story = talking().at(5).bridged("A").bridged("C").at(10).hangs_up().gone()
    assert story.visit.talk == seconds(7)


def test_somebody_of_no_call_may_come_and_go() -> None:
    story = talking().appears("X", linked="elsewhere").bridged("X").at(5).unbridged("X").at(9).hangs_up().gone()
    assert story.visit.talk == seconds(6)


# --- hold -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["A", "C"])
def test_a_hold_is_part_of_the_talk_whoever_holds(side: str) -> None:
    story = talking()
    story.at(5).tell(facts.Held(story.now, Uniqueid(side)))
    story.at(6).tell(facts.Held(story.now, Uniqueid(side)))
    story.at(8).tell(facts.Unheld(story.now, Uniqueid(side)))
    story.at(9).tell(facts.Unheld(story.now, Uniqueid(side)))
    story.at(10).hangs_up().gone()
    assert (story.visit.talk, story.visit.hold) == (seconds(7), seconds(3))


def test_a_hold_ends_with_the_talk() -> None:
    story = talking()
    story.at(5).tell(facts.Held(story.now, Uniqueid("A"))).at(7).unbridged("A").at(9).gone()
    assert story.visit.hold == seconds(2)


def test_a_hold_while_nobody_talks_is_none() -> None:
    story = Story().arrives("C").joins("support").tell(facts.Held(Story().now, Uniqueid("C")))
    story.tell(facts.Held(story.now, Uniqueid("nobody")))
    assert talking().at(5).unbridged("A").tell(facts.Held(story.now, Uniqueid("C"))).visit.hold == seconds(0)
    assert story.visit.hold is None


# --- who hung up ------------------------------------------------------------------------------------------------------


def test_whoever_hangs_up_first_hung_up() -> None:
    story = talking().at(5).hangs_up().hangs_up("A").gone().gone("A")
    assert (story.visit.hung_up_by, story.call.hung_up_by) == (Party.CALLER, Party.CALLER)
    story = talking().at(5).hangs_up("A").hangs_up().gone("A").gone()
    assert (story.visit.hung_up_by, story.call.hung_up_by) == (Party.AGENT, Party.AGENT)


@pytest.mark.parametrize("side", ["A", "C"])
def test_what_ami_or_a_limit_ends_the_pbx_hung_up(side: str) -> None:
    story = talking().at(5).cut_off(side).gone("A").gone("C")
    assert story.visit.hung_up_by is Party.PBX


def test_without_any_request_the_pbx_hung_up() -> None:
    assert talking().at(5).gone("A").gone("C").visit.hung_up_by is Party.PBX


def test_who_hung_up_is_not_told_while_the_call_goes_on() -> None:
    assert talking().at(5).hangs_up("A").gone("A").visit.hung_up_by is None


def test_a_request_to_end_a_channel_that_left_the_talk_ends_no_talk() -> None:
    story = talking().at(5).bridged("B").unbridged("A").at(6).hangs_up("A").gone("A").at(9).hangs_up().gone()
    assert story.visit.hung_up_by is Party.CALLER


# --- other seats ------------------------------------------------------------------------------------------------------


def test_whoever_takes_an_agents_seat_is_the_agent() -> None:
    story = replacing(talking().at(5), "B", "A").at(9).hangs_up("B").gone("B").gone()
    assert (story.visit.talk, story.visit.hung_up_by) == (seconds(6), Party.AGENT)


def test_whoever_takes_the_seat_of_a_ringing_leg_is_whom_the_caller_waited_for() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(3).answers("A").leaves().connects("A")
    replacing(story.bridged("C"), "B", "A")
    assert (story.outcomes, story.visit.agent) == ([Outcome.ANSWERED], "Agent A")


def test_the_seat_of_a_channel_unknown_is_a_seat_like_any() -> None:
    story = replacing(Story().arrives("C"), "B", "ghost")
    assert story.tracker.book.bridges == {"b1": {"B"}}


def test_who_picks_a_ringing_call_up_is_the_agent_and_the_phone_that_rang_is_not() -> None:
    story = Story().arrives("C").dials("A").rings("A").at(4).appears("B")
    story.tell(facts.PickedUp(story.now, Uniqueid("B"), Uniqueid("A"))).gone("A").bridged("C", "B")
    assert (story.outcomes, story.visit.agent) == ([Outcome.ANSWERED], "PJSIP/B")
    assert [offer.result for offer in story.visit.offers] == [OfferResult.CANCELLED_ELSEWHERE]
    story.tell(facts.PickedUp(story.now, Uniqueid("ghost"), Uniqueid("A")))


def test_a_direct_caller_bridged_with_somebody_else_was_answered_by_him() -> None:
    story = Story().arrives("C").dials("A").rings("A").at(4).bridged("C", "B")
    assert (story.outcomes, story.visit.agent) == ([Outcome.ANSWERED], "PJSIP/B")
    assert story.visit.offers[0].result is OfferResult.CANCELLED_ELSEWHERE


def test_a_phone_whose_answer_only_the_bridge_tells_was_answered_then() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(4).leaves().connects("A").bridged("C", "A")
    assert [(offer.result, offer.alerting) for offer in story.visit.offers] == [(OfferResult.ANSWERED, seconds(4))]


def test_a_waiting_caller_bridged_with_somebody_else_was_moved_away() -> None:
    story = Story().arrives("C").joins("support").at(4).bridged("C", "B")
    assert story.outcomes == [Outcome.REDIRECTED]


def test_one_who_left_the_queue_and_is_bridged_with_somebody_else_has_moved_on() -> None:
    story = Story().arrives("C").joins("support").at(4).given_up().bridged("C", "B")
    story.at(5).logs(facts.QueueResult.ABANDONED)
    assert story.outcomes == [Outcome.REDIRECTED]


def test_a_connected_caller_is_answered_by_whoever_is_in_the_bridge() -> None:
    story = Story().arrives("C").joins("support").at(3).leaves().connects("A").bridged("C", "B")
    assert (story.outcomes, story.visit.agent) == ([Outcome.ANSWERED], "Agent A")


def test_a_bridge_after_the_visit_ended_otherwise_answers_nothing() -> None:
    story = Story().arrives("C").joins("support").given_up().told_that(facts.QueueResult.TIMEOUT).bridged("C", "B")
    assert story.outcomes == [Outcome.TIMEOUT]


def test_a_caller_who_never_waited_may_talk() -> None:
    assert Story().arrives("C").bridged("C", "B").visits == []


# --- parking and transfers --------------------------------------------------------------------------------------------


def test_a_waiting_caller_who_is_parked_is_redirected() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(4)
    story.tell(facts.Parked(story.now, Uniqueid("C")))
    assert (story.outcomes, story.visit.wait) == ([Outcome.REDIRECTED], seconds(4))
    assert story.visit.offers[0].result is OfferResult.CALLER_LEFT


def test_a_parked_caller_had_left_the_queue_alive() -> None:
    story = Story().arrives("C").joins("support").given_up().at(0.1)
    story.tell(facts.Parked(story.now, Uniqueid("C")), facts.Parked(story.now, Uniqueid("ghost")))
    assert story.logs(facts.QueueResult.ABANDONED).outcomes == [Outcome.REDIRECTED]


def test_nobody_hung_up_on_a_caller_who_was_handed_on() -> None:
    story = handed(talking().at(5).hangs_up("A"), "B").gone("A").at(6).joins("sales")
    assert story.visits[0].hung_up_by is None
    story.at(8).hangs_up().given_up().gone().passes(20)
    assert (story.outcomes, story.call.hung_up_by) == ([Outcome.ANSWERED, Outcome.ABANDONED], Party.CALLER)


def test_a_transfer_that_failed_or_came_after_the_talk_changes_nothing() -> None:
    story = handed(talking().at(5).hangs_up("A"), "B", succeeded=False).gone("A").gone()
    assert story.visit.hung_up_by is Party.AGENT
    story = talking().at(5).hangs_up().gone()
    assert handed(story, "B").visit.hung_up_by is Party.CALLER


def consulted() -> Story:
    """A calls B by way of a Local channel, to consult."""
    story = talking().at(10).unbridged("A").appears("L1", linked="C").appears("L2", linked="C")
    story.tell(facts.LocalJoined(story.now, Uniqueid("L1"), Uniqueid("L2")))
    story.bridged("A", "L1", bridge="b2").dials("B", "L2").rings("B")
    return story


def test_a_consultation_is_no_visit() -> None:
    story = consulted().at(15).answers("B").bridged("B", "L2", bridge="b3")
    assert len(story.visits) == 1
    story.at(20).bridged("L1")
    handed(story, "L1").at(30).hangs_up().gone()
    assert story.visit.talk == seconds(7 + 10)


def test_a_transfer_to_a_phone_that_still_rings_is_a_visit_from_then_on() -> None:
    story = consulted().at(15).unbridged("A", bridge="b2").bridged("L1")
    handed(story, "L1").bridged("L1").at(22).answers("B").bridged("B", "L2", bridge="b3").at(30).hangs_up().gone()
    first, second = story.visits
    assert (first.outcome, first.talk, first.hung_up_by) == (Outcome.ANSWERED, seconds(7), None)
    assert (second.outcome, second.kind, second.queue) == (Outcome.ANSWERED, Kind.DIRECT, "PJSIP/B")
    assert (second.wait, second.caller_rings, second.talk, second.agent) == (seconds(7), 2, seconds(8), "PJSIP/B")
    assert story.ends_well().memory() == {}


def test_who_hangs_up_while_the_phone_rings_to_which_he_was_handed_has_abandoned_that() -> None:
    story = handed(consulted().at(15).bridged("L1"), "L1").at(20).hangs_up().silent("B").gone().passes(30)
    assert story.outcomes == [Outcome.ANSWERED, Outcome.ABANDONED]
    assert story.visits[1].wait == seconds(5)


def test_a_transfer_to_a_ringing_phone_that_answers_before_he_is_there_waits_for_the_bridge() -> None:
    story = handed(consulted().at(15).unbridged("C"), "L1").at(18).answers("B").at(19).bridged("C", "B")
    assert (story.outcomes, story.visits[1].wait) == ([Outcome.ANSWERED] * 2, seconds(4))


def test_only_customers_are_handed_on() -> None:
    story = Story().arrives("9", interface="PJSIP/9").appears("L2").dials("B", "L2")
    story.tell(facts.Transferred(story.now, "attended", Uniqueid("A"), Uniqueid("9"), True, Uniqueid("L1")))
    story.tell(facts.Transferred(story.now, "blind", Uniqueid("A"), None, True))
    assert story.visits == []


def test_a_line_is_named_as_published() -> None:
    story = Story()
    rules = type(story.rules)(pbx="pbx1", lines={Interface("PJSIP/A"): "North", Interface("PJSIP/B"): "South"})
    story = Story(rules).arrives("C").dials("A").rings("A").at(2).bridged("C", "B")
    assert (story.visit.queue, story.visit.agent) == ("North", "South")
