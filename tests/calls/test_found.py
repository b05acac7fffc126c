"""We come, or hear again, when a direct call has been answered already: one visit, known as far as it is certain."""

from dataclasses import replace

import pytest

from telephony.calls import facts
from telephony.calls.book import Rules
from telephony.calls.effects import CaseOpened, OfferEnded, SaveCall, TalkEnded, VisitEnded, VisitEntered
from telephony.calls.facts import DialResult, Interface, QueueResult
from telephony.calls.measures import Targets, summary
from telephony.calls.record import CallRecord, Direction, Kind, OfferResult, Outcome, Party, Quality
from tests.support.story import START, TRUNK, Story, seconds

LINES = {Interface("PJSIP/A"): "Reception"}
RULES = Rules(pbx="pbx1", trunks=frozenset({Interface(TRUNK)}), queue_log=True, lines=LINES)
O, Q = Outcome, Quality  # noqa: E741


def comes() -> Story:
    """We hear the PBX, and C has come by the trunk."""
    story = Story(RULES).line_restored()
    story.make("C", interface=TRUNK)
    story.caller = "C"
    return story


def internal() -> Story:
    story = Story(replace(RULES, trunks=frozenset(), internal_contexts=frozenset({"inside"}))).line_restored()
    story.make("C", context="inside")
    story.caller = "C"
    return story


def listed(story: Story, channels: str = "CA", talk: str = "CA", dials: str = "PJSIP/A,30", at: str = "A") -> Story:
    """Everything is listed: who has these `channels`, and who sits in a bridge; `at`: phones that Dial() called."""
    return story.listing(channels=channels, bridges=dict.fromkeys(talk, "b1"), dials={"C": dials}, answered=at)


def talking(dials: str = "PJSIP/A,30") -> Story:
    return listed(comes(), dials=dials)


# --- what is told of him ----------------------------------------------------------------------------------------------


def test_who_talks_already_when_we_come_was_answered_nobody_knows_when() -> None:
    story = talking().at(20).hangs_up().unbridged("C").gone().gone("A").passes(99)
    visit = story.visit
    assert (visit.outcome, visit.kind, visit.queue, visit.agent) == (O.ANSWERED, Kind.DIRECT, "Reception", "Reception")
    assert (visit.quality, visit.joined_at, visit.wait) == (Q.PARTIAL, START - seconds(9), None)
    assert (visit.left_at, visit.answered_at) == (START, START)
    assert (visit.alerted_at, visit.caller_rings, visit.caller_rings_heard) == (None, None, None)
    assert (visit.talk, visit.hold, visit.hung_up_by) == (None, None, Party.CALLER)
    (offer,) = visit.offers
    assert (offer.result, offer.rings, offer.ended_at) == (OfferResult.ANSWERED, None, None)
    assert [len(story.told(kind)) for kind in (CaseOpened, VisitEntered, VisitEnded, OfferEnded, TalkEnded)] == [1] * 5
    assert (story.balance(), story.irregular, story.memory()) == ({}, [], {"ended": 2})


def test_he_counts_as_answered_and_in_no_mean() -> None:
    story = talking().at(20).hangs_up("A").unbridged("A").gone("A").gone().passes(99)
    told = summary(story.call, Targets())
    assert (told.sought, told.answered, told.wait, told.rings, told.alerted) == (True, True, None, None, False)
    assert story.visit.hung_up_by is Party.AGENT


@pytest.mark.parametrize(
    "dials", ["PJSIP/A", "PJSIP/B&PJSIP/A,20,tT", "PJSIP/A/sip:A@10.0.0.1:5060,30", " pjsip/a ,30", "Local/7@x&PJSIP/A"]
)
def test_which_phones_were_called_is_read_from_what_dial_was_given(dials: str) -> None:
    assert talking(dials).outcomes == [O.ANSWERED]


