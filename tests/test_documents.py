"""What our documents show as tables are tables to whoever renders them."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RULE = re.compile(r"\|(\s*:?-+:?\s*\|)+")
CELL_ENDS = re.compile(r"(?<!\\)\|")


def blocks(text: str) -> list[list[str]]:
    """Lines that stand together, outside of what is shown as code."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [block.split("\n") for block in re.split(r"\n\s*\n", prose.strip())]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_table_has_its_heading_and_each_row_all_cells(document: Path) -> None:
    for block in blocks(document.read_text(encoding="utf-8")):
        rows = [line for line in block if line.startswith("|")]
        if not rows:
            continue
        assert len(rows) > 1, rows
        assert RULE.fullmatch(rows[1]), f"a table that does not begin with a heading: {rows[0]}"
        cells = [len(CELL_ENDS.findall(row)) for row in rows]
        assert all(one == other for one, other in pairwise(cells)), f"a row lacks cells: {rows}"
        assert block[-1].startswith("|"), f"text in a table: {block[-1]}"
