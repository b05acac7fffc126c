"""The orders in which a PBX may tell the same: each of its threads in turn, but the threads as they please.

Known of Asterisk: what happens to one channel is told in order, and what follows from something is told after it. But
the far half of a Local channel runs its dialplan while it is still being said that the near half was called; a pick-up
is told by the picker's thread after the call has changed hands, and a transfer by the transferer's after whom he hands
on has been sent on his way.
"""

import random
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import timedelta

from telephony.calls import facts
from telephony.calls.facts import Channel, Fact, Uniqueid

AT_ONCE = timedelta(milliseconds=60)
"""Of what is told within this time of each other, the order may be another."""
FIXED = (facts.SnapshotTaken, facts.LinkRestored, facts.ChannelRenamed)
BY_ANOTHER = (facts.PickedUp, facts.Transferred)
"""Told by somebody else's thread than that of the channel which goes on: perhaps late, never early."""
FOLLOWS = (facts.BridgeLeft, facts.ChannelEnded, facts.DialEnded, facts.CallerLeft, facts.CallerUnserved)


def interleaved(told: Sequence[Fact], chance: random.Random, swaps: int) -> list[Fact]:
    """The same facts with `swaps` attempts to let one overtake the one before it; the moments stay in order."""
    order = list(range(len(told)))
    for _ in range(swaps):
        n = chance.randrange(len(order) - 1)
        first, second = order[n], order[n + 1]
        near = told[n + 1].at.mono - told[n].at.mono <= AT_ONCE
        if near and (first > second or may_overtake(told[second], told[first])):
            order[n], order[n + 1] = second, first
    return [replace(told[whose], at=told[when].at) for when, whose in enumerate(order)]


def may_overtake(later: Fact, earlier: Fact) -> bool:
    """Whether what was told later could as well have been told before."""
    if isinstance(earlier, FIXED) or isinstance(later, FIXED + BY_ANOTHER) or channels(earlier) & channels(later):
        return False
    if isinstance(earlier, facts.HangupRequested) and isinstance(later, FOLLOWS):
        return False
    if isinstance(earlier, facts.DialEnded) and isinstance(later, facts.ChannelUp):
        return False  # the near half of a Local channel is answered because of what the far half dialled
    # A channel is made by what was told before, but for two dials that go on at once.
    return not isinstance(later, facts.ChannelAppeared) or isinstance(earlier, facts.DialBegan | facts.AgentCalled)


def channels(fact: Fact) -> set[Uniqueid]:
    """Whose thread tells it."""
    if isinstance(fact, facts.PickedUp):
        return {fact.target}
    if isinstance(fact, facts.Transferred):
        return {fact.transferer}
    values = [getattr(fact, one.name) for one in fields(fact)]
    named = {value.uniqueid for value in values if isinstance(value, Channel)}
    names = ("uniqueid", "leg", "caller", "first", "second", "replaced")
    said = [getattr(fact, name, None) for name in names]
    return named | {Uniqueid(value) for value in said if isinstance(value, str) and value}
