"""Runs what `build` made: one TaskGroup, and an order in which to stop."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from functools import partial
from random import SystemRandom
from typing import Any, TypeVar
from uuid import UUID

import structlog

from handlers.addresses import listening, pages
from handlers.agi.side import scripts_of
from handlers.build import Service, build
from handlers.database import AWAY, BAD_URL, database, trouble
from handlers.holding import Held, believe, leased, overtaken
from handlers.journals import kept
from handlers.rebuilding import note_since
from handlers.retaining import retain
from handlers.standby import LeaseLost, Term
from handlers.starting import Start, live_calls, unknown_calls
from handlers.threads import within
from handlers.unfollowed import Leftovers
from telephony.agi.scripts import Script
from telephony.ami.settings import SystemClock
from telephony.backoff import Backoff
from telephony.cases.closing import close_unfollowed
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.migrate import MigrationError, NewerSchemaError, migrate
from telephony.cases.retention import forget
from telephony.cases.store import NotOurs
from telephony.config import Config, ConfigFaults

BIND_SECONDS = 5.0
"""How long the addresses may be another's who has just given up the lease."""
DRAIN_SECONDS = 5.0
"""How long a stop may take to make pending calls durable."""
READ_SECONDS = 10.0
"""How long reading the configuration again may take: its files may lie on a share that is gone."""
T = TypeVar("T")
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
        NewerSchemaError: the database belongs to a newer version.
        OSError: the address of the pages, or of FastAGI, cannot be had.
    """
    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # also before and after it is heard, it must not end us
    signals = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: hangup}
    for number, event in signals.items():
        loop.add_signal_handler(number, event.set)
    began = asyncio.Event()

    async def work(url: str) -> int:
        async with leased(config, url, stop, standby=standby) as held:
            if held is None:
                return 0
            async with keeping(held.term), kept(config) as journals:
                stale = overtaken(journals, held.leases)
                service = build(config, url, journals=journals, stale=stale, fence=held.leases.fence, demo=demo)
                patience = BIND_SECONDS if standby else 0
                async with listening(service, patience), pages(service, patience), reloading(service, hangup, again):
                    began.set()
                    return await run(service, url, held, stop, ready, drain)

    try:
        async with database(config) as url:
            return await stoppable(work(url), stop, began)
    except ExceptionGroup as group:
        raise told(group, began) from None
    except DatabaseUrlError:
        raise ConfigFaults((BAD_URL,)) from None
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


async def stoppable(work: Coroutine[Any, Any, int], stop: asyncio.Event, began: asyncio.Event) -> int:
    """What the work gives. Until it says that it `began`, a stop ends it wherever it is; then it hears that itself."""
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work, name="serve")
        stopping = tasks.create_task(stop.wait(), name="stop")
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not began.is_set():
            working.cancel()
        await asyncio.wait((working,))
        stopping.cancel()
    return 0 if working.cancelled() else working.result()


@contextlib.asynccontextmanager
async def keeping(term: Term) -> AsyncIterator[None]:
    """Renew the lease for as long as the block runs: also while journals are opened and addresses waited for."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(term.keep(), name="lease")
        try:
            yield
        finally:
            task.cancel()


def told(group: ExceptionGroup[Any], began: asyncio.Event) -> Exception:
    """What says in one line why the service ends; the whole group if nothing does."""
    errors = leaves(group)
    for error in errors:
        if isinstance(error, (LeaseLost, NewerSchemaError)):
            return error
        if isinstance(error, DatabaseUrlError):
            return ConfigFaults((BAD_URL,))
    return group if began.is_set() else errors[0]


def leaves(group: ExceptionGroup[Any]) -> list[Exception]:
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
    starts = [Start(feed) for feed in service.feeds]
    turn = asyncio.Lock()
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(service.agi.run(), name="agi")
        saving = tasks.create_task(save(service, url, held, starts), name="save")
        shown = tasks.create_task(service.web.run(), name="screens")
        stopping = tasks.create_task(stop.wait(), name="stop")
        # What the PBXs say meanwhile waits in the buffers of the lines.
        following = [tasks.create_task(feed.client.run(), name=f"line {feed.name}") for feed in service.feeds]
        begun = [tasks.create_task(one.run(service, url, turn), name=f"start {one.feed.name}") for one in starts]
        following.append(tasks.create_task(serving(service, starts, ready), name="serving"))
        await stopping
        log.info("stopping")
        asked.cancel()  # first: who asks now is better served by the dialplan's own defaults
        service.web.sockets.stop()  # nothing new will be shown
        shown.cancel()
        for task in following + begun:
            task.cancel()
        if begun:
            await asyncio.wait(begun, timeout=drain)  # what they have heard is put by then
        remaining = await service.saver.stop(drain)
        await service.timekeeper.last()
        for feed in service.feeds:
            feed.follower.mark()  # all is saved: a restart need not read it again
        if remaining:
            log.error("calls_not_saved", remaining=remaining, error=service.saver.state().last_error)
        saving.cancel()
    await held.term.release()
    await service.web.close()
    await service.casework.close()
    await service.store.close()
    await service.spells.close()
    log.info("stopped")
    return remaining


