"""What PBXs that are not configured any more have left: told once, closed after a day, pruned when its time is over."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import structlog

from handlers.database import AWAY, trouble
from handlers.journals import journal_folder
from handlers.threads import within
from telephony.cases.closing import Unfollowed
from telephony.config import Config
from telephony.journal.files import JournalFile, listing
from telephony.journal.folder import JournalLocked, hold

EVERY = 3600.0
"""Seconds."""
READ_SECONDS = 60.0
"""How long looking through the folders may take."""
RENAMED = "if it was renamed, docs/operators-guide.md says how its calls are kept; else none"
log = structlog.get_logger(__name__)


class Leftovers:
    """Of PBXs that are not configured.

    Args:
        config: checked.
        close: closes the calls that have been open for long, of PBXs other than these, by our clock's time.
        now: the wall clock.
    """

    def __init__(
        self,
        config: Config,
        close: Callable[[list[str], datetime], Awaitable[Unfollowed]],
        now: Callable[[], datetime],
    ) -> None:
        self._close, self._now = close, now
        self._pbxs = [pbx.name for pbx in config.pbx]
        self._folder = config.data_dir / "journal"
        self._ours = {journal_folder(config, name) for name in self._pbxs}
        self._keep = timedelta(days=config.journal.keep_days)
        self._told: set[str] = set()
        self._old: set[JournalFile] = set()

    async def run(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look now and once an hour, until cancelled; whatever fails is only told.

        Args:
            pause: waits so many seconds; handed in so that tests need no time.
        """
        while True:
            try:
                await self._look()
            except AWAY as error:
                log.warning("leftovers_not_seen", error=trouble(error), remedy="none: tried again in an hour")
            except Exception:  # whatever it is, the PBXs are measured
                log.exception("leftovers_not_seen")
            await pause(EVERY)

    async def _look(self) -> None:
        found = await self._close(self._pbxs, self._now())
        for pbx, calls in sorted(found.closed.items()):
            log.warning("calls_closed", pbx=pbx, calls=calls, reason="nobody has followed this PBX for a day")
        for pbx, calls in sorted(found.open.items()):
            self._tell(f"calls {pbx}", "pbx_not_configured", pbx=pbx, open_calls=calls, remedy=RENAMED)
        await within(READ_SECONDS, partial(self._look_at_folders, found.now))

    def _look_at_folders(self, now: datetime) -> None:
        seen: set[JournalFile] = set()
        with suppress(FileNotFoundError):
            for folder in sorted(set(self._folder.iterdir()) - self._ours):
                if folder.is_dir() and not folder.is_symlink() and (files := listing(folder)):
                    size = sum(file.size() for file in files)
                    name = unquote(folder.name)
                    told = {"pbx": name, "folder": str(folder), "bytes": size, "days": self._keep.days}
                    self._tell(f"folder {name}", "journal_of_no_pbx", **told, remedy=RENAMED)
                    old = {file for file in files if file.ended + self._keep < now}
                    _prune(folder, sorted(old & self._old))  # a clock that runs ahead for a while takes nothing away
                    seen |= old
        self._old = seen

    def _tell(self, what: str, event: str, **words: object) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning(event, **words)


def _prune(folder: Path, old: list[JournalFile]) -> None:
    """Unlink these, unless another process works in that folder."""
    if not old:
        return
    try:
        held = hold(folder)
    except JournalLocked:
        return
    try:
        for file in old:
            file.unlink()
            log.info("journal_file_unlinked", folder=str(folder), file=file.path.name, reason="age")
    finally:
        held.release()
