"""Desks and the PBX: who may what, one thing at a time, all or nothing, and a wrap-up that ends without a window."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import cast

from handlers.desk.agentdesks import AgentDesks, Asked, Post, Said, Terms
from handlers.desk.hands import Hands
from telephony.ami.acting import Acting, Answer, Result
from telephony.calls.deskwork import Doing, Why, Wish
from telephony.calls.facts import Interface, Member, MemberState, QueueName
from telephony.people.roles import Person, Role

S = timedelta(seconds=1)
TERMS = Terms(("用餐",), "wrap-up", frozenset({"wrap-up"}), 30 * S)
QUEUES = {"support": "north", "sales": "south"}
PHONE = "PJSIP/1001"


class Pbx:
    """Its members, and what is done to them, as the line of the events would tell it."""

    def __init__(self) -> None:
        self.synchronised = True
        self.members: dict[str, Member] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.refuses: dict[tuple[str, str], Answer] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    def places(self) -> Iterable[Member]:
        return self.members.values()

    async def act(self, action: str, /, **headers: str) -> Answer:
        self.asked.append((action, headers))
        await self.gate.wait()
        refused = self.refuses.get((action, headers.get("Queue", "")))
        if refused is not None:
            return refused
        match action:
            case "QueueAdd":
                queue = headers["Queue"]
                self.members[queue] = Member(
                    QueueName(queue), Interface(headers["Interface"]), headers["MemberName"], MemberState.READY
                )
            case "QueueRemove":
                del self.members[headers["Queue"]]
            case "QueuePause":
                self.paused(headers.get("Reason") if headers["Paused"] == "true" else None)
        return Answer(Result.DONE, "", "1")

    def paused(self, reason: str | None, phone: MemberState = MemberState.READY) -> None:
        for queue, member in self.members.items():
            self.members[queue] = Member(
                member.queue, member.interface, member.name, MemberState.PAUSED if reason else phone, phone=phone,
                paused=reason is not None, reason=reason or "",
            )  # fmt: skip

    async def originate(self, headers: dict[str, str], within: timedelta) -> Answer:
        self.asked.append(("Originate", headers))
        return Answer(Result.REFUSED, "3") if within == 25 * S else Answer(Result.BAD)


class House:
    def __init__(self, *, acts: bool = True, calls: bool = True, terms: Terms = TERMS) -> None:
        self.pbx = Pbx()
        line = cast("Acting", self.pbx)
        self.time = 100 * S
        self.counted: list[tuple[str, str, str]] = []
        self.changed: list[str] = []
        self.desks = AgentDesks(
            [Post("1001", (PHONE, "PJSIP/8001")), Post("1002", ("PJSIP/1002",), ("sales",), "pbx1")],
            {"pbx1": self.pbx},
            {"pbx1": Hands("pbx1", line if acts else None, line if calls else None, "out", 20 * S)},
            terms,
            QUEUES,
            clock=lambda: self.time,
            counted=lambda *what: self.counted.append(what),
            changed=self.changed.append,
        )

    async def wish(self, wish: Wish, person: Person | None = None, **about: object) -> Said:
        return await self.desks.wish("1001", Asked(wish, **about), person)  # type: ignore[arg-type]

    async def signed_in(self) -> "House":
        assert await self.wish(Wish.SIGN_IN, phone=PHONE, queues=("support", "sales")) == Said()
        return self


async def test_he_signs_in_pauses_is_ready_and_signs_out() -> None:
    house = await House().signed_in()
    assert house.desks.now("1001").standing.doing is Doing.READY
    assert (await house.wish(Wish.PAUSE, reason="用餐")).why is None
    assert house.desks.now("1001").standing.reason == "用餐"
    assert (await house.wish(Wish.READY)).why is None
    assert (await house.wish(Wish.SIGN_OUT)).why is None
    assert house.desks.now("1001").standing.doing is Doing.SIGNED_OUT
    assert ("pbx1", "pause", "done") in house.counted
    assert {member["MemberName"] for action, member in house.pbx.asked if action == "QueueAdd"} == {"1001"}


async def test_phone_queues_and_reasons_are_his_own() -> None:
    house = House()
    assert (await house.wish(Wish.SIGN_IN, phone="PJSIP/1002", queues=("support",))).why is Why.NOT_YOUR_PHONE
    assert (await house.wish(Wish.SIGN_IN, phone=PHONE)).why is Why.NOT_YOUR_QUEUE
    bound = Person("zhang", Role.AGENT, frozenset({"north"}))
    assert (await house.wish(Wish.SIGN_IN, bound, phone=PHONE, queues=("sales",))).why is Why.NOT_YOUR_QUEUE
    assert house.desks.queues_of("1001", bound) == ("support",)
    assert house.desks.queues_of("1002", None) == ("sales",)
    await house.signed_in()
    assert (await house.wish(Wish.PAUSE, reason="my own")).why is Why.NO_REASON
    assert (await house.wish(Wish.CALL, number="700@landing")).why is Why.BAD_NUMBER


async def test_a_queue_that_refuses_leaves_no_half_sign_in() -> None:
    house = House()
    house.pbx.refuses["QueueAdd", "sales"] = Answer(Result.REFUSED, "No such queue", "7")
    said = await house.wish(Wish.SIGN_IN, phone=PHONE, queues=("support", "sales"))
    assert said == Said(Why.REFUSED, "No such queue")
    assert not house.pbx.members


async def test_one_thing_at_a_time_but_a_ringing_phone_keeps_nobody_from_pausing() -> None:
    house = await House().signed_in()
    house.pbx.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(house.wish(Wish.PAUSE, reason="用餐"))
        await asyncio.sleep(0)
        assert (await house.wish(Wish.WRAP_UP)).why is Why.ONE_AT_A_TIME
        assert (await house.wish(Wish.CALL, number="95555")) == Said(Why.REFUSED, "3")
        house.pbx.gate.set()
    assert first.result() == Said()
    action, headers = next(one for one in house.pbx.asked if one[0] == "Originate")
    assert (action, headers["Channel"], headers["Context"], headers["Exten"], headers["Timeout"]) == (
        "Originate", PHONE, "out", "95555", "20000",
    )  # fmt: skip


async def test_a_wrap_up_ends_by_itself_once_its_time_is_over() -> None:
    house = await House().signed_in()
    assert (await house.wish(Wish.WRAP_UP)).why is None
    await house.desks.look()
    house.time += 29 * S
    await house.desks.look()
    assert house.desks.now("1001").left == S
    house.time += S
    await house.desks.look()
    assert house.desks.now("1001").standing.doing is Doing.READY
    assert house.changed.count("1001") == 1
    await house.desks.look()
    assert house.changed.count("1001") == 2


async def test_of_a_pbx_that_is_not_heard_nothing_is_known_or_done() -> None:
    house = await House().signed_in()
    house.pbx.synchronised = False
    assert house.desks.now("1001").standing.doing is Doing.UNKNOWN
    assert (await house.wish(Wish.READY)).why is Why.NOT_HEARD


async def test_what_the_configuration_does_not_name_is_off() -> None:
    house = House(acts=False, calls=False)
    assert house.desks.can("1001") == (False, False)
    assert (await house.wish(Wish.SIGN_IN, phone=PHONE, queues=("support",))).why is Why.OFF
    assert (await house.wish(Wish.CALL, number="95555")).why is Why.OFF
    assert not house.pbx.asked
