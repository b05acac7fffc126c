"""What the pages of casework say for the words of `telephony.cases`: messages, translated where they are shown."""

from collections.abc import Mapping

from handlers.http.pages.languages import message
from telephony.cases.callback import Action, Lost, Result, Tried
from telephony.cases.kinds import About, CaseKind, Channel, Familiarity, Identity, Sex, State, VisitOutcome
from telephony.cases.steps import Move

KINDS: Mapping[CaseKind, str] = {
    CaseKind.UNKNOWN: message("Not yet known"),
    CaseKind.ENQUIRY: message("Enquiry"),
    CaseKind.COMPLAINT: message("Complaint"),
    CaseKind.SUGGESTION: message("Suggestion"),
    CaseKind.QUERY: message("Query"),
    CaseKind.BUSINESS: message("Business"),
    CaseKind.RETURN_VISIT: message("Return visit"),
}
STATES: Mapping[State, str] = {
    State.LOGGED: message("To be recorded"),
    State.OPEN: message("Open"),
    State.WAITING_CALLER: message("Waiting for the caller"),
    State.WAITING_DEPARTMENT: message("Waiting for another department"),
    State.ANSWERED: message("Caller has his answer"),
    State.CLOSED: message("Closed"),
    State.ARCHIVED: message("Archived"),
    State.MERGED: message("Part of another case"),
}
FIELDS: Mapping[str, str] = {
    "name": message("Name of the caller"),
    "sex": message("Sex"),
    "phone": message("Telephone"),
    "brief": message("What he wants, in brief"),
    "handling": message("What was done about it"),
    "topic": message("What was asked for"),
    "knows_computers": message("Knows computers"),
    "knows_trading": message("Knows trading by himself"),
    "knows_securities": message("Knows securities"),
    "appraisal": message("Appraisal of the caller"),
    "verified_by": message("Identity verified by"),
    "about": message("What the complaint is about"),
    "fund_account": message("Fund account (无: has none)"),
    "details": message("Details"),
    "contacts": message("Departments that were asked"),
    "advice": message("Investment advice was given"),
    "kind": message("Kind of case"),
    "text": message("Text"),
}
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "sex": {Sex.UNKNOWN: message("Not told"), Sex.FEMALE: message("Female"), Sex.MALE: message("Male")},
    "knows": {
        Familiarity.NONE: message("Not at all"),
        Familiarity.SOME: message("Somewhat"),
        Familiarity.GOOD: message("Well"),
    },
    "verified_by": {
        Identity.RESERVED_PHONE: message("Telephone on file"),
        Identity.ID_NUMBER: message("Number of the identity card"),
        Identity.HOLDINGS: message("Shares held"),
        Identity.LATEST_PURCHASE: message("Latest purchase"),
        Identity.NOT_NEEDED: message("Not needed: nothing of an account was told"),
    },
    "about": {
        About.SERVICE_QUALITY: message("Quality of service"),
        About.PRODUCT: message("A product"),
        About.SYSTEM_FAULT: message("A fault of a system"),
    },
    "channel": {Channel.PHONE: message("By telephone"), Channel.SMS: message("By text message")},
    "outcome": {
        VisitOutcome.SATISFIED: message("All is well"),
        VisitOutcome.PROBLEM: message("Something is wrong"),
        VisitOutcome.NOT_REACHED: message("Not reached"),
        VisitOutcome.REFUSED_PHONE: message("Does not want to be called"),
        VisitOutcome.INFORMED: message("Text message sent"),
    },
    "result": {
        Tried.REACHED: message("Reached"),
        Tried.NO_ANSWER: message("No answer"),
        Tried.BUSY: message("Busy"),
        Tried.REFUSED: message("Answered, wants nothing any more"),
        Tried.WRONG_NUMBER: message("Wrong number"),
    },
}
MOVES: Mapping[Move, str] = {
    Move.OPENED: message("Opened"),
    Move.FIRST_ANSWERED: message("First answered"),
    Move.RECORDED: message("Recorded"),
    Move.NOTED: message("Note written"),
    Move.ASKED_CALLER: message("Caller was asked"),
    Move.ASKED_DEPARTMENT: message("Department was asked"),
    Move.RESUMED: message("Went on"),
    Move.PLANNED: message("Planned"),
    Move.ANSWERED: message("Caller was answered"),
    Move.VISIT_TRIED: message("Return visit tried"),
    Move.VISIT_MADE: message("Return visit made"),
    Move.PROBLEM_FOUND: message("Return visit found a problem"),
    Move.CLOSED: message("Closed"),
    Move.ARCHIVED: message("Archived"),
    Move.REOPENED: message("Opened again"),
    Move.TAKEN: message("Taken"),
    Move.OFFERED: message("Offered to somebody"),
    Move.ACCEPTED: message("Hand-over accepted"),
    Move.REFUSED: message("Hand-over refused"),
    Move.WITHDRAWN: message("Offer taken back"),
    Move.MERGED: message("Became part of another"),
    Move.UNMERGED: message("One of its own again"),
    Move.ABSORBED: message("Another became part of it"),
    Move.RELEASED: message("A part of it is one of its own again"),
    Move.CALL_JOINED: message("A further call is about it"),
    Move.CALL_PARTED: message("A call is not about it after all"),
}
OUTCOMES: Mapping[str, str] = {
    "answered": message("answered"),
    "abandoned": message("gave up"),
    "timeout": message("waited too long"),
    "lost": message("not known"),
}
"""Of calls; what is not here is shown as the API has it."""
REASONS: Mapping[Lost, str] = {
    Lost.AGREED: message("Was promised a call back"),
    Lost.AFTER_HOURS: message("Outside business hours"),
    Lost.ABANDONED: message("Hung up while waiting"),
    Lost.UNANSWERED: message("Was not answered"),
    Lost.UNKNOWN: message("Not known how it ended"),
}
RESULTS: Mapping[Result, str] = {
    Result.REACHED: message("Reached"),
    Result.GOT_THROUGH: message("Called again and got through"),
    Result.CORRECTED: message("Had been answered after all"),
    Result.NOT_REACHED: message("Given up: not reached"),
}
ACTIONS: Mapping[Action, str] = {
    Action.OPENED: message("To be called back"),
    Action.AGREED: message("Was promised a call back"),
    Action.CALLER_LOST: message("Was lost once more"),
    Action.CALLER_CORRECTED: message("One of his calls was answered after all"),
    Action.CLAIMED: message("Taken"),
    Action.RELEASED: message("Given back"),
    Action.TRIED: message("Rung"),
    Action.GIVEN_UP: message("Given up"),
    Action.GOT_THROUGH: message("Got through himself"),
    Action.REOPENED: message("Opened again"),
}
