"""docs/measures.md says what the catalogue says."""

from pathlib import Path

from telephony.standard.measures_catalogue import CATALOGUE
from tests.standard.measures_page import LIMITS, page

PAGE = Path(__file__).parents[2] / "docs/measures.md"


def test_the_page_is_made_from_the_catalogue() -> None:
    remedy = "say: python -m tests.standard.measures_page > docs/measures.md"
    assert PAGE.read_text(encoding="utf-8") == "\n".join(page()), remedy


def test_every_limit_is_named_by_its_key() -> None:
    assert {measure.name for measure in CATALOGUE if measure.limit is not None} == set(LIMITS)
