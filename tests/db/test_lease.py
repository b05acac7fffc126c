"""Who follows a PBX: the rules of the lease, each against a real PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from telephony.cases.attempts import Attempts
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.embedded import EmbeddedPostgres
from telephony.cases.lease import LEASE, Leases, Take

pytestmark = pytest.mark.db

LIMIT = 20
A, B = UUID(int=1), UUID(int=2)
ONE, BOTH = frozenset({"pbx1"}), frozenset({"pbx1", "pbx2"})
NONE: frozenset[str] = frozenset()
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
Instance = Callable[..., Leases]


@pytest.fixture
async def instance(database: str) -> AsyncIterator[Instance]:
    async with AsyncExitStack() as stack:

        def made(holder: UUID, *pbxs: str, lease: timedelta = LEASE) -> Leases:
            leases = Leases(database, holder, f"host pid {holder.int}", pbxs or ("pbx1",), lease=lease)
            stack.push_async_callback(leases.close)
            return leases

        yield made


@pytest.fixture
async def admin(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def ended(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """All leases have run out, long ago."""
    await admin.execute("UPDATE leases SET until = clock_timestamp() - interval '1 hour'")


async def test_what_one_holds_another_cannot_take_and_learns_who_holds_it(instance: Instance) -> None:
    a, b = instance(A), instance(B)
    assert await a.take() == ONE
    assert await b.take() == NONE
    (holding,) = await b.holders()
    assert (holding.pbx, holding.holder, holding.told, holding.living) == ("pbx1", A, "host pid 1", True)
    assert holding.until - holding.taken_at == pytest.approx(LEASE, abs=timedelta(milliseconds=100))


async def test_all_pbxs_are_taken_or_none(instance: Instance) -> None:
    a, b = instance(A, "pbx2"), instance(B, "pbx1", "pbx2")
    assert await a.take() == {"pbx2"}
    assert await b.take() == NONE
    assert [each.holder for each in await b.holders()] == [A]
    await a.release()
    assert await b.take() == BOTH


async def test_the_same_instance_has_its_lease_back_at_once_after_a_crash(instance: Instance) -> None:
    assert await instance(A).take() == ONE
    assert await instance(A).take() == ONE


async def test_what_a_process_took_that_was_killed_at_once_is_known_to_the_next(database: str, tmp_path: Path) -> None:
    async def taken(folder: Path) -> Take:
        """By a process that is killed as soon as it has the lease: nothing is noted, nothing released."""
        leases = Leases(database, A, "host pid 1", ["pbx1"], attempts=Attempts(folder))
        assert await leases.take() == ONE
        await leases.close()
        return leases.takes["pbx1"]

    first, second, third = [await taken(tmp_path) for _ in range(3)]
    assert (first.before, first.behind) == (None, ())
    assert (second.before, second.behind) == (first.at, (None,))
    assert (third.before, third.behind) == (second.at, (first.at, None))
    copied = await taken(tmp_path / "as it was before")
    assert (copied.before, copied.behind) == (third.at, ())


async def test_who_waits_for_a_lease_remembers_no_take_of_it(instance: Instance, database: str, tmp_path: Path) -> None:
    await instance(A).take()
    waits = Leases(database, B, "host pid 2", ["pbx1"], attempts=Attempts(tmp_path))
    assert await waits.take() == NONE
    await waits.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_copy_of_the_instance_ends_the_term_of_the_original(instance: Instance) -> None:
    original, copy = instance(A), instance(A)
    await original.take()
    await copy.take()
    assert await original.renew() == NONE
    assert await copy.renew() == ONE


async def test_a_lease_that_ended_is_anybodys_and_lost_to_who_had_it(
    instance: Instance, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    a, b = instance(A, lease=timedelta(milliseconds=1)), instance(B, lease=timedelta(milliseconds=1))
    await a.take()
    await ended(admin)
    assert await b.take() == ONE
    assert await a.renew() == NONE
    await a.release()
    assert [each.holder for each in await a.holders()] == [B]


async def test_a_lease_that_ended_but_nobody_took_is_renewed(
    instance: Instance, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    a = instance(A)
    await a.take()
    await ended(admin)
    assert not (await a.holders())[0].living
    assert await a.renew() == ONE
    assert (await a.holders())[0].living


async def test_a_server_that_was_down_leaves_the_holder_one_lease_to_come_back(
    instance: Instance, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    since_the_start = timedelta(hours=24)  # longer than the server runs, as 10 s are just after its start
    a, b = instance(A), instance(B, lease=since_the_start)
    await a.take()
    await ended(admin)
    assert await b.take() == NONE
    assert await a.renew() == ONE


async def test_a_lease_that_vanished_is_lost(instance: Instance, admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    a = instance(A)
    await a.take()
    await admin.execute("DELETE FROM leases")
    assert await a.renew() == NONE


async def test_a_release_wakes_who_listens_and_is_his_at_once(instance: Instance) -> None:
    a, b = instance(A), instance(B)
    await a.take()
    await b.listen()
    await b.listen()
    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(b.wait(LIMIT * 10))
        await a.release()
        await waiting
    assert await b.take() == ONE
    assert await b.wait(0.001) is None  # no release: it ends by itself


async def test_a_release_of_nothing_is_told_to_nobody(instance: Instance) -> None:
    a, b = instance(A), instance(B)
    await b.listen()
    await a.release()
    assert await b.holders() == []  # by now the server would have told
    assert not b._released.is_set()


async def test_many_at_once_leave_one_holder(instance: Instance) -> None:
    rivals = [instance(UUID(int=number), "pbx1", "pbx2") for number in range(1, 13)]
    taken = await asyncio.gather(*(each.take() for each in rivals))
    assert sorted(map(len, taken)) == [0] * 11 + [2]


async def test_a_taker_waits_until_the_batch_being_saved_is_through(
    instance: Instance, database: str, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    a, b = instance(A, lease=timedelta(milliseconds=1)), instance(B, lease=timedelta(milliseconds=1))
    await a.take()
    saving = await asyncpg.connect(database)
    try:
        async with asyncio.TaskGroup() as tasks:  # noqa: SIM117 - the taking goes on when the saving is through
            async with saving.transaction():
                assert await a.fence(saving, ["pbx1", "other"]) == ONE
                assert await a.renew() == ONE  # the holder's own renewal does not wait for his own batch
                await ended(admin)
                taking = tasks.create_task(b.take())
                while not await admin.fetchval(WAITING):
                    assert not taking.done()
        assert taking.result() == ONE
        async with saving.transaction():
            assert await a.fence(saving, ["pbx1"]) == NONE
    finally:
        await saving.close()


async def test_a_database_that_is_away_is_told_as_such(server: EmbeddedPostgres) -> None:
    del server
    with pytest.raises(OSError, match=r".*"):
        await Leases("postgresql://nobody@127.0.0.1:1/none", A, "", ["pbx1"]).take()
    with pytest.raises(DatabaseUrlError):
        await Leases("postgresql://u@127.0.0.1:port/none", A, "", ["pbx1"]).renew()


async def test_after_its_connection_was_cut_it_opens_another(
    instance: Instance, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    a = instance(A)
    await a.take()
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", "threerings lease"
    )
    while await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'threerings lease'"):
        pass
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await a.renew()  # whether the cut has been noticed by now depends on the moment; nothing else may come of it
    assert await a.renew() == ONE


async def noted(leases: Leases) -> Take:
    """Taken, by a process that remembers it, and released."""
    await leases.take()
    leases.noted()
    await leases.release()
    return leases.takes["pbx1"]


async def test_a_take_tells_of_the_one_before_and_its_term_counts_who_else_has_followed(instance: Instance) -> None:
    assert instance(A).takes == {}
    first = await noted(instance(A))
    assert (first.term, first.before) == (1, None)
    second = await noted(instance(A))
    assert (second.term, second.before) == (1, first.at)  # stopped and started: nobody else was there
    other = await noted(instance(B))
    third = await noted(instance(A))
    assert (other.term, third.term) == (2, 3)
    assert third.before == other.at != second.at


async def test_a_copy_of_an_instance_is_seen_by_the_original(instance: Instance) -> None:
    original = await noted(instance(A))
    copy = await noted(instance(A))
    again = await noted(instance(A))
    assert original.at == copy.before != again.before == copy.at


async def test_a_start_that_failed_leaves_the_next_what_it_found(instance: Instance) -> None:
    first = await noted(instance(A))
    failed = instance(A)
    await failed.take()
    await failed.release()
    assert (await noted(instance(A))).before == first.at


async def test_who_never_heard_that_he_has_it_and_asks_again_does_not_take_himself_for_another(
    instance: Instance, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    first = await noted(instance(A))
    a = instance(A)
    await a.take()
    await a.take()  # as if the first answer had been lost
    assert a.takes["pbx1"].before == first.at
    await admin.execute("DELETE FROM leases")
    new = instance(A)
    await new.take()
    await new.take()
    assert new.takes["pbx1"].before is None


async def test_what_was_given_up_is_neither_renewed_nor_written(instance: Instance, database: str) -> None:
    a = instance(A)
    await a.take()
    taken = dict(a._taken)
    await a.release()
    a._taken = taken  # as if the answer had been lost
    assert await a.renew() == NONE
    saving = await asyncpg.connect(database)
    async with saving.transaction():
        assert await a.fence(saving, ["pbx1"]) == NONE
    await saving.close()
