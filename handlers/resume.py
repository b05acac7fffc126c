"""What a restart must read again of one PBX's journal: worked out once a second, marked there, read at the start.

Whatever of a call is not over, or not in the database, is rebuilt from the journal: from where the oldest such call
began. Reading begins with a listing of everything that was complete before, which names the phones and queues. A call
that has gone on for very long and is in the database is not rebuilt, but taken up from there (`older`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from handlers.reading import Beginning, Reading
from telephony.calls.book import LiveCall
from telephony.calls.record import CallRecord

MARK = "resume"
NEEDED_FROM = "needed_from"
"""The mark by which the journal knows what must not be forgotten yet."""
LONGEST = 150_000
"""Records that a restart reads again for a call that is in the database; some seconds of reading."""
ROOM = 60_000
"""Bytes of a mark for the names of channels: of the journal's limit, less the rest. At 17 characters, 2,800 of them."""


@dataclass(frozen=True, slots=True)
class Resume:
    """What to read again.

    Attributes:
        start: the position to begin at.
        listed: a listing was asked for there, and nothing is known before it is complete.
        calls_from: calls that began before this position are over and in the database, but for `older`.
        saved: states that rest on positions up to this one are in the database.
        older: channels of calls that go on, began before, and are in the database; and of those that began in no
            journal and went on behind `start`.
        booted_at: when the PBX had started, as it had said when `start` was read.
        log_place: how far queue_log was read (`Place.dump`); empty: not yet.
    """

    start: int
    listed: bool = False
    calls_from: int = 0
    saved: int = 0
    older: tuple[str, ...] = ()
    booted_at: datetime | None = None
    log_place: bytes = b""

    def dump(self) -> bytes:
        """As a mark."""
        booted = None if self.booted_at is None else self.booted_at.isoformat()
        place = self.log_place.decode("ascii", "replace")
        fields = (self.start, self.listed, self.calls_from, self.saved, self.older, booted, place)
        return json.dumps(fields).encode()

    @classmethod
    def load(cls, mark: bytes | None) -> "Resume | None":
        """What a mark says; None when there is none, or it says nothing that can be understood."""
        try:
            start, listed, calls_from, saved, older, booted, place = json.loads(mark or b"null")
            booted_at = None if booted is None else datetime.fromisoformat(booted).astimezone(UTC)
            numbers = int(start), bool(listed), int(calls_from), int(saved)
            return cls(*numbers, tuple(map(str, older)), booted_at, str(place).encode())
        except (TypeError, ValueError, OverflowError):
            return None


def what_to_resume(  # noqa: PLR0913 - the last ones have defaults
    reading: Reading,
    unsaved: tuple[int, int] | None,
    log_place: bytes,
    *,
    longest: int = LONGEST,
    room: int = ROOM,
    agents_from: int | None = None,
) -> Resume:
    """What a restart must read again, should it come now.

    Args:
        reading: of the PBX; forgets where no restart will begin.
        unsaved: the position at which the oldest call began of which a state is not in the database, and that of the
            oldest such state.
        log_place: how far queue_log has been read.
        longest: a call that began so many records ago is not rebuilt, when it is in the database.
        room: so many bytes name channels of such calls.
        agents_from: what agents did is stored up to this position, but not with it; one that is very old is forgotten.
    """
    book, nothing = reading.tracker.book, reading.position + 1
    since, state = unsaved or (nothing, nothing)
    # Those without a position were taken up from the database by this process, and are nowhere in the journal.
    rebuildable = [call for call in book.calls.values() if call.since]
    near = (call.since for call in rebuildable if call.since > reading.position - longest)
    calls_from = min(since, min(near, default=nothing))
    older = older_than(reading, calls_from)
    if len(fitting(older, room)) < len(older):  # no mark holds so many: rather read for longer
        calls_from = min([calls_from, *(call.since for call in rebuildable)])
        older = older_than(reading, calls_from)
    near_agents = agents_from is not None and agents_from > reading.position - longest
    heard_from = min(calls_from, agents_from) if agents_from is not None and near_agents else calls_from
    begin = beginning(reading.beginnings, heard_from)
    # Of a call that is not rebuilt for its age alone, a state may yet fail to be saved.
    oldest = min([heard_from, *(call.since for call in rebuildable)])
    del reading.beginnings[: reading.beginnings.index(known) if (known := beginning(reading.beginnings, oldest)) else 0]
    start = calls_from if begin is None else begin.start
    reading.from_rows = {one: seen for one, seen in reading.from_rows.items() if seen >= start}
    reading.from_rows |= dict.fromkeys(older_than(reading, 1), reading.position)
    return Resume(
        start=start,
        listed=begin is not None and begin.known > begin.start,
        calls_from=calls_from,
        saved=state - 1,
        older=fitting((*older, *reversed(reading.from_rows)), room),
        booted_at=book.booted_at if begin is None else begin.booted_at,
        log_place=log_place,
    )


def beginning(beginnings: Sequence[Beginning], calls_from: int) -> Beginning | None:
    """The last one before these calls; what was held back for a listing began no later than that was complete."""
    return next((one for one in reversed(beginnings) if one.known < calls_from), None)


def older_than(reading: Reading, calls_from: int) -> list[str]:
    """All channels of calls that began earlier: first those by which the others are recognised."""
    calls = [call for call in reading.tracker.book.calls.values() if call.since < calls_from]
    roots = [(call.root, call.linkedid) for call in calls] + [(c.uniqueid, c.linkedid) for c in reading.left_open]
    legs = [channels_of(call) for call in calls] + [channels_of_record(call) for call in reading.left_open]
    return list(dict.fromkeys(chain(*roots, *legs)))


def fitting(names: Iterable[str], room: int) -> tuple[str, ...]:
    """The first of them, each once, that so many bytes of a mark hold."""
    kept: dict[str, None] = {}
    for name in names:
        if name in kept:
            continue
        room -= len(json.dumps(name)) + len(", ")
        if room < 0:
            break
        kept[name] = None
    return tuple(kept)


def channels_of(call: LiveCall) -> Iterable[str]:
    """All channels that what is said may name."""
    yield from call.legs
    yield from (visit.uniqueid for visit in call.past)
    for visit in call.visits:
        yield visit.customer
        yield from (offer.leg for offer in visit.offers)


def channels_of_record(call: CallRecord) -> Iterable[str]:
    """The same, of a call that is only known from its row so far."""
    for visit in call.visits:
        yield visit.uniqueid
        yield from (offer.leg for offer in visit.offers)
