from __future__ import annotations

import asyncio
from uuid import UUID

from handlers.sightings import Sightings
from telephony.calls.facts import Uniqueid
from telephony.calls.record import Standing

ONE, OTHER = Uniqueid("1.1"), Uniqueid("1.2")
CALL = Standing(UUID(int=1), UUID(int=2))


class World(dict[Uniqueid, Standing]):
    """What AMI has told so far."""

    def __init__(self) -> None:
        super().__init__()
        self.sightings = Sightings(self.get)

    def tell(self, uniqueid: Uniqueid) -> None:
        self[uniqueid] = CALL
        self.sightings.look()


async def test_what_is_known_is_told_at_once() -> None:
    world = World()
    world.tell(ONE)
    assert await world.sightings.of(ONE, 0) == CALL


async def test_what_is_not_known_and_may_not_be_awaited_is_none() -> None:
    assert await World().sightings.of(ONE, 0) is None


async def test_two_who_ask_for_a_channel_that_ami_tells_a_moment_later_are_both_told() -> None:
    world = World()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(world.sightings.of(ONE, 60))
        second = tasks.create_task(world.sightings.of(ONE, 60))
        await asyncio.sleep(0)
        world.tell(OTHER)
        await asyncio.sleep(0)
        assert not first.done()
        world.tell(ONE)
    assert (first.result(), second.result()) == (CALL, CALL)


async def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    world = World()
    async with asyncio.TaskGroup() as tasks:
        patient = tasks.create_task(world.sightings.of(ONE, 60))
        assert await world.sightings.of(ONE, 0.001) is None
        cancelled = tasks.create_task(world.sightings.of(OTHER, 60))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
        world.tell(ONE)
    assert patient.result() == CALL
    assert not world.sightings._sought


async def test_who_is_told_and_cancelled_at_once_harms_nobody() -> None:
    world = World()
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(world.sightings.of(ONE, 60))
        await asyncio.sleep(0)
        asked.cancel()
        world.tell(ONE)
    assert asked.cancelled()
    assert not world.sightings._sought
