"""While we did not hear the PBX: queue_log and listings tell what they can, and nothing is guessed."""

import pytest

from telephony.calls.book import Rules
from telephony.calls.effects import OfferEnded, TalkEnded, VisitCorrected, VisitEnded
from telephony.calls.facts import DialResult, Interface, QueueResult
from telephony.calls.record import Direction, Kind, OfferResult, Outcome, Party, Quality
from tests.support.story import START, TRUNK, Story, seconds

RULES = Rules(pbx="pbx1", trunks=frozenset({Interface(TRUNK)}), queue_log=True)
O, Q, R = Outcome, Quality, QueueResult  # noqa: E741


def waiting() -> Story:
    return Story(RULES).line_restored().listing().arrives("C").joins("support")


def deaf(story: Story, at: float) -> Story:
    return story.at(at).line_lost()


def heard(story: Story, at: float, *waiting: tuple[str, float], channels: str = "", talk: str = "") -> Story:
    """The line heals, everything is listed; `talk`: who is in one bridge."""
    story.at(at).line_restored()
    return story.listing(*waiting, channels=channels, bridges=dict.fromkeys(talk, "b1"))


def again(story: Story, at: float, channels: str = "") -> Story:
    """The second full listing."""
    return story.at(at).listing(channels=channels)


# --- waits ------------------------------------------------------------------------------------------------------------


def test_of_a_lost_wait_the_length_is_a_lower_bound() -> None:
    story = again(heard(deaf(waiting().at(3).arrives("D"), 5), 9, channels="D"), 15, "D")
    assert (story.visits[0].outcome, story.visits[0].wait) == (O.LOST, seconds(3))
    assert story.calls_known[0].ended_at == START + seconds(3)
    assert story.calls_known[0].hung_up_by is None


def test_a_listing_is_a_proof_that_he_waited() -> None:
    story = waiting().at(4).listing(("C", 4), light=True)
    assert again(heard(deaf(story, 5), 9), 15).visit.wait == seconds(4)


def test_who_is_heard_to_hang_up_after_a_gap_is_lost_with_what_he_surely_waited() -> None:
    story = heard(deaf(waiting(), 5), 9, channels="C").at(10).hangs_up().gone().passes(99)
    assert (story.outcomes, story.visit.wait, story.irregular) == ([O.LOST], seconds(0), ["link_lost"])


def test_a_second_gap_proves_nothing_of_a_wait_that_was_doubtful() -> None:
    story = heard(deaf(waiting().at(2).arrives("D"), 3), 4, channels="CD")
    story = again(heard(deaf(story.at(5).hangs_up("D"), 6), 9), 15)
    assert story.visits[0].wait == seconds(2)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        (R.TIMEOUT, O.TIMEOUT),
        (R.KEY, O.KEY_EXIT),
        (R.LEAVE_EMPTY, O.EMPTY),
        (R.WITHDRAWN, O.WITHDRAWN),
        (R.INCOMPATIBLE, O.INCOMPATIBLE),
        (R.ABANDONED, O.ABANDONED),
    ],
)
def test_queue_log_tells_how_and_to_a_second_when_a_wait_ended_unheard(word: QueueResult, outcome: Outcome) -> None:
    story = again(heard(deaf(waiting(), 5).at(7).logs(word), 9), 15)
    assert (story.outcomes, story.visit.quality, story.visit.wait) == ([outcome], Q.RECONSTRUCTED, seconds(7))
    assert (story.call.ended_at, story.call.hung_up_by) == (START + seconds(7), None)
    assert story.visit.caller_rings_heard is None


def test_queue_logs_abandon_of_a_living_channel_is_a_redirection() -> None:
    story = again(heard(deaf(waiting(), 5).at(7).logs(R.ABANDONED), 9, channels="C"), 15, "C")
    assert (story.outcomes, story.visit.quality) == ([O.REDIRECTED], Q.RECONSTRUCTED)


def test_the_end_of_a_pbx_writes_abandon_for_those_who_did_not() -> None:
    story = deaf(waiting(), 5).at(7).logs(R.ABANDONED).at(20).line_restored(booted=15).listing()
    assert (story.outcomes, story.visit.wait) == ([O.LOST], seconds(0))


def test_a_shutdown_after_a_gap_proves_no_longer_wait() -> None:
    story = heard(deaf(waiting().at(2).arrives("D"), 5), 9, channels="CD").at(12).stops()
    assert (story.visits[0].outcome, story.visits[0].wait) == (O.LOST, seconds(2))


