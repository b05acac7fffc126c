"""STD-RECORD: what is written down of a case, by its kind; one clear fault for each field that is wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.cases.changes import changed, narrowed, plain
from telephony.cases.forms import BadForm, ComplaintForm, EnquiryForm, Form, as_kind, form_of, lacking
from telephony.cases.kinds import CaseKind, Sex
from tests.support.casework import COMPLAINT, ENQUIRY, FIELDS, case


@pytest.mark.parametrize("kind", CaseKind)
def test_every_kind_has_its_form_which_comes_back_from_the_history_as_it_was(kind: CaseKind) -> None:
    form = form_of(kind, FIELDS[kind])
    assert form_of(kind, plain(form)) == form
    assert form.name


@pytest.mark.parametrize(
    ("kind", "fields", "wrong"),
    [
        (CaseKind.QUERY, {"name": "x" * 101, "sex": "both"}, {"name", "sex"}),
        (CaseKind.QUERY, {"topic": "of an enquiry"}, {"topic"}),
        (CaseKind.ENQUIRY, {"knows_trading": "a lot", "verified_by": ["face"], "brief": 5},
         {"knows_trading", "verified_by.0", "brief"}),
        (CaseKind.COMPLAINT, {"about": "weather", "contacts": [{"at": "2026-03-02T09:00", "department": ""}]},
         {"about", "contacts.0.at", "contacts.0.department", "contacts.0.person"}),
        (CaseKind.UNKNOWN, {"brief": "\udcff"}, {"brief"}),
    ],
)  # fmt: skip
def test_each_wrong_field_has_one_fault(kind: CaseKind, fields: dict[str, Any], wrong: set[str]) -> None:
    with pytest.raises(BadForm) as told:
        form_of(kind, fields)
    assert set(told.value.faults) == wrong
    assert all(fault and len(fault) <= 160 and "\n" not in fault for fault in told.value.faults.values())


@given(st.dictionaries(st.text(max_size=200), st.text() | st.integers() | st.none() | st.lists(st.text()), max_size=5))
def test_whatever_is_typed_makes_a_form_that_can_be_stored_or_names_its_faults(fields: dict[str, Any]) -> None:
    for kind in CaseKind:
        form: Form | None = None
        with suppress(BadForm):
            form = form_of(kind, fields)
        if form is not None:
            assert "\\u0000" not in form.model_dump_json()


def test_what_two_kinds_have_in_common_is_kept_when_one_becomes_the_other() -> None:
    complaint = as_kind(form_of(CaseKind.ENQUIRY, ENQUIRY), CaseKind.COMPLAINT)
    assert isinstance(complaint, ComplaintForm)
    assert (complaint.name, complaint.brief, complaint.about) == ("王先生", "怎样开户", None)


def test_what_is_lacking_is_named_by_field() -> None:
    assert set(lacking(CaseKind.QUERY, Form(), closing=True)) == {"brief", "handling"}
    assert set(lacking(CaseKind.ENQUIRY, EnquiryForm(brief="b", handling="h"), closing=True)) == {
        "name", "topic", "knows_computers", "knows_trading", "knows_securities", "appraisal", "verified_by",
    }  # fmt: skip
    bare = form_of(CaseKind.COMPLAINT, {**COMPLAINT, "fund_account": " "})
    assert set(lacking(CaseKind.COMPLAINT, bare, closing=True)) == {"fund_account"}
    assert lacking(CaseKind.COMPLAINT, bare, closing=False) == {}


def test_the_history_tells_the_fields_that_changed_and_no_others() -> None:
    before = case(form=form_of(CaseKind.COMPLAINT, COMPLAINT))
    after = case(form=form_of(CaseKind.COMPLAINT, {**COMPLAINT, "sex": Sex.MALE}), version=5)
    assert narrowed(*changed(before, after)) == ({"form": {"sex": "female"}}, {"form": {"sex": "male"}})
    assert changed(before, before) == narrowed({}, {}) == ({}, {})
    was, now = changed(None, before)
    assert set(was.values()) == {None}
    assert now["form"]["fund_account"] == "10086"
