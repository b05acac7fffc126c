"""Runs what `build` made: one TaskGroup, and an order in which to stop."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from random import SystemRandom
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import structlog

from handlers.addresses import listening, pages
from handlers.agi.side import scripts_of
from handlers.build import Service, build
from handlers.database import AWAY, BAD_URL, database, trouble
from handlers.holding import Held, believe, leased, overtaken
from handlers.journals import kept
from handlers.rebuilding import begin_logs, note_since, rebuild
from handlers.retaining import retain
from handlers.standby import LeaseLost
from handlers.threads import within
from telephony.agi.scripts import Script
from telephony.ami.settings import SystemClock
from telephony.backoff import Backoff
from telephony.calls.facts import Uniqueid
from telephony.calls.record import CallRecord, call_id
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.migrate import MigrationError, migrate
from telephony.cases.retention import forget
from telephony.config import Config, ConfigFaults

BIND_SECONDS = 5.0
"""How long the addresses may be another's who has just given up the lease."""
RESUME_SECONDS = 5.0
"""How long the PBXs are not followed while the database may still say what was left open."""
DRAIN_SECONDS = 5.0
"""How long a stop may take to make pending calls durable."""
READ_SECONDS = 10.0
"""How long reading the configuration again may take: its files may lie on a share that is gone."""
T = TypeVar("T")


Rebuilt: TypeAlias = "asyncio.Future[set[UUID]]"
LeftOpen: TypeAlias = "asyncio.Future[Sequence[CallRecord]]"
log = structlog.get_logger(__name__)


async def serve(  # noqa: PLR0913 - each has a default
    config: Config,
    ready: Callable[[Service], None] = lambda _: None,
    drain: float = DRAIN_SECONDS,
    again: Callable[[], Config] | None = None,
    *,
    standby: bool = False,
    demo: bool = False,
) -> int:
    """Follow the PBXs and answer HTTP until SIGTERM or SIGINT.

    Args:
        config: checked.
        ready: called once everything runs and the pages answer; tests wait for it.
        drain: seconds that a stop may take to make pending calls durable.
        again: reads the configuration anew, on SIGHUP; None: nothing is reloaded.
        standby: wait while another follows the PBXs, then follow them.
        demo: the first page is open on this machine, and leads to every desk.

    Returns:
        How many calls could not be saved.

    Raises:
        EmbeddedError: our own database does not start.
        ConfigFaults: the address of the database is none, or nothing can be kept in data_dir. DiskTrouble: not now.
        LeaseHeld, LeaseLost, InstanceBusy: another instance follows the PBXs, or works in our data_dir.
        OSError: the address of the pages, or of FastAGI, cannot be had.
    """
    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # also before and after it is heard, it must not end us
    signals = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: hangup}
    for number, event in signals.items():
        loop.add_signal_handler(number, event.set)
    try:
        async with database(config) as url, leased(config, url, stop, standby=standby) as held:
            if held is None:
                return 0
            async with kept(config) as journals:
                stale = overtaken(journals, held.leases)
                service = build(config, url, journals=journals, stale=stale, fence=held.leases.fence, demo=demo)
                patience = BIND_SECONDS if standby else 0
                async with listening(service, patience), pages(service, patience), reloading(service, hangup, again):
                    return await run(service, url, held, stop, ready, drain)
    except ExceptionGroup as group:
        lost = group.subgroup(LeaseLost)
        if lost is not None:
            raise leaves(lost)[0] from None
        if group.subgroup(DatabaseUrlError) is None:
            raise
        raise ConfigFaults((BAD_URL,)) from None
    except DatabaseUrlError:
        raise ConfigFaults((BAD_URL,)) from None
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    """The errors of a group, however deep."""
    return [
        one for error in group.exceptions for one in (leaves(error) if isinstance(error, ExceptionGroup) else [error])
    ]


