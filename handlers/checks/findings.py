"""What a check found: one line each."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

FIRST = ("configuration", "database")
SHOWN = 5
"""So many names of many are written out in one line."""


class Result(StrEnum):
    """How it stands with one point, the worst first."""

    FAULT = "fault"
    """Numbers would be wrong or missing, calls would suffer, or the secret of a login is worth too much."""
    WARNING = "warning"
    """It works, but."""
    NOT_CHECKED = "not checked"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Attributes:
        result: how it stands.
        point: what was looked at, a heading of docs/check.md.
        where: `database`, the name of a PBX, a key of the configuration.
        what: what is so, without a full stop.
        remedy: what to do; why not, and how it can be had, for what was not checked.
    """

    result: Result
    point: str
    where: str
    what: str
    remedy: str = ""

    def line(self) -> str:
        """As it is printed."""
        text = f"{self.result}: {self.where}: {self.what}"
        if not self.remedy:
            return text
        return f"{text} ({self.remedy})" if self.result is Result.NOT_CHECKED else f"{text}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Subject:
    """Makes findings about one thing: `about = Subject("pbx1"); about.fault("systemname", "…", "…")`."""

    where: str

    def fault(self, point: str, what: str, remedy: str) -> Finding:
        """Something is wrong."""
        return Finding(Result.FAULT, point, self.where, what, remedy)

    def warning(self, point: str, what: str, remedy: str) -> Finding:
        """Something might be better."""
        return Finding(Result.WARNING, point, self.where, what, remedy)

    def bad(self, point: str, what: str, remedy: str, *, only_warn: bool) -> Finding:
        """A fault, or only a warning."""
        return Finding(Result.WARNING if only_warn else Result.FAULT, point, self.where, what, remedy)

    def not_checked(self, point: str, what: str, why_and_how: str) -> Finding:
        """Nobody looked."""
        return Finding(Result.NOT_CHECKED, point, self.where, what, why_and_how)

    def fine(self, point: str, what: str) -> Finding:
        """It is as it should be."""
        return Finding(Result.OK, point, self.where, what)


def settled(findings: Iterable[Finding]) -> list[Finding]:
    """Sorted by place and severity; what one witness could not see is left out where another one saw it."""
    kept = list(dict.fromkeys(findings))
    seen = {(each.where, each.point) for each in kept if each.result is not Result.NOT_CHECKED}
    kept = [each for each in kept if each.result is not Result.NOT_CHECKED or (each.where, each.point) not in seen]
    places = list(dict.fromkeys([*FIRST, *(each.where for each in kept)]))
    order = list(Result)
    return sorted(kept, key=lambda each: (places.index(each.where), order.index(each.result)))


def summary(findings: Sequence[Finding]) -> str:
    """The last line."""
    count = Counter(each.result for each in findings)
    faults, warnings, unseen = count[Result.FAULT], count[Result.WARNING], count[Result.NOT_CHECKED]
    return (
        f"{_many(faults, 'fault') if faults else 'no fault'}, {_many(warnings, 'warning')},"
        f" {unseen} not checked, {count[Result.OK]} ok"
    )


def some(names: Iterable[str]) -> str:
    """A few of many names: `a, b, c, d, e and 7 more`."""
    known = list(dict.fromkeys(names))
    text = ", ".join(known[:SHOWN])
    return text if len(known) <= SHOWN else f"{text} and {len(known) - SHOWN} more"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
