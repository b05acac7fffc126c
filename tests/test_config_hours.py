"""`[[hours]]`, and whose they are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from telephony.calls.record import Kind
from telephony.config import ConfigFaults, load
from telephony.standard.calendar import Why

OFFICE = '[[hours]]\nname = "office"\nopen = ["mon-fri 08:30-17:30"]\n'


def faults_of(text: str, tmp_path: Path) -> tuple[str, ...]:
    file = tmp_path / "t.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigFaults) as caught:
        load(file, {})
    return caught.value.faults


def test_a_queue_or_line_has_its_own_hours_else_those_of_its_branch_else_none(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text(
        OFFICE
        + """
        [[hours]]
        name = "always"
        open = ["mon-sun 00:00-24:00"]
        [[queue]]
        name = "trade"
        hours = "always"
        [[queue]]
        name = "alone"
        hours = "office"
        [[queue]]
        name = "nobody's"
        [[line]]
        name = "front-desk"
        interface = "PJSIP/8001"
        [[line]]
        name = "guard"
        interface = "PJSIP/8002"
        hours = "always"
        [[branch]]
        name = "changzhi"
        hours = "office"
        queues = ["support", "trade"]
        lines = ["front-desk", "guard"]
        [[branch]]
        name = "linfen"
        queues = ["other"]
        """,
        encoding="utf-8",
    )
    assert load(file, {}).hours_of() == {
        (Kind.QUEUE, "trade", "changzhi"): "always",
        (Kind.QUEUE, "support", "changzhi"): "office",
        (Kind.QUEUE, "alone", ""): "office",
        (Kind.DIRECT, "front-desk", "changzhi"): "office",
        (Kind.DIRECT, "guard", "changzhi"): "always",
    }


def test_holidays_make_up_closed_and_opened_days_come_into_the_calendar(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text(
        OFFICE.replace("17:30", '17:30", "fri 08:30-12:00')
        + 'holidays = "CN"\nmake_up = "fri"\nclosed = ["2026-11-23"]\n'
        + 'opened = ["2026-10-01 mon", "2026-11-22 09:00-12:00", "2026-11-22 22:00-02:00"]\n',
        encoding="utf-8",
    )
    office = load(file, {}).calendars()["office"]
    assert [office.day(date(2026, *day)).why for day in ((10, 1), (10, 2), (10, 10), (11, 22), (11, 23), (11, 24))] == [
        Why.OPENED,
        Why.HOLIDAY,
        Why.MADE_UP,
        Why.OPENED,
        Why.CLOSED,
        Why.WEEK,
    ]
    assert office.is_open(datetime(2026, 11, 22, 17, tzinfo=UTC))  # Monday, 01:00 in Shanghai


def test_by_itself_nobody_observes_holidays_and_a_made_up_day_is_worked_like_a_monday(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text(OFFICE + OFFICE.replace("office", "cn") + 'holidays = "CN"\n', encoding="utf-8")
    calendars = load(file, {}).calendars()
    assert calendars["office"].holidays is None
    assert calendars["cn"].make_up == 0
    file.write_text(OFFICE + 'holidays = "CN"\nmake_up = "none"\n', encoding="utf-8")
    assert load(file, {}).calendars()["office"].make_up is None


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ('holidays = "XX"', "hours[0].holidays = 'XX': should be 'CN'; for example 'CN'"),
        (
            'make_up = "monday"',
            "hours[0].make_up = 'monday': should be 'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun' or 'none'; for",
        ),
        ('holidays = "CN"\nmake_up = "sun"', 'make_up = "sun": nothing opens on that day; name another, or "none"'),
        ('opened = ["2026-10-10 sun"]', "2026-10-10 is to be like a day on which nothing opens; give its times"),
        (
            'closed = ["2026-10-10"]\nopened = ["2026-10-10 fri"]',
            "2026-10-10 is in closed and in opened; take it out of one",
        ),
        ('opened = ["2026-10-10"]', "should be a date, and the weekday it is worked like or its times"),
    ],
)
def test_days_that_cannot_be_are_said_so(keys: str, fault: str, tmp_path: Path) -> None:
    [told] = faults_of(OFFICE + keys, tmp_path)
    assert told.startswith("hours[0]")
    assert fault in told


def test_hours_that_nobody_wrote_are_said_so_wherever_they_are_named(tmp_path: Path) -> None:
    faults = faults_of(
        '[[queue]]\nname = "a"\nhours = "x"\n'
        '[[line]]\nname = "b"\ninterface = "PJSIP/1"\nhours = "x"\n'
        '[[branch]]\nname = "c"\nhours = "x"\n',
        tmp_path,
    )
    rest = "= 'x': are no known hours; add [[hours]] of that name or take it out"
    assert faults == (f"queue[0].hours {rest}", f"line[0].hours {rest}", f"branch[0].hours {rest}")
