"""Many calls at once: every way of ending, mixed, each call with a number of its own."""

from __future__ import annotations

from .asterisk import Pbx
from .story import Story

# (calls, hangs_up_after, presses): None stays until the PBX or the agent ends the call
MIX: tuple[tuple[str, float | None, tuple[tuple[float, str], ...]], ...] = (
    ("support", 8.0, ()),
    ("support", 4.0, ()),
    ("support", 2.0, ()),
    ("sales", 6.0, ()),
    ("sales", 1.0, ()),
    ("sales/brief", 9.0, ()),
    ("market", 5.0, ()),
    ("market/overflow", 9.0, ()),
    ("impatient", 7.0, ()),
    ("keyed", 12.0, ((3.0, "1"),)),
    ("support/unanswered", 4.0, ()),
    ("join-empty", None, ()),
)
QUEUES = ("support", "sales", "market", "impatient", "keyed", "overflow")


def load(pbx: Pbx, *, calls: int = 600, per_second: float = 20.0, agents: int = 36) -> Story:
    """A story of `calls` calls; `await load(pbx).play(limit=…)`. Nobody serves `join-empty`.

    Of every twelve agents nine answer after 0.5 to 3 s, one lets it ring, one is busy, one rejects after a second.
    """
    story = Story(pbx)
    for n in range(agents):
        phone = str(1001 + n)
        if n % 12 == 9:
            story.agent(phone, then="rings", serves=QUEUES)
        elif n % 12 == 10:
            story.agent(phone, then="busy", serves=QUEUES)
        elif n % 12 == 11:
            story.agent(phone, rings=1.0, then="rejects", serves=QUEUES)
        else:
            talk = 20.0 if n % 2 else 2.0
            story.agent(phone, rings=0.5 + (n % 6) / 2, hangs_up_after=talk, serves=QUEUES)
    every = len(MIX) / per_second
    for n, (to, leaves, presses) in enumerate(MIX):
        count = calls // len(MIX) + (n < calls % len(MIX))
        if count:
            story.crowd(
                f"0218{n:02d}",
                count=count,
                every=every,
                calls=to,
                hangs_up_after=leaves,
                presses=presses,
                at=n / per_second,
            )
    return story
