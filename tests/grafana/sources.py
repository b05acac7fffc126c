"""The two sources of the dashboards, asked as Grafana asks: PostgreSQL as the user who may read what grant.sh says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import asyncpg

from tests.grafana.dashboards import Chosen, Span, promql, sql
from tests.prometheus.server import DOCKER, Running

POINTS = 400
"""Of a line, as Grafana asks for them on a wide screen."""


@dataclass(frozen=True)
class Series:
    """A line: name as the legend has it, labels, and what is at which second since 1970."""

    ref: str
    name: str
    labels: dict[str, str]
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Answer:
    """Of one panel: lines, or the rows of a table by query."""

    series: list[Series] = field(default_factory=list)
    rows: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)

    def empty(self, ref: str) -> bool:
        return not any(one.ref == ref for one in self.series) and not any(
            name == ref and rows for name, rows in self.rows
        )


@dataclass
class Sources:
    """Both, for a time shown."""

    prometheus: Running
    postgres: asyncpg.Connection
    span: Span
    step: float = 15
    chosen: dict[str, list[str]] = field(default_factory=dict)

    async def choose(self, dashboard: dict[str, Any]) -> Chosen:
        """Everything, of every variable, as "All" does."""
        for one in dashboard["templating"]["list"]:
            name = one["name"]
            if one["type"] == "constant":
                self.chosen[name] = [one["query"]]
            elif one["type"] == "query" and one["datasource"]["type"] == "prometheus":
                self.chosen[name] = await self._label_values(one["query"])
            elif one["type"] == "query":
                rows = await self.postgres.fetch(sql(one["query"], self.chosen, self.span))
                self.chosen[name] = [row[0] for row in rows]
        return self.chosen

    async def _label_values(self, asked: str) -> list[str]:
        match = re.fullmatch(r"label_values\((.*), (\w+)\)", asked)
        assert match is not None
        answer = await self.prometheus.get(
            f"/api/v1/label/{match[2]}/values",
            **{"match[]": promql(match[1], self.chosen)},
            start=str(self.span.since.timestamp()),
            end=str(self.span.until.timestamp()),
        )
        assert answer["status"] == "success", answer
        found: list[str] = answer["data"]
        return found

    async def ask(self, panel: dict[str, Any]) -> Answer:
        """Everything that a panel asks."""
        answer = Answer()
        for target in panel["targets"]:
            if target["datasource"]["type"] == "prometheus":
                await self._ask_prometheus(target, answer)
            else:
                await self._ask_postgres(target, answer)
        return answer

    async def _ask_prometheus(self, target: dict[str, Any], answer: Answer) -> None:
        found = await self.query(target, self.span, instant=target.get("instant", False))
        if target.get("format") == "table":
            value = f"Value #{target['refId']}"
            answer.rows.append((target["refId"], [{**one.labels, value: one.points[-1][1]} for one in found]))
        else:
            answer.series.extend(found)

    async def query(self, target: dict[str, Any], span: Span, *, instant: bool) -> list[Series]:
        """One query of PromQL, over the time or at its end."""
        asked = {"query": promql(target["expr"], self.chosen)}
        if instant:
            answer = await self.prometheus.get("/api/v1/query", **asked, time=str(span.until.timestamp()))
        else:
            times = {"start": str(span.since.timestamp()), "end": str(span.until.timestamp()), "step": str(self.step)}
            answer = await self.prometheus.get("/api/v1/query_range", **asked, **times)
        assert answer["status"] == "success", (target["expr"], answer)
        made = []
        for one in answer["data"]["result"]:
            points = [(float(time), float(value)) for time, value in one.get("values") or [one["value"]]]
            labels = one["metric"]
            name = re.sub(
                r"\{\{(\w+)\}\}", lambda match, of=labels: of.get(match[1], ""), target.get("legendFormat", "")
            )
            if points := [(time, value) for time, value in points if isfinite(value)]:
                made.append(Series(target["refId"], name or "值 value", labels, points))
        return made

    async def _ask_postgres(self, target: dict[str, Any], answer: Answer) -> None:
        rows = [dict(row) for row in await self.postgres.fetch(sql(target["rawSql"], self.chosen, self.span))]
        if target["format"] == "table":
            answer.rows.append((target["refId"], rows))
            return
        for name in dict.fromkeys(row["metric"] for row in rows):
            points = [(row["time"].timestamp(), float(row["value"])) for row in rows if row["metric"] == name]
            answer.series.append(Series(target["refId"], name, {}, points))


def grants() -> str:
    """The statements of grant.sh."""
    script = (DOCKER / "postgres" / "grant.sh").read_text(encoding="utf-8")
    return script.partition("<<'SQL'\n")[2].partition("\nSQL\n")[0]


@asynccontextmanager
async def as_grafana(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the user of Grafana, made as roles.sh and grant.sh make him."""
    owner = await asyncpg.connect(url)
    try:
        if not await owner.fetchval("SELECT 1 FROM pg_roles WHERE rolname = 'grafana'"):
            await owner.execute("CREATE ROLE grafana LOGIN")
        await owner.execute("GRANT USAGE ON SCHEMA public TO grafana")
        await owner.execute(grants())
        await owner.execute("SET default_transaction_read_only = on")
        await owner.execute("SET ROLE grafana")
        yield owner
        await owner.execute("RESET ROLE")
        await owner.execute("SET default_transaction_read_only = off")
        await owner.execute("DROP OWNED BY grafana; DROP ROLE grafana")
    finally:
        await owner.close()
