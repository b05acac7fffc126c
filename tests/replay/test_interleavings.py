"""Each recorded hand-over in other orders than it happened to be told in: what it means does not depend on them."""

import json
import random
from dataclasses import replace

import pytest

from telephony.calls.facts import Fact, Transferred
from tests.pbx import handovers
from tests.pbx.meaning import differences
from tests.replay.test_handovers import NAMES, exported
from tests.support.interleaving import BY_ANOTHER, interleaved
from tests.support.replay import RECORDINGS, facts_of, replay

ORDERS = 8
SWAPS = (100, 400)


@pytest.mark.parametrize("name", NAMES)
def test_whichever_thread_of_the_pbx_is_faster_the_visits_are_what_sipp_saw(name: str) -> None:
    expected = json.loads((RECORDINGS / name / "expected.json").read_text())
    for seed in range(ORDERS):
        chance = random.Random(f"{name} {seed}")
        replayed = replay(name, reorder=lambda told, chance=chance: interleaved(told, chance, chance.choice(SWAPS)))  # type: ignore[misc]
        assert differences(expected, exported(replayed)) == [], f"seed {seed}"
        assert replayed.irregular == [], f"seed {seed}"


def test_the_orders_are_others() -> None:
    told, _ = facts_of("local_blind")
    seen = {tuple(map(type, interleaved(told, random.Random(seed), 400))) for seed in range(ORDERS)}
    assert len(seen) == ORDERS
    late = [order.index(BY_ANOTHER[1]) for order in seen]
    assert max(late) > [type(fact) for fact in told].index(BY_ANOTHER[1])


@pytest.mark.parametrize(("name", "of"), handovers.INTERLEAVED.items())
def test_what_was_told_in_another_order_is_what_its_story_means(name: str, of: str) -> None:
    told = json.loads((RECORDINGS / name / "expected.json").read_text())
    means = handovers.MEANS[of]
    assert [(visit["queue"], visit["agent"], visit["hung_up_by"]) for visit in told] == [
        (one.queue, one.agent, one.by) for one in means
    ]


@pytest.mark.parametrize("name", ["blonde_transfer", "blonde_same_queue", "blonde_queue", "attended_transfer"])
def test_whom_a_busy_pbx_does_not_name_as_the_target_is_who_was_put_beside_the_customer(name: str) -> None:
    """AttendedTransfer is told without him when he has moved by then; seen with 22.10, three PBXs at once."""

    def unnamed(facts: list[Fact]) -> list[Fact]:
        return [replace(fact, target=None) if isinstance(fact, Transferred) else fact for fact in facts]

    whole, without = replay(name), replay(name, reorder=unnamed)
    assert any(isinstance(fact, Transferred) for fact in whole.facts)
    assert without.calls == whole.calls
