"""Calls for the outside: the JSON document of the API and of `export`, and one CSV row a call. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from telephony.calls.measures import Targets, summary
from telephony.calls.record import OfferRecord, VisitRecord
from telephony.cases.rows import StoredCall

Document = dict[str, object]

CSV_COLUMNS = (
    "id", "pbx", "uniqueid", "linkedid", "direction", "caller", "caller_name", "dialled", "arrived_at", "ended_at",
    "hung_up_by", "case_id", "case_number", "visits", "queues", "outcomes", "agents", "sought", "answered", "gave_up",
    "wait_seconds", "rings", "talk_seconds", "hold_seconds",
)  # fmt: skip
"""One row a call. Of its visits: how many, then queues, outcomes and agents in order, joined by ` > `; sought,
answered, gave_up (0 or 1), wait and rings as the standard counts them (`telephony.calls.measures`); talk and
hold summed."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_document(stored: StoredCall) -> Document:
    """The call as in docs/interface: times RFC 3339 UTC with microseconds, durations in seconds, None as null."""
    call = stored.call
    return {
        "id": str(call.id),
        "pbx": call.pbx,
        "uniqueid": call.uniqueid,
        "linkedid": call.linkedid,
        "direction": call.direction.value,
        "caller": call.caller,
        "caller_name": call.caller_name,
        "dialled": call.dialled,
        "arrived_at": instant(call.arrived_at),
        "ended_at": instant(call.ended_at),
        "hung_up_by": call.hung_up_by,
        "case": None if call.case is None else {"id": str(call.case), "number": stored.case_number},
        "visits": [_visit(visit) for visit in call.visits],
    }


def as_row(stored: StoredCall, targets: Targets) -> Mapping[str, str | int | float | None]:
    """The call as one CSV row, by column. No text in it can act as a formula in a spreadsheet.

    Text that begins like a formula (`=`, `+`, `-`, `@`, a tab or a line end, also in full width) gets an apostrophe in
    front, which spreadsheets show as text. This concerns numbers in international form too: `'+86…`. Line ends of any
    kind become `⏎`, so that a row is a line.
    """
    call = stored.call
    measured = summary(call, targets)
    texts = {
        "id": str(call.id),
        "pbx": call.pbx,
        "uniqueid": call.uniqueid,
        "linkedid": call.linkedid,
        "direction": call.direction.value,
        "caller": call.caller,
        "caller_name": call.caller_name,
        "dialled": call.dialled,
        "arrived_at": instant(call.arrived_at),
        "ended_at": instant(call.ended_at),
        "hung_up_by": None if call.hung_up_by is None else call.hung_up_by.value,
        "case_id": None if call.case is None else str(call.case),
        "case_number": stored.case_number,
        "queues": " > ".join(visit.queue for visit in call.visits),
        "outcomes": " > ".join(visit.outcome.value if visit.outcome else "waiting" for visit in call.visits),
        "agents": " > ".join(visit.agent for visit in call.visits if visit.agent is not None),
    }
    numbers: dict[str, int | float | None] = {
        "visits": len(call.visits),
        "sought": int(measured.sought),
        "answered": int(measured.answered),
        "gave_up": int(measured.gave_up),
        "wait_seconds": seconds(measured.wait),
        "rings": measured.rings,
        "talk_seconds": _total([visit.talk for visit in call.visits]),
        "hold_seconds": _total([visit.hold for visit in call.visits]),
    }
    return {key: guarded(text) for key, text in texts.items()} | numbers


def instant(value: datetime | None) -> str | None:
    """`2026-03-02T09:00:00.123456Z`."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seconds(value: timedelta | None) -> float | None:
    """Seconds, exact to the microsecond."""
    return None if value is None else value.total_seconds()


def guarded(text: str | None) -> str | None:
    """The text, made harmless to a spreadsheet, and on one line: characters that end one become U+23CE (⏎)."""
    if text is None:
        return None
    return ("'" + text if text.startswith(FORMULA_STARTS) else text).translate(_LINE_ENDS)


_LINE_ENDS = dict.fromkeys(map(ord, "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"), "\u23ce")


def _total(durations: list[timedelta | None]) -> float | None:
    known = [duration for duration in durations if duration is not None]
    return seconds(sum(known, timedelta())) if known else None


def _visit(visit: VisitRecord) -> Document:
    return {
        "ordinal": visit.ordinal,
        "uniqueid": visit.uniqueid,
        "kind": visit.kind.value,
        "queue": visit.queue,
        "joined_at": instant(visit.joined_at),
        "left_at": instant(visit.left_at),
        "outcome": visit.outcome,
        "settling": visit.settling,
        "reason": visit.reason,
        "wait_seconds": seconds(visit.wait),
        "alerted_at": instant(visit.alerted_at),
        "caller_rings": visit.caller_rings,
        "caller_rings_heard": visit.caller_rings_heard,
        "agent": visit.agent,
        "answered_at": instant(visit.answered_at),
        "talk_seconds": seconds(visit.talk),
        "hold_seconds": seconds(visit.hold),
        "hung_up_by": visit.hung_up_by,
        "quality": visit.quality.value,
        "offers": [_offer(offer) for offer in visit.offers],
    }


def _offer(offer: OfferRecord) -> Document:
    return {
        "agent": offer.agent,
        "interface": offer.interface,
        "uniqueid": offer.leg,
        "called_at": instant(offer.called_at),
        "rang_at": instant(offer.rang_at),
        "answered_at": instant(offer.answered_at),
        "ended_at": instant(offer.ended_at),
        "result": offer.result,
        "setup_seconds": seconds(offer.setup),
        "alerting_seconds": seconds(offer.alerting),
        "rings": offer.rings,
    }
