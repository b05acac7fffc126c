"""A bad quarter of an hour on the floor fires the right alarms, only those, in its time, and they clear again.

Three hours would be too long for a real clock: the branch is simulated on a virtual one, everything of ours from the
bytes of its PBX to /metrics is real, and promtool evaluates the rules over what was scraped.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from telephony.simulator.branch import CLERKS, Branch
from tests.prometheus.install import Programs
from tests.prometheus.server import DOCKER, run
from tests.prometheus.virtual import VirtualBranch
from tests.support.days import SHANGHAI

pytestmark = [pytest.mark.pbx, pytest.mark.prometheus]

NEVER = 1e9
EVERY = timedelta(minutes=1)
CALM, BAD, AFTER = timedelta(minutes=60), timedelta(minutes=15), timedelta(minutes=80)
MORNING = datetime(2026, 3, 2, 9, tzinfo=SHANGHAI)


def firing(names: str, begin: int, end: int, count: int | None, of: str = "=~") -> dict[str, Any]:
    """So many different alarms of these (or, by `!~`, of all but these) fired at some time; None: none did."""
    seen = f'ALERTS{{alertstate="firing", alertname{of}"{names}"}}[{end - begin}m]'
    samples = [] if count is None else [{"labels": "{}", "value": count}]
    return {
        "expr": f"count(count by (alertname) (count_over_time({seen})))",
        "eval_time": f"{end}m",
        "exp_samples": samples,
    }


def test_a_bad_quarter_of_an_hour_fires_the_right_alarms_and_only_those_and_clears(
    programs: Programs, tmp_path: Path
) -> None:
    branch = Branch(gap=8, rush_first=NEVER, pause_every=NEVER, changeover_every=NEVER, swell=0)
    floor = VirtualBranch(branch, MORNING, seed=7)
    floor.scrape()
    floor.traffic.begin()
    floor.passes(CALM, EVERY)
    absent = [clerk.interface for clerk in CLERKS[:7]]
    for interface in absent:
        floor.pbx.pause(interface, paused=True, reason="培训")
    floor.passes(BAD, EVERY)
    for interface in absent:
        floor.pbx.pause(interface, paused=False)
    floor.passes(AFTER, EVERY)
    right = "(Abandonment|Unanswered)(Fast|Slow)|MeanWaitFast|StandardMissedToday"
    expected = [
        firing(".*", 0, 60, None),
        firing("(Abandonment|Unanswered)Fast", 60, 66, 2),
        firing("(Abandonment|Unanswered)Slow", 60, 80, 2),
        firing("StandardMissedToday", 60, 100, 1),
        firing(right, 0, 155, None, of="!~"),
        firing(".*Fast", 95, 155, None),
        firing(".*Slow", 135, 155, None),
        firing(".*", 150, 155, None),
    ]
    floor.promtool(tmp_path / "test.yml", DOCKER / "prometheus" / "rules", "1m", expected)
    run(programs.promtool, "test", "rules", tmp_path / "test.yml")
