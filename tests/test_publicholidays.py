"""What the library knows, against what the State Council said.

The notices: 国办发明电〔2024〕12号 of 12 November 2024 for 2025, and that of 4 November 2025 for 2026, both on gov.cn
("国务院办公厅关于…年部分节假日安排的通知").
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from telephony.publicholidays import YEARS, public_holidays_of

NOTICES = {
    2025: (
        [
            ((1, 1), (1, 1)),
            ((1, 28), (2, 4)),
            ((4, 4), (4, 6)),
            ((5, 1), (5, 5)),
            ((5, 31), (6, 2)),
            ((10, 1), (10, 8)),
        ],
        [(1, 26), (2, 8), (4, 27), (9, 28), (10, 11)],
    ),
    2026: (
        [
            ((1, 1), (1, 3)),
            ((2, 15), (2, 23)),
            ((4, 4), (4, 6)),
            ((5, 1), (5, 5)),
            ((6, 19), (6, 21)),
            ((9, 25), (9, 27)),
            ((10, 1), (10, 7)),
        ],
        [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)],
    ),
}


def days(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))


@pytest.mark.parametrize("year", NOTICES)
def test_each_day_off_and_each_day_made_up_is_as_the_state_council_said(year: int) -> None:
    known = public_holidays_of("CN")
    spans, made_up = NOTICES[year]
    off = {day for first, last in spans for day in days(year) if date(year, *first) <= day <= date(year, *last)}
    assert {day for day in days(year) if day in known.off} == off
    assert {day for day in days(year) if day in known.made_up} == {date(year, *day) for day in made_up}
    assert year in known.known


def test_a_year_that_nobody_has_told_of_yet_has_the_days_of_the_law_and_is_unknown() -> None:
    known = public_holidays_of("CN")
    year = max(known.known) + 1
    assert {date(year, 1, 1), date(year, 5, 1), date(year, 10, 1), date(year, 10, 2), date(year, 10, 3)} <= set(
        known.off
    )
    assert not any(day.year >= year for day in known.made_up)


def test_since_the_rule_of_2007_the_years_that_are_known_have_no_hole() -> None:
    known = sorted(public_holidays_of("CN").known)
    assert known == list(range(YEARS.start, known[-1] + 1))
    assert known[-1] >= 2026


def test_holidays_have_the_names_that_their_country_gives_them() -> None:
    assert "国庆节" in public_holidays_of("CN").off[date(2026, 10, 4)]
