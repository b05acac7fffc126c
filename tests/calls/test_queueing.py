"""Callers join queues, leave them, and the reason is found."""

import pytest

from telephony.calls import facts
from telephony.calls.book import Rules
from telephony.calls.effects import VisitCorrected, VisitEnded, VisitEntered, VisitRefused
from telephony.calls.facts import Interface, QueueResult, Uniqueid
from telephony.calls.record import Direction, Kind, OfferResult, Outcome, Party
from tests.support.story import START, TRUNK, Story, moment, seconds

WITH_LOG = Rules(pbx="pbx1", trunks=frozenset({Interface(TRUNK)}), queue_log=True)


def waiting(rules: Rules | None = None) -> Story:
    """The caller waits in `support` since 0."""
    return (Story(rules) if rules else Story()).arrives("C").joins("support")


# --- joining ----------------------------------------------------------------------------------------------------------


def test_joining_a_queue_begins_a_visit() -> None:
    story = waiting()
    (entered,) = story.told(VisitEntered)
    assert (entered.visit.queue, entered.visit.kind, entered.visit.joined_at) == ("support", Kind.QUEUE, START)
    assert story.tracker.waiting() == {("support", Kind.QUEUE): 1}


def test_who_joins_twice_is_counted_once() -> None:
    story = waiting().at(1).joins("support")
    assert (len(story.visits), story.irregular) == (1, ["joined_twice"])


def test_a_phone_of_the_house_in_a_queue_is_no_visit() -> None:
    story = Story().arrives("9", interface="PJSIP/9").joins("support").leaves()
    assert (story.visits, story.irregular, story.call.direction) == ([], [], Direction.INTERNAL)


def test_one_who_left_and_joins_another_queue_has_moved_on() -> None:
    story = waiting(WITH_LOG).at(4).given_up().at(4.2).joins("sales").at(5).logs(QueueResult.ABANDONED, queue="support")
    assert story.outcomes == [Outcome.REDIRECTED, None]
    assert [visit.ordinal for visit in story.visits] == [1, 2]


def test_the_same_queue_again_is_another_visit() -> None:
    story = waiting().at(4).given_up().told_that(QueueResult.TIMEOUT).at(5).joins("support")
    story.at(9).given_up().told_that(QueueResult.LEAVE_EMPTY)
    assert story.outcomes == [Outcome.TIMEOUT, Outcome.EMPTY]


def test_somebody_whose_channel_we_never_saw_is_a_call_of_his_own() -> None:
    story = Story()
    story.make("C", linked="elsewhere", interface=TRUNK)
    story.caller = "C"
    assert story.joins("support").visit.joined_at == START


# --- leaving ----------------------------------------------------------------------------------------------------------


def test_until_the_caller_hangs_up_leaving_is_not_yet_abandoning() -> None:
    story = waiting().at(4).given_up()
    assert (story.outcomes, story.visit.settling) == ([None], True)
    assert story.tracker.settling() == {("support", Kind.QUEUE): 1}


def test_only_his_own_hang_up_while_waiting_is_an_abandonment() -> None:
    story = waiting().at(4).hangs_up().given_up().gone()
    assert (story.outcomes, story.visit.wait, story.call.hung_up_by) == (
        [Outcome.ABANDONED],
        seconds(4),
        Party.CALLER,
    )


def test_a_later_hang_up_does_not_replace_the_first() -> None:
    story = waiting().at(4).hangs_up().at(5).hangs_up().cut_off().given_up().gone()
    assert (story.outcomes, story.visit.wait) == ([Outcome.ABANDONED], seconds(4))


def test_settling_lasts_five_seconds_at_most() -> None:
    story = waiting().at(4).given_up().passes(8.999)
    assert story.outcomes == [None]
    assert story.passes(9).outcomes == [Outcome.EXITED]


def test_leaving_a_queue_one_did_not_join_is_irregular_and_changes_nothing() -> None:
    story = waiting().leaves(queue="sales")
    assert (story.irregular, story.outcomes) == (["left_without_joining"], [None])
    assert Story().leaves("ghost", "support").unserved("ghost", "support").effects == []


def test_an_end_without_leaving_is_irregular_and_still_settled() -> None:
    story = waiting().at(4).hangs_up().gone()
    assert (story.irregular, story.outcomes) == (["ended_without_leaving"], [Outcome.ABANDONED])
    story = waiting().at(4).gone().passes(20)
    assert story.outcomes == [Outcome.EXITED]


