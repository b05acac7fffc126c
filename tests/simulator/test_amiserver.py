"""The manager interface on a port: the product's own client, slow ones, and too many."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

from telephony.ami.client import AmiClient
from telephony.ami.codec import Message
from telephony.ami.feed import Batch, LinkUp
from telephony.ami.settings import AmiSettings, SystemClock
from telephony.simulator.amiserver import MAX_CLIENTS, AmiServer
from telephony.simulator.branch import Branch
from telephony.simulator.live import Live
from telephony.simulator.pbx import Pbx
from telephony.simulator.timeline import Timeline
from telephony.simulator.traffic import new_pbx
from tests.simulator.bench import ACCOUNT, START

LIMIT = 10
LOGIN = f"Action: Login\r\nUsername: {ACCOUNT.username}\r\nSecret: {ACCOUNT.secret}\r\n\r\n".encode()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[AmiServer, Pbx, int]]:
    timeline = Timeline(START)
    pbx = new_pbx(timeline, "pbx1", Branch(), Random(1))
    server = AmiServer(pbx, ACCOUNT, Live(timeline, lambda: timeline.now))
    port = await server.listen("127.0.0.1", 0)
    try:
        async with asyncio.timeout(LIMIT):
            yield server, pbx, port
    finally:
        server.close()


async def test_the_products_client_logs_in_lists_and_hears() -> None:
    async with listening() as (_, pbx, port), asyncio.TaskGroup() as tasks:
        settings = AmiSettings(
            port=port, host="127.0.0.1", username=ACCOUNT.username, secret=ACCOUNT.secret, systemname="pbx1"
        )
        client = AmiClient(settings, clock=SystemClock(), rng=Random(1))
        running = tasks.create_task(client.run())
        heard: list[str] = []
        while "QueueStatusComplete" not in heard:
            for entry in await client.take():
                if isinstance(entry, LinkUp):
                    pbx.add_member("support", "PJSIP/1001", "张敏", static=False)
                    client.request("QueueStatus")
                if isinstance(entry, Batch):
                    heard += [item.event for item in entry.items if isinstance(item, Message)]
        running.cancel()
    assert heard[0] == "FullyBooted"
    assert "QueueMemberAdded" in heard
    assert client.quarantined == 0


async def reading(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 30)
    writer.write(LOGIN)
    await reader.readuntil(b"Fully Booted\r\n\r\n")
    return reader, writer


async def test_whoever_does_not_read_is_let_go_and_nobody_else_is() -> None:
    async with listening() as (server, pbx, port):
        _, slow = await reading(port)
        slow.transport.pause_reading()  # type: ignore[attr-defined]
        quick, writer = await reading(port)
        while not server.dropped:
            for _ in range(500):
                pbx.tell("Newexten", "call", [("Filling", "x" * 400)])
            writer.write(b"Action: Ping\r\n\r\n")
            await quick.readuntil(b"Ping: Pong\r\n")
        assert server.dropped == 1
        assert len(server.clients) == 1
        slow.close()
        writer.close()


async def test_more_clients_than_there_may_be_are_not_let_in() -> None:
    async with listening() as (server, _, port):
        kept = [await reading(port) for _ in range(MAX_CLIENTS)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert len(server.clients) == MAX_CLIENTS
        for _, one in [*kept, (reader, writer)]:
            one.close()


async def test_a_wrong_secret_ends_the_connection() -> None:
    async with listening() as (_, _pbx, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LOGIN.replace(ACCOUNT.secret.encode(), b"wrong"))
        assert (await reader.read()).endswith(b"Message: Authentication failed\r\n\r\n")
        writer.close()