def test_other_words_of_queue_log_prove_nothing() -> None:
    assert again(heard(deaf(waiting(), 5).at(7).logs(R.CONTINUED), 9), 15).outcomes == [O.LOST]


def test_a_line_that_is_read_late_corrects_the_loss() -> None:
    story = again(heard(deaf(waiting(), 5), 9), 15)
    assert story.outcomes == [O.LOST]
    story.at(16).logs(R.TIMEOUT)
    assert (story.outcomes, story.visit.quality, story.visit.wait) == ([O.TIMEOUT], Q.RECONSTRUCTED, seconds(16))
    assert len(story.told(VisitCorrected)) == len(story.told(VisitEnded)) == len(story.ended) == 1
    assert story.call.ended_at == START + seconds(16)
    assert story.passes(99).memory() == {"ended": 1}


def test_a_line_from_before_the_listing_is_not_about_whom_it_shows() -> None:
    """He had left the same queue and come back at once, all in the gap: the listing has whole seconds."""
    story = again(heard(deaf(Story(RULES).line_restored().listing().arrives("C"), 1), 9, ("C", 2), channels="C"), 10)
    story.queue = "support"
    story.logs(R.ABANDONED, written=7, waited=1).at(12).given_up().logs(R.TIMEOUT, waited=5)
    assert story.outcomes == [O.TIMEOUT]


def test_a_line_from_after_a_stay_was_shown_to_be_over_is_about_another() -> None:
    """He was parked in the gap, which queue_log tells of another id; much later a line comes under his own."""
    story = heard(deaf(waiting(), 5), 9, channels="C").at(10).joins("sales").at(60).logs(R.TIMEOUT, queue="support")
    assert story.visits[0].outcome is O.LOST
    story = (
        heard(deaf(waiting(), 5), 9, channels="C")
        .at(10)
        .joins("sales")
        .at(60)
        .logs(R.TIMEOUT, "C", "support", written=8)
    )
    assert story.visits[0].outcome is O.TIMEOUT


def test_a_late_line_corrects_also_a_call_that_goes_on() -> None:
    story = again(heard(deaf(waiting(), 5), 9, channels="C"), 15, "C").at(16).logs(R.TIMEOUT)
    assert (story.outcomes, story.call.ended_at) == ([O.TIMEOUT], None)


def test_a_lost_call_is_not_kept_for_ever_for_a_line_that_never_comes() -> None:
    assert again(heard(deaf(waiting(), 5), 9), 15).passes(90).memory() == {"ended": 1}


def test_who_left_before_the_gap_left_when_he_was_heard_to() -> None:
    story = deaf(waiting().at(4).leaves(), 4.5).at(4.8).logs(R.TIMEOUT)
    assert (story.outcomes, story.visit.wait, story.visit.quality) == ([O.TIMEOUT], seconds(4), Q.PARTIAL)
    story = heard(deaf(waiting().at(4).leaves(), 4.5), 9, channels="C").passes(20).logs(R.ABANDONED)
    assert (story.outcomes, story.visit.wait, story.visit.quality) == ([O.REDIRECTED], seconds(4), Q.PARTIAL)


def test_who_left_before_the_gap_and_is_gone_after_it_is_lost_unless_the_log_tells() -> None:
    story = heard(deaf(waiting().at(4).leaves(), 4.5), 6, channels="C").at(7).gone().passes(20)
    assert (story.outcomes, story.visit.wait) == ([O.LOST], seconds(4))


def test_patience_does_not_end_while_nothing_can_be_heard() -> None:
    story = deaf(waiting().at(4).leaves(), 4.5).passes(30)
    assert (story.outcomes, story.tracker.settling().total()) == ([None], 1)
    assert heard(story, 31, channels="C").passes(35).outcomes == [None]
    assert story.passes(37).outcomes == [O.LOST]


def test_two_stays_of_four_seconds_in_one_queue_are_two_visits() -> None:
    story = heard(deaf(waiting(), 3).at(4).logs(R.TIMEOUT), 5, ("C", 1), channels="C")
    assert [(v.outcome, v.quality) for v in story.visits] == [(O.TIMEOUT, Q.RECONSTRUCTED), (None, Q.PARTIAL)]
    story.at(8).given_up().logs(R.TIMEOUT)
    assert [(v.outcome, v.wait) for v in story.visits] == [(O.TIMEOUT, seconds(4))] * 2


