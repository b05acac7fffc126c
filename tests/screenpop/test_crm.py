"""The way into another program: nothing of a call chooses where it leads."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from telephony.screenpop.crm import filled
from telephony.screenpop.messages import harmless

TEMPLATE = "https://crm.example/open/{queue}?case={case_id}&n={dialled}"


@given(queue=st.text(max_size=40), dialled=st.text(max_size=40))
def test_what_a_call_says_stays_one_value_of_one_place(queue: str, dialled: str) -> None:
    values = {"queue": harmless(queue), "case_id": "c", "dialled": harmless(dialled)}
    parts = urlsplit(filled(TEMPLATE, values))
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "crm.example", "")
    asked = parse_qs(parts.query, keep_blank_values=True)
    assert asked == {"case": ["c"], "n": [values["dialled"]]}
    assert parts.path.count("/") == 2
