"""The line to the PBX breaks and heals; listings are compared with what we know."""

import pytest

from telephony.calls import facts
from telephony.calls.book import Rules
from telephony.calls.effects import CallEnded, CaseOpened, OfferEnded, QueuesKnown, VisitEnded, VisitEntered
from telephony.calls.facts import Interface, QueueName, QueueResult
from telephony.calls.record import Direction, OfferResult, Outcome, Party, Quality
from tests.support.story import START, TRUNK, Story, seconds


def gap(
    story: Story, start: float, end: float, *waiting: tuple[str, float], channels: tuple[str, ...] = (), talk: str = ""
) -> Story:
    """The line breaks and heals, and everything is listed; `talk`: who is in one bridge."""
    story.at(start).line_lost().at(end).line_restored()
    return story.listing(*waiting, channels=channels, bridges=dict.fromkeys(talk, "b1"))


# --- a gap: what may have happened unheard is not guessed -------------------------------------------------------------


def test_who_may_have_talked_unheard_has_not_abandoned_by_hanging_up() -> None:
    story = gap(Story().line_restored().listing().arrives("C").joins("support"), 5, 9, channels=("C",))
    story.at(10).hangs_up().gone()
    assert story.outcomes == [Outcome.LOST]
    assert story.visit.quality is Quality.PARTIAL


def test_who_still_waits_after_the_gap_and_hangs_up_has_abandoned() -> None:
    story = gap(Story().line_restored().listing().arrives("C").joins("support"), 5, 9, ("C", 9), channels=("C",))
    story.at(12).hangs_up().given_up().gone().passes(20)
    assert story.outcomes == [Outcome.ABANDONED]
    assert story.visit.wait == seconds(12)
    assert story.visit.caller_rings_heard is None


def test_a_leave_after_the_gap_shows_that_he_waited_until_then() -> None:
    story = Story().line_restored().listing().arrives("C").joins("support").at(5).line_lost().at(9).line_restored()
    story.hangs_up().given_up().gone().listing(channels=()).passes(20)
    assert story.outcomes == [Outcome.ABANDONED]


def test_a_call_to_an_agent_after_the_gap_shows_that_he_still_waits() -> None:
    story = gap(Story().line_restored().listing().arrives("C").joins("support"), 5, 9, channels=("C",))
    story.at(10).rings("A").at(14).hangs_up().given_up().gone().passes(20)
    assert story.outcomes == [Outcome.ABANDONED]


def test_who_left_and_came_back_during_the_gap_makes_a_second_visit() -> None:
    story = gap(Story().line_restored().listing().arrives("C").joins("support"), 5, 60, ("C", 20), channels=("C",))
    assert story.outcomes == [Outcome.LOST, None]
    assert story.visits[1].joined_at == START + seconds(40)
    assert story.balance() == {}


def test_a_leave_before_the_listing_ended_a_stay_that_nobody_saw_begin() -> None:
    """Seen on 22.10: the line comes up, his queue times out, the dialplan sends him in again, then all is listed."""
    story = Story().line_restored().listing().arrives("C").line_lost().at(10).line_restored()
    story.queue = "support"
    story.given_up().leaves().told_that(QueueResult.TIMEOUT).at(10.1).joins("support").at(10.3)
    story.listing(("C", 0), channels=("C",)).at(14).hangs_up().given_up().leaves().gone().passes(20)
    assert [(one.joined_at, one.outcome, one.wait) for one in story.visits] == [
        (START + seconds(10.1), Outcome.ABANDONED, seconds(3.9))
    ]
    assert story.balance() == {}


def overtaken(left: float, joins: float, waited: float, *, told: bool = True, asked: float = 10.1) -> Story:
    """Asked for while he leaves the queue, and listed when he has joined it again; all that before it is complete."""
    story = Story().line_restored().listing().arrives("C").line_lost().at(10).line_restored()
    story.queue = "support"
    story.at(left - 0.01).calls("A").at(left).given_up().leaves().told_that(QueueResult.TIMEOUT)
    if told:
        story.at(joins).joins("support")
    now = story.at(10.3).now
    who = facts.WaitingCaller(QueueName("support"), story.channel("C"), seconds(waited))
    channels = (facts.LiveChannel(story.channel("C"), None, up=True, lived=seconds(10), application="Queue"),)
    return story.tell(facts.SnapshotTaken(now, story.at(asked).now, (who.queue,), (who,), (), channels)).at(10.3)


