"""Synchronous scripts on one event loop: each call's script has a greenlet, and waits for the PBX by giving way.

A task drives the greenlet (`drive`). Whatever the script asks for is a coroutine of its session, which the task awaits
while other calls go on. The script sees its own `sys.argv`, `sys.stdin`, `sys.stdout`, `sys.stderr` and `__main__`
whenever its code runs (`Seat`).
"""

import asyncio
import contextlib
import errno
import functools
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextvars import ContextVar, copy_context
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, TypeVar, cast

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from telephony.agi.codec import Usage, raw_command
from telephony.agi.connection import AgiConnection
from telephony.agi.errors import AGIError, AGIException, AGIHangup, AGIResultHangup
from telephony.agi.leavings import LEFT, Leavings, install
from telephony.agi.neighbours import MINE, Neighbours
from telephony.agi.seat import Seat
from telephony.agi.session import AgiSession
from telephony.agi.streams import CallInput, CallOutput, SaidOutput, Standing

T = TypeVar("T")

PATIENCE = 20
"""So many commands of a script are refused after the caller is gone; one more, and it never runs again."""
LAST_REPLIES = 5.0
"""Seconds for the replies to what a script printed without reading on."""
CURRENT: "ContextVar[Call | None]" = ContextVar("call", default=None)
"""The call whose code runs."""
forked = False
"""This process is a child of a script host, made by os.fork()."""


class Parked(Exception):  # noqa: N818 - a state
    """The script ignores that its caller is gone, and never runs again."""


def refusal(error: AGIException) -> bool:
    """The command came after the caller was gone.

    Asterisk says `(hangup)` also to a living caller, when nothing comes to RECEIVE CHAR: that proves nothing.
    """
    return isinstance(error, AGIHangup) and not isinstance(error, AGIResultHangup)


class Session(AgiSession):
    """The session of a coroutine script: one that goes on although its caller is gone waits for ever."""

    def __init__(self, connection: AgiConnection, *, longest: float) -> None:
        super().__init__(connection, longest=longest)
        self.refused = 0
        self.parked: Callable[[], object] | None = None

    async def say(self, exchange: Any) -> Any:  # noqa: ANN401 - whatever the exchange means
        """As `AgiSession.say`."""
        try:
            return await super().say(exchange)
        except AGIException as error:
            connection = self._connection
            if refusal(error) or connection.closed or connection.fault:
                self.refused += 1
                if self.parked is not None and self.refused > PATIENCE:
                    self.parked()
                    await asyncio.get_running_loop().create_future()
            raise


