"""Board, screens and histories together."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from handlers.screens import Screens
from telephony.calls.record import CallRecord, Outcome
from telephony.cases.earlier import Contacts, EarlierContact
from telephony.customers.lookup import Found, Known
from telephony.screenpop.pop import Knowledge, Who
from telephony.screenpop.screen import RESTART, Screen
from tests.screenpop.desks import DESKS, LIMITS, QUEUES, Clock, Counted, desk
from tests.screenpop.test_board import answered, ringing, withdrawn
from tests.screenpop.test_standing import phone, waiting
from tests.support.calls import at

OLD = EarlierContact(
    UUID(int=1), at(-100), "support", Outcome.ANSWERED, "Agent 1001", timedelta(seconds=5), None, UUID(int=2), "7", "x"
)
CASELESS = EarlierContact(UUID(int=3), at(-200), None, None, None, None, None, None, None, None)


@dataclass
class Archive:
    """Who called before; `away` while it is."""

    away: bool = False
    number: str | None = "000009"
    asked: list[tuple[str, datetime]] = field(default_factory=list)

    async def of(self, caller: str, before: datetime, _exclude: UUID, /) -> Contacts:
        self.asked.append((caller, before))
        if self.away:
            raise ConnectionRefusedError
        return Contacts(2, False, (OLD, CASELESS), self.number)


@dataclass
class Office:
    screens: Screens
    clock: Clock
    measured: Counted
    archive: Archive
    up: dict[str | None, bool]
    audited: list[tuple[object, ...]]

    def follow(self, *calls: CallRecord) -> None:
        for call in calls:
            self.screens.follow(call, self.clock())

    def passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.screens.tick()


async def hears(screen: Screen, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            text = await screen.take()
            assert isinstance(text, str)
            document: dict[str, Any] = json.loads(text)
            if document["type"] == kind:
                return document


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    audited: list[tuple[object, ...]] = []
    clock, measured, archive, up = Clock(), Counted(), Archive(), dict[str | None, bool]()
    desks = (*DESKS, desk("7", pbx="pbx7"))
    screens = Screens(
        desks,
        QUEUES,
        LIMITS,
        asks=archive,
        measured=measured,
        clock=clock,
        up=lambda pbx: up.get(pbx, True),
        audit=lambda *seen: audited.append(seen),
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(screens.run())
        yield Office(screens, clock, measured, archive, up, audited)
        running.cancel()


async def test_the_pop_does_not_wait_for_the_history(office: Office) -> None:
    screen = office.screens.open("1001")
    office.follow(ringing())
    told = await hears(screen, "call")
    assert told["call"]["earlier"]["state"] == "asking"
    told = await hears(screen, "earlier")
    assert (told["earlier"]["state"], told["earlier"]["total"]) == ("known", 2)
    assert [one["case"] and one["case"]["number"] for one in told["earlier"]["calls"]] == ["7", None]
    assert told["case"]["number"] == "000009"
    assert office.archive.asked == [("+8613800138000", at(1))]


async def test_who_was_shown_a_history_is_written_down_once_and_nobody_else(office: Office) -> None:
    first = office.screens.open("1001", "zhao", "10.0.0.1")
    call = ringing(1, "1001", "1002")
    office.follow(call)
    assert office.audited == []
    await hears(first, "earlier")
    assert office.audited == [("zhao", "10.0.0.1", call.id, "support", None)]
    second, other = office.screens.open("1001", "zhao", "10.0.0.1"), office.screens.open("1002")
    office.follow(answered())
    assert office.audited[1:] == [("agent 1002", "", call.id, "support", None)]
    for screen in (first, second, other):
        office.screens.close(screen, "closed")
    office.follow(ringing(2, "1001"))
    assert len(office.audited) == 2


async def test_nobody_is_asked_for_a_call_at_which_nobody_looks(office: Office) -> None:
    office.follow(ringing())
    office.passes(10)
    await asyncio.sleep(0)
    assert office.archive.asked == []
    screen = office.screens.open("1001")
    assert len((await hears(screen, "welcome"))["calls"]) == 1
    assert (await hears(screen, "earlier"))["earlier"]["state"] == "known"
    assert len(office.screens) == 1


async def test_many_screens_of_one_call_ask_once(office: Office) -> None:
    screens = [office.screens.open(name) for name in ("1001", "1001", "1002")]
    office.follow(ringing(1, "1001"), ringing(1, "1001", "1002"))
    for screen in screens:
        call = (await hears(screen, "call"))["call"]
        assert call["phase"] == "ringing"
        if call["earlier"]["state"] == "asking":
            await hears(screen, "earlier")
    assert len(office.archive.asked) == 1


async def test_a_database_that_is_away_is_asked_again_while_the_call_is_on_a_screen(office: Office) -> None:
    office.archive.away = True
    screen = office.screens.open("1001")
    office.follow(ringing())
    assert (await hears(screen, "call"))["call"]["earlier"]["state"] == "asking"
    assert (await hears(screen, "earlier"))["earlier"] == {
        "state": "unavailable", "reason": "database", "total": None, "more": False, "calls": [],
    }  # fmt: skip
    office.passes(4)
    office.archive.away = False
    office.passes(1)
    assert (await hears(screen, "earlier"))["earlier"]["state"] == "known"
    assert len(office.archive.asked) == 2


async def test_it_is_asked_again_when_something_happens_to_the_call(office: Office) -> None:
    office.archive.away = True
    screen = office.screens.open("1001")
    office.follow(ringing())
    await hears(screen, "earlier")
    office.archive.away = False
    office.clock.now += 1
    office.follow(answered())
    assert (await hears(screen, "call"))["call"]["phase"] == "talking"
    assert (await hears(screen, "earlier"))["earlier"]["state"] == "known"


async def test_what_is_known_stays_so_when_the_database_goes(office: Office) -> None:
    office.archive.number = None
    screen = office.screens.open("1001")
    office.follow(ringing())
    assert (await hears(screen, "earlier"))["case"]["number"] is None
    office.archive.away = True
    office.passes(5)
    while len(office.archive.asked) < 2:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    office.archive.away, office.archive.number = False, "000010"
    office.passes(5)
    told = await hears(screen, "earlier")
    assert (told["earlier"]["state"], told["case"]["number"]) == ("known", "000010")


async def test_of_who_shows_no_number_nothing_is_asked(office: Office) -> None:
    screen = office.screens.open("1001")
    office.follow(ringing(caller="anonymous"))
    assert (await hears(screen, "call"))["call"]["earlier"]["state"] == "anonymous"
    office.passes(5)
    await asyncio.sleep(0)
    assert office.archive.asked == []


async def test_what_is_forgotten_is_told_and_asked_no_more(office: Office) -> None:
    office.archive.away = True
    screen = office.screens.open("1001")
    await hears(screen, "welcome")
    office.follow(ringing(), withdrawn())
    await hears(screen, "call")
    office.passes(10)
    told = await hears(screen, "gone")
    assert told["call"] == str(ringing().id)
    asked = len(office.archive.asked)
    office.passes(10)
    await asyncio.sleep(0)
    assert len(office.archive.asked) == asked


async def test_a_pbx_that_is_lost_is_told_to_those_whom_it_concerns(office: Office) -> None:
    first, second = office.screens.open("7"), office.screens.open("1001")
    assert (await hears(first, "welcome"))["pbx"] == {"up": True}
    await hears(second, "welcome")
    office.up["pbx7"] = False
    office.passes(1)
    assert (await hears(first, "pbx"))["up"] is False
    office.up["pbx7"] = True
    office.up[None] = False
    office.passes(1)
    assert (await hears(first, "pbx"))["up"] is True
    assert (await hears(second, "pbx"))["up"] is False


async def test_a_screen_hears_something_every_ten_seconds_so_that_a_dead_line_is_seen(office: Office) -> None:
    screen = office.screens.open("1001")
    assert (await hears(screen, "welcome"))["limits"]["beat_seconds"] == 10
    for _ in range(2):
        office.passes(9)
        office.passes(1)
        assert (await hears(screen, "pbx"))["up"] is True


async def test_ages_that_rested_on_an_estimate_are_told_anew_once_they_are_known(office: Office) -> None:
    screen = office.screens.open("1001")
    office.screens.follow(ringing(), office.clock(), at(30), stamped=False)
    assert (await hears(screen, "call"))["call"]["ringing_seconds"] == 26
    office.screens.follow(ringing(), office.clock(), at(40), stamped=True)
    assert (await hears(screen, "call"))["call"]["ringing_seconds"] == 36


async def test_what_is_taken_up_while_the_pbx_is_not_heard_is_no_news(office: Office) -> None:
    screen = office.screens.open("1001")
    await hears(screen, "welcome")
    office.up["pbx1"] = office.up[None] = False
    office.screens.follow(ringing(), office.clock(), at(30), stamped=False)
    again = await hears(screen, "welcome")
    assert (again["pbx"], [call["phase"] for call in again["calls"]]) == ({"up": False}, ["ringing"])
    office.screens.follow(answered(), office.clock(), at(31), stamped=True)
    assert (await hears(screen, "call"))["call"]["phase"] == "talking"
    assert not office.measured.drops


async def test_a_member_whose_phone_stands_on_no_desk_is_named_in_the_log(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        local = waiting(phone("9", interface="Local/9@agents/n"))
        office.follow(replace(ringing(number), visits=(local,)))
    out = capsys.readouterr().out
    assert out.count("phone_of_no_desk") == 1
    assert "Local/9@agents" in out


async def test_an_error_of_ours_stays_here(office: Office) -> None:
    nothing: Any = None
    broken = replace(ringing(), visits=(nothing,))
    office.screens.follow(broken, 1.0)
    office.screens.follow(broken, 1.0)
    screen = office.screens.open("1001")
    office.follow(ringing())
    await hears(screen, "call")
    assert office.screens.dropped == 0


async def test_without_anybody_to_ask_histories_are_unavailable() -> None:
    clock = Clock()
    screens = Screens(DESKS, QUEUES, LIMITS, asks=None, measured=Counted(), clock=clock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(screens.run())
        screen = screens.open("1001")
        screens.follow(ringing(), clock())
        assert (await hears(screen, "earlier"))["earlier"]["state"] == "unavailable"
        screens.stop()
        assert await screen.take() is RESTART
        screens.close(screen, "closed")
        running.cancel()


@dataclass
class Crm:
    """Who calls; `free` when it may be told."""

    free: asyncio.Event = field(default_factory=asyncio.Event)
    knows: list[Who] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def of(self, caller: str) -> Who:
        self.asked.append(caller)
        await self.free.wait()
        return self.knows.pop(0) if len(self.knows) > 1 else self.knows[0]


@pytest.fixture
async def counter() -> AsyncIterator[tuple[Office, Crm]]:
    """An office that knows its customers."""
    audited: list[tuple[object, ...]] = []
    clock, archive, crm = Clock(), Archive(), Crm()
    screens = Screens(
        DESKS, QUEUES, LIMITS, asks=archive, measured=Counted(), clock=clock, who=crm.of,
        audit=lambda *seen: audited.append(seen), branches={"north": "北方营业部"},
    )  # fmt: skip
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(screens.run())
        yield Office(screens, clock, Counted(), archive, {}, audited), crm
        running.cancel()


LI = Found((Known("李雷", "north", "钻石", "", UUID(int=7)),))


async def test_who_calls_comes_when_it_is_known_and_neither_pop_nor_history_waits_for_it(
    counter: tuple[Office, Crm],
) -> None:
    office, crm = counter
    crm.knows.append(Who(Knowledge.KNOWN, LI))
    screen = office.screens.open("1001", "zhao", "10.0.0.1")
    record = ringing()
    office.follow(record)
    assert (await hears(screen, "call"))["call"]["customer"]["state"] == "asking"
    told = await hears(screen, "earlier")
    assert (told["earlier"]["state"], told["customer"]["state"]) == ("known", "asking")
    crm.free.set()
    told = await hears(screen, "earlier")
    assert (told["earlier"]["state"], told["customer"]["customers"][0]["name"]) == ("known", "李雷")
    assert told["customer"]["customers"][0]["branch_title"] == "北方营业部"
    assert office.audited == [
        ("zhao", "10.0.0.1", record.id, "support", None),
        ("zhao", "10.0.0.1", record.id, "support", LI),
    ]
    office.passes(20)
    assert crm.asked == [record.caller]


async def comes(office: Office, screen: Screen, earlier: str, customer: str) -> dict[str, Any]:
    """What is told once both are so, while time passes."""

    async def listen() -> dict[str, Any]:
        told = await hears(screen, "earlier")
        while (told["earlier"]["state"], told["customer"]["state"]) != (earlier, customer):
            told = await hears(screen, "earlier")
        return told

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen())
        while not listening.done():
            office.passes(5)
            await asyncio.sleep(0)
    return listening.result()


async def test_who_calls_is_told_though_the_database_of_calls_is_away_and_stays_known(
    counter: tuple[Office, Crm],
) -> None:
    office, crm = counter
    crm.knows += [Who(Knowledge.KNOWN, LI), Who(Knowledge.UNAVAILABLE)]
    crm.free.set()
    office.archive.away = True
    screen = office.screens.open("1001")
    office.follow(ringing())
    await comes(office, screen, "unavailable", "known")
    while len(crm.asked) < 3:  # asked again for the sake of the history; now the CRM is away
        office.passes(5)
        await asyncio.sleep(0)
    office.archive.away = False
    told = await comes(office, screen, "known", "known")
    assert told["customer"]["customers"][0]["name"] == "李雷"


async def test_a_crm_that_is_away_is_asked_again_while_the_call_is_on_a_screen(counter: tuple[Office, Crm]) -> None:
    office, crm = counter
    crm.knows += [Who(Knowledge.UNAVAILABLE), Who(Knowledge.KNOWN)]
    crm.free.set()
    screen = office.screens.open("1001")
    office.follow(ringing())
    assert (await comes(office, screen, "known", "known"))["customer"]["customers"] == []
    assert len(crm.asked) == 2