def test_whom_the_pbx_cuts_off_while_waiting_it_ended() -> None:
    story = waiting().at(4).cut_off().given_up().gone()
    assert story.outcomes == [None]
    assert story.passes(10).outcomes == [Outcome.ENDED_BY_PBX]


def test_leaving_by_a_key_is_said_by_nobody_in_ami() -> None:
    assert waiting().at(4).leaves().passes(10).outcomes == [Outcome.KEY_EXIT]


# --- the witnesses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (QueueResult.TIMEOUT, Outcome.TIMEOUT),
        (QueueResult.LEAVE_EMPTY, Outcome.EMPTY),
        (QueueResult.WITHDRAWN, Outcome.WITHDRAWN),
    ],
)
def test_the_dialplan_says_why(result: QueueResult, outcome: Outcome) -> None:
    story = waiting().at(4).given_up().at(4.1).told_that(result)
    assert (story.outcomes, story.visit.wait) == ([outcome], seconds(4))


def test_a_word_of_the_dialplan_about_nobodys_stay_is_passed_over() -> None:
    assert waiting().told_that(QueueResult.TIMEOUT, queue="sales").outcomes == [None]
    assert Story().arrives("9", interface="PJSIP/9").told_that(QueueResult.FULL, queue="sales").visits == []


def test_the_dialplan_says_it_once() -> None:
    story = waiting().at(4).given_up().told_that(QueueResult.TIMEOUT).told_that(QueueResult.WITHDRAWN)
    assert (story.outcomes, story.told(VisitCorrected)) == ([Outcome.TIMEOUT], [])


def test_the_log_says_why_where_nobody_else_does() -> None:
    assert waiting(WITH_LOG).at(4).given_up().at(5.5).logs(QueueResult.TIMEOUT).outcomes == [Outcome.TIMEOUT]


def test_the_log_of_an_abandonment_waits_for_what_the_channel_does() -> None:
    story = waiting(WITH_LOG).at(4).given_up().at(4.5).logs(QueueResult.ABANDONED)
    assert story.outcomes == [None]
    assert story.passes(5.1).outcomes == [Outcome.REDIRECTED]
    story = waiting(WITH_LOG).at(4).given_up().at(4.5).gone().at(5.5).logs(QueueResult.ABANDONED)
    assert story.outcomes == [Outcome.ENDED_BY_PBX]


def test_with_a_log_an_abandonment_waits_for_its_line() -> None:
    story = waiting(WITH_LOG).at(4).hangs_up().given_up().gone()
    assert story.outcomes == [None]
    assert story.at(5.5).logs(QueueResult.ABANDONED).outcomes == [Outcome.ABANDONED]
    story = waiting(WITH_LOG).at(4).hangs_up().given_up().gone().passes(9)
    assert story.outcomes == [Outcome.ABANDONED]


def test_the_logs_connect_of_one_who_had_hung_up_is_an_abandonment() -> None:
    story = waiting(WITH_LOG).rings("A").at(3).answers("A").at(3.5).hangs_up().leaves().connects("A").gone()
    story.logs(QueueResult.CONNECTED)
    assert (story.outcomes, story.visit.wait) == ([Outcome.ABANDONED], seconds(3.5))


def test_an_exit_is_explained_when_the_log_speaks_late_and_counted_once() -> None:
    story = waiting(WITH_LOG).at(4).given_up().gone().passes(30)
    assert story.outcomes == [Outcome.EXITED]
    story.at(40).logs(QueueResult.TIMEOUT, written=4)
    assert (story.outcomes, len(story.told(VisitEnded))) == ([Outcome.TIMEOUT], 1)
    (corrected,) = story.told(VisitCorrected)
    assert (corrected.before.outcome, corrected.visit.outcome) == (Outcome.EXITED, Outcome.TIMEOUT)
    assert story.ends_well().memory() == {}


def test_a_word_that_explains_nothing_corrects_nothing() -> None:
    story = waiting(WITH_LOG).at(4).given_up().passes(10).logs(QueueResult.CONNECTED)
    assert (story.outcomes, story.told(VisitCorrected)) == ([Outcome.EXITED], [])


