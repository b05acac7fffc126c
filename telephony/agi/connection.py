"""One FastAGI connection: the codec's shell, on asyncio or uvloop.

Never two commands at once: Asterisk reads ahead, and leaves a command that came together with another one lying until
the next comes; and a command that interrupts STREAM FILE costs that one's reply, but one that interrupts WAIT FOR DIGIT
does not, and RECORD FILE is not interrupted at all. (All seen on Asterisk 22.) So a command waits here for the reply to
the one before it, and only `send_and_finish`, after which replies do not matter, interrupts.
"""

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from telephony.agi.codec import Decoder, Environment, HungUp, Item, Reply, Usage
from telephony.agi.errors import AGIError, AGIException, AgiProtocolError, AGISIGPIPEHangup

FINISH_WITHIN = 5.0
"""Seconds that the peer has to end its side after `send_and_finish`."""
MAX_UNTAKEN = 64
"""Commands that may be sent ahead of their replies being taken: at most 2 kB each, at most 64 kB each reply."""
MAX_SWALLOWED = 1_048_576
"""Bytes that are read and thrown away after `send_and_finish`."""


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
        closed: the connection is, or is released.
        peer: `address:port`.
        fault: what the peer said that it must not have. Nothing more is believed; `send_and_finish` is what remains.
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
        # A connection that somebody handed on may have a duplicate with him; one that is ours from the first byte has
        # none before it is released.
        self._shared = environment is not None
        self._decoder = Decoder(environment=environment is None)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._unsent: deque[bytes] = deque()
        self._replies: deque[Reply | Usage] = deque()
        self._unwanted = 0  # of the untaken replies, how many are to be passed over
        self._waiter: asyncio.Future[None] | None = None
        self._told: Callable[[Reply | Usage | AGIException], None] | None = None
        self._finishing: asyncio.TimerHandle | None = None
        self._swallowed = 0
        self._released = False
        self._lost = False
        self._gone: asyncio.Event | None = None  # made for whoever waits for it

    # --- asyncio calls these ------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands; Asterisk speaks first."""
        # uvloop's transports are none of asyncio's classes, but can do what theirs can.
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name or "")

    def data_received(self, data: bytes) -> None:
        """What the codec makes of it."""
        if self._finishing is not None:
            self._swallow(data)
        elif not self.closed and self.fault is None:
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
        if self._shared and not self._released:
            self._shut_down()
        self._transport = None
        self.closed = self._lost = True
        if self._finishing is not None:
            self._finishing.cancel()
        self._wake(AGISIGPIPEHangup(f"the PBX closed the connection{f': {exc}' if exc else ''}"))
        if self.environment is None:
            self._fail("vanished")
        self._ready = self._failed = None
        if self._gone is not None:
            self._gone.set()

    # --- the conversation, heard --------------------------------------------------------------------------------------
    def converse(self, told: Callable[[Reply | Usage | AGIException], None]) -> None:
        """Tell each reply as it comes, and once what ends the conversation: a fault, or that the peer is gone.

        Instead of `exchange`, `send` and `reply`, for whoever needs neither a task nor a turn of the loop for a reply.
        """
        self._told = told

    def ask(self, line: bytes) -> None:
        """Send a command whose reply is told; not before the one before it is answered.

        Raises:
            AGISIGPIPEHangup, AgiProtocolError: as `exchange`.
            RuntimeError: another reply is due.
        """
        transport = self._open()
        if self._decoder.expected:
            raise RuntimeError("another command waits for its reply; a channel does one thing at a time")
        self._decoder.expects()
        transport.write(line)

    # --- the conversation, awaited ------------------------------------------------------------------------------------
    async def exchange(self, line: bytes, limit: float) -> Reply | Usage:
        """Send a command, give its reply. Replies to earlier commands that nobody took are passed over.

        Args:
            line: as `codec.command` gives it.
            limit: seconds, in which the reply to an earlier command must come as well.

        Raises:
            AGISIGPIPEHangup: the peer is gone, or we have ended.
            TimeoutError: no reply within `limit`. The channel may still be busy with the command.
            AgiProtocolError: the peer said what it must not have, now or before.
            RuntimeError: another exchange is under way.
        """
        self._alone()
        self._unwanted = self.untaken
        self.send(line)
        try:
            return await self.reply(limit)
        finally:
            self._unsent.clear()  # what nobody waits for any more must not surprise the channel later

    def send(self, line: bytes) -> None:
        """Send a command without waiting for its reply, which `reply` gives. It goes when earlier ones are answered.

        Raises:
            AGISIGPIPEHangup, AgiProtocolError: as `exchange`.
            AGIError: too many replies are untaken.
        """
        self._open()
        if self.untaken >= MAX_UNTAKEN:
            raise AGIError(f"{self.untaken} commands whose replies nobody took; the limit is {MAX_UNTAKEN}")
        self._unsent.append(line)
        self._send_next()

    async def reply(self, limit: float) -> Reply | Usage:
        """The next reply that nobody has taken; after TimeoutError it may be asked for again.

        Raises:
            AGISIGPIPEHangup, TimeoutError, AgiProtocolError, RuntimeError: as `exchange`. RuntimeError also when no
                reply is due.
        """
        self._alone()
        alarm: asyncio.TimerHandle | None = None
        try:
            while True:
                # A whole reply and what proves it crafted may have come apart, and both be here by now.
                self._believed()
                while self._replies:
                    found = self._replies.popleft()
                    if not self._unwanted:
                        return found
                    self._unwanted -= 1
                self._open()
                if not self.untaken:
                    raise RuntimeError("no reply is due: nothing was sent")
                self._waiter = self._loop.create_future()
                if alarm is None:
                    # Five of these a call: asyncio.timeout() would cost more than all the rest of an exchange.
                    alarm = self._loop.call_later(limit, self._wake_late)
                try:
                    await self._waiter
                finally:
                    self._waiter = None
        finally:
            if alarm is not None:
                alarm.cancel()

    @property
    def untaken(self) -> int:
        """How many commands were sent whose replies nobody has taken."""
        return len(self._replies) + self._decoder.expected + len(self._unsent)

    def send_and_finish(self, lines: Sequence[bytes]) -> None:
        """Send commands, end our side, hear the peer out for up to 5 s, close. Works in the midst of a command."""
        transport = self._transport
        if transport is None or self.closed or self._finishing is not None or transport.is_closing():
            return
        self._finishing = self._loop.call_later(FINISH_WITHIN, self.abort)
        self._told = None
        self._wake(AGISIGPIPEHangup("we ended the conversation"))
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
        sock = self._duplicate(transport)
        sock.setblocking(False)
        self.let_go()
        return sock

    def let_go(self) -> None:
        """Close our descriptor and nothing else: whoever has a duplicate goes on, and the peer notices nothing."""
        self._released = self.closed = True
        self._wake(AGISIGPIPEHangup("somebody else goes on"))
        self.abort()

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
        if self._lost:
            return
        if self._gone is None:
            self._gone = asyncio.Event()
        await self._gone.wait()

    # --- within -------------------------------------------------------------------------------------------------------
    def _take(self, item: Item) -> None:
        if isinstance(item, HungUp):
            self.hung_up = True
        elif isinstance(item, Environment):
            self.environment = item
        elif self._told is not None:
            self._told(item)
        else:
            self._replies.append(item)
            self._send_next()
            self._wake(None)

    def _send_next(self) -> None:
        if self._unsent and not self._decoder.expected and self._transport is not None:
            self._decoder.expects()
            self._transport.write(self._unsent.popleft())

    def _break(self, broken: AgiProtocolError) -> None:
        self.fault = broken.with_traceback(None)
        self._wake(AgiProtocolError(str(broken)))
        if self.environment is None:
            self._fail("bad_request")

    def _swallow(self, data: bytes) -> None:
        self._swallowed += len(data)
        if self._swallowed > MAX_SWALLOWED:
            self.abort()

    def _believed(self) -> None:
        if self.fault is not None:
            raise AgiProtocolError(str(self.fault))

    def _open(self) -> asyncio.Transport:
        if self.fault is not None:
            self._believed()
        transport = self._transport
        if transport is None or self._finishing is not None or self.closed or transport.is_closing():
            raise AGISIGPIPEHangup("the connection is closed")
        return transport

    def _alone(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("another command waits for its reply; a channel does one thing at a time")

    def _wake(self, error: AGIException | TimeoutError | None) -> None:
        told = self._told
        if told is not None and isinstance(error, AGIException):
            self._told = None
            told(error)
        if self._waiter is not None and not self._waiter.done():
            if error is None:
                self._waiter.set_result(None)
            else:
                self._waiter.set_exception(error)

    def _wake_late(self) -> None:
        self._wake(TimeoutError())

    def _fail(self, reason: str) -> None:
        failed, self._ready, self._failed = self._failed, None, None
        if failed is not None:
            failed(self, reason)
        if self._finishing is None:
            self.close()

    def _shut_down(self) -> None:
        # Another process may hold a duplicate of the socket; only this ends the connection for all of them.
        if self._transport is not None:
            with contextlib.suppress(OSError), self._duplicate(self._transport) as own:
                own.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _duplicate(transport: asyncio.Transport) -> socket.socket:
        # uvloop gives no socket, but something that knows its descriptor.
        return socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
