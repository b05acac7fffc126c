"""Phones are called and ring, for a queue's caller or for one whom the dialplan connects directly."""

import pytest

from telephony.calls import facts
from telephony.calls.book import Rules
from telephony.calls.effects import OfferEnded, SaveCall, VisitEntered
from telephony.calls.facts import DialResult, Interface, Uniqueid
from telephony.calls.record import Direction, Kind, OfferResult, Outcome, Party
from tests.support.story import START, TRUNK, Story, seconds

OFFICE = Rules(pbx="pbx1", lines={Interface("PJSIP/A"): "North office"})


def waiting() -> Story:
    return Story().arrives("C").joins("support")


def direct() -> Story:
    return Story().arrives("C").dials("A").rings("A")


def rang_out(story: Story, agent: str) -> Story:
    """AgentRingNoAnswer."""
    queue = facts.QueueName(story.queue)
    return story.tell(facts.AgentRangOut(story.now, queue, Uniqueid(story.caller), Uniqueid(agent)))


def results(story: Story) -> list[OfferResult | None]:
    return [offer.result for visit in story.visits for offer in visit.offers]


# --- agents of a queue ------------------------------------------------------------------------------------------------


def test_queue_and_dial_speak_of_one_offer_in_either_order() -> None:
    story = waiting().rings("A")
    leg = story.channel("A")
    story.tell(facts.AgentCalled(story.now, facts.QueueName("support"), Uniqueid("C"), leg, leg.interface, "Bob"))
    story.tell(facts.DialBegan(story.now, story.channel("C"), leg, "A"))
    (offer,) = story.visit.offers
    assert (offer.agent, offer.interface) == ("Bob", "PJSIP/A")
    story = waiting().dials("A")
    assert [offer.agent for offer in story.visit.offers] == ["PJSIP/A"]
    assert [offer.agent for offer in story.calls("A").visit.offers] == ["Agent A"]


def test_being_called_is_not_yet_ringing() -> None:
    story = waiting().calls("A").at(2).rings("A").at(4).hangs_up().silent("A").given_up().gone()
    (offer,) = story.visit.offers
    assert (offer.setup, offer.alerting, offer.rings) == (seconds(2), seconds(2), 1)
    assert story.visit.alerted_at == START + seconds(2)


def test_that_a_phone_rings_is_a_new_state_of_the_call_told_once() -> None:
    story = waiting().calls("A").at(2).rings("A").rings("A")
    told = [offer.rang_at for effect in story.told(SaveCall) for visit in effect.call.visits for offer in visit.offers]
    assert told == [None, START + seconds(2)]


def test_ringing_before_we_learn_for_whom_counts_from_then() -> None:
    story = waiting().appears("A").rings("A").at(1).calls("A").at(4).talks_with("A")
    assert story.visit.offers[0].setup == seconds(0)
    assert story.visit.alerted_at == START


def test_ringing_begins_once() -> None:
    story = waiting().rings("A").at(3).rings("A").at(6).talks_with("A")
    assert story.visit.offers[0].rings == 2


def test_the_callers_rings_count_from_the_first_phone_over_all_offers() -> None:
    story = rang_out(waiting().rings("A").at(4), "A").silent("A", DialResult.NO_ANSWER).gone("A")
    story.at(5).rings("B").at(11).talks_with("B")
    assert (story.visit.caller_rings, [offer.rings for offer in story.visit.offers]) == (3, [1, 2])
    assert results(story) == [OfferResult.NO_ANSWER, OfferResult.ANSWERED]


def test_of_phones_that_ring_together_the_losers_missed_nothing() -> None:
    story = waiting().rings("A", "B").at(6).talks_with("B").silent("A").gone("A")
    assert results(story) == [OfferResult.CANCELLED_ELSEWHERE, OfferResult.ANSWERED]
    assert [effect.offer.rings for effect in story.told(OfferEnded)] == [2, 2]


def test_the_first_end_of_a_ringing_counts() -> None:
    story = waiting().rings("A").at(6).silent("A", DialResult.NO_ANSWER).at(20).silent("A", DialResult.CANCELLED)
    story.gone("A")
    assert (story.visit.offers[0].alerting, results(story)) == (seconds(6), [OfferResult.NO_ANSWER])


