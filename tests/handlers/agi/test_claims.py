from __future__ import annotations

from uuid import UUID

from handlers.agi.claims import PATIENCE, Claims


class Desk:
    """Claims with a clock that is set, and what they told."""

    def __init__(self, kept: int = 10) -> None:
        self.now = 0.0
        self.told: list[tuple[str, str]] = []
        self.claims = Claims(lambda *told: self.told.append(told), lambda: self.now, kept)


def case(number: int) -> UUID:
    return UUID(int=number)


def test_a_case_that_ami_knew_is_known_at_once() -> None:
    desk = Desk()
    desk.claims.known("pbx1")
    assert desk.told == [("pbx1", "known")]


def test_a_case_named_before_ami_told_of_it_is_one_early_claim_however_often_it_was_named() -> None:
    desk = Desk()
    desk.claims.early("pbx1", case(1))
    desk.claims.early("pbx1", case(1))
    assert desk.told == []
    desk.claims.opened(case(2))
    desk.claims.opened(None)
    desk.claims.opened(case(1))
    desk.claims.opened(case(1))
    assert desk.told == [("pbx1", "early")]


def test_a_case_of_which_ami_never_tells_is_unseen_and_only_after_patience() -> None:
    desk = Desk()
    desk.claims.early("pbx1", case(1))
    desk.now = PATIENCE - 1
    desk.claims.expire()
    assert desk.told == []
    desk.claims.early("pbx2", case(2))
    desk.now = PATIENCE
    desk.claims.expire()
    assert desk.told == [("pbx1", "unseen")]
    desk.claims.opened(case(1))
    assert desk.told == [("pbx1", "unseen")]


def test_of_too_many_claims_the_oldest_is_given_up() -> None:
    desk = Desk(kept=2)
    for number in (1, 2, 3):
        desk.claims.early("pbx1", case(number))
    assert desk.told == [("pbx1", "unseen")]
    desk.claims.opened(case(3))
    assert desk.told == [("pbx1", "unseen"), ("pbx1", "early")]
