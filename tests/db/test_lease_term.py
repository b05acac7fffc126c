"""What the service does with its lease: at the start, without a database, and when another has it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import asyncpg
import pytest
import structlog

from handlers.standby import LeaseHeld, LeaseLost, Term
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.inspection import revisions
from telephony.cases.lease import Leases
from telephony.cases.migrate import NewerSchemaError, migrate

pytestmark = pytest.mark.db

NEWEST = revisions()[0]

LIMIT = 20
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
async def other(empty_database: str) -> AsyncIterator[Leases]:
    """Another instance; it has taken nothing yet."""
    leases = Leases(empty_database, UUID(int=9), "elsewhere pid 9", ["pbx1"])
    yield leases
    await leases.close()


@pytest.fixture
async def ours(empty_database: str) -> AsyncIterator[Leases]:
    leases = Leases(empty_database, UUID(int=1), "here pid 1", ["pbx1", "pbx2"])
    yield leases
    await leases.close()


def term(leases: Leases, url: str) -> Term:
    return Term(leases, lambda: migrate(url), every=0.01, again=0.01)


async def test_a_claim_of_what_another_follows_names_him_and_the_remedy(
    ours: Leases, other: Leases, empty_database: str
) -> None:
    await migrate(empty_database)
    await other.take()
    said = r"pbx1 is followed by elsewhere pid 9, whose lease runs until ..:..:.. UTC; end it, or .* serve --standby$"
    with pytest.raises(LeaseHeld, match=said):
        await term(ours, empty_database).claim()


async def test_a_free_lease_is_claimed(ours: Leases, empty_database: str) -> None:
    await migrate(empty_database)
    mine = term(ours, empty_database)
    assert await mine.claim()
    await mine.taken()
    assert [each.pbx for each in await ours.holders()] == ["pbx1", "pbx2"]


async def test_without_a_schema_nothing_is_claimed_and_it_is_taken_when_the_schema_is_there(
    ours: Leases, empty_database: str
) -> None:
    mine = term(ours, empty_database)
    assert not await mine.claim()
    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(mine.keep())
        await migrate(empty_database)
        await mine.taken()
        keeping.cancel()
    assert len(await ours.holders()) == 2
    await mine.release()
    assert await ours.holders() == []


async def test_a_database_that_is_away_keeps_nobody_from_serving() -> None:
    mine = term(Leases(NOWHERE, UUID(int=1), "", ["pbx1"]), NOWHERE)
    assert not await mine.claim()
    await mine.release()  # of nothing


async def test_what_another_took_while_the_database_was_away_is_lost(
    ours: Leases, other: Leases, empty_database: str
) -> None:
    mine = term(ours, empty_database)
    assert not await mine.claim()  # no schema, no lease: as if it were away
    await migrate(empty_database)
    await other.take()
    async with asyncio.timeout(LIMIT):
        with pytest.raises(ExceptionGroup) as raised:  # noqa: PT012 - both belong together
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(mine.keep())
                await mine.taken()
    (error,) = raised.value.exceptions
    assert isinstance(error, LeaseLost)
    assert str(error).startswith("pbx1 is followed by elsewhere pid 9, whose")


async def test_a_lease_that_vanished_is_lost_to_nobody_known(ours: Leases, empty_database: str) -> None:
    await migrate(empty_database)
    mine = term(ours, empty_database)
    await mine.claim()
    admin = await asyncpg.connect(empty_database)
    await admin.execute("DELETE FROM leases")
    await admin.close()
    with pytest.raises(LeaseLost, match="pbx1, pbx2: another instance has taken the lease; this one stops"):
        await mine.keep()


async def test_who_stands_by_makes_the_schema_and_follows(ours: Leases, empty_database: str) -> None:
    mine = term(ours, empty_database)
    async with asyncio.timeout(LIMIT):
        assert await mine.until_taken(asyncio.Event())
    assert len(await ours.holders()) == 2


async def test_who_stands_by_tells_once_for_whom_and_stops_when_told(
    ours: Leases, other: Leases, empty_database: str
) -> None:
    await migrate(empty_database)
    await other.take()
    mine, stop = term(ours, empty_database), asyncio.Event()
    with structlog.testing.capture_logs() as told:
        async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(mine.until_taken(stop))
            while not told:
                await asyncio.sleep(0)
            for _ in range(3):
                await other.renew()  # meanwhile it tries again
            stop.set()
            assert not await waiting
    assert [(each["event"], each["held"]) for each in told] == [("standby", "pbx1: elsewhere pid 9")]


async def test_while_the_database_is_away_the_holder_goes_on_and_tells_it_once(
    ours: Leases, empty_database: str
) -> None:
    await migrate(empty_database)
    mine = term(ours, empty_database)
    await mine.claim()
    admin = await asyncpg.connect(empty_database)
    await admin.execute("ALTER TABLE leases RENAME TO away")
    with structlog.testing.capture_logs() as told:
        async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(mine.keep())
            while not told:
                await asyncio.sleep(0)
            await admin.execute("ALTER TABLE away RENAME TO leases")
            before = await admin.fetchval("SELECT min(until) FROM leases")
            while await admin.fetchval("SELECT min(until) FROM leases") == before:
                assert not keeping.done()
            keeping.cancel()
    await admin.close()
    assert [each["event"] for each in told] == ["lease_not_renewed"]


async def test_an_address_that_is_none_is_told_and_never_waited_for() -> None:
    nonsense = "postgresql://u@127.0.0.1:port/none"
    mine = term(Leases(nonsense, UUID(int=1), "", ["pbx1"]), nonsense)
    with pytest.raises(DatabaseUrlError):
        await mine.claim()
    with pytest.raises(ExceptionGroup) as raised:
        await mine.until_taken(asyncio.Event())
    assert raised.value.subgroup(DatabaseUrlError) is not None
    async with asyncio.timeout(LIMIT):
        with pytest.raises(ExceptionGroup) as group:  # noqa: PT012 - both belong together
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(mine.keep())
                await mine.taken()
    assert group.value.subgroup(DatabaseUrlError) is not None


async def test_a_release_into_a_database_that_is_away_is_told(ours: Leases, empty_database: str) -> None:
    await migrate(empty_database)
    mine = term(ours, empty_database)
    await mine.claim()
    admin = await asyncpg.connect(empty_database)
    with suppress(asyncpg.PostgresError):
        await admin.execute("DROP TABLE leases")
    with structlog.testing.capture_logs() as told:
        await mine.release()
    await admin.close()
    assert [each["event"] for each in told] == ["lease_not_released"]


async def test_what_a_newer_version_made_is_taken_by_no_older_one(ours: Leases, empty_database: str) -> None:
    """It could save nothing, but keep out who can: neither at the start, nor standing by, nor when it comes back."""
    await migrate(empty_database)
    admin = await asyncpg.connect(empty_database)
    await admin.execute("UPDATE alembic_version SET version_num = '9999'")
    said = rf"^database schema '9999' is not known to this version \(newest '{NEWEST}'\); install the version"
    with pytest.raises(NewerSchemaError, match=said):
        await term(ours, empty_database).claim()
    async with asyncio.timeout(LIMIT):
        with pytest.raises(ExceptionGroup) as standing:
            await term(ours, empty_database).until_taken(asyncio.Event())
        late = term(ours, empty_database)
        with pytest.raises(ExceptionGroup) as keeping:  # noqa: PT012 - both belong together
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(late.keep())
                await late.taken()
    assert [type(group.value.exceptions[0]) for group in (standing, keeping)] == [NewerSchemaError] * 2
    assert await admin.fetchval("SELECT count(*) FROM leases") == 0
    await admin.close()


async def test_after_the_release_nothing_is_taken_again(ours: Leases, empty_database: str) -> None:
    await migrate(empty_database)
    mine = term(ours, empty_database)
    await mine.claim()
    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(mine.keep())
        await asyncio.sleep(0)
        await mine.release()
        await keeping
    assert await ours.holders() == []
    await ours.close()
