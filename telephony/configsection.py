"""What every table of the configuration is, and what a name in it looks like."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _printable(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("should be printable, without blanks at its ends")
    return value


Name = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]


class Section(BaseModel):
    """A table of the file: unknown keys are refused, values do not change after start."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
