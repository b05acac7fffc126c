"""The rules and routes as they are shipped: right by Prometheus' own tools, each alarm tried, and each explained."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.prometheus.install import Programs
from tests.prometheus.server import DOCKER, run

pytestmark = [pytest.mark.pbx, pytest.mark.prometheus]

PROMETHEUS = DOCKER / "prometheus"
ALERTS = (PROMETHEUS / "rules" / "alerts.yml").read_text(encoding="utf-8")
RUNBOOK = (DOCKER.parent / "docs" / "alerts.md").read_text(encoding="utf-8")
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def alerts() -> list[str]:
    return re.findall(r"(?m)^      - alert: (\w+)$", ALERTS)


def test_the_recording_rules_are_what_their_program_makes(tmp_path: Path) -> None:
    shutil.copy(PROMETHEUS / "recording.py", tmp_path)
    (tmp_path / "rules").mkdir()
    run(sys.executable, tmp_path / "recording.py")
    made = {file.name: file.read_bytes() for file in (tmp_path / "rules").iterdir()}
    assert made == {name: (PROMETHEUS / "rules" / name).read_bytes() for name in made}
    assert set(made) | {"alerts.yml"} == {file.name for file in (PROMETHEUS / "rules").iterdir()}


def test_prometheus_and_alertmanager_take_what_is_shipped(programs: Programs) -> None:
    run(programs.promtool, "check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")
    run(programs.promtool, "check", "rules", *sorted((PROMETHEUS / "rules").glob("*.yml")))
    run(programs.amtool, "check-config", DOCKER / "alertmanager" / "alertmanager.yml")


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alarms_fire_in_their_time_and_no_others_beside_them_and_clear(programs: Programs, file: Path) -> None:
    run(programs.promtool, "test", "rules", file)


def test_every_alarm_is_tried_explained_and_told_in_both_languages() -> None:
    tried = "".join(file.read_text(encoding="utf-8") for file in TESTS)
    assert len(alerts()) == len(set(alerts())) > 20
    for name, text in zip(alerts(), re.split(r"(?m)^      - alert: ", ALERTS)[1:], strict=True):
        assert f'alertname="{name}"' in tried
        assert re.search(r"severity: (critical|warning|info)\b", text)
        assert re.search(r'summary: ".*[一-鿿]', text)
        assert re.search(r'description: "[^一-鿿]+"', text)
        assert f"runbook: docs/alerts.md#{name.lower()}\n" in text
        assert f"\n### {name}\n" in RUNBOOK


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"alertname": "PbxLinkDown", "severity": "critical", "pbx": "pbx1"}, "operations"),
        ({"alertname": "SaverBacklog", "severity": "warning"}, "operations"),
        ({"alertname": "AbandonmentSlow", "severity": "critical", "branch": "changzhi"}, "changzhi,supervisors"),
        ({"alertname": "AbandonmentSlow", "severity": "critical", "branch": "jincheng"}, "supervisors"),
        ({"alertname": "OldestWait", "severity": "warning", "branch": "changzhi"}, "changzhi"),
        ({"alertname": "OldestWait", "severity": "warning", "branch": "none"}, "supervisors"),
        ({"alertname": "StandardMissedToday", "severity": "info", "branch": "changzhi"}, "supervisors"),
    ],
)
def test_each_alarm_goes_to_whom_it_concerns(programs: Programs, labels: dict[str, str], receivers: str) -> None:
    words = [f"{name}={value}" for name, value in labels.items()]
    config = DOCKER / "alertmanager" / "alertmanager.yml"
    told = run(programs.amtool, "config", "routes", "test", f"--config.file={config}", *words)
    assert told.splitlines()[0] == receivers
