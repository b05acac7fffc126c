"""When a living host is replaced, and how long an old one is waited for."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from telephony.agi.replacing import Stage, most_draining, stubborn, too_many
from tests.agi.pools import running, scripts
from tests.agi.test_hosts_faults import ONE, spoken, status


@dataclass
class Looks:
    """A host as far as it matters."""

    stage: Stage = Stage.READY
    age: float = 60.0
    parked: int = 0
    conversations: Sequence[int] = (1,)
    given_up: bool = False


@pytest.mark.parametrize(
    ("host", "crowded", "expected"),
    [
        (Looks(parked=4), False, False),
        (Looks(parked=5), False, True),
        (Looks(parked=5, stage=Stage.DRAINING), False, False),
        (Looks(parked=199, age=1.0), False, False),
        (Looks(parked=200, age=1.0), False, True),
        (Looks(parked=999), True, False),
        (Looks(parked=1000), True, True),
        (Looks(parked=5, conversations=()), True, True),
    ],
)
def test_parked_scripts_replace_a_host_unless_that_would_cost_others_their_conversations(
    host: Looks, *, crowded: bool, expected: bool
) -> None:
    assert stubborn(host, crowded=crowded) is expected


def test_beyond_a_number_the_oldest_that_still_talk_are_too_many() -> None:
    old = [Looks(Stage.DRAINING) for _ in range(most_draining(1) + 2)]
    silent, ending, fresh = Looks(Stage.DRAINING, conversations=()), Looks(Stage.DRAINING, given_up=True), Looks()
    assert too_many([silent, *old, ending, fresh], 1) == old[:2]
    assert too_many([silent, *old[2:], ending, fresh], 1) == []


async def test_reloads_end_the_oldest_conversations_rather_than_pile_up_hosts() -> None:
    found = scripts(talk="forms.py:talk")
    async with running(found, ONE) as pool:
        talkers = []
        for _ in range(most_draining(1) + 1):
            talkers.append(await pool.call("talk"))
            await spoken(talkers[-1])
            assert (await talkers[-1].hear() or "").startswith("WAIT FOR DIGIT")
            assert await pool.pool.reload(found) == []
        assert await talkers[0].hear() == status("timeout")
        assert pool.results("talk") == ["timeout"]
        for talker in talkers[1:]:
            talker.say(b"200 result=0\n")
            assert await talker.hear() not in (None, status("timeout"))
