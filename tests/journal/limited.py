"""`python -m tests.journal.limited FOLDER`: writes a journal through a time in which no file may grow.

The kernel's limit on the size of a file stands for a disk that takes no more; it needs no rights. What happened is told
as JSON.
"""

import asyncio
import json
import resource
import sys
from datetime import timedelta
from pathlib import Path

from telephony.journal.writer import Journal
from tests.journal.shelf import DAYS, Wall

LIMIT = 300_000
EACH = b"x" * 10_000


async def main(folder: Path) -> None:
    """One after the other."""
    journal = Journal.open(folder, wall=Wall(), boot_id="boot-a", max_waiting_bytes=2_000_000)

    def put(count: int) -> int:
        for _ in range(count):
            journal.append(1, timedelta(), DAYS, EACH)
        return journal.position

    await journal.synced(put(5))
    before, unlimited = journal.failing, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, unlimited[1]))
    await journal.synced(put(100))
    during, files = journal.failing, len(list(folder.glob("*.sqlite3")))
    put(300)  # more than may wait
    await journal.synced(put(1))
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    async with asyncio.timeout(60):
        while journal.failing or journal.durable < journal.position:
            await asyncio.sleep(0.01)
    await journal.synced(put(1))
    after = journal.failing
    journal.close()
    told = {
        "before": before,
        "during": during,
        "dropped": journal.dropped,
        "after": after,
        "position": journal.position,
    }
    print(json.dumps(told | {"files": files}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
