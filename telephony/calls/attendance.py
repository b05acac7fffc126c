"""What the agents of one PBX do, spell after spell: facts in, spells out. Beside the calls, which know nothing of it.

An agent is whoever the members of that name are, over all their queues. Nothing is accounted before a listing of
everything, and nothing of the time in which nobody heard the PBX: that is `unknown` until the next listing, which
carries on what it shows as it was. docs/agents-time.md has the rules and why they are so.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from telephony.calls import facts
from telephony.calls.clocks import STEP, ZERO
from telephony.calls.facts import Interface, Member, MemberState, Moment, QueueName, Uniqueid
from telephony.calls.merging import SAME_BOOT
from telephony.calls.record import Quality
from telephony.calls.spells import AgentState, Spell, legible

LONGEST = timedelta(hours=12)
"""A spell that is longer goes on in another, so that whoever asks for a day need not look back for ever."""
PARTS = 200
REASON = 80
"""Characters of a pause's reason: anybody may write it."""
Seat = tuple[QueueName, Interface]
Doing = tuple[AgentState, str, tuple[str, ...]]
"""What he does, why, and for which queues."""


@dataclass(frozen=True, slots=True)
class WrapUp:
    """What counts as wrap-up.

    Attributes:
        after: each talk for a queue, unless the member has a time of his own.
        pauses: the names of pauses that are wrap-up, casefolded.
    """

    after: Mapping[str, timedelta] = field(default_factory=dict)
    pauses: Collection[str] = frozenset()


@dataclass(slots=True)
class Agent:
    """One of them.

    Attributes:
        open: what goes on; None: he is not there. began: when it began.
        last: the spell before. before: what he did when the PBX was heard no more.
        until: up to then he is accounted for. wraps: when his wrap-up will be over.
    """

    open: Spell | None = None
    began: Moment | None = None
    last: Spell | None = None
    before: Spell | None = None
    until: datetime | None = None
    wraps: Moment | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """A talk for a queue. `wrap_up`: what follows it."""

    agent: str
    queue: QueueName
    since: timedelta
    wrap_up: timedelta


