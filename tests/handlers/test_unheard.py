"""When a PBX was not heard."""

from datetime import timedelta

from handlers.unheard import REMEMBERED, Unheard
from tests.support.calls import START, at


def test_before_anything_is_heard_nothing_was() -> None:
    unheard = Unheard()
    assert unheard.any(at(0), at(1))
    unheard.found(at(10))
    assert unheard.any(at(0), at(1))
    assert unheard.any(at(12.9), at(20))
    assert not unheard.any(at(13.1), at(20))


def test_what_touches_a_gap_to_whole_seconds_may_not_have_been_heard() -> None:
    unheard = Unheard()
    unheard.found(at(0))
    unheard.lost(at(100))
    unheard.lost(at(105))  # still the same
    assert not unheard.any(at(90), at(96.9))
    assert unheard.any(at(90), at(97))
    assert unheard.any(at(1000), at(1001))
    unheard.found(at(200))
    unheard.found(at(300))  # nothing was lost
    assert unheard.any(at(203), at(210))
    assert not unheard.any(at(203.1), at(210))
    assert unheard.any(at(50), at(300))


def test_so_many_gaps_are_remembered() -> None:
    unheard = Unheard()
    for n in range(REMEMBERED + 1):
        unheard.found(START + timedelta(hours=2 * n))
        unheard.lost(START + timedelta(hours=2 * n + 1))
    assert not unheard.any(at(-10), at(0))
    assert unheard.any(at(2 * 3600 - 10), at(2 * 3600))
