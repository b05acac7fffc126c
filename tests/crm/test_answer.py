"""What a CRM may answer, and what is not believed."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.crm.answer import MOST_BYTES, BadAnswer, read
from telephony.customers.lookup import Found, Known


def said(*customers: object) -> bytes:
    return json.dumps({"customers": customers, "more": "is passed over"}).encode()


def test_customers_are_told_by_name_and_what_else_is_known() -> None:
    body = said({"name": " 李雷 ", "branch": "长治", "value_group": None, "external_id": "K1", "x": 1}, {"name": "韩"})
    assert read(body) == Found((Known("李雷", "长治", "", "K1"), Known("韩")))
    assert read(said()) == Found()
    assert read(said(*[{"name": str(n)} for n in range(6)])) == Found(tuple(Known(str(n)) for n in range(5)), more=True)


def test_what_nobody_sees_is_not_shown() -> None:
    assert read(said({"name": "\u202e<b>李\u0000雷"})) == Found((Known("<b>李雷"),))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>", "is no JSON"),
        (b"[" * 60_000, "is no JSON"),
        (b"\xff", "is no JSON"),
        (b" " * (MOST_BYTES + 1), "more than 65536 bytes"),
        (b"[]", "is no {"),
        (b'{"customers": {}}', "is no {"),
        (said("李雷"), "is no object"),
        (said({"branch": "长治"}), "no name"),
        (said({"name": 5}), "name of a customer in the answer is no text"),
        (said({"name": "x" * 101}), "more than 100 characters"),
        (said(*[{"name": "x"}] * 101), "more than 100 customers"),
    ],
)
def test_anything_else_is_no_answer_and_its_content_is_not_told(body: bytes, why: str) -> None:
    with pytest.raises(BadAnswer, match=why):
        read(body)


@given(st.binary(max_size=100) | st.recursive(st.none() | st.text(), st.lists).map(lambda it: json.dumps(it).encode()))
def test_no_answer_is_an_error_of_ours(body: bytes) -> None:
    with suppress(BadAnswer):
        assert read(body).customers is not None