class Attendance:
    """The agents of one PBX; one owner, no clock.

    Args:
        pbx: its name.
        wrap_up: what counts as that.

    Attributes:
        changed: spells that are new or otherwise since they were taken, by agent and beginning.
        heard: the last that is accounted for. heard_from: the first listing; None: nothing is accounted yet.
    """

    def __init__(self, pbx: str, wrap_up: WrapUp) -> None:
        self.pbx, self._wrap_up = pbx, wrap_up
        self.changed: dict[tuple[str, datetime], Spell] = {}
        self.agents: dict[str, Agent] = {}
        self.heard: Moment | None = None
        self.heard_from: Moment | None = None
        self.booted_at: datetime | None = None
        self._hearing = False
        self._members: dict[Seat, Member] = {}
        self._seats: dict[str, set[Seat]] = {}
        self._told: dict[Seat, timedelta] = {}
        self._serving: dict[Uniqueid, Served] = {}
        self._talks: Counter[str] = Counter()
        self._alarms: list[tuple[timedelta, str]] = []

    def apply(self, fact: facts.Fact) -> None:
        """Account for one fact."""
        if isinstance(fact, facts.TimePassed | facts.QueueResultLogged):
            return  # told by nobody on the line
        if self._hearing:
            self._wraps_over(fact.at)
        rule = _RULES.get(type(fact))
        if rule is not None:
            rule(self, fact)
        if self._hearing and (self.heard is None or fact.at.mono >= self.heard.mono):
            self.heard = fact.at

    def take(self) -> list[Spell]:
        """What changed since it was taken last, in order."""
        changed, self.changed = self.changed, {}
        parts = [part for spell in changed.values() for part in in_parts(spell)]
        return sorted(parts, key=lambda spell: (spell.agent, spell.began_at))

    # --- the line ---

    def _lose(self, _: facts.Fact) -> None:
        """From what was heard last on, nobody knows."""
        at = self.heard
        if not self._hearing or at is None:
            return
        self._hearing = False
        self._serving.clear()
        self._talks.clear()
        self._alarms.clear()
        for agent in self.agents.values():
            agent.wraps, agent.before = None, agent.open
            if agent.open is not None:
                self._change(agent, (AgentState.UNKNOWN, "", agent.open.queues), agent.open.agent, at, found=False)

    def _restored(self, fact: facts.LinkRestored) -> None:
        if fact.booted_at is None:
            return
        if self.booted_at is not None and abs(fact.booted_at - self.booted_at) > SAME_BOOT:
            self._lose(fact)
            for agent in self.agents.values():
                agent.before = None  # who serves a PBX that has just begun, begins, too
        self.booted_at = fact.booted_at

    def _listed(self, fact: facts.SnapshotTaken) -> None:
        """What is listed is so, but for who was told of since the listing was asked for."""
        if fact.members is None:
            return
        asked = fact.asked_at.mono
        self._told = {seat: mono for seat, mono in self._told.items() if mono >= asked}
        members = {(one.queue, one.interface): replace(one, name=legible(one.name)) for one in fact.members}
        for seat in self._told:
            members.pop(seat, None)
            if seat in self._members:
                members[seat] = self._members[seat]
        self._members, self._seats = members, {}
        for seat, member in members.items():
            self._seats.setdefault(member.name, set()).add(seat)
        self._hearing = True
        self.heard_from = self.heard_from or fact.at
        for caller, served in list(self._serving.items()):
            if served.since < asked and MemberState.TALKING not in self._phones(served.agent):
                self._serves_no_more(caller)
        for name in sorted(self.agents.keys() | self._seats.keys()):
            self._turn(name, fact.at, found=True)
            self._cut(name, fact.at)

    def _cut(self, name: str, at: Moment) -> None:
        """End what has gone on for very long, and let it go on; forget who is gone."""
        agent = self.agents[name]
        if agent.open is None:
            del self.agents[name]
        elif agent.began is not None and at.mono - agent.began.mono >= LONGEST:
            open_ = agent.open
            self._change(agent, (open_.state, open_.reason, open_.queues), name, at, found=False)

    # --- members and talks ---

    def _member_changed(self, fact: facts.MemberChanged) -> None:
        member = replace(fact.member, name=legible(fact.member.name))
        seat = member.queue, member.interface
        before = self._members.get(seat)
        if before is not None and before.name != member.name:
            self._leave(seat, before.name, fact.at)
        self._members[seat] = member
        self._seats.setdefault(member.name, set()).add(seat)
        self._told[seat] = fact.at.mono
        self._turn(member.name, fact.at)

    def _member_removed(self, fact: facts.MemberRemoved) -> None:
        seat = fact.queue, fact.interface
        self._told[seat] = fact.at.mono
        before = self._members.get(seat)
        if before is not None:
            self._leave(seat, before.name, fact.at)

    def _leave(self, seat: Seat, name: str, at: Moment) -> None:
        del self._members[seat]
        self._seats[name].discard(seat)
        if not self._seats[name]:
            del self._seats[name]
        self._turn(name, at)

    def _called(self, fact: facts.AgentCalled) -> None:
        """A new call ends the wrap-up after the last."""
        name = legible(fact.member)
        if (agent := self.agents.get(name)) is not None and agent.wraps is not None:
            agent.wraps = None
            self._turn(name, fact.at)

    def _connected(self, fact: facts.AgentConnected) -> None:
        member = self._members.get((fact.queue, fact.interface))
        own = ZERO if member is None else member.wrap_up
        wrap_up = own or self._wrap_up.after.get(fact.queue, ZERO)
        name, before = legible(fact.member), self._serving.get(fact.caller)
        if before is not None and before.agent != name:
            self._over(fact.caller, fact.at)  # he was handed over
        self._serves_no_more(fact.caller)
        self._serving[fact.caller] = Served(name, fact.queue, fact.at.mono, wrap_up)
        self._talks[name] += 1
        if (agent := self.agents.get(name)) is not None:
            agent.wraps = None
        self._turn(name, fact.at)

    def _completed(self, fact: facts.AgentCompleted) -> None:
        """Who was handed over is told of under another name, or none; an agent has one talk of a queue at a time."""
        who = legible(fact.member), fact.queue
        served = None if fact.caller is None else self._serving.get(fact.caller)
        named = fact.caller if served is not None and served.agent == who[0] else None
        theirs = [caller for caller, one in self._serving.items() if (one.agent, one.queue) == who]
        for caller in theirs if named is None else [named]:
            self._over(caller, fact.at)

    def _channel_ended(self, fact: facts.ChannelEnded) -> None:
        self._over(fact.uniqueid, fact.at)

    def _over(self, caller: Uniqueid, at: Moment) -> None:
        """The talk with this caller is over, if there was one; what follows it is counted from now."""
        served = self._serves_no_more(caller)
        if served is None:
            return
        agent = self.agents.get(served.agent)
        if agent is not None and served.wrap_up:
            agent.wraps = Moment(at.wall + served.wrap_up, at.mono + served.wrap_up, at.stamped)
            heapq.heappush(self._alarms, (agent.wraps.mono, served.agent))
        self._turn(served.agent, at)

    def _serves_no_more(self, caller: Uniqueid) -> Served | None:
        served = self._serving.pop(caller, None)
        if served is not None:
            self._talks[served.agent] -= 1
        return served

    def _wraps_over(self, at: Moment) -> None:
        while self._alarms and self._alarms[0][0] <= at.mono:
            mono, name = heapq.heappop(self._alarms)
            agent = self.agents.get(name)
            if agent is not None and agent.wraps is not None and agent.wraps.mono <= mono:
                over, agent.wraps = agent.wraps, None
                self._turn(name, over)

    # --- what an agent does ---

    def _phones(self, name: str) -> set[MemberState]:
        members = [self._members[seat] for seat in self._seats.get(name, ())]
        return {member.phone or member.state for member in members}

    def _doing(self, name: str) -> Doing | None:
        """What he does, over all his queues; None: he serves none."""
        seats = self._seats.get(name)
        if not seats:
            return None
        queues, phones = tuple(sorted({queue for queue, _ in seats})), self._phones(name)
        if MemberState.TALKING in phones or self._talks[name]:
            return AgentState.TALKING, "", queues
        if phones == {MemberState.UNAVAILABLE}:
            return AgentState.UNREACHABLE, "", queues
        if all(self._members[seat].paused for seat in seats):
            reason = self._reason(name, seats)
            is_wrap_up = reason.casefold() in self._wrap_up.pauses
            return AgentState.WRAP_UP if is_wrap_up else AgentState.PAUSED, reason, queues
        if MemberState.RINGING in phones:
            return AgentState.RINGING, "", queues
        wraps = self.agents[name].wraps is not None if name in self.agents else False
        return AgentState.WRAP_UP if wraps else AgentState.READY, "", queues

    def _reason(self, name: str, seats: Collection[Seat]) -> str:
        """Of several the one that he has already, else the newest."""
        reasons = {legible(self._members[seat].reason)[:REASON] for seat in seats}
        open_ = self.agents[name].open if name in self.agents else None
        if open_ is not None and open_.reason in reasons and open_.state in {AgentState.PAUSED, AgentState.WRAP_UP}:
            return open_.reason
        newest = max(seats, key=lambda seat: (self._told.get(seat, ZERO), seat))
        return legible(self._members[newest].reason)[:REASON]

    def _turn(self, name: str, at: Moment, *, found: bool = False) -> None:
        """See what he does now. `found`: it was not heard to begin."""
        if not self._hearing:
            return
        agent, doing = self.agents.get(name), self._doing(name)
        if agent is None:
            if doing is None:
                return
            agent = self.agents[name] = Agent()
        open_ = agent.open
        if doing != (None if open_ is None else (open_.state, open_.reason, open_.queues)):
            self._change(agent, doing, name, at, found=found)

    def _change(self, agent: Agent, doing: Doing | None, name: str, at: Moment, *, found: bool) -> None:
        began = self._close(agent, at)
        if doing is None:
            return
        state, reason, queues = doing
        quality = Quality.PARTIAL if found else Quality.LIVE
        spell = Spell(self.pbx, name, state, reason, queues, began, began, quality=quality)
        last = agent.last
        if last is not None and last.ended_at == began:
            carried = agent.before if last.state is AgentState.UNKNOWN else last
            if carried is not None and carried.same(spell):
                spell = replace(spell, since=carried.since)
        agent.open, agent.began = spell, Moment(began, at.mono, at.stamped)
        self.changed[name, began] = spell

    def _close(self, agent: Agent, at: Moment) -> datetime:
        """End what he does; when the next begins, never before. Should the PBX's clock have been set, by ours."""
        open_, began = agent.open, agent.began
        if open_ is None or began is None:
            return at.wall if agent.until is None else max(at.wall, agent.until)
        by_us = max(ZERO, at.mono - began.mono)
        if -STEP <= at.wall - began.wall - by_us <= STEP:
            ended = agent.until = max(at.wall, open_.began_at)
        else:
            open_, ended = replace(open_, quality=Quality.APPROXIMATE), began.wall + by_us
            agent.until = max(at.wall, ended)
        agent.last, agent.open, agent.began = replace(open_, ended_at=ended), None, None
        self.changed[open_.agent, open_.began_at] = agent.last
        return agent.until


