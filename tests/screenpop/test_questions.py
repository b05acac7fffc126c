"""Asking who calls, without keeping anybody waiting."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from telephony.screenpop import questions as asking
from telephony.screenpop.pop import History, Knowledge
from telephony.screenpop.questions import UNAVAILABLE, Question, Questions
from tests.support.calls import at

KNOWN = History(Knowledge.KNOWN, 3)


def question(number: int) -> Question:
    return Question(UUID(int=number), "110", at(0))


@dataclass
class Archive:
    """Answers when its gate is open, or not at all."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: Exception | None = None
    asked: list[int] = field(default_factory=list)
    at_once: int = 0
    most: int = 0
    answers: dict[int, History] = field(default_factory=dict)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, question: Question) -> History:
        self.asked.append(question.call.int)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.gate.wait()
        finally:
            self.at_once -= 1
        if self.trouble is not None:
            raise self.trouble
        return KNOWN

    def answered(self, call: UUID, history: History) -> None:
        self.answers[call.int] = history
        self.heard.set()

    async def until(self, number: int) -> None:
        while len(self.answers) < number:
            self.heard.clear()
            await self.heard.wait()


@pytest.fixture
def archive() -> Archive:
    return Archive()


@pytest.fixture
async def questions(archive: Archive) -> AsyncIterator[Questions]:
    made = Questions(archive.ask, archive.answered, seconds=60)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.run())
        yield made
        running.cancel()


async def test_eight_are_asked_at_once_and_each_call_once(questions: Questions, archive: Archive) -> None:
    for number in (*range(20), *range(20)):
        questions.put(question(number))
    questions.drop(UUID(int=19))
    while len(archive.asked) < 8:
        await asyncio.sleep(0)
    questions.put(question(0))
    archive.gate.set()
    await archive.until(19)
    assert archive.most == 8
    assert archive.asked == list(range(19))
    questions.put(question(0))
    while len(archive.asked) < 20:
        await asyncio.sleep(0)


async def test_who_waits_behind_a_database_that_is_away_is_told_at_once(questions: Questions, archive: Archive) -> None:
    archive.trouble = OSError("away")
    archive.gate.set()
    for number in range(100):
        questions.put(question(number))
    await archive.until(100)
    assert len(archive.asked) <= 8
    assert set(archive.answers.values()) == {UNAVAILABLE}
    archive.trouble = None
    questions.put(question(7))
    while archive.answers[7] is not KNOWN:
        await asyncio.sleep(0)


async def test_too_many_are_not_asked_at_all(archive: Archive) -> None:
    questions = Questions(archive.ask, archive.answered)
    for number in range(asking.WAITING + 2):
        questions.put(question(number))
    assert archive.answers == dict.fromkeys((asking.WAITING, asking.WAITING + 1), UNAVAILABLE)


async def test_no_answer_in_time_is_none(archive: Archive) -> None:
    questions = Questions(archive.ask, archive.answered, seconds=0.01)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(questions.run())
        questions.put(question(1))
        await archive.until(1)
        running.cancel()
    assert archive.answers == {1: UNAVAILABLE}
