"""What the dialplan tells by UserEvent, heard on the bench's own AMI line: how each call's request ended."""

from __future__ import annotations

import asyncio
import itertools
from typing import Self

from .ami import Message
from .asterisk import Pbx


class Heard:
    """`async with Heard(pbx) as heard`, then `heard.of("Ran")` or `await heard.until("Ran", 5)`."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self.events: list[Message] = []
        self._more = asyncio.Event()
        self._marks = itertools.count(1)
        self._task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        reader, self._writer = await asyncio.open_connection(self._pbx.host, self._pbx.ami_port)
        self._writer.write(b"Action: Login\r\nUsername: bench\r\nSecret: bench\r\nEvents: user\r\n\r\n")
        while not (await reader.readline()).startswith(b"Message: Authentication accepted"):
            pass
        self._task = asyncio.create_task(self._listen(reader))  # noqa: TID251  # ended by our own closing
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self.everything()
        if self._writer is not None:
            self._writer.close()
        if self._task is not None:
            await self._task

    def of(self, name: str, **having: str) -> list[Message]:
        """The UserEvents of this name with these headers."""
        return [
            event
            for event in self.events
            if event.get("UserEvent") == name and all(event.get(key) == value for key, value in having.items())
        ]

    async def until(self, name: str, count: int = 1, *, limit: float = 15.0, **having: str) -> list[Message]:
        """Wait until so many have been heard."""
        async with asyncio.timeout(limit):
            while len(found := self.of(name, **having)) < count:
                self._more.clear()
                await self._more.wait()
        return found

    async def everything(self, limit: float = 15.0) -> None:
        """Wait until all that the PBX has told so far is heard: a mark of our own follows it on the same line.

        The last channel may be gone well before the last event about it: Asterisk queues them for each listener.
        """
        if self._writer is None or self._task is None or self._task.done():
            return
        mark = f"mark-{next(self._marks)}"
        self._writer.write(f"Action: UserEvent\r\nUserEvent: Mark\r\nIs: {mark}\r\n\r\n".encode())
        async with asyncio.timeout(limit):
            while not self._task.done() and not self.of("Mark", Is=mark):
                self._more.clear()
                await self._more.wait()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        message: Message = {}
        try:
            while raw := await reader.readline():
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if line:
                    key, _, value = line.partition(": ")
                    message[key] = value
                    continue
                if "UserEvent" in message:
                    self.events.append(message)
                    self._more.set()
                message = {}
        except OSError:
            pass  # a PBX that dies resets the line
        finally:
            self._more.set()


def took(event: Message) -> float:
    """Seconds from what the dialplan noted as `Began` to the event."""
    return float(event["Timestamp"]) - float(event["Began"])