def test_who_joins_after_the_gap_had_left_in_it_though_his_phones_rang_before() -> None:
    story = heard(deaf(waiting().rings("A"), 5), 9, channels="C").at(10).joins("support")
    assert [(v.outcome, v.joined_at) for v in story.visits] == [(O.LOST, START), (None, START + seconds(10))]
    story = heard(deaf(waiting(), 5), 9, channels="C").at(10).joins("sales")
    assert [(v.queue, v.outcome) for v in story.visits] == [("support", O.LOST), ("sales", None)]
    assert story.balance() == {}


def test_a_phone_that_the_dialplan_rings_after_the_gap_shows_that_he_had_left_the_queue() -> None:
    """The queue says whom it calls before it dials."""
    story = heard(deaf(waiting(), 5), 9, channels="C").at(10).dials("B")
    assert [(v.kind, v.outcome) for v in story.visits] == [(Kind.QUEUE, O.LOST), (Kind.DIRECT, None)]


def test_whole_seconds_of_a_listing_do_not_make_two_stays_of_one() -> None:
    assert heard(deaf(waiting(), 3), 9, ("C", 8), channels="C").outcomes == [None]
    story = Story().line_restored().listing(("C", 1), channels="C").at(2)
    assert heard(deaf(story, 3), 9, ("C", 8), channels="C").outcomes == [None]


def test_who_left_in_a_gap_is_no_disagreement() -> None:
    story = again(heard(deaf(waiting(), 5), 9), 15)
    assert story.tracker.residual() == {"support": 0}


# --- answers ----------------------------------------------------------------------------------------------------------


def test_who_is_found_with_the_agent_whose_phone_rang_was_answered_nobody_knows_when() -> None:
    story = heard(deaf(waiting().rings("A"), 5), 9, channels="CA", talk="CA")
    assert (story.outcomes, story.visit.quality, story.visit.agent) == ([O.ANSWERED], Q.PARTIAL, "Agent A")
    assert (story.visit.wait, story.visit.answered_at, story.visit.left_at) == (None, *[START + seconds(9)] * 2)
    story.at(20).hangs_up().unbridged("C").gone().gone("A")
    assert (story.visit.talk, story.visit.hold, story.visit.hung_up_by) == (None, None, Party.CALLER)
    (offer,) = story.visit.offers
    assert (offer.result, offer.rings, offer.ended_at) == (OfferResult.ANSWERED, None, None)
    assert len(story.told(OfferEnded)) == len(story.told(TalkEnded)) == 1
    assert story.balance() == {}


def test_queue_log_tells_when_he_was_answered_also_if_its_line_is_late() -> None:
    story = heard(deaf(waiting().rings("A"), 5), 9, channels="CA", talk="CA").at(10).logs(R.CONNECTED)
    assert (story.visit.wait, story.visit.quality, story.visit.talk) == (seconds(10), Q.RECONSTRUCTED, None)


def test_with_an_agent_of_whom_nobody_told_us_queue_logs_word_is_needed() -> None:
    story = deaf(waiting(), 5).at(7).logs(R.CONNECTED).at(9).line_restored()
    story.listing(channels="CA", agents="A", bridges={"C": "b1", "A": "b1"})
    assert (story.outcomes, story.visit.agent, story.visit.wait) == ([O.ANSWERED], "Agent A", seconds(7))
    story.at(20).hangs_up("A").unbridged("A").gone("A").gone()
    assert (story.visit.talk, story.visit.hung_up_by, story.visit.quality) == (
        seconds(13),
        Party.AGENT,
        Q.RECONSTRUCTED,
    )


def test_without_it_he_is_lost_until_it_comes() -> None:
    story = heard(deaf(waiting(), 5), 9, channels="CA", talk="CA")
    assert story.outcomes == [None]
    story = again(story, 15, "CA")
    assert story.outcomes == [O.LOST]
    story.at(16).logs(R.CONNECTED)
    assert (story.outcomes, story.visit.talk, story.visit.agent) == ([O.ANSWERED], None, "")
    assert (len(story.told(TalkEnded)), story.visit.wait) == (1, seconds(16))


