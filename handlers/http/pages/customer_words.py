"""What is said of customers and of lists of them, in words for people; also the command line says them, in English."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from handlers.http.pages.languages import message
from telephony.customers.why import Why


@dataclass(frozen=True, slots=True)
class Words:
    """What is wrong, and what helps."""

    what: str
    remedy: str


WORDS: Mapping[Why, Words] = MappingProxyType(
    {
        Why.NO_NAME: Words(message("There is no name."), message("Write the name.")),
        Why.TOO_LONG: Words(message("This is too long."), message("Shorten it.")),
        Why.HIDDEN_CHARACTER: Words(
            message("It holds a character that nobody sees."), message("Type it anew instead of copying it.")
        ),
        Why.NO_NUMBER: Words(message("There is no telephone number."), message("Write the number with its area code.")),
        Why.SHORT_NUMBER: Words(
            message("This is an extension or a short number."), message("Write the whole number with its area code.")
        ),
        Why.UNREADABLE_NUMBER: Words(
            message("This is no telephone number."),
            message("Write digits only, with area code, or + and country code."),
        ),
        Why.ROUNDED_NUMBER: Words(
            message("The spreadsheet has rounded this number."),
            message("Format the column as text and fill it in again."),
        ),
        Why.TOO_MANY_NUMBERS: Words(
            message("These are too many numbers for one customer."), message("Keep at most 20.")
        ),
        Why.FORMULA: Words(message("This begins like a formula."), message("Take the first character away.")),
        Why.BROKEN_TEXT: Words(
            message("These characters cannot be read."), message("Save the file as UTF-8 and send it again.")
        ),
        Why.LINE_TOO_LONG: Words(message("The line is too long."), message("See whether a line break is missing.")),
        Why.OPEN_QUOTE: Words(
            message("A quotation mark is not closed."), message("Close it, or double those within a cell.")
        ),
        Why.TOO_MANY_CELLS: Words(
            message("The line has more cells than the first line."),
            message("Put quotation marks around cells that hold the separator."),
        ),
        Why.UNKNOWN_BRANCH: Words(
            message("There is no such branch."), message("Write a branch as it is named in the configuration.")
        ),
        Why.NOT_YOUR_BRANCH: Words(
            message("This is of a branch that is not yours."), message("Ask somebody of that branch.")
        ),
        Why.OTHERS_NUMBER: Words(
            message("Another customer has this number."),
            message("If both have it, say so in the column of shared numbers; else merge them."),
        ),
        Why.SEVERAL_FIT: Words(
            message("Several customers fit this line."), message("Add their external id, or merge them.")
        ),
        Why.OTHERS_KEY: Words(message("Another customer has this external id."), message("Correct it, or merge them.")),
        Why.TOO_MANY_SHARE: Words(
            message("A hundred customers share this number already."),
            message("Leave it out: it no longer says who calls."),
        ),
    }
)
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "": message("Whole line"),
        "name": message("Full name"),
        "branch": message("Branch"),
        "value_group": message("Value group"),
        "note": message("Note"),
        "external_id": message("External id"),
        "numbers": message("Telephone numbers"),
    }
)
DONE: Mapping[str, str] = MappingProxyType(
    {
        "added": message("Added"),
        "imported": message("From a list"),
        "changed": message("Changed"),
        "merged": message("Merged into another customer"),
        "absorbed": message("Another customer was merged into this one"),
        "parted": message("Parted again"),
        "released": message("A merged customer was parted from this one"),
        "erased": message("Erased"),
    }
)
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "enquiry": message("Enquiry"),
        "complaint": message("Complaint"),
        "suggestion": message("Suggestion"),
        "query": message("Query"),
        "business": message("Business"),
        "return_visit": message("Return visit"),
        "unknown": message("Kind not known yet"),
    }
)
CASE_STATES: Mapping[str, str] = MappingProxyType(
    {
        "logged": message("Logged"),
        "open": message("Open"),
        "waiting_caller": message("Waits for the caller"),
        "waiting_department": message("Waits for a department"),
        "answered": message("Answered"),
        "closed": message("Closed"),
        "archived": message("Archived"),
        "merged": message("Part of another case"),
    }
)
LIST_STATES: Mapping[str, str] = MappingProxyType(
    {
        "running": message("Running"),
        "done": message("Done"),
        "refused": message("Refused"),
        "interrupted": message("Cut off: send the file again; what is in stays, and nothing comes twice"),
    }
)
