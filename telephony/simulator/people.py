"""What the people at both ends of a line do: values, decided by somebody else. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who calls, and what he will do. Durations in seconds.

    Attributes:
        number, name: as his telephone says; empty: he hides it. `name` is any text.
        dials: the number.
        patience: he hangs up when he talks to nobody so long after he called; None: never.
        hangs_up_after: he hangs up so long after he called, whatever happens; None: not by that.
        talks_for: he hangs up so long after he was put through; None: not by that.
        presses: a key, so long after he called.
    """

    number: str
    dials: str
    name: str = ""
    patience: float | None = None
    hangs_up_after: float | None = None
    talks_for: float | None = None
    presses: tuple[float, str] | None = None


class Then(StrEnum):
    """What becomes of a call that a phone was offered."""

    ANSWERS = "answers"
    RINGS = "rings"
    """It rings until somebody stops it."""
    BUSY = "busy"
    REJECTS = "rejects"
    SILENT = "silent"
    """It says that it tries, and no more: no phone is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What a phone and whoever sits beside it do with one call. Durations in seconds.

    Attributes:
        setup: from the invitation to the first ringing.
        after: from the first ringing to `then`.
        talks_for: he hangs up so long after he answered; None: he waits for the caller to do so.
        holds: he holds the caller: so long after he answered, for so long.
        transfers: he transfers the caller without asking: so long after he answered, to this number.
        consults: he first asks somebody: so long after he answered, whom, and for how long until he hands over.
    """

    then: Then
    after: float = 0.0
    setup: float = 0.0015
    talks_for: float | None = None
    holds: tuple[float, float] | None = None
    transfers: tuple[float, str] | None = None
    consults: tuple[float, str, float] | None = None


class Staff(Protocol):
    """Whoever knows what phones do."""

    def reaction(self, interface: str) -> Reaction:
        """What this phone does now that it is called."""
        ...
