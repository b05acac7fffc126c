"""What a real Alertmanager keeps back when something worse is told already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.prometheus.install import Programs
from tests.prometheus.server import Running, alertmanager

pytestmark = [pytest.mark.pbx, pytest.mark.prometheus]

BRANCH = {"branch": "changzhi", "measure": "abandonment"}
LINK = {"alertname": "PbxLinkDown", "pbx": "pbx1"}
OF_PBX1, OF_PBX2 = ({"alertname": "LedgerResidual", "pbx": pbx, "queue": "support"} for pbx in ("pbx1", "pbx2"))
SLOW = {"alertname": "AbandonmentSlow", "window": "1h"} | BRANCH
FAST = {"alertname": "AbandonmentFast", "window": "15m"} | BRANCH
DAY = {"alertname": "StandardMissedToday", "window": "today"} | BRANCH
ELSEWHERE = FAST | {"branch": "jincheng"}
EMPTY = {"alertname": "QueueUnstaffed", "queue": "support"}
WAITS, WAITS_ELSEWHERE = ({"alertname": "OldestWait", "queue": queue} for queue in ("support", "trade"))
DATABASE, LAG = {"alertname": "DatabaseDown"}, {"alertname": "SaverLag"}


async def kept_back(running: Running, alerts: list[dict[str, str]]) -> list[dict[str, str]]:
    """Of these, told in this order, those of which nobody hears."""
    told = [{"labels": labels} for labels in alerts]
    async with running.session.post(f"{running.url}/api/v2/alerts", json=told) as answer:
        assert answer.status == 200, await answer.text()
    known: list[dict[str, Any]] = await running.get("/api/v2/alerts")
    assert len(known) == len(alerts)
    return [alert["labels"] for alert in known if alert["status"]["inhibitedBy"]]


async def test_what_follows_from_something_worse_is_kept_back_and_what_does_not_is_told(
    programs: Programs, tmp_path: Path
) -> None:
    told = [LINK, OF_PBX1, OF_PBX2, SLOW, FAST, DAY, ELSEWHERE, EMPTY, WAITS, WAITS_ELSEWHERE, DATABASE, LAG]
    async with alertmanager(programs, tmp_path, "127.0.0.1:9") as running:
        quiet = await kept_back(running, told)
        assert {frozenset(one.items()) for one in quiet} == {
            frozenset(one.items()) for one in (OF_PBX1, FAST, DAY, WAITS, LAG)
        }
        down = {"alertname": "ServiceDown", "job": "threerings"}
        assert len(await kept_back(running, [*told, down])) == len(told)
