"""`[desk]`: what agents can do at their desks, and what stands there."""

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from telephony.configsection import Name, Section

PAUSES = ("小休", "用餐", "会议", "培训")
Seconds = Annotated[float, Field(ge=0, le=3_600, allow_inf_nan=False)]


class Desk(Section):
    """Everything here holds for all desks."""

    pauses: tuple[Name, ...] = Field(default=PAUSES, max_length=20, examples=[["小休", "用餐"]])
    """Why somebody may pause; queue_log has the words as they stand here."""
    wrap_up_pause: Name = Field(default="wrap-up", examples=["wrap-up"])
    """The reason under which wrap-up is a pause; one of `standard.wrap_up_pauses`."""
    wrap_up_seconds: Seconds = Field(default=30, examples=[30])
    """After so long he is ready again by himself; 0: not before he says so."""
    action_seconds: Annotated[float, Field(gt=0, le=30, allow_inf_nan=False)] = Field(default=2, examples=[2])
    """For so long an answer of the PBX is waited for."""
    ring_seconds: Annotated[float, Field(ge=5, le=120, allow_inf_nan=False)] = Field(default=20, examples=[20])
    """Called from a desk, the agent's own phone rings for so long."""
    closing: str | None = Field(default=None, max_length=200, examples=["感谢您的来电，再见！"])
    """What is said at the end; none: the standard's."""


def desk_faults(desk: Desk, wrap_ups: Collection[str]) -> list[str]:
    """What `[desk]` says against `[standard]` and against itself."""
    found = []
    known = {name.casefold() for name in wrap_ups}
    if desk.wrap_up_pause.casefold() not in known:
        remedy = "name it in standard.wrap_up_pauses, or its time counts as a pause"
        found.append(f"desk.wrap_up_pause = {desk.wrap_up_pause!r}: is no wrap-up; {remedy}")
    found.extend(
        f"desk.pauses = {name!r}: is wrap-up by standard.wrap_up_pauses; take it out of one of them"
        for name in desk.pauses
        if name.casefold() in known
    )
    return found
