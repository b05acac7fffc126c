"""docs/measures.md says what the catalogue says."""

from telephony.standard.measures_catalogue import CATALOGUE
from tests.standard.measures_page import LIMITS, PAGE, page


def test_the_page_is_made_from_the_catalogue() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "say: python -m tests.standard.measures_page"
    assert all(f"| `{measure.name}` |" in text for measure in CATALOGUE)


def test_every_limit_is_named_by_its_key() -> None:
    assert {measure.name for measure in CATALOGUE if measure.limit is not None} == set(LIMITS)
