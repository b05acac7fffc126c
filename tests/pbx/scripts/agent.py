"""What Queue() runs when an agent has answered."""

from __future__ import annotations

from asterisk.agi import AGI


def at_once(agi: AGI) -> None:
    """One command."""
    agi.set_variable("POPPED", "yes")


def slow(agi: AGI) -> None:
    """A second and a half, without holding its host."""
    agi.wait_for_digit(1500)


def never(agi: AGI) -> None:
    """Until somebody hangs up."""
    agi.wait_for_digit(-1)