def test_a_word_that_comes_between_the_listings_lets_the_talk_go_on() -> None:
    story = again(heard(deaf(waiting(), 5), 9, channels="CA", talk="CA").at(10).logs(R.CONNECTED), 15, "CA")
    assert (story.outcomes, story.visit.agent) == ([O.ANSWERED], "")
    assert story.at(20).hangs_up().unbridged("C").gone().gone("A").visit.talk == seconds(10)


def test_of_an_answer_and_a_talk_all_in_the_gap_only_the_wait_is_known() -> None:
    story = again(heard(deaf(waiting(), 5).at(7).logs(R.CONNECTED), 9), 15)
    assert (story.outcomes, story.visit.wait, story.visit.talk) == ([O.ANSWERED], seconds(7), None)
    assert (story.visit.hung_up_by, len(story.told(TalkEnded)), len(story.ended)) == (None, 1, 1)


def test_who_talked_unheard_and_lives_on_has_talked_for_nobody_knows_how_long() -> None:
    story = again(heard(deaf(waiting(), 5).at(7).logs(R.CONNECTED), 9, channels="C"), 15, "C")
    story.at(20).hangs_up().gone()
    assert (story.outcomes, story.visit.talk, story.visit.hung_up_by) == ([O.ANSWERED], None, None)


def test_who_was_on_his_way_to_an_agent_when_the_line_broke_is_found_with_him() -> None:
    story = deaf(waiting().rings("A").at(3).answers("A").leaves().connects("A"), 3.1).passes(20)
    story = heard(story, 21, channels="CA", talk="CA")
    assert (story.outcomes, story.visit.wait, story.visit.talk) == ([O.ANSWERED], seconds(3), None)
    (offer,) = story.visit.offers
    assert (offer.result, offer.rings) == (OfferResult.ANSWERED, 1)


def test_who_was_said_to_be_connected_before_the_gap_was_so_when_it_was_said() -> None:
    story = deaf(waiting().rings("A").at(3).answers("A").leaves().connects("A"), 3.1).at(4).logs(R.CONNECTED)
    story = again(heard(story, 5), 11)
    assert (story.outcomes, story.visit.wait, story.visit.quality) == ([O.ANSWERED], seconds(3), Q.PARTIAL)
    assert (story.visit.agent, story.visit.talk) == ("Agent A", None)


def test_of_whom_everything_was_decided_before_the_gap_nothing_changes() -> None:
    story = heard(deaf(waiting().at(3).given_up().told_that(R.TIMEOUT), 5), 9, channels="C")
    assert (story.outcomes, story.visit.quality) == ([O.TIMEOUT], Q.LIVE)


def test_a_direct_call_answered_unheard_is_answered() -> None:
    story = Story().line_restored().listing().arrives("C").dials("A").rings("A")
    story = heard(deaf(story, 5), 9, channels="CA", talk="CA").at(20).hangs_up().gone().gone("A")
    assert (story.outcomes, story.visit.wait, story.visit.agent) == ([O.ANSWERED], None, "PJSIP/A")


# --- talks ------------------------------------------------------------------------------------------------------------


def talking() -> Story:
    return waiting().rings("A").at(3).talks_with("A")


def test_a_talk_that_ended_unheard_has_no_length_and_nobody_hung_it_up() -> None:
    story = again(heard(deaf(talking(), 5), 9), 15)
    assert (story.visit.talk, story.visit.hung_up_by, story.visit.quality) == (None, None, Q.PARTIAL)
    assert (story.visit.caller_rings, story.visit.wait, story.call.hung_up_by) == (1, seconds(3), None)
    assert len(story.told(TalkEnded)) == 1


def test_whose_request_was_heard_before_the_gap_hung_up() -> None:
    story = again(heard(deaf(talking().at(4).hangs_up("A"), 4), 9), 15)
    assert (story.visit.talk, story.visit.hung_up_by) == (None, Party.AGENT)


def test_who_talks_with_somebody_else_after_a_gap_has_talked_for_nobody_knows_how_long() -> None:
    story = heard(deaf(talking(), 5), 9, channels="CB", talk="CB").at(20).hangs_up().unbridged("C").gone().gone("B")
    assert (story.visit.talk, story.visit.hung_up_by) == (None, Party.CALLER)


def test_who_is_seen_to_leave_the_bridge_was_there_until_then() -> None:
    story = deaf(talking(), 5).at(6).line_restored().unbridged("C").at(7).listing(channels="C", bridges={"C": "b1"})
    assert story.at(8).gone().visit.talk == seconds(3)


