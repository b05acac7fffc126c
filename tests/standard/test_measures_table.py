"""Which call, visit, offer and talk counts in which interval and group."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.calls.record import CallRecord, Kind, OfferResult, Outcome, Party
from telephony.standard.intervals import Step
from telephony.standard.measures_sums import Sums
from telephony.standard.measures_table import Complaint, Grouping, Place, TooManyGroups
from tests.support.calls import call, offer, seconds, visit
from tests.support.calls import calls as any_calls
from tests.support.days import answered, day, o_clock, unanswered
from tests.support.tables import TERMS, groups, sums, table, the_day

NOON = o_clock("12:00")
HOURS = the_day(Step.HOUR, "10:00", o_clock("13:00"))


def by_hour(*calls: CallRecord) -> list[Sums]:
    [(_, row)] = table(*calls, intervals=HOURS).rows()
    return row


# --- intervals ------------------------------------------------------------------------------------------------------


def test_a_call_counts_where_it_ended_its_visit_where_that_ended_and_both_arrived_where_they_began() -> None:
    left, ended = o_clock("11:10"), o_clock("12:10")
    stay = visit(joined_at=o_clock("10:50"), left_at=left, answered_at=left, wait=seconds(1200), talk=seconds(3600))
    found = by_hour(call(stay, arrived_at=o_clock("10:49"), ended_at=ended))
    assert [hour.calls.arrived for hour in found] == [1, 0, 0]
    assert [hour.visits.arrived for hour in found] == [1, 0, 0]
    assert [hour.visits.ended for hour in found] == [0, 1, 0]
    assert [hour.figures.sought for hour in found] == [0, 0, 1]
    assert [hour.talks.known for hour in found] == [0, 0, 1]


def test_an_offer_counts_where_it_ended_else_where_its_visit_did_else_where_it_began() -> None:
    heard = offer(OfferResult.NO_ANSWER, ended_at=o_clock("10:10"))
    unheard = offer(None, ended_at=None, rings=None, called_at=o_clock("10:20"))
    stay = visit(Outcome.TIMEOUT, joined_at=o_clock("10:00"), left_at=o_clock("11:30"), offers=(heard, unheard))
    lost = replace(visit(Outcome.LOST, left_at=None, joined_at=o_clock("12:30")), offers=(unheard,))
    found = by_hour(call(stay, arrived_at=o_clock("10:00")), call(lost, number=2, arrived_at=o_clock("12:00")))
    assert [hour.offers.alerted for hour in found] == [1, 0, 0]
    assert [hour.offers.unknown for hour in found] == [1, 1, 0]
    assert [hour.visits.lost for hour in found] == [0, 0, 1]


def test_a_phone_that_rings_counts_nowhere_until_it_has_stopped() -> None:
    ringing = visit(None, joined_at=NOON, offers=(offer(None, ended_at=None),))
    assert sums(call(ringing, arrived_at=NOON, ended_at=None)).offers == Sums().offers


def test_a_talk_that_goes_on_counts_nowhere_and_one_whose_length_nobody_knows_where_the_call_ended() -> None:
    stay = visit(joined_at=NOON, left_at=NOON, answered_at=NOON, talk=seconds(0), hung_up_by=None)
    going_on = call(stay, arrived_at=NOON, ended_at=None)
    assert sums(going_on).talks == Sums().talks
    over = replace(going_on, visits=(replace(stay, hung_up_by=Party.AGENT),))
    assert sums(over).talks.by_agent == 1
    unheard = replace(going_on, ended_at=o_clock("12:30"), visits=(replace(stay, talk=None),))
    assert by_hour(unheard)[2].talks == Sums().talks
    assert by_hour(replace(unheard, visits=(replace(stay, talk=None, hung_up_by=Party.PBX),)))[2].talks.hung_up == 1
    nobody_knows_when = replace(going_on, visits=(replace(stay, talk=None, hung_up_by=Party.AGENT),))
    assert sums(nobody_knows_when).talks == Sums().talks


def test_a_call_with_a_visit_not_decided_waits_for_it_and_is_told_and_what_is_decided_counts() -> None:
    stays = visit(Outcome.TIMEOUT, joined_at=NOON, left_at=NOON), visit(None, joined_at=NOON, left_at=NOON)
    found = sums(call(*stays, arrived_at=NOON, ended_at=NOON))
    assert (found.calls.undecided, found.figures.sought, found.visits.ended) == (1, 0, 1)


def test_what_lies_outside_counts_nowhere() -> None:
    early, late = answered(1, o_clock("09:00")), answered(2, o_clock("13:02:01"))
    assert by_hour(early, late, call(number=3)) == [Sums(), Sums(), Sums()]


def test_who_was_refused_never_joined_and_arrived_with_his_call() -> None:
    refused = call(visit(Outcome.REFUSED_FULL, left_at=NOON), arrived_at=NOON, ended_at=NOON)
    found = sums(refused)
    assert (found.calls.arrived, found.visits.arrived, found.visits.ended, found.figures.sought) == (1, 0, 1, 1)


def test_intervals_without_calls_are_there() -> None:
    assert [hour.figures.sought for hour in by_hour(answered(1, NOON))] == [0, 0, 1]


# --- groups ---------------------------------------------------------------------------------------------------------

DIRECT = answered(3, NOON, kind=Kind.DIRECT, queue="front-desk", agent="front-desk")
MIXED = (answered(1, NOON), unanswered(2, NOON, queue="sales"), DIRECT, answered(4, NOON, queue="nobodys"))


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [
        (Grouping.ALL, {None: 4}),
        (Grouping.QUEUE, {"support": 1, "sales": 1, "nobodys": 1}),
        (Grouping.LINE, {"front-desk": 1}),
        (Grouping.PBX, {"pbx1": 4}),
        (Grouping.BRANCH, {"changzhi": 1, "jincheng": 2, None: 1}),
    ],
)
def test_a_call_belongs_to_the_queue_or_line_that_it_sought_first(
    grouping: Grouping, expected: dict[str | None, int]
) -> None:
    assert {group: found.figures.sought for group, found in groups(*MIXED, grouping=grouping).items()} == expected


def test_a_visit_belongs_to_its_own_queue_though_the_call_is_anothers() -> None:
    first = visit(Outcome.TIMEOUT, joined_at=NOON, left_at=NOON)
    second = visit(joined_at=NOON, left_at=NOON, answered_at=NOON, queue="sales", offers=())
    found = groups(call(first, second, arrived_at=NOON, ended_at=NOON), grouping=Grouping.QUEUE)
    assert {group: (one.figures.sought, one.visits.ended, one.talks.known) for group, one in found.items()} == {
        "support": (1, 1, 0),
        "sales": (0, 1, 1),
    }


def test_of_an_agent_offers_and_talks_are_told_and_no_calls_or_visits() -> None:
    other = offer(OfferResult.NO_ANSWER, agent="Agent 1002", ended_at=NOON)
    won = offer(ended_at=NOON)
    stay = replace(answered(1, NOON).visits[0], offers=(other, won))
    nobody = replace(stay, agent=None, offers=())
    found = groups(call(stay, nobody, arrived_at=NOON, ended_at=NOON), grouping=Grouping.AGENT)
    assert {group: (one.offers.alerted, one.talks.known) for group, one in found.items()} == {
        "Agent 1001": (1, 1),
        "Agent 1002": (1, 0),
    }
    assert all((one.figures, one.calls, one.visits) == (Sums().figures, Sums().calls, Sums().visits)
               for one in found.values())  # fmt: skip


def test_groups_that_are_known_are_there_and_come_by_name_and_who_has_none_last() -> None:
    made = table(MIXED[0], MIXED[3], grouping=Grouping.BRANCH, known=["jincheng", "changzhi"])
    assert [group for group, _ in made.rows()] == ["changzhi", "jincheng", None]
    assert len(made) == 3


# --- selections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ({"queues": ["support"]}, 1),
        ({"queues": ["support"], "lines": ["front-desk"]}, 2),
        ({"lines": ["front-desk"]}, 1),
        ({"queues": ["front-desk"]}, 0),
        ({"branches": ["jincheng"]}, 2),
        ({"branches": ["jincheng"], "queues": ["sales"]}, 1),
        ({"pbxs": ["pbx1"]}, 4),
        ({"pbxs": ["pbx2"]}, 0),
        ({"agents": ["Agent 1001"]}, 0),
    ],
)
def test_only_what_is_selected_counts(selected: dict[str, list[str]], expected: int) -> None:
    found = sums(*MIXED, **selected)
    assert (found.figures.sought, found.calls.arrived) == (expected, expected)


def test_of_selected_agents_offers_and_talks_count_in_any_grouping() -> None:
    other = replace(answered(2, NOON, agent="Agent 1002"), id=MIXED[1].id)
    found = groups(MIXED[0], other, grouping=Grouping.QUEUE, agents=["Agent 1002"])
    assert {group: one.talks.known for group, one in found.items()} == {"support": 1}
    assert found["support"].visits == Sums().visits


# --- limits ---------------------------------------------------------------------------------------------------------


def test_more_rows_than_may_be_had_are_refused() -> None:
    few = replace(TERMS, most=3)
    table(MIXED[0], intervals=HOURS, grouping=Grouping.QUEUE, terms=few)
    with pytest.raises(TooManyGroups, match="more than 3 rows"):
        table(*MIXED, intervals=HOURS, grouping=Grouping.QUEUE, terms=few)
    with pytest.raises(TooManyGroups):
        table(intervals=HOURS, grouping=Grouping.QUEUE, terms=few, known=["one", "two"])


def test_very_many_places_are_counted_but_not_remembered() -> None:
    few = replace(TERMS, most=1)
    assert sums(*MIXED, terms=few).figures.sought == 4


# --- whatever comes -------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.lists(any_calls(), max_size=6))
def test_the_day_is_the_sum_of_its_hours_and_all_is_the_sum_of_its_groups(calls: list[CallRecord]) -> None:
    years = the_day(None, until=o_clock("00:00", day="2099-01-01"))
    months = the_day(Step.MONTH, until=o_clock("00:00", day="2099-01-01"))
    whole = sums(*calls, intervals=years)
    [(_, row)] = table(*calls, intervals=months).rows()
    assert _added(row) == whole
    for grouping in (Grouping.PBX, Grouping.BRANCH):
        assert _added([found for _, [found] in table(*calls, intervals=years, grouping=grouping).rows()]) == whole
    parts = (groups(*calls, intervals=years, grouping=one) for one in (Grouping.QUEUE, Grouping.LINE))
    assert _added([found for part in parts for found in part.values()]) == whole


@settings(max_examples=50)
@given(st.lists(any_calls(), max_size=6, unique_by=lambda one: one.id))
def test_the_table_of_today_and_the_first_page_have_the_same_figures(calls: list[CallRecord]) -> None:
    moved = [replace(one, ended_at=NOON + timedelta(minutes=n)) for n, one in enumerate(calls)]
    today = day(o_clock("13:00"))
    for one in moved:
        today.add(one, live=True)
    assert sums(*moved).figures == today.figures()
    for branch, found in groups(*moved, grouping=Grouping.BRANCH, known=["changzhi", "jincheng"]).items():
        if branch is not None:
            assert found.figures == today.figures(branch)


def _added(row: list[Sums]) -> Sums:
    total = Sums()
    for one in row:
        total = total.plus(one)
    return total


@pytest.mark.parametrize(
    ("selected", "grouping", "expected"),
    [
        ({}, Grouping.ALL, {None: 3}),
        ({}, Grouping.QUEUE, {"sales": 0, "support": 1}),
        ({}, Grouping.BRANCH, {"changzhi": 1, "jincheng": 2}),
        ({"branches": ["jincheng"]}, Grouping.ALL, {None: 2}),
        ({"queues": ["support"]}, Grouping.ALL, {None: 1}),
        ({"branches": ["jincheng"], "pbxs": ["pbx1"]}, Grouping.BRANCH, {"jincheng": 1}),
        ({"agents": ["Agent 1001"]}, Grouping.ALL, {None: 0}),
    ],
)
def test_a_complaint_counts_where_its_call_sought_and_without_a_call_with_its_branch(
    selected: dict[str, list[str]], grouping: Grouping, expected: dict[str | None, int]
) -> None:
    """STD-COMPLAINT-RATE."""
    known = ["sales", "support"] if grouping is Grouping.QUEUE else []
    made = table(grouping=grouping, known=known, **selected)
    at = o_clock("10:00")
    for one in (
        Complaint(at, "changzhi", Place("pbx1", Kind.QUEUE, "support")),
        Complaint(at, "changzhi", Place("pbx1", Kind.DIRECT, "front-desk")),
        Complaint(at, "jincheng", None),
        Complaint(o_clock("10:00", day="2026-03-09"), "jincheng", None),
    ):
        made.complained(one)
    assert {group: cells[0].cases.complaints for group, cells in made.rows()} == expected
