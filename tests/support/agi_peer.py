"""Asterisk's side of FastAGI: it connects, says its environment, and answers what it is asked, well or badly."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Self

Answer = bytes | Callable[[str], bytes | None] | None
OK = b"200 result=0\n"
USAGE = (
    b"520-Invalid command syntax.  Proper usage follows:\n Usage: NOOP\n    Does nothing.\n520 End of proper usage.\n"
)


def environment(script: str = "inbound", *arguments: str, **changes: str | None) -> bytes:
    """What Asterisk 22 sends first. `agi_dnid="4001"` changes a line, None leaves it out."""
    values: dict[str, str | None] = {
        "agi_network": "yes",
        "agi_network_script": script,
        "agi_request": f"agi://127.0.0.1:4573/{script}",
        "agi_channel": "PJSIP/callers-00000001",
        "agi_language": "en",
        "agi_type": "PJSIP",
        "agi_uniqueid": "pbx1-1700000000.1",
        "agi_version": "22.10.1",
        "agi_callerid": "02160000001",
        "agi_calleridname": "unknown",
        "agi_callingpres": "0",
        "agi_callingani2": "0",
        "agi_callington": "0",
        "agi_callingtns": "0",
        "agi_dnid": "4001",
        "agi_rdnis": "unknown",
        "agi_context": "from-trunk",
        "agi_extension": "4001",
        "agi_priority": "2",
        "agi_enhanced": "0.0",
        "agi_accountcode": "",
        "agi_threadid": "140009912345344",
    }
    values |= {f"agi_arg_{at}": argument for at, argument in enumerate(arguments, 1)}
    values |= changes
    lines = [f"{name}: {value}\n" for name, value in values.items() if value is not None]
    return "".join([*lines, "\n"]).encode("utf-8", "surrogateescape")


class AgiPeer:
    """One conversation. A context manager: entered it is connected, left it is closed.

    Attributes:
        commands: the lines that it was sent.
        ended: the other side has ended its half.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.commands: list[str] = []
        self.ended = False

    @classmethod
    async def connect(cls, port: int, host: str = "127.0.0.1") -> Self:
        return cls(*await asyncio.open_connection(host, port, limit=1 << 20))

    @classmethod
    async def on(cls, sock: socket.socket) -> Self:
        """One end of a socketpair, or a connected socket."""
        return cls(*await asyncio.open_connection(sock=sock, limit=1 << 20))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return

    def reset(self) -> None:
        """Go as a PBX does that dies: at once."""
        self.writer.transport.abort()

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def hear(self, limit: float = 5.0) -> str | None:
        """The next command, without its line feed; None when the other side has ended."""
        async with asyncio.timeout(limit):
            try:
                line = await self.reader.readline()
            except OSError:
                line = b""
        if not line:
            self.ended = True
            return None
        self.commands.append(line.decode("utf-8", "surrogateescape").removesuffix("\n"))
        return self.commands[-1]

    async def answer(self, answers: Mapping[str, Answer] | None = None, otherwise: Answer = OK) -> list[str]:
        """Answer until the other side ends: by how the command begins, the longest beginning first; None: silence."""
        known = sorted((answers or {}).items(), key=lambda pair: -len(pair[0]))
        while (line := await self.hear(limit=60.0)) is not None:
            found = next((answer for beginning, answer in known if line.startswith(beginning)), otherwise)
            said = found(line) if callable(found) else found
            if said is not None:
                self.say(said)
        return self.commands
