"""The bench's own few lines of AMI: what an operator's hand, or another program, may do to a call.

Written apart from the product on purpose: a mistake in the product's protocol code must not repeat itself here.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import Self

Message = dict[str, str]


class AmiError(Exception):
    """Asterisk refused an action, or the line broke."""


class Ami:
    """One logged-in AMI line that sees answers and listings, and no events of its own accord."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count(1)
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def login(cls, host: str, port: int, username: str, secret: str) -> Self:
        """Log in; raises OSError when nobody listens, AmiError when the login is refused."""
        reader, writer = await asyncio.open_connection(host, port, limit=1 << 22)
        ami = cls(reader, writer)
        await reader.readline()
        await ami.action("Login", Username=username, Secret=secret, Events="off")
        return ami

    async def action(self, name: str, /, **headers: str) -> Message:
        """Send one action and give its answer; AmiError when it is not a success."""
        async with self._one_at_a_time:
            number = self._send(name, headers)
            return await self._answer(number)

    async def listing(self, name: str, /, **headers: str) -> list[Message]:
        """Send an action that answers with a list, and give the list."""
        async with self._one_at_a_time:
            number = self._send(name, headers)
            await self._answer(number)
            entries: list[Message] = []
            while (entry := await self._message()).get("EventList") != "Complete":
                if entry.get("ActionID") == number:
                    entries.append(entry)
            return entries

    async def command(self, line: str) -> str:
        """What the CLI prints for `line`."""
        answer = await self.action("Command", Command=line)
        return answer.get("Output", "")

    async def close(self) -> None:
        """Hang up the line; a PBX that is already gone is no error."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def _send(self, name: str, headers: dict[str, str]) -> str:
        number = f"bench-{next(self._numbers)}"
        lines = [f"Action: {name}", f"ActionID: {number}", *(f"{key}: {value}" for key, value in headers.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return number

    async def _answer(self, number: str) -> Message:
        while True:
            message = await self._message()
            if message.get("ActionID") != number or "Response" not in message:
                continue
            if message["Response"] not in ("Success", "Goodbye"):
                raise AmiError(f"{message.get('Response')}: {message.get('Message')}")
            return message

    async def _message(self) -> Message:
        message: Message = {}
        while True:
            raw = await self._reader.readline()
            if not raw:
                raise AmiError("the PBX closed the AMI line")
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                return message
            key, _, value = line.partition(": ")
            # CLI output comes as many lines of one name.
            message[key] = f"{message[key]}\n{value}" if key in message else value
