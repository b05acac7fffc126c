"""A script in a host: loaded once, then run for every call; and what is said about one that fails."""

import importlib
import importlib.util
import inspect
import linecache
import sys
import traceback
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from telephony.agi.neighbours import Neighbours, install, shared, source_of
from telephony.agi.scripts import Script, compiled, imports, source

MAX_DETAIL = 300
"""Characters of what is told about a failure: a caller may have chosen some of them."""
MAX_TRACE = 40
"""Lines of a traceback that go to the log."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A script that a host can run.

    Attributes:
        script: what it is.
        code: of the whole file, in the module form.
        function: in the function forms.
        awaited: the function is a coroutine function.
        fault: why it cannot run; empty if it can.
    """

    script: Script
    code: CodeType | None = None
    function: Callable[..., Any] | None = None
    awaited: bool = False
    fault: str = ""


def load(script: Script) -> Loaded:
    """Compile it, or import it; whatever it does, the host goes on, and the fault says what it was."""
    install()
    try:
        _remember_text(script.file)
        if script.function is None:
            return _module_form(script)
        function = getattr(_imported(script.file), script.function)
        if not callable(function):
            return Loaded(script, fault=f"{script.function} is no function ({script.file.name})")
        call = getattr(function, "__call__", None)  # noqa: B004 - an object whose call is a coroutine function
        awaited = inspect.iscoroutinefunction(inspect.unwrap(function)) or inspect.iscoroutinefunction(call)
        return Loaded(script, function=function, awaited=awaited)
    except BaseException as error:  # noqa: BLE001 - a script may say sys.exit() at import
        return Loaded(script, fault=told(error, script.file.parent))


def main_module(loaded: Loaded) -> ModuleType | None:
    """The fresh `__main__` of a call in the module form."""
    if loaded.code is None:
        return None
    main = ModuleType("__main__")
    main.__file__ = str(loaded.script.file)
    main.__dict__["__builtins__"] = __builtins__
    return main


def neighbours(loaded: Loaded) -> Neighbours:
    """The modules beside it, for one call: its own in the module form, those of the folder in the others."""
    folder = loaded.script.file.parent
    return shared(folder) if loaded.code is None else Neighbours(folder)


def told(error: BaseException, folder: Path) -> str:
    """What failed and where, in one short line: `ValueError: no PIN (pin.py:12)`."""
    said = "".join(traceback.format_exception_only(error)[-1:]).strip().partition("\n")[0]
    if isinstance(error, SystemExit):
        said = f"sys.exit({error.code!r})"
    said = said if len(said) <= MAX_DETAIL else f"{said[:MAX_DETAIL]}…"
    found = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if _within(frame, folder)]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{said} ({Path(error.filename).name}:{error.lineno})"
    return f"{said} ({Path(found[-1][0].f_code.co_filename).name}:{found[-1][1]})" if found else said


def trace(error: BaseException, folder: Path) -> list[str]:
    """The traceback as its author would see it: without our own frames in front."""
    first = error.__traceback__
    while first is not None and not _within(first.tb_frame, folder):
        first = first.tb_next
    lines = "".join(traceback.format_exception(type(error), error, first)).splitlines()
    return lines if len(lines) <= MAX_TRACE else [*lines[: MAX_TRACE // 2], "…", *lines[-MAX_TRACE // 2 :]]


def _module_form(script: Script) -> Loaded:
    code = compiled(script)
    beside = Neighbours(script.file.parent)
    beside.enter()
    try:
        _prepare(script.file, set())
    finally:
        beside.leave()
    return Loaded(script, code=code)


def _prepare(file: Path, seen: set[Path]) -> None:
    """Import what it imports, and compile what is its own: the first call would wait for it, and all others with it.

    What fails, fails again in the call.
    """
    seen.add(file)
    for name in imports(file):
        try:
            neighbour = source_of(name.partition(".")[0])
            if neighbour is None:
                importlib.import_module(name)
            elif neighbour not in seen:
                _prepare(neighbour, seen)
        except BaseException:  # noqa: BLE001, S112
            continue


def _remember_text(file: Path) -> None:
    """Tracebacks quote the text that runs here, whatever the file says later."""
    text = source(file)
    linecache.cache[str(file)] = (len(text), None, text.splitlines(keepends=True), str(file))


def _imported(file: Path) -> ModuleType:
    """The module, imported once for its folder, under its own name."""
    beside = shared(file.parent)
    beside.enter()
    try:
        name = file.stem
        there = sys.modules.get(name)
        if there is not None:
            if getattr(there, "__file__", None) == str(file):
                return there
            name = f"{name} of {file.parent}"
        return _run(name, file, beside)
    finally:
        beside.leave()


def _run(name: str, file: Path, beside: Neighbours) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:  # pragma: no cover - a .py file has both
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    beside.add(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _within(frame: FrameType | types.FrameType, folder: Path) -> bool:
    return Path(frame.f_code.co_filename).is_relative_to(folder)
