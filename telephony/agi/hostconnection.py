"""The connection of a call in a script host, and its end."""

import asyncio
from collections.abc import Callable

from telephony.agi.codec import Environment, command
from telephony.agi.connection import AgiConnection
from telephony.agi.takeover import STATUS

CLOSING = 5.0
"""Seconds that the end of a connection may take."""
HANGUP_BEHIND = 10
"""Hundredths of a second in which a HANGUP explains why a command failed."""


class HostConnection(AgiConnection):
    """Says once that the script has spoken, and can be let go of while the service ends the conversation."""

    def __init__(self, environment: Environment, first: Callable[[], None]) -> None:
        super().__init__(environment=environment)
        self._first: Callable[[], None] | None = first
        self._guarded = False

    def send(self, line: bytes) -> None:
        """As `AgiConnection.send`."""
        super().send(line)
        if self._guarded:
            return
        first, self._first = self._first, None
        if first is not None:
            first()

    async def disarm(self, seconds: str) -> None:
        """Take the dialplan's guard away, which sends the call on if nobody speaks. It is not the script that speaks.

        Args:
            seconds: of TIMEOUT(absolute) from here on, as the caller's own dialplan had it; 0: none.

        Raises:
            As `exchange`.
        """
        self._guarded = True
        try:
            await self.exchange(command("SET VARIABLE", "TIMEOUT(absolute)", seconds), CLOSING)
        finally:
            self._guarded = False

    def let_go(self) -> None:
        """Leave the conversation to the service, which shares the socket; the peer notices nothing."""
        self._released = True
        self.abort()


async def hear_of_hangup(connection: HostConnection) -> None:
    """Of a command that a hang-up ends, Asterisk says -1 as if it had failed; the HANGUP comes right behind."""
    for _ in range(HANGUP_BEHIND):
        if connection.hung_up or connection.closed:
            return
        await asyncio.sleep(0.01)


async def finish(connection: HostConnection, result: str) -> None:
    """End the conversation, for everybody who holds its socket.

    The dialplan is told of a good end, too: what it has not been told it takes for `unreachable`, and AGISTATUS proves
    nothing. Asterisk says FAILURE both when nobody listens and when one command of many has failed.
    """
    if result in ("ok", "failed"):
        connection.send_and_finish([status(result)])
    else:
        connection.close()
    try:
        async with asyncio.timeout(CLOSING + 1.0):
            await connection.gone()
    except TimeoutError:
        connection.abort()


def status(result: str) -> bytes:
    """The command that tells the dialplan how it went."""
    return command("SET VARIABLE", STATUS, "" if result == "ok" else result)
