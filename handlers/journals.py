"""The journals of all PBXs, open for as long as the service runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from handlers.threads import within
from telephony.ami.settings import SystemClock
from telephony.config import Config, ConfigFaults
from telephony.journal.folder import JournalLocked
from telephony.journal.writer import Journal
from telephony.unwritable import is_passing, reason


class DiskTrouble(Exception):  # noqa: N818 - what it is
    """The disk takes nothing now, and nothing need be configured otherwise; one line with the remedy."""


def refused(place: Path, error: OSError) -> ConfigFaults | DiskTrouble:
    """What to raise when `data_dir`, or a place in it, cannot be written."""
    line = f"data_dir: {place}: {reason(error, 'name a folder we may write')}"
    return DiskTrouble(line) if is_passing(error) else ConfigFaults((line,))


def journal_folder(config: Config, pbx: str) -> Path:
    """Where the journal of a PBX is."""
    return config.data_dir / "journal" / quote(pbx, safe="")


def shut(folder: Path) -> None:
    """Make the folder of all journals, which nobody else may look into."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


async def together(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Have all done at once; of those that fail, the first one's error, when all have ended."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for job in jobs:
                tasks.create_task(job)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def closed(journal: Journal) -> None:
    """What waits is on disk, and another process may have it."""
    await within(None, journal.close)


@contextlib.asynccontextmanager
async def kept(config: Config) -> AsyncIterator[dict[str, Journal]]:
    """The journals of all PBXs, for as long as the block runs.

    Raises:
        ConfigFaults: one cannot be kept there, or another process of ours keeps it.
        DiskTrouble: none can be kept there now.
    """
    keep, most = timedelta(days=config.journal.keep_days), int(config.journal.max_gib * 2**30)
    opened: dict[str, Journal] = {}

    async def open_one(pbx: str) -> None:
        folder = journal_folder(config, pbx)
        make = partial(Journal.open, folder, keep=keep, max_bytes=most, wall=SystemClock().wall)
        try:
            opened[pbx] = await within(None, make, late=Journal.close)
        except JournalLocked as error:
            raise ConfigFaults((f"data_dir: {error}",)) from None
        except OSError as error:
            raise refused(folder, error) from None

    try:
        if config.pbx:
            shared = journal_folder(config, config.pbx[0].name).parent
            try:
                await within(None, partial(shut, shared))
            except OSError as error:
                raise refused(shared, error) from None
        # Together: each looks through its newest file first, which takes seconds where the disk is slow or just woken.
        await together(open_one(pbx.name) for pbx in config.pbx)
        yield opened
    finally:
        await together(closed(journal) for journal in opened.values())
