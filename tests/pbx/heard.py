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
        reader, self._writer = await self._login("user")
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

    async def everything(self, limit: float = 30.0) -> None:
        """Wait until all that the PBX has told so far is heard; the last channel may be gone well before that.

        Two queues lie between: Stasis's to AMI, which a variable that we set passes through (an action's own UserEvent
        does not), and AMI's to each listener, which an action's own UserEvent passes through.
        """
        if self._writer is None or self._task is None or self._task.done():
            return
        mark = f"MARK{next(self._marks)}"
        async with asyncio.timeout(limit):
            reader, writer = await self._login("dialplan")
            writer.write(f"Action: Setvar\r\nVariable: {mark}\r\nValue: x\r\n\r\n".encode())
            while (line := await reader.readline()) and line.strip() != f"Variable: {mark}".encode():
                pass
            writer.close()
            self._writer.write(f"Action: UserEvent\r\nUserEvent: Mark\r\nIs: {mark}\r\n\r\n".encode())
            while not self._task.done() and not self.of("Mark", Is=mark):
                self._more.clear()
                await self._more.wait()

    async def _login(self, events: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self._pbx.host, self._pbx.ami_port)
        writer.write(f"Action: Login\r\nUsername: bench\r\nSecret: bench\r\nEvents: {events}\r\n\r\n".encode())
        while not (await reader.readline()).startswith(b"Message: Authentication accepted"):
            pass
        return reader, writer

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
