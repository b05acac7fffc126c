"""`python -m tests.grafana [--minutes 7] [--answers FILE]`: the pictures of docs/grafana.md, from a run of the branch.

A simulated PBX, the service, Prometheus and PostgreSQL run for so long; then every query of every panel is asked, and
what it answers is drawn with Chromium. Without Grafana: what stands where, in which unit and colour, is the dashboard's
word; how it looks is ours. `--answers` keeps the answers, and draws them again when the file is there.
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from telephony.ami.settings import SystemClock
from telephony.simulator.branch import Branch
from tests.grafana.dashboards import NAMES, Span, read
from tests.grafana.drawing import draw
from tests.grafana.past import DAYS, HOUR, copy_calls, write_lines
from tests.grafana.run import measured
from tests.grafana.sources import Answer
from tests.pbx.database import Database
from tests.prometheus import install

DOCS = Path(__file__).parents[2] / "docs"
DAY = Branch(
    gap=2.6, swell=0.3, swell_every=120, rush_first=90, rush_every=240, rush_lasts=70, rush=2.2, talk=(4, 24, 9),
    pause_every=200, pause_lasts=25, direct=0.12,
)  # fmt: skip
"""A day in minutes."""
Found = dict[str, tuple[Span, list[Answer]]]


async def found(minutes: float) -> Found:
    """The answers to every panel, by dashboard."""
    programs, answers = install.ready(), Found()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Database() as database:
            write_lines(programs, folder, SystemClock().wall())
            async with measured(
                programs, folder, database.url, DAY, lambda _: time.monotonic() - began > minutes * 60,
                every="2s", limit=minutes * 60 + 60, drained=False,
            ) as sources:  # fmt: skip
                await copy_calls(database.url)
                run = replace(sources, step=2)
                past = replace(
                    sources, span=Span(sources.span.until - timedelta(days=DAYS), sources.span.until), step=HOUR
                )
                for dashboard in NAMES:
                    asked = past if dashboard == "trends" else run
                    document: dict[str, Any] = read(dashboard)
                    await asked.choose(document)
                    for variable, nowhere in (("branch", "none"), ("queue", "other")):
                        asked.chosen[variable] = [one for one in asked.chosen[variable] if one != nowhere]
                    answers[dashboard] = (asked.span, [await asked.ask(panel) for panel in document["panels"]])
    return answers


def main() -> None:
    """Run, ask, draw."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--minutes", type=float, default=7)
    words.add_argument("--answers", type=Path)
    told = words.parse_args()
    if told.answers and told.answers.exists():
        answers: Found = pickle.loads(told.answers.read_bytes())
    else:
        answers = asyncio.run(found(told.minutes))
        if told.answers:
            told.answers.write_bytes(pickle.dumps(answers))
    for name, (span, panels) in answers.items():
        draw(read(name), panels, span, DOCS / f"grafana-{name}.png")
        print(DOCS / f"grafana-{name}.png")


if __name__ == "__main__":
    main()
