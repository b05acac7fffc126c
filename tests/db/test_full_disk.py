"""The disk is full and the database is not: what was saved meanwhile is as good after the next start as before."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.build import Service
from telephony.calls.record import CallRecord, Outcome, Quality, position_of
from telephony.cases.embedded import EmbeddedPostgres
from telephony.cases.store import CallStore
from telephony.config import Config
from tests.db.test_service import configuration, recorded, serving, until
from tests.support.ami_server import AmiServer
from tests.support.disks import fill, small_disk
from tests.support.proxy import Proxy

pytestmark = pytest.mark.db

BEYOND = 0, timedelta(), timedelta(), b"x" * 200_000
"""A record, for nobody, that does not go where the disk has some room taken in advance."""


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Path]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


async def rows(database: str) -> list[CallRecord]:
    store = CallStore(database)
    calls = [stored.call async for stored in store.calls()]
    await store.close()
    return calls


async def all_saved(service: Service) -> None:
    state = service.saver.state
    await until(lambda: not state().backlog and state().database_up)


async def answered_on_a_full_disk(config: Config, disk: Path, ami: AmiServer) -> None:
    """The disk is full from the first ringing on; whoever stops the service makes room."""
    said = recorded("answered")
    rings = said.index(b"\r\n\r\n", said.index(b"Event: AgentCalled")) + 4
    async with serving(config) as (service, _):
        follower, journal = service.feeds[0].follower, service.feeds[0].journal
        assert journal is not None
        await until(lambda: follower.synchronised)
        ami.say(said[:rings])
        await until(lambda: follower.tracker.book.offers)
        await all_saved(service)
        follower.mark()
        await journal.synced(journal.position)
        filler = fill(disk)
        journal.append(*BEYOND)
        await until(lambda: journal.failing)
        ami.say(said[rings:])
        await until(lambda: not follower.tracker.book.calls)
        await all_saved(service)
        journal.append(*BEYOND)  # nor does the end of the journal fit
    assert journal.dropped > 2
    filler.unlink()


async def test_who_was_answered_while_the_disk_was_full_is_not_lost_by_a_restart(
    disk: Path, database: str, unused_tcp_port: int
) -> None:
    async with AmiServer() as ami:
        ami.entries = 0
        config = configuration(disk, ami, database, unused_tcp_port)
        await answered_on_a_full_disk(config, disk, ami)
        [before] = await rows(database)
        assert [(visit.outcome, visit.quality) for visit in before.visits] == [(Outcome.ANSWERED, Quality.LIVE)]
        async with serving(config) as (service, _):
            follower, journal = service.feeds[0].follower, service.feeds[0].journal
            assert journal is not None
            assert not follower.tracker.book.calls
            assert position_of(before.revision) < journal.position
            await until(lambda: follower.settled)
            await asyncio.wait_for(journal.synced(journal.position), 10)
            await all_saved(service)
        assert await rows(database) == [before]


async def test_nor_by_one_that_finds_the_database_only_later(
    disk: Path, server: EmbeddedPostgres, database: str, unused_tcp_port: int
) -> None:
    async with AmiServer() as ami, Proxy(server.socket) as line:
        ami.entries = 0
        name = database.split("?", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]
        through = f"postgresql://postgres@127.0.0.1:{line.port}/{name}?sslmode=disable"
        config = configuration(disk, ami, through, unused_tcp_port)
        await answered_on_a_full_disk(config, disk, ami)
        before = await rows(database)
        await line.cut()
        async with serving(config) as (service, _):
            assert service.feeds[0].follower.tracker.book.calls, "rebuilt, for nobody says otherwise"
            await line.mend()
            await until(lambda: service.saver.state().database_up)
            await until(lambda: service.saver.state().foreign)
            await all_saved(service)
        assert await rows(database) == before
