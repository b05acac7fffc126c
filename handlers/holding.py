"""This instance, and the lease of its PBXs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from handlers.build import Service
from handlers.journals import TERM, refused
from handlers.standby import LeaseLost, Term, owned, this_process
from telephony.cases.lease import Leases
from telephony.cases.migrate import migrate
from telephony.config import Config


@dataclass(frozen=True, slots=True)
class Held:
    """The lease of our PBXs."""

    leases: Leases
    term: Term


@contextlib.contextmanager
def own(config: Config) -> Iterator[UUID]:
    """The number of this instance, which alone works in `data_dir`.

    Raises:
        ConfigFaults: nothing can be kept there. DiskTrouble: nothing can now.
        InstanceBusy: another process of ours works there.
    """
    try:
        with contextlib.ExitStack() as stack:
            me = stack.enter_context(owned(config.data_dir))
            taken = stack.pop_all()
    except OSError as error:
        raise refused(config.data_dir, error) from None
    with taken:
        yield me


@contextlib.asynccontextmanager
async def leased(config: Config, url: str, stop: asyncio.Event, *, standby: bool) -> AsyncIterator[Held | None]:
    """The lease of the PBXs; None: told to stop while another held it."""
    with own(config) as me:
        leases = Leases(url, me, this_process(), [pbx.name for pbx in config.pbx])
        term = Term(leases, lambda: migrate(url))
        try:
            if not standby:
                await term.claim()
            elif not await term.until_taken(stop):
                yield None
                return
            yield Held(leases, term)
        finally:
            await term.release()


def believe(service: Service, terms: Mapping[str, int]) -> None:
    """What was read again without a database may be old: should another have followed meanwhile, begin anew.

    Raises:
        LeaseLost: he has.
    """
    for feed in service.feeds:
        if feed.journal is None:
            continue
        before, now = feed.journal.marks().get(TERM), str(terms[feed.name]).encode()
        if before not in {None, now} and feed.resume is not None:
            raise LeaseLost(f"{feed.name}: another instance has followed it meanwhile; this one must be started again")
        feed.journal.mark(TERM, now)
