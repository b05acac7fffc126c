"""Asks who the callers are, without any call waiting for it: a few questions at once, the others in line."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from telephony.screenpop.pop import History, Knowledge

AT_ONCE = 8
WAITING = 1_000
ANSWER_SECONDS = 2.0
UNAVAILABLE = History(Knowledge.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Question:
    """What has this caller called about, before this call?"""

    call: UUID
    caller: str
    before: datetime


class Questions:
    """One question a call at a time. Each gets an answer, be it that there is none.

    Args:
        ask: finds out; whatever it raises means that nobody knows now.
        answered: is told.
        seconds: limit for one answer.
    """

    def __init__(
        self,
        ask: Callable[[Question], Awaitable[History]],
        answered: Callable[[UUID, History], None],
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._ask, self._answered, self._seconds = ask, answered, seconds
        self._waiting: dict[UUID, Question] = {}
        self._asking: set[UUID] = set()
        self._wake = asyncio.Event()
        self._away = False
        self._log = structlog.get_logger(__name__)

    def put(self, question: Question) -> None:
        """Ask it soon; what is being asked is not asked twice. Where too many wait, the answer is that nobody knows."""
        if question.call in self._asking or question.call in self._waiting:
            return
        if len(self._waiting) >= WAITING:
            self._answered(question.call, UNAVAILABLE)
            return
        self._waiting[question.call] = question
        self._wake.set()

    def drop(self, call: UUID) -> None:
        """Nobody wants to know any more."""
        self._waiting.pop(call, None)

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(AT_ONCE):
                tasks.create_task(self._work(), name=f"ask {number}")

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            call = next(iter(self._waiting))
            question = self._waiting.pop(call)
            self._asking.add(call)
            try:
                history = await self._one(question)
            finally:
                self._asking.discard(call)
            self._answered(call, history)
            if history.knowledge is Knowledge.UNAVAILABLE:
                self._tell_all()

    async def _one(self, question: Question) -> History:
        try:
            async with asyncio.timeout(self._seconds):
                history = await self._ask(question)
        except Exception as error:  # noqa: BLE001 - whatever the trouble is, the call is shown without a history
            if not self._away:
                self._away = True
                why = f"{type(error).__name__}: {error}".rstrip(": ")
                self._log.warning("histories_unavailable", error=why, remedy="none: asked again every few seconds")
            return UNAVAILABLE
        if self._away:
            self._away = False
            self._log.info("histories_available")
        return history

    def _tell_all(self) -> None:
        """Who waits behind a question that got no answer would get none either, later: better now."""
        waiting, self._waiting = list(self._waiting), {}
        for call in waiting:
            self._answered(call, UNAVAILABLE)