def test_who_sits_elsewhere_after_a_gap_talks_no_more() -> None:
    story = heard(deaf(talking(), 5), 9, channels="CA").at(20).hangs_up().gone().gone("A")
    assert (story.visit.talk, story.visit.hung_up_by) == (None, None)


# --- phones -----------------------------------------------------------------------------------------------------------


def test_a_phone_that_was_silent_before_the_gap_keeps_its_rings() -> None:
    story = waiting().rings("A").at(1).silent("A", DialResult.NO_ANSWER)
    story = again(heard(deaf(story, 5), 9, ("C", 9), channels="C"), 15, "C")
    (offer,) = story.visit.offers
    assert (offer.result, offer.rings, offer.alerting) == (OfferResult.NO_ANSWER, 1, seconds(1))


def test_why_a_phone_fell_silent_unheard_is_not_known() -> None:
    story = again(heard(deaf(waiting().rings("A"), 5).at(7).logs(R.TIMEOUT), 9), 15)
    (offer,) = story.visit.offers
    assert (story.outcomes, offer.result, offer.rings) == ([O.TIMEOUT], None, None)
    assert len(story.told(OfferEnded)) == 1


def test_phones_that_the_listing_shows_to_be_silent_ring_for_the_same_wait_only_if_the_next_rings_soon() -> None:
    def silent(then: float) -> Story:
        story = Story(RULES).line_restored().listing().arrives("C").dials("A").rings("A")
        return heard(deaf(story, 5), 9, channels="C").at(then).dials("B").rings("B").answers("B").bridged("C", "B")

    assert [(v.outcome, v.joined_at) for v in silent(10.9).visits] == [(O.ANSWERED, START)]
    assert [(v.outcome, v.joined_at) for v in silent(11.1).visits] == [
        (O.LOST, START),
        (O.ANSWERED, START + seconds(11.1)),
    ]
    assert silent(11.1).visits[1].quality is Q.LIVE


def test_the_next_phone_may_ring_unheard() -> None:
    story = Story().line_restored().listing().arrives("C").dials("A").rings("A").at(3)
    story = deaf(story.silent("A", DialResult.NO_ANSWER).gone("A"), 3.5).passes(9)
    assert story.outcomes == [None]
    story.line_restored().listing(channels="CB", ringing="B", dialling="C").passes(12)
    assert (story.outcomes, len(story.visit.offers)) == ([None], 2)
    story.at(13).hangs_up().silent("B").gone()
    assert story.outcomes == [O.ABANDONED]


# --- we come while phones ring ----------------------------------------------------------------------------------------


def late(**shown: str) -> Story:
    story = Story().line_restored()
    story.make("C", interface=TRUNK, exten="s")
    story.caller = "C"
    return story.listing(channels="CA", dialling="C", **shown)


def test_for_whom_a_phone_rings_when_we_come_has_waited_as_long_as_it_was_called() -> None:
    story = late(ringing="A").at(5).hangs_up().silent("A").gone()
    assert (story.outcomes, story.visit.kind, story.visit.wait) == ([O.ABANDONED], Kind.DIRECT, seconds(14))
    assert (story.visit.quality, story.visit.caller_rings_heard) == (Q.PARTIAL, None)
    (offer,) = story.visit.offers
    assert (offer.result, offer.rings) == (OfferResult.CALLER_LEFT, None)
    assert story.call.dialled == ""


def test_he_may_be_answered_or_given_up_on() -> None:
    story = late(ringing="A").at(5).answers("A").bridged("C", "A").at(9).hangs_up().gone().gone("A")
    assert (story.outcomes, story.visit.wait, story.visit.talk) == ([O.ANSWERED], seconds(14), seconds(4))
    assert late(ringing="A").at(5).silent("A", DialResult.NO_ANSWER).gone("A").passes(9).outcomes == [O.TIMEOUT]
    assert late(called="A").at(5).silent("A", DialResult.NO_ANSWER).gone("A").passes(9).outcomes == [O.UNREACHABLE]


def test_who_is_put_through_to_the_outside_has_no_visit() -> None:
    story = Story().line_restored()
    story.make("C", interface=TRUNK)
    story.make("A", linked="C", interface=TRUNK)
    assert story.listing(channels="CA", dialling="C", ringing="A").visits == []


