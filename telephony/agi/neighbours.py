"""The modules beside a script: `import survey` in it means the file of its own folder, and state of nobody else's.

The file form has them anew for every call, as every process had them; the function forms of a folder share them. They
are in `sys.modules` only while code of theirs runs. What lies elsewhere (the standard library, `site-packages`) is
everybody's.
"""

import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from telephony.agi.scripts import OURS

MAX_CODES = 2_000
"""Compiled files that are kept."""
MINE: "ContextVar[Neighbours | None]" = ContextVar("neighbours", default=None)
"""Whose code runs, also in the tasks and threads that asyncio made for it."""
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_codes: dict[tuple[str, str], CodeType | None] = {}
_shared: "dict[Path, Neighbours]" = {}
_strays: "dict[str, Neighbours]" = {}
_current: "Neighbours | None" = None


class Neighbours:
    """The modules of one folder, for whoever shares them.

    Args:
        folder: the script's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = [str(folder), *sys.path]
        self._names: set[str] = set()
        self._there: dict[str, ModuleType] = {}
        self._outer: tuple[list[str], Neighbours | None] = (sys.path, None)

    def enter(self) -> None:
        """Code of theirs is about to run."""
        global _current
        while _strays:
            name, owner = _strays.popitem()
            owner.take(name)
        self._outer, sys.path, _current = (sys.path, _current), self._path, self
        sys.modules.update(self._there)

    def leave(self) -> None:
        """It has given way."""
        global _current
        for name in self._names:
            self.take(name)
        self._path = sys.path
        sys.path, _current = self._outer

    def take(self, name: str) -> None:
        """Out of `sys.modules`."""
        module = sys.modules.pop(name, None)
        if module is None:
            self._there.pop(name, None)
        else:
            self._there[name] = module

    def add(self, name: str) -> None:
        """This module is one of them."""
        self._names.add(name)

    def modules(self) -> list[ModuleType]:
        """Those that are loaded."""
        return list(self._there.values())

    def has(self, name: str) -> ModuleType | None:
        """It, if it is loaded."""
        return self._there.get(name)

    def owns(self, name: str, spec: ModuleSpec) -> bool:
        """Its file lies under the folder. Not: an extension module, which can be loaded once only."""
        top, dot, _ = name.partition(".")
        if dot:
            return top in self._names
        if spec.loader is None:
            places = [Path(place) for place in spec.submodule_search_locations or ()]
        else:
            ours = isinstance(spec.loader, SourceFileLoader | SourcelessFileLoader)
            places = [Path(spec.origin)] if ours and spec.origin else []
        return top not in OURS and bool(places) and all(map(self._below, places))

    def _below(self, place: Path) -> bool:
        return place.is_relative_to(self.folder) and not _INSTALLED & set(place.relative_to(self.folder).parts)


def shared(folder: Path) -> Neighbours:
    """Those of the function forms in this folder."""
    return _shared.setdefault(folder, Neighbours(folder))


def source_of(name: str) -> Path | None:
    """The file of a neighbour, which is compiled by the way and not run; None: the module is everybody's."""
    spec = None if name in sys.modules else Finder.find_spec(name)
    if spec is None or not isinstance(spec.loader, Kept):
        return None
    spec.loader.get_code(name)
    return Path(spec.loader.path)


class Kept(SourceFileLoader):
    """Compiles once, as every call runs it anew."""

    def get_code(self, fullname: str) -> CodeType | None:
        """As ever."""
        key = fullname, str(self.path)
        if key not in _codes:
            if len(_codes) >= MAX_CODES:
                _codes.clear()
            _codes[key] = super().get_code(fullname)
        return _codes[key]


class There(importlib.abc.Loader):
    """Gives a module that is loaded already."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - as ever
        """It."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """It has run."""


class Finder(importlib.abc.MetaPathFinder):
    """Finds what Python's own finder finds, and sees whose it is."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """As ever."""
        here = _current or MINE.get()
        if here is None:
            return None
        if _current is None:
            # A task of the script, beside its main line: it may import, and whoever comes next must not find it.
            loaded = here.has(name)
            if loaded is not None:
                _strays[name] = here
                return importlib.util.spec_from_loader(name, There(loaded))
            path = [str(here.folder), *sys.path] if path is None else path
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or not here.owns(name, spec):
            return spec
        here.add(name)
        if _current is None:
            _strays[name] = here
        if target is None and type(spec.loader) is SourceFileLoader:  # who says reload() wants the file as it is now
            spec.loader = Kept(name, spec.loader.path)
        return spec


def install() -> None:
    """From here on imports ask."""
    if Finder not in sys.meta_path:
        sys.meta_path.insert(sys.meta_path.index(PathFinder), Finder)
