"""A service with nothing but a pool: a process of its own that a test can stop and kill. Says its hosts' ids."""

import asyncio
import sys
from pathlib import Path

from telephony.agi.hosts import HostPool, HostSettings
from tests.agi.pools import children, scripts, until


async def main() -> None:
    pool = HostPool(scripts(Path(sys.argv[1]), it=sys.argv[2]), HostSettings(hosts=2), print)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pool.run())
        await until(lambda: pool.state().hosts["ready"] == 2)
        print(*children(), flush=True)
        await asyncio.sleep(600.0)


if __name__ == "__main__":
    asyncio.run(main())
