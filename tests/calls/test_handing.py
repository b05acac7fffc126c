"""Calls go from hand to hand: who consults waits for himself, whom he hands over waits from then on."""

import pytest

from telephony.calls import facts
from telephony.calls.facts import DialResult, Interface, Member, MemberState, QueueName, Uniqueid
from telephony.calls.record import Direction, Kind, OfferResult, Outcome, Party
from tests.support.story import START, Story, seconds

SALES = QueueName("sales")


def talking() -> Story:
    """C has talked with A since 3 s; A's phone has the second line A2."""
    story = Story().arrives("C").joins("support").rings("A").at(3).talks_with("A")
    story.make("A2", interface="PJSIP/A2")
    return story.tell(facts.ChannelAppeared(story.now, story.channel("A2"), incoming=True))


def hands_over(story: Story, *, place: str = "", target: str = "", kind: str = "attended", who: str = "C") -> Story:
    """A's first line is asked to connect C with whom the second line has, or with whom he waits for."""
    return story.tell(
        facts.Transferred(
            story.now,
            kind,
            Uniqueid("A"),
            Uniqueid(who) if who else None,
            succeeded=True,
            target=Uniqueid(target) if target else None,
            place=Uniqueid(place) if place else None,
        )
    )


def in_queue(story: Story) -> Story:
    """A waits in `sales` on his second line."""
    story.tell(facts.CallerJoined(story.now, SALES, story.channel("A2")))
    story.queue = "sales"
    return story


def through_a_local_channel(story: Story) -> Story:
    """A consults by the PBX's own feature: L1 is with him, L2 is in the dialplan."""
    story.unbridged("A").appears("L1").appears("L2")
    story.tell(facts.LocalJoined(story.now, Uniqueid("L1"), Uniqueid("L2")))
    return story.bridged("A", "L1", bridge="b2")


# --- into a queue -----------------------------------------------------------------------------------------------------


def test_an_agent_who_waits_in_a_queue_to_consult_is_no_visit() -> None:
    story = in_queue(talking().at(10))
    assert [visit.queue for visit in story.visits] == ["support"]
    story.at(15).given_up("A2").gone("A2").at(20).hangs_up().gone().gone("A")
    assert (story.outcomes, story.visit.talk) == ([Outcome.ANSWERED], seconds(17))
    assert story.ends_well().memory() == {}
    assert story.irregular == []


def test_the_wait_of_whom_he_hands_over_into_the_queue_begins_with_that() -> None:
    story = in_queue(talking().at(10)).calls("B", "A2").at(12).rings("B").at(16).unbridged("C")
    hands_over(story, place="A2").gone("A").gone("A2").at(20).answers("B").leaves("C").connects("B", "C")
    story.bridged("C", "B").at(30).hangs_up().gone().gone("B")
    first, second = story.visits
    assert (first.talk, first.hung_up_by) == (seconds(13), None)
    assert (second.kind, second.queue, second.wait, second.talk) == (Kind.QUEUE, "sales", seconds(4), seconds(10))
    assert [(offer.agent, offer.alerting) for offer in second.offers] == [("Agent B", seconds(4))]
    assert (second.caller_rings, second.hung_up_by) == (1, Party.CALLER)
    assert story.ends_well().memory() == {}


def test_a_phone_that_the_queue_rings_after_the_hand_over_rings_for_him_who_waits_now() -> None:
    story = in_queue(talking().at(10)).at(12).unbridged("C")
    hands_over(story, place="A2").gone("A").gone("A2").at(14).rings("B").at(15).hangs_up().silent("B").given_up().gone()
    story.passes(40)
    assert story.outcomes == [Outcome.ANSWERED, Outcome.ABANDONED]
    assert [(offer.agent, offer.result) for offer in story.visits[1].offers] == [("Agent B", OfferResult.CALLER_LEFT)]


def test_behind_a_local_channel_he_waits_and_his_own_hanging_up_ends_it() -> None:
    story = through_a_local_channel(talking().at(10))
    story.tell(facts.CallerJoined(story.now, SALES, story.channel("L2")))
    story.queue = "sales"
    story.at(14).unbridged("A", "L1", bridge="b2").bridged("L1")
    hands_over(story, target="L1").gone("A").at(20).hangs_up().gone().given_up("L2").gone("L1").gone("L2").passes(40)
    assert story.outcomes == [Outcome.ANSWERED, Outcome.ABANDONED]
    assert (story.visits[0].talk, story.visits[1].wait) == (seconds(7), seconds(6))


def test_behind_a_local_channel_he_is_answered_when_its_other_half_is() -> None:
    story = through_a_local_channel(talking().at(10))
    story.tell(facts.CallerJoined(story.now, SALES, story.channel("L2")))
    story.queue = "sales"
    story.at(14).unbridged("A", "L1", bridge="b2").bridged("L1")
    hands_over(story, target="L1").gone("A").at(16)
    story.calls("B", "L2").rings("B").at(18).answers("B").leaves("L2").connects("B", "L2")
    story.bridged("L2", "B", bridge="b3").at(25).hangs_up("B").gone("B").gone("L2").gone("L1").gone()
    assert (story.visits[1].agent, story.visits[1].wait, story.visits[1].talk) == ("Agent B", seconds(4), seconds(7))
    assert story.visits[1].hung_up_by is Party.AGENT
    assert story.ends_well().memory() == {}


