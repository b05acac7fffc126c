"""What may be sent: one model for each body, from which its description is made, too. Strict: a number is no text."""

from typing import Annotated, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from telephony.cases.callback import Tried
from telephony.cases.forms import ComplaintForm, Contact, EnquiryForm, Form
from telephony.cases.kinds import CaseKind, Channel, State, VisitOutcome
from telephony.cases.listing import LONGEST as LONGEST_WANTED
from telephony.cases.listing import MOST
from telephony.cases.rules import LONGEST
from telephony.cases.steps import (
    Answer,
    Archive,
    AskCaller,
    AskDepartment,
    Close,
    Plan,
    Record,
    Remark,
    Reopen,
    Resume,
    ReturnVisit,
    Step,
    Take,
)

MOST_CALLS = 100
MOST_NAMES = 100
Text = Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=r"\S")]
Name = Annotated[str, Field(min_length=1, max_length=64)]
T = TypeVar("T")


class BadBody(ValueError):  # noqa: N818 - what it is
    """It is none of ours. `faults`: by field, in one short sentence each."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {fault}" for field, fault in faults.items()))
        self.faults = faults


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- what is written down (STD-RECORD) ---


class BasicRecord(_Body):
    """The record of a case that needs the basic elements alone."""

    kind: Literal["unknown", "suggestion", "query", "business", "return_visit"]
    form: Form = Form()
    advice: bool = Field(default=False, description="investment advice was given (STD-SEPARATION)")


class EnquiryRecord(_Body):
    """The record of an enquiry, 咨询."""

    kind: Literal["enquiry"]
    form: EnquiryForm = EnquiryForm()
    advice: bool = Field(default=False, description="investment advice was given (STD-SEPARATION)")


class ComplaintRecord(_Body):
    """The record of a complaint, 投诉."""

    kind: Literal["complaint"]
    form: ComplaintForm = ComplaintForm()
    advice: bool = Field(default=False, description="investment advice was given (STD-SEPARATION)")


RecordBody = Annotated[BasicRecord | EnquiryRecord | ComplaintRecord, Field(discriminator="kind")]


def recorded(body: BasicRecord | EnquiryRecord | ComplaintRecord) -> Record:
    """The step that such a body asks for."""
    return Record(CaseKind(body.kind), body.form, body.advice)


# --- steps of one case ---


class _Plain(_Body):
    step: Literal["take", "ask_caller", "resume", "close", "archive"]

    def meant(self) -> Step:
        """The step of the case."""
        steps: dict[str, Step] = {
            "take": Take(), "ask_caller": AskCaller(), "resume": Resume(), "close": Close(), "archive": Archive(),
        }  # fmt: skip
        return steps[self.step]


class PlainStep(_Plain):
    """A step that needs no words: take, ask the caller, go on, close, archive."""


class DepartmentStep(_Body):
    """Another department has to do something; of a complaint, when and with whom was spoken."""

    step: Literal["ask_department"]
    contact: Contact | None = None

    def meant(self) -> Step:
        """The step of the case."""
        return AskDepartment(self.contact)


class PlanStep(_Body):
    """How a complaint will be handled; `due`: earlier than the set period ends."""

    step: Literal["plan"]
    text: Text
    due: AwareDatetime | None = None

    def meant(self) -> Step:
        """The step of the case."""
        return Plan(self.text, self.due)


class WordStep(_Body):
    """A step with words: the answer to the caller, a note, why it is opened again."""

    step: Literal["answer", "note", "reopen"]
    text: Text

    def meant(self) -> Step:
        """The step of the case."""
        steps: dict[str, Step] = {"answer": Answer(self.text), "note": Remark(self.text), "reopen": Reopen(self.text)}
        return steps[self.step]


class VisitStep(_Body):
    """The return visit: how it was made, and what came of it."""

    step: Literal["return_visit"]
    channel: Channel
    outcome: VisitOutcome
    note: Annotated[str, Field(max_length=LONGEST)] = ""

    def meant(self) -> Step:
        """The step of the case."""
        return ReturnVisit(self.channel, self.outcome, self.note)


StepBody = Annotated[PlainStep | DepartmentStep | PlanStep | WordStep | VisitStep, Field(discriminator="step")]


class OfferBody(_Body):
    """A case is offered to somebody, by the name with which he signs in."""

    do: Literal["offer"]
    to: Name


class RefuseBody(_Body):
    """He to whom it is offered does not take it."""

    do: Literal["refuse"]
    reason: Text


class SettleBody(_Body):
    """He to whom it is offered takes it; or who offered it takes it back."""

    do: Literal["accept", "withdraw"]


HandoverBody = Annotated[OfferBody | RefuseBody | SettleBody, Field(discriminator="do")]


class OpenBody(_Body):
    """A case that a person opens: a further matter of a call, or one without a call."""

    branch: Annotated[str, Field(max_length=64)] = Field(default="", description="empty: of none")
    call: UUID | None = Field(default=None, description="that it is about, too")


class MergeBody(_Body):
    """Of which case this one becomes a part."""

    into: UUID


class SplitBody(_Body):
    """Joined calls that go to a case of their own."""

    calls: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=MOST_CALLS)]


class SearchBody(_Body):
    """What is looked for: a telephone number, a case number, a name, words. It stands in no address."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_WANTED, pattern=r"\S")]
    kind: Annotated[tuple[CaseKind, ...], Field(max_length=MOST_NAMES)] | None = None
    state: Annotated[tuple[State, ...], Field(max_length=MOST_NAMES)] | None = None
    branch: Annotated[tuple[Name, ...], Field(max_length=MOST_NAMES)] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    cursor: Annotated[str, Field(max_length=200)] | None = None


# --- call backs ---


class NextBody(_Body):
    """Of which branches; none named: of any of his."""

    branch: Annotated[tuple[Name, ...], Field(max_length=MOST_NAMES)] | None = None


class AttemptBody(_Body):
    """What came of ringing him."""

    result: Tried
    note: Annotated[str, Field(max_length=LONGEST)] = ""


RECORD: TypeAdapter[BasicRecord | EnquiryRecord | ComplaintRecord] = TypeAdapter(RecordBody)
STEP: TypeAdapter[PlainStep | DepartmentStep | PlanStep | WordStep | VisitStep] = TypeAdapter(StepBody)
HANDOVER: TypeAdapter[OfferBody | RefuseBody | SettleBody] = TypeAdapter(HandoverBody)
OPEN = TypeAdapter(OpenBody)
MERGE = TypeAdapter(MergeBody)
SPLIT = TypeAdapter(SplitBody)
SEARCH = TypeAdapter(SearchBody)
NEXT = TypeAdapter(NextBody)
ATTEMPT = TypeAdapter(AttemptBody)


def body_of(adapter: TypeAdapter[T], text: bytes) -> T:
    """The body that a text is.

    Raises:
        BadBody: with every fault, one a field; says nothing of what was sent.
    """
    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError as error:
        faults: dict[str, str] = {}
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            field = ".".join(str(part) for part in one["loc"])[:100] or "body"
            faults.setdefault(field, one["msg"].removeprefix("Value error, ")[:160])
        raise BadBody(faults) from None
