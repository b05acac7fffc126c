"""An agent's day told step by step: facts go into the accounting, spells are read back.

day = Day().listed().at(10).member("A").at(40).paused("A", "lunch").at(100).removed("A")
assert day.told("A") == ["ready 10-40", "paused(lunch) 40-100"]
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from telephony.calls import facts
from telephony.calls.attendance import Attendance, WrapUp
from telephony.calls.facts import Channel, Fact, Interface, Member, MemberState, Moment, QueueName, Uniqueid
from telephony.calls.spells import AgentState, Spell
from tests.support.story import START, moment, seconds

WRAP_UP = WrapUp(after={"support": seconds(10)}, pauses=frozenset({"wrap-up"}))


def offset(when: datetime | None) -> str:
    """Seconds after the story began; empty: it goes on."""
    return "" if when is None else f"{(when - START).total_seconds():g}"


def said(spell: Spell) -> str:
    why = f"({spell.reason})" if spell.reason else ""
    return f"{spell.state}{why} {offset(spell.began_at)}-{offset(spell.ended_at)}"


@dataclass
class Day:
    """Tell it with verbs, then read `told` of an agent, or `spells`."""

    wrap_up: WrapUp = WRAP_UP
    stepped: timedelta = timedelta()
    now: Moment = field(default_factory=lambda: moment(0))
    members: dict[tuple[str, str], Member] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.attendance = Attendance("pbx1", self.wrap_up)
        self.facts: list[Fact] = []

    def at(self, value: float) -> Self:
        now = moment(value)
        self.now = replace(now, wall=now.wall + self.stepped)
        return self

    def tell(self, *some: Fact) -> Self:
        for fact in some:
            self.facts.append(fact)
            self.attendance.apply(fact)
        return self

    # --- members ---

    def member(
        self, agent: str, queue: str = "support", phone: str = "", state: MemberState = MemberState.READY, **more: Any
    ) -> Self:
        """Added, or otherwise than before."""
        interface = Interface(f"PJSIP/{phone or agent}")
        paused = more.get("paused", False)
        shown = MemberState.PAUSED if paused else state
        member = Member(QueueName(queue), interface, agent, shown, phone=None if shown is state else state, **more)
        self.members[queue, interface] = member
        return self.tell(facts.MemberChanged(self.now, member))

    def paused(self, agent: str, reason: str = "", queue: str = "support", **more: Any) -> Self:
        return self.member(agent, queue, paused=True, reason=reason, **more)

    def removed(self, agent: str, queue: str = "support", phone: str = "") -> Self:
        interface = Interface(f"PJSIP/{phone or agent}")
        self.members.pop((queue, interface), None)
        return self.tell(facts.MemberRemoved(self.now, QueueName(queue), interface))

    # --- talks ---

    def called(self, agent: str, caller: str = "C", queue: str = "support") -> Self:
        at, interface = self.now, Interface(f"PJSIP/{agent}")
        leg = Channel(Uniqueid(f"{agent}.1"), Uniqueid(caller), interface)
        return self.tell(facts.AgentCalled(at, QueueName(queue), Uniqueid(caller), leg, interface, agent))

    def connected(self, agent: str, caller: str = "C", queue: str = "support") -> Self:
        interface, leg = Interface(f"PJSIP/{agent}"), Uniqueid(f"{agent}.1")
        return self.tell(facts.AgentConnected(self.now, QueueName(queue), Uniqueid(caller), leg, interface, agent))

    def completed(self, agent: str, caller: str = "C", queue: str = "support") -> Self:
        interface, who = Interface(f"PJSIP/{agent}"), Uniqueid(caller) if caller else None
        return self.tell(facts.AgentCompleted(self.now, QueueName(queue), who, interface, agent))

    def gone(self, caller: str = "C") -> Self:
        return self.tell(facts.ChannelEnded(self.now, Uniqueid(caller), 16))

    # --- the line ---

    def listed(self, members: Iterable[Member] | None = None, *, asked: float | None = None) -> Self:
        """Everything is listed: these members, or those who are there."""
        listed = tuple(self.members.values() if members is None else members)
        asked_at = self.now if asked is None else moment(asked)
        return self.tell(facts.SnapshotTaken(self.now, asked_at, (QueueName("support"),), (), listed, ()))

    def compared(self) -> Self:
        """The waiting callers are listed, and nobody else."""
        return self.tell(facts.SnapshotTaken(self.now, self.now, (QueueName("support"),), (), None, None))

    def lost(self) -> Self:
        return self.tell(facts.LinkLost(self.now, "gone"))

    def restored(self, booted: float | None = -1000) -> Self:
        return self.tell(facts.LinkRestored(self.now, None if booted is None else START + seconds(booted)))

    # --- what came of it ---

    @property
    def spells(self) -> list[Spell]:
        return sorted(self.attendance.changed.values(), key=lambda spell: (spell.agent, spell.began_at))

    def told(self, agent: str = "A") -> list[str]:
        return [said(spell) for spell in self.spells if spell.agent == agent]

    def seconds_of(self, state: AgentState, agent: str = "A") -> float:
        ended = [one for one in self.spells if one.agent == agent and one.state is state and one.ended_at is not None]
        return sum((one.ended_at - one.began_at).total_seconds() for one in ended if one.ended_at is not None)
