"""The whole service in one process: an AMI server that plays a recording, a real PostgreSQL, the pages."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from handlers.build import Service
from handlers.service import serve
from telephony.cases.store import CallStore
from telephony.config import Config, load
from tests.support.ami_server import AmiServer
from tests.support.replay import RECORDINGS

pytestmark = pytest.mark.db

LIMIT = 30


def recorded(name: str) -> bytes:
    """What the PBX said after the listings."""
    raw = (RECORDINGS / name / "ami.bin").read_bytes()
    return raw[raw.index(b"Event: Newchannel") :]


def configuration(folder: Path, ami: AmiServer, database: str, port: int) -> Config:
    log = folder / "queue_log"
    log.write_bytes(b"")
    file = folder / "threerings.toml"
    file.write_text(
        f"""
data_dir = "{folder}"
database = {{ url = "{database}" }}
http = {{ listen = "127.0.0.1:{port}" }}
agi = {{ listen = "127.0.0.1:0" }}
[[pbx]]
name = "pbx1"
port = {ami.port}
username = "threerings"
secret = "secret"
queue_log = "{log}"
trunks = ["PJSIP/callers"]
[[branch]]
name = "changzhi"
queues = ["support"]
"""
    )
    return load(file, {})


@asynccontextmanager
async def serving(config: Config, drain: float = 5) -> AsyncIterator[tuple[Service, asyncio.Task[int]]]:
    """The service, running; ended by SIGTERM."""
    made: asyncio.Future[Service] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(serve(config, made.set_result, drain))
        async with asyncio.timeout(LIMIT):
            service = await made
        yield service, running
        if not running.done():
            os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(LIMIT):
            await running


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT):
        while not true():
            await asyncio.sleep(0.01)


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as page:
        return page.status, await page.text()


async def test_a_recorded_call_is_measured_counted_and_saved(
    tmp_path: Path, empty_database: str, unused_tcp_port: int
) -> None:
    port = unused_tcp_port
    async with AmiServer() as ami:
        ami.entries = 0
        async with serving(configuration(tmp_path, ami, empty_database, port)) as (service, _):
            follower = service.feeds[0].follower
            await until(lambda: follower.synchronised)
            ami.say(recorded("answered"))
            await until(lambda: not service.saver.state().backlog and service.saver.state().database_up)
            await until(lambda: not follower.tracker.book.calls)
            await until(lambda: not service.saver.state().backlog)
            status, document = await get(port, "/readyz")
            assert (status, json.loads(document)["status"]) == (200, "ok")
            _, page = await get(port, "/metrics")
    assert 'telephony_cases_opened_total{kind="unknown"} 1.0' in page
    store = CallStore(empty_database)
    calls = [stored async for stored in store.calls()]
    assert [(stored.call.caller, stored.call.visits[0].outcome) for stored in calls] == [("02160000001", "answered")]
    assert calls[0].case_number == "000001"


async def test_without_a_database_it_serves_and_says_so(tmp_path: Path, unused_tcp_port: int) -> None:
    async with AmiServer() as ami:
        ami.entries = 0
        nowhere = "postgresql://nobody@127.0.0.1:1/nowhere"
        async with serving(configuration(tmp_path, ami, nowhere, unused_tcp_port), drain=0.05) as (service, _):
            await until(lambda: service.feeds[0].follower.synchronised)
            ami.say(recorded("abandoned_waiting"))
            await until(lambda: service.saver.state().backlog)
            status, document = await get(unused_tcp_port, "/readyz")
    assert status == 200
    assert json.loads(document)["status"] == "degraded"
    assert service.saver.state().backlog == 1
