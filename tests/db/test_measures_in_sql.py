"""The measures of a day of a branch, against SQL that was written for this test alone: two ways to the same figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, LiteralString

import asyncpg
import pytest

from handlers.measuring import Measuring, Question, Surroundings
from telephony.calls.record import CallRecord, Direction, OfferResult, Party, call_id
from telephony.cases.measured import snapshot
from telephony.cases.store import CallStore
from telephony.standard.intervals import Step, cut
from telephony.standard.measures_catalogue import BY_NAME
from telephony.standard.measures_table import Grouping
from tests.support.calls import offer, seconds
from tests.support.days import SHANGHAI, o_clock
from tests.support.measuring import Saver
from tests.support.overview import office_day
from tests.support.tables import TERMS

pytestmark = pytest.mark.db

SINCE, UNTIL = o_clock("08:00"), o_clock("18:00")
NAMES = ("abandonment", "unanswered", "mean_wait", "longest_wait", "within_three_rings", "service_level",
         "agent_within_three_rings", "ring_no_answer", "visit_answer_rate", "hung_up_by_agent", "long_talks",
         "final_lost")  # fmt: skip

IN_SQL: LiteralString = """
WITH counted AS (
    SELECT date_bin('1 hour', calls.ended_at, 'epoch') AS hour, calls.*, v.queue, v.outcome, v.wait_us, v.talk_us,
        v.hung_up_by AS by, v.caller_rings_heard AS heard, v.call_id
    FROM calls JOIN visits v ON v.call_id = calls.id AND ordinal = 1
    WHERE ended_at >= $1 AND ended_at < $2),
rang AS (
    SELECT date_bin('1 hour', offers.ended_at, 'epoch') AS hour, v.queue, result, rings
    FROM offers JOIN visits v ON v.call_id = offers.call_id AND v.ordinal = visit
    WHERE offers.ended_at >= $1 AND offers.ended_at < $2 AND rang_at IS NOT NULL),
left_at AS (
    SELECT date_bin('1 hour', left_at, 'epoch') AS hour, queue, avg((outcome = 'answered')::int) AS visit_answer_rate
    FROM visits WHERE left_at >= $1 AND left_at < $2 GROUP BY 1, 2),
gone AS (
    SELECT hour, queue, caller, max(ended_at) AS at FROM counted WHERE outcome = 'abandoned' GROUP BY 1, 2, 3),
lost AS (
    SELECT hour, queue, avg((NOT EXISTS (
        SELECT FROM calls c JOIN visits v ON v.call_id = c.id
        WHERE c.caller = gone.caller AND v.answered_at BETWEEN gone.at AND gone.at + interval '1 hour') AND NOT EXISTS (
        SELECT FROM calls c WHERE c.direction = 'outbound' AND c.dialled = gone.caller
            AND c.arrived_at BETWEEN gone.at AND gone.at + interval '1 hour'))::int) AS final_lost
    FROM gone GROUP BY 1, 2)
SELECT c.hour, c.queue,
    avg((outcome = 'abandoned')::int) AS abandonment,
    avg((outcome <> 'answered')::int) AS unanswered,
    avg(wait_us) FILTER (WHERE outcome IN ('answered', 'abandoned')) / 1e6 AS mean_wait,
    max(wait_us) / 1e6 AS longest_wait,
    avg((outcome = 'answered' AND heard <= 3)::int) FILTER (WHERE NOT (outcome = 'abandoned' AND heard <= 3))
        AS within_three_rings,
    avg((outcome = 'answered' AND wait_us <= 20e6)::int) AS service_level,
    avg((by = 'agent')::int) AS hung_up_by_agent,
    avg((talk_us > 300e6)::int) AS long_talks,
    (SELECT avg((result = 'answered' AND rings <= 3)::int) FROM rang r WHERE r.hour = c.hour AND r.queue = c.queue
        AND NOT (result IN ('caller_left', 'cancelled_elsewhere') AND rings <= 3)) AS agent_within_three_rings,
    (SELECT avg((result IN ('no_answer', 'busy'))::int) FROM rang r WHERE r.hour = c.hour AND r.queue = c.queue)
        AS ring_no_answer,
    (SELECT visit_answer_rate FROM left_at l WHERE l.hour = c.hour AND l.queue = c.queue) AS visit_answer_rate,
    (SELECT final_lost FROM lost l WHERE l.hour = c.hour AND l.queue = c.queue) AS final_lost
FROM counted c GROUP BY 1, 2
"""


def varied(calls: list[CallRecord]) -> list[CallRecord]:
    """With long talks, agents who hang up, phones that nobody answers, callers who come again or are called back."""
    found: list[CallRecord] = []
    for number, call in enumerate(calls):
        one, [stay] = call, call.visits
        at = stay.left_at or one.arrived_at
        missed = offer(OfferResult.NO_ANSWER if number % 3 else OfferResult.CANCELLED_ELSEWHERE, agent="Agent 1009",
                       rings=number % 6 + 1, ended_at=at)  # fmt: skip
        if stay.talk is not None:
            # Over when it was over: with the call, so that one date tells both in SQL.
            ended = at + seconds(60 + number % 7 * 50)
            stay = replace(stay, talk=ended - at, hung_up_by=Party.AGENT if number % 5 == 0 else Party.CALLER,
                           offers=(offer(rings=number % 5 + 1, ended_at=at), missed))  # fmt: skip
            one = replace(one, ended_at=ended)
        elif number % 2:
            stay = replace(stay, offers=(replace(stay.offers[0], ended_at=at), missed))
        caller = f"0216{number % 40:04}" if stay.talk is None or number % 4 == 0 else one.caller
        found.append(replace(one, caller=caller, visits=(stay,)))
        if number % 30 == 0:
            back = f"back.{number}"
            found.append(replace(one, id=call_id("pbx1", back), uniqueid=back, direction=Direction.OUTBOUND, case=None,
                                 dialled=f"0216{number % 40:04}", visits=()))  # fmt: skip
    return found


async def measured(url: str) -> dict[tuple[datetime, str | None], dict[str, float | None]]:
    """By hour and queue, what is not empty."""
    around = Surroundings(partial(snapshot, url), Saver, dict, lambda: UNTIL + timedelta(days=2), lambda: 0.0)
    intervals = cut(SINCE, UNTIL, Step.HOUR, SHANGHAI, 100)
    answer = await Measuring(around, TERMS).measure(Question(intervals, Grouping.QUEUE))
    return {
        (intervals.bounds[number], group): {name: BY_NAME[name].read(sums).value for name in NAMES}
        for group, cells in answer.table.rows()
        for number, sums in enumerate(cells)
        if sums.figures.sought
    }


async def test_every_measure_of_every_queue_and_hour_is_what_plain_sql_says(store: CallStore, database: str) -> None:
    await store.save(varied(office_day(o_clock("17:30"), 1.0, seed=4)))
    connection = await asyncpg.connect(database)
    rows: list[Any] = await connection.fetch(IN_SQL, SINCE.astimezone(UTC), UNTIL.astimezone(UTC))
    await connection.close()
    told = {
        (row["hour"], row["queue"]): {
            name: None if row[name] is None else pytest.approx(float(row[name]), abs=1e-6) for name in NAMES
        }
        for row in rows
    }
    found = await measured(database)
    assert len(found) > 15
    assert found == told
    for name in NAMES:
        assert len({figures[name] for figures in found.values()}) > 2, f"{name} is hardly tried"
