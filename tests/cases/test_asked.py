"""STD-FIRST-ASKED: who answered first, and who is to be called back by when, from the call alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given

from telephony.calls.record import CallRecord, Direction, Kind, Outcome
from telephony.cases.asked import Answered, House, Pending, Unanswered, agreed_by, as_dialled, asked
from telephony.cases.callback import Lost
from telephony.standard.calendar import Calendar
from tests.support.calls import call, calls, seconds, visit
from tests.support.casework import HOUSE, local
from tests.support.days import SHANGHAI, o_clock


def rang(*outcomes: Outcome | None, clock: str = "09:00", day: str = "2026-03-02", **changes: object) -> CallRecord:
    """A call to support with these visits, ended a minute later."""
    at = o_clock(clock, day=day).astimezone(UTC)
    found = call(*(visit(one) for one in outcomes), arrived_at=at, ended_at=at + seconds(60))
    return replace(found, **changes)  # type: ignore[arg-type]


def lost(one: CallRecord, house: House = HOUSE) -> Unanswered:
    said = asked(one, house)
    assert isinstance(said, Unanswered)
    return said


def test_the_first_who_answered_is_asked_first_whoever_it_is_transferred_to() -> None:
    nine = o_clock("09:01").astimezone(UTC)
    first, second = visit(answered_at=nine), visit(agent="Agent 1002", queue="sales", answered_at=nine + seconds(60))
    said = asked(call(visit(Outcome.TIMEOUT), first, second, ended_at=None), HOUSE)
    assert said == Answered(nine, "pbx1", "Agent 1001", "changzhi", frozenset({"changzhi"}), "PJSIP/1001")


def test_who_is_answered_elsewhere_got_through_to_where_he_rang_and_there() -> None:
    said = asked(rang(Outcome.TIMEOUT, visits=(visit(Outcome.TIMEOUT), visit(queue="sales", agent=None))), HOUSE)
    assert isinstance(said, Answered)
    assert (said.agent, said.branch, said.branches) == ("", "changzhi", {"changzhi", "jincheng"})


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.ABANDONED, Lost.ABANDONED),
        (Outcome.TIMEOUT, Lost.UNANSWERED),
        (Outcome.REFUSED_FULL, Lost.UNANSWERED),
        (Outcome.LOST, Lost.UNKNOWN),
    ],
)
def test_whoever_was_not_answered_is_called_back_within_an_hour_of_working_time(outcome: Outcome, reason: Lost) -> None:
    said = lost(rang(outcome))
    assert (said.reason, said.number, said.branch, local(said.due_at)) == (
        reason, "+8613800138000", "changzhi", "Mon 03-02 10:01",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("clock", "day", "due"),
    [
        ("20:00", "2026-03-02", "Tue 03-03 17:30"),
        ("20:00", "2026-03-06", "Mon 03-09 17:30"),
        ("12:00", "2026-03-02", "Mon 03-02 17:30"),
        ("08:29", "2026-03-02", "Mon 03-02 17:30"),
    ],
)
def test_who_rings_after_hours_is_called_back_on_the_next_working_day(clock: str, day: str, due: str) -> None:
    said = lost(rang(Outcome.TIMEOUT, clock=clock, day=day))
    assert (said.reason, local(said.due_at)) == (Lost.AFTER_HOURS, due)


def test_who_heard_only_that_it_is_closed_is_called_back_too() -> None:
    assert lost(rang(clock="20:00")).reason is Lost.AFTER_HOURS
    assert asked(rang(clock="10:00"), HOUSE) == Pending("changzhi")
    assert asked(rang(clock="20:00", dialled="5555"), HOUSE) == Pending("")


def test_a_place_without_hours_is_always_open() -> None:
    bare = House(SHANGHAI)
    said = lost(rang(Outcome.ABANDONED, clock="23:30"), bare)
    assert (said.reason, said.branch, local(said.due_at)) == (Lost.ABANDONED, "", "Tue 03-03 00:31")


def test_a_place_that_never_opens_is_called_back_in_plain_time() -> None:
    never = House(SHANGHAI, calendars={(Kind.QUEUE, "support"): Calendar(SHANGHAI, ())})
    assert local(lost(rang(Outcome.ABANDONED), never).due_at) == "Mon 03-02 10:00"


def test_nothing_is_said_before_it_is_decided() -> None:
    assert asked(rang(Outcome.TIMEOUT, None), HOUSE) == Pending("changzhi")
    assert asked(rang(Outcome.ABANDONED, ended_at=None), HOUSE) == Pending("changzhi")


def test_a_call_of_the_house_itself_asks_for_nobody() -> None:
    assert asked(rang(direction=Direction.OUTBOUND, clock="20:00"), HOUSE) == Pending("changzhi")


@pytest.mark.parametrize(
    ("caller", "number"),
    [
        ("+86 138-0013-8000", "+8613800138000"),
        ("(0355) 2012345", "03552012345"),
        ("0355 2012345", "03552012345"),
        ("", ""),
        ("anonymous", ""),
        ("=1+1", ""),
        ("１２３４", ""),
        ("1" * 65, ""),
    ],
)
def test_only_a_number_can_be_called_back(caller: str, number: str) -> None:
    assert as_dialled(caller) == number


@given(calls())
def test_any_call_says_one_thing(one: CallRecord) -> None:
    said = asked(one, HOUSE)
    if isinstance(said, Unanswered):
        assert said.due_at.tzinfo is not None
        assert not any(visit.outcome is Outcome.ANSWERED for visit in one.visits)


@pytest.mark.parametrize(
    ("said", "due"), [("09:00", "Mon 03-02 10:00"), ("11:00", "Mon 03-02 13:30"), ("17:00", "Tue 03-03 09:00")]
)
def test_what_is_promised_in_a_talk_is_due_within_working_time(said: str, due: str) -> None:
    assert local(agreed_by(HOUSE, (Kind.QUEUE, "support"), o_clock(said).astimezone(UTC))) == due
