"""One owner of everything that is known of one PBX: what it holds back, what falls due, what it shows."""

from dataclasses import replace

from telephony.calls import facts
from telephony.calls.effects import CaseOpened, SaveCall, VisitEnded, VisitEntered
from telephony.calls.facts import Interface, MemberState, QueueName
from telephony.calls.record import Direction, Kind, Outcome
from telephony.calls.tracker import HELD_FACTS
from telephony.calls.visit import Step
from tests.support.story import Story, device, moment, seconds

SUPPORT = ("support", Kind.QUEUE)


def member(name: str, state: MemberState, queue: str = "support") -> facts.Member:
    return facts.Member(QueueName(queue), device(name), f"Agent {name}", state, Interface("PJSIP/phone"))


# --- until the first listing ------------------------------------------------------------------------------------------


def test_facts_are_held_back_until_the_listing_tells_the_phones() -> None:
    story = Story().line_restored().arrives("9", interface="PJSIP/9").arrives("C").joins("support")
    assert story.effects == []
    story.listing(agents=("9",))
    assert {call.uniqueid: call.direction for call in story.calls_known} == {
        "9": Direction.INTERNAL,
        "C": Direction.INBOUND,
    }
    assert len(story.told(CaseOpened)) == len(story.told(VisitEntered)) == 1


def test_what_was_held_back_is_applied_when_the_line_breaks_or_heals_again() -> None:
    story = Story().line_restored().arrives("C").joins("support").line_lost()
    assert len(story.told(VisitEntered)) == 1
    story = Story().line_restored().arrives("C").joins("support").line_restored()
    assert len(story.told(VisitEntered)) == 1
    assert len(story.listing(("C", 0)).told(VisitEntered)) == 1


def test_a_listing_that_never_comes_is_not_waited_for_without_end() -> None:
    story = Story().line_restored().arrives("C")
    tracker = story.tracker
    tick = facts.TimePassed(moment(1))
    for _ in range(HELD_FACTS - 1):
        assert tracker.apply(tick) == []
    story.tell(tick)
    assert (story.irregular, len(story.told(CaseOpened))) == (["listing_overdue"], 1)
    assert tracker.held is None


# --- order and time ---------------------------------------------------------------------------------------------------


def test_the_states_to_save_come_last_and_once_a_call() -> None:
    story = Story().arrives("C").joins("support")
    effects = story.tracker.apply(facts.CallerLeft(moment(4), QueueName("support"), facts.Uniqueid("C")))
    assert [type(effect) for effect in effects] == [SaveCall]
    effects = story.tracker.apply(facts.TimePassed(moment(9)))
    assert [type(effect).__name__ for effect in effects] == ["VisitEnded", "SaveCall"]


def test_revisions_grow_with_every_state() -> None:
    story = Story().arrives("C").joins("support").at(4).given_up().passes(20).gone()
    revisions = [saved.call.revision for saved in story.told(SaveCall)]
    assert revisions == list(range(1, len(revisions) + 1))


def test_what_is_due_falls_due_before_the_fact_that_comes_later() -> None:
    story = Story().arrives("C").joins("support").at(4).given_up().at(60).told_that(facts.QueueResult.TIMEOUT)
    assert [ended.visit.outcome for ended in story.told(VisitEnded)] == [Outcome.EXITED]
    assert story.outcomes == [Outcome.TIMEOUT]


def test_an_illegal_step_is_counted_and_the_story_goes_on() -> None:
    story = Story().arrives("C").joins("support")
    (visit,) = story.tracker.book.open
    story.tracker.run(lambda: visit.step(Step.RESUME), facts.TimePassed(moment(1)))
    story.passes(2)
    assert story.irregular == ["illegal_step"]
    assert story.outcomes == [None]


# --- what is now ------------------------------------------------------------------------------------------------------


def test_the_waiting_and_the_settling_are_counted_from_open_visits() -> None:
    story = Story().arrives("C").joins("support").arrives("D").joins("support").arrives("E").dials("A")
    story.at(4).given_up("C")
    assert story.tracker.waiting() == {SUPPORT: 1, ("PJSIP/A", Kind.DIRECT): 1}
    story.at(5).leaves("D", "support")
    assert (story.tracker.waiting()[SUPPORT], story.tracker.settling()) == (0, {SUPPORT: 2})
    assert story.balance() == {}


def test_the_oldest_wait_is_that_of_the_first_who_still_waits() -> None:
    story = Story().arrives("C").joins("support").at(3).arrives("D").joins("support")
    assert story.tracker.oldest_wait(moment(10)) == {SUPPORT: seconds(10)}
    story.at(11).given_up("C")
    assert story.tracker.oldest_wait(moment(12)) == {SUPPORT: seconds(9)}
    story.given_up("D")
    assert story.tracker.oldest_wait(moment(13)) == {}


def test_agents_are_counted_by_queue_and_state() -> None:
    story = Story()
    for name, state in (("A", MemberState.READY), ("B", MemberState.READY), ("A", MemberState.TALKING)):
        story.tell(facts.MemberChanged(story.now, member(name, state)))
    assert story.tracker.agents() == {("support", MemberState.TALKING): 1, ("support", MemberState.READY): 1}
    story.tell(facts.MemberRemoved(story.now, QueueName("support"), device("A")))
    story.tell(facts.MemberRemoved(story.now, QueueName("support"), device("ghost")))
    assert story.tracker.agents() == {("support", MemberState.READY): 1}


def test_a_phone_does_what_keeps_it_from_being_free_in_any_of_its_queues() -> None:
    story = Story()
    for queue, state in (("sales", MemberState.READY), ("support", MemberState.PAUSED), ("trade", MemberState.READY)):
        story.tell(facts.MemberChanged(story.now, member("A", state, queue)))
    story.tell(facts.MemberChanged(story.now, replace(member("B", MemberState.READY), device=None)))
    assert story.tracker.phones() == {"PJSIP/phone": MemberState.PAUSED, device("B"): MemberState.READY}


def test_the_phone_of_a_member_stays_a_phone_when_he_serves_no_more() -> None:
    story = Story().tell(facts.MemberChanged(moment(0), member("A", MemberState.READY)))
    story.tell(facts.MemberRemoved(moment(0), QueueName("support"), device("A")))
    assert story.arrives("A", interface="PJSIP/phone").call.direction is Direction.INTERNAL


def test_live_calls_are_those_that_go_on() -> None:
    story = Story().arrives("C").arrives("D").gone("C")
    assert [call.uniqueid for call in story.tracker.live_calls()] == ["D"]


def test_residuals_are_none_before_anything_was_compared() -> None:
    assert Story().tracker.residual() == {}


# --- whose call a channel is ------------------------------------------------------------------------------------------


def test_every_channel_of_an_inbound_call_stands_for_its_one_case() -> None:
    story = Story().arrives("C").joins("support").rings("A")
    caller = story.tracker.standing(facts.Uniqueid("C"))
    assert caller is not None
    assert (caller.call, caller.case) == (story.call.id, story.call.case)
    assert story.tracker.standing(facts.Uniqueid("A")) == caller


def test_an_internal_call_has_no_case_and_an_unknown_channel_no_standing() -> None:
    story = Story().line_restored().arrives("9", interface="PJSIP/9").listing(agents=("9",))
    inside = story.tracker.standing(facts.Uniqueid("9"))
    assert inside is not None
    assert inside.case is None
    assert story.tracker.standing(facts.Uniqueid("nobody")) is None
