"""Thousands of made-up days at a PBX: whatever happens, every caller who waited appears once, with what is true of him.

`THREERINGS_SEEDS=100000 pytest tests/simulation` tries as many; `python -m tests.simulation --seed N` shows one.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.simulation.checking import failure, quietly
from tests.simulation.deciding import stories, story_of
from tests.simulation.harness import run
from tests.simulation.judging import judge
from tests.simulation.story import Story

SEEDS = int(os.environ.get("THREERINGS_SEEDS", "2000"))
CHUNK = 50
"""Seeds of one test."""


@pytest.fixture(autouse=True)
def quiet() -> None:
    quietly()


def tried(first: int, *, faults: bool) -> None:
    """A chunk of seeds; the first that fails is made small, and told."""
    for seed in range(first, min(first + CHUNK, SEEDS)):
        story = story_of(seed, faults=faults)
        if judge(run(story)):
            pytest.fail(failure(story), pytrace=False)


@pytest.mark.parametrize("first", range(0, SEEDS // 2, CHUNK))
def test_when_nothing_breaks_every_visit_is_known_exactly(first: int) -> None:
    tried(first, faults=False)


@pytest.mark.parametrize("first", range(SEEDS // 2, SEEDS, CHUNK))
def test_whatever_breaks_nobody_is_lost_without_need_or_counted_twice(first: int) -> None:
    tried(first, faults=True)


@given(stories(faults=False))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=(Phase.generate, Phase.target, Phase.shrink),
    derandomize=True,
)
def test_whatever_hypothesis_makes_up_is_known_exactly(story: Story) -> None:
    found = judge(run(story))
    assert not found, "\n".join((*story.words(), *found))
