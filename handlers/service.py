"""Runs what `build` made: one TaskGroup, and an order in which to stop."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from random import SystemRandom

import asyncpg
import structlog
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from handlers.build import Service, application, build
from handlers.database import database
from telephony.backoff import Backoff
from telephony.cases.migrate import MigrationError, migrate
from telephony.config import Config

DRAIN_SECONDS = 5.0
"""How long a stop may take to make pending calls durable."""
log = structlog.get_logger(__name__)


async def serve(
    config: Config, ready: Callable[[Service], None] = lambda _: None, drain: float = DRAIN_SECONDS
) -> None:
    """Follow the PBXs and answer HTTP until SIGTERM or SIGINT.

    Args:
        config: checked.
        ready: called once everything runs and the pages answer; tests wait for it.
        drain: seconds that a stop may take to make pending calls durable.

    Raises:
        EmbeddedError: our own database does not start.
        OSError: the address of the pages cannot be had.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with database(config) as url:
            service = build(config, url)
            async with pages(service):
                await run(service, url, stop, ready, drain)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def run(service: Service, url: str, stop: asyncio.Event, ready: Callable[[Service], None], drain: float) -> None:
    """Run until `stop`: first the PBXs are left, then what they left behind is saved."""
    async with asyncio.TaskGroup() as tasks:
        saving = tasks.create_task(save(service, url), name="save")
        following = [
            tasks.create_task(job, name=name)
            for feed in service.feeds
            for name, job in (
                (f"line {feed.name}", feed.client.run()),
                (f"follow {feed.name}", feed.follower.run()),
                *([(f"queue_log {feed.name}", feed.tail.run(feed.follower.hear))] if feed.tail else []),
            )
        ]
        log.info("serving", pbxs=[feed.name for feed in service.feeds], http=str(service.config.http.listen))
        ready(service)
        await stop.wait()
        log.info("stopping")
        for task in following:
            task.cancel()
        remaining = await service.saver.stop(drain)
        if remaining:
            log.error("calls_not_saved", remaining=remaining, error=service.saver.state().last_error)
        saving.cancel()
    await service.store.close()
    log.info("stopped")


async def save(service: Service, url: str) -> None:
    """Bring the database to our schema as soon as it answers, then save what came and comes."""
    backoff = Backoff(0.2, 5.0, SystemRandom())
    told = False
    while True:
        try:
            done = await migrate(url)
        except MigrationError as error:
            if not told:
                log.error("database_schema", error=str(error))  # noqa: TRY400 - the line says all
            told = True
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError) as error:
            if not told:
                log.warning("database_away", error=" ".join(str(error).split()) or type(error).__name__)
            told = True
        else:
            log.info("database_ready", schema=done.after)
            break
        await asyncio.sleep(backoff.next())
    await service.saver.run()


@contextlib.asynccontextmanager
async def pages(service: Service) -> AsyncIterator[None]:
    """The HTTP side, for as long as the block runs."""
    runner = web.AppRunner(application(service.health), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        listen = service.config.http.listen
        await web.TCPSite(runner, listen.host, listen.port).start()
        yield
    finally:
        await runner.cleanup()
