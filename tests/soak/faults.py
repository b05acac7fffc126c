"""What is done to the scene, each kind once; and which, in which order, from a seed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from .scene import Scene

DRAINS_WITHIN = 5.0
NOTICES_WITHIN = 12.0
FROZEN = 20.0


@dataclass
class Incident:
    """One fault as it went. Times are seconds since 1970, durations seconds; None: not within the limit."""

    number: int
    kind: str
    seconds: float  # how long it was to last
    began: float = 0.0
    mended: float = 0.0
    consuming: float | None = None  # after it was mended
    ready: float | None = None
    reconciled: float | None = None
    noticed: float | None = None  # a dead line
    drained: float | None = None  # a graceful stop
    behind: list[tuple[str, str]] = field(default_factory=list)  # channel and queue of visits that were awaited last
    complaints: list[str] = field(default_factory=list)
    disturbed: bool = False  # Asterisk crashed meanwhile: how long a recovery took says nothing then

    @property
    def over(self) -> float:
        """When the service heard the PBX again and had its listing, without which it knows no call that goes on."""
        heard = [after for after in (self.consuming, self.ready) if after is not None]
        return self.mended + (max(heard) if len(heard) == 2 else 40.0)

    def __str__(self) -> str:
        return f"{self.number}. {self.kind} ({self.seconds:.1f} s)"


Do = Callable[[Scene, Incident, Random], Awaitable[None]]


async def service_killed(scene: Scene, fault: Incident, _rng: Random) -> None:
    await scene.product.kill()
    await asyncio.sleep(fault.seconds)
    await scene.product.start(ready=False)


async def service_killed_twice(scene: Scene, fault: Incident, rng: Random) -> None:
    """The second time while it takes up what the first one left."""
    await service_killed(scene, fault, rng)
    await asyncio.sleep(rng.uniform(0.3, 3.0))
    await service_killed(scene, fault, rng)


async def service_killed_log_rotated(scene: Scene, fault: Incident, rng: Random) -> None:
    await scene.product.kill()
    for _ in range(rng.choice((1, 1, 2))):
        await asyncio.sleep(fault.seconds / 2)
        await scene.pbx.cli("logger rotate")
    await asyncio.sleep(fault.seconds / 2)
    await scene.product.start(ready=False)


async def service_stopped(scene: Scene, fault: Incident, _rng: Random) -> None:
    began = time.monotonic()
    code = await scene.product.stop()
    fault.drained = time.monotonic() - began
    if code:
        fault.complaints.append(f"exit code {code} at SIGTERM")
    if fault.drained > DRAINS_WITHIN:
        fault.complaints.append(f"drained in {fault.drained:.1f} s")
    await asyncio.sleep(fault.seconds)
    await scene.product.start(ready=False)


async def service_frozen(scene: Scene, fault: Incident, _rng: Random) -> None:
    os.kill(scene.product.pid, signal.SIGSTOP)
    await asyncio.sleep(fault.seconds)
    os.kill(scene.product.pid, signal.SIGCONT)


async def pbx_killed(scene: Scene, fault: Incident, _rng: Random) -> None:
    async with scene.pbx_down:
        await scene.pbx.kill()
        await asyncio.sleep(fault.seconds)
        await scene.pbx.start()


async def pbx_crashed(scene: Scene, _fault: Incident, _rng: Random) -> None:
    """Nobody did it: Asterisk ended by itself, and is started again as a service manager would."""
    await scene.pbx.kill()
    await scene.pbx.start()


async def both_killed(scene: Scene, fault: Incident, rng: Random) -> None:
    await scene.product.kill()
    await pbx_killed(scene, fault, rng)
    await scene.product.start(ready=False)


async def line_cut(scene: Scene, fault: Incident, _rng: Random) -> None:
    await scene.line.cut_for(fault.seconds)


async def line_frozen(scene: Scene, fault: Incident, _rng: Random) -> None:
    scene.line.freeze()
    try:
        async with asyncio.TaskGroup() as tasks:
            noticing = tasks.create_task(scene.line.given_up(fault.seconds))
            tasks.create_task(asyncio.sleep(fault.seconds))
    finally:
        scene.line.thaw()
    _noticed(fault, noticing.result())


async def line_half_open(scene: Scene, fault: Incident, _rng: Random) -> None:
    scene.line.swallow()
    _noticed(fault, await scene.line.given_up(fault.seconds))


def _noticed(fault: Incident, seconds: float | None) -> None:
    fault.noticed = seconds
    if fault.seconds > NOTICES_WITHIN and (seconds is None or seconds > NOTICES_WITHIN):
        fault.complaints.append(f"a dead line was noticed after {seconds or fault.seconds:.1f} s")


async def line_sliced(scene: Scene, fault: Incident, _rng: Random) -> None:
    before, scene.line.slices = scene.line.slices, "every"
    await asyncio.sleep(fault.seconds)
    scene.line.slices = before


async def database_frozen(scene: Scene, fault: Incident, _rng: Random) -> None:
    pids = scene.database_pids()
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(fault.seconds)
    for pid in reversed(pids):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def database_restarted(scene: Scene, fault: Incident, _rng: Random) -> None:
    await scene.database.stop()
    await asyncio.sleep(fault.seconds)
    await scene.database.start()


async def log_rotated(scene: Scene, fault: Incident, _rng: Random) -> None:
    await scene.pbx.cli("logger rotate")
    await asyncio.sleep(fault.seconds)


@dataclass(frozen=True)
class Kind:
    """One kind of fault: what is done, for how long (from, to), and what it takes away meanwhile."""

    do: Do
    shortest: float
    longest: float
    weight: int = 1
    deaf: bool = True  # the service hears nothing of the PBX
    pbx_dies: bool = False
    service_dies: bool = False


KILLS = {
    "service killed": Kind(service_killed, 0.0, 8.0, weight=5, service_dies=True),
    "service killed twice": Kind(service_killed_twice, 0.0, 2.0, weight=2, service_dies=True),
    "service killed, queue_log rotated": Kind(service_killed_log_rotated, 2.0, 8.0, weight=1, service_dies=True),
    "PBX killed": Kind(pbx_killed, 0.0, 5.0, weight=3, pbx_dies=True),
    "service and PBX killed": Kind(both_killed, 0.0, 5.0, weight=1, pbx_dies=True, service_dies=True),
}
OTHERS = {
    "service stopped": Kind(service_stopped, 0.0, 5.0, service_dies=True),
    "service frozen": Kind(service_frozen, FROZEN, FROZEN),
    "line cut": Kind(line_cut, 0.1, 20.0),
    "line frozen": Kind(line_frozen, 1.0, 20.0),
    "line half-open": Kind(line_half_open, 20.0, 20.0),
    "line sliced": Kind(line_sliced, 10.0, 10.0, deaf=False),
    "database frozen": Kind(database_frozen, FROZEN, FROZEN, deaf=False),
    "database restarted": Kind(database_restarted, 1.0, 20.0, deaf=False),
    "queue_log rotated": Kind(log_rotated, 1.0, 1.0, deaf=False),
}
CRASH = "PBX crashed"
KINDS = KILLS | OTHERS | {CRASH: Kind(pbx_crashed, 0.0, 0.0, pbx_dies=True)}


def planned(kills: int, seed: int) -> Iterator[Incident]:
    """So many kills, and between every two of them something else, each kind as often as any other."""
    rng = Random(seed)
    number, waiting = 0, list[str]()
    for n in range(1, kills + 1):
        kinds = list(KILLS)
        if n <= len(kinds):
            kind = kinds[n - 1]  # a short run has seen them all, too
        else:
            (kind,) = rng.choices(kinds, [KILLS[name].weight for name in kinds])
        number += 1
        yield _incident(number, kind, rng)
        if n % 2 == 0:
            if not waiting:
                waiting = rng.sample(list(OTHERS), len(OTHERS))
            number += 1
            yield _incident(number, waiting.pop(), rng)


def in_turn(kinds: Sequence[str], count: int, seed: int) -> Iterator[Incident]:
    """So many faults of these kinds, one kind after the other."""
    rng = Random(seed)
    for n in range(count):
        yield _incident(n + 1, kinds[n % len(kinds)], rng)


def _incident(number: int, kind: str, rng: Random) -> Incident:
    return Incident(number, kind, rng.uniform(KINDS[kind].shortest, KINDS[kind].longest))
