"""What was measured, as a table for a terminal and for docs/benchmarks.md. Speed is shown, never asserted."""

import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.table import Table


@dataclass(frozen=True)
class Way:
    """One way of doing it: what each round gave.

    Attributes:
        name: as the table shows it.
        values: one a round.
    """

    name: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The value that counts."""
        return median(self.values)

    @property
    def spread(self) -> float:
        """From the lowest to the highest, as a share of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


@dataclass(frozen=True)
class Goal:
    """What was asked, and what was found. `met` None: an aim and no goal."""

    asked: str
    found: str
    met: bool | None


@dataclass(frozen=True)
class Section:
    """One measurement.

    Attributes:
        title: what was measured.
        unit: of the values; `/s` values are better when higher, all others when lower.
        ways: ours first, the limit last.
        beside: the way to which the column of ratios compares.
        goals: what was asked of it.
        notes: what must be known to read it.
    """

    title: str
    unit: str
    ways: tuple[Way, ...]
    beside: str = ""
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def way(self, name: str) -> Way:
        """The way of that name."""
        return next(way for way in self.ways if way.name == name)

    def ratio(self, ours: str, theirs: str) -> float:
        """How many times theirs ours is, median by median."""
        return self.way(ours).median / self.way(theirs).median


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def rows(section: Section) -> Iterable[tuple[str, str, str, str]]:
    """Way, median, spread, ratio."""
    for way in section.ways:
        ratio = f"{way.median / section.way(section.beside).median:.2f}" if section.beside else ""
        spread = f"±{way.spread / 2:.0%}" if len(way.values) > 1 else ""
        yield way.name, number(way.median), spread, ratio


def verdict(goal: Goal) -> str:
    """One line."""
    word = "aim" if goal.met is None else "met" if goal.met else "MISSED"
    return f"{word}: {goal.asked} — {goal.found}"


def table(section: Section) -> Table:
    """For a terminal."""
    shown = Table(title=section.title, title_justify="left", caption_justify="left")
    shown.caption = "\n".join([*(verdict(goal) for goal in section.goals), *section.notes])
    for name, right in (("way", False), (section.unit, True), ("spread", True)):
        shown.add_column(name, justify="right" if right else "left")
    if section.beside:
        shown.add_column(f"x {section.beside}", justify="right")
    for row in rows(section):
        shown.add_row(*row[: 4 if section.beside else 3])
    return shown


def machine() -> str:
    """In general words: nobody needs to know whose it is."""
    model = next((line for line in _cpuinfo() if line.startswith("model name")), "").partition(":")[2].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = ".".join(map(str, sys.version_info[:3]))
    cores = len(os.sched_getaffinity(0))
    made = f"{platform.system()} {platform.machine()}, {model or 'a processor that does not say its name'}"
    return f"{cores} cores, {memory:.0f} GB, {made}; {platform.python_implementation()} {version}"


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def document(sections: Iterable[Section], opening: str, closing: str) -> str:
    """docs/benchmarks.md."""
    known = list(sections)
    parts = [opening.strip(), "", "## Goals", "", "| asked | found | |", "|---|---|---|"]
    for section in known:
        for goal in section.goals:
            word = "aim" if goal.met is None else "met" if goal.met else "**missed**"
            parts.append(f"| {section.title}: {goal.asked} | {goal.found} | {word} |")
    for section in known:
        parts += ["", f"## {section.title}", ""]
        parts += [f"| way | {section.unit} | spread |" + (f" × {section.beside} |" if section.beside else "")]
        parts += ["|---|---:|---:|" + ("---:|" if section.beside else "")]
        for row in rows(section):
            cells = row[: 4 if section.beside else 3]
            parts.append("| " + " | ".join(cells) + " |")
        if section.notes:
            parts += ["", *section.notes]
    return "\n".join([*parts, "", closing.strip(), ""])
