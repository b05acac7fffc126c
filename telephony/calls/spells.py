"""What an agent did, from when to when: spells that lie end to end, as adapters store and measure them.

Field names and rules follow docs/agents-time.md. A spell includes its beginning and not its end, so that two of them,
and two days, never both have an instant.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from telephony.calls.record import Quality

_BYTE = re.compile("[\x00\ud800-\udfff]")


def legible(text: str) -> str:
    r"""The text with each byte that is not UTF-8, and NUL, written as `\xNN`.

    A database stores neither; and were all replaced by one sign, 张敏 and 刘洋 in GBK would be one agent.
    """
    return _BYTE.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", text)


class AgentState(StrEnum):
    """What an agent does: exactly one, over all his queues."""

    TALKING = "talking"
    WRAP_UP = "wrap_up"
    PAUSED = "paused"
    RINGING = "ringing"
    READY = "ready"
    UNREACHABLE = "unreachable"
    """A member of queues, but no phone of his can be called: he is not there."""
    UNKNOWN = "unknown"
    """Nobody heard. Never guessed, part of no measure, counted in the open."""


STAFFED = frozenset(AgentState) - {AgentState.UNREACHABLE, AgentState.UNKNOWN}
"""He is there: a member of a queue, and reachable as far as is known."""


@dataclass(frozen=True, slots=True)
class Spell:
    """One stretch of an agent's time; known by PBX, agent and beginning.

    Attributes:
        agent: the member name, as in visits: of all members who are called that he is one.
        reason: of a pause: free text.
        queues: that he serves, in their order by name.
        began_at: of this stretch. ended_at: not included; None: it goes on.
        since: when he came to do this, before any gap that ended as it began, and before his queues changed.
        quality: partial when its beginning was not heard (it was found in a listing); approximate in clock doubt.
    """

    pbx: str
    agent: str
    state: AgentState
    reason: str
    queues: tuple[str, ...]
    began_at: datetime
    since: datetime
    ended_at: datetime | None = None
    quality: Quality = Quality.LIVE

    def same(self, other: "Spell") -> bool:
        """Whether he did the same."""
        return (self.state, self.reason) == (other.state, other.reason)