def test_a_refusal_of_an_agent_who_consults_is_none_of_the_customers() -> None:
    story = through_a_local_channel(talking().at(10))
    story.told_that(facts.QueueResult.FULL, "L2", "sales").logs(facts.QueueResult.FULL, "L2", "sales")
    assert story.outcomes == [Outcome.ANSWERED]


# --- to a phone -------------------------------------------------------------------------------------------------------


def test_whom_he_hands_over_to_a_phone_that_rings_waits_for_that_phone() -> None:
    story = talking().at(10).dials("B", "A2").rings("B").at(14).unbridged("C")
    hands_over(story, place="A2").gone("A").gone("A2").at(19).answers("B").bridged("C", "B")
    story.at(25).hangs_up("B").gone("B").gone()
    second = story.visits[1]
    assert (second.kind, second.queue, second.wait, second.talk) == (Kind.DIRECT, "PJSIP/B", seconds(5), seconds(6))
    assert second.hung_up_by is Party.AGENT


def test_a_phone_of_no_call_is_of_the_customers_once_it_rings_for_him() -> None:
    story = in_queue(talking().at(10))
    leg = story.make("B", linked="unheard")
    story.tell(facts.AgentCalled(story.now, SALES, Uniqueid("A2"), leg, leg.interface, "Bob")).rings("B")
    hands_over(story.at(14).unbridged("C"), place="A2").gone("A").gone("A2").at(19).answers("B")
    story.leaves("C").bridged("C", "B").at(20).hangs_up().gone().at(25).gone("B")
    assert [(offer.agent, offer.result) for offer in story.visits[1].offers] == [("Bob", OfferResult.ANSWERED)]
    customers = next(call for call in story.ended if call.direction is Direction.INBOUND)
    assert customers.ended_at == START + seconds(25)


def test_a_blind_transfer_behind_a_local_channel_begins_a_visit_at_the_dial() -> None:
    story = Story().arrives("C").joins("support").appears("L1").appears("L2")
    story.tell(facts.LocalJoined(story.now, Uniqueid("L1"), Uniqueid("L2")))
    story.calls("L1").dials("A", "L2").rings("A").at(3).answers("A").answers("L1").leaves().connects("L1")
    story.bridged("C", "L1").bridged("L2", "A", bridge="b2").at(8)
    hands_over(story, kind="blind", who="L2").unbridged("L2", bridge="b2").gone("A")
    story.at(9).dials("B", "L2").rings("B").at(13).answers("B").bridged("L2", "B", bridge="b3").at(20).hangs_up().gone()
    first, second = story.visits
    assert (first.talk, first.hung_up_by) == (seconds(5), None)
    assert (second.queue, second.wait, second.talk) == ("PJSIP/B", seconds(4), seconds(7))


def test_who_is_consulted_and_stays_is_heard_when_he_hangs_up() -> None:
    story = talking().at(10).dials("B", "A2").rings("B").at(12).answers("B").bridged("A2", "B", bridge="b2").at(15)
    story.unbridged("B", bridge="b2").bridged("B").unbridged("A")
    hands_over(story, target="B").gone("A").gone("A2").at(20).hangs_up("B").gone("B").gone()
    assert (story.visit.talk, story.visit.hung_up_by) == (seconds(17), Party.AGENT)
    consultation = next(call for call in story.ended if call.direction is Direction.INTERNAL)
    assert consultation.ended_at == START + seconds(15)


def test_a_consultation_whose_last_channel_becomes_the_customers_ends_with_that() -> None:
    story = talking().at(10).appears("B", linked="A2").dials("B", "A2").rings("B").at(12).answers("B")
    story.bridged("A2", "B", bridge="b2").at(15)
    story.unbridged("B", bridge="b2").bridged("B").unbridged("A").gone("A2").at(16)
    hands_over(story, target="B").gone("A").at(20).hangs_up("B").gone("B").gone()
    consultation = next(call for call in story.ended if call.direction is Direction.INTERNAL)
    assert consultation.ended_at == START + seconds(16)
    assert story.ends_well().memory() == {}


def test_two_customers_whom_an_agent_connects_talk_to_no_agent_any_more() -> None:
    story = talking().at(5)
    story.arrives("D").joins("sales").rings("B").at(6).answers("B").leaves("D").connects("B", "D")
    story.bridged("D", "B", bridge="b2").at(9).unbridged("D", "B", bridge="b2").bridged("D").unbridged("A")
    hands_over(story, target="D").gone("A").gone("B").at(30).hangs_up("D").gone("D").at(31).gone("C")
    talks = {call.uniqueid: (call.visits[0].talk, call.visits[0].hung_up_by) for call in story.ended if call.visits}
    assert talks == {"C": (seconds(6), None), "D": (seconds(3), None)}


