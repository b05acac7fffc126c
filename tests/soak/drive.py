"""One soak from its first call to its last: faults in their order, recovery measured, everything drained, judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import asyncpg

from tests.pbx.ami import AmiError
from tests.pbx.product import Metrics
from tests.pbx.story import Witnessed

from .faults import CRASH, KINDS, Incident
from .scene import PBX, Scene, wall
from .told import Told
from .verdict import Facts, Judgement, judge

CONSUMING_WITHIN, RECONCILED_WITHIN = 5.0, 30.0
PATIENCE = 40.0  # for a recovery, before the next fault comes all the same
BEFORE = 10.0  # visits that ended so long before a fault are asked for, too: they may not have been saved
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
Tell = Callable[[str], None]


@dataclass
class Soaked:
    """What came of it."""

    seed: int
    seconds: float = 0.0
    incidents: list[Incident] = field(default_factory=list)
    judgement: Judgement = field(default_factory=Judgement)
    seen: Witnessed = field(default_factory=Witnessed)
    calls: list[dict[str, Any]] = field(default_factory=list)
    healed_after: float = 0.0  # the last difference was gone so long after the last call
    versions: dict[str, str] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def clean(self) -> bool:
        """Nothing differs, and every recovery was in time."""
        return not self.judgement.differences and not any(incident.complaints for incident in self.incidents)


async def soak(
    scene: Scene, faults: Sequence[Incident], seed: int, tell: Tell, *, calm: tuple[float, float], heals: float = 75.0
) -> Soaked:
    """Do all of it on a scene that has just begun.

    Args:
        scene: where.
        faults: in this order.
        seed: of what is left to chance.
        tell: hears of each fault and its recovery.
        calm: seconds of peace after each recovery, from and to.
        heals: so long after the last call may differences go away by themselves.
    """
    rng, began, result = Random(seed), time.monotonic(), Soaked(seed)
    async with asyncio.TaskGroup() as tasks:
        told = Told(scene.pbx)
        meanwhile = [tasks.create_task(watch(scene, result, tell)), tasks.create_task(told.listen())]
        await asyncio.sleep(rng.uniform(*calm))
        for fault in faults:
            await one(scene, fault, rng)
            result.incidents.append(fault)
            tell(described(fault))
            await asyncio.sleep(rng.uniform(*calm))
            await scene.no_crash.wait()
        tell("no new calls; waiting for the last ones")
        await drain(scene, result)
        await settle(scene, result, told, heals, tell)
        for task in meanwhile:
            task.cancel()
    result.seconds = time.monotonic() - began
    return result


async def watch(scene: Scene, result: Soaked, tell: Tell) -> None:
    """Asterisk itself may crash; that is one more death of the PBX, and not ours."""
    while True:
        alive = wall()
        await asyncio.sleep(0.1)
        if scene.pbx.runs or scene.pbx_down.locked():
            continue
        scene.no_crash.clear()
        async with scene.pbx_down:
            crash = Incident(0, CRASH, 0.0, alive)
            await one(scene, crash, Random(0))
        crash.began = alive
        scene.no_crash.set()
        result.incidents.append(crash)
        tell(described(crash))


async def one(scene: Scene, fault: Incident, rng: Random) -> None:
    """Do it, and measure how long the service takes to be itself again."""
    fault.began = wall()
    kind = KINDS[fault.kind]
    scene.under_way.append(fault)
    try:
        async with scene.service_down if kind.service_dies else nullcontext():
            await kind.do(scene, fault, rng)
    except AmiError as error:  # it has just crashed
        fault.complaints.append(f"not done: {error}")
    fault.mended = wall()
    await recovery(scene, fault)
    if kind.pbx_dies:
        await scene.traffic.man()
    scene.under_way.remove(fault)
    for other in scene.under_way:
        other.disturbed = fault.disturbed = True
    if not fault.disturbed:
        complain(fault)
    if scene.traffic.ended_early():
        fault.complaints.append(f"the bench lost {scene.traffic.ended_early()}")


def complain(fault: Incident) -> None:
    """Of a recovery that took too long."""
    if fault.consuming is None or fault.consuming > CONSUMING_WITHIN:
        fault.complaints.append(f"consuming after {fault.consuming or PATIENCE:.1f} s")
    if fault.reconciled is None or fault.reconciled > RECONCILED_WITHIN:
        awaited = f": {len(fault.behind)} visits, {fault.behind[:3]}" if fault.behind else ""
        fault.complaints.append(f"reconciled after {fault.reconciled or PATIENCE:.1f} s{awaited}")


def described(fault: Incident) -> str:
    """In a line."""
    words = [str(fault)]
    for name in ("drained", "noticed", "consuming", "ready", "reconciled"):
        value = getattr(fault, name)
        if value is not None:
            words.append(f"{name} {value:.1f} s")
    if fault.disturbed:
        words.append("Asterisk crashed meanwhile")
    return " · ".join([*words, *(f"!! {complaint}" for complaint in fault.complaints)])


async def recovery(scene: Scene, fault: Incident) -> None:
    """Consuming, ready and reconciled, each from when the fault was mended; None: not within PATIENCE."""
    heard: float | None = None
    while (passed := wall() - fault.mended) < PATIENCE:
        metrics = await _metrics(scene, fault)
        if metrics is not None and fault.consuming is None and metrics.total("telephony_ami_connected", pbx=PBX):
            events = metrics.total("telephony_ami_events_total", pbx=PBX)
            if heard is not None and events > heard:
                fault.consuming = passed
            heard = events
        if fault.consuming is not None:
            await _settled(scene, fault)
            if fault.ready is not None and fault.reconciled is not None:
                return
        await asyncio.sleep(0.1)


async def _settled(scene: Scene, fault: Incident) -> None:
    if fault.ready is None and (await asyncio.to_thread(scene.product.ready)).get("status") == "ok":
        fault.ready = wall() - fault.mended
    if fault.reconciled is None:
        with suppress(*AWAY):
            # queue_log tells whole seconds: what ended in the second before must be there.
            fault.behind = await scene.behind(fault.began - BEFORE, fault.mended - 1)
            if not fault.behind:
                fault.reconciled = wall() - fault.mended


async def _metrics(scene: Scene, fault: Incident) -> Metrics | None:
    if not scene.product.runs:
        if scene.service_down.locked():  # another fault has ended it, and will start it
            return None
        async with scene.service_down:
            fault.complaints.append(f"the service ended by itself: {scene.product.log[-500:]}")
            await scene.product.start(ready=False)
    try:
        return await asyncio.to_thread(scene.product.metrics)
    except OSError:
        return None


async def drain(scene: Scene, result: Soaked) -> None:
    """No call is left on the PBX, and SIPp has written down what it saw."""
    await scene.traffic.stop()
    with suppress(TimeoutError, AmiError):
        await scene.pbx.quiet(90)
    result.seen = await asyncio.to_thread(scene.traffic.witnessed)


async def settle(scene: Scene, result: Soaked, told: Told, heals: float, tell: Tell) -> None:
    """Judge, until nothing differs any more or `heals` is over."""
    began = time.monotonic()
    while True:
        result.calls = await scene.product.export(PBX)
        facts = Facts(result.seen, await scene.known(), told.cases, scene.traffic.prefixes_of_direct)
        result.judgement = await asyncio.to_thread(judge, result.calls, facts, result.incidents)
        result.healed_after = time.monotonic() - began
        differences = result.judgement.differences
        tell(f"{result.healed_after:.0f} s after the last call: {len(differences)} differences")
        if not differences or result.healed_after > heals:
            break
        await asyncio.sleep(5)
    result.metrics = await asyncio.to_thread(scene.product.metrics)
