"""The wallboard under an address; its service can go away and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.browser.windows import leave
from tests.support.walls import Hall


class Served:
    """A hall under an address."""

    def __init__(self, hall: Hall) -> None:
        self.hall, self.port = hall, 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/wall"

    async def start(self) -> None:
        self.hall.sockets = self.hall.door()
        self._runner = web.AppRunner(self.hall.application())
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            self.hall.sockets.stop()
            await self._runner.cleanup()
            self._runner = None


@asynccontextmanager
async def serving(hall: Hall, *, ticks: bool = True) -> AsyncIterator[Served]:
    """For as long as the block runs; `ticks`: pictures come by themselves."""
    served = Served(hall)
    await served.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(hall.walls.run())] if ticks else []
            yield served
            for task in running:
                task.cancel()
    finally:
        await leave(served.url)
        await served.stop()