def local(story: Story, **channels: str) -> Story:
    """The halves of a Local channel, and a phone behind it."""
    for name in ("N", "F"):
        story.make(name, linked="C", interface="Local/7@agents")
    story.make("A", linked="C")
    bridges = {"C": "b1", "N": "b1", "F": "b2", "A": "b2"} | channels
    dials = {"C": "Local/7@agents/n,30", "F": "PJSIP/A"}
    return story.listing(channels="CNFA", bridges=bridges, dials=dials, answered="NA")


def test_behind_a_local_channel_the_phone_has_answered() -> None:
    story = local(comes()).at(5).hangs_up("A").unbridged("A", "F", bridge="b2").gone("A")
    story.unbridged("N").unbridged("C").gone("N").gone("F").gone().passes(99)
    assert [(one.outcome, one.agent, len(one.offers)) for one in story.visits] == [(O.ANSWERED, "Reception", 1)]
    assert (story.balance(), story.memory()) == ({}, {"ended": 4})


def test_behind_a_local_channel_nobody_is_guessed() -> None:
    assert local(comes(), A="b3").visits == []
    story = comes()
    story.make("A", linked="C", interface="Local/8@agents")
    story.make("N", linked="C", interface="Local/7@agents")
    assert listed(story, "CNA", "CN", "Local/7@agents", "NA").visits == []
    story = comes()
    for name, interface in (("N", "Local/7@agents"), ("F", "Local/7@agents"), ("A", "Local/8@agents")):
        story.make(name, linked="C", interface=interface)
    bridges = {"C": "b1", "N": "b1", "F": "b2", "A": "b2"}
    dials = {"C": "Local/7@agents", "F": "Local/8@agents"}
    assert story.listing(channels="CNFA", bridges=bridges, dials=dials, answered="NA").visits == []


# --- nothing is invented ----------------------------------------------------------------------------------------------


def test_with_whom_his_dial_did_not_connect_him_he_is_in_no_visit() -> None:
    assert talking("PJSIP/AB,30").visits == []  # handed on to A, who serves somebody else's number
    assert listed(comes(), at="").visits == []  # A picked up, or took him out of a parking lot
    assert listed(comes(), "CAB", "CAB", "PJSIP/A&PJSIP/B", "AB").visits == []  # a conference
    assert listed(comes(), talk="C").visits == []  # music for him; A is somewhere else
    story = comes()
    story.make("A", linked="X")
    assert listed(story).visits == []  # called by somebody else


def test_who_talks_by_way_of_a_queue_is_queue_logs() -> None:
    assert comes().listing(channels="CA", bridges={"C": "b1", "A": "b1"}, answered="A").visits == []


def test_a_colleagues_call_is_no_visit_nor_one_to_the_outside() -> None:
    story = listed(internal())
    assert (story.visits, story.call.direction) == ([], Direction.INTERNAL)
    story = comes()
    story.make("A", linked="C", interface=TRUNK)
    assert listed(story, dials=TRUNK).visits == []


def test_only_the_first_listing_finds_him() -> None:
    story = comes().listing(channels="CA")
    assert listed(story.at(6)).visits == []


# --- what else is told of it ------------------------------------------------------------------------------------------


def test_an_answer_that_is_told_before_the_listing_is_complete_tells_when() -> None:
    story = comes().at(0.4).answers("A").bridged("A", "C").at(0.5)
    story = listed(story).at(9).hangs_up().unbridged("C").gone().gone("A")
    assert (story.outcomes, story.visit.wait, story.visit.talk) == ([O.ANSWERED], seconds(8.9), seconds(8.6))
    assert (story.visit.quality, story.visit.caller_rings, story.balance()) == (Q.PARTIAL, None, {})


