"""Plays a story to the product: what the PBX says comes late, in pieces, or not at all; we die and live again."""

import random
from bisect import bisect_left
from dataclasses import dataclass, field

from tests.simulation.disk import Disk
from tests.simulation.service import Service, mono
from tests.simulation.story import MS, SECOND, Fault, Story
from tests.simulation.wire import fully_booted, listing, message
from tests.simulation.world import BEGAN, Boot, World, play

TICK = 100 * MS
CALM = 500 * MS
"""Between ticks when nothing has happened for two seconds."""
GROUP = 25 * MS
PATIENCE = 90 * SECOND
"""After the last event, until nothing is doubtful any more."""


@dataclass
class Deaf:
    """From `at` to `until` nothing was heard of the PBX."""

    at: int
    until: int
    why: str


@dataclass
class Run:
    """What came of a story.

    Attributes:
        lives: one for each start of our process, the last one last.
        deaf: when we heard nothing.
        residual: times at which it was not zero.
    """

    world: World
    disk: Disk = field(default_factory=Disk)
    lives: list[Service] = field(default_factory=list)
    deaf: list[Deaf] = field(default_factory=list)
    residual: list[tuple[int, dict[str, int]]] = field(default_factory=list)


class Harness:
    """One run. Everything happens in steps: the next tick, the next byte of the PBX, the next accident."""

    def __init__(self, story: Story) -> None:
        self.story, self.rng = story, random.Random(story.seed)
        self.world = play(story)
        self.run = Run(self.world)
        self.said, self.logged = self.world.said, self.world.logged
        self.arrivals = self.arrive()
        self.next_event = self.next_line = 0
        self.answers: list[tuple[int, bytes]] = []
        self.service: Service | None = None
        self.up = False
        self.boot: Boot | None = None
        self.silent_since: int | None = BEGAN
        self.notices: int | None = None
        self.cut: Fault | None = None
        self.now = BEGAN

    def arrive(self) -> list[int]:
        """When each event is read: some while after its stamp, in the same order; a stalled line is later."""
        stalls = [fault for fault in self.story.faults if fault.kind == "stall"]
        out, last = [], 0
        slow = 0
        for stamp, _ in self.said:
            if self.rng.random() < 0.01:
                slow = self.rng.choice((0, 0, 40 * MS, 250 * MS))
            at = stamp + 200 + self.rng.randrange(1500) + slow
            for stall in stalls:
                if BEGAN + stall.at <= at < BEGAN + stall.until:
                    at = BEGAN + stall.until
            last = max(last, at)
            out.append(last)
        return out

    # --- the loop ---

    def play(self) -> Run:
        """To the end, and until nobody can doubt anything any more."""
        end = self.world.ended + PATIENCE
        troubles = self.troubles()
        self.start()
        while self.now < end:
            soon = self.next_tick()
            if troubles and troubles[0][0] <= soon:
                at, _, what, fault = troubles.pop(0)
                self.advance(at)
                getattr(self, what)(fault)
                continue
            self.advance(soon)
            if self.service is not None:
                self.service.tick(self.now)
                self.ask()
                self.note_residual()
            self.flush()
            self.keep_connected()
        for life in self.run.lives:
            life.close()
        return self.run

    def troubles(self) -> list[tuple[int, int, str, Fault]]:
        """Every accident's beginning and end."""
        out = []
        for number, fault in enumerate(self.story.faults):
            for at, what in ((fault.at, f"begins_{fault.kind}"), (fault.until, f"ends_{fault.kind}")):
                if hasattr(self, what):
                    out.append((BEGAN + at, number, what, fault))
        return sorted(out, key=lambda one: one[:2])

    def next_tick(self) -> int:
        """Often while something happens."""
        found = self.arrivals[self.next_event] if self.next_event < len(self.arrivals) else self.now + SECOND
        recent = self.next_event and self.now - self.arrivals[self.next_event - 1] < 7 * SECOND
        return self.now + (TICK if recent or found - self.now < CALM else CALM)

    def advance(self, until: int) -> None:
        """Read everything that comes up to then."""
        while True:
            event = self.arrivals[self.next_event] if self.next_event < len(self.arrivals) else until + 1
            answer = self.answers[0][0] if self.answers else until + 1
            if min(event, answer) > until:
                break
            if answer <= event:
                at, data = self.answers.pop(0)
                if self.service is not None:
                    self.service.read(at, data)
            else:
                self.read_events(min(event + MS, until, answer))
        self.now = until
        self.read_log()

    def read_events(self, until: int) -> None:
        """What comes within a millisecond comes at once, if anybody listens."""
        first = self.next_event
        while self.next_event < len(self.arrivals) and self.arrivals[self.next_event] <= until:
            self.next_event += 1
        if self.up and self.service is not None:
            data = b"".join(raw for _, raw in self.said[first : self.next_event])
            self.service.read(max(until, self.arrivals[self.next_event - 1]), data)

    def read_log(self) -> None:
        """Lines wait in their file for whoever reads it."""
        if self.service is None or not self.story.log:
            return
        first = self.next_line = self.service.lines_read
        until = self.now - 50 * MS
        if not self.story.hasty and self.next_event < len(self.said):
            until = min(until, self.said[self.next_event][0] - 20 * MS)
        while self.next_line < len(self.logged) and self.logged[self.next_line][0] <= until:
            self.next_line += 1
        if self.next_line > first:
            self.service.tail(self.now, [line for _, line in self.logged[first : self.next_line]])

    # --- the line ---

    def keep_connected(self) -> None:
        """Log in whenever there is somebody to log in to; notice when there is nobody any more."""
        if self.notices is not None and self.now >= self.notices:
            self.notices = None
            if self.service is not None:
                self.service.disconnect(self.now)
        boot = self.world.running(self.now)
        if self.up and (boot is None or boot is not self.boot):
            self.hear_goodbye()
            self.hang(self.now)
        if not self.up and boot is not None and self.cut is None and self.notices is None and self.service is not None:
            self.log_in()

    def log_in(self) -> None:
        """The PBX says that it is up, or will."""
        boot = self.world.running(self.now)
        assert boot is not None
        assert self.service is not None
        self.boot, self.up = boot, True
        # What happened before is not told any more; what is stamped later is.
        self.next_event = bisect_left(self.said, (self.now, b""))
        for number in range(self.next_event, len(self.arrivals)):
            self.arrivals[number] = max(self.arrivals[number], self.now)
        if self.silent_since is not None:
            self.run.deaf.append(Deaf(self.silent_since, self.now, "we did not listen"))
            self.silent_since = None
        self.service.connect(self.now)
        if boot.ready <= self.now:
            self.service.read(self.now, fully_booted((self.now - boot.pbx.began) // SECOND))
        self.ask()

    def hear_goodbye(self) -> None:
        """A process that ends in order says everything first; of one that is killed, the last words stay unsaid."""
        over = self.boot.over if self.boot is not None and self.boot.orderly else None
        if over is not None:
            while self.next_event < len(self.said) and self.said[self.next_event][0] <= over:
                self.arrivals[self.next_event] = self.now
                self.next_event += 1
                if self.service is not None:
                    self.service.read(self.now, self.said[self.next_event - 1][1])

    def heard_until(self) -> int:
        """What is on its way now will not be heard."""
        coming = self.said[self.next_event][0] if self.next_event < len(self.said) else self.now
        return min(self.now, coming)

    def hang(self, at: int, noticed: int = 0) -> None:
        """Nothing is heard any more; perhaps that is not noticed at once."""
        self.up = False
        self.answers.clear()
        self.silent_since = self.heard_until()
        self.notices = at + noticed
        if noticed == 0:
            self.notices = None
            if self.service is not None:
                self.service.disconnect(at)

    def ask(self) -> None:
        """Answer what was asked: a listing overtakes events that are still on their way."""
        service = self.service
        if service is None:
            return
        asked, service.line.asked = service.line.asked, []
        if not self.up or self.boot is None:
            return
        at = max(self.now, self.answers[-1][0] if self.answers else 0)
        for action_id, action, headers in asked:
            if action == "DeviceStateList":  # no story is about phones that come and go
                refused = message([("Response", "Error"), ("ActionID", action_id), ("Message", "Permission denied")])
                self.answers.append((at, refused))
                continue
            at += self.rng.choice((400, 900, 3 * MS, 15 * MS))
            if action == "QueueStatus":
                entries = self.boot.pbx.queue_status(at, members="Member" not in headers)
                data = listing(action_id, entries, "QueueStatusComplete", "Queue status will follow")
            else:
                entries = self.boot.pbx.core_show_channels(at)
                data = listing(action_id, entries, "CoreShowChannelsComplete", "Channels will follow")
            arrives = at + 300
            for stall in self.story.faults:
                if stall.kind == "stall" and BEGAN + stall.at <= arrives < BEGAN + stall.until:
                    arrives = BEGAN + stall.until
            self.answers.append((arrives, data))

    def flush(self) -> None:
        """The saver's turn."""
        disk = self.run.disk
        disk.database.flush(disk.journal.durable(mono(self.now)))

    def note_residual(self) -> None:
        """It must be zero."""
        assert self.service is not None
        found = self.service.residual
        if found:
            self.run.residual.append((self.now, found))

    # --- our process and its accidents ---

    def start(self) -> None:
        """A new life."""
        self.service = Service(self.run.disk, log=self.story.log)
        self.run.lives.append(self.service)
        self.service.line.at = self.now
        self.service.resume()
        self.keep_connected()

    def begins_killed(self, _fault: Fault) -> None:
        """kill -9: what was not durable is gone."""
        self.flush()
        self.run.disk.journal.crash(mono(self.now), self.rng.random())
        self.run.disk.database.waiting.clear()
        if self.service is not None:
            self.service.close()
        self.service = None
        if self.up:
            # What was read in the last moment is not on disk.
            self.up, self.silent_since = False, min(self.heard_until(), self.now - GROUP)
        self.answers.clear()
        self.notices = None

    def ends_killed(self, _fault: Fault) -> None:
        """Started again."""
        self.start()

    def begins_cut(self, fault: Fault) -> None:
        """The line breaks, perhaps within a message."""
        self.cut = fault
        if not self.up or self.service is None:
            return
        if self.next_event < len(self.said):
            torn = self.said[self.next_event][1]
            self.service.read(self.now, torn[: min(fault.keeps, len(torn) - 1)])
        self.hang(self.now, fault.noticed)

    def ends_cut(self, _fault: Fault) -> None:
        """It can be made again."""
        self.cut = None

    def begins_away(self, _fault: Fault) -> None:
        """The database is away."""
        self.run.disk.database.away = True

    def ends_away(self, _fault: Fault) -> None:
        """It is back."""
        self.run.disk.database.away = False


def run(story: Story) -> Run:
    """Play it."""
    return Harness(story).play()