def in_parts(spell: Spell) -> list[Spell]:
    """The same as spells of `LONGEST` at most, end to end; of one that no clock can have told, the first `PARTS`."""
    if spell.ended_at is None or spell.ended_at - spell.began_at <= LONGEST:
        return [spell]
    count = min(PARTS, -((spell.began_at - spell.ended_at) // LONGEST))
    begins = [spell.began_at + number * LONGEST for number in range(count)]
    ends = [min(begin + LONGEST, spell.ended_at) for begin in begins]
    return [replace(spell, began_at=begin, ended_at=end) for begin, end in zip(begins, ends, strict=True)]


_RULES: Mapping[type, Callable[..., None]] = {
    facts.LinkLost: Attendance._lose,  # noqa: SLF001 - a table of this class
    facts.PbxStopping: Attendance._lose,  # noqa: SLF001
    facts.LinkRestored: Attendance._restored,  # noqa: SLF001
    facts.SnapshotTaken: Attendance._listed,  # noqa: SLF001
    facts.MemberChanged: Attendance._member_changed,  # noqa: SLF001
    facts.MemberRemoved: Attendance._member_removed,  # noqa: SLF001
    facts.AgentCalled: Attendance._called,  # noqa: SLF001
    facts.AgentConnected: Attendance._connected,  # noqa: SLF001
    facts.AgentCompleted: Attendance._completed,  # noqa: SLF001
    facts.ChannelEnded: Attendance._channel_ended,  # noqa: SLF001
}
