"""Who should not be on the FastAGI port: those who say nothing, too little, too slowly, or rubbish."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

BEGINNING = (
    b"agi_network: yes\nagi_network_script: inbound\nagi_request: agi://127.0.0.1/inbound\nagi_channel: PJSIP/x-1\n"
)
WHOLE = BEGINNING + b"agi_uniqueid: pbx1-1.1\nagi_enhanced: 0.0\nagi_threadid: 1\n\n"


async def _says(writer: asyncio.StreamWriter, kind: int, dice: random.Random) -> None:
    match kind:
        case 0:  # slowly, a byte at a time
            for byte in BEGINNING:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)
        case 1:  # rubbish
            writer.write(dice.randbytes(3000) + b"\n\n")
        case 2:  # a line that never ends
            for _ in range(50):
                writer.write(b"x" * 4096)
                await writer.drain()
        case 3:  # an environment that ends early
            writer.write(BEGINNING + b"\n")
        case 4:  # a whole environment, and then answers that nobody asked for
            writer.write(WHOLE + b"200 result=1 (forged)\n" * 20)
        case 5:  # a whole environment, and then silence
            writer.write(WHOLE)
        case 6:  # half an environment, then gone
            writer.write(BEGINNING)
            await writer.drain()
            writer.transport.abort()
        case _:  # nothing at all
            pass


async def _pest(address: str, kind: int, stays: float, dice: random.Random) -> None:
    host, _, port = address.rpartition(":")
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(stays):
                    await _says(writer, kind, dice)
                    while await reader.read(4096):
                        pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def pests(address: str, *, per_second: float = 20, stays: float = 5.0) -> AsyncIterator[None]:
    """So many new ones a second for as long as the block lasts; each leaves after `stays` seconds if nobody ends it."""
    dice = random.Random(3)

    async def come() -> None:
        async with asyncio.TaskGroup() as group:
            kind = 0
            while True:
                group.create_task(_pest(address, kind % 8, stays, dice))
                kind += 1
                await asyncio.sleep(1 / per_second)

    async with asyncio.TaskGroup() as group:
        coming = group.create_task(come())
        try:
            yield
        finally:
            coming.cancel()
