"""Whose token it is, who has guessed too often, whose page asks."""

import asyncio

import pytest

from handlers import admission
from handlers.admission import (
    FAILURES,
    FAILURES_WITHIN,
    SIGNING_IN_EACH,
    CrowdedError,
    Doorway,
    Failures,
    Tokens,
    same_host,
)
from tests.screenpop.desks import Clock


def failed(clock: Clock, *addresses: str | None) -> Failures:
    failures = Failures(clock)
    for address in addresses:
        failures.add(address)
    return failures


def test_a_token_is_its_agents_and_nothing_like_it_is() -> None:
    tokens = Tokens({"1001": "alpha", "1002": "beta"})
    assert [tokens.agent(token) for token in ("alpha", "beta", "alph", "alphaa", "", "Alpha")] == [
        "1001", "1002", None, None, None, None,
    ]  # fmt: skip
    assert "alpha" not in repr(vars(tokens))


def test_who_fails_too_often_waits_until_that_is_a_minute_ago() -> None:
    clock = Clock()
    failures = failed(clock, *["10.0.0.1"] * (FAILURES - 1))
    assert not failures.too_many("10.0.0.1")
    failures.add("10.0.0.1")
    assert failures.too_many("10.0.0.1")
    assert not failures.too_many("10.0.0.2")
    clock.now += FAILURES_WITHIN
    assert not failures.too_many("10.0.0.1")


def test_who_has_many_addresses_of_one_network_counts_as_one() -> None:
    failures = failed(Clock(), *(f"2001:db8:0:1::{n:x}" for n in range(FAILURES)))
    assert failures.too_many("2001:db8:0:1:ffff::1")
    assert not failures.too_many("2001:db8:0:2::1")


def test_what_is_no_address_counts_as_what_it_is() -> None:
    assert failed(Clock(), *[None] * FAILURES).too_many("")
    assert failed(Clock(), *["socket"] * FAILURES).too_many("socket")


def test_of_very_many_addresses_the_oldest_is_forgotten() -> None:
    failures = failed(Clock(), *["10.9.9.9"] * FAILURES)
    for number in range(admission.ADDRESSES):
        failures.add(f"10.0.{number // 256}.{number % 256}")
    assert not failures.too_many("10.9.9.9")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://desk:8080", "desk:8080"),
        ("http://Desk", "desk:80"),
        ("https://desk", "desk"),
        ("https://desk:443", "desk"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_a_page_of_ours_has_the_host_that_is_asked(origin: str, host: str) -> None:
    assert same_host(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://desk.evil", "desk"),
        ("http://evil", "desk"),
        ("http://desk:8081", "desk:8080"),
        ("http://desk@evil", "desk"),
        ("null", "desk"),
        ("", ""),
        ("http://", ""),
        ("file:///desk", "desk"),
        ("http://[", "desk"),
        ("http://desk:x", "desk"),
        ("http://desk:99999", "desk:99999"),
    ],
)
def test_any_other_has_not(origin: str, host: str) -> None:
    assert not same_host(origin, host)


async def test_a_stop_that_comes_while_somebodys_time_is_just_over_changes_nothing() -> None:
    doorway, loop = Doorway(0), asyncio.get_running_loop()
    stopped = loop.create_future()

    async def stand() -> None:
        async with doorway.entered("10.0.0.1"):
            loop.call_soon(lambda: stopped.set_result(doorway.close()))  # right behind the end of the time
            await loop.create_future()

    with pytest.raises(TimeoutError):
        await stand()
    assert stopped.done()


async def test_who_leaves_the_door_makes_room_and_one_address_has_no_more_than_a_few_places() -> None:
    doorway = Doorway(60, most=SIGNING_IN_EACH + 1)
    async with asyncio.TaskGroup() as tasks:
        leave = asyncio.Event()

        async def stand(remote: str) -> None:
            async with doorway.entered(remote):
                await leave.wait()

        standing = [tasks.create_task(stand("10.0.0.1")) for _ in range(SIGNING_IN_EACH)]
        await asyncio.sleep(0)
        with pytest.raises(CrowdedError):
            await stand("10.0.0.1")
        tasks.create_task(stand("10.0.0.2"))
        await asyncio.sleep(0)
        with pytest.raises(CrowdedError):
            await stand("10.0.0.3")
        standing[0].cancel()
        await asyncio.sleep(0)
        leave.set()
        await stand("10.0.0.3")
