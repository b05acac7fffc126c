"""Appending to a journal from the event loop; a thread of its own writes and tells what is on disk.

The thread takes all that waits, commits it, and looks again: what comes meanwhile is the next group. Between the
beginnings of two commits lie 5 ms, so that a trickle costs 200 fsyncs a second and no more.
"""

import asyncio
import sqlite3
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event, Thread

import structlog

from telephony.backoff import Backoff
from telephony.journal.disk import RESERVE, Disk, Limits
from telephony.journal.failures import told
from telephony.journal.folder import End, Held, JournalLocked, hold
from telephony.journal.opening import find
from telephony.journal.waiters import Waiters
from telephony.journal.waiting import MAX_MARKS, Batch, Waiting

__all__ = ["Journal", "JournalLocked"]

PACE = 0.005
"""Seconds between the beginnings of two commits."""
HOUSEKEEPING = 10.0
"""Seconds between two looks at age and size."""
PATIENCE = timedelta(seconds=5)
"""Without a word from the disk; then nobody waits for it any more."""
_SLICES = 5
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Journal:
    """The journal of one PBX, open for writing. Made by `open`; everything but `close` is for the event loop.

    Args:
        held: the folder.
        disk: its files.
        position: the last one before.
        max_waiting_bytes: see `open`.
        patience: how long anybody waits for a disk that does not answer.

    Attributes:
        refused_marks: how many could not be kept, whatever the disk.
    """

    def __init__(
        self, held: Held, disk: Disk, position: int, max_waiting_bytes: int, patience: timedelta = PATIENCE
    ) -> None:
        self._held, self._disk = held, disk
        self._waiting = Waiting(position, max_waiting_bytes)
        self._patience = patience
        self._found = dict(disk.marks)
        self._failing = ""
        self._stalled = False
        self._waiters = Waiters(self._nobody_waits)
        self._wake, self._stop = Event(), Event()
        self._backoff = Backoff(0.1, 5.0, Random())  # noqa: S311 - jitter is no secret
        self._begun = float("-inf")
        self._log = structlog.get_logger().bind(folder=str(held.folder))
        self._told_dropped = 0
        self._told_refused: set[str] = set()
        self.refused_marks = 0
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        # In the writer's, a thousand questions to the kernel would come between two commits.
        self._house = Thread(target=self._keep_house, name="journal-house", daemon=True)

    @classmethod
    def open(  # noqa: PLR0913 - each has a default, and all have names
        cls,
        folder: Path,
        *,
        keep: timedelta = timedelta(days=7),
        max_bytes: int = 8 * 2**30,
        max_waiting_bytes: int = 64 * 2**20,
        wall: Callable[[], datetime],
        boot_id: str | None = None,
    ) -> "Journal":
        """Take the folder, check its newest file, go on behind it. Blocks.

        Args:
            folder: of this PBX alone; made if need be, 0700.
            keep: files are unlinked when all in them is older.
            max_bytes: of all files; beyond it, the oldest are unlinked.
            max_waiting_bytes: what may wait for the disk in memory.
            wall: the time of day, with a zone; names the files.
            boot_id: of the machine; None asks the kernel.

        Raises:
            JournalLocked: another process has it.
            OSError: the folder can be neither made nor opened.
        """
        held = hold(folder)
        try:
            boot = this_boot() if boot_id is None else boot_id
            disk = Disk(held, boot, Limits(keep, max_bytes), wall, {})
            position = find(held, disk, boot)
            held.begin(position + RESERVE)
            journal = cls(held, disk, position, max_waiting_bytes)
        except BaseException:
            held.release()
            raise
        journal.start()
        return journal

    def start(self) -> None:
        """Begin to write; `open` has said so."""
        self._thread.start()
        self._house.start()

    @property
    def life(self) -> int:
        """Drawn when the folder was first made: positions of two lives have nothing to do with each other."""
        return self._held.life

    @property
    def position(self) -> int:
        """Of the last record appended, by whichever process; 0 when there was none."""
        return self._waiting.position

    @property
    def durable(self) -> int:
        """All records up to here are on disk, or known to be dropped."""
        return self._waiting.durable

    @property
    def failing(self) -> str:
        """What, where and the remedy, in one line; empty while all is well."""
        age = self.oldest_waiting
        if not self._failing and (self._stalled or (age is not None and age > self._patience)):
            return told(self._held.folder, TimeoutError())
        return self._failing

    @property
    def dropped(self) -> int:
        """Records that could not be written, since the journal was opened."""
        return self._waiting.dropped

    @property
    def damaged(self) -> int:
        """Files that had to be set aside, since the journal was opened."""
        return self._disk.damaged

    @property
    def oldest_waiting(self) -> timedelta | None:
        """Age of the oldest record that is not durable; None when all are."""
        age = self._waiting.age
        return None if age is None else timedelta(seconds=age)

    def append(self, source: int, mono: timedelta, offset: timedelta, data: bytes) -> int:
        """Hand one record to the thread; its position. Never waits, and never raises: what cannot be kept is counted.

        Args:
            source: 0 to 255.
            mono: our monotonic clock when it was read.
            offset: what to add to `mono` for the PBX's time since 1970.
            data: what was read.
        """
        position = self._waiting.put(source, mono, offset, data)
        self._rouse()
        return position

    def skip_to(self, position: int) -> None:
        """Give out no position up to this one any more: something rests on it, though the disk never got it."""
        self._waiting.skip_to(position)

    def mark(self, name: str, value: bytes) -> None:
        """Keep a small value under a name; the newest wins. On disk no sooner than what was appended before it.

        Never raises: one that is too large, or one too many, is counted, and what was kept under its name stays.
        """
        try:
            self._waiting.mark(name, value)
        except ValueError as error:
            self.refused_marks += 1
            if name not in self._told_refused and len(self._told_refused) < MAX_MARKS:
                self._told_refused.add(name)
                self._log.error("journal_mark_refused", reason=str(error))
            return
        self._rouse()

    def marks(self) -> dict[str, bytes]:
        """As they were when the journal was opened."""
        return dict(self._found)

    async def synced(self, position: int) -> None:
        """Wait until `durable` is so high, or until nobody may wait for the disk any longer."""
        position = min(position, self.position)  # nobody waits for what was not said
        future = self._waiters.add(position)
        if future is None:
            return
        # In slices: should the whole process have stood still, one of them has passed and not all.
        for _ in range(_SLICES):
            await asyncio.wait({future}, timeout=self._patience.total_seconds() / _SLICES)
            if future.done():
                return
        if not self._nobody_waits(position):
            self._stalled = True
            self._log.error("journal_failing", reason=self.failing)
            self._waiters.release()

    def close(self, limit: float = 2.0) -> None:
        """Write what waits, end the thread, let the folder go. Blocks; may be said again.

        Args:
            limit: seconds; a disk that takes longer keeps the folder until the process ends.
        """
        self._stop.set()
        self._wake.set()
        until = time.monotonic() + limit
        self._thread.join(limit)
        self._house.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive() or self._house.is_alive():
            self._log.error("journal_not_closed", reason=f"the disk has not answered for {limit:g} s")
        else:
            self._held.release()
        self._waiters.release()

    def _rouse(self) -> None:
        if not self._wake.is_set():
            self._wake.set()

    def _nobody_waits(self, position: int) -> bool:
        return self._waiting.durable >= position or bool(self._failing) or self._stalled

    # The thread.

    def _run(self) -> None:
        while True:
            stopping = self._stop.is_set()
            self._wake.clear()
            self._write_all()
            if stopping:
                break
            self._wake.wait()
            pause = self._begun + PACE - time.monotonic()
            if pause > 0 and not self._waiting.is_large:
                self._stop.wait(pause)
        self._waiting.end()
        self._disk.close()
        with suppress(OSError):
            self._held.write(self._waiting.position, End.SHUT)

    def _write_all(self) -> None:
        while (batch := self._waiting.take()) is not None:
            self._begun = time.monotonic()
            written = self._write(batch)
            self._waiting.settle(written=written)
            self._waiters.release()
            if not written and self._stop.is_set():
                return

    def _write(self, batch: Batch) -> bool:
        """Until it is on disk, the end is near, or something is wrong with it that no disk can help."""
        while True:
            stopping = self._stop.is_set()
            try:
                self._disk.write([piece.group() for piece in batch.pieces], batch.marks, self._waiting.position)
            except (OSError, sqlite3.Error) as error:
                self._fails(error)
            except Exception as error:  # noqa: BLE001 - a fault of ours may cost a group, never the thread
                self._tell_fault(error, batch)
                return False
            else:
                self._works()
                return True
            if stopping:
                return False
            self._stop.wait(self._backoff.next())

    def _tell_fault(self, error: Exception, batch: Batch) -> None:
        """Without its text and its locals, which may hold what callers said."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        records = sum(piece.count for piece in batch.pieces)
        self._log.error("journal_group_unwritable", error=type(error).__name__, where=where, records=records)

    def _fails(self, error: OSError | sqlite3.Error) -> None:
        with suppress(OSError):
            self._disk.reserve(self._waiting.position, End.LOST)
        reason = told(self._held.folder, error)
        if reason != self._failing:
            self._log.error("journal_failing", reason=reason)
        self._failing = reason
        self._waiters.release()

    def _works(self) -> None:
        if self._failing or self._stalled:
            self._log.info("journal_works_again", dropped=self._waiting.dropped)
        self._failing, self._stalled = "", False
        self._backoff.reset()

    def _keep_house(self) -> None:
        over = False
        while not over:
            over = self._stop.is_set()
            if self._waiting.dropped > self._told_dropped:
                self._told_dropped = self._waiting.dropped
                self._log.error("journal_records_dropped", dropped=self._told_dropped)
            try:
                self._disk.keep_house()
            except Exception as error:  # noqa: BLE001 - it is tried again
                self._log.warning("journal_housekeeping_failed", reason=str(error)[:200])
            self._stop.wait(HOUSEKEEPING)

    @property
    def bytes(self) -> int:  # last, for in a class body this name hides the type
        """On disk, all files, as last looked; seconds old at most."""
        return self._disk.bytes


def this_boot() -> str:
    """This machine's boot, as the kernel names it: monotonic clocks compare within one; empty where nobody says."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
