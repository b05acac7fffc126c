"""The manager interface on a port: several clients, each with a bounded output, none of whom can hold up another."""

import asyncio
import secrets

from telephony.simulator.live import Live
from telephony.simulator.manager import Account, ManagerSession
from telephony.simulator.pbx import Pbx

MAX_CLIENTS = 16
AUTH_SECONDS = 30.0
"""Who has not logged in by then is let go."""
WRITE_SECONDS = 5.0
"""`writetimeout`, as docker/asterisk/manager.conf has it: who does not read for so long is let go."""
HIGH_WATER = 262_144
MAX_OUTPUT = 4_194_304
"""Bytes that wait for one client; beyond that he is let go at once."""


class AmiServer:
    """Listens.

    Args:
        pbx: what clients are told of.
        account: the only one.
        live: brings the PBX up to now before somebody is answered.

    Attributes:
        dropped: clients that were let go because they did not read.
    """

    def __init__(self, pbx: Pbx, account: Account, live: Live) -> None:
        self.pbx, self.account, self.live = pbx, account, live
        self.dropped = 0
        self.clients: set[_Client] = set()
        self._server: asyncio.Server | None = None
        pbx.listeners.append(self._tell)

    async def listen(self, host: str, port: int) -> int:
        """Begin; port 0 takes a free one. Gives the port.

        Raises:
            OSError: the address cannot be had.
        """
        self._server = await asyncio.get_running_loop().create_server(lambda: _Client(self), host, port)
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    def close(self) -> None:
        """Stop, and let everybody go."""
        if self._server is not None:
            self._server.close()
        for client in list(self.clients):
            client.drop()

    def _tell(self, data: bytes) -> None:
        for client in list(self.clients):
            client.tell(data)


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: AmiServer) -> None:
        self._server = server
        self._session = ManagerSession(server.pbx, server.account, str(secrets.randbelow(10**9)))
        self._transport: asyncio.Transport | None = None
        self._alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        self._transport = transport
        if len(self._server.clients) >= MAX_CLIENTS:
            transport.abort()
            return
        self._server.clients.add(self)
        transport.set_write_buffer_limits(high=HIGH_WATER)
        transport.write(self._session.greeting)
        self._set_alarm(AUTH_SECONDS)

    def data_received(self, data: bytes) -> None:
        self._server.live.catch_up()
        was_in = self._session.logged_in
        answer = self._session.feed(data)
        if self._transport is None:
            return
        self._transport.write(answer)
        if self._session.logged_in and not was_in:
            self._set_alarm(None)
        if self._session.over:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why he went is his affair
        self._server.clients.discard(self)
        self._set_alarm(None)
        self._transport = None

    def pause_writing(self) -> None:
        self._set_alarm(WRITE_SECONDS)

    def resume_writing(self) -> None:
        self._set_alarm(None if self._session.logged_in else AUTH_SECONDS)

    def tell(self, data: bytes) -> None:
        """An event."""
        if self._session.logged_in and self._transport is not None and not self._session.over:
            self._transport.write(data)
            if self._transport.get_write_buffer_size() > MAX_OUTPUT:
                self._too_slow()

    def drop(self) -> None:
        """Let him go; what he has not read is lost."""
        if self._transport is not None:
            self._transport.abort()

    def _too_slow(self) -> None:
        self._server.dropped += 1
        self.drop()

    def _set_alarm(self, seconds: float | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if seconds is not None:
            late = self._too_slow if self._session.logged_in else self.drop
            self._alarm = asyncio.get_running_loop().call_later(seconds, late)
