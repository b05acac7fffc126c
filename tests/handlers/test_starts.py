"""At the start, each PBX is followed as soon as its own calls are known."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from handlers.build import build
from handlers.journals import kept
from handlers.starting import Start
from tests.support.checks import PBX, config_of

URL = "postgresql://nobody@127.0.0.1:1/none"
LIMIT = 20


async def test_a_pbx_of_which_nothing_is_known_yet_holds_nobody_else(tmp_path: Path) -> None:
    """So does one whose queue_log lies on a share that hangs: each begins in a task of its own."""
    config = config_of(data_dir=tmp_path, pbxs=[PBX, PBX | {"name": "pbx2"}])
    async with AsyncExitStack() as stack:
        journals = await stack.enter_async_context(kept(config))
        service = build(config, URL, journals=journals)
        starts = first, second = [Start(feed) for feed in service.feeds]
        turn = asyncio.Lock()
        async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one.run(service, URL, turn)) for one in starts]
            assert await second.rebuilt == set()
            second.left_open.set_result([])
            await second.follows.wait()
            assert not first.follows.is_set()
            assert not first.left_open.done()
            await first.follows.wait()  # the database says nothing of its calls
            assert first.left_open.cancelled()
            for task in running:
                task.cancel()
