"""What a query asks, and what it is told when it cannot be answered."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import MultiDict

from handlers.http.api.asked import MAX_NAMES, PARAMETERS, Asked, BadQueryError, asked
from telephony.standard.intervals import Step
from telephony.standard.measures import BY_AGENT
from telephony.standard.measures_catalogue import CATALOGUE
from telephony.standard.measures_table import Grouping, Selection
from tests.support.api import HOUSE
from tests.support.days import o_clock

NOW = o_clock("15:42:07")


def ask(*pairs: tuple[str, str], **query: str) -> Asked:
    return asked(MultiDict([*pairs, *query.items()]), HOUSE, NOW)


def span(*pairs: tuple[str, str]) -> tuple[Any, Any]:
    intervals = ask(*pairs).question.intervals
    return intervals.since, intervals.until


OF_CALLS = tuple(measure for measure in CATALOGUE if measure.name != "occupancy")


def test_nothing_asked_is_today_until_now_all_together_and_every_measure_but_of_what_agents_did() -> None:
    found = ask()
    assert span() == (o_clock("00:00"), NOW)
    assert (found.step, found.question.grouping, found.measures) == (None, Grouping.ALL, OF_CALLS)
    assert not found.question.agents
    assert (found.question.selection, found.question.known, found.question.numbers) == (Selection(), (), True)


@pytest.mark.parametrize(
    ("until", "since"), [("2026-03-01T12:00", "2026-03-01"), ("2026-03-01T00:00:00", "2026-02-28")]
)
def test_without_a_beginning_it_is_the_day_that_ends_then(until: str, since: str) -> None:
    assert span(("to", until)) == (o_clock("00:00", day=since), o_clock(until[11:], day="2026-03-01"))


@pytest.mark.parametrize(
    "text", ["2026-03-01T01:00:00Z", "2026-03-01T09:00", "2026-03-01T09:00:00+08:00", "2026-03-01T09:00:00 08:00",
             "2026-03-01T01:00:00.000000+00:00"],
)  # fmt: skip
def test_a_time_has_its_zone_or_that_of_the_site_and_a_lost_plus_is_understood(text: str) -> None:
    assert span(("from", text))[0] == o_clock("09:00", day="2026-03-01")


def test_what_a_form_leaves_empty_is_not_asked() -> None:
    assert ask(*((name, "") for name in PARAMETERS)) == ask()


def test_a_date_is_its_midnight() -> None:
    assert span(("from", "2026-02-01"), ("to", "2026-03-01"))[0] == o_clock("00:00", day="2026-02-01")


def test_names_may_be_repeated_and_intervals_and_groups_are_words() -> None:
    found = ask(("queue", "a"), ("queue", "b"), ("line", "c"), ("pbx", "d"), ("branch", "e"), ("interval", "15m"),
                ("group", "pbx"), ("from", "2026-03-02T09:00"))  # fmt: skip
    assert found.question.selection == Selection(
        queues=frozenset("ab"), lines=frozenset("c"), pbxs=frozenset("d"), branches=frozenset("e")
    )
    assert (found.step, found.question.grouping, len(found.question.intervals)) == (Step.QUARTER, Grouping.PBX, 27)


@pytest.mark.parametrize(
    ("query", "known"),
    [
        ([("group", "queue")], ["support", "sales", "vip"]),
        ([("group", "queue"), ("branch", "jincheng")], ["sales"]),
        ([("group", "queue"), ("queue", "nobodys")], ["nobodys"]),
        ([("group", "queue"), ("line", "front-desk")], []),
        ([("group", "line")], ["front-desk"]),
        ([("group", "line"), ("branch", "changzhi")], []),
        ([("group", "pbx")], ["pbx1"]),
        ([("group", "pbx"), ("pbx", "other")], ["other"]),
        ([("group", "branch")], ["changzhi", "jincheng"]),
        ([("group", "branch"), ("branch", "jincheng")], ["jincheng"]),
        ([("group", "agent")], []),
        ([("group", "agent"), ("agent", "Agent 1001")], ["Agent 1001"]),
    ],
)
def test_groups_of_the_configuration_and_those_asked_for_are_there_whatever_happened(
    query: list[tuple[str, str]], known: list[str]
) -> None:
    assert list(ask(*query).question.known) == known


def test_of_agents_only_what_is_theirs_is_told() -> None:
    for found in (ask(("agent", "Agent 1001")), ask(("group", "agent"))):
        assert {measure.population for measure in found.measures} == BY_AGENT
        assert not found.question.numbers


def test_only_the_measures_that_are_wanted_are_told_and_numbers_only_then() -> None:
    found = ask(("measure", "mean_wait"), ("measure", "abandonment"))
    assert ([measure.name for measure in found.measures], found.question.numbers) == (
        ["abandonment", "mean_wait"],
        False,
    )
    assert ask(("measure", "final_lost")).question.numbers


@pytest.mark.parametrize(
    ("query", "parameter", "detail"),
    [
        ([("quue", "support")], "quue", f"is not known; known are {', '.join(PARAMETERS)}"),
        ([("from", "yesterday")], "from", "should be a date or a time like"),
        ([("to", "0001-01-01T00:00+14:00")], "to", "should be a date"),
        ([("to", "0001-01-02")], "to", "should lie between the years 2000 and 9000"),
        ([("to", "9999-12-31T23:59:59Z")], "to", "should lie between the years 2000 and 9000"),
        ([("from", "1999-01-01")], "to", "should lie between"),
        ([("from", "2026-03-03")], "to", "ends before it begins"),
        ([("from", "2026-01-01"), ("from", "2026-01-02")], "from", "is given more than once"),
        ([("interval", "week")], "interval", "should be one of 15m, hour, day, month"),
        ([("interval", "15m"), ("from", "2020-01-01")], "interval", "is more than 100 intervals"),
        ([("group", "caller")], "group", "should be one of all, queue, line, agent, pbx, branch"),
        ([("measure", "asa"), ("measure", "x")], "measure", "is not known; known are abandonment, "),
        ([("measure", "asa"), ("agent", "Agent 1001")], "measure", "is not told of agents"),
        ([("agent", "x" * 201)], "agent", "should have 200 characters at most"),
        ([("pbx", f"{n}") for n in range(MAX_NAMES + 1)], "pbx", "is given 101 times"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_told_by_the_name_of_its_parameter(
    query: list[tuple[str, str]], parameter: str, detail: str
) -> None:
    with pytest.raises(BadQueryError, match=detail) as raised:
        ask(*query)
    assert raised.value.parameter == parameter
