"""Facts in, effects out: what every call on one PBX is, kept up to date fact by fact.

One tracker per PBX, one owner, no lock. It never waits and never fails on what the world says: a fact that no rule
allows changes nothing and is reported as `Irregular`.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from telephony.calls import channels, dialling, facts, handing, merging, pickup, queueing, reaching, resuming, talking
from telephony.calls.book import Book, Rules
from telephony.calls.clocks import span
from telephony.calls.effects import Effect
from telephony.calls.facts import (
    Fact,
    Interface,
    LinkLost,
    LinkRestored,
    MemberState,
    QueueName,
    SnapshotTaken,
    TimePassed,
)
from telephony.calls.record import CallRecord, Kind, Standing
from telephony.calls.visit import IllegalStepError

HELD_FACTS = 200_000
"""Facts kept while the first listing after a link was (re)made is on its way; some seconds of the heaviest traffic."""

RULES: Mapping[type, Callable[..., None]] = {
    facts.ChannelAppeared: channels.appeared,
    facts.ChannelAlerted: dialling.alerted,
    facts.ChannelUp: dialling.up,
    facts.CallerIdentified: channels.identified,
    facts.ChannelRenamed: channels.renamed,
    facts.HangupRequested: channels.asked_to_end,
    facts.ChannelEnded: channels.ended,
    facts.Held: talking.held,
    facts.Unheld: talking.unheld,
    facts.DialBegan: dialling.began,
    facts.DialEnded: dialling.ended,
    facts.LocalJoined: dialling.local_joined,
    facts.BridgeEntered: talking.entered,
    facts.BridgeLeft: talking.left,
    facts.Transferred: handing.transferred,
    facts.Parked: handing.parked,
    facts.PickedUp: pickup.told,
    facts.CallerJoined: queueing.joined,
    facts.CallerUnserved: queueing.unserved,
    facts.CallerLeft: queueing.left,
    facts.AgentCalled: dialling.agent_called,
    facts.AgentConnected: queueing.connected,
    facts.AgentRangOut: dialling.rang_out,
    facts.QueueResultTold: queueing.told,
    facts.QueueResultLogged: queueing.logged,
    facts.MemberChanged: merging.member_changed,
    facts.MemberRemoved: merging.member_removed,
    facts.PhoneTold: reaching.told,
    facts.PbxStopping: merging.stopping,
}
UNHEARD = (TimePassed, facts.QueueResultLogged)
"""Facts that the PBX's own line did not tell."""


