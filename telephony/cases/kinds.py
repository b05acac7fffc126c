"""The words of a case: what it is about, where it stands, how a return visit ended. Stored as they stand here. Pure."""

from enum import StrEnum


class CaseKind(StrEnum):
    """What a case is (STD-RECORD, STD-COMPLAINT, STD-SUGGESTION, STD-RETURN-VISIT)."""

    UNKNOWN = "unknown"
    ENQUIRY = "enquiry"
    """咨询"""
    COMPLAINT = "complaint"
    """投诉"""
    SUGGESTION = "suggestion"
    """建议"""
    QUERY = "query"
    """查询"""
    BUSINESS = "business"
    """业务"""
    RETURN_VISIT = "return_visit"
    """回访"""


class About(StrEnum):
    """What a complaint is about (STD-COMPLAINT)."""

    SERVICE_QUALITY = "service_quality"
    """服务质量: the telephone service itself; these alone make the complaint rate (STD-COMPLAINT-RATE)."""
    PRODUCT = "product"
    """产品问题"""
    SYSTEM_FAULT = "system_fault"
    """系统故障"""


class State(StrEnum):
    """Where a case stands."""

    LOGGED = "logged"
    """Opened by the machine; nobody has recorded anything yet (STD-LOG)."""
    OPEN = "open"
    WAITING_CALLER = "waiting_caller"
    WAITING_DEPARTMENT = "waiting_department"
    ANSWERED = "answered"
    """The caller has his answer; of a complaint: what was done was reported back to him."""
    CLOSED = "closed"
    ARCHIVED = "archived"
    MERGED = "merged"
    """It goes on as a part of another case."""


UNRESOLVED = frozenset({State.OPEN, State.WAITING_CALLER, State.WAITING_DEPARTMENT})
"""What its owner has to go on with; what is due is due for these."""
ACTIVE = UNRESOLVED | {State.ANSWERED}


class Sex(StrEnum):
    """Of the caller."""

    MALE = "male"
    FEMALE = "female"
    UNKNOWN = "unknown"


class Familiarity(StrEnum):
    """How well a caller knows something."""

    NONE = "none"
    SOME = "some"
    GOOD = "good"


class Identity(StrEnum):
    """How a caller's identity was verified (STD-IDENTITY)."""

    RESERVED_PHONE = "reserved_phone"
    ID_NUMBER = "id_number"
    HOLDINGS = "holdings"
    LATEST_PURCHASE = "latest_purchase"
    NOT_NEEDED = "not_needed"
    """Nothing of an account was told."""


class Channel(StrEnum):
    """How a return visit is made; a text message is for whoever refuses the phone."""

    PHONE = "phone"
    SMS = "sms"


class VisitOutcome(StrEnum):
    """How a return visit ended."""

    SATISFIED = "satisfied"
    PROBLEM = "problem"
    """Something is wrong: it is handled and reported within three working days."""
    NOT_REACHED = "not_reached"
    REFUSED_PHONE = "refused_phone"
    """He does not want to be called: he gets a text message."""
    INFORMED = "informed"
    """The text message was sent to somebody who had refused the phone."""


DONE = frozenset({VisitOutcome.SATISFIED, VisitOutcome.INFORMED})
"""With these a return visit was made."""
