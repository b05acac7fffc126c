"""Webhooks out of a real PostgreSQL to real receivers: in order, at least once, and none because another is slow."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from handlers.webhooks.delivering import Deliverer, Deliveries
from handlers.webhooks.pops import MOST, Listener, Pops
from handlers.webhooks.side import receiver_of
from telephony.calls.facts import Moment
from telephony.cases.outbox import Outbox
from telephony.cases.steps import AskCaller, Resume, Take
from telephony.configwebhooks import Webhook
from telephony.metrics import Labels, Measures
from telephony.webhooks.sender import Sender
from telephony.webhooks.signing import Event, event_id
from tests.db.casework import Office, doing, office
from tests.support.calls import at, call, offer, visit
from tests.support.casework import NOW, ZHANG

pytestmark = pytest.mark.db

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
ONE = call(visit(), number=1, caller="13800138000")


def documented() -> Callable[[str, dict[str, str], bytes], bool]:
    """What docs/webhooks.md tells receivers to do, as it stands there, on the clock of these tests."""
    text = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0].replace("time.time()", f"{NOW.timestamp()}")
    found: dict[str, Any] = {}
    exec(code.replace("> 300", "> 100_000"), found)
    return found["is_ours"]  # type: ignore[no-any-return]


is_ours = documented()


@dataclass
class Crm:
    """A receiver that checks the signature as docs/webhooks.md tells."""

    server: TestServer
    got: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    hangs: asyncio.Event | None = None

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        told = dict(request.headers)
        assert is_ours(SECRET, told, body)
        assert not is_ours(SECRET, told, body + b" ")
        assert not is_ours(SECRET, told | {"webhook-timestamp": "1"}, body)
        self.got.append(json.loads(body))
        self.ids.append(request.headers["webhook-id"])
        if self.hangs is not None:
            await self.hangs.wait()
        status = self.answers.pop(0) if self.answers else 204
        return web.Response(status=status, headers={"Location": "/hook"} if status == 302 else {})

    @property
    def topics(self) -> list[str]:
        return [one["type"] for one in self.got]


@dataclass
class Post:
    """The house, its outbox, and what tells it."""

    desk: Office
    stack: AsyncExitStack
    wall: datetime = NOW
    waited: list[float] = field(default_factory=list)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.desk.turns)

    async def crm(self) -> Crm:
        app = web.Application()
        crm = Crm(TestServer(app))
        app.router.add_post("/hook", crm.take)
        await self.stack.enter_async_context(crm.server)
        return crm

    def sender(self, crm: Crm, seconds: float = 5, *, host: str = "127.0.0.1", private: bool = True) -> Sender:
        one = Webhook(name="crm", url=f"https://{host}:{crm.server.port}/hook", secret=SECRET, private=private)  # type: ignore[arg-type]
        receiver = receiver_of(one)
        plain = type(receiver)(receiver.name, receiver.url.replace("https", "http"), receiver.key, receiver.private)
        sender = Sender(plain, seconds)
        self.stack.push_async_callback(sender.close)
        return sender

    def deliverer(self, name: str, sender: Sender, wants: Callable[[str], bool] = lambda _: True) -> Deliverer:
        return Deliverer(
            name, wants, timedelta(hours=24), outbox=self.outbox, sender=sender, now=lambda: self.wall,
            pause=self.pause,
        )  # fmt: skip

    def deliveries(self, *deliverers: Deliverer) -> Deliveries:
        return Deliveries(deliverers, self.outbox, lambda: self.wall, self.pause)

    async def pause(self, seconds: float) -> None:
        self.waited.append(seconds)
        await asyncio.sleep(0.001)

    async def happens(self) -> None:
        """Three things to one case."""
        assert ONE.case is not None
        for step in (Take(), AskCaller(), Resume()):
            await self.desk.book.change(ONE.case, step, doing(ZHANG))


STEPS = ["case.taken", "case.asked_caller", "case.resumed"]


@pytest.fixture
async def post(database: str) -> AsyncIterator[Post]:
    async with office(database) as desk, AsyncExitStack() as stack:
        await desk.store.save([ONE])
        yield Post(desk, stack)


async def test_events_are_told_in_order_signed_and_until_they_are_taken_and_say_nothing_of_the_caller(
    post: Post,
) -> None:
    crm = await post.crm()
    crm.answers = [500, 302, 204]
    one = post.deliverer("crm", post.sender(crm))
    all_ = post.deliveries(one)
    await post.happens()
    assert await all_.once() == 0.0
    assert 0 < await one.once() <= 1, "it is tried again later, and nothing before it"
    assert 0 < await one.once() <= 2
    assert crm.topics == ["case.taken"] * 2
    assert len(set(crm.ids)) == 1
    assert await one.once() == 0.0
    assert crm.topics == ["case.taken"] * 3 + STEPS[1:]
    assert crm.got[-1]["data"]["id"] == str(ONE.case)
    assert "13800138000" not in json.dumps(crm.got)
    assert not await post.desk.sql("SELECT FROM outbox UNION ALL SELECT FROM webhook_deliveries")
    assert (one.attempts["delivered"], one.attempts["again"]) == (3, 2)
    assert await all_.once() == await one.once() == 1.0, "there is nothing to do"


async def test_one_that_is_slow_or_away_holds_nobody_else(post: Post) -> None:
    quick, slow, away = await post.crm(), await post.crm(), await post.crm()
    slow.hangs = asyncio.Event()
    names = {"quick": quick, "slow": slow, "away": away}
    all_ = post.deliveries(*(post.deliverer(name, post.sender(crm, 0.3)) for name, crm in names.items()))
    await away.server.close()
    await post.happens()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(all_.run())
        async with asyncio.timeout(10):
            while len(quick.got) < 3 or "quick" in (standing := await post.outbox.standing()):
                await asyncio.sleep(0.01)
        running.cancel()
    slow.hangs.set()
    assert quick.topics == STEPS
    assert set(slow.topics) <= {"case.taken"}
    assert {name: one.waiting for name, one in standing.items()} == {"slow": 3, "away": 3}


async def test_what_nobody_takes_is_parked_after_a_day_shown_and_told_again_when_asked(post: Post) -> None:
    crm = await post.crm()
    one = post.deliverer("crm", post.sender(crm))
    all_ = post.deliveries(one)
    measures = Measures(Labels(("pbx1",)))
    measures.observe_webhooks(all_.gauges)
    await post.happens()
    await all_.once()
    post.wall = NOW + timedelta(hours=25)
    crm.answers = [503]
    assert await one.once() > 0
    assert [(parked.topic, parked.why) for parked in await post.outbox.parked("crm")] == [
        ("case.taken", "answered 503"), ("case.asked_caller", "tried for too long"),
        ("case.resumed", "tried for too long"),
    ]  # fmt: skip
    await all_.once()
    measures.refresh()
    shown = measures.render().decode()
    for line in ('webhook_parked{webhook="crm"} 3.0', 'webhook_waiting{webhook="crm"} 0.0'):
        assert f"telephony_{line}" in shown
    assert 'telephony_webhook_attempts_total{result="parked",webhook="crm"} 1.0' in shown
    assert await post.outbox.retry("crm", post.wall) == 3
    assert await one.once() == 0.0
    assert crm.topics == ["case.taken", *STEPS]
    assert crm.got[0] == crm.got[1], "the same event, whenever it is told"


async def test_an_event_that_is_refused_for_good_lets_the_next_pass(post: Post) -> None:
    crm = await post.crm()
    one = post.deliverer("crm", post.sender(crm), lambda topic: topic != "case.resumed")
    await post.happens()
    await post.deliveries(one).once()
    crm.answers = [422] * 5
    for _ in range(5):
        await one.once()
    assert crm.topics == ["case.taken"] * 5 + ["case.asked_caller"]
    assert [parked.topic for parked in await post.outbox.parked()] == ["case.taken"]


async def test_too_many_events_for_one_are_dropped_and_counted_and_the_old_are_forgotten(post: Post) -> None:
    await post.happens()
    shared = await post.outbox.share({"crm": lambda _: True, "other": lambda _: False}, most=2)
    assert (shared.events, shared.given, shared.dropped) == (3, {"crm"}, {"crm": 1})
    assert await post.outbox.forget(NOW, {"crm"}) == 0
    assert await post.outbox.forget(NOW + timedelta(days=31), {"crm"}) == 2


async def test_nothing_is_sent_into_our_own_network_and_no_redirect_is_followed(post: Post) -> None:
    crm = await post.crm()
    one = post.deliverer("crm", post.sender(crm))
    await post.happens()
    await post.deliveries(one).once()
    (delivery, *_) = await post.outbox.next("crm")
    told = Event(event_id(delivery.topic, delivery.subject, 1), delivery.topic, delivery.at, {})
    for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001"):
        answer = await post.sender(crm, host=host, private=False).send(told, NOW)
        assert answer.status is None, host
        assert "own network" in answer.why or host not in {"127.0.0.1", "localhost"}, answer
    assert crm.got == []
    crm.answers = [302]
    assert (await post.sender(crm).send(told, NOW)).why == "answered 302"
    assert len(crm.got) == 1
    assert SECRET not in repr(post.sender(crm)._receiver)


async def test_a_call_is_told_once_as_each_phone_rings_and_its_number_only_where_that_is_said(post: Post) -> None:
    plain, trusted = await post.crm(), await post.crm()
    clock = timedelta(hours=5, seconds=2)
    dropped: list[str] = []
    one = post.deliverer("a", post.sender(plain))

    def listener(crm: Crm, *, caller: bool) -> Listener:
        queue: asyncio.Queue[Any] = asyncio.Queue(MOST)
        return Listener(post.sender(crm), caller, one.attempts, lambda: dropped.append("x"), queue)

    pops = Pops([listener(plain, caller=False), listener(trusted, caller=True)], lambda: NOW, lambda: clock)
    ringing = offer(None, rang_at=at(1), ended_at=None)
    record = call(visit(None, offers=(ringing,)), number=1, caller="13800138000", ended_at=None)
    pops.follow(record, Moment(at(1), timedelta(hours=5, seconds=1)))
    pops.follow(record, Moment(at(1), timedelta(hours=5, seconds=1)))
    other = call(visit(None, offers=(ringing,)), number=2, ended_at=None)
    for long_ago in (timedelta(hours=4), timedelta(hours=9)):
        pops.follow(other, Moment(at(1), long_ago))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(pops.run())
        async with asyncio.timeout(5):
            while not (plain.got and trusted.got):
                await asyncio.sleep(0.01)
        running.cancel()
    assert len(plain.got) == len(trusted.got) == 1
    assert plain.got[0]["type"] == "call.ringing"
    assert plain.got[0]["data"]["case"] == str(record.case)
    assert "13800138000" not in json.dumps(plain.got)
    assert trusted.got[0]["data"]["caller"] == "13800138000"


async def test_without_receivers_what_is_left_is_forgotten_in_time_and_whatever_goes_wrong_ends_nothing(
    post: Post,
) -> None:
    await post.happens()
    await post.outbox.share({"gone": lambda _: True})
    post.wall = NOW + timedelta(days=31)
    await post.deliveries().run()
    assert not await post.desk.sql("SELECT FROM webhook_deliveries")
    await post.desk.sql("ALTER TABLE webhook_deliveries RENAME TO elsewhere")
    await post.deliveries().run()
    for failing in (ConnectionResetError(), asyncpg.InternalClientError("cut")):
        await Deliveries((), Broken(failing), lambda: NOW).run()  # type: ignore[arg-type]


class Broken:
    """An outbox whose database has just died."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def forget(self, _now: datetime, _known: object) -> int:
        raise self._error
