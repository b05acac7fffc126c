"""`[cases]`: in which time callers are called back, and cases answered."""

from typing import Annotated

from pydantic import Field

from telephony.configsection import Section

Minutes = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=1, le=250)]


class Cases(Section):
    """The set periods; days are working days of the branch (its `[[hours]]`), minutes of call backs working time."""

    callback_minutes: Minutes = Field(default=60, examples=[60])
    claim_minutes: Minutes = Field(default=10, examples=[10])
    attempts: int = Field(default=3, ge=1, le=100, examples=[3])
    complaint_days: Days = Field(default=5, examples=[5])
    suggestion_days: Days = Field(default=10, examples=[10])
    visit_days: Days = Field(default=3, examples=[3])
    problem_days: Days = Field(default=3, examples=[3])
    remind_minutes: Minutes = Field(default=60, examples=[60])
    escalate_minutes: Minutes = Field(default=120, examples=[120])
