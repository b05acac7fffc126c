"""The whole service tells another program of a recorded call, and its command shows and retries what was not taken."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from handlers.cli import main
from telephony.config import load
from tests.db.test_service import configuration, get, recorded, serving, until
from tests.support.ami_server import AmiServer

pytestmark = pytest.mark.db

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
CALLER = "02160000001"


async def test_the_service_tells_of_a_call_and_its_command_tells_again_what_was_refused(
    tmp_path: Path, empty_database: str, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    got: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response(status=410 if got[-1]["type"].startswith("case.") else 204)

    app = web.Application()
    app.router.add_post("/hook", take)
    async with AmiServer() as ami, TestServer(app) as crm:
        ami.entries = 0
        configuration(tmp_path, ami, empty_database, unused_tcp_port)
        file = tmp_path / "threerings.toml"
        hook = f'url = "{crm.make_url("/hook")}"\nsecret = "{SECRET}"\nprivate = true\n'
        events = 'events = ["case.*", "callback.*", "call.ringing"]\n'
        file.write_text(f'{file.read_text()}[[webhook]]\nname = "crm"\n{hook}{events}')
        async with serving(load(file, {})) as (service, _):
            await until(lambda: service.feeds[0].follower.synchronised)
            ami.say(recorded("answered"))
            await until(lambda: any(one["type"] == "case.first_answered" for one in got))
            _, page = await get(unused_tcp_port, "/metrics")
    assert 'telephony_webhook_attempts_total{result="parked",webhook="crm"}' in page
    assert CALLER not in str(got)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert await asyncio.to_thread(main, ("webhooks", "list")) == 0
    shown = capsys.readouterr().out
    assert "case.first_answered" in shown
    assert "answered 410" in shown
    assert await asyncio.to_thread(main, ("webhooks", "retry", "crm")) == 0
    assert capsys.readouterr().out == "1 events are told again\n"
    assert await asyncio.to_thread(main, ("webhooks", "retry", "nobody")) == 1
    assert "there is no such [[webhook]]" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ("webhooks", "list")) == 0
    assert "answered 410" not in capsys.readouterr().out
    structlog.reset_defaults()