async def run(  # noqa: PLR0913, PLR0917 - what it runs
    service: Service, url: str, held: Held, stop: asyncio.Event, ready: Callable[[Service], None], drain: float
) -> int:
    """Run until `stop`: first the PBXs are left, then what they left behind is saved.

    Returns:
        How many calls could not be saved.
    """
    left_open: LeftOpen = asyncio.get_running_loop().create_future()
    rebuilt: Rebuilt = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(service.agi.run(), name="agi")
        saving = tasks.create_task(save(service, url, held, left_open, rebuilt), name="save")
        shown = tasks.create_task(service.web.run(), name="screens")
        stopping = tasks.create_task(stop.wait(), name="stop")
        keeping = tasks.create_task(held.term.keep(), name="lease")
        # What the PBXs say meanwhile waits in the buffers of the lines.
        following = [tasks.create_task(feed.client.run(), name=f"line {feed.name}") for feed in service.feeds]
        rebuilding = tasks.create_task(rebuild(service, url), name="rebuild")
        await asyncio.wait({rebuilding, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if rebuilding.done():
            rebuilt.set_result(rebuilding.result())
            first: set[asyncio.Future[Any]] = {left_open, stopping}
            await asyncio.wait(first, timeout=RESUME_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            resume(service, left_open)
            await begin_logs(service.feeds)
        rebuilding.cancel()
        following += [
            tasks.create_task(job, name=name)
            for feed in service.feeds
            for name, job in (
                (f"follow {feed.name}", feed.follower.run()),
                *([(f"queue_log {feed.name}", feed.tail.run(feed.follower.logged))] if feed.tail else []),
                *([(f"reconcile {feed.name}", feed.reconciler.run())] if feed.reconciler else []),
                *([(f"cel {feed.name}", feed.cel.run(feed.follower.channels_logged))] if feed.cel else []),
                *([(f"direct {feed.name}", feed.direct.run())] if feed.direct else []),
            )
        ]
        config = service.config
        log.info(
            "serving",
            pbxs=[one.name for one in service.feeds],
            http=str(config.http.listen),
            agi=str(config.agi.listen),
        )
        ready(service)
        await stopping
        log.info("stopping")
        asked.cancel()  # first: who asks now is better served by the dialplan's own defaults
        service.web.sockets.stop()  # nothing new will be shown
        shown.cancel()
        for task in following:
            task.cancel()
        remaining = await service.saver.stop(drain)
        for feed in service.feeds:
            feed.follower.mark()  # all is saved: a restart need not read it again
        if remaining:
            log.error("calls_not_saved", remaining=remaining, error=service.saver.state().last_error)
        saving.cancel()
        keeping.cancel()
    await held.term.release()
    await service.web.close()
    await service.store.close()
    log.info("stopped")
    return remaining


def settle(_: Service) -> None:
    """Take what was made at the start out of the garbage collector's sight, for it stays to the end.

    A full run over it holds the loop for 60 to 80 ms, and whoever reads the line of a PBX may be held for 50 at most.
    Only for a process that does nothing else.
    """
    gc.collect()
    gc.freeze()


def resume(service: Service, left_open: LeftOpen) -> None:
    """Hand what earlier processes left open to those who follow the PBXs; without a database, go on without it."""
    if not left_open.done():
        left_open.cancel()
        service.saver.leave_alone(unknown_calls(service))
        log.warning("nothing_resumed", remedy="none: the database was away; what was saved is kept, and closed")
        return
    for feed in service.feeds:
        feed.follower.resume([call for call in left_open.result() if call.pbx == feed.name])


async def save(service: Service, url: str, held: Held, left_open: LeftOpen, rebuilt: Rebuilt) -> None:
    """Bring the database to our schema as soon as it answers, read what was left open, then save what came and comes.

    Args:
        service: everything.
        url: of the database.
        held: the lease; nothing is saved before it is ours.
        left_open: gets the calls that earlier processes left open; once cancelled, they are closed instead.
        rebuilt: of these, those that came out of the journal.
    """
    pbxs = [feed.name for feed in service.feeds]
    done = await retried(lambda: migrate(url))
    log.info("database_ready", schema=done.after)
    await held.term.taken()
    believe(service, held.leases)
    known = await rebuilt
    known_better = await retried(service.saver.settle_doubts)
    resumed: set[UUID] = set()
    if not left_open.done():
        calls = await retried(lambda: service.store.open_calls(pbxs, known))
        await retried(lambda: note_since(service.feeds, url, calls))
        if not left_open.done():
            left_open.set_result(calls)
            resumed = {call.id for call in calls}
    if left_open.cancelled() or known_better:
        ours = known | resumed | (live_calls(service) - unknown_calls(service))
        closed = await retried(lambda: service.store.close_left_open(pbxs, ours - known_better))
        log.info("calls_closed", calls=closed)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(service.web.today.run(), name="today")
        keep = timedelta(days=service.config.database.keep_days)
        tasks.create_task(
            retain(keep, partial(forget, url), SystemClock().wall, service.measures.calls_forgotten), name="retain"
        )
        await service.saver.run()


def unknown_calls(service: Service) -> set[UUID]:
    """Calls that the journal cannot rebuild for their age: what is seen of them now is less than their rows know."""
    older = [(feed.name, one) for feed in service.feeds if feed.resume is not None for one in feed.resume.older]
    return {call_id(pbx, Uniqueid(channel)) for pbx, channel in older}


def live_calls(service: Service) -> set[UUID]:
    """The calls that are followed now."""
    return {call.id for feed in service.feeds for call in feed.follower.tracker.book.calls.values()}


async def retried(attempt: Callable[[], Awaitable[T]]) -> T:
    """What the attempt gives, once it works; why it does not is told once, whatever it is.

    Raises:
        DatabaseUrlError: it never will.
    """
    backoff = Backoff(0.2, 5.0, SystemRandom())
    told = False
    while True:
        try:
            return await attempt()
        except DatabaseUrlError:
            raise
        except MigrationError as error:
            if not told:
                log.error("database_schema", error=str(error))  # noqa: TRY400 - the line says all
        except AWAY as error:
            if not told:
                log.warning("database_away", error=trouble(error))
        except Exception:  # whatever it is, the PBXs are measured
            if not told:
                log.exception("database_failed")
        told = True
        await asyncio.sleep(backoff.next())


@contextlib.asynccontextmanager
async def reloading(service: Service, hangup: asyncio.Event, again: Callable[[], Config] | None) -> AsyncIterator[None]:
    """Read the configuration again at every SIGHUP, for as long as the block runs; its faults change nothing."""

    async def work() -> None:
        while True:
            await hangup.wait()
            hangup.clear()
            if again is not None:
                await reload(service, again)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work(), name="reload")
        try:
            yield
        finally:
            task.cancel()


async def reload(service: Service, again: Callable[[], Config]) -> None:
    """Read the configuration and the scripts, away from the loop, and take over what may change."""

    def read() -> tuple[Config, list[Script]]:
        config = again()
        return config, scripts_of(config)

    remedy = "mend them and send SIGHUP again"
    try:
        config, scripts = await within(READ_SECONDS, read)
        await service.agi.reload(config, scripts)
    except ConfigFaults as error:
        log.error("not_reloaded", faults=list(error.faults), remedy=remedy)  # noqa: TRY400 - the faults say all
    except TimeoutError:
        faults = [f"the files could not be read within {READ_SECONDS:g} s"]
        log.error("not_reloaded", faults=faults, remedy=remedy)  # noqa: TRY400 - the same
    except Exception:  # whatever it is, calls go on
        log.exception("not_reloaded", remedy=remedy)
