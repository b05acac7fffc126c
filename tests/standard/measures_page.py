"""Puts the catalogue into docs/measures.md: `python -m tests.standard.measures_page`."""

from collections.abc import Iterator
from pathlib import Path

from telephony.standard.measures import Measure
from telephony.standard.measures_catalogue import CATALOGUE
from telephony.standard.verdict import Bound

LIMITS = {
    "abandonment": "standard.abandonment",
    "unanswered": "standard.abandonment",
    "mean_wait": "standard.mean_wait_seconds",
    "within_three_rings": "standard.three_rings_share",
    "complaint_rate": "standard.complaint_rate",
}
"""Where each limit is configured."""
SIDES = {Bound.AT_MOST: "at most", Bound.BELOW: "less than", Bound.AT_LEAST: "at least"}
PAGE = Path(__file__).parents[2] / "docs/measures.md"
BEGIN, END = "<!-- made by python -m tests.standard.measures_page -->\n\n", "\n\n<!-- as far as here -->"
HEAD = ("name", "version", "", "clause", "unit", "of", "definition", "asked", "depends on")


def row(measure: Measure) -> str:
    """One line of the table."""
    asked = ""
    if measure.limit is not None:
        asked = f"{SIDES[measure.limit.bound]} `{LIMITS[measure.name]}`"
    threshold = f"`{measure.threshold}`" if measure.threshold else ""
    what = f"{measure.definition} {measure.untold}".rstrip()
    cells = (
        f"`{measure.name}`", str(measure.version), f"{measure.title}<br>{measure.title_zh}", measure.clause,
        measure.unit.value, measure.population.value, f"{what}<br>{measure.definition_zh}", asked, threshold,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def table() -> Iterator[str]:
    """The table, line by line."""
    yield f"| {' | '.join(HEAD)} |"
    yield "|" + "---|" * len(HEAD)
    yield from map(row, CATALOGUE)


def page(text: str) -> str:
    """The page with the catalogue as it is."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n".join(table()) + END + after


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