def test_the_logs_lines_belong_to_the_visits_in_their_order() -> None:
    story = waiting(WITH_LOG).at(4).given_up().at(4.5).joins("support").at(8).given_up()
    story.at(9).logs(QueueResult.TIMEOUT, written=4, waited=4)
    story.logs(QueueResult.LEAVE_EMPTY, written=8, waited=3).logs(QueueResult.KEY)
    assert story.outcomes == [Outcome.TIMEOUT, Outcome.EMPTY]


def test_a_line_about_nobody_known_is_passed_over() -> None:
    assert Story(WITH_LOG).logs(QueueResult.TIMEOUT, "ghost", "support").effects == []
    story = Story(WITH_LOG).arrives("9", interface="PJSIP/9").joins("support")
    assert story.at(3).leaves().logs(QueueResult.TIMEOUT).visits == []


def test_the_log_finds_a_call_whose_channel_is_gone() -> None:
    story = waiting(WITH_LOG).at(4).given_up().at(4.1).gone().at(5.5).logs(QueueResult.WITHDRAWN)
    assert story.outcomes == [Outcome.WITHDRAWN]


def test_the_log_decides_nothing_of_one_who_was_answered() -> None:
    story = waiting(WITH_LOG).rings("A").at(3).talks_with("A").at(4).logs(QueueResult.CONNECTED)
    assert story.outcomes == [Outcome.ANSWERED]


# --- on the way to an agent -------------------------------------------------------------------------------------------


def test_the_wait_ends_when_the_queue_connects_him_not_when_he_leaves() -> None:
    story = waiting().rings("A").at(3).answers("A").leaves().at(5).connects("A").at(5.2).bridged("C", "A")
    assert (story.outcomes, story.visit.wait) == ([Outcome.ANSWERED], seconds(5))


def test_a_connect_whose_leave_was_lost_connects_all_the_same() -> None:
    story = waiting().rings("A").at(3).answers("A").connects("A").bridged("C", "A")
    assert (story.outcomes, story.visit.wait) == ([Outcome.ANSWERED], seconds(3))


def test_a_connect_after_his_hang_up_is_an_abandonment() -> None:
    story = waiting().rings("A").at(3).answers("A").leaves().at(3.5).hangs_up().at(4).connects("A").gone()
    assert (story.outcomes, story.visit.wait) == ([Outcome.ABANDONED], seconds(3.5))


def test_who_hangs_up_between_connect_and_bridge_has_abandoned() -> None:
    story = waiting().rings("A").at(3).answers("A").leaves().at(4).connects("A").at(4.1).hangs_up().gone()
    assert story.outcomes == [Outcome.ABANDONED]


def test_whom_the_pbx_ends_between_connect_and_bridge_it_ended() -> None:
    story = waiting().rings("A").at(3).answers("A").leaves().at(4).connects("A").at(4.1).gone()
    assert story.outcomes == [None]
    assert story.passes(10).outcomes == [Outcome.ENDED_BY_PBX]


def test_whom_a_shutdown_takes_between_connect_and_bridge_is_lost() -> None:
    """Seen on 22.10: every channel is asked to end, AgentConnect is said all the same, Shutdown a second later."""
    story = waiting().rings("A").at(3).answers("A").leaves().at(4).connects("A").at(4.1).gone()
    assert story.at(5.2).stops().outcomes == [Outcome.LOST]
    story = waiting().rings("A").at(3).answers("A").leaves().at(4).cut_off().connects("A").at(4.1).gone()
    assert story.outcomes == [None]
    assert story.at(5.2).stops().outcomes == [Outcome.LOST]


def test_a_shutdown_that_was_asked_for_before_he_left_is_not_an_answer() -> None:
    story = waiting().rings("A").at(3).answers("A").cut_off().leaves().at(4).connects("A").at(4.1).gone()
    assert story.outcomes == [None]
    assert story.at(5.2).stops().outcomes == [Outcome.LOST]


def test_what_queue_log_says_of_an_agent_makes_no_answer_of_what_was_heard_to_be_none() -> None:
    """At a shutdown during the agent's own script queue_log has CONNECT and a talk of 0 s, and nobody was bridged."""
    story = Story(WITH_LOG).arrives("C").joins("support").rings("A").at(3).answers("A").leaves().at(4).connects("A")
    story.logs(QueueResult.CONNECTED).at(4.1).gone().at(5.2).stops()
    assert story.outcomes == [Outcome.LOST]
    story.at(6).logs(QueueResult.CONNECTED)
    assert story.passes(99).outcomes == [Outcome.LOST]


