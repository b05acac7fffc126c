"""At the start, the ledger may know more than the journal: then the row stays, and what was rebuilt goes.

While a disk fails, or does not answer, calls are saved all the same (docs/decisions/journal.md); what they rest on is
then nowhere in the journal. Their rows are known by that: they rest on a position that was not read. And the row of a
call that is over stands unless it was over at the same position when that was read again.
"""

from collections import deque
from collections.abc import Collection, Iterable
from uuid import UUID

from handlers.reading import Reading
from handlers.recovery import Recovered, Skipping, told_of
from handlers.resume import channels_of, channels_of_record
from telephony.calls.facts import Uniqueid
from telephony.calls.record import call_id, position_of
from telephony.cases.resting import Row


def in_question(reading: Reading, found: Recovered) -> set[UUID]:
    """The calls whose rows may know more: those that came out of the journal, or will of what is held back."""
    held = told_of(reading.tracker.held or ())
    return {*found.states, *(call_id(reading.pbx, Uniqueid(channel)) for channel in held)}


def in_question_later(reading: Reading, found: Recovered) -> set[UUID]:
    """The same once the PBX is followed: also what is seen of it, but for calls that were taken up from their rows."""
    live, left_open = reading.tracker.book.calls.values(), reading.left_open
    taken_up = {call_id(reading.pbx, Uniqueid(channel)) for channel in reading.from_rows}
    taken_up |= {call.id for call in live if not call.since} | {call.id for call in left_open}
    return (in_question(reading, found) | {call.id for call in live}) - taken_up


def outlived(rows: Iterable[Row], life: int, found: Recovered) -> set[UUID]:
    """The calls of which the row knows what the journal does not.

    Args:
        rows: of calls in question.
        life: of the journal.
        found: what came out of it.
    """
    return {row.id for row in rows if row.life != life or _knows_more(row, found)}


def _knows_more(row: Row, found: Recovered) -> bool:
    call, position = found.states.get(row.id), position_of(row.revision)
    if position not in found.unread:
        # All that it rests on was read again. Of a call that did not end there this time, something was read another
        # way: somebody was handed on by one that is not rebuilt, or the row was healed.
        return call is not None and not row.is_open and position not in found.ends.get(row.id, ())
    # What was read behind a hole may go on with a call; how one ended is best known to whoever heard it.
    return call is None or not row.is_open or row.revision > call.revision


def drop(reading: Reading, found: Recovered, calls: Collection[UUID]) -> None:
    """These are as if the journal said nothing of them; nor will it to the next process, for their channels are named.

    Args:
        reading: of the PBX, before anything was performed of what was found.
        found: what came out of its journal.
        calls: a row knows more of.
    """
    book, held = reading.tracker.book, reading.tracker.held
    theirs = {one for one in told_of(held or ()) if call_id(reading.pbx, Uniqueid(one)) in calls}
    for live in [live for live in book.calls.values() if live.id in calls]:
        theirs |= {live.root, live.linkedid, *channels_of(live)}
        book.drop(live)
    for id_ in [id_ for id_ in found.states if id_ in calls]:
        call = found.states.pop(id_)
        theirs |= {call.uniqueid, call.linkedid, *channels_of_record(call)}
    for live in book.calls.values():  # somebody may have been handed from one to the other
        theirs -= {live.root, live.linkedid, *channels_of(live)}
    found.calls = [call for call in found.calls if call.id not in calls]
    if held:
        skipping = Skipping(theirs, listed=False)
        reading.tracker.held = deque(fact for fact in map(skipping, held) if fact is not None)
    reading.from_rows |= dict.fromkeys(sorted(theirs), reading.position)
