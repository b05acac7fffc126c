"""When a PBX was not heard."""

import json
from datetime import timedelta

import pytest

from handlers.unheard import REMEMBERED, Unheard
from tests.support.calls import START, at
from tests.support.journal import MemoryJournal


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


def gaps(number: int, unheard: Unheard) -> None:
    """So many, an hour long, an hour apart."""
    for n in range(number):
        unheard.found(START + timedelta(hours=2 * n, microseconds=1))
        unheard.lost(START + timedelta(hours=2 * n + 1, microseconds=1))


def test_of_more_gaps_than_are_remembered_the_oldest_become_one() -> None:
    unheard = Unheard()
    gaps(REMEMBERED, unheard)
    assert not unheard.any(at(1800), at(1810))
    gaps(REMEMBERED + 1, again := Unheard())
    assert again.any(at(1800), at(1810))
    assert not again.any(at(3 * 3600 - 1800), at(3 * 3600 - 1790))
    assert again.any(at(-10), at(0))
    assert again.gaps == REMEMBERED + 1


def test_whatever_was_not_heard_makes_a_mark_and_comes_back() -> None:
    unheard, after = Unheard(), Unheard()
    gaps(REMEMBERED * 2, unheard)
    kept = unheard.kept(START - timedelta(days=1), at(0))
    MemoryJournal().mark("compared", json.dumps([10**18, kept]).encode())
    after.restore(kept)
    assert after.kept(START - timedelta(days=1), at(0)) == kept


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
