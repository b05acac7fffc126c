"""Sessions in memory: what is believed, for how long, and when not any more."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from handlers.people.keyring import (
    AT_ONCE,
    FRESH,
    GRACE,
    KEPT,
    MOST,
    USED_EVERY,
    Keyring,
    hash_of,
    new_session,
    new_token,
)
from telephony.cases.accounts import Account, Terms
from telephony.cases.keys import Known
from telephony.people.roles import Role

ZHAO = Account(uuid4(), "zhao", Terms(Role.SUPERVISOR), None, False, None, datetime(2026, 3, 2, tzinfo=UTC))


class Table:
    """The database: what is good, whether it answers, and what it was asked."""

    def __init__(self) -> None:
        self.good: dict[bytes, Known] = {}
        self.away = False
        self.asked: list[int] = []
        self.noted: list[bytes] = []
        self.slow = asyncio.Event()
        self.slow.set()

    def has(self, secret: str, account: Account = ZHAO) -> None:
        self.good[hash_of(secret)] = Known(uuid4(), account, None)

    async def known(self, hashes: Collection[bytes], /) -> Mapping[bytes, Known]:
        self.asked.append(len(hashes))
        if self.away:
            raise ConnectionRefusedError("nobody there")
        found = {key: self.good[key] for key in hashes if key in self.good}
        await self.slow.wait()
        return found

    async def used(self, hashes: Collection[bytes], /) -> None:
        self.noted += hashes


class House:
    def __init__(self) -> None:
        self.now = 1000.0
        self.table = Table()
        self.ring = Keyring(self.table, lambda: self.now)


def test_secrets_are_long_never_the_same_and_kept_as_hashes() -> None:
    assert len({new_session() for _ in range(100)}) == 100
    assert (len(new_session()), new_token()[:3], len(new_token())) == (43, "tr_", 46)
    assert hash_of("a") != hash_of("b")
    assert len(hash_of("\ud800")) == 32


async def test_one_that_was_just_asked_for_is_believed_and_then_asked_for_again() -> None:
    house = House()
    house.table.has("secret")
    for _ in range(3):
        found = await house.ring.look("secret")
        assert found is not None
        assert found.account is ZHAO
    assert house.table.asked == [1]
    house.now += FRESH
    del house.table.good[hash_of("secret")]
    assert await house.ring.look("secret") is None
    assert house.ring.known("secret") is None


async def test_what_nobody_has_is_nobodys_and_what_is_too_long_is_not_even_asked_for() -> None:
    house = House()
    assert await house.ring.look("nobody") is None
    assert await house.ring.look("x" * 101) is None
    assert house.table.asked == [1]


async def test_what_was_revoked_elsewhere_ends_at_the_next_look_round_and_what_was_changed_is_known_anew() -> None:
    house = House()
    house.table.has("mine")
    house.table.has("yours")
    await house.ring.look("mine")
    await house.ring.look("yours")
    del house.table.good[hash_of("mine")]
    changed = replace(ZHAO, terms=Terms(Role.AGENT))
    house.table.has("yours", changed)
    await house.ring.refresh()
    assert house.ring.known("mine") is None
    found = house.ring.known("yours")
    assert found is not None
    assert found.account is changed
    assert house.table.asked == [1, 1, 2]


async def test_what_a_page_of_ours_ends_is_ended_at_once_also_while_it_was_being_asked_for() -> None:
    house = House()
    house.table.has("secret")
    await house.ring.look("secret")
    house.ring.end(ZHAO.id)
    assert house.ring.known("secret") is None
    house.table.slow.clear()
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(house.ring.look("secret"))
        await asyncio.sleep(0)
        house.ring.end(ZHAO.id)
        house.table.slow.set()
    assert looking.result() is not None  # that one request was first
    assert house.ring.known("secret") is None


async def test_while_the_database_is_away_what_was_good_stays_so_for_half_a_day_and_nobody_new_comes_in() -> None:
    house = House()
    house.table.has("secret")
    await house.ring.look("secret")
    house.table.away = True
    for _ in range(int(GRACE / KEPT * 2) - 1):
        house.now += KEPT / 2
        with capture_logs():
            await house.ring.refresh()
        assert await house.ring.look("secret") is not None
    with pytest.raises(ConnectionRefusedError):
        await house.ring.look("another")
    house.now += KEPT
    with pytest.raises(ConnectionRefusedError):
        await house.ring.look("secret")


async def test_who_is_known_does_not_wait_for_a_database_that_did_not_answer_a_moment_ago() -> None:
    house = House()
    house.table.has("secret")
    await house.ring.look("secret")
    house.now += FRESH
    house.table.away = True
    for _ in range(5):
        assert await house.ring.look("secret") is not None
    assert house.table.asked == [1, 1]
    house.table.away = False
    house.now += FRESH
    assert await house.ring.look("secret") is not None
    assert house.table.asked == [1, 1, 1]


async def test_what_is_shown_no_more_is_forgotten_here_and_what_is_used_is_noted_once_a_minute() -> None:
    house = House()
    house.table.has("secret")
    await house.ring.look("secret")
    await house.ring.refresh()
    assert house.table.noted == [hash_of("secret")]
    await house.ring.refresh()
    assert len(house.table.noted) == 1
    house.now += USED_EVERY + 1
    await house.ring.look("secret")
    await house.ring.refresh()
    assert len(house.table.noted) == 2
    house.now += KEPT + 1
    asked = len(house.table.asked)
    await house.ring.refresh()
    assert len(house.table.asked) == asked


async def test_that_it_cannot_be_asked_for_is_told_once_a_minute_and_what_nobody_expected_ends_nothing() -> None:
    house = House()
    house.table.has("secret")
    await house.ring.look("secret")
    house.table.away = True
    with capture_logs() as logged:
        await house.ring.refresh()
        await house.ring.refresh()
    assert [one["event"] for one in logged] == ["sessions_not_asked_for"]
    house.table.away = False
    house.table.good[hash_of("secret")] = None  # type: ignore[assignment]
    house.table.slow = None  # type: ignore[assignment]
    with capture_logs() as logged:
        await house.ring.refresh()
    assert [one["event"] for one in logged] == ["sessions_not_looked_at"]
    assert house.ring.known("secret") is not None


async def test_many_are_asked_for_some_at_a_time() -> None:
    house = House()
    for number in range(AT_ONCE + 1):
        house.table.has(str(number))
        await house.ring.look(str(number))
    await house.ring.refresh()
    assert house.table.asked[-2:] == [AT_ONCE, 1]


async def test_of_very_many_the_oldest_is_asked_for_again() -> None:
    house = House()
    for number in range(MOST + 1):
        house.table.has(str(number))
        await house.ring.look(str(number))
    assert house.ring.known("0") is None
    assert house.ring.known("1") is not None


async def test_it_goes_round_by_itself() -> None:
    house = House()
    house.table.has("secret")
    ring = Keyring(house.table, lambda: house.now, every=0.01)
    await ring.look("secret")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(ring.run())
        async with asyncio.timeout(20):
            while len(house.table.asked) < 2:
                await asyncio.sleep(0.05)
        running.cancel()
