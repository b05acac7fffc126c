"""When a PBX was not heard."""

import json
from datetime import timedelta

import pytest

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


def test_the_next_process_knows_what_this_one_did_not_hear_and_that_nobody_has_heard_since() -> None:
    unheard, after = Unheard(), Unheard()
    unheard.found(at(-5000))
    unheard.lost(at(100))
    unheard.found(at(200))
    kept = unheard.kept(at(0), at(300))
    after.restore(json.loads(json.dumps(kept)))
    assert not after.any(at(50), at(60))
    assert after.any(at(150), at(160))
    assert not after.any(at(250), at(260))
    assert after.any(at(310), at(320))
    assert not after.any(at(-6000), at(-5900))  # too old to be kept


@pytest.mark.parametrize("kept", [[], [["2026-01-01T00:00:00", "2026-01-01T00:00:01"]], [["x", "y"]]])
def test_what_was_never_kept_is_not_restored(kept: list[list[str]]) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Unheard().restore(kept)