@pytest.mark.parametrize("waited", [0, 1])
def test_a_join_told_before_the_listing_is_complete_is_that_of_whom_it_shows(waited: float) -> None:
    """Seen on 22.10: leaving, joining again and the listing within 20 ms."""
    story = overtaken(10.2, 10.21, waited)
    assert [(one.outcome, one.joined_at, one.quality, one.offers) for one in story.visits] == [
        (None, START + seconds(10.21), Quality.LIVE, ())
    ]
    assert story.at(14).hangs_up().given_up().leaves().gone().passes(20).visit.wait == seconds(3.79)
    assert story.balance() == {}


def test_who_was_listed_before_he_left_and_joined_again_has_two_stays() -> None:
    story = overtaken(10.2, 10.21, 8)
    assert [(one.outcome, one.joined_at, len(one.offers)) for one in story.visits] == [
        (Outcome.TIMEOUT, START + seconds(2.3), 1),
        (None, START + seconds(10.21), 0),
    ]


def test_who_left_before_a_listing_could_show_when_he_had_joined_had_joined_by_then() -> None:
    story = overtaken(10.2, 0, 0, told=False).joins("support").at(12).given_up().told_that(QueueResult.TIMEOUT)
    assert [(one.outcome, one.joined_at, one.wait) for one in story.visits] == [
        (Outcome.TIMEOUT, START + seconds(10.2), seconds(0)),
        (Outcome.TIMEOUT, START + seconds(10.3), seconds(1.7)),
    ]


def test_who_joins_again_was_lost_in_the_gap_though_the_listing_cannot_tell_the_two_stays_apart() -> None:
    story = Story().line_restored().listing().arrives("C").at(9.5).joins("support").line_lost()
    story.at(10).line_restored().joins("support").at(10.1).listing(("C", 0), channels=("C",))
    assert [(one.outcome, one.joined_at) for one in story.visits] == [
        (Outcome.LOST, START + seconds(9.5)),
        (None, START + seconds(10)),
    ]


def test_a_phone_called_before_the_listing_may_ring_for_whom_it_shows() -> None:
    story = Story().line_restored().listing().arrives("C").line_lost().at(10).line_restored()
    story.queue = "support"
    story.rings("A").at(10.2).listing(("C", 8), channels=("C", "A"))
    assert [(one.outcome, len(one.offers)) for one in story.visits] == [(None, 1)]


def test_who_left_before_the_gap_is_lost_unless_somebody_tells_why() -> None:
    story = Story().line_restored().listing().arrives("C").joins("support").at(4).leaves().at(5)
    gap(story, 5, 8, channels=("C",)).passes(20)
    assert story.outcomes == [Outcome.LOST]


def test_the_rings_of_a_phone_that_rang_through_a_gap_are_not_known() -> None:
    story = Story().line_restored().listing().arrives("C").joins("support").rings("A")
    gap(story, 2, 5, channels=("C", "A")).at(100).gone("A").gone()
    (offer,) = story.visit.offers
    assert (offer.alerting, offer.rings, offer.ended_at) == (None, None, None)
    assert len(story.told(OfferEnded)) == 1


def test_a_phone_that_fell_silent_unheard_leaves_its_direct_visit_lost() -> None:
    story = Story().line_restored().listing().arrives("C").dials("A").rings("A")
    gap(story, 2, 5, channels=("C",)).at(15).listing(channels=("C",)).passes(20)
    assert story.outcomes == [Outcome.LOST]
    assert story.irregular == ["link_lost", "channel_vanished"]


def test_a_direct_caller_gone_after_a_gap_is_lost_unless_his_phone_was_seen_to_ring_till_then() -> None:
    story = Story().line_restored().listing().arrives("C").dials("A").rings("A")
    gap(story, 2, 5, channels=("C", "A")).at(7).hangs_up().gone()
    assert story.outcomes == [Outcome.LOST]
    story = Story().line_restored().listing().arrives("C").dials("A").rings("A")
    gap(story, 2, 5, channels=("C", "A")).at(7).hangs_up().silent("A").gone()
    assert story.outcomes == [Outcome.ABANDONED]


