"""A configuration file with all that it includes: sections of settings. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field


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
    """A line that Asterisk does not take, or that cannot be read.

    Attributes:
        place: line 0 is the file itself.
        reason: in a few words.
        refused: Asterisk takes nothing of the rest of that file either.
        unread: we could not look at what is there; Asterisk may.
    """

    place: Place
    reason: str
    refused: bool = False
    unread: bool = False


@dataclass(slots=True)
class Tree:
    """A file with all that it includes.

    Attributes:
        there: the file itself was there and could be read.
        complete: all of what is there could be read; else nothing can be said from what is missing.
        sections: in order, templates too; several may have one name.
        troubles: what is wrong with lines, at most `folder.MAX_TROUBLES`.
    """

    name: str
    there: bool = True
    complete: bool = True
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
