"""`python -m tests.pbx.record [NAME …]`: plays the catalogue on a real Asterisk and writes tests/replay/NAME/.

`ami.bin` what AMI said to the product's login, byte for byte; `queue_log`; `truth.json` what SIPp saw and what a
tracker must say; `expected.json`, where the story says all that it means (`meaning`), that in seconds of SIPp's clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from . import catalogue, handovers, meaning
from .asterisk import Pbx
from .catalogue import Entry
from .recorder import Recorder
from .story import Story

REPLAY = Path(__file__).parents[1] / "replay"
ALL = catalogue.ALL | handovers.ALL | handovers.UNSTAMPED


async def record(entry: Entry, pbx: Pbx, into: Path) -> None:
    """Play one story on a PBX that runs and is idle, and write its three files into the folder `into`."""
    into.mkdir(parents=True, exist_ok=True)
    before = pbx.queue_log.stat().st_size if pbx.queue_log.exists() else 0
    story = Story(pbx)
    entry.tell(story)
    await story.prepare()
    async with AsyncExitStack() as listening, asyncio.TaskGroup() as tasks:
        if entry.listens_from is None:
            await listening.enter_async_context(Recorder(pbx, into / "ami.bin"))
        playing = tasks.create_task(story.play())
        if entry.listens_from is not None:
            await asyncio.sleep(entry.listens_from)
            await listening.enter_async_context(Recorder(pbx, into / "ami.bin"))
        seen = await playing
        await asyncio.sleep(0.3)  # what AMI says last comes after the last channel has gone
    with pbx.queue_log.open("rb") as log:
        log.seek(before)
        (into / "queue_log").write_bytes(log.read())
    truth = {
        "name": entry.name,
        "notice": entry.notice,
        "pbx": pbx.systemname,
        "outcomes": entry.outcomes,
        "callers": [leg.as_json() for leg in seen.callers],
        "phones": [leg.as_json() for leg in seen.phones],
        "complaints": seen.complaints,
    }
    (into / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n")
    if entry.name in handovers.MEANS:
        expected = meaning.resolved(handovers.MEANS[entry.name], seen)
        (into / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


async def _main(names: list[str]) -> None:
    async with Pbx() as pbx, Pbx(None, stamped=False) as unstamped:
        for name in names:
            if not pbx.runs:
                await pbx.start()
            await record(ALL[name], unstamped if name in handovers.UNSTAMPED else pbx, REPLAY / name)
            truth = json.loads((REPLAY / name / "truth.json").read_text())
            print(name, "OK" if not truth["complaints"] else truth["complaints"], flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:] or list(ALL)))
