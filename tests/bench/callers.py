"""A PBX full of callers: each asks over FastAGI; for those who follow it, its AMI line says that he came and went."""

import asyncio
import gc
import re
from collections import Counter
from functools import partial
from time import perf_counter
from typing import cast

import aiohttp

from telephony.ami.settings import SystemClock
from tests.bench.streams import NOISE, busy, noise, ordinary
from tests.bench.workers import Answer, Talk
from tests.support.agi_peer import environment
from tests.support.ami_server import AmiServer
from tests.support.wire import channel, lines

REPLIES = {b"G": b"200 result=1 (pbx1)\n", b"S": b"200 result=1\n"}
CASE = b'SET VARIABLE "THREERINGS_CASE" "'
WITH_CASE = len(CASE) + 37
USUAL_ID = b"pbx1-1700000000.1"
CLOCK = SystemClock()
PACE = 0.005
"""Seconds between two writes."""
NAME = re.compile(rb"^Event: (\w+)\r\n", re.MULTILINE)
STAMP = re.compile(rb"Timestamp: \d{10}\.\d{6}")


class Caller(asyncio.Protocol):
    """One request, from its connection to its end."""

    def __init__(self, crowd: "Crowd", uniqueid: str, over: asyncio.Future[None]) -> None:
        self._crowd, self._id, self._over = crowd, uniqueid, over
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._crowd.words.replace(USUAL_ID, self._id.encode()))

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *said, self._rest = (self._rest + data).split(b"\n")
        for line in said:
            self._crowd.commands += 1
            self._crowd.cases += line.startswith(CASE) and len(line) == WITH_CASE
            self._transport.write(REPLIES[line[:1]])

    def connection_lost(self, _: Exception | None) -> None:
        self._over.set_result(None)


class Crowd:
    """So many callers at once, until so many have been answered.

    Args:
        port: of the server.
        at_once: callers.
        calls: in all.
        serial: of the first one's channel; the others have the next ones.
        script: what they ask for.
        ami: the line on which each comes and goes; None: nobody follows.
    """

    def __init__(self, port: int, *, at_once: int, calls: int, serial: int, script: str, ami: AmiServer | None) -> None:
        self._port, self._at_once = port, at_once
        self._serials = iter(range(serial, serial + calls))
        self._ami = ami
        self.words = environment(script)
        self.ended = self.commands = self.cases = 0

    async def ask(self) -> Answer:
        """All of them."""
        begun = perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._at_once):
                tasks.create_task(self._one_after_the_other())
        seconds = perf_counter() - begun
        return {"seconds": seconds, "calls": self.ended, "commands": self.commands, "cases": self.cases}

    async def _one_after_the_other(self) -> None:
        loop = asyncio.get_running_loop()
        for serial in self._serials:
            uniqueid = f"pbx1-1700000000.{serial}"
            if self._ami is not None:
                self._ami.say(told("Newchannel", uniqueid, serial))
            over: asyncio.Future[None] = loop.create_future()
            await loop.create_connection(partial(Caller, self, uniqueid, over), "127.0.0.1", self._port)
            await over
            self.ended += 1
            if self._ami is not None:
                self._ami.say(told("Hangup", uniqueid, serial, ("Cause", "16"), ("Cause-txt", "Normal Clearing")))


def told(event: str, uniqueid: str, serial: int, *more: tuple[str, str]) -> bytes:
    """An event of a caller's channel, now."""
    opening = [
        ("Event", event),
        ("Privilege", "call,all"),
        ("Timestamp", f"{CLOCK.wall().timestamp():.6f}"),
        ("SystemName", "pbx1"),
    ]
    who = channel(Channel=f"PJSIP/callers-{serial:08x}", Uniqueid=uniqueid, Linkedid=uniqueid)
    return lines(*opening, *who, *more)


class BusyPbx(AmiServer):
    """A manager interface with that many queues, an agent in each."""

    def __init__(self, queues: int) -> None:
        super().__init__()
        self.clock, self.entries = "", 0
        self._queues = [f"queue-{n:03}" for n in range(queues)]

    def _answer(self, action: dict[str, str], number: str) -> bytes:
        answer = super()._answer(action, number)
        if action["Action"] != "QueueStatus":
            return answer
        start, _, end = answer.partition(b"\r\n\r\n")
        listed = []
        for n, queue in enumerate(self._queues):
            of = ("Queue", queue), ("ActionID", number)
            phone = f"PJSIP/{1001 + n}"
            who = ("Name", phone), ("Location", phone), ("StateInterface", phone), ("Status", "1"), ("Paused", "0")
            listed.append(lines(("Event", "QueueParams"), ("Calls", "0"), *of))
            if "Member" not in action:
                listed.append(lines(("Event", "QueueMember"), *who, *of))
        return start + b"\r\n\r\n" + b"".join(listed) + end


async def load(args: Answer, talk: Talk) -> None:
    """The callers of all servers, and the manager interface of the one that follows."""
    gc.disable()  # its own pauses are not what is measured
    serial = 1
    async with BusyPbx(args.get("queues", 1)) as ami:
        talk.tell({"ami": ami.port})
        async for asked in talk.questions():
            if "events" in asked:
                talk.tell(await flood(ami, asked["events"], asked["rate"], serial))
                serial += asked["events"]
            elif "scrapes" in asked:
                talk.tell(await scrape(asked["http"], asked["scrapes"]))
            else:
                followed = ami if asked["followed"] else None
                crowd = Crowd(
                    asked["port"],
                    at_once=asked["at_once"],
                    calls=asked["calls"],
                    serial=serial,
                    script=asked["script"],
                    ami=followed,
                )
                serial += asked["calls"]
                talk.tell(await crowd.ask())


async def flood(ami: AmiServer, events: int, rate: int, serial: int) -> Answer:
    """So many events of a `read=all` line at this rate, as evenly as a loop can."""
    told = crowded(events, serial, CLOCK.wall().timestamp(), rate)
    names = Counter(name.decode() for _, raw in told for name in NAME.findall(raw))
    begun = perf_counter()
    due, late = 0, 0.0
    while due < len(told):
        await asyncio.sleep(PACE)
        upto = next((n for n in range(due, len(told)) if told[n][0] > perf_counter() - begun), len(told))
        if upto > due:
            late = max(late, perf_counter() - begun - told[due][0])
            ami.say(b"".join(raw for _, raw in told[due:upto]))
            due = upto
    return {"seconds": perf_counter() - begun, "sent": names, "late": late}


def crowded(events: int, serial: int, begins: float, rate: int) -> list[tuple[float, bytes]]:
    """Events of interleaved calls, each among what nobody acts upon, stamped evenly; with the second of each."""
    more = noise() * (NOISE // 2)
    own = events // (NOISE + 1)
    kinds = ordinary()
    mean = sum(map(len, kinds)) / len(kinds)
    found = busy(kinds, int(own / mean) + 1, 20.0, first=serial)
    every = (NOISE + 1) / rate
    stamped = []
    for n, one in enumerate(found):
        stamp = b"Timestamp: %.6f" % (begins + n * every)
        stamped.append((n * every, STAMP.sub(stamp, one.raw, count=1) + more))
    return stamped


async def scrape(port: int, times: int) -> Answer:
    """How long each took, in seconds, and the size of one."""
    seconds, size = [], 0
    async with aiohttp.ClientSession() as session:
        for _ in range(times):
            begun = perf_counter()
            async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                size = len(await answer.read())
            seconds.append(perf_counter() - begun)
    return {"seconds": seconds, "bytes": size}