def test_a_local_half_that_rings_is_no_phone_and_a_phones_call_no_visit() -> None:
    story = Story().line_restored()
    story.make("C", interface=TRUNK)
    story.make("L", linked="C", interface="Local/1@agents")
    assert story.listing(channels="CL", dialling="C", ringing="L").visits == []
    story = Story().line_restored()
    story.make("9")
    story.make("A", linked="9")
    story.listing(channels="9A", agents="9", dialling="9", ringing="A")
    assert (story.visits, story.call.direction) == ([], Direction.INTERNAL)


def test_a_phone_known_to_ring_is_no_second_offer() -> None:
    story = Story().line_restored().listing().arrives("C").dials("A").rings("A")
    deaf(story, 5).at(9).line_restored().listing(channels="CA", dialling="C", ringing="A")
    assert len(story.visit.offers) == 1


def test_whose_hang_up_is_asked_by_the_pbx_after_a_gap_is_not_blamed() -> None:
    story = heard(deaf(waiting(), 5), 9, ("C", 9), channels="C").at(12).cut_off().given_up().gone().passes(20)
    assert story.outcomes == [O.ENDED_BY_PBX]


def test_whose_request_may_have_fallen_into_the_gap_before_he_left_has_abandoned_when_queue_log_says_so() -> None:
    """Seen on 22.10: BYE 75 ms before the line was back, given up 265 ms after it, and gone 21 ms later, unasked."""
    story = deaf(waiting(), 1).at(6.29).line_restored().at(6.481).given_up().cut_off().at(6.502).gone()
    story.at(8.8).listing(channels="").at(8.9).logs(R.ABANDONED, written=6, waited=6)
    assert (story.outcomes, story.visit.quality, story.visit.wait) == ([O.ABANDONED], Q.PARTIAL, seconds(6.481))
    assert story.call.hung_up_by is Party.CALLER


@pytest.mark.parametrize(("left", "outcome"), [(14, O.ABANDONED), (14.001, O.ENDED_BY_PBX)])
def test_a_gap_long_before_he_left_swallowed_no_request(left: float, outcome: Outcome) -> None:
    story = heard(deaf(waiting(), 5), 9, ("C", 9), channels="C").at(left).given_up().at(left + 0.02).gone()
    assert story.at(left + 0.1).logs(R.ABANDONED).outcomes == [outcome]


def test_who_waits_already_when_we_begin_may_have_asked_before() -> None:
    story = Story(RULES).line_restored().listing(("C", 3), channels="C")
    story.caller, story.queue = "C", "support"
    assert story.at(1).given_up().at(1.02).gone().at(1.1).logs(R.ABANDONED).outcomes == [O.ABANDONED]


def test_who_joins_after_a_gap_would_have_been_heard_to_ask() -> None:
    story = Story(RULES).line_restored().listing().at(0.1).arrives("C").joins("support")
    story.at(1).given_up().at(1.02).gone().at(1.1).logs(R.ABANDONED)
    assert (story.outcomes, story.call.hung_up_by) == ([O.ENDED_BY_PBX], Party.PBX)


def test_whose_joining_nobody_heard_does_not_wait_for_a_phone_that_a_queue_calls() -> None:
    """Seen on 22.10: he joined before the line was back, and the queue called for him before he was listed."""
    story = Story(RULES).line_restored()
    story.caller, story.queue = "C", "support"
    story.make("C", interface=TRUNK)
    story.listing(channels="C").at(0.1).rings("A").at(2).silent("A").gone("A").given_up().gone().passes(20)
    assert (story.visits, story.call.direction) == ([], Direction.INBOUND)


def dialled() -> Story:
    return Story(RULES).line_restored().listing().arrives("C").dials("A").rings("A")


@pytest.mark.parametrize(("ends", "outcome"), [(9.3, O.LOST), (14.1, O.ENDED_BY_PBX)])
def test_whose_ringing_is_cancelled_just_after_a_gap_may_have_asked_in_it(ends: float, outcome: Outcome) -> None:
    story = heard(deaf(dialled(), 5), 9, channels="CA").at(ends).silent("A").gone("A").at(ends + 0.02).gone()
    assert story.passes(25).outcomes == [outcome]


@pytest.mark.parametrize(("ends", "outcome"), [(9.3, O.LOST), (14.1, O.ENDED_BY_PBX)])
def test_who_goes_just_after_a_gap_from_a_phone_that_was_answered_may_have_asked_in_it(
    ends: float, outcome: Outcome
) -> None:
    story = heard(deaf(dialled().at(4).answers("A"), 5), 9, channels="CA").at(ends).gone()
    assert story.passes(25).outcomes == [outcome]


