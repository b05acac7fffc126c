"""STD-FIRST-ASKED: whoever was not answered is called back, by one agent at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from telephony.cases.callback import (
    CallBack,
    Lost,
    Manners,
    Result,
    Tried,
    claimed,
    clean,
    given_up,
    released,
    tried,
)
from telephony.cases.rules import NotAllowed, Why
from tests.support.casework import LI, NOW, ZHANG, ZHAO

MANNERS = Manners(timedelta(minutes=10), least=2)
WORK = CallBack(UUID(int=7), "13800138000", "changzhi", Lost.ABANDONED, NOW, NOW, NOW + timedelta(hours=1))
SOON, LATER = NOW + timedelta(minutes=9), NOW + timedelta(minutes=11)
HIS = claimed(WORK, ZHANG, NOW, MANNERS)


def test_while_one_agent_calls_him_back_no_other_does() -> None:
    with pytest.raises(NotAllowed, match="张敏 is calling this number back") as told:
        claimed(HIS, LI, SOON, MANNERS)
    assert told.value.why is Why.OWNER
    assert claimed(HIS, ZHANG, SOON, MANNERS).claim != HIS.claim


def test_a_claim_that_nobody_uses_ends_by_itself() -> None:
    taken = claimed(HIS, LI, LATER, MANNERS)
    assert taken.claim is not None
    assert taken.claim.by == LI
    with pytest.raises(NotAllowed, match="claim it first: 李雷"):
        tried(taken, ZHANG, LATER, Tried.NO_ANSWER)


def test_who_rang_late_may_still_say_so_as_long_as_nobody_else_has_claimed_it() -> None:
    assert tried(HIS, ZHANG, LATER, Tried.REACHED).result is Result.REACHED


@pytest.mark.parametrize("result", [Tried.NO_ANSWER, Tried.BUSY, Tried.WRONG_NUMBER])
def test_an_attempt_that_reached_nobody_leaves_it_to_anybody(result: Tried) -> None:
    after = tried(HIS, ZHANG, SOON, result)
    assert (after.attempts, after.claim, after.is_open) == (1, None, True)
    assert claimed(after, LI, SOON, MANNERS).claim is not None


@pytest.mark.parametrize("result", [Tried.REACHED, Tried.REFUSED])
def test_who_was_spoken_to_is_not_called_again(result: Tried) -> None:
    after = tried(HIS, ZHANG, SOON, result)
    assert (after.result, after.closed_at, after.is_open) == (Result.REACHED, SOON, False)
    for again in (lambda: claimed(after, LI, LATER, MANNERS), lambda: given_up(after, ZHAO, LATER, MANNERS)):
        with pytest.raises(NotAllowed) as told:
            again()
        assert told.value.why is Why.STATE


def test_what_was_claimed_by_nobody_cannot_be_tried_or_given_back() -> None:
    with pytest.raises(NotAllowed, match="claim it first: nobody"):
        tried(WORK, ZHANG, NOW, Tried.NO_ANSWER)
    with pytest.raises(NotAllowed):
        released(HIS, LI)
    assert released(HIS, ZHANG).claim is None


def test_he_is_given_up_after_enough_attempts_or_by_a_supervisor() -> None:
    with pytest.raises(NotAllowed, match="0 of at least 2 attempts were made"):
        given_up(WORK, ZHANG, NOW, MANNERS)
    twice = replace(WORK, attempts=2)
    assert given_up(twice, ZHANG, NOW, MANNERS).result is Result.NOT_REACHED
    assert given_up(WORK, ZHAO, NOW, MANNERS).result is Result.NOT_REACHED
    with pytest.raises(NotAllowed, match="李雷 is calling"):
        given_up(claimed(twice, LI, NOW, MANNERS), ZHANG, SOON, MANNERS)


def test_a_note_has_a_limit_and_can_be_stored() -> None:
    with pytest.raises(NotAllowed):
        tried(HIS, ZHANG, SOON, Tried.BUSY, "x" * 20_001)
    assert clean(" a\x00\udc00 ") == "a\ufffd\ufffd"
