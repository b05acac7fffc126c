"""Each measure: its formula and its population, and what it is held against."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.calls.record import CallRecord, Kind, OfferResult, Outcome, Party, Quality
from telephony.standard.figures import Figures
from telephony.standard.measures import NOTHING, Population, Reading
from telephony.standard.measures_catalogue import BY_NAME, CATALOGUE
from telephony.standard.measures_sums import Sums
from telephony.standard.verdict import Verdict, judge
from tests.support.calls import call, offer, seconds, visit
from tests.support.days import LIMITS, answered, o_clock, unanswered
from tests.support.tables import reading, sums, value

NOON = o_clock("12:00")
BUSY = (
    answered(1, NOON, wait=10), answered(2, NOON, wait=25, rings=5), unanswered(3, NOON, wait=40),
    unanswered(4, NOON, outcome=Outcome.TIMEOUT, wait=300),
)  # fmt: skip


def offered(*offers: tuple[OfferResult | None, int | None], outcome: Outcome = Outcome.TIMEOUT) -> CallRecord:
    """A call for which phones rang so often and with such results."""
    rang = [offer(result, rings=rings, rang_at=None if rings == 0 else NOON, ended_at=NOON) for result, rings in offers]
    return call(visit(outcome, joined_at=NOON, left_at=NOON, offers=tuple(rang)), ended_at=NOON)


def talked(length: float | None, hung_up_by: Party | None) -> CallRecord:
    one = answered(1, NOON)
    talk = None if length is None else seconds(length)
    stay = replace(one.visits[0], answered_at=o_clock("11:00"), talk=talk, hung_up_by=hung_up_by)
    return replace(one, visits=(stay,))


# --- the catalogue --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", CATALOGUE, ids=lambda measure: measure.name)
def test_without_data_no_measure_has_a_value_and_it_is_not_zero_and_nothing_is_met(measure) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    found = measure.read(Sums())
    assert (found.value, found.denominator) == (None, 0)
    assert measure.met(found, LIMITS) is None


def test_every_measure_has_a_name_of_its_own_and_one_sentence_in_both_languages() -> None:
    assert len(BY_NAME) == len(CATALOGUE)
    for measure in CATALOGUE:
        assert re.fullmatch(r"[a-z_]+", measure.name)
        assert re.fullmatch(r"(STD-[A-Z-]+)?", measure.clause)
        assert re.fullmatch(r"[^.]+\.", measure.definition), measure.name
        assert re.fullmatch(r"[^。]+。", measure.definition_zh), measure.name
        assert re.search(r"[\u4e00-\u9fff]", measure.title_zh)
        assert measure.version >= 1


def test_nothing_is_without_a_value_any_more() -> None:
    assert {measure.name for measure in CATALOGUE if measure.untold} == set()


def test_a_measure_without_a_limit_is_never_met_or_missed() -> None:
    assert BY_NAME["asa"].met(Reading(1.0, 1.0, 1), LIMITS) is None


@given(st.lists(st.integers(0, 50), min_size=12, max_size=12))
def test_catalogue_and_first_page_say_the_same_of_the_same_sums(numbers: list[int]) -> None:
    figures = Figures(*numbers)
    verdicts = judge(figures, LIMITS)
    mean = None if figures.mean_wait is None else figures.mean_wait.total_seconds()
    for name, shown, verdict in (
        ("abandonment", figures.abandonment, verdicts.abandonment),
        ("unanswered", figures.unanswered_share, verdicts.unanswered),
        ("mean_wait", mean, verdicts.mean_wait),
        ("within_three_rings", figures.within_share, verdicts.within_rings),
    ):
        measure = BY_NAME[name]
        found = measure.read(Sums(figures=figures))
        said = {True: Verdict.KEPT, False: Verdict.MISSED, None: Verdict.NO_CALLS}[measure.met(found, LIMITS)]
        assert (found.value, said) == (shown, verdict)


# --- calls ----------------------------------------------------------------------------------------------------------


def test_abandonment_counts_who_hung_up_and_unanswered_whom_nobody_answered() -> None:
    assert reading("abandonment", *BUSY) == (0.25, 1, 4)
    assert reading("unanswered", *BUSY) == (0.5, 2, 4)
    assert sums(*BUSY).unanswered == {Outcome.ABANDONED: 1, Outcome.TIMEOUT: 1}


def test_shorts_are_out_of_both_sides_and_told_by_themselves() -> None:
    calls = (unanswered(1, NOON, wait=4, queue="vip"), unanswered(2, NOON, queue="vip"), answered(3, NOON, queue="vip"))
    assert reading("abandonment", *calls) == (0.5, 1, 2)
    assert reading("service_level", *calls) == (0.5, 1, 2)
    assert reading("short", *calls) == (1 / 3, 1, 3)
    assert sums(*calls).unanswered == {Outcome.ABANDONED: 1}


def test_who_is_lost_is_out_of_every_rate() -> None:
    lost = call(visit(Outcome.LOST, joined_at=NOON, left_at=NOON, wait=seconds(900)), ended_at=NOON)
    found = sums(answered(1, NOON), lost)
    assert (found.figures.sought, found.figures.lost, found.visits.ended, found.visits.lost) == (1, 1, 1, 1)
    assert value("longest_wait", answered(1, NOON), lost) == 10


def test_the_mean_wait_is_of_those_answered_or_gone_and_asa_of_those_answered() -> None:
    assert reading("mean_wait", *BUSY) == (25.0, 75.0, 3)
    assert reading("asa", *BUSY) == (17.5, 35.0, 2)


def test_the_longest_wait_is_anybodys_and_has_no_sum() -> None:
    assert reading("longest_wait", *BUSY) == (300.0, None, 4)


def test_a_wait_that_nobody_knows_is_in_no_mean_and_not_within_the_target() -> None:
    one = answered(1, NOON)
    unknown = replace(one, visits=(replace(one.visits[0], wait=None, quality=Quality.PARTIAL),))
    assert reading("asa", unknown) == (None, 0.0, 0)
    assert reading("service_level", unknown) == (0.0, 0, 1)
    assert value("longest_wait", unknown) is None


def test_the_service_level_is_of_all_who_sought() -> None:
    assert reading("service_level", *BUSY) == (0.25, 1, 4)


def test_within_three_rings_is_of_those_for_whom_a_phone_rang() -> None:
    assert reading("within_three_rings", *BUSY) == (0.25, 1, 4)


def test_of_a_call_by_several_queues_the_standard_asks_once_and_visits_count_each() -> None:
    first = visit(Outcome.TIMEOUT, joined_at=NOON, left_at=NOON, wait=seconds(20))
    second = visit(joined_at=NOON, left_at=NOON, answered_at=NOON, wait=seconds(5), queue="sales")
    moved = call(first, second, arrived_at=NOON, ended_at=NOON)
    assert reading("unanswered", moved) == (0.0, 0, 1)
    assert reading("mean_wait", moved) == (25.0, 25.0, 1)
    assert reading("visit_answer_rate", moved) == (0.5, 1, 2)
    assert reading("visit_wait", moved) == (5.0, 5.0, 1)


# --- visits ---------------------------------------------------------------------------------------------------------


def test_visit_abandonment_knows_shorts_and_who_was_refused() -> None:
    short, gone = unanswered(1, NOON, wait=4, queue="vip"), unanswered(2, NOON, queue="vip")
    refused = call(visit(Outcome.REFUSED_FULL, left_at=NOON, queue="vip"), number=3, ended_at=NOON)
    assert reading("visit_abandonment", short, gone, refused) == (0.5, 1, 2)
    assert reading("visit_answer_rate", short, gone, refused, answered(4, NOON)) == (1 / 3, 1, 3)


def test_who_waited_as_long_as_the_threshold_is_not_short() -> None:
    at_it = unanswered(1, NOON, wait=5, queue="vip")
    assert (sums(at_it).visits.short, sums(at_it).figures.short) == (0, 0)


def test_every_visit_that_ended_has_its_quality_also_the_lost() -> None:
    of = {quality: replace(answered(1, NOON).visits[0], quality=quality) for quality in Quality}
    lost = visit(Outcome.LOST, joined_at=NOON, left_at=NOON, quality=Quality.PARTIAL)
    found = sums(call(*of.values(), lost, arrived_at=NOON, ended_at=NOON)).visits
    assert (found.live, found.partial, found.reconstructed, found.approximate) == (1, 2, 1, 1)


# --- offers ---------------------------------------------------------------------------------------------------------

ANSWERED, NO_ANSWER, BUSY_PHONE = OfferResult.ANSWERED, OfferResult.NO_ANSWER, OfferResult.BUSY
ELSEWHERE, LEFT, UNREACHABLE = OfferResult.CANCELLED_ELSEWHERE, OfferResult.CALLER_LEFT, OfferResult.UNREACHABLE


def test_a_phone_that_is_not_answered_is_a_failure_however_soon_it_stopped() -> None:
    found = offered((NO_ANSWER, 2), (BUSY_PHONE, 1), (ANSWERED, 3), outcome=Outcome.ANSWERED)
    assert reading("agent_within_three_rings", found) == (1 / 3, 1, 3)
    assert reading("ring_no_answer", found) == (2 / 3, 2, 3)


def test_whoever_was_cancelled_within_three_rings_could_not_answer_and_later_could_have() -> None:
    found = offered((ELSEWHERE, 3), (LEFT, 1), (ELSEWHERE, 4), (LEFT, 5), (ANSWERED, 4))
    assert reading("agent_within_three_rings", found) == (0.0, 0, 3)


def test_no_answer_is_neither_a_colleague_who_was_faster_nor_a_caller_who_had_gone() -> None:
    found = offered((ELSEWHERE, 3), (LEFT, 4), (NO_ANSWER, 4), (ANSWERED, 1))
    assert reading("ring_no_answer", found) == (0.25, 1, 4)
    assert reading("caller_left", found) == (0.25, 1, 4)


def test_a_phone_that_never_rang_or_of_which_nobody_knows_is_in_no_share() -> None:
    found = offered((UNREACHABLE, 0), (None, None), (ANSWERED, None), outcome=Outcome.ANSWERED)
    assert reading("agent_within_three_rings", found) == (None, 0, 0)
    assert reading("ring_no_answer", found) == (0.0, 0, 1)
    offers = sums(found).offers
    assert (offers.unreachable, offers.unknown, offers.answered) == (1, 1, 1)


# --- talks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("party", "expected"),
    [(Party.AGENT, (1.0, 1, 1)), (Party.CALLER, (0.0, 0, 1)), (Party.PBX, (0.0, 0, 1)), (None, (None, 0, 0))],
)
def test_who_hung_up_is_a_share_of_the_talks_of_which_it_is_known(
    party: Party | None, expected: tuple[float | None, int, int]
) -> None:
    assert reading("hung_up_by_agent", talked(60, party)) == expected


@pytest.mark.parametrize(("length", "share"), [(300, 0.0), (300.000001, 1.0), (None, None)])
def test_five_minutes_are_not_over_five_minutes(length: float | None, share: float | None) -> None:
    assert value("long_talks", talked(length, Party.CALLER)) == share


def test_the_mean_talk_is_of_those_whose_length_is_known() -> None:
    assert reading("talk", talked(60, None), talked(61, None), talked(None, Party.AGENT)) == (60.5, 121.0, 2)


def test_every_population_is_measured_by_something() -> None:
    assert {measure.population for measure in CATALOGUE} == set(Population)
    assert NOTHING.value is None


def test_a_direct_line_is_measured_like_a_queue() -> None:
    assert value("abandonment", answered(1, NOON, kind=Kind.DIRECT, queue="front-desk")) == 0.0


def test_sums_of_sums_are_the_sums_of_all() -> None:
    one, other = sums(BUSY[0], offered((NO_ANSWER, 2))), sums(*BUSY[1:])
    assert one.plus(other) == sums(*BUSY, offered((NO_ANSWER, 2))) == other.plus(one)
    assert Sums().plus(Sums()) == Sums()
    assert one.plus(other).longest == seconds(300) // timedelta(microseconds=1)
