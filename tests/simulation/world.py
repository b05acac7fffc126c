"""A PBX from its first boot to its last: the calls of a story, played; what it said and what really happened."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.simulation.caller import Caller
from tests.simulation.pbx import TIME, Actor, Life, Member, Pbx
from tests.simulation.story import QUEUES, SECOND, Fault, Shift, Story
from tests.simulation.truth import Truth

BEGAN = 1_795_000_000 * SECOND + 123_456
"""When the story begins, by the PBX's clock."""
QUIET = 15 * SECOND
GOODBYE = 1_100_000
"""An orderly shutdown says so this long after it asked everybody to end."""


@dataclass
class Boot:
    """One run of the process: `ready` is FullyBooted; `over` None: it runs on. `orderly`: it said so."""

    pbx: Pbx
    ready: int
    over: int | None = None
    orderly: bool = False


@dataclass
class World:
    """What became of a story. Stamps are absolute: microseconds since 1970."""

    story: Story
    boots: list[Boot] = field(default_factory=list)
    truth: Truth = field(default_factory=Truth)
    ended: int = BEGAN

    @property
    def said(self) -> list[tuple[int, bytes]]:
        """Every event in its order."""
        everything = [said for boot in self.boots for said in boot.pbx.said]
        return [(stamp, raw) for stamp, _, raw in sorted(everything, key=lambda one: one[:2])]

    @property
    def logged(self) -> list[tuple[int, bytes]]:
        """queue_log."""
        return [(at, line) for boot in self.boots for at, _, line in sorted(boot.pbx.logged, key=lambda one: one[:2])]

    def running(self, at: int) -> Boot | None:
        """Which boot accepts logins then."""
        found = bisect_right(self.boots, at, key=lambda boot: boot.pbx.began) - 1
        boot = self.boots[found] if found >= 0 else None
        return boot if boot is not None and (boot.over is None or at < boot.over) else None


def play(story: Story) -> World:
    """All of it."""
    world = World(story)
    ends = sorted((fault for fault in story.faults if fault.kind.startswith("pbx_")), key=lambda fault: fault.at)
    began = -10 * SECOND
    for number, fault in enumerate([*ends, None]):
        if fault is not None and fault.at <= began:
            continue
        run_boot(world, number, began, fault)
        if fault is not None:
            over = world.boots[-1].over or 0
            began = max(fault.until, over - BEGAN + SECOND)
    world.ended = max(boot.pbx.now for boot in world.boots)
    return world


def run_boot(world: World, number: int, began: int, fault: Fault | None) -> None:
    """From one start of the process to its end."""
    story, until = world.story, None if fault is None else fault.at
    pbx = Pbx(story.seed, BEGAN + began, number)
    boot = Boot(pbx, pbx.began + (0 if number == 0 else 900_000))
    world.boots.append(boot)
    if number:
        pbx.log(pbx.began, "NONE", "NONE", "NONE", "QUEUESTART", "")
        pbx.tell(
            boot.ready, "FullyBooted", "system", [("Uptime", "1"), ("LastReload", "1"), ("Status", "Fully Booted")]
        )
    for call in story.calls:
        if began + SECOND <= call.at and (until is None or call.at < until):
            caller = Caller(pbx, story, call)
            caller.start(BEGAN + call.at, caller.live())
    for shift in story.shifts:
        if began + SECOND <= shift.at and (until is None or shift.at < until):
            actor = Actor(pbx, story.seed + shift.at)
            actor.start(BEGAN + shift.at, changes(actor, shift))
    if fault is None:
        last = max([*(call.at for call in story.calls), *(fault.until for fault in story.faults), 0])
        pbx.run(BEGAN + last + 3600 * SECOND)
        pbx.now = max([stamp for stamp, _, _ in pbx.said] + [BEGAN + last]) + QUIET
    else:
        stop(boot, BEGAN + fault.at, orderly=fault.kind == "pbx_shut_down")
    world.truth.calls += pbx.truth.calls


def stop(boot: Boot, at: int, *, orderly: bool) -> None:
    """The process ends: at once, or after hanging everybody up."""
    pbx = boot.pbx
    pbx.run(at)
    if orderly:
        for actor in list(pbx.actors):
            if isinstance(actor, Caller) and actor.life is not None and actor.begun:
                pbx.post(at, actor, ("shutdown",))
        pbx.run(at + GOODBYE // 2)
        pbx.tell(at + GOODBYE, "Shutdown", "system", [("Shutdown", "Cleanly"), ("Restart", "False")])
    over = at + GOODBYE + 1 if orderly else at
    boot.over = pbx.now = over
    boot.orderly = orderly
    pbx.said = [said for said in pbx.said if said[0] <= over]
    pbx.logged = [line for line in pbx.logged if line[0] <= over]
    pbx.truth.cut(at, over)


def changes(actor: Actor, shift: Shift) -> Life:
    """A member's place changes."""
    pbx = actor.pbx
    member = next(one for one in pbx.members[shift.queue] if one.interface == shift.member)
    actor.clock = max(actor.clock, pbx.now)
    does: dict[str, Callable[[Pbx, Member, Actor], None]] = {
        "pause": partial(pause, True), "unpause": partial(pause, False), "remove": remove, "add": add
    }  # fmt: skip
    does[shift.does](pbx, member, actor)
    if QUEUES[shift.queue].when_empty:
        for other in pbx.actors:
            if isinstance(other, Caller) and other.life is not None and other.begun:
                pbx.post(actor.clock + 300_000, other, TIME)
    return
    yield None


def pause(paused: bool, pbx: Pbx, member: Member, actor: Actor) -> None:
    """He takes no calls, or takes them again."""
    member.paused = paused
    pbx.tell(actor.tick(), "QueueMemberPause", "agent", member.headers(1))
    pbx.log(actor.clock, "NONE", member.queue.name, member.name, "PAUSE" if paused else "UNPAUSE", "")


def remove(pbx: Pbx, member: Member, actor: Actor) -> None:
    """He logs out."""
    if member.here:
        member.here = False
        stamp = actor.tick()
        pbx.moved.append((stamp, member, False))
        pbx.tell(stamp, "QueueMemberRemoved", "agent", member.headers(1))
        pbx.log(actor.clock, "MANAGER", member.queue.name, member.interface, "REMOVEMEMBER", "")


def add(pbx: Pbx, member: Member, actor: Actor) -> None:
    """He logs in again."""
    if not member.here:
        member.here = True
        stamp = actor.tick()
        pbx.moved.append((stamp, member, True))
        pbx.tell(stamp, "QueueMemberAdded", "agent", member.headers(1))
        pbx.log(actor.clock, "MANAGER", member.queue.name, member.interface, "ADDMEMBER", "")
