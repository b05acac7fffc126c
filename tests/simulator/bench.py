"""The number plan and the queues of the real bench (tests/pbx/etc), on the simulator, and stories to play there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from telephony.simulator.calls import Call
from telephony.simulator.dialplan import (
    Answer,
    Clean,
    Dial,
    Dialplan,
    Enter,
    Extensions,
    HangUp,
    Limit,
    Step,
    Wait,
)
from telephony.simulator.manager import Account, ManagerSession
from telephony.simulator.pbx import Pbx
from telephony.simulator.people import Caller, Reaction, Then
from telephony.simulator.queues import QueueSettings
from telephony.simulator.timeline import SECOND, Timeline

START = 1_795_304_264 * SECOND
ACCOUNT = Account("threerings", "change-me")
C1, C2 = "02160000001", "02160000002"

QUEUES = (
    QueueSettings(name="support", timeout=15, retry=2),
    QueueSettings(name="ring-all", strategy="ringall", retry=1),
    QueueSettings(name="linear", strategy="linear", timeout=3, retry=1),
    QueueSettings(name="announced", retry=1, announce=3.3),
    QueueSettings(name="keyed", retry=1, keys="keys"),
    QueueSettings(name="leave-empty", retry=1, leavewhenempty=True),
    QueueSettings(name="join-empty", retry=1, joinempty=False),
    QueueSettings(name="one-place", retry=1, maxlen=1),
    QueueSettings(name="sales", retry=1),
    QueueSettings(name="overflow", retry=1),
)
NUMBERS = {
    "01": "support", "02": "ring-all", "03": "linear", "04": "announced", "05": "keyed", "06": "leave-empty",
    "07": "join-empty", "08": "one-place", "13": "sales",
}  # fmt: skip


def _plan() -> Extensions:
    plan: dict[str, tuple[Step, ...]] = {
        "7000": (Answer(), Wait(2), HangUp()),
        "5300": (Clean(), Dial(("PJSIP/1001", "PJSIP/1002"), 20), HangUp()),
        "5400": (Clean(), Dial(("PJSIP/1001",), 3), Dial(("PJSIP/1002",), 20), HangUp()),
        "5601": (Clean(), Answer(), Dial(("PJSIP/1001",), 3), Enter("support", 60), HangUp()),
    }
    for digits, queue in NUMBERS.items():
        plan["40" + digits] = (Clean(), Answer(), Enter(queue, 60), Wait(0.3), HangUp())
        plan["41" + digits] = (Clean(), Answer(), Enter(queue, 4), Wait(0.3), HangUp())
        plan["42" + digits] = (Clean(), Answer(), Enter(queue, 4, told=False), Wait(0.3), HangUp())
        plan["43" + digits] = (Clean(), Answer(), Limit(4), Enter(queue, 60), HangUp())
        plan["45" + digits] = (Clean(), Answer(), Enter(queue, 4), Enter("overflow", 60), HangUp())
        plan["46" + digits] = (Clean(), Answer(), Enter(queue, 4), Enter(queue, 4), HangUp())
        plan["48" + digits] = (Clean(), Answer(), Enter(queue, 60), HangUp())
    for digits in ("01", "02", "39"):
        phone = (f"PJSIP/10{digits}",)
        plan["51" + digits] = (Clean(), Dial(phone, 20), HangUp())
        plan["52" + digits] = (Clean(), Dial(phone, 3), HangUp())
        plan["55" + digits] = (Clean(), Answer(), Dial(phone, 20), HangUp())
        plan["59" + digits] = (Clean(), Limit(3), Dial(phone, 20), HangUp())
        plan["10" + digits] = (Dial(phone, 20), HangUp())
    return plan


KEYS: Extensions = {"1": (Wait(0), Wait(1), HangUp())}


@dataclass(frozen=True)
class Agent:
    """A phone, the queues that it serves, and what it does call by call (the last over and over)."""

    phone: str
    reactions: tuple[Reaction, ...]
    serves: tuple[str, ...] = ()
    paused: bool = False


Meddling = Callable[[Pbx, Dialplan, list[Call]], None]


@dataclass(frozen=True)
class Story:
    """What is played: callers with the second at which each calls, agents, and what is done meanwhile."""

    callers: tuple[tuple[float, Caller], ...]
    agents: tuple[Agent, ...] = ()
    meddling: tuple[tuple[float, Meddling], ...] = ()


@dataclass
class Phones:
    """Does what the story says."""

    agents: dict[str, list[Reaction]]

    def reaction(self, interface: str) -> Reaction:
        left = self.agents.get(interface, [Reaction(then=Then.SILENT)])
        return left.pop(0) if len(left) > 1 else left[0]


@dataclass
class Played:
    """What the simulator said: all bytes to a client that logged in and listed, the queue_log, with their times."""

    pbx: Pbx
    stream: list[tuple[int, bytes]] = field(default_factory=list)
    log: list[tuple[int, str]] = field(default_factory=list)

    @property
    def ami(self) -> bytes:
        return b"".join(data for _, data in self.stream)


def hear(pbx: Pbx) -> tuple[Played, ManagerSession]:
    """Log in as the recorder does, ask for both listings, and write down what is said from then on."""
    played, session = Played(pbx), ManagerSession(pbx, ACCOUNT, "4711")

    def ask(action: str) -> None:
        played.stream.append((pbx.timeline.now, session.feed(action.replace("\n", "\r\n").encode() + b"\r\n\r\n")))

    played.stream.append((pbx.timeline.now, session.greeting))
    ask(f"Action: Login\nActionID: login\nUsername: {ACCOUNT.username}\nSecret: {ACCOUNT.secret}")
    ask("Action: QueueStatus\nActionID: queues")
    ask("Action: CoreShowChannels\nActionID: channels")
    pbx.listeners.append(lambda data: played.stream.append((pbx.timeline.now, data)))
    pbx.log = lambda line: played.log.append((pbx.timeline.now, line))
    return played, session


def play(story: Story, queues: Sequence[QueueSettings] = QUEUES) -> Played:
    """Play a story to its end, which is at most 90 s later."""
    timeline = Timeline(START)
    staff = Phones({f"PJSIP/{agent.phone}": list(agent.reactions) for agent in story.agents})
    phones = {f"PJSIP/10{number:02d}": f"Agent 10{number:02d}" for number in range(1, 41)}
    pbx = Pbx(timeline, "pbx1", staff, Random(1), queues=queues, phones=phones)
    dialplan = Dialplan(pbx, _plan(), KEYS)
    log: list[tuple[int, str]] = []
    pbx.log = lambda line: log.append((timeline.now, line))
    for agent in story.agents:
        for queue in agent.serves:
            pbx.add_member(queue, f"PJSIP/{agent.phone}", f"Agent {agent.phone}", paused=agent.paused, static=False)
    timeline.advance(START + SECOND // 7)
    played, _ = hear(pbx)
    played.log[:0] = log
    calls: list[Call] = []
    for at, caller in story.callers:
        timeline.after(at, lambda caller=caller: calls.append(dialplan.call(caller, "PJSIP/callers")))  # type: ignore[misc]
    for at, meddle in story.meddling:
        timeline.after(at, lambda meddle=meddle: meddle(pbx, dialplan, calls))  # type: ignore[misc]
    timeline.advance(timeline.now + round(SECOND * max(at for at, _ in story.callers)))
    while pbx.channels and timeline.now < START + 90 * SECOND:
        timeline.advance(timeline.next or START + 90 * SECOND)
    timeline.advance(timeline.now + round(0.15 * SECOND))
    for agent in story.agents:
        for queue in agent.serves:
            pbx.remove_member(queue, f"PJSIP/{agent.phone}")
    return played
