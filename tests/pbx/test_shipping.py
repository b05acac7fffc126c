"""queue_log comes from another host: sender and service are killed while calls go on, and every visit is as it says."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from handlers.journaling import Source
from telephony.journal.reader import records

from .asterisk import Pbx
from .checker import compare
from .database import Database
from .product import COMMAND, Product
from .story import Story

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(120)]

TOKEN = "0123456789abcdef"
BEFORE, THROUGH, TALKS, OVERFLOWN = (f"0216000000{n}" for n in range(1, 5))


class Shipper:
    """`threerings ship-queue-log`, beside the PBX."""

    def __init__(self, pbx: Pbx, product: Product) -> None:
        token = product.folder / "queue_log.token"
        token.write_text(TOKEN)
        to = f"http://127.0.0.1:{product.port}"
        self._words = ["--to", to, "--pbx", "pbx1", "--token-file", token, "--file", Path(pbx.queue_log)]
        self._log = product.folder / "shipper.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                COMMAND, "ship-queue-log", *map(str, self._words), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), 5)

    @property
    def log(self) -> str:
        return self._log.read_text()


def calls_of(pbx: Pbx) -> Story:
    """One leaves before all trouble; one waits, one talks, one moves on to another queue while the service is away."""
    story = Story(pbx).agent("1002", rings=1, serves="market")
    story.caller(BEFORE, calls="support", hangs_up_after=2).caller(THROUGH, calls="support", hangs_up_after=11)
    return story.caller(TALKS, calls="market", hangs_up_after=12).caller(
        OVERFLOWN, calls="keyed/overflow", hangs_up_after=13
    )


async def test_sender_and_service_are_killed_and_every_visit_is_as_queue_log_says(pbx: Pbx) -> None:
    async with Database() as database:
        product = Product([pbx], database.url, queue_log=False, extra=f'queue_log_token = "{TOKEN}"')
        shipper = Shipper(pbx, product)
        await shipper.start()

        async def trouble() -> None:
            await asyncio.sleep(2.5)
            await shipper.kill()
            await asyncio.sleep(1)
            await shipper.start()
            await asyncio.sleep(1)
            await product.kill()
            await asyncio.sleep(2)
            await product.start(ready=False)

        async with product:
            known = len(Path(pbx.queue_log).read_bytes().splitlines())
            story = await calls_of(pbx).prepare()
            async with asyncio.TaskGroup() as tasks:
                playing = tasks.create_task(story.play())
                tasks.create_task(trouble())
            seen = playing.result()
            calls = await product.settled("pbx1", limit=60)
            written = Path(pbx.queue_log).read_bytes().splitlines()
            await product.until(lambda: product.ready()["status"] == "ok", 20, "ok")
            metrics = await asyncio.to_thread(product.metrics)
            await product.stop()
            assert await shipper.stop() == 0
            found = records(product.folder / "journal" / "pbx1", sources={int(Source.QUEUE_LOG)})
            journaled = [line for record in found for line in record.data.split(b"\n")[1:]]
            sent = shipper.log

    assert journaled == written[len(written) - len(journaled) :]  # each once, in its place
    assert len(journaled) >= len(written) - known
    assert not seen.complaints
    verdict = compare(calls, seen)
    assert not verdict.differences, verdict
    assert verdict.compared_visits == 5
    assert metrics.total("telephony_queuelog_gaps_total") == 0
    assert metrics.total("telephony_queuelog_quarantined_total") == 0
    assert metrics.total("telephony_queuelog_shipped_age_seconds") < 15
    assert TOKEN not in sent
    assert TOKEN not in product.log
