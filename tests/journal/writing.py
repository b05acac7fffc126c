"""`python -m tests.journal.writing FOLDER`: a process that writes a journal until it is killed.

It says on its standard output what was durable, one number a line, and only then. Each record tells its own position,
and hours pass as positions do, so that files begin and end all the time.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from random import Random

from telephony.journal.writer import Journal
from tests.journal.shelf import DAYS, START, Wall

PER_HOUR = 400
"""Positions."""


def content(position: int) -> bytes:
    """What the record of that position holds: up to two pages."""
    return b"%d " % position + bytes([position % 251]) * (position * 37 % 9_000)


async def main(folder: Path, seed: int) -> None:
    """For ever."""
    rng = Random(seed)
    wall = Wall(START - timedelta(days=1))
    journal = Journal.open(folder, wall=wall, boot_id="boot-a")
    while True:
        for _ in range(rng.randrange(1, 40)):
            position = journal.position + 1
            wall.at = max(wall.at, START + timedelta(hours=position // PER_HOUR))
            said = journal.append(position % 3, timedelta(microseconds=position), DAYS, content(position))
            journal.mark("said", b"%d" % said)
        await journal.synced(journal.position)
        print(journal.durable, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