def test_a_phone_that_never_rang_was_unreachable() -> None:
    assert results(waiting().calls("A").at(3).silent("A", DialResult.NO_ANSWER)) == [OfferResult.UNREACHABLE]
    assert results(rang_out(waiting().calls("A").at(3), "A")) == [OfferResult.UNREACHABLE]
    assert results(waiting().calls("A").at(3).gone("A")) == [OfferResult.UNREACHABLE]


def test_a_busy_phone_is_known_by_its_cause_whatever_its_dial_says() -> None:
    story = rang_out(waiting().calls("A").hangs_up("A", busy=True).silent("A", DialResult.NO_ANSWER), "A")
    assert results(story) == [OfferResult.BUSY]
    assert results(waiting().calls("A").silent("A", DialResult.BUSY)) == [OfferResult.BUSY]


def test_the_ringing_of_a_phone_that_rejects_ends_then() -> None:
    story = waiting().rings("A").at(2).hangs_up("A").at(4).hangs_up("A").silent("A", DialResult.UNREACHABLE)
    assert (story.visit.offers[0].alerting, results(story)) == (seconds(2), [OfferResult.NO_ANSWER])


def test_the_pbx_asking_for_a_legs_end_does_not_end_its_ringing_yet() -> None:
    story = waiting().rings("A").at(2).cut_off("A").at(4).silent("A", DialResult.NO_ANSWER)
    assert story.visit.offers[0].alerting == seconds(4)


def test_an_answer_is_the_channels_or_the_dials_whichever_comes() -> None:
    story = waiting().rings("A").at(3).silent("A", DialResult.ANSWERED).at(4).answers("A")
    assert (results(story), story.visit.offers[0].alerting) == ([OfferResult.ANSWERED], seconds(3))
    story = waiting().rings("A").at(3).answers("A").at(4).silent("A", DialResult.ANSWERED)
    assert (results(story), story.visit.offers[0].alerting) == ([OfferResult.ANSWERED], seconds(3))
    assert results(rang_out(story, "A")) == [OfferResult.ANSWERED]


def test_the_shutdown_of_a_pbx_is_no_agents_missed_call() -> None:
    story = waiting().rings("A").at(3).cut_off().cut_off("A").silent("A", DialResult.NO_ANSWER)
    rang_out(story, "A").given_up().gone("A").gone().at(4).stops()
    assert (results(story), story.outcomes) == ([None], [Outcome.LOST])


def test_a_queue_calls_nobody_for_one_who_does_not_wait_there() -> None:
    story = Story().arrives("C")
    story.queue = "support"
    assert story.calls("A").visits == []
    story = waiting()
    story.queue = "sales"
    leg = story.channel("A")
    story.tell(facts.AgentCalled(story.now, facts.QueueName("sales"), Uniqueid("C"), leg, leg.interface, "A"))
    assert story.visit.offers == ()
    story.tell(facts.AgentCalled(story.now, facts.QueueName("sales"), Uniqueid("ghost"), leg, leg.interface, "A"))
    assert story.visit.offers == ()


def test_a_leg_rings_for_one_visit_only() -> None:
    story = waiting().rings("A").arrives("D").joins("support").calls("A")
    assert [len(visit.offers) for visit in story.visits] == [1, 0]


def test_what_happens_to_channels_of_no_offer_is_passed_over() -> None:
    story = waiting().silent("ghost").answers("ghost").tell(facts.ChannelAlerted(Story().now, Uniqueid("ghost")))
    rang_out(story, "ghost").silent("C").answers("C").hangs_up("ghost")
    assert story.visit.offers == ()


# --- Local channels ---------------------------------------------------------------------------------------------------


def behind_local() -> Story:
    """The queue calls L1, whose other half rings A's phone."""
    story = waiting().calls("L1").appears("L2")
    story.tell(facts.LocalJoined(story.now, Uniqueid("L1"), Uniqueid("L2")))
    story.tell(facts.LocalJoined(story.now, Uniqueid("L1"), Uniqueid("ghost")))
    return story.dials("A", "L2").at(1).tell(facts.ChannelAlerted(story.now, Uniqueid("A")))


def test_the_phone_behind_a_local_channel_is_the_same_offer() -> None:
    story = behind_local().at(7).answers("A").talks_with("L1")
    (offer,) = story.visit.offers
    assert (offer.agent, offer.setup, offer.rings, offer.result) == ("Agent L1", seconds(1), 2, OfferResult.ANSWERED)


