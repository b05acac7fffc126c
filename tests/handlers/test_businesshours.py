"""What Prometheus and the log are told of opening hours, and what `threerings check` says of the next days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from structlog.testing import capture_logs

from handlers.businesshours import BusinessHours
from handlers.checks import hours
from handlers.checks.findings import Result
from telephony.config import Config
from telephony.metrics import Labels, Measures

NOON = datetime(2026, 9, 30, 4, tzinfo=UTC)
"""A Wednesday in Shanghai."""
HOLIDAY = datetime(2026, 10, 1, 4, tzinfo=UTC)
UNKNOWN = 2060
"""No government has said what this year will be."""


def config(**office: Any) -> Config:
    return Config.model_validate(
        {
            "hours": [
                {"name": "office", "open": ["mon-fri 08:30-17:30"], "holidays": "CN", **office},
                {"name": "night", "open": ["mon-sun 22:00-06:00"]},
            ],
            "queue": [{"name": "alone", "hours": "night"}, {"name": "free"}],
            "line": [{"name": "front-desk", "interface": "PJSIP/8001"}],
            "branch": [{"name": "changzhi", "queues": ["support"], "lines": ["front-desk"], "hours": "office"}],
        }
    )


def test_who_has_hours_shows_whether_somebody_should_be_there_and_who_has_none_shows_nothing() -> None:
    now = [NOON]
    measures = Measures(Labels(pbxs=("pbx1",)))
    measures.observe_hours(BusinessHours(config(), lambda: now[0]).gauges)

    def shown() -> dict[tuple[str, str, str], float]:
        measures.refresh()
        return {
            (sample.labels["branch"], sample.labels["queue"], sample.labels["kind"]): sample.value
            for family in measures.registry.collect()
            for sample in family.samples
            if sample.name == "telephony_business_open"
        }

    names = [("changzhi", "support", "queue"), ("changzhi", "front-desk", "direct"), ("none", "alone", "queue")]
    assert shown() == dict(zip(names, (1, 1, 0), strict=True))
    now[0] = HOLIDAY
    assert shown() == dict.fromkeys(names, 0)


def test_it_is_told_for_how_many_days_holidays_are_known_of_those_who_observe_any() -> None:
    with capture_logs() as logs:
        known = BusinessHours(config(), lambda: NOON).gauges().known_days
    assert known.keys() == {"office"}
    assert known["office"] >= (date(2027, 1, 1) - date(2026, 9, 30)).days
    assert logs == []


def test_a_year_that_nobody_knows_yet_is_told_once_at_the_start_and_has_no_days() -> None:
    with capture_logs() as logs:
        told = BusinessHours(config(), lambda: datetime(UNKNOWN, 3, 1, tzinfo=UTC)).gauges()
    assert told.known_days == {"office": 0}
    [line] = logs
    assert [line[key] for key in ("event", "hours", "year", "in_days")] == [
        "holidays_not_known",
        ("office",),
        UNKNOWN,
        0,
    ]
    assert "newer version of the Python package holidays" in line["remedy"]


def test_what_is_read_anew_holds_from_then_on() -> None:
    hours = BusinessHours(config(), lambda: HOLIDAY)
    hours.take(config(opened=["2026-10-01 mon"]))
    assert hours.gauges().open["changzhi", "support", "queue"]


def test_the_check_shows_the_next_ten_days_as_the_calendar_sees_them() -> None:
    office, night = (finding.what for finding in hours.look(config(closed=["2026-10-09"]), date(2026, 9, 30)))
    days = office.removeprefix("hours 'office': ").split("; ")
    assert len(days) == 10
    assert days[0] == "2026-09-30 wed 08:30-17:30"
    assert days[1].startswith("2026-10-01 thu closed (holiday 国庆节")
    assert days[9] == "2026-10-09 fri closed (exception)"
    assert night.endswith("2026-10-09 fri 22:00-06:00")
    made_up = hours.look(config(), date(2026, 10, 10))[0].what
    assert "2026-10-10 sat 08:30-17:30 (made up)" in made_up


def test_the_check_warns_of_holidays_that_nobody_knows_now_or_soon() -> None:
    warnings = [
        [finding for finding in hours.look(config(), day) if finding.result is Result.WARNING]
        for day in (date(UNKNOWN, 3, 1), date(2026, 9, 30))
    ]
    assert [len(one) for one in warnings] == [1, 0]
    assert warnings[0][0].point == "holidays"
    assert f"is not known from {UNKNOWN}-03-01 on" in warnings[0][0].what


def test_hours_that_do_not_know_the_same_year_are_told_in_one_line() -> None:
    week = {"open": ["mon-fri 08:30-17:30"], "holidays": "CN"}
    both = Config.model_validate({"hours": [{"name": "office", **week}, {"name": "trading", **week}]})
    with capture_logs() as logs:
        BusinessHours(both, lambda: datetime(UNKNOWN, 3, 1, tzinfo=UTC))
    assert [line["hours"] for line in logs] == [("office", "trading")]
    [_, _, warning] = hours.look(both, date(UNKNOWN, 3, 1))
    assert warning.what.startswith("hours 'office', 'trading': which days are off")
