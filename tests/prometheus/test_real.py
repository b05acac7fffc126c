"""A real Prometheus scrapes the real service in front of a simulated PBX; an alarm reaches a real receiver.

What Prometheus has is held against the database: differences of counters exactly, rules within what increase() makes
of them.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from handlers.build import Service
from handlers.export import targets_of
from telephony.calls.record import CallRecord
from telephony.cases.store import CallStore
from telephony.config import Config, load
from telephony.simulator import branch as places
from telephony.simulator.__main__ import clock_from_now
from telephony.simulator.agiclient import AgiClient
from telephony.simulator.amiserver import AmiServer
from telephony.simulator.branch import Branch
from telephony.simulator.dialplan import Dialplan
from telephony.simulator.live import Live
from telephony.simulator.manager import Account
from telephony.simulator.pbx import Pbx
from telephony.simulator.queuelogfile import QueueLogFile
from telephony.simulator.timeline import Timeline
from telephony.simulator.traffic import Traffic, new_pbx
from telephony.standard.figures import Figures, figures_of
from tests.db.test_service import serving
from tests.pbx.database import free_port
from tests.prometheus.install import Programs
from tests.prometheus.server import LIMIT, Running, alertmanager, prometheus, receiving, until

pytestmark = [pytest.mark.pbx, pytest.mark.prometheus]

TOKEN = "a-token-for-metrics-alone"
CALLS = 45
BUSY = Branch(
    gap=0.2, swell=0, rush_first=1e9, pause_every=1e9, changeover_every=1e9, talk=(0.5, 2, 1), answer=(0.3, 1.2, 0.6),
    patience=(1, 3), hurried=0.2, holds=0, transfers=0, consults=0, direct=0.1,
)  # fmt: skip
EXTRAPOLATION = 0.02
COUNTED = {
    "sought": "sought",
    "answered": "answered",
    "gave_up": "gave_up",
    "unanswered": "unanswered",
    "short": "short",
    "alerted": "alerted",
    "within_three_rings": "within_rings",
}


class SimulatedPbx:
    """The demo's PBX within this process, and how to open and close its doors."""

    def __init__(self, pbx: Pbx, traffic: Traffic, client: AgiClient, live: Live, port: int) -> None:
        self.pbx, self.traffic, self._client, self._live, self.port = pbx, traffic, client, live, port

    def begin(self, agi: tuple[str, int]) -> None:
        self._client.address = agi
        self._live.catch_up()
        self.traffic.begin()
        self._live.poke()

    def forge(self) -> None:
        """An event that says it is of another PBX."""
        for listener in self.pbx.listeners:
            listener(b"Event: Newchannel\r\nPrivilege: call,all\r\nSystemName: another\r\n\r\n")


@asynccontextmanager
async def simulated(folder: Path, branch: Branch = BUSY) -> AsyncIterator[SimulatedPbx]:
    start, clock = clock_from_now()
    live, rng = Live(Timeline(start), clock), Random(5)
    pbx = new_pbx(live.timeline, "pbx1", branch, rng)
    with QueueLogFile(folder / "queue_log") as log:
        pbx.log = log.write
        async with asyncio.TaskGroup() as tasks:
            client = AgiClient(pbx, live, tasks)
            traffic = Traffic(pbx, Dialplan(pbx, places.extensions(), places.keys(), client.ask), branch, rng)
            traffic.staff()
            server = AmiServer(pbx, Account("threerings", "secret"), live)
            port = await server.listen("127.0.0.1", 0)
            running = tasks.create_task(live.run())
            try:
                yield SimulatedPbx(pbx, traffic, client, live, port)
            finally:
                server.close()
                running.cancel()


def configuration(folder: Path, ami: int, database: str, http: int) -> Config:
    file = folder / "threerings.toml"
    file.write_text(
        f"""
data_dir = "{folder}"
database = {{ url = "{database}" }}
http = {{ listen = "127.0.0.1:{http}", metrics_token = "{TOKEN}" }}
agi = {{ listen = "127.0.0.1:0" }}
[[pbx]]
name = "pbx1"
port = {ami}
username = "threerings"
secret = "secret"
queue_log = "{folder / "queue_log"}"
trunks = ["{places.TRUNK}"]
[[line]]
name = "front-desk"
interface = "{places.DESK}"
[[branch]]
name = "changzhi"
queues = ["{places.SUPPORT}", "{places.TRADE}"]
lines = ["front-desk"]
"""
    )
    return load(file, {})


async def all_saved(pbx: SimulatedPbx, service: Service) -> None:
    """Nobody is on the telephone, and everything is in the database."""
    await until(lambda: not pbx.pbx.calls)
    await until(lambda: not service.feeds[0].follower.tracker.book.calls)
    await until(lambda: not service.saver.state().backlog)