def test_the_ringing_of_the_local_channel_adds_nothing_to_that_of_the_phone() -> None:
    story = behind_local().at(2).rings("L1").at(6).answers("L1").leaves()
    assert story.visit.offers[0].rings == 1


def test_the_phone_behind_a_local_channel_does_not_end_its_offer() -> None:
    story = rang_out(behind_local().at(3).hangs_up("A").silent("A", DialResult.BUSY), "A").gone("A")
    assert results(story) == [None]
    story.at(4).silent("L1", DialResult.NO_ANSWER)
    assert results(story) == [OfferResult.NO_ANSWER]


def by_local(rules: Rules | None = None) -> Story:
    """The dialplan calls L1 for the caller, directly; its other half L2 is in the dialplan, too."""
    story = Story(rules) if rules else Story()
    story.arrives("C").appears("L1").appears("L2")
    story.tell(facts.LocalJoined(story.now, Uniqueid("L1"), Uniqueid("L2")))
    story.tell(facts.LocalJoined(story.now, Uniqueid("ghost"), Uniqueid("L2")))
    story.tell(facts.LocalJoined(story.now, Uniqueid("L1"), Uniqueid("L2")))
    return story.tell(facts.DialBegan(story.now, story.channel("C"), story.channel("L1"), "4001@in"))


def test_a_local_channel_rings_nobody_by_itself() -> None:
    story = by_local().at(3).bridged("C", "L1")
    assert story.calls_known[0].visits == ()


def test_a_phone_rung_by_way_of_a_local_channel_rings_for_the_customer() -> None:
    story = by_local().at(1).dials("A", "L2").rings("A").at(4).answers("A").bridged("A", "L2", bridge="b2")
    assert story.visit.outcome is None, "he hears nobody yet"
    story.bridged("C", "L1").at(9).hangs_up("C").unbridged("C", "L1").gone("C")
    visit = story.visit
    assert (visit.uniqueid, visit.outcome, visit.wait, visit.talk) == ("C", Outcome.ANSWERED, seconds(3), seconds(5))
    assert [(offer.interface, offer.result) for offer in visit.offers] == [("PJSIP/A", OfferResult.ANSWERED)]


def test_of_two_phones_behind_a_local_channel_the_one_that_answered_is_meant() -> None:
    story = by_local().dials("A", "L2").dials("B", "L2").rings("A", "B").at(2).answers("B").silent("B")
    story.silent("A").bridged("C", "L1")
    assert (story.visit.agent, results(story)) == (
        "PJSIP/B",
        [OfferResult.CANCELLED_ELSEWHERE, OfferResult.ANSWERED],
    )


def test_who_joins_a_queue_by_way_of_a_local_channel_makes_one_visit() -> None:
    story = by_local().joins("support", "L2")
    leg = story.channel("A")
    story.tell(facts.DialBegan(story.now, story.channel("L2"), leg, "A"))  # AgentCalled was quarantined
    assert [(visit.kind, visit.uniqueid, len(visit.offers)) for visit in story.visits] == [(Kind.QUEUE, "L2", 1)]


def test_when_his_local_channel_is_optimised_away_he_talks_himself() -> None:
    story = by_local().bridged("C", "L1").joins("support", "L2").at(1).given_up("L2")
    story.told_that(facts.QueueResult.TIMEOUT, "L2").joins("support", "L2")
    story.calls("A", "L2").rings("A").at(2).talks_with("A", "L2")
    story.unbridged("C", "L1").unbridged("L2")
    story.tell(facts.BridgeEntered(story.now, facts.BridgeId("b1"), story.channel("C"), Uniqueid("L2")))
    story.gone("L2").gone("L1").at(7).hangs_up("C").unbridged("C", "A").gone("A").gone("C")
    first, second = story.visits
    assert (first.outcome, first.uniqueid) == (Outcome.TIMEOUT, "L2")
    assert (second.uniqueid, second.talk, second.hung_up_by) == ("L2", seconds(5), Party.CALLER)


def test_what_a_local_channel_does_after_its_customer_has_gone_is_for_nobody() -> None:
    story = by_local().gone("C").dials("A", "L2")
    assert story.calls_known[0].visits == ()


def test_a_trunk_behind_a_local_channel_rings_no_phone() -> None:
    story = by_local().appears("T", interface=TRUNK).dials("T", "L2")
    assert story.calls_known[0].visits == ()


