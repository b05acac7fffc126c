"""Messages between the service and a script host: one JSON object a packet, sometimes with a socket, never waiting.

A pair of SOCK_SEQPACKET sockets joins the two processes. What the kernel does not take at once waits here, up to a
limit; whoever sends decides what a full wire means. Text is carried with its surrogates, so what Asterisk sent in
bytes that are no UTF-8 arrives as it was.
"""

import array
import asyncio
import errno
import json
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]
Heard: TypeAlias = Callable[[Message, socket.socket | None], None]

MAX_MESSAGE = 256 * 1024
"""Bytes. An environment of 64 KiB takes at most three times that."""
BUFFER_BYTES = 1024 * 1024
"""Asked of the kernel, which gives what it allows."""
BACKLOG = 512
"""Packets that may wait on our side."""
READ_AT_ONCE = 256
"""Packets read before the loop gets its turn."""
_ONE_SOCKET = socket.CMSG_SPACE(array.array("i").itemsize)
_FULL = {errno.EAGAIN, errno.ENOBUFS, errno.ETOOMANYREFS, errno.ENOMEM}


class WireFull(Exception):  # noqa: N818 - a state, and the sender's to handle
    """The other side does not read: nothing was sent."""


class WireClosed(Exception):  # noqa: N818 - the same
    """The other side is gone: nothing was sent."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two joined ends, neither blocking nor inherited."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    return ends


class Wire:
    """One end.

    Args:
        end: owned from here on.
        heard: called with each message and the socket that came with it, which it then owns.
        gone: called once when the other side is; not after our own `close`.

    Attributes:
        garbled: packets that were no message of ours.
    """

    def __init__(self, end: socket.socket, heard: Heard, gone: Callable[[], None]) -> None:
        self.garbled = 0
        self._end, self._heard, self._gone = end, heard, gone
        self._backlog: deque[tuple[bytes, socket.socket | None]] = deque()
        self._buffer = bytearray(MAX_MESSAGE)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writing = False

    def open(self) -> None:
        """Listen, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._end.fileno(), self.read)

    @property
    def closed(self) -> bool:
        """Whether nothing goes through any more."""
        return self._end.fileno() < 0

    @property
    def waiting(self) -> int:
        """Packets that the kernel has not taken yet."""
        return len(self._backlog)

    def send(self, message: Mapping[str, Any], along: socket.socket | None = None, *, must: bool = False) -> None:
        """Send it now, or as soon as the other side reads.

        Args:
            message: what JSON can say.
            along: a socket of which the other side gets a duplicate; it must stay open until then (see `forget`).
            must: wait beyond the limit; for what is itself bounded.

        Raises:
            WireFull: too much waits.
            WireClosed: nobody reads.
            ValueError: longer than a packet may be.
        """
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        data = text.encode("utf-8", "surrogatepass")
        if len(data) > MAX_MESSAGE:
            raise ValueError(f"a message of {len(data)} bytes; the limit is {MAX_MESSAGE}")
        if self.closed:
            raise WireClosed
        if not self._backlog and self._put(data, along):
            return
        if len(self._backlog) >= BACKLOG and not must:
            raise WireFull
        self._backlog.append((data, along))
        self._watch_writing()

    def forget(self, along: socket.socket) -> bool:
        """Do not send what waits with this socket; give whether anything did."""
        kept = [packet for packet in self._backlog if packet[1] is not along]
        forgotten = len(kept) < len(self._backlog)
        self._backlog = deque(kept)
        return forgotten

    def read(self) -> bool:
        """Hear what waits, at most `READ_AT_ONCE` packets; never blocks. The loop calls it; others may.

        Returns:
            Whether more may wait.
        """
        for _ in range(READ_AT_ONCE):
            if self.closed:
                return False
            try:
                size, along = self._take()
            except BlockingIOError:
                return False
            except OSError:
                size, along = 0, None
            if not size:
                self._lost()
                return False
            self._hear(size, along)
        return True

    def close(self) -> None:
        """End it; what waits is lost. Safe to repeat."""
        if self.closed:
            return
        if self._loop is not None:
            self._loop.remove_reader(self._end.fileno())
            if self._writing:
                self._loop.remove_writer(self._end.fileno())
        self._backlog.clear()
        self._end.close()

    def _take(self) -> tuple[int, socket.socket | None]:
        size, ancillary, _, _ = self._end.recvmsg_into([self._buffer], _ONE_SOCKET, socket.MSG_CMSG_CLOEXEC)
        numbers = array.array("i")
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
        for number in numbers[1:]:
            os.close(number)
        return size, socket.socket(fileno=numbers[0]) if numbers else None

    def _hear(self, size: int, along: socket.socket | None) -> None:
        try:
            message = json.loads(self._buffer[:size].decode("utf-8", "surrogatepass"))
        except ValueError:
            message = None
        if isinstance(message, dict):
            self._heard(message, along)
            return
        self.garbled += 1
        if along is not None:
            along.close()

    def _put(self, data: bytes, along: socket.socket | None) -> bool:
        """Whether it is done with: sent, or its socket is closed."""
        rights = []
        if along is not None:
            if along.fileno() < 0:
                return True
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [along.fileno()]))]
        try:
            self._end.sendmsg([data], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError as error:
            if error.errno in _FULL:
                return False
            raise WireClosed from None
        return True

    def _flush(self) -> None:
        try:
            while self._backlog and self._put(*self._backlog[0]):
                self._backlog.popleft()
        except WireClosed:
            self._lost()
            return
        if not self._backlog and self._loop is not None:
            self._loop.remove_writer(self._end.fileno())
            self._writing = False

    def _watch_writing(self) -> None:
        if self._loop is not None and not self._writing:
            self._loop.add_writer(self._end.fileno(), self._flush)
            self._writing = True

    def _lost(self) -> None:
        self.close()
        self._gone()
