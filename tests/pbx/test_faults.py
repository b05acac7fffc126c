"""A few faults under 20 calls a second, as CI can afford them; `make soak KILLS=100` does many more (tests/soak)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.drive import soak
from tests.soak.faults import Incident
from tests.soak.scene import Scene

pytestmark = [pytest.mark.pbx, pytest.mark.load, pytest.mark.timeout(300)]

SEED = 5
FAULTS = (
    ("service killed", 1.0),
    ("line cut", 3.0),
    ("PBX killed", 1.0),
    ("line frozen", 12.0),
    ("service killed", 0.0),
)


async def test_kills_cuts_and_a_freeze_under_load_cost_no_call_and_double_none(asterisk_root: Path) -> None:  # noqa: ARG001
    faults = [Incident(number, kind, seconds) for number, (kind, seconds) in enumerate(FAULTS, 1)]
    async with Scene(SEED, slices="some") as scene:
        result = await soak(scene, faults, SEED, print, calm=(2.0, 4.0), heals=45)
        code = await scene.product.stop()

    judged = result.judgement
    assert code == 0
    assert not judged.differences, "\n".join(f"{one.kind}: {one.what} — {one.fault}" for one in judged.differences[:40])
    assert [(str(one), one.complaints) for one in faults if one.complaints] == []
    # What makes the rest worth anything: there was much to be wrong about.
    assert judged.visits > 600
    assert judged.lost > 0
    assert {"answered", "abandoned", "timeout", "key_exit", "refused_full", "refused_empty"} <= set(judged.outcomes)
