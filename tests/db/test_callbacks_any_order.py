"""Whoever called how often, and however late, twice or wrongly it is learned: in the end the right callers are left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telephony.calls.record import CallRecord, Outcome
from tests.db.casework import Office, office
from tests.support.calls import call, visit
from tests.support.casework import NOW

pytestmark = pytest.mark.db

CALLERS = count(1)
NUMBERS = count(1)
ENDS = st.sampled_from([Outcome.ANSWERED, Outcome.ABANDONED, Outcome.TIMEOUT, None])


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Office]:
    async with office(database) as opened:
        yield opened


def state(caller: str, number: int, minute: int, outcome: Outcome | None, revision: int) -> CallRecord:
    """One state of the call that came at this minute."""
    at = NOW + timedelta(minutes=5 * minute)
    stay = visit(outcome)
    if outcome is Outcome.ANSWERED:
        stay = replace(stay, answered_at=at + timedelta(seconds=10))
    ended = None if outcome is None else at + timedelta(minutes=1)
    return call(stay, number=number, caller=caller, arrived_at=at, ended_at=ended, revision=revision)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_who_is_to_be_called_back_depends_on_what_was_not_on_when_it_was_learned(
    desk: Office, data: st.DataObject
) -> None:
    caller = f"0355{next(CALLERS):07}"
    calls = data.draw(st.lists(st.lists(ENDS, min_size=1, max_size=3), min_size=1, max_size=5), label="states")
    states = [
        [state(caller, number, minute, outcome, revision) for revision, outcome in enumerate(told, 1)]
        for minute, (told, number) in enumerate(zip(calls, NUMBERS, strict=False))
    ]
    order = data.draw(st.permutations([minute for minute, told in enumerate(states) for _ in told]), label="order")
    known = [iter(told) for told in states]
    for minute in order:
        await desk.store.save([next(known[minute])])
        if data.draw(st.booleans(), label="looked"):
            await desk.saved()
    await desk.saved()

    ends = [told[-1] for told in calls]
    answered = max((n for n, end in enumerate(ends) if end is Outcome.ANSWERED), default=-1)
    lost = [n for n, end in enumerate(ends) if end not in {Outcome.ANSWERED, None}]
    left = await desk.sql("SELECT * FROM callbacks WHERE number = $1 AND result IS NULL", caller)
    assert len(left) == (bool(lost) and lost[-1] > answered)
    for work in left:
        assert work["lost_at"] == states[lost[-1]][-1].ended_at
        rows = await desk.sql("SELECT call_id FROM callback_calls WHERE callback_id = $1", work["id"])
        assert len(rows) == work["calls"]
        assert {row["call_id"] for row in rows} <= {states[n][0].id for n in lost}
        assert states[lost[-1]][0].id in {row["call_id"] for row in rows}