def test_a_call_that_is_all_told_before_the_listing_is_complete_is_heard() -> None:
    story = comes().at(0.1).dials("A").at(0.2).rings("A").at(0.4).answers("A").bridged("A", "C").at(0.5)
    story = listed(story).at(9).hangs_up().unbridged("C").gone().gone("A")
    assert (story.outcomes, story.visit.quality, story.visit.wait) == ([O.ANSWERED], Q.LIVE, seconds(0.3))
    assert (story.visit.caller_rings, story.visit.talk) == (1, seconds(8.6))


def test_what_is_told_after_the_listing_showed_it_makes_no_second_visit() -> None:
    story = talking().at(0.1).dials("A").rings("A").answers("A").silent("A", DialResult.ANSWERED).bridged("A", "C")
    assert (story.outcomes, len(story.visit.offers), story.visit.wait) == ([O.ANSWERED], 1, None)
    assert (story.balance(), story.irregular) == ({}, [])


def test_a_phone_that_is_answered_and_not_yet_with_him_is_his() -> None:
    story = listed(comes(), talk="").at(2).bridged("A", "C").at(9).hangs_up().unbridged("C").gone().gone("A")
    assert (story.outcomes, story.visit.wait, story.visit.talk) == ([O.ANSWERED], seconds(11), seconds(7))
    story = listed(comes(), talk="").at(2).gone("A").at(3).gone().passes(20)
    assert (story.outcomes, story.balance()) == ([O.LOST], {})


def test_when_the_pbx_ends_meanwhile_he_was_answered() -> None:
    story = talking().at(8).line_lost().at(20).line_restored(booted=15).listing()
    assert [(one.outcome, one.talk, one.hung_up_by) for one in story.visits] == [(O.ANSWERED, None, None)]
    assert story.balance() == {}


# --- after a gap ------------------------------------------------------------------------------------------------------


def gap(story: Story, start: float = 5, end: float = 60) -> Story:
    return story.at(start).line_lost().at(end).line_restored()


def came() -> Story:
    return Story(RULES).line_restored().listing().arrives("C")


def test_who_was_put_through_in_a_gap_after_a_queue_had_given_him_up_has_both_visits() -> None:
    story = came().joins("support").at(4).given_up().told_that(QueueResult.TIMEOUT)
    story = listed(gap(story)).at(70).hangs_up().unbridged("C").gone().gone("A").passes(99)
    assert [(one.ordinal, one.kind, one.outcome) for one in story.visits] == [
        (1, Kind.QUEUE, O.TIMEOUT),
        (2, Kind.DIRECT, O.ANSWERED),
    ]
    assert story.balance() == {}


def test_who_waited_in_a_queue_before_the_gap_is_lost_there_until_its_log_tells() -> None:
    story = listed(gap(came().joins("support")))
    assert [(one.kind, one.outcome) for one in story.visits] == [(Kind.QUEUE, O.LOST), (Kind.DIRECT, O.ANSWERED)]
    story.at(61).logs(QueueResult.TIMEOUT, written=30)
    assert (story.visits[0].outcome, story.visits[1].joined_at) == (O.TIMEOUT, START + seconds(51))
    assert (story.balance(), story.tracker.residual()) == ({}, {"support": 0})


def test_whom_the_queues_still_listed_left_a_moment_later_and_that_will_be_told() -> None:
    story = gap(came().joins("support"))
    story.listing(("C", 60), channels="CA", bridges={"C": "b1", "A": "b1"}, dials={"C": "PJSIP/A"}, answered="A")
    assert [(one.kind, one.outcome) for one in story.visits] == [(Kind.QUEUE, None)]


def talked() -> Story:
    return came().dials("B").rings("B").at(3).answers("B").bridged("C", "B", bridge="b0")


def test_who_talks_with_the_other_phone_of_one_dial_may_have_been_handed_on_by_the_first() -> None:
    story = listed(gap(talked()), dials="PJSIP/A&PJSIP/B")
    assert [(one.outcome, one.agent) for one in story.visits] == [(O.ANSWERED, "PJSIP/B")]