class Tracker:
    """Every call of one PBX.

    Until the first listing after a `LinkRestored` (it names the phones, and so tells inbound from internal) facts are
    held back, at most `HELD_FACTS` of them, and applied right after it.
    """

    def __init__(self, rules: Rules) -> None:
        self.book = Book(rules)
        self.comparison = merging.Comparison()
        self.held: deque[Fact] | None = None

    def resume(self, calls: Iterable[CallRecord], now: facts.Moment) -> list[Effect]:
        """Take up the calls that an earlier process left open; before any fact of theirs is applied."""
        resuming.resume(self.book, calls, now)
        return self.book.take()

    def apply(self, fact: Fact) -> list[Effect]:
        """What is to be done about this fact. The states to save come last."""
        if self.held is not None and not isinstance(fact, SnapshotTaken | LinkLost | LinkRestored):
            self.held.append(fact)
            if len(self.held) <= HELD_FACTS:
                return []
            self.book.irregular("listing_overdue", f"no listing within {HELD_FACTS} facts")
            return self.release()
        match fact:
            case SnapshotTaken():
                held = self.held
                resuming.name_devices(self.book, fact)
                reaching.listed(self.book, fact)
                self.run(lambda: merging.snapshot(self.book, self.comparison, fact, held), fact)
                return self.release()
            case LinkLost():
                self.release_into_book()
                reaching.forget(self.book)
                self.run(lambda: merging.link_lost(self.book, fact), fact)
                self.comparison.forget()
            case LinkRestored():
                self.release_into_book()
                self.run(lambda: merging.link_restored(self.book, fact), fact)
                self.hold()
            case _:
                self.apply_rule(fact)
        return self.book.take()

    def hold(self) -> None:
        """Keep facts back until a listing comes."""
        self.held = deque()

    def release(self) -> list[Effect]:
        """Apply what was held back."""
        self.release_into_book()
        return self.book.take()

    def release_into_book(self) -> None:
        """Apply what was held back, leaving the effects where they gather."""
        held, self.held = self.held or (), None
        for fact in held:
            self.apply_rule(fact)

    def apply_rule(self, fact: Fact) -> None:
        """Apply one fact that is about calls or agents, and whatever its time makes due."""
        book = self.book
        if book.alarms and book.alarms[0][0] <= fact.at.mono:
            self.fall_due(fact)
        book.forget_ended(fact.at)
        rule = RULES.get(type(fact))
        if rule is not None:
            try:
                rule(book, fact)
            except IllegalStepError as error:
                self.refuse(fact, error)
        if not isinstance(fact, UNHEARD):
            book.last = fact.at

    def run(self, rule: Callable[[], None], fact: Fact) -> None:
        """An illegal step changes nothing but a counter."""
        try:
            rule()
        except IllegalStepError as error:
            self.refuse(fact, error)

    def refuse(self, fact: Fact, error: IllegalStepError) -> None:
        """Tell of a fact that no rule allows."""
        self.book.irregular("illegal_step", f"{type(fact).__name__}: {error}")

    def fall_due(self, fact: Fact) -> None:
        """Whose patience is over by the time of this fact."""
        book, at = self.book, fact.at
        while book.alarms and book.alarms[0][0] <= at.mono:
            _, _, call, visit = heapq.heappop(book.alarms)
            if visit is None:
                book.forget_if_over(call, at)
            elif visit.kind is Kind.DIRECT:
                dialling.patience_over(book, call, visit, at)
            else:
                queueing.settle(book, call, visit, at)

    def due(self, now: facts.Moment) -> bool:
        """Whether `TimePassed` would do anything now."""
        alarms = self.book.alarms
        return self.held is None and bool(alarms) and alarms[0][0] <= now.mono

    # --- what is now, for gauges ---

    def waiting(self) -> Counter[tuple[str, Kind]]:
        """Visits still waiting, by queue and kind."""
        return Counter((visit.queue, visit.kind) for visit in self.book.open if visit.waiting)

    def settling(self) -> Counter[tuple[str, Kind]]:
        """Visits that left and have no outcome yet, by queue and kind."""
        return Counter((visit.queue, visit.kind) for visit in self.book.open if visit.settling)

    def oldest_wait(self, now: facts.Moment) -> dict[tuple[str, Kind], timedelta]:
        """The longest running wait, by queue and kind; only where somebody waits."""
        oldest: dict[tuple[str, Kind], timedelta] = {}
        for visit in self.book.open:
            if visit.waiting:
                key, waited = (visit.queue, visit.kind), span(visit.began, now).length
                oldest[key] = max(oldest.get(key, waited), waited)
        return oldest

    def residual(self) -> Mapping[str, int]:
        """By queue: callers whom, lastingly, only we or only the PBX have waiting. Must be 0."""
        return self.comparison.residual

    def agents(self) -> Counter[tuple[QueueName, MemberState]]:
        """Agents by queue and state."""
        return Counter((member.queue, member.state) for member in self.book.members.values())

    def phones(self) -> dict[Interface, MemberState]:
        """What each phone that serves a queue is doing; ready only where it is so in all its queues."""
        states: dict[Interface, MemberState] = {}
        for member in self.book.members.values():
            phone = member.device or member.interface
            if states.get(phone, MemberState.READY) is MemberState.READY:
                states[phone] = member.state
        return states

    def standing(self, uniqueid: facts.Uniqueid) -> Standing | None:
        """The call that a living channel belongs to; None when that is not known, or not yet."""
        leg = self.book.legs.get(uniqueid)
        call = leg.call if leg is not None else None
        if call is None:
            return None
        return Standing(call.id, call.case)

    def live_calls(self) -> list[CallRecord]:
        """Every call that goes on."""
        return [self.book.record(call) for call in self.book.calls.values() if not call.finished]
