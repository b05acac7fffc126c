"""What is written down of people: who saw or changed what of whom, when and from where. Written once, never changed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LONGEST = 500
"""Characters of any one text."""


class Verb(StrEnum):
    """What was done."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    USER_ADDED = "user_added"
    USER_CHANGED = "user_changed"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    PASSWORD_SET = "password_set"  # noqa: S105 - that one was
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the same
    SESSIONS_ENDED = "sessions_ended"
    TOKEN_MADE = "token_made"  # noqa: S105 - the same
    TOKEN_ENDED = "token_ended"  # noqa: S105 - the same
    HISTORY_SEEN = "history_seen"
    CASES_SEARCHED = "cases_searched"
    CASE_SEEN = "case_seen"
    CASE_CHANGED = "case_changed"
    CALLBACK_SEEN = "callback_seen"
    CALLBACK_CHANGED = "callback_changed"
    DESK_ACTED = "desk_acted"
    CALLS_SEEN = "calls_seen"
    CALLS_EXPORTED = "calls_exported"
    AUDIT_SEEN = "audit_seen"
    CUSTOMER_SHOWN = "customer_shown"
    CUSTOMERS_SOUGHT = "customers_sought"
    CUSTOMER_SEEN = "customer_seen"
    CUSTOMER_ADDED = "customer_added"
    CUSTOMER_CHANGED = "customer_changed"
    CUSTOMERS_MERGED = "customers_merged"
    CUSTOMERS_PARTED = "customers_parted"
    CUSTOMER_ERASED = "customer_erased"
    CUSTOMERS_IMPORTED = "customers_imported"


class Kind(StrEnum):
    """Of what kind the one is whom it concerns."""

    NONE = ""
    USER = "user"
    CALL = "call"
    CASE = "case"
    CALLBACK = "callback"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        at: when, aware.
        who: name of the account; else `agent NAME`, `supervisor NAME`, `command NAME` of the system's user.
        verb: what was done.
        kind, whom: to whom; of a caller the id of the call, never his number: this outlives what is forgotten of him.
        branch: of which; empty: of none.
        remote: the address it came from.
        detail: more, for people.
    """

    at: datetime
    who: str
    verb: Verb
    kind: Kind = Kind.NONE
    whom: str = ""
    branch: str = ""
    remote: str = ""
    detail: str = ""

    def texts(self) -> tuple[str, ...]:
        """What is written as text, of bounded length, with nothing that a database refuses."""
        told = (self.who, self.verb.value, self.kind.value, self.whom, self.branch, self.remote, self.detail)
        return tuple(text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")[:LONGEST] for text in told)
