"""The end of a conversation that its script does not end: say why, end our side, hear the PBX out."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from telephony.agi.codec import command

STATUS = "THREERINGS_SCRIPT"
"""The channel variable that tells the dialplan."""
HEARD_OUT = 5.0
"""Seconds until the connection is closed even if the PBX still holds it."""
_CHUNK = 65_536


class Takeover:
    """Runs by itself from its construction; `done` is called once, at its end.

    A command that is on its way ends what Asterisk does on the channel, so this works in the midst of another one.

    Args:
        sock: of the conversation, not blocking; owned from here on. Another process may still have a duplicate.
        result: what the dialplan finds in THREERINGS_SCRIPT.
        done: told when the connection is closed.
    """

    def __init__(self, sock: socket.socket, result: str, done: "Callable[[Takeover], None]") -> None:
        self._sock, self._done = sock, done
        self._loop = asyncio.get_running_loop()
        self._limit = self._loop.call_later(HEARD_OUT, self.close)
        with contextlib.suppress(OSError):  # a peer that is gone is told nothing, and is read to its end at once
            sock.send(command("SET VARIABLE", STATUS, result))
            sock.shutdown(socket.SHUT_WR)
        self._loop.add_reader(sock.fileno(), self._read)

    def close(self) -> None:
        """Close now. Safe to repeat."""
        if self._sock.fileno() < 0:
            return
        self._limit.cancel()
        self._loop.remove_reader(self._sock.fileno())
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._done(self)

    def _read(self) -> None:
        try:
            more = self._sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self.close()
