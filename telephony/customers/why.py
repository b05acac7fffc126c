"""Why something of a customer cannot be kept. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why it is refused."""

    NO_NAME = "no_name"
    TOO_LONG = "too_long"
    HIDDEN_CHARACTER = "hidden_character"
    NO_NUMBER = "no_number"
    SHORT_NUMBER = "short_number"
    UNREADABLE_NUMBER = "unreadable_number"
    ROUNDED_NUMBER = "rounded_number"
    TOO_MANY_NUMBERS = "too_many_numbers"
    FORMULA = "formula"
    BROKEN_TEXT = "broken_text"
    LINE_TOO_LONG = "line_too_long"
    OPEN_QUOTE = "open_quote"
    TOO_MANY_CELLS = "too_many_cells"
    UNKNOWN_BRANCH = "unknown_branch"
    NOT_YOUR_BRANCH = "not_your_branch"
    OTHERS_NUMBER = "others_number"
    SEVERAL_FIT = "several_fit"
    OTHERS_KEY = "others_key"
    TOO_MANY_SHARE = "too_many_share"


@dataclass(frozen=True, slots=True)
class Refused:
    """A line of a list that is not taken. Holds nothing of what stood there.

    Attributes:
        line: its number in the file; the first is 1.
        column: a field of `Details`, `numbers`, or empty for the whole line.
        why: the reason.
    """

    line: int
    column: str
    why: Why
