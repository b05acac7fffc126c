"""The product and a simulated PBX, each in a process of its own; without a database, which a wall does not need."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientError, ClientSession

from tests.support.walls import LOBBY, ZHAO

SERVE = "from handlers.cli import main; main()"
PATIENCE = 30.0
SECRET = "secret-of-the-manager"


class Branch:
    """A branch whose telephones ring. `url`: of its wallboard."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._pbx: Process | None = None
        self.url = f"http://127.0.0.1:{port}/wall"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Branch]:
        """For as long as the block runs."""
        log = self._folder / "queue_log"
        log.touch()
        self._pbx = pbx = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "telephony.simulator", stdin=PIPE, stdout=PIPE
        )
        serving: Process | None = None
        try:
            settings = {"username": "threerings", "secret": SECRET, "queue_log": str(log), "seed": 10, "regulars": 10}
            await self._tell(settings)
            assert pbx.stdout is not None
            told = json.loads(await asyncio.wait_for(pbx.stdout.readline(), PATIENCE))
            config = self._folder / "threerings.toml"
            config.write_text(self._toml(told["ami"], log))
            with (self._folder / "log").open("wb") as said:
                serving = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-c",
                    SERVE,
                    "serve",
                    "--config",
                    str(config),
                    stdin=DEVNULL,
                    stdout=said,
                    stderr=said,
                )
            await self._follows()
            await self._tell({"agi": ["127.0.0.1", 1]})  # nobody answers there: the dialplan goes on by itself
            yield self
        finally:
            if serving is not None and serving.returncode is None:
                serving.terminate()
                await asyncio.wait_for(serving.wait(), PATIENCE)
            await self.loses_its_pbx()

    async def loses_its_pbx(self) -> None:
        """It ends."""
        assert self._pbx is not None
        assert self._pbx.stdin is not None
        self._pbx.stdin.close()
        await asyncio.wait_for(self._pbx.wait(), PATIENCE)

    async def _tell(self, what: dict[str, object]) -> None:
        assert self._pbx is not None
        assert self._pbx.stdin is not None
        self._pbx.stdin.write(json.dumps(what).encode() + b"\n")
        await self._pbx.stdin.drain()

    async def _follows(self) -> None:
        address = f"http://127.0.0.1:{self._port}/readyz"
        async with ClientSession() as session, asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with session.get(address) as answer:
                        parts = (await answer.json())["parts"]
                        if parts["pbx pbx1"]["up"]:
                            return
                except (ClientError, KeyError, ValueError):
                    pass
                await asyncio.sleep(0.1)

    def _toml(self, ami: int, log: Path) -> str:
        return f"""
data_dir = "{self._folder}"
database = {{ url = "postgresql://nobody@127.0.0.1:1/none" }}
http = {{ listen = "127.0.0.1:{self._port}" }}
agi = {{ listen = "127.0.0.1:0" }}
[[pbx]]
name = "pbx1"
port = {ami}
username = "threerings"
secret = "{SECRET}"
queue_log = "{log}"
trunks = ["PJSIP/trunk"]
[[queue]]
name = "support"
title = "客户咨询"
[[queue]]
name = "trade"
title = "交易委托"
[[line]]
name = "front-desk"
interface = "PJSIP/8001"
title = "前台"
[[branch]]
name = "changzhi"
title = "长治营业部"
queues = ["support", "trade"]
lines = ["front-desk"]
[[supervisor]]
name = "zhao"
token = "{ZHAO}"
[[wall]]
name = "lobby"
branch = "changzhi"
token = "{LOBBY}"
"""
