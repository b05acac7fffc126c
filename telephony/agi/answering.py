"""Answering a request step by step: a route says what is asked next, and is told the reply.

A route is a generator, not a coroutine: a reply is its next step at once, within the same turn of the loop, and neither
a task nor a future is made for what does not wait. Most calls never wait for anything but the PBX.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Protocol

from telephony.agi.codec import Environment
from telephony.agi.connection import AgiConnection

Step = bytes | Callable[[], Awaitable[Any]]
"""A command, as `codec.command` gives it, or what gives something to be waited for."""
Steps = Generator[Step, Any, str]
"""Yields steps; is sent the `Reply` or `Usage` to a command, or what was waited for; returns the result as counted.

Into it is thrown what a wait raises, AGISIGPIPEHangup when the peer is gone, and AgiProtocolError when he said what he
must not. What it raises itself is the end, too."""


class Route(Protocol):
    """Something of ours that answers requests."""

    def default(self, environment: Environment, /) -> Sequence[bytes]:
        """The commands that are sent when it does not answer in time."""
        ...

    def __call__(self, environment: Environment, peer: str, /) -> Steps:
        """Answer who asks from `peer`, which is `address:port`."""
        ...


class Answering:
    """The steps of one request, until the last one, or `leave`.

    Args:
        connection: whose environment is there; nobody else talks on it.
        steps: of a route; not begun.
        tasks: for what has to be waited for.
        over: is told once, from within `begin` or later, how it ended: the result, or what was raised; not after
            `leave`.
    """

    __slots__ = ("_connection", "_over", "_steps", "_tasks", "_waiting")

    def __init__(
        self,
        connection: AgiConnection,
        steps: Steps,
        tasks: asyncio.TaskGroup,
        over: Callable[[str | Exception], None],
    ) -> None:
        self._connection, self._tasks, self._over = connection, tasks, over
        self._steps: Steps | None = steps
        self._waiting: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Take the first step."""
        self._connection.converse(self._heard)
        self._heard(None)

    def leave(self) -> None:
        """Take no more steps; nobody is told."""
        self._steps = None
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _heard(self, what: object) -> None:
        steps = self._steps
        if steps is None:
            return
        if self._waiting is not None:  # the only thing to hear meanwhile is that it is over
            self._waiting.cancel()
            self._waiting = None
        try:
            wanted = steps.throw(what) if isinstance(what, Exception) else steps.send(what)
            if isinstance(wanted, bytes):
                self._connection.ask(wanted)
            else:
                self._waiting = self._tasks.create_task(self._wait(wanted))
        except StopIteration as done:
            self._end(done.value)
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody decides what it means for the call
            self._end(error)

    async def _wait(self, wanted: Callable[[], Awaitable[Any]]) -> None:
        try:
            found = await wanted()
        except Exception as error:  # noqa: BLE001 - it is the route's
            found = error
        self._waiting = None
        self._heard(found)

    def _end(self, how: str | Exception) -> None:
        self._steps = None
        self._over(how)
