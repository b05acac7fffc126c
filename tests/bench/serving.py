"""The whole service, as `threerings serve` runs it, in a process of a bench."""

import asyncio
from tempfile import mkdtemp
from time import perf_counter

from handlers.build import Service
from handlers.service import serve, settle
from telephony.config import Config
from tests.bench.workers import Answer, Talk
from tests.pbx.database import free_port

PBX = "pbx1"
TICK = 0.001
DEADLINE = 5_000
"""Milliseconds: on a machine that others load as well, who is answered by the deadline is asked otherwise."""


class Stalls:
    """How late the loop was at worst, looked at every millisecond."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        before = perf_counter()
        while True:
            await asyncio.sleep(TICK)
            now = perf_counter()
            self.worst = max(self.worst, now - before - TICK)
            before = now

    def take(self) -> float:
        """The worst since it was last asked, in seconds."""
        worst, self.worst = self.worst, 0.0
        return worst


async def ours(args: Answer, talk: Talk) -> None:
    """`serve`, told by its configuration alone where everything is.

    Args:
        args: `ami` and `database`, where these are; `folder`, in which it makes its own; `followed`: wait for the PBX
            before saying ready; `watched`: look for stalls; `more`: of the configuration.
        talk: every question is answered when all that came is saved.
    """
    pbx = {"name": PBX, "port": args["ami"], "username": "bench", "secret": "secret", "trunks": ["PJSIP/callers"]}
    http = free_port()
    config = Config.model_validate(
        {
            "data_dir": mkdtemp(dir=args["folder"]),
            "database": {"url": args["database"]},
            "http": {"listen": f"127.0.0.1:{http}"},
            "agi": {
                "listen": f"127.0.0.1:{free_port()}",
                "deadline_ms": DEADLINE,
                "calls_per_second": 100_000,
                "max_calls": 10_000,
            },
            "pbx": [pbx],
        }
        | args.get("more", {})
    )
    made: asyncio.Future[Service] = asyncio.get_running_loop().create_future()
    stalls = Stalls()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve(config, made.set_result))
        service = await made
        settle(service)
        while args["followed"] and not service.feeds[0].follower.synchronised:
            await asyncio.sleep(0.05)
        watching = [tasks.create_task(stalls.watch())] if args.get("watched") else []
        talk.tell({"port": service.agi.server.address[1], "http": http})
        async for _ in talk.questions():
            while args["followed"] and not saved(service):
                await asyncio.sleep(0.01)
            talk.tell(figures(service, stalls))
        for task in (serving, *watching):
            task.cancel()


def saved(service: Service) -> bool:
    """Whatever came is followed, and durable."""
    return not service.feeds[0].client.feed.waiting and not service.saver.state().backlog


def figures(service: Service, stalls: Stalls) -> Answer:
    """What there is to know."""
    client, state = service.feeds[0].client, service.saver.state()
    return {
        "stall": stalls.take(),
        "seen": client.seen,
        "links": client.links,
        "quarantined": client.quarantined,
        "dropped": state.dropped + state.refused,
    }
