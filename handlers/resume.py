"""What a restart must read again of one PBX's journal: worked out once a second, marked there, read at the start.

Whatever of a call is not over, or not in the database, is rebuilt from the journal: from where the oldest such call
began. Before that stands a listing of everything, which names the phones and queues; reading begins with it. A call
that has gone on for very long and is in the database is not rebuilt, but taken up from there (`older`).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from handlers.reading import Reading
from telephony.calls.book import LiveCall

MARK = "resume"
NEEDED_FROM = "needed_from"
"""The mark by which the journal knows what must not be forgotten yet."""
LONGEST = 150_000
"""Records that a restart reads again for a call that is in the database; some seconds of reading."""
MAX_OLDER = 1_500
"""Channels that a mark names."""


@dataclass(frozen=True, slots=True)
class Resume:
    """What to read again.

    Attributes:
        start: the position to begin at.
        listed: a listing was asked for there, and nothing is known before it is complete.
        calls_from: calls that began before this position are over and in the database, but for `older`.
        saved: states that rest on positions up to this one are in the database.
        older: channels of calls that go on, began before, and are in the database.
        booted_at: when the PBX had started, as it said last.
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
            booted_at = None if booted is None else datetime.fromisoformat(booted)
            numbers = int(start), bool(listed), int(calls_from), int(saved)
            return cls(*numbers, tuple(map(str, older)), booted_at, str(place).encode())
        except (TypeError, ValueError):
            return None


def what_to_resume(reading: Reading, unsaved: tuple[int, int] | None, log_place: bytes) -> Resume:
    """What a restart must read again, should it come now.

    Args:
        reading: of the PBX; forgets the listings that no restart will need.
        unsaved: the position at which the oldest call began of which a state is not in the database, and that of the
            oldest such state.
        log_place: how far queue_log has been read.
    """
    book, nothing = reading.tracker.book, reading.position + 1
    since, state = unsaved or (nothing, nothing)
    calls = list(book.calls.values())
    # 0: taken up from the database by this process, and nowhere in the journal.
    near = (call.since for call in calls if call.since > max(0, reading.position - LONGEST))
    calls_from = min(since, min(near, default=nothing))
    older = [one for call in calls if call.since < calls_from for one in channels_of(call)]
    if len(older) > MAX_OLDER:  # no mark holds so many: rather read for longer
        calls_from, older = min(call.since for call in calls if call.since), []
    useful = [index for index, (_, complete) in enumerate(reading.listed) if complete <= calls_from]
    if useful:
        del reading.listed[: useful[-1]]
    return Resume(
        start=reading.listed[0][0] if useful else calls_from,
        listed=bool(useful),
        calls_from=calls_from,
        saved=state - 1,
        older=tuple(older),
        booted_at=book.booted_at,
        log_place=log_place,
    )


def channels_of(call: LiveCall) -> Iterable[str]:
    """All channels that what is said may name."""
    yield from {
        call.root,
        call.linkedid,
        *call.legs,
        *(visit.customer for visit in call.visits),
        *(visit.uniqueid for visit in call.past),
        *(offer.leg for visit in call.visits for offer in visit.offers),
    }