def settle(_: Service) -> None:
    """Take what was made at the start out of the garbage collector's sight, for it stays to the end.

    A full run over it holds the loop for 60 to 80 ms, and whoever reads the line of a PBX may be held for 50 at most.
    Only for a process that does nothing else.
    """
    gc.collect()
    gc.freeze()


async def serving(service: Service, starts: Sequence[Start], ready: Callable[[Service], None]) -> None:
    """Say so as soon as all PBXs are followed."""
    for one in starts:
        await one.follows.wait()
    config = service.config
    pbxs = [one.feed.name for one in starts]
    log.info("serving", pbxs=pbxs, http=str(config.http.listen), agi=str(config.agi.listen))
    ready(service)


async def save(service: Service, url: str, held: Held, starts: Sequence[Start]) -> None:
    """Bring the database to our schema as soon as it answers, read what was left open, then save what came and comes.

    Args:
        service: everything.
        url: of the database.
        held: the lease; nothing is saved before it is ours.
        starts: get the calls that earlier processes left open; once these are cancelled, they are closed instead.

    Raises:
        LeaseLost: another has the lease. NewerSchemaError: a newer version made the schema.
    """
    done = await retried(lambda: migrate(url))
    log.info("database_ready", schema=done.after)
    await held.term.taken()
    believe(service, held.leases)
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(left_open(service, url, one), name=f"resume {one.feed.name}") for one in starts]
    resumed = {call for one in asking for call in one.result()}
    known = {call for one in starts for call in one.rebuilt.result()}
    known_better = await retried(service.saver.settle_doubts)
    if known_better or any(one.left_open.cancelled() for one in starts):
        pbxs, live = [feed.name for feed in service.feeds], live_calls(service.feeds) - unknown_calls(service.feeds)
        closed = await retried(lambda: service.store.close_left_open(pbxs, (known | resumed | live) - known_better))
        log.info("calls_closed", calls=closed)
    keep = timedelta(days=service.config.database.keep_days)
    clock, counted = SystemClock().wall, service.measures.calls_forgotten
    async with asyncio.TaskGroup() as tasks:
        beside = [
            tasks.create_task(service.web.today.run(), name="today"),
            tasks.create_task(service.standing.run(), name="standing"),
            tasks.create_task(service.timekeeper.run(), name="agents"),
            tasks.create_task(service.casewatch.run(), name="casework"),
            tasks.create_task(retain(keep, partial(forget, url), clock, counted), name="retain"),
            tasks.create_task(Leftovers(service.config, partial(close_unfollowed, url), clock).run(), name="leftovers"),
        ]
        await service.saver.run()
        for task in beside:  # a stop may have ended it before we were cancelled
            task.cancel()


async def left_open(service: Service, url: str, one: Start) -> set[UUID]:
    """The calls that were handed to a PBX, if it has waited for them."""
    known = await one.rebuilt
    if one.left_open.done():
        return set()
    calls = await retried(lambda: service.store.open_calls([one.feed.name], known))
    await retried(lambda: note_since([one.feed], url, calls))
    if one.left_open.done():
        return set()
    one.left_open.set_result(calls)
    return {call.id for call in calls}


async def retried(attempt: Callable[[], Awaitable[T]]) -> T:
    """What the attempt gives, once it works; why it does not is told once, whatever it is.

    Raises:
        DatabaseUrlError, NewerSchemaError: it never will. LeaseLost: another follows these PBXs.
    """
    backoff = Backoff(0.2, 5.0, SystemRandom())
    told = False
    while True:
        try:
            return await attempt()
        except (DatabaseUrlError, NewerSchemaError):
            raise
        except NotOurs as error:
            raise LeaseLost(f"{error}; this one stops") from None
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
        config.calendars()  # reads holidays, here where nobody waits
        return config, scripts_of(config)

    remedy = "mend them and send SIGHUP again"
    try:
        config, scripts = await within(READ_SECONDS, read)
        if await service.agi.reload(config, scripts):
            service.hours.take(config)
            await within(READ_SECONDS, lambda: service.casework.take(config))
    except ConfigFaults as error:
        log.error("not_reloaded", faults=list(error.faults), remedy=remedy)  # noqa: TRY400 - the faults say all
    except TimeoutError:
        faults = [f"the files could not be read within {READ_SECONDS:g} s"]
        log.error("not_reloaded", faults=faults, remedy=remedy)  # noqa: TRY400 - the same
    except Exception:  # whatever it is, calls go on
        log.exception("not_reloaded", remedy=remedy)
