"""An agent acts on a real PBX from his desk: signs in, is called, pauses, wraps up, calls; and what fails is told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import aiohttp
import pytest

from telephony.ami.acting import Acting, Result
from telephony.ami.settings import AmiSettings, SystemClock

from .asterisk import Pbx
from .database import Database
from .line import Line
from .product import Product
from .story import Story

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(150)]

TOKEN = "a-token-of-an-agent"
HOUSE = f"""
[desk]
pauses = ["用餐"]
wrap_up_seconds = 1
ring_seconds = 6
[[queue]]
name = "support"
[[queue]]
name = "sales"
[[agent]]
name = "1001"
interfaces = ["PJSIP/1001"]
queues = ["support", "sales"]
token = "{TOKEN}"
"""
HANDS = """
actions_username = "threerings-actions"
actions_secret = "change-me-too"
click_to_call_username = "threerings-calls"
click_to_call_secret = "change-me-as-well"
click_to_call_context = "desk-outbound"
"""


@dataclass
class Desk:
    """A page of the desk, without a browser."""

    socket: aiohttp.ClientWebSocketResponse
    desks: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    asked: int = 0

    async def read(self, true: Callable[[], object], what: str) -> None:
        async with asyncio.timeout(20):
            while not true():
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, (what, message)
                told = json.loads(message.data)
                if told["type"] == "desk":
                    self.desks.append(told["desk"])
                elif told["type"] == "did":
                    self.answers[told["id"]] = told

    async def does(self, doing: str, **more: object) -> dict[str, Any]:
        """Read until he does that, from now on or already."""
        wanted = {"doing": doing, **more}
        await self.read(lambda: self.desks and wanted.items() <= self.desks[-1].items(), f"{wanted}: {self.desks[-1:]}")
        return self.desks[-1]

    async def wish(self, wish: str, **about: object) -> str | None:
        """What is wrong with it; None: it was done."""
        self.asked += 1
        number = self.asked
        await self.socket.send_json({"type": "do", "id": number, "wish": wish, **about})
        await self.read(lambda: number in self.answers, wish)
        return self.answers[number]["why"]  # type: ignore[no-any-return]


async def test_an_agent_signs_in_is_called_pauses_and_calls(pbx: Pbx) -> None:  # noqa: PLR0915 - one story, one start
    async with AsyncExitStack() as running:
        database = await running.enter_async_context(Database())
        line = await running.enter_async_context(Line(pbx))
        product = line.carry(Product([pbx], database.url, extra=HOUSE))
        text = product.config.read_text()
        product.config.write_text(text.replace(f'username = "{pbx.username}"', HANDS + f'username = "{pbx.username}"'))
        await running.enter_async_context(product)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        session = await running.enter_async_context(aiohttp.ClientSession(headers=headers))
        socket = await running.enter_async_context(session.ws_connect(f"http://127.0.0.1:{product.port}/ws"))
        desk = Desk(socket)

        shown = await desk.does("signed_out")
        assert (shown["wishes"], shown["phones"], shown["can"]) == (
            ["sign_in"], ["PJSIP/1001"], {"queues": True, "call": True},
        )  # fmt: skip
        assert [queue["name"] for queue in shown["choices"]] == ["support", "sales"]
        assert await desk.wish("pause", reason="用餐") == "sign_in_first"
        assert await desk.wish("sign_in", phone="PJSIP/1002", queues=["support"]) == "not_your_phone"
        assert await desk.wish("sign_in", phone="PJSIP/1001", queues=["ring-all"]) == "not_your_queue"
        assert await desk.wish("sign_in", phone="PJSIP/1001", queues=["support", "sales"]) is None
        await desk.does("ready")

        story = Story(pbx).agent("1001", rings=1, serves=()).agent("1001").agent("1001").agent("1001")
        story.outside(rings=1, hangs_up_after=1)
        story.caller("0216000009", calls="support", hangs_up_after=3)

        async def asks_for_wrap_up() -> None:
            await desk.does("talking")
            assert await desk.wish("sign_out") == "on_call"
            assert await desk.wish("wrap_up") is None
            await desk.does("talking", paused=True)
            await desk.does("wrap_up")
            await desk.does("ready")  # by itself, a second after the talk

        async def calls_a_number() -> None:
            assert await desk.wish("call", number="913800001111") is None  # he has taken his phone off the hook

        story.later(0, asks_for_wrap_up).later(8, calls_a_number)
        seen = await story.play()
        assert not seen.complaints
        assert seen.caller("0216000009").answered_at is not None
        (mine, called), (customer,) = seen.rings_of("1001"), seen.rings_of("outside")
        assert mine.invited_at < called.invited_at < customer.invited_at

        await desk.does("ready")
        assert await desk.wish("pause", reason="with a reason of my own") == "no_reason"
        assert await desk.wish("pause", reason="用餐") is None
        await desk.does("paused", reason="用餐")
        assert [line.split("|")[-1] for line in pbx.queue_log.read_text().splitlines() if "|PAUSE|" in line][
            -1
        ] == "用餐"
        assert await desk.wish("call", number="700@landing") == "bad_number"

        line.freeze()
        began = time.monotonic()
        assert await desk.wish("ready") == "unsure"
        assert time.monotonic() - began < 4
        line.thaw()
        await desk.does("ready")  # it was done after all, and so it is shown
        await line.cut()
        await desk.does("unknown")
        assert await desk.wish("ready") == "not_heard"
        await line.mend()
        await desk.does("ready", queues=[{"name": "sales", "title": "sales"}, {"name": "support", "title": "support"}])

        socket_two = await running.enter_async_context(session.ws_connect(f"http://127.0.0.1:{product.port}/ws"))
        second = Desk(socket_two)
        await second.does("ready")
        await product.until(lambda: product.ready().get("status") == "ok", 20, "heard again")
        async with asyncio.timeout(10):
            while (why := await second.wish("sign_out")) == "not_sent":  # its own line comes back a moment later
                await asyncio.sleep(0.1)
        assert why is None
        await desk.does("signed_out")
        metrics = await asyncio.to_thread(product.metrics)
        assert metrics.total("telephony_desk_actions_total", action="ready", result="unsure") == 1
        assert metrics.total("telephony_desk_actions_total", action="call", result="done") == 1
        assert "13800001111" not in product.log


async def test_each_login_can_do_its_own_and_nothing_else(pbx: Pbx) -> None:
    def line(username: str, secret: str) -> Acting:
        settings = AmiSettings(
            host=pbx.host, port=pbx.ami_port, username=username, secret=secret, systemname="pbx1", events=True
        )
        return Acting(settings, clock=SystemClock(), rng=Random(1))

    acts, calls = line("threerings-actions", "change-me-too"), line("threerings-calls", "change-me-as-well")
    wrong = line("threerings-actions", "wrong")
    queue = {"Queue": "support", "Interface": "PJSIP/1001"}
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one.run()) for one in (acts, calls, wrong)]
        async with asyncio.timeout(10):
            while not (acts.connected and calls.connected and wrong.refused):
                await asyncio.sleep(0.01)
        assert (await wrong.act("QueueAdd", **queue)).result is Result.NOT_SENT
        assert (await acts.act("QueueAdd", **queue)).done
        assert (await acts.act("QueuePenalty", **queue, Penalty="1")).done
        assert (await acts.act("QueueMemberRingInUse", **queue, RingInUse="no")).done
        assert (await acts.act("QueuePause", Interface="PJSIP/1001", Paused="true", Reason="用餐")).done
        again = await acts.act("QueueAdd", **queue)
        assert (again.result, "Already there" in again.said) == (Result.REFUSED, True)
        for forbidden in ("Originate", "Redirect", "Command", "GetConfig"):
            refused = await acts.act(
                forbidden, Channel="PJSIP/1001", Command="core show uptime", Filename="manager.conf"
            )
            assert (forbidden, refused.result, refused.said) == (forbidden, Result.REFUSED, "Permission denied")
        assert (await calls.act("QueueRemove", **queue)).said == "Permission denied"
        nowhere = {
            "Channel": "PJSIP/1001",
            "Context": "desk-outbound",
            "Exten": "7000",
            "Priority": "1",
            "Timeout": "500",
        }
        story = Story(pbx).agent("1001", serves=())
        answers = []

        async def call() -> None:
            answers.append(await calls.originate(nowhere, timedelta(seconds=5)))

        seen = await story.later(0, call).play()
        (answer,) = answers
        assert (answer.result, answer.said) == (Result.REFUSED, "Extension does not exist.")  # 7000 is in from-trunk
        assert not seen.phones
        assert (await acts.act("QueueRemove", **queue)).done
        assert set(acts.seen) <= {"FullyBooted"}
        assert set(calls.seen) <= {"FullyBooted", "OriginateResponse"}
        for task in running:
            task.cancel()
