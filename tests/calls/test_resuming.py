"""A process starts while calls go on: what was saved is taken up where a listing shows it, and never guessed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from telephony.calls.effects import CallEnded, CaseOpened, SaveCall, TalkEnded, VisitEnded, VisitEntered
from telephony.calls.facts import DialResult, QueueResult
from telephony.calls.record import CallRecord, Direction, OfferResult, Outcome, Party, Quality
from tests.support.story import START, Story, seconds

Tell = Callable[[Story], object]


def waits(story: Story) -> Story:
    return story.arrives("C").joins("support")


def talks(story: Story) -> Story:
    """He waits 4 s; the phone rings for 3 of them."""
    return waits(story).at(1).rings("A").at(4).talks_with("A")


def saved(story: Story) -> list[CallRecord]:
    """What a store holds in the end."""
    return list({effect.call.id: effect.call for effect in story.told(SaveCall)}.values())


def restarted(tell: Tell, at: float) -> Story:
    """The story up to a restart; a new process knows what was saved, and the PBX goes on."""
    before = Story()
    before.line_restored().listing()
    tell(before)
    after = Story(channels=dict(before.channels), caller=before.caller, queue=before.queue)
    after.at(at).effects += after.tracker.resume(saved(before), after.now)
    return after.line_restored()


def vanish(story: Story, at: float) -> Story:
    """Two listings show nobody."""
    return story.at(at).listing(channels=()).at(at + 6).listing(channels=())


# --- who waits --------------------------------------------------------------------------------------------------------


def test_who_waits_still_has_waited_from_the_beginning() -> None:
    story = restarted(waits, 5).listing(("C", 5), channels=["C"]).at(9).hangs_up().given_up().gone().passes(20)
    assert (story.outcomes, story.visit.wait, story.visit.quality) == ([Outcome.ABANDONED], seconds(9), Quality.PARTIAL)
    assert story.call.hung_up_by is Party.CALLER
    assert story.balance() == {}


def test_nothing_is_counted_twice_but_that_a_visit_found_open_is_entered() -> None:
    story = restarted(waits, 5).listing(("C", 5), channels=["C"])
    assert (story.told(CaseOpened), len(story.told(VisitEntered))) == ([], 1)
    story.at(9).hangs_up().given_up().gone().passes(20)
    assert len(story.told(VisitEnded)) == len(story.told(CallEnded)) == 1
    assert story.balance() == {}


def test_the_revision_goes_on_and_what_the_pbx_no_longer_tells_is_kept() -> None:
    before = Story()
    waits(before)
    (record,) = saved(before)
    after = Story()
    (effect,) = [e for e in after.tracker.resume([record], after.now) if isinstance(e, SaveCall)]
    assert effect.call.revision == record.revision + 1
    assert replace(effect.call, revision=record.revision, visits=record.visits) == record
    assert effect.call.visits == (replace(record.visits[0], quality=Quality.PARTIAL),)


def test_who_left_and_came_back_meanwhile_makes_a_second_visit() -> None:
    story = restarted(waits, 60).listing(("C", 20), channels=["C"])
    assert story.outcomes == [Outcome.LOST, None]
    assert [visit.ordinal for visit in story.visits] == [1, 2]
    assert story.balance() == {}


def test_who_is_gone_is_lost_and_his_call_ended_when_that_was_noticed() -> None:
    story = vanish(restarted(waits, 5), 6)
    assert story.outcomes == [Outcome.LOST]
    assert (story.call.ended_at, story.call.hung_up_by) == (START + seconds(12), None)
    assert len(story.ended) == 1
    assert story.balance() == {}


def test_a_phone_that_rang_through_the_restart_has_no_ring_count() -> None:
    story = restarted(lambda s: waits(s).at(1).rings("A"), 5).listing(("C", 5), channels=["C", "A"])
    story.at(8).talks_with("A").at(20).hangs_up().unbridged("C").gone().gone("A")
    (offer,) = story.visit.offers
    assert (story.outcomes, story.visit.wait, story.visit.caller_rings) == ([Outcome.ANSWERED], seconds(8), None)
    assert (offer.result, offer.rings, story.visit.talk) == (OfferResult.ANSWERED, None, seconds(12))
    assert story.visit.agent == "Agent A"


def test_a_phone_whose_ringing_had_ended_keeps_its_result() -> None:
    def tell(story: Story) -> None:
        waits(story).at(1).rings("A").at(7).silent("A", DialResult.NO_ANSWER).gone("A").at(8).rings("B")

    story = restarted(tell, 9).listing(("C", 9), channels=["C", "B"])
    first, second = story.visit.offers
    assert (first.result, first.alerting, first.rings) == (OfferResult.NO_ANSWER, seconds(6), 2)
    assert (second.result, second.called_at, second.rings) == (None, START + seconds(8), None)


def test_whose_phone_rang_and_who_was_answered_meanwhile_is_answered_nobody_knows_when() -> None:
    story = restarted(lambda s: waits(s).at(1).rings("A"), 5)
    story.listing(channels=["C", "A"], bridges={"C": "b", "A": "b"}).at(11).hangs_up().gone("C").gone("A")
    assert [(visit.ordinal, visit.outcome, visit.agent) for visit in story.visits] == [(1, Outcome.ANSWERED, "Agent A")]
    assert (story.visit.wait, story.visit.talk, story.visit.caller_rings) == (None, None, None)
    assert (len(story.visit.offers), story.call.hung_up_by) == (1, Party.CALLER)
    assert story.balance() == {}


# --- earlier visits ---------------------------------------------------------------------------------------------------


def overflown(story: Story) -> Story:
    """The first queue gave him up, he waits in a second."""
    waits(story).at(4).given_up().told_that(QueueResult.TIMEOUT)
    return story.at(5).joins("overflow")


def test_the_visits_decided_before_stay_and_the_next_is_numbered_after_them() -> None:
    story = restarted(overflown, 7).listing(("C", 2), channels=["C"])
    story.at(9).given_up().told_that(QueueResult.TIMEOUT).at(10).joins("sales")
    found = [(visit.ordinal, visit.queue, visit.outcome, visit.quality) for visit in story.visits]
    assert found == [
        (1, "support", Outcome.TIMEOUT, Quality.LIVE),
        (2, "overflow", Outcome.TIMEOUT, Quality.PARTIAL),
        (3, "sales", None, Quality.LIVE),
    ]
    assert story.call.dialled == "4001"
    assert len(story.told(VisitEntered)) == 2
    assert story.balance() == {}


def test_a_word_of_the_queue_log_about_the_open_visit_is_not_taken_by_an_earlier_one() -> None:
    story = restarted(lambda s: overflown(s).channels and s.joins("support"), 7).listing(("C", 2), channels=["C"])
    story.at(9).given_up().logs(QueueResult.TIMEOUT)
    assert story.visits[-1].outcome is Outcome.TIMEOUT


# --- who left, and why was not known ----------------------------------------------------------------------------------


def test_who_settled_is_lost_unless_somebody_says_why() -> None:
    story = restarted(lambda s: waits(s).at(4).given_up(), 5).listing(channels=["C"])
    assert story.tracker.settling() == {("support", story.visit.kind): 1}
    assert story.passes(11).outcomes == [Outcome.LOST]
    story = restarted(lambda s: waits(s).at(4).given_up(), 5).listing(channels=["C"])
    story.told_that(QueueResult.TIMEOUT, queue="support")
    assert (story.outcomes, story.visit.wait) == ([Outcome.TIMEOUT], seconds(4))


def test_a_visit_that_settled_when_its_call_had_ended_is_lost_when_patience_is_over() -> None:
    story = restarted(lambda s: waits(s).at(4).given_up().gone(), 5).listing(channels=()).passes(11)
    assert story.outcomes == [Outcome.LOST]
    assert story.call.ended_at == START + seconds(4)
    assert len(story.ended) == 1
    assert story.balance() == {}


# --- who talks --------------------------------------------------------------------------------------------------------


def test_who_is_seen_in_a_bridge_with_somebody_has_talked_from_the_answer() -> None:
    story = restarted(talks, 10).listing(channels=["C", "A"], bridges={"C": "b", "A": "b"})
    assert story.told(VisitEntered) == []
    story.at(34).hangs_up("A").unbridged("A", bridge="b").gone("A").gone("C")
    assert (story.visit.talk, story.visit.hung_up_by, story.call.hung_up_by) == (seconds(30), Party.AGENT, Party.AGENT)
    assert (story.visit.quality, story.visit.caller_rings, story.visit.hold) == (Quality.PARTIAL, 1, None)
    assert len(story.told(TalkEnded)) == len(story.ended) == 1
    assert story.balance() == {}


def test_a_partial_visit_stays_partial() -> None:
    before = talks(Story())
    (record,) = saved(before)
    record = replace(record, visits=(replace(record.visits[0], quality=Quality.PARTIAL),))
    after = Story(channels=dict(before.channels)).at(10)
    after.effects += after.tracker.resume([record], after.now)
    after.line_restored().listing(channels=["C", "A"], bridges={"C": "b", "A": "b"}).at(14).gone("C").gone("A")
    assert (after.visit.quality, after.visit.talk) == (Quality.PARTIAL, seconds(10))


@pytest.mark.parametrize("bridges", [{}, {"C": "b"}])
def test_how_long_he_talked_is_unknown_when_nobody_is_with_him(bridges: dict[str, str]) -> None:
    story = restarted(talks, 10).listing(channels=["C"], bridges=bridges)
    vanish(story.at(12).hangs_up().gone("C"), 61)
    assert (story.outcomes, story.visit.talk, story.visit.hold) == ([Outcome.ANSWERED], None, None)
    assert story.call.hung_up_by is Party.CALLER
    assert story.visit.caller_rings == 1


def test_how_long_he_talked_is_unknown_when_he_is_gone() -> None:
    story = vanish(restarted(talks, 10), 11)
    assert (story.outcomes, story.visit.talk, story.visit.hung_up_by) == ([Outcome.ANSWERED], None, None)
    assert (story.call.ended_at, story.call.hung_up_by) == (START + seconds(17), None)


def test_a_talk_that_was_over_stays_as_it_was() -> None:
    def tell(story: Story) -> None:
        talks(story).at(14).hangs_up("A").unbridged("A").gone("A").at(15).joins("sales")

    story = restarted(tell, 16).listing(("C", 1), channels=["C"])
    assert [(visit.talk, visit.quality) for visit in story.visits] == [
        (seconds(10), Quality.LIVE),
        (None, Quality.PARTIAL),
    ]


def test_after_a_second_restart_a_doubtful_talk_is_not_taken_up() -> None:
    first = restarted(talks, 10).listing(channels=["C"])
    story = Story(channels=dict(first.channels)).at(20)
    story.effects += story.tracker.resume(saved(first), story.now)
    story.line_restored().listing(channels=["C", "B"], bridges={"C": "b", "B": "b"})
    assert story.visit.talk is None


def test_a_later_visit_on_another_channel_leaves_the_talk_in_its_place() -> None:
    def tell(story: Story) -> None:
        talks(story).at(6).joins("sales", "D")

    story = restarted(tell, 10).listing(("D", 4), channels=["C", "A", "D"], bridges={"C": "b", "A": "b"})
    assert [visit.ordinal for visit in story.visits] == [1, 2]
    assert story.outcomes == [Outcome.ANSWERED, None]


# --- phones rung directly ---------------------------------------------------------------------------------------------


def test_a_phone_that_rings_still_is_answered_as_ever() -> None:
    story = restarted(lambda s: s.arrives("C").dials("A").at(1).rings("A"), 5).listing(channels=["C", "A"])
    story.at(8).answers("A").bridged("C", "A").at(10).hangs_up().gone().gone("A")
    assert (story.outcomes, story.visit.wait, story.visit.talk) == ([Outcome.ANSWERED], seconds(8), seconds(2))


def test_whose_phone_fell_silent_unheard_is_lost() -> None:
    story = restarted(lambda s: s.arrives("C").dials("A").at(1).rings("A"), 5).listing(channels=["C"])
    story.at(12).listing(channels=["C"]).passes(20)
    assert story.outcomes == [Outcome.LOST]
    assert story.balance() == {}


def test_for_whom_no_phone_rang_any_more_the_wait_had_ended() -> None:
    def tell(story: Story) -> None:
        story.arrives("C").dials("A").rings("A").at(4).silent("A", DialResult.NO_ANSWER).gone("A")

    story = restarted(tell, 4.5).listing(channels=["C"]).passes(10)
    assert (story.outcomes, story.visit.quality) == ([Outcome.TIMEOUT], Quality.PARTIAL)
    assert story.visit.offers[0].result is OfferResult.NO_ANSWER


def test_a_call_without_visits_goes_on() -> None:
    story = restarted(lambda s: s.appears("A"), 5).listing(channels=["A"]).at(9).gone("A")
    assert (story.call.direction, story.call.ended_at) == (Direction.OUTBOUND, START + seconds(9))
    assert len(story.ended) == 1


def test_phones_that_did_not_win_stay_as_they_were_when_the_talk_goes_on() -> None:
    def tell(story: Story) -> None:
        waits(story).at(1).rings("B").at(4).silent("B", DialResult.NO_ANSWER).gone("B").rings("A").at(6).talks_with("A")

    story = restarted(tell, 10).listing(channels=["C", "A"], bridges={"C": "b1", "A": "b1"})
    story.at(16).hangs_up().unbridged("C").gone("C").gone("A")
    assert [(offer.result, offer.rings) for offer in story.visit.offers] == [
        (OfferResult.NO_ANSWER, 1),
        (OfferResult.ANSWERED, 1),
    ]
    assert story.visit.talk == seconds(10)
