"""Asks a FastAGI server about a call, as the shipped dialplan does, and never holds the call up for longer."""

import asyncio
from contextlib import suppress

from telephony.simulator import agi
from telephony.simulator.calls import Call
from telephony.simulator.live import Live
from telephony.simulator.pbx import Pbx

GUARD_SECONDS = 2.0
"""TIMEOUT(absolute) of the shipped dialplan: a server that says nothing has so much time."""


class AgiClient:
    """Puts questions, as tasks of one TaskGroup. `ask` is what `telephony.simulator.dialplan.Dialplan` wants.

    Args:
        pbx: whose calls.
        live: is brought up to now before a call goes on.
        tasks: the questions are tasks of it.
        guard: seconds that one may take.

    Attributes:
        address: HOST and port; None: nobody listens.
        asked, unanswered: how many questions, and how many of them without a full answer (AGISTATUS not SUCCESS).
    """

    def __init__(self, pbx: Pbx, live: Live, tasks: asyncio.TaskGroup, guard: float = GUARD_SECONDS) -> None:
        self._pbx, self._live, self._tasks, self._guard = pbx, live, tasks, guard
        self.address: tuple[str, int] | None = None
        self.asked = self.unanswered = 0

    def ask(self, call: Call, queue: str) -> None:
        """Ask `inbound` about this call; its variables are set and it is woken when all is said."""
        self.asked += 1
        if self.address is None:
            self._done(call, said=False)
        else:
            self._tasks.create_task(self._ask(call, queue, self.address))

    async def _ask(self, call: Call, queue: str, address: tuple[str, int]) -> None:
        said = False
        with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(self._guard):
                await self._converse(call, queue, address)
                said = True
        self._live.catch_up()
        self._done(call, said=said)
        self._live.poke()

    async def _converse(self, call: Call, queue: str, address: tuple[str, int]) -> None:
        reader, writer = await asyncio.open_connection(*address, limit=agi.MAX_COMMAND)
        try:
            request = agi.request_of(f"{address[0]}:{address[1]}", self._pbx, queue)
            writer.write(agi.environment(self._pbx, call, request))
            while line := await reader.readline():
                writer.write(agi.answer(self._pbx, call, line.decode("utf-8", "surrogateescape").rstrip("\r\n")))
                await writer.drain()
        finally:
            writer.transport.abort()

    def _done(self, call: Call, *, said: bool) -> None:
        self.unanswered += not said
        call.agi_answered = True
        call.wake()