def test_who_talks_with_the_phone_of_another_dial_has_waited_again() -> None:
    story = listed(gap(talked())).at(70).hangs_up("A").unbridged("A").gone("A").gone()
    assert [(one.outcome, one.agent, one.joined_at) for one in story.visits] == [
        (O.ANSWERED, "PJSIP/B", START),
        (O.ANSWERED, "Reception", START + seconds(51)),
    ]
    assert [(one.talk, one.hung_up_by) for one in story.visits] == [(None, None), (None, Party.AGENT)]
    assert (story.balance(), len(story.told(TalkEnded))) == ({}, 2)


def test_whose_talk_had_ended_before_the_gap_has_waited_again_whichever_phones_were_called() -> None:
    story = talked().at(4).hangs_up("B").unbridged("B", "C", bridge="b0").gone("B")
    assert len(listed(gap(story), dials="PJSIP/A&PJSIP/B").visits) == 2


def test_whom_a_queue_had_connected_and_who_sits_in_a_dial_has_waited_again() -> None:
    story = listed(gap(came().joins("support").rings("B").at(3).talks_with("B")))
    assert [(one.kind, one.outcome, one.talk) for one in story.visits] == [
        (Kind.QUEUE, O.ANSWERED, None),
        (Kind.DIRECT, O.ANSWERED, None),
    ]


def test_a_talk_that_goes_on_is_no_second_visit() -> None:
    story = came().dials("A").rings("A").at(3).answers("A").bridged("C", "A")
    story = listed(gap(story)).at(70).hangs_up().unbridged("C").gone().gone("A")
    assert [(one.outcome, one.talk, one.wait) for one in story.visits] == [(O.ANSWERED, seconds(67), seconds(3))]


def test_whose_next_phone_answered_unheard_has_waited_once() -> None:
    story = listed(gap(came().dials("B").rings("B")), dials="PJSIP/A")
    assert [(one.outcome, one.joined_at, one.agent, one.wait) for one in story.visits] == [
        (O.ANSWERED, START, "Reception", None)
    ]
    assert [one.interface for one in story.visit.offers] == ["PJSIP/B", "PJSIP/A"]
    assert story.balance() == {}


# --- a restart --------------------------------------------------------------------------------------------------------


def saved(story: Story) -> list[CallRecord]:
    return list({effect.call.id: effect.call for effect in story.told(SaveCall)}.values())


def test_after_a_restart_he_is_in_the_same_visit_and_no_wait_is_made_up() -> None:
    before = talking()
    (record,) = saved(before)
    story = Story(RULES, channels=dict(before.channels)).at(30)
    story.effects += story.tracker.resume([record], story.now)
    story = listed(story.line_restored()).at(40).hangs_up().unbridged("C").gone().gone("A").passes(99)
    assert [(one.outcome, one.wait, one.talk, one.quality) for one in story.visits] == [
        (O.ANSWERED, None, None, Q.PARTIAL)
    ]
    assert (story.visit.left_at, story.visit.joined_at) == (START, START - seconds(9))
    assert (story.told(VisitEntered), story.told(VisitEnded), story.balance()) == ([], [], {})


def test_who_was_answered_while_no_process_listened_has_one_visit_in_the_call_that_was_saved() -> None:
    before = Story(RULES).arrives("C")
    (record,) = saved(before)
    story = Story(RULES, channels=dict(before.channels), caller="C").at(30)
    story.effects += story.tracker.resume([record], story.now)
    story = listed(story.line_restored())
    assert (story.outcomes, story.call.dialled, story.told(CaseOpened)) == ([O.ANSWERED], "4001", [])
    assert story.balance() == {}


def test_whose_channel_ended_before_it_is_listed_is_nobody() -> None:
    story = Story(RULES).arrives("C").at(1).gone().line_restored()
    assert listed(story).visits == []
    assert isinstance(story.facts[-1], facts.SnapshotTaken)