def test_who_is_found_dialling_when_we_begin_may_have_asked_before() -> None:
    story = Story(RULES).line_restored()
    story.make("C", interface=TRUNK)
    story.make("A", linked="C")
    story.listing(channels="CA", dialling="C", ringing="A").at(0.1).silent("A").gone("A").at(0.12).gone("C")
    assert story.passes(9).outcomes == [O.LOST]


# --- phones -----------------------------------------------------------------------------------------------------------


def results(story: Story) -> dict[str, OfferResult | None]:
    return {offer.leg: offer.result for offer in story.visits[0].offers}


def test_whose_phone_queue_log_names_has_answered_it_and_of_the_others_nobody_knows() -> None:
    story = again(heard(deaf(waiting().rings("A", "B"), 5).at(7).logs(R.CONNECTED, leg="A"), 9), 15)
    assert (story.outcomes, story.visit.agent) == ([O.ANSWERED], "Agent A")
    assert results(story) == {"A": OfferResult.ANSWERED, "B": None}
    assert [(one.answered_at, one.ended_at, one.rings) for one in story.visit.offers] == [(None, None, None)] * 2
    assert [(one.offer.leg, one.offer.result) for one in story.told(OfferEnded)] == [*results(story).items()]


def test_a_phone_that_rang_before_is_not_the_one_of_the_same_agent_that_queue_log_names() -> None:
    story = again(heard(deaf(waiting().rings("A"), 5).at(9).logs(R.CONNECTED, leg="A#2"), 10), 16)
    assert (story.visit.agent, results(story)) == ("Agent A", {"A": None})


def test_a_late_line_names_the_phone_too() -> None:
    story = again(heard(deaf(waiting().rings("A"), 5), 9), 15).at(16).logs(R.CONNECTED, leg="A")
    assert (story.outcomes, results(story)) == ([O.ANSWERED], {"A": OfferResult.ANSWERED})
    story = heard(deaf(waiting().rings("A"), 5), 9, channels="CA", talk="CA").at(10).logs(R.CONNECTED, leg="A")
    assert (story.visit.quality, results(story)) == (Q.RECONSTRUCTED, {"A": OfferResult.ANSWERED})


def test_a_phone_that_was_told_to_have_fallen_silent_is_not_told_twice() -> None:
    story = waiting().rings("A").at(5).stops().at(6).logs(R.CONNECTED, written=5, leg="A")
    assert (story.outcomes, results(story)) == ([O.ANSWERED], {"A": OfferResult.ANSWERED})
    assert len(story.told(OfferEnded)) == 1


def test_who_is_found_with_somebody_in_his_bridge_was_answered_at_the_phone_that_queue_log_names() -> None:
    """The Local channel that was called for him has been taken out of the way."""
    story = deaf(waiting().rings("A"), 5).at(7).logs(R.CONNECTED, leg="A")
    assert results(heard(story, 9, channels="CB", talk="CB")) == {"A": OfferResult.ANSWERED}


def silent_after_a_gap(story: Story, *, ringing: str) -> Story:
    """Called before it, given up after it; the listing shows it ringing, or not."""
    story = deaf(story.calls("A"), 1).at(9).line_restored()
    story.listing(("C", 9), channels="CA", called="A", ringing=ringing)
    return story.at(12).silent("A", DialResult.NO_ANSWER)


def test_a_phone_that_began_to_ring_in_a_gap_and_is_listed_as_ringing_was_reached() -> None:
    assert results(silent_after_a_gap(waiting(), ringing="A")) == {"A": OfferResult.NO_ANSWER}
    assert results(silent_after_a_gap(waiting(), ringing="")) == {"A": OfferResult.UNREACHABLE}


def test_whether_the_phone_behind_a_local_channel_began_to_ring_in_a_gap_no_listing_shows() -> None:
    story = waiting()
    story.make("A", linked="C", interface="Local/A@agents")
    story = silent_after_a_gap(story, ringing="").at(13).given_up().told_that(R.TIMEOUT)
    assert (story.outcomes, results(story)) == ([O.TIMEOUT], {"A": None})
    assert [effect.offer.result for effect in story.told(OfferEnded)] == [None]
