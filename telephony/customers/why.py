"""Why something of a customer cannot be kept, and what helps, in words for people. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


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
class Words:
    """What is wrong, and what helps."""

    what: str
    remedy: str


WORDS: Mapping[Why, Words] = MappingProxyType(
    {
        Why.NO_NAME: Words("There is no name.", "Write the name."),
        Why.TOO_LONG: Words("This is too long.", "Shorten it."),
        Why.HIDDEN_CHARACTER: Words("It holds a character that nobody sees.", "Type it anew instead of copying it."),
        Why.NO_NUMBER: Words("There is no telephone number.", "Write the number with its area code."),
        Why.SHORT_NUMBER: Words(
            "This is an extension or a short number.", "Write the whole number with its area code."
        ),
        Why.UNREADABLE_NUMBER: Words(
            "This is no telephone number.", "Write digits only, with area code, or + and country code."
        ),
        Why.ROUNDED_NUMBER: Words(
            "The spreadsheet has rounded this number.", "Format the column as text and fill it in again."
        ),
        Why.TOO_MANY_NUMBERS: Words("These are too many numbers for one customer.", "Keep at most 20."),
        Why.FORMULA: Words("This begins like a formula.", "Take the first character away."),
        Why.BROKEN_TEXT: Words("These characters cannot be read.", "Save the file as UTF-8 and send it again."),
        Why.LINE_TOO_LONG: Words("The line is too long.", "See whether a line break is missing."),
        Why.OPEN_QUOTE: Words("A quotation mark is not closed.", "Close it, or double those within a cell."),
        Why.TOO_MANY_CELLS: Words(
            "The line has more cells than the first line.", "Put quotation marks around cells that hold the separator."
        ),
        Why.UNKNOWN_BRANCH: Words("There is no such branch.", "Write a branch as it is named in the configuration."),
        Why.NOT_YOUR_BRANCH: Words("This is of a branch that is not yours.", "Ask somebody of that branch."),
        Why.OTHERS_NUMBER: Words(
            "Another customer has this number.",
            "If both have it, say so in the column of shared numbers; else merge them.",
        ),
        Why.SEVERAL_FIT: Words("Several customers fit this line.", "Add their external id, or merge them."),
        Why.OTHERS_KEY: Words("Another customer has this external id.", "Correct it, or merge them."),
        Why.TOO_MANY_SHARE: Words(
            "A hundred customers share this number already.", "Leave it out: it no longer says who calls."
        ),
    }
)


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
