"""What a CRM answers, in values that can be shown: bounded, typed, and not believed. Pure."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from telephony.customers.customer import LONGEST
from telephony.customers.lookup import MOST_KNOWN, Found, Known

MOST_BYTES = 65_536
MOST_TOLD = 100
"""Customers in one answer."""
FIELDS = ("name", "branch", "value_group", "external_id")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class BadAnswer(ValueError):  # noqa: N818 - what the CRM said
    """This is no answer that docs/customers.md tells of; the message says what is wrong, and nothing of its content."""


def read(body: bytes) -> Found:
    """`{"customers": [{"name": "…", "branch": "…", "value_group": "…", "external_id": "…"}]}`; only the name must be.

    Raises:
        BadAnswer: it is something else.
    """
    if len(body) > MOST_BYTES:
        raise BadAnswer(f"the answer has more than {MOST_BYTES} bytes")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise BadAnswer("the answer is no JSON") from None
    match document:
        case {"customers": [*told]} if len(told) <= MOST_TOLD:
            known = tuple(map(_known, told))
        case {"customers": [*_]}:
            raise BadAnswer(f"the answer names more than {MOST_TOLD} customers")
        case _:
            raise BadAnswer('the answer is no {"customers": […]}')
    return Found(known[:MOST_KNOWN], len(known) > MOST_KNOWN)


def _known(told: object) -> Known:
    if not isinstance(told, Mapping):
        raise BadAnswer("a customer in the answer is no object")
    name, branch, group, key = (_text(told, field) for field in FIELDS)
    known = Known(name, branch, group, key)
    if not known.name:
        raise BadAnswer("a customer in the answer has no name")
    return known


def _text(told: Mapping[str, Any], field: str) -> str:
    """Without what nobody sees; too long is refused, as it is no name any more."""
    value = told.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadAnswer(f"{field} of a customer in the answer is no text")
    text = "".join(one for one in value if unicodedata.category(one) not in _HIDDEN).strip()
    if len(text) > LONGEST[field]:
        raise BadAnswer(f"{field} of a customer in the answer has more than {LONGEST[field]} characters")
    return text
