"""Delays grow, stay under their cap, are spread, and start afresh after a success."""

from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.backoff import Backoff, delays


@given(st.floats(0.001, 10), st.floats(1, 1000), st.integers())
def test_each_delay_is_in_the_upper_half_of_its_ceiling(first: float, factor: float, seed: int) -> None:
    cap = first * factor
    for n, delay in enumerate(islice(delays(first, cap, Random(seed)), 20)):
        ceiling = min(cap, first * 2**n)
        assert ceiling / 2 <= delay <= ceiling


def test_after_a_success_it_starts_afresh() -> None:
    backoff = Backoff(1, 64, Random(1))
    assert [backoff.next() > 2 for _ in range(5)][-1]
    backoff.reset()
    assert backoff.next() <= 1


@pytest.mark.parametrize(("first", "cap"), [(0, 1), (-1, 1), (2, 1)])
def test_ceilings_that_make_no_sense_are_refused(first: float, cap: float) -> None:
    with pytest.raises(ValueError, match="must hold"):
        next(delays(first, cap, Random(1)))
