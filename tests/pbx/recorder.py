"""Writes down what the PBX says to the product's own, least-privileged login: the raw bytes, as they come.

Of a PBX that does not stamp its events, also when they came: `ami.times`, a line for each piece, `epoch bytes`.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from .asterisk import Pbx

FULLY_BOOTED = b"Event: FullyBooted\r\n"
LISTED = (b"Event: QueueStatusComplete\r\n", b"Event: CoreShowChannelsComplete\r\n")


class Recorder:
    """One AMI line of the product's account. On entry (`async with`) the snapshot has been listed."""

    def __init__(self, pbx: Pbx, file: Path) -> None:
        self._pbx, self._file = pbx, file
        self._task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.heard = bytearray()
        self._times: list[str] = []
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Log in, wait for FullyBooted, then ask for QueueStatus and CoreShowChannels."""
        reader, self._writer = await asyncio.open_connection(self._pbx.host, self._pbx.ami_port)
        self._task = asyncio.create_task(self._listen(reader))  # noqa: TID251  # ended by our own closing
        self._say(f"Action: Login\r\nActionID: login\r\nUsername: {self._pbx.username}\r\nSecret: {self._pbx.secret}")
        await self.until(FULLY_BOOTED)
        self._say("Action: QueueStatus\r\nActionID: queues")
        self._say("Action: CoreShowChannels\r\nActionID: channels")
        for end in LISTED:
            await self.until(end)
        return self

    async def until(self, part: bytes, limit: float = 10.0) -> None:
        """Wait until `part` has been heard."""
        async with asyncio.timeout(limit):
            while part not in self.heard:
                self._more.clear()
                await self._more.wait()

    def ask(self, action: str) -> None:
        """Send one more action (lines without the last empty one), for example a new `Action: QueueStatus`."""
        self._say(action)

    async def __aexit__(self, *_: object) -> None:
        """Close the line and write the file."""
        if self._writer is not None:
            self._writer.close()
        if self._task is not None:
            await self._task
        self._file.write_bytes(bytes(self.heard))
        if not self._pbx.stamped:
            self._file.with_suffix(".times").write_text("".join(self._times))

    def _say(self, action: str) -> None:
        if self._writer is not None:
            self._writer.write(f"{action}\r\n\r\n".encode())

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while chunk := await reader.read(65536):
                self.heard += chunk
                self._times.append(f"{datetime.now(UTC).timestamp():.6f} {len(chunk)}\n")  # noqa: TID251
                self._more.set()
        except OSError:
            pass  # a PBX that dies resets the line: what was heard until then is the recording
