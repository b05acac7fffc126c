"""`python -m telephony.simulator`: the demo's PBX, as a process that lives no longer than who started it.

The first line on standard input says what it is to be, as JSON: `{"username": …, "secret": …, "queue_log": …}`, with
`"seed"` if one day is to be like another, with `"regulars"`, a seed, too, if the same people are to call on it, and
with `"listen"`, an address and a port, where any free port of this machine will not do. It then says where its manager
interface is: `{"ami": 40404}`. The second line, `{"agi": ["127.0.0.1", 4573]}`, opens the branch's doors. At the end of
standard input it ends.
"""

import asyncio
import ctypes
import json
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from telephony.simulator import branch as places
from telephony.simulator.agiclient import AgiClient
from telephony.simulator.amiserver import AmiServer
from telephony.simulator.branch import Branch
from telephony.simulator.dialplan import Dialplan
from telephony.simulator.live import Live
from telephony.simulator.manager import Account
from telephony.simulator.pbx import NONE
from telephony.simulator.queuelogfile import QueueLogFile
from telephony.simulator.timeline import Timeline
from telephony.simulator.traffic import Traffic, new_pbx

PR_SET_PDEATHSIG = 1
HOST = "127.0.0.1"
SYSTEMNAME = "pbx1"
MAX_LINE = 65_536


def clock_from_now() -> tuple[int, Any]:
    """This instant in microseconds since 1970, and a clock that goes on from it and never goes back."""
    start, mono = time.time_ns() // 1000, time.monotonic_ns() // 1000
    return start, lambda: start + time.monotonic_ns() // 1000 - mono


def die_with_parent() -> None:
    """The kernel ends us when whoever started us is gone; who has gone already has closed our standard input."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


async def lines() -> asyncio.StreamReader:
    """Standard input."""
    reader = asyncio.StreamReader(limit=MAX_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


async def work(told: asyncio.StreamReader, say: Callable[[str], None]) -> None:
    """Until `told` ends; `say` is given what goes to standard output."""
    settings = json.loads(await told.readline())
    start, clock = clock_from_now()
    rng, acquaintance = (Random(settings.get(of, secrets.randbits(64))) for of in ("seed", "regulars"))  # noqa: S311 - who calls when is no secret
    live = Live(Timeline(start), clock)
    branch = Branch()
    pbx = new_pbx(live.timeline, SYSTEMNAME, branch, rng)
    with QueueLogFile(Path(settings["queue_log"])) as log:
        pbx.log = log.write
        pbx.write(NONE, NONE, NONE, "QUEUESTART", "")
        async with asyncio.TaskGroup() as tasks:
            client = AgiClient(pbx, live, tasks)
            plan = Dialplan(pbx, places.extensions(), places.keys(), client.ask)
            traffic = Traffic(pbx, plan, branch, rng, acquaintance)
            traffic.staff()
            server = AmiServer(pbx, Account(settings["username"], settings["secret"]), live)
            say(json.dumps({"ami": await server.listen(*settings.get("listen", (HOST, 0)))}))
            running = tasks.create_task(live.run())
            await _until_the_end(told, client, traffic, live)
            server.close()
            running.cancel()
            live.catch_up()


async def _until_the_end(told: asyncio.StreamReader, client: AgiClient, traffic: Traffic, live: Live) -> None:
    while line := await told.readline():
        host, port = json.loads(line)["agi"]
        client.address = host, port
        live.catch_up()
        traffic.begin()
        live.poke()


async def on_pipes() -> None:
    """With the standard ones."""
    await work(await lines(), lambda line: print(line, flush=True))  # noqa: T201 - that is how it is spoken to


def main() -> None:
    """Run it. What is sent to a whole group of processes is for whoever started us; he closes our standard input."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    die_with_parent()
    asyncio.run(on_pipes())


if __name__ == "__main__":
    main()
