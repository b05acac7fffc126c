"""What of the interpreter, and of the process, each call has for itself."""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, cast

from telephony.agi.neighbours import Neighbours

_events: Any = asyncio.events
_STREAMS = ("stdin", "stdout", "stderr")


class Seat:
    """Set while a call's code runs, and put back afterwards.

    What the script assigns itself (`sys.stdout = …`, `os.chdir(…)`) it finds again, and nobody else does.

    Args:
        argv: `sys.argv`.
        main: the module that is `__main__`, if the call has one; then the root logger has its own handlers, too.
        beside: the modules of its folder.

    Attributes:
        alone: the code knows nothing of a running loop, and may say `asyncio.run`.
    """

    def __init__(self, argv: Sequence[str], main: ModuleType | None, beside: Neighbours | None) -> None:
        self.alone = False
        self._beside = beside
        handlers: list[Any] | None = None if main is None else []
        self._own = [list(argv), *(getattr(sys, name) for name in _STREAMS), sys.excepthook, main, handlers]
        self._kept: list[Any] = []
        self._place, self._base = _Place(None, None), _Place(None, None)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._policy: asyncio.AbstractEventLoopPolicy | None = None
        self._outer: Any = None

    def enter(self) -> None:
        """Its code is about to run."""
        self._kept = _seen()
        _show(self._own)
        self._base = _Place.here()
        self._place.take()
        if self._beside is not None:
            self._beside.enter()
        if self.alone:
            # asyncio.run() and get_event_loop() leave something in the policy that would fail the next call.
            self._outer = asyncio._get_running_loop(), _events._event_loop_policy  # noqa: SLF001
            asyncio._set_running_loop(self._loop)  # noqa: SLF001
            _events._event_loop_policy = self._policy  # noqa: SLF001

    def leave(self) -> None:
        """Its code has given way."""
        if self.alone:
            self._loop, self._policy = asyncio._get_running_loop(), _events._event_loop_policy  # noqa: SLF001
            loop, _events._event_loop_policy = self._outer  # noqa: SLF001
            asyncio._set_running_loop(loop)  # noqa: SLF001
        if self._beside is not None:
            self._beside.leave()
        self._place = _Place.here().but(self._base)
        if self._place.moved:
            self._base.take()
        handlers = self._own[-1]
        self._own = _seen()
        if handlers is None:
            self._own[-1] = self._kept[-1] = None
        _show(self._kept)


class _Place:
    """A working folder and an environment; None: as it is."""

    __slots__ = ("environment", "folder")

    def __init__(self, folder: str | None, environment: dict[bytes, bytes] | None) -> None:
        self.folder, self.environment = folder, environment

    @classmethod
    def here(cls) -> "_Place":
        try:
            folder = os.getcwd()  # noqa: PTH109 - at every step of every script
        except OSError:
            folder = None
        return cls(folder, dict(cast("Any", os.environ)._data))  # noqa: SLF001 - a hundredth of dict(os.environ)

    def but(self, base: "_Place") -> "_Place":
        """What is different from there."""
        same = self.environment == base.environment
        return _Place(None if self.folder == base.folder else self.folder, None if same else self.environment)

    @property
    def moved(self) -> bool:
        """There is something to put back."""
        return self.folder is not None or self.environment is not None

    def take(self) -> None:
        """Make it so."""
        if self.folder is not None:
            with contextlib.suppress(OSError):
                os.chdir(self.folder)
        if self.environment is not None:
            for name in os.environb.keys() - self.environment.keys():
                del os.environb[name]
            for name, value in self.environment.items():
                if os.environb.get(name) != value:
                    os.environb[name] = value


def _seen() -> list[Any]:
    main = sys.modules.get("__main__")
    return [sys.argv, *(getattr(sys, name) for name in _STREAMS), sys.excepthook, main, logging.root.handlers]


def _show(values: list[Any]) -> None:
    sys.argv, sys.stdin, sys.stdout, sys.stderr, sys.excepthook, main, handlers = values
    if main is not None:
        sys.modules["__main__"] = main
    if handlers is not None:
        logging.root.handlers = handlers
