"""This instance, and the lease of its PBXs; and which journals may be believed, by who had it meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import structlog

from handlers.build import Service
from handlers.journals import refused
from handlers.standby import LeaseLost, Term, owned, renumber, this_process
from telephony.cases.attempts import Attempts
from telephony.cases.lease import Leases, Take
from telephony.cases.migrate import migrate
from telephony.config import Config
from telephony.journal.writer import Journal

TAKEN = "taken"
"""The mark that says in which term, and when, whoever wrote the journal took the lease."""
TERM = "term"
"""Its predecessor: how often the holder of the lease had changed. Still read, and no longer written."""
COPIED = "if there is a copy, stop one of the two and give it a data_dir of its own"
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """The lease of our PBXs."""

    leases: Leases
    term: Term


class Had(Protocol):
    """How leases were had, as far as it decides what is believed: `telephony.cases.lease.Leases`."""

    @property
    def takes(self) -> Mapping[str, Take]:
        """Of each PBX; none while the database is away."""
        ...

    def noted(self) -> None:
        """That is remembered where the next process of ours looks."""
        ...


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
        pbxs = [pbx.name for pbx in config.pbx]
        leases = Leases(url, me, this_process(), pbxs, attempts=Attempts(config.data_dir))
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


def overtaken(journals: Mapping[str, Journal], leases: Had) -> set[str]:
    """The PBXs that another has followed since our journal ended: of them the database knows more.

    Nothing that such a journal remembers is believed, neither by us nor by whoever starts next should we not come far.
    While the database is away nothing is known of the lease, and the journal is believed.

    Args:
        journals: by PBX, just opened.
        leases: of all of them.
    """
    takes = leases.takes
    stale = {name for name in takes if name in journals and is_overtaken(journals[name].marks(), takes[name])}
    for name in sorted(stale):
        for remembered in journals[name].marks():
            journals[name].mark(remembered, b"")
        tell(name, journals[name].marks(), takes[name])
    note(journals, leases)
    return stale


def believe(service: Service, leases: Had) -> None:
    """What was read again without a database may be old: should another have followed meanwhile, begin anew.

    Raises:
        LeaseLost: he has.
    """
    journals = {feed.name: feed.journal for feed in service.feeds if feed.journal is not None}
    known = {name: journal.marks() for name, journal in journals.items()}
    takes = leases.takes
    if any(has_copy(marks, takes[name]) for name, marks in known.items()):
        # Each would take the lease from the other as its own; of two instances one waits.
        with contextlib.suppress(OSError):
            renumber(service.config.data_dir)
    for feed in service.feeds:
        if feed.resume is not None and is_overtaken(known.get(feed.name, {}), takes[feed.name]):
            raise LeaseLost(f"{feed.name}: another instance has followed it meanwhile; this one must be started again")
    note(journals, leases)


def is_overtaken(marks: Mapping[str, bytes], take: Take) -> bool:
    """Whether somebody followed after whoever wrote these marks, by how the lease was had."""
    known = marks.get(TAKEN)
    if known is None:  # written by a version that counted holders; or it has never had a lease
        return marks.get(TERM) not in {None, b"%d" % take.term}
    had = (take.before, *take.behind)
    return None not in had and known.partition(b" ")[2] not in {told(at) for at in had if at is not None}


def has_copy(marks: Mapping[str, bytes], take: Take) -> bool:
    """Whether that somebody has our own number."""
    return is_overtaken(marks, take) and marks.get(TAKEN, b"").partition(b" ")[0] == b"%d" % take.term


def note(journals: Mapping[str, Journal], leases: Had) -> None:
    """Have the journals say when the lease was taken by whom they belong to; behind all that they said before."""
    takes = leases.takes
    for name, journal in journals.items():
        if name in takes:
            journal.mark(TAKEN, b"%d %b" % (takes[name].term, told(takes[name].at)))
    if takes:
        leases.noted()


def told(moment: datetime) -> bytes:
    """A moment of PostgreSQL's, to the microsecond, as a mark says it."""
    return moment.astimezone(UTC).isoformat().encode()


def tell(pbx: str, marks: Mapping[str, bytes], take: Take) -> None:
    """Why nothing is read again: for people."""
    if not has_copy(marks, take):
        log.info("journal_not_read_again", pbx=pbx, reason="another instance has followed it meanwhile")
        return
    reason = "a copy of this data_dir has followed it meanwhile, or it was restored"
    log.warning("journal_not_read_again", pbx=pbx, reason=reason, remedy=COPIED)
