"""The API of the whole service: what it says of a recorded call is what the database and `/metrics` say."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from telephony.calls.measures import Targets, summary
from telephony.cases.store import CallStore
from telephony.config import load
from tests.db.test_service import configuration, get, recorded, serving, until
from tests.support.ami_server import AmiServer

pytestmark = pytest.mark.db

TOKEN = "token-of-the-supervisor"


async def ask(port: int, path: str, **query: str) -> Any:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    address = f"http://127.0.0.1:{port}{path}"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(address, params=query) as answer:
        text = await answer.text()
    assert answer.status == 200, text
    return json.loads(text)


async def test_one_call_has_the_same_figures_in_the_database_the_api_and_the_metrics(
    tmp_path: Path, empty_database: str, unused_tcp_port: int
) -> None:
    port = unused_tcp_port
    async with AmiServer() as ami:
        ami.entries = 0
        configuration(tmp_path, ami, empty_database, port)
        file = tmp_path / "threerings.toml"
        file.write_text(f'{file.read_text()}[[supervisor]]\nname = "zhao"\ntoken = "{TOKEN}"\n')
        config = load(file, {})
        async with serving(config) as (service, _):
            follower = service.feeds[0].follower
            await until(lambda: follower.synchronised)
            live = await ask(port, "/api/v1/live")
            assert live["pbxs"] == [{"name": "pbx1", "heard": True, "trouble": None} | live["pbxs"][0]]
            ami.say(recorded("answered"))
            await until(lambda: service.saver.state().database_up)
            store = CallStore(empty_database)
            async with asyncio.timeout(10):
                while not (calls := [stored.call async for stored in store.calls()]) or calls[0].ended_at is None:
                    await asyncio.sleep(0.02)
            since, to = calls[0].arrived_at.isoformat(), calls[0].ended_at.replace(microsecond=999_999).isoformat()
            told = await ask(port, "/api/v1/measures", **{"from": since, "to": to, "group": "queue"})
            _, metrics = await get(port, "/metrics")
    rows = {row["group"]["queue"]: row for row in told["rows"]}
    measured = summary(calls[0], Targets())
    reading = rows["support"]["measures"]["asa"]
    assert measured.wait is not None
    assert (reading["value"], reading["denominator"]) == (measured.wait.total_seconds(), 1)
    counts = rows["support"]["counts"]
    for counted in ("sought", "answered", "gave_up", "unanswered"):
        found = re.findall(rf"^telephony_calls_{counted}_total{{.*}} (\S+)$", metrics, re.MULTILINE)
        assert found
        assert counts[f"calls_{counted}"] == sum(map(float, found))
    assert counts["offers_rang"] == 1
