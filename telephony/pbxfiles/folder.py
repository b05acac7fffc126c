"""Asterisk's configuration folder: files with what they include, as sections of settings.

    folder = Folder(Path("/etc/asterisk"))
    general = folder.read("manager.conf").section("general")

Reads regular files only, runs nothing (`#exec` is told, not done), and stops at limits that no real folder reaches.
"""

import codecs
import glob
import itertools
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
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

MAX_FILE = 8_000_000
MAX_TOTAL = 64_000_000
"""Bytes of one file, and of one file with all that it includes."""
MAX_FILES = 2_000
MAX_INCLUDED = 10
"""Asterisk's own limit for files that include files."""
MAX_TROUBLES = 50
USUAL = "/etc/asterisk/"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; the file as named below the folder."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting where it stands."""

    name: str
    value: str
    place: Place


@dataclass(slots=True)
class Section:
    """A `[section]`, what it inherits first. `template`: it only lends its settings."""

    name: str
    place: Place
    template: bool = False
    entries: list[Entry] = field(default_factory=list)

    def last(self, *names: str) -> Entry | None:
        """The last setting with one of these names, which is the one that counts where one counts."""
        wanted = {name.lower() for name in names}
        return next((entry for entry in reversed(self.entries) if entry.name.lower() in wanted), None)

    def all(self, name: str) -> list[Entry]:
        """Every setting of that name, in order."""
        return [entry for entry in self.entries if entry.name.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A line that Asterisk does not take, or that cannot be read. `refused`: nor the rest of that file."""

    place: Place
    reason: str
    refused: bool = False


@dataclass(slots=True)
class Tree:
    """A file with all that it includes.

    Attributes:
        there: the file itself was there and could be read.
        sections: in order, templates too; several may have one name.
        troubles: what is wrong with lines, at most `MAX_TROUBLES`.
    """

    name: str
    there: bool = True
    sections: list[Section] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)

    def section(self, name: str) -> Section | None:
        """The first section of that name, which is the one Asterisk asks for settings."""
        return next(iter(self.named(name)), None)

    def named(self, name: str) -> list[Section]:
        """All sections of that name, no templates."""
        return [section for section in self.real() if section.name.lower() == name.lower()]

    def real(self) -> Iterator[Section]:
        """All sections but templates."""
        return (section for section in self.sections if not section.template)

    @property
    def refused(self) -> Trouble | None:
        """Why Asterisk would not load the file at all."""
        return next((each for each in self.troubles if each.refused and each.place.file == self.name), None)


class Folder:
    """One configuration folder.

    Args:
        root: where it is; a copy from another machine will do.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.root / name).exists()

    def read(self, name: str) -> Tree:
        """A file and what it includes. What cannot be read is told in it, never raised."""
        reading = _Reading(self.root, Tree(name))
        reading.tree.there = reading.file(self.root / name, 0)
        return reading.tree


class _Reading:
    def __init__(self, root: Path, tree: Tree) -> None:
        self.tree = tree
        self._root = root
        self._current: Section | None = None
        self._bytes = self._files = 0

    def file(self, path: Path, level: int) -> bool:
        """Read one file; False when it could not be opened."""
        shown = self._shown(path)
        data = self._content(path, shown)
        if data is None:
            return False
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
        return True

    def _content(self, path: Path, shown: str) -> bytes | None:
        self._files += 1
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                self._trouble(Place(shown, 0), "is no regular file")
                return None
            if status.st_size > MAX_FILE or self._bytes > MAX_TOTAL or self._files > MAX_FILES:
                self._trouble(Place(shown, 0), "is too much to read")
                return None
            with path.open("rb") as file:
                data = file.read(MAX_FILE)
        except (OSError, ValueError) as error:
            if not isinstance(error, FileNotFoundError):
                self._trouble(Place(shown, 0), str(getattr(error, "strerror", None) or error))
            return None
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
                return section, self._follow(directive, level)
            case Setting() as setting:
                if section is None:
                    return None, Refusal("a setting before any [section]", fatal=True)
                _put(section, setting, place)
                return section, None
            case refusal:
                return section, refusal

    def _open(self, header: Header, place: Place) -> tuple[Section | None, Refusal | None]:
        if header.appends:
            section = self._find(header.name, templates=header.template)
            if section is None:
                return None, Refusal(f"adds to [{header.name}], which is not there", fatal=True)
        else:
            section = Section(header.name, place, header.template)
        for name in header.bases:
            base = self._find(name, templates=True)
            if base is None:
                return None, Refusal(f"inherits from [{name}], which is not there", fatal=True)
            section.entries += base.entries
        if not header.appends:
            self.tree.sections.append(section)
        self._current = section
        return section, None

    def _find(self, name: str, *, templates: bool) -> Section | None:
        found = [section for section in self.tree.sections if section.name.lower() == name.lower()]
        return next((section for section in found if templates or not section.template), None)

    def _follow(self, directive: Directive, level: int) -> Refusal | None:
        if directive.word == "exec":
            return Refusal("#exec: what the program would say is not known here", fatal=False)
        if level >= MAX_INCLUDED:
            return Refusal(f"files included {MAX_INCLUDED} deep; does one include itself?", fatal=True)
        # Every one is read, whatever becomes of the others.
        read = [self.file(path, level + 1) for path in self._matching(directive.argument)]
        if any(read) or directive.word == "tryinclude":
            return None
        return Refusal(f"includes {directive.argument}, which is not there", fatal=True)

    def _matching(self, name: str) -> list[Path]:
        name = name.removeprefix(USUAL)
        if not glob.has_magic(name):
            return [self._root / name]
        # Path.glob would also match names that begin with a dot; Asterisk's glob(3) does not.
        found = itertools.islice(glob.iglob(name, root_dir=self._root), MAX_FILES)  # noqa: PTH207
        return [self._root / path for path in sorted(found)]

    def _shown(self, path: Path) -> str:
        return os.path.relpath(path, self._root) if path.is_relative_to(self._root) else str(path)

    def _trouble(self, place: Place, reason: str, *, refused: bool = False) -> None:
        if len(self.tree.troubles) < MAX_TROUBLES or refused:
            self.tree.troubles.append(Trouble(place, reason, refused))


def _put(section: Section, setting: Setting, place: Place) -> None:
    entries = section.entries
    if setting.adds:
        for at in reversed(range(len(entries))):
            if entries[at].name == setting.name:
                entries[at] = Entry(setting.name, (entries[at].value + setting.value).strip(), place)
                return
    entries.append(Entry(setting.name, setting.value.strip(), place))
