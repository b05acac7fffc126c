"""Lines of channel events, understood: the same whether they were just read or come out of the journal. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from telephony.cel.grammar import Entry, Quarantined, parse


@dataclass(frozen=True, slots=True)
class Read:
    """What lines tell, each in their order: those that fit, and those that do not."""

    entries: tuple[Entry, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()


def read(lines: Sequence[bytes]) -> Read:
    """Understand lines, given without their ends."""
    understood = [parse(line) for line in lines]
    return Read(
        entries=tuple(one for one in understood if isinstance(one, Entry)),
        quarantined=tuple(one for one in understood if isinstance(one, Quarantined)),
    )
