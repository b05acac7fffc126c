"""A call told step by step: facts go into a tracker, effects are read back. No clock runs but the one that `at` sets.

    story = Story().arrives("C").joins("support").at(3).rings("A").at(7).answers("A").connects("A").bridged("C", "A")
    assert story.outcomes == [Outcome.ANSWERED]

A word without a name means the caller who arrived last. The name of a party is the uniqueid of his channel; the device
behind it is `PJSIP/` and the name up to a `#`, so that "A#2" is the second leg to the phone of "A".
"""

from collections import Counter
from collections.abc import Iterable, Sized
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

from telephony.calls import facts
from telephony.calls.book import Rules
from telephony.calls.effects import CallEnded, Effect, Irregular, SaveCall, VisitEnded, VisitEntered
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
from telephony.calls.record import CallRecord, Kind, Outcome, VisitRecord
from telephony.calls.tracker import Tracker

START = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
MONO = timedelta(hours=5)
TRUNK = "PJSIP/trunk"
AnEffect = TypeVar("AnEffect")


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def moment(value: float, *, stamped: bool = True) -> Moment:
    """So many seconds after the story began."""
    return Moment(START + seconds(value), MONO + seconds(value), stamped)


def device(name: str) -> Interface:
    return Interface("PJSIP/" + name.partition("#")[0])