class Call:
    """One call of one script, from inside.

    Args:
        connection: the conversation.
        longest: seconds of the longest command.
        argv: what the script finds as `sys.argv`.
        tell: gets what it writes to stderr, line by line.
        main: the module that is `__main__` for it, if it has one; its stdout then talks to Asterisk, else to the log.
        beside: the modules of its folder.

    Attributes:
        session: the vocabulary.
        refused: so many of its commands came after the caller was gone.
        heard_out: its stdin has ended, as the caller is gone.
        left: what it leaves open.
        seat: what it has of the interpreter.
        marks: called with True before its code runs, and with False after.
    """

    def __init__(  # noqa: PLR0913 - a call has as many sides
        self,
        connection: AgiConnection,
        *,
        longest: float,
        argv: Sequence[str],
        tell: Callable[[str], None],
        main: ModuleType | None = None,
        beside: Neighbours | None = None,
        marks: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self.connection, self.marks, self.longest = connection, marks, longest
        self.session = Session(connection, longest=longest)
        self.refused = 0
        self.greenlet: greenlet | None = None
        self.hangup_handler: Any = signal.SIG_DFL
        head = [f"{name}: {value}\n" for name, value in self.session.env.items()]
        talk = Raw(self)
        self.input = CallInput([*head, "\n"], talk)
        self.error = SaidOutput(tell)
        self.output: CallOutput | SaidOutput = self.error if main is None else CallOutput(talk)
        self.heard_out = False
        self.left = Leavings(Path(argv[0]).parent, whole=main is not None)
        self._main, self._beside = main, beside
        self.seat = Seat(argv, main, beside)

    def here(self) -> None:
        """In this context its code runs."""
        CURRENT.set(self)
        MINE.set(self._beside)
        LEFT.set(self.left)

    def end(self) -> None:
        """Its script has come to its end: close what that has left open."""
        own = [] if self._main is None else [self._main, *(self._beside.modules() if self._beside else ())]
        copy_context().run(self._close, own)
        self.error.finish()

    def _close(self, own: list[ModuleType]) -> None:
        self.here()
        self.step(self.left.close, own)

    def step(self, go_on: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what the script asks for
        """Run its code until it gives way."""
        self.seat.enter()
        self.marks(True)
        try:
            return go_on(*arguments)
        finally:
            if forked:
                os._exit(0)  # a child that the script made must not play the host
            self.marks(False)
            self.seat.leave()

    def ask(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for the coroutine, in the script's greenlet; other calls go on.

        Raises:
            AGIError: not there: in a thread, or after the script's end.
            BaseException: whatever the coroutine raises.
        """
        try:
            script = self._mine()
        except AGIError:
            coroutine.close()
            raise
        try:
            return cast("T", script.parent.switch(coroutine))
        except AGIException as error:
            if self.over or refusal(error):
                self.refuse()
            raise
        finally:
            self.tell_hangup()

    @property
    def late(self) -> bool:
        """Some command came after the caller was gone."""
        return self.refused + self.session.refused > 0

    @property
    def over(self) -> bool:
        """The caller is gone, or the conversation is."""
        return self.connection.hung_up or self.connection.closed or self.connection.fault is not None

    def refuse(self) -> None:
        """A command comes too late. Of a script that does not mind, one of these calls never returns."""
        self.refused += 1
        while self.refused > PATIENCE:
            self._mine().parent.switch(None)

    def _mine(self) -> greenlet:
        if self.greenlet is None or getcurrent() is not self.greenlet:
            raise AGIError("this conversation belongs to a call whose script does not run here: use AGI() in the code")
        return self.greenlet

    def tell_hangup(self) -> None:
        """What `signal.signal(SIGHUP, …)` registered is called once, as if Asterisk had sent the signal."""
        if (self.connection.hung_up or self.connection.closed) and callable(self.hangup_handler):
            handler, self.hangup_handler = self.hangup_handler, signal.SIG_IGN
            handler(signal.SIGHUP, None)


class Raw:
    """What a script prints are commands, what it reads are replies."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def send(self, line: str) -> None:
        """As `streams.Talk`."""
        command, call = raw_command(line), self._call
        try:
            call.session.test_hangup()
            call.connection.send(command)
        except AGIException as gone:
            call.tell_hangup()
            call.refuse()
            raise BrokenPipeError(errno.EPIPE, "the caller is gone") from gone

    def receive(self) -> str | None:
        """As `streams.Talk`."""
        call = self._call
        try:
            if call.connection.untaken:
                reply = call.ask(call.connection.reply(call.longest))
                return reply.text if isinstance(reply, Usage) else f"{reply.code} {reply.text}"
            call.ask(_end(call.connection))
        except (AGIException, TimeoutError):
            call.heard_out = True
            return None  # and counted by `ask`
        call.heard_out = True
        call.refuse()
        return None


async def _end(connection: AgiConnection) -> None:
    """Until the caller is gone: what a script waits for that reads on without having asked anything."""
    while not connection.hung_up and not connection.closed:
        try:
            async with asyncio.timeout(1.0):
                await connection.gone()
        except TimeoutError:
            continue


async def drive(call: Call, body: Callable[[], None]) -> None:
    """Run a synchronous script to its end.

    Raises:
        Parked: it was still running, and never will again. Keep the call: the greenlet must not be collected.
        BaseException: whatever the script let through.
    """
    script = greenlet(lambda: _to_the_end(call, body))
    context = copy_context()
    context.run(call.here)
    script.gr_context = context
    call.greenlet = script
    call.seat.alone = True
    asked = call.step(script.switch)
    while not script.dead:
        if asked is None:
            raise Parked
        try:
            got = await asked
        except BaseException as error:  # noqa: BLE001 - it is the script's
            asked = call.step(script.throw, error)
        else:
            asked = call.step(script.switch, got)


def _to_the_end(call: Call, body: Callable[[], None]) -> None:
    try:
        body()
    except SystemExit:
        raise
    except BaseException:
        if sys.excepthook is not sys.__excepthook__:
            sys.excepthook(*sys.exc_info())
        raise
    finally:
        call.left.exit()
        call.error.finish()
    with contextlib.suppress(AGIException, OSError):
        call.output.finish()
        while call.connection.untaken and not call.over:
            call.ask(call.connection.reply(LAST_REPLIES))


class Seated:
    """A coroutine whose every step runs in a call's seat."""

    def __init__(self, call: Call, coroutine: Coroutine[Any, Any, None]) -> None:
        self._call, self._coroutine = call, coroutine

    def __await__(self) -> Generator[Any, Any, None]:
        call, go_on = self._call, self._coroutine
        step: Callable[[], Any] = functools.partial(go_on.send, None)
        while True:
            try:
                waiting = call.step(step)
            except StopIteration:
                return
            try:
                got = yield waiting
            except BaseException as error:  # noqa: BLE001 - it is the script's
                step = functools.partial(go_on.throw, error)
            else:
                step = functools.partial(go_on.send, got)


def _stream(name: str, default: TextIO) -> Standing:
    def pick() -> TextIO:
        call = CURRENT.get()
        return default if call is None else cast("TextIO", getattr(call, name))

    return Standing(pick)


def stand_in(default_input: TextIO, default_error: TextIO) -> None:
    """From here on, in this process, the standard streams are those of whatever call's code runs.

    Args:
        default_input: stdin of code that runs for no call.
        default_error: its stdout and stderr.
    """
    sys.stdin = cast("TextIO", _stream("input", default_input))
    sys.stdout = cast("TextIO", _stream("output", default_error))
    sys.stderr = cast("TextIO", _stream("error", default_error))
    install()
