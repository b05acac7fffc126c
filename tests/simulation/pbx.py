"""A PBX on a virtual clock: one boot of it. What it says, logs and lists; who waits; who is rung.

Whoever acts is a generator: it yields until when it waits (or None), and gets what happened: `("time",)` or a message
that somebody posted. Everything that is said has a stamp of its own, and goes out in the order of the stamps.
"""

import heapq
import random
from collections.abc import Generator, Iterable

from tests.simulation.channel import Channel
from tests.simulation.story import QUEUES, SECOND, Queue
from tests.simulation.truth import Truth
from tests.simulation.wire import Headers, event

Note = tuple[object, ...]
Life = Generator[int | None, Note, None]
Going = Generator[int | None, Note, bool]
"""Gives whether the dialplan goes on."""
Deciding = Generator[int | None, Note, bool | None]
Resting = Generator[int | None, Note, None]
TIME: Note = ("time",)


class Member:
    """An agent's place in one queue."""

    def __init__(self, queue: Queue, interface: str) -> None:
        self.queue, self.interface = queue, interface
        phone = interface.removeprefix("Local/").partition("@")[0]
        self.phone = interface if interface.startswith("PJSIP/") else f"PJSIP/{phone}"
        self.name = f"Agent {self.phone.removeprefix('PJSIP/')}"
        self.paused = False
        self.here = True
        self.free_at = 0

    def headers(self, status: int) -> Headers:
        """As QueueMemberStatus and its like tell of it."""
        return [
            ("Queue", self.queue.name), ("MemberName", self.name), ("Interface", self.interface),
            ("StateInterface", self.phone), ("Membership", "dynamic"), ("Penalty", "0"), ("CallsTaken", "0"),
            ("LastCall", "0"), ("LastPause", "0"), ("LoginTime", "1795304264"), ("InCall", "0"),
            ("Status", str(status)), ("Paused", str(int(self.paused))), ("PausedReason", ""), ("Ringinuse", "0"),
            ("Wrapuptime", str(self.queue.wrapup // SECOND)),
        ]  # fmt: skip

    def listed(self, status: int) -> Headers:
        """As QueueStatus tells of it."""
        names = {"MemberName": "Name", "Interface": "Location"}
        headers = [(names.get(name, name), value) for name, value in self.headers(status) if name != "Ringinuse"]
        return [("Event", "QueueMember"), *headers]


class Pbx:
    """One boot.

    Args:
        seed: for its microseconds.
        began: when the process started, microseconds since 1970.

    Attributes:
        said: stamp, tie breaker, bytes. logged: when, line.
        waiting: by queue, stays as [caller, Join's stamp, Leave's stamp or None].
    """

    def __init__(self, seed: int, began: int, boot: int) -> None:
        self.rng = random.Random(seed * 1_000 + boot)
        self.began, self.boot, self.now = began, boot, began
        self.truth = Truth()
        self.said: list[tuple[int, int, bytes]] = []
        self.logged: list[tuple[int, int, bytes]] = []
        self.channels: list[Channel] = []
        self.waiting: dict[str, list[tuple[Channel, int, list[int]]]] = {name: [] for name in QUEUES}
        self.members = {name: [Member(queue, one) for one in queue.members] for name, queue in QUEUES.items()}
        self.moved: list[tuple[int, Member, bool]] = []
        self.in_use: dict[str, int] = {}
        self.actors: list[Actor] = []
        self._heap: list[tuple[int, int, Actor, Note, int]] = []
        self._posted = self._ids = self._names = 0

    # --- time ---

    def post(self, at: int, actor: "Actor", note: Note, waits: int = -1) -> None:
        """Tell an actor something then. `waits`: only if it still waits for that."""
        self._posted += 1
        heapq.heappush(self._heap, (at, self._posted, actor, note, waits))

    def run(self, until: int) -> None:
        """Let everything happen up to then."""
        while self._heap and self._heap[0][0] <= until:
            at, _, actor, note, waits = heapq.heappop(self._heap)
            if actor.life is not None and (waits < 0 or waits == actor.waits):
                self.now = max(self.now, at)
                actor.hear(note)
        self.now = max(self.now, until)

    # --- saying ---

    def tell(self, stamp: int, name: str, privilege: str, headers: Iterable[tuple[str, str]]) -> None:
        """An event."""
        self.said.append((stamp, len(self.said), event(name, privilege, stamp, headers)))

    def log(self, at: int, callid: str, queue: str, agent: str, what: str, *data: object) -> None:
        """A line of queue_log."""
        line = f"{at // SECOND}|{callid}|{queue}|{agent}|{what}|{'|'.join(map(str, data))}"
        self.logged.append((at, len(self.logged), line.encode()))

    # --- channels ---

    def channel(self, device: str, at: int, **more: str | int) -> Channel:
        """A new one; not yet told of."""
        made = Channel(device, f"{self._names:08x}", self.next_id(at), **more)  # type: ignore[arg-type]
        self._names += 1
        self.channels.append(made)
        return made

    def next_id(self, at: int) -> str:
        """A uniqueid."""
        self._ids += 1
        return f"pbx1-{at // SECOND}.{self._ids - 1}"

    def local(self, dialled: str, at: int, **more: str) -> tuple[Channel, Channel]:
        """Both halves of a Local channel."""
        stem, made = dialled.removesuffix("/n"), []
        for half, state in (("1", 0), ("2", 4)):
            suffix = f"{self._names:08x};{half}"
            made.append(Channel(stem, suffix, self.next_id(at), state=state, context="agents", **more))
        self._names += 1
        self.channels += made
        return made[0], made[1]

    def bridge_id(self) -> str:
        """As Asterisk makes them."""
        bits = f"{self.rng.getrandbits(128):032x}"
        return f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"

    # --- who can be rung ---

    def can_take(self, member: Member, at: int) -> bool:
        """Whether the queue would ring it now."""
        return member.here and not member.paused and not self.in_use.get(member.phone) and member.free_at <= at

    def serving(self, queue: str) -> bool:
        """Whether any member is there and not paused."""
        return any(member.here and not member.paused for member in self.members[queue])

    def count(self, queue: str, at: int) -> int:
        """How many wait there."""
        return sum(1 for _, joined, left in self.waiting[queue] if joined <= at and (not left or left[0] > at))

    # --- listings ---

    def queue_status(self, at: int, *, members: bool) -> list[Headers]:
        """The entries of QueueStatus, each queue an instant later than the one before."""
        out: list[Headers] = []
        for number, (name, queue) in enumerate(QUEUES.items()):
            then = at + 40 * number
            out.append(params(queue, self.count(name, then)))
            if members:
                out += [member.listed(1) for member in self.members[name] if self.was_here(member, then)]
            stays = [stay for stay in self.waiting[name] if stay[1] <= then and (not stay[2] or stay[2][0] > then)]
            for place, (channel, joined, _) in enumerate(stays, 1):
                out.append(entry(queue, place, channel, then // SECOND - joined // SECOND))
        return out

    def was_here(self, member: Member, at: int) -> bool:
        """Whether it was a member then."""
        told = [here for when, which, here in self.moved if which is member and when <= at]
        return told[-1] if told else True

    def core_show_channels(self, at: int) -> list[Headers]:
        """The entries of CoreShowChannels."""
        return [channel.listed(at) for channel in self.channels if channel.lives(at)]


class Actor:
    """Somebody who acts. `waits` numbers what it waits for, so that an old alarm does not wake it."""

    def __init__(self, pbx: Pbx, seed: int) -> None:
        self.pbx, self.rng = pbx, random.Random(seed)
        self.clock = pbx.now
        self.waits = 0
        self.begun = False
        self.life: Life | None = None
        pbx.actors.append(self)

    def start(self, at: int, life: Life) -> None:
        """It begins then."""
        self.life = life
        self.pbx.post(at, self, TIME)

    def hear(self, note: Note) -> None:
        """Something happened; or it is time."""
        self.waits += 1
        self.clock = max(self.clock, self.pbx.now)
        assert self.life is not None
        try:
            until = self.life.send(note) if self.begun else next(self.life)
            self.begun = True
        except StopIteration:
            self.life = None
            return
        if until is not None:
            self.pbx.post(max(until, self.clock), self, TIME, self.waits)

    def tick(self) -> int:
        """A stamp: the next microseconds."""
        self.clock += self.rng.choice((4, 9, 17, 31, 60, 140, 420, 700))
        return self.clock


def params(queue: Queue, waiting: int) -> Headers:
    """A queue."""
    return [
        ("Event", "QueueParams"), ("Queue", queue.name), ("Max", str(queue.most)), ("Strategy", queue.strategy),
        ("Calls", str(waiting)), ("Holdtime", "7"), ("TalkTime", "0"), ("Completed", "4"), ("Abandoned", "9"),
        ("ServiceLevel", "0"), ("ServicelevelPerf", "0.0"), ("ServicelevelPerf2", "0.0"), ("Weight", "0"),
    ]  # fmt: skip


def entry(queue: Queue, place: int, channel: Channel, waited: int) -> Headers:
    """Somebody who waits: without his linked id, and with other words for what is unknown."""
    return [
        ("Event", "QueueEntry"), ("Queue", queue.name), ("Position", str(place)), ("Channel", channel.name),
        ("Uniqueid", channel.uniqueid), ("CallerIDNum", channel.number),
        ("CallerIDName", channel.caller_name.replace("<unknown>", "unknown")), ("ConnectedLineNum", "unknown"),
        ("ConnectedLineName", "unknown"), ("Wait", str(waited)), ("Priority", "0"),
    ]  # fmt: skip
