"""Wishes that come from screens: each gets one answer, is written down without numbers, and can do no harm."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from handlers.desk.agentdesks import AgentDesks, Asked, Now, Said, Terms
from handlers.desk.atscreens import AtScreens
from handlers.websocket import Seated
from telephony.calls.deskwork import SIGNED_OUT, Why
from telephony.people.roles import Person
from telephony.screenpop.messages import Do
from telephony.screenpop.screen import Screen

TERMS = Terms(("用餐",), "wrap-up", frozenset({"wrap-up"}), timedelta(seconds=30))


class Desks:
    """Fulfils everything but pauses."""

    terms: Terms = TERMS

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def wish(self, _desk: str, asked: Asked, _person: Person | None) -> Said:
        return Said(Why.REFUSED, "No such queue") if asked.reason else Said()

    def now(self, _desk: str) -> Now:
        return Now(SIGNED_OUT)


class Shown:
    """A screen that keeps what it is told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.wished: Any = None
        self.describe: Any = None

    def tell_did(self, text: str) -> None:
        self.told.put_nowait(json.loads(text))

    def tell_desk(self) -> None:
        """It would ask `describe`."""


@asynccontextmanager
async def seated() -> AsyncIterator[tuple[AtScreens, Shown, list[tuple[str, ...]]]]:
    written: list[tuple[str, ...]] = []
    at_screens = AtScreens(cast("AgentDesks", Desks()), {}, lambda *entry: written.append(entry))
    screen = Shown()
    at_screens.seated(cast("Screen", screen), Seated("1001"), "10.0.0.7")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(at_screens.run())
        yield at_screens, screen, written
        running.cancel()


async def test_each_wish_has_one_answer_and_stands_in_the_trail_without_the_number() -> None:
    async with seated() as (_, screen, written):
        screen.wished(Do(1, "call", number="13800138000"))
        assert await screen.told.get() == {"type": "did", "id": 1, "why": None, "said": ""}
        screen.wished(Do(2, "pause", reason="用餐"))
        assert await screen.told.get() == {"type": "did", "id": 2, "why": "refused", "said": "No such queue"}
        screen.wished(Do(3, "shutdown"))
        assert (await screen.told.get())["why"] == "off"
        assert screen.told.empty()
        assert written == [
            ("agent 1001", "10.0.0.7", "1001", "call: done"),
            ("agent 1001", "10.0.0.7", "1001", "pause 用餐: refused"),
        ]


async def test_a_call_back_is_agreed_or_the_desk_says_why_not() -> None:
    due = datetime(2026, 3, 2, 6, tzinfo=UTC)

    async def agrees(_seated: Seated, call: str) -> datetime | None:
        if call == "away":
            raise TimeoutError
        return due if call == "his" else None

    async with seated() as (at_screens, screen, written):
        screen.wished(Do(1, "agree", call="his"))
        assert (await screen.told.get())["why"] == "agree_bad_number"  # nobody does it yet
        at_screens.agrees = agrees
        screen.wished(Do(2, "agree", call="his"))
        told = await screen.told.get()
        assert (told["why"], told["due_at"]) == (None, "2026-03-02T06:00:00.000000Z")
        screen.wished(Do(3, "agree", call="another's"))
        assert (await screen.told.get())["why"] == "agree_bad_number"
        screen.wished(Do(4, "agree", call="away"))
        assert (await screen.told.get())["why"] == "agree_unsure"
        assert written[1][-1] == "agreed a call back: done"


async def test_of_too_many_wishes_the_last_are_not_sent() -> None:
    async with seated() as (_, screen, _written):
        for number in range(1, 302):
            screen.wished(Do(number, "ready"))
        answers = [await screen.told.get() for _ in range(301)]
        assert sum(answer["why"] == "not_sent" for answer in answers) == 301 - 256


async def test_a_wish_that_fails_as_nobody_foresaw_ends_no_other() -> None:
    async def agrees(_seated: Seated, _call: str) -> datetime | None:
        raise RuntimeError("a fault of ours")

    async with seated() as (at_screens, screen, _written):
        at_screens.agrees = agrees
        screen.wished(Do(1, "agree", call="his"))
        assert (await screen.told.get())["why"] == "agree_unsure"
        screen.wished(Do(2, "ready"))
        assert (await screen.told.get())["why"] is None
