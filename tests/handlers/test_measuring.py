"""A question for measures: what is read, and how far the answer is whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.measuring import NUMBERS_AT_ONCE, Answer, Busy, Question
from telephony.calls.record import Outcome
from telephony.standard.intervals import Step
from telephony.standard.measures_catalogue import BY_NAME
from telephony.standard.measures_sums import Sums
from telephony.standard.measures_table import Selection, TooManyGroups
from tests.support.calls import call, visit
from tests.support.days import answered, o_clock, unanswered
from tests.support.measuring import Archive
from tests.support.tables import the_day

NOON = o_clock("12:00")
MORNING = Question(the_day(until=o_clock("13:00")))


def sums(answer: Answer) -> Sums:
    [(_, [found])] = answer.table.rows()
    return found


async def test_the_calls_of_the_database_are_summed_and_others_have_their_turn_between_pieces() -> None:
    archive = Archive(*(answered(n, NOON) for n in range(5)))
    measuring = archive.measuring()
    answer = await measuring.measure(replace(MORNING, selection=Selection(pbxs=frozenset({"pbx1"}))))
    assert sums(answer).figures.sought == 5
    assert archive.asked == [(o_clock("00:00"), o_clock("13:00"), {"pbx1"})]
    assert (answer.complete, answer.reasons, answer.saved_until) == (True, (), archive.wall)


async def test_who_gave_up_is_looked_for_in_the_hour_after_it_also_beyond_the_interval() -> None:
    gone = [replace(unanswered(n, o_clock("12:59")), caller=f"02{n}") for n in range(3)]
    # More than are settled in one go: others have their turn in between.
    many = [replace(unanswered(n, NOON), caller=f"1{n}") for n in range(NUMBERS_AT_ONCE)]
    archive = Archive(answered(9, NOON), *gone, *many)
    archive.reached_at = [("020", o_clock("13:20")), ("021", o_clock("14:00")), ("029", NOON)]
    answer = await archive.measuring().measure(MORNING)
    assert archive.asked_numbers[0] >= {"020", "021", "022"}
    assert sums(answer).numbers == (NUMBERS_AT_ONCE + 3, NUMBERS_AT_ONCE + 2)


async def test_how_soon_he_must_be_reached_is_what_the_configuration_says() -> None:
    archive = Archive(replace(unanswered(1, NOON), caller="021"))
    archive.terms = replace(archive.terms, reached_within=timedelta(minutes=15))
    archive.reached_at = [("021", o_clock("12:20"))]
    assert sums(await archive.measuring().measure(MORNING)).numbers == (1, 1)
    archive.reached_at = [("021", o_clock("12:15"))]
    assert sums(await archive.measuring().measure(MORNING)).numbers == (1, 0)


async def test_where_nobody_gave_up_or_nobody_asks_nobody_is_looked_for() -> None:
    archive = Archive(answered(9, NOON))
    await archive.measuring().measure(MORNING)
    archive.calls_kept = [unanswered(1, NOON)]
    await archive.measuring().measure(replace(MORNING, numbers=False))
    assert archive.asked_numbers == []


async def test_of_too_many_numbers_nothing_is_told_and_it_is_said() -> None:
    archive = Archive(*(replace(unanswered(n, NOON), caller=f"{n}") for n in range(4)))
    answer = await archive.measuring(most_numbers=3).measure(MORNING)
    assert BY_NAME["final_lost"].read(sums(answer)).value is None
    assert answer.reasons == ("final_lost: more numbers gave up than are remembered",)


# --- how far it is whole --------------------------------------------------------------------------------------------


async def test_what_was_known_when_it_was_asked_is_waited_for_and_what_came_later_is_not() -> None:
    archive = Archive()
    archive.saver.oldest = [0.03, 0.05, 0.03]
    answer = await archive.measuring().measure(MORNING)
    assert (archive.passed, answer.saved_until, answer.complete) == (pytest.approx(0.04), archive.wall, True)


async def test_a_database_that_lags_is_told_with_how_far_it_is() -> None:
    archive = Archive(now=o_clock("12:30"))
    archive.saver.oldest = [60.0, *(60.0 + 0.02 * n for n in range(1, 200))]
    answer = await archive.measuring().measure(Question(the_day(Step.HOUR, until=o_clock("12:30"))))
    assert answer.saved_until == o_clock("12:29")
    assert answer.reasons == ("what was heard last is not in the database yet",)
    assert [answer.whole(number) for number in range(13)] == [True] * 12 + [False]
    past = await archive.measuring().measure(Question(the_day(until=NOON)))
    assert (past.complete, past.whole(0)) == (True, True)


async def test_what_is_not_over_is_not_whole() -> None:
    archive = Archive(now=o_clock("12:30"))
    answer = await archive.measuring().measure(Question(the_day(Step.HOUR, until=o_clock("14:00"))))
    assert answer.reasons == ("the time asked for is not over",)
    assert [answer.whole(number) for number in (11, 12, 13)] == [True, False, False]


async def test_what_ends_at_the_moment_up_to_which_all_is_saved_is_whole() -> None:
    archive = Archive(now=NOON)
    answer = await archive.measuring().measure(Question(the_day(until=NOON)))
    assert (answer.complete, answer.whole(0)) == (True, True)


async def test_a_pbx_that_is_not_heard_concerns_today_and_not_last_week() -> None:
    archive = Archive()
    archive.troubles = {"pbx2": "no line to the PBX"}
    today = await archive.measuring().measure(MORNING)
    assert (today.reasons, today.whole(0)) == (("pbx2: no line to the PBX",), False)
    archive.wall += timedelta(days=7)
    assert (await archive.measuring().measure(MORNING)).complete


async def test_what_was_forgotten_or_given_up_or_is_not_decided_is_told() -> None:
    settling = call(visit(None, joined_at=NOON, left_at=NOON), arrived_at=NOON, ended_at=NOON)
    archive = Archive(settling)
    archive.saver.dropped = 1200
    answer = await archive.measuring(keep=timedelta(hours=10)).measure(MORNING)
    assert answer.reasons == (
        "calls of its beginning have been forgotten (database.keep_days)",
        "1,200 states of calls could not be saved until the service is started again",
        "of some calls that have ended it is not decided yet how",
    )
    assert not answer.whole(0)


async def test_what_is_young_enough_is_not_forgotten() -> None:
    answer = (
        await Archive(unanswered(1, NOON, outcome=Outcome.EXITED)).measuring(keep=timedelta(days=1)).measure(MORNING)
    )
    assert (answer.complete, answer.whole(0)) == (True, True)


# --- one at a time --------------------------------------------------------------------------------------------------


async def test_one_is_answered_at_a_time_some_wait_and_more_are_sent_away() -> None:
    archive = Archive(answered(1, NOON))
    archive.opened.clear()
    measuring = archive.measuring(waiting=2)
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(measuring.measure(MORNING)) for _ in range(2)]
        await archive.entered.wait()
        with pytest.raises(Busy):
            await measuring.measure(MORNING)
        archive.entered.clear()
        assert not archive.entered.is_set()
        archive.opened.set()
    assert [sums(one.result()).figures.sought for one in asked] == [1, 1]
    assert (await measuring.measure(MORNING)).complete


async def test_what_takes_too_long_ends_and_leaves_its_place_to_others() -> None:
    archive = Archive()
    archive.opened.clear()
    measuring = archive.measuring(seconds=0, waiting=1)
    with pytest.raises(TimeoutError):
        await measuring.measure(MORNING)
    with pytest.raises(TimeoutError):
        await measuring.measure(MORNING)


async def test_a_database_that_is_away_and_a_table_too_large_leave_their_place_to_others() -> None:
    archive = Archive(*(answered(n, NOON, queue=f"q{n}") for n in range(3)))
    measuring = archive.measuring(waiting=1)
    archive.error = OSError("away")
    with pytest.raises(OSError, match="away"):
        await measuring.measure(MORNING)
    archive.error = None
    with pytest.raises(TooManyGroups):
        await measuring.measure(replace(MORNING, known=tuple(f"q{n}" for n in range(10_001)), grouping="queue"))  # type: ignore[arg-type]
    assert sums(await measuring.measure(MORNING)).figures.sought == 3
