"""`/api/v1/measures`, as a program sees it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from aiohttp import ClientError
from structlog.testing import capture_logs

from handlers.admission import FAILURES
from handlers.http.api.measures import PIECE, pieces
from telephony.calls.record import Kind, Outcome, Quality
from telephony.people.roles import Person, Role
from telephony.standard.measures_catalogue import CATALOGUE
from tests.support.api import asking
from tests.support.calls import call, visit
from tests.support.days import answered, o_clock, unanswered
from tests.support.measuring import Archive

NOON = o_clock("12:00")
BUSY = (
    answered(1, NOON, wait=10), answered(2, NOON, wait=50, rings=5, queue="sales"), unanswered(3, NOON, wait=40),
    unanswered(4, NOON, outcome=Outcome.TIMEOUT, wait=300),
    answered(5, NOON, kind=Kind.DIRECT, queue="front-desk", agent="front-desk"),
)  # fmt: skip
PATH = "/api/v1/measures"


async def test_a_measure_has_value_numerator_denominator_limit_and_whether_it_is_met() -> None:
    async with asking(Archive(*BUSY)) as person:
        told = await person.measures(to="2026-03-02T13:00")
    [row] = told["rows"]
    assert row["measures"]["abandonment"] == {
        "value": 0.2, "numerator": 1, "denominator": 5, "limit": 0.1, "met": False, "version": 1,
    }  # fmt: skip
    assert row["measures"]["mean_wait"] == {
        "value": 27.5, "numerator": 110.0, "denominator": 4, "limit": 30.0, "met": True, "version": 1,
    }  # fmt: skip
    assert row["unanswered_by"] == {"abandoned": 1, "timeout": 1}
    assert (row["group"], row["complete"], told["complete"], told["reasons"]) == ({}, True, True, [])
    assert (told["from"], told["to"]) == ("2026-03-01T16:00:00.000000Z", "2026-03-02T05:00:00.000000Z")
    assert (told["zone"], told["interval"], told["group"]) == ("Asia/Shanghai", None, "all")


async def test_the_head_says_once_what_each_measure_means_and_what_is_asked_of_it() -> None:
    async with asking(Archive()) as person:
        told = await person.measures(measure=[measure.name for measure in CATALOGUE])
    described = {one["name"]: one for one in told["measures"]}
    assert list(described) == [measure.name for measure in CATALOGUE]
    assert described["short"]["threshold"] == {"key": "short_abandon_seconds", "value": 0.0, "own": {"vip": 5.0}}
    assert described["within_three_rings"]["threshold"] == {"key": "rings", "value": 3, "own": {}}
    assert described["long_talks"]["threshold"] == {"key": "long_talk_seconds", "value": 300.0, "own": {}}
    assert described["final_lost"]["threshold"] == {"key": "final_lost_minutes", "value": 60.0, "own": {}}
    assert described["service_level"]["threshold"]["value"] == 20.0
    mean_wait = described["mean_wait"]
    assert (mean_wait["limit"], mean_wait["bound"], mean_wait["clause"]) == (30.0, "below", "STD-WAIT")
    assert {one["untold"] for one in told["measures"]} == {None}
    assert (described["complaint_rate"]["limit"], described["complaint_rate"]["bound"]) == (0.0001, "at_most")


async def test_an_interval_without_calls_is_there_and_has_no_data_and_nothing_is_met() -> None:
    async with asking(Archive(*BUSY)) as person:
        told = await person.measures(**{"from": "2026-03-02T10:00", "to": "2026-03-02T13:00", "interval": "hour"})
    sought = [row["counts"]["calls_sought"] for row in told["rows"]]
    assert sought == [0, 0, 5]
    empty = told["rows"][0]
    assert {(one["value"], one["met"]) for one in empty["measures"].values()} == {(None, None)}
    assert empty["quality"] == {
        "visits": 0, "live": None, "partial": None, "reconstructed": None, "approximate": None,
    }  # fmt: skip


async def test_each_group_has_rows_also_one_without_calls() -> None:
    async with asking(Archive(*BUSY)) as person:
        told = await person.measures(group="queue", interval="day")
        found = [(row["group"], row["counts"]["calls_sought"]) for row in told["rows"]]
        branches = await person.measures(group="branch", queue="support")
    assert found == [({"queue": "sales"}, 1), ({"queue": "support"}, 3), ({"queue": "vip"}, 0)]
    assert [row["group"] for row in branches["rows"]] == [{"branch": "changzhi"}, {"branch": "jincheng"}]


async def test_of_agents_offers_and_talks_are_told_and_nothing_of_calls() -> None:
    async with asking(Archive(*BUSY)) as person:
        told = await person.measures(group="agent")
    rows = {row["group"]["agent"]: row for row in told["rows"]}
    assert rows["Agent 1001"]["counts"]["talk_seconds"] == 120.0
    assert set(rows["Agent 1001"]["measures"]) >= {"hung_up_by_agent", "occupancy"}
    assert "abandonment" not in rows["Agent 1001"]["measures"]
    assert "quality" not in rows["Agent 1001"]


async def test_how_well_it_is_known_and_what_was_left_out_stands_beside_it() -> None:
    known = answered(1, NOON)
    partial = replace(answered(2, NOON).visits[0], quality=Quality.PARTIAL, wait=None, caller_rings=None)
    settling = call(visit(None, joined_at=NOON, left_at=NOON), number=3, arrived_at=NOON, ended_at=NOON)
    lost = call(visit(Outcome.LOST, joined_at=NOON, left_at=NOON), number=4, arrived_at=NOON, ended_at=NOON)
    async with asking(Archive(known, replace(known, visits=(partial,)), settling, lost)) as person:
        told = await person.measures(to="2026-03-02T13:00")
    [row] = told["rows"]
    assert row["quality"] == {
        "visits": 3, "live": 2 / 3, "partial": 1 / 3, "reconstructed": 0.0, "approximate": 0.0,
    }  # fmt: skip
    assert row["left_out"] == {
        "calls_lost": 1, "calls_undecided": 1, "wait_unknown": 1, "rings_unknown": 1, "visits_lost": 1,
        "offers_unknown": 0,
    }  # fmt: skip
    assert (row["complete"], told["complete"]) == (False, False)


async def test_a_database_that_lags_says_until_when_and_that_it_is_not_complete() -> None:
    archive = Archive(*BUSY)
    archive.saver.oldest = [60.0, *(60.0 + 0.02 * n for n in range(1, 200))]
    async with asking(archive) as person:
        told = await person.measures()
    assert (told["complete"], told["saved_until"]) == (False, "2026-03-02T07:41:07.000000Z")


# --- who may ask, and what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PATH, "/api/v1/live", "/api/openapi.json"])
async def test_nobody_asks_without_a_token_and_who_guesses_has_to_wait(path: str) -> None:
    async with asking(Archive()) as person:
        for token in (None, "wrong-token-of-somebody"):
            status, told = await person.get(path, token)
            assert (status, told["title"], told["status"]) == (401, "Unauthorized", 401)
            assert "Authorization: Bearer" in told["detail"]
        for _ in range(FAILURES - 1):
            await person.get(path, "wrong-token-of-somebody")
        assert (await person.get(path, None))[0] == 429
        assert (await person.get(path))[0] == 200


@pytest.mark.parametrize(
    ("query", "parameter"),
    [({"interval": "week"}, "interval"), ({"nonsense": "1"}, "nonsense"), ({"from": "2030-01-01"}, "to")],
)
async def test_a_query_that_cannot_be_answered_is_told_as_problem_details(
    query: dict[str, str], parameter: str
) -> None:
    async with asking(Archive()) as person:
        status, told = await person.get(PATH, **query)
    assert (status, told["status"], told["title"], told["parameter"]) == (400, 400, "Bad Request", parameter)
    assert told["detail"].startswith(f"{parameter}: ")


async def test_more_rows_than_may_be_had_are_refused_with_what_to_ask_instead() -> None:
    archive = Archive(*(answered(n, NOON, queue=f"q{n}") for n in range(9)))
    archive.terms = replace(archive.terms, most=100)
    async with asking(archive) as person:
        status, told = await person.get(PATH, interval="hour", group="queue")
    assert status == 400
    assert "ask for a coarser interval" in told["detail"]


@pytest.mark.parametrize(
    ("error", "words"),
    [(OSError("refused: postgresql://user:secret@host"), "the database is away"), (TimeoutError(), "took too long")],
)
async def test_a_database_that_is_away_or_slow_is_told_without_its_words(error: Exception, words: str) -> None:
    archive = Archive()
    archive.error = error
    with capture_logs():
        async with asking(archive) as person:
            status, told = await person.get(PATH)
    assert (status, "secret" in json.dumps(told)) == (503, False)
    assert words in told["detail"]


async def test_who_asks_while_many_do_is_told_to_come_again() -> None:
    archive = Archive()
    archive.opened.clear()
    async with asking(archive) as person, asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(person.get(PATH)) for _ in range(8)]
        await archive.entered.wait()
        done = tasks.create_task(person.get(PATH))
        status, told = await done
        archive.opened.set()
    assert status == 503
    assert "others" in told["detail"]
    assert {one.result()[0] for one in waiting} == {200}


async def test_names_of_callers_choice_come_as_they_are_and_cannot_leave_their_string() -> None:
    hostile = '"}]<script>\u2028'
    async with asking(Archive(answered(1, NOON, queue=hostile))) as person:
        told = await person.measures(group="queue", queue=hostile)
    assert told["rows"][0]["group"] == {"queue": hostile}


async def test_who_does_not_fetch_his_answer_in_time_gets_no_part_of_it_as_the_whole() -> None:
    async with asking(Archive(), tell_seconds=0) as person:
        with pytest.raises(ClientError):
            await person.measures(group="queue", interval="hour")


async def test_a_long_answer_comes_in_pieces_and_whole() -> None:
    lines = ["x" * (PIECE // 3 + 1)] * 7
    found = [piece async for piece in pieces(lines)]
    assert "".join(found) == "".join(lines)
    assert len(found) == 3


async def test_who_is_bound_to_a_branch_is_told_of_it_alone_however_he_asks() -> None:
    bound = Person("zhao", Role.SUPERVISOR, frozenset({"changzhi"}))
    async with asking(Archive(*BUSY), person=bound) as zhao, asking(Archive(*BUSY)) as anybody:
        his = await zhao.measures(to="2026-03-02T13:00")
        same = await anybody.measures(to="2026-03-02T13:00", branch="changzhi")
        assert his["rows"] == same["rows"]
        assert his["rows"] == (await zhao.measures(to="2026-03-02T13:00", branch="changzhi"))["rows"]
        for group in ("queue", "branch", "line"):
            told = await zhao.measures(to="2026-03-02T13:00", group=group)
            assert {row["group"][group] for row in told["rows"]} <= {"support", "vip", "changzhi"}
        sales = await zhao.measures(to="2026-03-02T13:00", queue="sales", group="queue")
        assert all(not any(row["counts"].values()) for row in sales["rows"])
        for query in ({"branch": "jincheng"}, {"branch": "nowhere"}):
            status, told = await zhao.get(PATH, **query)
            assert (status, told["parameter"]) == (403, "branch")
