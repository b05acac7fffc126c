"""What of the interpreter each call has for itself."""

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from telephony.agi.neighbours import Neighbours

_STREAMS = ("stdin", "stdout", "stderr")


class Seat:
    """What of the interpreter a call has for itself: set while its code runs, and put back afterwards.

    What the script assigns itself (`sys.stdout = …`) it finds again, and nobody else does.
    """

    __slots__ = ("_beside", "_kept", "_own")

    def __init__(self, argv: Sequence[str], main: ModuleType | None, beside: Neighbours | None) -> None:
        self._beside = beside
        self._own = [list(argv), *(getattr(sys, name) for name in _STREAMS), sys.excepthook, main]
        self._kept: list[Any] = []

    def enter(self) -> None:
        """Its code is about to run."""
        self._kept = _seen()
        _show(self._own)
        if self._beside is not None:
            self._beside.enter()

    def leave(self) -> None:
        """Its code has given way."""
        if self._beside is not None:
            self._beside.leave()
        self._own = _seen()
        _show(self._kept)


def _seen() -> list[Any]:
    return [sys.argv, *(getattr(sys, name) for name in _STREAMS), sys.excepthook, sys.modules.get("__main__")]


def _show(values: list[Any]) -> None:
    sys.argv, sys.stdin, sys.stdout, sys.stderr, sys.excepthook, main = values
    if main is not None:
        sys.modules["__main__"] = main
