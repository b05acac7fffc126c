"""What queue_log knew better: told once, in its place, counted once, and no more than it says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from telephony.calls.effects import (
    CallEnded,
    CaseOpened,
    Effect,
    SaveCall,
    TalkEnded,
    VisitCorrected,
    VisitEnded,
    VisitEntered,
    VisitRefused,
)
from telephony.calls.facts import QueueResult
from telephony.calls.healing import CUT, UNHEARD, Finding, Healed, Stay, heal
from telephony.calls.measures import Targets, summary
from telephony.calls.record import (
    POSITION_BITS,
    CallRecord,
    Direction,
    OfferResult,
    Outcome,
    Party,
    Quality,
    VisitRecord,
    call_id,
    case_id,
    position_of,
)
from tests.support.calls import START, call, offer, seconds, visit

SECOND = START.replace(microsecond=0)
CHANNEL = "1700000000.1"


def told(word: QueueResult | None = QueueResult.ABANDONED, joined: int = 20, wait: int = 5, **changes: Any) -> Stay:
    at = SECOND + timedelta(seconds=joined)
    length = timedelta(seconds=wait)
    known: dict[str, Any] = {"left_at": at + length, "waited": length, "caller": "13800138000"}
    if word is None:
        known |= {"left_at": None, "waited": None}
    return Stay("support", CHANNEL, joined_at=at, word=word, **(known | changes))


def answered_by(agent: str = "Agent 1002", **changes: Any) -> Stay:
    known: dict[str, Any] = {"talked": timedelta(seconds=30), "ended_by": Party.AGENT}
    return told(QueueResult.CONNECTED, agent=agent, **(known | changes))


def kinds(healed: Healed) -> list[type[Effect]]:
    return [type(effect) for effect in healed.effects]


def only(healed: Healed) -> VisitRecord:
    (one,) = healed.call.visits
    return one


# --- whom nobody heard ---


def test_a_call_that_only_the_log_knows_is_a_customer_s_with_his_case() -> None:
    healed = heal(None, "pbx1", [Finding(told())], position=7)
    one = healed.call
    assert (one.id, one.case) == (call_id("pbx1", CHANNEL), case_id(one.id))
    assert (one.direction, one.caller, one.dialled) == (Direction.INBOUND, "13800138000", "")
    assert (one.arrived_at, one.ended_at) == (SECOND + seconds(20), SECOND + seconds(25))
    assert (position_of(one.revision), one.since, one.hung_up_by) == (7, 0, Party.CALLER)
    assert only(healed) == VisitRecord(
        1, CHANNEL, visit().kind, "support", SECOND + seconds(20), SECOND + seconds(25), Outcome.ABANDONED,
        wait=seconds(5), quality=Quality.RECONSTRUCTED, reason=UNHEARD,
    )  # fmt: skip
    assert kinds(healed) == [CaseOpened, VisitEntered, VisitEnded, CallEnded, SaveCall]
    assert summary(one, Targets()).gave_up


def test_of_an_answer_only_the_log_s_seconds_are_told_and_no_rings() -> None:
    healed = heal(None, "pbx1", [Finding(answered_by())])
    one = only(healed)
    assert (one.outcome, one.agent, one.talk, one.hung_up_by) == (
        Outcome.ANSWERED, "Agent 1002", seconds(30), Party.AGENT
    )  # fmt: skip
    assert one.answered_at == one.left_at == SECOND + seconds(25)
    assert (one.offers, one.alerted_at, one.caller_rings, one.hold) == ((), None, None, None)
    assert (healed.call.ended_at, healed.call.hung_up_by) == (SECOND + seconds(55), Party.AGENT)
    assert kinds(healed) == [CaseOpened, VisitEntered, VisitEnded, TalkEnded, CallEnded, SaveCall]


def test_a_talk_of_unknown_length_has_none() -> None:
    healed = heal(None, "pbx1", [Finding(answered_by(talked=None, ended_by=None))])
    assert (only(healed).talk, healed.call.hung_up_by) == (None, None)
    assert TalkEnded not in kinds(healed)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [(QueueResult.FULL, Outcome.REFUSED_FULL), (QueueResult.JOIN_EMPTY, Outcome.REFUSED_EMPTY)],
)
def test_who_was_refused_never_entered(word: QueueResult, outcome: Outcome) -> None:
    healed = heal(None, "pbx1", [Finding(told(word, wait=0, caller=None))])
    one = only(healed)
    assert (one.outcome, one.joined_at, one.left_at, one.wait) == (outcome, None, SECOND + seconds(20), seconds(0))
    assert healed.call.caller == ""
    assert kinds(healed) == [CaseOpened, VisitRefused, CallEnded, SaveCall]


def test_whose_wait_the_pbx_s_death_ended_is_lost_and_nobody_knows_how_long_he_waited() -> None:
    one = only(heal(None, "pbx1", [Finding(told(None))]))
    assert (one.outcome, one.left_at, one.wait) == (Outcome.LOST, None, None)
    assert (one.quality, one.reason) == (Quality.PARTIAL, CUT)


def test_a_wait_that_the_log_does_not_tell_is_from_joining_to_leaving() -> None:
    assert only(heal(None, "pbx1", [Finding(told(QueueResult.INCOMPATIBLE, waited=None))])).wait == seconds(5)


def test_who_went_on_from_the_queue_s_timeout_to_an_end_that_nobody_heard_did_not_seek_as_far_as_we_know() -> None:
    healed = heal(None, "pbx1", [Finding(told(QueueResult.TIMEOUT))])
    assert healed.call.hung_up_by is None
    assert not summary(healed.call, Targets()).sought


def test_the_stays_of_one_call_come_in_the_order_of_joining() -> None:
    second, first = told(joined=40), told(QueueResult.TIMEOUT, joined=20, caller=None)
    healed = heal(None, "pbx1", [Finding(second), Finding(first)])
    assert [each.outcome for each in healed.call.visits] == [Outcome.TIMEOUT, Outcome.ABANDONED]
    assert [each.ordinal for each in healed.call.visits] == [1, 2]
    assert healed.call.caller == "13800138000"
    assert healed.call.arrived_at == SECOND + seconds(20)


# --- a call that is known, but not all of it ---


def test_a_stay_between_two_that_were_heard_comes_between_them() -> None:
    first, last = visit(Outcome.TIMEOUT), visit(Outcome.ANSWERED, joined_at=START + seconds(30), left_at=None)
    before = call(first, last)
    healed = heal(before, "pbx1", [Finding(told(QueueResult.TIMEOUT, joined=15))], position=1)
    assert [(each.ordinal, each.quality) for each in healed.call.visits] == [
        (1, Quality.LIVE), (2, Quality.RECONSTRUCTED), (3, Quality.LIVE)
    ]  # fmt: skip
    assert healed.call.visits[2].offers == (offer(),)
    assert kinds(healed) == [VisitEntered, VisitEnded, SaveCall]  # the call was counted when it ended
    assert healed.call.ended_at == before.ended_at
    assert healed.call.revision == 1 << POSITION_BITS


@pytest.mark.parametrize(
    ("joined", "wait", "began", "place"),
    [(20, 5, 30, 0), (20, 5, 10, 1), (20, 5, 20.9, 1), (20, 5, 21.0, 0), (20, 0, 20.4, 0), (20, 1, 20.9, 1)],
)
def test_seconds_are_whole_so_a_stay_stands_before_what_began_later(
    joined: int, wait: int, began: float, place: int
) -> None:
    known = visit(Outcome.TIMEOUT, joined_at=SECOND + seconds(began), left_at=SECOND + seconds(began + 1))
    healed = heal(call(known), "pbx1", [Finding(told(joined=joined, wait=wait))])
    assert [each.quality for each in healed.call.visits].index(Quality.RECONSTRUCTED) == place


def test_a_visit_of_which_no_moment_is_known_keeps_its_place_and_a_refused_one_counts_when_it_was_refused() -> None:
    lost = visit(Outcome.LOST, joined_at=None, left_at=None)
    refused = visit(Outcome.REFUSED_FULL, left_at=SECOND + seconds(40))
    healed = heal(call(lost, refused), "pbx1", [Finding(told(None))])
    assert [each.outcome for each in healed.call.visits] == [Outcome.LOST, Outcome.LOST, Outcome.REFUSED_FULL]


def test_a_call_that_had_sought_nobody_is_counted_now() -> None:
    healed = heal(call(), "pbx1", [Finding(told())])
    assert kinds(healed) == [VisitEntered, VisitEnded, CallEnded, SaveCall]
    assert healed.call.hung_up_by is Party.CALLER  # that was known


def test_a_call_ends_no_earlier_than_the_log_proves() -> None:
    before = call(ended_at=START + seconds(22))
    assert heal(before, "pbx1", [Finding(told())]).call.ended_at == SECOND + seconds(25)
    assert heal(before, "pbx1", [Finding(told(None))]).call.ended_at == before.ended_at


def test_who_ended_a_call_stays_unknown_when_its_last_visit_is_another() -> None:
    last = visit(Outcome.TIMEOUT, joined_at=START + seconds(90), left_at=START + seconds(95), queue="other")
    healed = heal(call(last, hung_up_by=None), "pbx1", [Finding(told())])
    assert healed.call.hung_up_by is None


# --- what was heard otherwise ---


def lost(**changes: Any) -> VisitRecord:
    known: dict[str, Any] = {
        "joined_at": SECOND + seconds(20.4), "left_at": SECOND + seconds(22), "wait": seconds(1.6), "reason": "a gap",
        "quality": Quality.PARTIAL,
    }  # fmt: skip
    return visit(Outcome.LOST, **(known | changes))


def test_who_was_lost_is_told_as_the_log_says_and_why() -> None:
    before = call(lost(), hung_up_by=None)
    healed = heal(before, "pbx1", [Finding(told(), 1)])
    one = only(healed)
    assert (one.outcome, one.quality) == (Outcome.ABANDONED, Quality.RECONSTRUCTED)
    assert one.reason == "queue_log said so: we had lost"
    assert (one.joined_at, one.wait) == (SECOND + seconds(20.4), seconds(5))  # his joining was heard
    assert one.left_at == SECOND + seconds(25.4)
    assert healed.effects[0] == VisitCorrected(healed.call, before.visits[0], one)
    assert kinds(healed) == [VisitCorrected, CallEnded, SaveCall]  # a lost call was not counted
    assert healed.call.hung_up_by is Party.CALLER


def test_a_wait_that_begins_elsewhere_is_the_log_s() -> None:
    one = only(heal(call(lost(joined_at=SECOND + seconds(22))), "pbx1", [Finding(told(), 1)]))
    assert (one.joined_at, one.left_at) == (SECOND + seconds(20), SECOND + seconds(25))


def test_an_answer_that_was_not_heard_has_the_agent_and_the_talk_that_the_log_tells() -> None:
    healed = heal(
        call(lost(alerted_at=SECOND + seconds(21), caller_rings_heard=1)), "pbx1", [Finding(answered_by(), 1)]
    )
    one = only(healed)
    assert (one.agent, one.talk, one.hung_up_by) == ("Agent 1002", seconds(30), Party.AGENT)
    assert one.answered_at == one.left_at
    assert (one.caller_rings, one.caller_rings_heard, one.alerted_at) == (None, None, SECOND + seconds(21))
    assert kinds(healed) == [VisitCorrected, TalkEnded, CallEnded, SaveCall]


def test_what_the_log_names_otherwise_changes_the_agent_alone() -> None:
    before = call(visit(agent=""))
    stay = replace(answered_by(joined=0), left_at=SECOND + seconds(10), waited=seconds(10))
    healed = heal(before, "pbx1", [Finding(stay, 1)])
    one, was = only(healed), before.visits[0]
    assert one == replace(was, agent="Agent 1002", quality=Quality.RECONSTRUCTED, reason="; the rest by queue_log")
    assert kinds(healed) == [SaveCall]  # nothing of it is counted
    again = heal(healed.call, "pbx1", [Finding(stay, 1)])
    assert only(again) == one


def test_a_wait_that_was_not_known_is_told_and_the_outcome_keeps_its_evidence() -> None:
    found = visit(joined_at=SECOND + seconds(20), left_at=SECOND + seconds(99), wait=None, talk=None, reason="found")
    one = only(heal(call(found), "pbx1", [Finding(answered_by(agent=""), 1)]))
    assert (one.wait, one.answered_at, one.agent) == (seconds(5), SECOND + seconds(25), "Agent 1001")
    assert one.reason == "found; the rest by queue_log"


def test_only_a_wait_is_put_right_where_both_are_right_about_the_end() -> None:
    """CONNECT though he had hung up, ABANDON though he lived on: docs/definitions.md, "Witnesses"."""
    gone = visit(Outcome.ABANDONED, wait=None, left_at=START + seconds(40))
    one = only(heal(call(gone), "pbx1", [Finding(answered_by(joined=0), 1, how=False)]))
    assert (one.outcome, one.wait, one.agent, one.answered_at) == (Outcome.ABANDONED, seconds(5), None, None)
    two = only(heal(call(visit(Outcome.REDIRECTED, wait=None)), "pbx1", [Finding(told(joined=0), 1, how=False)]))
    assert (two.outcome, two.wait, two.quality) == (Outcome.REDIRECTED, seconds(5), Quality.RECONSTRUCTED)


def test_who_was_not_answered_after_all_has_no_agent_and_no_talk() -> None:
    one = only(heal(call(visit()), "pbx1", [Finding(replace(told(joined=0), waited=seconds(10)), 1)]))
    assert (one.outcome, one.wait) == (Outcome.ABANDONED, seconds(10))
    assert (one.agent, one.answered_at, one.talk, one.hold, one.hung_up_by, one.caller_rings) == (None,) * 6


def test_who_was_refused_after_all_did_not_wait_and_who_was_let_in_after_all_did() -> None:
    one = only(heal(call(visit(Outcome.EXITED)), "pbx1", [Finding(told(QueueResult.FULL, joined=2, wait=0), 1)]))
    then = SECOND + seconds(2)
    assert (one.outcome, one.joined_at, one.left_at, one.wait) == (Outcome.REFUSED_FULL, None, then, seconds(0))
    two = only(heal(call(visit(Outcome.REFUSED_FULL)), "pbx1", [Finding(told(joined=2, wait=0), 1)]))
    assert (two.outcome, two.joined_at, two.wait) == (Outcome.ABANDONED, then, seconds(0))


def test_what_both_tell_alike_is_not_touched() -> None:
    before = call(visit(Outcome.ABANDONED), lost())
    healed = heal(before, "pbx1", [Finding(replace(told(joined=0), waited=seconds(10)), 1), Finding(told(), 2)])
    assert healed.call.visits[0] == before.visits[0]
    assert kinds(healed) == [VisitCorrected, CallEnded, SaveCall]


def test_a_call_that_goes_on_gets_no_end() -> None:
    assert heal(call(lost(), ended_at=None, hung_up_by=None), "pbx1", [Finding(told(), 1)]).call.ended_at is None


def test_healing_what_is_healed_changes_nothing_but_the_revision() -> None:
    healed = heal(call(lost()), "pbx1", [Finding(told(), 1)]).call
    again = heal(healed, "pbx1", [Finding(told(), 1)])
    assert replace(again.call, revision=healed.revision) == healed
    assert kinds(again) == [SaveCall]


def test_of_two_visits_that_tell_the_same_one_goes_and_the_others_close_up() -> None:
    first, twin, heard = visit(Outcome.TIMEOUT), visit(quality=Quality.PARTIAL), visit(offers=(offer(),))
    before = call(first, twin, heard)
    healed = heal(before, "pbx1", [], 0, {2})
    assert healed.call.visits == (before.visits[0], replace(before.visits[2], ordinal=2))
    assert kinds(healed) == [SaveCall]
    assert healed.call.revision > before.revision


# --- all of it within its call ---


def arrived_at(begin: float, *visits: VisitRecord, end: float = 60) -> CallRecord:
    return replace(call(*visits), arrived_at=SECOND + seconds(begin), ended_at=SECOND + seconds(end))


def test_the_second_in_which_he_joined_had_begun_when_his_call_came() -> None:
    healed = heal(arrived_at(20.7), "pbx1", [Finding(told(joined=20, wait=5))])
    one = only(healed)
    assert (one.joined_at, one.left_at, one.wait) == (SECOND + seconds(20.7), SECOND + seconds(25), seconds(5))
    assert healed.call.arrived_at == SECOND + seconds(20.7)
    gone = only(heal(arrived_at(20.7), "pbx1", [Finding(told(joined=20, wait=0))]))
    assert gone.joined_at == gone.left_at == SECOND + seconds(20.7)


def test_a_call_that_came_long_after_the_second_in_which_he_joined_does_not_move_it() -> None:
    assert only(heal(arrived_at(25), "pbx1", [Finding(told(joined=20, wait=9))])).joined_at == SECOND + seconds(20)


def test_who_was_refused_was_so_when_his_call_had_come() -> None:
    one = only(heal(arrived_at(20.7), "pbx1", [Finding(told(QueueResult.FULL, joined=20, wait=0))]))
    assert (one.joined_at, one.left_at) == (None, SECOND + seconds(20.7))


def test_an_exact_beginning_and_a_wait_in_seconds_do_not_outlast_the_call() -> None:
    known = visit(Outcome.LOST, joined_at=SECOND + seconds(20.9), left_at=None, wait=None)
    one = only(heal(arrived_at(20.1, known, end=25.3), "pbx1", [Finding(told(joined=20, wait=5), 1)]))
    assert (one.joined_at, one.left_at, one.wait) == (SECOND + seconds(20.9), SECOND + seconds(25.3), seconds(5))
    known = visit(Outcome.LOST, joined_at=SECOND + seconds(20.9), left_at=None, wait=None, agent=None, talk=None)
    talk = heal(arrived_at(20.1, known, end=30), "pbx1", [Finding(answered_by(talked=seconds(10)), 1)])
    assert only(talk).answered_at == SECOND + seconds(25)
    assert talk.call.ended_at == SECOND + seconds(35)


def test_who_joined_a_queue_was_there_then_though_the_pbx_died_and_nobody_heard_it() -> None:
    healed = heal(arrived_at(11, end=13), "pbx1", [Finding(told(None, joined=14))])
    assert only(healed).joined_at == healed.call.ended_at == SECOND + seconds(14)


def test_of_whom_the_log_knows_no_end_none_is_put_into_his_call() -> None:
    one = only(heal(arrived_at(19, visit(Outcome.EXITED, wait=None)), "pbx1", [Finding(told(None), 1)]))
    assert (one.outcome, one.joined_at, one.left_at, one.wait) == (Outcome.LOST, SECOND + seconds(20), None, None)


# --- phones ---


def test_whose_phone_the_log_names_has_answered_it_and_of_the_others_nobody_knows() -> None:
    rang = replace(offer(), answered_at=None, ended_at=None, result=None, alerting=None, rings=None)
    other = replace(rang, agent="Agent 1002", leg="1700000000.3")
    known = visit(Outcome.LOST, left_at=None, wait=None, talk=None, agent=None, offers=(rang, other))
    one = only(heal(call(known), "pbx1", [Finding(answered_by("Agent 1002", leg=other.leg), 1)]))
    assert one.offers == (rang, replace(other, result=OfferResult.ANSWERED))


def test_a_phone_that_was_heard_not_to_be_answered_was_not() -> None:
    rang = replace(offer(), answered_at=None, result=OfferResult.NO_ANSWER)
    known = visit(Outcome.EXITED, offers=(rang,))
    assert only(heal(call(known), "pbx1", [Finding(answered_by(leg=rang.leg), 1)])).offers == (rang,)