def test_a_local_channel_that_is_a_known_phone_rings_as_one() -> None:
    story = by_local(Rules(pbx="pbx1", lines={Interface("PJSIP/L1/n"): "front desk"}))
    assert [offer.interface for offer in story.visit.offers] == ["PJSIP/L1"]


# --- phones rung directly ---------------------------------------------------------------------------------------------


def test_a_dial_outside_any_queue_begins_a_visit() -> None:
    story = direct().at(12).answers("A").bridged("C", "A")
    assert (story.visit.kind, story.visit.queue, story.outcomes) == (Kind.DIRECT, "PJSIP/A", [Outcome.ANSWERED])
    assert (story.visit.wait, story.visit.caller_rings, story.visit.agent) == (seconds(12), 3, "PJSIP/A")


def test_a_published_phone_is_called_by_its_name() -> None:
    story = Story(OFFICE).arrives("C").dials("A").rings("A").at(3).answers("A").bridged("C", "A")
    assert (story.visit.queue, story.visit.agent) == ("North office", "North office")


def test_who_hangs_up_while_phones_ring_has_abandoned() -> None:
    story = direct().at(7).hangs_up().silent("A").gone("A").gone()
    assert (story.outcomes, story.visit.wait, results(story)) == (
        [Outcome.ABANDONED],
        seconds(7),
        [OfferResult.CALLER_LEFT],
    )


def test_who_goes_before_his_phones_are_silenced_has_abandoned_too() -> None:
    story = direct().at(7).hangs_up().gone().gone("A")
    assert (story.outcomes, results(story)) == ([Outcome.ABANDONED], [OfferResult.CALLER_LEFT])


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (DialResult.NO_ANSWER, Outcome.TIMEOUT),
        (DialResult.BUSY, Outcome.BUSY),
        (DialResult.UNREACHABLE, Outcome.TIMEOUT),
        (DialResult.CANCELLED, Outcome.REDIRECTED),
    ],
)
def test_a_phone_given_up_decides_two_seconds_later(result: DialResult, outcome: Outcome) -> None:
    story = direct().at(20).silent("A", result).gone("A").passes(21.999)
    assert (story.outcomes, story.visit.settling) == ([None], True)
    assert story.passes(22).outcomes == [outcome]
    assert story.visit.wait == seconds(20)


def test_a_phone_that_did_not_ring_was_not_reached() -> None:
    story = Story().arrives("C").dials("A").at(3).silent("A", DialResult.NO_ANSWER).passes(9)
    assert story.outcomes == [Outcome.UNREACHABLE]


def test_the_next_phone_less_than_two_seconds_later_goes_on_with_the_visit() -> None:
    story = direct().at(20).silent("A", DialResult.NO_ANSWER).at(21.9).dials("B").rings("B").passes(30)
    story.at(31).answers("B").bridged("C", "B")
    assert (story.outcomes, story.visit.wait, story.visit.queue) == ([Outcome.ANSWERED], seconds(31), "PJSIP/A")
    assert (results(story), len(story.told(VisitEntered))) == ([OfferResult.NO_ANSWER, OfferResult.ANSWERED], 1)


def test_the_next_phone_two_seconds_later_is_another_visit() -> None:
    story = direct().at(20).silent("A", DialResult.NO_ANSWER).at(22).dials("B")
    assert story.outcomes == [Outcome.TIMEOUT, None]


def test_while_one_phone_rings_the_visit_waits() -> None:
    story = direct().dials("B").rings("B").at(5).silent("A", DialResult.BUSY).passes(15)
    assert story.outcomes == [None]
    assert story.at(20).silent("B", DialResult.NO_ANSWER).passes(23).outcomes == [Outcome.TIMEOUT]


def test_a_phone_that_answered_may_hear_something_before_the_caller_does() -> None:
    story = direct().at(5).answers("A").silent("A", DialResult.ANSWERED).passes(30)
    assert story.outcomes == [None]
    assert story.gone("A").passes(40).outcomes == [Outcome.EXITED]


def test_whom_the_pbx_ends_while_phones_ring_it_ended_unless_it_shuts_down() -> None:
    story = direct().at(5).cut_off().silent("A").gone("A").gone()
    assert story.outcomes == [None]
    assert story.passes(10).outcomes == [Outcome.ENDED_BY_PBX]
    assert direct().at(5).cut_off().silent("A").gone("A").gone().at(6).stops().outcomes == [Outcome.LOST]


