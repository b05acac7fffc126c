"""Dashboards as they stand in the repository, and their queries as Grafana would put them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).parents[2] / "docker" / "grafana"
NAMES = ("standard-today", "queues-live", "agents", "trends", "health")
Chosen = Mapping[str, Sequence[str]]


def read(name: str) -> dict[str, Any]:
    """A dashboard."""
    document: dict[str, Any] = json.loads((GRAFANA / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
    return document


def variable(dashboard: dict[str, Any], name: str) -> dict[str, Any]:
    """One of its variables."""
    found: dict[str, Any] = next(one for one in dashboard["templating"]["list"] if one["name"] == name)
    return found


@dataclass(frozen=True)
class Span:
    """The time shown."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.until - self.since).total_seconds()


def promql(expression: str, chosen: Chosen) -> str:
    """With variables as Grafana writes them into PromQL: several as alternatives."""

    def alternatives(match: re.Match[str]) -> str:
        values = [re.sub(r"[\\^$*+?.()|\[\]{}]", r"\\\\\g<0>", value) for value in chosen[match[1]]]
        return values[0] if len(values) == 1 else f"({'|'.join(values)})"

    return re.sub(r"\$\{?([a-z]+)\}?", alternatives, expression)


def sql(text: str, chosen: Chosen, span: Span) -> str:
    """With variables and macros as Grafana writes them into SQL; fails on one that is not known here."""

    def quoted(values: Iterable[str]) -> str:
        return ",".join("'" + value.replace("'", "''") + "'" for value in values)

    def between(match: re.Match[str]) -> str:
        ends = (f"'{end.astimezone().isoformat()}'" for end in (span.since, span.until))
        return f"{match[1]} BETWEEN {' AND '.join(ends)}"

    text = re.sub(r"\$\{([a-z]+):sqlstring\}", lambda match: quoted(chosen[match[1]]), text)
    text = re.sub(r"\$\{([a-z]+)\}", lambda match: chosen[match[1]][0], text)
    text = re.sub(r"\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)", between, text)
    for macro, end in (("$__timeFrom()", span.since), ("$__timeTo()", span.until)):
        text = text.replace(macro, f"'{end.astimezone().isoformat()}'")
    assert "$" not in text, text
    return text


def targets(
    dashboards: Iterable[str], wanted: Callable[[dict[str, Any]], bool]
) -> list[tuple[str, str, dict[str, Any]]]:
    """Dashboard, panel and query, of those wanted."""
    return [
        (name, panel["title"], target)
        for name in dashboards
        for panel in read(name)["panels"]
        for target in panel["targets"]
        if wanted(target)
    ]
