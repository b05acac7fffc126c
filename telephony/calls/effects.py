"""What is to be done about what happened: data, performed elsewhere (`handlers.effects`).

The counters of the metric catalogue move by these effects and by nothing else, each exactly once per thing counted.
"""

from dataclasses import dataclass

from telephony.calls.record import CallRecord, Kind, OfferRecord, VisitRecord


@dataclass(frozen=True, slots=True)
class SaveCall:
    """Make this state of the call durable, and show it. Whole: a newer one replaces an older one not yet written."""

    call: CallRecord


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """An inbound call appeared, and with it its case. Once per call."""

    call: CallRecord


@dataclass(frozen=True, slots=True)
class VisitEntered:
    """A customer began to wait (or was found waiting, after a gap). Refused visits never enter."""

    visit: VisitRecord


@dataclass(frozen=True, slots=True)
class VisitEnded:
    """The outcome of an entered visit was decided. Once per visit, never taken back in the counters."""

    call: CallRecord
    visit: VisitRecord


@dataclass(frozen=True, slots=True)
class VisitRefused:
    """A customer asked for a queue and was not let in."""

    call: CallRecord
    visit: VisitRecord


@dataclass(frozen=True, slots=True)
class VisitCorrected:
    """Evidence came after the outcome had been counted: `visit` now says otherwise than `before`."""

    call: CallRecord
    before: VisitRecord
    visit: VisitRecord


@dataclass(frozen=True, slots=True)
class TalkEnded:
    """The talk of an answered visit is over; its length is final."""

    call: CallRecord
    visit: VisitRecord


@dataclass(frozen=True, slots=True)
class OfferEnded:
    """A phone stopped ringing (or never did), and why is known."""

    queue: str
    kind: Kind
    offer: OfferRecord


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call and all its visits are over; nothing about it will change but by correction."""

    call: CallRecord


@dataclass(frozen=True, slots=True)
class QueuesKnown:
    """The PBX's own list of queues: the only queue names that may become label values."""

    queues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Irregular:
    """A fact that no rule allows there. It changed nothing. `what` is one of a few fixed words; `detail` free text."""

    what: str
    detail: str


Effect = (
    SaveCall
    | CaseOpened
    | VisitEntered
    | VisitEnded
    | VisitRefused
    | VisitCorrected
    | TalkEnded
    | OfferEnded
    | CallEnded
    | QueuesKnown
    | Irregular
)
