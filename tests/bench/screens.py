"""From the PBX's word that a phone rings to the agent's screen, with five hundred screens open."""

import asyncio
import gc
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from statistics import quantiles
from time import perf_counter

import aiohttp

from telephony.calls.facts import Uniqueid
from telephony.calls.record import call_id
from tests.bench.callers import CLOCK, BusyPbx
from tests.bench.measuring import Bench
from tests.bench.report import Goal, Section, Way
from tests.bench.serving import PBX, ours
from tests.bench.streams import Conversation, Message
from tests.bench.workers import LOADING, MEASURED, Answer, Talk, Worker

SCREENS = 500
PER_SECOND = 50.0
GOAL = 0.100
FIRST = 2_000
"""The first agent's phone."""
RINGS = re.compile(rb"^Event: (?:DialState|Newstate)\r\n.*\r\n(?:ChannelState: 5|DialStatus: RINGING)\r\n", re.DOTALL)
ROOT = re.compile(rb"\r\nLinkedid: ([^\r]+)\r\n")
COUNTED = re.compile(r"^telephony_screenpop_seconds_count (\S+)$", re.MULTILINE)


def token(number: int) -> str:
    """Of one agent; nobody's secret."""
    return f"bench-screen-of-{number:04}"


def agents() -> dict[str, object]:
    """What the configuration says of them."""
    return {
        "agent": [
            {"name": str(FIRST + n), "interfaces": [f"PJSIP/{FIRST + n}"], "token": token(n)} for n in range(SCREENS)
        ]
    }


class Wall:
    """All screens, and when each call was shown first.

    Attributes:
        shown: seconds of `perf_counter`, by the call's id.
        signed_in: screens that got their welcome.
    """

    def __init__(self, port: int) -> None:
        self.shown: dict[str, float] = {}
        self.signed_in = 0
        self._address = f"http://127.0.0.1:{port}"
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []

    async def stand(self, session: aiohttp.ClientSession, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Open them all; each reads until it is cancelled."""
        reading = []
        for n in range(SCREENS):
            headers = {"Authorization": f"Bearer {token(n)}"}
            socket = await session.ws_connect(f"{self._address}/ws", headers=headers)
            reading.append(tasks.create_task(self._read(socket)))
        while self.signed_in < SCREENS:
            await asyncio.sleep(0.05)
        return reading

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            said = json.loads(frame.data)
            if said["type"] == "call":
                await socket.send_str(json.dumps({"type": "seen", "seq": said["seq"]}))
                if said["call"]["phase"] == "ringing":
                    self.shown.setdefault(said["call"]["id"], perf_counter())
            elif said["type"] == "welcome":
                self.signed_in += 1


def ringing(calls: int, first: int, begins: int) -> Iterator[list[Message]]:
    """Answered calls, one after the other for each agent's phone."""
    kind = Conversation("answered")
    for n in range(calls):
        phone = b"PJSIP/%d" % (FIRST + (first + n) % SCREENS)
        told = kind.again(first + n, begins + int(n * 1_000_000 / PER_SECOND))
        yield [Message(one.at, one.raw.replace(b"PJSIP/1001", phone)) for one in told]


async def load(_: Answer, talk: Talk) -> None:
    """The PBX and all screens."""
    gc.disable()  # its own pauses are not what is measured
    first = 1
    async with BusyPbx(1) as pbx:
        talk.tell({"ami": pbx.port})
        questions = talk.questions()
        opened = await anext(questions)
        wall = Wall(opened["http"])
        everybody = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=everybody) as session, asyncio.TaskGroup() as tasks:
            reading = await wall.stand(session, tasks)
            talk.tell({})
            async for asked in questions:
                talk.tell(await rung(pbx, wall, asked["calls"], first) | await counted(session, opened["http"]))
                first += asked["calls"]
            for task in reading:
                task.cancel()


async def rung(pbx: BusyPbx, wall: Wall, calls: int, first: int) -> Answer:
    """The time of each call from the word that a phone rings to the screen that shows it, in seconds."""
    now = int(CLOCK.wall().timestamp() * 1e6)
    stories = list(ringing(calls, first, now + 500_000))
    told = sorted(chain.from_iterable(stories), key=lambda one: one.at)
    began = {one.raw: str(call_id(PBX, Uniqueid(root(story)))) for story in stories if (one := first_ring(story))}
    said: dict[str, float] = {}
    start = perf_counter()
    for one in told:
        wait = (one.at - now) / 1e6 - (perf_counter() - start)
        if wait > 0:
            await asyncio.sleep(wait)
        if (call := began.get(one.raw)) is not None:
            said[call] = perf_counter()
        pbx.say(one.raw)
    await asyncio.sleep(0.5)
    missing = [call for call in said if call not in wall.shown]
    return {
        "seconds": [wall.shown[call] - at for call, at in said.items() if call in wall.shown],
        "missing": len(missing),
    }


def first_ring(story: list[Message]) -> Message | None:
    """The first word that a phone rings."""
    return next((one for one in story if RINGS.search(one.raw)), None)


def root(story: list[Message]) -> str:
    """The channel from which the call has its id."""
    found = next(filter(None, (ROOT.search(one.raw) for one in story)))
    return found[1].decode()


async def counted(session: aiohttp.ClientSession, port: int) -> Answer:
    """How many pops the service says were acknowledged."""
    async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        text = await answer.text()
    found = COUNTED.search(text)
    return {"acknowledged": int(float(found[1])) if found else 0}


WAYS = {"serve": ours, "load": load}


def sections(bench: Bench) -> list[Section]:
    """One table."""
    calls = bench.size(1_000, 200)
    medians, tails, worst, all_calls = [], [], [], 0
    with ExitStack() as stack:
        folder = str(bench.folder)
        database = stack.enter_context(Worker("database", "postgres", {"folder": folder}, LOADING))
        pbx = stack.enter_context(Worker("screens", "load", {}, LOADING))
        args = {"database": database.ready["url"], "ami": pbx.ready["ami"], "folder": folder, "more": agents()}
        service = stack.enter_context(Worker("screens", "serve", args | {"followed": True}, MEASURED))
        bench.tell(f"screens: {SCREENS} sign in")
        pbx.ask({"http": service.ready["http"]})
        for turn in range(max(2, bench.turns // 2)):
            bench.tell(f"screens: {PER_SECOND:g} calls a second, turn {turn + 1}")
            answer = pbx.ask({"calls": calls})
            all_calls += calls
            if answer["missing"] or answer["acknowledged"] != all_calls:
                raise ValueError(
                    f"{answer['missing']} calls never shown, {answer['acknowledged']:,} of {all_calls:,} acknowledged"
                )
            cuts = quantiles(answer["seconds"], n=100)
            medians.append(cuts[49] * 1_000)
            tails.append(cuts[98] * 1_000)
            worst.append(max(answer["seconds"]) * 1_000)
    ways = (Way("p50", tuple(medians)), Way("p99", tuple(tails)), Way("worst", tuple(worst)))
    tail = max(tails)
    goal = Goal(f"p99 ≤ {GOAL * 1_000:.0f} ms", f"{tail:.1f} ms", tail <= GOAL * 1_000)
    note = (
        f"{SCREENS} WebSockets signed in, {PER_SECOND:g} calls a second ring, {calls:,} a turn; from the moment that "
        "the PBX writes that a phone rings to the moment that the screen has the message, which it acknowledges at "
        "once: every one was. The PBX, all screens and PostgreSQL share the other core, and their delays are in it."
    )
    return [Section(f"Event to screen, {SCREENS} screens", "ms", ways, "", (goal,), (note,))]
