"""What the spells of agents add to the measures: microseconds of each state, so that sums of sums are exact."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from telephony.calls.spells import STAFFED, AgentState, Spell
from telephony.standard.figures import MICROSECOND, Ratio

MOST_REASONS = 50
"""Anybody may write a reason: of one group in one interval so many are told apart."""
OTHER_REASONS = "other"


class AgentSums(NamedTuple):
    """Microseconds that agents spent in each state; of an agent, an instant is in exactly one of them.

    `unreachable` and `unknown` are no part of the time for which they were there.
    """

    talking: int = 0
    wrap_up: int = 0
    paused: int = 0
    ringing: int = 0
    ready: int = 0
    unreachable: int = 0
    unknown: int = 0

    @property
    def staffed(self) -> int:
        """For so long they were there."""
        return sum(getattr(self, state.value) for state in STAFFED)

    @property
    def of_occupancy(self) -> Ratio:
        """Talk and wrap-up of the time for which they were there and not paused."""
        return Ratio(self.talking + self.wrap_up, self.staffed - self.paused)


def agent_sums(spell: Spell, since: datetime, until: datetime) -> AgentSums:
    """What the part of a spell adds that lies in since <= t < until."""
    ended = until if spell.ended_at is None else min(until, spell.ended_at)
    length = (ended - max(since, spell.began_at)) // MICROSECOND
    return AgentSums(**{spell.state.value: max(0, length)})


def add_reason(reasons: Counter[str], spell: Spell, length: int) -> None:
    """Count a pause by its reason."""
    if spell.state is not AgentState.PAUSED or not length:
        return
    known = spell.reason in reasons or len(reasons) < MOST_REASONS
    reasons[spell.reason if known else OTHER_REASONS] += length
