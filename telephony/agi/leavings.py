"""What a call leaves open, which the end of its process would have closed: files, handlers of loggers, `atexit`."""

import atexit
import contextlib
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

LEFT: "ContextVar[Leavings | None]" = ContextVar("left", default=None)
"""Of whose code runs."""
_register, _unregister, _add_handler = atexit.register, atexit.unregister, logging.Logger.addHandler


class Leavings:
    """Of one call.

    Args:
        folder: where its script is; what other modules register with `atexit` is not the call's.
        whole: the call is all that its modules live for (the file form), so its handlers end with it.
    """

    def __init__(self, folder: Path, *, whole: bool) -> None:
        self._folder, self._whole = folder, whole
        self._at_exit: list[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]] = []
        self._handlers: list[tuple[logging.Logger, logging.Handler]] = []
        self._threads = threading.active_count()

    def register(self, file: str, function: Callable[..., object], *args: Any, **kwargs: Any) -> bool:  # noqa: ANN401
        """Run it at the end of the call, if it is the script that says so; whether it is."""
        if not Path(file).is_relative_to(self._folder):
            return False
        self._at_exit.append((function, args, kwargs))
        return True

    def unregister(self, function: Callable[..., object]) -> None:
        """Do not run it."""
        self._at_exit = [found for found in self._at_exit if found[0] != function]

    def handles(self, logger: logging.Logger, handler: logging.Handler) -> None:
        """The call has given a logger a handler: it gets no other call's lines, and ends with it."""
        if self._whole:
            self._handlers.append((logger, handler))
            handler.addFilter(lambda _: LEFT.get() in (None, self))

    def exit(self) -> None:
        """Run what was registered, the last first."""
        while self._at_exit:
            function, args, kwargs = self._at_exit.pop()
            try:
                function(*args, **kwargs)
            except SystemExit:
                continue
            except BaseException as error:  # noqa: BLE001 - as the interpreter does at its end
                within = error.__traceback__.tb_next if error.__traceback__ else None
                traceback.print_exception(type(error), error, within, file=sys.stderr)

    def close(self, modules: Iterable[ModuleType]) -> None:
        """Let go of everything.

        Args:
            modules: the call's own. Their variables are given up, so that files are flushed and locks are free; not
                their functions and classes, which it may have put anywhere, nor anything while a thread goes on.
        """
        for logger, handler in reversed(self._handlers):
            logger.removeHandler(handler)
            with contextlib.suppress(Exception):
                handler.flush()
                handler.close()
        self._handlers.clear()
        if self._whole and threading.active_count() <= self._threads:
            for module in modules:
                _give_up(module.__dict__)


def _give_up(namespace: dict[str, Any]) -> None:
    for name, value in list(namespace.items()):
        if not name.startswith("__") and not isinstance(value, FunctionType | type | ModuleType):
            namespace[name] = None


def install() -> None:
    """From here on what a call registers is the call's."""

    def register(function: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as atexit's
        left = LEFT.get()
        if left is None or not left.register(sys._getframe(1).f_code.co_filename, function, *args, **kwargs):  # noqa: SLF001
            _register(function, *args, **kwargs)
        return function

    def unregister(function: Any, /) -> None:  # noqa: ANN401 - the same
        left = LEFT.get()
        if left is not None:
            left.unregister(function)
        _unregister(function)

    def add_handler(self: logging.Logger, hdlr: logging.Handler) -> None:
        _add_handler(self, hdlr)
        left = LEFT.get()
        if left is not None:
            left.handles(self, hdlr)

    for place, name, value in (
        (atexit, "register", register),
        (atexit, "unregister", unregister),
        (logging.Logger, "addHandler", add_handler),
    ):
        setattr(place, name, value)
