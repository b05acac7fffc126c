"""Why a wait that nobody answered ended, on each kind of evidence."""

from datetime import timedelta
from typing import Any

import pytest

from telephony.calls.facts import HangupSide, QueueResult
from telephony.calls.outcome import Evidence, cancelled_offer, judge, judge_direct
from telephony.calls.record import OfferResult, Outcome
from tests.support.story import seconds

NOT_YET = None


def known(**changes: Any) -> Outcome | None:
    """The outcome of a caller of whom this is known; nothing else, and patience is not over."""
    usual: dict[str, Any] = {
        "unserved": True,
        "told": None,
        "logged": None,
        "log_awaited": False,
        "asked": None,
        "request_unheard": False,
        "hung_up_later": False,
        "at_once": False,
        "lived": None,
        "moved_on": False,
        "phone_answered": False,
        "phone_gone": True,
        "patience": seconds(5),
        "since": timedelta(),
        "unheard": False,
    }
    verdict = judge(Evidence(**(usual | changes)))
    if verdict is not None:
        assert verdict[1]
    return verdict[0] if verdict else None


OVER = {"patience": timedelta()}


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        (QueueResult.TIMEOUT, Outcome.TIMEOUT),
        (QueueResult.LEAVE_EMPTY, Outcome.EMPTY),
        (QueueResult.WITHDRAWN, Outcome.WITHDRAWN),
        (QueueResult.KEY, Outcome.KEY_EXIT),
        (QueueResult.INCOMPATIBLE, Outcome.INCOMPATIBLE),
    ],
)
@pytest.mark.parametrize("witness", ["told", "logged"])
def test_a_word_without_doubt_decides_whoever_says_it(word: QueueResult, outcome: Outcome, witness: str) -> None:
    assert known(**{witness: word}) is outcome
    assert known(**{witness: word}, unheard=True) is outcome


@pytest.mark.parametrize("word", [QueueResult.CONTINUED, QueueResult.FULL, QueueResult.CONNECTED])
def test_other_words_decide_nothing(word: QueueResult) -> None:
    assert known(told=word, logged=word) is NOT_YET


def test_who_hung_up_while_waiting_has_abandoned_as_soon_as_the_log_had_its_chance() -> None:
    assert known(asked=HangupSide.FAR_END) is Outcome.ABANDONED
    assert known(asked=HangupSide.FAR_END, log_awaited=True) is NOT_YET
    assert known(asked=HangupSide.FAR_END, logged=QueueResult.ABANDONED) is Outcome.ABANDONED


def test_whom_the_pbx_cut_off_may_yet_be_lost_in_a_shutdown() -> None:
    assert known(asked=HangupSide.PBX) is NOT_YET
    assert known(asked=HangupSide.PBX, **OVER) is Outcome.ENDED_BY_PBX


def test_what_happened_unheard_is_not_guessed() -> None:
    assert known(asked=HangupSide.FAR_END, unheard=True) is NOT_YET
    assert known(asked=HangupSide.FAR_END, unheard=True, **OVER) is Outcome.LOST


def test_on_his_way_to_an_agent_he_is_waited_for() -> None:
    way: dict[str, Any] = {"unserved": False, "phone_answered": True, "phone_gone": False}
    assert known(**way, **OVER) is NOT_YET
    assert known(**way, lived=seconds(7), hung_up_later=True) is Outcome.ABANDONED
    assert known(**way, lived=seconds(7)) is NOT_YET  # perhaps the PBX is being shut down, and says so in a moment
    assert known(**way, **OVER, lived=seconds(7)) is Outcome.ENDED_BY_PBX


def test_an_agent_gone_before_the_bridge_leaves_the_caller_exited() -> None:
    way: dict[str, Any] = {"unserved": False, "phone_answered": True}
    assert known(**way) is NOT_YET
    assert known(**way, **OVER) is Outcome.EXITED


def test_leaving_without_being_given_up_is_by_key() -> None:
    assert known(unserved=False) is NOT_YET
    assert known(unserved=False, **OVER) is Outcome.KEY_EXIT


def test_given_up_and_nobody_says_why_is_exited() -> None:
    assert known() is NOT_YET
    assert known(**OVER) is Outcome.EXITED


