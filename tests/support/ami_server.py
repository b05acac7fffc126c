"""A manager interface to connect to: a real asyncio server that answers like Asterisk, or as badly as a test wants."""

import asyncio
import hashlib
import ssl
from collections.abc import Callable
from typing import Self

from tests.support.wire import lines, opening, queue_entry

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
BOOTED_BEFORE = lines(
    ("Event", "FullyBooted"), ("Privilege", "system,all"), ("Uptime", "7"), ("LastReload", "7"),
    ("Status", "Fully Booted"),
)  # fmt: skip


class AmiServer:
    """Set what it does before or while it runs.

    Attributes:
        greeting: its first bytes.
        secret: what the account's is.
        challenges: whether it offers MD5.
        booted: whether it says FullyBooted behind its yes to the login.
        mute: it reads on and says nothing more.
        clock: the Timestamp of its Pongs; "" for none.
        actions: what was asked, in order, over all connections.
        logins: how many were accepted.
        grants: actions to which it says yes.
        outcome: what becomes of a call that it is asked for; None: it tells nothing.
        hung_up: how many connections the client ended.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.greeting = GREETING
        self.secret = "secret"
        self.challenges = True
        self.booted = True
        self.mute = False
        self.clock = "1700000000.500000"
        self.entries = 1
        self.grants: set[str] = set()
        self.outcome: tuple[str, str] | None = None
        self.actions: list[dict[str, str]] = []
        self.logins = 0
        self.hung_up = 0
        self.port = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._sessions: list[asyncio.StreamWriter] = []
        self._changed = asyncio.Condition()
        self._talking = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._session, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for _ in range(3):  # who has just been accepted must have his session, or nobody would end it
            await asyncio.sleep(0)
        self.cut()
        await self._server.wait_closed()
        while self._talking:
            await asyncio.sleep(0)

    def say(self, data: bytes) -> None:
        """To whoever is connected last."""
        self._sessions[-1].write(data)

    def cut(self) -> None:
        """End every connection, as a PBX that dies: what was not sent is lost."""
        for session in self._sessions:
            session.close()

    async def until(self, true: Callable[[], bool], limit: float = 5.0) -> None:
        """Wait until what the client did makes it true."""
        async with asyncio.timeout(limit), self._changed:
            await self._changed.wait_for(true)

    def asked(self, action: str) -> int:
        return sum(heard["Action"] == action for heard in self.actions)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sessions.append(writer)
        self._talking += 1
        try:
            writer.write(self.greeting)
            while (raw := await reader.readuntil(b"\r\n\r\n")) and not writer.is_closing():
                action = dict(line.split(": ", 1) for line in raw.decode().removesuffix("\r\n\r\n").split("\r\n"))
                if not self.mute:
                    writer.write(self._answer(action, action["ActionID"]))
                self.actions.append(action)
                async with self._changed:
                    self._changed.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hung_up += 1
            async with self._changed:
                self._changed.notify_all()
        finally:
            self._talking -= 1
            writer.close()

    def _answer(self, action: dict[str, str], number: str) -> bytes:
        yes, no = (("Response", "Success"), ("ActionID", number)), (("Response", "Error"), ("ActionID", number))
        answer = lines(*no, ("Message", "Permission denied"))
        match action["Action"]:
            case "Challenge" if self.challenges:
                answer = lines(*yes, ("Challenge", "4711"))
            case "Login":
                key = hashlib.md5(f"4711{self.secret}".encode()).hexdigest()
                if key == action.get("Key") or self.secret == action.get("Secret"):
                    self.logins += 1
                    answer = lines(*yes, ("Message", "Authentication accepted")) + BOOTED_BEFORE * self.booted
                else:
                    answer = lines(*no, ("Message", "Authentication failed"))
            case "Ping":
                answer = lines(*yes, ("Ping", "Pong"), *([("Timestamp", self.clock)] if self.clock else []))
            case "QueueStatus":
                start = lines(*yes, ("EventList", "start"), ("Message", "Queue status will follow"))
                entries = [queue_entry(Position=str(n + 1), ActionID=number) for n in range(self.entries)]
                end = lines(("Event", "QueueStatusComplete"), ("ActionID", number), ("EventList", "Complete"))
                answer = start + b"".join(entries) + end
            case "CoreShowChannels":
                start = lines(*yes, ("EventList", "start"), ("Message", "Channels will follow"))
                end = lines(("Event", "CoreShowChannelsComplete"), ("ActionID", number), ("EventList", "Complete"))
                answer = start + end
            case "Silence":
                answer = b""
            case "Originate" if self.outcome is not None:
                response, reason = self.outcome
                told = [("ActionID", number), ("Response", response), ("Channel", "PJSIP/1001-00000001")]
                told += [("Context", "out"), ("Exten", "95555"), ("Reason", reason), ("Uniqueid", "1.1")]
                told += [("CallerIDNum", "95555"), ("CallerIDName", "<unknown>")]
                answer = lines(*yes, ("Message", "Queued")) + lines(*opening("OriginateResponse"), *told)
            case granted if granted in self.grants:
                answer = lines(*yes, ("Message", "Done"))
        return answer
