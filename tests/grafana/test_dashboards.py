"""The dashboards: made by their programs, legible to Grafana's own types, and every question has an answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana.dashboards import GRAFANA, NAMES, read
from tests.grafana.run import measured
from tests.grafana.sources import Sources
from tests.prometheus.install import Programs
from tests.prometheus.server import DOCKER
from tests.prometheus.test_real import BUSY, CALLS

every_dashboard = pytest.mark.parametrize("name", NAMES)
READ_BACK = """
import json, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
register_default_plugins()
print(json.dumps(Dashboard.from_json(json.load(sys.stdin)), cls=JSONEncoder))
"""
"""In a process of its own: to import the SDK warns."""
MAY_BE_EMPTY = {
    ("平均等待（最近 15 分钟）", "X"): "callers of so short a run do not wait for half a minute",
    ("平均等待（前 24 小时）", "X"): "the same",
    ("三响之内接听率（最近 15 分钟）", "X"): "phones are answered quickly in it",
    ("三响之内接听率（前 24 小时）", "X"): "the same",
    ("正在报警", "A"): "alarms wait for minutes before they fire",
    ("结束（每 5 分钟）", "B"): "nobody is refused in it",
    ("弹屏时间", "A"): "no screen is signed in",
    ("弹屏时间", "B"): "the same",
}
"""By panel and query, why it may have no answer after a run; all others must."""


def test_the_dashboards_are_what_their_programs_make(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "docker.grafana.source", tmp_path], check=True, cwd=DOCKER.parent)
    made = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()}
    kept = {file.name: file.read_text(encoding="utf-8") for file in (GRAFANA / "dashboards").iterdir()}
    assert kept == made
    assert set(kept) == {f"{name}.json" for name in NAMES}


@every_dashboard
def test_grafanas_types_read_a_dashboard_and_lose_nothing_of_it(name: str) -> None:
    dashboard = read(name)
    done = subprocess.run(
        [sys.executable, "-c", READ_BACK], input=json.dumps(dashboard), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == dashboard


@every_dashboard
def test_a_panel_has_a_chinese_title_an_english_description_a_unit_and_a_place_of_its_own(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    panels = read(name)["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert not panel["title"].isascii() or panel["title"] in {"FastAGI", "queue_log"}
        assert panel["description"].isascii() or "–" in panel["description"], panel["title"]
        assert panel["type"] == "table" or panel["fieldConfig"]["defaults"]["unit"]
        assert panel["fieldConfig"]["defaults"]["noValue"], "no data is shown as such, not as nothing"
        place = panel["gridPos"]
        across = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in across for y in range(place["y"], place["y"] + place["h"])}
        assert max(across) < 24
        assert not cells & taken
        taken |= cells


def test_what_stands_in_a_dashboard_is_found_by_name_and_not_by_the_ids_of_one_grafana() -> None:
    """Each has an address of its own, and asks sources that the person who installs it chooses."""
    dashboards = [read(name) for name in NAMES]
    assert len({one["uid"] for one in dashboards}) == len(NAMES)
    for one in dashboards:
        sources = {json.dumps(found) for found in _found(one, "datasource")}
        asked = {'{"type": "prometheus", "uid": "${prometheus}"}'}
        assert sources <= asked | {'{"type": "grafana-postgresql-datasource", "uid": "${postgres}"}'}
        assert {"prometheus", "branch"} <= {variable["name"] for variable in one["templating"]["list"]}


def _found(inside: Any, key: str) -> list[Any]:
    if isinstance(inside, dict):
        own = [inside[key]] if key in inside else []
        return own + [one for value in inside.values() for one in _found(value, key)]
    return [one for value in inside for one in _found(value, key)] if isinstance(inside, list) else []


def test_the_provisioned_sources_are_the_services_of_compose() -> None:
    provisioned = GRAFANA / "provisioning"
    sources = yaml.safe_load((provisioned / "datasources" / "three-rings.yaml").read_text(encoding="utf-8"))
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]
    hosts = {one["url"].removeprefix("http://").split(":")[0] for one in sources["datasources"]}
    assert hosts == {"prometheus", "postgres", "alertmanager"} <= set(services)
    secrets = {one["secureJsonData"]["password"] for one in sources["datasources"] if "secureJsonData" in one}
    assert secrets == {"$__file{/run/secrets/grafana_database}"}
    assert "grafana_database" in services["grafana"]["secrets"]
    [provider] = yaml.safe_load((provisioned / "dashboards" / "three-rings.yaml").read_text(encoding="utf-8"))[
        "providers"
    ]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]


@pytest.mark.pbx
@pytest.mark.prometheus
async def test_every_query_of_every_panel_has_an_answer_after_a_run(
    programs: Programs, tmp_path: Path, empty_database: str
) -> None:
    async with measured(programs, tmp_path, empty_database, BUSY, lambda pbx: pbx.traffic.calls >= CALLS) as sources:
        sources.step = 0.5
        unanswered: dict[tuple[str, str], str] = {}
        asked = set()
        for name in NAMES:
            dashboard = read(name)
            chosen = await sources.choose(dashboard)
            assert all(chosen.values()), chosen
            for panel in dashboard["panels"]:
                answer = await sources.ask(panel)
                for target in panel["targets"]:
                    at = (panel["title"], target["refId"])
                    asked.add(at)
                    if answer.empty(target["refId"]) and not await _ever(sources, target):
                        unanswered[at] = target.get("expr") or target["rawSql"]
        assert {at: query for at, query in unanswered.items() if at not in MAY_BE_EMPTY} == {}
        assert asked >= set(MAY_BE_EMPTY), "the list names panels that there are"


async def _ever(sources: Sources, target: dict[str, Any]) -> bool:
    """Whether what is asked for now had an answer at some moment of the run: who waits now, say."""
    if "expr" not in target or not target.get("instant"):
        return False
    return bool(await sources.query(target, sources.span, instant=False))
