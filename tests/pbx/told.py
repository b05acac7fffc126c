"""What the product tells of the standard, each way it tells it, in one form: measure to numerator and denominator."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import pytest

from .product import Metrics, Product
from .reckoning import Measured

SHARES = ("abandonment", "unanswered", "within_three_rings")
MICROSECOND = 1e-6  # means are rounded to it
MEASURES = (*SHARES, "mean_wait")
OVER: Mapping[str, tuple[str, str]] = {
    "abandonment": ("gave_up", "sought"),
    "unanswered": ("unanswered", "sought"),
    "within_three_rings": ("within_three_rings", "alerted"),
}
PER_CALL = """
WITH of_visit AS (
    SELECT c.caller, v.*, min(v.ordinal) FILTER (WHERE v.outcome = 'answered') OVER (PARTITION BY v.call_id) AS answer
    FROM calls c JOIN visits v ON v.call_id = c.id
    WHERE c.direction = 'inbound' AND c.ended_at IS NOT NULL)
SELECT caller,
    (array_agg(queue ORDER BY ordinal))[1] AS place,
    array_agg(outcome ORDER BY ordinal) AS outcomes,
    coalesce(sum(wait_us) FILTER (WHERE ordinal <= coalesce(answer, ordinal)), 0)::bigint AS waited,
    sum(coalesce(caller_rings, caller_rings_heard)) FILTER (WHERE ordinal <= coalesce(answer, ordinal)) AS rings
FROM of_visit GROUP BY call_id, caller"""


@dataclass(frozen=True)
class Ratio:
    """What stands over the line (seconds in all, for a mean) and under it."""

    part: float
    whole: int

    @property
    def value(self) -> float | None:
        """None of nothing."""
        return self.part / self.whole if self.whole else None


Told = Mapping[str, Ratio]


async def ledger(url: str) -> list[tuple[str, Measured]]:
    """Every call of a customer in the database, by his number."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(PER_CALL)
    finally:
        await connection.close()
    return [
        (row["caller"], Measured(row["place"], tuple(row["outcomes"]), row["waited"] / 1e6, row["rings"]))
        for row in rows
    ]


def by_definition(calls: Sequence[Measured], rings: int, short: Callable[[str], float]) -> Told:
    """The formulas of docs/definitions.md over rows of the database."""
    answered = [call for call in calls if "answered" in call.outcomes]
    gave_up = [call for call in calls if call not in answered and call.outcomes[-1] == "abandoned"]
    shorts = sum(call.wait < short(call.place) for call in gave_up)
    judged = len(calls) - shorts
    gone = sum(call.rings is not None and call.rings <= rings for call in gave_up)
    alerted = sum(call.rings is not None for call in calls) - gone
    within = sum(call.rings is not None and call.rings <= rings for call in answered)
    waited = round(sum(call.wait for call in answered + gave_up), 6)
    return {
        "abandonment": Ratio(len(gave_up) - shorts, judged),
        "unanswered": Ratio(len(calls) - len(answered) - shorts, judged),
        "within_three_rings": Ratio(within, alerted),
        "mean_wait": Ratio(waited, len(answered) + len(gave_up)),
    }


async def api(product: Product, token: str, group: str = "") -> dict[str, Told]:
    """`/api/v1/measures` of today, by group."""
    path, asked = f"http://127.0.0.1:{product.port}/api/v1/measures", {"group": group} if group else {}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.get(path, params=asked) as answer,
    ):
        assert answer.status == 200, await answer.text()
        rows = (await answer.json())["rows"]
    return {row["group"].get(group) or "": _of_row(row) for row in rows}


def _of_row(row: Mapping[str, Any]) -> Told:
    found = {name: row["measures"][name] for name in MEASURES}
    for one in found.values():
        value = Ratio(one["numerator"], one["denominator"]).value
        assert one["value"] == (None if value is None else pytest.approx(value, abs=MICROSECOND)), row
    assert not any(row["left_out"].values()), row
    return {name: Ratio(one["numerator"], one["denominator"]) for name, one in found.items()}


def counters(metrics: Metrics, **labels: str) -> Told:
    """Raw counters of `/metrics`."""

    def count(name: str) -> int:
        return int(metrics.total(f"telephony_calls_{name}_total", **labels))

    short = count("short")
    told = {
        name: Ratio(count(part) - short, count(whole) - short)
        if whole == "sought"
        else Ratio(count(part), count(whole))
        for name, (part, whole) in OVER.items()
    }
    waits = [
        [metrics.total(f"telephony_call_wait_seconds_{what}", outcome=outcome, **labels) for what in ("sum", "count")]
        for outcome in ("answered", "gave_up")
    ]
    waited, whole = map(sum, zip(*waits, strict=True))
    return told | {"mean_wait": Ratio(round(waited, 6), int(whole))}


def gauges(metrics: Metrics, *, branch: str, queue: str, window: str) -> dict[str, float]:
    """`telephony_standard_value`."""
    labels = {"branch": branch, "queue": queue, "window": window}
    return {
        measure: value
        for (name, has), value in metrics.items()
        if name == "telephony_standard_value" and labels.items() <= dict(has).items()
        for measure in [dict(has)["measure"]]
    }


async def wall(product: Product, token: str, branch: str, calls: int) -> Mapping[str, Any]:
    """What `/ws/wall` shows once it counts so many calls."""
    path = f"http://127.0.0.1:{product.port}/ws/wall" + (f"?branch={branch}" if branch else "")
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.ws_connect(path) as socket,
    ):
        async for message in socket:
            told = json.loads(message.data)
            if told["type"] == "picture" and told["now"]["calls"] == calls:
                return dict(told["now"])
    raise AssertionError(f"the wall closed: {socket.close_code}")
