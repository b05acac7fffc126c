"""By when something is due: working time and working days, and what is to be told of it by now."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.standard.calendar import Calendar
from telephony.standard.deadlines import (
    Duty,
    NeverOpen,
    Patience,
    Urgency,
    after_working_time,
    call_back_by,
    end_of_working_day,
    reminders,
    urgency,
)
from telephony.standard.hours import parse_period
from tests.support.casework import NOW, WEEK, local
from tests.support.days import SHANGHAI, o_clock

HOUR = timedelta(hours=1)
NEVER = Calendar(SHANGHAI, ())


@pytest.mark.parametrize(
    ("day", "days", "due"),
    [
        ("2026-03-02", 0, "Mon 03-02 17:30"),
        ("2026-03-02", 1, "Tue 03-03 17:30"),
        ("2026-03-02", 3, "Thu 03-05 17:30"),
        ("2026-03-05", 3, "Tue 03-10 17:30"),
        ("2026-03-07", 3, "Wed 03-11 17:30"),
        ("2026-03-07", 0, "Mon 03-09 17:30"),
    ],
)
def test_the_day_itself_and_the_weekend_are_no_working_days_of_the_period(day: str, days: int, due: str) -> None:
    assert local(end_of_working_day(WEEK, o_clock("10:00", day=day), days)) == due


def test_after_closing_the_present_day_is_over() -> None:
    assert local(end_of_working_day(WEEK, o_clock("17:30"), 0)) == "Tue 03-03 17:30"


@pytest.mark.parametrize(
    ("begins", "due"),
    [
        ("09:00", "Mon 03-02 10:00"),
        ("11:00", "Mon 03-02 13:30"),
        ("12:00", "Mon 03-02 14:00"),
        ("17:00", "Tue 03-03 09:00"),
        ("16:30", "Mon 03-02 17:30"),
    ],
)
def test_working_time_stops_while_it_is_closed(begins: str, due: str) -> None:
    assert local(after_working_time(WEEK, o_clock(begins), HOUR)) == due


@pytest.mark.parametrize(
    ("rang", "due"),
    [
        ("2026-03-02T09:00", "Mon 03-02 10:00"),
        ("2026-03-02T20:00", "Tue 03-03 17:30"),
        ("2026-03-02T07:00", "Mon 03-02 17:30"),
        ("2026-03-06T17:30", "Mon 03-09 17:30"),
    ],
)
def test_who_rang_after_hours_is_called_back_on_the_next_working_day(rang: str, due: str) -> None:
    """STD-FIRST-ASKED."""
    assert local(call_back_by(WEEK, datetime.fromisoformat(rang).replace(tzinfo=SHANGHAI), HOUR)) == due


def test_what_never_opens_is_said() -> None:
    with pytest.raises(NeverOpen):
        end_of_working_day(NEVER, NOW, 1)
    with pytest.raises(NeverOpen):
        call_back_by(NEVER, NOW, HOUR)
    with pytest.raises(NeverOpen):
        after_working_time(WEEK, NOW, timedelta(days=4_000))


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001
    st.timedeltas(timedelta(minutes=1), timedelta(days=3)),
)
def test_what_is_due_later_in_working_time_is_never_due_earlier(begins: datetime, time: timedelta) -> None:
    instant = begins.replace(tzinfo=SHANGHAI)
    due = after_working_time(WEEK, instant, time)
    assert due >= instant + time
    assert after_working_time(WEEK, instant, time + HOUR) > due
    assert WEEK.is_open(due - timedelta(microseconds=1))


def test_an_office_that_works_at_night_closes_on_the_day_after() -> None:
    nights = Calendar(SHANGHAI, (parse_period("mon-fri 22:00-06:00"),))
    assert local(after_working_time(nights, o_clock("02:00", day="2026-03-03"), HOUR)) == "Tue 03-03 03:00"
    assert local(call_back_by(nights, o_clock("12:00"), HOUR)) == "Tue 03-03 06:00"


PATIENCE = Patience(HOUR, 2 * HOUR)


@pytest.mark.parametrize(
    ("now", "how"),
    [
        (-61, Urgency.AHEAD),
        (-60, Urgency.SOON),
        (0, Urgency.SOON),
        (1, Urgency.OVERDUE),
        (120, Urgency.OVERDUE),
        (121, Urgency.ESCALATED),
    ],
)
def test_a_deadline_is_kept_until_its_very_moment(now: int, how: Urgency) -> None:
    assert urgency(NOW, NOW + timedelta(minutes=now), PATIENCE) is how


def test_the_supervisor_hears_of_what_is_long_overdue_and_of_what_nobody_owns() -> None:
    def duty(name: str, owner: str | None, hours: float) -> Duty[str]:
        return Duty(name, "changzhi", owner, NOW + hours * HOUR)

    duties = [duty("soon", "u1", 0.5), duty("late", "u1", -1), duty("orphan", None, -1), duty("long", "u1", -3),
              duty("ahead", "u1", 5), duty("orphan soon", None, 0.7)]  # fmt: skip
    assert [(one.duty.subject, one.to_owner, one.to_supervisor) for one in reminders(duties, NOW, PATIENCE)] == [
        ("long", "u1", True),
        ("late", "u1", False),
        ("orphan", None, True),
        ("soon", "u1", False),
        ("orphan soon", None, False),
    ]