# --- queue_log, read before AMI told, or after he waits again ---------------------------------------------------------


def test_a_line_that_is_read_before_he_left_is_heard_again_when_he_does() -> None:
    story = waiting(WITH_LOG).at(4).logs(QueueResult.TIMEOUT, waited=4).given_up().passes(20)
    assert (story.outcomes, story.visit.reason) == ([Outcome.TIMEOUT], "queue_log said so")


def test_a_line_that_is_read_before_his_call_is_known_is_heard_again_when_it_is() -> None:
    story = Story(WITH_LOG).at(1).logs(QueueResult.FULL, "C", "support").arrives("C")
    assert story.outcomes == [Outcome.REFUSED_FULL]
    story = Story(WITH_LOG).logs(QueueResult.ABANDONED, "C", "support", waited=0).arrives("C").joins("support")
    assert story.at(0.2).hangs_up().given_up().gone().outcomes == [Outcome.ABANDONED]


def test_a_line_of_a_stay_that_nobody_heard_says_nothing_of_the_next() -> None:
    """He timed out in a gap, was sent in again, and waits: the line is read afterwards."""
    story = waiting(WITH_LOG).at(20).logs(QueueResult.TIMEOUT, written=-4, waited=8)
    story.logs(QueueResult.TIMEOUT, written=0, waited=8).at(30).rings("A").at(32).answers("A").leaves().connects("A")
    assert story.bridged("C", "A").outcomes == [Outcome.ANSWERED]


def test_a_line_of_the_next_stay_says_nothing_of_one_that_ended_otherwise() -> None:
    """Parked while he waited: queue_log has that under the name of a stand-in."""
    story = waiting(WITH_LOG).at(4).given_up().passes(8).at(30).joins("support").at(40)
    story.given_up().logs(QueueResult.TIMEOUT, waited=10).passes(60)
    assert story.outcomes[1] is Outcome.TIMEOUT


def test_what_queue_log_says_of_one_who_was_parked_it_says_under_another_id() -> None:
    story = Story(WITH_LOG).arrives("C").joins("support").at(0.2)
    story.tell(facts.Parked(story.now, Uniqueid("C"))).joins("support").at(1.3).given_up().logs(QueueResult.ABANDONED)
    assert story.passes(3).outcomes == [Outcome.REDIRECTED, Outcome.REDIRECTED]
    assert story.visits[1].reason == "queue_log says ABANDON, channel lived on"


def test_lines_about_nobody_are_kept_for_a_minute_and_not_for_ever() -> None:
    story = Story(WITH_LOG)
    for number in range(2_100):
        story.logs(QueueResult.TIMEOUT, f"ghost{number}", "support")
    assert len(story.tracker.book.untaken) == 2_000
    for _ in range(30):
        story.logs(QueueResult.TIMEOUT, "ghost", "support")
    assert len(story.tracker.book.untaken[Uniqueid("ghost")]) == 20
    assert list(story.at(90).logs(QueueResult.TIMEOUT, "late", "support").tracker.book.untaken) == ["late"]


def test_an_agents_own_script_may_take_longer_than_patience() -> None:
    story = waiting().rings("A").at(3).answers("A").leaves().passes(60)
    assert story.outcomes == [None]
    story.connects("A").bridged("C", "A")
    assert (story.outcomes, story.visit.wait) == ([Outcome.ANSWERED], seconds(60))


@pytest.mark.parametrize("connected", [True, False])
def test_an_agent_gone_before_the_bridge_leaves_his_caller_exited_in_bounded_time(connected: bool) -> None:
    story = waiting().rings("A").at(3).answers("A").leaves()
    if connected:
        story.at(20).connects("A")
    story.at(30).hangs_up("A").gone("A").passes(34)
    assert story.outcomes == [None]
    assert story.passes(35).outcomes == [Outcome.EXITED]
    assert story.balance() == {}


