"""Holds the lease of the PBXs: takes it at the start, or stands by for it; keeps it; gives it up at a stop.

`owned` names this instance, `Term` is its lease. How they are put together: docs/decisions/lease.md.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import structlog

from handlers.database import AWAY, trouble
from telephony.cases.connecting import DatabaseUrlError
from telephony.cases.lease import Holding, Leases
from telephony.cases.migrate import MigrationError, NewerSchemaError

RENEW_SECONDS = 2.0
"""How often a lease of ten seconds is renewed."""
POLL_SECONDS = 0.5
"""How often it is tried again by who stands by, and by a holder whose database is away."""
UUID_CHARACTERS = 36
log = structlog.get_logger(__name__)


class LeaseHeld(Exception):  # noqa: N818 - what another does
    """Another instance, alive, follows a PBX of ours; the message is one line with the remedy."""


class LeaseLost(Exception):  # noqa: N818 - what another did
    """Another instance has taken our PBXs: nothing of theirs may be followed or written any more; one line."""


class InstanceBusy(Exception):  # noqa: N818 - what another does
    """Another process of ours works in this folder; the message is one line with the remedy."""


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[UUID]:
    """The number of the instance that lives in this folder, which is ours alone for as long as the block runs.

    It is drawn once and kept in the file `instance`, so that a restart after a crash has its lease back at once. A file
    that holds none gets a new one: then the restart waits for the lease like anybody.

    Args:
        folder: `data_dir`; made when it is not there.

    Raises:
        InstanceBusy: another process has it.
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)  # open to others: our own PostgreSQL may run as one, in a folder of it
    file = os.open(folder / "instance", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        said = os.read(file, 100).decode("ascii", "replace").split()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = f" (pid {said[1]})" if len(said) > 1 else ""
            remedy = "end it, or give this one a data_dir of its own"
            raise InstanceBusy(f"data_dir: {folder} is in use by another threerings{who}; {remedy}") from None
        yield _numbered(file, said[0] if said else "")
    finally:
        os.close(file)  # and with it the lock


def _numbered(file: int, said: str) -> UUID:
    os.fchmod(file, 0o600)
    try:
        number = UUID(said)
    except ValueError:
        number = uuid4()
        os.ftruncate(file, 0)
        os.pwrite(file, f"{number}\n".encode(), 0)
    # Of one width, and behind: whenever we die, the number stays whole.
    os.pwrite(file, f"{os.getpid():<20}\n".encode(), UUID_CHARACTERS + 1)
    os.fsync(file)
    return number


def renumber(folder: Path) -> None:
    """Give the instance of this folder another number, from its next start on: a copy of it has this one, too.

    Raises:
        OSError: it cannot be written.
    """
    file = os.open(folder / "instance", os.O_WRONLY | os.O_NOFOLLOW)
    try:
        os.pwrite(file, str(uuid4()).encode(), 0)
    finally:
        os.close(file)


def this_process() -> str:
    """Host and process, for people."""
    return f"{socket.gethostname()} pid {os.getpid()}"


class Term:
    """The lease of our PBXs: to be taken once, kept, and given up.

    Args:
        leases: of all of them.
        prepare: brings the database to our schema, should it have none yet.
        every: seconds between renewals.
        again: seconds between attempts.
    """

    def __init__(
        self,
        leases: Leases,
        prepare: Callable[[], Awaitable[object]],
        *,
        every: float = RENEW_SECONDS,
        again: float = POLL_SECONDS,
    ) -> None:
        self._leases = leases
        self._prepare = prepare
        self._every = every
        self._again = again
        self._wanted = asyncio.Event()
        self._taken = asyncio.Event()
        self._is_over = False
        self._told = ""

    async def claim(self) -> bool:
        """At the start, before anything is bound: take the lease if it is to be had.

        Returns:
            Whether it is ours. False: the database is away, or has no schema; `taken` will take it.

        Raises:
            LeaseHeld: another, alive, has it.
            NewerSchemaError: a newer version made the schema. DatabaseUrlError: the address of the database is none.
        """
        try:
            while not await self._try():
                if others := await self._others():
                    raise LeaseHeld(f"{_who(others)}; end it, or wait for it with: threerings serve --standby")
        except AWAY:
            return False
        return True

    async def until_taken(self, stop: asyncio.Event) -> bool:
        """Stand by until the lease is ours; who holds it is told once, and why the database does not answer.

        Returns:
            Whether it is ours; False: `stop` came first.

        Raises:
            ExceptionGroup: of a DatabaseUrlError or NewerSchemaError, as `claim`.
        """
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(self._stand_by(), name="standby")
            stopping = tasks.create_task(stop.wait(), name="stop")
            await asyncio.wait((taking, stopping), return_when=asyncio.FIRST_COMPLETED)
            taking.cancel()
            stopping.cancel()
        return self._taken.is_set()

    async def taken(self) -> None:
        """Return when the lease is ours, for which `keep` must run. Ask for it when the schema is there."""
        self._wanted.set()
        await self._taken.wait()

    async def keep(self) -> None:
        """Renew the lease until `release`; while the database is away, go on. What was not taken is when `wanted`.

        Raises:
            LeaseLost: another has it.
            NewerSchemaError, DatabaseUrlError: as `claim`.
        """
        if not self._taken.is_set():
            await self._wanted.wait()
        while not self._is_over:
            try:
                ours = await self._renewed()
            except (DatabaseUrlError, NewerSchemaError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody else has the lease: the PBXs are measured
                self._tell("lease_not_renewed", error)
                await asyncio.sleep(self._again)
                continue
            if not ours and self._is_over:
                return  # given up meanwhile
            if not ours:
                self._taken.clear()
                raise LeaseLost(f"{await self._who_has_it()}; this one stops")
            self._told = ""
            await asyncio.sleep(self._every)

    async def release(self) -> None:
        """Give it up, after the last call was saved, and end `keep`; a database that is away is only told.

        May be said again.
        """
        self._is_over = True
        try:
            if self._taken.is_set():
                await self._leases.release()
                log.info("lease_released")
        except AWAY as error:
            log.warning("lease_not_released", error=trouble(error), remedy="none: it ends by itself")
        finally:
            self._taken.clear()
            await self._leases.close()

    async def _stand_by(self) -> None:
        while True:
            try:
                if await self._attempt():
                    return
            except NewerSchemaError:
                raise
            except (*AWAY, MigrationError) as error:
                self._tell("standby_without_database", error)
                await asyncio.sleep(self._again)
            else:
                await self._leases.wait(self._again)

    async def _attempt(self) -> bool:
        await self._leases.listen()  # before it is tried: no release is missed
        try:
            if await self._try():
                return True
        except asyncpg.UndefinedTableError:
            await self._prepare()
            return await self._try()
        others = [f"{each.pbx}: {each.told}" for each in await self._others()]
        if others and self._told != (who := ", ".join(others)):
            self._told = who
            log.info("standby", held=who)
        return False

    async def _try(self) -> bool:
        """Whether it is ours now."""
        if await self._leases.take():
            self._taken.set()
            log.info("lease_taken", pbxs=sorted(self._leases.pbxs))
        return self._taken.is_set()

    async def _renewed(self) -> bool:
        """Whether all of it is still ours, or is ours now."""
        if self._taken.is_set():
            return await self._leases.renew() == self._leases.pbxs
        return await self._try()

    async def _who_has_it(self) -> str:
        with contextlib.suppress(*AWAY):
            if others := await self._others():
                return _who(others)
        return f"{', '.join(sorted(self._leases.pbxs))}: another instance has taken the lease"

    async def _others(self) -> list[Holding]:
        return [each for each in await self._leases.holders() if each.holder != self._leases.holder]

    def _tell(self, event: str, error: BaseException) -> None:
        if self._told != event:
            self._told = event
            log.warning(event, error=trouble(error))


def _who(holdings: Sequence[Holding]) -> str:
    """One line: who follows what until when."""
    return ", ".join(
        f"{each.pbx} is followed by {each.told}, whose lease runs until {each.until:%H:%M:%S} UTC" for each in holdings
    )
