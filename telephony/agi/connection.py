"""One FastAGI connection: the codec's shell, on asyncio or uvloop."""

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from telephony.agi.codec import Decoder, Environment, HungUp, Item, Reply, Usage
from telephony.agi.errors import AGIError, AgiProtocolError, AGISIGPIPEHangup

FINISH_WITHIN = 5.0
"""Seconds that the peer has to end its side after `send_and_finish`."""
MAX_UNTAKEN = 64
"""Commands that may be sent ahead of their replies being taken: with each at most 2 kB, it bounds what is unsent."""


class AgiConnection(asyncio.Protocol):
    """A connection from its first byte to its last; not reused.

    Args:
        ready: called once, when the environment is there.
        failed: called once, when it will never be: `bad_request`, or `vanished` when the peer left before. May call
            `send_and_finish`; a connection that it leaves open is closed.
        environment: somebody else has read it; the conversation goes on.

    Attributes:
        environment: what the call is; None until it is there.
        hung_up: the caller is gone.
        closed: the connection is.
        peer: `address:port`.
        fault: what the peer said that it must not have; nothing more is believed.
    """

    def __init__(
        self,
        ready: "Callable[[AgiConnection], None] | None" = None,
        failed: "Callable[[AgiConnection, str], None] | None" = None,
        *,
        environment: Environment | None = None,
    ) -> None:
        self.environment = environment
        self.hung_up = False
        self.closed = False
        self.peer = ""
        self.fault: AgiProtocolError | None = None
        self._ready, self._failed = ready, failed
        self._decoder = Decoder(environment=environment is None)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._replies: deque[Reply | Usage] = deque()
        self._overdue = 0  # of the untaken replies, how many nobody wants any more
        self._waiter: asyncio.Future[None] | None = None
        self._finishing: asyncio.TimerHandle | None = None
        self._released = False
        self._gone = asyncio.Event()

    # --- asyncio calls these ------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands; Asterisk speaks first."""
        # uvloop's transports are none of asyncio's classes, but can do what theirs can.
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name or "")

    def data_received(self, data: bytes) -> None:
        """What the codec makes of it."""
        if self._finishing is not None or self.fault is not None or self.closed:
            return
        heading = self.environment is None
        try:
            for item in self._decoder.feed(data):
                self._take(item)
        except AgiProtocolError as broken:
            self._break(broken)
            return
        if heading and self.environment is not None:
            ready, self._ready, self._failed = self._ready, None, None
            if ready is not None:
                ready(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer or the network ended it, or we did."""
        if not self._released:
            self._shut_down()
        self.closed = True
        self._transport = None
        if self._finishing is not None:
            self._finishing.cancel()
        self._wake(AGISIGPIPEHangup(f"the PBX closed the connection{f': {exc}' if exc else ''}"))
        if self.environment is None:
            self._fail("vanished")
        self._ready = self._failed = None
        self._gone.set()

    # --- the conversation ---------------------------------------------------------------------------------------------
    async def exchange(self, line: bytes, limit: float) -> Reply | Usage:
        """Send a command, give its reply. Replies to earlier commands that nobody took are passed over.

        Args:
            line: as `codec.command` gives it.
            limit: seconds.

        Raises:
            AGISIGPIPEHangup: the peer is gone.
            TimeoutError: no reply within `limit`.
            AgiProtocolError: the peer said what it must not have, now or before.
            RuntimeError: another exchange is under way.
        """
        self._alone()
        self._overdue = self.untaken
        self.send(line)
        return await self.reply(limit)

    def send(self, line: bytes) -> None:
        """Send a command without waiting for its reply, which `reply` gives.

        Raises:
            AGISIGPIPEHangup, AgiProtocolError: as `exchange`.
            AGIError: too many replies are untaken.
        """
        transport = self._open()
        if self.untaken >= MAX_UNTAKEN:
            raise AGIError(f"{self.untaken} commands whose replies nobody took; the limit is {MAX_UNTAKEN}")
        self._decoder.expects()
        transport.write(line)

    async def reply(self, limit: float) -> Reply | Usage:
        """The next reply that nobody has taken.

        Raises:
            AGISIGPIPEHangup, TimeoutError, AgiProtocolError, RuntimeError: as `exchange`. RuntimeError also when no
                reply is due.
        """
        self._alone()
        if not self.untaken > self._overdue:
            raise RuntimeError("no reply is due: nothing was sent")
        async with asyncio.timeout(limit):
            while True:
                if not self._replies:
                    self._open()
                    self._waiter = self._loop.create_future()
                    try:
                        await self._waiter
                    finally:
                        self._waiter = None
                    # A whole reply and what proves it crafted may come apart, and both be here by now.
                    self._believed()
                found = self._replies.popleft()
                if not self._overdue:
                    return found
                self._overdue -= 1

    @property
    def untaken(self) -> int:
        """How many commands were sent whose replies nobody has taken."""
        return self._decoder.expected + len(self._replies)

    def send_and_finish(self, lines: Sequence[bytes]) -> None:
        """Send commands, end our side, hear the peer out for up to 5 s, close. Works in the midst of a command."""
        transport = self._transport
        if transport is None or self.closed or self._finishing is not None or transport.is_closing():
            return
        self._finishing = self._loop.call_later(FINISH_WITHIN, self.abort)
        self._wake(AGISIGPIPEHangup("the conversation was ended"))
        transport.write(b"".join(lines))
        transport.write_eof()

    def release(self) -> socket.socket:
        """The socket, for somebody else to go on with; this connection is closed and the peer notices nothing.

        Raises:
            RuntimeError: something has begun, in either direction, that would be lost.
            AGISIGPIPEHangup, AgiProtocolError: as `exchange`.
        """
        transport = self._open()
        if self.untaken or self._decoder.amid or transport.get_write_buffer_size():
            raise RuntimeError("a conversation cannot be handed on in the midst of something")
        transport.pause_reading()
        sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        sock.setblocking(False)
        self._released = self.closed = True
        transport.abort()
        return sock

    def close(self) -> None:
        """End it when what was written is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    async def gone(self) -> None:
        """Until the connection is lost, or released."""
        await self._gone.wait()

    # --- within -------------------------------------------------------------------------------------------------------
    def _take(self, item: Item) -> None:
        if isinstance(item, HungUp):
            self.hung_up = True
        elif isinstance(item, Environment):
            self.environment = item
        else:
            self._replies.append(item)
            self._wake(None)

    def _break(self, broken: AgiProtocolError) -> None:
        self.fault = broken
        self._wake(broken)
        if self.environment is None:
            self._fail("bad_request")
        else:
            self.abort()

    def _open(self) -> asyncio.Transport:
        self._believed()
        transport = self._transport
        if transport is None or self.closed or self._finishing is not None or transport.is_closing():
            raise AGISIGPIPEHangup("the connection is closed")
        return transport

    def _believed(self) -> None:
        if self.fault is not None:
            raise AgiProtocolError(str(self.fault))

    def _alone(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("another command waits for its reply; a channel does one thing at a time")

    def _wake(self, error: Exception | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            if error is None:
                self._waiter.set_result(None)
            else:
                self._waiter.set_exception(error)

    def _fail(self, reason: str) -> None:
        failed, self._ready, self._failed = self._failed, None, None
        if failed is not None:
            failed(self, reason)
        if self._finishing is None:
            self.close()

    def _shut_down(self) -> None:
        # Another process may hold a duplicate of the socket; only this ends the connection for all of them.
        if self._transport is not None:
            with contextlib.suppress(OSError):
                fd = self._transport.get_extra_info("socket").fileno()
                with socket.socket(fileno=os.dup(fd)) as own:
                    own.shutdown(socket.SHUT_RDWR)