@dataclass
class Story:
    """Tell it with verbs, then read `outcomes`, `visit`, `call`, `told(SomeEffect)`."""

    rules: Rules = field(default_factory=lambda: Rules(pbx="pbx1", trunks=frozenset({Interface(TRUNK)})))
    effects: list[Effect] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    now: Moment = field(default_factory=lambda: moment(0))
    caller: str = ""
    queue: str = ""
    channels: dict[str, Channel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.rules)

    # --- time ---

    def at(self, value: float) -> Self:
        """The next things happen so many seconds after the beginning."""
        self.now = moment(value)
        return self

    def passes(self, value: float) -> Self:
        """Nothing happens up to then, and the tracker is told so."""
        return self.at(value).tell(facts.TimePassed(self.now))

    def ends_well(self) -> Self:
        """Everybody is gone and two hours pass, tick by tick."""
        for uniqueid in list(self.tracker.book.legs):
            self.tell(facts.ChannelEnded(self.now, uniqueid, 16))
        base = (self.now.mono - MONO).total_seconds()
        for more in (1, 2, 6, 12, 120, 3600, 7200):
            self.passes(base + more)
        return self

    def tell(self, *some: Fact) -> Self:
        """Facts as they are."""
        for fact in some:
            self.facts.append(fact)
            self.effects += self.tracker.apply(fact)
        return self

    # --- channels ---

    def channel(self, name: str) -> Channel:
        """The party's channel; one that never appeared is linked to the caller."""
        if name not in self.channels:
            self.channels[name] = self.make(name, linked=self.caller or name)
        return self.channels[name]

    def make(self, name: str, *, linked: str = "", interface: str = "", **more: Any) -> Channel:
        known = self.channels[name] = Channel(
            Uniqueid(name), Uniqueid(linked or name), Interface(interface or device(name)), **more
        )
        return known

    def arrives(self, name: str, *, interface: str = TRUNK, **more: Any) -> Self:
        """Somebody calls the PBX."""
        self.caller = name
        channel = self.make(name, interface=interface, **({"caller_number": "02112345678", "exten": "4001"} | more))
        return self.tell(facts.ChannelAppeared(self.now, channel, incoming=True))

    def appears(self, name: str, *, linked: str = "", interface: str = "") -> Self:
        """The PBX makes a channel to call out on."""
        channel = self.make(name, linked=linked or self.caller, interface=interface)
        return self.tell(facts.ChannelAppeared(self.now, channel, incoming=False))

    def hangs_up(self, name: str = "", *, busy: bool = False) -> Self:
        """The party hangs up: the PBX notices, the channel goes a little later."""
        who = Uniqueid(name or self.caller)
        return self.tell(facts.HangupRequested(self.now, who, HangupSide.FAR_END, busy=busy))

    def cut_off(self, name: str = "") -> Self:
        """The PBX asks for the end of the channel."""
        return self.tell(facts.HangupRequested(self.now, Uniqueid(name or self.caller), HangupSide.PBX))

    def gone(self, name: str = "") -> Self:
        """The channel ended."""
        return self.tell(facts.ChannelEnded(self.now, Uniqueid(name or self.caller), 16))

    # --- the queue ---

    def joins(self, queue: str, name: str = "") -> Self:
        self.queue = queue
        return self.tell(facts.CallerJoined(self.now, QueueName(queue), self.channel(name or self.caller)))

    def unserved(self, name: str = "", queue: str = "") -> Self:
        """QueueCallerAbandon, which does not mean that."""
        who = Uniqueid(name or self.caller)
        return self.tell(facts.CallerUnserved(self.now, QueueName(queue or self.queue), who))

    def leaves(self, name: str = "", queue: str = "") -> Self:
        who = Uniqueid(name or self.caller)
        return self.tell(facts.CallerLeft(self.now, QueueName(queue or self.queue), who))

    def given_up(self, name: str = "") -> Self:
        """The queue gives the caller up and lets him go."""
        return self.unserved(name).leaves(name)

    def told_that(self, result: QueueResult, name: str = "", queue: str = "") -> Self:
        """The dialplan says how Queue() ended."""
        channel = self.channel(name or self.caller)
        return self.tell(facts.QueueResultTold(self.now, QueueName(queue or self.queue), channel, result))

    def logs(
        self,
        result: QueueResult,
        name: str = "",
        queue: str = "",
        *,
        written: float | None = None,
        waited: float | None = None,
        leg: str = "",
    ) -> Self:
        """queue_log says how his stay ended: in the second `written`, if the line is read later; `leg` answered."""
        who = Uniqueid(name or self.caller)
        wall = self.now.wall if written is None else moment(written).wall.replace(microsecond=0)
        at = Moment(wall, self.now.mono)
        length = None if waited is None else seconds(waited)
        agent, where = f"Agent {leg.partition('#')[0]}" if leg else "", QueueName(queue or self.queue)
        return self.tell(facts.QueueResultLogged(at, where, who, result, agent, length, Uniqueid(leg)))

    def calls(self, agent: str, name: str = "") -> Self:
        """The queue calls an agent."""
        customer, leg = self.channel(name or self.caller), self.channel(agent)
        member, queue = f"Agent {agent.partition('#')[0]}", QueueName(self.queue)
        return self.tell(
            facts.ChannelAppeared(self.now, leg, incoming=False),
            facts.AgentCalled(self.now, queue, customer.uniqueid, leg, leg.interface, member),
            facts.DialBegan(self.now, customer, leg, agent),
        )

    def rings(self, *phones: str) -> Self:
        """The phones ring; those not yet called are called by the queue at this moment."""
        for name in phones:
            if Uniqueid(name) not in self.tracker.book.legs:
                self.calls(name)
            self.tell(facts.ChannelAlerted(self.now, Uniqueid(name)))
        return self

    def dials(self, phone: str, name: str = "") -> Self:
        """The dialplan calls a phone for the caller, outside any queue."""
        customer, leg = self.channel(name or self.caller), self.channel(phone)
        return self.tell(
            facts.ChannelAppeared(self.now, leg, incoming=False), facts.DialBegan(self.now, customer, leg, phone)
        )

    def answers(self, agent: str) -> Self:
        return self.tell(facts.ChannelUp(self.now, Uniqueid(agent)))

    def silent(self, agent: str, result: DialResult = DialResult.CANCELLED) -> Self:
        """The attempt to reach the phone ended."""
        return self.tell(facts.DialEnded(self.now, Uniqueid(agent), result))

    def connects(self, agent: str, name: str = "") -> Self:
        """AgentConnect."""
        member = f"Agent {agent.partition('#')[0]}"
        who, leg = Uniqueid(name or self.caller), Uniqueid(agent)
        return self.tell(facts.AgentConnected(self.now, QueueName(self.queue), who, leg, device(agent), member))

    def bridged(self, *names: str, bridge: str = "b1") -> Self:
        for name in names:
            self.tell(facts.BridgeEntered(self.now, BridgeId(bridge), self.channel(name), None))
        return self

    def unbridged(self, *names: str, bridge: str = "b1") -> Self:
        for name in names:
            self.tell(facts.BridgeLeft(self.now, BridgeId(bridge), Uniqueid(name)))
        return self

    def talks_with(self, agent: str, name: str = "") -> Self:
        """The agent answers and is bridged at once, as app_queue says it: Leave, AgentConnect, the bridge."""
        name = name or self.caller
        return self.answers(agent).leaves(name).connects(agent, name).bridged(name, agent)

    # --- the line to the PBX ---

    def listing(
        self,
        *waiting: tuple[str, float],
        queues: Iterable[str] = ("support",),
        agents: Iterable[str] = (),
        channels: Iterable[str] | None = None,
        bridges: dict[str, str] | None = None,
        light: bool = False,
        ringing: Iterable[str] = (),
        called: Iterable[str] = (),
        dialling: Iterable[str] = (),
        dials: dict[str, str] | None = None,
        answered: Iterable[str] = (),
        lived: dict[str, float] | None = None,
    ) -> Self:
        """The PBX lists who waits (name, seconds so far), who serves (not if `light`), and, if asked, its channels.

        Of the channels, phones in `ringing` ring, those in `called` do not yet, those in `answered` no more; the
        dialplan calls them for those in `dialling`, or with what is given to Dial() in `dials`. Each channel has lived
        for 9 s, if `lived` does not say otherwise.
        """
        queue = QueueName(self.queue or "support")
        for name, _ in waiting:
            if name not in self.channels and name not in agents:
                self.make(name, interface=TRUNK)
        live = None
        if channels is not None:
            seats, rung, given, age = bridges or {}, {*ringing, *called}, dials or {}, lived or {}
            does = dict.fromkeys((*dialling, *given), "Dial") | dict.fromkeys((*rung, *answered), "AppDial")
            live = tuple(
                LiveChannel(
                    self.channel(n),
                    BridgeId(b) if (b := seats.get(n)) else None,
                    n not in rung,
                    seconds(age.get(n, 9)),
                    does.get(n, ""),
                    n in {*ringing},
                    given.get(n, ""),
                )
                for n in channels
            )
        return self.tell(
            facts.SnapshotTaken(
                at=self.now,
                asked_at=self.now,
                queues=tuple(QueueName(q) for q in queues),
                waiting=tuple(WaitingCaller(queue, self.channel(name), seconds(s)) for name, s in waiting),
                members=None
                if light
                else tuple(Member(queue, device(a), f"Agent {a}", MemberState.READY) for a in agents),
                channels=live,
            )
        )

    def line_lost(self) -> Self:
        return self.tell(facts.LinkLost(self.now, "cut"))

    def line_restored(self, booted: float | None = -100) -> Self:
        return self.tell(facts.LinkRestored(self.now, None if booted is None else START + seconds(booted)))

    def stops(self) -> Self:
        """The PBX is shut down in order."""
        return self.tell(facts.PbxStopping(self.now))

    # --- what came of it ---

    def told(self, kind: type[AnEffect]) -> list[AnEffect]:
        """All effects of this kind."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def calls_known(self) -> list[CallRecord]:
        """The newest state of each call, in the order of arrival: as it is now, else as it was saved last."""
        newest = {saved.call.id: saved.call for saved in self.told(SaveCall)}
        newest |= {call.id: call for call in self.tracker.live_calls()}
        return sorted(newest.values(), key=lambda call: (call.arrived_at, call.uniqueid))

    @property
    def call(self) -> CallRecord:
        """The only call."""
        (only,) = self.calls_known
        return only

    @property
    def visits(self) -> list[VisitRecord]:
        return [visit for call in self.calls_known for visit in call.visits]

    @property
    def visit(self) -> VisitRecord:
        """The only visit."""
        (only,) = self.visits
        return only

    @property
    def outcomes(self) -> list[Outcome | None]:
        return [visit.outcome for visit in self.visits]

    @property
    def irregular(self) -> list[str]:
        return [effect.what for effect in self.effects if isinstance(effect, Irregular)]

    @property
    def ended(self) -> list[CallRecord]:
        return [effect.call for effect in self.told(CallEnded)]

    def balance(self) -> Counter[tuple[str, Kind]]:
        """entered − ended − waiting − settling, by queue and kind; empty when the invariant holds."""
        count: Counter[tuple[str, Kind]] = Counter()
        count.update((e.visit.queue, e.visit.kind) for e in self.told(VisitEntered))
        for some in (
            Counter((e.visit.queue, e.visit.kind) for e in self.told(VisitEnded)),
            self.tracker.waiting(),
            self.tracker.settling(),
        ):
            count.subtract(some)
        return Counter({key: n for key, n in count.items() if n})

    def memory(self) -> dict[str, int]:
        """What the tracker still holds of calls; empty when it has forgotten all."""
        return memory(self.tracker)


def memory(tracker: Tracker) -> dict[str, int]:
    """How much each store of the tracker holds, the empty ones left out."""
    book = tracker.book
    stores: dict[str, Sized] = {
        "legs": book.legs,
        "calls": book.calls,
        "open": book.open,
        "offers": book.offers,
        "partners": book.partners,
        "bridges": book.bridges,
        "alarms": book.alarms,
        "others_waiting": book.others_waiting,
        "ended": book.ended,
        "departed": book.departed,
        "former": book.former,
    }
    return {name: len(store) for name, store in stores.items() if store}