def test_a_talk_that_went_on_through_a_gap_is_known_but_for_its_holds() -> None:
    story = Story().line_restored().listing().arrives("C").joins("support").rings("A").at(3).talks_with("A")
    gap(story, 5, 9, channels=("C", "A"), talk="CA").at(20).hangs_up().gone().gone("A")
    assert (story.visit.talk, story.visit.hold, story.visit.quality) == (seconds(17), None, Quality.PARTIAL)
    assert (story.visit.caller_rings, story.visit.hung_up_by) == (1, Party.CALLER)


# --- a new run of the PBX ---------------------------------------------------------------------------------------------


def test_after_a_restart_who_waited_is_lost_and_who_talked_was_answered() -> None:
    story = Story().line_restored().listing(queues=("support",))
    story.arrives("C").joins("support").rings("A").at(3).talks_with("A").at(4).arrives("D").joins("support").rings("B")
    story.at(8).line_lost().at(20).line_restored(booted=15).listing()
    assert story.outcomes == [Outcome.ANSWERED, Outcome.LOST]
    assert [(v.talk, v.hung_up_by, v.wait) for v in story.visits] == [
        (None, None, seconds(3)),
        (None, None, seconds(0)),
    ]
    assert [call.ended_at for call in story.calls_known] == [START + seconds(4)] * 2
    assert {effect.offer.result for effect in story.told(OfferEnded)} == {OfferResult.ANSWERED, None}
    assert story.calls_known[1].hung_up_by is None
    assert story.balance() == {}


def test_the_same_run_told_a_second_later_is_no_restart() -> None:
    story = Story().line_restored(booted=-100).listing().arrives("C").joins("support")
    story.line_lost().at(5).line_restored(booted=-99).listing(("C", 5), channels=("C",))
    assert story.outcomes == [None]


def test_a_line_that_does_not_say_when_the_pbx_started_changes_nothing() -> None:
    story = Story().line_restored().listing().arrives("C").joins("support").line_restored(booted=None).listing(("C", 0))
    assert story.outcomes == [None]


def test_an_orderly_shutdown_is_nobodys_abandonment() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(6).cut_off().given_up().gone().at(7).stops()
    assert story.outcomes == [Outcome.LOST]
    assert story.passes(8).memory() == {"alarms": 1, "ended": 2}


# --- listings ---------------------------------------------------------------------------------------------------------


def test_who_waits_when_we_come_is_entered_as_partly_known() -> None:
    story = Story().line_restored().listing(("C", 7), channels=("C",))
    assert (story.visit.quality, story.visit.joined_at) == (Quality.PARTIAL, START - seconds(7))
    assert len(story.told(CaseOpened)) == len(story.told(VisitEntered)) == 1


def test_a_join_overtaken_by_the_listing_makes_the_visit_exact() -> None:
    story = Story().line_restored().arrives("C").joins("support").at(0.5).listing(("C", 0), channels=("C",))
    assert (story.visit.quality, story.visit.joined_at) == (Quality.LIVE, START)
    assert len(story.told(VisitEntered)) == 1


def test_the_queues_are_told_once_until_they_change() -> None:
    story = Story().listing(queues=("b", "a")).listing(queues=("a", "b")).listing(queues=("a",))
    assert [effect.queues for effect in story.told(QueuesKnown)] == [("a", "b"), ("a",)]


def test_a_caller_whom_only_the_pbx_has_counts_after_the_grace() -> None:
    story = Story().listing(("C", 1))
    assert story.tracker.residual() == {"support": 0}
    story.at(4).listing(("C", 5))
    assert story.tracker.residual() == {"support": 0}
    story.at(5).listing(("C", 6))
    assert story.tracker.residual() == {"support": 1}
    assert story.outcomes == [None]
    story.at(6).listing(("C", 7))
    assert story.tracker.residual() == {"support": 0}


def test_a_caller_whom_only_we_have_counts_after_the_grace_and_is_not_closed_while_his_channel_lives() -> None:
    story = Story().arrives("C").joins("support").listing().at(6).listing()
    assert story.tracker.residual() == {"support": 1}
    assert story.outcomes == [None]