def test_the_logs_abandon_with_a_living_channel_is_a_redirection() -> None:
    said: dict[str, Any] = {"logged": QueueResult.ABANDONED}
    assert known(**said, since=seconds(1)) is NOT_YET
    assert known(**said, since=seconds(1.001)) is Outcome.REDIRECTED
    assert known(**said, moved_on=True) is Outcome.REDIRECTED
    assert known(**said, hung_up_later=True) is Outcome.REDIRECTED
    assert known(**said, lived=seconds(1.001)) is Outcome.REDIRECTED
    assert known(**said, lived=seconds(0.1), moved_on=True) is Outcome.REDIRECTED


def test_a_hang_up_in_the_very_moment_of_leaving_was_its_reason_seen_late() -> None:
    said: dict[str, Any] = {"logged": QueueResult.ABANDONED, "hung_up_later": True, "at_once": True}
    assert known(**said) is Outcome.ABANDONED
    assert known(**said, moved_on=True) is Outcome.REDIRECTED
    assert known(**(said | {"logged": QueueResult.TIMEOUT})) is Outcome.TIMEOUT
    assert known(**(said | {"logged": None})) is NOT_YET


def test_the_logs_abandon_and_an_end_with_the_wait_unasked_is_the_pbxs_doing() -> None:
    assert known(logged=QueueResult.ABANDONED, lived=seconds(1)) is Outcome.ENDED_BY_PBX


def test_where_his_own_request_may_have_fallen_into_a_gap_the_log_is_the_better_witness() -> None:
    said: dict[str, Any] = {"logged": QueueResult.ABANDONED, "request_unheard": True}
    for unserved in (True, False):  # that the queue gave him up may have fallen into the gap, too
        assert known(**said, unserved=unserved, lived=seconds(1)) is Outcome.ABANDONED
        assert known(**said, unserved=unserved, lived=seconds(1.001)) is Outcome.REDIRECTED
        assert known(**said, unserved=unserved, lived=seconds(0.1), moved_on=True) is Outcome.REDIRECTED
    assert known(request_unheard=True, lived=seconds(0.1), **OVER) is Outcome.EXITED


def test_who_ended_on_his_way_to_an_agent_just_after_a_gap_and_by_whose_wish_nobody_heard() -> None:
    way: dict[str, Any] = {"unserved": False, "phone_answered": True, "request_unheard": True, "lived": seconds(2)}
    assert known(**way) is NOT_YET
    assert known(**way, **OVER) is Outcome.LOST
    assert known(**way, hung_up_later=True) is Outcome.ABANDONED


# --- phones outside a queue -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ({OfferResult.NO_ANSWER, OfferResult.BUSY, OfferResult.UNREACHABLE}, Outcome.TIMEOUT),
        ({OfferResult.BUSY, OfferResult.UNREACHABLE}, Outcome.BUSY),
        ({OfferResult.UNREACHABLE}, Outcome.UNREACHABLE),
        ({OfferResult.ANSWERED, OfferResult.UNREACHABLE}, Outcome.EXITED),
    ],
)
def test_the_best_that_a_phone_did_decides(results: set[OfferResult], outcome: Outcome) -> None:
    assert judge_direct(frozenset(results), None, cancelled=False)[0] is outcome
    assert judge_direct(frozenset(results), HangupSide.FAR_END, cancelled=False)[0] is Outcome.ABANDONED
    assert judge_direct(frozenset(results), HangupSide.PBX, cancelled=False)[0] is Outcome.ENDED_BY_PBX


def test_a_ring_cancelled_for_a_living_caller_is_a_redirection() -> None:
    assert judge_direct(frozenset({None}), None, cancelled=True)[0] is Outcome.REDIRECTED


@pytest.mark.parametrize("outcome", Outcome)
def test_why_a_phone_was_silenced_follows_from_the_visit(outcome: Outcome) -> None:
    given_up = {Outcome.TIMEOUT, Outcome.BUSY, Outcome.UNREACHABLE, Outcome.EMPTY}
    expected = OfferResult.NO_ANSWER if outcome in given_up else OfferResult.CALLER_LEFT
    expected = OfferResult.CANCELLED_ELSEWHERE if outcome is Outcome.ANSWERED else expected
    if outcome is Outcome.LOST:
        assert cancelled_offer(outcome, won_elsewhere=False) is None
        return
    assert cancelled_offer(outcome, won_elsewhere=False) is expected
    assert cancelled_offer(outcome, won_elsewhere=True) is OfferResult.CANCELLED_ELSEWHERE
