"""Histories of a PBX for property tests: what could happen, what could not, and both through one another."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import strategies as st

from telephony.calls import facts
from telephony.calls.facts import (
    BridgeId,
    Channel,
    DialResult,
    Fact,
    HangupSide,
    Interface,
    LiveChannel,
    Member,
    MemberState,
    Moment,
    QueueName,
    QueueResult,
    Uniqueid,
    WaitingCaller,
)
from tests.support.story import MONO, START, TRUNK, seconds

QUEUES = tuple(QueueName(name) for name in ("support", "sales"))
PAUSES = (0.0, 0.0, 0.000001, 0.02, 0.3, 1.0, 1.5, 2.5, 6.0, 40.0, 90.0)


@dataclass
class World:
    """Who may be meant by the numbers of a step. Customers, agents' legs, and a phone that calls by itself."""

    name: str = ""
    boot: int = 0
    now: timedelta = timedelta()
    skew: timedelta = timedelta()
    customers: int = 3
    agents: int = 3
    seen: dict[Uniqueid, Channel] = field(default_factory=dict)

    def moment(self) -> Moment:
        return Moment(START + self.now + self.skew, MONO + self.now)

    def customer(self, n: int) -> Channel:
        """A caller from outside; one in four is a phone of the house."""
        n %= self.customers + 1
        uniqueid = Uniqueid(f"{self.name}{self.boot}C{n}")
        interface = Interface(TRUNK if n < self.customers else f"PJSIP/{self.name}9")
        return self.known(Channel(uniqueid, uniqueid, interface, f"021{n}", "", "4001"))

    def leg(self, n: int) -> Channel:
        """A channel to a phone, linked to one of the callers or to nobody known."""
        n %= self.agents * 4
        root = self.customer(n // self.agents).uniqueid if n < self.agents * 3 else Uniqueid(f"{self.name}?")
        phone = n % self.agents
        return self.known(
            Channel(Uniqueid(f"{self.name}{self.boot}A{n}"), root, Interface(f"PJSIP/{self.name}{phone}"))
        )

    def anybody(self, n: int) -> Channel:
        return self.customer(n // 2) if n % 2 else self.leg(n // 2)

    def bridge(self, n: int) -> BridgeId:
        return BridgeId(f"{self.name}b{n % 3}")

    def known(self, channel: Channel) -> Channel:
        self.seen[channel.uniqueid] = channel
        return channel


Phrase = Callable[[World, int, int], Iterator[Fact]]
R = tuple(QueueResult)


def serve(w: World, a: int, b: int) -> Iterator[Fact]:
    """The good case, from the queue to the talk."""
    at, who, leg, queue = w.moment(), w.customer(a), w.leg(a % 4 * 3 + b), QUEUES[b % 2]
    yield facts.CallerJoined(at, queue, who)
    yield facts.AgentCalled(at, queue, who.uniqueid, leg, leg.interface, "Agent")
    yield facts.DialBegan(at, who, leg, "A")
    yield facts.ChannelAlerted(at, leg.uniqueid)
    w.now += seconds(a % 7)
    at = w.moment()
    yield facts.ChannelUp(at, leg.uniqueid)
    yield facts.CallerLeft(at, queue, who.uniqueid)
    yield facts.AgentConnected(at, queue, who.uniqueid, leg.uniqueid, leg.interface, "Agent")
    yield facts.BridgeEntered(at, w.bridge(b), who, None)
    yield facts.BridgeEntered(at, w.bridge(b), leg, None)


def give_up(w: World, a: int, b: int) -> Iterator[Fact]:
    """Into the queue and out of it, nobody answered."""
    who, queue = w.customer(a), QUEUES[b % 2]
    yield facts.CallerJoined(w.moment(), queue, who)
    w.now += seconds(a % 5)
    if b % 3 == 0:
        yield facts.HangupRequested(w.moment(), who.uniqueid, HangupSide.FAR_END)
    if b % 5:
        yield facts.CallerUnserved(w.moment(), queue, who.uniqueid)
    yield facts.CallerLeft(w.moment(), queue, who.uniqueid)
    if b % 3 == 1:
        yield facts.QueueResultTold(w.moment(), queue, who, R[a % len(R)])


def dial(w: World, a: int, b: int) -> Iterator[Fact]:
    """A phone is rung directly and not answered."""
    who, leg = w.customer(a), w.leg(a % 4 * 3 + b)
    yield facts.ChannelAppeared(w.moment(), leg, incoming=False)
    yield facts.DialBegan(w.moment(), who, leg, "A")
    yield facts.ChannelAlerted(w.moment(), leg.uniqueid)
    w.now += seconds(b % 4)
    yield facts.DialEnded(w.moment(), leg.uniqueid, tuple(DialResult)[b % len(DialResult)])


def forward(w: World, a: int, b: int) -> Iterator[Fact]:
    """The queue's agent is a Local channel, whose far half rings the phone; or somebody picks the call up."""
    at, who, queue = w.moment(), w.customer(a), QUEUES[b % 2]
    near, far, phone = (w.leg(a % 4 * 3 + n) for n in range(3))
    yield facts.CallerJoined(at, queue, who)
    yield facts.AgentCalled(at, queue, who.uniqueid, near, near.interface, "Agent")
    yield facts.LocalJoined(at, near.uniqueid, far.uniqueid)
    yield facts.ChannelAppeared(at, far, incoming=True)
    yield facts.LocalJoined(at, near.uniqueid, far.uniqueid)
    yield facts.DialBegan(at, far, phone, "A")
    w.now += seconds(b % 3)
    yield facts.ChannelAlerted(w.moment(), phone.uniqueid)
    if b % 4 == 0:
        yield facts.PickedUp(w.moment(), w.leg(b).uniqueid, phone.uniqueid)
    if b % 5 == 0:
        yield facts.CallerLeft(w.moment(), queue, who.uniqueid)
        yield facts.BridgeEntered(w.moment(), w.bridge(1), who, None)
        yield facts.BridgeEntered(w.moment(), w.bridge(1), phone, near.uniqueid)


def consult(w: World, a: int, b: int) -> Iterator[Fact]:
    """An agent consults by way of a Local channel, and hands his customer on while it rings."""
    who = w.customer(a)
    near, far, phone = (w.leg(a % 4 * 3 + n) for n in range(3))
    yield facts.LocalJoined(w.moment(), near.uniqueid, far.uniqueid)
    yield facts.ChannelAppeared(w.moment(), far, incoming=True)
    yield facts.LocalJoined(w.moment(), near.uniqueid, far.uniqueid)
    yield facts.DialBegan(w.moment(), far, phone, "A")
    yield facts.ChannelAlerted(w.moment(), phone.uniqueid)
    w.now += seconds(b % 3)
    if b % 4:
        yield facts.BridgeEntered(w.moment(), w.bridge(0), who, None)
        yield facts.BridgeEntered(w.moment(), w.bridge(0), near, None)
    yield facts.Transferred(
        w.moment(), "attended", w.leg(b).uniqueid, who.uniqueid, succeeded=True, target=near.uniqueid
    )
    if b % 5:
        yield facts.ChannelUp(w.moment(), phone.uniqueid)


def hang_up(w: World, a: int, b: int) -> Iterator[Fact]:
    """A channel ends, asked or not."""
    who = w.anybody(a)
    if b % 3:
        yield facts.HangupRequested(w.moment(), who.uniqueid, tuple(HangupSide)[b % 2], busy=b % 5 == 0)
    yield facts.ChannelEnded(w.moment(), who.uniqueid, 16)


def hear(w: World, a: int, b: int) -> Iterator[Fact]:
    """Two channels enter a bridge, the second perhaps in place of another."""
    yield facts.BridgeEntered(w.moment(), w.bridge(b), w.customer(a), None)
    swapped = w.anybody(a + b).uniqueid if b % 4 == 0 else None
    yield facts.BridgeEntered(w.moment(), w.bridge(b), w.leg(b), swapped)


def reboot(w: World, a: int, b: int) -> Iterator[Fact]:
    """The line breaks; the same PBX comes back, or a new one."""
    if b % 3:
        yield facts.LinkLost(w.moment(), "cut")
    if b % 2 == 0:
        w.boot += 1
    w.now += seconds(a % 4)
    yield facts.LinkRestored(w.moment(), START + seconds(3600 * w.boot) if b % 5 else None)
    yield from listing(w, a, b)


def listing(w: World, a: int, b: int) -> Iterator[Fact]:
    """Some of the channels, whether they exist or not."""
    people = [w.customer(a + n) for n in range(b % 3)] + [w.leg(b + n) for n in range(a % 3)]
    member = Member(QUEUES[0], Interface(f"PJSIP/{w.name}1"), "Agent", tuple(MemberState)[a % 6])
    live = tuple(LiveChannel(who, w.bridge(b) if a % 2 else None, True, seconds(a), "") for who in people)
    full = a % 4 != 0
    yield facts.SnapshotTaken(
        at=w.moment(),
        asked_at=w.moment(),
        queues=QUEUES,
        waiting=tuple(WaitingCaller(QUEUES[a % 2], who, seconds(b)) for who in people[:1] + [w.customer(b)][: a % 2]),
        members=(member,) if full else None,
        channels=live if full else None,
    )


def stop(w: World, _a: int, _b: int) -> Iterator[Fact]:
    """An orderly shutdown, and the next run of the PBX."""
    yield facts.PbxStopping(w.moment())
    w.boot += 1
    yield facts.LinkRestored(w.moment(), START + seconds(3600 * w.boot))


def one(make: Callable[[World, int, int], Fact]) -> Phrase:
    def phrase(w: World, a: int, b: int) -> Iterator[Fact]:
        yield make(w, a, b)

    return phrase


SINGLE: Mapping[str, Phrase] = {
    "arrives": one(lambda w, a, b: facts.ChannelAppeared(w.moment(), w.customer(a), incoming=b % 5 != 0)),
    "appears": one(lambda w, a, b: facts.ChannelAppeared(w.moment(), w.leg(a), incoming=b % 5 == 0)),
    "alerted": one(lambda w, a, _: facts.ChannelAlerted(w.moment(), w.anybody(a).uniqueid)),
    "up": one(lambda w, a, _: facts.ChannelUp(w.moment(), w.anybody(a).uniqueid)),
    "identified": one(
        lambda w, a, b: facts.CallerIdentified(w.moment(), replace(w.anybody(a), caller_number=f"1{b % 3}"))
    ),
    "renamed": one(lambda w, a, b: facts.ChannelRenamed(w.moment(), w.anybody(a).uniqueid, w.leg(b).interface)),
    "asked": one(lambda w, a, b: facts.HangupRequested(w.moment(), w.anybody(a).uniqueid, tuple(HangupSide)[b % 2])),
    "ended": one(lambda w, a, _: facts.ChannelEnded(w.moment(), w.anybody(a).uniqueid, 16)),
    "held": one(lambda w, a, _: facts.Held(w.moment(), w.anybody(a).uniqueid)),
    "unheld": one(lambda w, a, _: facts.Unheld(w.moment(), w.anybody(a).uniqueid)),
    "dial_began": one(
        lambda w, a, b: facts.DialBegan(w.moment(), w.anybody(a) if b % 7 else None, w.anybody(b * 2 + a), "A")
    ),
    "dial_ended": one(lambda w, a, b: facts.DialEnded(w.moment(), w.anybody(a).uniqueid, tuple(DialResult)[b % 5])),
    "local": one(lambda w, a, b: facts.LocalJoined(w.moment(), w.leg(a).uniqueid, w.leg(b).uniqueid)),
    "bridge": one(
        lambda w, a, b: facts.BridgeEntered(
            w.moment(), w.bridge(b), w.anybody(a), w.anybody(b).uniqueid if b % 4 == 0 else None
        )
    ),
    "unbridge": one(lambda w, a, b: facts.BridgeLeft(w.moment(), w.bridge(b), w.anybody(a).uniqueid)),
    "transferred": one(
        lambda w, a, b: facts.Transferred(
            w.moment(),
            "attended",
            w.anybody(a).uniqueid,
            w.anybody(b).uniqueid,
            succeeded=b % 3 > 0,
            target=w.leg(a + b).uniqueid if b % 2 else None,
            place=w.anybody(a + b).uniqueid if b % 4 == 0 else None,
        )
    ),
    "parked": one(lambda w, a, _: facts.Parked(w.moment(), w.anybody(a).uniqueid)),
    "picked_up": one(lambda w, a, b: facts.PickedUp(w.moment(), w.anybody(a).uniqueid, w.anybody(b).uniqueid)),
    "joined": one(lambda w, a, b: facts.CallerJoined(w.moment(), QUEUES[b % 2], w.anybody(a))),
    "unserved": one(lambda w, a, b: facts.CallerUnserved(w.moment(), QUEUES[b % 2], w.anybody(a).uniqueid)),
    "left": one(lambda w, a, b: facts.CallerLeft(w.moment(), QUEUES[b % 2], w.anybody(a).uniqueid)),
    "agent_called": one(
        lambda w, a, b: facts.AgentCalled(
            w.moment(), QUEUES[b % 2], w.anybody(a).uniqueid, w.leg(b), w.leg(b).interface, "Agent"
        )
    ),
    "connected": one(
        lambda w, a, b: facts.AgentConnected(
            w.moment(), QUEUES[b % 2], w.anybody(a).uniqueid, w.leg(b).uniqueid, w.leg(b).interface, "Agent"
        )
    ),
    "rang_out": one(
        lambda w, a, b: facts.AgentRangOut(w.moment(), QUEUES[b % 2], w.anybody(a).uniqueid, w.leg(b).uniqueid)
    ),
    "told": one(lambda w, a, b: facts.QueueResultTold(w.moment(), QUEUES[b % 2], w.anybody(a), R[b % len(R)])),
    "logged": one(
        lambda w, a, b: facts.QueueResultLogged(w.moment(), QUEUES[b % 2], w.anybody(a).uniqueid, R[b % len(R)])
    ),
    "time": one(lambda w, _a, _b: facts.TimePassed(w.moment())),
}
PLAUSIBLE: Mapping[str, Phrase] = {
    "serve": serve,
    "give_up": give_up,
    "dial": dial,
    "forward": forward,
    "consult": consult,
    "hang_up": hang_up,
    "hear": hear,
}
LINE: Mapping[str, Phrase] = {
    "reboot": reboot,
    "listing": listing,
    "member": one(
        lambda w, a, b: facts.MemberChanged(
            w.moment(), Member(QUEUES[b % 2], w.leg(a).interface, "Agent", tuple(MemberState)[b % 6])
        )
    ),
    "member_gone": one(lambda w, a, b: facts.MemberRemoved(w.moment(), QUEUES[b % 2], w.leg(a).interface)),
    "lost": one(lambda w, _a, _b: facts.LinkLost(w.moment(), "cut")),
    "stop": stop,
}
CALLS: Mapping[str, Phrase] = {**PLAUSIBLE, **SINGLE}
ANYTHING: Mapping[str, Phrase] = {**PLAUSIBLE, **SINGLE, **LINE}


def histories(
    phrases: Mapping[str, Phrase] = ANYTHING, *, name: str = "", steps: bool = True, most: int = 40
) -> st.SearchStrategy[list[Fact]]:
    """Lists of facts, in the order of our clock; the PBX's clock may be set meanwhile if `steps`."""
    step = st.tuples(st.sampled_from(sorted(phrases)), st.integers(0, 23), st.integers(0, 23), st.sampled_from(PAUSES))

    def told(script: list[tuple[str, int, int, float]]) -> list[Fact]:
        world = World(name=name)
        out: list[Fact] = []
        for verb, a, b, pause in script:
            world.now += seconds(pause)
            if steps and verb == "time" and a == 0:
                world.skew += seconds(b - 12)
            out += phrases[verb](world, a, b)
        return out

    return st.lists(step, max_size=most).map(told)


def mentioned(history: list[Fact]) -> list[Uniqueid]:
    """Every channel that a history speaks of."""
    found: dict[Uniqueid, None] = {}
    for fact in history:
        for value in (getattr(fact, name) for name in fact.__slots__):
            if isinstance(value, Channel):
                found[value.uniqueid] = None
            if isinstance(value, tuple):
                for item in value:
                    if isinstance(item, WaitingCaller | LiveChannel):
                        found[item.channel.uniqueid] = None
    return list(found)
