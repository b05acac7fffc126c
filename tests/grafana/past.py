"""Weeks before a run, for the pictures of trends alone: copies of its calls, and lines around the limits. Made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import asyncpg

from tests.prometheus.install import Programs
from tests.prometheus.server import run

DAYS = 14
HOUR = 3600
COPIES = """
WITH copied AS (
  SELECT c.id, md5(c.id::text || d)::uuid AS copy, abs(hashtextextended(c.id::text, d)) AS fate,
    date_trunc('day', c.arrived_at, 'Asia/Shanghai') - make_interval(days => d)
      + make_interval(secs => 30600 + 32400 * (abs(hashtextextended(c.id::text, d)) % 1000 / 1000.0))
      - c.arrived_at AS ago,
    d
  FROM calls c, generate_series(1, $1) AS d
  WHERE c.ended_at IS NOT NULL
), kept AS (
  SELECT * FROM copied WHERE fate % 100 < CASE WHEN extract(isodow FROM now() - make_interval(days => d)) < 6
    THEN 60 + d % 7 * 5 ELSE 8 END
), calls_too AS (
  INSERT INTO calls SELECT copy, pbx, uniqueid, linkedid, direction, '', '', dialled, arrived_at + ago, ended_at + ago,
    hung_up_by, case_id, visits, revision, life
  FROM calls JOIN kept USING (id)
)
INSERT INTO visits SELECT copy, ordinal, uniqueid, kind, queue, joined_at + ago, left_at + ago, outcome, settling,
  wait_us, alerted_at + ago, caller_rings, caller_rings_heard, agent, answered_at + ago, talk_us, hold_us, hung_up_by,
  CASE WHEN fate % 97 = 0 AND outcome <> 'answered' THEN 'reconstructed'
    WHEN fate % 89 = 0 THEN 'partial' ELSE quality END,
  reason
FROM visits JOIN kept ON call_id = id
"""


async def copy_calls(database: str) -> None:
    """The calls of the run once more on each day before it, in office hours, fewer at weekends."""
    owner = await asyncpg.connect(database)
    await owner.execute(COPIES, DAYS)
    await owner.close()


def _lines(until: datetime) -> Iterator[str]:
    random, begun = Random(4), until - timedelta(days=DAYS)
    hours = [begun.timestamp() + HOUR * hour for hour in range(24 * DAYS - 1)]
    for name, usual, spread, limit in (
        ("abandonment:ratio1d", 0.075, 0.03, 0.10),
        ("unanswered:ratio1d", 0.085, 0.03, 0.10),
        ("mean_wait_seconds:mean1d", 17, 7, 30),
        ("within_three_rings:ratio1d", 0.93, 0.03, 0.90),
    ):
        limited = name.partition(":")[0].removesuffix("_seconds")
        yield f"# TYPE branch:telephony_{name} gauge"
        value, goal = usual, usual
        for at, second in enumerate(hours):
            if at % 24 == 0:
                goal = random.gauss(usual, spread)
            value += (goal - value) / 8
            yield f'branch:telephony_{name}{{branch="changzhi"}} {max(0, min(value, 60)):.4f} {second:.0f}'
        yield f"# TYPE telephony:{limited}:limit gauge"
        yield from (f"telephony:{limited}:limit {limit} {second:.0f}" for second in hours)
    yield "# EOF"


def write_lines(programs: Programs, folder: Path, until: datetime) -> None:
    """What Prometheus would have kept of these weeks, before it starts."""
    told = folder / "past.txt"
    told.write_text("".join(f"{line}\n" for line in _lines(until)))
    run(
        programs.promtool,
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--max-block-duration=240h",
        told,
        folder / "tsdb",
    )
