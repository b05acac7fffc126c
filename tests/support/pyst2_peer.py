"""pyst2 itself, on files in memory, with scripted replies: what it says, gives and raises."""

import io
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asterisk.agi import AGI

from tests.support.agi_peer import environment

ENDLESS = 1_000
"""After so many lines read beyond the end, pyst2 waits for something that never comes."""


class NeverReturns(Exception):  # noqa: N818 - what happened, and no error of the test's
    """pyst2 reads on for ever."""


class Replies(io.StringIO):
    """Asterisk's side of standard input, which notices when somebody reads beyond its end for ever."""

    def __init__(self, text: str) -> None:
        super().__init__(text, newline="\n")
        self._beyond = 0

    def readline(self, *size: Any) -> str:
        line = super().readline(*size)
        self._beyond += not line
        if self._beyond > ENDLESS:
            raise NeverReturns
        return line


@dataclass(frozen=True)
class Outcome:
    """What a call of a method came to: its value, or the exception's class. `lines` is what was sent."""

    value: Any
    raised: type[BaseException] | None
    message: str
    lines: tuple[str, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and (self.value, self.raised) == (other.value, other.raised)

    def __hash__(self) -> int:
        return hash(self.raised)


def by_pyst2(method: str, arguments: Sequence[Any], replies: bytes) -> Outcome:
    """Call the method of a fresh `AGI`, whose SIGHUP handler is put away again."""
    before = signal.getsignal(signal.SIGHUP)
    said = io.StringIO()
    try:
        text = (environment() + replies).decode("utf-8", "surrogateescape")
        agi = AGI(stdin=Replies(text), stdout=said, stderr=io.StringIO())
        value, raised, message = getattr(agi, method)(*arguments), None, ""
    except Exception as error:  # noqa: BLE001 - any exception is an outcome
        value, raised, message = None, type(error), str(error)
    finally:
        signal.signal(signal.SIGHUP, before)
    return Outcome(value, raised, message, tuple(said.getvalue().splitlines()))
