"""Passwords: what is kept of them, and that no more are worked at than may be."""

import asyncio

import pytest

from handlers.people.hashing import BusyError, Hasher


async def test_a_password_is_right_however_its_keyboard_writes_it_and_another_is_not() -> None:
    hasher = Hasher(time_cost=1, memory_kib=8)
    kept = await hasher.hash("correct ｈorse")
    assert kept.startswith("$argon2id$")
    assert await hasher.right(kept, "correct horse")
    assert not await hasher.right(kept, "correct Horse")
    assert not await hasher.right(None, "correct horse")
    assert not await hasher.right("no hash at all", "correct horse")
    assert hasher.outdated(kept) is False
    assert Hasher(time_cost=2, memory_kib=16).outdated(kept) is True
    hasher.close()


async def test_where_too_many_wait_one_more_is_told_so() -> None:
    hasher = Hasher(time_cost=1, memory_kib=8, waiting=3)
    done = await asyncio.gather(*(hasher.hash("correct horse") for _ in range(5)), return_exceptions=True)
    assert [isinstance(one, BusyError) for one in done] == [False, False, False, True, True]
    with pytest.raises(BusyError):
        await Hasher(waiting=0).hash("x")
    assert await hasher.right(str(done[0]), "correct horse")
    hasher.close()
