"""What outlives our process: the database, and the journal. Both in memory, with the accidents that they can have."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from telephony.calls.record import CallRecord, position_of
from telephony.journal.record import Record

Bytes = bytes
BOOT = "one boot of our machine"
GROUP = timedelta(milliseconds=20)
"""So long a record waits at most until it is on disk."""


class Journal:
    """Like `telephony.journal.writer.Journal`, as far as following needs it."""

    failing = ""
    bytes = 0
    dropped = 0
    oldest_waiting = None

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.marked: list[tuple[int, str, Bytes]] = []
        self.next = 1

    @property
    def position(self) -> int:
        """Of the last record."""
        return self.next - 1

    def append(self, source: int, mono: timedelta, offset: timedelta, data: Bytes, /) -> int:
        """Keep a record."""
        self.records.append(Record(self.next, source, mono, offset, data, BOOT))
        self.next += 1
        return self.next - 1

    def mark(self, name: str, value: Bytes, /) -> None:
        """Not before what was appended before it."""
        self.marked.append((self.position, name, value))

    def marks(self) -> dict[str, Bytes]:
        """The newest of each."""
        return {name: value for _, name, value in self.marked}

    def since(self, position: int) -> list[Record]:
        """What a restart reads."""
        return self.records[max(0, position - self.first) :] if self.records else []

    @property
    def first(self) -> int:
        """Position of the first record that is kept."""
        return self.records[0].position if self.records else self.next

    def durable(self, now: timedelta) -> int:
        """Up to where it is on disk for certain."""
        position = self.position
        for record in reversed(self.records):
            if record.mono <= now - GROUP:
                break
            position = record.position - 1
        return position

    def crash(self, now: timedelta, kept: float) -> None:
        """kill -9: of what was not yet durable, only some is on disk."""
        durable = self.durable(now)
        last = durable + int((self.position - durable) * kept)
        while self.records and self.records[-1].position > last:
            self.records.pop()
        self.marked = [mark for mark in self.marked if mark[0] <= last]
        self.next = last + 1


@dataclass
class Database:
    """The newest revision of each call. `away`: nothing reaches it. `waiting`: states, and where the oldest stands."""

    kept: dict[UUID, CallRecord] = field(default_factory=dict)
    waiting: dict[UUID, tuple[CallRecord, int]] = field(default_factory=dict)
    away: bool = False

    def put(self, call: CallRecord) -> None:
        """Like `handlers.saver.Saver.put`."""
        known = self.waiting.get(call.id)
        first = position_of(call.revision) if known is None else known[1]
        self.waiting[call.id] = call, first

    def unsaved(self, _pbx: str) -> tuple[int, int] | None:
        """Like `handlers.saver.Saver.unsaved`."""
        theirs = [(call.since, first) for call, first in self.waiting.values() if call.since]
        return (min(since for since, _ in theirs), min(first for _, first in theirs)) if theirs else None

    def flush(self, durable: int) -> None:
        """Write what rests on what is durable, if it can be."""
        if self.away:
            return
        for call, _ in list(self.waiting.values()):
            if position_of(call.revision) <= durable:
                before = self.kept.get(call.id)
                if before is None or before.revision < call.revision:
                    self.kept[call.id] = replace(call, since=0)
                del self.waiting[call.id]

    def open_calls(self, known: set[UUID]) -> list[CallRecord]:
        """What earlier processes left open, and nobody rebuilt."""
        undecided = (call for call in self.kept.values() if call.id not in known)
        return [
            call for call in undecided if call.ended_at is None or any(visit.outcome is None for visit in call.visits)
        ]


@dataclass
class Disk:
    """All of it. `log_read`: lines of queue_log that were read."""

    database: Database = field(default_factory=Database)
    journal: Journal = field(default_factory=Journal)
