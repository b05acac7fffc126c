"""Lines of queue_log, understood: the same whether they were just read or come out of the journal. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from telephony.calls.facts import Fact
from telephony.queuelog.grammar import Entry, Quarantined, parse, to_fact


@dataclass(frozen=True, slots=True)
class Read:
    """What lines tell, each in the order of the lines.

    Attributes:
        facts: how stays in queues ended.
        entries: all that fit.
        quarantined: those that do not.
        lines: both.
    """

    facts: tuple[Fact, ...] = ()
    entries: tuple[Entry, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    lines: tuple[Entry | Quarantined, ...] = ()


def read(lines: Sequence[bytes], read_at: timedelta) -> Read:
    """Understand lines, given without their ends; `read_at` is our monotonic clock when they were read."""
    understood = tuple(parse(line) for line in lines)
    entries = tuple(entry for entry in understood if isinstance(entry, Entry))
    facts = (to_fact(entry, read_at) for entry in entries)
    return Read(
        facts=tuple(fact for fact in facts if fact is not None),
        entries=entries,
        quarantined=tuple(entry for entry in understood if isinstance(entry, Quarantined)),
        lines=understood,
    )
