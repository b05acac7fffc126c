"""What a screen is told, in which order, and what is counted."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from telephony.calls.record import CallRecord
from telephony.screenpop import screen as screens
from telephony.screenpop.hub import SCREENS_PER_DESK, Full, Hub
from telephony.screenpop.messages import Writer
from telephony.screenpop.pop import History, Knowledge
from telephony.screenpop.screen import BEHIND, RESTART, TAKEN_OVER, Bye, Screen
from tests.screenpop.desks import DESKS, LIMITS, QUEUES, Clock, Counted, Watch
from tests.screenpop.test_board import answered, ringing, withdrawn


@dataclass
class Office:
    """A board and a hub, joined as `handlers.screens` does it."""

    clock: Clock = field(default_factory=Clock)
    measured: Counted = field(default_factory=Counted)
    watch: Watch = field(default_factory=Watch)
    most: int = 2000

    def __post_init__(self) -> None:
        self.hub = Hub(DESKS, Writer(QUEUES, LIMITS), self.measured, self.clock, most=self.most)

    def open(self, desk: str = "1001") -> Screen:
        return self.hub.open(desk, lambda: self.watch.board.of(desk), lambda: True)

    def follow(self, *calls: CallRecord) -> None:
        before = len(self.watch.changes)
        self.watch.follow(*calls)
        self.hub.show(self.watch.changes[before:], self.clock())


async def taken(screen: Screen) -> list[str]:
    """All that waits: `welcome 0`, `call ringing`, `gone`…"""
    found = []
    while True:
        taking: asyncio.Task[Any] = asyncio.get_running_loop().create_task(screen.take())
        await asyncio.sleep(0)
        if not taking.done():
            taking.cancel()
            return found
        text = taking.result()
        assert isinstance(text, str)
        document = json.loads(text)
        what = {"welcome": lambda d: len(d["calls"]), "call": lambda d: d["call"]["phase"], "pbx": lambda d: d["up"]}
        more: Callable[[Any], object] = what.get(document["type"], lambda _: "")
        found.append(f"{document['type']} {more(document)}".strip())


async def test_a_screen_is_told_what_it_missed_and_then_what_comes() -> None:
    office = Office()
    office.follow(ringing())
    screen = office.open()
    assert await taken(screen) == ["welcome 1"]
    office.follow(answered())
    assert await taken(screen) == ["call talking"]
    assert office.measured.drops == {"no_screen": 1}


async def test_of_one_call_only_the_newest_state_waits() -> None:
    office = Office()
    screen = office.open()
    await taken(screen)
    office.follow(ringing(), withdrawn())
    assert await taken(screen) == ["call withdrawn"]
    assert office.measured.drops == {"superseded": 1}


async def test_what_is_forgotten_is_told_and_nothing_else_of_it() -> None:
    office = Office()
    screen = office.open()
    await taken(screen)
    office.follow(ringing(), withdrawn())
    office.hub.show(office.watch.board.forget(office.watch.now * 2), office.clock())
    assert await taken(screen) == ["gone"]
    office.follow(ringing(2))
    office.hub.tell(office.watch.board.history(ringing(2).id, History(Knowledge.KNOWN)))
    assert await taken(screen) == ["call ringing"]
    office.hub.tell(office.watch.board.history(ringing(2).id, History(Knowledge.KNOWN, 1)))
    assert await taken(screen) == ["earlier"]


async def test_what_begins_before_the_welcome_is_taken_is_told_once_more_to_be_acknowledged() -> None:
    office = Office()
    screen = office.open()
    office.follow(ringing())
    office.hub.tell_up("1001", up=False)
    assert await taken(screen) == ["welcome 1", "call ringing"]
    screen.seen(1)
    assert office.measured.seconds == [0]


async def test_what_is_painted_is_measured_from_the_event_once() -> None:
    office = Office()
    screens = [office.open(), office.open()]
    for screen in screens:
        await taken(screen)
    office.follow(ringing())
    for screen in screens:
        office.clock.now += 0.25
        assert await taken(screen) == ["call ringing"]
        screen.seen(1)
        screen.seen(1)
        screen.seen(99)
    assert office.measured.seconds == [0.25, 0.5]
    assert not office.measured.drops


async def test_what_is_not_acknowledged_in_time_is_dropped() -> None:
    office = Office()
    screen = office.open()
    await taken(screen)
    office.follow(ringing())
    await taken(screen)
    office.clock.now += 9
    office.hub.tick()
    assert not office.measured.drops
    office.clock.now += 1
    office.hub.tick()
    screen.seen(1)
    assert office.measured.drops == {"unacknowledged": 1}
    assert office.measured.seconds == []


async def test_a_second_ringing_of_the_same_call_is_a_second_delivery() -> None:
    office = Office()
    screen = office.open()
    await taken(screen)
    office.follow(ringing())
    await taken(screen)
    office.follow(withdrawn())
    office.follow(ringing())
    assert await taken(screen) == ["call ringing"]
    screen.seen(1)
    screen.seen(2)
    assert len(office.measured.seconds) == 2


async def test_so_many_deliveries_may_be_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "MAX_UNSEEN", 2)
    office = Office()
    screen = office.open()
    await taken(screen)
    for number in range(1, 4):
        office.follow(ringing(number))
        await taken(screen)
    assert office.measured.drops == {"unacknowledged": 1}


async def test_a_screen_that_closes_takes_its_deliveries_with_it() -> None:
    office = Office()
    screen = office.open()
    await taken(screen)
    office.follow(ringing(1))
    await taken(screen)
    office.follow(ringing(2))
    office.hub.close(screen, "slow")
    office.hub.close(screen, "closed")
    assert office.measured.drops == {"slow": 2}
    assert (office.measured.open, len(office.hub)) == (0, 0)
    assert not office.hub.watches("1001")


async def test_the_oldest_of_too_many_screens_of_an_agent_goes() -> None:
    office = Office()
    opened = [office.open() for _ in range(SCREENS_PER_DESK + 1)]
    assert await opened[0].take() is TAKEN_OVER
    assert opened[0].left.is_set()
    assert [screen.bye for screen in opened[1:]] == [None] * SCREENS_PER_DESK
    assert office.measured.open == SCREENS_PER_DESK


async def test_in_a_full_house_nobody_new_is_let_in_but_an_agent_may_take_over_his_own() -> None:
    office = Office(most=SCREENS_PER_DESK)
    for _ in range(SCREENS_PER_DESK + 1):
        office.open()
    with pytest.raises(Full):
        office.open("1002")
    assert len(office.hub) == SCREENS_PER_DESK


async def test_who_has_missed_too_much_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "MAX_GONE", 2)
    office = Office()
    screen = office.open()
    for number in range(1, 4):
        office.follow(ringing(number))
        office.hub.show(office.watch.board.forget(office.watch.now * 1000), office.clock())
    assert await screen.take() is BEHIND


async def test_the_first_reason_to_leave_counts_and_wakes_who_waits() -> None:
    office = Office()
    screen = office.open()
    await taken(screen)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(screen.take())
        await asyncio.sleep(0)
        office.hub.stop()
        screen.leave(Bye("other", 1))
    assert waiting.result() is RESTART


async def test_whether_the_pbx_is_heard_is_told_to_those_whom_it_concerns() -> None:
    office = Office()
    first, second = office.open("1001"), office.open("1002")
    await taken(first)
    await taken(second)
    office.hub.tell_up("1001", up=False)
    office.hub.tell_up("1003", up=False)
    assert await taken(first) == ["pbx False"]
    assert await taken(second) == []