async def saved_calls(url: str) -> list[CallRecord]:
    store = CallStore(url)
    try:
        return [stored.call async for stored in store.calls()]
    finally:
        await store.close()


def by_queue(calls: list[CallRecord], config: Config) -> dict[str, Figures]:
    """The sums of what is in the database, by what was sought first."""
    found: dict[str, Figures] = {}
    known = {places.SUPPORT, places.TRADE, "front-desk"}
    for call in calls:
        if call.visits:
            queue = call.visits[0].queue if call.visits[0].queue in known else "other"
            figures = figures_of(call, targets_of(config))[1]
            found[queue] = Figures._make(map(sum, zip(figures, found.get(queue, Figures()), strict=True)))
    return found


async def counted(running: Running, name: str, since: float) -> dict[str, float]:
    """How much a counter has grown since then, by queue: its last value less its first."""
    window = f"[{int(time.monotonic() - since) + 5}s]"
    metric = f"telephony_calls_{name}_total"
    last = {labels["queue"]: value for labels, value in await running.query(metric)}
    first = {labels["queue"]: value for labels, value in await running.query(f"min_over_time({metric}{window})")}
    return {queue: value - first[queue] for queue, value in last.items() if value != first[queue]}


async def test_prometheus_has_what_the_database_has_and_an_alarm_arrives(
    programs: Programs, tmp_path: Path, empty_database: str
) -> None:
    tmp_path.chmod(0o755)
    http, since = free_port(), time.monotonic()
    async with simulated(tmp_path) as pbx, receiving() as (receiver, address):
        config = configuration(tmp_path, pbx.port, empty_database, http)
        async with (
            serving(config) as (service, _),
            alertmanager(programs, tmp_path, address) as manager,
            prometheus(
                programs, tmp_path, f"127.0.0.1:{http}", TOKEN, alertmanager=manager.url.removeprefix("http://")
            ) as running,
        ):
            await until_value(running, "count(telephony_calls_sought_total)", 4)
            pbx.begin(service.agi.server.address)
            await until(lambda: pbx.traffic.calls >= CALLS)
            pbx.traffic.end()
            await all_saved(pbx, service)
            sums = by_queue(await saved_calls(empty_database), config)
            total = Figures._make(map(sum, zip(*sums.values(), strict=True)))
            assert total.sought > 30
            await until_value(running, "sum(telephony_calls_sought_total)", total.sought)
            for name, field in COUNTED.items():
                expected = {queue: getattr(figures, field) for queue, figures in sums.items()}
                assert await counted(running, name, since) == {queue: n for queue, n in expected.items() if n}, name
            await the_rules_agree(running, total)
            await the_standard_agrees(running, total)
            assert receiver.names() == set()
            pbx.forge()
            await until(lambda: ("operations", "Quarantine") in receiver.names())
            assert receiver.names() == {("operations", "Quarantine")}


async def until_value(running: Running, expression: str, wanted: float) -> None:
    async with asyncio.timeout(LIMIT):
        while await running.value(expression) != wanted:
            await asyncio.sleep(0.1)


async def the_rules_agree(running: Running, total: Figures) -> None:
    """Counts within increase()'s extrapolation, and ratios of counts that grew alike to the last digits."""
    wait = total.mean_wait
    assert wait is not None
    judged = 0.0
    async with asyncio.timeout(LIMIT):  # the rules look a little later, and what they add shrinks as time goes on
        while not total.judged <= judged <= total.judged * (1 + EXTRAPOLATION):
            await asyncio.sleep(0.1)
            judged = await running.value("sum(branch:telephony_calls_judged:increase5m)") or 0.0
    for measure, exact in (
        ("abandonment:ratio5m", total.abandonment),
        ("unanswered:ratio15m", total.unanswered_share),
        ("within_three_rings:ratio1h", total.within_share),
        ("mean_wait_seconds:mean1d", wait.total_seconds()),
    ):
        found = await running.value(f'pbx:telephony_{measure}{{pbx="pbx1"}}')
        assert found == pytest.approx(exact, rel=EXTRAPOLATION), measure


async def the_standard_agrees(running: Running, total: Figures) -> None:
    """Told by ourselves, it is exact."""
    shown = {
        labels["measure"]: value
        for labels, value in await running.query('telephony_standard_value{branch="", queue="", window="today"}')
    }
    wait = total.mean_wait
    assert wait is not None
    assert shown == {
        "abandonment": total.abandonment,
        "unanswered": total.unanswered_share,
        "mean_wait": wait.total_seconds(),
        "within_three_rings": total.within_share,
    }
    targets = Counter(labels["measure"] for labels, _ in await running.query("telephony_standard_target"))
    assert len(set(targets.values())) == 1