def test_a_caller_ended_by_nobodys_wish_was_ended_by_the_pbx() -> None:
    assert direct().at(5).gone().passes(10).outcomes == [Outcome.ENDED_BY_PBX]


def test_a_queue_after_a_phone_decides_the_phone() -> None:
    story = direct().at(20).silent("A", DialResult.NO_ANSWER).at(20.1).joins("support")
    assert story.outcomes == [Outcome.TIMEOUT, None]


def test_a_caller_forwarded_out_of_the_house_waits_for_no_phone_of_ours() -> None:
    story = Story().arrives("C").joins("support").at(4).given_up().appears("T", interface=TRUNK).dials("T")
    assert len(story.visits) == 1


# --- calls that do not come in ----------------------------------------------------------------------------------------


def test_a_phone_that_calls_a_colleague_is_internal() -> None:
    story = Story().arrives("9", interface="PJSIP/9").dials("A")
    assert (story.call.direction, story.visits) == (Direction.INTERNAL, [])


def test_a_phone_that_calls_by_a_trunk_is_outbound() -> None:
    story = Story().arrives("9", interface="PJSIP/9").appears("T", interface=TRUNK).dials("T")
    assert story.call.direction is Direction.OUTBOUND


def test_where_no_trunk_is_named_whatever_is_no_phone_is_outside() -> None:
    story = Story(Rules(pbx="pbx1")).listing(agents=("9", "A")).arrives("9", interface="PJSIP/9").dials("A")
    assert story.call.direction is Direction.INTERNAL
    assert story.appears("T", interface=TRUNK).dials("T").call.direction is Direction.OUTBOUND


def test_what_the_pbx_originates_is_outbound_and_no_visit() -> None:
    story = Story()
    leg = story.make("A")
    story.tell(facts.ChannelAppeared(story.now, leg, incoming=False), facts.DialBegan(story.now, None, leg, "A"))
    assert (story.call.direction, story.visits) == (Direction.OUTBOUND, [])


def test_a_dial_by_one_whose_call_is_unknown_is_nobodys() -> None:
    story = Story().arrives("C").appears("X", linked="gone").dials("A", "X")
    assert story.visits == []


def test_a_leg_whose_root_was_not_seen_belongs_to_whoever_calls_it() -> None:
    story = Story().arrives("C").appears("A", linked="gone").dials("A").at(3).gone()
    assert story.call.ended_at is None
    assert story.at(4).gone("A").call.ended_at == START + seconds(4)


def test_an_agent_who_calls_from_his_leg_consults() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(3).talks_with("A").dials("B", "A")
    assert len(story.visits) == 1


def test_a_dial_on_a_channel_that_ended_is_refused() -> None:
    story = Story().arrives("C").at(1).gone().dials("A")
    assert "illegal_step" in story.irregular
    assert story.visits == []


@pytest.mark.parametrize(
    ("lives", "himself", "outcome"),
    [
        (0.5, False, Outcome.ENDED_BY_PBX),
        (0.5, True, Outcome.ABANDONED),
        (1.5, False, Outcome.REDIRECTED),
    ],
)
def test_who_does_not_outlive_a_cancelled_ringing_was_ended_with_it(
    lives: float, himself: bool, outcome: Outcome
) -> None:
    story = direct().at(3).silent("A").gone("A").at(3 + lives)
    if himself:
        story.hangs_up("C")
    story.gone("C")
    assert story.visit.outcome is outcome


def test_who_had_hung_up_before_a_phone_was_dialled_has_abandoned() -> None:
    """Seen on 22.10: the dialplan dials on for two milliseconds before it notices."""
    story = Story().arrives("C").at(2).hangs_up().dials("A").silent("A").gone("A").gone()
    assert (story.outcomes, story.visit.wait) == ([Outcome.ABANDONED], seconds(0))
    assert story.passes(10).calls_known[0].hung_up_by is Party.CALLER


def test_a_phone_that_is_busy_to_one_who_had_hung_up_already_changes_nothing() -> None:
    story = Story().arrives("C").at(2).hangs_up().at(2.0026).dials("A").hangs_up("A", busy=True)
    story.silent("A", DialResult.BUSY).gone("A").gone()
    assert (story.outcomes, story.visit.offers[0].result) == ([Outcome.ABANDONED], OfferResult.CALLER_LEFT)
