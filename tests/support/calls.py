"""Records to test with: plain ones by name, and a hypothesis strategy for any that keeps the invariants."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from telephony.calls.record import (
    REFUSED,
    CallRecord,
    Direction,
    Kind,
    OfferRecord,
    OfferResult,
    Outcome,
    Party,
    Quality,
    VisitRecord,
    call_id,
    case_id,
)

START = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after the start of the story."""
    return START + timedelta(seconds=seconds)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def visit(outcome: Outcome | None = Outcome.ANSWERED, **changes: Any) -> VisitRecord:
    """A queue visit of ten seconds that ended so."""
    record = VisitRecord(
        ordinal=1,
        uniqueid="1700000000.1",
        kind=Kind.QUEUE,
        queue="support",
        joined_at=None if outcome in REFUSED else at(0),
        left_at=None if outcome is None else at(10),
        outcome=outcome,
        wait=None if outcome is None else seconds(0 if outcome in REFUSED else 10),
    )
    if outcome is Outcome.ANSWERED:
        record = replace(
            record, alerted_at=at(4), caller_rings=2, caller_rings_heard=2, agent="Agent 1001", answered_at=at(10),
            talk=seconds(60), hold=seconds(0), hung_up_by=Party.CALLER, offers=(offer(),),
        )  # fmt: skip
    return replace(record, **changes)


def offer(result: OfferResult | None = OfferResult.ANSWERED, **changes: Any) -> OfferRecord:
    """An agent leg that rang for six seconds."""
    record = OfferRecord(
        agent="Agent 1001",
        interface="PJSIP/1001",
        leg="1700000000.2",
        called_at=at(3),
        rang_at=at(4),
        answered_at=at(10) if result is OfferResult.ANSWERED else None,
        ended_at=at(10),
        result=result,
        setup=seconds(1),
        alerting=seconds(6),
        rings=2,
    )
    return replace(record, **changes)


def call(*visits: VisitRecord, number: int = 1, direction: Direction = Direction.INBOUND, **changes: Any) -> CallRecord:
    """An ended call with these visits, numbered in order."""
    uniqueid = f"1700000000.{number}"
    id_ = call_id("pbx1", uniqueid)
    record = CallRecord(
        id=id_,
        pbx="pbx1",
        uniqueid=uniqueid,
        linkedid=uniqueid,
        direction=direction,
        caller="+8613800138000",
        caller_name="Li Lei",
        dialled="4001",
        arrived_at=at(number),
        ended_at=at(number + 100),
        hung_up_by=Party.CALLER,
        case=case_id(id_) if direction is Direction.INBOUND else None,
        revision=1,
        visits=tuple(replace(each, ordinal=index) for index, each in enumerate(visits, 1)),
    )
    return replace(record, **changes)


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
"""Anything a Python string can hold, NUL and lone surrogates included."""
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
DURATIONS = st.timedeltas(timedelta(), timedelta(days=30))
RINGS = st.integers(0, 1000)

OFFERS = st.builds(
    OfferRecord, agent=TEXT, interface=TEXT, leg=TEXT, called_at=TIMES, rang_at=_maybe(TIMES),
    answered_at=_maybe(TIMES), ended_at=_maybe(TIMES), result=_maybe(st.sampled_from(OfferResult)),
    setup=_maybe(DURATIONS), alerting=_maybe(DURATIONS), rings=_maybe(RINGS),
)  # fmt: skip


@st.composite
def visits(draw: st.DrawFn, ordinal: int) -> VisitRecord:
    """Any visit that the core may say."""
    outcome = draw(_maybe(st.sampled_from(Outcome)))
    answered = outcome is Outcome.ANSWERED
    joined_at = None if outcome in REFUSED else draw(TIMES)
    stay = draw(DURATIONS)
    return VisitRecord(
        ordinal=ordinal,
        uniqueid=draw(TEXT),
        kind=draw(st.sampled_from(Kind)),
        queue=draw(TEXT),
        joined_at=joined_at,
        left_at=None if outcome is None or joined_at is None else joined_at + stay,
        outcome=outcome,
        settling=False,
        wait=draw(_maybe(DURATIONS)),
        alerted_at=draw(_maybe(TIMES)),
        caller_rings=draw(_maybe(RINGS)) if answered else None,
        caller_rings_heard=draw(_maybe(RINGS)),
        agent=draw(TEXT) if answered else None,
        answered_at=draw(TIMES) if answered else None,
        talk=draw(_maybe(DURATIONS)) if answered else None,
        hold=draw(_maybe(DURATIONS)) if answered else None,
        hung_up_by=draw(_maybe(st.sampled_from(Party))),
        quality=draw(st.sampled_from(Quality)),
        reason=draw(TEXT),
        offers=tuple(draw(st.lists(OFFERS, max_size=2))),
    )


@st.composite
def calls(draw: st.DrawFn) -> CallRecord:
    """Any call that the core may say."""
    direction = draw(st.sampled_from(Direction))
    count = draw(st.integers(0, 3)) if direction is Direction.INBOUND else 0
    id_ = draw(st.uuids())
    return CallRecord(
        id=id_,
        pbx=draw(TEXT),
        uniqueid=draw(TEXT),
        linkedid=draw(TEXT),
        direction=direction,
        caller=draw(TEXT),
        caller_name=draw(TEXT),
        dialled=draw(TEXT),
        arrived_at=draw(TIMES),
        ended_at=draw(_maybe(TIMES)),
        hung_up_by=draw(_maybe(st.sampled_from(Party))),
        case=case_id(id_) if direction is Direction.INBOUND else None,
        revision=draw(st.integers(0, 2**40)),
        visits=tuple(draw(visits(ordinal)) for ordinal in range(1, count + 1)),
    )
