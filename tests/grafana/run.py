"""A run of the simulated PBX in front of the service, a real Prometheus and a real PostgreSQL; then the sources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from telephony.simulator.branch import Branch
from tests.db.test_service import serving
from tests.grafana.dashboards import Span
from tests.grafana.sources import Sources, as_grafana
from tests.pbx.database import free_port
from tests.prometheus.install import Programs
from tests.prometheus.server import Running, prometheus, until
from tests.prometheus.test_real import TOKEN, SimulatedPbx, all_saved, configuration, simulated, until_value

START = timedelta(seconds=2)
"""Shown before the first call."""
GRACE = 2
"""Seconds after the last call, in which rules look and the last scrape comes."""


async def _now(running: Running) -> datetime:
    """By Prometheus' clock, which stamps what is asked for."""
    value = await running.value("vector(time())")
    assert value is not None
    return datetime.fromtimestamp(value, UTC)


@asynccontextmanager
async def measured(
    programs: Programs,
    folder: Path,
    database: str,
    branch: Branch,
    enough: Callable[[SimulatedPbx], object],
    *,
    every: str = "250ms",
    limit: float = 60,
    drained: bool = True,
) -> AsyncIterator[Sources]:
    """The branch takes calls until it is `enough`; then its figures can be asked for.

    Args:
        every: how often Prometheus looks. limit: seconds that the calls may take.
        drained: wait until nobody is on the telephone.
    """
    folder.chmod(0o755)
    http = free_port()
    async with simulated(folder, branch) as pbx:
        config = configuration(folder, pbx.port, database, http)
        async with (
            serving(config) as (service, _),
            prometheus(programs, folder, f"127.0.0.1:{http}", TOKEN, every=every) as running,
        ):
            await until_value(running, "count(telephony_calls_sought_total)", 4)
            began = await _now(running)
            pbx.begin(service.agi.server.address)
            async with asyncio.timeout(limit):
                while not enough(pbx):
                    await asyncio.sleep(0.1)
            ended = await _now(running)
            pbx.traffic.end()
            if drained:
                await all_saved(pbx, service)
                ended = await _now(running) + timedelta(seconds=GRACE)
                await until(lambda: not service.saver.state().backlog)
                async with asyncio.timeout(limit):
                    while await _now(running) < ended:
                        await asyncio.sleep(0.1)
            async with as_grafana(database) as postgres:
                yield Sources(running, postgres, Span(began - START, ended))
