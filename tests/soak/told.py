"""What Three Rings told the dialplan when it was asked: the case of each call, heard on the bench's own AMI line."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.pbx.asterisk import Pbx

AGAIN_AFTER = 0.2
LOGIN = b"Action: Login\r\nUsername: bench\r\nSecret: bench\r\nEvents: user\r\n\r\n"


class Told:
    """`cases`: Uniqueid to the case's id, as far as it was heard; `listen` in a task of its own, until cancelled."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self.cases: dict[str, str] = {}

    async def listen(self) -> None:
        """Through every life of the PBX."""
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(self._pbx.host, self._pbx.ami_port)
                try:
                    writer.write(LOGIN)
                    await self._hear(reader)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(AGAIN_AFTER)

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        message: dict[str, str] = {}
        while raw := await reader.readline():
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if line:
                name, _, value = line.partition(": ")
                message[name] = value
                continue
            if message.get("UserEvent") == "Asked" and message.get("Case"):
                self.cases[message["Uniqueid"]] = message["Case"]
            message = {}
