"""FastAGI: how many callers a second are answered, beside servers that do nothing.

Every server sends five commands to each caller and closes. Ours is the whole service, as `serve` runs it: it follows
an AMI line on which each call appears before it asks and ends after it was answered, opens its case, answers with it,
and saves call and case in PostgreSQL.
"""

import asyncio
import importlib
from contextlib import ExitStack
from statistics import median
from typing import Any, cast

from tests.bench.callers import load
from tests.bench.measuring import Bench
from tests.bench.report import Goal, Section, Way
from tests.bench.serving import ours
from tests.bench.workers import LOADING, MEASURED, Answer, Talk, Worker

LINES = [
    b'GET VARIABLE "SYSTEMNAME"\n',
    b'SET VARIABLE "THREERINGS_CASE" "b47ed0a5-4b1a-5c22-9a54-5f0a1c6c9f11"\n',
    b'SET VARIABLE "THREERINGS_QUEUE" "support"\n',
    b'SET VARIABLE "THREERINGS_PRIORITY" "0"\n',
    b'SET VARIABLE "THREERINGS_HOURS" "open"\n',
]
PEER, LIMIT = "panoramisk, does nothing", "uvloop protocol, echoes: the limit"
OURS, EARLY = "ours: case opened and saved", "ours: case named, no AMI, no database"
GOAL, AIM = 1.5, 0.60
AT_ONCE = (20, 200)


class Echo(asyncio.Protocol):
    """Sends the five commands, one for each reply, and closes."""

    def __init__(self) -> None:
        self._left = iter(LINES)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not data.endswith(b"\n"):
            return
        assert self._transport is not None
        line = next(self._left, None)
        if line is None:
            self._transport.close()
        else:
            self._transport.write(line)


async def echo(_: Answer, talk: Talk) -> None:
    """The least that a server can do."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0, backlog=1_024)
    await until_asked(server, talk)


async def panoramisk(_: Answer, talk: Talk) -> None:
    """Its application with a route that sends the same commands and wants nothing."""
    fast_agi = importlib.import_module("panoramisk.fast_agi")
    commands = [line.decode().rstrip("\n") for line in LINES]

    async def route(request: Any) -> None:
        for line in commands:
            await request.send_command(line)

    application = fast_agi.Application(loop=asyncio.get_running_loop())
    application.add_route("inbound", route)
    server = await asyncio.start_server(application.handler, "127.0.0.1", 0, backlog=1_024)
    await until_asked(server, talk)


async def until_asked(server: asyncio.Server, talk: Talk) -> None:
    """Serve until there is nothing more to ask."""
    talk.tell({"port": server.sockets[0].getsockname()[1]})
    async for _ in talk.questions():
        talk.tell({})
    server.close()


WAYS = {
    OURS: ours,
    EARLY: ours,
    PEER: panoramisk,
    "asyncio protocol, echoes": echo,
    LIMIT: echo,
    "callers": load,
}
SCRIPTS = {EARLY: "inbound?pbx=pbx1"}
"""Where AMI has not told of a call, ours asks one thing more; by such an address, one less."""
LOOPS = {PEER: "asyncio", "asyncio protocol, echoes": "asyncio"}


def sections(bench: Bench) -> list[Section]:
    """At 20 and at 200 callers at once."""
    servers = [name for name in WAYS if name != "callers"]
    calls = bench.size(3_000, 600)
    found: dict[int, dict[str, list[float]]] = {at_once: {name: [] for name in servers} for at_once in AT_ONCE}
    cost: dict[str, list[float]] = {name: [] for name in servers}
    with ExitStack() as stack:
        database = stack.enter_context(Worker("database", "postgres", {"folder": str(bench.folder)}, LOADING))
        callers = stack.enter_context(Worker("fastagi", "callers", {}, LOADING))
        made = {"database": database.ready["url"], "ami": callers.ready["ami"], "folder": str(bench.folder)}
        nobody = {"database": "postgresql://nobody@127.0.0.1:1/none", "ami": 1, "folder": str(bench.folder)}
        workers = {}
        for name in servers:
            args = {"loop": LOOPS.get(name, "uvloop"), "followed": name == OURS} | (made if name == OURS else nobody)
            workers[name] = stack.enter_context(Worker("fastagi", name, args, MEASURED))
        cases = 0
        for turn in range(-1, bench.turns):
            for at_once in AT_ONCE:
                for name, worker in workers.items():
                    bench.tell(f"fastagi: {name}, {at_once} at once, turn {turn + 1}")
                    begun = worker.cpu_seconds()
                    question = {"port": worker.ready["port"], "at_once": at_once, "calls": calls}
                    answer = callers.ask(question | {"followed": name == OURS, "script": SCRIPTS.get(name, "inbound")})
                    spent = worker.cpu_seconds() - begun
                    worker.ask({})  # ours: until all is saved
                    check(name, answer)
                    cases += answer["calls"] if name == OURS else 0
                    if turn >= 0:
                        found[at_once][name].append(answer["calls"] / answer["seconds"])
                        cost[name].append(spent / answer["calls"] * 1e6)
        saved = database.ask({"table": "cases"})["rows"]
    if saved != cases:
        raise ValueError(f"{cases:,} cases were opened, and {saved:,} are in the database")
    return [section(at_once, found[at_once], cost) for at_once in AT_ONCE]


def check(name: str, answer: Answer) -> None:
    """Everybody was asked the same, and was told his case."""
    asked, cases = answer["commands"] / answer["calls"], answer["cases"] / answer["calls"]
    if (asked, cases) != (len(LINES), 1):
        raise ValueError(f"{name}: {asked:g} commands and {cases:g} cases a call, not {len(LINES)} and 1")


def section(at_once: int, found: dict[str, list[float]], cost: dict[str, list[float]]) -> Section:
    """The table of one crowd."""
    ways = tuple(Way(name, tuple(values)) for name, values in found.items())
    title = f"FastAGI, {at_once} callers at once"
    known = Section(title, "calls/s", ways, PEER)
    spent = "; ".join(f"{name} {median(cost[name]):.0f}" for name in found)
    goals = []
    for name in (OURS, EARLY):
        ratio, share = known.ratio(name, PEER), known.ratio(name, LIMIT)
        which = name.partition(": ")[2]
        goals.append(Goal(f"{which}: ≥ {GOAL:g} × panoramisk", f"{ratio:.2f} ×", ratio >= GOAL))
        goals.append(Goal(f"{which}: {AIM:.0%} of the limit", f"{share:.0%}", share >= AIM or None))
    note = f"Five commands a call for all. Microseconds of the server's core a call, 20 and 200 together: {spent}."
    return Section(title, known.unit, ways, PEER, tuple(goals), (note,))