def test_a_disagreement_in_a_queue_that_is_no_longer_listed_is_still_told() -> None:
    story = Story().arrives("C").joins("support").listing().at(6).listing(queues=())
    assert story.tracker.residual() == {"support": 1}


def test_after_a_gap_who_is_twice_not_listed_has_left_unheard() -> None:
    story = gap(Story().line_restored().listing().arrives("C").joins("support"), 5, 9, channels=("C",))
    assert story.outcomes == [None]
    story.at(15).listing()
    assert story.outcomes == [Outcome.LOST]
    assert story.balance() == {}


def test_a_listing_closes_no_channel_the_first_time() -> None:
    story = Story().arrives("C").joins("support").listing(channels=()).at(3).listing(channels=())
    assert story.outcomes == [None]
    story.at(4).listing(channels=("C",)).at(9).listing(channels=())
    assert story.outcomes == [None]
    story.at(14).listing(channels=())
    assert story.outcomes == [Outcome.LOST]
    assert len(story.told(CallEnded)) == len(story.told(VisitEnded)) == 1


def test_an_unheard_end_of_a_phone_of_nobodys_call_is_forgotten() -> None:
    story = Story().appears("A", linked="?").listing(channels=()).at(9).listing(channels=())
    assert story.memory() == {"ended": 1}


def test_an_unheard_end_of_the_agent_ends_no_call() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(3).talks_with("A")
    story.listing(channels=("C",)).at(9).listing(channels=("C",)).at(12).hangs_up().gone()
    assert (story.visit.talk, story.visit.hung_up_by, story.visit.quality) == (None, None, Quality.PARTIAL)
    assert story.call.hung_up_by is Party.CALLER


def test_channels_found_talking_are_heard_on() -> None:
    story = Story().line_restored().listing(agents=("A",), channels=("C", "A"), bridges={"C": "b1", "A": "b1"})
    assert story.tracker.book.bridges == {"b1": {"C", "A"}}


def test_who_is_listed_waiting_after_his_channel_ended_is_no_new_call() -> None:
    story = Story().arrives("C").at(1).gone().line_restored().listing(("C", 1), channels=("C",))
    assert story.told(VisitEntered) == []
    assert len(story.told(CaseOpened)) == 1


def test_a_phone_of_the_house_that_waits_in_a_queue_is_no_visit_but_is_not_missed() -> None:
    story = Story().line_restored().listing(("9", 3), agents=("9",), channels=("9",))
    assert story.call.direction is Direction.INTERNAL
    story.at(9).listing(("9", 9))
    assert (story.visits, story.tracker.residual()) == ([], {"support": 0})
    story.gone("9").passes(12)
    assert story.memory() == {"ended": 1}


def test_the_phone_behind_a_member_is_a_phone_of_the_house() -> None:
    story = Story().line_restored().listing(agents=("A",))
    assert Interface("PJSIP/A") in story.tracker.book.phones


def test_a_light_listing_says_nothing_of_agents_and_channels() -> None:
    story = Story().listing(agents=("A",), channels=("C",)).at(9).listing(light=True).at(20).listing(light=True)
    assert story.tracker.agents().total() == 1
    assert "C" in story.tracker.book.legs


def test_a_talk_whose_customer_vanished_unheard_is_over() -> None:
    story = Story().arrives("C").joins("support").rings("A").at(3).talks_with("A")
    story.listing(channels=("A",)).at(9).listing(channels=("A",)).gone("A")
    assert (story.outcomes, story.visit.talk, len(story.ended)) == ([Outcome.ANSWERED], None, 1)


def test_a_shutdown_after_the_channels_end_ends_the_call_when_they_did() -> None:
    story = Story().arrives("C").joins("support").at(3).given_up().gone().at(5).stops()
    assert (story.outcomes, story.call.ended_at) == ([Outcome.LOST], START + seconds(3))


def test_a_shutdown_leaves_a_call_that_was_over_as_it_was() -> None:
    rules = Rules(pbx="pbx1", trunks=frozenset({Interface(TRUNK)}), queue_log=True)
    story = Story(rules).arrives("C").at(3).gone().at(4).stops().passes(20)
    assert (story.call.ended_at, len(story.ended)) == (START + seconds(3), 1)
