"""Who gave up and was never reached."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import datetime

import pytest

from telephony.calls.record import CallRecord
from telephony.standard.intervals import Step
from telephony.standard.measures_catalogue import BY_NAME
from telephony.standard.measures_numbers import Numbers
from telephony.standard.measures_table import Grouping
from tests.support.days import answered, o_clock, unanswered
from tests.support.tables import table, the_day

NOON = o_clock("12:00")
EVENING = o_clock("20:00")


def gone(number: int, at: datetime = NOON, caller: str = "021", queue: str = "support", wait: float = 40) -> CallRecord:
    return replace(unanswered(number, at, queue=queue, wait=wait), caller=caller)


def lost(*calls: CallRecord, reached: dict[str, str] | None = None, known: datetime = EVENING) -> tuple[int, int]:
    """Finally lost, of how many; who was reached and when."""
    numbers = Numbers()
    made = table(*calls, numbers=numbers)
    for caller, at in (reached or {}).items():
        numbers.reached(caller, o_clock(at))
    deque(made.settle_numbers(known))
    [(_, [found])] = made.rows()
    return found.numbers.final_lost, found.numbers.gave_up


@pytest.mark.parametrize(("when", "is_lost"), [("12:00", 0), ("13:00", 0), ("13:00:01", 1), ("11:59:59", 1)])
def test_a_number_is_reached_within_the_hour_after_it_gave_up_and_not_before(when: str, is_lost: int) -> None:
    assert lost(gone(1), reached={"021": when}) == (is_lost, 1)


def test_a_number_counts_once_and_from_the_last_time_it_gave_up() -> None:
    twice = gone(1, o_clock("10:00")), gone(2, o_clock("12:30"))
    assert lost(*twice, reached={"021": "10:30"}) == (1, 1)
    assert lost(*reversed(twice), reached={"021": "13:20"}) == (0, 1)


def test_who_hides_his_number_is_no_number_and_who_is_reached_without_giving_up_neither() -> None:
    assert lost(gone(1, caller=""), gone(2, caller="022"), reached={"023": "12:10"}) == (1, 1)


def test_shorts_and_answered_calls_gave_nothing_up() -> None:
    assert lost(gone(1, wait=4, queue="vip"), answered(2, NOON)) == (0, 0)


def test_a_number_whose_hour_still_runs_is_on_neither_side() -> None:
    assert lost(gone(1), known=o_clock("12:59:59")) == (0, 0)
    assert lost(gone(1), known=o_clock("13:00")) == (1, 1)


def test_each_group_and_interval_has_its_own_numbers() -> None:
    numbers = Numbers()
    calls = (gone(1, o_clock("10:10")), gone(2, o_clock("12:10")), gone(3, o_clock("12:20"), queue="sales"))
    hours = the_day(Step.HOUR, "10:00", o_clock("13:00"))
    made = table(*calls, intervals=hours, grouping=Grouping.QUEUE, numbers=numbers)
    numbers.reached("021", o_clock("12:15"))
    deque(made.settle_numbers(EVENING))
    found = {group: [cell.numbers for cell in row] for group, row in made.rows()}
    assert found == {"support": [(1, 1), (0, 0), (1, 0)], "sales": [(0, 0), (0, 0), (1, 1)]}


def test_of_too_many_numbers_nothing_is_told_at_all() -> None:
    numbers = Numbers(most=2)
    made = table(*(gone(n, caller=f"02{n}") for n in range(4)), numbers=numbers)
    deque(made.settle_numbers(EVENING))
    [(_, [found])] = made.rows()
    assert (numbers.overflowed, list(numbers.callers)) == (True, [])
    assert BY_NAME["final_lost"].read(found).value is None


def test_the_same_number_again_takes_no_more_room() -> None:
    numbers = Numbers(most=1)
    table(*(gone(n) for n in range(4)), numbers=numbers)
    assert (numbers.overflowed, list(numbers.callers)) == (False, ["021"])


def test_where_nobody_asks_for_numbers_none_are_counted() -> None:
    made = table(gone(1))
    deque(made.settle_numbers(EVENING))
    assert [found.numbers.gave_up for _, [found] in made.rows()] == [0]