def test_a_second_connect_and_one_of_nobody_change_nothing() -> None:
    story = waiting().rings("A").at(3).talks_with("A").at(9).connects("B")
    assert (story.visit.agent, story.visit.wait) == ("Agent A", seconds(3))
    assert Story().arrives("C").connects("A", "ghost").connects("A").visits == []


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "outcome"),
    [(QueueResult.FULL, Outcome.REFUSED_FULL), (QueueResult.JOIN_EMPTY, Outcome.REFUSED_EMPTY)],
)
def test_a_refused_caller_never_entered(result: QueueResult, outcome: Outcome) -> None:
    story = Story().arrives("C").at(1).told_that(result, queue="support")
    assert (story.outcomes, story.visit.joined_at, story.visit.wait) == ([outcome], None, seconds(0))
    assert (len(story.told(VisitRefused)), story.told(VisitEntered)) == (1, [])


def test_a_refusal_told_and_logged_is_one_whoever_speaks_first() -> None:
    story = Story(WITH_LOG).arrives("C").told_that(QueueResult.FULL, queue="s").at(1).logs(QueueResult.FULL, queue="s")
    assert len(story.told(VisitRefused)) == 1
    story = Story(WITH_LOG).arrives("C").logs(QueueResult.FULL, queue="s").at(1).told_that(QueueResult.FULL, queue="s")
    assert len(story.told(VisitRefused)) == 1


def test_two_refusals_are_two_though_one_of_them_is_said_twice_at_once() -> None:
    story = Story(WITH_LOG).arrives("C").told_that(QueueResult.FULL, queue="s").told_that(QueueResult.FULL, queue="s")
    story.at(2).told_that(QueueResult.FULL, queue="s")
    story.at(3).logs(QueueResult.FULL, queue="s").logs(QueueResult.FULL, queue="s")
    assert len(story.told(VisitRefused)) == 2


def test_a_refusal_only_in_the_log_is_waited_for_before_the_call_is_closed() -> None:
    story = Story(WITH_LOG).arrives("C").at(1).gone().at(2.5).logs(QueueResult.JOIN_EMPTY, queue="support")
    assert (story.outcomes, len(story.ended)) == ([Outcome.REFUSED_EMPTY], 1)
    assert len(story.ended[0].visits) == 1
    assert len(Story(WITH_LOG).arrives("C").at(1).gone().passes(5.9).ended) == 0
    assert len(Story(WITH_LOG).arrives("C").at(1).gone().passes(6).ended) == 1


def test_a_refusal_after_another_visit_is_heard_from_queue_log_when_the_call_is_over() -> None:
    story = Story(WITH_LOG).arrives("C").joins("market").at(6).given_up().told_that(QueueResult.TIMEOUT).at(6.3).gone()
    assert len(story.ended) == 1
    story.at(7).logs(QueueResult.FULL, queue="support")
    assert (story.outcomes, len(story.ended)) == ([Outcome.TIMEOUT, Outcome.REFUSED_FULL], 1)
    assert [effect.visit.queue for effect in story.told(VisitRefused)] == ["support"]
    assert story.ends_well().memory() == {}


def test_a_refusal_read_late_is_not_in_the_way_of_the_answer_that_he_waits_for() -> None:
    story = Story(WITH_LOG).arrives("C").joins("market").rings("A").at(0.1).logs(QueueResult.FULL, queue="support")
    story.queue = "market"
    assert story.at(3).talks_with("A").at(9).hangs_up().gone().outcomes == [Outcome.ANSWERED, Outcome.REFUSED_FULL]
    assert story.visits[0].talk == seconds(6)


def test_a_line_about_a_later_stay_is_not_taken_for_a_refused_one() -> None:
    story = Story(WITH_LOG).arrives("C").told_that(QueueResult.FULL, queue="support").at(1).joins("support")
    story.at(5).given_up().at(6).logs(QueueResult.TIMEOUT)
    assert story.outcomes == [Outcome.REFUSED_FULL, Outcome.TIMEOUT]


def test_the_phones_silenced_by_his_going_did_not_miss_him() -> None:
    story = waiting().rings("A").at(3).hangs_up().silent("A").given_up().gone()
    assert story.visit.offers[0].result is OfferResult.CALLER_LEFT


def test_a_time_told_by_our_clock_only_is_approximate() -> None:
    story = waiting()
    story.now = moment(4, stamped=False)
    story.given_up().told_that(QueueResult.TIMEOUT)
    assert story.visit.quality == "approximate"


def test_a_caller_whom_nobody_joined_is_no_matter_of_ours() -> None:
    story = Story()
    story.tell(facts.AgentRangOut(story.now, facts.QueueName("s"), facts.Uniqueid("C"), facts.Uniqueid("A")))
    assert story.effects == []
