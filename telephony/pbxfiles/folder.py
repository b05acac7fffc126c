"""Asterisk's configuration folder: files with what they include, as sections of settings.

    folder = Folder(Path("/etc/asterisk"))
    general = folder.read("manager.conf").section("general")

Reads regular files only, runs nothing (`#exec` is told, not done), and stops at limits that no real folder reaches.
"""

import codecs
import errno
import glob
import itertools
import os
import stat
from enum import Enum, auto
from pathlib import Path

from telephony.pbxfiles.grammar import (
    MAX_LINE,
    Directive,
    Header,
    Refusal,
    Setting,
    outside_comments,
    parse,
)
from telephony.pbxfiles.tree import Entry, Place, Section, Tree, Trouble

MAX_FILE = 8_000_000
MAX_TOTAL = 64_000_000
"""Bytes of one file, and of one file with all that it includes."""
MAX_FILES = 2_000
MAX_ENTRIES = 500_000
"""Settings of one file with all that it includes, those counted again that templates lend."""
MAX_INCLUDED = 10
"""Asterisk's own limit for files that include files."""
MAX_TROUBLES = 50
USUAL = "/etc/asterisk/"


class Folder:
    """One configuration folder.

    Args:
        root: where it is; a copy from another machine will do.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return os.path.lexists(self.root / name)  # never raises

    def read(self, name: str) -> Tree:
        """A file and what it includes. What cannot be read is told in it, never raised."""
        reading = _Reading(self.root, Tree(name))
        reading.tree.there = reading.file(self.root / name, 0) is _Found.READ
        return reading.tree


class _Found(Enum):
    READ = auto()
    UNREAD = auto()
    """There, but not for us."""
    MISSING = auto()
    """Nor would Asterisk find it, who passes over what is no regular file."""


_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})


class _Reading:
    def __init__(self, root: Path, tree: Tree) -> None:
        self.tree = tree
        self._root = root
        self._current: Section | None = None
        self._first: dict[str, Section] = {}
        self._first_real: dict[str, Section] = {}
        self._bytes = self._files = self._entries = 0
        self._full = False

    def file(self, path: Path, level: int) -> _Found:
        """Read one file."""
        shown = self._shown(path)
        data = self._content(path, shown)
        if isinstance(data, _Found):
            return data
        section, depth = self._current, 0
        # Asterisk knows one line end, `\n`; a `\r` before it is a blank, and one elsewhere text.
        for number, raw in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
            place = Place(shown, number)
            if len(raw) > MAX_LINE:
                self._trouble(place, f"longer than {MAX_LINE:,} bytes, Asterisk skips it")
                continue
            text, depth = outside_comments(raw.decode("utf-8", "surrogateescape"), depth)
            if not text:
                continue
            section, refusal = self._take(text, place, section, level)
            if refusal is not None:
                self._trouble(place, refusal.reason, refused=refusal.fatal)
                if refusal.fatal:
                    break
            if self._entries > MAX_ENTRIES:
                if not self._full:
                    self._trouble(place, f"more than {MAX_ENTRIES:,} settings; the rest is not read", unread=True)
                self._full = True
                break
        return _Found.READ

    def _content(self, path: Path, shown: str) -> bytes | _Found:
        place = Place(shown, 0)
        self._files += 1
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                self._trouble(place, "is no regular file")
                return _Found.MISSING
            if status.st_size > MAX_FILE or self._bytes > MAX_TOTAL or self._files > MAX_FILES:
                self._trouble(place, "is too much to read", unread=True)
                return _Found.UNREAD
            with path.open("rb") as file:
                data = file.read(MAX_FILE)
        except ValueError as error:
            self._trouble(place, str(error))
            return _Found.MISSING
        except OSError as error:
            missing = error.errno in _NOWHERE
            if error.errno != errno.ENOENT:
                self._trouble(place, error.strerror or str(error), unread=not missing)
            return _Found.MISSING if missing else _Found.UNREAD
        self._bytes += len(data)
        return data

    def _take(
        self, text: str, place: Place, section: Section | None, level: int
    ) -> tuple[Section | None, Refusal | None]:
        """One line: the section that the next one belongs to, and what is wrong."""
        match parse(text):
            case Header() as header:
                return self._open(header, place)
            case Directive() as directive:
                return section, self._follow(directive, level, place)
            case Setting() as setting:
                if section is None:
                    return None, self._lost(place, "a setting before any [section]")
                self._entries += 1
                _put(section, setting, place)
                return section, None
            case refusal:
                return section, refusal

    def _open(self, header: Header, place: Place) -> tuple[Section | None, Refusal | None]:
        known = self._find(header.name, templates=header.template) if header.appends else None
        if header.appends and known is None:
            refusal = self._lost(place, f"adds to [{header.name}], which is not there")
            if refusal is not None:
                return None, refusal
        section = known or Section(header.name, place, header.template)
        for name in header.bases:
            base = self._find(name, templates=True)
            if base is None:
                refusal = self._lost(place, f"inherits from [{name}], which is not there")
                if refusal is not None:
                    return None, refusal
                continue
            self._entries += len(base.entries)  # templates of templates double and double
            if self._entries > MAX_ENTRIES:
                break
            section.entries += base.entries
        if known is None:
            self.tree.sections.append(section)
            self._first.setdefault(header.name.lower(), section)
            if not header.template:
                self._first_real.setdefault(header.name.lower(), section)
        self._current = section
        return section, None

    def _lost(self, place: Place, reason: str) -> Refusal | None:
        """Asterisk refuses it, unless what is missing stands in what we could not read."""
        if self.tree.complete:
            return Refusal(reason, fatal=True)
        self._trouble(place, f"{reason} so far as could be read", unread=True)
        return None

    def _find(self, name: str, *, templates: bool) -> Section | None:
        return (self._first if templates else self._first_real).get(name.lower())

    def _follow(self, directive: Directive, level: int, place: Place) -> Refusal | None:
        if directive.word == "exec":
            self._trouble(place, "#exec: what the program would say is not known here", unread=True)
            return None
        if level >= MAX_INCLUDED:
            return Refusal(f"files included {MAX_INCLUDED} deep; does one include itself?", fatal=True)
        # Every one is read, whatever becomes of the others.
        name = directive.argument.removeprefix(USUAL)
        found = [self.file(path, level + 1) for path in self._matching(name)]
        if any(each is not _Found.MISSING for each in found):
            return None
        if self._hidden(name):
            self._trouble(place, f"includes {directive.argument}, which this user may not list", unread=True)
            return None
        if directive.word == "tryinclude":
            return None
        return Refusal(f"includes {directive.argument}, which is not there", fatal=True)

    def _hidden(self, name: str) -> bool:
        """Whether a name leads through a folder that this user may not list, where a pattern finds nothing."""
        folder = self._root
        for part in Path(name).parts[:-1]:
            if glob.has_magic(part):
                return False
            folder /= part
            if os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):  # noqa: PTH112
                return True
        return False

    def _matching(self, name: str) -> list[Path]:
        if not glob.has_magic(name):
            return [self._root / name]
        # Path.glob would also match names that begin with a dot; Asterisk's glob(3) does not.
        found = itertools.islice(glob.iglob(name, root_dir=self._root), MAX_FILES)  # noqa: PTH207
        return [self._root / path for path in sorted(found)]

    def _shown(self, path: Path) -> str:
        return os.path.relpath(path, self._root) if path.is_relative_to(self._root) else str(path)

    def _trouble(self, place: Place, reason: str, *, refused: bool = False, unread: bool = False) -> None:
        self.tree.complete &= not unread
        if len(self.tree.troubles) < MAX_TROUBLES or refused:
            self.tree.troubles.append(Trouble(place, reason, refused, unread))


def _put(section: Section, setting: Setting, place: Place) -> None:
    entries = section.entries
    if setting.adds:
        for at in reversed(range(len(entries))):
            if entries[at].name == setting.name:
                entries[at] = Entry(setting.name, (entries[at].value + setting.value).strip(), place)
                return
    entries.append(Entry(setting.name, setting.value.strip(), place))