# --- conferences, pick-ups, forwarding --------------------------------------------------------------------------------


def test_who_leaves_a_conference_of_three_ends_no_talk() -> None:
    def three() -> Story:
        story = Story().arrives("C").joins("support").rings("A").at(3).talks_with("A")
        return story.at(5).bridged("B").at(8).hangs_up("A").gone("A").at(20)

    story = three().hangs_up("B").gone("B").gone()
    assert (story.visit.talk, story.visit.hung_up_by) == (seconds(17), Party.AGENT)
    story = three().hangs_up().gone("B").gone()
    assert (story.visit.hung_up_by, story.call.hung_up_by) == (Party.CALLER, Party.CALLER)


@pytest.mark.parametrize(
    ("members", "agent"),
    [
        ([], "PJSIP/B"),
        ([("other", "PJSIP/B", None, "Bob")], "Bob"),
        ([("other", "PJSIP/B", None, "Robert"), ("support", "Local/B@agents", "PJSIP/B", "Bob")], "Bob"),
    ],
)
def test_who_picks_up_is_named_as_his_queue_names_him(
    members: list[tuple[str, str, str | None, str]], agent: str
) -> None:
    story = Story().arrives("C").joins("support").rings("A").at(2)
    for queue, interface, phone, name in members:
        state = MemberState.READY
        device = Interface(phone) if phone else None
        member = Member(QueueName(queue), Interface(interface), name, state, device)
        story.tell(facts.MemberChanged(story.now, member))
    story.appears("B", linked="B").at(4).tell(facts.PickedUp(story.now, Uniqueid("B"), Uniqueid("A"))).gone("A")
    story.tell(facts.PickedUp(story.now, Uniqueid("B"), Uniqueid("A")))
    story.leaves().connects("B").bridged("C", "B").at(9).hangs_up("B").gone("B").gone()
    assert (story.visit.agent, story.visit.wait, story.visit.hung_up_by) == (agent, seconds(4), Party.AGENT)
    assert [(offer.result, offer.alerting) for offer in story.visit.offers] == [
        (OfferResult.CANCELLED_ELSEWHERE, seconds(4))
    ]


def test_a_phone_that_sends_its_call_on_goes_on_as_the_same_offer() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(2).silent("A", DialResult.CANCELLED)
    story.dials("B").gone("A").at(3).rings("B").at(5).talks_with("B")
    (offer,) = story.visit.offers
    assert (offer.agent, offer.leg, offer.result, offer.alerting) == ("Agent A", "B", OfferResult.ANSWERED, seconds(5))


def test_who_is_leaving_is_not_forwarded() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(2).hangs_up().silent("A").dials("B")
    assert [offer.leg for offer in story.visit.offers] == ["A", "B"]


def test_a_mobile_telephone_behind_a_member_makes_no_phone_of_the_trunk() -> None:
    rules = type(Story().rules)(pbx="pbx1")  # no trunks are named
    story = Story(rules).arrives("C", interface="PJSIP/carrier").joins("support").appears("L1").appears("L2")
    story.tell(facts.LocalJoined(story.now, Uniqueid("L1"), Uniqueid("L2"))).calls("L1")
    leg = story.make("M", linked="C", interface="PJSIP/carrier")
    story.tell(facts.DialBegan(story.now, story.channel("L2"), leg, "138@carrier"))
    story.arrives("D", interface="PJSIP/carrier").joins("support")
    assert {call.direction for call in story.tracker.live_calls()} == {Direction.INBOUND}


# --- what is not known ------------------------------------------------------------------------------------------------


def test_a_customer_of_an_agent_unknown_is_handed_on_all_the_same() -> None:
    story = talking().at(10).unbridged("C")
    story.tell(facts.Transferred(story.now, "blind", Uniqueid("stranger"), Uniqueid("C"), succeeded=True))
    story.at(11).hangs_up().gone().gone("A").gone("A2")
    assert (story.visit.talk, story.visit.hung_up_by) == (seconds(7), None)


def test_who_never_waited_may_be_handed_on() -> None:
    story = Story().arrives("C").bridged("C", "A")
    story.tell(facts.Transferred(story.now, "blind", Uniqueid("stranger"), Uniqueid("C"), succeeded=True))
    assert story.visits == []


def test_a_pick_up_after_the_answer_changes_nothing() -> None:
    story = talking().at(4).appears("B", linked="B")
    story.tell(facts.PickedUp(story.now, Uniqueid("B"), Uniqueid("A"))).at(5).hangs_up().gone()
    assert (story.visit.agent, story.visit.offers[0].result) == ("Agent A", OfferResult.ANSWERED)


def test_customers_alone_with_each_other_who_wait_for_nobody_are_no_talk() -> None:
    story = Story().arrives("C").arrives("D").bridged("C", "D")
    assert story.visits == []
