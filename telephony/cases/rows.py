"""Between the records of the core and the rows of the database: pure.

Text that comes from callers may hold what PostgreSQL cannot store: NUL, and the lone surrogates that stand for bytes
which were no UTF-8. Each such character becomes U+FFFD, the replacement character; everything else is kept as it is.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from telephony.calls.record import (
    CallRecord,
    Direction,
    Kind,
    OfferRecord,
    OfferResult,
    Outcome,
    Party,
    Quality,
    VisitRecord,
)

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MICROSECOND = timedelta(microseconds=1)


class Row(Protocol):
    """A row as the driver gives it."""

    def __getitem__(self, column: str, /) -> Any:  # noqa: ANN401  # the driver knows no types
        """The value in that column."""
        ...


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call as the database holds it; `case_number` None when it opened no case."""

    call: CallRecord
    case_number: str | None


def storable(text: str) -> str:
    """The text with each character that PostgreSQL cannot store replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def call_columns(calls: Sequence[CallRecord]) -> list[list[object]]:
    """The columns of `calls` in the order of `store.CallStore`'s statement."""
    return _columns(
        14,
        (
            (
                call.id,
                storable(call.pbx),
                storable(call.uniqueid),
                storable(call.linkedid),
                call.direction.value,
                storable(call.caller),
                storable(call.caller_name),
                storable(call.dialled),
                call.arrived_at,
                call.ended_at,
                _word(call.hung_up_by),
                call.case,
                len(call.visits),
                call.revision,
            )
            for call in calls
        ),
    )


def visit_columns(calls: Iterable[CallRecord]) -> list[list[object]]:
    """The columns of `visits`."""
    return _columns(
        20,
        (
            (
                call.id,
                visit.ordinal,
                storable(visit.uniqueid),
                visit.kind.value,
                storable(visit.queue),
                visit.joined_at,
                visit.left_at,
                _word(visit.outcome),
                visit.settling,
                _microseconds(visit.wait),
                visit.alerted_at,
                visit.caller_rings,
                visit.caller_rings_heard,
                None if visit.agent is None else storable(visit.agent),
                visit.answered_at,
                _microseconds(visit.talk),
                _microseconds(visit.hold),
                _word(visit.hung_up_by),
                visit.quality.value,
                storable(visit.reason),
            )
            for call in calls
            for visit in call.visits
        ),
    )


def offer_columns(calls: Iterable[CallRecord]) -> list[list[object]]:
    """The columns of `offers`; their ordinal is their place in the visit, from 1."""
    return _columns(
        14,
        (
            (
                call.id,
                visit.ordinal,
                ordinal,
                storable(offer.agent),
                storable(offer.interface),
                storable(offer.leg),
                offer.called_at,
                offer.rang_at,
                offer.answered_at,
                offer.ended_at,
                _word(offer.result),
                _microseconds(offer.setup),
                _microseconds(offer.alerting),
                offer.rings,
            )
            for call in calls
            for visit in call.visits
            for ordinal, offer in enumerate(visit.offers, 1)
        ),
    )


def case_columns(calls: Iterable[CallRecord]) -> list[list[object]]:
    """The columns of `cases` that a call decides."""
    return _columns(3, ((call.case, call.id, call.arrived_at) for call in calls if call.case is not None))


def stored_calls(calls: Sequence[Row], visits: Iterable[Row], offers: Iterable[Row]) -> list[StoredCall]:
    """Rebuild the records. `visits` and `offers` in the order of their keys; `calls` in any, which is kept."""
    offers_of: dict[tuple[UUID, int], list[OfferRecord]] = {}
    for row in offers:
        offers_of.setdefault((row["call_id"], row["visit"]), []).append(_offer(row))
    visits_of: dict[UUID, list[VisitRecord]] = {}
    for row in visits:
        key = (row["call_id"], row["ordinal"])
        visits_of.setdefault(row["call_id"], []).append(_visit(row, tuple(offers_of.get(key, ()))))
    return [StoredCall(_call(row, tuple(visits_of.get(row["id"], ()))), row["case_number"]) for row in calls]


def _call(row: Row, visits: tuple[VisitRecord, ...]) -> CallRecord:
    return CallRecord(
        id=row["id"],
        pbx=row["pbx"],
        uniqueid=row["uniqueid"],
        linkedid=row["linkedid"],
        direction=Direction(row["direction"]),
        caller=row["caller"],
        caller_name=row["caller_name"],
        dialled=row["dialled"],
        arrived_at=row["arrived_at"],
        ended_at=row["ended_at"],
        hung_up_by=_party(row["hung_up_by"]),
        case=row["case_id"],
        revision=row["revision"],
        visits=visits,
    )


def _visit(row: Row, offers: tuple[OfferRecord, ...]) -> VisitRecord:
    return VisitRecord(
        ordinal=row["ordinal"],
        uniqueid=row["uniqueid"],
        kind=Kind(row["kind"]),
        queue=row["queue"],
        joined_at=row["joined_at"],
        left_at=row["left_at"],
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        settling=row["settling"],
        wait=_duration(row["wait_us"]),
        alerted_at=row["alerted_at"],
        caller_rings=row["caller_rings"],
        caller_rings_heard=row["caller_rings_heard"],
        agent=row["agent"],
        answered_at=row["answered_at"],
        talk=_duration(row["talk_us"]),
        hold=_duration(row["hold_us"]),
        hung_up_by=_party(row["hung_up_by"]),
        quality=Quality(row["quality"]),
        reason=row["reason"],
        offers=offers,
    )


def _offer(row: Row) -> OfferRecord:
    return OfferRecord(
        agent=row["agent"],
        interface=row["interface"],
        leg=row["leg"],
        called_at=row["called_at"],
        rang_at=row["rang_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        result=None if row["result"] is None else OfferResult(row["result"]),
        setup=_duration(row["setup_us"]),
        alerting=_duration(row["alerting_us"]),
        rings=row["rings"],
    )


def _columns(width: int, rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _word(value: Direction | Party | Outcome | OfferResult | None) -> str | None:
    return None if value is None else value.value


def _party(value: str | None) -> Party | None:
    return None if value is None else Party(value)


def _microseconds(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // _MICROSECOND


def _duration(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=microseconds)
