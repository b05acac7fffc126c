"""What is written down of a case, by its kind (STD-RECORD): typed fields, and one clear fault for each that is wrong.

A form may be saved while half of it is still empty; what a step needs is asked for by that step (`lacking`). What the
machine knows (date, time, branch, the number that called) is no field: it stands on the case. Pure.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from telephony.cases.kinds import About, CaseKind, Familiarity, Identity, Sex
from telephony.cases.rows import storable

MOST_CONTACTS = 50
_Word = Annotated[str, Field(max_length=100), AfterValidator(storable)]
_Brief = Annotated[str, Field(max_length=2_000), AfterValidator(storable)]
_Text = Annotated[str, Field(max_length=20_000), AfterValidator(storable)]


class BadForm(ValueError):  # noqa: N818 - what it is
    """Some fields are wrong. `faults`: by field, in one short sentence each."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {fault}" for field, fault in faults.items()))
        self.faults = dict(faults)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Form(_Part):
    """The basic elements: name, sex, phone, brief content, handling."""

    name: _Word = ""
    sex: Sex = Sex.UNKNOWN
    phone: _Word = ""
    brief: _Brief = ""
    handling: _Text = ""


class EnquiryForm(Form):
    """Also: what was asked for, how well the caller knows what it takes, an appraisal, how identity was verified."""

    topic: _Word = ""
    knows_computers: Familiarity | None = None
    knows_trading: Familiarity | None = None
    knows_securities: Familiarity | None = None
    appraisal: _Brief = ""
    verified_by: Annotated[frozenset[Identity], Field(max_length=len(Identity))] = frozenset()


class Contact(_Part):
    """Another department that was asked about a complaint: when, which, whom."""

    at: AwareDatetime
    department: Annotated[_Word, Field(min_length=1)]
    person: Annotated[_Word, Field(min_length=1)]


class ComplaintForm(Form):
    """Also: what it is about, fund account (无 for who has none), details, and the departments that were contacted."""

    about: About | None = None
    fund_account: _Word = ""
    details: _Text = ""
    contacts: Annotated[tuple[Contact, ...], Field(max_length=MOST_CONTACTS)] = ()


FORMS: Mapping[CaseKind, type[Form]] = {
    CaseKind.UNKNOWN: Form,
    CaseKind.ENQUIRY: EnquiryForm,
    CaseKind.COMPLAINT: ComplaintForm,
    CaseKind.SUGGESTION: Form,
    CaseKind.QUERY: Form,
    CaseKind.BUSINESS: Form,
    CaseKind.RETURN_VISIT: Form,
}
_ANSWERING = ("brief", "handling")
_CLOSING: Mapping[CaseKind, tuple[str, ...]] = {
    CaseKind.ENQUIRY: (
        "name", "topic", "knows_computers", "knows_trading", "knows_securities", "appraisal", "verified_by",
    ),
    CaseKind.COMPLAINT: ("name", "phone", "about", "fund_account", "details"),
    CaseKind.SUGGESTION: ("name",),
}  # fmt: skip
_MOST_FAULT = 160


def form_of(kind: CaseKind, fields: Mapping[str, Any]) -> Form:
    """The form of a kind, filled in.

    Args:
        kind: whose fields there are.
        fields: as typed; hostile.

    Raises:
        BadForm: with every fault, one a field.
    """
    try:
        return FORMS[kind].model_validate(dict(fields))
    except ValidationError as error:
        faults: dict[str, str] = {}
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            field = ".".join(str(part) for part in one["loc"])[:100] or "form"
            faults.setdefault(field, one["msg"][:_MOST_FAULT])
        raise BadForm(faults) from None


def as_kind(form: Form, kind: CaseKind) -> Form:
    """The same as the form of another kind: what both have is kept."""
    wanted = FORMS[kind]
    fields = form.model_dump()
    return wanted.model_validate({name: fields[name] for name in wanted.model_fields if name in fields})


def lacking(kind: CaseKind, form: Form, *, closing: bool) -> dict[str, str]:
    """What must be filled in before a case may be answered, or `closing`: closed; by field, one fault each."""
    needed = (*_ANSWERING, *(_CLOSING.get(kind, ()) if closing else ()))
    return {field: "has to be filled in first" for field in needed if not getattr(form, field)}
